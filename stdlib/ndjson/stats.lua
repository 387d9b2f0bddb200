--- What fields records have: how often, of which types, from the smallest to the largest. Memory grows with the number of
--- different fields, never with that of records.
---
---     local seen = stats.new()
---     seen:add(rec)
---     io.write(seen:text())
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local text = require "sluice.text"

local stats = {}

local FIELDS = 10000 -- different ones; what comes after that is counted together
local SHOWN = 24     -- characters of a text in the table

---@class sluice.ndjson.Stats
local Stats = {}
Stats.__index = Stats

--- Nothing seen yet.
---@return sluice.ndjson.Stats
function stats.new() return setmetatable({ records = 0, fields = {}, order = {}, beyond = 0 }, Stats) end

local function kind_of(value)
  local kind = type(value)
  if value == json.null then return "null" end
  if kind == "string" then return "text" end
  if kind == "number" then return math.type(value) == "integer" and "integer" or "number" end
  if kind == "boolean" then return kind end
  local first = tostring(value):sub(1, 1) -- a view of the record, or a number beyond 64 bits
  return first == "{" and "object" or first == "[" and "list" or "integer"
end

local function field_of(self, path)
  local field = self.fields[path]
  if field then return field end
  if #self.order == FIELDS then
    self.beyond = self.beyond + 1
    return nil
  end
  field = { field = path, count = 0, types = {} }
  self.fields[path] = field
  self.order[#self.order + 1] = field
  return field
end

-- Smallest and largest, of numbers and of texts; of both the range is that of what came first.
local function widen(field, value)
  local kind = type(value)
  if kind ~= "number" and kind ~= "string" or field.min and type(field.min) ~= kind then return end
  if not field.min or value < field.min then field.min = value end
  if not field.max or value > field.max then field.max = value end
end

local add

local function add_inside(self, value, kind, path)
  if kind == "object" then
    for key, inner in pairs(value) do add(self, inner, path .. "." .. key) end
  elseif kind == "list" then
    for _, inner in ipairs(value) do add(self, inner, path .. "[]") end
  end
end

function add(self, value, path)
  local field = field_of(self, path)
  if not field then return end
  local kind = kind_of(value)
  field.count = field.count + 1
  field.types[kind] = (field.types[kind] or 0) + 1
  widen(field, value)
  add_inside(self, value, kind, path)
end

--- Takes a record in.
---@param rec any  a record, or a value that is written as one
function Stats:add(rec)
  self.records = self.records + 1
  if type(rec) ~= "userdata" then rec = assert(ndjson.record(type(rec) == "string" and rec or json.encode(rec))) end
  if kind_of(rec) == "list" then return add(self, rec, "[]") end
  for key, value in pairs(rec) do add(self, value, key) end
end

--- A row for each field, in the order in which they were met first: { field, count, types = { text = 3 }, min?, max? }.
---@return table[]
function Stats:rows() return json.array(self.order) end

local function short(value)
  if type(value) ~= "string" then return value == nil and "" or json.encode(value) end
  local cut = utf8.offset(value, SHOWN + 1)
  return ((cut and value:sub(1, cut - 1) .. "…" or value):gsub("%c", " "))
end

local function types_text(field)
  local words = {}
  for i, kind in ipairs(text.keys(field.types)) do
    words[i] = field.types[kind] == field.count and kind or ("%s %s"):format(kind, text.grouped(field.types[kind]))
  end
  return table.concat(words, ", ")
end

--- The same as a table for people.
---@return string
function Stats:text()
  local rows = { { "field", "in", "types", "smallest", "largest" } }
  for _, field in ipairs(self.order) do
    rows[#rows + 1] = { field.field, text.grouped(field.count), types_text(field), short(field.min), short(field.max) }
  end
  return ("%s records\n\n%s%s"):format(text.grouped(self.records), text.table(rows),
    self.beyond > 0 and ("\n%s more values are in fields beyond the first %s\n"):format(text.grouped(self.beyond), text.grouped(FIELDS)) or "")
end

return stats
