--- `sluice.yaml`: found, read, checked. What is wrong is said with file, line and column.
---
---   local cfg = config.load()                       -- upward from the working directory
---   local keys = config.connection(cfg, "shop")     -- variables put in, files and commands asked, secrets closed
---
--- Variables (`${NAME}`), files and commands are looked at only when a connection is used, so that a machine needs the
--- credentials of what it runs and no others. `sluice check` looks at all of them.
local err = require "sluice.err"
local reader = require "sluice.config.reader"
local schema = require "sluice.config.schema"
local values = require "sluice.config.values"
local yaml = require "sluice.yaml"

local config = {}

local MAX_BYTES, MAX_VALUES = 4 * 1024 * 1024, 500000 -- room for 10,000 schedules
local NAME = "sluice.yaml"

---@class sluice.Config
---@field path string absolute path of the file
---@field file string the same as messages show it
---@field folder string absolute folder: what relative paths in the config start from
---@field store string path of the state store (nil where what stands there is wrong, which load() refuses)
---@field shared? string folder of budgets and login tokens
---@field keep { runs: number, bodies: number, dead_letters: number } seconds that things stay
---@field root sluice.yaml.Node the tree, with the place of everything

-- ---- finding the file ----

local function working_directory()
  return assert(require("lfs").currentdir())
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function parent(folder)
  return folder ~= "/" and (folder:match "^(.+)/[^/]*$" or "/") or nil
end

--- The path of the next sluice.yaml upward from a folder, or nil.
---@param folder? string default: the working directory
---@return string?
function config.find(folder)
  folder = folder or working_directory()
  repeat
    local path = (folder == "/" and "" or folder) .. "/" .. NAME
    if exists(path) then return path end
    folder = parent(folder)
  until not folder
end

local function locate(path)
  local cwd = working_directory()
  if path then
    local full = path:sub(1, 1) == "/" and path or cwd .. "/" .. path:gsub("^%./", "")
    return full, path
  end
  local found = config.find(cwd)
  if not found then
    err.raise {
      code = "config", message = ("there is no %s in %s or above it"):format(NAME, cwd),
      hint = "create one, or name it with -c FILE",
    }
  end
  return found, found == cwd .. "/" .. NAME and NAME or found
end

local function read_file(full, name)
  local file, problem = io.open(full, "rb")
  local text
  if file then
    text, problem = file:read(MAX_BYTES + 1)
    if not text and not problem then text = "" end
    file:close()
  end
  if text then return text end
  err.raise { code = "config", message = ("%s: %s"):format(name, tostring(problem):gsub("^.-: ", "")), hint = "name another one with -c FILE" }
end

-- ---- findings ----

local function by_place(a, b)
  if a.line ~= b.line then return a.line < b.line end
  if a.column ~= b.column then return a.column < b.column end
  return a.message < b.message
end

local function raise(finding, more)
  local problem = err.new {
    code = "config", message = ("%s:%d:%d: %s"):format(finding.file, finding.line, finding.column, finding.message),
    hint = finding.hint or (more > 0 and ("sluice check shows %d more"):format(more) or nil),
  }
  problem.line, problem.column = finding.line, finding.column
  error(problem, 0)
end

local function raise_first(findings)
  if #findings == 0 then return end
  table.sort(findings, by_place)
  raise(findings[1], #findings - 1)
end

-- ---- loading ----

-- The tree, or a config error about the text.
local function parse(full, name, without)
  local root, problem = yaml.parse(read_file(full, name), { name = name, max_bytes = MAX_BYTES, max_nodes = MAX_VALUES, without = without })
  if root then return root end
  problem.code, problem.file = "config", name
  return nil, problem
end

local function entry_of(node, key)
  for _, entry in ipairs(node and node.entries or {}) do
    if entry.key == key then return entry end
  end
end

local function value_of(node, key)
  local entry = entry_of(node, key)
  return entry and entry.value
end

local function new_reader(cfg, fields)
  local function source() return read_file(cfg.path, cfg.file) end -- again, when a place inside of a text is looked for
  return reader.new { file = cfg.file, folder = cfg.folder, expand = fields.expand, dry = fields.dry, getenv = cfg.getenv,
    source = source }
end

-- The values that are used whatever is done: variables in them are put in at once.
local function read_settings(cfg, fields)
  local r = new_reader(cfg, { expand = true })
  for _, key in ipairs(fields) do
    local node, row = value_of(cfg.root, key), schema.root.fields[key]
    if node then cfg[key] = r:read(node, row, key) end
  end
  if not value_of(cfg.root, "store") then
    cfg.store = cfg.folder .. "/" .. schema.root.fields.store.default:gsub("^sqlite:", "")
  end
  cfg.keep = cfg.keep or {}
  for name, row in pairs(schema.keep.fields) do cfg.keep[name] = cfg.keep[name] or row.default end
  return r.findings
end

local function append(list, more)
  table.move(more, 1, #more, #list + 1, list)
end

local function is_empty(root)
  return root.kind == "null"
end

-- The config and what is wrong with its form; variables are only put into what is always used.
local function open(path, options)
  local full, name = locate(path)
  local getenv = options and options.getenv
  local root, problem = parse(full, name, options and options.without)
  if not root then return nil, problem end
  local cfg = { path = full, file = name, folder = full:match "^(.*)/[^/]*$", root = root, getenv = getenv }
  if cfg.folder == "" then cfg.folder = "/" end
  if is_empty(root) then cfg.root = { kind = "map", entries = {}, line = root.line, column = root.column } end
  local r = new_reader(cfg, { expand = false })
  r:read(cfg.root, schema.root, "")
  local settings = read_settings(cfg, { "version", "store", "shared", "keep" })
  return cfg, #r.findings > 0 and r.findings or settings -- the former name what the latter stumble over
end

--- Reads and checks the config. What is wrong is raised as a `config` error that begins with file:line:column.
---@param path? string default: the next sluice.yaml upward from the working directory
---@param options? { getenv?: fun(name: string): string?, without?: string } where variables come from (specs); a section that
--- is not wanted, and so not checked
---@return sluice.Config
function config.load(path, options)
  local cfg, findings = open(path, options)
  if not cfg then error(findings, 0) end
  raise_first(findings)
  return cfg
end

-- ---- connections ----

local function names_of(cfg, section)
  local names, node = {}, value_of(cfg.root, section)
  for _, entry in ipairs(node and node.entries or {}) do names[#names + 1] = entry.key end
  table.sort(names)
  return names
end

--- Names of the connections, sorted.
---@param cfg sluice.Config
---@return string[]
function config.connections(cfg) return names_of(cfg, "connections") end

--- Names of the schedules, sorted.
---@param cfg sluice.Config
---@return string[]
function config.schedules(cfg) return names_of(cfg, "schedules") end

--- The definition of an API: the project's apis/NAME.lua, else the one that sluice brings. A `config` error lists the
--- known ones.
---@param name string
---@param cfg? sluice.Config whose project is meant
---@return table
function config.definition(name, cfg)
  return require("sluice.definition").load(name, cfg and cfg.folder)
end

-- How the keys of definitions are read: by their type, and some by their name.
local by_type = {
  boolean = "boolean", id = "id", integer = "integer", number = "number", object = "any", path = "path", seconds = "duration",
  secret = "secret", url = "url",
}
local by_name = { ca_file = "path", client_cert = "path", client_key = "path", proxy = "proxy" }
local from_elsewhere = { id = true, secret = true, text = true } -- these may come from a file or a command

-- The keys of which a connection needs one at least: those of its API's credentials, where there are several.
local function credential_keys(def)
  local names = { def.credential and def.credential.secret }
  for _, other in pairs(def.credentials or {}) do names[#names + 1] = other.secret end
  return def.credentials and names or nil
end

--- The schema's row of a connection of this API: the keys that its definition names.
---@param def table
---@return table row
function config.connection_row(def)
  local fields, rates = {}, {}
  for _, row in ipairs(require("sluice.definition").connection_keys(def)) do
    local kind = by_name[row.name] or by_type[row.type] or "text"
    local secret = row.secret or row.type == "secret"
    fields[row.name] = { kind = kind, required = row.required, secret = secret, source = from_elsewhere[kind], min = row.min, doc = row.doc }
  end
  for _, host in ipairs(def.hosts or {}) do fields[host.key] = { kind = "url", doc = host.doc } end
  for name, class in pairs(def.classes or {}) do rates[name] = { kind = "rate", doc = class.doc } end
  fields.limits = { kind = "map", fields = rates, doc = "rates of this account by rate class" }
  fields.api = schema.connection.fields.api
  return { kind = "map", fields = fields, at_least_one = credential_keys(def) }
end

-- The definition that a connection names; a finding where there is none.
local function definition_for(cfg, r, node, path)
  local api = value_of(node, "api")
  local name = api and r:read(api, schema.connection.fields.api, path .. ".api")
  if not name then return nil end
  local ok, def = pcall(config.definition, name, cfg)
  if ok then return def end
  if not err.is(def) then error(def, 0) end
  return r:complain(api, ("%s.api: %s"):format(path, def.message), def.hint)
end

local function read_connection(cfg, r, name, node)
  local path = "connections." .. name
  local def = definition_for(cfg, r, node, path)
  if not def then return nil end
  local row = config.connection_row(def)
  local keys = r:read(node, row, path)
  for key, value in pairs(keys) do
    if row.fields[key].secret and not r.dry then keys[key] = require("sluice.auth").secret(value) end
  end
  local proxy_password = type(keys.proxy) == "string" and keys.proxy:match "://[^/@:]*:([^/@]+)@"
  if proxy_password then require("sluice.log").secret(proxy_password) end
  keys.name = name
  return keys
end

--- The secrets of all connections, as far as they are written down here or in the environment and files that are named:
--- where each one stands, its text, and whether the config itself has it. Commands are not run.
---@param cfg sluice.Config
---@return { connection: string, key: string, where: string, text?: string, literal: boolean }[]
function config.secrets(cfg)
  local list = {}
  for _, name in ipairs(config.connections(cfg)) do
    local node, path = value_of(value_of(cfg.root, "connections"), name), "connections." .. name
    local r = new_reader(cfg, { expand = true, dry = true })
    local def = node.kind == "map" and definition_for(cfg, r, node, path)
    local rows = def and config.connection_row(def).fields or {}
    for _, entry in ipairs(node.entries or {}) do
      local row, value = rows[entry.key], entry.value
      if row and (row.secret or row.kind == "secret" or (value.text or ""):find "^%a+://[^/@:]*:[^/@]+@") then
        list[#list + 1] = { connection = name, key = entry.key, where = ("%s:%d:%d"):format(cfg.file, value.line, value.column),
          text = r:read(value, row, path .. "." .. entry.key), literal = value.kind ~= "map" and not values.has_variables(value.text or "") }
      end
    end
  end
  return list
end

local function unknown(cfg, section, what, name)
  local names = names_of(cfg, section)
  err.raise {
    code = "config", message = ("%s: there is no %s '%s'%s"):format(cfg.file, what, name, require("sluice.text").near(name, names)),
    hint = #names > 0 and "known: " .. table.concat(names, ", ") or ("add it below `%s:`"):format(section),
  }
end

--- The keys of a connection, ready for `sluice.client`: variables put in, files and commands asked (so it may wait),
--- durations as seconds, paths absolute, secrets closed, `name` the connection's name. Raises a `config` error.
---@param cfg sluice.Config
---@param name string
---@return table keys
function config.connection(cfg, name)
  local node = value_of(value_of(cfg.root, "connections"), name)
  if not node then unknown(cfg, "connections", "connection", name) end
  local r = new_reader(cfg, { expand = true })
  local keys = read_connection(cfg, r, name, node)
  raise_first(r.findings)
  return keys
end

--- A schedule: durations as seconds, paths absolute, variables put in. Raises a `config` error.
---@param cfg sluice.Config
---@param name string
---@return table
function config.schedule(cfg, name)
  local node = value_of(value_of(cfg.root, "schedules"), name)
  if not node then unknown(cfg, "schedules", "schedule", name) end
  local r = new_reader(cfg, { expand = true })
  local schedule = r:read(node, schema.schedule, "schedules." .. name)
  raise_first(r.findings)
  schedule.name = name
  return schedule
end

--- The API of each connection, where it is said in plain text.
---@param cfg sluice.Config
---@return table<string, string>
function config.apis(cfg)
  local map, node = {}, value_of(cfg.root, "connections")
  for _, entry in ipairs(node and node.entries or {}) do
    local api = value_of(entry.value, "api")
    map[entry.key] = api and api.text or ""
  end
  return map
end

--- All schedules by name, as config.schedule gives each. Raises a `config` error.
---@param cfg sluice.Config
---@return table<string, table>
function config.all_schedules(cfg)
  local r, map, node = new_reader(cfg, { expand = true }), {}, value_of(cfg.root, "schedules")
  for _, entry in ipairs(node and node.entries or {}) do
    map[entry.key] = r:read(entry.value, schema.schedule, "schedules." .. entry.key)
    if map[entry.key] then map[entry.key].name = entry.key end
  end
  raise_first(r.findings)
  return map
end

--- How many scheduled runs may use a connection at once, for those connections that say so.
---@param cfg sluice.Config
---@return table<string, integer>
function config.runs(cfg)
  local r, map, node = new_reader(cfg, { expand = true }), {}, value_of(cfg.root, "connections")
  for _, entry in ipairs(node and node.entries or {}) do
    local runs = value_of(entry.value, "runs")
    map[entry.key] = runs and r:read(runs, { kind = "integer", min = 1 }, ("connections.%s.runs"):format(entry.key))
  end
  raise_first(r.findings)
  return map
end

--- The zone of schedules that name none.
---@param cfg sluice.Config
---@return string
function config.zone(cfg)
  local r, node, row = new_reader(cfg, { expand = true }), value_of(value_of(cfg.root, "serve"), "zone"), schema.root.fields.serve.fields.zone
  local zone = node and r:read(node, row, "serve.zone")
  raise_first(r.findings)
  return zone or row.default
end

--- The `serve` or `notify` section, with defaults; variables are put in, files and commands asked (so it may wait), a token is
--- masked from now on. Raises a `config` error. nil: there is no `notify`.
---@param cfg sluice.Config
---@param name "serve"|"notify"
---@return table?
function config.section(cfg, name)
  local r, node, row = new_reader(cfg, { expand = true }), value_of(cfg.root, name), schema.root.fields[name]
  local values_of = node and r:read(node, row, name)
  raise_first(r.findings)
  if not values_of and name == "notify" then return nil end
  values_of = values_of or {}
  for key, field in pairs(row.fields) do
    if values_of[key] == nil then values_of[key] = field.default end
    if field.secret and values_of[key] then require("sluice.log").secret(values_of[key]) end
  end
  return values_of
end

--- The recipes that the schedules name: absolute paths, and where the config says so. What can't be read is left out.
---@param cfg sluice.Config
---@return { file: string, place: { file: string, line: integer, column: integer, path: string } }[]
function config.recipes(cfg)
  local list, r = {}, new_reader(cfg, { expand = true })
  for _, name in ipairs(config.schedules(cfg)) do
    local node = value_of(value_of(value_of(cfg.root, "schedules"), name), "recipe")
    local path = ("schedules.%s.recipe"):format(name)
    local file = node and r:read(node, schema.schedule.fields.recipe, path)
    if file then
      list[#list + 1] = { file = file, place = { file = cfg.file, line = node.line, column = node.column, path = path } }
    end
  end
  return list
end

--- Where something stands, for complaints that come later: "sluice.yaml:5:3".
---@param cfg sluice.Config
---@param path string "connections.shop.base_url"; the nearest that exists is taken
---@return string
function config.where(cfg, path)
  local node, at = cfg.root, cfg.root
  for key in path:gmatch "[^.]+" do
    local entry = entry_of(node, key)
    if not entry then break end
    node, at = entry.value, entry
  end
  return ("%s:%d:%d"):format(cfg.file, at.line, at.column)
end

--- All that is wrong with a config, in the order of the file, with every connection and schedule looked at: definitions,
--- variables, files. Commands are not run; their programs must exist.
---@param path? string
---@param options? { getenv: fun(name: string): string? }
---@return { file: string, line?: integer, column?: integer, message: string, hint?: string }[] findings
---@return sluice.Config? cfg nil where it can't be read at all
function config.findings(path, options)
  local ok, cfg, findings = pcall(open, path, options)
  if not ok then
    if not err.is(cfg) then error(cfg, 0) end
    local file, message = path or NAME, cfg.message
    if message:sub(1, #file + 2) == file .. ": " then message = message:sub(#file + 3) end
    return { { file = file, message = message, hint = cfg.hint } }
  elseif not cfg then
    local message = findings.message:gsub("^.-:%d+:%d+: ", "")
    return { { file = findings.file, line = findings.line, column = findings.column, message = message, hint = findings.hint } }
  end
  local r = new_reader(cfg, { expand = true, dry = true })
  r:read(cfg.root, schema.root, "")
  for _, name in ipairs(config.connections(cfg)) do
    local node = value_of(value_of(cfg.root, "connections"), name)
    if node.kind == "map" then read_connection(cfg, r, name, node) end
  end
  append(findings, r.findings)
  return config.sorted(findings), cfg
end

--- Findings in the order of their places, each once.
function config.sorted(findings)
  table.sort(findings, by_place)
  local list, seen = {}, {}
  for _, finding in ipairs(findings) do
    local key = ("%d:%d:%s"):format(finding.line, finding.column, finding.message)
    if not seen[key] then list[#list + 1] = finding end
    seen[key] = true
  end
  return list
end

return config
