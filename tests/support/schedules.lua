-- A project with schedules and a store, in which a spec plays the daemon: it takes schedules up, makes due times come to
-- pass, starts and ends runs. `sluice` commands run beside it as processes of their own.
--
--   local s = require("support.schedules").new [[ delta: { recipe: r.lua, cron: "0 * * * *" } ]]
--   s:take_up("delta", at)
--   local row, started = s:start("delta", due)       s:finish(row, started, { outcome = "ok" })
--   local done = s:sluice "schedule list --json"
--   s:stop()
local config = require "sluice.config"
local json = require "sluice.json"
local options = require "sluice.schedule.options"
local process = require "sluice.process"
local state = require "sluice.state"
local tmp = require "support.tmp"

local schedules = {}

local Schedules = {}
Schedules.__index = Schedules

local sluice = require("lfs").currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

function schedules.new(text)
  local self = setmetatable({ dir = tmp.dir() }, Schedules)
  tmp.write(self.dir .. "/r.lua", "return function() end\n")
  self:config(text)
  return self
end

--- Another config.
function Schedules:config(text)
  tmp.write(self.dir .. "/sluice.yaml", "version: 1\nstore: sqlite:state.db\n" .. (text ~= "" and "schedules:\n" .. text .. "\n" or ""))
  self.schedules = options.load(config.load(self.dir .. "/sluice.yaml")).schedules
end

--- Makes the store, and a daemon that is this process.
function Schedules:serve()
  self.store = self.store or state.open(self.dir .. "/state.db")
  self.daemon = self.daemon or self.store:daemon_start "a spec"
  return self.store
end

--- The daemon is gone; the store stays.
function Schedules:leave()
  self.daemon:close()
  self.daemon = nil
end

function Schedules:stop()
  if self.daemon then self.daemon:close() end
  if self.store then self.store:close() end
end

--- What the read model looks at.
function Schedules:seen(now)
  return { store = self.store, schedules = self.schedules, now = now, folder = self.dir }
end

local function change(self, fields)
  local versions, ids = self.store:schedule_plan(self.daemon, { fields })
  assert(versions[1], "the schedule has changed meanwhile")
  return ids[1]
end

--- The schedule is known from a time on.
function Schedules:take_up(name, seen)
  self:serve()
  change(self, { name = name, version = 0, spec = self.schedules[name].text, seen = seen })
end

--- Rows come to be; fields of the schedule change. Gives the ids.
function Schedules:plan(name, rows, fields)
  local row = self.store:schedule(name)
  local all = { name = name, version = row.version, rows = rows }
  for key, value in pairs(fields or {}) do all[key] = value end
  return change(self, all)
end

--- A due time waits; gives its id.
function Schedules:wait(name, due, more)
  local row = { due = due, state = "waiting", start = due }
  for key, value in pairs(more or {}) do row[key] = value end
  return self:plan(name, { row })[1]
end

--- One that waits (an id, or a due time that is made) starts.
function Schedules:start(name, what)
  local id = what > 1e9 and self:wait(name, what) or what
  local fence = assert(self.store:occurrence_claim(self.daemon, id))
  return id, assert(self.store:occurrence_start(self.daemon, id, fence, { recipe = "r", args = "{}" }))
end

--- An attempt is over: of `how` outcome, note, exit_code, error, or `again` (a time).
function Schedules:finish(id, started, how, fields)
  local all = { state = not how.again and "ran" or nil }
  for key, value in pairs(how) do all[key] = value end
  assert(self.store:occurrence_end(id, started.run, all, fields))
  started.lock:close()
end

--- A due time that ran.
function Schedules:ran(name, due, how, fields)
  local id, started = self:start(name, due)
  self:finish(id, started, how or { outcome = "ok" }, fields)
  return id, started.run
end

--- A command; words are split at blanks, a list is taken as it is. `data` is what it printed as JSON.
function Schedules:sluice(words)
  local argv = { "env", "XDG_STATE_HOME=" .. self.dir .. "/shared", sluice }
  if type(words) == "table" then table.move(words, 1, #words, #argv + 1, argv)
  else for word in words:gmatch "%S+" do argv[#argv + 1] = word end end
  local done = assert(process.run { argv = argv, cwd = self.dir, timeout = 60 })
  done.data = json.decode(done.stdout)
  return done
end

return schedules
