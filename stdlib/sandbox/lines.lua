-- Checks an upload to a chunked stream line by line and names each fault as the Stream API's documents do. What cjson
-- reads without complaint is taken as it reads it; all else goes to the sandbox's own, slower and stricter, reader.
--
--   local found = lines.check(body, { first_line = 1 })
--   found.accepted        -- how many
--   found.errors          -- unique messages, each with its number and one example
--   found.each(function(id, first, last) … end)
local json = require "sluice.sandbox.json"
local server = require "sluice.server"

local M = {}

M.EMPTY_BODY = "Empty Payload"
M.EMPTY_LINE = "Empty Payload line"
M.EMPTY_PRODUCT = "Empty Product Attributes"
M.NO_ID = 'Missing "id" attribute'
M.TOO_LARGE = "Product payload is too large"

local MAX_PRODUCT = 1000000
local EXAMPLE_MAX = 4096

local cjson
do
  local found, module = pcall(require, "cjson")
  if found then
    cjson = module.new()
    cjson.decode_invalid_numbers(false)
    cjson.decode_max_depth(500)
  end
end

local function is_empty(value)
  return value == "" or value == nil or value == json.null or (type(value) == "table" and next(value) == nil)
    or (cjson ~= nil and value == cjson.null)
end

local function all_empty(object)
  if json.is_object(object) then
    for _, value in json.members(object) do
      if not is_empty(value) then return false end
    end
    return true
  end
  for _, value in pairs(object) do
    if not is_empty(value) then return false end
  end
  return true
end

-- The text of an id, numbers as they were written.
local function id_text(value)
  if type(value) == "string" then return value ~= "" and value or nil end
  if math.type(value) == "integer" then return tostring(value) end
  if type(value) == "table" then return value.number end
  return nil
end

-- By the sandbox's own reader: the id, or nil and what is wrong.
local function check_slowly(line)
  local object, fault = json.decode(line, function(token) return { number = token } end)
  if fault then return nil, fault end
  if not json.is_object(object) then return nil, M.NO_ID end
  local id = object.id
  local text = (type(id) ~= "table" or (not json.is_object(id) and not json.is_array(id) and id ~= json.null)) and id_text(id) or nil
  if text then return text end
  return nil, all_empty(object) and M.EMPTY_PRODUCT or M.NO_ID
end

---The id of the product in a line, or nil and the message.
---@param line string
---@return string? id
---@return string? message
function M.check_line(line)
  if #line > MAX_PRODUCT then return nil, M.TOO_LARGE end
  if not line:find("[^ \t\r]") then return nil, M.EMPTY_LINE end
  if not cjson or not line:find("^ *{") or not server.is_text(line) then return check_slowly(line) end
  local ok, object = pcall(cjson.decode, line)
  if not ok then return check_slowly(line) end
  local id = object.id
  if type(id) == "string" and id ~= "" then return id end
  local whole = math.tointeger(id)
  if whole and whole > -2 ^ 53 and whole < 2 ^ 53 and type(id) == "number" then return tostring(whole) end
  return check_slowly(line)
end

-- The head of a long line, not cut inside a character.
local function example_of(line)
  if #line <= EXAMPLE_MAX then return line end
  local cut = EXAMPLE_MAX
  while cut > 0 and (line:byte(cut + 1) or 0) & 0xC0 == 0x80 do cut = cut - 1 end
  return line:sub(1, cut)
end

---An empty result, for an upload of `count` products (nil: none known) without a check.
function M.result()
  local found = { accepted = 0, rejected = 0, errors = {}, by_message = {}, ids = {}, firsts = {}, lasts = {} }
  function found.reject(message, number, line)
    found.rejected = found.rejected + 1
    local one = found.by_message[message]
    if one then
      one.occurrences = one.occurrences + 1
      return
    end
    one = { message = message, occurrences = 1, line = number, value = example_of(line) }
    found.by_message[message] = one
    found.errors[#found.errors + 1] = one
  end
  function found.accept(id, first, last)
    local n = found.accepted + 1
    found.accepted, found.ids[n], found.firsts[n], found.lasts[n] = n, id, first, last
  end
  return found
end

---Checks a whole body.
---@param body string
---@param first_line integer the number of the first line, 0 or 1
function M.check(body, first_line)
  local found = M.result()
  if body == "" then
    found.reject(M.EMPTY_BODY, first_line, "")
    return found
  end
  local pos, number, size = 1, first_line, #body
  while pos <= size do
    local stop = body:find("\n", pos, true) or size + 1
    local line = body:sub(pos, stop - 1)
    local id, message = M.check_line(line)
    if id then found.accept(id, pos, stop - 1) else found.reject(message, number, line) end
    pos, number = stop + 1, number + 1
  end
  return found
end

---Checks the body of a referenced stream: nothing but emptiness is looked at. Products are counted where they can be.
function M.check_referenced(body, first_line)
  local found = M.result()
  local list, fault = json.decode(body, function(token) return { number = token } end)
  local empty = not body:find("[^ \t\r\n]") or (not fault and (type(list) ~= "table" or #list == 0))
  if not fault and json.is_array(list) then
    local all = true
    for _, one in ipairs(list) do all = all and json.is_object(one) and #one == 0 end
    empty = empty or all
  end
  if empty then
    found.reject(M.EMPTY_BODY, first_line, body)
    return found, nil
  end
  return found, fault and {} or (json.is_array(list) and list or { list }), fault
end

return M
