--- Arguments with parts: a list of tables, or one table, whose members are rows like the arguments themselves. Every part
--- is checked before anything is sent, and what is wrong is named with its place. Texts that stand for numbers go out as
--- they came, so that an amount keeps its digits.
---
---     members.check(types, arg, value)    -- the value to send | nil, "variant 2 has no price: …"
local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"

local members = {}

local function names_of(fields)
  local names = {}
  for i, field in ipairs(fields) do names[i] = field.name end
  return names
end

local function unknown(fields, value)
  local names, known = names_of(fields), {}
  for _, name in ipairs(names) do known[name] = true end
  for key in pairs(value) do
    if not known[key] then
      local near = err.nearest(tostring(key), names)
      return ("has an unknown member '%s'%s"):format(tostring(key), near and (" (did you mean '%s'?)"):format(near) or "")
    end
  end
end

-- One member: the value to send; nil, and a reason where it is wrong.
local function member(types, field, given)
  if given == nil then
    return nil, field.required and ("has no %s: %s"):format(field.name, field.doc) or nil
  end
  if given == json.null and field.null then return given end
  local value, reason
  if given == json.null then
    reason = "can't be null"
  else
    value, reason = types[field.type](given, field)
  end
  if value == nil then return nil, ("has a %s that %s"):format(field.name, reason) end
  if field.items or field.fields then
    value, reason = members.check(types, field, value)
    return value, reason and ("has a %s where %s"):format(field.name, reason)
  end
  return field.type == "number" and type(given) == "string" and given or value
end

local function object(types, fields, value)
  local _, plain = pcall(ndjson.totable, value) -- a record, or a part of one
  if type(value) == "userdata" then value = plain end
  if type(value) ~= "table" or value[1] ~= nil then return nil, "must be a table of named values" end
  local reason, copy = unknown(fields, value), {}
  for _, field in ipairs(fields) do
    if reason then return nil, reason end
    copy[field.name], reason = member(types, field, value[field.name])
  end
  if reason then return nil, reason end
  return copy
end

local function list(types, arg, value)
  local copy, count = json.array {}, 0
  for _ in pairs(value) do count = count + 1 end
  if count ~= #value then return nil, ("must be a list: { { … }, { … } }, one table per %s"):format(arg.each or "entry") end
  for i = 1, count do
    local one, reason = object(types, arg.items, value[i])
    if not one then return nil, ("%s %d %s"):format(arg.each or "entry", i, reason) end
    copy[i] = one
  end
  return copy
end

--- Checks a value against the row's `items` (of each entry of a list) or `fields` (of one table).
---@param types table<string, fun(value: any, row: table): any, string?>
---@param arg table  the argument's row
---@param value any
---@return any value to send
---@return string? reason where value is nil
function members.check(types, arg, value)
  if arg.items then return list(types, arg, value) end
  local copy, reason = object(types, arg.fields, value)
  return copy, reason and "it " .. reason
end

return members
