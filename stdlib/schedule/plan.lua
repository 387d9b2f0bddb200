--- What becomes of a due time. Pure: tables of what is, and a time, in; what is to be written, out. No clock, no store.
---
---   local change, why = plan.decide { schedule = s, row = row, open = open, last = last, now = now }
---   store:schedule_plan(daemon, { change })
---
--- Every due time in (row.seen, now] gets a row, or lies in a row that stands for several. A due time that is seen within
--- ON_TIME seconds is on time, and the overlap rule says what becomes of it; what is older was missed, and the catch-up rule
--- does. `turns.lua` says which of the waiting ones may start, `ending.lua` what follows from an end.
local plan = {}

--- A due time is on time for so many seconds; then it was missed, and `catchup` decides.
plan.ON_TIME = 60
--- So many missed times are made up for at most (`catchup: all`), and so many may wait of one schedule (`overlap: allow`).
plan.LIMIT = 100
--- The note of a row that is made up for.
plan.MADE_UP = "made up for"

---@class sluice.PlanInput
---@field schedule sluice.Schedule what the config says, with its `spec` (times) and `text` (of the spec)
---@field row? sluice.ScheduleRow what the store knows; nil: it does not know the schedule yet
---@field open sluice.OccurrenceRow[] its occurrences that wait or run
---@field last? fun(): sluice.OccurrenceRow? gives its newest timed row, which is extended where the next one says the same
---@field old? table the Spec of row.spec where that is another one
---@field loaded? boolean the config was read just now: its spec takes the place of the store's
---@field now number

-- ---- jitter ----

-- FNV-1a with a last mix, so that neighbours are far apart: a fraction in [0, 1).
local function fraction(text)
  local hash = 0xcbf29ce484222325
  for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
  hash = (hash ~ (hash >> 33)) * -0xae502812aa7333
  return ((hash ~ (hash >> 29)) >> 11) / 2 ^ 53
end

--- When the occurrence of a due time may start: later by a part of `jitter` that depends on the schedule's name and the due
--- time alone, so that every daemon finds the same, and never as late as the next due time.
---@param schedule sluice.Schedule
---@param due integer
---@return number
function plan.start(schedule, due)
  if (schedule.jitter or 0) <= 0 then return due end
  local following = schedule.spec:next(due)
  local width = math.min(schedule.jitter, following and following - due or schedule.jitter)
  return due + math.floor(fraction(schedule.name .. "\0" .. due) * width * 1000) / 1000
end

-- ---- rows ----

local function copy_of(row)
  if not row then return nil end
  local copy = {}
  for name, value in pairs(row) do copy[name] = value end
  return copy
end

-- A row that stands for the same as the one before it and follows it becomes part of it.
local function same_fate(a, b)
  return a.kind == "timed" and a.state == b.state and a.reason == b.reason and a.note == b.note
end

local finals = { skipped = true, missed = true, coalesced = true }

-- Adds a final fate for `count` due times. They follow what was added or is in the store before, so they may join it.
local function fate(work, state, reason, first, last, count, note)
  if not work.tail then
    work.stored = copy_of(work.last and work.last())
    work.tail = work.stored
  end
  local row = { kind = "timed", due = first, count = count, state = state, reason = reason, note = note }
  if count > 1 then row["until"] = last end
  local before = work.tail
  if before and finals[before.state] and same_fate(before, row) then
    before["until"], before.count = last, before.count + count
    work.extended = work.extended or before == work.stored
    return
  end
  work.rows[#work.rows + 1], work.tail = row, row
end

local function wait(work, due, note)
  local row = { kind = "timed", due = due, count = 1, state = "waiting", start = plan.start(work.schedule, due), note = note, attempt = 0 }
  work.rows[#work.rows + 1], work.tail = row, row
  work.waiting[#work.waiting + 1] = row
end

local function finish(work, row, state, outcome, reason, note)
  work.ends[#work.ends + 1] = { id = row.id, state = state, outcome = outcome, reason = reason, note = note }
  for i, one in ipairs(work.waiting) do
    if one == row then table.remove(work.waiting, i) break end
  end
end

--- Whether a waiting row has run before: it waits for its next attempt, or for a daemon after a restart.
---@param row sluice.OccurrenceRow
---@return boolean
function plan.has_run(row) return row.attempt > 0 or row.started ~= nil end

-- ---- overlap ----

local function first_of(list, fits)
  for _, row in ipairs(list) do
    if row.kind == "timed" and (not fits or fits(row)) then return row end
  end
end

local function is_fresh(row) return not plan.has_run(row) end
local function is_made_up(row) return row.note == plan.MADE_UP end

--- A repetition that still waits when the next time is due is not made: the next one does the work.
local function end_retries(work)
  for i = #work.waiting, 1, -1 do
    local row = work.waiting[i]
    if row.kind == "timed" and row.id and row.attempt > 0 then
      finish(work, row, "ran", row.outcome or "failed", nil, "not repeated: the next time was due first")
    end
  end
end

local function count_timed(list)
  local count = 0
  for _, row in ipairs(list) do count = count + (row.kind == "timed" and 1 or 0) end
  return count
end

--- `allow`: each starts whatever else runs; where LIMIT of them wait for room already, it is skipped.
local function allow(work, due, note)
  if count_timed(work.waiting) < (work.schedule.catchup_limit or plan.LIMIT) then return wait(work, due, note) end
  fate(work, "skipped", "overlap", due, due, 1, "too many wait already")
end

--- The overlap rule, for one due time, in the order of the checks:
--- * `allow`: it waits for room only.
--- * A repetition that waits is ended.
--- * While missed times are made up for (`catchup: all`) it joins them, LIMIT at most.
--- * One that waits and never ran does its work: it is coalesced into that one (`skip` as well: the work is done after it).
--- * `skip`: a timed run that is going makes it skipped. A manual one or a backfill makes it wait, never skipped.
--- * `queue`: it waits. `cancel_running`: it waits, and the timed run that is going is cancelled (turns.lua).
local function overlap(work, due, note)
  local schedule = work.schedule
  if schedule.overlap == "allow" then return allow(work, due, note) end
  end_retries(work)
  local limit = schedule.catchup_limit or plan.LIMIT
  if schedule.catchup == "all" and first_of(work.waiting, is_made_up) and count_timed(work.waiting) < limit then
    return wait(work, due, note or plan.MADE_UP)
  end
  local waiting = first_of(work.waiting, is_fresh) or first_of(work.waiting)
  if waiting then
    return fate(work, "coalesced", nil, due, due, 1, "into the one due " .. work.spec:format(waiting.due))
  end
  if schedule.overlap ~= "queue" and schedule.overlap ~= "cancel_running" and first_of(work.running) then
    return fate(work, "skipped", "overlap", due, due, 1)
  end
  wait(work, due, note)
end

-- ---- missed times ----

-- How many due times there are in (after, upto], the first and the last; the newest of all is what is seen then.
local function due_times(work, after, upto)
  local count, first, last = work.spec:count(after, upto)
  if last and last > work.newest then work.newest = last end
  return count, first, last
end

-- How many of the newest missed times are to be made up for.
local function wanted(work, count, has_newer)
  local schedule = work.schedule
  if schedule.catchup == "none" or count == 0 then return 0 end
  if schedule.catchup == "all" then return math.min(count, schedule.catchup_limit or plan.LIMIT) end
  return has_newer and 0 or 1
end

local function too_late(work, due)
  local within = work.schedule.start_within
  return within and work.now > plan.start(work.schedule, due) + within
end

--- The catch-up rule, for all due times in (after, upto]: `none` lets them go; `latest` makes up for the newest one, or for
--- none where one that is on time follows; `all` for the newest `catchup_limit` of them (LIMIT), in their order. None is
--- older than `catchup_window`, or could start later than `start_within`. All others share one row.
local function catch_up(work, after, upto, has_newer)
  local count, first, newest = due_times(work, after, upto)
  if count == 0 then return end
  local oldest, chosen = work.now - (work.schedule.catchup_window or math.huge), {}
  for _, due in ipairs(work.spec:last(after, upto, wanted(work, count, has_newer))) do
    if due >= oldest then chosen[#chosen + 1] = due end
  end
  local rest = count - #chosen
  if rest > 0 then
    local last = chosen[1] and work.spec:last(after, chosen[1] - 1, 1)[1] or newest
    fate(work, "missed", "catchup", first, last, rest)
  end
  for _, due in ipairs(chosen) do
    if too_late(work, due) then fate(work, "missed", "start_within", due, due, 1)
    elseif work.schedule.catchup == "all" then wait(work, due, plan.MADE_UP)
    else overlap(work, due, plan.MADE_UP) end
  end
end

-- Due times in (after, upto] of a schedule that is neither paused nor disabled.
local function decide_span(work, after, upto)
  local border = math.max(after, math.min(upto, math.ceil(work.now - plan.ON_TIME) - 1))
  local fresh, first, last = due_times(work, border, upto)
  if border > after then catch_up(work, after, border, fresh > 0) end
  for _, due in ipairs(fresh < 3 and { first, fresh == 2 and last or nil } or work.spec:last(border, upto, fresh)) do
    if too_late(work, due) then fate(work, "missed", "start_within", due, due, 1) else overlap(work, due) end
  end
end

local function skip_span(work, after, upto, reason)
  local count, first, last = due_times(work, after, upto)
  if count > 0 then fate(work, "skipped", reason, first, last, count) end
end

-- ---- pauses ----

--- The span in which a schedule is paused: from, until (both ends belong to it), or nothing.
local function pause_of(row)
  if not row.paused then return nil end
  return row.paused, row.paused_until or math.huge
end

--- Whether a schedule is paused at a time.
---@param row sluice.ScheduleRow
---@param now number
---@return boolean
function plan.is_paused(row, now)
  return row.paused ~= nil and now <= (row.paused_until or math.huge)
end

-- Those before, in, and after the pause. A pause holds for due times from its beginning to its end, both included.
local function decide_times(work, after, upto)
  if work.schedule.enabled == false then return skip_span(work, after, upto, "disabled") end
  local from, till = pause_of(work.row)
  if not from then return decide_span(work, after, upto) end
  local before = math.max(after, math.min(upto, math.ceil(from) - 1))
  local behind = till == math.huge and upto or math.max(before, math.min(upto, math.floor(till)))
  if before > after then decide_span(work, after, before) end
  if behind > before then skip_span(work, before, behind, "paused") end
  if upto > behind then decide_span(work, behind, upto) end
end

local function is_too_late(work, row)
  local within = work.schedule.start_within
  return within and not plan.has_run(row) and work.now > (row.start or row.due) + within
end

--- One that waits goes when a person has cancelled it; a timed one when the schedule is paused or disabled, and when it could
--- start too late only.
local function end_waiting(work)
  local reason = work.schedule.enabled == false and "disabled" or plan.is_paused(work.row, work.now) and "paused" or nil
  for i = #work.waiting, 1, -1 do
    local row = work.waiting[i]
    local timed = row.kind == "timed"
    if row.cancel then finish(work, row, "ran", "cancelled", nil, "cancelled before it started")
    elseif timed and reason and row.attempt > 0 then
      finish(work, row, "ran", row.outcome or "failed", nil, "not repeated: the schedule is " .. reason)
    elseif timed and reason then finish(work, row, "skipped", nil, reason)
    elseif timed and is_too_late(work, row) then finish(work, row, "missed", nil, "start_within", "there was no room for it in time") end
  end
end

-- ---- all of it ----

local function split(open)
  local waiting, running = {}, {}
  for _, row in ipairs(open) do
    local list = row.state == "running" and running or waiting
    list[#list + 1] = row
  end
  table.sort(waiting, function(a, b) return a.due < b.due end)
  return waiting, running
end

local function begin(input)
  local waiting, running = split(input.open)
  return {
    schedule = input.schedule, row = input.row, now = input.now, spec = input.old or input.schedule.spec, rows = {}, ends = {},
    waiting = waiting, running = running, last = input.last, newest = input.row.seen,
  }
end

local function new_schedule(input)
  return { name = input.schedule.name, version = 0, spec = input.schedule.text, seen = math.floor(input.now), rows = {}, ends = {} }
end

-- The change that carries what was found; nil where there is nothing to write.
local function change_of(work, input, seen)
  local stored, row = work.stored, input.row
  if work.extended then
    work.ends[#work.ends + 1] = { id = stored.id, state = stored.state, reason = stored.reason, note = stored.note,
      ["until"] = stored["until"], count = stored.count }
  end
  local over = row.paused and not plan.is_paused(row, input.now)
  local changed = row.spec ~= input.schedule.text
  if #work.rows + #work.ends == 0 and seen == row.seen and not over and not changed then return nil end
  local change = { name = row.name, version = row.version, spec = input.schedule.text, seen = seen, rows = work.rows, ends = work.ends }
  if over then change.paused = false end
  return change
end

--- What is to be written for a schedule at a time; nil where there is nothing, with a reason where it is not for us:
--- `clock`, the wall clock is before the newest row, so nothing is decided until it has come there (nothing runs twice);
--- `foreign`, another daemon has read another spec since. A changed spec holds from now on: the due times of the old one up to
--- now are decided first. A new schedule starts with now.
---@param input sluice.PlanInput
---@return table? change for store:schedule_plan
---@return "clock"|"foreign"|nil why
function plan.decide(input)
  local row, schedule = input.row, input.schedule
  if not row then return new_schedule(input) end
  local changed = row.spec ~= schedule.text
  if changed and not input.loaded then return nil, "foreign" end
  if input.now < row.seen then return nil, "clock" end
  local work, upto = begin(input), math.floor(input.now)
  end_waiting(work)
  if changed and not input.old then return change_of(work, input, upto) end -- the old text can't be read any more
  decide_times(work, row.seen, upto)
  return change_of(work, input, changed and upto or work.newest)
end

-- The earlier of two times that is still to come.
local function sooner(at, time, now)
  return time and time > now and time < at and time or at
end

--- When decide() has something to say next, or one that waits may start; nil: never. A due time that is not decided yet may
--- be in the past, all else lies behind `now`.
---@param schedule sluice.Schedule
---@param row sluice.ScheduleRow
---@param open sluice.OccurrenceRow[]
---@param now number
---@return number?
function plan.wake(schedule, row, open, now)
  local at = schedule.spec:next(row.seen) or math.huge
  if row.paused and row.paused_until then at = sooner(at, row.paused_until + 1, now) end
  for _, one in ipairs(open) do
    if one.state == "waiting" then
      local start = one.start or one.due
      at = sooner(at, start, now)
      local within = one.kind == "timed" and not plan.has_run(one) and schedule.start_within
      if within then at = sooner(at, start + within + 0.01, now) end
    end
  end
  return at < math.huge and at or nil
end

return plan
