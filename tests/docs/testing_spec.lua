-- docs/testing.md: its specs run as they stand, and its tables name what a sandbox and a replay have.
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local SLUICE = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local page = tmp.read "docs/testing.md"

-- The n-th block of Lua.
local function block(n)
  local i = 0
  for text in page:gmatch "\n```lua\n(.-)\n```" do
    i = i + 1
    if i == n then return text end
  end
end

local function passes(text)
  local path = tmp.write(tmp.dir() .. "/page_spec.lua", text)
  local done = assert(process.run { argv = { SLUICE, "test", "-o", "TAP", path }, timeout = 100 })
  assert.same({ 0, nil }, { done.status, done.stdout:match "not ok.*" }, done.stdout .. done.stderr)
end

local function named(what)
  local names = {}
  for name in page:gmatch("`" .. what .. ":([%w_]+)%(") do names[name] = true end
  return names
end

local function methods(class)
  local names = {}
  for name in tmp.read("stdlib/test_helpers.lua"):gmatch("\nfunction " .. class .. ":([%w_]+)%(") do names[name] = true end
  return names
end

describe("docs/testing.md", function()
  it("has a spec for a sandbox that passes", function() passes(block(1)) end)

  it("has a spec for a replay that passes", function()
    local har = tmp.dir() .. "/stream.har"
    tmp.write(har, json.encode { log = { version = "1.2", entries = { {
      startedDateTime = "2026-01-02T03:04:05Z", time = 5, request = { method = "GET", url = "https://stream-api.productsup.com/streams/124773" },
      response = { status = 200, headers = {}, content = { text = '{"data":{"id":"124773","attributes":{"name":"My stream"}}}' } } } } } })
    passes((block(2):gsub("tests/stream.har", har)))
    assert.is_nil(lfs.attributes "tests/stream.har")
  end)

  it("names the methods that there are", function()
    assert.same(methods "Sandbox", named "s")
    assert.same(methods "Replay", named "r")
  end)
end)
