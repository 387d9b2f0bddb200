--- Who is told when a schedule changes its state: a program, or an operation of a connection.
---
---   local state = notify.state(row)                     -- "ok", "failing", "stalled", "paused"
---   local ok, problem = notify.send(loaded, notify.message("delta", "ok", "failing", row))
---
--- The state that was told last is kept in the schedule's row before anyone is told, so that neither a restart nor a second
--- daemon tells it again; where it could not be told, the former one is put back, and it is tried again.
local err = require "sluice.err"
local log = require "sluice.log"
local process = require "sluice.process"
local program = require "sluice.serve.program"
local task = require "sluice.task"

local notify = {}

local SECONDS = 60 -- that the program may take

--- The state of a schedule that people are told of. A pause that a person made is none.
---@param row sluice.ScheduleRow
---@return "ok"|"failing"|"stalled"|"paused"
function notify.state(row)
  if row.paused and row.paused_by == "failures" then return "paused" end
  if row.failures > 0 then return "failing" end
  return row.stalled and "stalled" or "ok"
end

local texts = {
  ok = function(name, was) return ("schedule %s is well again (it was %s)"):format(name, was) end,
  failing = function(name, _, row) return ("schedule %s fails: %d in a row"):format(name, row.failures) end,
  stalled = function(name, _, row) return ("schedule %s is green but stuck: %s"):format(name, row.stalled) end,
  paused = function(name, _, row)
    local why = row.pause_note or "it failed too often"
    return ("schedule %s has paused itself: %s; `sluice schedule resume %s` lets it go on"):format(name, why, name)
  end,
}

---@class sluice.Notice
---@field schedule string
---@field state string
---@field was string
---@field text string

---@param name string of the schedule
---@param was string
---@param state string
---@param row sluice.ScheduleRow
---@return sluice.Notice
function notify.message(name, was, state, row)
  return { schedule = name, state = state, was = was, text = texts[state](name, was, row) }
end

-- The program finds what happened in its environment: its standard input is empty, and arguments can be seen by all.
local function environment(notice)
  return { SLUICE_SCHEDULE = notice.schedule, SLUICE_STATE = notice.state, SLUICE_WAS = notice.was, SLUICE_TEXT = notice.text,
    NOTIFY_SOCKET = false, WATCHDOG_USEC = false }
end

-- A connection is called by a process of its own too: reading the config again would stay in our memory.
local function command_of(loaded)
  return loaded.notify.command or { program.path(), "serve", "--tell", "-c", loaded.path }
end

--- Tells it. (waits)
---@param loaded sluice.Loaded
---@param notice sluice.Notice
---@return true?
---@return string? problem
function notify.send(loaded, notice)
  log.info("serve", "%s", notice.text)
  local command, said = command_of(loaded), nil
  local child <close>, problem = process.spawn { argv = command, cwd = loaded.folder, env = environment(notice), death_signal = true }
  if not child then return nil, tostring(problem) end
  local timer = task.spawn(function()
    task.sleep(SECONDS)
    child:signal(9)
  end)
  for stream, line in child.line, child do said = said or stream == "err" and line or nil end
  local done = child:wait()
  timer:cancel()
  if done.status == 0 then return true end
  return nil, ("%s ended with %d: %s"):format(command[1], done.status, said or "it said nothing")
end

-- {text} and the like in all texts of the arguments.
local function filled(value, notice)
  if type(value) == "string" then return (value:gsub("{(%w+)}", notice)) end
  if type(value) ~= "table" then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, one in pairs(value) do copy[key] = filled(one, notice) end
  return copy
end

--- Calls the operation that `notify` names. (waits)
---@param path string of the config
---@param notice sluice.Notice
function notify.call(path, notice)
  local config = require "sluice.config"
  local cfg = config.load(path)
  local how = config.section(cfg, "notify")
  if not how or not how.operation then
    err.raise { code = "config", message = config.where(cfg, "notify") .. ": notify.operation is missing", hint = "the operation that is called" }
  end
  local keys = config.connection(cfg, how.connection)
  local client = require("sluice.client").new(config.definition(keys.api, cfg), keys)
  client:call(how.operation, filled(how.args or {}, notice))
end

return notify
