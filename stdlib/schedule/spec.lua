--- When a schedule is due, as the commands name it: a schedule of `sluice.yaml`, a cron text, or standard input.
local cron = require "sluice.cron"
local err = require "sluice.err"
local options = require "sluice.options"
local time = require "sluice.time"
local times = require "sluice.schedule.times"

local spec = {}

local TEXT_MAX = 64 * 1024

--- The spec of a schedule of the config.
---@param schedule { name: string, cron?: string, every?: integer }
---@param zone? string the scheduler's default zone (UTC)
---@return sluice.CronSpec
function spec.of(schedule, zone)
  if schedule.every then return cron.every(schedule.every, { name = schedule.name }) end
  local found, problem = cron.parse(schedule.cron, { name = schedule.name, zone = zone })
  return found or error(problem, 0)
end

local function from_config(name, given, globals)
  local config = require "sluice.config"
  local cfg = config.load(globals.config)
  local schedule = config.schedule(cfg, name)
  schedule.name = given.name or name
  return spec.of(schedule, given.zone or config.zone(cfg)), schedule.cron
end

-- The spec, and the text it came from (nil for an interval).
local function find(word, given, globals)
  if word:find "^[%a_][%w_-]*$" then return from_config(word, given, globals) end -- no cron text is a single word
  local text = word == "-" and (io.read(TEXT_MAX + 1) or "") or word
  local found, problem = cron.parse(text, { name = given.name, zone = given.zone })
  return found or error(problem, 0), text
end

local function read_after(text, zone)
  if not text then return time.now() end
  local after, what = times.read(text, { zone = zone, now = time.now(), ahead = true })
  return after or err.raise { code = "usage", message = ("--after: '%s' is not a time: %s"):format(text, what), hint = "sluice help schedule" }
end

--- The schedule that the words of `schedule next` and `schedule explain` name, and what they say beside it. A wrong cron text
--- is raised as `config` error.
---@param verb string
---@param argv string[]
---@param globals table
---@param count integer where the options don't say
---@return sluice.CronSpec
---@return { after: number, count: integer, text?: string } text: the spec's, nil for an interval
function spec.read(verb, argv, globals, count)
  local words, given = options.parse(argv, {
    command = "sluice schedule", verb = verb, one = "schedule",
    ask = "which schedule? A cron text in quotes, the name of one in sluice.yaml, or - for standard input",
    rows = require("sluice.schedule.command").options,
  })
  local found, text = find(words[1], given, globals)
  return found, { after = read_after(given.after, found.zone), count = given.count or count, text = text }
end

return spec
