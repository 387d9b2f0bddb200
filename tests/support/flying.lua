-- Time that flies: while fn runs, the monotonic clock goes `factor` times as fast (50 unless told otherwise), so that
-- pauses of seconds cost milliseconds. Requests take their real time, and so seem slow.
local task = require "sluice.task"
local time = require "sluice.time"

return function(fn, factor)
  local done, pushed, last = false, 0, os.clock()
  local pusher = task.spawn(function()
    while not done do
      local now = os.clock()
      pushed, last = pushed + (now - last) * (factor or 50), now
      time.shift(0, pushed)
      task.sleep(0)
    end
  end)
  local results = table.pack(pcall(fn))
  done = true
  pusher:wait()
  time.shift(0, 0)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end
