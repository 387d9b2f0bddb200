--- `sluice runs`: the ledger, what runs printed, and an end to those that go on.
local context = require "sluice.schedule.context"
local err = require "sluice.err"
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local options = require "sluice.options"
local text = require "sluice.text"
local times = require "sluice.schedule.times"
local view = require "sluice.schedule.view"

local WORDS = { "running", "ok", "partial", "failed", "timed_out", "lost", "cancelled", "stopped" }

local command = {
  about = "Show runs, their logs and sums; end one that goes on",
  usage = [[
usage: sluice runs list [--schedule NAME] [--state WORD] [-n N]   the newest runs, by schedules and by hand
       sluice runs show ID                                        one of them: arguments, times, sums, how it ended
       sluice runs logs ID [-f]                                   what it printed
       sluice runs cancel ID                                      asks one that goes on to stop

  sluice runs list --state failed --state lost -n 50
  sluice runs list --schedule delta --json                        one array
  sluice runs logs 12 -f | grep rejected                          --json: a line { at, stream, text } each
  sluice runs cancel 12

cancel    SIGTERM, after which a run makes its checkpoint and ends; a daemon kills it after its `grace`. A run by hand gets it
          only while it is certainly that process. Exit code 1 where the run is over.
logs      are kept of runs of schedules; a run by hand has printed to its own terminal
]],
  completes = { NAME = "SCHEDULE" },
  options = {
    { "--schedule NAME", "runs of this schedule alone", only = "list" },
    { "--state WORD", "runs that are or ended so", only = "list", many = true, words = WORDS },
    { "-n, --most N", "so many (20)", only = "list", read = options.whole(1, 10000) },
    { "-f, --follow", "goes on until the run ends", only = "logs" },
  },
}

-- ---- the run ----

local function number_of(word)
  local id = word:find "^%d+$" and math.tointeger(tonumber(word))
  if id then return id end
  err.raise { code = "usage", message = ("sluice runs: '%s' is not the number of a run"):format(word), hint = "sluice runs list" }
end

local function find(ctx, word)
  local id = number_of(word)
  local one = view.run(ctx, id)
  if one then return one end
  local newest = view.runs(ctx, { most = 1 })[1]
  err.raise { code = "not_found", message = ("the ledger has no run %d"):format(id),
    hint = newest and ("the newest is %d; `keep: { runs: … }` says how long they stay"):format(newest.id) or "no run was made yet" }
end

local function spec_of(verb)
  return { command = "sluice runs", verb = verb, one = "run", ask = "which run? its number", hint = "sluice runs list", rows = command.options }
end

local verbs = {}

-- ---- list ----

local function number(sums, name) return sums and sums[name] or "-" end

local function cells(one, now)
  local who = one.schedule or one.recipe
  return { tostring(one.id), #who > 32 and "…" .. who:sub(-31) or who, one.word, times.short(one.started, now),
    one.seconds and times.span(one.seconds) or "-", number(one.sums, "read"), number(one.sums, "sent"), number(one.sums, "rejected") }
end

local function here(ctx, one) return fate.time(ctx.schedules[one.schedule], ctx.now) end

function verbs.list(argv, globals)
  local _, given = options.parse(argv, { command = "sluice runs", verb = "list", none = true, rows = command.options })
  local ctx <close> = context.open(globals)
  if given.schedule then ctx:find(given.schedule) end
  local list = view.runs(ctx, { schedule = given.schedule, words = given.state, most = given.most })
  ctx:result(list, function()
    local rows = { { "run", "schedule or recipe", "state", "started", "took", "read", "sent", "rejected" } }
    for i, one in ipairs(list) do rows[i + 1] = cells(one, here(ctx, one)) end
    return #list > 0 and text.table(rows) or ""
  end)
  if #list == 0 then ctx:say("no such run%s", (given.schedule or given.state) and "" or ": none was made yet") end
  return 0
end

-- ---- show ----

local SUMS = { "read", "added", "sent", "unchanged", "skipped", "rejected", "unknown" }

local function sums_text(sums)
  local parts = {}
  for _, name in ipairs(SUMS) do
    if sums[name] > 0 then parts[#parts + 1] = ("%s %s"):format(name, text.grouped(sums[name])) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "nothing"
end

local function outcomes_text(outcomes)
  local parts = {}
  for _, name in ipairs(text.keys(outcomes or {})) do parts[#parts + 1] = ("%d %s"):format(outcomes[name], name) end
  return #parts > 0 and " (" .. table.concat(parts, ", ") .. ")" or ""
end

local function arguments_text(args)
  local parts = {}
  for _, name in ipairs(text.keys(args)) do parts[#parts + 1] = ("%s=%s"):format(name, tostring(args[name])) end
  return table.concat(parts, " ")
end

local function lines_of(one)
  local lines = {}
  local function row(name, value) if value ~= nil and value ~= "" then lines[#lines + 1] = ("%-12s %s"):format(name, tostring(value)) end end
  row("run", one.id)
  row("outcome", one.text)
  row("schedule", one.schedule)
  row("due", one.due)
  row("attempt", one.attempt)
  row("recipe", one.recipe)
  row("arguments", arguments_text(one.args))
  row("process", one.pid)
  row("started", one.started)
  row("ended", one.ended)
  row("took", one.seconds and times.span(one.seconds))
  row("exit", one.exit_code)
  row("error", one.error)
  row("records", one.sums and sums_text(one.sums))
  row("batches", one.batches and one.batches > 0 and one.batches or nil)
  row("requests", one.requests and one.requests > 0 and one.requests .. outcomes_text(one.requests_by_outcome) or nil)
  row("waited", one.waited and one.waited > 0 and times.span(one.waited) .. " for rate budgets" or nil)
  row("memory", one.peak_bytes and one.peak_bytes > 0 and ("%.0f MB at most"):format(one.peak_bytes / 1e6) or nil)
  row("rejected", one.dead_letters and one.dead_letters .. " (sluice dlq show " .. one.id .. ")")
  row("log", one.log)
  return table.concat(lines, "\n") .. "\n"
end

function verbs.show(argv, globals)
  local words = options.parse(argv, spec_of "show")
  local ctx <close> = context.open(globals)
  ctx:result(find(ctx, words[1]), lines_of)
  return 0
end

-- ---- logs ----

local function log_of(one)
  if not one.schedule then
    err.raise { code = "not_found", message = ("run %d was started by hand: what it printed was not kept"):format(one.id),
      hint = "`sluice runs show " .. one.id .. "` says how it ended" }
  end
  if one.log and require("lfs").attributes(one.log, "mode") then return one.log end
  err.raise { code = "not_found", message = ("there is no log of run %d"):format(one.id),
    hint = one.log and one.log .. " is gone" or "it was not started" }
end

local function print_line(line, globals)
  if globals.json then io.write(json.encode(line), "\n")
  else io.write(line.at and line.at .. " " .. line.stream .. " " or "", line.text, "\n") end
end

function verbs.logs(argv, globals)
  local words, given = options.parse(argv, spec_of "logs")
  local ctx <close> = context.open(globals)
  local one = find(ctx, words[1])
  local follow = require("sluice.serve.log_reader").follow
  if given.follow then io.stdout:setvbuf "line" end
  local function over() return not given.follow or not ctx.store:run_alive(one.id) end
  for line in follow(log_of(one), { over = over }) do print_line(line, globals) end
  return 0
end

-- ---- cancel ----

function verbs.cancel(argv, globals)
  local words = options.parse(argv, spec_of "cancel")
  local ctx <close> = context.open(globals)
  local one = find(ctx, words[1])
  local done = one.word == "running" and require("sluice.schedule.stop").run(ctx.store, one, ctx:serving())
  if not done then
    err.raise { code = "not_found", message = ("run %d does not go on, so there is nothing to stop: %s"):format(one.id, view.run(ctx, one.id).text),
      hint = "sluice runs list --state running" }
  end
  ctx:result({ run = one.id, schedule = one.schedule, occurrence = one.occurrence, text = done }, function()
    return ("run %d: %s\n"):format(one.id, done)
  end)
  return 0
end

-- ---- the command ----

function command.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice runs", verbs = verbs, default = "list" })
end

return command
