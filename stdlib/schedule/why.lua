--- Why a due time ran, or why it did not: one question of a person, answered in sentences.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local times = require "sluice.schedule.times"

local why = {}

local NEAR, YEAR, FAR = 50, 366 * 86400, 41 * 366 * 86400

-- The due time next to it, before. A wait of forty years is possible, most are short.
local function due_before(spec, at)
  for _, span in ipairs { 32 * 86400, YEAR, FAR } do
    local found = spec:last(at - span, at - 1, 1)[1]
    if found then return found end
  end
end

-- All rows that say something about that second. One that stands for several says nothing of the time between them.
local function rows_at(seen, name, at, due)
  if not seen.store then return {} end
  local rows = {}
  for _, row in ipairs(seen.store:occurrences { schedule = name, from = at, to = at, most = NEAR }) do
    if row.due == at or (due and row.due <= at and (row["until"] or row.due) >= at) then rows[#rows + 1] = row end
  end
  return rows
end

-- What may have been in its way, or have done its work.
local function neighbours(seen, name, at)
  return seen.store and seen.store:occurrences { schedule = name, to = at, newest = true, most = NEAR } or {}
end

-- A coalesced one went into one that waited then: the newest before it, or what was due first after.
local function into(row, others, ctx)
  for _, other in ipairs(others) do
    if other.id ~= row.id and other.kind == "timed" and other.due <= row.due and (other.state == "ran" or other.state == "waiting"
      or other.state == "running") then return fate.of(other, ctx) end
  end
end

local function capital(text) return (text:gsub("^%l", string.upper)) end

-- ---- what is said where nothing is recorded ----

local function not_due(one)
  local near = {}
  if one.before then near[#near + 1] = times.short(one.before) .. " before" end
  if one.after then near[#near + 1] = times.short(one.after) .. " after" end
  return ("%s is no due time of %s%s."):format(times.short(one.at), one.schedule,
    #near > 0 and "; the nearest are " .. table.concat(near, " and ") .. " it" or "")
end

-- A due time that is over and has no row.
local function forgotten(seen, one, at, schedule, row)
  local oldest = seen.store:occurrences({ schedule = one.schedule, most = 1 })[1]
  local first = oldest and oldest.due or row.seen
  if at < first or not oldest then
    return ("Nothing is recorded for it: the store knows the schedule since %s only, or forgot what was before (`keep:`)."):format(
      times.short(fate.time(schedule, first)))
  end
  return "Nothing is recorded for it: the schedule had other times then."
end

local function unrecorded(seen, one, at, schedule, row)
  if not one.due then return not_due(one) end
  if not row then
    return ("%s is due then, but nothing is recorded: no daemon has taken the schedule up yet (sluice serve)."):format(one.schedule)
  end
  if schedule and schedule.enabled == false and at > seen.now then return "It is to come, and will be skipped: the schedule is disabled." end
  local paused = row.paused and at <= (row.paused_until or math.huge)
  if at > seen.now then
    return paused and "It is to come, and will be skipped: the schedule is paused." or "It is to come."
  end
  if at > row.seen then return "It is due, and no daemon has looked at it yet." .. (one.serving and "" or " No daemon is running (sluice serve).") end
  return forgotten(seen, one, at, schedule, row)
end

-- ---- the answer ----

local function is_serving(store)
  for _, one in ipairs(store and store:daemons() or {}) do
    if one.alive then return true end
  end
  return false
end

local function ask_spec(one, schedule, at)
  local spec = schedule.spec
  one.due = at == math.floor(at) and spec:next(at - 1) == at
  one.before, one.after = fate.time(schedule, due_before(spec, at)), fate.time(schedule, spec:next(at))
end

local function sentences(seen, one, at, schedule, row)
  if #one.fates == 0 then return unrecorded(seen, one, at, schedule, row) end
  local said = {}
  for i, found in ipairs(one.fates) do said[i] = capital(found.text) .. "." end
  if one.into then said[#said + 1] = ("What did its work, due %s: %s."):format(times.short(one.into.due, one.at), one.into.text) end
  return table.concat(said, "\n")
end

--- The answer of view.why.
---@param seen sluice.view.Seen
---@param name string
---@param at number
---@return sluice.view.Why
function why.of(seen, name, at)
  local schedule, row = seen.schedules[name], seen.store and seen.store:schedule(name)
  local one = { schedule = name, at = fate.time(schedule, at), at_seconds = at, due = false, fates = json.array {}, serving = is_serving(seen.store) }
  if schedule then ask_spec(one, schedule, at) end
  local rows = rows_at(seen, name, at, one.due or not schedule)
  local others = #rows > 0 and neighbours(seen, name, at) or {}
  local ctx = { schedule = schedule, now = seen.now, others = others }
  for i, found in ipairs(rows) do
    one.fates[i] = fate.of(found, ctx)
    if found.state == "coalesced" then one.into = into(found, others, ctx) end
  end
  one.text = sentences(seen, one, at, schedule, row)
  return one
end

return why
