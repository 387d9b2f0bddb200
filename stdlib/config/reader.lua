--- Reads a YAML node by a row of the schema: the value, and a finding with file, line and column for all that is wrong.
--- It goes on after a finding, so that one look finds everything.
local nearest = require("sluice.text").near
local values = require "sluice.config.values"
local yaml = require "sluice.yaml"

---@class sluice.ConfigReader
---@field file string name for findings
---@field folder string what relative paths start from
---@field expand boolean variables are put in, files and commands are asked; else only how they are written is checked
---@field findings table[]
local Reader = {}
Reader.__index = Reader

local nouns = {
  null = "nothing", boolean = "true or false", integer = "a number", float = "a number", text = "a text",
  unclear = "a text without quotes", list = "a list", map = "a map",
}

--- Notes what is wrong at a node. Gives nil, so that `return reader:complain(…)` reads well.
---@param node { line: integer, column: integer }
---@param message string
---@param hint? string
function Reader:complain(node, message, hint)
  local key = ("%d:%d:%s"):format(node.line, node.column, message)
  if self.seen[key] then return end -- an alias shows the same node twice
  self.seen[key] = true
  self.findings[#self.findings + 1] = { file = self.file, line = node.line, column = node.column, message = message, hint = hint }
end

local function join(path, key)
  return path == "" and key or path .. "." .. key
end

local function about(path)
  return path == "" and "" or path .. ": "
end

-- ---- scalars ----

local function is_scalar(node)
  return node.kind ~= "list" and node.kind ~= "map" and node.kind ~= "null"
end

local function expected(self, node, what, path, hint)
  if node.kind == "null" then
    return self:complain(node, ("%s has no value"):format(path), hint or ("expected " .. what .. "; quote a text that begins with #"))
  end
  return self:complain(node, ("%s: expected %s, found %s"):format(path, what, nouns[node.kind]), hint)
end

-- The text of a scalar with variables put in, and whether there were any. nil after a finding, and where variables wait
-- for later.
local function text_of(self, node, what, path)
  if not is_scalar(node) then return expected(self, node, what, path) end
  if node.text:find("\0", 1, true) then return self:complain(node, path .. ": a text with a zero byte") end
  if not values.has_variables(node.text) then return node.text, false end
  local text, reason, hint = values.expand(node.text, self.expand and self.getenv or nil)
  if not text then return self:complain(node, ("%s: %s"):format(path, reason), hint) end
  if not self.expand then return nil end
  return text, true
end

local kinds = {}

function kinds.text(self, node, row, path)
  local text, expanded = text_of(self, node, "a text", path)
  if text == "" and row.required then
    return self:complain(node, ("%s is empty%s"):format(path, expanded and " once the variables are put in" or ""))
  end
  return text
end

kinds.secret = kinds.text

function kinds.name(self, node, _, path)
  local text = text_of(self, node, "a name", path)
  if text and not text:find "^[%a_][%w_-]*$" then
    return self:complain(node, path .. ": a name is made of letters, digits, _ and -, and begins with a letter")
  end
  return text
end

function kinds.id(self, node, row, path)
  if node.kind == "integer" then return node.value end
  return kinds.text(self, node, row, path)
end

local function absolute(self, text)
  return text:sub(1, 1) == "/" and text or self.folder .. "/" .. text:gsub("^%./", "")
end

local function located(self, node, text, path)
  if text == "" then return self:complain(node, path .. ": the path is empty") end
  if text:find "^~" then
    return self:complain(node, path .. ": ~ is not understood here", "write ${HOME}/…, or ./~… for a file of that name")
  end
  return absolute(self, text)
end

function kinds.path(self, node, _, path)
  local text = text_of(self, node, "a path", path)
  return text and located(self, node, text, path)
end

function kinds.store(self, node, _, path)
  local text = text_of(self, node, "a store", path)
  if not text then return nil end
  if text:find "^postgres" then return self:complain(node, path .. ": this version keeps its state in SQLite only", "sqlite:PATH") end
  local file = text:match "^sqlite:(.+)$"
  if not file then return self:complain(node, path .. ": a store is written like sqlite:.sluice/state.db") end
  return located(self, node, file, path)
end

function kinds.url(self, node, _, path)
  local text = text_of(self, node, "a URL", path)
  if text and not text:find "^%a[%w+.-]*://[^/%s]+[^%s]*$" then
    return self:complain(node, path .. ": a URL is written like https://host.example or http://127.0.0.1:8080/path")
  end
  return text
end

function kinds.proxy(self, node, row, path)
  if node.text == "none" then return "none" end
  return kinds.url(self, node, row, path)
end

local function is_ipv4(text)
  local parts = { text:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$" }
  for _, part in ipairs(parts) do
    if #part > 3 or tonumber(part) > 255 then return false end
  end
  return #parts == 4
end

-- Eight groups of hexadecimal digits, or fewer around one "::".
local function is_ipv6(text)
  local before, behind = text:match "^(.-)::(.*)$"
  local groups = 0
  for group in (before and before .. ":" .. behind or text):gmatch "[^:]+" do
    if not group:find "^%x%x?%x?%x?$" then return false end
    groups = groups + 1
  end
  if before then return groups < 8 and not behind:find("::", 1, true) and not (":" .. before .. "-" .. behind .. ":"):find("::", 1, true) end
  return groups == 8 and not text:find "^:" and not text:find ":$" and not text:find("::", 1, true)
end

function kinds.listen(self, node, _, path)
  local text = text_of(self, node, "an address and a port", path)
  if not text or text == "off" then return text end
  local host, digits = text:match "^(.*):(%d+)$"
  local port = tonumber(digits)
  local inner = host and host:match "^%[(.*)%]$"
  local known = host == "localhost" or host and is_ipv4(host) or inner and is_ipv6(inner)
  if known and port <= 65535 then return text end
  local hint = port and not known and "an address of this machine, not a name; names that a proxy has: `serve.names`" or nil
  return self:complain(node, path .. ": it is written like 127.0.0.1:7070, [::1]:7070, or off", hint)
end

function kinds.host(self, node, _, path)
  local text = text_of(self, node, "the name of a host", path)
  if not text or #text <= 253 and text:find "^%w[%w.-]*$" or is_ipv6(text:match "^%[(.*)%]$" or "") then return text end
  return self:complain(node, path .. ": the name of a host is written like sluice.example, without a port")
end

-- A number: a YAML number, or the text that a variable gave.
local function number_of(self, node, what, path, fits)
  local text, expanded = text_of(self, node, what, path)
  if not text then return nil end
  local value = (node.kind == "integer" or node.kind == "float") and node.value or nil
  if expanded and text:find "^-?%d+%.?%d*$" then value = tonumber(text) end
  if value and fits(value) then return value end
  local hint = node.cure
  if not node.plain and tonumber(node.text) then hint = "write it without quotes" end
  local found = expanded and "something else in the variable" or nouns[node.kind]
  return self:complain(node, ("%s: expected %s, found %s"):format(path, what, found), hint)
end

local function check_bounds(self, node, row, path, value)
  if value and row.whole and math.type(value) ~= "integer" then return self:complain(node, path .. ": must be whole seconds") end
  if value and row.min and value < row.min then return self:complain(node, ("%s: must be at least %s"):format(path, row.min)) end
  if value and row.one_of then
    for _, one in ipairs(row.one_of) do
      if one == value then return value end
    end
    return self:complain(node, ("%s: %s is not known here"):format(path, value), "known: " .. table.concat(row.one_of, ", "))
  end
  return value
end

function kinds.integer(self, node, row, path)
  local value = number_of(self, node, "a whole number", path, function(n) return math.type(n) == "integer" end)
  return check_bounds(self, node, row, path, value)
end

function kinds.number(self, node, row, path)
  return check_bounds(self, node, row, path, number_of(self, node, "a number", path, function(n) return n == n end))
end

function kinds.boolean(self, node, _, path)
  if node.kind == "boolean" then return node.value end
  local text, expanded = text_of(self, node, "true or false", path)
  if not text then return nil end
  if expanded and (text == "true" or text == "false") then return text == "true" end
  return self:complain(node, ("%s: expected true or false, found '%s'"):format(path, node.text))
end

-- Kinds that have a way of writing of their own.
local function written(self, node, row, path, what, parse)
  local text = text_of(self, node, what, path)
  if not text then return nil end
  if node.kind == "unclear" then return self:complain(node, path .. ": " .. node.reason, node.cure) end
  local value, reason = parse(text)
  if value == nil then return self:complain(node, ("%s: '%s' is not %s"):format(path, node.text, what), reason) end
  return check_bounds(self, node, row, path, value)
end

function kinds.duration(self, node, row, path)
  return written(self, node, row, path, "a duration", values.duration)
end

function kinds.rate(self, node, row, path)
  return written(self, node, row, path, "a rate", values.rate)
end

function kinds.size(self, node, row, path)
  return written(self, node, row, path, "a size", values.size)
end

function kinds.choice(self, node, row, path)
  local text = text_of(self, node, "one of " .. table.concat(row.one_of, ", "), path)
  if not text then return nil end
  for _, one in ipairs(row.one_of) do
    if one == text then return text end
  end
  local message = ("%s: '%s' is not known here%s"):format(path, node.text, nearest(text, row.one_of))
  return self:complain(node, message, "known: " .. table.concat(row.one_of, ", "))
end

-- A cron text, read for the schedule that the path names. The place of what is wrong is one in the file where that can be
-- told, else in the text.
function kinds.cron(self, node, _, path)
  local text = text_of(self, node, "a text", path)
  if not text then return nil end
  local spec, problem = require("sluice.cron").parse(text, { name = path:match "^schedules%.([^.]+)" })
  if spec then return text end
  local line, column
  if text == node.text and self.source then
    line, column = require("sluice.config.inside").file(self.source(), node, problem.line, problem.column)
  end
  local place = line and { line = line, column = column } or node
  return self:complain(place, ("%s: %s"):format(path, line and problem.reason or problem.message), problem.hint)
end

-- ---- lists and maps ----

function kinds.list(self, node, row, path)
  if node.kind ~= "list" then return expected(self, node, "a list", path) end
  local list = {}
  for i, item in ipairs(node.items) do list[i] = self:read(item, row.item, ("%s[%d]"):format(path, i)) end
  return list
end

-- Gives the key that was probably meant.
local function unknown_key(self, entry, row, path)
  local names = {}
  for name in pairs(row.fields) do names[#names + 1] = name end
  table.sort(names)
  local meant, near = nearest(entry.key, names)
  local message = ("%sunknown key '%s'%s"):format(about(path), entry.key, meant)
  self:complain(entry, message, not near and "known: " .. table.concat(names, ", ") or nil)
  return near
end

local function check_present(self, node, row, path, present)
  local names = {}
  for name, field in pairs(row.fields or {}) do
    if field.required and not present[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    self:complain(node, ("%s%s is missing"):format(about(path), name), row.fields[name].doc)
  end
  local some = not row.at_least_one
  for _, name in ipairs(row.at_least_one or {}) do some = some or present[name] end
  if not some then self:complain(node, ("%s%s is missing"):format(about(path), table.concat(row.at_least_one, " or "))) end
  if not row.exactly_one then return end
  local a, b = row.exactly_one[1], row.exactly_one[2]
  if present[a] and present[b] then self:complain(node, ("%s%s and %s exclude each other"):format(about(path), a, b)) end
  if not present[a] and not present[b] then self:complain(node, ("%s%s or %s is missing"):format(about(path), a, b)) end
end

function kinds.map(self, node, row, path)
  if node.kind == "null" and row.each then return {} end -- `connections:` with nothing below it yet
  if node.kind ~= "map" then
    local hint = node.kind == "text" and node.plain and node.text:find "^[%w_]+:%S" and "a ':' is followed by a blank" or nil
    return expected(self, node, "a map (key: value)", path == "" and "the config" or path, hint)
  end
  local map, present = {}, {}
  for _, entry in ipairs(node.entries) do
    local field = row.each or row.fields[entry.key]
    present[entry.key] = true
    if row.each and not entry.key:find "^[%a_][%w_-]*$" then
      local message = ("%s'%s' is no name"):format(about(path), entry.key)
      self:complain(entry, message, "a name is made of letters, digits, _ and -, and begins with a letter")
    elseif field then
      map[entry.key] = self:read(entry.value, field, join(path, entry.key))
    elseif not row.open then
      present[unknown_key(self, entry, row, path) or ""] = true -- so that it is not missing as well
    end
  end
  check_present(self, node, row, path, present)
  return map
end

-- Whatever YAML says, with variables in its texts.
local function any_value(self, node, path)
  if node.kind == "list" then
    local list = {}
    for i, item in ipairs(node.items) do list[i] = any_value(self, item, ("%s[%d]"):format(path, i)) end
    return list
  elseif node.kind == "map" then
    local map = {}
    for _, entry in ipairs(node.entries) do map[entry.key] = any_value(self, entry.value, join(path, entry.key)) end
    return map
  elseif node.kind == "unclear" then
    return self:complain(node, ("%s: %s"):format(path, node.reason), node.cure)
  elseif node.kind == "null" then
    return yaml.null
  elseif node.kind == "text" then
    return (text_of(self, node, "a text", path))
  end
  return node.value
end

function kinds.any(self, node, row, path)
  if row.map and node.kind ~= "map" then return expected(self, node, "a map (key: value)", path) end
  return any_value(self, node, path)
end

--- The value of a node; nil where it is missing, wrong (then there is a finding), or has variables that wait for later.
---@param node sluice.yaml.Node
---@param row table of the schema
---@param path string "connections.shop.password", for findings
function Reader:read(node, row, path)
  if row.source and node.kind == "map" then return require("sluice.config.source").read(self, node, row, path) end
  return kinds[row.kind](self, node, row, path)
end

local reader = {}

---@param fields { file: string, folder: string, expand: boolean, dry?: boolean, getenv?: fun(name: string): string?, source?: fun(): string }
---@return sluice.ConfigReader
function reader.new(fields)
  return setmetatable({
    file = fields.file, folder = fields.folder, expand = fields.expand, dry = fields.dry, getenv = fields.getenv or os.getenv,
    source = fields.source, findings = {}, seen = {},
  }, Reader)
end

return reader
