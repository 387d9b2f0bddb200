-- docs/delta_feed.md names the arguments of the recipe, the columns of a variant's row and the exit codes.
local json = require "sluice.json"
local project = require "support.project"
local process = require "sluice.process"
local tmp = require "support.tmp"

local page = tmp.read "docs/delta_feed.md"

-- What the first cells of a section's tables name.
local function named_in(title)
  local section, names = page:match("\n## " .. title .. "\n(.-)\n## "), {}
  for cell in section:gmatch "\n| ([^|]*) |" do
    for name in cell:gmatch "`([%w_]+)`" do names[name] = true end
  end
  return names
end

local function keys(t)
  local names = {}
  for key in pairs(t) do names[key] = true end
  return names
end

describe("docs/delta_feed.md", function()
  it("names the arguments", function()
    local spec = dofile "scripts/delta_feed.lua"
    assert.same(keys(spec.args), named_in "Arguments")
  end)

  it("names the columns of a variant's row", function()
    local p = project.new { products = 40 }
    local done = p:run "scripts/delta_feed.lua from=shop to=file:out.ndjson shape=variant"
    p:stop()
    local columns = {}
    for line in (tmp.read(p.dir .. "/out.ndjson")):gmatch "[^\n]+" do
      for key in pairs(json.decode(line)) do columns[key] = true end
    end
    assert.equal(0, done.status, done.stderr)
    local documented = named_in "What is sent"
    for name in pairs(columns) do assert.is_true(documented[name], name .. " is not in the docs") end
    for _, name in ipairs(require("sluice.product_rows").columns) do columns[name] = true end -- the sandbox has no second and third options
    for name in pairs(documented) do assert.is_truthy(columns[name], name .. " is no column") end
  end)

  it("names the exit codes that help names", function()
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local help = assert(process.run { argv = { sluice, "help" } }).stdout:match "Exit codes: (.-)\nMore"
    for code in help:gmatch "%f[%d]%d+%f[%D]" do
      assert.is_truthy(page:find("\n| [^|\n]*%f[%d]" .. code .. "%f[%D][^|\n]* | ", 1), code)
    end
  end)
end)
