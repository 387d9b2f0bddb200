-- Counts requests in windows of one second of the wall clock, as the documented headers say the servers do, and counts
-- beside that how often a client was quicker than the rate over any second at all.
--
--   local ok, seen, resets_at = limits:hit("products 124773", 30, now)
--   local ok = limits:leak("veeqo the-key", 5, 100, now)       -- a leaky bucket: 100 at once, 5 a second run out

local Limits = {}
Limits.__index = Limits

local MOST_BUCKETS = 10000

---`scale` multiplies every rate.
function Limits.new(scale)
  return setmetatable({ scale = scale or 1, buckets = {}, count = 0, refused = 0, bursts = 0 }, Limits)
end

-- Forgets buckets that nobody used for a while.
local function prune(self, now)
  for key, bucket in pairs(self.buckets) do
    if (bucket.begins and bucket.begins + bucket.window or bucket.second) < now - 10 then
      self.buckets[key] = nil
      self.count = self.count - 1
    end
  end
end

-- More than `limit` requests in the second before `now`, wherever that second begins.
local function note_burst(self, bucket, limit, now)
  local slot = bucket.next
  local earlier = bucket.times[slot]
  if earlier and now - earlier < 1 then self.bursts = self.bursts + 1 end
  bucket.times[slot] = now
  bucket.next = slot % limit + 1
end

---Counts a request. Gives whether it is within the limit, how many the window has seen (at most the limit), when the
---window ends (Unix seconds), and the limit with the scale.
---@return boolean ok
---@return integer seen
---@return integer resets_at
---@return integer limit
function Limits:hit(key, limit, now)
  limit = math.max(1, math.floor(limit * self.scale))
  local second, bucket = now // 1 | 0, self.buckets[key]
  if not bucket then
    if self.count >= MOST_BUCKETS then prune(self, now) end
    bucket = { second = second, seen = 0, times = {}, next = 1 }
    self.buckets[key] = bucket
    self.count = self.count + 1
  end
  if limit <= 1000 then note_burst(self, bucket, limit, now) end
  if bucket.second ~= second then bucket.second, bucket.seen = second, 0 end
  if bucket.seen >= limit then
    self.refused = self.refused + 1
    return false, limit, second + 1, limit
  end
  bucket.seen = bucket.seen + 1
  return true, bucket.seen, second + 1, limit
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
