-- `sluice schedule list | history | why | trigger | pause | resume | backfill` as a person meets them. The spec is the daemon.
local project = require "support.schedules"
local task = require "sluice.task"
local time = require "sluice.time"

local CONFIG = [[
  delta: { recipe: r.lua, cron: "TZ=Europe/Berlin\n0 * * * *", args: { to: feed, full: false } }
  off: { recipe: r.lua, every: 15m, enabled: false }]]

local HOUR, DAY = 3600, 86400

describe("sluice schedule", function()
  local s, now, hour
  before_each(function()
    s, now = project.new(CONFIG), time.now() // 1
    hour = now - now % HOUR
  end)
  after_each(function() s:stop() end)

  local function fails(words, code, ...)
    local done = s:sluice(words)
    local shown = type(words) == "table" and table.concat(words, " ") or words
    assert.equal(code, done.status, shown .. "\n" .. done.stderr)
    assert.equal("", done.stdout, shown)
    assert.not_matches("traceback", done.stderr)
    for _, said in ipairs { ... } do assert.matches(said, done.stderr) end
  end

  local function rfc(at) return s.schedules.delta.spec:format(at) end

  it("lists, without a store as well", function()
    local done = s:sluice "schedule list"
    assert.equal(0, done.status, done.stderr)
    assert.matches("^schedule  state     next  .*\ndelta     idle      %S+ .*\noff       disabled  %-  ", done.stdout)
    assert.matches("no daemon is running: nothing starts until `sluice serve` does\n$", done.stderr)
    assert.is_nil(io.open(s.dir .. "/state.db"))
    s:take_up("delta", hour - 9 * HOUR)
    s:ran("delta", hour - 3 * HOUR)
    s:plan("delta", { { due = hour - 2 * HOUR, state = "skipped", reason = "overlap" } })
    s:ran("delta", hour - HOUR, { outcome = "failed", note = "exit code 1: it failed" }, { failures = 1 })
    done = s:sluice "schedule list"
    assert.matches("\ndelta     failing   .*  failed  .* s +%.sF\n", done.stdout)
    assert.matches("^delta: its last run, due %S+ %S+: failed: exit code 1: it failed\n$", done.stderr)
    local all = s:sluice("schedule list --json").data
    assert.same({ 2, "failing", "failed", 3 }, { #all, all[1].state, all[1].last.word, #all[1].recent })
    for line in done.stdout:gmatch "[^\n]+" do assert.is_true(utf8.len(line) <= 100, line) end
  end)

  it("says what is wrong with names and words, and the cure", function()
    fails("schedule list x", 2, "list takes no words, not 'x'")
    fails("schedule lst", 2, "there is no 'lst' %(did you mean 'list'%?%)")
    fails("schedule", 2, "what about it%? one of backfill, explain, history")
    fails("schedule why delt --at now", 1, "there is no schedule 'delt' in sluice.yaml %(did you mean 'delta'%?%)", "hint: known: delta, off")
    fails("schedule why delta", 2, "%-%-at TIME is missing")
    fails("schedule why delta --at tomorrow", 2, "'tomorrow' is no time", "write it like 2026%-11%-28T10:00:00%+01:00")
    fails("schedule history", 2, "which schedule%?", "sluice schedule list")
    fails("schedule history delta --only skiped", 2, "one of ok, .*did you mean 'skipped'")
    fails("schedule pause delta", 1, "no daemon has taken up the schedule 'delta' yet", "start `sluice serve`")
    fails("schedule trigger delta", 1, "no daemon has taken up the schedule 'delta' yet")
    fails("schedule trigger", 2, "which schedule")
    s:config ""
    fails("schedule why delta --at now", 1, "there is no schedule 'delta'", "add it below `schedules:`")
    assert.matches("sluice.yaml has no schedules", s:sluice("schedule list").stderr)
  end)

  it("shows the history, by words and times", function()
    assert.matches("nothing is recorded of delta\n", s:sluice("schedule history delta").stderr)
    s:take_up("delta", hour - 9 * HOUR)
    s:ran("delta", hour - 3 * HOUR)
    s:plan("delta", { { due = hour - 2 * HOUR, state = "skipped", reason = "paused" } })
    local done = s:sluice "schedule history delta"
    assert.matches("^due +run  took +what became of it\n%S+ .*%-    %-     skipped: the schedule was paused\n.* 1    .*  ok: it ran for [^\n]*\n$",
      done.stdout)
    local list = s:sluice({ "schedule", "history", "delta", "--json", "--only", "ok", "--from", "3d", "-n", "5" }).data
    assert.same({ 1, "ok", rfc(hour - 3 * HOUR) }, { #list, list[1].word, list[1].due })
    done = s:sluice "schedule history delta --to 2001-01-01"
    assert.same({ 0, "", "nothing is recorded of delta that fits\n" }, { done.status, done.stdout, done.stderr })
  end)

  it("says why", function()
    s:take_up("delta", hour - 9 * HOUR)
    s:plan("delta", { { due = hour - HOUR, state = "skipped", reason = "overlap" } }, { seen = hour })
    local done = s:sluice { "schedule", "why", "delta", "--at", rfc(hour - HOUR) }
    assert.equal(("delta, due %s\nSkipped: the run before it was still going.\n"):format(rfc(hour - HOUR)), done.stdout)
    done = s:sluice { "schedule", "why", "delta", "--at", rfc(hour - HOUR + 60) }
    assert.matches("is no due time of delta; the nearest are .*\nbefore  " .. rfc(hour - HOUR):gsub("%p", "%%%0") .. "\nafter   "
      .. rfc(hour):gsub("%p", "%%%0") .. "\n$", done.stdout)
    local one = s:sluice({ "schedule", "why", "delta", "--at", rfc(hour - HOUR), "--json" }).data
    assert.same({ true, "skipped", "overlap" }, { one.due, one.fates[1].word, one.fates[1].reason })
  end)

  it("pauses with a note and an end, and resumes", function()
    s:take_up("delta", hour)
    local done = s:sluice { "schedule", "pause", "delta", "--until", "2h", "--note", "the shop is moved" }
    assert.equal(0, done.status, done.stderr)
    assert.matches("^delta is paused until [%d: -]+ %(the shop is moved%); due times until then are skipped\n$", done.stdout)
    local row = s.store:schedule "delta"
    assert.same({ "person", "the shop is moved", true }, { row.paused_by, row.pause_note, math.abs(row.paused_until - now - 2 * HOUR) < 60 })
    assert.matches("\ndelta     paused ", s:sluice("schedule list").stdout)
    assert.matches("delta is paused until .*: the shop is moved\n", s:sluice("schedule list").stderr)
    done = s:sluice "schedule resume delta"
    assert.matches("^delta goes on; it is due ", done.stdout)
    assert.matches("^delta was not paused; it is due ", s:sluice("schedule resume delta").stdout)
    assert.matches("until `sluice schedule resume delta`", s:sluice("schedule pause delta").stdout)
    assert.equal("paused", s:sluice("schedule pause delta --json").data.state)
    fails({ "schedule", "pause", "delta", "--until", "2001-01-01 10:00" }, 2, "%-%-until: 2001%-01%-01T10:00:00%+01:00 is over")
    s:leave()
    assert.matches("no daemon is running: it goes on when `sluice serve` does", s:sluice("schedule resume delta").stderr)
  end)

  it("triggers with arguments and a note", function()
    s:take_up("delta", hour)
    local done = s:sluice { "schedule", "trigger", "delta", "full:=true", "extra=1", "--note", "asked for by Ann" }
    assert.equal(0, done.status, done.stderr)
    assert.same({ "delta: triggered, occurrence 1\n", "" }, { done.stdout, done.stderr })
    local row = s.store:occurrence(1)
    assert.same({ "manual", "waiting", "asked for by Ann" }, { row.kind, row.state, row.note })
    assert.same({ full = true, extra = "1" }, require("sluice.json").decode(row.args))
    assert.is_nil(s.store:occurrence(s:sluice("schedule trigger delta --json").data.id).args)
    s:leave()
    assert.matches("no daemon is running: it starts when `sluice serve` does", s:sluice("schedule trigger delta").stderr)
    fails("schedule trigger delta --wait", 1, "no daemon is running, so there is no end to wait for; nothing was triggered")
    assert.equal(3, #s.store:occurrences { kind = "manual" })
    fails("schedule trigger delta x", 2, "'x' is not an argument")
    fails("schedule trigger delta api_token=hush", 2, "argument 'api_token' is a secret, which would stay in the store")
  end)

  it("waits for the end of what it triggered, and has its exit code", function()
    s:take_up("delta", hour)
    for code, how in pairs {
      [0] = { outcome = "ok" }, [3] = { outcome = "partial" }, [5] = { outcome = "failed", exit_code = 5, note = "exit code 5: no route" },
    } do
      local done
      local waiter = task.spawn(function() done = s:sluice "schedule trigger delta --wait" end)
      local open
      repeat
        task.sleep(0.05)
        open = s.store:occurrences { open = true }[1]
      until open
      s:finish(open.id, select(2, s:start("delta", open.id)), how)
      waiter:wait()
      assert.same({ code, true }, { done.status, done.stdout:find("delta: " .. how.outcome, 1, true) == 1 }, done.stdout .. done.stderr)
    end
  end)

  describe("backfill", function()
    local function span(more)
      local words = { "schedule", "backfill", "delta", "--from", rfc(hour - 5 * HOUR), "--to", rfc(hour - HOUR) }
      for word in (more or ""):gmatch "%S+" do words[#words + 1] = word end
      return words
    end

    it("runs what did not run, says what it leaves out", function()
      s:take_up("delta", hour - 9 * HOUR)
      s:ran("delta", hour - 4 * HOUR)
      s:ran("delta", hour - 3 * HOUR, { outcome = "failed" })
      s:wait("delta", hour - 2 * HOUR)
      local done = s:sluice(span "--dry-run")
      assert.equal(table.concat({ rfc(hour - 5 * HOUR) .. "  runs", rfc(hour - 3 * HOUR) .. "  runs", rfc(hour - HOUR) .. "  runs",
        rfc(hour - 4 * HOUR) .. "  left out: it ran and was ok", rfc(hour - 2 * HOUR) .. "  left out: it waits to run already",
        "delta: 3 would run, 2 left out\n" }, "\n"), done.stdout)
      assert.same({}, s.store:occurrences { kind = "backfill" })
      local result = s:sluice(span "--parallel 2 --json").data
      assert.same({ 3, 2, false }, { result.count, #result.left_out, result.dry_run })
      local rows = s.store:occurrences { kind = "backfill" }
      assert.same({ 3, hour - 5 * HOUR, 2, result.batch, "waiting" }, { #rows, rows[1].due, rows[1].parallel, rows[1].batch, rows[1].state })
      done = s:sluice(span())
      assert.equal("delta: 0 will run, 5 left out\n", done.stdout)
      assert.matches("nothing to run: it waits to run already; %-%-again runs those that were ok once more", done.stderr)
      assert.equal(1, s:sluice(span "--again --json").data.count)
    end)

    it("refuses spans without a due time, the wrong way round, without end, and leaves the future out", function()
      s:take_up("delta", hour)
      local empty = { "schedule", "backfill", "delta", "--from", rfc(hour + 60), "--to", rfc(hour + 120) }
      fails(empty, 2, "delta has no due time from", "the next one is")
      fails({ "schedule", "backfill", "delta", "--from", "2h", "--to", "3h" }, 2, "%-%-to %(.*%) is before %-%-from")
      fails({ "schedule", "backfill", "delta", "--from", "2h" }, 2, "%-%-to TIME is missing")
      fails({ "schedule", "backfill", "delta", "--from", "900d", "--to", "now" }, 2, "due times .* are more than 10000", "give a shorter span")
      fails({ "schedule", "backfill", "delta", "--from", "2h", "--to", "1h", "--parallel", "0" }, 2, "whole number from 1 to 1000, not '0'")
      local result = s:sluice({ "schedule", "backfill", "delta", "--from", rfc(hour), "--to", rfc(hour + 2 * HOUR), "--json", "--dry-run" }).data
      assert.same({ 1, "it is to come" }, { result.count, result.left_out[1].why })
    end)

    it("says that nothing starts where no daemon is running", function()
      s:take_up("delta", hour - DAY)
      s:leave()
      assert.matches("no daemon is running: they start when `sluice serve` does", s:sluice(span()).stderr)
    end)
  end)
end)
