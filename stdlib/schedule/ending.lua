--- What follows from the end of a run: its outcome, another attempt, a schedule that pauses itself. Pure.
---
---   local result = ending.of { status = 5 }                                    -- { outcome = "failed", class = {…}, text = "…" }
---   local how, change = ending.decide { schedule = s, row = row, open = open, occurrence = o, result = result, now = now }
---   store:occurrence_end(o.id, o.run, how, change)
local plan = require "sluice.schedule.plan"

local ending = {}

--- The longest time between two attempts where the config says none.
ending.MAX_BACKOFF = 3600

local MOST = 200 -- bytes of a run's own error in a note

-- Exit codes and the codes of errors that end with them (fail.lua has the other direction).
local classes = {
  [1] = { "internal", "invalid", "not_found", "conflict", "protocol", "partial", "state" },
  [2] = { "usage", "config" },
  [4] = { "auth", "forbidden" },
  [5] = { "unavailable", "limit", "network", "timeout", "tls" },
  [6] = { "stalled" },
  [7] = { "ambiguous" },
  [8] = { "locked" },
}

local says = {
  [1] = "it failed", [2] = "usage or config", [4] = "credentials refused", [5] = "remote unavailable, or limited past the deadline",
  [6] = "stalled", [7] = "the outcome of a write is unknown", [8] = "a cursor is held by another run",
}

-- These do not pass by themselves, or may have done their work: they are repeated only where the config names them.
local named_only = { [2] = true, [7] = true }

---@class sluice.EndResult
---@field outcome "ok"|"partial"|"failed"|"timed_out"|"lost"|"cancelled"|"stopped"
---@field classes string[] codes of errors, one of which `retry.errors` may name
---@field named_only? boolean repeated only where `retry.errors` names one of them
---@field text? string for people

-- The first line of a text, not cut within a character.
local function first_line(words)
  local line = words:match "[^\r\n]+"
  if not line or #line <= MOST then return line end
  return line:sub(1, utf8.len(line) and utf8.offset(line, 0, MOST - 2) - 1 or MOST - 3) .. "…"
end

local function failed(code, said)
  return { outcome = "failed", classes = classes[code] or classes[1], named_only = named_only[code],
    text = ("exit code %d: %s"):format(code, said and first_line(said) or says[code] or "it failed") }
end

--- The outcome of a process: `reason` is why we ended it ("timeout", "cancel", "drain"), nil where it ended by itself.
--- 130 and 143 after our own stop, and a death by our signals, are that reason's; a run that ends well all the same is ok.
--- `lost`: nobody saw its end. `memory`: a limit was set, so that an end by itself may be its doing.
--- `said`: the error that it has put into the ledger; of a failure its first line is told.
---@param seen { status?: integer, signal?: integer, reason?: "timeout"|"cancel"|"drain", lost?: boolean, said?: string }
---@return sluice.EndResult
function ending.of(seen)
  if seen.lost then return { outcome = "lost", classes = classes[1], text = "its process was gone without a word" } end
  if seen.status == 0 and not seen.signal then return { outcome = "ok", classes = {} } end
  if seen.status == 3 and not seen.signal then return { outcome = "partial", classes = {}, text = "some records were rejected" } end
  if seen.reason == "timeout" then return { outcome = "timed_out", classes = { "timeout" }, text = "its time was over" } end
  if seen.reason == "cancel" then return { outcome = "cancelled", classes = {}, text = "cancelled" } end
  if seen.reason == "drain" then return { outcome = "stopped", classes = {}, text = "stopped by a restart" } end
  if seen.signal then return { outcome = "failed", classes = classes[1], text = ("ended by signal %d"):format(seen.signal) } end
  return failed(seen.status, seen.said)
end

local function is_failure(result)
  return result.outcome == "failed" or result.outcome == "timed_out" or result.outcome == "lost"
end

local function names(list, wanted)
  for _, one in ipairs(list) do
    for _, other in ipairs(wanted) do
      if one == other then return true end
    end
  end
  return false
end

--- The time between the end of an attempt and the next one: `backoff`, doubled with each further attempt, `max_backoff` at most.
---@param retry { backoff?: number, max_backoff?: number }
---@param attempt integer the one that failed
---@return number
function ending.backoff(retry, attempt)
  return math.min((retry.backoff or 30) * 2 ^ math.min(attempt - 1, 40), retry.max_backoff or ending.MAX_BACKOFF)
end

local function another_waits(input)
  for _, row in ipairs(input.open) do
    if row.state == "waiting" and row.kind == "timed" and row.id ~= input.occurrence.id then return true end
  end
  return false
end

-- When the next attempt is made, or nil and why there is none.
local function next_attempt(input)
  local retry, one, result = input.schedule.retry, input.occurrence, input.result
  if not retry or not is_failure(result) then return nil end
  if one.attempt >= retry.attempts then return nil, retry.attempts > 1 and ("after %d attempts"):format(one.attempt) or nil end
  if retry.errors and not names(result.classes, retry.errors) or not retry.errors and result.named_only then
    return nil, "not repeated: that error does not pass by itself"
  end
  local at = input.now + ending.backoff(retry, one.attempt)
  if one.kind ~= "timed" or input.schedule.overlap == "allow" then return at end
  if input.schedule.enabled == false or plan.is_paused(input.row, input.now) then return nil, "not repeated: the schedule is paused or disabled" end
  local following = input.schedule.spec:next(input.now)
  if following and following <= at then return nil, "not repeated: the next time is due first" end
  if another_waits(input) then return nil, "not repeated: the next one waits already" end
  return at
end

local function join(a, b)
  return a and b and a .. "; " .. b or a or b
end

-- What a final end changes in the schedule: failures in a row, and the pause that many of them bring.
local function change_of(input)
  local result, row, limit = input.result, input.row, input.schedule.pause_on_failure
  if input.occurrence.kind == "backfill" or result.outcome == "cancelled" then return {} end
  if not is_failure(result) then return { failures = row.failures ~= 0 and 0 or nil } end
  local failures = (row.failures or 0) + 1
  if not limit or failures < limit or plan.is_paused(row, input.now) then return { failures = failures } end
  local change = { failures = failures, paused = input.now, paused_by = "failures", pause_note = ("%d failures in a row"):format(failures) }
  if row.paused_until then change.paused_until = false end -- of the one that is over
  return change
end

---@class sluice.EndInput
---@field schedule sluice.Schedule
---@field row sluice.ScheduleRow
---@field open sluice.OccurrenceRow[] of the schedule
---@field occurrence sluice.OccurrenceRow the one that ended, with its `attempt`
---@field result sluice.EndResult
---@field now number

--- What the store is told: the end, or when it goes on, and the changes of the schedule. A run that a restart stopped goes
--- back to wait, and that attempt is not counted. A repetition that could not start before the next due time is not made.
--- Only the last attempt counts as a failure of the schedule; backfills never do.
---@param input sluice.EndInput
---@return table how
---@return table change
function ending.decide(input)
  local result = input.result
  if result.outcome == "stopped" then return { again = input.now, note = result.text, counts = false }, {} end
  local at, why = next_attempt(input)
  if at then return { again = at, note = result.text, counts = true, outcome = result.outcome }, {} end
  return { state = "ran", outcome = result.outcome, note = join(result.text, why) }, change_of(input)
end

return ending
