--- Text for people: numbers with thousands apart, sizes, tables of columns.
local err = require "sluice.err"

local text = {}

--- 1234567 as "1,234,567".
---@param n number is rounded
---@return string
function text.grouped(n)
  local digits, left = ("%.0f"):format(n), 1
  while left > 0 do digits, left = digits:gsub("^(-?%d+)(%d%d%d)", "%1,%2") end
  return digits
end

-- Characters, not bytes: what a terminal needs columns for (wide characters count as one).
local function width(s) return utf8.len(s) or #s end

--- Rows of cells as aligned lines; cells that are numbers go to the right.
---@param rows any[][] the first row is the head
---@return string
function text.table(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, width(tostring(cell))) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local s = tostring(cell)
      local pad = (" "):rep(widths[i] - width(s))
      cells[i] = type(cell) == "number" and pad .. s or s .. pad
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n") .. "\n"
end

--- " (did you mean 'x'?)" for a word that is not known; "" where no name is near.
---@param word any
---@param names string[]
---@return string
---@return string? near the name
function text.near(word, names)
  local near = err.nearest(tostring(word), names)
  return near and (" (did you mean '%s'?)"):format(near) or "", near
end

--- The keys of a table, sorted.
---@param map table<string, any>
---@return string[]
function text.keys(map)
  local list = {}
  for key in pairs(map) do list[#list + 1] = key end
  table.sort(list)
  return list
end

return text
