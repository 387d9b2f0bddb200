-- The store's outbox: rows, their locks, their order.
local lfs = require "lfs"
local process = require "sluice.process"
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("the store's outbox", function()
  local path, store
  before_each(function()
    path = tmp.dir() .. "/state.db"
    store = state.open(path)
  end)
  after_each(function()
    time.shift(0, 0)
    store:close()
  end)

  local function claim(key, more)
    local row = { host = "https://x", account = "bob", operation = "post", key = key, body = '{"n":1}', digest = "d1", run = 3 }
    for name, value in pairs(more or {}) do row[name] = value end
    return store:outbox_claim(row)
  end

  local function keys(filter)
    local list = {}
    for i, row in ipairs(store:outbox_rows(filter)) do list[i] = row.key end
    return list
  end

  it("has one row per host, account, operation, scope and key", function()
    claim("A"):close()
    claim("A"):close()
    assert.equal(1, #keys())
    for _, more in ipairs { { host = "https://y" }, { account = "eve" }, { operation = "put" }, { scope = "c=1" } } do claim("A", more):close() end
    assert.equal(5, #keys())
    assert.same({ "c=1" }, { store:outbox_rows({ scope = "c=1" })[1].scope })
  end)

  it("gives a row to one at a time, within a process as between processes", function()
    local intent = assert(claim "A")
    assert.is_nil(claim "A")
    local other = state.open(path)
    assert.is_nil(other:outbox_claim_id(intent:row().id))
    assert.is_true(other:outbox_held(intent:row().id))
    local script = tmp.dir() .. "/take.lua"
    tmp.write(script, ([[local store = require("sluice.state").open %q
      print(store:outbox_claim_id(1) == nil) store:close()]]):format(path))
    assert.equal("true\n", assert(process.run { argv = { SLUICE, "run", script } }).stdout)
    intent:close()
    assert.is_false(other:outbox_held(1))
    assert(other:outbox_claim_id(1)):close()
    other:close()
  end)

  it("gives the row of a process that was killed to the next", function()
    local script = tmp.dir() .. "/die.lua"
    tmp.write(script, ([[local store = require("sluice.state").open %q
      intent = store:outbox_claim { host = "h", account = "a", operation = "o", key = "K", body = "{}", digest = "d" }
      io.stdout:write(tostring(store:outbox_held(1)), "\n") io.stdout:flush()
      require("sluice.process").run { argv = { "sh", "-c", "kill -9 $PPID" } }]]):format(path))
    tmp.write(script, "local intent\n" .. tmp.read(script))
    local done = assert(process.run { argv = { SLUICE, "run", script } })
    assert.equal("true\n", done.stdout)
    local intent <close> = assert(store:outbox_claim_id(1))
    assert.equal("intended", intent:row().state)
  end)

  it("lists by state, key and page, oldest first or newest", function()
    for i = 1, 5 do
      local intent <close> = claim("A" .. i)
      if i > 2 then intent:settle(i == 5 and "unknown" or "confirmed", "yes", i == 5 and "why" or nil) end
    end
    assert.same({ "A1", "A2", "A3", "A4", "A5" }, keys())
    assert.same({ "A3", "A4" }, keys { state = "confirmed" })
    assert.same({ "A5" }, keys { state = "unknown" })
    assert.same({ "A2" }, keys { key = "A2" })
    assert.same({}, keys { key = "A2", state = "confirmed" })
    assert.same({ "A3", "A4" }, keys { after = 2, most = 2 })
    assert.same({ "A4", "A3" }, keys { state = "confirmed", newest = true, most = 2 })
    assert.same({}, keys { account = "nobody" })
    assert.has_error(function() keys { state = "done" } end)
    assert.has_error(function() keys { stat = "sent" } end)
  end)

  it("takes new content where nothing was done yet, and keeps what may have been", function()
    claim("A"):close()
    local intent = claim("A", { body = '{"n":2}', digest = "d2", run = 4 })
    assert.same({ "d2", 4 }, { intent:row().digest, intent:row().run })
    intent:settle("unknown", nil, "why")
    intent:close()
    intent = claim("A", { body = '{"n":3}', digest = "d3" })
    assert.same({ "unknown", "d2", "why" }, { intent:row().state, intent:row().digest, intent:row().note })
    intent:settle("rejected", nil, "no")
    intent:close()
    intent = claim("A", { body = '{"n":3}', digest = "d3" })
    assert.same({ "intended", "d3" }, { intent:row().state, intent:row().digest })
    assert.is_nil(intent:row().age) -- never sent
    intent:close()
  end)

  it("counts searches, and forgets them when it is put back", function()
    local intent <close> = claim "A"
    intent:looked(false)
    intent:looked(true)
    assert.equal(1, intent:row().negatives)
    intent:back()
    assert.equal(0, intent:row().negatives)
    assert.has_error(function() intent:settle "sent" end)
  end)

  it("forgets bodies of what was confirmed and rows that were rejected, never keys of what was done", function()
    for i, fate in ipairs { "confirmed", "rejected", "unknown" } do
      local intent <close> = claim("A" .. i)
      intent:settle(fate, "yes")
    end
    claim("A4"):close()
    assert.equal(0, store:outbox_forget(time.now() - 60))
    assert.equal(2, store:outbox_forget(time.now() + 60))
    assert.same({ "A1", "A3", "A4" }, keys())
    local row = store:outbox_rows({ key = "A1" })[1]
    assert.same({ "confirmed", "d1" }, { row.state, row.digest })
    assert.same({}, { row.body, row.answer })
    assert.equal('{"n":1}', store:outbox_rows({ key = "A3" })[1].body)
  end)

  it("says so where the store is gone under an intent, or an argument is missing", function()
    local other = state.open(path)
    local intent = assert(other:outbox_claim { host = "h", account = "a", operation = "o", key = "k", body = "{}", digest = "d" })
    other:close()
    assert.has_error(function() intent:row() end)
    assert(store:outbox_claim_id(1)):close() -- its lock is back
    intent:close()
    assert.has_error(function() store:outbox_claim { host = "h" } end)
    local ok, problem = pcall(store.outbox_claim_id, store, 99)
    assert.is_false(ok)
    assert.equal("not_found", problem.code)
  end)
end)
