--- What `sluice help` can be asked for: commands, sluice.yaml, modules and their functions, APIs and their operations, and pages.
---
---   topics.find "ndjson.map"     { name = "ndjson.map", kind = "module", about = "…", text = function() … end }
---   topics.list()                all that have a name of their own
local text = require "sluice.text"

local topics = {}

---@class sluice.manual.Topic
---@field name string
---@field kind "command"|"config"|"module"|"function"|"api"|"operation"|"page"
---@field about string
---@field text fun(): string

-- ---- pages ----

-- The pages of docs/ that the binary brings, and what each is about.
topics.pages = {
  apis = "how calls go, the four APIs, and an API of your own", commands = "every command with its options", config = "sluice.yaml, key by key",
  delta_feed = "the delta feed, from credentials to cron", guarantees = "what holds, what it rests on, and where it ends",
  modules = "what a script can require", operate = "systemd, containers, backups",
  own_api = "adding an API: a file of rows, step by step", recipes = "writing recipes, errors, exit codes",
  sandbox = "the four APIs on localhost", schedules = "when recipes run, and what becomes of each due time",
  serve = "the page of sluice serve, its API and metrics", testing = "specs, the sandbox and recordings",
  repl = "the prompt: what it shows, completes, asks and saves", tutorial = "from curl to a recipe in ten minutes",
}

local function rows_text(rows) return require("sluice.manual.command").option_lines(rows) end

local function exit_codes_text()
  return "Exit codes\n\n" .. rows_text(require("sluice.fail").exits) .. "\nErrors with their exit codes: sluice help errors\n"
end

local function environment_text() return "Variables of the environment\n\n" .. rows_text(require "sluice.manual.environment") end

local function errors_text()
  local err, fail, rows = require "sluice.err", require "sluice.fail", {}
  for i, code in ipairs(err.codes()) do rows[i] = { code, ("exit code %d"):format(fail.exit_code(err.new { code = code, message = "x" })) } end
  return "Codes of errors: err.code in a recipe\n\n" .. rows_text(rows) .. "\nWhen each is raised: sluice help recipes\n"
end

local function page_of(name)
  local source = require("sluice.core").file("docs/" .. name .. ".md")
  return source and { name = name, kind = "page", about = topics.pages[name], text = function() return source end } or nil
end

local fixed = {
  ["exit-codes"] = { "what the exit code of a command says", exit_codes_text },
  environment = { "variables that sluice looks at", environment_text },
  errors = { "codes of errors and their exit codes", errors_text },
}

local function fixed_topic(name)
  local row = fixed[name]
  return row and { name = name, kind = "page", about = row[1], text = row[2] } or nil
end

-- ---- commands, config, modules ----

local function command_topic(name)
  local module_name = require("sluice.cli").commands[name]
  if not module_name then return nil end
  local module = require(module_name)
  return { name = name, kind = "command", about = module.about, text = function() return require("sluice.manual.command").text(name, module) end }
end

local function config_topic(name)
  local config = require "sluice.manual.config"
  local sections = name:find "^config" and config.sections() or {}
  for _, section in ipairs(sections) do
    if section.name == name then
      return { name = name, kind = "config", about = section.about, text = function() return config.text(section) end }
    end
  end
  for _, section in ipairs(sections) do
    for _, row in ipairs(section.rows) do
      if section.name .. "." .. row.key == name then
        return { name = name, kind = "config", about = row.about or "", text = function()
          return config.text { name = section.name, about = section.about, rows = { row } }
        end }
      end
    end
  end
end

local function module_text(page)
  local annotations = require "sluice.manual.annotations"
  local lines, rows = { (page.name == "sluice" and "" or "sluice.") .. page.name .. "\n\n" .. page.about .. "\n\n" }, {}
  for i, fn in ipairs(page.functions) do rows[i] = { fn.call, annotations.sentence(fn.doc) } end
  return table.concat(lines) .. rows_text(rows) .. ("\nMore: sluice help %s.NAME\n"):format(page.name)
end

local function module_topic(name)
  local annotations = require "sluice.manual.annotations"
  local module, member = name:gsub("^sluice%.", ""):match "^([%w_]+)[.:]?([%w_]*)$"
  local page = module and require("sluice.manual.modules").page(module)
  if not page then return nil end
  if member == "" then
    return { name = name, kind = "module", about = annotations.sentence(page.about), text = function() return module_text(page) end }
  end
  local found = {}
  for _, fn in ipairs(page.functions) do
    if fn.name == member then found[#found + 1] = annotations.text(fn) end
  end
  return found[1] and { name = name, kind = "function", about = "", text = function() return table.concat(found, "\n") end } or nil
end

-- ---- APIs ----

-- A name may be an API's or a connection's of the config.
local function definition_of(name)
  local definition, config = require "sluice.definition", require "sluice.config"
  local path = config.find()
  local folder = path and path:match "^(.*)/[^/]*$"
  for _, one in ipairs(definition.names(folder)) do
    if one == name then return definition.load(name, folder) end
  end
  local ok, cfg = pcall(config.load, path, { without = "schedules" })
  for _, one in ipairs(path and ok and require("sluice.config.outline").connections(cfg) or {}) do
    if one.name == name then return config.definition(one.api, cfg) end
  end
end

local function api_topic(name)
  local api_name, member = name:match "^([%w_-]+)%.?([%w_]*)$"
  local def = api_name and definition_of(api_name)
  local api = require "sluice.api"
  local shown = def and api.text(def, member ~= "" and member or nil)
  if not shown then return nil end
  return { name = name, kind = member == "" and "api" or "operation", about = member == "" and def.doc or "", text = function() return shown end }
end

-- ---- all of them ----

local kinds = { command_topic, fixed_topic, config_topic, module_topic, api_topic, page_of }

--- The topic of a name, and others that have the same name: `sluice.ndjson` is the module, `docs/serve` the page.
---@param name string
---@return sluice.manual.Topic?
---@return string[] others how they are asked for
function topics.find(name)
  local page = name:match "^docs/([%w_]+)$"
  if page then return page_of(page), {} end
  local found, others = nil, {}
  for _, kind in ipairs(kinds) do
    local ok, topic = pcall(kind, name)
    topic = ok and topic or nil
    if topic and not found then found = topic
    elseif topic and (topic.kind == "module" or topic.kind == "page") then
      others[#others + 1] = (topic.kind == "module" and "sluice." or "docs/") .. name
    end
  end
  return found, others
end

local function add(list, kind, names)
  for _, name in ipairs(names) do list[#list + 1] = kind(name) end
end

--- All topics that have a name of their own, commands first; functions and operations are asked for as MODULE.NAME and API.NAME.
---@return sluice.manual.Topic[]
function topics.list()
  local list = {}
  add(list, command_topic, text.keys(require("sluice.cli").commands))
  add(list, fixed_topic, text.keys(fixed))
  for _, section in ipairs(require("sluice.manual.config").sections()) do list[#list + 1] = config_topic(section.name) end
  for _, name in ipairs(require("sluice.manual.modules").public) do list[#list + 1] = module_topic("sluice." .. name) end
  add(list, api_topic, require("sluice.definition").names "/nonexistent")
  for _, name in ipairs(text.keys(topics.pages)) do list[#list + 1] = page_of(name) end
  for i = 1, #list do
    if list[i].kind == "page" and not fixed[list[i].name] then list[i].name = "docs/" .. list[i].name end
  end
  return list
end

--- Names that a word may have been meant as.
---@param word string
---@return string[]
function topics.names(word)
  local names, module = {}, word:match "^([%w_]+)%."
  for _, topic in ipairs(topics.list()) do
    names[#names + 1] = topic.name
    names[#names + 1] = topic.name:match "^%l+[./]([%w_]+)$"
  end
  local page = module and require("sluice.manual.modules").page(module)
  for _, fn in ipairs(page and page.functions or {}) do names[#names + 1] = module .. "." .. fn.name end
  local def = module and definition_of(module)
  for _, row in ipairs(def and def.operations or {}) do names[#names + 1] = module .. "." .. row.name end
  return names
end

return topics
