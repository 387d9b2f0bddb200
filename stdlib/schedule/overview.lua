--- All schedules at a glance: how many there are of each kind, what became of the last day's due times, what needs a person.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"

local overview = {}

local DAY = 86400
local COUNTED = 10000 -- fates of the last day that are looked at, at most

local function fates_of_day(seen)
  local counts, after, looked, rows = {}, nil, 0
  for _, word in ipairs(fate.words) do counts[word] = 0 end
  repeat
    rows = seen.store and seen.store:occurrences { from = seen.now - DAY, to = seen.now, newest = true, after = after, most = 1000 } or {}
    for _, row in ipairs(rows) do
      local word = fate.word(row)
      counts[word], after = counts[word] + row.count, row.id
    end
    looked = looked + #rows
  until #rows < 1000 or looked >= COUNTED
  counts.more = #rows == 1000 or nil
  return counts
end

local function daemons_of(seen)
  local list = {}
  for i, d in ipairs(seen.store and seen.store:daemons() or {}) do
    list[i] = { id = d.id, pid = d.pid, started = fate.time(nil, d.started), stopped = fate.time(nil, d.stopped), alive = d.alive,
      note = d.note ~= "" and d.note or nil }
  end
  return json.array(list)
end

local function is_serving(daemons)
  for _, one in ipairs(daemons) do
    if one.alive then return true end
  end
  return false
end

local cures = {
  stalled = "sluice schedule history %s", failing = "sluice runs list --schedule %s", paused = "sluice schedule resume %s",
}

-- What a person should look at, the worst first.
local function person_of(summary, schedules)
  local list = {}
  if not summary.serving and summary.schedules.enabled > 0 then
    list[1] = { kind = "daemon", name = "sluice serve", text = "no daemon is running, so nothing starts", cure = "sluice serve" }
  end
  for _, one in ipairs(schedules) do
    if one.needs then
      list[#list + 1] = { kind = "schedule", name = one.name, text = one.needs, cure = (cures[one.state] or cures.failing):format(one.name) }
    end
  end
  if summary.outbox.unknown > 0 then
    list[#list + 1] = { kind = "outbox", name = "outbox", text = ("%d writes whose outcome nothing can tell"):format(summary.outbox.unknown),
      cure = "sluice outbox list unknown" }
  end
  return json.array(list)
end

local function count_schedules(summary, schedules)
  local counts = { all = 0, enabled = 0, disabled = 0, paused = 0, stalled = 0, failing = 0 }
  for _, one in ipairs(schedules) do
    if one.configured then
      counts.all = counts.all + 1
      local kind = one.enabled and "enabled" or "disabled"
      counts[kind] = counts[kind] + 1
      if one.enabled and one.paused then counts.paused = counts.paused + 1 end
      if one.enabled and one.stalled then counts.stalled = counts.stalled + 1 end
      if one.enabled and one.failures > 0 then counts.failing = counts.failing + 1 end
      local first = summary.next
      if one.next_at and not one.paused and (not first or one.next_at < first.at) then
        summary.next = { schedule = one.name, due = one.next[1], at = one.next_at }
      end
    end
  end
  return counts
end

local function count_rows(rows) return rows and #rows or 0 end

--- The summary of view.summary.
---@param seen sluice.view.Seen
---@param schedules sluice.view.Schedule[]
---@return sluice.view.Summary
function overview.of(seen, schedules)
  local store, daemons = seen.store, daemons_of(seen)
  local summary = {
    now = fate.time(nil, seen.now), daemons = daemons, serving = is_serving(daemons), fates = seen.fates or fates_of_day(seen),
    running = count_rows(store and store:occurrences { state = "running", most = COUNTED }),
    waiting = count_rows(store and store:occurrences { state = "waiting", most = COUNTED }),
    outbox = {
      sent = count_rows(store and store:outbox_rows { state = "sent", most = COUNTED }),
      unknown = count_rows(store and store:outbox_rows { state = "unknown", most = COUNTED }),
    },
  }
  summary.schedules = count_schedules(summary, schedules)
  summary.person = person_of(summary, schedules)
  return summary
end

return overview
