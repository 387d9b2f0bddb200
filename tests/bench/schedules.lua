-- 10,000 schedules in one daemon, as `make bench ROWS=schedules` shows them: how long a start takes, what an idle daemon costs,
-- and how late all of them are claimed where all are due at one instant. Beside it APScheduler, where it is installed.
--
--   local schedules = dofile "tests/bench/schedules.lua"
--   local lines, missed = schedules.rows { sluice = "build/sluice", dir = "build/bench", count = 10000, idle = 20 }
local json = require "sluice.json"
local process = require "sluice.process"
local state = require "sluice.state"
local task = require "sluice.task"
local time = require "sluice.time"

local schedules = {}

local PYTHON, PEER = "/usr/bin/python3", "tests/bench/peers/scheduler.py"
local TICKS = 100 -- of /proc/PID/stat in a second (USER_HZ)
local ROOM = 6    -- seconds for the start, which the idle time comes after
local AHEAD = 16  -- seconds before the due minute in which the daemon is not idle: it decides ahead

-- What is wanted of it: below these.
local wanted = { ready = 2, cpu = 0.01, rss_mb = 60, late = 0.250 }

-- ---- what the kernel says of a process ----

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

-- CPU seconds of a process, and of the children that it has waited for.
local function cpu_of(pid)
  local fields = {}
  for field in read(("/proc/%d/stat"):format(pid)):match ".*%) (.*)":gmatch "%S+" do fields[#fields + 1] = tonumber(field) or 0 end
  return (fields[12] + fields[13] + fields[14] + fields[15]) / TICKS
end

local function resident_mb(pid) return tonumber(read(("/proc/%d/status"):format(pid)):match "VmRSS:%s*(%d+)") / 1024 end

-- ---- the project ----

-- The first whole minute that leaves room for the start and for the idle time.
local function due_minute(idle) return math.ceil((time.now() + ROOM + idle + AHEAD) / 60) * 60 end

-- A folder with a recipe that does nothing, and `count` schedules of it that are due at one minute of the day.
local function project(folder, count, due)
  assert(os.execute(("rm -rf %s; mkdir -p %s/jobs"):format(folder, folder)))
  assert(io.open(folder .. "/jobs/nothing.lua", "w")):close()
  local file <close> = assert(io.open(folder .. "/sluice.yaml", "w"))
  file:write "version: 1\nstore: sqlite:state.db\nserve: { listen: off, concurrency: 1 }\nschedules:\n"
  local cron = os.date("!%M %H * * *", due)
  for i = 1, count do
    file:write(("  job_%05d:\n    recipe: jobs/nothing.lua\n    cron: \"%s\"\n    args: { shop: shop_%d }\n"):format(i, cron, i))
  end
  return folder .. "/sluice.yaml"
end

-- ---- the daemon ----

-- Until `fn` gives something. (waits)
local function await(what, seconds, fn)
  local till = time.mono() + seconds
  while time.mono() < till do
    local found = fn()
    if found then return found end
    task.sleep(0.005)
  end
  error("the daemon did not come so far: " .. what, 0)
end

-- The state that it prints when it is asked names the next due time as soon as the first round is done. It must not be asked
-- before it hears signals, which is before that round writes.
local function await_ready(daemon, folder, log, count)
  local path = folder .. "/state.db"
  await("a store", 60, function()
    local file = io.open(path)
    return file and file:close()
  end)
  local store <close> = await("an open store", 60, function() return select(2, pcall(state.open, path)) end)
  await("the first round", 60, function() return #store:schedules(count - 1) > 0 end)
  daemon:signal(10)
  await("an answer", 60, function() return read(log):find "next in %d" end)
end

-- Lateness of the claims, sorted, once all of them are in the store; and when the last was to be seen there.
local function claims(folder, count, due)
  local store <close> = state.open(folder .. "/state.db")
  task.sleep(math.max(0, due - time.now()))
  await("all claims", 120, function() return store:occurrence(count) end) -- a cheap question: it takes CPU from the daemon
  local seen, late = time.now() - due, {}
  for i, row in ipairs(store:occurrences { from = due, to = due, most = count }) do late[i] = row.made - due end
  table.sort(late)
  return late, seen
end

local function percentile(sorted, share) return sorted[math.max(1, math.ceil(#sorted * share))] end

--- The figures of a `sluice serve` on such a config. (waits)
---@param with { sluice: string, dir: string, count: integer, idle: number }
---@return table<string, number> ready, p50, p99, max, seen: seconds; start_cpu, burst_cpu: CPU seconds; cpu: share; rss_mb, rss_after
function schedules.ours(with)
  local folder, due = with.dir .. "/schedules", due_minute(with.idle)
  local config, log = project(folder, with.count, due), folder .. "/serve.log"
  local begin, got = time.mono(), {}
  local daemon <close> = assert(process.spawn { argv = { "/bin/sh", "-c", "exec \"$0\" serve -c \"$1\" 2>\"$2\"", with.sluice, config, log } })
  await_ready(daemon, folder, log, with.count)
  got.ready, got.start_cpu = time.mono() - begin, cpu_of(daemon.pid)
  task.sleep(1)
  local before = cpu_of(daemon.pid)
  task.sleep(with.idle)
  local after = cpu_of(daemon.pid)
  got.cpu, got.rss_mb = (after - before) / with.idle, resident_mb(daemon.pid)
  local late, seen = claims(folder, with.count, due)
  got.burst_cpu, got.rss_after, got.seen = cpu_of(daemon.pid) - after, resident_mb(daemon.pid), seen
  got.p50, got.p99, got.max = percentile(late, 0.5), percentile(late, 0.99), late[#late]
  return got
end

-- ---- the peer ----

local function peer_is_there() return os.execute(PYTHON .. " -c 'import apscheduler' >/dev/null 2>&1") == true end

local function peer(with)
  local done = assert(process.run { argv = { PYTHON, PEER, tostring(with.count), tostring(with.idle) } })
  if done.status ~= 0 then error("the peer failed: " .. done.stderr, 0) end
  return assert(json.decode(done.stdout))
end

-- ---- the table ----

local function line(what, unit, ours, theirs, most)
  local function shown(value) return value and unit:format(value) or "" end
  local ratio = theirs and ours > 0 and ("%.1f"):format(theirs / ours) or ""
  local word = most and (ours < most and "ok" or "MISSED") or ""
  return { what, shown(ours), shown(theirs), ratio, most and "< " .. unit:format(most) or "", word }
end

--- The lines of the table; how many of the figures miss what is wanted; whether the peer is there. (waits)
---@param with { sluice: string, dir: string, count: integer, idle: number }
function schedules.rows(with)
  local ours, there = schedules.ours(with), peer_is_there()
  local theirs = there and peer(with) or {}
  local lines = {
    { ("%d schedules"):format(with.count), "sluice serve", there and "APScheduler" or "", there and "x ours" or "", "wanted", "" },
    line("start to ready", "%.2f s", ours.ready, theirs.ready, wanted.ready),
    line("CPU of the start", "%.2f s", ours.start_cpu, theirs.start_cpu),
    line("CPU while idle, of a core", "%.4f", ours.cpu, theirs.cpu, wanted.cpu),
    line("resident memory", "%.1f MB", ours.rss_mb, theirs.rss_mb, wanted.rss_mb),
    line("all due at once: late, p50", "%.3f s", ours.p50, theirs.p50),
    line("late, p99", "%.3f s", ours.p99, theirs.p99, wanted.late),
    line("late, the last", "%.3f s", ours.max, theirs.max),
    line("all durable and seen by another", "%.3f s", ours.seen),
    line("CPU of that, and of deciding ahead", "%.2f s", ours.burst_cpu, theirs.burst_cpu),
    line("resident memory then", "%.1f MB", ours.rss_after, theirs.rss_after),
  }
  local missed = 0
  for _, one in ipairs(lines) do missed = missed + (one[6] == "MISSED" and 1 or 0) end
  return lines, missed, there
end

return schedules
