--- What a run printed: the log that its daemon has written, as it is, or as it grows.
local task = require "sluice.task"

local logs = {}

local POLL, PIECE = 0.2, 1 << 16

local function copy(file)
  for bytes in function() return file:read(PIECE) end do io.write(bytes) end
  io.stdout:flush()
end

--- Prints a log to standard output; with `follow` until the run is over. (waits)
---@param store sluice.Store
---@param id integer of the run
---@param path string
---@param follow? boolean
function logs.print(store, id, path, follow)
  local file <close> = assert(io.open(path, "rb"))
  while follow and store:run_alive(id) do
    copy(file)
    task.sleep(POLL)
  end
  copy(file)
end

return logs
