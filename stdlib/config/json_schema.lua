--- What may stand in `sluice.yaml`, as JSON Schema (draft-07, which editors know): made of the rows that check it, and of the
--- keys of the APIs' connections.
---
---     io.write(json_schema.text())             -- the APIs that sluice brings
---     io.write(json_schema.text(folder))       -- and those of a project
---
--- It never refuses what `sluice check` takes. What a schema can't say, it takes: times that a cron text means, files and
--- variables that are there, a least size of what is written with a unit, the API of a connection that a variable names.
local definition = require "sluice.definition"
local json = require "sluice.json"
local schema = require "sluice.config.schema"

local json_schema = {}

local NAME = "^[A-Za-z_][A-Za-z0-9_-]*$"

-- Variables as they may be written in a text: ${NAME}, ${NAME:-default}; $${ stands for ${ itself.
local PLACEHOLDER = "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}"
local PLAIN = "([^$]|\\$\\$\\{|\\$(?!\\{))"
local TEXT = ("^(%s|%s)*$"):format(PLAIN, PLACEHOLDER)
local VARIABLE = ("^%s*%s(%s|%s)*$"):format(PLAIN, PLACEHOLDER, PLAIN, PLACEHOLDER)

local NUMBER = "\\d+\\.?\\d*\\s*"
local DURATION = ("^(?=.)(\\s*%sd)?(\\s*%sh)?(\\s*%s(m|min))?(\\s*%s(s|sec))?(\\s*%sms)?$"):format(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER)
local RATE = "\\s*\\d+\\s*/\\s*\\d*\\s*[A-Za-z]+\\s*(burst\\s+\\d+)?\\s*"
local CONCURRENT = "\\s*concurrent\\s+\\d+\\s*"
local RATES = ("^(%s|%s)(,(%s|%s))*$"):format(RATE, CONCURRENT, RATE, CONCURRENT)

local function ref(name) return { ["$ref"] = "#/definitions/" .. name } end

local function either(...) return { anyOf = json.array { ... } } end

local function pattern(text, ...) return either(ref "variable", { type = "string", pattern = text }, ...) end

-- ---- kinds ----

local definitions = {
  text = { type = json.array { "string", "number", "boolean" }, pattern = TEXT },
  variable = { type = "string", pattern = VARIABLE },
  name = pattern(NAME),
  path = { type = json.array { "string", "number" }, minLength = 1, allOf = json.array { { pattern = TEXT }, { pattern = "^[^~]" } } },
  store = pattern "^sqlite:[^~]",
  url = pattern "^[A-Za-z][A-Za-z0-9_+.-]*://[^/\\s]+[^\\s]*$",
  -- false: how YAML 1.1 reads `off`
  listen = pattern("^(off|(localhost|\\d+\\.\\d+\\.\\d+\\.\\d+|\\[[0-9A-Fa-f:]+\\]):\\d{1,5})$", { const = false }),
  host = pattern "^([A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:]+\\])$",
  integer = either(ref "variable", { type = "integer" }),
  number = either(ref "variable", { type = "number" }),
  boolean = either(ref "variable", { type = "boolean" }),
  duration = pattern("^\\d+\\.?\\d*$", { type = "number", minimum = 0 }, { type = "string", pattern = DURATION }),
  rate = pattern(RATES),
  size = pattern "^\\d+\\.?\\d*\\s*([Bb]|[KkMmGg]([Ii]?[Bb])?)$",
  source = {
    type = "object", additionalProperties = false, minProperties = 1, maxProperties = 1,
    properties = {
      file = { ["$ref"] = "#/definitions/path", description = "a file whose text is the value" },
      command = { type = "array", minItems = 1, items = ref "text", description = "a program and its arguments; what it prints is the value" },
    },
  },
}

local same = { secret = "text", id = "text", cron = "text" }

local row_schema -- below

local function names_of(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function required_of(row)
  local list = {}
  for _, name in ipairs(names_of(row.fields)) do
    if row.fields[name].required then list[#list + 1] = name end
  end
  return #list > 0 and json.array(list) or nil
end

-- One, or one at least, of these keys.
local function choice_of(names)
  local list = {}
  for i, name in ipairs(names) do list[i] = { required = json.array { name } } end
  return json.array(list)
end

local function map_schema(row)
  if row.each then
    return { type = json.array { "object", "null" }, propertyNames = { pattern = NAME }, additionalProperties = row_schema(row.each) }
  end
  local properties = {}
  for name, field in pairs(row.fields) do properties[name] = row_schema(field) end
  return {
    type = "object", properties = properties, additionalProperties = row.open or false, required = required_of(row),
    oneOf = row.exactly_one and choice_of(row.exactly_one), anyOf = row.at_least_one and choice_of(row.at_least_one),
  }
end

local function bounded(kind, row)
  return either(ref "variable", { type = kind, minimum = row.min, enum = row.one_of and json.array(row.one_of) })
end

local kinds = {
  map = map_schema,
  list = function(row) return { type = "array", items = row_schema(row.item) } end,
  any = function(row) return row.map and { type = "object" } or {} end,
  choice = function(row) return either(ref "variable", { enum = json.array(row.one_of) }) end,
  integer = function(row) return bounded("integer", row) end,
  number = function(row) return bounded("number", row) end,
  proxy = function() return either({ const = "none" }, ref "url") end,
  duration = function(row)
    if not row.min then return ref "duration" end
    return { allOf = json.array { ref "duration", { minimum = row.min } } }
  end,
}

-- What a required text has to be beside: not empty.
local function filled(row, one)
  if row.required and definitions.text and (same[row.kind] or row.kind) == "text" then
    return { allOf = json.array { one, { minLength = 1 } } }
  end
  return one
end

function row_schema(row)
  local make = kinds[row.kind]
  local one = make and make(row) or ref(same[row.kind] or row.kind)
  if not make then one = filled(row, one) end
  if row.source then one = either(one, ref "source") end
  if one["$ref"] and (row.doc or row.default ~= nil) then one = { allOf = json.array { one } } end -- nothing counts beside a $ref
  one.description = row.doc
  if type(row.default) ~= "table" and not row.secret then one.default = row.default end
  return one
end

-- ---- connections ----

-- What holds where a connection names this API.
local function rule_of(def)
  local row = require("sluice.config").connection_row(def)
  return {
    ["if"] = { type = "object", properties = { api = { const = def.name } }, required = json.array { "api" } },
    ["then"] = row_schema(row),
  }
end

local function connection(folder)
  local rules, names = {}, {}
  for _, name in ipairs(definition.names(folder)) do
    local ok, def = pcall(definition.load, name, folder) -- what is wrong with one is what `sluice check` says
    if ok then
      rules[#rules + 1] = rule_of(def)
      names[#names + 1] = name
    end
  end
  local one = row_schema(schema.connection)
  one.properties.api.examples = json.array(names)
  one.allOf = json.array(rules)
  return one
end

-- ---- all of it ----

--- The schema as a value.
---@param folder? string a project's folder: its APIs are known as well
---@return table
function json_schema.of(folder)
  local root = row_schema(schema.root)
  root.type = json.array { "object", "null" } -- an empty file
  root["$schema"] = "http://json-schema.org/draft-07/schema#"
  root.title, root.description = "sluice.yaml", "What sluice connects to, and where it keeps its state"
  root.properties.connections.additionalProperties = ref "connection"
  root.definitions = { connection = connection(folder or "/nonexistent") }
  for name, one in pairs(definitions) do root.definitions[name] = one end
  return root
end

--- The same as text: sorted, so that the same rows give the same bytes.
---@param folder? string
---@return string
function json_schema.text(folder)
  return json.encode(json_schema.of(folder), { pretty = true }) .. "\n"
end

--- `sluice check --schema`: prints it, with the APIs of the project one is in.
---@return integer exit code
function json_schema.print()
  local found = require("sluice.config").find()
  io.write(json_schema.text(found and found:match "^(.*)/[^/]*$"))
  return 0
end

return json_schema
