--- A heap: what comes first is on top. Entries that no longer hold are left in it, and passed over by who takes them.
local Heap = {}
Heap.__index = Heap

local heap = {}

--- An empty one, in the order of `before`.
---@param before fun(a: any, b: any): boolean
---@return table
function heap.new(before) return setmetatable({ before = before, count = 0 }, Heap) end

function Heap:push(entry)
  local before, i = self.before, self.count + 1
  self.count = i
  while i > 1 and before(entry, self[i // 2]) do
    self[i] = self[i // 2]
    i = i // 2
  end
  self[i] = entry
end

--- The first one, which stays in it.
function Heap:top() return self[1] end

-- Puts an entry where the top was.
local function sink(self, entry)
  local before, count, i = self.before, self.count, 1
  while 2 * i <= count do
    local child = 2 * i
    if child < count and before(self[child + 1], self[child]) then child = child + 1 end
    if not before(self[child], entry) then break end
    self[i], i = self[child], child
  end
  self[i] = entry
end

--- Takes the first one out; nil where there is none.
function Heap:pop()
  local first, last = self[1], self[self.count]
  if not first then return nil end
  self[self.count] = nil
  self.count = self.count - 1
  if self.count > 0 then sink(self, last) end
  return first
end

return heap
