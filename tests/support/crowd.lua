-- Several processes share one account against a sandbox's real limits.
--
--   local r = crowd.run { kind = "feed", processes = 8, seconds = 4, kill = 4, step = 3600, faketime = true }
--   r.share, r.spread, r.refused, r.bursts, r.counts
--
-- `kill`: so many of them get SIGKILL in the middle. `step`, `back`: one of them has its clocks stepped. `faketime`: one runs
-- under libfaketime, an hour ahead. `share` is what was sent of what is allowed, `spread` the largest to the smallest share
-- of those that lived.
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local task = require "sluice.task"
local tmp = require "support.tmp"

local crowd = { rates = { shop = 3, feed = 30 } }

local SLUICE = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function uptime() return tonumber(io.open("/proc/uptime"):read("a"):match "^%S+") end

local function argv_of(o, i, url, dir, at)
  local argv = { "env", "XDG_STATE_HOME=" .. dir }
  local preload = not os.getenv "ASAN_OPTIONS" -- a sanitizer wants to be the first library itself
  if o.faketime and preload and i == o.processes then table.move({ "faketime", "-f", "+1h" }, 1, 3, 3, argv) end
  if o.kill and i <= o.kill then table.move({ "timeout", "-s", "KILL", tostring(at - uptime() + o.seconds / 2) }, 1, 4, #argv + 1, argv) end
  table.move({ SLUICE, "run", "tests/support/crowd_child.lua", "url=" .. url, "kind=" .. o.kind, "seconds=" .. o.seconds,
    "at=" .. at }, 1, 7, #argv + 1, argv)
  if o.step and i == o.processes then
    argv[#argv + 1] = "step=" .. o.step
    argv[#argv + 1] = "back=" .. (o.back or 0)
  end
  return argv
end

-- Requests within the time from the first one on.
local function count(sb, path, seconds)
  local first, n = nil, 0
  for _, request in ipairs(sb:requests()) do
    if request.target:find(path, 1, true) then
      first = first or request.at
      if request.at - first < seconds then n = n + 1 end
    end
  end
  return n
end

function crowd.run(o)
  local sb, dir = sandbox.start { products = 1 }, tmp.dir()
  local at, children = uptime() + 1 + o.processes * 0.1, {}
  for i = 1, o.processes do
    children[i] = function() return process.run { argv = argv_of(o, i, sb.url, dir, at), timeout = o.seconds + 60 } end
  end
  local done = table.pack(task.all(children))
  local path = o.kind == "shop" and "/v1/sources" or "/products"
  local r = { refused = sb.limits.refused, bursts = sb.limits.bursts, counts = {}, errors = {} }
  r.share = count(sb, path, o.seconds) / (crowd.rates[o.kind] * o.seconds)
  local least, most = math.huge, 0
  for i = 1, o.processes do
    local n = tonumber(done[i].stdout:match "^(%d+)%s*$")
    if done[i].status ~= 0 and not (o.kill and i <= o.kill) then r.errors[#r.errors + 1] = done[i].stderr end
    r.counts[i] = n or 0
    if n then least, most = math.min(least, n), math.max(most, n) end
  end
  r.spread = most / least
  sb:stop()
  return r
end

return crowd
