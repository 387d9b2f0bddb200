--- An end to a run that goes on: of a schedule, or by hand.
---
---     local said = stop.run(store, view.run(seen, 12), serving)     -- "its daemon asks it to stop"; nil: it is over
---
--- A daemon sees the mark of an occurrence within a second; where none is there, and for a run by hand, the process gets
--- SIGTERM, but only while it holds the lock of its run: the number is nobody else's then.
local err = require "sluice.err"

local stop = {}

local TERM = 15

-- Its group where it leads one (a shell's job, a daemon's child), else the process alone.
local function signal(pid)
  local process = require "sluice.process"
  return process.kill_group(pid, TERM) or process.kill(pid, TERM)
end

local function stop_process(store, one)
  if not one.pid or not store:run_alive(one.id) then return nil end
  if signal(one.pid) then return "it was asked to stop" end
  err.raise { code = "forbidden", message = ("process %d of run %d can't be sent a signal"):format(one.pid, one.id),
    hint = "it belongs to another user, or runs on another machine" }
end

--- Asks it to stop; nil where it does not go on.
---@param store sluice.Store
---@param one sluice.view.Run
---@param serving boolean a daemon is running
---@return string? said
function stop.run(store, one, serving)
  if one.word ~= "running" then return nil end
  if one.occurrence and store:occurrence_cancel(one.occurrence) and serving then return "its daemon asks it to stop" end
  return stop_process(store, one)
end

return stop
