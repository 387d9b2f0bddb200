-- One of many processes that use an account as fast as it may: `sluice run crowd_child.lua url= kind= at= seconds= …`.
-- When the machine has been up for `at` seconds (by the kernel's own file, which no library fakes) it begins, and calls for
-- `seconds`; then it prints how often. In the middle `step` seconds are added to its wall clock, and `back` taken from its
-- monotonic one.
local sluice = require "sluice"
local time = require "sluice.time"

local args = ...
local now, seconds = time.mono, tonumber(args.seconds)
local uptime = tonumber(io.open("/proc/uptime"):read("a"):match "^%S+")
local from, n = now() + math.max(0, tonumber(args.at) - uptime), 0
local shop = sluice.connect { api = "stock2shop", name = "shop", base_url = args.url, username = "sandbox", password = "sandbox" }
local feed = sluice.connect { api = "productsup_stream", name = "feed", base_url = args.url, token = "sandbox-token" }

local kinds = {
  shop = function() shop:sources() end,
  feed = function(id) feed:upload_products { stream = "124773", body = { { id = tostring(id) } } } end,
}
sluice.task.sleep(math.max(0, from - now()))
while now() - from < seconds do
  kinds[args.kind](n)
  n = n + 1
  if args.step and now() - from > seconds / 2 then
    time.shift(tonumber(args.step), -(tonumber(args.back) or 0))
    from, args.step = from - (tonumber(args.back) or 0), nil
  end
end
print(n)
