--- What a person can do from the page and the API. Each function raises an error value where it can't be done, and gives
--- what is so afterwards.
local backfill = require "sluice.schedule.backfill"
local err = require "sluice.err"
local fate = require "sluice.schedule.fate"
local model = require "sluice.page.model"
local stop = require "sluice.schedule.stop"
local text = require "sluice.text"
local times = require "sluice.schedule.times"
local view = require "sluice.schedule.view"

local act = {}

local function invalid(format, ...) err.raise { code = "invalid", message = format:format(...) } end

-- The schedule of the config (nil: it has it no more), and its row.
local function find(ctx, name)
  local schedules = ctx.loaded().schedules
  local row = ctx.store:schedule(name)
  if row then return schedules[name], row end
  if schedules[name] then
    err.raise { code = "conflict", message = ("no daemon has taken up the schedule '%s' yet"):format(name),
      hint = "it does within a moment" }
  end
  err.raise { code = "not_found", message = ("there is no schedule '%s'%s"):format(name, text.near(name, text.keys(schedules))) }
end

local function find_configured(ctx, name)
  local schedule = find(ctx, name)
  if schedule then return schedule end
  err.raise { code = "conflict", message = ("the config has no schedule '%s' any more, so nothing would run it"):format(name) }
end

local function time_of(ctx, schedule, word, name, ahead)
  if word == nil or word == "" then return nil end
  local zone = schedule and schedule.spec and schedule.spec.zone or "UTC"
  -- a form's field of the kind datetime-local gives 2026-11-28T10:00
  local at, expected = times.read(tostring(word), { zone = zone, now = ctx.now(), ahead = ahead })
  if at then return math.floor(at) end
  err.raise { code = "invalid", message = ("%s: '%s' is no time"):format(name, tostring(word):sub(1, 100)), hint = expected }
end

local function note_of(value)
  if value == nil or value == "" then return nil end
  if type(value) ~= "string" or #value > 500 or not utf8.len(value) then invalid "note: a text of at most 500 bytes, in UTF-8" end
  return value
end

--- Runs it now, whatever its due times are.
---@param ctx sluice.page.Context
---@param name string
---@param given { args?: table, note?: string }
---@return sluice.view.Fate
function act.trigger(ctx, name, given)
  local schedule = find_configured(ctx, name)
  if given.args ~= nil and type(given.args) ~= "table" then invalid "args: an object of arguments" end
  local args = require("sluice.schedule.steer").arguments(given.args or {})
  local id = ctx.store:schedule_trigger(name, { args = args, note = note_of(given.note) })
  return fate.of(ctx.store:occurrence(id), { schedule = schedule, now = ctx.now() })
end

--- Due times get no run until then, or until it is resumed.
---@param ctx sluice.page.Context
---@param name string
---@param given { until?: string, note?: string }
---@return sluice.view.Schedule
function act.pause(ctx, name, given)
  local schedule = find(ctx, name)
  local till = time_of(ctx, schedule, given["until"], "until", true)
  if till and till <= ctx.now() then invalid("until: %s is over", fate.time(schedule, till)) end
  ctx.store:schedule_pause(name, { ["until"] = till, note = note_of(given.note), by = "person" })
  return model.schedule(model.seen(ctx), name)
end

---@param ctx sluice.page.Context
---@param name string
---@return sluice.view.Schedule
function act.resume(ctx, name)
  find(ctx, name)
  ctx.store:schedule_resume(name)
  return model.schedule(model.seen(ctx), name)
end

local function span_of(ctx, schedule, given)
  local from, to = time_of(ctx, schedule, given.from, "from"), time_of(ctx, schedule, given.to, "to")
  if not from or not to then invalid "from and to: both times are needed" end
  to = math.min(to, math.floor(ctx.now()))
  if to < from then invalid "from: it is behind the end of the span, or is to come" end
  return { from = from, to = to }
end

local function refuse(hint, format, ...) err.raise { code = "invalid", message = format:format(...), hint = hint } end

--- Past due times run once more, or for the first time; those that ran well are left out, as `sluice schedule backfill` does.
---@param ctx sluice.page.Context
---@param name string
---@param given { from: string, to: string, parallel?: integer, dry_run?: boolean, note?: string }
---@return { schedule: string, batch?: integer, count: integer, left_out: integer, dry_run: boolean }
function act.backfill(ctx, name, given)
  local schedule = find_configured(ctx, name)
  local parallel = given.parallel == nil and 1 or math.tointeger(tonumber(given.parallel))
  if not parallel or parallel < 1 or parallel > 1000 then invalid "parallel: a whole number from 1 to 1000" end
  local how = { parallel = parallel, note = note_of(given.note) }
  local chosen, left_out = backfill.choose({ store = ctx.store, now = ctx.now() }, schedule, span_of(ctx, schedule, given), refuse)
  local dry, batch, count = given.dry_run == true, nil, #chosen
  if not dry and count > 0 then batch, count = ctx.store:schedule_backfill(name, chosen, how) end
  return { schedule = name, batch = batch, count = count, left_out = #left_out + #chosen - count, dry_run = dry }
end

local function serving(ctx)
  for _, one in ipairs(ctx.store:daemons()) do
    if one.alive then return true end
  end
  return false
end

--- Asks a run to stop, of a schedule or by hand. (waits)
---@param ctx sluice.page.Context
---@param id integer
---@return sluice.view.Run
function act.cancel(ctx, id)
  local run = view.run(model.seen(ctx), id)
  if not run then err.raise { code = "not_found", message = ("there is no run %d"):format(id) } end
  if not stop.run(ctx.store, run, serving(ctx)) then err.raise { code = "conflict", message = ("run %d is over"):format(id) } end
  return view.run(model.seen(ctx), id)
end

--- The same for an occurrence that waits.
---@param ctx sluice.page.Context
---@param id integer
---@return { id: integer, cancel: boolean }
function act.cancel_occurrence(ctx, id)
  local row = ctx.store:occurrence(id)
  if not row then err.raise { code = "not_found", message = ("there is no occurrence %d"):format(id) } end
  if not ctx.store:occurrence_cancel(id) then err.raise { code = "conflict", message = ("occurrence %d is over"):format(id) } end
  return { id = id, cancel = true }
end

local DECISIONS = { confirmed = true, rejected = true, resend = true }

--- A person's word about a write whose outcome nothing can tell.
---@param ctx sluice.page.Context
---@param id integer
---@param decision "confirmed"|"rejected"|"resend"
---@return { id: integer, key: string, state: string }
function act.settle(ctx, id, decision)
  if not DECISIONS[decision] then invalid "decision: confirmed, rejected or resend" end
  local intent <close> = ctx.store:outbox_claim_id(id)
  if not intent then
    err.raise { code = "locked", message = "a running process works on this write", hint = "look again when the run has ended" }
  end
  local row = intent:row()
  if row.state == "confirmed" and decision ~= "confirmed" then
    err.raise { code = "conflict", message = ("'%s' is confirmed; what is done can't be taken back here"):format(row.key) }
  end
  if decision == "resend" then intent:back() else intent:settle(decision, nil, require("sluice.asking").BY_PERSON) end
  return { id = id, key = row.key, state = intent:row().state }
end

return act
