--- What a value is and has, looked at without running anybody's code: no metamethod of a script is called, nothing is
--- changed, records stay lazy. Showing and completing stand on it.
---
---     local kind = peek.kind(value)                 -- "record", "object", "array", "client", "secret", "null", "string", …
---     local entries, total = peek.entries(value, 20)  -- { { key, value }, … }, how many there are in all
local auth = require "sluice.auth"
local client = require "sluice.client"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"

local peek = {}

local MOST_SORTED = 20000 -- keys that are put in order; of more, those that come first

-- Of userdata only our C code makes, so the name can be relied on.
local named = {
  ["sluice.record"] = "record", ["sluice.badline"] = "badline", ["sluice.json.number"] = "digits", ["sluice.http.headers"] = "headers",
}

--- The name in a value's metatable, where there is one.
---@param value any
---@return string?
function peek.name(value)
  local meta = debug.getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and name or nil
end

-- Whether the keys of a table are 1 to n and nothing else.
local function is_list(t)
  local n, count = rawlen(t), 0
  if n == 0 then return false end
  for key in next, t do
    count = count + 1
    if count > n or math.type(key) ~= "integer" then return false end
  end
  return count == n
end

local function kind_of_table(t)
  if client.is(t) then return "client" end
  if peek.name(t) == "sluice.error" then return "error" end
  if json.isarray(t) then return "array" end
  return is_list(t) and "array" or "object"
end

local function kind_of_userdata(value)
  if rawequal(value, json.null) then return "null" end
  if auth.is(value) then return "secret" end
  return named[peek.name(value)] or "userdata"
end

--- The kind of a value: Lua's types, but of tables "client", "error", "array" and "object", of userdata "null", "secret",
--- "record" (objects and arrays of records), "badline", "digits" (json.number), "headers".
---@param value any
---@return string
function peek.kind(value)
  local kind = type(value)
  if kind == "table" then return kind_of_table(value) end
  if kind == "userdata" then return kind_of_userdata(value) end
  return kind
end

--- The names of a record's fields in their order; nil for an array.
---@param record sluice.ndjson.Record
---@return string[]?
function peek.fields(record)
  local ok, names = pcall(ndjson.keys, record)
  return ok and names or nil
end

-- Its text is copied for that, which is quicker than a list of its names.
local function is_record_list(record) return #record > 0 or ndjson.raw(record):byte() == 91 end -- [

--- Whether it is a list: an array, or the array of a record.
---@param value any
---@param kind string? where it is known
---@return boolean
function peek.is_list(value, kind)
  kind = kind or peek.kind(value)
  return kind == "array" or kind == "record" and is_record_list(value)
end

--- Whether a table has more entries than that, found without counting them all.
---@param t table
---@param n integer
---@return boolean
function peek.has_more(t, n)
  for _ in next, t do
    n = n - 1
    if n < 0 then return true end
  end
  return false
end

-- Numbers first, then texts by their bytes, then the others by their type.
local order = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local x, y = order[type(a)] or 4, order[type(b)] or 4
  if x ~= y then return x < y end
  if x <= 2 then return a < b end
  return false -- of the others none is before another
end

--- The keys of a table in a stable order, and how many there are.
---@param t table
---@return any[] keys
---@return integer total
function peek.keys(t)
  local keys, total = {}, 0
  for key in next, t do
    total = total + 1
    if total <= MOST_SORTED then keys[total] = key end
  end
  table.sort(keys, before)
  return keys, total
end

local function of_list(value, limit, n, get)
  local entries = {}
  for i = 1, math.min(limit, n) do entries[i] = { i, get(value, i) } end
  return entries, n
end

local function of_keys(value, limit, keys, total, get)
  local entries = {}
  for i = 1, math.min(limit, #keys) do entries[i] = { keys[i], get(value, keys[i]) } end
  return entries, total
end

local function index(value, key) return value[key] end -- of userdata of ours alone

local function of_headers(headers, limit)
  local entries, total = {}, 0
  for name, value in pairs(headers) do
    total = total + 1
    if total <= limit then entries[total] = { name, value } end
  end
  return entries, total
end

--- The first entries of what has entries: { { key, value }, … } and how many there are. A list's keys are 1 to n; fields of
--- records come in the order of the text, those of tables sorted.
---@param value any
---@param limit integer
---@return { [1]: any, [2]: any }[] entries
---@return integer total
function peek.entries(value, limit)
  local kind = peek.kind(value)
  if kind == "record" then
    if is_record_list(value) then return of_list(value, limit, #value, index) end
    local names = peek.fields(value) or {}
    return of_keys(value, limit, names, #names, index)
  end
  if kind == "headers" then return of_headers(value, limit) end
  if type(value) ~= "table" then return {}, 0 end
  if kind == "array" and is_list(value) then return of_list(value, limit, rawlen(value), rawget) end
  local keys, total = peek.keys(value)
  return of_keys(value, limit, keys, total, rawget)
end

--- One field, without metamethods of scripts; nil where there is none.
---@param value any
---@param key any
---@return any
function peek.get(value, key)
  if key == nil then return nil end
  if type(value) == "table" then return rawget(value, key) end
  if peek.kind(value) ~= "record" then return nil end
  local ok, found = pcall(index, value, key)
  return ok and found or nil
end

return peek
