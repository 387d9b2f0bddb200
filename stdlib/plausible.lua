--- What an API would answer to a write, made from the operation's row and the arguments: the answers of a dry run. Pure.
---
--- A row's `answer` says it as a table in the shape of the document's example. In it
---     "{name}"                          is the argument of that name, with its type; left out where it was not given
---     "{#}"  "{#text}"                  a new id as number or as text
---     "{n}"                             how many records the request has
---     { each = "lines", item = { … } }  a list with an item for each entry of that argument; {name} is a field of it, or an argument
---     {}                                an empty list
--- A row without one answers with what it is given (texts, numbers, booleans) and a new `id`, at the place that `result` names.
local json = require "sluice.json"

local plausible = {}

-- A value of the template: `find(name)` is what stands for {name}, `new_id(kind)` a new id.
local fill

local function fill_list(template, find, new_id)
  local list = json.array {}
  for i, entry in ipairs(find(template.each) or {}) do
    list[i] = fill(template.item, function(name)
      local value = type(entry) == "table" and entry[name] or nil
      if value == nil then value = find(name) end
      return value
    end, new_id)
  end
  return list
end

local function fill_text(template, find, new_id)
  local name = template:match "^{(.+)}$"
  if not name then return template end
  if name == "#" then return new_id() end
  if name == "#text" then return tostring(new_id()) end
  return find(name)
end

function fill(template, find, new_id)
  if type(template) == "string" then return fill_text(template, find, new_id) end
  if type(template) ~= "table" then return template end
  if template.each then return fill_list(template, find, new_id) end
  local copy = (template[1] ~= nil or next(template) == nil) and json.array {} or {}
  for key, value in pairs(template) do copy[key] = fill(value, find, new_id) end
  return copy
end

-- The arguments that an answer may repeat: no bodies, no secrets.
local function echo(row, values, new_id)
  local part = {}
  for _, arg in ipairs(row.args or {}) do
    local value = values[arg.name]
    local plain = type(value) == "string" or type(value) == "number" or type(value) == "boolean"
    if plain and arg.into ~= "body" and arg.type ~= "secret" then part[arg.name] = value end
  end
  if part.id == nil then part.id = new_id() end
  return part
end

-- Puts a part where a path names it: "Sites.1" is { Sites = { part } }.
local function placed(path, part)
  local steps = {}
  for step in path:gmatch "[^%.]+" do table.insert(steps, 1, math.tointeger(tonumber(step)) or step) end
  for _, step in ipairs(steps) do
    if math.type(step) then part = json.array { part } else part = { [step] = part } end
  end
  return part
end

local function without_template(row, values, truth, new_id)
  local part = (not row.result or row.result ~= truth) and echo(row, values, new_id) or true
  if row.paging then part = json.array {} end
  local body = row.result and placed(row.result, part) or part
  if json.isarray(body) then return body end
  if truth and body[truth] == nil then body[truth] = true end
  if row.expect and body[row.expect] == nil then body[row.expect] = json.array {} end
  return body
end

--- The body of the answer.
---@param def table the definition
---@param row table the operation's row
---@param values table its checked arguments
---@param n integer? records of the request
---@param new_id fun(): integer
---@return string JSON, "" where the operation answers without a body
function plausible.body(def, row, values, n, new_id)
  local value
  if row.answer then
    value = fill(row.answer, function(name)
      if name == "n" then return n or 0 end
      return values[name]
    end, new_id)
  elseif (row.success or {})[1] == 204 then
    return ""
  else
    value = without_template(row, values, row.truth or def.truth, new_id)
  end
  return assert(json.encode(value, { sort = true }))
end

return plausible
