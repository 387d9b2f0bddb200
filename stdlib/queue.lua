--- What pushing products and pushing images have in common: items are sent many in a request, in their order, one request
--- after the other (the queue is first in, first out), and what the answer says was queued is held against what was sent.
--
-- Which of a request's items were not queued, no answer says. So where the numbers differ, all items of the request are
-- `unknown`, the rest is sent all the same, and the end is an error: somebody must look. Nothing is sent again for it,
-- because each product queued is billed. A request with one item has no such doubt: it was queued, or it is rejected.
--
--   local batches = queue.new { what = "products", send = function(list) return count end, … }
--   batches:put(item, { n = 3, code = "ABC", raw = text })
--   local sums = batches:finish()                 -- { sent, rejected, unknown, requests, resent, failed = { [code] = true } }
--
-- `resent`: items of requests that were sent again, because no answer came or a refusal did. Where it was the answer that got
-- lost, they are queued twice: the end is the same, but each is billed.

local errors = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"

local queue = {}

local SHOWN = 100 -- the progress is shown after so many items
local SAID = 10   -- rejected items that the log names; all are in the dead-letter file

---@class sluice.QueueBatches
local Batches = {}
Batches.__index = Batches

-- What may have been done although no answer came.
local doubtful = { ambiguous = true, timeout = true, network = true, protocol = true, partial = true, internal = true }

local function is_doubtful(problem)
  if not errors.is(problem) then return true end
  return doubtful[problem.code] or (problem.status or 0) >= 500
end

--- `o`: client, what ("products"), operation, source_id, max_items, max_bytes, send(list) -> the number that was queued, and how
--- often it was sent again.
function queue.new(o)
  local self = setmetatable(o, Batches)
  self.run, self.list, self.labels, self.bytes = require("sluice.run").current(), {}, {}, 0
  self.rejects = require("sluice.rejects").of(self.run)
  self.shown = { done = 0, what = "push " .. self.what, client = self.client }
  self.sums = { sent = 0, rejected = 0, unknown = 0, skipped = 0, requests = 0, resent = 0, failed = {} }
  return self
end

local function count(self, kind, n)
  self.sums[kind] = self.sums[kind] + n
  self.run:count(kind, n)
end

--- Rejects an item: into the dead-letter file, with its number and code, before the next request is sent.
function Batches:reject(label, reason)
  self.sums.rejected, self.sums.failed[label.code] = self.sums.rejected + 1, true
  local said = self.sums.rejected
  if said <= SAID then
    log.warn("queue", "%s %d (%s): %s%s", self.what:gsub("s$", ""), label.n, label.code, reason,
      said == SAID and "; more are in the dead-letter file only" or "")
  end
  self.rejects:add(label.raw, reason, { source = self.source_id, product = label.code, line = label.n })
end

local function span(labels)
  local first, last = labels[1], labels[#labels]
  if #labels == 1 then return ("%d (%s)"):format(first.n, first.code) end
  return ("%d (%s) to %d (%s)"):format(first.n, first.code, last.n, last.code)
end

-- The answer has another number than the request.
local function differ(self, labels, queued)
  local message = ("%d %s were sent and %s queued: %s"):format(#labels, self.what, tostring(queued), span(labels))
  if #labels == 1 and queued == 0 then return self:reject(labels[1], "it was sent, and the answer says that none was queued") end
  self.difference = self.difference or message
  log.warn("queue", "%s", message)
  count(self, "unknown", #labels)
end

local function lost(self, labels, problem)
  count(self, is_doubtful(problem) and "unknown" or "skipped", #labels)
  error(problem, 0)
end

--- Sends what is there. (waits)
function Batches:flush()
  local list, labels = self.list, self.labels
  self.rejects:put()
  if #list == 0 then return end
  self.list, self.labels, self.bytes = {}, {}, 0
  self.sums.requests = self.sums.requests + 1
  task.step "send"
  local ok, queued, again = pcall(self.send, json.array(list))
  task.step "answer"
  if not ok then return lost(self, labels, queued) end
  if (again or 0) > 0 then self.sums.resent = self.sums.resent + #labels end
  queued = math.tointeger(tonumber(queued)) or queued
  if queued == #labels then count(self, "sent", #labels) else differ(self, labels, queued) end
end

--- Takes an item. (waits where a request is full)
---@param item table
---@param label { n: integer, code: string, raw: string }
function Batches:put(item, label)
  local text, problem = json.encode(item)
  if not text then return self:reject(label, problem.message) end
  if #self.list >= self.max_items or self.bytes + #text > self.max_bytes then self:flush() end
  self.list[#self.list + 1], self.labels[#self.labels + 1] = ndjson.record(text), label
  self.bytes = self.bytes + #text + 1
  self.shown.done = label.n
  if label.n % SHOWN == 1 then self.run:progress(self.shown) end
end

--- The end: sends the rest, gives the sums. Raises `ambiguous` where an answer's number was another. (waits)
function Batches:finish()
  self:flush()
  self.rejects:put() -- of the last answer
  self.shown.ended = true
  self.run:progress(self.shown)
  if self.difference then
    errors.raise { code = "ambiguous", api = self.client.name, operation = self.operation, message = self.difference,
      hint = "which ones are missing only the console shows; those of that request are counted as unknown, nothing was sent again" }
  end
  return self.sums
end

-- ---- what is pushed ----

-- The items one by one, of an iterator or a list.
local function each(items, name)
  if type(items) == "function" then return items end
  if type(items) ~= "table" then
    errors.raise { code = "usage", message = ("%s: the first argument is an iterator or a list, not a %s"):format(name, type(items)) }
  end
  local i = 0
  return function()
    i = i + 1
    return items[i]
  end
end

local function raw_of(value)
  if ndjson.bad(value) then return value.raw end
  return json.encode(value) or json.encode { unreadable = tostring(value) }
end

--- Puts all items of an iterator or a list through `prepare(value, n)`: an item for the queue, or nil and what is wrong.
--- Ends early where a signal asks for it. Gives the sums. (waits)
---@param batches sluice.QueueBatches
---@param items any
---@param o { name: string, prepare: function, code: function, raw?: function }
function queue.push(batches, items, o)
  local n, _ <close> = 0, batches.rejects
  for value in each(items, o.name) do
    n = n + 1
    local plain = type(value) == "userdata" and not ndjson.bad(value) and ndjson.totable(value) or value
    local label = { n = n, code = ndjson.bad(value) and "?" or o.code(plain), raw = (o.raw or raw_of)(value) }
    local item, problem
    if ndjson.bad(value) then problem = value.reason else item, problem = o.prepare(plain, n) end
    if item then batches:put(item, label) else batches:reject(label, problem) end
    if task.stopping() then break end
  end
  return batches:finish()
end

local function counted(n, what) return ("%d %s"):format(n, n == 1 and what:gsub("s$", "") or what) end

--- What a push did, in a line: "4 images queued in 1 request, 1 rejected, 2 sent again (they may be queued twice)".
---@param what string "products"
---@param sums { sent: integer, requests: integer, resent: integer }
---@param rejected integer of the run, which may have rejected some before they came here
---@return string
function queue.report(what, sums, rejected)
  return ("%s queued in %s, %d rejected"):format(counted(sums.sent, what), counted(sums.requests, "requests"), rejected)
    .. (sums.resent > 0 and (", %d sent again (they may be queued twice)"):format(sums.resent) or "")
end

--- The number that an answer says was queued, nil where it says none; and how often the request was sent again.
---@param name string
---@param value any what the operation gives
---@param answer table
---@return any, integer
function queue.counted(name, value, answer)
  return type(value) == "table" and value[name] or nil, answer.resent
end

--- Options of a helper: unknown names are errors that name the nearest, what is missing has its default.
---@param name string of the helper
---@param given table?
---@param known table<string, any> name -> default; false: none
function queue.options(name, given, known)
  local names, options = {}, {}
  for key, value in pairs(known) do names[#names + 1], options[key] = key, value or nil end
  if given ~= nil and type(given) ~= "table" then errors.raise { code = "usage", message = name .. ": the options are a table" } end
  for key, value in pairs(given or {}) do
    if known[key] == nil then
      errors.raise { code = "usage", message = ("%s: unknown option '%s'%s"):format(name, tostring(key),
        require("sluice.text").near(key, names)) }
    end
    local kind = math.type(known[key])
    if kind and (type(value) ~= "number" or value <= 0 or kind == "integer" and not math.tointeger(value)) then
      errors.raise { code = "usage", message = ("%s: %s must be a %snumber above 0, not %s"):format(name, key,
        kind == "integer" and "whole " or "", tostring(value)) }
    end
    options[key] = value
  end
  return options
end

--- The source's id as text; a usage error where there is none.
function queue.source_id(name, options)
  local id, reason = require("sluice.request").id(options.source_id)
  if not id then
    errors.raise { code = "usage", message = ("%s: source_id %s"):format(name, options.source_id == nil and "is missing" or reason),
      hint = "`sources` lists them" }
  end
  return id
end

return queue
