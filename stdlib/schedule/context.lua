--- What every command about schedules begins with: the config, its schedules, the store, the time; and how it ends.
local err = require "sluice.err"
local log = require "sluice.log"
local text = require "sluice.text"

local context = {}

---@class sluice.schedule.Context: sluice.view.Seen
---@field cfg sluice.Config
---@field globals table of the command line
local Context = {}
Context.__index = Context

--- Opens what is there. Looking makes no store: `store` is nil where none was made.
---@param globals table
---@return sluice.schedule.Context to be closed
function context.open(globals)
  local cfg = require("sluice.config").load(globals.config)
  local self = setmetatable({ cfg = cfg, globals = globals, folder = cfg.folder, now = require("sluice.time").now() }, Context)
  self.schedules = require("sluice.schedule.options").load(cfg).schedules
  if require("lfs").attributes(cfg.store, "mode") then self.store = require("sluice.state").open(cfg.store) end
  return self
end

function Context:close()
  if self.store then self.store:close() end
end

Context.__close = Context.close

--- The schedule of a name. The store may know one that the config has no more.
---@param name string
---@return table? schedule of the config
---@return sluice.ScheduleRow? row of the store
function Context:find(name)
  local schedule, row = self.schedules[name], self.store and self.store:schedule(name)
  if schedule or row then return schedule, row end
  local names = text.keys(self.schedules)
  err.raise { code = "not_found", message = ("there is no schedule '%s' in %s%s"):format(name, self.cfg.file, text.near(name, names)),
    hint = #names > 0 and "known: " .. table.concat(names, ", ") or "add it below `schedules:`" }
end

--- The same for what changes it: the store must know it.
---@param name string
---@return table? schedule
---@return sluice.ScheduleRow row
function Context:known(name)
  local schedule, row = self:find(name)
  if row then return schedule, row end
  err.raise { code = "not_found", message = ("no daemon has taken up the schedule '%s' yet, so there is nothing to steer"):format(name),
    hint = "start `sluice serve`; it takes up what the config has" }
end

--- Whether a daemon is running.
---@return boolean
function Context:serving()
  for _, one in ipairs(self.store and self.store:daemons() or {}) do
    if one.alive then return true end
  end
  return false
end

--- The zone of a schedule, for times without one.
---@param schedule? table
---@return string
function context.zone(schedule) return schedule and schedule.spec.zone or "UTC" end

--- A time of the command line.
---@param word string
---@param name string of the option
---@param schedule? table
---@param ahead? boolean
---@return number seconds since 1970
function Context:time(word, name, schedule, ahead)
  local at, expected = require("sluice.schedule.times").read(word, { zone = context.zone(schedule), now = self.now, ahead = ahead })
  if at then return at end
  err.raise { code = "usage", message = ("--%s: '%s' is no time"):format(name, word), hint = expected }
end

--- Says something to a person: on standard error, not with -q.
function Context:say(format, ...)
  if not self.globals.quiet then log.print(format:format(...) .. "\n") end
end

--- Gives the result: as JSON where that is asked for, else what `show` makes of it.
---@param value table
---@param show fun(value: table): string
function Context:result(value, show)
  if self.globals.json then
    io.write(require("sluice.json").encode(value), "\n")
  else
    io.write(show(value))
  end
end

return context
