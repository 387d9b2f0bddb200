--- `?shop.search_products` and `help(…)`: what an operation, an API or a function of a module is, from the definitions and
--- the annotations, in the words of `sluice api show`.
---
---     explain.text(session, "shop.search_products")   --> text; nil and why not
---     explain.value(session, shop.search_products)
local api = require "sluice.api"
local client = require "sluice.client"
local core = require "sluice.core"
local definition = require "sluice.definition"
local describe = require "sluice.describe"
local names = require "sluice.repl.names"
local peek = require "sluice.repl.peek"
local width = require "sluice.repl.width"

local explain = {}

local SHORT = [[
Lua, line by line: the value of what you type is shown, and is `_` afterwards.

  shop:sources()              calls an operation of the connection `shop`; TAB completes names, arguments, values
  ?shop                       what the connection can do           ?shop.search_products   one operation
  ?ndjson   ?ndjson.map       a module, a function of it           help("shop.sources")    the same from Lua
  more()                      the next entries of the iterator that was shown last
  json(_)   csv(_)            the last value as JSON or CSV, whole
  save(_, "file.ndjson")      into a file (.ndjson, .json, .csv); iterators to their end
  .save recipe.lua            the calls that worked, as a recipe   .test spec.lua          the same as a spec
  .quit                       ends (so does Ctrl-D); Ctrl-C stops what is running
]]

-- ---- APIs ----

local function connection_line(value)
  if not client.is(value) then return nil end
  return (require("sluice.repl.atom").text(value))
end

local function api_text(name, value, def)
  return ("%s\n\n%s\n\nMore: ?%s.NAME"):format(connection_line(value) or ("%s: %s"):format(name, def.name), api.operations_text(def), name)
end

local function member_text(def, name)
  for _, row in ipairs(def.operations) do
    if row.name == name then return api.operation_text(def, row) end
  end
  local helper = def.helpers and def.helpers[name]
  if helper then return ("%s.%s: %s"):format(def.name, name, describe.helper(name, helper).doc) end
  local list = {}
  for _, row in ipairs(def.operations) do list[#list + 1] = row.name end
  for one in pairs(def.helpers or {}) do list[#list + 1] = one end
  return nil, ("%s has no operation '%s'%s"):format(def.name, name, require("sluice.text").near(name, list))
end

-- ---- modules, from their annotations ----

-- The lines of comment before a place of a text, without their marks.
local function comment_before(lines, at)
  local list = {}
  while at > 1 and lines[at - 1]:find "^%-%-%-" do
    at = at - 1
    table.insert(list, 1, (lines[at]:gsub("^%-%-%- ?", "")))
  end
  return list
end

-- The functions of a module: { name, signature, doc lines }, in the order of the text.
local function functions_of(name, text)
  local lines, list, inside = {}, {}, text:match "\nreturn ([%w_]+)%s*$" or name -- what the file calls it
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  for i, line in ipairs(lines) do
    local owner, mark, fn, params = line:match "^function ([%w_]+)([.:])([%w_]+)(%b())"
    if owner == inside then owner = name end
    if owner and (owner == name or owner:find "^%u") then
      list[#list + 1] = { name = fn, signature = owner .. mark .. fn .. params, doc = comment_before(lines, i), method = owner ~= name }
    end
  end
  return list
end

-- The text that opens a module: what stands before the first blank line behind its name.
local function about(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do
    if not line:find "^%-%-" then break end
    if not line:find "^%-%-%-@meta" then list[#list + 1] = (line:gsub("^%-%-%-? ?", "")) end
  end
  return table.concat(list, "\n")
end

local function first_sentence(doc)
  local text = {}
  for _, line in ipairs(doc) do
    if line:find "^@" then break end
    text[#text + 1] = line
  end
  local all = table.concat(text, " ")
  return (all:match "^(.-%.)%s" or all)
end

local function signature(one)
  local returns = {}
  for _, line in ipairs(one.doc) do
    local kind = line:match "^@return (.+)$"
    if kind then returns[#returns + 1] = kind end
  end
  return one.signature, returns
end

local function function_text(one)
  local shown, returns = signature(one)
  local lines, params = { shown }, {}
  for _, line in ipairs(one.doc) do
    local param = line:match "^@param (.+)$"
    if param then params[#params + 1] = param end
    if not line:find "^@" then lines[#lines + 1] = (#lines == 1 and "\n" or "") .. line end
  end
  if #params > 0 then lines[#lines + 1] = "" end
  for _, param in ipairs(params) do lines[#lines + 1] = "  " .. param:gsub("^(%S+) ", "%1  ", 1) end
  for i, kind in ipairs(returns) do lines[#lines + 1] = (i == 1 and "  -> " or "     ") .. kind end
  return table.concat(lines, "\n")
end

local function module_text(name, text, columns)
  local rows, widest = {}, 0
  for _, one in ipairs(functions_of(name, text)) do
    rows[#rows + 1] = { one.signature, first_sentence(one.doc) }
    widest = math.max(widest, math.min(#one.signature, 36))
  end
  local lines = { (name == "sluice" and "" or "sluice.") .. name .. ": " .. about(text), "" }
  for _, row in ipairs(rows) do lines[#lines + 1] = width.cut(("  %-" .. widest .. "s  %s"):format(row[1], row[2]), columns) end
  lines[#lines + 1] = "\nMore: ?" .. name .. ".NAME"
  return table.concat(lines, "\n")
end

local function annotations(name)
  if name == "sluice" then return core.source "sluice" end
  return core.annotations()[name] or core.source("sluice." .. name)
end

local function of_module(session, name, member)
  local module = names.module(name)
  if not module then return nil end
  name = name:gsub("^sluice%.", "")
  local text = annotations(name)
  if not text then return nil end
  if not member then return module_text(name, text, session.columns or 100) end
  local list = {}
  for _, one in ipairs(functions_of(name, text)) do
    if one.name == member then return function_text(one) end
    list[#list + 1] = one.name
  end
  return nil, ("sluice.%s has no function '%s'%s"):format(name, member, require("sluice.text").near(member, list))
end

-- ---- words ----

local function split(words)
  local clean = words:gsub("^%s*%??%s*", ""):gsub("%s*[%({].*$", ""):gsub("%s+$", "")
  local owner, member = clean:match "^(.+)[.:]([%w_]+)$"
  if clean:find "^sluice%.[%w_]+$" then owner, member = clean, nil end
  return clean, owner or clean, member
end

local function unknown(session, word)
  local list = names.connections(session)
  for _, name in ipairs(names.modules) do list[#list + 1] = name end
  for _, name in ipairs(definition.names(session.config and session.config.folder)) do list[#list + 1] = name end
  return nil, ("'%s' is no connection, API or module%s"):format(word, require("sluice.text").near(word, list))
end

local function of_definition(name, value, member)
  local def = names.definition(value)
  if not def then return nil end
  if member then return member_text(def, member) end
  return api_text(name, value, def)
end

-- The session's own variables go before connections, these before modules, these before APIs.
local function find(session, owner, member)
  local value = names.global(session, owner)
  local text, problem = of_definition(owner, value, member)
  if text or problem then return text, problem end
  text, problem = of_module(session, owner, member)
  if text or problem then return text, problem end
  return of_definition(owner, names.api(owner, session.config and session.config.folder), member)
end

--- What words mean that name something: "shop.search_products", "shop", "ndjson.map", "stock2shop". Without words, what can
--- be done at the prompt.
---@param session table
---@param words string
---@return string? text
---@return string? problem where text is nil
function explain.text(session, words)
  local clean, owner, member = split(words)
  if clean == "" then return (SHORT:gsub("\n$", "")) end
  local ok, text, problem = pcall(find, session, owner, member)
  if not ok then return nil, tostring(text) end
  if text or problem then return text, problem end
  return unknown(session, clean)
end

-- ---- values ----

-- The client and the name of the operation whose method a function is.
local function method_of(session, fn)
  for _, name in ipairs(names.connections(session)) do
    local value = names.connection(session, name)
    for key, method in next, client.is(value) and rawget(value, "methods") or {} do
      if rawequal(method, fn) then return value, key end
    end
  end
  for _, value in next, session.env or {} do
    for key, method in next, client.is(value) and rawget(value, "methods") or {} do
      if rawequal(method, fn) then return value, key end
    end
  end
end

local function module_of(value)
  for _, name in ipairs(names.modules) do
    local module = package.loaded["sluice." .. name]
    if type(module) == "table" then
      if rawequal(module, value) then return name end
      for key, fn in next, module do
        if type(value) == "function" and rawequal(fn, value) then return name, key end
      end
    end
  end
end

local function raise_unknown(problem)
  require("sluice.err").raise { code = "usage", message = "help: " .. problem, hint = "help() says what there is" }
end

local function of_value(session, value)
  if client.is(value) then return of_definition(rawget(value, "name"), value) end
  if type(value) == "function" then
    local target, key = method_of(session, value)
    if target then return member_text(names.definition(target), key) end
  end
  local name, key = module_of(value)
  if name then return of_module(session, name, key) end
  local behind = type(value) == "table" and names.behind(value)[1] -- json and csv of the prompt
  name = behind and module_of(behind)
  return name and of_module(session, name) or nil
end

--- The same for a value: an operation's method, a client, a module, a function of one; a text is taken as words. Raises
--- `usage` where nothing is known about it.
---@param session table
---@param value any
---@return string
function explain.value(session, value)
  if value == nil then value = "" end
  if type(value) == "string" then
    local text, problem = explain.text(session, value)
    return text or raise_unknown(problem)
  end
  local text = of_value(session, value)
  if text then return text end
  local kind = peek.kind(value)
  local shown = require("sluice.repl.show").text(value, { columns = 60 }):match "^[^\n]*"
  return raise_unknown(("nothing is written about this %s: %s"):format(kind, shown))
end

return explain
