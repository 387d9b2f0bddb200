-- state_sluice.lua dir=… chunks=… size=…: writes of the outbox (handed in, marked as sent, settled) and dead letters, a chunk at a
-- time. Prints the seconds that each took. It ends with 3, as a run that has rejected something does.
local call = require "sluice.call"
local time = require "sluice.time"
local args = ...
local chunks, size = math.tointeger(tonumber(args.chunks)), math.tointeger(tonumber(args.size))
local run = require("sluice.run").current()
run.name = "bench"
local store = run:store()
local spent = { plan = 0, send = 0, settle = 0, letters = 0 }

local function timed(what, fn)
  local start = time.mono()
  local result = fn()
  spent[what] = spent[what] + time.mono() - start
  return result
end

-- 200 bytes
local function body_of(n) return ('{"id":"A-%08d","price":1%08d.5,"text":"%s"}'):format(n, n, ("y"):rep(153)) end

for c = 0, chunks - 1 do
  local keys, bodies, digests = {}, {}, {}
  for i = 1, size do
    local n = c * size + i
    keys[i], bodies[i], digests[i] = ("A-%08d"):format(n), body_of(n), ("%064d"):format(n)
  end
  local set = timed("plan", function()
    return store:outbox_claim_all { host = "https://x", account = "bob", operation = "post", run = 3, keys = keys, bodies = bodies,
      digests = digests }
  end)
  timed("send", function() call.mark(set) end)
  timed("settle", function() set:settle("confirmed", "ok") end)
  set:close()
  timed("letters", function() run:reject_all(bodies, "too large") end)
end
print(require("sluice.json").encode(spent))
