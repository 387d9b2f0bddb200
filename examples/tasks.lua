-- Tasks: several things at once in one process. spawn and wait, all, and a channel between a producer and two workers.
--   sluice run examples/tasks.lua
local task = require "sluice.task"

local double = task.spawn(function(x) task.sleep(0.01) return x * 2 end, 21)
local a, b = task.all { function() return "first" end, function() return "second" end }
print(double:wait(), a, b)

local numbers, sum = task.channel(10), 0
local function worker()
  for n in numbers.get, numbers do -- nil once the channel is closed and empty
    task.sleep(0.001)
    sum = sum + n
  end
end
local workers = { task.spawn(worker), task.spawn(worker) }
for n = 1, 10 do numbers:put(n) end
numbers:close()
for _, one in ipairs(workers) do one:wait() end
print("sum", sum)
