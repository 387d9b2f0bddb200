--- The connections that a recipe makes, and which API each one is of: by its name in the config, by what the schedules of
--- this recipe and the argument's default name, or by the table of its keys.
---
--- A client is { kind = "client", apis = { definition, … }, connection = "shop" }. Without `apis` its API is not known; `any` is
--- then all definitions that there are, where they are known to be all.
local annotations = require "sluice.check.annotations"
local literal = require "sluice.check.literal"

local clients = {}

---@class sluice.check.Context
---@field apis? table<string, string> the API of each connection of the config; nil: there is none
---@field given table<string, any>[] arguments of the schedules that run this recipe
---@field definition fun(name: string): table? an API's
---@field all fun(): table[]? all of them; nil where one can't be read

-- Without a config it may be one of an API that is described elsewhere.
local function unknown(context) return { kind = "client", any = context.apis and context.all() or nil } end

-- The client of a connection of the config.
local function named(context, name)
  local def = context.apis and context.apis[name] and context.definition(context.apis[name])
  if def then return { kind = "client", apis = { def }, connection = name } end
  if context.apis and context.apis[name] then return nil end -- its definition can't be read
  return unknown(context)
end

-- The names that an argument has wherever the config or the recipe says them.
local function names_of(context, arg)
  local names, spec = {}, arg.recipe.args and arg.recipe.args.pairs[arg.name]
  for _, args in ipairs(context.given) do
    if type(args[arg.name]) == "string" then names[#names + 1] = args[arg.name] end
  end
  local default = spec and literal.bare(spec).tag == "Table" and literal.fields(literal.bare(spec)).pairs.default
  names[#names + 1] = literal.text(default)
  return names
end

-- A recipe that looks at the API of a connection goes a way for each: what one of them lacks says nothing.
local function by_argument(context, arg)
  local client
  for _, name in ipairs(not context.asks_api and names_of(context, arg) or {}) do
    local one = context.apis and context.apis[name] and named(context, name)
    if not one then return unknown(context) end
    client = client and clients.either(client, one) or one
  end
  return client or unknown(context)
end

local function by_keys(context, node)
  local fields = literal.fields(node)
  local api = literal.text(fields.pairs.api)
  local def = api and context.definition(api)
  return def and { kind = "client", apis = { def } } or nil
end

--- The client of `sluice.connect(…)`; nil where nothing can be said of it.
---@param context sluice.check.Context
---@param node sluice.check.Node the argument
---@param argument? table what it means
---@return table?
function clients.connect(context, node, argument)
  if node.tag == "String" then return named(context, node[1]) end
  if node.tag == "Table" then return by_keys(context, node) end
  if argument and argument.kind == "arg" then return by_argument(context, argument) end
end

--- A client that may be this one or that one.
---@param a table
---@param b table
---@return table
function clients.either(a, b)
  if not a.apis or not b.apis then return { kind = "client", any = a.any or b.any } end
  local apis, seen = {}, {}
  for _, list in ipairs { a.apis, b.apis } do
    for _, def in ipairs(list) do
      if not seen[def] then apis[#apis + 1] = def end
      seen[def] = true
    end
  end
  return { kind = "client", apis = apis, connection = a.connection == b.connection and a.connection or nil }
end

--- The row of an operation in an API.
---@param def table
---@param name string
---@return table?
function clients.operation(def, name)
  for _, row in ipairs(def.operations) do
    if row.name == name then return row end
  end
end

--- What is annotated of a helper of a client; nil where several APIs have one of that name, or none.
---@param client table
---@param name string
---@return sluice.check.Function?
function clients.helper(client, name)
  local def = client.apis and #client.apis == 1 and client.apis[1]
  local helper = def and (def.helpers or {})[name]
  if not helper then return nil end
  return annotations.of(type(helper) == "table" and helper.module or helper).functions[name]
end

return clients
