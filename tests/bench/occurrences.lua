-- How long the store takes for the scheduler: 10,000 schedules, a million occurrences. Prints wall and CPU time; the disk is
-- that of the folder.
--
--   sluice run tests/bench/occurrences.lua folder=/var/tmp history=1000000
local sluice = require "sluice"
local state = require "sluice.state"
local time = require "sluice.time"

local T, COUNT = 1790000000, 10000

local function measure(what, times, fn)
  local wall, cpu = time.mono(), time.cpu()
  local result
  for i = 1, times do result = fn(i) end
  print(("%-44s %9.3f ms  cpu %9.3f ms"):format(what, (time.mono() - wall) * 1000 / times, (time.cpu() - cpu) * 1000 / times))
  return result
end

local function name(i) return "schedule_" .. i end

local function plans(store, daemon)
  local changes = {}
  for i = 1, COUNT do changes[i] = { name = name(i), version = 0, spec = "* * * * *", seen = T } end
  measure("a plan of 10,000 new schedules", 1, function() store:schedule_plan(daemon, changes) end)
  local rows = measure("schedules() of 10,000", 5, function() return store:schedules() end)
  for i, row in ipairs(rows) do
    changes[i] = { name = row.name, version = row.version, seen = T + 60, rows = { { due = T + 60, state = "waiting", start = T + 60 } } }
  end
  local versions = measure("a plan of 10,000 changes, a row each", 1, function() return store:schedule_plan(daemon, changes) end)
  for i = 1, COUNT do assert(versions[i], "a change was refused") end
  measure("occurrences { open } of 10,000", 1, function() assert(#store:occurrences { open = true } == COUNT) end)
end

local function history(store, daemon, count)
  for done = 0, count - 1, 10000 do
    local changes = {}
    for i = 1, 100 do
      local row, rows = store:schedule(name(done // 100 % COUNT + i)), {}
      for k = 1, 100 do rows[k] = { due = row.seen + k * 60, state = "skipped", reason = "overlap" } end
      changes[i] = { name = row.name, version = row.version, seen = row.seen + 6000, rows = rows }
    end
    store:schedule_plan(daemon, changes)
  end
end

local function looking(store)
  measure("schedules(after) of none", 1000, function() store:schedules(1 << 60) end)
  measure("changes()", 1000, function() store:changes() end)
  measure("open ones of a schedule", 1000, function(i) store:occurrences { schedule = name(i), open = true } end)
  measure("the newest timed one of a schedule", 1000, function(i)
    store:occurrences { schedule = name(i), kind = "timed", newest = true, most = 1 }
  end)
  measure("the newest 50 of all", 100, function() store:occurrences { newest = true, most = 50 } end)
  measure("50 of a time", 100, function() store:occurrences { from = T + 6000, to = T + 9600, most = 50 } end)
end

local function running(store, daemon)
  local list, started = store:occurrences { open = true, most = 200 }, {}
  measure("a claim", 200, function(i) list[i].fence = store:occurrence_claim(daemon, list[i].id) end)
  measure("a start (durable)", 200, function(i)
    started[i] = assert(store:occurrence_start(daemon, list[i].id, list[i].fence, { recipe = "r", most = 1000, uses = { shop = 500, feed = 500 } }))
  end)
  measure("200 that run", 10, function() assert(#store:occurrences { state = "running" } == 200) end)
  measure("an end (durable)", 200, function(i)
    assert(store:occurrence_end(list[i].id, started[i].run, { state = "ran", outcome = "ok" }))
    started[i].lock:close()
  end)
  measure("a trigger (durable)", 100, function() store:schedule_trigger(name(7)) end)
end

return sluice.recipe {
  about = "Measures the store of the scheduler",
  args = { folder = { "where the store is made", default = "/tmp" }, history = { "occurrences that are there already", default = "1000000" } },
  run = function(args)
    local path = args.folder .. "/sluice-bench-occurrences.db"
    for _, ending in ipairs { "", "-wal", "-shm", ".lock" } do os.remove(path .. ending) end
    local store <close> = state.open(path)
    local daemon <close> = store:daemon_start()
    plans(store, daemon)
    history(store, daemon, math.tointeger(tonumber(args.history)))
    looking(store)
    running(store, daemon)
    for _, ending in ipairs { "", "-wal", "-shm", ".lock" } do os.remove(path .. ending) end
  end,
}
