--- One process that serves schedules: what is due is decided, what waits is started, what runs is looked after.
---
---   local daemon = daemons.new(store, loaded)
---   daemon:run()                                -- until it is told to stop
---
--- A round (`tick`) never waits; between two rounds the daemon sleeps until the next due time by the monotonic clock, a second
--- at most, so that steps of the wall clock and changes by others are seen. Nothing that a round does is lost where it fails:
--- what was not written is decided again from the store.
local agenda = require "sluice.serve.agenda"
local books = require "sluice.serve.book"
local core = require "sluice.core"
local ending = require "sluice.schedule.ending"
local err = require "sluice.err"
local heap = require "sluice.serve.heap"
local lfs = require "lfs"
local log = require "sluice.log"
local notify = require "sluice.serve.notify"
local planning = require "sluice.serve.planning"
local recover = require "sluice.serve.recover"
local runner = require "sluice.serve.runner"
local stalled = require "sluice.serve.stalled"
local starting = require "sluice.serve.starting"
local task = require "sluice.task"
local time = require "sluice.time"

local daemons = {}

local LOOK = 1     -- seconds between two looks at what others do, at the most
local STEP = 2     -- seconds that the wall clock may differ from the monotonic one before it counts as a step
local RUNS = 30    -- runs that stalled.of looks at
local TELL_AGAIN = 60
local TRIES = 3       -- with versions that turn out to be old

---@class sluice.ServeDaemon
local Daemon = {}
Daemon.__index = Daemon

---@param store sluice.Store
---@param loaded sluice.Loaded
---@param options? { clock?: { now: fun(): number, mono: fun(): number }, program?: string, spawn?: function, note?: string } for specs
---@return sluice.ServeDaemon
function daemons.new(store, loaded, options)
  options = options or {}
  local self = setmetatable({
    store = store, loaded = loaded, clock = options.clock or time, program = options.program, spawn = options.spawn, book = books.new(store),
    runs = {}, orphans = {}, orphaned = {}, living = {}, touched = {}, troubles = {}, untold = {}, telling = {},
    agenda = agenda.new(), order = {}, queue = heap.new(starting.before),
  }, Daemon)
  self.me = store:daemon_start(options.note)
  self.id = self.me.id
  self:load(loaded)
  return self
end

--- Takes a config: from now on it is the one. What is due by the old one until now is decided by that first (plan.lua).
function Daemon:load(loaded)
  self.loaded = loaded
  self.book:load(loaded)
  for _, item in pairs(self.book.items) do planning.touch(self, item) end
end

--- What the ledger calls a recipe: its path from the config's folder on, as `sluice run` does.
function Daemon:identity(recipe)
  local folder = self.loaded.folder .. "/"
  return ((recipe:sub(1, #folder) == folder and recipe:sub(#folder + 1) or recipe):gsub("%.lua$", ""))
end

-- ---- trouble ----

--- Does something that the store, the disk or a mistake of ours may refuse: said when it begins, and when it is over.
---@return boolean ok
---@return any problem where it is not
function Daemon:guard(what, fn, ...)
  local ok, problem = xpcall(fn, function(value) return err.is(value) and value or debug.traceback(tostring(value), 2) end, ...)
  if ok and self.troubles[what] then
    log.warn("serve", "%s: works again", what)
    self.troubles[what] = nil
  elseif not ok and self.troubles[what] ~= tostring(problem) then
    self.troubles[what] = tostring(problem)
    log.error("serve", "%s: %s (it is tried again)", what, tostring(problem))
  end
  return ok, problem
end

-- ---- ends ----

-- Whether it does its work is asked after each good timed run.
local function judge(self, item, row, how, change)
  if row.kind ~= "timed" or not how.state or (how.outcome ~= "ok" and how.outcome ~= "partial") then return end
  local reason = stalled.of(self.store:runs { schedule = item.name, most = RUNS })
  if reason == item.row.stalled then return end
  change.stalled, change.stalled_at = reason or false, reason and self.clock.now() or false
  if reason then log.warn("serve", "%s: green but stuck: %s", item.name, reason) end
end

local gone = { enabled = false, overlap = "skip" } -- stands for a schedule that the config has no more

--- The end of an attempt goes to the store, with what follows from it.
---@param item sluice.BookItem
---@param row sluice.OccurrenceRow
---@param result sluice.EndResult
---@param seen? { status?: integer }
function Daemon:finish(item, row, result, seen)
  local schedule, run = item.schedule or gone, row.run
  local how, change = ending.decide {
    schedule = schedule, row = item.row, open = item.open, occurrence = row, result = result, now = self.clock.now(),
  }
  judge(self, item, row, how, change)
  how.exit_code, how.error = seen and seen.status, result.text
  self.store:occurrence_end(row.id, run, how, change)
  self.book:refresh(item) -- an end holds whatever others did meanwhile, so that its version says nothing of what we know
  planning.touch(self, item)
  local level = (result.outcome == "ok" or result.outcome == "stopped" or result.outcome == "cancelled") and "info" or "warn"
  log[level]("serve", "%s: run %d: %s%s", item.name, run, result.outcome, how.note and " (" .. how.note .. ")" or "")
  if change.paused then log.warn("serve", "%s: it is paused now: %s", item.name, change.pause_note) end
end

-- The row as the book has it now; what was read again since is another table.
local function current(item, row)
  for _, one in ipairs(item.open) do
    if one.id == row.id then return one end
  end
end

-- What is known of a process that has ended. One that fails has told the ledger why, if it came so far.
local function seen_of(self, run)
  local result = run.result
  local ledger = result.status ~= 0 and self.store:runs({ id = run.id })[1] or nil
  return { status = result.status, signal = result.signal, reason = run.reason, said = ledger and ledger.error }
end

-- What a run's end means goes to the store; then its lock is free.
local function note_end(self, id, run)
  local row = current(run.item, run.row)
  if not row or row.run ~= id then
    self.book:refresh(run.item)
    row = current(run.item, run.row)
  end
  if row and row.run == id and row.state == "running" then
    local seen = seen_of(self, run)
    local result = run.result.note and { outcome = "failed", classes = {}, named_only = true, text = run.result.note } or ending.of(seen)
    self:finish(run.item, row, result, seen)
  end
  self.runs[id] = nil
  run.lock:close()
end

-- Runs whose process has ended. What the store refuses now is told again in the next round; until then their locks are ours.
-- Trouble with one keeps none of the others; but for a store that another process writes for long, which takes seconds to
-- find out, so that it is asked once.
local function reap(self)
  local ended, ok = {}, true
  for id, run in pairs(self.runs) do ended[id] = run.result and run end
  for id, run in pairs(ended) do
    local done, problem = self:guard(("the end of run %d"):format(id), note_end, self, id, run)
    ok = ok and done
    if not done and err.is(problem) and problem.retryable then break end
  end
  return ok
end

-- ---- who is told ----

-- Takes back that it was told, whatever others do to the schedule meanwhile.
local function untell(self, item, state, was)
  for _ = 1, TRIES do
    if not item.row or item.row.told ~= state then return end -- it has changed since, and is told then
    local change = { name = item.name, version = item.row.version, told = was }
    local versions = self.store:schedule_plan(self.me, { change })
    if versions[1] then return self.book:change_row(item, change, versions[1]) end
    self.book:refresh(item)
    planning.touch(self, item)
  end
end

local function send(self, item, notice, state)
  local ok, problem = notify.send(self.loaded, notice)
  if not self.telling[item] then return end -- it took too long for us: it was taken back
  self.telling[item] = nil
  self:ring()
  if ok then return end
  log.error("serve", "%s could not be told: %s (it is tried again)", notice.text, problem)
  item.tell_after = self.clock.mono() + TELL_AGAIN
  self.untold[item] = true
  untell(self, item, state, notice.was)
end

--- Tells of a change of state, once. The store knows it first.
function Daemon:tell(item)
  local row = item.row
  if not self.loaded.notify or not row or not item.schedule or self.telling[item] then return end
  local state, was = notify.state(row), row.told or "ok"
  if state == was or item.tell_after and item.tell_after > self.clock.mono() then return end
  local change = { name = item.name, version = row.version, told = state }
  local versions = self.store:schedule_plan(self.me, { change })
  if not versions[1] then return planning.touch(self, item) end
  self.book:change_row(item, change, versions[1])
  self.telling[item], item.tell_after = { state = state, was = was }, nil
  task.spawn(function()
    self:guard("telling", send, self, item, notify.message(item.name, was, state, item.row), state)
  end)
end

-- ---- rounds ----

-- The wall clock against the monotonic one: a step makes all times come anew.
local function watch_clock(self, now, mono)
  local offset = now - mono
  local step = self.offset and offset - self.offset or 0
  self.offset = offset
  if math.abs(step) < STEP then return end
  self.clock_said = nil
  log.warn("serve", "the clock was set %s by %.0f s (or the machine has slept)", step > 0 and "forward" or "back", math.abs(step))
  for _, item in pairs(self.book.items) do
    item.why = nil
    planning.touch(self, item)
  end
end

-- Items with something of a daemon that lives no more.
local function free_claims(self, living)
  for owner in pairs(self.living) do
    if not living[owner] then
      for _, item in pairs(self.book.items) do
        for _, row in ipairs(item.open) do
          if row.owner == owner then planning.touch(self, item) end
        end
      end
    end
  end
  self.living = living
end

local function look_around(self, mono)
  if self.looked and mono - self.looked < LOOK * 0.9 then return end
  self.looked = mono
  free_claims(self, recover.living(self.store))
  recover.look(self, mono)
  for item in pairs(self.untold) do
    if not item.tell_after or item.tell_after <= mono then
      self.untold[item] = nil
      planning.touch(self, item)
    end
  end
end

-- A store that was removed or replaced: what we write would be seen by nobody, and others have another one.
local function check_store(self)
  local now = lfs.attributes(self.loaded.store)
  local which = now and now.dev .. ":" .. now.ino
  self.file = self.file or which
  if which == self.file then return end
  err.raise { code = "state", message = self.loaded.store .. (now and " is another file now" or " was removed") .. " while it was in use",
    hint = "nothing is started until `sluice serve` starts anew" }
end

local function sync(self)
  check_store(self)
  for item in pairs(self.book:sync(not self.synced)) do planning.touch(self, item) end
  self.synced = true
end

-- When something is to be done next, as seconds from now.
local function pause(self, now, mono, failed)
  local seconds, at = LOOK, planning.next(self)
  if at and not failed then seconds = math.min(seconds, at - now) end
  at = runner.watch(self, mono)
  if at then seconds = math.min(seconds, at - mono) end
  if next(self.touched) and not failed then seconds = 0 end
  return math.max(seconds, 0)
end

-- Whether none of its processes goes on; there may be ends that the store has refused.
local function all_ended(self)
  for _, run in pairs(self.runs) do
    if not run.result then return false end
  end
  return true
end

--- One round. Gives the seconds until the next one; less where it rings before.
---@return number seconds
function Daemon:tick()
  local now, mono = self.clock.now(), self.clock.mono()
  watch_clock(self, now, mono)
  local ok = self:guard("reading the store", sync, self)
  ok = reap(self) and ok
  ok = ok and self:guard("looking after the runs of others", look_around, self, mono)
  if ok and not self.draining then
    ok = self:guard("deciding what is due", planning.round, self, now)
    ok = ok and self:guard("starting what waits", starting.round, self, now)
    if ok then planning.prepare(self, now) end
  end
  if self.draining and mono >= self.draining then
    for _, run in pairs(self.runs) do runner.kill(run) end
    self.last_try = all_ended(self) -- and their ends were offered to the store at least once more
  end
  return pause(self, now, mono, not ok)
end

--- No more is claimed or started; what runs is asked to stop, and killed when `drain` is over.
function Daemon:stop()
  local mono = self.clock.mono()
  if self.draining then return end
  self.stopped, self.draining = mono, mono + self.loaded.serve.drain
  for _, run in pairs(self.runs) do
    runner.stop(run, "drain", mono)
    if run.kill_at then run.kill_at = math.min(run.kill_at, self.draining) end
  end
  self:ring()
end

--- Whether it was stopped and nothing runs any more. At the end of `drain` it waits no longer for somebody who is being told
--- something, or for a store that can't be written: the next daemon finds such an end, and asks the ledger.
function Daemon:is_done()
  if not self.draining then return false end
  if self.clock.mono() >= self.draining and self.last_try then return all_ended(self) end
  return next(self.runs) == nil and next(self.telling) == nil
end

--- Ends a wait: something has happened.
function Daemon:ring()
  self.rung = true
  if self.sleeper then core.wake(self.sleeper) end
  self.sleeper = nil
end

-- Sleeps by the monotonic clock, or until it rings. (waits)
local function wait(self, seconds)
  if not self.rung and seconds > 0 then
    self.sleeper = core.current()
    local timer = task.spawn(function()
      task.sleep(seconds)
      self:ring()
    end)
    core.park()
    timer:cancel()
  else
    task.yield()
  end
  self.rung = nil
end

--- Rounds until it is stopped and all runs have ended. (waits)
---@param each? fun(self: sluice.ServeDaemon) called after each round
function Daemon:run(each)
  while not self:is_done() do
    local seconds = self:tick()
    if each then each(self) end
    if not self:is_done() then wait(self, seconds) end
  end
  self:close()
end

--- Gives back what it has claimed; runs that are left are killed.
function Daemon:close()
  for _, run in pairs(self.runs) do
    if run.child then run.child:close() end
    if run.result then log.error("serve", "%s: the end of run %d could not be written; the next daemon finds it", run.item.name, run.id) end
  end
  for item, one in pairs(self.telling) do
    self:guard("what could not be told", untell, self, item, one.state, one.was)
  end
  self.telling = {}
  self.me:close()
end

--- How many schedules the config has.
---@return integer
function Daemon:count()
  local count = 0
  for _, item in pairs(self.book.items) do count = count + (item.schedule and 1 or 0) end
  return count
end

--- Its state in lines of text.
---@return string
function Daemon:describe()
  local now, waiting, lines = self.clock.now(), 0, {}
  for _, item in pairs(self.book.items) do
    for _, row in ipairs(item.open) do waiting = waiting + (row.state == "waiting" and 1 or 0) end
  end
  for _, run in pairs(self.runs) do
    lines[#lines + 1] = ("  run %d of %s, %.0f s%s"):format(run.id, run.item.name, self.clock.mono() - run.started,
      run.reason and ", asked to stop: " .. run.reason or "")
  end
  table.sort(lines)
  local at = planning.next(self)
  table.insert(lines, 1, ("daemon %d: %d schedules, %d runs, %d wait, next in %s"):format(self.id, self:count(), #lines, waiting,
    at and ("%.0f s"):format(math.max(0, at - now)) or "no time"))
  for what, problem in pairs(self.troubles) do lines[#lines + 1] = ("  trouble: %s: %s"):format(what, problem) end
  return table.concat(lines, "\n") .. "\n"
end

return daemons
