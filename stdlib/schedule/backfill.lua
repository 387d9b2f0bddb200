--- `sluice schedule backfill NAME --from T --to T`: due times of the past run once more, or for the first time.
local context = require "sluice.schedule.context"
local err = require "sluice.err"
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local options = require "sluice.options"
local text = require "sluice.text"

local backfill = {}

local MOST, PAGE, SHOWN = 10000, 1000, 20

local function usage(hint, format, ...)
  err.raise { code = "usage", message = "sluice schedule: backfill: " .. format:format(...), hint = hint or "sluice help schedule" }
end

-- ---- which times ----

local function span_of(ctx, schedule, given)
  for _, name in ipairs { "from", "to" } do
    if not given[name] then usage(nil, "--%s TIME is missing", name) end
  end
  local from, to = ctx:time(given.from, "from", schedule), ctx:time(given.to, "to", schedule)
  if to < from then usage(nil, "--to (%s) is before --from (%s)", fate.time(schedule, to), fate.time(schedule, from)) end
  return math.ceil(from), math.floor(to)
end

-- The due times of [from, to], oldest first.
local function due_times(schedule, from, to, fail)
  local count, first, last = schedule.spec:count(from - 1, to)
  if count == 0 then
    local following = schedule.spec:next(to)
    fail(following and "the next one is " .. fate.time(schedule, following) or nil, "%s has no due time from %s to %s", schedule.name,
      fate.time(schedule, from), fate.time(schedule, to))
  end
  if count > MOST then
    fail("give a shorter span", "%d due times from %s to %s are more than %d", count, fate.time(schedule, first), fate.time(schedule, last), MOST)
  end
  return schedule.spec:times(from - 1, count)
end

-- What is recorded for the span, by due time: the row that speaks against another run.
local function rows_against(store, name, list)
  local against, after = {}, nil
  repeat
    local rows = store:occurrences { schedule = name, from = list[1], to = list[#list], after = after, most = PAGE }
    for _, row in ipairs(rows) do
      after = row.id
      local open = row.state == "waiting" or row.state == "running"
      if open or (row.state == "ran" and row.outcome == "ok" and not against[row.due]) then against[row.due] = row end
    end
  until #rows < PAGE
  return against
end

local function why_not(row, at, ctx, again)
  if at > ctx.now then return "it is to come" end
  if not row then return nil end
  if row.state == "waiting" then return "it waits to run already" end
  if row.state == "running" then return "it is running" end
  return not again and "it ran and was ok" or nil
end

--- Which due times of a span run, and which do not, with the reason.
---@param ctx { store: sluice.Store, now: number }
---@param schedule sluice.Schedule
---@param span { from: integer, to: integer, again?: boolean } both included; again: those that were ok as well
---@param fail fun(hint?: string, format: string, ...) raises what is wrong with the span
---@return integer[] chosen
---@return { at: integer, why: string }[] left_out
function backfill.choose(ctx, schedule, span, fail)
  local list = due_times(schedule, span.from, span.to, fail)
  local against, chosen, left_out = rows_against(ctx.store, schedule.name, list), {}, {}
  for _, at in ipairs(list) do
    local reason = why_not(against[at], at, ctx, span.again)
    if reason then left_out[#left_out + 1] = { at = at, why = reason } else chosen[#chosen + 1] = at end
  end
  return chosen, left_out
end

-- ---- what is said ----

local function show(result)
  local rows, lines = {}, {}
  for i = 1, math.min(#result.run, SHOWN) do rows[i] = { result.run[i], "runs" } end
  if #result.run > SHOWN then rows[#rows + 1] = { ("and %d more until"):format(#result.run - SHOWN), result.run[#result.run] } end
  for i = 1, math.min(#result.left_out, SHOWN) do
    rows[#rows + 1] = { result.left_out[i].due, "left out: " .. result.left_out[i].why }
  end
  if #result.left_out > SHOWN then rows[#rows + 1] = { ("and %d more"):format(#result.left_out - SHOWN), "left out" } end
  if result.dry_run then lines[1] = text.table(rows) end
  lines[#lines + 1] = ("%s: %d %s%s\n"):format(result.schedule, result.count, result.dry_run and "would run" or "will run",
    #result.left_out > 0 and (", %d left out"):format(#result.left_out) or "")
  return table.concat(lines)
end

local function result_of(schedule, chosen, left_out, given)
  local result = { schedule = schedule.name, dry_run = given["dry-run"] or false, count = #chosen, run = json.array {}, left_out = json.array {} }
  for i, at in ipairs(chosen) do result.run[i] = fate.time(schedule, at) end
  for i, one in ipairs(left_out) do result.left_out[i] = { due = fate.time(schedule, one.at), why = one.why } end
  return result
end

local function tell(ctx, result, given)
  if result.count == 0 then
    ctx:say("nothing to run: %s%s", result.left_out[1].why, given.again and "" or "; --again runs those that were ok once more")
  elseif not result.dry_run and not ctx:serving() then
    ctx:say "no daemon is running: they start when `sluice serve` does"
  end
end

--- `sluice schedule backfill NAME …`
function backfill.command(argv, globals)
  local names, given = options.parse(argv, { command = "sluice schedule", verb = "backfill", one = "schedule", hint = "sluice schedule list",
    rows = require("sluice.schedule.command").options })
  local ctx <close> = context.open(globals)
  local schedule = ctx:known(names[1])
  if not schedule then
    err.raise { code = "not_found", message = ("%s has no schedule '%s' any more, so its times are not known"):format(ctx.cfg.file, names[1]) }
  end
  local from, to = span_of(ctx, schedule, given)
  local chosen, left_out = backfill.choose(ctx, schedule, { from = from, to = to, again = given.again }, usage)
  local result = result_of(schedule, chosen, left_out, given)
  if not result.dry_run and #chosen > 0 then
    local how = { parallel = given.parallel or 1, again = given.again, note = given.note }
    result.batch, result.count = ctx.store:schedule_backfill(schedule.name, chosen, how)
  end
  ctx:result(result, show)
  tell(ctx, result, given)
  return 0
end

return backfill
