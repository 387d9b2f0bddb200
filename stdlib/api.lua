--- `sluice api`: what can be called, printed from the definitions.
local definition = require "sluice.definition"
local describe = require "sluice.describe"
local err = require "sluice.err"

local api = {
  about = "Say what can be called: APIs, operations, arguments, limits",
  usage = [[
usage: sluice api [list]                all APIs with their operations
       sluice api show API              one API: hosts, keys of a connection, rates, operations
       sluice api show API.OPERATION    one operation: arguments, limits, when it is sent again, an example
       sluice api reference API         all of that as one page of Markdown (docs/reference has them)

  --json gives the same as data. Definitions of your own are read from apis/ beside sluice.yaml.
]],
}

local function add(lines, text, ...)
  lines[#lines + 1] = text:format(...)
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
  for _, name in ipairs(describe.sorted(data.classes)) do
    local class = data.classes[name]
    rows[#rows + 1] = { name, (describe.rate(class)) .. (class.doc and ": " .. class.doc or "") }
  end
  column(lines, rows)
  add(lines, "\noperations")
  column(lines, operation_rows(data))
  return lines
end

local function argument_note(arg)
  local notes = { arg.type, describe.need(arg) }
  if arg.default ~= nil then notes[#notes + 1] = "default " .. tostring(arg.default) end
  for _, note in ipairs(describe.limits(arg)) do notes[#notes + 1] = note end
  if arg.connection_key then notes[#notes + 1] = ("else the connection's %s"):format(arg.connection_key) end
  return ("%s: %s"):format(table.concat(notes, ", "), arg.doc)
end

local function argument_lines(lines, data)
  local rows = {}
  add(lines, "\narguments%s", #data.arguments == 0 and ": none" or "")
  describe.each(data.arguments, function(path, arg) rows[#rows + 1] = { path, argument_note(arg) } end)
  for _, option in ipairs(require("sluice.request").options) do rows[#rows + 1] = { option.name, option.type .. ": " .. option.doc } end
  column(lines, rows)
  for _, names in ipairs(data.either or {}) do add(lines, "  exactly one of %s must be there", table.concat(names, ", ")) end
end

local function operation_lines(def, data)
  local lines = {}
  add(lines, "%s.%s: %s", data.api, data.name, data.doc)
  add(lines, "  %s %s", data.method, data.path)
  argument_lines(lines, data)
  local rate, per = describe.rate(def.classes[data.class])
  add(lines, "\nresult      %s", data.iterator and "an iterator: for item in client:" .. data.name .. " {…} do" or data.result or "the decoded body")
  add(lines, "success     %s", table.concat(data.success, ", "))
  add(lines, "limit       %s (class %s%s)", rate, data.class, per)
  add(lines, "sent again  %s", describe.repeats(data))
  add(lines, "dry run     %s", data.writes and "shown, not sent" or "sent: it only reads")
  for _, rule in ipairs(data.outcomes or {}) do add(lines, "answer      %s", describe.outcome(rule)) end
  if data.own_credential then add(lines, "credential  `%s` of the connection where it has one, else the common one", data.own_credential) end
  if data.legacy then add(lines, "legacy      %s", data.legacy) end
  if data.source then add(lines, "source      %s", data.source) end
  if data.example then add(lines, "\nexample\n  %s", (data.example:gsub("\n", "\n  "))) end
  return lines
end

--- What `sluice api show API.OPERATION` prints.
---@param def table
---@param row table the operation's row
---@return string
function api.operation_text(def, row) return table.concat(operation_lines(def, describe.operation(def, row)), "\n") end

--- The operations and helpers of an API, a line for each, as `sluice api show API` prints them.
---@param def table
---@return string
function api.operations_text(def)
  local lines = {}
  column(lines, operation_rows(describe.api(def)))
  return table.concat(lines, "\n")
end

local function helper_line(def, name)
  return ("%s.%s: %s"):format(def.name, name, describe.helper(name, def.helpers[name]).doc)
end

--- An API, or one of its operations or helpers, as `sluice api show` prints it; nil where it has no such one.
---@param def table
---@param name? string
---@return string?
function api.text(def, name)
  if not name then return table.concat(api_text(describe.api(def)), "\n") end
  for _, row in ipairs(def.operations) do
    if row.name == name then return api.operation_text(def, row) end
  end
  return (def.helpers or {})[name] and helper_line(def, name) or nil
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
  for i, name in ipairs(definition.names(folder_of(globals))) do all[i] = describe.api(definition.load(name, folder_of(globals))) end
  return print_out(globals, all, list_text(all))
end

local function show(globals, what)
  local name, op = what:match "^([^%.]+)%.?(.*)$"
  local def = definition.load(name or what, folder_of(globals))
  if op == "" then
    local data = describe.api(def)
    return print_out(globals, data, api_text(data))
  end
  if def.helpers and def.helpers[op] then
    local data = describe.helper(op, def.helpers[op])
    return print_out(globals, data, { helper_line(def, op) })
  end
  local data = describe.operation(def, definition.operation(def, op))
  return print_out(globals, data, operation_lines(def, data))
end

local function reference(globals, name)
  local def = definition.load(name, folder_of(globals))
  return print_out(globals, describe.api(def), { (require("sluice.reference").page(def):gsub("\n$", "")) })
end

function api.command(argv, globals)
  local what = argv[1] or "list"
  if what == "list" and not argv[2] then return list(globals) end
  if what == "show" and argv[2] and not argv[3] then return show(globals, argv[2]) end
  if what == "reference" and argv[2] and not argv[3] then return reference(globals, argv[2]) end
  err.raise {
    code = "usage", message = "sluice api: what is wanted?",
    hint = "sluice api list, sluice api show API[.OPERATION], or sluice api reference API",
  }
end

return api
