--- One schedule as a table for people and programs: what the config says of it, what the store knows, what is running.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local plan = require "sluice.schedule.plan"
local times = require "sluice.schedule.times"

local shown = {}

local NEXT, RECENT, FEW, MANY = 5, 30, 60, 20000
local OVER = { "ran", "skipped", "coalesced", "missed" }
local broken = { failed = true, timed_out = true, lost = true }

-- ---- its occurrences ----

local function newest_first(a, b)
  if a.due ~= b.due then return a.due > b.due end
  return a.id > b.id
end

-- The newest `most` that are over or run, and whether those are all. `waiting`: so many wait, as far as that is known; a
-- backfill that waits may be longer than what is asked for first.
local function recent_rows(store, name, most, waiting)
  local asked = most + waiting
  local rows, newest = {}, store:occurrences { schedule = name, newest = true, most = asked }
  for _, row in ipairs(newest) do
    if row.state ~= "waiting" then rows[#rows + 1] = row end
  end
  if #rows < most and #newest == asked then
    rows = {}
    for _, state in ipairs { "running", table.unpack(OVER) } do
      local found = store:occurrences { schedule = name, state = state, newest = true, most = most }
      table.move(found, 1, #found, #rows + 1, rows)
    end
  end
  table.sort(rows, newest_first)
  return rows, #newest < asked
end

local function newest_run(store, name, rows, all)
  for _, row in ipairs(rows) do
    if row.state == "ran" then return row end
  end
  if all then return nil end
  return store:occurrences({ schedule = name, state = "ran", newest = true, most = 1 })[1]
end

local function fates(rows, ctx)
  local list = {}
  for i, row in ipairs(rows) do list[i] = fate.of(row, ctx) end
  return json.array(list)
end

local none = {}

--- The open ones of all schedules at once: state -> schedule -> rows, oldest first, FEW of each.
---@param store? sluice.Store
---@return table<string, table<string, sluice.OccurrenceRow[]>>
function shown.open(store)
  local open = { running = {}, waiting = {} }
  for _, row in ipairs(store and store:occurrences { open = true, most = MANY } or none) do
    local by_name = open[row.state]
    local list = by_name[row.schedule] or {}
    by_name[row.schedule] = list
    if #list < FEW then list[#list + 1] = row end
  end
  return open
end

local function open_rows(seen, name, state, open)
  return open and (open[state][name] or none) or seen.store:occurrences { schedule = name, state = state, most = FEW }
end

-- running, waiting, recent (oldest first), last.
local function history(seen, name, schedule, open)
  if not seen.store then return { running = json.array {}, waiting = json.array {}, recent = json.array {} } end
  local most = seen.recent or RECENT
  local rows, all = recent_rows(seen.store, name, most, open and #open_rows(seen, name, "waiting", open) or FEW - RECENT)
  local ctx = { schedule = schedule, now = seen.now, others = rows }
  local last, recent = newest_run(seen.store, name, rows, all), {}
  for i = math.min(#rows, most), 1, -1 do recent[#recent + 1] = fate.of(rows[i], ctx) end
  return {
    running = fates(open_rows(seen, name, "running", open), ctx),
    waiting = fates(open_rows(seen, name, "waiting", open), ctx),
    recent = json.array(recent), last = last and fate.of(last, ctx) or nil,
  }
end

-- ---- its state ----

-- A pause that has an end is over then, whether a daemon has said so or not.
local function pause_of(row, schedule, now)
  if not row or not plan.is_paused(row, now) then return nil end
  return { by = row.paused_by or "person", note = row.pause_note ~= "" and row.pause_note or nil, since = fate.time(schedule, row.paused),
    upto = fate.time(schedule, row.paused_until) }
end

-- The first that holds.
local function state_of(one)
  if not one.configured then return "gone", "idle" end
  if #one.running > 0 then return "running", "busy" end
  if not one.enabled then return "disabled", "idle" end
  if one.paused then return "paused", one.paused.by == "failures" and "bad" or "warn" end
  if one.stalled then return "stalled", "bad" end
  if one.failures > 0 then return "failing", "bad" end
  if #one.waiting > 0 then return "waiting", "idle" end
  return "idle", one.last and one.last.tone or "idle"
end

local function needs(one)
  if not one.configured or not one.enabled then return nil end
  if one.paused and one.paused.by == "failures" then
    return ("it has paused itself after %d failures in a row"):format(one.failures)
  end
  if one.stalled then return "it is stalled: " .. one.stalled.text end
  if one.last and broken[one.last.word] then return ("its last run, due %s: %s"):format(times.short(one.last.due), one.last.text) end
end

local function next_times(schedule, now)
  if not schedule or schedule.enabled == false then return json.array {}, nil end
  local list, due = {}, schedule.spec:times(now, NEXT)
  for i, at in ipairs(due) do list[i] = schedule.spec:format(at) end
  return json.array(list), due[1]
end

local function recipe_of(seen, schedule)
  local path, folder = schedule.recipe, seen.folder
  if folder and path:sub(1, #folder + 1) == folder .. "/" then return path:sub(#folder + 2) end
  return path
end

local function from_config(seen, one, schedule)
  one.about, one.recipe, one.args = schedule.about, recipe_of(seen, schedule), require("sluice.run").shown_arguments(schedule.args or {})
  one.spec = schedule.cron or "every " .. times.span(schedule.every)
  one.zone, one.enabled = schedule.spec.zone, schedule.enabled ~= false
  one.overlap, one.catchup, one.timeout = schedule.overlap, schedule.catchup, schedule.timeout
end

--- The table of one schedule: `schedule` of the config, `row` of the store; one of them at least.
---@param seen sluice.view.Seen
---@param name string
---@param schedule? table
---@param row? sluice.ScheduleRow
---@param open? table of shown.open, where it was asked for once
---@return sluice.view.Schedule
function shown.of(seen, name, schedule, row, open)
  local one = history(seen, name, schedule, open)
  one.name, one.configured, one.known = name, schedule ~= nil, row ~= nil
  if schedule then from_config(seen, one, schedule) else one.args, one.spec, one.zone, one.enabled = {}, row.spec, "UTC", false end
  one.next, one.next_at = next_times(schedule, seen.now)
  one.failures = row and row.failures or 0
  one.paused = pause_of(row, schedule, seen.now)
  one.stalled = row and row.stalled and { text = row.stalled, since = fate.time(schedule, row.stalled_at) } or nil
  one.state, one.tone = state_of(one)
  one.needs = needs(one)
  return one
end

return shown
