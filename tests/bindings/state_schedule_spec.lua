-- Schedules in the store: plans that hold where their version still does, pauses, what people ask for, lists.
local lfs = require "lfs"
local process = require "sluice.process"
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local T = 1790000000 -- a whole second

describe("the store's schedules", function()
  local path, store, daemon
  before_each(function()
    path = tmp.dir() .. "/state.db"
    store = state.open(path)
    daemon = store:daemon_start "spec"
  end)
  after_each(function()
    time.shift()
    daemon:close()
    store:close()
  end)

  local function problem(fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    return e
  end

  local function clock(at)
    time.shift()
    time.shift(at - time.now())
  end

  local function new(name, more)
    local change = { name = name, version = 0, spec = "* * * * *", seen = T }
    for key, value in pairs(more or {}) do change[key] = value end
    return store:schedule_plan(daemon, { change })[1]
  end

  local function dues(filter)
    local list = {}
    for i, row in ipairs(store:occurrences(filter)) do list[i] = row.due - T end
    return list
  end

  describe("plans", function()
    it("make a schedule, its rows and their ids", function()
      local versions, ids = store:schedule_plan(daemon, { { name = "delta", version = 0, spec = "@hourly", seen = T, rows = {
        { due = T, state = "waiting", start = T + 2.5, attempt = 0 },
        { due = T - 7200, ["until"] = T - 3600, count = 2, state = "missed", reason = "catchup", note = "the machine was off" } } } })
      assert.same({ { 1 }, { { 1, 2 } } }, { versions, ids })
      local row = store:schedule "delta"
      assert.same({ name = "delta", version = 1, spec = "@hourly", seen = T, failures = 0 }, row)
      assert.equal("integer", math.type(row.seen))
      local made = store:occurrence(1)
      made.made = nil
      assert.same({ id = 1, schedule = "delta", due = T, count = 1, kind = "timed", state = "waiting", start = T + 2.5, attempt = 0,
        owner = daemon.id, owner_alive = true, fence = 1, uses = {}, cancel = false }, made)
      local missed = store:occurrence(2)
      assert.same({ "missed", "catchup", 2, T - 3600, "the machine was off" },
        { missed.state, missed.reason, missed.count, missed["until"], missed.note })
      assert.is_number(missed.ended)
      assert.is_nil(missed.owner)
    end)

    it("are refused where the version is another one, and change nothing then", function()
      local version = new "delta"
      assert.is_false(new "delta") -- it is not new any more
      assert.is_false(store:schedule_plan(daemon, { { name = "nobody", version = 3 } })[1])
      local versions, ids = store:schedule_plan(daemon, {
        { name = "delta", version = version + 7, seen = T + 60, rows = { { due = T + 60, state = "waiting" } } },
        { name = "other", version = 0, spec = "x", seen = T },
        { name = "delta", version = version, seen = T + 120 } })
      assert.same({ false, version + 1, version + 2 }, versions)
      assert.same({ {}, {}, {} }, ids)
      assert.equal(T + 120, store:schedule("delta").seen)
      assert.same({}, store:occurrences())
    end)

    it("of two stores with the same version: one holds", function()
      local version = new "delta"
      local other = state.open(path)
      local rival = other:daemon_start()
      local change = { name = "delta", version = version, seen = T + 60, rows = { { due = T + 60, state = "waiting" } } }
      assert.equal(version + 1, store:schedule_plan(daemon, { change })[1])
      assert.is_false(other:schedule_plan(rival, { change })[1])
      assert.equal(daemon.id, other:occurrences()[1].owner)
      rival:close()
      other:close()
    end)

    it("of several processes at once: each version has one that holds", function()
      new "delta"
      local script = tmp.dir() .. "/race.lua"
      tmp.write(script, ([[
        local store = require("sluice.state").open %q
        local daemon, won = store:daemon_start(), 0
        while true do
          local row = store:schedule "delta"
          if row.seen >= %d + 200 then break end
          local due = row.seen + 1
          local change = { name = "delta", version = row.version, seen = due, rows = { { due = due, state = "waiting" } } }
          if store:schedule_plan(daemon, { change })[1] then won = won + 1 end
        end
        print(won)
        daemon:close() store:close()]]):format(path, T))
      local command = ("for i in 1 2 3; do %s run %s & done; wait"):format(SLUICE, script)
      local done, sum = assert(process.run { argv = { "sh", "-c", command }, timeout = 120 }), 0
      for won in done.stdout:gmatch "%d+" do sum = sum + tonumber(won) end
      assert.equal(200, sum, done.stderr)
      local rows = store:occurrences()
      assert.equal(200, #rows)
      for i, row in ipairs(rows) do assert.equal(T + i, row.due) end
    end)

    it("that fail half way change nothing at all", function()
      new("delta", { rows = { { due = T, state = "waiting" } } })
      local fence = store:occurrence(1).fence
      assert(store:occurrence_start(daemon, 1, fence, { recipe = "r" })).lock:close()
      local version = store:schedule("delta").version
      local function half(second)
        return problem(store.schedule_plan, store, daemon, {
          { name = "other", version = 0, spec = "x", seen = T, rows = { { due = T, state = "skipped", reason = "paused" } } }, second })
      end
      local e = half { name = "delta", version = version, ends = { { id = 1, state = "ran", outcome = "ok" } } }
      assert.same({ "internal", "occurrence 1 of 'delta' runs, ran or is not there: a plan can't end it" }, { e.code, e.message })
      assert.equal("internal", half({ name = "delta", version = version, ends = { { id = 99, state = "missed" } } }).code)
      assert.equal("usage", half({ name = "delta" }).code) -- no version
      assert.equal("usage", half({ name = "new", version = 0, spec = "x" }).code)
      assert.equal("usage", half({ name = "delta", version = version, rows = { { due = T + 1, state = "running" } } }).code)
      assert.equal("usage", half({ name = "delta", version = version, rows = { { due = T + 0.5, state = "missed" } } }).code)
      assert.equal("usage", half({ name = "delta", version = version, rows = { { due = T + 1, state = "missed", reason = "bored" } } }).code)
      assert.equal("usage", half({ name = "delta", version = version, ends = { { id = 1, state = "ran" } } }).code)
      assert.equal("usage", half({ name = "delta", version = version, rows = "all" }).code)
      assert.equal("usage", half({ name = "delta", version = version, sean = T }).code)
      assert.equal("usage", half("delta").code)
      assert.is_nil(store:schedule "other")
      assert.equal(1, #store:occurrences())
      assert.equal(version, store:schedule("delta").version)
      assert.equal(version + 1, new "third") -- and the store works on
    end)

    it("leave a due time the row that it has", function()
      local version = new("delta", { rows = { { due = T, state = "waiting" } } })
      local versions, ids = store:schedule_plan(daemon, { { name = "delta", version = version, rows = {
        { due = T, state = "missed", reason = "catchup" }, { due = T + 60, state = "waiting" } } } })
      assert.is_number(versions[1])
      assert.is_false(ids[1][1])
      assert.equal("waiting", store:occurrence(1).state)
      assert.same({ 0, 60 }, dues())
    end)

    it("end what waits, and let a row stand for more due times", function()
      local version = new("delta", { rows = {
        { due = T, state = "waiting" }, { due = T + 60, state = "skipped", reason = "paused" } } })
      local more = store:schedule_plan(daemon, { { name = "delta", version = version, ends = {
        { id = 1, state = "missed", reason = "start_within" },
        { id = 2, state = "skipped", reason = "paused", ["until"] = T + 600, count = 10 } } } })[1]
      local first, second = store:occurrence(1), store:occurrence(2)
      assert.same({ "missed", "start_within" }, { first.state, first.reason })
      assert.same({ "skipped", T + 600, 10 }, { second.state, second["until"], second.count })
      assert.same({}, store:occurrences { open = true })
      assert.equal("internal", problem(store.schedule_plan, store, daemon,
        { { name = "other", version = 0, spec = "x", seen = T, ends = { { id = 1, state = "missed" } } } }).code) -- of another schedule
      assert.equal(more, store:schedule("delta").version)
    end)

    it("set fields, keep them and take them away", function()
      local version = new("delta", { failures = 2, paused = T + 0.25, paused_until = T + 60, pause_note = "why", paused_by = "failures",
        stalled = "no rows", stalled_at = T, told = "stalled" })
      version = store:schedule_plan(daemon, { { name = "delta", version = version, seen = T + 1 } })[1]
      assert.same({ name = "delta", version = version, spec = "* * * * *", seen = T + 1, failures = 2, paused = T + 0.25, paused_until = T + 60,
        pause_note = "why", paused_by = "failures", stalled = "no rows", stalled_at = T, told = "stalled" }, store:schedule "delta")
      version = store:schedule_plan(daemon, { { name = "delta", version = version, spec = "@daily", paused = false, stalled = false,
        failures = 0 } })[1]
      assert.same({ name = "delta", version = version, spec = "@daily", seen = T + 1, failures = 0, stalled_at = T, told = "stalled" },
        store:schedule "delta")
    end)
  end)

  it("are listed by version, those that changed since", function()
    for _, name in ipairs { "a", "b", "c" } do new(name) end
    local function names(after)
      local list = {}
      for i, row in ipairs(store:schedules(after)) do list[i] = row.name end
      return table.concat(list, " ")
    end
    assert.equal("a b c", names())
    store:schedule_pause "a"
    assert.equal("b c a", names())
    assert.equal("a", names(3))
    assert.equal("", names(4))
    assert.is_nil(store:schedule "d")
  end)

  it("tell whether somebody else has changed the file", function()
    local before = store:changes()
    new "delta"
    assert.equal(before, store:changes())
    local other = state.open(path)
    other:schedule_pause "delta"
    other:close()
    assert.not_equal(before, store:changes())
  end)

  describe("pauses", function()
    before_each(function() new("delta", { failures = 3 }) end)

    it("begin now, and keep their beginning", function()
      clock(T + 100)
      local version = store:schedule_pause("delta", { ["until"] = T + 600, note = "stocktaking" })
      local row = store:schedule "delta"
      assert.near(T + 100, row.paused, 5)
      assert.same({ version, T + 600, "stocktaking", "person" }, { row.version, row.paused_until, row.pause_note, row.paused_by })
      clock(T + 200)
      store:schedule_pause("delta", { by = "failures" })
      local again = store:schedule "delta"
      assert.equal(row.paused, again.paused)
      assert.same({ nil, nil, "failures" }, { again.paused_until, again.pause_note, again.paused_by })
    end)

    it("begin anew where the last one is over", function()
      store:schedule_pause("delta", { ["until"] = time.now() + 10 })
      local first = store:schedule("delta").paused
      time.shift(60)
      store:schedule_pause "delta"
      assert.is_true(store:schedule("delta").paused > first + 50)
    end)

    it("end with the moment of the resume, and failures start over", function()
      store:schedule_pause "delta"
      time.shift(60)
      local version = store:schedule_resume "delta"
      local row = store:schedule "delta"
      assert.equal(version, row.version)
      assert.equal(0, row.failures)
      assert.near(row.paused + 60, row.paused_until, 5)
      assert.is_true(row.paused_until < time.now())
      time.shift(120)
      store:schedule_resume "delta" -- once more: that pause keeps its end
      assert.equal(row.paused_until, store:schedule("delta").paused_until)
    end)

    it("say so where the schedule is not known", function()
      for _, method in ipairs { "schedule_pause", "schedule_resume", "schedule_trigger" } do
        local e = problem(store[method], store, "dleta")
        assert.same({ "not_found", "the store knows no schedule 'dleta'" }, { e.code, e.message })
      end
      assert.equal("not_found", problem(store.schedule_backfill, store, "dleta", { T }).code)
      assert.equal("usage", problem(store.schedule_pause, store, "delta", { til = T }).code)
      assert.equal("usage", problem(store.schedule_pause, store, "delta", { by = "cat" }).code)
    end)
  end)

  describe("wishes", function()
    local version
    before_each(function() version = new "delta" end)

    it("make a run out of turn, due now, that nobody owns yet", function()
      clock(T + 0.7)
      local id = store:schedule_trigger("delta", { args = { full = true }, note = "after the import" })
      local row = store:occurrence(id)
      assert.same({ "manual", "waiting", '{"full":true}', "after the import", 0 }, { row.kind, row.state, row.args, row.note, row.fence })
      assert.near(T, row.due, 5)
      assert.equal("integer", math.type(row.due))
      assert.same({}, { row.owner, row.start })
      assert.is_true(store:schedule("delta").version > version)
      assert.is_false(store:schedule_plan(daemon, { { name = "delta", version = version } })[1])
      store:schedule_trigger "delta" -- twice in one second is two runs
      assert.equal(2, #store:occurrences { kind = "manual" })
    end)

    it("fill what has no ok run, each time once", function()
      local ran = { { due = T, state = "waiting" }, { due = T + 60, state = "waiting" }, { due = T + 120, state = "missed", reason = "catchup" } }
      store:schedule_plan(daemon, { { name = "delta", version = version, rows = ran } })
      for id, outcome in ipairs { "ok", "failed" } do
        local started = store:occurrence_start(daemon, id, 1, { recipe = "r" })
        started.lock:close()
        store:occurrence_end(id, started.run, { state = "ran", outcome = outcome })
      end
      local times = { T, T + 60, T + 120, T + 180, T + 60 }
      assert.same({ n = 2, nil, 3 }, table.pack(store:schedule_backfill("delta", times, { dry = true })))
      assert.same({}, store:occurrences { kind = "backfill" })
      local batch, count = store:schedule_backfill("delta", times, { parallel = 2, note = "why" })
      assert.same({ 1, 3 }, { batch, count })
      assert.same({ 60, 120, 180 }, dues { batch = batch })
      local row = store:occurrences({ batch = batch })[1]
      assert.same({ "backfill", "waiting", 2, 1, "why" }, { row.kind, row.state, row.parallel, row.batch, row.note })
      local before = store:schedule("delta").version
      assert.same({ n = 2, nil, 0 }, table.pack(store:schedule_backfill("delta", times))) -- those wait already
      assert.equal(before, store:schedule("delta").version)
      assert.same({ 2, 4 }, { store:schedule_backfill("delta", times, { again = true }) })
    end)

    it("refuse times that are none, and too many", function()
      assert.equal("usage", problem(store.schedule_backfill, store, "delta", { T + 0.5 }).code)
      assert.equal("usage", problem(store.schedule_backfill, store, "delta", { "today" }).code)
      assert.equal("usage", problem(store.schedule_backfill, store, "delta", { T }, { parallel = -1 }).code)
      local many = {}
      for i = 1, 100001 do many[i] = T + i end
      assert.equal("usage", problem(store.schedule_backfill, store, "delta", many).code)
    end)

    it("cancel what is open", function()
      local id = store:schedule_trigger "delta"
      local before = store:schedule("delta").version
      assert.equal(before + 1, store:occurrence_cancel(id))
      assert.is_true(store:occurrence(id).cancel)
      local fence = store:occurrence_claim(daemon, id)
      assert.same({ n = 2, nil, "cancelled" }, table.pack(store:occurrence_start(daemon, id, fence, { recipe = "r" })))
      store:schedule_plan(daemon, { { name = "delta", version = before + 1, ends = { { id = id, state = "ran", outcome = "cancelled" } } } })
      assert.is_false(store:occurrence_cancel(id))
      assert.equal("not_found", problem(store.occurrence_cancel, store, 99).code)
    end)
  end)

  describe("occurrences", function()
    before_each(function()
      new("a", { rows = {
        { due = T - 1000, ["until"] = T + 5, count = 9, state = "missed", reason = "catchup" },
        { due = T + 10, state = "skipped", reason = "overlap" },
        { due = T + 20, state = "waiting" } } })
      new("b", { rows = { { due = T + 15, state = "waiting" } } })
      store:schedule_backfill("a", { T - 50, T + 12 })
    end)

    it("are listed by schedule, kind, state and time, a span by what it touches", function()
      assert.same({ -1000, -50, 10, 12, 15, 20 }, dues())
      assert.same({ -1000, -50, 10, 12, 20 }, dues { schedule = "a" })
      assert.same({ -1000, 10, 20 }, dues { schedule = "a", kind = "timed" })
      assert.same({ -50, 12 }, dues { kind = "backfill" })
      assert.same({ -50, 12, 15, 20 }, dues { open = true })
      assert.same({ -50, 12, 20 }, dues { open = true, schedule = "a" })
      assert.same({ 10 }, dues { state = "skipped" })
      assert.same({ 15 }, dues { state = "waiting", schedule = "b" })
      assert.same({ -1000, 10, 12 }, dues { from = T, to = T + 12 })
      assert.same({ 12, 10, -1000 }, dues { from = T, to = T + 12, newest = true })
      assert.same({ -1000, 10 }, dues { schedule = "a", kind = "timed", from = T + 5, to = T + 15 })
      assert.same({ 10 }, dues { schedule = "a", kind = "timed", from = T + 6, to = T + 15 })
      assert.same({ 12, 20 }, dues { schedule = "a", open = true, from = T })
      assert.same({ -1000, -50 }, dues { to = T })
      assert.same({}, dues { schedule = "c" })
      assert.same({ 20 }, dues { schedule = "a", kind = "timed", newest = true, most = 1 })
    end)

    it("go on behind a row, both ways, whatever the filter", function()
      for _, filter in ipairs { {}, { schedule = "a" }, { open = true }, { from = T, to = T + 20 }, { schedule = "a", kind = "timed", from = T },
        { batch = 1 } } do
        for _, newest in ipairs { false, true } do
          filter.newest, filter.after, filter.most = newest, nil, nil
          local all, seen = dues(filter), {}
          filter.most = 1
          for _ = 1, #all do
            local row = store:occurrences(filter)[1]
            seen[#seen + 1], filter.after = row.due - T, row.id
          end
          assert.same(all, seen)
          assert.same({}, store:occurrences(filter))
        end
      end
      assert.same({}, dues { after = 99 })
    end)

    it("say what is not known", function()
      assert.equal("usage", problem(store.occurrences, store, { state = "done" }).code)
      assert.equal("usage", problem(store.occurrences, store, { kind = "hand" }).code)
      assert.equal("usage", problem(store.occurrences, store, { schedul = "a" }).code)
      assert.is_nil(store:occurrence(99))
    end)
  end)
end)
