-- What is forgotten of schedules: occurrences that are over, their runs and logs.
local prune = require "sluice.prune"
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

local DAY, T = 86400, 1600000000

describe("prune", function()
  local dir, store, daemon
  before_each(function()
    dir = tmp.dir()
    store = state.open(dir .. "/s.db")
    daemon = store:daemon_start()
  end)
  after_each(function()
    time.shift()
    daemon:close()
    store:close()
  end)

  local function run(keep)
    local list = prune.run({ keep = { runs = keep or 90 * DAY, bodies = keep or 90 * DAY, dead_letters = keep or 90 * DAY } }, store)
    return list[#list].count
  end

  local function ids(filter)
    local list = {}
    for i, row in ipairs(store:occurrences(filter)) do list[i] = row.id end
    return list
  end

  local function plan(name, rows)
    local row = store:schedule(name)
    local _, made = store:schedule_plan(daemon, { { name = name, version = row and row.version or 0, spec = "x", seen = T, rows = rows } })
    return made[1]
  end

  -- Runs it `times` times, each with a log; gives the runs.
  local function ran(id, times)
    local runs = {}
    for i = 1, times or 1 do
      local started = assert(store:occurrence_start(daemon, id, store:occurrence(id).fence, { recipe = "r" }))
      local log = ("%s/%d.log"):format(dir, started.run)
      store:run_pid(started.run, 4711, tmp.write(log, "x"))
      store:occurrence_end(id, started.run, i < (times or 1) and { again = T, outcome = "failed" } or { state = "ran", outcome = "ok" })
      started.lock:close()
      runs[i] = started.run
    end
    return runs
  end

  local function has_log(number)
    local file = io.open(("%s/%d.log"):format(dir, number))
    if file then file:close() end
    return file ~= nil
  end

  it("forgets occurrences that are over with their runs and logs, never an open one or the newest", function()
    local made = plan("a", { { due = T, state = "waiting" }, { due = T + 60, state = "skipped", reason = "overlap" },
      { due = T + 120, state = "waiting" }, { due = T + 180, state = "missed", reason = "catchup" } })
    local runs = ran(made[1], 2)
    plan("b", { { due = T, state = "skipped", reason = "paused" } })
    assert.equal(0, run())
    time.shift(91 * DAY)
    assert.equal(2, run())
    assert.same({ 5, 3, 4 }, ids()) -- b's only one, a's that waits and its newest
    assert.same({}, store:runs())
    assert.same({ false, false }, { has_log(runs[1]), has_log(runs[2]) })
    assert.equal(0, run())
  end)

  it("keeps the newest of each kind, with its run", function()
    local made = plan("a", { { due = T, state = "waiting" } })
    local runs = ran(made[1])
    store:schedule_backfill("a", { T - 120, T - 60 })
    for _, id in ipairs(ids { kind = "backfill" }) do
      store:occurrence_claim(daemon, id)
      ran(id)
    end
    time.shift(91 * DAY)
    assert.equal(1, run())
    assert.equal(2, #store:occurrences())
    assert.is_true(has_log(runs[1]))
    assert.equal(2, #store:runs())
  end)

  it("keeps one whose run has dead letters, an open batch or a write that is not settled", function()
    local made = plan("a", { { due = T, state = "waiting" }, { due = T + 60, state = "waiting" }, { due = T + 120, state = "waiting" },
      { due = T + 180, state = "waiting" }, { due = T + 240, state = "waiting" } })
    local runs = {}
    for i, id in ipairs(made) do runs[i] = ran(id)[1] end
    local function config() return { store = store:path() } end
    local out = require("sluice.deadletters").open { config = config, store = function() end, name = "r", id = runs[1] }
    out:put("{}", "why")
    out:close()
    local batch = store:batch_put { api = "x", batch = "b", run = runs[2] }
    store:outbox_claim({ host = "h", account = "a", operation = "o", key = "k", body = "{}", digest = "d", run = runs[3] }):close()
    time.shift(91 * DAY)
    -- the dead letters stay for longer than runs
    local function short() return prune.run({ keep = { runs = 90 * DAY, bodies = 900 * DAY, dead_letters = 900 * DAY } }, store) end
    local list = short()
    assert.equal(1, list[#list].count)
    assert.same({ made[1], made[2], made[3], made[5] }, ids())
    store:batch_done(batch, "processed")
    list = short()
    assert.equal(1, list[#list].count)
    assert.same({ made[1], made[3], made[5] }, ids())
  end)

  it("says so where a log can't be removed, and keeps its row", function()
    local made = plan("a", { { due = T, state = "waiting" }, { due = T + 60, state = "waiting" },
      { due = T + 120, state = "skipped", reason = "paused" } })
    local runs = { ran(made[1])[1], ran(made[2])[1] }
    os.remove(("%s/%d.log"):format(dir, runs[1]))
    assert(require("lfs").mkdir(("%s/%d.log"):format(dir, runs[1])))
    tmp.write(("%s/%d.log/x"):format(dir, runs[1]), "x")
    time.shift(91 * DAY)
    local ok, problem = pcall(run)
    assert.is_false(ok)
    assert.matches("^a log can't be removed: .*%.log", problem.message)
    assert.same({ made[1], made[3] }, ids())
    assert.is_false(has_log(runs[2]))
  end)

  it("forgets thousands, and a log that is gone already is no trouble", function()
    local rows = {}
    for i = 1, 2500 do rows[i] = { due = T + i * 60, state = i == 1 and "waiting" or "skipped", reason = i > 1 and "paused" or nil } end
    local made = plan("a", rows)
    os.remove(("%s/%d.log"):format(dir, ran(made[1])[1]))
    time.shift(91 * DAY)
    assert.equal(2499, run())
    assert.same({ made[2500] }, ids())
  end)

  it("forgets only what is named and over", function()
    plan("a", { { due = T, state = "waiting" }, { due = T + 60, state = "skipped", reason = "paused" } })
    assert.equal(1, store:occurrences_forget { 1, 2, 99 })
    assert.same({ 1 }, ids())
    assert.has_error(function() store:occurrences_forget { "x" } end)
  end)
end)
