--- JSON and CSV of what is at the prompt, without loss: digits, and the order of a record's fields, stay as they came.
---
---     pretty.json(rec)                       --> '{\n  "z": 1,\n  "a": []\n}'
---     local columns = pretty.columns(entry)  -- of one entry; then pretty.row(entry, columns)
local err = require "sluice.err"
local json = require "sluice.json"
local peek = require "sluice.repl.peek"

local pretty = {}

local function encode(value, options)
  local text, problem = json.encode(value, options)
  if not text then error(problem, 0) end
  return text
end

--- A value as JSON on one line. Raises `invalid` where it has no JSON form.
---@param value any
---@return string
function pretty.line(value) return encode(value, { sort = true }) end

-- The pieces of a JSON text that matter for its shape: texts, marks and what is between them.
local function next_piece(text, at)
  at = text:find("[^%s]", at)
  if not at then return nil end
  local c = text:sub(at, at)
  if c == '"' then
    local stop = text:find('["\\]', at + 1)
    while text:sub(stop, stop) == "\\" do stop = text:find('["\\]', stop + 2) end
    return text:sub(at, stop), stop + 1
  end
  if c:find "[%[%]{},:]" then return c, at + 1 end
  local stop = text:find("[%s%]},]", at) or #text + 1
  return text:sub(at, stop - 1), stop
end

-- Puts each value of a JSON text on a line of its own.
local function spread(text)
  local out, depth, at, before = {}, 0, 1, nil
  local function line() out[#out + 1] = "\n" .. ("  "):rep(depth) end
  while true do
    local piece, after = next_piece(text, at)
    if not piece then return table.concat(out) end
    local closes, opened = piece == "}" or piece == "]", before == "{" or before == "["
    if closes then depth = depth - 1 end
    if closes and not opened or not closes and (opened or before == ",") then line() end
    if piece == "{" or piece == "[" then depth = depth + 1 end
    out[#out + 1] = piece == ":" and ": " or piece
    before, at = piece, after
  end
end

-- Whether there is a record in a value; `seen` are the tables that were looked at.
local function has_record(value, seen)
  if type(value) == "userdata" then return peek.kind(value) == "record" end
  if type(value) ~= "table" or seen[value] then return false end
  seen[value] = true
  for _, one in next, value do
    if (type(one) == "table" or type(one) == "userdata") and has_record(one, seen) then return true end
  end
  return false
end

--- A value as JSON, each value on a line of its own. Raises `invalid` where it has no JSON form.
---@param value any
---@return string
function pretty.json(value)
  local text = encode(value, { pretty = true }) -- also refuses what is too deep
  return has_record(value, {}) and spread(pretty.line(value)) or text
end

-- ---- CSV ----

local function not_object(entry)
  err.raise { code = "invalid", message = ("CSV has rows of objects; this is a %s"):format(peek.kind(entry)), hint = "json(x) shows any value" }
end

--- The names of an entry's fields in their order. Raises `invalid` where it is no object.
---@param entry any
---@return string[]
function pretty.columns(entry)
  local kind = peek.kind(entry)
  if kind ~= "object" and kind ~= "record" or peek.is_list(entry, kind) then not_object(entry) end
  local list = {}
  for _, field in ipairs((peek.entries(entry, math.huge))) do
    if type(field[1]) ~= "string" then not_object(entry) end
    list[#list + 1] = field[1]
  end
  return list
end

local function cell(value)
  if value == nil or rawequal(value, json.null) then return "" end
  local text = type(value) == "string" and value or pretty.line(value)
  if text:find '[",\r\n]' or text:find "^%s" or text:find "%s$" then text = '"' .. text:gsub('"', '""') .. '"' end
  return text
end

--- An entry as a line of CSV, without its end: nested values as JSON, null and what is missing as nothing.
---@param entry any
---@param columns string[]
---@return string
function pretty.row(entry, columns)
  local cells = {}
  for i, name in ipairs(columns) do cells[i] = cell(peek.get(entry, name)) end
  if #cells == 1 and cells[1] == "" then return '""' end -- a line of nothing would be a blank line
  return table.concat(cells, ",")
end

--- The line of names.
---@param columns string[]
---@return string
function pretty.head(columns)
  local cells = {}
  for i, name in ipairs(columns) do cells[i] = cell(name) end
  return table.concat(cells, ",")
end

--- Adds the columns of an entry that are not there yet.
---@param all string[]
---@param seen table<string, boolean>
---@param entry any
function pretty.add_columns(all, seen, entry)
  for _, name in ipairs(pretty.columns(entry)) do
    if not seen[name] then
      seen[name] = true
      all[#all + 1] = name
    end
  end
end

return pretty
