-- A pace of one's own: a bucket says how long to wait. (Calls through a connection are paced without this.)
--   sluice run examples/limit.lua rate=20/s
local limit = require "sluice.limit"
local task = require "sluice.task"
local time = require "sluice.time"

local args = ...
local bucket, started = limit.new(args.rate or "20/s"), time.mono()

for i = 1, 5 do
  local wait = bucket:take(time.mono())
  while wait > 0 do
    task.sleep(wait)
    wait = bucket:take(time.mono())
  end
  print(i, ("%.2f s"):format(time.mono() - started))
end
