-- docs/repl.md: what it shows is what is shown, what it completes is completed, what it explains is explained.
local complete = require "sluice.repl.complete"
local connect = require("sluice.connect").connect
local explain = require "sluice.repl.explain"
local iterators = require "sluice.iterators"
local show = require "sluice.repl.show"
local tmp = require "support.tmp"
local tools = require "sluice.repl.tools"

local page = tmp.read "docs/repl.md"

local function section(title) return page:match("\n## " .. title .. "\n(.-)\n## ") or page:match("\n## " .. title .. "\n(.*)") end

-- The prompts of a section's blocks: { typed, shown lines }.
local function prompts(text)
  local list = {}
  for block in text:gmatch "\n```text\n(.-)\n```" do
    for line in (block .. "\n"):gmatch "(.-)\n" do
      local typed = line:match "^> (.*)$"
      if typed then list[#list + 1] = { typed = typed, lines = {} }
      else table.insert(list[#list].lines, line) end
    end
  end
  return list
end

-- Whether lines are those that are shown; "…" stands for any number of them.
local function same_lines(shown, given)
  local at = 1
  for i, line in ipairs(shown) do
    if line == "…" then
      while given[at] and given[at] ~= shown[i + 1] do at = at + 1 end
    elseif given[at] ~= line then
      return false, ("%s\nis not\n%s"):format(tostring(given[at]), line)
    else
      at = at + 1
    end
  end
  return at > #given, "more than is shown"
end

describe("docs/repl.md", function()
  local session, out
  local print_out = io.write
  setup(function()
    out = {}
    session = { env = setmetatable({}, { __index = _G }), columns = 100, rows = 40 }
    session.connections = { depot = connect { api = "veeqo", name = "depot", api_key = "secret-of-depot" } }
    session.env.depot = session.connections.depot
    tools.install(session)
    function session.env.count(last)
      local at = 0
      return iterators.mark(function()
        at = at + 1
        return at <= last and { id = at } or nil
      end)
    end
    session.commands = { save = "x" }
  end)
  before_each(function()
    io.write = function(...) out[#out + 1] = table.concat { ... } end -- luacheck: ignore
  end)
  after_each(function() io.write = print_out end) -- luacheck: ignore

  local function type_in(typed)
    out = {}
    if typed:find "^%?" then return assert(explain.text(session, typed)) end
    local chunk = load("return " .. typed, "=", "t", session.env) or assert(load(typed, "=", "t", session.env))
    local value = chunk()
    if value ~= nil then
      session.env._ = value
      show.print(session, value)
    end
    return (table.concat(out):gsub("\n$", ""))
  end

  for _, title in ipairs { "What is shown", "Help" } do
    it("shows what is shown: " .. title, function()
      local list = prompts(section(title))
      assert.is_true(#list > 0)
      for _, prompt in ipairs(list) do
        local given = {}
        local text = type_in(prompt.typed)
        for line in (text == "" and "" or text .. "\n"):gmatch "(.-)\n" do given[#given + 1] = line end
        local ok, why = same_lines(prompt.lines, given)
        assert.is_true(ok, prompt.typed .. ": " .. why)
      end
    end)
  end

  it("names every tool, and no other", function()
    local named = {}
    for name in section("What is shown"):gmatch "\n| `([%w_]+)%(" do named[name] = true end
    local own = { env = {} }
    tools.install(own)
    for name in pairs(own.env) do
      assert.is_true(named[name], name)
      named[name] = nil
    end
    assert.is_nil(next(named))
  end)

  it("completes what it says", function()
    local count = 0
    session.env.rows = { { price = 1 } }
    for typed in section("Completion"):gmatch "\n| `([^`]+)` |" do
      count = count + 1
      local found = complete.candidates(session, typed)
      assert.is_true(#found.words > 0, typed)
    end
    assert.equal(11, count)
  end)

  it("explains what it says", function()
    for typed in section("Help"):gmatch "\n| `([^`]+)` |" do assert.is_string(explain.text(session, typed), typed) end
  end)
end)
