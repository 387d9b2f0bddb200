--- What is wrong in a definition of the project's own (apis/NAME.lua), with the place of each fault.
---
---     definitions.findings(text, "apis/tickets.lua")
---
--- The faults are those that sluice.definition names: "operations[2] 'open_ticket': resend is missing". Their place is
--- looked for in the table that the file returns: the row, in it the argument, in it the field that the fault begins with.
local definition = require "sluice.definition"
local literal = require "sluice.check.literal"
local parse = require "sluice.check.parse"

local definitions = {}

-- The Table that a file returns: in place, or as a local that is given its value once.
local function returned(tree)
  local last = tree.block[#tree.block]
  local node = last and last.tag == "Return" and last[1] and literal.bare(last[1])
  local name = node and node.tag == "Id" and node[1]
  for _, statement in ipairs(name and tree.block or {}) do
    if statement.tag == "Local" and statement[1][1][1] == name and statement[2] then node = literal.bare(statement[2][1]) end
  end
  return node and node.tag == "Table" and node or nil
end

local function table_at(node)
  node = node and literal.bare(node)
  return node and node.tag == "Table" and literal.fields(node) or nil
end

-- A list of rows is searched by their names, a table has them as keys.
local function entry_named(group, name)
  for _, row in ipairs(group.list) do
    local fields = table_at(row)
    if fields and literal.text(fields.pairs.name) == name then return row end
  end
  return group.pairs[name]
end

-- The entry that a part of a fault's path names: "operations[2] 'x'", "args 'x'", "classes 'api'", "paging".
local function step(node, part)
  local fields, word = table_at(node), part:match "^%l[%l_]*"
  if not fields then return nil end
  local value = fields.pairs[word == "members" and (fields.pairs.items and "items" or "fields") or word]
  local group, index, name = table_at(value), part:match "%[(%d+)%]", part:match "'(.-)'$"
  if group and index then return group.list[tonumber(index)] or group.numbers[tonumber(index)] end
  if group and name then return entry_named(group, name) end
  return not name and value or nil
end

-- The node of the field that a text begins with, or that it says is not known.
local function field_of(node, text)
  local fields, word = table_at(node), text:match "unknown field '([^']+)'" or text:match "^(%l[%w_]*)"
  for _, key in ipairs(fields and fields.keys or {}) do
    if key.name == word then return text:find "unknown field" and key.node or key.value end
  end
end

-- The node that a fault is about: as deep as its text and the file's tables lead.
local function place(root, message)
  local node, rest = root, message
  while node do
    local part, behind = rest:match "^([%l_]+%[%d+%] '[^']*')[: ]*(.*)$"
    if not part then part, behind = rest:match "^([%l_]+%[%d+%])[: ]+(.*)$" end
    if not part then part, behind = rest:match "^([%l_]+ '[^']*'): (.*)$" end
    if not part then part, behind = rest:match "^([%l_]+): (.*)$" end
    local deeper = part and step(node, part)
    if not deeper then return field_of(node, rest) or node end
    node, rest = deeper, behind
  end
end

local function from_error(text, file)
  local line, rest = tostring(text):match "^definition:(%d+): (.*)$"
  return { file = file, line = line and math.tointeger(line), message = rest or tostring(text) }
end

local HINTS = { ["resend is missing"] = 'resend = "safe" | "unsafe" | "never_automatic": whether a call may be sent again' }

-- Without those on lines that are passed over, in the order of the file.
local function kept(list, tree)
  local out = {}
  for _, one in ipairs(list) do
    if not tree or not tree.ignored[one.line or 0] then out[#out + 1] = one end
  end
  table.sort(out, function(a, b) return (a.line or 0) < (b.line or 0) or a.line == b.line and (a.column or 0) < (b.column or 0) end)
  return out
end

--- Everything that is wrong in a definition whose syntax is right.
---@param text string
---@param file string its name
---@return sluice.Finding[]
function definitions.findings(text, file)
  local source = parse.source(text)
  local ok, def = pcall(assert(load(source, "=definition", "t")))
  if not ok then return { from_error(def, file) } end
  local tree, list = parse.tree(source), {}
  local root = tree and returned(tree)
  for i, message in ipairs(definition.faults(def, "@")) do
    message = message:gsub("^@:[ %.]*", "")
    local node = root and place(root, message)
    list[i] = { file = file, line = node and node.line, column = node and parse.column(tree, node), message = message,
      hint = HINTS[message:match "(resend is missing)$"] }
  end
  return kept(list, tree)
end

return definitions
