--- `sluice schedule trigger | pause | resume`: what a person decides.
local context = require "sluice.schedule.context"
local err = require "sluice.err"
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local options = require "sluice.options"
local plan = require "sluice.schedule.plan"
local times = require "sluice.schedule.times"
local view = require "sluice.schedule.view"

local steer = {}

local POLL = 0.5
local NOT_NOW = "no daemon is running: %s when `sluice serve` does"

local function here(ctx, schedule) return fate.time(schedule, ctx.now) end

-- ---- trigger ----

--- What a triggered run gets in the place of the schedule's arguments of that name, as the store keeps it; nil: nothing. A
--- secret is refused: it would stay in the store.
---@param given table<string, any>
---@return string? json
function steer.arguments(given)
  local run = require "sluice.run"
  for name in pairs(given) do
    if run.is_secret(name) then
      err.raise { code = "usage", message = ("argument '%s' is a secret, which would stay in the store"):format(name),
        hint = "give it to the schedule in sluice.yaml, as ${NAME}, a file or a command" }
    end
  end
  return next(given) and json.encode(given) or nil
end

-- The name, and the arguments that this run gets in the place of the schedule's.
local function split_words(words)
  if not words[1] then
    err.raise { code = "usage", message = "sluice schedule: trigger: which schedule?", hint = "sluice schedule list" }
  end
  return words[1], require("sluice.recipe").words(table.move(words, 2, #words, 1, {}))
end

local codes = { ok = 0, partial = 3, lost = 1, cancelled = 1, timed_out = 1, failed = 1 }

-- Until it is over, or a signal says that nobody waits any longer.
local function wait_for(ctx, id)
  local task = require "sluice.task"
  while true do
    local row = ctx.store:occurrence(id)
    if not row or (row.state ~= "waiting" and row.state ~= "running") then return row end
    task.sleep(POLL)
  end
end

local function exit_code(ctx, row)
  if row.state ~= "ran" then return 1 end
  local run = row.run and view.run(ctx, row.run)
  if row.outcome == "failed" and run and run.exit_code and run.exit_code > 0 then return run.exit_code end
  return codes[row.outcome or "ok"] or 1
end

local function refuse_to_wait()
  err.raise { code = "state", message = "no daemon is running, so there is no end to wait for; nothing was triggered",
    hint = "start `sluice serve`, or leave out --wait: it runs when one starts" }
end

--- `sluice schedule trigger NAME [key=value …]`
function steer.trigger(argv, globals)
  local words, given = options.parse(argv, { command = "sluice schedule", verb = "trigger", rows = require("sluice.schedule.command").options })
  local name, own = split_words(words)
  local ctx <close> = context.open(globals)
  local schedule = ctx:known(name)
  if not schedule then
    err.raise { code = "not_found", message = ("%s has no schedule '%s' any more, so nothing would run it"):format(ctx.cfg.file, name) }
  end
  local serving = ctx:serving()
  if given.wait and not serving then refuse_to_wait() end
  local id = ctx.store:schedule_trigger(name, { args = steer.arguments(own), note = given.note })
  local row = given.wait and wait_for(ctx, id) or ctx.store:occurrence(id)
  ctx.now = require("sluice.time").now()
  local one = fate.of(row, { schedule = schedule, now = ctx.now })
  one.serving = serving
  ctx:result(one, function() return ("%s: %s\n"):format(name, given.wait and one.text or "triggered, occurrence " .. id) end)
  if not serving then ctx:say(NOT_NOW, "it starts") end
  return given.wait and exit_code(ctx, row) or 0
end

-- ---- pause, resume ----

local function spec_of(verb)
  return { command = "sluice schedule", verb = verb, one = "schedule", hint = "sluice schedule list",
    rows = require("sluice.schedule.command").options }
end

local function until_when(ctx, word, schedule)
  local at = ctx:time(word, "until", schedule, true)
  if at > ctx.now then return math.floor(at) end
  err.raise { code = "usage", message = ("--until: %s is over"):format(fate.time(schedule, at)), hint = "sluice help schedule" }
end

local function show_paused(one, now)
  local paused = one.paused
  return ("%s is paused%s%s; due times until then are skipped\n"):format(one.name,
    paused.upto and " until " .. times.short(paused.upto, now) or " until `sluice schedule resume " .. one.name .. "`",
    paused.note and " (" .. paused.note .. ")" or "")
end

--- `sluice schedule pause NAME [--until TIME] [--note TEXT]`
function steer.pause(argv, globals)
  local names, given = options.parse(argv, spec_of "pause")
  local ctx <close> = context.open(globals)
  local schedule = ctx:known(names[1])
  local till = given["until"] and until_when(ctx, given["until"], schedule)
  ctx.store:schedule_pause(names[1], { ["until"] = till, note = given.note, by = "person" })
  ctx.now = require("sluice.time").now()
  local one = view.schedule(ctx, names[1])
  ctx:result(one, function() return show_paused(one, here(ctx, schedule)) end)
  if #one.running > 0 then ctx:say("a run of it is going on: sluice runs cancel %d ends it", one.running[1].run) end
  return 0
end

--- `sluice schedule resume NAME`
function steer.resume(argv, globals)
  local names = options.parse(argv, spec_of "resume")
  local ctx <close> = context.open(globals)
  local schedule, row = ctx:known(names[1])
  local was_paused = plan.is_paused(row, ctx.now)
  ctx.store:schedule_resume(names[1])
  ctx.now = require("sluice.time").now()
  local one = view.schedule(ctx, names[1])
  ctx:result(one, function()
    local due = one.next[1] and "it is due " .. times.short(one.next[1], here(ctx, schedule)) or "it has no due times"
    return ("%s %s; %s\n"):format(one.name, was_paused and "goes on" or "was not paused", due)
  end)
  if not one.enabled then ctx:say("it is disabled in the config all the same (`enabled: false`)") end
  if not ctx:serving() then ctx:say(NOT_NOW, "it goes on") end
  return 0
end

return steer
