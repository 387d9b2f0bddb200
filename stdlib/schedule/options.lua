--- From the config to schedules that know their due times.
---
---   local loaded = options.load(cfg)
---   loaded.schedules.delta.spec:next(now)       loaded.serve.concurrency       loaded.runs.shop
local config = require "sluice.config"
local cron = require "sluice.cron"
local err = require "sluice.err"
local json = require "sluice.json"
local schema = require "sluice.config.schema"

local options = {}

---@class sluice.Schedule a schedule as the config has it, with its defaults put in
---@field name string
---@field recipe string absolute path
---@field args table<string, any>
---@field about? string
---@field cron? string as it is written
---@field every? number seconds
---@field spec sluice.CronSpec its due times
---@field text string what the store keeps of them: options.spec_of gives the same Spec again
---@field zone string
---@field enabled boolean
---@field timeout? number seconds
---@field grace number
---@field retry? { attempts: integer, backoff: number, max_backoff: number, errors?: string[] }
---@field overlap "skip"|"queue"|"cancel_running"|"allow"
---@field catchup "none"|"latest"|"all"
---@field catchup_window? number
---@field catchup_limit integer
---@field jitter? number
---@field start_within? number
---@field pause_on_failure? integer
---@field memory? integer bytes
---@field uses string[] the connections that it needs, sorted

-- ---- due times ----

-- The texts were read by the config's reader already: what is wrong now is the zone of `serve`.
local function complain(cfg, problem)
  err.raise { code = "config", message = ("%s: serve.zone: %s"):format(config.where(cfg, "serve.zone"), problem.message), hint = problem.hint }
end

local function read_spec(cfg, schedule, zone)
  if schedule.every then return cron.every(schedule.every, { name = schedule.name }) end
  local spec, problem = cron.parse(schedule.cron, { name = schedule.name, zone = zone })
  if not spec then complain(cfg, problem) end
  return spec
end

-- The zone belongs to the text, so that another `serve.zone` is another spec.
local function text_of(schedule, spec)
  if schedule.every then return ("every %d"):format(schedule.every) end
  if ("\n" .. schedule.cron):find "\n%s*TZ=" then return schedule.cron end
  return ("TZ=%s\n%s"):format(spec.zone, schedule.cron)
end

--- The due times that a text in the store stands for; nil where it can't be read any more (a zone that is gone), or is none.
---@param name string of the schedule
---@param text string
---@return sluice.CronSpec?
function options.spec_of(name, text)
  local seconds = math.tointeger(tonumber(text:match "^every (%d+)$"))
  if seconds then return cron.every(seconds, { name = name }) end
  if text == "" then return nil end
  return (cron.parse(text, { name = name }))
end

-- ---- connections ----

-- Names in a recipe's own text: sluice.connect "shop". Read once for all schedules of the recipe.
local function connections_of(recipe, known, cache)
  if cache[recipe] then return cache[recipe] end
  local names, file = {}, io.open(recipe, "rb")
  local text = file and file:read(1024 * 1024) or ""
  if file then file:close() end
  for name in text:gmatch "connect%s*%(?%s*[\"']([%w_-]+)[\"']" do
    if known[name] then names[name] = true end
  end
  cache[recipe] = names
  return names
end

local function uses_of(schedule, known, cache)
  local found, list = {}, {}
  for name in pairs(connections_of(schedule.recipe, known, cache)) do found[name] = true end
  for _, value in pairs(schedule.args) do
    if known[value] then found[value] = true end
  end
  for name in pairs(found) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- ---- all of it ----

local function put_defaults_in(schedule)
  for key, field in pairs(schema.schedule.fields) do
    if schedule[key] == nil then schedule[key] = field.default end
  end
  for key, field in pairs(schedule.retry and schema.retry.fields or {}) do
    if schedule.retry[key] == nil then schedule.retry[key] = field.default end
  end
  schedule.args = schedule.args or {}
end

---@class sluice.Loaded what a daemon needs of a config
---@field schedules table<string, sluice.Schedule>
---@field serve table the `serve` section
---@field notify? table the `notify` section
---@field runs table<string, integer> runs at once, by connection
---@field path string of the config
---@field folder string
---@field store string

--- Reads all of it and lets the config's tree go. Raises a `config` error with the place of what is wrong. (waits, where the
--- token comes from a command)
---@param cfg sluice.Config
---@return sluice.Loaded
function options.load(cfg)
  local loaded = {
    serve = config.section(cfg, "serve"), notify = config.section(cfg, "notify"), runs = config.runs(cfg),
    path = cfg.path, folder = cfg.folder, store = cfg.store, schedules = config.all_schedules(cfg),
  }
  local known, cache = {}, {}
  for _, name in ipairs(config.connections(cfg)) do known[name] = true end
  for _, schedule in pairs(loaded.schedules) do
    put_defaults_in(schedule)
    schedule.spec = read_spec(cfg, schedule, loaded.serve.zone)
    schedule.zone, schedule.text = schedule.spec.zone, text_of(schedule, schedule.spec)
    schedule.uses = uses_of(schedule, known, cache)
  end
  return loaded
end

-- ---- in a process of its own ----

--- The same as JSON text, for options.read in another process.
---@param loaded sluice.Loaded
---@return string
function options.text(loaded)
  local copy = {}
  for key, value in pairs(loaded) do copy[key] = value end
  copy.schedules = {}
  for name, schedule in pairs(loaded.schedules) do
    local plain = {}
    for key, value in pairs(schedule) do plain[key] = key ~= "spec" and value or nil end
    copy.schedules[name] = plain
  end
  return json.encode(copy)
end

--- What options.text has written.
---@param text string
---@return sluice.Loaded
function options.read(text)
  local loaded = assert(json.decode(text))
  for name, schedule in pairs(loaded.schedules) do schedule.spec = options.spec_of(name, schedule.text) end
  if loaded.serve.token then require("sluice.log").secret(loaded.serve.token) end
  return loaded
end

return options
