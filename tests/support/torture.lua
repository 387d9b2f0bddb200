-- Daemons and their runs under everything that can happen to a process: SIGKILL, SIGTERM, SIGHUP, SIGSTOP, a wall clock that is
-- set forward and back, people who trigger, pause and cancel. Afterwards each due time must have exactly one fate, and no attempt
-- may have run twice.
--
--   local result = require("support.torture").run { seconds = 15, seed = 1 }
--   result.wrong      -- list of texts, empty where all is well
--   result.counts     -- what was done, and what became of it
local config = require "sluice.config"
local lfs = require "lfs"
local options = require "sluice.schedule.options"
local process = require "sluice.process"
local state = require "sluice.state"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

local torture = {}

local Torture = {}
Torture.__index = Torture

local CONFIG = [[
version: 1
store: sqlite:state.db
serve: { listen: "off", drain: 2s, concurrency: 6 }
schedules:
  skip: { recipe: r.lua, every: 2s, overlap: skip, grace: 1s, args: { most: 1.5 } }
  queue: { recipe: r.lua, every: 3s, overlap: queue, catchup: all, grace: 1s, timeout: 2s, args: { most: 2.5 } }
  cancel: { recipe: r.lua, every: 4s, overlap: cancel_running, grace: 1s, args: { most: 6 } }
  retry: { recipe: r.lua, every: 5s, retry: { attempts: 3, backoff: 300ms }, catchup: none, grace: 1s, args: { most: 0.3, fail: 0.7 } }
  allow: { recipe: r.lua, every: 3s, overlap: allow, jitter: 2s, start_within: 20s, grace: 1s, args: { most: 4 } }
  deaf: { recipe: r.lua, every: 7s, grace: 1s, timeout: 2s, args: { most: 5, deaf: true } }
]]

-- Says that it has started, holds a lock while it works (two at once of a schedule would show), sleeps, and ends.
local RECIPE = [[
local sluice = require "sluice"
return sluice.recipe {
  about = "torture", args = { most = "seconds", fail = { "share", default = 0 }, deaf = { "", optional = true } },
  run = function(args, run)
    local store = require("sluice.state").open "marks.db"
    local held = store:lock(run.schedule)
    local file = io.open("marks", "a")
    file:setvbuf "full"
    file:write(("%s %s %s %s %s\n"):format(run.id, run.schedule, run.due_text, run.attempt,
      held and "alone" or "together"))
    file:close()
    local ends = require("sluice.time").mono() + math.random() * args.most
    repeat
      local ok, problem = pcall(sluice.task.sleep, 0.05)
      if not ok and not args.deaf then error(problem, 0) end
    until require("sluice.time").mono() >= ends
    if math.random() < args.fail then error "as it was asked to" end
  end,
}
]]

-- ---- the daemons ----

function Torture:random(n)
  self.state = (self.state * 6364136223846793005 + 1442695040888963407)
  return ((self.state >> 33) % n) + 1
end

function Torture:count(what) self.counts[what] = (self.counts[what] or 0) + 1 end

function Torture:start()
  local child = assert(process.spawn {
    argv = { self.program, "run", self.script, "config=" .. self.folder .. "/sluice.yaml", "clock=" .. self.folder .. "/clock", "-v" },
    env = { SLUICE_STDLIB = os.getenv "SLUICE_STDLIB" or false },
  })
  local one = { child = child }
  one.task = task.spawn(function()
    local file = assert(io.open(self.folder .. "/daemons.log", "a"))
    for _, text in child.line, child do file:write(child.pid, " ", text, "\n") end
    file:close()
    child:wait()
    one.gone = true
  end)
  self.daemons[#self.daemons + 1] = one
end

function Torture:signal(one, number) -- luacheck: ignore self
  if not one.gone then process.kill_group(one.child.pid, number) end
end

function Torture:forget_dead()
  for i = #self.daemons, 1, -1 do
    if self.daemons[i].gone then table.remove(self.daemons, i) end
  end
end

-- The groups of runs that the ledger says are going.
function Torture:run_pids()
  local pids = {}
  for _, row in ipairs(self.store:occurrences { state = "running" }) do
    local run = self.store:runs({ id = row.run })[1]
    if run and run.pid > 1 and run.log then pids[#pids + 1] = run.pid end
  end
  return pids
end

-- ---- what happens to them ----

local happenings = {}

local function some_daemon(self)
  return #self.daemons > 0 and self.daemons[self:random(#self.daemons)] or nil
end

local function to_daemon(number)
  return function(self)
    local one = some_daemon(self)
    if one then self:signal(one, number) end
  end
end

happenings.kill_daemon, happenings.kill_daemon_again, happenings.term_daemon, happenings.hup = to_daemon(9), to_daemon(9), to_daemon(15), to_daemon(1)

-- Stopped in the middle of whatever it does. Another process lets it go on: it may have the store for itself, and then we wait
-- for it as well.
local function hold(pid, seconds)
  if not process.kill_group(pid, 19) then return end
  local child = assert(process.spawn { argv = { "sh", "-c", ("sleep %g; kill -s CONT -- -%d"):format(seconds, pid) } })
  task.spawn(function()
    child:wait()
    child:close()
  end)
end

function happenings.stop_daemon(self)
  local one = some_daemon(self)
  if one and not one.gone then hold(one.child.pid, self:random(2000) / 1000) end
end

local function to_run(self, number)
  local pids = self:run_pids()
  if #pids > 0 then process.kill_group(pids[self:random(#pids)], number) end
end

function happenings.kill_run(self) to_run(self, 9) end

function happenings.stop_run(self)
  local pids = self:run_pids()
  local pid = #pids > 0 and pids[self:random(#pids)]
  if not pid then return end
  hold(pid, self:random(1500) / 1000)
end

function happenings.step_clock(self)
  local dice = self:random(20) -- mostly a little; sometimes hours forward, seldom half a minute back, when little happens for as long
  local step = dice <= 2 and self:random(4000) or dice == 3 and -30 or self:random(12) - 4
  self.shift = self.shift + step
  tmp.write(self.folder .. "/clock.new", tostring(self.shift))
  assert(os.rename(self.folder .. "/clock.new", self.folder .. "/clock"))
end

local function some_schedule(self)
  local rows = self.store:schedules()
  return #rows > 0 and rows[self:random(#rows)].name or nil
end

function happenings.trigger(self)
  local name = some_schedule(self)
  if name then self.store:schedule_trigger(name) end
end

function happenings.pause(self)
  local name = some_schedule(self)
  if not name then return end
  self.store:schedule_pause(name)
  task.spawn(function()
    task.sleep(self:random(3000) / 1000)
    self.store:schedule_resume(name)
  end)
end

function happenings.cancel(self)
  local rows = self.store:occurrences { open = true }
  if #rows > 0 then self.store:occurrence_cancel(rows[self:random(#rows)].id) end
end

local names = {}
for name in pairs(happenings) do names[#names + 1] = name end
table.sort(names)

function Torture:rage(seconds)
  local ends = time.mono() + seconds
  while time.mono() < ends do
    task.sleep(0.05 + self:random(500) / 1000)
    self:forget_dead()
    while #self.daemons < 2 do self:start() end
    local name = names[self:random(#names)]
    time.shift(self.shift, 0)
    happenings[name](self)
    time.shift(0, 0)
    self:count(name)
  end
end

-- All daemons end; a last one looks after what they have left.
function Torture:calm()
  local function stop()
    for _, one in ipairs(self.daemons) do
      self:signal(one, 18)
      self:signal(one, 15)
    end
    for _, one in ipairs(self.daemons) do one.task:wait() end
    self.daemons = {}
  end
  task.sleep(2.1) -- what was stopped goes on
  stop()
  self:start()
  task.sleep(4)
  stop()
end

-- ---- what became of it ----

function Torture:complain(format, ...) self.wrong[#self.wrong + 1] = format:format(...) end

-- Each due time from the first row to the last lies in exactly one row.
function Torture:check_fates(schedule)
  local covered, first, last = {}, math.huge, 0
  for _, row in ipairs(self.store:occurrences { schedule = schedule.name, kind = "timed" }) do
    local upto, count = row["until"] or row.due, 0
    for _, due in ipairs(schedule.spec:times(row.due - 1, row.count + 1)) do
      if due <= upto then
        count = count + 1
        if covered[due] then self:complain("%s: %d has two fates", schedule.name, due) end
        covered[due] = true
      end
    end
    if count ~= row.count then self:complain("%s: row %d says %d due times, and spans %d", schedule.name, row.id, row.count, count) end
    if row.state == "running" then self:complain("%s: row %d is still running", schedule.name, row.id) end
    first, last = math.min(first, row.due), math.max(last, upto)
    self:count(row.state .. (row.outcome and " " .. row.outcome or "") .. (row.reason and " " .. row.reason or ""))
  end
  if last == 0 then -- in seconds, on a busy machine, that may be so
    if self.seconds >= 60 then self:complain("%s: nothing happened", schedule.name) end
    return
  end
  local seen = self.store:schedule(schedule.name).seen
  local count = schedule.spec:count(first - 1, math.max(last, seen))
  for _, due in ipairs(schedule.spec:times(first - 1, count)) do
    if not covered[due] then self:complain("%s: %d has no fate", schedule.name, due) end
  end
end

-- Each run said once that it started, is in the ledger, and no attempt was made twice but one that a restart took back.
function Torture:check_marks()
  local runs, attempts = {}, {}
  for line in tmp.read(self.folder .. "/marks"):gmatch "[^\n]+" do
    local id, name, due, attempt, held = line:match "^(%d+) (%S+) (%S+) (%d+) (%a+)$"
    if not id then self:complain("a mark that can't be read: %s", line) return end
    if runs[id] then self:complain("run %s has started twice", id) end
    runs[id] = true
    if held == "together" and name ~= "allow" then self:complain("%s: run %s (due %s, attempt %s) ran beside another one", name, id, due, attempt) end
    local row = self.store:runs({ id = math.tointeger(tonumber(id)) })[1]
    if not row then self:complain("run %s is not in the ledger", id) return end
    local key = ("%s of occurrence %d"):format(attempt, row.occurrence)
    if attempts[key] and attempts[key] ~= "stopped" then self:complain("%s: attempt %s was made twice", name, key) end
    attempts[key] = row.outcome or "none"
    self:count "starts"
  end
end

--- Makes a project, lets it happen, and looks.
---@param o { seconds: number, seed: integer, program?: string }
---@return { wrong: string[], counts: table<string, integer>, folder: string }
function torture.run(o)
  local folder = tmp.dir()
  local self = setmetatable({ state = o.seed, seconds = o.seconds, folder = folder, daemons = {}, counts = {}, wrong = {}, shift = 0,
    program = o.program or lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice",
    script = lfs.currentdir() .. "/tests/support/torture_daemon.lua" }, Torture)
  tmp.write(folder .. "/sluice.yaml", CONFIG)
  tmp.write(folder .. "/r.lua", RECIPE)
  tmp.write(folder .. "/clock", "0")
  self.store = state.open(folder .. "/state.db")
  self:rage(o.seconds)
  self:calm()
  for _, schedule in pairs(options.load(config.load(folder .. "/sluice.yaml")).schedules) do self:check_fates(schedule) end
  self:check_marks()
  self.store:close()
  return { wrong = self.wrong, counts = self.counts, folder = folder }
end

return torture
