-- What looks after a store: the list of cursors, a look at a file, copies, chores, locks by name.
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

describe("a store", function()
  local dir, store
  before_each(function()
    dir = tmp.dir()
    store = state.open(dir .. "/s.db")
  end)
  after_each(function()
    time.shift()
    store:close()
  end)

  local function problem(fn, ...)
    local ok, e = pcall(fn, ...)
    assert.is_false(ok)
    return e
  end

  it("lists its cursors", function()
    assert.same({}, store:cursors())
    local a = store:cursor { recipe = "r", name = "a", account = "shop", key = "k" }
    a:deliver("1", "2020-01-01 00:00:00", "d")
    a:advance("2020-01-01 00:00:00", "2020-01-01 00:00:00")
    a:commit()
    store:cursor({ recipe = "r", name = "b" }):close()
    local list = store:cursors()
    assert.is_number(list[1].committed)
    assert.is_number(list[1].holder)
    list[1].committed, list[1].holder = nil, nil
    assert.same({ { id = 1, recipe = "r", name = "a", account = "shop", key = "k", position = "2020-01-01 00:00:00", remembered = 1, locked = true },
      { id = 2, recipe = "r", name = "b", account = "", key = "", remembered = 0, locked = false } }, list)
    a:close()
    assert.is_false(store:cursors()[1].locked)
  end)

  it("is looked at without a change", function()
    local facts = state.look(dir .. "/s.db")
    assert.equal(facts.known, facts.schema)
    store:close()
    local bytes = tmp.read(dir .. "/s.db")
    local old = bytes:sub(1, 60) .. "\0\0\0\1" .. bytes:sub(65)
    tmp.write(dir .. "/s.db", old)
    assert.equal(1, state.look(dir .. "/s.db").schema)
    assert.equal(old, tmp.read(dir .. "/s.db"))
    tmp.write(dir .. "/s.db", bytes:sub(1, 4096) .. ("\255"):rep(#bytes - 4096))
    assert.equal("state", problem(state.look, dir .. "/s.db").code)
    assert.matches("is damaged", problem(state.look, dir .. "/s.db").message)
    assert.equal("state", problem(state.look, dir .. "/none.db").code)
    assert.is_nil(io.open(dir .. "/none.db"))
    tmp.write(dir .. "/s.db", bytes)
  end)

  it("is exported whole, or not at all", function()
    store:run_start { recipe = "one" }
    assert.is_true(store:export(dir .. "/copy.db"))
    store:run_start { recipe = "two" }
    local copy = state.open(dir .. "/copy.db")
    assert.equal(1, #copy:runs())
    copy:close()
    assert.is_true(store:export(dir .. "/copy.db"))
    copy = state.open(dir .. "/copy.db")
    assert.equal(2, #copy:runs())
    copy:close()
    assert.matches("belongs to the store itself", problem(store.export, store, dir .. "/s.db").message)
    assert.equal("state", problem(store.export, store, dir .. "/none/copy.db").code)
    assert.equal("usage", problem(store.export, store, dir).code)
    for name in require("lfs").dir(dir) do assert.is_nil(name:find "%.part") end
  end)

  it("has one lock for a name", function()
    local lock = assert(store:lock "x")
    assert.is_nil(store:lock "x")
    local other = assert(store:lock "y")
    other:close()
    lock:close()
    lock = assert(store:lock "x")
    lock:close()
    lock:close()
  end)

  it("knows which runs are alive", function()
    local id = store:run_start { recipe = "r" }
    assert.is_true(store:run_alive(id))
    store:run_finish(id, {})
    assert.is_false(store:run_alive(id))
    assert.is_false(store:run_alive(99))
  end)

  it("keeps runs that it is told to keep, and refuses what is no list of them", function()
    local kept, gone = store:run_start { recipe = "a" }, store:run_start { recipe = "b" }
    store:run_finish(kept, {})
    store:run_finish(gone, {})
    time.shift(10)
    assert.equal(0, store:forget_runs(time.now() - 3600))
    assert.equal(1, store:forget_runs(time.now(), { kept }))
    assert.equal(kept, store:runs()[1].id)
    assert.equal("usage", problem(store.forget_runs, store, 1, { "x" }).code)
    assert.equal(1, store:forget_runs(time.now()))
  end)
end)
