-- Notes of a recipe, and a stream that it makes once: what survives a death.
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local notes = require "sluice.notes"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"
local tmp = require "support.tmp"

describe("sluice.notes", function()
  local dir
  before_each(function() dir = tmp.dir() end)
  after_each(function() run.set(nil) end)

  local function started(options)
    local one = run.set { silent = true, options = options or {}, name = "t", loaded = { store = dir .. "/state.db", folder = dir } }
    one.recipe, one.args = { key = { "name" } }, { name = "a" }
    return one
  end

  local function ended(one)
    for _, cursor in ipairs(one.cursors) do cursor.state:close() end
    one.opened:close()
  end

  it("are there in the next run, one field forgotten, all with --full", function()
    local one = started()
    local done = notes.open(one, "migration", "me")
    assert.is_nil(done.stream)
    done:note { stream = "7", pid = "x", count = 3 }
    done:note { pid = false }
    assert.same({ "7", nil, 3 }, { done.stream, done.pid, done.count })
    ended(one)
    one = started()
    done = notes.open(one, "migration", "me")
    assert.same({ "7", nil, 3 }, { done.stream, done.pid, done.count })
    assert.is_nil(notes.open(one, "migration", "another").stream)
    ended(one)
    one = started { full = true }
    assert.is_nil(notes.open(one, "migration", "me").stream)
    ended(one)
  end)

  it("are one run's at a time", function()
    local one = started()
    notes.open(one, "migration", "me")
    local other = started()
    local ok, problem = pcall(notes.open, other, "migration", "me")
    assert.same({ false, "locked" }, { ok, problem.code })
    ended(one)
    other.opened:close()
  end)
end)

describe("own_stream", function()
  local sb, feed, said
  before_each(function()
    sb = sandbox.start { products = 0, rate_scale = 1000 }
    feed = connect { api = "productsup_stream", name = "feed", base_url = sb.url, token = "sandbox-token", limits = { other = "1000/s" } }
    said = {}
  end)
  after_each(function() sb:stop() end)

  local function own(mine, name)
    return feed:own_stream { name = name or "mine", mine = mine, intend = function(is) said[#said + 1] = is end }
  end

  local function fails(...)
    local ok, problem = pcall(own, ...)
    assert.is_false(ok)
    assert.is_true(err.is(problem), tostring(problem))
    return problem
  end

  it("makes it after the intent is noted, and takes it over in a run that finds the intent", function()
    local id = own().id
    assert.same({ true }, said)
    assert.equal(id, own(true).id)
    assert.same({ true }, said)
    assert.matches(("stream %s is called 'mine' already"):format(id), fails().message)
    assert.same({ true }, said) -- nothing was intended
  end)

  it("finds the one whose making was not answered", function()
    sb:fault "reset_after method=POST path=/streams"
    assert.equal("ambiguous", fails().code)
    assert.same({ true }, said)
    assert.equal("mine", own(true).attributes.name)
  end)

  it("gives the intent up where a deleted stream keeps the name", function()
    feed:delete_stream { stream = own().id }
    local problem = fails(true)
    assert.matches("a deleted stream keeps it for up to 7 days", problem.message)
    assert.same({ true, false }, said)
  end)
end)
