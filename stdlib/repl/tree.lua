--- Any value as lines that fit the terminal: on one line where there is room, else field below field, indented; lists of
--- objects as tables. What is left out is counted.
---
---     local lines, whole = tree.lines({ a = { 1, 2 } }, { columns = 80, rows = 40 })
local atom = require "sluice.repl.atom"
local grid = require "sluice.repl.grid"
local json = require "sluice.json"
local log = require "sluice.log"
local paint = require "sluice.repl.paint"
local peek = require "sluice.repl.peek"
local text = require "sluice.text"
local width = require "sluice.repl.width"

local tree = {}

local DEPTH = 7             -- levels of fields below fields
local INLINE_DEPTH = 4      -- levels on one line
local INLINE_ENTRIES = 24   -- entries on one line
local INLINE_TEXT = 60      -- columns of a text beside others on a line
local TEXT_LINES = 4        -- of a text that is all there is
local LINES = 400           -- of all; nobody reads more, and json() shows them

local Tree = {}
Tree.__index = Tree

function Tree:paint(what, s) return paint(self.color, what, s) end

-- How many entries of a value are shown at a depth.
function Tree:limit(list, depth)
  if depth == 0 then return list and self.page or 100 end
  return list and 5 or 40
end

-- ---- on one line ----

local function key_text(key)
  if type(key) == "string" then
    if key:find "^[%a_][%w_]*$" then return (atom.bare(key, 60)) end
    return "[" .. atom.quoted(key, 60) .. "]"
  end
  return "[" .. (atom.text(key) or type(key)) .. "]"
end

-- What a table calls itself: the name in its metatable, or what its __tostring says.
local function label_of(value)
  local meta = type(value) == "table" and debug.getmetatable(value)
  if type(meta) ~= "table" or json.isarray(value) then return nil end
  local say = rawget(meta, "__tostring")
  local ok, said = false, nil
  if type(say) == "function" then ok, said = pcall(say, value) end
  if not ok or type(said) ~= "string" then said = peek.name(value) end
  return said and (atom.bare(said, INLINE_TEXT)) or nil
end

local function marks(list) return list and "[" or "{", list and "]" or "}" end

local function counted(n, list)
  local word = list and (n == 1 and "entry" or "entries") or (n == 1 and "field" or "fields")
  return ("%s %s"):format(text.grouped(n), word)
end

-- A value without its parts, for what is too deep.
function Tree:folded(value, list)
  local _, total = peek.entries(value, 0)
  local open, close = marks(list)
  if total == 0 then return open .. close, 2 end
  self.cut = true
  local said = ("%s … %s %s"):format(open, counted(total, list), close)
  return self:paint("dim", said), width.of(said)
end

-- Text and width of a value that has no parts.
function Tree:atom(value, kind, room)
  if kind == "string" then
    local shown, cut = atom.quoted(value, math.max(room, 16))
    self.cut = self.cut or cut
    return self:paint("string", shown), width.of(shown)
  end
  local shown, colour = atom.text(value, kind)
  if not shown then return nil end
  return self:paint(colour, shown), width.of(shown)
end

-- The parts of a value on one line; nil where they don't fit.
function Tree:inline_parts(value, list, room, depth)
  if type(value) == "table" and peek.has_more(value, INLINE_ENTRIES) then return nil end
  local entries, total = peek.entries(value, INLINE_ENTRIES)
  if total > INLINE_ENTRIES then return nil end
  local parts, used = {}, 0
  for i, entry in ipairs(entries) do
    local key = list and "" or key_text(entry[1])
    local shown, wide = self:inline(entry[2], room - used - width.of(key) - 2, depth + 1)
    if not shown then return nil end
    used = used + wide + width.of(key) + (list and 0 or 3) + (i < total and 2 or 0)
    if used > room then return nil end
    parts[i] = list and shown or self:paint("key", key) .. " = " .. shown
  end
  return table.concat(parts, ", "), used
end

-- A value on one line: text and width, or nil where it takes more than `room`.
function Tree:inline(value, room, depth)
  local kind = peek.kind(value)
  local shown, wide = self:atom(value, kind, depth > 0 and math.min(room, INLINE_TEXT) or room)
  if shown then return shown, wide end
  if self.above[value] then return self:paint("dim", "(a cycle)"), 9 end
  local list = peek.is_list(value, kind)
  if depth >= INLINE_DEPTH then return self:folded(value, list) end
  local open, close = marks(list)
  local label = label_of(value)
  local before = label and label .. " " or ""
  self.above[value] = true
  local parts, used = self:inline_parts(value, list, room - 4 - width.of(before), depth)
  self.above[value] = nil
  if not parts then return nil end
  before = self:paint("dim", before)
  if parts == "" then return before .. open .. close, width.of(label or "") + 3 end
  if list then return before .. open .. parts .. close, used + 2 + width.of(label or "") + 1 end
  return ("%s%s %s %s"):format(before, open, parts, close), used + 4 + width.of(label or "") + 1
end

-- ---- on lines of their own ----

function Tree:add(indent, line)
  self.left = self.left - 1
  self.lines[#self.lines + 1] = (" "):rep(indent) .. line
end

function Tree:more(indent, n, note)
  local said = n > 0 and ("… %s more"):format(text.grouped(n)) or nil
  if n > 0 or note then self.cut = true end
  if said or note then self:add(indent, self:paint("dim", table.concat({ said or note, said and note }, ", "))) end
end

local function rows_of(entries)
  local rows = {}
  for i, entry in ipairs(entries) do
    if not grid.is_row(entry[2]) then return nil end
    rows[i] = entry[2]
  end
  return #rows >= 2 and rows or nil
end

-- A list of objects as a table; nil where it is none.
function Tree:table(entries, total, indent)
  local rows = rows_of(entries)
  if not rows then return false end
  local lines, cut, note = grid.lines(rows, { columns = self.columns - indent, color = self.color })
  self.cut = self.cut or cut
  for _, line in ipairs(lines) do self:add(indent, line) end
  self:more(indent, total - #rows, note)
  return true
end

-- A list of values without parts, as many on a line as fit; false where it is none.
function Tree:packed(value, indent, depth)
  local entries, total = peek.entries(value, depth == 0 and 200 or 40)
  local parts, room = {}, self.columns - indent
  for i, entry in ipairs(entries) do
    local shown, wide = self:atom(entry[2], peek.kind(entry[2]), math.min(room, INLINE_TEXT))
    if not shown then return false end
    parts[i] = { shown .. (i < total and "," or ""), wide + 1 }
  end
  local line, used = {}, 0
  for _, part in ipairs(parts) do
    if used > 0 and used + part[2] > room then
      self:add(indent, table.concat(line, " "))
      line, used = {}, 0
    end
    line[#line + 1], used = part[1], used + part[2] + 1
  end
  self:add(indent, table.concat(line, " "))
  self:more(indent, total - #entries)
  return true
end

function Tree:fields(entries, total, list, indent, depth)
  local shown = 0
  for _, entry in ipairs(entries) do
    if self.left <= 0 then break end
    self:value(entry[2], indent, depth, list and "" or key_text(entry[1]))
    shown = shown + 1
  end
  self:more(indent, total - shown)
end

function Tree:block(value, list, indent, depth, before)
  local entries, total = peek.entries(value, self:limit(list, depth))
  local open, close = marks(list)
  local label = label_of(value)
  self:add(indent, before .. (label and self:paint("dim", label) .. " " or "") .. open)
  self.above[value] = true
  local done = list and (self:table(entries, total, indent + 2) or self:packed(value, indent + 2, depth))
  if not done then self:fields(entries, total, list, indent + 2, depth + 1) end
  self.above[value] = nil
  self:add(indent, close)
end

-- Adds the lines of one value, behind its key where it has one.
function Tree:value(value, indent, depth, key)
  local before = key ~= "" and self:paint("key", key) .. " = " or ""
  local room = self.columns - indent - (key ~= "" and width.of(key) + 3 or 0)
  local cut = self.cut
  local shown = self:inline(value, depth == 0 and type(value) == "string" and room * TEXT_LINES or room, 0)
  if shown then return self:add(indent, before .. shown) end
  self.cut = cut
  local list = peek.is_list(value)
  if depth >= DEPTH then return self:add(indent, before .. self:folded(value, list)) end
  return self:block(value, list, indent, depth, before)
end

-- An error alone: what it says, and what else it has (hint, status, …) below.
function Tree:problem(problem)
  self:add(0, (self:atom(problem, "error", self.columns)))
  local entries, total = peek.entries(problem, self:limit(false, 0))
  local rest = {}
  for _, entry in ipairs(entries) do
    if entry[1] ~= "code" and entry[1] ~= "message" then rest[#rest + 1] = entry end
  end
  self:fields(rest, total - #entries + #rest, false, 2, 1)
end

-- The lines of the value that is asked for.
function Tree:top(value)
  if peek.kind(value) == "error" then return self:problem(value) end
  if peek.is_list(value) and not label_of(value) then
    local entries, total = peek.entries(value, self:limit(true, 0))
    if self:table(entries, total, 0) then return end
  end
  return self:value(value, 0, 0, "")
end

--- The lines of a value. Never asks anybody, never changes the value.
---@param value any
---@param options { columns?: integer, rows?: integer, color?: boolean, page?: integer }
---@return string[] lines
---@return boolean whole false where something was left out
function tree.lines(value, options)
  local self = setmetatable({
    columns = math.max(options.columns or 80, 20), color = options.color, page = options.page or 20, lines = {}, left = LINES,
    above = {}, cut = false,
  }, Tree)
  self:top(value)
  for i, line in ipairs(self.lines) do self.lines[i] = log.mask(line) end
  return self.lines, not self.cut
end

return tree
