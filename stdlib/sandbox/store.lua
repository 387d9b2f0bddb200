-- The products of one stream: id to text. The texts lie in an unnamed temporary file, so that a million of them cost
-- the memory of their ids only. An id that is the text of a number is kept as that number: it takes half of that.
--
--   store:put_body(body, found)          -- what lines.check accepted
--   store:get "475-SHIRT-XL"             store:times "475-SHIRT-XL"      -- how often it was applied
local Store = {}
Store.__index = Store

local LENGTH_BITS = 21 -- a line has at most 2 MiB
local SLACK = 256 << 20

-- What an id is kept as: one key for each id.
local function key_of(id)
  local number = math.tointeger(tonumber(id))
  return number and tostring(number) == id and number or id
end

function Store.new()
  return setmetatable({ places = {}, repeated = {}, count = 0, live_bytes = 0, size = 0, applied = 0 }, Store)
end

local function file_of(self)
  if not self.file then self.file = assert(io.tmpfile()) end
  return self.file
end

local function read_at(self, place)
  local file = self.file
  assert(file:seek("set", place >> LENGTH_BITS))
  return file:read(place & (1 << LENGTH_BITS) - 1)
end

-- Texts that were replaced stay in the file until they are most of it.
local function compact(self)
  if self.size < SLACK or self.size < 3 * self.live_bytes then return end
  local fresh, size = assert(io.tmpfile()), 0
  for key, place in pairs(self.places) do
    local text = read_at(self, place)
    assert(fresh:write(text))
    self.places[key] = size << LENGTH_BITS | #text
    size = size + #text
  end
  self.file:close()
  self.file, self.size = fresh, size
end

local function note_applied(self, key, seen)
  self.applied = self.applied + 1
  local times = self.repeated[key]
  if times then self.repeated[key] = times + 1 elseif seen then self.repeated[key] = 2 end
end

local function point(self, key, offset, length)
  local old = self.places[key]
  if old then
    self.live_bytes = self.live_bytes - (old & (1 << LENGTH_BITS) - 1)
  else
    self.count = self.count + 1
  end
  note_applied(self, key, old ~= nil or self.deleted ~= nil and self.deleted[key])
  self.places[key] = offset << LENGTH_BITS | length
  self.live_bytes = self.live_bytes + length
end

---Takes the accepted lines of a body.
function Store:put_body(body, found)
  if found.accepted == 0 then return end
  local file = file_of(self)
  assert(file:seek("set", self.size))
  assert(file:write(body))
  for i = 1, found.accepted do
    point(self, key_of(found.ids[i]), self.size + found.firsts[i] - 1, found.lasts[i] - found.firsts[i] + 1)
  end
  self.size = self.size + #body
  compact(self)
end

---Takes one product out; false where it was not there.
function Store:delete(id)
  local key = key_of(id)
  local place = self.places[key]
  if not place then return false end
  self.deleted = self.deleted or {}
  self.deleted[key] = true
  self.places[key] = nil
  self.count, self.live_bytes = self.count - 1, self.live_bytes - (place & (1 << LENGTH_BITS) - 1)
  return true
end

---Takes all products out; gives how many there were.
function Store:delete_all()
  local count = self.count
  for key in pairs(self.places) do
    self.deleted = self.deleted or {}
    self.deleted[key] = true
  end
  if self.file then self.file:close() end
  self.file, self.places, self.count, self.live_bytes, self.size = nil, {}, 0, 0, 0
  return count
end

---The text of a product, as it was sent, or nil.
function Store:get(id)
  local place = self.places[key_of(id)]
  return place and read_at(self, place)
end

---How often a product was applied.
function Store:times(id)
  local key = key_of(id)
  return self.repeated[key] or ((self.places[key] or (self.deleted and self.deleted[key])) and 1) or 0
end

---Iterates over ids and texts in the order of their last upload, `limit` from the `from`-th on (1, all).
function Store:each(from, limit)
  local order = {}
  for key, place in pairs(self.places) do order[#order + 1] = { place, tostring(key) } end
  table.sort(order, function(a, b) return a[1] < b[1] end)
  local i, last = (from or 1) - 1, math.min(#order, (from or 1) - 1 + (limit or #order))
  return function()
    i = i + 1
    if i <= last then return order[i][2], read_at(self, order[i][1]) end
  end
end

return Store
