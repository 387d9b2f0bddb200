--- Arguments with parts: a list of tables, or one table, whose members are rows like the arguments themselves. Every part
--- is checked before anything is sent, and what is wrong is named with its place. Texts that stand for numbers go out as
--- they came, so that an amount keeps its digits.
---
---     members.check(accept, arg, value)    -- the value to send | nil, ": variant 2 has no price: …"
---
--- A reason is what stands behind the name of what is wrong, so it begins with a blank or a colon.
local near = require("sluice.text").near
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"

local members = {}

local function unknown(fields, value)
  local names, known = {}, {}
  for i, field in ipairs(fields) do names[i], known[field.name] = field.name, true end
  for key in pairs(value) do
    if not known[key] then
      return (" has an unknown member '%s'%s"):format(tostring(key), near(key, names))
    end
  end
end

-- One member: the value to send; nil, and a reason where it is wrong.
local function member(accept, field, given)
  if given == nil then
    return nil, field.required and (" has no %s: %s"):format(field.name, field.doc) or nil
  end
  local value, reason = accept(field, given)
  if value == nil then return nil, ": " .. field.name .. reason end
  return field.type == "number" and type(given) == "string" and given or value
end

local function object(accept, fields, value)
  if type(value) == "userdata" then
    local is_record, plain = pcall(ndjson.totable, value)
    value = is_record and plain
  end
  if type(value) ~= "table" or value[1] ~= nil then return nil, " must be a table of named values" end
  local reason, copy = unknown(fields, value), {}
  for _, field in ipairs(fields) do
    if reason then return nil, reason end
    copy[field.name], reason = member(accept, field, value[field.name])
  end
  if reason then return nil, reason end
  return copy
end

local function list(accept, arg, value)
  local copy, count = json.array {}, 0
  for _ in pairs(value) do count = count + 1 end
  if count ~= #value then return nil, (" must be a list: { { … }, { … } }, one table per %s"):format(arg.each or "entry") end
  for i = 1, count do
    local one, reason = object(accept, arg.items, value[i])
    if not one then return nil, (": %s %d%s"):format(arg.each or "entry", i, reason) end
    copy[i] = one
  end
  return copy
end

--- Checks a value against the row's `items` (of each entry of a list) or `fields` (of one table).
---@param accept fun(row: table, value: any): any, string?  checks one value: it, or nil and a reason
---@param arg table  the argument's row
---@param value any
---@return any value to send
---@return string? reason where value is nil
function members.check(accept, arg, value)
  if arg.items then return list(accept, arg, value) end
  return object(accept, arg.fields, value)
end

return members
