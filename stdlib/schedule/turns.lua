--- Whose turn it is: which of the occurrences that wait may start, and which runs are to be cancelled. Pure.
---
---   local ready, cancel = turns.of(schedule, open, now)      -- rows, in the order in which they should start
---
--- One thing at a time is done for a schedule, but for `overlap: allow` and for a backfill with `parallel`. Timed ones go
--- first, in the order of their due times, then manual ones in the order in which they were asked for, then backfills. So a
--- long backfill keeps no due time waiting for longer than the runs that are going, and a manual run makes a timed one wait.
local turns = {}

local order = { timed = 1, manual = 2, backfill = 3 }

local function before(a, b)
  if a.kind ~= b.kind then return order[a.kind] < order[b.kind] end
  if a.kind ~= "manual" and a.due ~= b.due then return a.due < b.due end
  return a.id < b.id
end

local function split(open, now)
  local waiting, running = {}, {}
  for _, row in ipairs(open) do
    if row.state == "running" then running[#running + 1] = row
    elseif (row.start or row.due) <= now or row.kind ~= "timed" and not row.start then waiting[#waiting + 1] = row end
  end
  table.sort(waiting, before)
  return waiting, running
end

-- A backfill may start beside others of its own batch, up to its width.
local function beside(row, running)
  if row.kind ~= "backfill" then return #running == 0 end
  for _, other in ipairs(running) do
    if other.kind ~= "backfill" or other.batch ~= row.batch then return false end
  end
  return #running < (row.parallel or 1)
end

-- `cancel_running`: the timed runs that are going where a timed one waits for its turn.
local function to_cancel(schedule, waiting, running)
  local list = {}
  if schedule.overlap ~= "cancel_running" or not waiting[1] or waiting[1].kind ~= "timed" then return list end
  for _, row in ipairs(running) do
    if row.kind == "timed" and not row.cancel and row.due < waiting[1].due then list[#list + 1] = row end
  end
  return list
end

--- Those whose turn it is, in order, and the runs that must end first.
---@param schedule sluice.Schedule
---@param open sluice.OccurrenceRow[]
---@param now number
---@return sluice.OccurrenceRow[] ready
---@return sluice.OccurrenceRow[] cancel
function turns.of(schedule, open, now)
  local waiting, running = split(open, now)
  if schedule.overlap == "allow" then return waiting, {} end
  local ready, cancel = {}, to_cancel(schedule, waiting, running)
  for _, row in ipairs(waiting) do
    if not beside(row, running) then break end
    ready[#ready + 1], running[#running + 1] = row, row
  end
  return ready, cancel
end

return turns
