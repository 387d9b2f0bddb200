--- When a schedule is due, as the commands name it: a schedule of `sluice.yaml`, a cron text, or standard input.
local cron = require "sluice.cron"
local err = require "sluice.err"
local time = require "sluice.time"

local spec = {}

local TEXT_MAX = 64 * 1024
local TIMES_MAX = 1000000

--- The spec of a schedule of the config.
---@param schedule { name: string, cron?: string, every?: integer }
---@param zone? string the scheduler's default zone (UTC)
---@return sluice.CronSpec
function spec.of(schedule, zone)
  if schedule.every then return cron.every(schedule.every, { name = schedule.name }) end
  local found, problem = cron.parse(schedule.cron, { name = schedule.name, zone = zone })
  return found or error(problem, 0)
end

local function usage(verb, format, ...)
  err.raise { code = "usage", message = ("sluice schedule %s: "):format(verb) .. format:format(...), hint = "sluice help schedule" }
end

local takes_value = { after = true, count = true, name = true, zone = true }

-- The words of the command line: { spec =, after =, … }, all of them text.
local function words(verb, argv)
  local options, i, plain = {}, 1, false
  while argv[i] do
    local name, value = argv[i]:match "^%-%-(%l+)=?(.*)$"
    if argv[i] == "--" and not plain then plain = true
    elseif name and not plain then
      if not takes_value[name] then
        local near = err.nearest(name, { "after", "count", "name", "zone" })
        usage(verb, "unknown option '--%s'%s", name, near and (" (did you mean '--%s'?)"):format(near) or "")
      end
      if not argv[i]:find "=" then i, value = i + 1, argv[i + 1] or usage(verb, "--%s needs a value", name) end
      options[name] = value
    elseif argv[i]:find "^%-%a" and not plain then usage(verb, "unknown option '%s'", argv[i])
    elseif options.spec then usage(verb, "one schedule, not '%s' as well; a cron text is one argument, in quotes", argv[i])
    else options.spec = argv[i] end
    i = i + 1
  end
  return options
end

--- The words and options of `schedule next` and `schedule explain`.
---@param verb string
---@param argv string[]
---@param count integer where the options don't say
---@return { spec: string, after: number, count: integer, name?: string, zone?: string }
function spec.arguments(verb, argv, count)
  local options = words(verb, argv)
  if not options.spec then
    usage(verb, "which schedule? A cron text in quotes, the name of one in sluice.yaml, or - for standard input")
  end
  local after, problem = time.now(), nil
  if options.after then after, problem = time.parse(options.after) end
  if not after then usage(verb, "--after: %s", problem.message) end
  options.after = after
  options.count = options.count and math.tointeger(tonumber(options.count:match "^%d+$")) or not options.count and count
  if not options.count or options.count > TIMES_MAX then usage(verb, "--count is a whole number up to 1,000,000") end
  return options
end

local function from_config(name, options, globals)
  local config = require "sluice.config"
  local cfg = config.load(globals.config)
  local schedule = config.schedule(cfg, name)
  schedule.name = options.name or name
  return spec.of(schedule, options.zone or cfg.serve and cfg.serve.zone), schedule.cron
end

--- The spec that the options name, and the text it came from (nil for an interval). A wrong one is raised as `config` error.
---@param options { spec: string, name?: string, zone?: string }
---@param globals table
---@return sluice.CronSpec
---@return string? text
function spec.find(options, globals)
  local text = options.spec
  if text:find "^[%a_][%w_-]*$" then return from_config(text, options, globals) end -- no cron text is a single word
  if text == "-" then text = io.read(TEXT_MAX + 1) or "" end
  local found, problem = cron.parse(text, { name = options.name, zone = options.zone })
  return found or error(problem, 0), text
end

return spec
