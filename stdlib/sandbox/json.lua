-- The sandbox's own JSON. It shares nothing with `sluice.json`, so that client and sandbox can't agree on a mistake, and
-- it knows two things a client's reader doesn't need: members keep their order (the echoed search request), and a fault
-- is named as PHP's json_decode names it, because these names are what the Stream API answers.
--
--   local body, fault = json.decode(text)          -- nil, "Syntax error" | "Control character error, …" | …
--   body.query.bool                                -- members by name; nil where there is none
--   json.encode(json.object("id", 1, "tags", json.array{}))

local M = {}

local Object, Array = {}, {}

---null, in both directions.
M.null = setmetatable({}, { __tostring = function() return "null" end })

-- An object is a list of name, value, name, value: small, and in order.
Object.__index = function(self, name)
  if type(name) ~= "string" then return nil end
  for i = #self - 1, 1, -2 do
    if rawget(self, i) == name then return rawget(self, i + 1) end
  end
end

---An object of these members, in this order: name, value, name, value, …
---@return table
function M.object(...)
  return setmetatable({ ... }, Object)
end

---Marks a list as an array, so that an empty one is `[]`.
---@param list table
---@return table
function M.array(list)
  return setmetatable(list, Array)
end

---@param value any
---@return boolean
function M.is_object(value) return getmetatable(value) == Object end

---@param value any
---@return boolean
function M.is_array(value) return getmetatable(value) == Array end

---Iterates over an object's members: `for name, value in json.members(object)`.
---@param object table
function M.members(object)
  local i = -1
  return function()
    i = i + 2
    return rawget(object, i), rawget(object, i + 1)
  end
end

---Sets a member, in its old place where there is one.
---@param object table
---@param name string
---@param value any
function M.set(object, name, value)
  for i = 1, #object, 2 do
    if rawget(object, i) == name then
      rawset(object, i + 1, value)
      return
    end
  end
  local n = #object
  rawset(object, n + 1, name)
  rawset(object, n + 2, value)
end

---@param list table
---@param value any
---@return integer? position
function M.index_of(list, value)
  for i = 1, #list do
    if list[i] == value then return i end
  end
end

-- ---- reading ----

M.SYNTAX = "Syntax error"
M.CONTROL = "Control character error, possibly incorrectly encoded"
M.UTF8 = "Malformed UTF-8 characters, possibly incorrectly encoded"
M.UTF16 = "Single unpaired high surrogate in Unicode escape"
M.DEPTH = "Maximum stack depth exceeded"

local MAX_DEPTH = 512
local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local read_value

local function fail(kind) error({ json_fault = kind }, 0) end

local function blank(text, pos)
  return text:find("[^ \t\r\n]", pos) or #text + 1
end

-- What a character that can't be here is called.
local function stranger(text, pos)
  local c = text:byte(pos)
  if c and c < 32 then fail(M.CONTROL) end
  fail(M.SYNTAX)
end

local function read_unicode(text, pos)
  local hex = text:match("^%x%x%x%x", pos)
  if not hex then fail(M.SYNTAX) end
  local code = tonumber(hex, 16)
  if code < 0xD800 or code > 0xDFFF then return utf8.char(code), pos + 4 end
  local low = code < 0xDC00 and text:match("^\\u([dD][c-fC-F]%x%x)", pos + 4)
  if not low then fail(M.UTF16) end
  return utf8.char(0x10000 + (code - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00), pos + 10
end

local function read_string(text, pos)
  local parts = {}
  while true do
    local stop = text:find('["\\%c]', pos)
    local piece = text:sub(pos, (stop or #text + 1) - 1)
    if not utf8.len(piece) then fail(M.UTF8) end
    parts[#parts + 1] = piece
    if not stop then fail(M.CONTROL) end -- the end of the text is a NUL to PHP's scanner
    local c = text:sub(stop, stop)
    if c == '"' then return table.concat(parts), stop + 1 end
    if c == "\127" then
      parts[#parts + 1], pos = c, stop + 1
    elseif c ~= "\\" then
      fail(M.CONTROL)
    else
      local escape = text:sub(stop + 1, stop + 1)
      if escape == "u" then
        parts[#parts + 1], pos = read_unicode(text, stop + 2)
      else
        parts[#parts + 1] = ESCAPES[escape] or fail(escape == "" and M.CONTROL or M.SYNTAX)
        pos = stop + 2
      end
    end
  end
end

local function read_object(text, pos, depth, number)
  local object = setmetatable({}, Object)
  pos = blank(text, pos)
  if text:sub(pos, pos) == "}" then return object, pos + 1 end
  while true do
    if text:sub(pos, pos) ~= '"' then stranger(text, pos) end
    local name, value
    name, pos = read_string(text, pos + 1)
    pos = blank(text, pos)
    if text:sub(pos, pos) ~= ":" then stranger(text, pos) end
    value, pos = read_value(text, blank(text, pos + 1), depth, number)
    M.set(object, name, value)
    pos = blank(text, pos)
    local c = text:sub(pos, pos)
    if c == "}" then return object, pos + 1 end
    if c ~= "," then stranger(text, pos) end
    pos = blank(text, pos + 1)
  end
end

local function read_array(text, pos, depth, number)
  local list, n = setmetatable({}, Array), 0
  pos = blank(text, pos)
  if text:sub(pos, pos) == "]" then return list, pos + 1 end
  while true do
    n = n + 1
    list[n], pos = read_value(text, pos, depth, number)
    pos = blank(text, pos)
    local c = text:sub(pos, pos)
    if c == "]" then return list, pos + 1 end
    if c ~= "," then stranger(text, pos) end
    pos = blank(text, pos + 1)
  end
end

local WORDS = { t = { "true", true }, f = { "false", false }, n = { "null", M.null } }

function read_value(text, pos, depth, number)
  if depth > MAX_DEPTH then fail(M.DEPTH) end
  local c = text:sub(pos, pos)
  if c == '"' then return read_string(text, pos + 1) end
  if c == "{" then return read_object(text, pos + 1, depth + 1, number) end
  if c == "[" then return read_array(text, pos + 1, depth + 1, number) end
  local word = WORDS[c]
  if word and text:sub(pos, pos + #word[1] - 1) == word[1] then return word[2], pos + #word[1] end
  local digits = text:match("^-?0", pos) or text:match("^-?[1-9]%d*", pos)
  if not digits then stranger(text, pos) end
  local stop = pos + #digits
  local fraction = text:match("^%.%d+", stop) or ""
  stop = stop + #fraction
  local exponent = text:match("^[eE][+-]?%d+", stop) or ""
  local token = digits .. fraction .. exponent
  return number(token), stop + #exponent
end

---Reads one JSON text. `number` makes a value of a number's text (`tonumber` unless given).
---@param text string
---@param number? fun(token: string): any
---@return any value
---@return string? fault nil where all is well
function M.decode(text, number)
  local ok, value, stop = pcall(read_value, text, blank(text, 1), 0, number or tonumber)
  if ok and blank(text, stop) <= #text then
    ok, value = pcall(stranger, text, blank(text, stop))
  end
  if ok then return value end
  if type(value) == "table" and value.json_fault then return nil, value.json_fault end
  error(value, 0)
end

-- ---- writing ----

local SHORT = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape_control(c)
  return SHORT[c] or string.format("\\u%04x", c:byte())
end

local function escape_unicode(c)
  local code = utf8.codepoint(c)
  if code < 0x10000 then return string.format("\\u%04x", code) end
  code = code - 0x10000
  return string.format("\\u%04x\\u%04x", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
end

-- Bytes that are not UTF-8 become U+FFFD: an answer quotes what it was sent, and has to be JSON all the same.
local function clean(text)
  if utf8.len(text) then return text end
  local parts, pos = {}, 1
  while pos <= #text do
    local _, bad = utf8.len(text, pos)
    parts[#parts + 1] = text:sub(pos, (bad or #text + 1) - 1)
    if not bad then break end
    parts[#parts + 1] = "\u{FFFD}"
    pos = bad + 1
  end
  return table.concat(parts)
end

---The JSON string of a text. `php`: slashes and all that is not ASCII are escaped, as PHP does it.
---@param text string
---@param php? boolean
---@return string
function M.quote(text, php)
  text = clean(text):gsub('[%c"\\]', escape_control)
  if php then text = text:gsub("/", "\\/"):gsub("[\xC2-\xF4][\x80-\xBF]+", escape_unicode) end
  return '"' .. text .. '"'
end

-- The shortest text that reads back the same; what was too large for a double stays too large for one.
local function number_text(value)
  if math.type(value) == "integer" then return tostring(value) end
  for digits = 15, 16 do
    local text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then return text end
  end
  return (("%.17g"):format(value):gsub("inf", "1e999"))
end

local function put(parts, value, php)
  local kind = type(value)
  if kind == "string" then
    parts[#parts + 1] = M.quote(value, php)
  elseif kind == "number" then
    parts[#parts + 1] = number_text(value)
  elseif kind ~= "table" or value == M.null then
    parts[#parts + 1] = tostring(value)
  elseif M.is_object(value) then
    for i = 1, #value, 2 do
      parts[#parts + 1] = (i == 1 and "{" or ",") .. M.quote(value[i], php) .. ":"
      put(parts, value[i + 1], php)
    end
    parts[#parts + 1] = #value == 0 and "{}" or "}"
  else
    for i = 1, #value do
      parts[#parts + 1] = i == 1 and "[" or ","
      put(parts, value[i], php)
    end
    parts[#parts + 1] = #value == 0 and "[]" or "]"
  end
end

---The JSON text of objects, lists (any table that is no object), texts, numbers, booleans and null.
---@param value any
---@param php? boolean see quote
---@return string
function M.encode(value, php)
  local parts = {}
  put(parts, value, php)
  return table.concat(parts)
end

return M
