--- What the names at the prompt stand for: variables, connections (made or not), modules, fields of them. Nothing is sent
--- and nobody's code is run: connections that were not used yet are known by their definition.
---
---     names.resolve(session, { "shop", "search_products" })
local client = require "sluice.client"
local definition = require "sluice.definition"
local peek = require "sluice.repl.peek"

local names = {}

--- The modules that are for scripts; docs/modules.md describes them.
names.modules = {
  "auth", "cron", "crypto", "csv", "err", "file", "file_sink", "fresh", "http", "image_files", "input", "json", "limit", "log", "ndjson",
  "notes", "outbox", "poll", "process", "product_columns", "product_rows", "retry", "server", "site_copy", "sql", "state", "system", "task",
  "time", "veeqo_product", "yaml",
}

local is_module = {}
for _, name in ipairs(names.modules) do is_module[name] = true end

--- A module for scripts by its name with or without `sluice.`; nil where there is none.
---@param name string
---@return table?
function names.module(name)
  local short = name:gsub("^sluice%.", "")
  if short == "sluice" then return require "sluice" end
  if not is_module[short] then return nil end
  local ok, module = pcall(require, "sluice." .. short)
  return ok and type(module) == "table" and module or nil
end

-- ---- connections ----

--- The names of the connections, sorted: those of the config and those that the session has made.
---@param session table
---@return string[]
function names.connections(session)
  local seen, list = {}, {}
  local function add(name)
    if type(name) == "string" and not seen[name] then
      seen[name] = true
      list[#list + 1] = name
    end
  end
  if session.config then
    local ok, given = pcall(require("sluice.config").connections, session.config)
    for _, name in ipairs(ok and given or {}) do add(name) end
  end
  for name in next, session.connections or {} do add(name) end
  table.sort(list)
  return list
end

-- What stands for a connection that was not made yet.
local function unmade(session, name)
  if not session.config then return nil end
  local ok, api = pcall(require("sluice.config").api, session.config, name)
  if not ok or not api then return nil end
  local loaded, def = pcall(definition.load, api, session.config.folder)
  return loaded and { unmade = true, name = name, api = api, definition = def } or nil
end

--- The client of a connection, or (`unmade`) its name, api and definition; nil where there is none.
---@param session table
---@param name string
---@return table?
function names.connection(session, name)
  local made = session.connections and rawget(session.connections, name)
  if made ~= nil then return made end
  return unmade(session, name)
end

--- What stands for an API that is asked about by its own name; nil where there is none.
---@param name string
---@param folder string? of the project
---@return table?
function names.api(name, folder)
  local ok, def = pcall(definition.load, name, folder)
  return ok and { unmade = true, name = name, api = name, definition = def } or nil
end

--- The definition behind a client or an unmade connection; nil for other values.
---@param value any
---@return table?
function names.definition(value)
  if type(value) ~= "table" then return nil end
  if client.is(value) then return rawget(value, "definition") end
  return rawget(value, "unmade") == true and debug.getmetatable(value) == nil and rawget(value, "definition") or nil
end

-- ---- values ----

--- What a global name stands for; nil where it is not known.
---@param session table
---@param name string
---@return any
function names.global(session, name)
  local value = session.env and rawget(session.env, name)
  if value ~= nil then return value end
  value = names.connection(session, name)
  if value ~= nil then return value end
  return rawget(_G, name)
end

-- The tables that __index leads to, from a value on.
local function behind(value)
  local list = {}
  for _ = 1, 8 do
    local meta = debug.getmetatable(value)
    value = type(meta) == "table" and rawget(meta, "__index") or nil
    if type(value) ~= "table" then break end
    list[#list + 1] = value
  end
  return list
end

names.behind = behind

--- One field of a value, by what is there and by tables behind it; a client's operations and helpers are functions.
---@param value any
---@param key any
---@return any
function names.field(value, key)
  if rawequal(value, package.loaded.sluice) and type(key) == "string" and is_module[key] then return names.module(key) end
  local found = peek.get(value, key)
  if found ~= nil then return found end
  if client.is(value) then return rawget(rawget(value, "methods"), key) end
  for _, one in ipairs(behind(value)) do
    found = rawget(one, key)
    if found ~= nil then return found end
  end
end

--- The value that a chain of names leads to; nil where it leads nowhere.
---@param session table
---@param chain any[] as lexer.chain gives it
---@return any
function names.resolve(session, chain)
  local first = chain[1]
  local value
  if type(first) == "table" then value = first.text else value = names.global(session, first) end
  for i = 2, #chain do
    if value == nil then return nil end
    value = names.field(value, chain[i])
  end
  return value
end

return names
