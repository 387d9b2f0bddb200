--- A list of objects as a table that fits the terminal: the columns that are filled most and matter most, as many as there
--- is room for; numbers to the right; the others counted.
---
---     for _, line in ipairs(grid.lines({ { id = 1, name = "x" }, … }, { columns = 80 })) do print(line) end
---     --   id  name
---     -- 1  1  x
local atom = require "sluice.repl.atom"
local paint = require "sluice.repl.paint"
local peek = require "sluice.repl.peek"
local width = require "sluice.repl.width"

local grid = {}

local MOST_FIELDS = 200 -- of one entry that are looked at
local GAP = 2

-- What people look for first, in that order.
local known = {}
for i, name in ipairs {
  "id", "name", "title", "sku", "code", "number", "source_product_code", "channel_order_code", "username", "email", "type", "status", "state",
  "price", "total", "qty", "quantity", "created", "created_at", "modified", "updated", "updated_at",
} do known[name] = i end

--- Whether a value is an object with fields, as a row of a table is.
---@param value any
---@return boolean
function grid.is_row(value)
  local kind = peek.kind(value)
  if kind == "record" then return not peek.is_list(value, kind) end
  return kind == "object" and next(value) ~= nil and debug.getmetatable(value) == nil
end

-- ---- cells ----

local function count_text(value, kind)
  local _, total = peek.entries(value, 0)
  if total == 0 then return kind == "list" and "[]" or "{}" end
  return kind == "list" and ("[… %d]"):format(total) or ("{… %d}"):format(total)
end

-- Text, colour, and whether it goes to the right.
local function cell_of(value, most)
  if value == nil then return { text = "" } end
  local kind = peek.kind(value)
  if kind == "string" then
    local shown, cut = atom.bare(value, most)
    return { text = shown, cut = cut }
  end
  local shown, colour = atom.text(value, kind)
  if not shown then return { text = count_text(value, peek.is_list(value, kind) and "list" or "object"), colour = "dim", parts = true } end
  local said, cut = width.cut(shown, most)
  return { text = said, colour = colour, number = kind == "number" or kind == "digits", cut = cut }
end

-- ---- columns ----

local function title_of(key)
  local kind = type(key)
  return (atom.bare((kind == "string" or kind == "number") and tostring(key) or kind, 40))
end

local nothing = { [""] = true, null = true, ["[]"] = true, ["{}"] = true }

-- All fields of the rows, in the order in which they are met.
local function columns_of(rows, most)
  local by_key, list = {}, {}
  for i, row in ipairs(rows) do
    for _, entry in ipairs((peek.entries(row, MOST_FIELDS))) do
      local key = entry[1]
      local column = by_key[key]
      if not column then
        column = { key = key, title = title_of(key), cells = {}, filled = 0, scalars = 0, numbers = true, at = #list + 1 }
        by_key[key], list[#list + 1] = column, column
      end
      local cell = cell_of(entry[2], most)
      column.cells[i] = cell
      if not nothing[cell.text] then
        column.filled = column.filled + 1
        column.numbers = column.numbers and cell.number == true
        if not cell.parts then column.scalars = column.scalars + 1 end
      end
    end
  end
  return list
end

-- Whether two columns that are both known or both not are in this order: plain values before nested ones, then the fuller.
local function better(a, b)
  local x, y = known[a.key] or math.huge, known[b.key] or math.huge
  local full, fuller = a.filled > 0, b.filled > 0
  if full ~= fuller then return full end
  if x ~= y then return x < y end
  if (a.scalars > 0) ~= (b.scalars > 0) then return a.scalars > 0 end
  if a.filled ~= b.filled then return a.filled > b.filled end
  return a.at < b.at
end

local function measure(column, count)
  local widest = width.of(column.title)
  for i = 1, count do
    if column.cells[i] then widest = math.max(widest, width.of(column.cells[i].text)) end
  end
  column.width = widest
end

-- Those that fit beside the first `used` columns of the terminal, the best first; at least one.
local function choose(list, count, room)
  local chosen, used = {}, 0
  for _, column in ipairs(list) do
    measure(column, count)
    if #chosen == 0 then column.width = math.max(math.min(column.width, room), 1) end
    if used + column.width + (#chosen > 0 and GAP or 0) <= room then
      used = used + column.width + (#chosen > 0 and GAP or 0)
      chosen[#chosen + 1] = column
    end
  end
  return chosen
end

-- ---- lines ----

local function line_of(options, columns, number, number_width, cell)
  local parts = { paint(options.color, "dim", width.pad(number, number_width, true)) }
  for i, column in ipairs(columns) do
    local one = cell(column)
    local shown = width.cut(one.text, column.width)
    local padded = width.pad(shown, column.width, column.numbers and column.filled > 0)
    if i == #columns then padded = padded:gsub(" +$", "") end
    parts[#parts + 1] = paint(options.color, one.colour, padded)
  end
  return (table.concat(parts, (" "):rep(GAP)):gsub(" +$", ""))
end

--- The lines of the table. `first` is the number of the first row (1). `left` says whether columns were left out or cells
--- cut.
---@param rows any[] objects
---@param options { columns: integer, color?: boolean, first?: integer }
---@return string[] lines
---@return boolean left
---@return string? note how many columns were left out
function grid.lines(rows, options)
  local first, lines = options.first or 1, {}
  local list = columns_of(rows, math.max(12, math.min(48, options.columns // 3)))
  table.sort(list, better)
  local number_width = #tostring(first + #rows - 1)
  local chosen = choose(list, #rows, math.max(options.columns - number_width - GAP, 1))
  lines[1] = line_of(options, chosen, "", number_width, function(column) return { text = column.title, colour = "head" } end)
  local cut = #chosen < #list
  for i = 1, #rows do
    lines[i + 1] = line_of(options, chosen, tostring(first + i - 1), number_width, function(column)
      local cell = column.cells[i] or { text = "" }
      cut = cut or cell.cut or cell.parts or false
      return cell
    end)
  end
  local left = #list - #chosen
  return lines, cut, left > 0 and ("+ %d column%s"):format(left, left == 1 and "" or "s") or nil
end

return grid
