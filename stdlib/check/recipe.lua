--- What is wrong in the text of a recipe beyond its syntax: each rule is a module of its own that looks at the whole file.
--- What a rule can't be certain of it passes over in silence.
---
---     local findings, notes = recipe.findings(text, "scripts/send.lua", context)
---
--- A line that ends in `-- sluice: ignore` has no findings.
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"
local parse = require "sluice.check.parse"
local scope = require "sluice.check.scope"

local recipe = {}

local RULES = { "globals", "modules", "options", "operations", "declared", "running", "writes", "unused" }

---@class sluice.check.Recipe
---@field node sluice.check.Node the call of sluice.recipe
---@field spec sluice.check.Fields its table
---@field args? sluice.check.Fields the declared arguments, where they stand there

-- The recipe of the file: the one call of sluice.recipe with a table in place.
local function find_recipe(file)
  local found
  for _, call in ipairs(file.names.calls) do
    local callee = call.tag == "Call" and meaning.of(file, call[1])
    if callee and callee.kind == "member" and callee.module == "sluice" and callee.key == "recipe" then
      if found or not call[2] or call[2].tag ~= "Table" then return nil end
      found = { node = call, spec = literal.fields(call[2]) }
      local args = found.spec.pairs.args
      found.args = args and args.tag == "Table" and literal.fields(args) or nil
    end
  end
  return found
end

local function asks_api(names)
  for _, index in ipairs(names.indexes) do
    if literal.text(index[2]) == "api" then return true end
  end
  return false
end

local function by_place(a, b)
  if a.line ~= b.line then return a.line < b.line end
  if a.column ~= b.column then return a.column < b.column end
  return a.message < b.message
end

local function sorted(list)
  table.sort(list, by_place)
  local out = {}
  for _, one in ipairs(list) do
    local last = out[#out]
    if not last or by_place(last, one) then out[#out + 1] = one end -- each once
  end
  return out
end

-- The file as the rules see it, with the functions that they report with.
local function open(tree, name, context)
  local names, findings, notes = scope.resolve(tree), {}, {}
  local file = { name = name, tree = tree, names = names, meanings = {} }
  file.context = setmetatable({ asks_api = asks_api(names) }, { __index = context })
  file.recipe = find_recipe(file)
  file.meanings = {} -- from here on with the recipe known
  function file.report(node, hint, text, ...)
    if tree.ignored[node.line] then return end
    findings[#findings + 1] = { file = name, line = node.line, column = parse.column(tree, node),
      message = select("#", ...) > 0 and text:format(...) or text, hint = hint }
  end
  function file.note(node, text, ...)
    if tree.ignored[node.line] then return end
    notes[#notes + 1] = ("%s:%d:%d: %s"):format(name, node.line, parse.column(tree, node), text:format(...))
  end
  return file, findings, notes
end

--- What is wrong in a recipe whose syntax is right.
---@param text string
---@param name string of the file
---@param context sluice.check.Context
---@return sluice.Finding[]
---@return string[] notes: what is odd, and what could not be looked at
function recipe.findings(text, name, context)
  local tree, reason = parse.tree(parse.source(text))
  if not tree then return {}, { ("%s: %s; only its syntax is checked"):format(name, reason) } end
  local file, findings, notes = open(tree, name, context)
  for _, rule in ipairs(RULES) do require("sluice.check." .. rule).check(file) end
  return sorted(findings), notes
end

return recipe
