--- How many columns of a terminal a text takes, and texts cut to fit: combining marks take none, CJK and most pictures two.
---
---     width.of "日本"               --> 4
---     width.cut("a long title", 6)  --> "a lon…"
local width = {}

-- Marks that are drawn upon the character before them, and what is not drawn at all.
local NONE = {
  { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x0610, 0x061A }, { 0x064B, 0x065F }, { 0x093C, 0x093C }, { 0x0E31, 0x0E31 },
  { 0x0E34, 0x0E3A }, { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x200B, 0x200F }, { 0x202A, 0x202E }, { 0x2060, 0x2064 },
  { 0x20D0, 0x20F0 }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF }, { 0xE0100, 0xE01EF },
}
local TWO = {
  { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0x33FF }, { 0x3400, 0x4DBF }, { 0x4E00, 0x9FFF }, { 0xA000, 0xA4CF }, { 0xA960, 0xA97F },
  { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
  { 0x1F900, 0x1F9FF }, { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
}

local function within(ranges, code)
  local low, high = 1, #ranges
  while low <= high do
    local middle = (low + high) // 2
    if code < ranges[middle][1] then high = middle - 1
    elseif code > ranges[middle][2] then low = middle + 1
    else return true end
  end
  return false
end

local function of_code(code)
  if code < 0x300 then return 1 end
  return within(NONE, code) and 0 or within(TWO, code) and 2 or 1
end

--- Columns of a text without control characters. Bytes that are no UTF-8 count one each.
---@param s string
---@return integer
function width.of(s)
  if not s:find "[\x80-\xff]" then return #s end
  if not utf8.len(s) then return #s end
  local sum = 0
  for _, code in utf8.codes(s) do sum = sum + of_code(code) end
  return sum
end

-- The number of bytes of s that take at most `columns`.
local function fitting(s, columns)
  if not s:find "[\x80-\xff]" or not utf8.len(s) then return columns end
  local sum, stop = 0, 0
  for at, code in utf8.codes(s) do
    sum = sum + of_code(code)
    if sum > columns then break end
    stop = at + #utf8.char(code) - 1
  end
  return stop
end

--- The text, its end replaced by "…" where it is wider than that.
---@param s string
---@param columns integer 1 or more
---@return string
---@return boolean cut
function width.cut(s, columns)
  if width.of(s) <= columns then return s, false end
  return s:sub(1, fitting(s, math.max(columns - 1, 0))) .. "…", true
end

--- The text with blanks up to a width, behind it or (`right`) before it.
---@param s string
---@param columns integer
---@param right boolean?
---@return string
function width.pad(s, columns, right)
  local blanks = (" "):rep(columns - width.of(s))
  return right and blanks .. s or s .. blanks
end

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escape(c) return escapes[c] or ("\\x%02X"):format(c:byte()) end

-- C1 controls (U+0080 to U+009F) steer terminals as well, and marks of direction turn what stands behind them around.
local function plain_utf8(s)
  local function escaped(c) return ("\\u{%02X}"):format(utf8.codepoint(c)) end
  return (s:gsub("\xC2[\x80-\x9F]", escaped):gsub("\xE2\x80[\xAA-\xAE]", escaped):gsub("\xE2\x81[\xA6-\xA9]", escaped))
end

--- The text so that a terminal shows it and nothing else happens: control characters, and bytes that are no UTF-8, as
--- Lua's escapes. With `quotes` backslashes and quotes too, so that it can stand between quotes.
---@param s string
---@param quotes boolean?
---@return string
function width.plain(s, quotes)
  s = s:gsub(quotes and '[%c\\"]' or "%c", escape)
  if not s:find "[\x80-\xff]" then return s end
  if not utf8.len(s) then return (s:gsub("[\x80-\xff]", escape)) end
  return plain_utf8(s)
end

return width
