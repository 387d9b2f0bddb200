-- The shop's products: what they are now (live), and what the search index believes, which lags behind. A product is a
-- number; only those that were changed have a state of their own.
--
--   local shop = Catalogue.new{ count = 25000, seed = 1, lag = 60, clock = time.now }
--   shop:touch(40)                                   -- 40 of them change now; found so 60 s later
--   for id, text in shop:each() do … end             -- what a complete feed holds
--
-- Times of change are spread over a span in 2021, with seconds that many products share.
local Index = require "sluice.sandbox.index"
local json = require "sluice.sandbox.json"
local products = require "sluice.sandbox.products"

local Catalogue = {}
Catalogue.__index = Catalogue

local EPOCH = 1609835104 -- 2021-01-05 08:25:04, the time in the documents' example

local function gcd(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

-- Place p (from 0) in the order of change belongs to product (step * p + shift) % count + 1, and back.
local function permutation(count, seed)
  local step = math.max(1, math.floor(count * 0.618033988749895))
  while gcd(step, count) ~= 1 do step = step + 1 end
  local a, b, x, y = step % count, count, 1, 0
  while b ~= 0 do
    local q = a // b
    a, b, x, y = b, a % b, y, x - q * y
  end
  return step, x % count, products.mix(seed) % count
end

-- The second of a place: of each thousand the first 120 (in every tenth thousand 700) share one.
local function second_of(place, crowd)
  if place < crowd then return EPOCH - 10 end
  local block, rest = place // 1000, place % 1000
  local shared = block % 10 == 3 and 700 or 120
  return EPOCH + block * 10000 + (rest < shared and 0 or (rest - shared + 1) * 10)
end

local function by_change(self)
  local count, step, shift, crowd = self.count, self.step, self.shift, self.crowd
  local order, first, second = {}, 1, nil
  local id = products.id
  local function sort_ties(last)
    if last <= first then return end
    local ties = table.move(order, first, last, 1, {})
    table.sort(ties, function(a, b) return id(a) < id(b) end)
    table.move(ties, 1, #ties, first, order)
  end
  for place = 0, count - 1 do
    local at = second_of(place, crowd)
    if at ~= second then
      sort_ties(place)
      first, second = place + 1, at
    end
    order[place + 1] = (step * place + shift) % count + 1
  end
  sort_ties(count)
  return order
end

local function by_id(count)
  local order = {}
  for n = 1, count do
    if n % 97 ~= 0 then order[#order + 1] = n end
  end
  for n = 97, count, 97 do order[#order + 1] = n end
  return order
end

---Options: count, seed, lag (seconds), crowd (so many products share the first second), clock.
function Catalogue.new(options)
  local self = setmetatable({ first_count = options.count, count = options.count, seed = options.seed or 1,
    lag = options.lag or 0, crowd = options.crowd or 0, clock = options.clock, states = {}, indexed = {}, pending = {},
    pending_first = 1, pending_last = 0, picks = 0, active = options.count }, Catalogue)
  if self.count > 0 then self.step, self.back, self.shift = permutation(self.count, self.seed) end
  local indexed, base = self.indexed, function(n) return self:first_modified(n) end
  self.by_modified = Index.new(function(n) return indexed[n] or base(n), products.id(n) end,
    self.count > 0 and by_change(self) or {})
  self.by_id = Index.new(function(n) return products.id(n), 0 end, by_id(self.count))
  self.gone = {} -- products that are not in the index
  self.codes = {} -- of products that were pushed: number of each code
  return self
end

---When product n was changed before anybody touched it.
function Catalogue:first_modified(n)
  if n > self.first_count then return EPOCH end
  local place = (n - 1 - self.shift) * self.back % self.first_count
  return second_of(place, self.crowd)
end

---The live state of product n; nil where there is none.
function Catalogue:state(n)
  if n < 1 or n > self.count then return nil end
  return self.states[n] or { modified = self:first_modified(n), version = 0, active = true }
end

---The live JSON text of product n.
function Catalogue:text(n) return products.text(n, self.seed, self:state(n)) end

-- ---- the index ----

local function index_one(self, change)
  local n = change.n
  if not self.gone[n] then
    self.by_modified:remove(n)
    if not change.active then
      self.by_id:remove(n)
      self.gone[n] = true
    end
  elseif change.active then
    self.by_id:insert(n)
    self.gone[n] = nil
  end
  self.indexed[n] = change.modified
  if change.active then self.by_modified:insert(n) end
end

---Lets the index catch up with what is old enough.
function Catalogue:refresh()
  local now = self.clock()
  local change = self.pending[self.pending_first]
  while change and change.at + self.lag <= now do
    self.pending[self.pending_first] = nil
    self.pending_first = self.pending_first + 1
    index_one(self, change)
    change = self.pending[self.pending_first]
  end
end

---The index's idea of when product n changed.
function Catalogue:indexed_modified(n) return self.indexed[n] or self:first_modified(n) end

---Whether the index holds product n.
function Catalogue:in_index(n) return n >= 1 and n <= self.count and not self.gone[n] end

-- ---- changes ----

-- Sets the live state and tells the index, which hears of it later.
local function change(self, n, set)
  local old, now = self:state(n), self.clock() // 1 | 0
  local state = { modified = now, version = old.version + 1, active = old.active, edit = old.edit }
  set(state)
  if state.active ~= old.active then self.active = self.active + (state.active and 1 or -1) end
  self.states[n] = state
  self.pending_last = self.pending_last + 1
  self.pending[self.pending_last] = { n = n, at = self.clock(), modified = state.modified, active = state.active }
end

-- A count of products taken at random (the same ones for the same seed and history), or the numbers of these ids.
local function choose(self, which)
  local list, seen = {}, {}
  if type(which) == "table" then
    for _, id in ipairs(which) do
      local n = products.number(math.tointeger(id) or math.tointeger(tonumber(id)))
      if not n or n > self.count then error({ sandbox_usage = "there is no product with the id " .. tostring(id) }, 0) end
      list[#list + 1] = n
    end
    return list
  end
  which = math.min(which, self.active)
  while #list < which do
    self.picks = self.picks + 1
    local n = (products.mix(self.seed * 31 + self.picks) >> 1) % self.count + 1
    if not seen[n] and self:state(n).active then
      seen[n] = true
      list[#list + 1] = n
    end
  end
  return list
end

local function apply(self, which, set)
  local ids = {}
  for i, n in ipairs(choose(self, which)) do
    change(self, n, set)
    ids[i] = products.id(n)
  end
  return ids
end

---Changes products (new quantities, a new hash): a count of them, or a list of ids. Gives the ids.
function Catalogue:touch(which) return apply(self, which or 1, function() end) end

---Takes products off the shop: a count of them, or a list of ids. Gives the ids.
function Catalogue:deactivate(which)
  return apply(self, which or 1, function(state) state.active = false end)
end

---Brings products back: a list of ids. Gives the ids.
function Catalogue:activate(ids)
  return apply(self, ids, function(state) state.active = true end)
end

---Sets fields of one product: title, body_html, collection, product_type, vendor, tags, price, qty, or `raw`, the text
---that is sent instead of its JSON, whatever it is.
function Catalogue:edit(id, fields)
  for name in pairs(fields) do
    if name ~= "raw" and not products.editable[name] then
      error({ sandbox_usage = ("a product's %s can't be edited"):format(name) }, 0)
    end
  end
  return apply(self, { id }, function(state)
    local edit = {}
    for name, value in pairs(state.edit or {}) do edit[name] = value end
    for name, value in pairs(fields) do edit[name] = value end
    state.edit = edit
  end)
end

---New products. Gives their ids.
function Catalogue:add(count)
  local ids = {}
  for i = 1, count or 1 do
    local n = self.count + 1
    self.count, self.active = n, self.active + 1
    self.gone[n] = true
    change(self, n, function(state) state.version = 0 end)
    ids[i] = products.id(n)
  end
  return ids
end

---The number of the product with a code in its source, or nil.
function Catalogue:find_code(code)
  if self.codes[code] then return self.codes[code] end
  local n = math.tointeger(tonumber(code:match "^SP[/ ]?(%d%d%d%d%d%d%d)$"))
  return n and n >= 1 and n <= self.first_count and products.code(n) == code and n or nil
end

---The code of product n in its source.
function Catalogue:code(n)
  local state = self.states[n]
  local made = state and state.edit and state.edit.made
  return made and made.source_product_code or products.code(n)
end

---Takes what a source pushed: `make(object | nil, id)` gives the product's JSON object, new or changed.
---@param code string
---@param active boolean
---@param make fun(object: table?, id: integer): table
function Catalogue:push(code, active, make)
  local n, before = self:find_code(code), nil
  if n then
    before = json.decode(self:text(n))
  else
    n = self.count + 1
    self.count, self.active, self.gone[n], self.codes[code] = n, self.active + 1, true, n
  end
  change(self, n, function(state)
    state.active, state.edit = active, { made = make(before, products.id(n)) }
  end)
  return products.id(n)
end

---Iterates over the ids and texts of all active products, from number `from` (1), at most `limit`.
function Catalogue:each(from, limit)
  local n, left = (from or 1) - 1, limit or math.huge
  return function()
    while left > 0 do
      n = n + 1
      local state = self:state(n)
      if not state then return nil end
      if state.active then
        left = left - 1
        return products.id(n), products.text(n, self.seed, state), state.modified
      end
    end
  end
end

return Catalogue
