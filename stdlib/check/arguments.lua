--- The arguments of an operation, as far as they stand there: names that it does not have, required ones that are missing, values
--- of the wrong type; the same for the members of lists and tables among them. The check is the one that a call makes
--- (sluice.request), with the place of each fault.
local literal = require "sluice.check.literal"
local near = require("sluice.text").near
local request = require "sluice.request"

local arguments = {}

local function names_of(rows)
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.name end
  return names
end

local function row_named(rows, name)
  for _, row in ipairs(rows) do
    if row.name == name then return row end
  end
end

local check_fields

-- A value of an argument or a member; `path` is how messages call it.
local function check_value(file, row, path, node)
  node = literal.bare(node)
  local table_here = node.tag == "Table" and literal.fields(node)
  if table_here and row.fields then return check_fields(file, row.fields, path, node, table_here) end
  if table_here and row.items then
    for i, entry in ipairs(table_here.list) do
      local bare = literal.bare(entry)
      if bare.tag == "Table" then check_fields(file, row.items, ("%s[%d]"):format(path, i), bare, literal.fields(bare)) end
    end
    return
  end
  local known, value = literal.value(node)
  if node.tag == "Function" then known, value = true, function() end end
  if not known or value == nil or (table_here and (row.type == "object" or row.type == "list")) then return end
  local accepted, reason = request.accept(row, value)
  local hint = accepted == nil and type(value) == "string" and row.one_of and near(value, row.one_of) or ""
  if accepted == nil then file.report(node, nil, "%s%s%s", path, reason, hint) end
end

function check_fields(file, rows, path, node, fields)
  for _, key in ipairs(fields.keys) do
    local row = row_named(rows, key.name)
    if row then check_value(file, row, path .. "." .. key.name, key.value)
    else file.report(key.node, nil, "%s: unknown member '%s'%s", path, key.name, near(key.name, names_of(rows))) end
  end
  for _, row in ipairs(fields.closed and rows or {}) do
    if row.required and not fields.pairs[row.name] then
      file.report(node, nil, "%s has no %s: %s", path, row.name, row.doc)
    end
  end
end

-- What must be there and is not, in a table that is there whole.
local function check_missing(file, row, at, fields)
  local function missing(text, doc) file.report(at, doc, "%s: %s is missing", row.name, text) end
  for _, arg in ipairs(row.args or {}) do
    if not fields.pairs[arg.name] and not arg.from and arg.default == nil then
      if arg.required then missing(arg.name, arg.doc) end
      for other, cases in pairs(arg.required_for or {}) do
        local known, value = literal.value(fields.pairs[other] or { tag = "Nil" })
        for _, case in ipairs(known and cases or {}) do
          if case == value then missing(("%s, which %s '%s' needs,"):format(arg.name, other, tostring(case)), arg.doc) end
        end
      end
    end
  end
  for _, names in ipairs(row.either or {}) do
    local there = false
    for _, name in ipairs(names) do there = there or fields.pairs[name] ~= nil end
    if not there then missing(table.concat(names, " or ")) end
  end
end

local function all_rows(row)
  local rows = {}
  for _, list in ipairs { row.args or {}, request.options } do table.move(list, 1, #list, #rows + 1, rows) end
  return rows
end

local PLAIN = { String = "text", Number = "a number", True = "true", False = "false", Function = "a function" }

-- The table of arguments, where it stands there.
local function check_table(file, row, node)
  local fields, rows = literal.fields(node), all_rows(row)
  for _, key in ipairs(fields.keys) do
    local arg = row_named(rows, key.name)
    if arg then check_value(file, arg, row.name .. ": " .. arg.name, key.value)
    else file.report(key.node, nil, "%s: unknown argument '%s'%s", row.name, key.name, near(key.name, names_of(rows))) end
  end
  local first = fields.list[1]
  if first and (PLAIN[literal.bare(first).tag] or first.tag == "Table") then
    file.report(first, nil, "%s: a value without a name: arguments are one table of named values", row.name)
  end
  if fields.closed and fields.whole then check_missing(file, row, node, fields) end
end

--- Checks the arguments of a call.
---@param file sluice.check.File
---@param row table of the operation
---@param call sluice.check.Node
---@param n integer where in the call the table of arguments stands
function arguments.check(file, row, call, n)
  local last = call[#call]
  if #call > n or (#call < n and #call > 2 and (last.tag == "Call" or last.tag == "Invoke" or last.tag == "Dots")) then return end
  local node = call[n] and literal.bare(call[n])
  if not node or node.tag == "Nil" then return check_missing(file, row, call.tag == "Invoke" and call[2] or call, { pairs = {} }) end
  if node.tag == "Table" then return check_table(file, row, node) end
  if PLAIN[node.tag] then file.report(node, nil, "%s: arguments are one table of named values, not %s", row.name, PLAIN[node.tag]) end
end

return arguments
