-- docs/tutorial.md is gone through as it stands: its shell in a shell, its prompt in a terminal, its files as they are written.
local process = require "sluice.process"
local tmp = require "support.tmp"
local walkthrough = require "support.walkthrough"

local page = tmp.read "docs/tutorial.md"

local function section(title) return assert((page .. "\n## "):match("\n## %d%. " .. title .. "\n(.-)\n## ")) end

describe("docs/tutorial.md", function()
  local dir, walk, url
  local running = {}

  -- The page with this sandbox's address.
  local function here(text) return (text:gsub("http://127%.0%.0%.1:8085", url)) end

  local function put(name, kind, first, n)
    local blocks = {}
    for _, block in ipairs(walkthrough.blocks(here(page))) do
      if block.kind == kind and block.text:sub(1, #first) == first then blocks[#blocks + 1] = block.text .. "\n" end
    end
    tmp.write(dir .. "/" .. name, blocks[n or 1])
  end

  -- A command that goes on until it is stopped, once it has said something.
  local function start(command)
    local child = assert(process.spawn { argv = walk:argv("exec " .. command), cwd = dir, death_signal = true })
    running[#running + 1] = child
    return select(2, child:line())
  end

  -- The `$ ` commands of a section, done and compared; how many.
  local function shell(title)
    local count = 0
    for _, block in ipairs(walkthrough.blocks(here(section(title)))) do
      for _, step in ipairs(block.kind == "text" and walkthrough.steps(block.text) or {}) do
        if step.command == "sluice serve" then start(step.command) else walk:check(step) end
        count = count + 1
      end
    end
    return count
  end

  setup(function()
    dir = tmp.dir()
    walk = walkthrough.new { dir = dir }
    local command = section "A sandbox":match "\n%$ (sluice sandbox[^\n]*)"
    url = start(command .. " --port 0"):match "^(http://[%d.:]+) has 300 products"
    put("sluice.yaml", "yaml", "version: 1")
    put("feed.lua", "lua", "-- feed.lua\n")
  end)
  teardown(function()
    for _, child in ipairs(running) do child:close() end
  end)

  it("begins by hand", function() assert.equal(7, shell "By hand") end)

  it("goes on with sluice call", function() assert.equal(7, shell "The same with sluice") end)

  it("feeds what has changed, after a look at what it would send", function() assert.equal(6, shell "A recipe that remembers") end)

  it("has a schedule, and a daemon that runs it", function()
    put("sluice.yaml", "yaml", "version: 1", 2)
    tmp.write(dir .. "/sluice.yaml", tmp.read(dir .. "/sluice.yaml") .. "serve: { listen: off }\n") -- the page's port may be taken here
    assert.equal(0, select(2, walk:run "sluice check"))
    assert.equal(6, shell "On a schedule")
  end)
end)
