--- Tasks: several things at once in one process. A task is a coroutine that the runner resumes when what it waits for
--- has finished; only one runs at a time, and only a call that waits lets another one run.
local core = require "sluice.core"
local err = require "sluice.err"

local task = {}

-- A coroutine of the script's own passes on the runner's wait mark, so that a call may wait inside it too.
local resume, yield, create, status, close = coroutine.resume, coroutine.yield, coroutine.create, coroutine.status, coroutine.close

local function relay(co, ok, first, ...)
  if ok and first == core.WAIT then
    yield(core.WAIT)
    return relay(co, resume(co))
  end
  return ok, first, ...
end

local function unwrap(co, ok, ...)
  if ok then return ... end
  local problem = ...
  if status(co) ~= "dead" then close(co) end
  error(problem, 0)
end

--- Replaces `coroutine.resume` and `coroutine.wrap` by ones that pass waiting on. Done once, by the command line.
function task.install()
  coroutine.resume = function(co, ...) return relay(co, resume(co, ...)) end -- luacheck: ignore
  coroutine.wrap = function(fn) -- luacheck: ignore
    local co = create(fn)
    return function(...) return unwrap(co, relay(co, resume(co, ...))) end
  end
end

---@class sluice.Task
local Task = {}
Task.__index, Task.__name = Task, "sluice.task"

local function wake_all(list)
  for i, id in ipairs(list) do
    list[i] = nil
    core.wake(id)
  end
end

local function finished(self, ok, ...)
  self.ok, self.results = ok, table.pack(...)
  if not ok and not self.waiters[1] and not self.awaited then
    require("sluice.fail").unobserved(self.results[1], self.trace)
  end
  wake_all(self.waiters)
end

--- Starts a function as a task. It runs when the caller next waits.
---@param fn function
---@return sluice.Task
function task.spawn(fn, ...)
  if type(fn) ~= "function" then err.raise { code = "usage", message = "task.spawn: expected a function, got " .. type(fn) } end
  local self = setmetatable({ waiters = {} }, Task)
  self.id = core.start(function(...)
    finished(self, xpcall(fn, function(problem)
      local located, trace = require("sluice.fail").locate(problem)
      self.trace = trace
      return located
    end, ...))
  end, ...)
  return self
end

--- Whether the task has ended (well, badly or by cancelling).
---@return boolean
function Task:done() return self.results ~= nil end

--- Waits for the end of the task and gives what its function returned; raises what it raised. (waits)
function Task:wait()
  self.awaited = true
  while not self.results do
    self.waiters[#self.waiters + 1] = core.current()
    core.park()
  end
  if self.ok then return table.unpack(self.results, 1, self.results.n) end
  error(self.results[1], 0)
end

--- Ends a task where it waits: what it waits for is cancelled, those who wait for it get the error `cancelled`.
function Task:cancel()
  if self.results or self.id == core.current() then return end
  core.drop(self.id)
  self.awaited = true
  finished(self, false, err.new { code = "cancelled", message = "the task was cancelled" })
end

local function cancel_all(tasks)
  for _, one in ipairs(tasks) do one:cancel() end
end

--- Runs the functions side by side and waits for all; gives the first result of each, in order. Where one fails the
--- others are cancelled and its error is raised. (waits)
---@param list function[]
---@return any ...
function task.all(list)
  local tasks, results = {}, { n = #list }
  local _ <close> = setmetatable(tasks, { __close = cancel_all }) -- also where the caller itself is cancelled
  for i, fn in ipairs(list) do
    tasks[i] = task.spawn(fn)
    tasks[i].awaited = true
  end
  while true do
    local open = {}
    for i, one in ipairs(tasks) do
      if not one.results then open[#open + 1] = one
      elseif one.ok then results[i] = one.results[1]
      else error(one.results[1], 0) end
    end
    if #open == 0 then return table.unpack(results, 1, results.n) end
    for _, one in ipairs(open) do one.waiters[1] = core.current() end
    core.park()
  end
end

--- Gives each value of an iterator to a function, up to `n` at once; the iterator itself, which may wait, is asked by one at a time.
--- Ends early where a signal asks for it. Where one call fails the others are cancelled and its error is raised. (waits)
---@param source fun(): any
---@param n integer
---@param fn fun(value: any)
function task.each(source, n, fn)
  local turn, ended, workers = task.semaphore(1), false, {}
  local function take()
    turn:acquire()
    local ok, value = true, nil
    if not ended then ok, value = pcall(source) end
    ended = ended or not ok or value == nil
    turn:release()
    if not ok then error(value, 0) end
    return value
  end
  for i = 1, n do
    workers[i] = function()
      for value in take do
        fn(value)
        if task.stopping() then return end
      end
    end
  end
  task.all(workers)
end

--- Waits. Raises `cancelled` where a signal asks to stop. (waits)
---@param seconds number
function task.sleep(seconds)
  local ok, problem = core.sleep(seconds)
  if not ok then error(problem, 0) end
end

--- Lets the other tasks and the transfers go on. (waits)
function task.yield() core.yield() end

--- The number of the signal (2 or 15) that asked the process to stop, or nil.
---@return integer?
function task.stopping() return core.signal() end

---@class sluice.Channel
local Channel = {}
Channel.__index, Channel.__name = Channel, "sluice.channel"

--- A queue between tasks.
---@param capacity? integer values it holds before `put` waits; default 1
---@return sluice.Channel
function task.channel(capacity)
  capacity = capacity or 1
  if math.type(capacity) ~= "integer" or capacity < 1 then
    err.raise { code = "usage", message = "task.channel: the capacity must be a whole number from 1" }
  end
  return setmetatable({ capacity = capacity, first = 1, last = 0, readers = {}, writers = {} }, Channel)
end

local function wait_in(list)
  list[#list + 1] = core.current()
  core.park()
end

--- Puts a value in; waits while the channel is full. Raises `usage` where it is closed or the value is nil. (waits)
---@param value any
function Channel:put(value)
  if value == nil then err.raise { code = "usage", message = "channel:put: nil marks the end of a channel, put another value" } end
  while not self.closed and self.last - self.first + 1 >= self.capacity do wait_in(self.writers) end
  if self.closed then err.raise { code = "usage", message = "channel:put: the channel is closed" } end
  self.last = self.last + 1
  self[self.last] = value
  wake_all(self.readers)
end

--- Takes the oldest value; waits while there is none; nil once the channel is closed and empty. (waits)
function Channel:get()
  while self.first > self.last and not self.closed do wait_in(self.readers) end
  if self.first > self.last then return nil end
  local value = self[self.first]
  self[self.first], self.first = nil, self.first + 1
  wake_all(self.writers)
  return value
end

--- Nothing more comes: readers get what is left, then nil.
function Channel:close()
  self.closed = true
  wake_all(self.readers)
  wake_all(self.writers)
end

---@class sluice.Semaphore
local Semaphore = {}
Semaphore.__index, Semaphore.__name = Semaphore, "sluice.semaphore"

--- Lets at most n tasks hold it at once.
---@param n integer
---@return sluice.Semaphore
function task.semaphore(n) return setmetatable({ free = n, waiters = {} }, Semaphore) end

--- Takes one; waits while none is free. (waits)
function Semaphore:acquire()
  while self.free < 1 do wait_in(self.waiters) end
  self.free = self.free - 1
end

--- Gives one back.
function Semaphore:release()
  self.free = self.free + 1
  wake_all(self.waiters)
end

--- A named step of a protocol ("page", "send", "answer", "before_commit", "after_commit"), where the crash specs kill a
--- process. Does nothing outside of specs.
---@param name string
function task.step(name) core.step(name) end

return task
