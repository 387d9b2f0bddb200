-- docs/repl.md: what it shows of a session with a shop and a stream is typed at a real prompt. (repl_view_spec.lua has what is shown of
-- values, of completion and of help.)
local project = require "support.project"
local tmp = require "support.tmp"
local tmux = require "support.tmux"
local typist = require "support.typist"
local walkthrough = require "support.walkthrough"

local page = tmp.read "docs/repl.md"

local function section(title) return (page .. "\n## "):match("\n## " .. title .. "\n(.-)\n## ") end

describe("docs/repl.md", function()
  local p, walk
  setup(function()
    p = project.new { products = 300 }
    walk = walkthrough.new { dir = p.dir }
  end)
  teardown(function() p:stop() end)

  -- Types the prompts of a text's one block into a session of its own.
  local function type_in(text)
    local list = {}
    for _, block in ipairs(walkthrough.blocks(text)) do
      if block.kind == "text" then list[#list + 1] = block.text:gsub("http://127%.0%.0%.1:8085", p.sandbox.url) end
    end
    assert.equal(1, #list)
    local prompt = typist.start { argv = walk:argv "exec sluice repl", cwd = p.dir, columns = 100, rows = 40 }
    finally(function() prompt:stop() end)
    prompt:check(list[1] .. "\n> .quit")
    assert.equal(0, prompt:ended())
  end

  for name, text in pairs { ["of its beginning"] = page:match "^(.-)\n## ", ["of errors"] = section "Errors", ["of writes"] = section "Writes" } do
    it("shows a session " .. name, function()
      if not tmux.there() then return pending "there is no tmux here" end
      type_in(text)
    end)
  end

  it("shows how a session is saved", function()
    if not tmux.there() then return pending "there is no tmux here" end
    type_in(section "Saving a session")
    assert.equal(1, p.sandbox:stream(124773).count)
    assert.equal(0, select(2, walk:run "sluice run first.lua"))
    assert.equal(2, p.sandbox:stream(124773):times "1")
  end)
end)
