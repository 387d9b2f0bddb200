-- docs/serve.md names the addresses and metrics that there are, and its curl commands run.
local json = require "sluice.json"
local metrics = require "sluice.page.metrics"
local routes = require "sluice.page.routes"
local support = require "support.page"
local curl = require "support.curl"
local tmp = require "support.tmp"

describe("docs/serve.md", function()
  local page = tmp.read "docs/serve.md"

  it("names the addresses of the API", function()
    local named, known = {}, {}
    for address in page:gmatch "\n| `(%u+ /api/[^`]*)` |" do named[address] = true end
    for _, row in ipairs(routes.new().rows) do
      if row.path:find "^/api/" then known[row.method .. " " .. row.path] = true end
    end
    assert.same(known, named)
  end)

  it("names the metrics, with their types", function()
    local named, known = {}, {}
    for name, kind in page:gmatch "\n| `(sluice_[%w_]+)` | (%l+)" do named[name] = kind end
    for _, family in ipairs(metrics.families) do known[family.name] = family.type end
    assert.same(known, named)
  end)

  it("has curl commands that run", function()
    local site, count = support.new(), 0
    for command in page:gmatch "\n(curl [^\n]+)" do
      local done = curl.document(command, { ["http://127.0.0.1:7070"] = site.url, ["$TOKEN"] = site.token })
      assert.equal(200, done.status, command .. done.err .. done.body)
      if command:find("/api/", 1, true) then assert.is_table(json.decode(done.body)) end
      count = count + 1
    end
    assert.is_true(count >= 9)
    assert.is_nil(json.decode(site:get("/api/v1/schedules/delta").body).paused)
    site:close()
  end)
end)
