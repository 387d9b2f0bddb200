-- What specs of a user's own project get from `sluice test`: run as a user runs them, in a folder of their own.
local aside = require "sluice.aside"
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local HERE = lfs.currentdir()
local SLUICE = HERE .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("a spec under sluice test", function()
  local dir
  before_each(function() dir = tmp.dir() end)

  local function test(text, files)
    assert(lfs.mkdir(dir .. "/tests"))
    for name, content in pairs(files or {}) do tmp.write(dir .. "/" .. name, content) end
    tmp.write(dir .. "/tests/own_spec.lua", text)
    return assert(process.run { argv = { SLUICE, "test", "-o", "TAP", "tests" }, cwd = dir })
  end

  local function passes(done) assert.same({ 0, nil }, { done.status, done.stdout:match "not ok.*" }, done.stdout .. done.stderr) end

  it("has a sandbox: clients, runs, and what the sandbox can be told", function()
    passes(test([[
describe("mine", function()
  local s
  setup(function() s = sandbox { products = 7 } end)
  teardown(function() s:stop() end)
  it("asks", function()
    assert.equal(57, s:connect("shop"):sources()[1].id)
    assert.equal(1, #s.server:requests() - 1) -- and a login
  end)
  it("runs", function()
    local done = s:run "count.lua from=shop"
    assert.same({ 0, 7 }, { done.status, done.sums.skipped }, done.stderr)
    s.server:add(2)
    assert.equal(2, s:run({ "count.lua", "from=shop" }).sums.skipped)
    assert.equal(2, s:run("count.lua from=nobody").status)
  end)
end)]], { ["count.lua"] = [[
local sluice = require "sluice"
return sluice.recipe { about = "Counts", args = { from = "connection" }, run = function(args, run)
  for _ in sluice.connect(args.from):changed_products { cursor = run:cursor "n" } do run:skip "counted" end
  run:commit()
end }]] }))
  end)

  it("has replays, which end with the test", function()
    local entry = { startedDateTime = "2026-01-02T03:04:05Z", time = 5,
      request = { method = "GET", url = "https://stream-api.productsup.com/streams/1" },
      response = { status = 200, headers = {}, content = { text = '{"data":{"id":"1","attributes":{"name":"as recorded"}}}' } } }
    passes(test([[
local sluice, http = require "sluice", require "sluice.http"
describe("mine", function()
  it("is answered from the file", function()
    local r = replay "s.har"
    local feed = sluice.connect { api = "productsup_stream", token = "none-at-all" }
    assert.equal(1, r:left())
    assert.equal("as recorded", feed:stream { stream = 1 }.attributes.name)
    assert.equal(0, r:left())
    local ok, problem = pcall(feed.stream, feed, { stream = 2 })
    assert.is_false(ok)
    assert.matches("streams/2 is not in the recording", problem.message)
    sluice.task.sleep(3600)
  end)
  it("and no longer after it", function()
    assert.is_true(require("sluice.time").now() > 1767323045 + 86400)
    local res, problem = http.get "http://127.0.0.1:1/"
    assert.same({ nil, "network" }, { res, problem.code })
  end)
  it("runs a recipe on it", function()
    local done = replay("s.har"):run("name.lua", "sluice.yaml")
    assert.same({ 0, "as recorded\n" }, { done.status, done.stderr:match "as recorded\n" })
    assert.matches("none.har", select(2, pcall(replay, "none.har")).message)
  end)
end)]], { ["s.har"] = json.encode { log = { version = "1.2", entries = { entry } } },
      ["sluice.yaml"] = 'version: 1\nconnections: { feed: { api: productsup_stream, token: "none-at-all" } }\n',
      ["name.lua"] = 'print(require("sluice").connect("feed"):stream { stream = 1 }.attributes.name)' }))
  end)

  it("leaves nothing behind, also where it forgets to stop or fails", function()
    local spec = 'it("x", function() local s = sandbox(); print("folder " .. s.folder); replay("none.har") end)'
    local done = test(spec)
    assert.equal(1, done.status)
    local folder = done.stdout:match "folder (%S+)"
    assert.is_nil(lfs.attributes(folder), folder)
  end)

  it("removes no more than it is told", function()
    assert(lfs.mkdir(dir .. "/a"))
    assert(lfs.mkdir(dir .. "/a/b"))
    tmp.write(dir .. "/a/b/c", "x")
    tmp.write(dir .. "/d", "x")
    aside.remove(dir .. "/a")
    assert.same({ nil, "file" }, { lfs.attributes(dir .. "/a"), lfs.attributes(dir .. "/d", "mode") })
  end)
end)
