-- A daemon in a world of its own: a real store, a clock that moves when it is told to, and processes that are played by
-- the spec. What a schedule does in a year takes a moment.
--
--   local world = pretend.world { delta = { every = 60, overlap = "queue" } }
--   local daemon = world:daemon()
--   world:pass(61)                      -- the clock goes on; all daemons make their rounds
--   world:running()[1]:exit(0)
local core = require "sluice.core"
local cron = require "sluice.cron"
local daemons = require "sluice.serve.daemon"
local state = require "sluice.state"
local task = require "sluice.task"
local time = require "sluice.time"
local ticks = require "support.ticks"
local tmp = require "support.tmp"

local pretend = {}

-- ---- a process ----

local Child = {}
Child.__index = Child

local function wait_for_end(self)
  while not self.result do
    self.waiting[#self.waiting + 1] = core.current()
    core.park()
  end
end

function Child:line() wait_for_end(self) end

function Child:wait()
  wait_for_end(self)
  return self.result
end

--- Ends it.
function Child:exit(status, signal)
  self.result = { status = status, signal = signal }
  for i, id in ipairs(self.waiting) do
    self.waiting[i] = nil
    core.wake(id)
  end
end

-- A good child ends at once where it is asked to; a stubborn one has to be killed.
function Child:signal(number)
  self.signals[#self.signals + 1] = number
  if self.result then return false end
  if number == 9 then self:exit(137, 9) elseif not self.world.stubborn then self:exit(143) end
  return true
end

function Child:close() if not self.result then self:exit(137, 9) end end

-- ---- the world ----

local World = {}
World.__index = World

local defaults = {
  recipe = "/nowhere/r.lua", args = {}, enabled = true, grace = 30, overlap = "skip", catchup = "latest", catchup_limit = 100, uses = {},
}

local function schedule_of(name, fields)
  local s = { name = name }
  for key, value in pairs(defaults) do s[key] = value end
  for key, value in pairs(fields) do s[key] = value end
  s.text = s.cron and "TZ=UTC\n" .. s.cron or ("every %d"):format(s.every)
  s.spec = s.cron and assert(cron.parse(s.text, { name = name })) or ticks.every(s.every)
  return s
end

--- What a config would give.
function pretend.loaded(folder, schedules, more)
  local loaded = {
    schedules = {}, connections = {}, runs = {}, path = folder .. "/sluice.yaml", folder = folder, store = folder .. "/state.db",
    serve = { concurrency = 8, drain = 30, zone = "UTC", log_bytes = 1000000 },
  }
  for name, fields in pairs(schedules) do loaded.schedules[name] = schedule_of(name, fields) end
  for key, value in pairs(more or {}) do loaded[key] = value end
  for key, value in pairs(more and more.with or {}) do loaded.serve[key] = value end
  return loaded
end

function pretend.world(schedules, more)
  local folder = tmp.dir()
  local self = setmetatable({ folder = folder, wall = 1000000000, mono = 50, children = {}, daemons = {} }, World)
  self.loaded = pretend.loaded(folder, schedules, more)
  self.store = state.open(self.loaded.store) -- what a person does
  return self
end

--- Another daemon on the same store. It makes its first round.
function World:daemon(loaded)
  local store = state.open(self.loaded.store)
  local clock = { now = function() return self.wall end, mono = function() return self.mono end }
  local function spawn(options)
    if self.no_spawn then return nil, self.no_spawn end
    local child = setmetatable({ world = self, pid = 4000000 + #self.children, waiting = {}, signals = {} }, Child)
    child.env, child.argv = options.env, options.argv
    self.children[#self.children + 1] = child
    return child
  end
  local daemon = daemons.new(store, loaded or self.loaded, { clock = clock, spawn = spawn })
  self.daemons[#self.daemons + 1] = daemon
  self:settle()
  return daemon
end

-- The store notes times by this process's clock.
local function set_clock(self)
  self.shift = (self.shift or 0) + self.wall - time.now()
  time.shift(self.shift, 0)
end

--- Rounds without time passing, until nothing more happens.
function World:settle()
  set_clock(self)
  for _ = 1, 4 do
    for _, daemon in ipairs(self.daemons) do
      daemon.looked = nil
      daemon:tick()
    end
    task.yield()
    task.yield()
  end
end

--- Time goes on, in steps of a second or more.
function World:pass(seconds, step)
  local left = seconds
  while left > 0 do
    local by = math.min(left, step or 1)
    self.wall, self.mono, left = self.wall + by, self.mono + by, left - by
    self:settle()
  end
end

--- The processes that go on, in the order of their starts.
function World:running()
  local list = {}
  for _, child in ipairs(self.children) do
    if not child.result then list[#list + 1] = child end
  end
  return list
end

--- All occurrences in short: "ran ok", "skipped overlap", "missed catchup x9", "waiting".
function World:fates(name)
  local list = {}
  for i, row in ipairs(self.store:occurrences { schedule = name }) do
    local words = { row.state }
    words[#words + 1] = row.state ~= "waiting" and row.outcome or nil
    words[#words + 1] = row.reason
    if row.count > 1 then words[#words + 1] = "x" .. row.count end
    list[i] = table.concat(words, " ")
  end
  return list
end

--- A daemon that dies without a word: its locks are free, its processes are gone or go on.
function World:kill(daemon)
  for i, one in ipairs(self.daemons) do
    if one == daemon then table.remove(self.daemons, i) break end
  end
  for _, run in pairs(daemon.runs) do
    run.task:cancel()
    run.lock:close()
  end
  daemon.store:close()
end

function World:close()
  for _, daemon in ipairs(self.daemons) do
    daemon:close()
    daemon.store:close()
  end
  task.yield()
  self.store:close()
  time.shift(0, 0)
end

return pretend
