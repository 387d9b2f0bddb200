-- The queue of products and images: first in, first out, a worker for each source. A product is applied to the catalogue
-- when its turn comes; an image whose product is not there then is lost, as the documents say. An item that was poisoned
-- fails, and blocks all behind it of the same source until somebody retries or skips it, as the vendor's page on the queue says.
--
--   local queue = Queue.new{ clock = time.now, delay = 5, rate = 10, catalogue = shop }
--   queue:put("sync_product", "57", item)            -- applied 5 s later at the soonest, 10 items a second
--   queue:poison "ABC"                               queue:release("57", "skip" | "retry")
--   queue:counts()                                   -- { sync_product = 3, sync_image = 1 }
local pushed = require "sluice.sandbox.pushed"

local Queue = {}
Queue.__index = Queue

---Options: clock, catalogue, delay (seconds), rate (items a second; 0: no limit).
function Queue.new(options)
  return setmetatable({ clock = options.clock, catalogue = options.catalogue, delay = options.delay or 0, rate = options.rate or 0,
    sources = {}, order = {}, poisoned = {}, done = {}, put_in = 0 }, Queue)
end

local function source_of(self, id)
  local source = self.sources[id]
  if not source then
    source = { id = id, items = {}, first = 1, last = 0, free_at = 0 }
    self.sources[id], self.order[#self.order + 1] = source, source
  end
  return source
end

---Takes an item (decoded) of a source.
function Queue:put(instruction, source_id, item)
  local source = source_of(self, tostring(source_id))
  self.put_in, source.last = self.put_in + 1, source.last + 1
  source.items[source.last] = { n = self.put_in, instruction = instruction, item = item, at = self.clock(),
    code = tostring(item.source.source_product_code) }
end

local apply = {}

function apply.sync_product(self, entry, now)
  self.catalogue:push(entry.code, pushed.truth(entry.item.source.product_active), function(object, id)
    return pushed.product(object, id, entry.item, now)
  end)
end

function apply.sync_image(self, entry, now)
  local n = self.catalogue:find_code(entry.code)
  if not n then return "there is no product " .. entry.code .. ": the image is lost" end
  self.catalogue:push(entry.code, self.catalogue:state(n).active, function(object) return pushed.image(object, entry.item, now) end)
end

-- When the worker of a source is ready for this item: after the delay, and a step after the item before.
local function due_at(self, source, entry)
  local step = self.rate > 0 and 1 / self.rate or 0
  return math.max(entry.at + self.delay, source.free_at) + step
end

local function drain(self, source, now)
  while not source.blocked do
    local entry = source.items[source.first]
    local due = entry and due_at(self, source, entry)
    if not entry or due > now then return end
    if self.poisoned[entry.code] then
      source.blocked = "blocked by " .. entry.code
      return
    end
    entry.problem = apply[entry.instruction](self, entry, now)
    entry.state, entry.applied = entry.problem and "failed" or "done", due
    self.done[#self.done + 1] = entry
    source.free_at, source.items[source.first], source.first = due, nil, source.first + 1
  end
end

---Lets the workers do what is due.
function Queue:refresh()
  local now = self.clock()
  for _, source in ipairs(self.order) do drain(self, source, now) end
end

---Orders that the items of a product fail: its source's queue stops at the first of them.
function Queue:poison(code) self.poisoned[tostring(code)] = true end

---What a person does in the console about a source's blocked item: "retry" (it is cured) or "skip" (it is left out).
function Queue:release(source_id, how)
  local source = self.sources[tostring(source_id)]
  if not source or not source.blocked then error({ sandbox_usage = "the queue of that source is not blocked" }, 0) end
  local entry = source.items[source.first]
  if how == "skip" then
    entry.state, entry.problem = "failed", "skipped by hand"
    self.done[#self.done + 1] = entry
    source.items[source.first], source.first = nil, source.first + 1
  else
    self.poisoned[entry.code] = nil
  end
  source.blocked, source.free_at = nil, self.clock()
  self:refresh()
end

---How many items wait, by instruction.
function Queue:counts()
  self:refresh()
  local counts = { sync_product = 0, sync_image = 0 }
  for _, source in ipairs(self.order) do
    for i = source.first, source.last do
      local kind = source.items[i].instruction
      counts[kind] = counts[kind] + 1
    end
  end
  return counts
end

---Iterates over all items in the order in which they came: done, failed and waiting ones.
function Queue:each()
  self:refresh()
  local all = table.move(self.done, 1, #self.done, 1, {})
  for _, source in ipairs(self.order) do
    for i = source.first, source.last do all[#all + 1] = source.items[i] end
  end
  table.sort(all, function(a, b) return a.n < b.n end)
  local i = 0
  return function()
    i = i + 1
    return all[i]
  end
end

return Queue
