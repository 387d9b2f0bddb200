-- A store that an older sluice has written becomes one of today, with all that it has.
local process = require "sluice.process"
local state = require "sluice.state"
local tmp = require "support.tmp"

local FIXTURE = "tests/support/fixtures/store/schema6.sql" -- as sluice wrote it before it had schedules

describe("a store of schema 6", function()
  local path
  before_each(function()
    path = tmp.dir() .. "/s.db"
    local made = assert(process.run { argv = { "/usr/bin/python3", "-c",
      "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())", path, FIXTURE } })
    assert.equal(0, made.status, made.stderr)
  end)

  it("is one before it is opened", function()
    local facts = state.look(path)
    assert.equal(6, facts.schema)
    assert.is_true(facts.known >= 7)
  end)

  it("keeps its cursors, runs, batches and writes", function()
    local store <close> = state.open(path)
    assert.equal(state.look(path).known, state.look(path).schema)
    local cursor = store:cursor { recipe = "scripts/delta_feed", name = "products", account = "shop", key = "{}" }
    assert.equal("2026-11-01 00:00:00", cursor:get())
    assert.is_true(cursor:seen("1", "2026-11-01 00:00:00", "d1"))
    cursor:close()
    local run = store:runs()[1]
    assert.same({ 1, "finished", 3, 41, 40, 1, 7, 1.5 },
      { run.id, run.state, run.exit_code, run.read, run.sent, run.rejected, run.requests, run.waited })
    assert.same({}, { run.occurrence, run.schedule, run.attempt, run.outcome, run.log, run.moved, run.delivered })
    assert.equal("b-1", store:batches_open()[1].batch)
    assert.same({ "A-1001", "confirmed" }, { store:outbox_rows()[1].key, store:outbox_rows()[1].state })
    assert.equal(1, store:token("https://app.stock2shop.com", "bob").generation)
  end)

  it("takes schedules, and its next run has the next number", function()
    local store <close> = state.open(path)
    local daemon <close> = store:daemon_start()
    assert.same({}, store:schedules())
    store:schedule_plan(daemon, { { name = "delta", version = 0, spec = "@hourly", seen = 1790000000,
      rows = { { due = 1790000000, state = "waiting" } } } })
    local started = store:occurrence_start(daemon, 1, 1, { recipe = "scripts/delta_feed" })
    assert.equal(2, started.run)
    started.lock:close()
    assert.equal(2, #store:runs())
  end)

  it("is opened by several at once", function()
    local script = tmp.write(tmp.dir() .. "/open.lua", ([[
      local store = require("sluice.state").open %q
      print(#store:runs(), #store:schedules()) store:close()]]):format(path))
    local build = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local done = assert(process.run { argv = { "sh", "-c", ("for i in 1 2 3 4; do %s run %s & done; wait"):format(build, script) } })
    assert.equal(("1\t0\n"):rep(4), done.stdout, done.stderr)
  end)
end)
