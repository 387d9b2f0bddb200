-- What an API definition says, as plain data that can be printed: `sluice api` and the pages of docs/reference read it,
-- so that both say the same. Pure: nothing is sent, nothing is changed.
--
--   local data = require("sluice.describe").api(definition.load "veeqo")
--   data.operations[1].arguments[1].name
local definition = require "sluice.definition"

local describe = {}

--- The keys of a table, sorted.
---@param t table?
---@return string[]
function describe.sorted(t)
  local keys = {}
  for key in pairs(t or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local argument

local function arguments(rows)
  local list = {}
  for i, arg in ipairs(rows) do list[i] = argument(arg) end
  return list
end

function argument(arg)
  local parts = arg.items or arg.fields
  return {
    format = arg.format and require("sluice.when").formats[arg.format], members = parts and arguments(parts), list = arg.items and true,
    name = arg.name, type = arg.type, required = arg.required or false, required_for = arg.required_for, default = arg.default,
    one_of = arg.one_of, null = arg.null, min = arg.min, max = arg.max, doc = arg.doc,
    connection_key = arg.from and (arg.key or arg.name) or nil,
  }
end

local resends = {
  safe = "after any failure: it does no harm",
  unsafe = "only when it is certain that nothing was done; else the error is `ambiguous`",
  never_automatic = "never",
}

--- When an operation is sent again, in words.
---@param op table  of describe.operation
---@return string
function describe.repeats(op)
  return resends[op.resend] .. (op.resend_counted and "; each time leaves a trace, and is counted" or "")
end

--- The rate of a class, and what each of its budgets is of, in words: "5/s", ", each stream on its own".
---@param class table
---@return string rate
---@return string per
function describe.rate(class)
  local rate = type(class.rate) == "table" and table.concat(class.rate, ", ") or class.rate
  local per = class.per and (class.per == "endpoint" and ", each endpoint on its own" or (", each %s on its own"):format(class.per)) or ""
  return rate, per
end

--- An answer that a row tells apart, in words.
---@param rule table  of `outcomes`
---@return string
function describe.outcome(rule)
  return ("%d%s: %s%s%s"):format(rule.status, rule.says and (" '…%s…'"):format(rule.says) or "", rule.outcome,
    rule.code and (" (%s)"):format(rule.code) or "", rule.attempts and (", at most %d attempts"):format(rule.attempts) or "")
end

--- What an argument's values must be beside its type: sizes, allowed values, the form that is sent. A list of phrases.
---@param arg table
---@return string[]
function describe.limits(arg)
  local notes = {}
  if arg.one_of then
    local words = {}
    for i, one in ipairs(arg.one_of) do words[i] = tostring(one) end
    notes[1] = "one of " .. table.concat(words, ", ")
  end
  local unit = ({ text = " characters", list = " entries" })[arg.type] or ""
  if arg.min and arg.min == arg.max then notes[#notes + 1] = ("%d%s"):format(arg.min, unit)
  elseif arg.min and arg.max then notes[#notes + 1] = ("%d to %d%s"):format(arg.min, arg.max, unit)
  elseif arg.min then notes[#notes + 1] = ("at least %d%s"):format(arg.min, arg.min == 1 and unit:gsub("ies$", "y"):gsub("s$", "") or unit)
  elseif arg.max then notes[#notes + 1] = ("at most %d%s"):format(arg.max, unit) end
  if arg.format then notes[#notes + 1] = "sent as " .. arg.format end
  if arg.null then notes[#notes + 1] = "json.null may be given" end
  return notes
end

--- When an argument must be given, in words: "required", "required where action is export or channel", or nil.
---@param arg table
---@return string?
function describe.need(arg)
  if arg.required then return "required" end
  local cases = {}
  for i, other in ipairs(describe.sorted(arg.required_for)) do
    cases[i] = ("%s is %s"):format(other, table.concat(arg.required_for[other], " or "))
  end
  return #cases > 0 and "required where " .. table.concat(cases, ", or ") or nil
end

--- Calls fn(path, arg) for each argument and, behind it, for each of its members: "lines[].price".
---@param list table[]
---@param fn function
---@param prefix string?
function describe.each(list, fn, prefix)
  for _, arg in ipairs(list) do
    local path = (prefix or "") .. arg.name
    fn(path, arg)
    if arg.members then describe.each(arg.members, fn, path .. (arg.list and "[]." or ".")) end
  end
end

--- One operation.
---@param def table
---@param row table
---@return table
function describe.operation(def, row)
  local class = def.classes[row.class]
  return {
    api = def.name, name = row.name, doc = row.doc, method = row.method, path = row.path, host = row.host or def.hosts[1].name,
    arguments = arguments(row.args or {}), either = row.either, rate = (describe.rate(class)), class = row.class, per = class.per,
    resend = row.resend, resend_counted = row.counted or false, success = row.success or { 200 }, delivered = row.deliver,
    result = row.result, iterator = row.paging ~= nil, paging = row.paging, outcomes = row.outcomes, anonymous = row.anonymous or false,
    legacy = row.legacy, own_credential = row.credential, terminal = row.poll and row.poll.terminal, settled_by = row.settle and row.settle.operation,
    writes = definition.writes(row), max_bytes = row.max_bytes, timeout = row.timeout, example = row.example, source = row.source,
  }
end

--- One helper.
---@param name string
---@param row table|string
---@return table
function describe.helper(name, row)
  return { name = name, doc = type(row) == "table" and row.doc or "", module = type(row) == "table" and row.module or row }
end

--- A whole definition.
---@param def table
---@return table
function describe.api(def)
  local out = { name = def.name, doc = def.doc, hosts = def.hosts, connection = definition.connection_keys(def), classes = def.classes,
    operations = {}, helpers = {} }
  for i, row in ipairs(def.operations) do out.operations[i] = describe.operation(def, row) end
  for i, name in ipairs(describe.sorted(def.helpers)) do out.helpers[i] = describe.helper(name, def.helpers[name]) end
  return out
end

return describe
