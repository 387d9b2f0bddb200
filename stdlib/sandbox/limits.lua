-- Counts requests in windows (of one second of the wall clock unless told otherwise), as the documented headers say the
-- servers do, and counts beside that how often a client was quicker than the rate over any window at all, and how often
-- it had two requests on their way where it was asked for one.
--
--   local ok, seen, resets_at = limits:hit("products 124773", 30, now)
--   local ok = limits:hit("process 123", 1, now, 300)             -- a window that begins with its first request
--   local leave = limits:enter("read", 1)                         -- … leave() when the answer has gone
--   local ok = limits:leak("veeqo the-key", 5, 100, now)       -- a leaky bucket: 100 at once, 5 a second run out

local Limits = {}
Limits.__index = Limits

local MOST_BUCKETS = 10000

---`scale` multiplies every rate.
function Limits.new(scale)
  return setmetatable({ scale = scale or 1, buckets = {}, count = 0, inside = {}, refused = 0, bursts = 0, overlaps = 0 }, Limits)
end

-- Forgets buckets that nobody used for a while.
local function prune(self, now)
  for key, bucket in pairs(self.buckets) do
    if bucket.begins + bucket.window < now - 10 then
      self.buckets[key] = nil
      self.count = self.count - 1
    end
  end
end

-- More than `limit` requests in the window before `now`, wherever that begins.
local function note_burst(self, bucket, limit, now)
  local slot = bucket.next
  local earlier = bucket.times[slot]
  if earlier and now - earlier < bucket.window then self.bursts = self.bursts + 1 end
  bucket.times[slot] = now
  bucket.next = slot % limit + 1
end

-- Seconds are the clock's own; a longer window begins with the first request in it.
local function begin(bucket, now)
  local start = bucket.window == 1 and now // 1 | 0 or now
  if bucket.begins and now < bucket.begins + bucket.window and now >= bucket.begins then return end
  bucket.begins, bucket.seen = start, 0
end

---Counts a request. Gives whether it is within the limit, how many the window has seen (at most the limit), when the
---window ends (Unix seconds), and the limit with the scale.
---@param window? number seconds (1)
---@return boolean ok
---@return integer seen
---@return integer resets_at
---@return integer limit
function Limits:hit(key, limit, now, window)
  limit = math.max(1, math.floor(limit * self.scale))
  local bucket = self.buckets[key]
  if not bucket then
    if self.count >= MOST_BUCKETS then prune(self, now) end
    bucket = { window = window or 1, times = {}, next = 1 }
    self.buckets[key] = bucket
    self.count = self.count + 1
  end
  if limit <= 1000 then note_burst(self, bucket, limit, now) end
  begin(bucket, now)
  local resets_at = math.ceil(bucket.begins + bucket.window)
  if bucket.seen >= limit then
    self.refused = self.refused + 1
    return false, limit, resets_at, limit
  end
  bucket.seen = bucket.seen + 1
  return true, bucket.seen, resets_at, limit
end

---A request comes in. Gives the function to call when it has been answered, and whether more than `most` are inside now.
---@param most integer
---@return fun() leave
---@return boolean crowded
function Limits:enter(key, most)
  local now = (self.inside[key] or 0) + 1
  self.inside[key] = now
  local crowded = now > most
  if crowded then self.overlaps = self.overlaps + 1 end
  return function()
    local left = self.inside[key] - 1
    self.inside[key] = left > 0 and left or nil
  end, crowded
end

---Pours a request into a bucket that holds `size` and out of which `rate` a second run. False where it would run over.
---@return boolean ok
function Limits:leak(key, rate, size, now)
  local bucket = self.buckets[key]
  if not bucket then
    if self.count >= MOST_BUCKETS then prune(self, now) end
    bucket = { window = size / rate, level = 0, begins = now }
    self.buckets[key] = bucket
    self.count = self.count + 1
  end
  local level = math.max(0, bucket.level - math.max(0, now - bucket.begins) * rate * self.scale)
  bucket.begins, bucket.level = now, level
  if level + 1 > size then
    self.refused = self.refused + 1
    return false
  end
  bucket.level = level + 1
  return true
end

return Limits
