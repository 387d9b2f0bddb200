-- docs/sandbox.md names the options, faults and control pages that there are, and its example runs.
local command = require "sluice.sandbox.command"
local control = require "sluice.sandbox.control"
local faults = require "sluice.sandbox.faults"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local function set(text, pattern)
  local names = {}
  for name in text:gmatch(pattern) do names[name] = true end
  return names
end

describe("docs/sandbox.md", function()
  local page = tmp.read "docs/sandbox.md"
  local function section(title) return page:match("\n## " .. title .. "\n(.-)\n## ") end

  it("names the options", function()
    local named = {}
    for cell in section("Options"):gmatch "\n| ([^|]*) |" do
      for name in cell:gmatch "`(%-%-[%w-]+)" do named[name] = true end
    end
    local taken = {}
    for _, row in ipairs(command.options) do taken[row[1]:match "%-%-[%w-]+"] = true end
    assert.same(taken, named)
  end)

  it("names the faults", function()
    local kinds = {}
    for kind in pairs(faults.kinds) do kinds[kind] = true end
    assert.same(kinds, set(section "Faults", "\n| `([%w_]+)` |"))
  end)

  it("names the control pages", function()
    local pages = {}
    for _, route in ipairs(control.routes) do
      if route.path ~= "/sandbox" then pages[route.method .. " " .. route.path] = true end
    end
    assert.same(pages, set(section "Control pages", "\n| `(%u+ /[^`]*)` |"))
  end)

  it("has an example that runs", function()
    local script = tmp.write(tmp.dir() .. "/spec.lua", page:match "## In a spec\n\n```lua\n(.-)```")
    local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local done = assert(process.run { argv = { "env", "XDG_STATE_HOME=" .. tmp.dir(), sluice, "run", script }, timeout = 60 })
    assert.equal(0, done.status, done.stderr)
    assert.matches("^%d+\t%d+\n$", done.stdout)
  end)
end)
