--- Who is told when a schedule changes its state: a program, or an operation of a connection.
---
---   local state = notify.state(row)                     -- "ok", "failing", "stalled", "paused"
---   local ok, problem = notify.send(loaded, notify.message("delta", "ok", "failing", row))
---
--- The state that was told last is kept in the schedule's row before anyone is told, so that neither a restart nor a second
--- daemon tells it again; where it could not be told, the former one is put back, and it is tried again.
local log = require "sluice.log"
local process = require "sluice.process"

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
    return ("schedule %s has paused itself: %s; `sluice schedule resume %s` lets it go on"):format(name, row.pause_note or "it failed too often", name)
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
local function run_command(command, notice)
  local argv = { "env", "SLUICE_SCHEDULE=" .. notice.schedule, "SLUICE_STATE=" .. notice.state, "SLUICE_WAS=" .. notice.was,
    "SLUICE_TEXT=" .. notice.text }
  table.move(command, 1, #command, #argv + 1, argv)
  local done, problem = process.run { argv = argv, timeout = SECONDS, max_bytes = 65536 }
  if not done then return nil, tostring(problem) end
  if done.status == 0 then return true end
  return nil, ("%s ended with %d: %s"):format(command[1], done.status, done.stderr:match "[^\n]*")
end

-- {text} and the like in all texts of the arguments.
local function filled(value, notice)
  if type(value) == "string" then return (value:gsub("{(%w+)}", notice)) end
  if type(value) ~= "table" then return value end
  local copy = setmetatable({}, getmetatable(value))
  for key, one in pairs(value) do copy[key] = filled(one, notice) end
  return copy
end

local function call(loaded, notice)
  local config = require "sluice.config"
  local cfg = config.load(loaded.path)
  local keys = config.connection(cfg, loaded.notify.connection)
  local client = require("sluice.client").new(config.definition(keys.api, cfg), keys)
  client:call(loaded.notify.operation, filled(loaded.notify.args or {}, notice))
  return true
end

--- Tells it. (waits)
---@param loaded sluice.Loaded
---@param notice sluice.Notice
---@return true?
---@return string? problem
function notify.send(loaded, notice)
  log.info("serve", "%s", notice.text)
  if loaded.notify.command then return run_command(loaded.notify.command, notice) end
  local ok, problem = pcall(call, loaded, notice)
  if ok then return true end
  return nil, tostring(problem)
end

return notify
