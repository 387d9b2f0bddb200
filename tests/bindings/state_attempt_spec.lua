-- How occurrences run: claims and their fences, starts and what limits them, ends; and who died in between.
local lfs = require "lfs"
local process = require "sluice.process"
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local PYTHON, HEIR = "/usr/bin/python3", lfs.currentdir() .. "/tests/support/heir.py"
local RUNS = 1 << 40 -- where the lock file has the locks of runs
local T = 1790000000

describe("the store's occurrences", function()
  local dir, path, store, daemon
  before_each(function()
    dir = tmp.dir()
    path = dir .. "/state.db"
    store = state.open(path)
    daemon = store:daemon_start "spec"
  end)
  after_each(function()
    daemon:close()
    store:close()
  end)

  local function problem(fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    return e
  end

  -- A schedule with so many that wait, claimed by our daemon.
  local function waiting(name, count)
    local rows = {}
    for i = 1, count do rows[i] = { due = T + i, state = "waiting" } end
    local _, ids = store:schedule_plan(daemon, { { name = name, version = 0, spec = "x", seen = T + count, rows = rows } })
    return ids[1]
  end

  local function start(id, more)
    local options = { recipe = "scripts/feed", args = { to = "feed" } }
    for key, value in pairs(more or {}) do options[key] = value end
    return store:occurrence_start(daemon, id, store:occurrence(id).fence, options)
  end

  -- A script that has the store open and is killed where it says so.
  local function dies(body)
    local script = tmp.write(dir .. "/die.lua", ([[
      local store = require("sluice.state").open %q
      local daemon = store:daemon_start "that dies"
      %s
      require("sluice.process").run { argv = { "sh", "-c", "kill -9 $PPID" } }]]):format(path, body))
    local done = assert(process.run { argv = { SLUICE, "run", script } })
    assert.equal(137, done.status, done.stderr)
  end

  describe("claims", function()
    it("are for one daemon, and raise the fence", function()
      local id = waiting("a", 1)[1]
      local other = state.open(path)
      local rival = other:daemon_start()
      assert.is_nil(other:occurrence_claim(rival, id))
      assert.equal(2, store:occurrence_claim(daemon, id))
      assert.same({ n = 2, nil, "gone" }, table.pack(store:occurrence_start(daemon, id, 1, { recipe = "r" }))) -- overtaken
      daemon:close()
      assert.is_false(other:occurrence(id).owner_alive)
      assert.equal(3, other:occurrence_claim(rival, id))
      assert.is_true(other:occurrence(id).owner_alive)
      daemon = store:daemon_start()
      assert.is_nil(store:occurrence_claim(daemon, id))
      assert.same({ n = 2, nil, "gone" }, table.pack(store:occurrence_start(daemon, id, 3, { recipe = "r" }))) -- not ours
      rival:close()
      other:close()
    end)

    it("take what has no owner, and nothing that is over or not there", function()
      waiting("a", 0)
      local id = store:schedule_trigger "a"
      assert.equal(1, store:occurrence_claim(daemon, id))
      store:schedule_plan(daemon, { { name = "a", version = store:schedule("a").version,
        ends = { { id = id, state = "skipped", reason = "disabled" } } } })
      assert.is_nil(store:occurrence_claim(daemon, id))
      assert.is_nil(store:occurrence_claim(daemon, 99))
    end)

    it("of a daemon that was killed are free", function()
      local id = waiting("a", 1)[1]
      daemon:close()
      dies("assert(store:occurrence_claim(daemon, " .. id .. "))")
      daemon = store:daemon_start()
      local row = store:occurrence(id)
      assert.same({ "waiting", false, 2 }, { row.state, row.owner_alive, row.fence })
      assert.equal(3, store:occurrence_claim(daemon, id))
    end)

    it("need a daemon that is open", function()
      local id = waiting("a", 1)[1]
      daemon:close()
      assert.equal("usage", problem(store.occurrence_claim, store, daemon, id).code)
      assert.equal("usage", problem(store.schedule_plan, store, store, {}).code)
      daemon = store:daemon_start()
      assert.equal("usage", problem(store.daemon_start, store).code)
    end)
  end)

  describe("starts", function()
    it("make a run with a lock, and raise the schedule's version", function()
      local id = waiting("a", 1)[1]
      local started = assert(start(id, { uses = { feed = 3, shop = false } }))
      assert.same({ 1, 1, store:schedule("a").version }, { started.run, started.attempt, started.version })
      local row = store:occurrence(id)
      table.sort(row.uses)
      assert.same({ "running", 1, 1, true, { "feed", "shop" } }, { row.state, row.attempt, row.run, row.run_alive, row.uses })
      assert.is_number(row.started)
      local run = store:runs({ occurrence = id })[1]
      assert.same({ "scripts/feed", '{"to":"feed"}', "a", id, 1, "running", 0 },
        { run.recipe, run.args, run.schedule, run.occurrence, run.attempt, run.state, run.pid })
      assert.is_true(store:run_pid(run.id, 4711, "logs/1.log"))
      run = store:runs({ id = 1 })[1]
      assert.same({ 4711, "logs/1.log" }, { run.pid, run.log })
      assert.equal("not_found", problem(store.run_pid, store, 99, 1).code)
      assert.is_true(started.lock:fd() > 2)
      assert.is_true(store:run_alive(1))
      started.lock:close()
      assert.is_false(store:run_alive(1))
      assert.equal("lost", store:runs()[1].state)
      assert.is_false(store:occurrence(id).run_alive)
      assert.equal("usage", problem(started.lock.fd, started.lock).code)
      assert.same({ n = 2, nil, "gone" }, table.pack(start(id))) -- it runs
    end)

    it("are counted over all daemons", function()
      local ids = waiting("a", 3)
      local other = state.open(path)
      local rival = other:daemon_start()
      assert(start(ids[1], { most = 2 }))
      waiting("b", 0)
      local id = other:schedule_trigger "b"
      local fence = other:occurrence_claim(rival, id)
      assert(other:occurrence_start(rival, id, fence, { recipe = "r", most = 2 }))
      assert.same({ n = 2, nil, "full" }, table.pack(start(ids[2], { most = 2 })))
      assert.equal(2, #store:occurrences { state = "running" })
      assert.equal(2, #store:runs()) -- what was full has left nothing
      assert.same({ n = 2, nil, "full" }, table.pack(start(ids[2], { most = 0 })))
      assert(start(ids[2], { most = 3 }))
      rival:close()
      other:close()
    end)

    it("are counted by connection, whose names are not parts of each other", function()
      local ids = waiting("a", 4)
      assert(start(ids[1], { uses = { shop = 1, feed = 5 } }))
      assert.same({ n = 2, nil, "full" }, table.pack(start(ids[2], { uses = { shop = 1 } })))
      assert(start(ids[2], { uses = { sho = 1, shop2 = 1 } }))
      assert.same({ n = 2, nil, "full" }, table.pack(start(ids[3], { uses = { depot = 1, shop2 = 1 } })))
      assert(start(ids[3], { uses = { feed = 2, shop = false } }))
      assert.same({ n = 2, nil, "full" }, table.pack(start(ids[4], { uses = { feed = 2 } })))
      assert.equal("usage", problem(start, ids[4], { uses = { feed = "2" } }).code)
      assert.equal("usage", problem(start, ids[4], { uses = { "feed" } }).code)
      assert.equal("usage", problem(start, ids[4], { uses = { ["a\nb"] = 1 } }).code)
    end)

    it("are counted by batch", function()
      waiting("a", 0)
      local batch = store:schedule_backfill("a", { T, T + 1, T + 2 }, { parallel = 2 })
      local other = store:schedule_backfill("a", { T + 3 })
      local function go(id)
        return table.pack(store:occurrence_start(daemon, id, store:occurrence_claim(daemon, id), { recipe = "r", parallel = 2 }))
      end
      local rows = store:occurrences { batch = batch }
      assert(go(rows[1].id)[1])
      assert(go(rows[2].id)[1])
      assert.equal("full", go(rows[3].id)[2])
      assert(go(store:occurrences({ batch = other })[1].id)[1])
    end)

    it("are refused where the schedule has changed since", function()
      local id = waiting("a", 1)[1]
      local version = store:schedule("a").version
      store:schedule_pause "a"
      assert.same({ n = 2, nil, "changed" }, table.pack(start(id, { version = version })))
      assert.equal("waiting", store:occurrence(id).state)
      assert.same({}, store:runs())
      assert(start(id, { version = version + 1 }))
      assert.equal("usage", problem(start, id, { recipe = false }).code)
    end)

    it("of one occurrence by several processes: one holds", function()
      waiting("a", 0)
      for _ = 1, 20 do store:schedule_trigger "a" end
      local script = tmp.write(dir .. "/race.lua", ([[
        local store = require("sluice.state").open %q
        local daemon = store:daemon_start()
        local won, locks = 0, {}
        for _, row in ipairs(store:occurrences { open = true }) do
          local fence = store:occurrence_claim(daemon, row.id)
          local started = fence and store:occurrence_start(daemon, row.id, fence, { recipe = "r", most = 12 })
          if started then won, locks[#locks + 1] = won + 1, started.lock end
        end
        print(won) io.stdout:flush()
        require("sluice.task").sleep(0.5) -- the others find a daemon that is alive
        daemon:close() store:close()]]):format(path))
      local done, sum = assert(process.run { argv = { "sh", "-c", ("for i in 1 2 3; do %s run %s & done; wait"):format(SLUICE, script) } }), 0
      for won in done.stdout:gmatch "%d+" do sum = sum + tonumber(won) end
      assert.equal(12, sum, done.stderr)
      assert.equal(12, #store:runs())
      assert.equal(12, #store:occurrences { state = "running" })
    end)
  end)

  describe("ends", function()
    it("say what became of it, of its run and of its schedule", function()
      local id = waiting("a", 1)[1]
      local started = start(id)
      local version = store:occurrence_end(id, started.run,
        { state = "ran", outcome = "failed", note = "after 1 attempt", exit_code = 5, error = "gone" },
        { failures = 1, paused = T, paused_by = "failures" })
      assert.equal(started.version + 1, version)
      local row, schedule, run = store:occurrence(id), store:schedule "a", store:runs()[1]
      assert.same({ "ran", "failed", "after 1 attempt" }, { row.state, row.outcome, row.note })
      assert.is_number(row.ended)
      assert.same({ version, 1, T, "failures" }, { schedule.version, schedule.failures, schedule.paused, schedule.paused_by })
      assert.same({ "finished", "failed", 5, "gone" }, { run.state, run.outcome, run.exit_code, run.error })
      assert.is_false(store:occurrence_end(id, started.run, { state = "ran", outcome = "ok" }))
      assert.equal("failed", store:occurrence(id).outcome)
    end)

    it("of an older attempt change nothing", function()
      local id = waiting("a", 1)[1]
      local first = start(id)
      assert.is_number(store:occurrence_end(id, first.run, { again = T + 60, note = "later", outcome = "failed" }))
      local row = store:occurrence(id)
      assert.same({ "waiting", T + 60, 1, "failed", "later" }, { row.state, row.start, row.attempt, row.outcome, row.note })
      assert.equal("failed", store:runs()[1].outcome)
      local second = assert(start(id)) -- with the same owner and fence
      assert.equal(2, second.attempt)
      local version = store:schedule("a").version
      assert.is_false(store:occurrence_end(id, first.run, { state = "ran", outcome = "ok" }, { failures = 7 }))
      assert.same({ version, 0 }, { store:schedule("a").version, store:schedule("a").failures })
      assert.equal("running", store:occurrence(id).state)
      assert.is_nil(store:occurrence(id).start)
    end)

    it("take an attempt back that a restart has stopped", function()
      local id = waiting("a", 1)[1]
      local started = start(id)
      store:occurrence_end(id, started.run, { again = T, counts = false, note = "stopped by a restart" })
      local row = store:occurrence(id)
      assert.same({ "waiting", 0 }, { row.state, row.attempt })
      assert.is_nil(row.outcome)
      assert.is_number(row.started)
      assert.equal("stopped", store:runs()[1].outcome)
    end)

    it("are either one or the other", function()
      for _, how in ipairs { {}, { state = "ran" }, { state = "ran", outcome = "fine" }, { state = "over", outcome = "ok" },
        { state = "missed", again = T },
        { state = "skipped", counts = false }, { state = "skipped", reason = "tired" }, { stat = "ran" } } do
        assert.equal("usage", problem(store.occurrence_end, store, 1, 1, how).code)
      end
      assert.equal("usage", problem(store.occurrence_end, store, 1, 1, { again = T }, { failure = 1 }).code)
    end)
  end)

  describe("a daemon that was killed", function()
    it("leaves a run that nobody has: it is seen, taken over and ended", function()
      local id = waiting("a", 1)[1]
      daemon:close()
      dies(([[local started = store:occurrence_start(daemon, %d, store:occurrence_claim(daemon, %d), { recipe = "r" })
        store:run_pid(started.run, 4711, "logs/1.log")]]):format(id, id))
      daemon = store:daemon_start()
      local row = store:occurrence(id)
      assert.same({ "running", false, false, 1 }, { row.state, row.owner_alive, row.run_alive, row.run })
      assert.is_number(store:occurrence_claim(daemon, id))
      assert.is_number(store:occurrence_end(id, row.run, { state = "ran", outcome = "lost" }))
      local run = store:runs()[1]
      assert.same({ "finished", "lost" }, { run.state, run.outcome })
      local list = store:daemons()
      assert.same({ true, false, "that dies" }, { list[1].alive, list[2].alive, list[2].note })
      assert.is_nil(list[2].stopped)
      assert.is_number(list[3].stopped)
    end)

    it("leaves a run whose child goes on: its lock says so until it ends", function()
      local id = waiting("a", 1)[1]
      local started = start(id)
      started.lock:close() -- the heir stands for the daemon as well
      daemon:close()
      local child = tmp.write(dir .. "/child.lua", ([[
        local store = require("sluice.state").open %q
        store:run_adopt(%d, 9)
        print(store:run_alive(%d), store:runs()[1].pid)
        io.stdout:flush()
        io.open(%q, "w"):close()
        while not io.open(%q) do require("sluice.task").sleep(0.01) end
        store:run_finish(%d, { exit_code = 3, read = 41, sent = 40, rejected = 1, moved = 1, delivered = "d1" })
        print(store:run_alive(%d), pcall(store.run_finish, store, %d, {}))]]):format(path, started.run, started.run, dir .. "/up", dir .. "/go",
        started.run, started.run, started.run))
      local task = require "sluice.task"
      local done
      local waits = task.spawn(function()
        done = process.run { argv = { PYTHON, HEIR, path .. ".lock", tostring(RUNS + started.run), "9", SLUICE, "run", child }, timeout = 60 }
      end)
      while not io.open(dir .. "/up") do task.sleep(0.01) end
      daemon = store:daemon_start()
      local row = store:occurrence(id)
      assert.same({ "running", false, true }, { row.state, row.owner_alive, row.run_alive })
      local fence = assert(store:occurrence_claim(daemon, id)) -- to watch it; it goes on
      assert.is_true(store:occurrence(id).run_alive)
      assert.is_true(fence > 1)
      tmp.write(dir .. "/go", "")
      waits:wait()
      local run = store:runs()[1]
      assert.equal(0, done.status, done.stderr)
      assert.matches("^true\t" .. run.pid .. "\ntrue\tfalse\t", done.stdout) -- it has its lock to its end, and finishes once
      assert.same({ "finished", 3, 41, 40, 1, 1, "d1" }, { run.state, run.exit_code, run.read, run.sent, run.rejected, run.moved, run.delivered })
      assert.is_false(store:occurrence(id).run_alive)
      store:occurrence_end(id, run.id, { state = "ran", outcome = "partial", exit_code = 9 })
      assert.same({ 3, "partial" }, { store:runs()[1].exit_code, store:runs()[1].outcome }) -- what the run said itself stays
    end)
  end)

  describe("run_adopt", function()
    it("refuses a descriptor that is not the lock of that run", function()
      local id = waiting("a", 1)[1]
      local started = start(id)
      local other = state.open(path)
      assert.matches("^descriptor 0 is not one of the lock file", problem(other.run_adopt, other, started.run, 0).message)
      assert.matches("^descriptor 999 is not one of the lock file", problem(other.run_adopt, other, started.run, 999).message)
      local e = problem(other.run_adopt, other, started.run + 1, started.lock:fd())
      assert.same({ "usage", true }, { e.code, e.message:find("does not hold the lock", 1, true) ~= nil })
      assert.equal("not_found", problem(other.run_finish, other, started.run, {}).code)
      other:close()
      assert.is_true(store:run_alive(started.run)) -- what was refused was left alone
      local hand = store:run_start { recipe = "by hand" }
      assert.is_true(store:run_finish(hand, {}))
    end)

    it("takes a run once, as long as it has not ended", function()
      local id = waiting("a", 1)[1]
      local started = start(id)
      local other = state.open(path)
      store:occurrence_end(id, started.run, { again = T, outcome = "failed" })
      assert.equal("not_found", problem(other.run_adopt, other, started.run, started.lock:fd()).code)
      started = start(id)
      assert.is_true(other:run_adopt(started.run, started.lock:fd()))
      assert.equal("usage", problem(other.run_adopt, other, started.run, started.lock:fd()).code)
      assert.is_true(other:run_finish(started.run, { sent = 3 }))
      assert.equal(3, store:runs()[1].sent)
      other:close() -- closes the descriptor, which was its
    end)
  end)

  it("have daemons, of which the old ones that are gone are forgotten", function()
    for _ = 1, 30 do
      daemon:close()
      daemon = store:daemon_start()
    end
    local list = store:daemons()
    assert.equal(20, #list)
    assert.same({ daemon.id, true }, { list[1].id, list[1].alive })
    assert.is_nil(daemon.pid)
    local other = state.open(path)
    local lost = other:daemon_start()
    other:close() -- under it: the lock goes, and closing it later is fine
    assert.is_false(store:daemons()[1].alive)
    assert.equal(lost.id, store:daemons()[1].id)
    lost:close()
    assert.is_true(time.now() - store:daemons()[2].started < 60)
  end)
end)
