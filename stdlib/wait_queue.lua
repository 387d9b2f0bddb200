--- Waits until Stock2Shop's queue is empty (`shop:wait_queue{}`): asks for the summary at growing intervals. An item that
--- fails blocks all behind it until a person helps, and no answer says so: the queue just stands. So a queue that has not
--- fallen for `stall_after` seconds is `stalled`, and so is one that is not empty by the `deadline`.
--
-- No document shows what the summary looks like. The numbers in it are added up, whatever they are in, but for those
-- whose names say that they are something else (ids, dates, flags); `count` is for a summary that needs another reading.

local errors = require "sluice.err"
local json = require "sluice.json"
local queue = require "sluice.queue"
local task = require "sluice.task"
local time = require "sluice.time"

local wait = {}

local NO_COUNTS = { id = true, created = true, modified = true, active = true, took = true, took_s2s = true }

local function is_count(name)
  name = tostring(name):lower()
  return not NO_COUNTS[name] and not name:find "_id$" and not name:find "_at$" and not name:find "date"
end

-- A number, or a text that is a whole number and nothing else.
local function number_of(value)
  if type(value) == "number" then return value end
  return type(value) == "string" and value:find "^%d+$" and math.tointeger(tonumber(value)) or nil
end

local function add_up(value, found)
  for name, member in pairs(value) do
    if type(member) == "table" then
      add_up(member, found)
    elseif type(name) == "number" or is_count(name) then
      local n = number_of(member)
      if n then found.sum, found.any = found.sum + n, true end
    end
  end
end

--- How many items a summary says there are; nil where no number is in it that could be that.
---@param summary any
---@return number?
function wait.count(summary)
  if type(summary) ~= "table" then return number_of(summary) end
  local found = { sum = 0, any = false }
  add_up(summary, found)
  if found.any then return found.sum end
  local function is_empty(value) -- nothing but empty lists and objects: an empty queue
    for _, member in pairs(value) do
      if type(member) ~= "table" or not is_empty(member) then return false end
    end
    return true
  end
  return is_empty(summary) and 0 or nil
end

local function unread(summary)
  errors.raise { code = "protocol", operation = "queue_summary",
    message = "no number of items can be read from the queue's summary: " .. (json.encode(summary) or tostring(summary)):sub(1, 300),
    hint = "say how: wait_queue { count = function(summary) return … end }" }
end

local function stalled(text, left, summary)
  errors.raise { code = "stalled", operation = "queue_summary",
    message = text:format(left) .. "; the summary says " .. (json.encode(summary) or ""):sub(1, 300),
    hint = "an item that failed blocks those behind it, until somebody retries or skips it in Stock2Shop's console" }
end

--- The wait itself, without HTTP and clocks: `ask()` gives a summary, `now()` seconds, `sleep(seconds)` waits, `show(left)` is told.
--- Options as wait_queue.
---@param o table
---@return { left: integer, asked: integer, seconds: number }
function wait.watch(o)
  local started, interval, asked = o.now(), o.start, 0
  local before, fell
  while true do
    local summary = o.ask()
    local left, now = o.count(summary), o.now()
    asked = asked + 1
    if type(left) ~= "number" then unread(summary) end
    o.show(left)
    if left <= 0 then return { left = left, asked = asked, seconds = now - started } end
    if not before or left < before then fell, interval = now, o.start end
    before = left
    if now - fell >= o.stall_after then
      stalled(("the queue has stood at %%d items for %d s"):format((now - fell) // 1 | 0), left, summary)
    end
    if now - started >= o.deadline then stalled(("%%d items are still queued after %d s"):format((now - started) // 1 | 0), left, summary) end
    o.sleep(math.max(0, math.min(interval, fell + o.stall_after - now, started + o.deadline - now)))
    interval = math.min(interval * o.factor, o.cap)
  end
end

--- Waits until the queue is empty. Options: `deadline` (3600 s), `stall_after` (600 s), the pace: `start` (2), `factor` (1.5), `cap`
--- (30); `count(summary)`, how many items a summary says there are. Raises `stalled`. (waits)
---
---     shop:push_products(products, { source_id = 57 })
---     print(shop:wait_queue { stall_after = 300 }.seconds)
---@param client sluice.Client
---@param options? { deadline?: number, stall_after?: number, start?: number, factor?: number, cap?: number, count?: fun(summary: any): number? }
---@return { left: integer, asked: integer, seconds: number }
function wait.wait_queue(client, options)
  local o = queue.options("wait_queue", options, { deadline = 3600.0, stall_after = 600.0, start = 2.0, factor = 1.5, cap = 30.0, count = false })
  local run = require("sluice.run").current()
  o.count = o.count or wait.count
  o.ask = function() return (client:queue_summary()) end
  o.now, o.sleep = time.mono, task.sleep
  local most = 0
  o.show = function(left)
    most = math.max(most, left)
    run:progress { done = math.tointeger(most - left), total = math.tointeger(most), what = "queued items", client = client,
      ended = left <= 0 }
  end
  return wait.watch(o)
end

return wait
