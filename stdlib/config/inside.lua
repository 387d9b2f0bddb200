--- Where a place inside of a scalar is in the file that the scalar was read from. Pure.
local inside = {}

local function line_of(source, number)
  local n = 0
  for line in (source .. "\n"):gmatch "([^\n]*)\n" do
    n = n + 1
    if n == number then return (line:gsub("\r$", "")) end
  end
end

-- A block (|): its lines are lines of the file, indented.
local function in_block(source, node, line, column)
  local raw, text = line_of(source, node.line + line), line_of(node.text, line)
  if not raw or not text or not raw:find "^ " or raw:sub(#raw - #text + 1) ~= text then return nil end
  return node.line + line, #raw - #text + column
end

--- The line and column in the file, or nil where the text does not stand there as it is (folded, escaped, an alias).
---@param source string the file's text
---@param node sluice.yaml.Node
---@param line integer in node.text
---@param column integer
---@return integer? line, integer? column
function inside.file(source, node, line, column)
  local raw = line_of(source, node.line)
  local from = raw and utf8.len(raw) and utf8.offset(raw, node.column)
  if not from then return nil end
  local first = raw:sub(from):gsub("^&%S+%s+", ""):sub(1, 1)
  if first == "|" then return in_block(source, node, line, column) end
  local skip = (first == '"' or first == "'") and 1 or 0
  if line > 1 or raw:sub(from + skip, from + skip + #node.text - 1) ~= node.text then return nil end
  return node.line, node.column + skip + column - 1
end

return inside
