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

-- The zone belongs to the text, so that another `serve.zone` is another spec.
local function text_of(schedule, zone)
  if schedule.every then return ("every %d"):format(schedule.every) end
  local cron_text = schedule.cron:gsub("^\xEF\xBB\xBF", "") -- a mark of the beginning, which is to be behind the zone
  if ("\n" .. cron_text):find "\n%s*TZ=" then return cron_text end
  return ("TZ=%s\n%s"):format(zone, cron_text)
end

local function check_zone(cfg, zone)
  local spec, problem = cron.parse("0 0 * * *", { zone = zone })
  if not spec then complain(cfg, problem) end
end

--- The due times that a text in the store stands for; nil where it can't be read any more (a zone that is gone), or is none.
---@param name string of the schedule
---@param text string
---@return sluice.CronSpec?
function options.spec_of(name, text)
  local seconds = math.tointeger(tonumber(text:match "^every (%d+)$"))
  if seconds then return cron.every(seconds, { name = name }) end
  if text == "" then return nil end
  local spec = cron.parse(text, { name = name })
  if spec then return spec end
  local zone, rest = text:match "^TZ=([^\n]*)\n(.*)$" -- with the zone that was put before it it may be longer than a text can be
  return zone and cron.parse(rest, { name = name, zone = zone }) or nil
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
---@field shared? string folder of budgets and tokens
---@field connections { name: string, api: string, hosts: string[] }[] without their secrets

-- All of it but the Specs.
local function gather(cfg)
  local loaded = {
    serve = config.section(cfg, "serve"), notify = config.section(cfg, "notify"), runs = config.runs(cfg),
    path = cfg.path, folder = cfg.folder, store = cfg.store, shared = cfg.shared,
    connections = require("sluice.config.outline").connections(cfg), schedules = config.all_schedules(cfg),
  }
  check_zone(cfg, loaded.serve.zone)
  local known, cache = {}, {}
  for _, name in ipairs(config.connections(cfg)) do known[name] = true end
  for _, schedule in pairs(loaded.schedules) do
    put_defaults_in(schedule)
    schedule.text = text_of(schedule, loaded.serve.zone)
    schedule.uses = uses_of(schedule, known, cache)
  end
  return loaded
end

local function put_specs_in(loaded)
  for name, schedule in pairs(loaded.schedules) do
    schedule.spec = options.spec_of(name, schedule.text)
    schedule.zone = schedule.spec.zone
  end
  return loaded
end

--- Reads all of it and lets the config's tree go. Raises a `config` error with the place of what is wrong. (waits, where the
--- token comes from a command)
---@param cfg sluice.Config
---@return sluice.Loaded
function options.load(cfg) return put_specs_in(gather(cfg)) end

-- ---- in a process of its own ----

--- What options.load would give as JSON text, for options.read in another process.
---@param cfg sluice.Config
---@return string
function options.text(cfg) return json.encode(gather(cfg)) end

--- What options.text has written.
---@param text string
---@return sluice.Loaded
function options.read(text)
  local loaded = assert(json.decode(text))
  if loaded.serve.token then require("sluice.log").secret(loaded.serve.token) end
  return put_specs_in(loaded)
end

return options
