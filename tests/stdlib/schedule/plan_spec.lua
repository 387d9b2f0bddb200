-- What becomes of a due time, with a given clock: one fate for each, by every policy.
local plan = require "sluice.schedule.plan"
local ticks = require "support.ticks"

local HOUR, BASE = 3600, 1000 * 3600 -- BASE is a due time of all the specs here

local function schedule(fields)
  local s = { name = "delta", text = "hourly", spec = ticks.every(HOUR), overlap = "skip", catchup = "latest" }
  for key, value in pairs(fields or {}) do s[key] = value end
  return s
end

local function store_row(fields)
  local row = { name = "delta", version = 7, spec = "hourly", seen = BASE - HOUR, failures = 0 }
  for key, value in pairs(fields or {}) do row[key] = value end
  return row
end

local next_id = 0
local function occurrence(fields)
  next_id = next_id + 1
  local row = { id = next_id, schedule = "delta", due = BASE - HOUR, kind = "timed", state = "waiting", count = 1, attempt = 0, fence = 0 }
  for key, value in pairs(fields) do row[key] = value end
  return row
end

local function running(fields)
  local row = occurrence { state = "running", attempt = 1, started = BASE - HOUR }
  for key, value in pairs(fields or {}) do row[key] = value end
  return row
end

local function decide(fields)
  fields.schedule = schedule(fields.schedule)
  fields.row = store_row(fields.row)
  fields.open = fields.open or {}
  fields.now = fields.now or BASE + 1
  local last = fields.last
  fields.last = function() return last end
  return plan.decide(fields)
end

-- A row in short: "skipped overlap 0" (the due time in hours from BASE), "missed catchup -9..-1 x9".
local function short(row)
  local text = ("%s%s %g"):format(row.state, row.reason and " " .. row.reason or "", (row.due - BASE) / HOUR)
  if row["until"] then text = ("%s..%g x%d"):format(text, (row["until"] - BASE) / HOUR, row.count) end
  return text
end

local function fates(change)
  local list = {}
  for i, row in ipairs(change and change.rows or {}) do list[i] = short(row) end
  return list
end

describe("a due time", function()
  it("waits for its start where nothing else goes on", function()
    local change = decide {}
    assert.same({ "waiting 0" }, fates(change))
    assert.same({ name = "delta", version = 7, spec = "hourly", seen = BASE }, { name = change.name, version = change.version,
      spec = change.spec, seen = change.seen })
    assert.equal(BASE, change.rows[1].start)
    assert.same({}, change.ends)
  end)

  it("is not there before it is due, and nothing is written then", function()
    assert.is_nil(decide { now = BASE - 0.001 })
  end)

  it("of a new schedule lies in the future: nothing before its first day was missed", function()
    local change = plan.decide { schedule = schedule(), open = {}, now = BASE + 1.5 }
    assert.same({ version = 0, seen = BASE + 1, spec = "hourly", rows = {}, ends = {}, name = "delta" }, change)
  end)

  it("of an empty spec never comes", function()
    assert.is_nil(decide { schedule = { spec = ticks.never() } })
  end)
end)

describe("overlap", function()
  local function with(overlap, open, more)
    local s = more or {}
    s.overlap = overlap
    return decide { schedule = s, open = open }
  end

  it("skip: a run that is going makes it skipped", function()
    assert.same({ "skipped overlap 0" }, fates(with("skip", { running() })))
  end)

  it("queue, cancel_running and allow: it waits beside a run that is going", function()
    for _, rule in ipairs { "queue", "cancel_running", "allow" } do
      assert.same({ "waiting 0" }, fates(with(rule, { running() })), rule)
    end
  end)

  it("is coalesced into one that waits and has not run, but with allow", function()
    for _, rule in ipairs { "skip", "queue", "cancel_running" } do
      local change = with(rule, { running { due = BASE - 2 * HOUR }, occurrence {} })
      assert.same({ "coalesced 0" }, fates(change), rule)
      assert.equal("into the one due t" .. BASE - HOUR, change.rows[1].note)
    end
    assert.same({ "waiting 0" }, fates(with("allow", { running(), occurrence {} })))
  end)

  it("a manual run or a backfill makes it wait, never skipped", function()
    for _, kind in ipairs { "manual", "backfill" } do
      assert.same({ "waiting 0" }, fates(with("skip", { running { kind = kind } })), kind)
      assert.same({ "waiting 0" }, fates(with("skip", { occurrence { kind = kind } })), kind)
    end
  end)

  it("allow: no more than a hundred wait for room", function()
    local open = {}
    for i = 1, 100 do open[i] = occurrence { due = BASE - i * HOUR } end
    assert.same({ "skipped overlap 0" }, fates(with("allow", open)))
    table.remove(open)
    assert.same({ "waiting 0" }, fates(with("allow", open)))
  end)

  it("ends a repetition that still waits: the next one does the work", function()
    local again = occurrence { attempt = 1, started = BASE - HOUR, start = BASE + 300, outcome = "timed_out" }
    for _, rule in ipairs { "skip", "queue", "cancel_running" } do
      local change = with(rule, { again })
      assert.same({ "waiting 0" }, fates(change), rule)
      assert.same({ { id = again.id, state = "ran", outcome = "timed_out", note = "not repeated: the next time was due first" } }, change.ends)
    end
    assert.same({}, with("allow", { again }).ends)
  end)

  it("coalesces into one that a restart stopped and that goes on", function()
    assert.same({ "coalesced 0" }, fates(with("skip", { occurrence { started = BASE - HOUR } })))
  end)
end)

describe("several due times at once that are on time", function()
  it("are decided one after the other", function()
    local s = { spec = ticks.every(10), text = "hourly" }
    local change = decide { schedule = s, row = { seen = BASE - 10 }, now = BASE + 25 }
    assert.equal("waiting 0", short(change.rows[1]))
    assert.equal("coalesced", change.rows[2].state)
    assert.same({ BASE + 10, BASE + 20, 2 }, { change.rows[2].due, change.rows[2]["until"], change.rows[2].count })
    assert.equal(BASE + 20, change.seen)
  end)
end)

describe("missed times", function()
  local function after_ten_hours(s, now, open)
    return decide { schedule = s, row = { seen = BASE - 10 * HOUR }, now = now or BASE + 61, open = open }
  end

  it("none: share one row", function()
    local change = after_ten_hours { catchup = "none" }
    assert.same({ "missed catchup -9..0 x10" }, fates(change))
    assert.equal(BASE, change.seen)
  end)

  it("latest: the newest is made up for", function()
    local change = after_ten_hours { catchup = "latest" }
    assert.same({ "missed catchup -9..-1 x9", "waiting 0" }, fates(change))
    assert.equal(plan.MADE_UP, change.rows[2].note)
  end)

  it("latest: one that is on time is the newest", function()
    assert.same({ "missed catchup -9..-1 x9", "waiting 0" }, fates(after_ten_hours({ catchup = "latest" }, BASE + 59)))
    assert.same({ "missed catchup -9..-1 x9", "waiting 0" }, fates(after_ten_hours({ catchup = "none" }, BASE + 59)))
  end)

  it("are on time for a minute", function()
    assert.same({ "waiting 0" }, fates(decide { schedule = { catchup = "none" }, now = BASE + 60 }))
    assert.same({ "missed catchup 0" }, fates(decide { schedule = { catchup = "none" }, now = BASE + 60.5 }))
  end)

  it("all: each in its order, catchup_limit of them at most", function()
    local change = after_ten_hours { catchup = "all", catchup_limit = 3 }
    assert.same({ "missed catchup -9..-3 x7", "waiting -2", "waiting -1", "waiting 0" }, fates(change))
    assert.equal(10, #after_ten_hours({ catchup = "all" }).rows)
  end)

  it("all: due times that come meanwhile join them", function()
    local open = { occurrence { note = plan.MADE_UP }, running { due = BASE - 2 * HOUR, note = plan.MADE_UP } }
    assert.same({ "waiting 0" }, fates(decide { schedule = { catchup = "all" }, open = open }))
    assert.same({ "coalesced 0" }, fates(decide { schedule = { catchup = "all", catchup_limit = 1 }, open = open }))
    assert.same({ "coalesced 0" }, fates(decide { schedule = { catchup = "latest" }, open = open }))
  end)

  it("are made up for within the window alone", function()
    assert.same({ "missed catchup -9..-3 x7", "waiting -2", "waiting -1", "waiting 0" },
      fates(after_ten_hours { catchup = "all", catchup_window = 2 * HOUR + 61 }))
    assert.same({ "missed catchup -9..0 x10" }, fates(after_ten_hours({ catchup = "latest", catchup_window = 60 })))
  end)

  it("are made up for within start_within alone", function()
    assert.same({ "missed catchup -9..-1 x9", "missed start_within 0" }, fates(after_ten_hours { start_within = 30 }))
    assert.same({ "missed start_within -9..-3 x7", "waiting -2", "waiting -1", "waiting 0" },
      fates(after_ten_hours { catchup = "all", start_within = 2 * HOUR + 61 }))
  end)

  it("of a year of every minute are a row", function()
    local year = 365 * 86400
    local s = { spec = ticks.every(60), catchup = "latest" }
    local change = decide { schedule = s, row = { seen = BASE - year }, now = BASE + 30 }
    assert.equal(2, #change.rows)
    assert.equal(year // 60 - 1, change.rows[1].count)
    assert.equal("waiting 0", short(change.rows[2]))
  end)

  it("meet the overlap rule where a run is going (the clock was set forward)", function()
    assert.same({ "missed catchup -9..-1 x9", "skipped overlap 0" }, fates(after_ten_hours({}, nil, { running { due = BASE - 10 * HOUR } })))
  end)
end)

describe("start_within", function()
  it("refuses a start that would be later", function()
    assert.same({ "missed start_within 0" }, fates(decide { schedule = { start_within = 10 }, now = BASE + 11 }))
    assert.same({ "waiting 0" }, fates(decide { schedule = { start_within = 10 }, now = BASE + 10 }))
  end)

  it("ends one that found no room in time, but not one that has run or was asked for by hand", function()
    local late, again = occurrence { start = BASE - HOUR }, occurrence { attempt = 1 }
    local manual = occurrence { kind = "manual" }
    local change = decide { schedule = { start_within = 10, overlap = "allow" }, open = { late, again, manual }, now = BASE - 1 }
    assert.same({ { id = late.id, state = "missed", reason = "start_within", note = "there was no room for it in time" } }, change.ends)
    assert.same({}, change.rows)
  end)

  it("counts from the start that jitter gives", function()
    local s = schedule { start_within = 10, jitter = 1800 }
    local start = plan.start(s, BASE)
    assert.same({ "waiting 0" }, fates(decide { schedule = { start_within = 10, jitter = 1800 }, now = BASE + 55 }))
    assert.is_true(start > BASE + 55)
  end)
end)

describe("jitter", function()
  it("is the same for the same due time, differs between times and names, and stays before the next due time", function()
    local s, seen, sum = schedule { jitter = 7 * HOUR }, {}, 0
    for i = 1, 1000 do
      local due = BASE + i * HOUR
      local offset = plan.start(s, due) - due
      assert.is_true(offset >= 0 and offset < HOUR)
      assert.equal(due + offset, plan.start(s, due))
      seen[offset], sum = true, sum + offset
    end
    local distinct = 0
    for _ in pairs(seen) do distinct = distinct + 1 end
    assert.is_true(distinct > 990)
    assert.is_true(math.abs(sum / 1000 - HOUR / 2) < 120)
    assert.not_equal(plan.start(s, BASE), plan.start(schedule { jitter = HOUR, name = "delto" }, BASE))
    assert.equal(BASE, plan.start(schedule(), BASE))
  end)
end)

describe("a paused schedule", function()
  it("skips its due times, and the row of the last one is extended", function()
    local row = { paused = BASE - 5 * HOUR, seen = BASE - HOUR }
    local last = occurrence { state = "skipped", reason = "paused", due = BASE - 3 * HOUR, ["until"] = BASE - HOUR, count = 3 }
    local change = decide { row = row, last = last }
    assert.same({}, change.rows)
    assert.same({ { id = last.id, state = "skipped", reason = "paused", ["until"] = BASE, count = 4 } }, change.ends)
    assert.equal(3, last.count) -- what was given stays as it was
    assert.same({ "skipped paused 0" }, fates(decide { row = row }))
  end)

  it("decides what was due before the pause by the usual rules", function()
    local change = decide { row = { seen = BASE - 3 * HOUR, paused = BASE - HOUR + 1 }, schedule = { catchup = "all" } }
    assert.same({ "waiting -2", "waiting -1", "skipped paused 0" }, fates(change))
  end)

  it("goes on by itself behind its `until`", function()
    local change = decide { row = { seen = BASE - 3 * HOUR, paused = BASE - 5 * HOUR, paused_until = BASE - HOUR } }
    assert.same({ "skipped paused -2..-1 x2", "waiting 0" }, fates(change))
    assert.is_false(change.paused)
    assert.is_nil(decide({ row = { paused = BASE - 5 * HOUR, paused_until = BASE + 1 } }).paused)
  end)

  it("ends those that wait, but not what was asked for by hand", function()
    local fresh, again, manual = occurrence {}, occurrence { attempt = 2, outcome = "failed" }, occurrence { kind = "manual" }
    local change = decide { row = { paused = BASE - 10 }, open = { fresh, again, manual }, now = BASE - 5 }
    table.sort(change.ends, function(a, b) return a.id < b.id end)
    assert.same({
      { id = fresh.id, state = "skipped", reason = "paused" },
      { id = again.id, state = "ran", outcome = "failed", note = "not repeated: the schedule is paused" },
    }, change.ends)
  end)
end)

describe("one that waits", function()
  it("goes when a person has cancelled it, whatever its kind", function()
    for _, kind in ipairs { "timed", "manual", "backfill" } do
      local one = occurrence { kind = kind, cancel = true }
      local change = decide { open = { one }, now = BASE - 1 }
      assert.same({ { id = one.id, state = "ran", outcome = "cancelled", note = "cancelled before it started" } }, change.ends)
    end
  end)
end)

describe("a disabled schedule", function()
  it("skips its due times in one row", function()
    local change = decide { schedule = { enabled = false }, row = { seen = BASE - 3 * HOUR }, open = { occurrence {} } }
    assert.same({ "skipped disabled -2..0 x3" }, fates(change))
    assert.equal("skipped", change.ends[1].state)
  end)
end)

describe("a changed spec", function()
  local fields = { spec = "half past", seen = BASE - 2 * HOUR }
  local old = ticks.every(HOUR, HOUR // 2)

  it("holds from now on: what the old one had due is decided first", function()
    local change = decide { row = fields, old = old, loaded = true, now = BASE + 10, schedule = { catchup = "all" } }
    assert.same({ "waiting -1.5", "waiting -0.5" }, fates(change))
    assert.equal("hourly", change.spec)
    assert.equal(BASE + 10, change.seen)
  end)

  it("that can't be read any more ends with now", function()
    local change = decide { row = fields, loaded = true, now = BASE + 10 }
    assert.same({ 0, BASE + 10 }, { #change.rows, change.seen })
  end)

  it("is left alone where another daemon has read another config since", function()
    assert.same({ n = 2, nil, "foreign" }, table.pack(decide { row = fields, old = old }))
  end)
end)

describe("the clock", function()
  it("set back runs nothing twice: nothing is decided before it is there again", function()
    assert.same({ n = 2, nil, "clock" }, table.pack(decide { row = { seen = BASE }, now = BASE - HOUR }))
    assert.is_nil(decide { row = { seen = BASE }, now = BASE + 10 })
    assert.same({ "waiting 1" }, fates(decide { row = { seen = BASE }, now = BASE + HOUR }))
  end)

  it("set forward makes missed times", function()
    assert.same({ "missed catchup 0..23 x24", "waiting 24" }, fates(decide { now = BASE + 24 * HOUR + 1 }))
  end)
end)

describe("every due time", function()
  -- However the time is cut into looks, whatever the policy: each due time lies in exactly one row.
  it("has exactly one fate", function()
    local seed = 20261128
    local function random(n)
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      return (seed >> 8) % n + 1
    end
    local function pick(list) return list[random(#list)] end
    for round = 1, 300 do
      local step = pick { 7, 60, 600 }
      local s = schedule {
        spec = ticks.every(step), overlap = pick { "skip", "queue", "allow", "cancel_running" }, catchup = pick { "none", "latest", "all" },
        catchup_limit = pick { false, 1, 5 } or nil, catchup_window = pick { false, 300 } or nil, jitter = pick { 0, 5, 1000 },
        start_within = pick { false, 5, 90 } or nil, enabled = pick { true, true, true, false },
      }
      local row, rows, now, id = store_row { seen = BASE }, {}, BASE, 0
      for _ = 1, 40 do
        now = now + random(pick { 5, 100, 5000 }) * 0.7 - (random(10) == 1 and 300 or 0)
        if random(8) == 1 then row.paused, row.paused_until = now, pick { false, now + 500 } or nil end
        if random(8) == 1 then row.paused = nil end
        local open, last = {}, nil
        for _, one in ipairs(rows) do
          if one.state == "waiting" and random(2) == 1 then one.state, one.started, one.attempt = "running", now, 1
          elseif one.state == "running" and random(3) == 1 then one.state = "ran" end
          if one.state == "waiting" or one.state == "running" then open[#open + 1] = one end
          if not last or one.due > last.due then last = one end
        end
        local change = plan.decide { schedule = s, row = row, open = open, last = function() return last end, now = now }
        if change then
          row.seen = change.seen
          if change.paused == false then row.paused, row.paused_until = nil, nil end
          for _, ending in ipairs(change.ends) do
            for key, value in pairs(ending) do rows[ending.id][key] = value end
          end
          for _, one in ipairs(change.rows) do
            id = id + 1
            one.id, rows[id] = id, one
          end
        end
      end
      local covered = {}
      for _, one in ipairs(rows) do
        local count = 0
        for due = one.due, one["until"] or one.due, step do
          assert.is_nil(covered[due], ("round %d: %d twice"):format(round, due))
          covered[due], count = true, count + 1
        end
        assert.equal(one.count, count)
      end
      for _, due in ipairs(s.spec:times(BASE, s.spec:count(BASE, row.seen))) do assert.is_true(covered[due], round .. ": lost " .. due) end
    end
  end)
end)

describe("when to look again", function()
  it("is the next due time, a start that is to come, or the end of a pause", function()
    local s = schedule { start_within = 10 }
    assert.equal(BASE, plan.wake(s, store_row(), {}, BASE - 100))
    local one = occurrence { due = BASE - 50, start = BASE - 40 }
    assert.equal(BASE - 40, plan.wake(s, store_row(), { one }, BASE - 45))
    assert.equal(BASE - 30 + 0.01, plan.wake(s, store_row(), { one }, BASE - 40))
    assert.equal(BASE - 19, plan.wake(s, store_row { paused = 1, paused_until = BASE - 20 }, {}, BASE - 40))
    assert.is_nil(plan.wake(schedule { spec = ticks.never() }, store_row(), {}, BASE))
  end)
end)
