--- `sluice schedule list | history | why`: what is, and what was.
local context = require "sluice.schedule.context"
local options = require "sluice.options"
local text = require "sluice.text"
local times = require "sluice.schedule.times"
local view = require "sluice.schedule.view"

local look = {}

local STRIP = 12
local signs = {
  ok = ".", partial = "p", failed = "F", timed_out = "T", lost = "L", cancelled = "c", skipped = "s", coalesced = "-", missed = "m", running = "r",
}

local function spec_of(verb)
  return { command = "sluice schedule", verb = verb, rows = require("sluice.schedule.command").options }
end

local function one_schedule(verb)
  local spec = spec_of(verb)
  spec.one, spec.hint = "schedule", "sluice schedule list"
  return spec
end

local function strip(recent)
  local list = {}
  for i = math.max(1, #recent - STRIP + 1), #recent do list[#list + 1] = signs[recent[i].word] end
  return table.concat(list)
end

local function short(at, near) return at and times.short(at, near) or "-" end

local function cells(one, now)
  local last = one.last
  return { one.name, one.state, short(one.next[1], now), last and last.word or "-", last and short(last.due, now) or "-",
    last and last.seconds and times.span(last.seconds) or "-", strip(one.recent) }
end

-- Now in the zone of a schedule, to leave out today's date.
local function here(ctx, name)
  local schedule = ctx.schedules[name]
  return require("sluice.schedule.fate").time(schedule, ctx.now)
end

local function tell(ctx, list)
  for _, one in ipairs(list) do
    if one.paused then
      ctx:say("%s is paused%s%s", one.name, one.paused.upto and " until " .. short(one.paused.upto, here(ctx, one.name)) or "",
        one.paused.note and ": " .. one.paused.note or "")
    end
    if one.needs then ctx:say("%s: %s", one.name, one.needs) end
  end
  if #list > 0 and not ctx:serving() then ctx:say "no daemon is running: nothing starts until `sluice serve` does" end
end

local function rows_of(ctx, list)
  if #list == 0 then return "" end
  local rows = { { "schedule", "state", "next", "last", "due", "took", "recent" } }
  for i, one in ipairs(list) do rows[i + 1] = cells(one, here(ctx, one.name)) end
  return text.table(rows)
end

--- `sluice schedule list`
function look.list(argv, globals)
  local spec = spec_of "list"
  spec.none = true
  options.parse(argv, spec)
  local ctx <close> = context.open(globals)
  if not globals.json then ctx.recent = STRIP end
  local list = view.schedules(ctx)
  ctx:result(list, function() return rows_of(ctx, list) end)
  if #list == 0 then ctx:say("%s has no schedules", ctx.cfg.file) end
  if not globals.json then tell(ctx, list) end
  return 0
end

-- ---- history ----

local function fate_rows(list, now)
  if #list == 0 then return "" end
  local rows = { { "due", "run", "took", "what became of it" } }
  for i, one in ipairs(list) do
    rows[i + 1] = { times.short(one.due, now), one.run and tostring(one.run) or "-", one.seconds and times.span(one.seconds) or "-", one.text }
  end
  return text.table(rows)
end

--- `sluice schedule history NAME`
function look.history(argv, globals)
  local names, given = options.parse(argv, one_schedule "history")
  local ctx <close> = context.open(globals)
  local schedule = ctx:find(names[1])
  local list = view.occurrences(ctx, {
    schedule = names[1], words = given.only, most = given.most or 30,
    from = given.from and ctx:time(given.from, "from", schedule), to = given.to and ctx:time(given.to, "to", schedule),
  })
  ctx:result(list, function() return fate_rows(list, here(ctx, names[1])) end)
  if #list == 0 then ctx:say("nothing is recorded of %s%s", names[1], (given.only or given.from or given.to) and " that fits" or "") end
  return 0
end

-- ---- why ----

local function nearest(one)
  local lines = {}
  if one.before then lines[#lines + 1] = "before  " .. one.before end
  if one.after then lines[#lines + 1] = "after   " .. one.after end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or ""
end

--- `sluice schedule why NAME --at TIME`
function look.why(argv, globals)
  local names, given = options.parse(argv, one_schedule "why")
  if not given.at then
    require("sluice.err").raise { code = "usage", message = "sluice schedule: why: at which time? --at TIME is missing",
      hint = "sluice schedule history " .. names[1] .. " lists the due times" }
  end
  local ctx <close> = context.open(globals)
  local schedule = ctx:find(names[1])
  local one = view.why(ctx, names[1], math.floor(ctx:time(given.at, "at", schedule)))
  ctx:result(one, function() return ("%s, due %s\n%s\n%s"):format(one.schedule, one.at, one.text, one.due and "" or nearest(one)) end)
  return 0
end

return look
