-- `sluice run` as a scheduler starts it: a real store, a real lock, a real process.
local lfs = require "lfs"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local state = require "sluice.state"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local T = 1790000000

describe("a run of a schedule", function()
  local dir, store, daemon, due
  before_each(function()
    dir, due = tmp.dir(), T
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:state.db\n")
    store = state.open(dir .. "/state.db")
    daemon = store:daemon_start "spec"
  end)
  after_each(function()
    daemon:close()
    store:close()
  end)

  -- The start of a new occurrence: { run =, attempt =, lock = }
  local function start()
    due = due + 60
    local known = store:schedule "hourly"
    local _, ids = store:schedule_plan(daemon, { { name = "hourly", version = known and known.version or 0, spec = "x", seen = due,
      rows = { { due = due, state = "waiting" } } } })
    local id = ids[1][1]
    return assert(store:occurrence_start(daemon, id, store:occurrence(id).fence, { recipe = "r", args = {} }))
  end

  local function spawn(started, env, ...)
    local all = { SLUICE_RUN = tostring(started.run), SLUICE_RUN_LOCK_FD = tostring(started.lock:fd()), SLUICE_SCHEDULE = "hourly",
      SLUICE_DUE = "2026-03-29T03:00:00+02:00", SLUICE_ATTEMPT = "2" }
    for name, value in pairs(env or {}) do all[name] = value end
    return assert(process.spawn { argv = { SLUICE, "run", "r.lua", ... }, cwd = dir, env = all, keep = { started.lock:fd() } })
  end

  -- Runs a script to its end: its status, what it printed, the ledger's row.
  local function run(script, started, env, ...)
    tmp.write(dir .. "/r.lua", script)
    started = started or start()
    local child <close> = spawn(started, env, ...)
    local said = { out = {}, err = {} }
    for stream, text in child.line, child do table.insert(said[stream], text) end
    local status = child:wait().status
    return status, table.concat(said.out, "\n"), table.concat(said.err, "\n"), store:runs({ id = started.run })[1]
  end

  it("ends in the row that is there, also where the script opens no store", function()
    local status, out, _, row = run [[
      local run = require("sluice.run").current()
      print(run.schedule, run.due, run.due_text, run.attempt, run.id)
      run:count("read", 2)
      run:count("sent", 2)]]
    assert.equal(0, status)
    assert.matches("^hourly\t1774746000\t2026%-03%-29T03:00:00%+02:00\t2\t%d+$", out)
    assert.same({ "finished", 0, 2, 2 }, { row.state, row.exit_code, row.read, row.sent })
    assert.is_true(row.peak_bytes > 0)
    assert.same({}, { row.moved, row.delivered, row.error })
    assert.equal(1, #store:runs())
  end)

  it("masks what it prints, however that is done", function()
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:state.db\nconnections:\n"
      .. "  depot: { api: veeqo, base_url: \"http://127.0.0.1:1\", api_key: \"${DEPOT_KEY}\" }\n")
    local status, out, said = run([[
      require("sluice").connect "depot"
      local key = os.getenv "DEPOT_KEY"
      print("print", key, 5)
      io.write("write ", key, " ", 7, "\n")
      io.stdout:write("out ", key, "\n")
      io.stderr:write("err ", key, "\n")]], nil, { DEPOT_KEY = "hushhush4711" })
    assert.equal(0, status)
    assert.not_matches("hushhush", out .. said)
    assert.matches("^print\t.-\t5\nwrite .- 7\nout ", out)
    assert.matches("err ", said)
  end)

  it("says its error and its exit code there", function()
    local status, _, said, row = run [[error "the shop is on fire"]]
    assert.equal(1, status)
    assert.matches("the shop is on fire", said)
    assert.same({ "finished", 1 }, { row.state, row.exit_code })
    assert.matches("the shop is on fire", row.error)
    status, _, _, row = run "this is no Lua"
    assert.same({ 2, 2 }, { status, row.exit_code })
    assert.matches("syntax error", row.error)
    status, _, _, row = run([[return require("sluice").recipe { about = "t", args = { a = "x" }, run = function() end }]])
    assert.same({ 2, 2 }, { status, row.exit_code })
    assert.matches("argument 'a' is missing", row.error)
    local run_by = run([[local run = require("sluice.run").current() run:count "read" run:reject("{}", "bad")]])
    assert.equal(3, run_by)
  end)

  it("holds the lock itself, and gives neither lock nor variables on", function()
    tmp.write(dir .. "/r.lua", [[
      local process = require "sluice.process"
      io.stdout:setvbuf "line"
      print(process.run { argv = { "sh", "-c", "ls /proc/$$/fd; env | grep -c ^SLUICE_RUN" } }.stdout:gsub("\n", " "), nil)
      os.execute "readlink /proc/self/fd/* | grep -c state.db; true"
      require("sluice.task").sleep(100)]])
    local started = start()
    local child <close> = spawn(started)
    assert.equal("0 1 2 0 ", (select(2, child:line()):match "^(.-)\t"))
    assert.equal("0", select(2, child:line()))
    started.lock:close()
    assert.is_true(store:run_alive(started.run))
    child:signal(9)
    child:wait()
    child:close()
    assert.is_false(store:run_alive(started.run))
    assert.equal("lost", store:runs({ id = started.run })[1].state)
  end)

  it("stops for a signal and says so there", function()
    tmp.write(dir .. "/r.lua", [[print "ready" io.stdout:flush() require("sluice.task").sleep(100)]])
    local started = start()
    local child <close> = spawn(started)
    child:line()
    child:signal(15)
    assert.same({ status = 143 }, child:wait())
    assert.equal(143, store:runs({ id = started.run })[1].exit_code)
  end)

  it("notes whether its cursor moved, and what the feed gave", function()
    local sb = sandbox.start { products = 30, rate_scale = 1000 }
    tmp.write(dir .. "/sluice.yaml", ([[
version: 1
store: sqlite:state.db
shared: %s/shared
connections:
  shop: { api: stock2shop, base_url: "%s", username: sandbox, password: sandbox, limits: { api: 3000/s, login: 1000/s } }
]]):format(dir, sb.url))
    local recipe = [[
      local sluice = require "sluice"
      return sluice.recipe { about = "t", args = { commit = { "yes or no", default = "yes" }, since = { "time", optional = true } },
        run = function(args, run)
          local cursor = args.since == nil and run:cursor "products" or nil
          for _ in sluice.connect("shop"):changed_products { cursor = cursor, since = args.since, page_size = PAGE } do run:count "sent" end
          if args.commit == "yes" then run:commit() end
        end }]]
    local function go(page, ...)
      local status, _, said, row = run((recipe:gsub("PAGE", page)), nil, nil, ...)
      assert.equal(0, status, said)
      return row
    end
    local uncommitted = go(500, "commit=no")
    assert.same({ 0, 30 }, { uncommitted.moved, uncommitted.read })
    local first = go(7)
    assert.equal(1, first.moved)
    assert.matches("^30%-%x+$", first.delivered)
    assert.equal(uncommitted.delivered, first.delivered) -- the same, in pages of another size
    local second = go(500)
    assert.is_nil(second.delivered)
    local since = go(500, "since=2001-01-01 00:00:00")
    assert.is_nil(since.moved)
    assert.equal(first.delivered, since.delivered)
    sb:stop()
  end)

  it("is refused where it can't be that run, and nothing is run", function()
    local started = start()
    local over = start()
    assert.equal(0, (run("", over)))
    local fd = tostring(started.lock:fd())
    for _, case in ipairs {
      { { SLUICE_RUN = "abc" }, "SLUICE_RUN is 'abc', but must be a whole number from 1 on" },
      { { SLUICE_RUN = "" }, "SLUICE_RUN is '', but must be" },
      { { SLUICE_RUN_LOCK_FD = false }, "SLUICE_RUN_LOCK_FD is 'nil', but must be a whole number from 3 on" },
      { { SLUICE_RUN_LOCK_FD = "1" }, "SLUICE_RUN_LOCK_FD is '1'" },
      { { SLUICE_RUN_LOCK_FD = "77" }, "this process can't be run %d+ of .*state.db: " },
      { { SLUICE_RUN = "999999" }, "this process can't be run 999999 of .*state.db: " },
      { { SLUICE_RUN = tostring(over.run), SLUICE_RUN_LOCK_FD = fd }, "this process can't be run " .. over.run },
      { { SLUICE_DUE = "noon" }, "SLUICE_DUE is 'noon', which is no time" },
      { { SLUICE_ATTEMPT = "0" }, "SLUICE_ATTEMPT is '0'" },
    } do
      local status, out, said = run([[print "ran"]], started, case[1])
      assert.same({ 2, "" }, { status, out }, said)
      assert.matches(case[2], said)
      assert.matches("unset SLUICE_RUN", said)
    end
    assert.equal("running", store:runs({ id = started.run })[1].state)
    started.lock:close()
  end)

  it("is none of a person's run", function()
    tmp.write(dir .. "/r.lua", [[
      local run = require("sluice.run").current()
      print(run.schedule, run.due, run.due_text, run.attempt, run.id)]])
    local done = assert(process.run { argv = { "env", "-u", "SLUICE_RUN", "SLUICE_SCHEDULE=x", SLUICE, "run", "r.lua" }, cwd = dir })
    assert.equal("nil\tnil\tnil\tnil\tnil\n", done.stdout)
    assert.equal(0, #store:runs())
  end)
end)
