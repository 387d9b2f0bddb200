--- What an expression of a recipe is, as far as its text says: a module, a connection's client, the recipe's arguments, its
--- run. What is computed, written twice or handed in from elsewhere is nothing (nil), and nothing is ever said about it.
---
---     meaning.of(file, node)
---     -- { kind = "module", name = "sluice.ndjson" }              require "sluice.ndjson", sluice.ndjson
---     -- { kind = "member", module = "sluice", key = "connect" }  a function of it
---     -- { kind = "client", apis = { … }, connection = "shop" }   sluice.connect "shop"
---     -- { kind = "args", recipe = … }, { kind = "run" }          what `run` and `retry` are given, wherever it is handed on
---     -- { kind = "arg", recipe = …, name = "from" }              args.from
---     -- { kind = "object", class = "sluice.Uploader" }           what a function gives, where its annotation says so
---     -- { kind = "record", node = … }                           a table in place; its fields are what they are given there
---     -- { kind = "global", name = "string" }
local annotations = require "sluice.check.annotations"
local clients = require "sluice.check.clients"
local literal = require "sluice.check.literal"

local meaning = {}

local of

---@class sluice.check.File
---@field name string
---@field tree sluice.check.Tree
---@field names sluice.check.Names
---@field context sluice.check.Context
---@field recipe? sluice.check.Recipe

--- Whether a name is that of one of sluice's modules.
---@param name string
---@return boolean
function meaning.is_module(name) return (name == "sluice" or name:find "^sluice%." ~= nil) and package.preload[name] ~= nil end

-- ---- functions and their callers ----

-- The part of the recipe that a value in its table is: "run", "retry", or nil.
local function role_of(file, value)
  local pair = value.up
  if not pair or pair.tag ~= "Pair" or pair[2] ~= value then return nil end
  local call = pair.up.up
  local name = literal.text(pair[1])
  if name ~= "run" and name ~= "retry" or not call or call.tag ~= "Call" or call[2] ~= pair.up then return nil end
  local callee = of(file, call[1])
  return callee and callee.kind == "member" and callee.module == "sluice" and callee.key == "recipe" and name or nil
end

-- How a name of a function is used: { call =, shift = } where it is called, { role = } in the recipe's table, nil otherwise.
local function use_of(file, use)
  local up = use.up
  if up and up.tag == "Call" and up[1] == use then return { call = up, shift = 1 } end
  if up and up.tag == "Call" and up[2] == use and up[1].tag == "Id" and not up[1].var and up[1][1] == "pcall" then
    return { call = up, shift = 2 }
  end
  local role = role_of(file, use)
  return role and { role = role }
end

-- The variable that a function is the only value of.
local function name_of(fn)
  local up = fn.up
  if up.tag == "Localrec" then return up[1][1].var end
  if up.tag ~= "Local" then return nil end
  for i, value in ipairs(up[2]) do
    if value == fn then return up[1][i] and up[1][i].var end
  end
end

-- All from where a function is called; nil where that can't be told.
local function callers_of(file, fn)
  local role = role_of(file, fn)
  if role then return { { role = role } } end
  local var, sites = name_of(fn), {}
  if not var or #var.written > 0 then return nil end
  for i, use in ipairs(var.uses) do
    sites[i] = use_of(file, use)
    if not sites[i] then return nil end
  end
  return sites
end

local MANY = { Call = true, Invoke = true, Dots = true }

-- What a site hands in as the nth argument: a meaning, nil; false: nothing at all.
local function handed(file, site, var)
  if site.role then
    if var.index == 1 and file.recipe then return { kind = "args", recipe = file.recipe } end
    return var.index == 2 and { kind = "run" } or nil
  end
  local node, last = site.call[var.index + site.shift], site.call[#site.call]
  if not node then return not (MANY[last.tag] and #site.call > site.shift) and false or nil end
  if node.tag == "Id" and node.var == var then return false end -- itself again
  return of(file, node)
end

local function same(a, b)
  if a.kind ~= b.kind then return nil end
  if a.kind == "client" then return clients.either(a, b) end
  return a.name == b.name and a.key == b.key and a.module == b.module and a.recipe == b.recipe and a.class == b.class and a.node == b.node
    and a or nil
end

local function parameter(file, var)
  local result
  for _, site in ipairs(callers_of(file, var.fn) or {}) do
    local one = handed(file, site, var)
    if one == nil then return nil end
    if one then
      result = result and same(result, one) or not result and one or nil
      if not result then return nil end
    end
  end
  return result
end

-- ---- variables ----

local function variable(file, var)
  if var.opaque then return nil end
  if var.fn then return #var.written == 0 and parameter(file, var) or nil end
  if #var.written == 0 then return var.init and of(file, var.init) end
  local value = #var.written == 1 and not (var.init and literal.bare(var.init).tag ~= "Nil") and var.written[1]
  return value and of(file, value) or nil -- `local x`, and once x = …
end

-- ---- expressions ----

local function object_of(fn)
  local class = fn and fn.returns[1] and fn.returns[1]:match "^(sluice%.[%w_%.]+)%??$"
  if class == "sluice.Run" then return { kind = "run" } end
  return class and { kind = "object", class = class } or nil
end

-- What a function of a module gives.
local function given_by(file, callee, call)
  if callee.module == "sluice" and callee.key == "connect" then
    return call[2] and #call == 2 and clients.connect(file.context, literal.bare(call[2]), of(file, call[2])) or nil
  end
  return object_of(annotations.of(callee.module).functions[callee.key])
end

local expressions = {}

function expressions.Paren(file, node) return of(file, node[1]) end

function expressions.Id(file, node)
  if not node.var then return { kind = "global", name = node[1] } end
  return variable(file, node.var)
end

function expressions.Table(_, node) return { kind = "record", node = node } end

-- Whether a variable's table goes to code that is not in this file, which may change it.
local function handed_out(var)
  for _, use in ipairs(var.uses) do
    local call = use.up
    if (call.tag == "Call" or call.tag == "Invoke") and call[1] ~= use then
      local callee = call[1].tag == "Id" and call[1].var
      local here = callee and #callee.written == 0 and callee.init and callee.init.tag == "Function"
      local by_name = call.tag == "Call" and call[1].tag == "Id" and not call[1].var
      if not here and not by_name then return true end
    end
  end
  return false
end

-- A field of a table in place that nothing in the file sets again.
local function field_of(file, base, node, key)
  local value = literal.fields(base.node).pairs[key]
  local var = node[1].tag == "Id" and node[1].var
  if not value or not var or handed_out(var) then return nil end
  for _, set in ipairs(file.names.sets) do
    local name = literal.text(set[2])
    if not name or name == key then return nil end
  end
  return of(file, value)
end

function expressions.Index(file, node)
  local base, key = of(file, node[1]), literal.text(node[2])
  if not base or not key then return nil end
  if base.kind == "record" then return field_of(file, base, node, key) end
  if base.kind == "args" then return { kind = "arg", recipe = base.recipe, name = key } end
  if base.kind ~= "module" then return nil end
  if base.name == "sluice" and meaning.is_module("sluice." .. key) and not rawget(require "sluice", key) then
    return { kind = "module", name = "sluice." .. key }
  end
  return { kind = "member", module = base.name, key = key }
end

function expressions.Call(file, node)
  local callee = of(file, node[1])
  if not callee then return nil end
  if callee.kind == "member" then return given_by(file, callee, node) end
  local name = callee.kind == "global" and callee.name == "require" and literal.text(node[2])
  return name and meaning.is_module(name) and { kind = "module", name = name } or nil
end

-- What the helpers of a client and the methods of an object give.
function expressions.Invoke(file, node)
  local base, name = of(file, node[1]), node[2][1]
  if not base then return nil end
  if base.kind == "client" then return object_of(clients.helper(base, name)) end
  local methods = base.kind == "object" and annotations.methods(base.class)
  return methods and object_of(methods[name]) or nil
end

function expressions.Op(file, node)
  if node[1] == "and" then return of(file, node[3]) end -- where it is used at all it is this one
  if node[1] ~= "or" then return nil end
  local a, b = of(file, node[2]), of(file, node[3])
  return a and b and same(a, b)
end

--- What an expression is.
---@param file sluice.check.File
---@param node sluice.check.Node
---@return table? meaning
function of(file, node)
  local known = file.meanings[node]
  if known ~= nil then return known or nil end
  local way = expressions[node.tag]
  if not way then return nil end
  file.meanings[node] = false -- asked for again while it is looked for: a circle, nothing is said
  local result = way(file, node)
  file.meanings[node] = result or false
  return result
end
meaning.of = of

--- From where a function is called: nil where that can't be told.
meaning.callers = callers_of

return meaning
