--- What a recipe declares: the fields of its table and of its arguments, and arguments that are read without being declared.
local argument = require "sluice.argument"
local err = require "sluice.err"
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"
local near = require("sluice.text").near
local scope = require "sluice.check.scope"

local declared = {}

-- ---- the declarations ----

-- Fields of a declaration that can be taken as it stands; without the one that is computed it may still be wrong.
local function plain_spec(node)
  local known, value = literal.value(node)
  if known then return value end
  if node.tag ~= "Table" then return nil end
  local out, fields = {}, literal.fields(node)
  if not fields.closed then return nil end
  for _, key in ipairs(fields.keys) do
    local is_known, plain = literal.value(key.value)
    if is_known then out[key.name] = plain end
    if not is_known and (key.name == "type" or key.name == "one_of") then return nil end -- the default hangs on it
  end
  out[1] = literal.text(fields.list[1]) or fields.list[1] and "" or nil
  return out
end

-- What in a declaration a complaint is about: the name of a field, the value of one, else the argument itself.
local function place_of(key, message)
  local node = literal.bare(key.value)
  local fields = node.tag == "Table" and literal.fields(node) or { keys = {}, pairs = {} }
  for _, one in ipairs(fields.keys) do
    if message:find("unknown field '" .. one.name .. "'", 1, true) then return one.node end
  end
  return message:find "the default of" and fields.pairs.default or message:find "there is no type" and fields.pairs.type or key.node
end

local function check_argument(file, key)
  local spec = plain_spec(literal.bare(key.value))
  if spec == nil then return end
  local ok, problem = pcall(argument.declare, key.name, spec)
  if ok then return end
  if not err.is(problem) then error(problem, 0) end
  local message = problem.message:gsub("^sluice%.recipe: ", "")
  file.report(place_of(key, message), problem.hint, "%s", message)
end

local function check_key(file, recipe)
  local node = recipe.spec.pairs.key
  if not node or node.tag ~= "Table" or not recipe.args or not recipe.args.closed then return end
  for _, one in ipairs(literal.fields(node).list) do
    local name = literal.text(one)
    if name and not recipe.args.pairs[name] then
      file.report(one, nil, "key names '%s', which is not among the args%s", name, near(name, require("sluice.text").keys(recipe.args.pairs)))
    end
  end
end

local function check_needed(file, recipe)
  if not recipe.spec.closed then return end
  for _, name in ipairs { "about", "run" } do
    if not recipe.spec.pairs[name] then file.report(recipe.node, nil, "sluice.recipe: '%s' is missing", name) end
  end
end

-- ---- the use ----

local HARMLESS = { assert = true, ipairs = true, next = true, pairs = true, print = true, rawequal = true, rawget = true, rawlen = true,
  select = true, tostring = true, type = true }

-- Whether all that a field of that name is given in the file are functions in place: Report.new.
local function only_functions(file, callee)
  local var, key = callee.tag == "Index" and callee[1].tag == "Id" and callee[1].var, literal.text(callee[2])
  if not var or #var.written > 0 or not var.init or var.init.tag ~= "Table" or not key then return false end
  local value = literal.fields(var.init).pairs[key]
  if value and value.tag ~= "Function" then return false end
  for _, node in ipairs(file.names.sets) do
    local given = literal.text(node[2]) == key and node.up[2][1]
    if given and (given.tag ~= "Function" or #node.up[1] > 1) then return false end
    value = value or given
  end
  return value and true or false
end

-- Whether a call may put something into a table that it is given; what this file itself does is seen elsewhere.
local function may_change(file, call, node)
  if call.tag == "Invoke" then
    local base = meaning.of(file, call[1])
    return call[1] ~= node and not (base and (base.kind == "client" or base.kind == "run" or base.kind == "object"))
  end
  local callee = call[1]
  if callee == node then return false end
  local what = meaning.of(file, callee)
  if what then return what.kind ~= "member" and not (what.kind == "global" and (HARMLESS[what.name] or what.name == "pcall")) end
  local var = callee.tag == "Id" and callee.var
  local init = var and #var.written == 0 and var.init
  return not (init and init.tag == "Function" or only_functions(file, callee))
end

-- Whether the arguments as a whole go where they may get more.
local function handed_out(file, node)
  local up = node.up
  if not up or (up.tag ~= "Call" and up.tag ~= "Invoke") then return false end
  return may_change(file, up, node)
end

local function is_args(file, node)
  local what = node.var and meaning.of(file, node)
  return what and what.kind == "args"
end

-- Whether more arguments than the declared ones may be there.
local function may_grow(file)
  local grows = false
  scope.each(file.tree, function(node) grows = grows or node.tag == "Id" and is_args(file, node) and handed_out(file, node) end)
  for _, node in ipairs(file.names.sets) do
    grows = grows or not literal.text(node[2]) and is_args(file, literal.bare(node[1]))
  end
  return grows
end

local function set_names(file)
  local names = {}
  for _, node in ipairs(file.names.sets) do names[literal.text(node[2]) or ""] = true end
  return names
end

local function check_reads(file, recipe)
  local args = recipe.spec.pairs.args
  if args and not (recipe.args and recipe.args.closed and recipe.args.whole) or not args and not recipe.spec.closed then return end
  local own, there = set_names(file), recipe.args and recipe.args.pairs or {}
  for _, node in ipairs(file.names.indexes) do
    local what = meaning.of(file, node)
    if what and what.kind == "arg" and not there[what.name] and not own[what.name] then
      file.report(node[2], nil, "the recipe declares no argument '%s'%s", what.name, near(what.name, require("sluice.text").keys(there)))
    end
  end
end

function declared.check(file)
  local recipe = file.recipe
  if not recipe then return end
  for _, key in ipairs(recipe.args and recipe.args.keys or {}) do check_argument(file, key) end
  check_key(file, recipe)
  check_needed(file, recipe)
  if not may_grow(file) then check_reads(file, recipe) end
end

return declared
