--- A few short facts of a value that a spec can assert: scalars as they are, how long a list is, the first scalars of a table. Pure; no
--- code of a script runs.
---
---     facts.of { hits = { total = 60 } }        --> { { path = ".hits.total", literal = "60" } }
---     facts.lines("found", list)                --> { "assert.equal(60, found.hits.total)" }
local log = require "sluice.log"
local peek = require "sluice.repl.peek"

local facts = {}

local MOST, SCALARS, DEEPEST, LONGEST = 8, 4, 3, 120

---@class sluice.repl.Fact
---@field path string behind the value's name: "", ".total", "[1].id"
---@field literal? string what stands there, as Lua has it
---@field count? integer how long the list there is

local keywords = require("sluice.repl.lexer").keywords

-- The step to a field, nil where it can't be written.
local function step(key)
  if math.type(key) == "integer" then return ("[%d]"):format(key) end
  if type(key) ~= "string" or #key > 60 or log.mask(key) ~= key then return nil end
  if key:find "^[%a_][%w_]*$" and not keywords[key] then return "." .. key end
  return ("[%q]"):format(key)
end

local function literal_of(value)
  if type(value) == "string" then
    if #value > LONGEST or value:find "[%c]" or not utf8.len(value) then return nil end
    return ("%q"):format(log.mask(value))
  end
  if math.type(value) == "integer" or type(value) == "boolean" then return tostring(value) end
  if math.type(value) == "float" and value == value and value > -math.huge and value < math.huge then return ("%.17g"):format(value) end
end

-- What a value is in a word: a scalar as it is, a list by its length; nil for what has to be looked into.
local function fact_of(value, path)
  local literal = literal_of(value)
  if literal then return { path = path, literal = literal } end
  if not peek.is_list(value) then return nil end
  local _, total = peek.entries(value, 1)
  return { path = path, count = total }
end

-- What is in a value: of a list the first, of a table its fields. Lengths say the most, so they come first.
local function inside(value, path)
  local list, deep, scalars = {}, {}, {}
  local entries = peek.entries(value, peek.is_list(value) and 1 or 20)
  for _, entry in ipairs(entries) do
    local at = step(entry[1])
    local fact = at and fact_of(entry[2], path .. at)
    if fact then table.insert(fact.count and list or scalars, fact) end
    if at and not (fact and fact.literal) then table.insert(deep, { entry[2], path .. at }) end
  end
  table.move(scalars, 1, math.min(SCALARS, #scalars), #list + 1, list)
  return list, deep
end

--- The facts of a value, eight at most, what is nearest first.
---@param value any
---@return sluice.repl.Fact[]
function facts.of(value)
  local first = fact_of(value, "")
  local list, level = { first }, first and first.literal and {} or { { value, "" } }
  for _ = 1, DEEPEST do
    local following = {}
    for _, one in ipairs(level) do
      local kind = peek.kind(one[1])
      local known = kind == "array" or kind == "object" or kind == "record"
      local more, deep = {}, {}
      if known then more, deep = inside(one[1], one[2]) end
      table.move(more, 1, math.min(#more, MOST - #list), #list + 1, list)
      table.move(deep, 1, #deep, #following + 1, following)
    end
    level = following
  end
  return list
end

--- A line of a spec for each fact of what has this name.
---@param name string
---@param list sluice.repl.Fact[]
---@return string[]
function facts.lines(name, list)
  local lines = {}
  for i, fact in ipairs(list) do
    local expected = fact.count and tostring(fact.count) or log.mask(fact.literal)
    lines[i] = ("assert.equal(%s, %s%s%s)"):format(expected, fact.count and "#" or "", name, fact.path)
  end
  return lines
end

return facts
