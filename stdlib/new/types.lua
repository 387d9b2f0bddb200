--- What editors are to know: the annotations of sluice's modules, a class for each API, and the schema of sluice.yaml, as
--- files of a folder that the Lua language server reads. They are made of what this program is built of, and always anew.
---
---     for _, file in ipairs(types.files(folder, ".sluice/types")) do print(file.path, #file.text) end
local core = require "sluice.core"
local definition = require "sluice.definition"
local describe = require "sluice.describe"

local types = {}

-- Modules of the stdlib that recipes use, and those that have the classes which these give.
local MODULES = {
  "client", "connect", "csv", "file_sink", "fresh", "http", "image_files", "input", "notes", "outbox", "own_stream", "poll", "product_columns",
  "product_rows", "recipe", "run", "site_copy", "sql", "task", "test_helpers", "text", "uploader", "veeqo_product", "when",
}

-- How an argument's type is written in annotations.
local LUA = {
  any = "any", boolean = "boolean", id = "string|integer", ids = "(string|integer)[]", integer = "integer", list = "any[]", number = "number",
  object = "table", records = "any", reference = "string|integer", seconds = "number|string", secret = "string", text = "string",
  time = "string|number",
}

local function head(module)
  return ("---@meta %s\n--- Made by sluice %s; `sluice new types` makes it again.\n"):format(module, require("sluice.version").text)
end

-- ---- modules ----

local function add(list, folder, name, text) list[#list + 1] = { path = ("%s/%s.lua"):format(folder, name), text = text } end

local function add_modules(list, folder)
  local written = {}
  for name, text in pairs(core.annotations()) do
    written[name] = true
    add(list, folder .. "/sluice", name, text)
  end
  for _, name in ipairs(MODULES) do
    local text = core.source("sluice." .. name)
    if text and not written[name] then add(list, folder .. "/sluice", name, head("sluice." .. name) .. text) end
    written[name] = true
  end
  return describe.sorted(written)
end

-- sluice.json and so on are there when first used, which only a program can see: here they stand as fields.
local function main_module(names, connections)
  local functions = assert(core.source "sluice":match "^(.-)%-%- sluice%.json[^\n]*\nreturn ", "the end of stdlib/init.lua is another one")
  local overloads = {}
  for i, connection in ipairs(connections) do
    overloads[i] = ('---@overload fun(name: "%s"): sluice.api.%s\n'):format(connection.name, connection.api)
  end
  functions = functions:gsub("function sluice%.connect", function(text) return table.concat(overloads) .. text end)
  local lines = { head "sluice", functions }
  for _, name in ipairs(names) do lines[#lines + 1] = ('sluice.%s = require "sluice.%s"\n'):format(name, name) end
  return table.concat(lines) .. "\nreturn sluice\n"
end

-- ---- APIs ----

local function one_line(text) return (tostring(text or ""):gsub("%s+", " ")) end

local function type_of(arg)
  if not arg.one_of then return LUA[arg.type] or "any" end
  local words = {}
  for i, one in ipairs(arg.one_of) do words[i] = type(one) == "string" and ("%q"):format(one) or tostring(one) end
  return table.concat(words, "|")
end

local ALSO = {
  "---@field raw? boolean the answer's body as text", "---@field timeout? number seconds that one request may take",
  "---@field deadline? number seconds that the call may take, waiting and repeats included",
}

local function arguments_class(lines, class, op)
  lines[#lines + 1] = "---@class " .. class
  for _, arg in ipairs(op.arguments) do
    local need = arg.required and not arg.connection_key and arg.default == nil
    lines[#lines + 1] = ("---@field %s%s %s %s"):format(arg.name, need and "" or "?", type_of(arg), one_line(arg.doc))
  end
  table.move(ALSO, 1, #ALSO, #lines + 1, lines)
  lines[#lines + 1] = ""
end

local function needs_arguments(op)
  for _, arg in ipairs(op.arguments) do
    if arg.required and not arg.connection_key and arg.default == nil then return true end
  end
  return false
end

local function operation_text(lines, api, op)
  local class = ("sluice.api.%s.%s"):format(api, op.name)
  arguments_class(lines, class, op)
  lines[#lines + 1] = ("--- %s"):format(one_line(op.doc))
  if op.rate then lines[#lines + 1] = ("--- Rate %s; sent again %s."):format(op.rate, describe.repeats(op)) end
  if op.example then lines[#lines + 1] = "---\n---     " .. op.example:gsub("\n", "\n---     ") end
  lines[#lines + 1] = ("---@param args%s %s"):format(needs_arguments(op) and "" or "?", class)
  lines[#lines + 1] = op.iterator and "---@return fun(): any" or "---@return any result\n---@return table answer"
  lines[#lines + 1] = ("function Api:%s(args) end\n"):format(op.name)
end

-- A class for the clients of an API: a method for each operation and each helper.
local function api_text(def)
  local data = describe.api(def)
  local lines = { head("sluice.apis." .. def.name),
    ("--- %s\n---@class sluice.api.%s : sluice.Client\nlocal Api = {}\n"):format(one_line(def.doc), def.name) }
  for _, op in ipairs(data.operations) do operation_text(lines, def.name, op) end
  for _, helper in ipairs(data.helpers) do
    lines[#lines + 1] = ("--- %s\n---@return any\nfunction Api:%s(...) end\n"):format(one_line(helper.doc), helper.name)
  end
  return table.concat(lines, "\n") .. "\nreturn Api\n"
end

local function add_apis(list, folder, project)
  for _, name in ipairs(definition.names(project)) do
    local ok, def = pcall(definition.load, name, project) -- what is wrong with one is what `sluice check` says
    if ok then add(list, folder .. "/sluice/apis", name, api_text(def)) end
  end
end

-- ---- all of it ----

local SPECS = [[
---@type fun(options?: table): sluice.test.Sandbox
sandbox = nil
---@type fun(path: string): sluice.test.Replay
replay = nil
]]

-- The connections of a config that can be read; none where it can't.
local function connections_of(project)
  local config = require "sluice.config"
  local ok, cfg = pcall(config.load, project .. "/sluice.yaml")
  local list = {}
  for _, connection in ipairs(ok and require("sluice.config.outline").connections(cfg) or {}) do
    if connection.api and connection.api:find "^[%w_]+$" then list[#list + 1] = connection end
  end
  return list
end

--- The files.
---@param project string the project's folder: its connections and APIs are known as well
---@param folder string where they are to be
---@param connections? { name: string, api: string }[] default: those of its sluice.yaml
---@return sluice.NewFile[]
function types.files(project, folder, connections)
  local list = {}
  local names = add_modules(list, folder)
  add(list, folder, "sluice", main_module(names, connections or connections_of(project)))
  add(list, folder .. "/sluice", "specs", head "sluice.specs" .. SPECS)
  add_apis(list, folder, project)
  local schema = require("sluice.config.json_schema").text(project)
  list[#list + 1] = { path = folder .. "/sluice.schema.json", text = schema }
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

return types
