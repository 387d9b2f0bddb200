-- The shop's orders: what was posted to the queue, what its worker has made of it, and what the search index knows of
-- that. Each post makes an order of its own: no document names an idempotency key.
--
--   local orders = Orders.new{ clock = time.now, lag = 60, delay = 5 }
--   local key, message_id = orders:post(payload, 47)  -- received now; an order 5 s later; found 60 s after that
--   orders:refresh()
--   for _, order in ipairs(orders.list) do … end      -- { n, id, code, channel_id, state, value, modified, indexed }
--   orders.counts["A-1"]                              -- how often it was posted
local crypto = require "sluice.crypto"
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"
local order_text = require "sluice.sandbox.order_text"

local Orders = {}
Orders.__index = Orders

local FIRST = 933301 -- the id before the one of the documents' example

---Options: clock, lag (of the index), delay (of the queue's worker), all in seconds.
function Orders.new(options)
  return setmetatable({ clock = options.clock, lag = options.lag or 0, delay = options.delay or 0, list = {}, waiting = {},
    first_waiting = 1, changes = {}, first_change = 1, counts = {} }, Orders)
end

local function uuid()
  local bytes = { crypto.random(16):byte(1, 16) }
  bytes[7], bytes[9] = bytes[7] & 0x0F | 0x40, bytes[9] & 0x3F | 0x80
  return (("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x"):format(table.unpack(bytes)))
end

-- "213-980-0/2021-08/27/17/48/04-213285668-sync_order.json"
local function key_of(channel_id, at)
  return ("21-%s-0/%s-%09d-sync_order.json"):format(channel_id, os.date("!%Y-%m/%d/%H/%M/%S", at // 1 | 0), (at % 1 * 1e9) // 1 | 0)
end

local function note_change(self, order)
  self.changes[#self.changes + 1] = { order = order, at = self.clock(), modified = order.modified }
end

-- The worker takes an order from the queue: it is saved, or fails and is never seen.
local function work_off(self, order, at)
  local fault = order_text.fault(order.payload)
  if fault then
    order.state, order.problem = "failed", fault
    return
  end
  order.state, order.created, order.modified = "saved", at // 1 | 0, at // 1 | 0
  order.value = order_text.order(order.payload, order)
  self.changes[#self.changes + 1] = { order = order, at = at, modified = order.modified }
end

---Takes a payload (decoded) from a channel. Gives the key and the message id of its place in the queue.
function Orders:post(payload, channel_id)
  local at, n = self.clock(), #self.list + 1
  local order = { n = n, id = FIRST + n, code = json.is_object(payload) and order_text.code(payload) or nil, channel_id = channel_id,
    state = "received", payload = payload, received = at, key = key_of(channel_id, at), message_id = uuid() }
  self.list[n], self.waiting[#self.waiting + 1] = order, order
  if order.code then self.counts[order.code] = (self.counts[order.code] or 0) + 1 end
  self:refresh()
  return order.key, order.message_id
end

---Lets worker and index catch up with what is old enough.
function Orders:refresh()
  local now = self.clock()
  local order = self.waiting[self.first_waiting]
  while order and order.received + self.delay <= now do
    work_off(self, order, order.received + self.delay)
    self.first_waiting = self.first_waiting + 1
    order = self.waiting[self.first_waiting]
  end
  local change = self.changes[self.first_change]
  while change and change.at + self.lag <= now do
    change.order.indexed = change.modified
    self.first_change = self.first_change + 1
    change = self.changes[self.first_change]
  end
end

---How many wait for the worker.
function Orders:queued()
  self:refresh()
  return #self.waiting - self.first_waiting + 1
end

---Changes saved orders now: a count of them (the oldest), or a list of ids. Gives the ids.
function Orders:touch(which)
  self:refresh()
  local wanted, ids, left = {}, {}, type(which) == "number" and which or math.huge
  for _, id in ipairs(type(which) == "table" and which or {}) do wanted[math.tointeger(tonumber(id))] = true end
  for _, order in ipairs(self.list) do
    if order.state == "saved" and #ids < left and (type(which) == "number" or wanted[order.id]) then
      order.modified, order.shown = self.clock() // 1 | 0, nil
      json.set(order.value, "modified", dates.sql(order.modified))
      json.set(order.value, "status", "processing")
      note_change(self, order)
      ids[#ids + 1] = order.id
    end
  end
  return ids
end

---Posts so many orders of the sandbox's own, as a channel would. Gives their ids.
function Orders:add(count, channel_id)
  local ids = {}
  for i = 1, count do
    local n = #self.list + 1
    self:post(json.object("channel_order_code", ("SO%07d"):format(n), "notes", "Send Soon", "customer",
      json.object("channel_customer_code", "5ba71121b3", "email", "abc@example.com", "first_name", "Roger", "last_name", "Waters"),
      "line_items", json.array { json.object("sku", ("CD%d-1"):format(n), "qty", 1 + n % 3, "price", 119.23, "tax_lines",
        json.array { json.object("rate", "15") }) }), channel_id or 47)
    ids[i] = FIRST + n
  end
  return ids
end

---One line per post: what was received, what became of it, what the index knows.
function Orders:text(order)
  return json.encode(json.object("id", order.id, "channel_order_code", order.code or json.null, "channel_id", order.channel_id,
    "state", order.state, "problem", order.problem or json.null, "received", order.received, "modified",
    order.modified and dates.sql(order.modified) or json.null, "indexed", order.indexed and dates.sql(order.indexed) or json.null,
    "posted", order.code and self.counts[order.code] or 1, "key", order.key, "message_id", order.message_id, "payload", order.payload))
end

return Orders
