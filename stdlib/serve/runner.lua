--- The runs of a daemon: from an occurrence whose turn it is to a process, its log, its time limit and its end.
---
---   local run, why = runner.start(daemon, item, row)
---   runner.stop(run, "cancel", mono)            -- TERM now, KILL when its grace is over
---   runner.watch(daemon, mono)                  -- those whose time is over
local json = require "sluice.json"
local log = require "sluice.log"
local process = require "sluice.process"
local program = require "sluice.serve.program"
local run_log = require "sluice.serve.run_log"
local task = require "sluice.task"

local runner = {}

local TERM, KILL = 15, 9

---@class sluice.ServeRun a process of ours
---@field id integer of the run
---@field item sluice.BookItem
---@field schedule sluice.Schedule as it was at the start
---@field row sluice.OccurrenceRow
---@field child? sluice.process.Child
---@field lock sluice.RunLock ours until its end is in the store
---@field started number monotonic
---@field deadline? number monotonic: its timeout
---@field kill_at? number monotonic: its grace is over
---@field reason? "timeout"|"cancel"|"drain" why we asked it to stop
---@field result? { status?: integer, signal?: integer, note?: string } it has ended

-- The schedule's, and in their place those of whoever has triggered it. Secrets among them are known from now on, so that the
-- ledger and the log are without them.
local function arguments(schedule, row)
  local args, own = {}, row.args and json.decode(row.args)
  for name, value in pairs(schedule.args) do args[name] = value end
  for name, value in pairs(type(own) == "table" and own or {}) do args[name] = value end
  require("sluice.run").hide_secrets(args)
  return args
end

local function argv_of(daemon, schedule)
  return { daemon.program or program.path(), "run", schedule.recipe, "-c", daemon.loaded.path }
end

-- Arguments may be secrets, and everybody on the machine can see the words of a command (ps), but not its environment.
local function environment(run, args)
  local row = run.row
  return {
    SLUICE_ARGS = next(args) and json.encode(args) or false,
    SLUICE_RUN = tostring(run.id), SLUICE_RUN_LOCK_FD = tostring(run.lock:fd()), SLUICE_SCHEDULE = run.item.name,
    SLUICE_DUE = run.schedule.spec:format(row.due), SLUICE_ATTEMPT = tostring(row.attempt), NOTIFY_SOCKET = false, WATCHDOG_USEC = false,
  }
end

-- The end of a process: what it leaves in its group goes with it.
local function gather(daemon, run, lines)
  for stream, text, more in run.child.line, run.child do
    if lines then lines:write(stream, text, more) end
  end
  local result = run.child:wait()
  run.child:close()
  if lines then lines:close() end
  run.result = result
  daemon:ring()
end

-- A log that can't be written is said; the run goes on.
local function open_log(daemon, run)
  local path = run_log.path(daemon.loaded.store, run.id)
  local lines, problem = run_log.open(path, { max_bytes = daemon.loaded.serve.log_bytes })
  if not lines then log.warn("serve", "the log of run %d can't be written: %s", run.id, problem) end
  return lines, path
end

local function spawn(daemon, run, args)
  local child, problem = (daemon.spawn or process.spawn) {
    argv = argv_of(daemon, run.schedule), cwd = daemon.loaded.folder, env = environment(run, args), keep = { run.lock:fd() },
    memory = run.schedule.memory, death_signal = true,
  }
  if not child then
    run.result = { note = tostring(problem) } -- it ended before it began
    return daemon:ring()
  end
  run.child = child
  local lines, path = open_log(daemon, run)
  run.task = task.spawn(gather, daemon, run, lines)
  daemon:guard("noting the process", function() daemon.store:run_pid(run.id, child.pid, lines and path) end)
end

-- Which connections it uses, and how many runs may use each.
local function uses(daemon, schedule)
  local map = {}
  for _, name in ipairs(schedule.uses) do map[name] = daemon.loaded.runs[name] or false end
  return map
end

--- Starts what is claimed. nil and why not: as Store:occurrence_start.
---@param daemon table
---@param item sluice.BookItem
---@param row sluice.OccurrenceRow
---@return sluice.ServeRun?
---@return string? why
function runner.start(daemon, item, row)
  local schedule, mono = item.schedule, daemon.clock.mono()
  local args = arguments(schedule, row)
  local started, why = daemon.store:occurrence_start(daemon.me, row.id, row.fence, {
    recipe = daemon:identity(schedule.recipe), args = args, most = daemon.loaded.serve.concurrency, uses = uses(daemon, schedule),
    parallel = row.parallel, version = item.row.version,
  })
  if not started then return nil, why end
  daemon.book:started(item, row, started, daemon.clock.now())
  local run = {
    id = started.run, item = item, schedule = schedule, row = row, lock = started.lock, started = mono,
    deadline = schedule.timeout and mono + schedule.timeout,
  }
  daemon.runs[run.id] = run
  log.info("serve", "%s: run %d starts (%s, due %s, attempt %d)", item.name, run.id, row.kind, schedule.spec:format(row.due), row.attempt)
  spawn(daemon, run, args)
  return run
end

--- Asks a run to stop; a second reason changes nothing but a `drain` that a cancel comes before.
---@param run sluice.ServeRun
---@param reason "timeout"|"cancel"|"drain"
---@param mono number
function runner.stop(run, reason, mono)
  if run.reason or run.result or not run.child then return end
  run.reason, run.kill_at = reason, mono + run.schedule.grace
  run.child:signal(TERM)
end

--- Kills a run that was asked and did not stop.
function runner.kill(run)
  if run.child and not run.result then run.child:signal(KILL) end
  run.kill_at = nil
end

--- Looks after time limits; gives the next time (monotonic) to look again.
---@param daemon table
---@param mono number
---@return number?
function runner.watch(daemon, mono)
  local at
  for _, run in pairs(daemon.runs) do
    if run.deadline and mono >= run.deadline and not run.reason then
      log.warn("serve", "%s: run %d has used up its %g seconds, it is asked to stop", run.item.name, run.id, run.schedule.timeout)
      runner.stop(run, "timeout", mono)
    end
    if run.kill_at and mono >= run.kill_at then
      log.warn("serve", "%s: run %d did not stop within its grace, it is killed", run.item.name, run.id)
      runner.kill(run)
    end
    local following = run.kill_at or not run.reason and run.deadline or nil
    if following and (not at or following < at) then at = following end
  end
  return at
end

return runner
