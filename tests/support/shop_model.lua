-- A model of a shop behind a search index, in memory and on a clock of its own, driven by a seed. It does what the
-- documents say can happen: the index runs after the shop and at a different pace for each change, products are touched
-- between two pages, rows come in another order than hits, come short, or are newer than their hit, the search refuses
-- to go past its window, and may refuse, ignore or sort ranges of ids in its own way.
--
--   local shop = model.new { seed = 7, products = 200, spread = 40 }
--   local page = shop:search { from = 0, order = "changed", skip = 0, size = 10 }
local errors = require "sluice.err"

local model = {}

local Shop = {}
Shop.__index = Shop

-- A small generator of its own, so that a seed means the same everywhere.
local function randomizer(seed)
  local state = seed * 2654435761 % 4294967296
  return function(low, high)
    state = (state * 1664525 + 1013904223) % 4294967296
    return low + (state >> 8) % (high - low + 1)
  end
end

model.randomizer = randomizer

--- `spread`: seconds over which the first changes lie; `touches`: products touched per search, at most; `lag`: the most
--- seconds that the index is behind; `ids`: "numeric" | "textual" | "refused" | "ignored" | "unsorted"; `cap`: the most
--- hits it gives, whatever was asked; `short`: one row in so many is left out of an answer (0: none).
function model.new(o)
  local self = setmetatable({
    random = randomizer(o.seed or 1), time = o.start or 1700000000, products = {}, list = {}, index = {}, due = {},
    touches = o.touches or 0, lag = o.lag or 60, ids = o.ids or "numeric", cap = o.cap or math.huge, searches = 0,
    short = o.short or 0, window = o.window or 10000, pace = o.pace or 0, first_id = o.first_id or 1, removes = o.removes,
    left_out = {},
  }, Shop)
  for i = 1, o.products or 0 do
    self:add(self.time - (o.past or 5000) + (o.spread and o.spread > 0 and self.random(0, o.spread) or 0), 0)
    if i % 7 == 0 then self.first_id = self.first_id + self.random(0, 90) end
  end
  self:settle()
  return self
end

function Shop:change(product, second, lag)
  product.version, product.modified = product.version + 1, second
  self.due[#self.due + 1] = { at = self.time + (lag or self.random(0, self.lag)), id = product.id, modified = second, gone = product.gone }
end

function Shop:add(second, lag)
  local product = { id = tostring(self.first_id), version = 0 }
  self.first_id = self.first_id + 1
  self.products[product.id], self.list[#self.list + 1] = product, product
  self:change(product, second or self.time, lag)
  return product
end

function Shop:touch(n)
  for _ = 1, self.list[1] and n or 0 do
    local product = self.list[self.random(1, #self.list)]
    if not product.gone then self:change(product, self.time) end
  end
end

function Shop:remove(product)
  product.gone = true
  self:change(product, self.time)
end

--- Lets the index catch up with what is due by now; a later change of a product wins over an earlier one.
function Shop:settle()
  local left = {}
  for _, change in ipairs(self.due) do
    if change.at > self.time then
      left[#left + 1] = change
    else
      local entry = self.index[change.id]
      if not entry or entry.modified <= change.modified then
        self.index[change.id] = { id = change.id, modified = change.modified, gone = change.gone }
      end
    end
  end
  self.due = left
end

function Shop:pass(seconds)
  self.time = self.time + seconds
  self:settle()
end

local function numeric(a, b) return #a < #b or (#a == #b and a < b) end
local function textual(a, b) return a < b end

function Shop:matches(query)
  local above = self.ids == "textual" and textual or numeric
  local found = {}
  for id, entry in pairs(self.index) do
    local ok = not entry.gone and (not query.from or entry.modified >= query.from) and (not query.before or entry.modified < query.before)
    if ok and query.above and self.ids ~= "ignored" then ok = above(query.above, id) end
    if ok then found[#found + 1] = entry end
  end
  return found, above
end

function Shop:order(found, query, above)
  if self.ids == "unsorted" then above = function(a, b) return a:reverse() < b:reverse() end end
  table.sort(found, function(a, b)
    if query.order ~= "id" and a.modified ~= b.modified then
      if query.order == "newest" then return a.modified > b.modified end
      return a.modified < b.modified
    end
    if query.order ~= "id" then return a.id:reverse() < b.id:reverse() end -- no promise for ties
    return above(a.id, b.id)
  end)
end

-- Live rows of the hits: those that are gone are missing, some are left out by accident.
function Shop:rows(hits)
  local rows = {}
  for _, hit in ipairs(hits) do
    local product = self.products[hit.id]
    if not product.gone and (self.short == 0 or self.random(1, self.short) ~= 1 or self.left_out[hit.id]) then
      rows[hit.id] = { id = product.id, version = product.version, modified = product.modified }
    else
      self.left_out[hit.id] = true -- a row is left out once, the next time it comes
    end
  end
  return rows
end

function Shop:search(query)
  self.searches = self.searches + 1
  if query.skip + query.size > self.window then
    errors.raise { code = "invalid", status = 400, message = "Result window is too large" }
  end
  if self.ids == "refused" and (query.above or query.order == "id") then
    errors.raise { code = "invalid", status = 400, message = "No mapping found for [id]" }
  end
  local found, above = self:matches(query)
  self:order(found, query, above)
  local hits = {}
  for i = query.skip + 1, math.min(#found, query.skip + math.min(query.size, self.cap)) do
    hits[#hits + 1] = { id = found[i].id, second = found[i].modified }
  end
  local page = { hits = hits, rows = self:rows(hits) }
  if self.pace > 0 then self:pass(self.random(0, self.pace)) end
  if self.touches > 0 then self:touch(self.random(0, self.touches)) end
  if self.removes and self.list[1] and self.random(1, 30) == 1 then self:remove(self.list[self.random(1, #self.list)]) end
  return page
end

--- A cursor as the store gives it, in memory: what is not committed is gone with `rollback`.
function model.cursor()
  local committed, position, kept = {}, nil, nil
  local pending, next_position, next_keep = {}, nil, nil
  local function key(id, modified, digest) return id .. "\0" .. modified .. "\0" .. digest end
  return {
    get = function() return position end,
    seen = function(_, ...) return committed[key(...)] ~= nil or pending[key(...)] ~= nil end,
    deliver = function(_, id, modified, digest) pending[key(id, modified, digest)] = modified end,
    advance = function(_, text, keep) next_position, next_keep = text, keep end,
    commit = function()
      position, kept = next_position or position, next_keep or kept
      for name, modified in pairs(pending) do committed[name] = modified end
      for name, modified in pairs(committed) do
        if kept and modified < kept then committed[name] = nil end
      end
      pending = {}
    end,
    rollback = function() pending, next_position, next_keep = {}, nil, nil end,
  }
end

return model
