--- `sluice api`: what can be called, printed from the definitions.
local definition = require "sluice.definition"
local err = require "sluice.err"

local api = {
  about = "Say what can be called: APIs, operations, arguments, limits",
  usage = [[
usage: sluice api [list]                all APIs with their operations
       sluice api show API              one API: hosts, keys of a connection, rates, operations
       sluice api show API.OPERATION    one operation: arguments, limits, when it is sent again, an example

  --json gives the same as data. Definitions of your own are read from apis/ beside sluice.yaml.
]],
}

local function add(lines, text, ...)
  lines[#lines + 1] = text:format(...)
end

local function sorted(t)
  local keys = {}
  for key in pairs(t or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function width_of(names)
  local width = 0
  for _, name in ipairs(names) do width = math.max(width, #name) end
  return width
end

local function column(lines, rows)
  local names = {}
  for i, row in ipairs(rows) do names[i] = row[1] end
  local width = width_of(names)
  for _, row in ipairs(rows) do add(lines, "  %-" .. width .. "s  %s", row[1], row[2]) end
end

-- ---- what a definition says, as data ----

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
    name = arg.name, type = arg.type, required = arg.required or false, default = arg.default, one_of = arg.one_of,
    min = arg.min, max = arg.max, doc = arg.doc, connection_key = arg.from and (arg.key or arg.name) or nil,
  }
end

local resends = {
  safe = "after any failure: it does no harm",
  unsafe = "only when it is certain that nothing was done; else the error is `ambiguous`",
  never_automatic = "never",
}

local function rate_of(class)
  return type(class.rate) == "table" and table.concat(class.rate, ", ") or class.rate
end

local function limit_text(class, name)
  local per = class.per and (class.per == "endpoint" and ", each endpoint on its own" or (", each %s on its own"):format(class.per)) or ""
  return ("%s (class %s%s)"):format(rate_of(class), name, per)
end

local function operation(def, row)
  local args, class = arguments(row.args or {}), def.classes[row.class]
  return {
    api = def.name, name = row.name, doc = row.doc, method = row.method, path = row.path, arguments = args,
    rate = rate_of(class), class = row.class, per = class.per, resend = row.resend, resend_counted = row.counted or false,
    success = row.success or { 200 }, delivered = row.deliver, result = row.result, iterator = row.paging ~= nil,
    outcomes = row.outcomes, anonymous = row.anonymous or false, legacy = row.legacy, own_credential = row.credential,
    example = row.example, source = row.source,
  }
end

local function helper(name, row)
  return { name = name, doc = type(row) == "table" and row.doc or "", module = type(row) == "table" and row.module or row }
end

local function whole(def)
  local out = { name = def.name, doc = def.doc, hosts = def.hosts, connection = definition.connection_keys(def), classes = def.classes,
    operations = {}, helpers = {} }
  for i, row in ipairs(def.operations) do out.operations[i] = operation(def, row) end
  for i, name in ipairs(sorted(def.helpers)) do out.helpers[i] = helper(name, def.helpers[name]) end
  return out
end

-- ---- as text ----

local function operation_rows(data)
  local rows = {}
  for _, op in ipairs(data.operations) do rows[#rows + 1] = { op.name, op.doc } end
  for _, row in ipairs(data.helpers) do rows[#rows + 1] = { row.name, row.doc } end
  return rows
end

local function list_text(all)
  local lines = {}
  for _, data in ipairs(all) do
    add(lines, "%s: %s", data.name, data.doc)
    column(lines, operation_rows(data))
    add(lines, "")
  end
  add(lines, "More: sluice api show API, sluice api show API.OPERATION")
  return lines
end

local function key_note(key)
  if key.required then return "required" end
  if key.default ~= nil then return "default " .. tostring(key.default) end
  return "optional"
end

local function api_text(data)
  local lines, rows = {}, {}
  add(lines, "%s: %s", data.name, data.doc)
  add(lines, "\nhosts")
  for _, host in ipairs(data.hosts) do rows[#rows + 1] = { host.url, ("%s (key %s)"):format(host.doc or host.name, host.key) } end
  column(lines, rows)
  add(lines, "\nkeys of a connection")
  rows = {}
  for _, key in ipairs(data.connection) do rows[#rows + 1] = { key.name, ("%s, %s: %s"):format(key.type, key_note(key), key.doc) } end
  column(lines, rows)
  add(lines, "\nrate classes (`limits:` of a connection sets them)")
  rows = {}
  for _, name in ipairs(sorted(data.classes)) do
    local class = data.classes[name]
    rows[#rows + 1] = { name, rate_of(class) .. (class.doc and ": " .. class.doc or "") }
  end
  column(lines, rows)
  add(lines, "\noperations")
  column(lines, operation_rows(data))
  return lines
end

local function argument_note(arg)
  local notes = { arg.type, arg.required and "required" or nil }
  if arg.default ~= nil then notes[#notes + 1] = "default " .. tostring(arg.default) end
  if arg.format then notes[#notes + 1] = "sent as " .. arg.format end
  if arg.one_of then notes[#notes + 1] = "one of " .. table.concat(arg.one_of, ", ") end
  if arg.connection_key then notes[#notes + 1] = ("else the connection's %s"):format(arg.connection_key) end
  return ("%s: %s"):format(table.concat(notes, ", "), arg.doc)
end

-- An argument, and behind it its members: "lines[].price".
local function add_argument(rows, arg, prefix)
  rows[#rows + 1] = { prefix .. arg.name, argument_note(arg) }
  for _, part in ipairs(arg.members or {}) do add_argument(rows, part, prefix .. arg.name .. (arg.list and "[]." or ".")) end
end

local function operation_text(def, data)
  local lines, rows = {}, {}
  add(lines, "%s.%s: %s", data.api, data.name, data.doc)
  add(lines, "  %s %s", data.method, data.path)
  add(lines, "\narguments%s", #data.arguments == 0 and ": none" or "")
  for _, arg in ipairs(data.arguments) do add_argument(rows, arg, "") end
  for _, option in ipairs(require("sluice.request").options) do rows[#rows + 1] = { option.name, option.type .. ": " .. option.doc } end
  column(lines, rows)
  add(lines, "\nresult      %s", data.iterator and "an iterator: for item in client:" .. data.name .. " {…} do" or data.result or "the decoded body")
  add(lines, "limit       %s", limit_text(def.classes[data.class], data.class))
  add(lines, "sent again  %s%s", resends[data.resend], data.resend_counted and "; each time leaves a trace, and is counted" or "")
  for _, rule in ipairs(data.outcomes or {}) do
    add(lines, "answer      %d%s: %s%s%s", rule.status, rule.says and (" '…%s…'"):format(rule.says) or "", rule.outcome,
      rule.code and (" (%s)"):format(rule.code) or "", rule.attempts and (", at most %d attempts"):format(rule.attempts) or "")
  end
  if data.own_credential then add(lines, "credential  `%s` of the connection where it has one, else the common one", data.own_credential) end
  if data.legacy then add(lines, "legacy      %s", data.legacy) end
  if data.source then add(lines, "source      %s", data.source) end
  if data.example then add(lines, "\nexample\n  %s", (data.example:gsub("\n", "\n  "))) end
  return lines
end

-- ---- the command ----

local function folder_of(globals)
  local path = globals.config or require("sluice.config").find()
  return path and (path:match "^(.*)/[^/]*$" or ".") or nil
end

local function print_out(globals, data, lines)
  if globals.json then
    io.write(assert(require("sluice.json").encode(data)), "\n")
  else
    io.write(table.concat(lines, "\n"), "\n")
  end
  return 0
end

local function list(globals)
  local all = {}
  for i, name in ipairs(definition.names(folder_of(globals))) do all[i] = whole(definition.load(name, folder_of(globals))) end
  return print_out(globals, all, list_text(all))
end

local function show(globals, what)
  local name, op = what:match "^([^%.]+)%.?(.*)$"
  local def = definition.load(name or what, folder_of(globals))
  if op == "" then
    local data = whole(def)
    return print_out(globals, data, api_text(data))
  end
  if def.helpers and def.helpers[op] then
    local data = helper(op, def.helpers[op])
    return print_out(globals, data, { ("%s.%s: %s"):format(name, op, data.doc) })
  end
  local data = operation(def, definition.operation(def, op))
  return print_out(globals, data, operation_text(def, data))
end

function api.command(argv, globals)
  local what = argv[1] or "list"
  if what == "list" and not argv[2] then return list(globals) end
  if what == "show" and argv[2] and not argv[3] then return show(globals, argv[2]) end
  err.raise { code = "usage", message = "sluice api: what is wanted?", hint = "sluice api list, or sluice api show API[.OPERATION]" }
end

return api
