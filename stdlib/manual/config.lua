--- The keys of sluice.yaml with their types and defaults, from the tables that check it: for `sluice help config` and the manual
--- page.
---
---   config.sections()[1]     { name = "config", about = "…", rows = { { key = "version", type = "integer", default = "1", about = "…" } } }
local definition = require "sluice.definition"
local schema = require "sluice.config.schema"

local config = {}

local units = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } }

local function span(seconds)
  for _, unit in ipairs(units) do
    if seconds >= unit[1] and seconds % unit[1] == 0 then return ("%d%s"):format(seconds // unit[1], unit[2]) end
  end
  return tostring(seconds)
end

local function size(bytes)
  for _, unit in ipairs { { 1000 ^ 3, "GB" }, { 1000 ^ 2, "MB" }, { 1000, "KB" } } do
    if bytes >= unit[1] and bytes % unit[1] == 0 then return ("%d%s"):format(bytes // unit[1], unit[2]) end
  end
  return tostring(bytes)
end

local shown = { duration = span, size = size }

local kinds = { choice = "one of", any = "map", path = "path", cron = "cron text", list = "list", listen = "ADDRESS:PORT or off" }

local function type_of(row)
  if row.one_of and row.kind == "choice" then return table.concat(row.one_of, ", ") end
  return kinds[row.kind] or row.kind
end

local function default_of(row, key, section)
  for _, name in ipairs(section.exactly_one or {}) do
    if name == key then return "this or " .. (section.exactly_one[1] == key and section.exactly_one[2] or section.exactly_one[1]) end
  end
  if row.required then return "required" end
  if row.default == nil then return nil end
  return (shown[row.kind] or tostring)(row.default)
end

-- The order of the schema is not kept in its tables: what must be there comes first, the rest by name.
local function rows_of(section)
  local rows = {}
  for key, row in pairs(section.fields) do
    rows[#rows + 1] = { key = key, type = type_of(row), default = default_of(row, key, section), about = row.doc, required = row.required }
  end
  table.sort(rows, function(a, b)
    if a.required ~= b.required then return a.required == true end
    return a.key < b.key
  end)
  return rows
end

local types = { seconds = "duration", object = "map of rate classes to rates" }

local function key_rows(keys)
  local rows = {}
  for i, key in ipairs(keys) do
    local default = key.required and "required" or key.default ~= nil and (key.type == "seconds" and span or tostring)(key.default) or nil
    rows[i] = { key = key.name, type = types[key.type] or key.type, default = default, about = key.doc, required = key.required }
  end
  return rows
end

-- An API's own keys and those of its hosts, without those that every connection takes.
local function own_keys(def)
  local common, rows = {}, {}
  for _, key in ipairs(definition.common_keys) do common[key.name] = true end
  for _, key in ipairs(definition.connection_keys(def)) do
    if not common[key.name] then rows[#rows + 1] = key end
  end
  return rows
end

--- All sections: the file, its maps by their place in it, and the keys of each API's connections.
---@return { name: string, about: string, rows: { key: string, type: string, default?: string, about?: string }[] }[]
function config.sections()
  local list = {
    { name = "config", about = "sluice.yaml: the keys of the file", rows = rows_of(schema.root) },
    { name = "config.connections", about = "accounts of APIs by a name of your own: what every connection takes",
      rows = key_rows(definition.common_keys) },
  }
  for _, name in ipairs(definition.names "/nonexistent") do
    local def = definition.load(name)
    list[#list + 1] = { name = "config.connections." .. name, about = "what a connection of " .. name .. " takes beside that",
      rows = key_rows(own_keys(def)) }
  end
  for _, name in ipairs { "schedules", "schedules.retry", "keep", "serve", "notify" } do
    local section = schema[({ schedules = "schedule", ["schedules.retry"] = "retry" })[name] or name]
    list[#list + 1] = { name = "config." .. name, about = section.doc, rows = rows_of(section) }
  end
  return list
end

local function line(row)
  return ("  %s (%s%s)\n      %s\n"):format(row.key, row.type, row.default and ", " .. (row.default == "required" and "" or "default ") .. row.default
    or "", row.about or "")
end

--- A section as text.
---@param section table
---@return string
function config.text(section)
  local lines = { ("%s: %s\n\n"):format(section.name, section.about) }
  for _, row in ipairs(section.rows) do lines[#lines + 1] = line(row):gsub("default this or", "this or") end
  return table.concat(lines)
end

return config
