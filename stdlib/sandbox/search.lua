-- One search of products: which, how many, in what order, and the answer around them: the index decides what is found,
-- the live shop what is shown.
local elastic = require "sluice.sandbox.elastic"
local products = require "sluice.sandbox.products"
local query = require "sluice.sandbox.query"

local M = {}

local function passes(plan, catalogue, n)
  for _, test in ipairs(plan.tests) do
    if not test(catalogue, n) then return false end
  end
  return true
end

local function within(bounds, value) return value >= bounds.low and value <= bounds.high end

local function comparator(catalogue, keys)
  local value = { modified = function(n) return catalogue:indexed_modified(n) end, id = products.id }
  return function(a, b)
    for _, key in ipairs(keys) do
      local x, y = value[key[1]](a), value[key[1]](b)
      if x ~= y then return (x < y) == (key[2] == 1) end
    end
    return products.id(a) < products.id(b)
  end
end

local function page_of(list, from, size)
  return table.move(list, from + 1, math.min(from + size, #list), 1, {}), #list
end

-- A query for known ids, or one in an order that no index has: collect, then sort.
local function by_sorting(catalogue, plan, keys, from, size, candidates)
  local found, seen = {}, {}
  for n in candidates do
    if not seen[n] and catalogue:in_index(n) and within(plan.modified, catalogue:indexed_modified(n))
      and within(plan.id, products.id(n)) and passes(plan, catalogue, n) then
      seen[n] = true
      found[#found + 1] = n
    end
  end
  table.sort(found, comparator(catalogue, keys))
  return page_of(found, from, size)
end

local function numbers_of(ids)
  local i = 0
  return function()
    while i < #ids do
      i = i + 1
      local n = products.number(ids[i])
      if n then return n end
    end
  end
end

local function clamp(value) return math.max(math.min(value, 1 << 62), -(1 << 62)) end

-- The ranks that the bounds on an index's own order leave, and whether the other field's bounds are still to be tested.
local function ranks(catalogue, plan, field)
  if field == "id" then
    local index = catalogue.by_id
    local whole = plan.modified.low == math.mininteger and plan.modified.high == math.maxinteger
    return index, index:rank(clamp(plan.id.low), 0), index:rank(clamp(plan.id.high) + 1, 0), not whole and "modified"
  end
  local index, low, high = catalogue.by_modified, clamp(plan.modified.low), clamp(plan.modified.high)
  if low == high then
    return index, index:rank(low, clamp(plan.id.low)), index:rank(low, clamp(plan.id.high) + 1), false
  end
  local whole = plan.id.low == math.mininteger and plan.id.high == math.maxinteger
  return index, index:rank(low, -(1 << 62)), index:rank(high + 1, -(1 << 62)), not whole and "id"
end

local VALUE = { id = function(_, n) return products.id(n) end, modified = function(catalogue, n) return catalogue:indexed_modified(n) end }

local function by_index(catalogue, plan, field, step, from, size)
  local index, low, past, rest = ranks(catalogue, plan, field)
  local total = past - low
  if total <= 0 then return {}, 0 end
  local list = {}
  if not rest and #plan.tests == 0 then
    local count = math.min(size, total - from)
    if count <= 0 then return list, total end
    local first = step == 1 and low + from or past - 1 - from
    for _, n in index:each(first, first + step * (count - 1)) do list[#list + 1] = n end
    return list, total
  end
  local matched = 0
  local first, last = step == 1 and low or past - 1, step == 1 and past - 1 or low
  for rank, n in index:each(first, last) do
    if (not rest or within(plan[rest], VALUE[rest](catalogue, n))) and passes(plan, catalogue, n) then
      matched = matched + 1
      if matched > from and #list < size then list[#list + 1] = n end
    end
    if rank == last then break end
  end
  return list, matched
end

---Finds: the numbers of one page, and how many match.
---@return integer[] numbers
---@return integer total
function M.find(catalogue, plan, keys, from, size)
  if plan.ids then return by_sorting(catalogue, plan, keys, from, size, numbers_of(plan.ids)) end
  local first, second = keys[1] or { "id", 1 }, keys[2]
  local natural = not second or second[1] == first[1] or first[1] == "id" or second[2] == first[2]
  local one_second = plan.modified.low == plan.modified.high -- its products are in the order of ids
  if natural then return by_index(catalogue, plan, one_second and "modified" or first[1], first[2], from, size) end
  local index, low, past = ranks(catalogue, plan, "modified")
  if past <= low then return {}, 0 end
  local step = index:each(low, past - 1)
  return by_sorting(catalogue, plan, keys, from, size, function()
    return (select(2, step()))
  end)
end

-- ---- the answer ----

local function sort_values(catalogue, keys, n)
  local values = {}
  for i, key in ipairs(keys) do
    values[i] = key[1] == "id" and products.id(n) or catalogue:indexed_modified(n) * 1000
  end
  return table.concat(values, ",")
end

local function hits_text(catalogue, keys, numbers)
  local parts = {}
  local score = #keys == 0 and "1" or "null"
  for i, n in ipairs(numbers) do
    local id = products.id(n)
    local sort = #keys > 0 and ',"sort":[' .. sort_values(catalogue, keys, n) .. "]" or ""
    parts[i] = '{"_index":"' .. query.products.index .. '","_type":"_doc","_id":"' .. id .. '","_score":' .. score .. ',"_source":{}' .. sort .. "}"
  end
  return table.concat(parts, ",")
end

-- What the shop shows of the found: live, in the order of its own table, without those that are gone by now.
local function live_text(catalogue, numbers)
  local ids, parts = {}, {}
  for i, n in ipairs(numbers) do ids[i] = products.id(n) end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local n = products.number(id)
    local state = catalogue:state(n)
    if state.active then parts[#parts + 1] = products.text(n, catalogue.seed, state) end
  end
  return table.concat(parts, ",")
end

---Answers a search. Raises { es_fault, reason } where Elasticsearch would refuse it.
---@param catalogue table
---@param body table the decoded request
---@param options { refuse_id_ranges?: boolean, empty?: boolean }
---@return string text
function M.answer(catalogue, body, options)
  catalogue:refresh()
  local asked = elastic.read(body, query.products, options)
  local numbers, total = {}, 0
  if not options.empty then numbers, total = M.find(catalogue, asked.plan, asked.keys, asked.from, asked.size) end
  return elastic.answer(query.products, asked, { total = total, max_score = #asked.keys == 0 and total > 0 and "1" or "null",
    hits = hits_text(catalogue, asked.keys, numbers), live = live_text(catalogue, numbers), took = 7 })
end

return M
