-- docs/tutorial.md is gone through as it stands: its shell in a shell, its prompt in a terminal, its files as they are written.
local json = require "sluice.json"
local process = require "sluice.process"
local sluice = require "sluice"
local tmp = require "support.tmp"
local tmux = require "support.tmux"
local typist = require "support.typist"
local walkthrough = require "support.walkthrough"

local page = tmp.read "docs/tutorial.md"

local function section(title) return assert((page .. "\n## "):match("\n## %d%. " .. title .. "\n(.-)\n## ")) end

describe("docs/tutorial.md", function()
  local dir, walk, url, prompt
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

  -- The prompts of a section, typed and compared; how many lines that were. The last block has the last prompt.
  local function type_in(title, behind)
    local list, count = {}, 0
    for _, block in ipairs(walkthrough.blocks(here(section(title)))) do
      local text = ("\n" .. block.text):match "\n(> .*)$"
      if block.kind == "text" and text then list[#list + 1] = text end
    end
    for i, text in ipairs(list) do count = count + prompt:check(text, i < #list and "> " or behind) end
    return count
  end

  local function counts()
    return json.decode(sluice.http.get(url .. "/sandbox/stream/124773/counts").body)
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
    if prompt then prompt:stop() end
    for _, child in ipairs(running) do child:close() end
  end)

  it("begins by hand", function() assert.equal(7, shell "By hand") end)

  it("goes on with sluice call", function() assert.equal(7, shell "The same with sluice") end)

  it("looks around at the prompt", function()
    if not tmux.there() then return pending "there is no tmux here" end
    prompt = typist.start { argv = walk:argv "exec sluice repl", cwd = dir, columns = 100, rows = 40 }
    local first = walkthrough.blocks(section "Looking around")[1].text
    assert.is_true(walkthrough.agrees("$ sluice repl\n" .. prompt.head, walkthrough.lines(first:match "^(.-)\n>")), prompt.head)
    assert.equal(19, type_in("Looking around", "> "))
    assert.same({ 3, 3 }, { counts().products, counts().applied })
  end)

  it("saves the session, and runs what was saved", function()
    if not prompt then return pending "there is no tmux here" end
    assert.equal(3, type_in("The session, saved", nil))
    assert.equal(0, prompt:ended())
    local shown = walkthrough.block(page, "lua", "-- Saved from a session")
    local function dated(text) return (text:gsub("%d%d%d%d%-%d%d%-%d%d%.\n", "", 1)) end
    assert.equal(dated(shown), dated(tmp.read(dir .. "/first.lua")))
    assert.equal(4, shell "The session, saved")
    assert.same({ 3, 6 }, { counts().products, counts().applied })
  end)

  it("feeds what has changed, after a look at what it would send", function() assert.equal(6, shell "A recipe that remembers") end)

  it("has a schedule, and a daemon that runs it", function()
    put("sluice.yaml", "yaml", "version: 1", 2)
    tmp.write(dir .. "/sluice.yaml", tmp.read(dir .. "/sluice.yaml") .. "serve: { listen: off }\n") -- the page's port may be taken here
    assert.equal(0, select(2, walk:run "sluice check"))
    assert.equal(6, shell "On a schedule")
  end)
end)
