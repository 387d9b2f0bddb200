-- What follows from the end of a run.
local ending = require "sluice.schedule.ending"
local ticks = require "support.ticks"

local NOW = 3600 * 1000 + 100

local function decide(result, fields)
  fields = fields or {}
  local s = { name = "delta", spec = ticks.every(3600), overlap = "skip", retry = { attempts = 3, backoff = 30 } }
  for key, value in pairs(fields.schedule or {}) do s[key] = value end
  if fields.schedule and fields.schedule.retry == false then s.retry = nil end
  local one = { id = 5, kind = fields.kind or "timed", attempt = fields.attempt or 1, due = 3600 * 1000 }
  return ending.decide {
    schedule = s, row = fields.row or { failures = 0 }, open = fields.open or {}, occurrence = one, result = ending.of(result), now = NOW,
  }
end

describe("an end", function()
  it("is told from exit code, signal and what we did", function()
    for _, case in ipairs {
      { { status = 0 }, "ok" }, { { status = 3 }, "partial" }, { { status = 1 }, "failed" }, { { status = 8 }, "failed" },
      { { status = 143, signal = 15 }, "failed" }, { { status = 143, reason = "timeout" }, "timed_out" },
      { { status = 137, signal = 9, reason = "timeout" }, "timed_out" }, { { status = 143, reason = "cancel" }, "cancelled" },
      { { status = 143, reason = "drain" }, "stopped" }, { { status = 137, signal = 9, reason = "drain" }, "stopped" },
      { { status = 0, reason = "cancel" }, "ok" }, { { lost = true }, "lost" }, { { status = 130 }, "failed" },
    } do
      assert.equal(case[2], ending.of(case[1]).outcome)
    end
    assert.matches("exit code 5: remote unavailable", ending.of({ status = 5 }).text)
    assert.equal("exit code 1: /r/bad.lua:1: boom", ending.of({ status = 1, said = "/r/bad.lua:1: boom\n  at: there" }).text)
    assert.equal("exit code 1: it failed", ending.of({ status = 1, said = "" }).text)
    local long = ending.of({ status = 4, said = ("ü"):rep(150) }).text
    assert.equal("exit code 4: " .. ("ü"):rep(98) .. "…", long)
    assert.matches("^exit code 4: \xff+…$", ending.of({ status = 4, said = ("\xff"):rep(300) }).text)
    assert.matches("signal 11", ending.of({ status = 139, signal = 11 }).text)
  end)

  it("after a restart goes back to wait, and the attempt does not count", function()
    local how, change = decide({ status = 143, reason = "drain" }, { attempt = 3 })
    assert.same({ again = NOW, note = "stopped by a restart", counts = false }, how)
    assert.same({}, change)
  end)
end)

describe("another attempt", function()
  it("comes after a backoff that doubles, up to its cap", function()
    local how = decide { status = 1 }
    assert.same({ again = NOW + 30, counts = true, outcome = "failed", note = "exit code 1: it failed" }, how)
    assert.equal(NOW + 60, decide({ status = 1 }, { attempt = 2 }).again)
    assert.equal(NOW + 45, decide({ status = 1 }, { attempt = 2, schedule = { retry = { attempts = 3, backoff = 30, max_backoff = 45 } } }).again)
    assert.equal(3600, ending.backoff({ backoff = 30 }, 1000))
  end)

  it("is made where a pause is over that no daemon has cleared away yet", function()
    assert.equal(NOW + 30, decide({ status = 1 }, { row = { failures = 0, paused = NOW - 100, paused_until = NOW - 1 } }).again)
    assert.is_nil(decide({ status = 1 }, { row = { failures = 0, paused = NOW - 100, paused_until = NOW + 1 } }).again)
  end)

  it("that was the last one pauses such a schedule again, and without an end", function()
    local _, change = decide({ status = 1 }, { attempt = 3, schedule = { pause_on_failure = 1 },
      row = { failures = 0, paused = NOW - 100, paused_until = NOW - 1, paused_by = "person" } })
    assert.same({ NOW, false, "failures" }, { change.paused, change.paused_until, change.paused_by })
  end)

  it("is not made after the last one, after success, and after a cancel", function()
    assert.matches("after 3 attempts", decide({ status = 1 }, { attempt = 3 }).note)
    for _, result in ipairs { { status = 0 }, { status = 3 }, { status = 143, reason = "cancel" } } do assert.is_nil(decide(result).again) end
  end)

  it("is made after the errors that are named, else after all that may pass", function()
    local only = { retry = { attempts = 3, errors = { "network", "locked" } } }
    for status, again in pairs { [1] = false, [4] = false, [5] = true, [6] = false, [8] = true } do
      assert.equal(again, decide({ status = status }, { schedule = only }).again ~= nil, status)
    end
    for status, again in pairs { [1] = true, [2] = false, [4] = true, [5] = true, [6] = true, [7] = false, [8] = true } do
      assert.equal(again, decide({ status = status }).again ~= nil, status)
    end
    assert.is_truthy(decide({ status = 7 }, { schedule = { retry = { attempts = 2, errors = { "ambiguous" } } } }).again)
    assert.is_truthy(decide({ lost = true }).again)
    assert.is_truthy(decide({ status = 143, reason = "timeout" }, { schedule = { retry = { attempts = 2, errors = { "timeout" } } } }).again)
  end)

  it("never delays the next due time", function()
    local how = decide({ status = 1 }, { schedule = { retry = { attempts = 3, backoff = 3500 } } })
    assert.same({ state = "ran", outcome = "failed", note = "exit code 1: it failed; not repeated: the next time is due first" }, how)
    assert.is_truthy(decide({ status = 1 }, { schedule = { retry = { attempts = 3, backoff = 3499 } } }).again)
    local late = { retry = { attempts = 3, backoff = 3500 } }
    assert.is_truthy(decide({ status = 1 }, { kind = "manual", schedule = late }).again)
    late.overlap = "allow"
    assert.is_truthy(decide({ status = 1 }, { schedule = late }).again)
  end)

  it("is not made where the next one waits already, or the schedule is paused", function()
    local open = { { id = 6, kind = "timed", state = "waiting" } }
    assert.matches("waits already", decide({ status = 1 }, { open = open }).note)
    assert.matches("paused", decide({ status = 1 }, { row = { failures = 0, paused = 5 } }).note)
  end)
end)

describe("failures in a row", function()
  it("count the last attempts of timed and manual runs, and a good one forgets them", function()
    assert.same({ failures = 3 }, select(2, decide({ status = 1 }, { attempt = 3, row = { failures = 2 } })))
    assert.same({}, select(2, decide({ status = 1 }, { attempt = 1, row = { failures = 2 } })))
    assert.same({ failures = 0 }, select(2, decide({ status = 3 }, { row = { failures = 2 } })))
    assert.same({}, select(2, decide({ status = 0 })))
    assert.same({}, select(2, decide({ status = 1 }, { attempt = 3, kind = "backfill", row = { failures = 2 } })))
    assert.same({}, select(2, decide({ status = 143, reason = "cancel" }, { row = { failures = 2 } })))
  end)

  it("pause the schedule at pause_on_failure, and say so", function()
    local s = { retry = false, pause_on_failure = 3 }
    assert.same({ failures = 2 }, select(2, decide({ lost = true }, { schedule = s, row = { failures = 1 } })))
    assert.same({ failures = 3, paused = NOW, paused_by = "failures", pause_note = "3 failures in a row" },
      select(2, decide({ status = 1 }, { schedule = s, row = { failures = 2 } })))
    assert.same({ failures = 3 }, select(2, decide({ status = 1 }, { schedule = s, row = { failures = 2, paused = 9 } })))
  end)
end)
