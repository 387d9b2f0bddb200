--- What became of a due time, as a table for people and programs: one word, and a sentence that says why.
---
---     local one = fate.of(row, { schedule = schedule, now = now, others = rows })
---     print(one.word, one.text)     -- skipped   skipped: the run of 10:00 was still going
local time = require "sluice.time"
local times = require "sluice.schedule.times"

local fate = {}

---@class sluice.fate.Context
---@field schedule? table the config's schedule with its `spec`; nil: the config has it no more
---@field now number
---@field others? sluice.OccurrenceRow[] rows of the same schedule, among which the one that was in the way may be

--- The words, in the order in which counts of them are shown.
fate.words = { "ok", "partial", "failed", "timed_out", "lost", "cancelled", "skipped", "coalesced", "missed", "waiting", "running" }

local tones = {
  ok = "good", partial = "warn", failed = "bad", timed_out = "bad", lost = "bad", cancelled = "warn", skipped = "warn", missed = "warn",
  stopped = "warn", coalesced = "idle", waiting = "idle", running = "busy",
}

--- A time as RFC 3339 with the offset of the schedule's zone.
---@param schedule? table
---@param at? number
---@return string?
function fate.time(schedule, at)
  if not at then return nil end
  if schedule and schedule.spec then return schedule.spec:format(math.floor(at)) end
  return time.format(math.floor(at))
end

--- The one word.
---@param row sluice.OccurrenceRow
---@return sluice.view.Word
function fate.word(row)
  return row.state == "ran" and (row.outcome or "ok") or row.state
end

--- How a word is shown.
---@param word sluice.view.Word
---@param reason? string
---@return sluice.view.Tone
function fate.tone(word, reason)
  if word == "skipped" and (reason == "paused" or reason == "disabled") then return "idle" end
  return tones[word]
end

-- ---- sentences ----

local function clock(ctx, at)
  return times.short(fate.time(ctx.schedule, at), fate.time(ctx.schedule, ctx.now))
end

-- The run that was going when this one was due.
local function in_the_way(row, ctx)
  for _, other in ipairs(ctx.others or {}) do
    local over = other.ended or (other.state ~= "running" and 0) or math.huge
    if other.id ~= row.id and other.kind == "timed" and other.due < row.due and other.started
      and other.started <= (row.made or row.due) and over >= row.due then return other end
  end
end

local function ran_for(row) return row.started and row.ended and times.span(math.max(0, row.ended - row.started)) or "some time" end

local why = {
  ok = function(row) return "it ran for " .. ran_for(row) end,
  partial = function(row) return ("it ran for %s, and some records were rejected"):format(ran_for(row)) end,
  failed = function(row) return "it failed after " .. ran_for(row) end,
  timed_out = function(row) return ("it took too long and was stopped after %s"):format(ran_for(row)) end,
  lost = function() return "its process was gone and had not said how it ended" end,
  cancelled = function(row) return row.started and ("it was stopped after %s"):format(ran_for(row)) or "it was cancelled before it started" end,
  coalesced = function() return "another one that waited did its work" end,
  running = function(row, ctx) return "for " .. times.span(math.max(0, ctx.now - (row.started or ctx.now))) end,
}

local skipped = {
  paused = "the schedule was paused", disabled = "the schedule was disabled (`enabled: false`)",
  catchup = "no daemon was running then, and the catch-up rule leaves it out",
}

function why.skipped(row, ctx)
  if row.reason ~= "overlap" then return skipped[row.reason] or "it was left out" end
  local other = in_the_way(row, ctx)
  return other and ("the run of %s was still going"):format(clock(ctx, other.due)) or "the run before it was still going"
end

function why.missed(row, ctx)
  if row.reason == "start_within" then
    local within = ctx.schedule and ctx.schedule.start_within
    return within and ("it could not start within %s"):format(times.span(within)) or "it could not start in time"
  end
  return row.count > 1 and "no daemon was running then, and the catch-up rule does not make up for them"
    or "no daemon was running then, and the catch-up rule does not make up for it"
end

function why.waiting(row, ctx)
  local start = row.start or row.due
  if start > ctx.now then
    return (row.attempt > 0 and "runs again at %s" or "starts at %s"):format(clock(ctx, start))
  end
  return row.owner_alive == false and "no daemon is running that would start it" or "for its turn"
end

local function attempts(row)
  if row.attempt < 2 then return "" end
  return row.state == "running" and (" (attempt %d)"):format(row.attempt)
    or row.state == "waiting" and (" (%d attempts so far)"):format(row.attempt) or (" (%d attempts)"):format(row.attempt)
end

local kinds = { manual = ", by hand", backfill = ", backfill", timed = "" }

local function sentence(row, word, ctx)
  local reason = why[word](row, ctx)
  if row.note and row.note ~= word then reason = row.state == "ran" and word ~= "ok" and row.note or reason .. ": " .. row.note end
  local many = row.count > 1 and ("%d times until %s, "):format(row.count, clock(ctx, row["until"] or row.due)) or ""
  local stop = row.cancel and (row.state == "running" or row.state == "waiting") and "; it was asked to stop" or ""
  return ("%s%s: %s%s%s%s"):format((word:gsub("_", " ")), kinds[row.kind] or "", many, reason, attempts(row), stop)
end

-- ---- the whole ----

--- The fate of a row.
---@param row sluice.OccurrenceRow
---@param ctx sluice.fate.Context
---@return sluice.view.Fate
function fate.of(row, ctx)
  local word, schedule = fate.word(row), ctx.schedule
  local finish = row.ended or row.state == "running" and ctx.now or nil
  return {
    id = row.id, schedule = row.schedule, kind = row.kind, due = fate.time(schedule, row.due), at = row.due,
    upto = row.count > 1 and fate.time(schedule, row["until"]) or nil, count = row.count, word = word, tone = fate.tone(word, row.reason),
    outcome = row.state == "ran" and (row.outcome or "ok") or nil, reason = row.reason, note = row.note, text = sentence(row, word, ctx),
    attempt = row.attempt, run = row.run, not_before = row.state == "waiting" and fate.time(schedule, row.start) or nil,
    started = fate.time(schedule, row.started), ended = fate.time(schedule, row.ended),
    seconds = row.started and finish and math.max(0, finish - row.started) or nil,
    late = row.started and math.max(0, row.started - row.due) or nil, cancel = row.cancel or false,
  }
end

return fate
