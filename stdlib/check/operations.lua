--- Operations and helpers that a connection's API does not have, and their arguments.
local arguments = require "sluice.check.arguments"
local clients = require "sluice.check.clients"
local definition = require "sluice.definition"
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"
local near = require("sluice.text").near

local operations = {}

-- What every client has beside its operations.
local OWN = { account = true, api = true, call = true, conn = true, conns = true, definition = true, known = true, lacks = true,
  login_operation = true, methods = true, name = true, names = true, options = true }

local function names_of(defs)
  local list, set = {}, {}
  local function add(name)
    if not set[name] then list[#list + 1] = name end
    set[name] = true
  end
  for _, def in ipairs(defs) do
    for _, row in ipairs(def.operations) do add(row.name) end
    for name in pairs(def.helpers or {}) do add(name) end
  end
  return list, set
end

local function api_names(defs)
  local names = {}
  for i, def in ipairs(defs) do names[i] = def.name end
  return table.concat(names, " or ")
end

-- Reports a name that no API has which the connection may be of.
local function check_name(file, client, node, name)
  local defs = client.apis or client.any
  local list, set = names_of(defs or {})
  if not defs or set[name] or file.own[name] then return end
  if not client.apis then return file.report(node, "`sluice api list` shows them", "no API has an operation '%s'%s", name, near(name, list)) end
  local who = client.connection and ("%s (%s)"):format(client.connection, api_names(defs)) or api_names(defs)
  file.report(node, ("`sluice api show %s` lists them"):format(defs[1].name), "%s has no operation '%s'%s", who, name, near(name, list))
end

-- The one row that the name stands for, whatever the connection turns out to be.
local function row_of(client, name)
  local found, helper
  for _, def in ipairs(client.apis or {}) do
    local row = clients.operation(def, name)
    if row and found then return nil end
    found, helper = found or row, helper or (def.helpers or {})[name]
  end
  return not helper and found or nil
end

local function check_invoke(file, call)
  local client, name = meaning.of(file, call[1]), call[2][1]
  if not client or client.kind ~= "client" then return end
  if name ~= "call" then
    if not OWN[name] then check_name(file, client, call[2], name) end
    local row = row_of(client, name)
    return row and arguments.check(file, row, call, 3)
  end
  local operation = literal.text(call[3])
  local row = operation and row_of(client, operation)
  if operation then check_name(file, client, call[3], operation) end
  if row then arguments.check(file, row, call, 4) end
end

-- shop.search_products as a value; in pcall(shop.search_products, shop, {…}) with its arguments.
local function check_index(file, node)
  local client, name = meaning.of(file, node[1]), literal.text(node[2])
  if not client or client.kind ~= "client" or not name or node.set or OWN[name] then return end
  check_name(file, client, node[2], name)
  local call, row = node.up, row_of(client, name)
  if not row or not call or call.tag ~= "Call" or call[2] ~= node then return end
  local callee = meaning.of(file, call[1])
  if callee and callee.kind == "global" and callee.name == "pcall" then arguments.check(file, row, call, 4) end
end

-- The keys of a connection that is given as a table.
local function check_keys(file, node)
  local fields, names, rows = literal.fields(node), { "name" }, { name = {} }
  local def = file.context.definition(literal.text(fields.pairs.api) or "-")
  if not def then return end
  for _, row in ipairs(definition.connection_keys(def)) do names[#names + 1], rows[row.name] = row.name, row end
  for _, key in ipairs(fields.keys) do
    if not rows[key.name] then file.report(key.node, nil, "sluice.connect: unknown key '%s'%s", key.name, near(key.name, names)) end
  end
  for _, name in ipairs(fields.closed and names or {}) do
    if rows[name].required and not fields.pairs[name] then file.report(node, rows[name].doc, "sluice.connect: %s is missing", name) end
  end
end

-- The name of a connection that the config does not have, or what is wrong in its table.
local function check_connection(file, call)
  local callee = call.tag == "Call" and meaning.of(file, call[1])
  if not callee or callee.kind ~= "member" or callee.module ~= "sluice" or callee.key ~= "connect" then return end
  local apis, name = file.context.apis, literal.text(call[2])
  if call[2] and call[2].tag == "Table" then check_keys(file, call[2]) end
  if not name or not apis or apis[name] then return end
  file.report(call[2], nil, "there is no connection '%s'%s", name, near(name, require("sluice.text").keys(apis)))
end

function operations.check(file)
  file.own = {}
  for _, node in ipairs(file.names.sets) do file.own[literal.text(node[2]) or ""] = true end
  for _, call in ipairs(file.names.calls) do
    if call.tag == "Invoke" then check_invoke(file, call) else check_connection(file, call) end
  end
  for _, node in ipairs(file.names.indexes) do check_index(file, node) end
end

return operations
