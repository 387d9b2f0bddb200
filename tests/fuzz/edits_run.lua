-- make fuzz: random edits until the time is over. sluice run tests/fuzz/edits_run.lua seconds=60 seed=1
package.path = "tests/?.lua;" .. package.path
local edits = require "fuzz.edits"
local time = require "sluice.time"
local args = ...

local seconds, first = tonumber(args.seconds or 60), math.tointeger(tonumber(args.seed or 1)) * 1000000000
local start, told, runs = time.now(), time.now(), 0
while time.now() - start < seconds do
  for _ = 1, 100 do
    edits.run(first + runs)
    runs = runs + 1
  end
  if time.now() - told > 60 then
    told = time.now()
    print(("%d documents in %.0f s, no finding"):format(runs, told - start))
    io.stdout:flush()
  end
end
print(("%d documents in %.0f s (%.0f/s), seeds from %d on, no finding"):format(runs, seconds, runs / seconds, first))
