-- A sorted list that stays quick at a million entries: buckets of a few hundred, each sorted, in order. It holds numbers
-- of products; what they are sorted by is asked from `key(n)`, which gives one or two numbers.
--
--   local index = Index.new(function(n) return modified[n], id[n] end, sorted_numbers)
--   for rank, n in index:each(index:rank(from, 0), index:rank(to, 0) - 1) do … end

local Index = {}
Index.__index = Index

local FULL = 512

---@param key fun(n: integer): number, number?
---@param sorted integer[] taken
function Index.new(key, sorted)
  local buckets = {}
  for i = 1, #sorted, FULL // 2 do
    buckets[#buckets + 1] = table.move(sorted, i, math.min(i + FULL // 2 - 1, #sorted), 1, {})
  end
  return setmetatable({ key = key, buckets = buckets, starts = nil, size = #sorted }, Index)
end

-- starts[b]: how many entries lie before bucket b.
local function starts_of(self)
  local starts = self.starts
  if not starts then
    starts = {}
    local sum = 0
    for b, bucket in ipairs(self.buckets) do
      starts[b] = sum
      sum = sum + #bucket
    end
    self.starts = starts
  end
  return starts
end

-- Whether entry n lies before (k1, k2).
local function before(self, n, k1, k2)
  local n1, n2 = self.key(n)
  if n1 ~= k1 then return n1 < k1 end
  return (n2 or 0) < k2
end

-- The last bucket that starts before (k1, k2), and the place in it of the first entry that does not lie before.
local function locate(self, k1, k2)
  local buckets = self.buckets
  local low, high = 1, #buckets
  while low < high do
    local middle = (low + high + 1) // 2
    if before(self, buckets[middle][1], k1, k2) then low = middle else high = middle - 1 end
  end
  local bucket = buckets[low]
  if not bucket then return 1, 1 end
  local first, past = 1, #bucket + 1
  while first < past do
    local middle = (first + past) // 2
    if before(self, bucket[middle], k1, k2) then first = middle + 1 else past = middle end
  end
  return low, first
end

---How many entries lie before (k1, k2).
function Index:rank(k1, k2)
  if self.size == 0 then return 0 end
  local b, i = locate(self, k1, k2 or 0)
  return starts_of(self)[b] + i - 1
end

function Index:insert(n)
  local k1, k2 = self.key(n)
  local b, i = locate(self, k1, k2 or 0)
  local bucket = self.buckets[b]
  if not bucket then
    bucket = {}
    self.buckets[b] = bucket
  end
  table.insert(bucket, i, n)
  self.size, self.starts = self.size + 1, nil
  if #bucket > FULL then
    local half = #bucket // 2
    table.insert(self.buckets, b + 1, table.move(bucket, half + 1, #bucket, 1, {}))
    for k = #bucket, half + 1, -1 do bucket[k] = nil end
  end
end

---Takes an entry out; its key must still be what it was when it was put in.
function Index:remove(n)
  local k1, k2 = self.key(n)
  local b, i = locate(self, k1, k2 or 0)
  local bucket = self.buckets[b]
  if i > #bucket then b, i = b + 1, 1 end
  bucket = self.buckets[b]
  assert(bucket and bucket[i] == n, "the index does not hold this entry")
  table.remove(bucket, i)
  if #bucket == 0 then table.remove(self.buckets, b) end
  self.size, self.starts = self.size - 1, nil
end

---Iterates over the entries of these ranks (from 0), backwards where `to` is less than `from`.
function Index:each(from, to)
  local step = to < from and -1 or 1
  local starts, buckets = starts_of(self), self.buckets
  local low, high = 1, #buckets
  while low < high do
    local middle = (low + high + 1) // 2
    if starts[middle] <= from then low = middle else high = middle - 1 end
  end
  local b, rank = low, from - step
  local i = from - (starts[b] or 0) + 1 - step
  return function()
    if rank == to then return nil end
    rank, i = rank + step, i + step
    local bucket = buckets[b]
    if i > #bucket then
      b, i = b + 1, 1
    elseif i < 1 then
      b = b - 1
      i = #buckets[b]
    end
    return rank, buckets[b][i]
  end
end

return Index
