-- One search: which products, how many, in what order, and the answer around them as Stock2Shop's proxy gives it: the
-- index decides what is found, the live shop what is shown.
local json = require "sluice.sandbox.json"
local products = require "sluice.sandbox.products"
local query = require "sluice.sandbox.query"

local M = {}

local WINDOW = 10000
local INDEX = "products--------2020-09-02-08-31-08"
local KNOWN = { query = true, size = true, from = true, sort = true, aggs = true, aggregations = true, _source = true,
  track_total_hits = true, track_scores = true, timeout = true }

local function count_of(body, name, default)
  local value = body[name]
  if value == nil then return default end
  local n = math.tointeger(value) or math.tointeger(tonumber(value) or 0.5)
  if not n or n < 0 then query.refuse("illegal_argument_exception", "[%s] parameter cannot be negative", name) end
  return n
end

local function direction_of(spec)
  local order = json.is_object(spec) and spec.order or spec
  if order == nil then return 1 end
  if order ~= "asc" and order ~= "desc" then
    query.refuse("illegal_argument_exception", "Illegal sort order [%s]", tostring(order))
  end
  return order == "asc" and 1 or -1
end

local SORTABLE = { modified = true, id = true, _score = true, _doc = true }

-- The keys of the order: a list of { field, direction }.
local function sort_keys(sort)
  local keys = {}
  local function add(name, spec)
    if not SORTABLE[name] then query.refuse("query_shard_exception", "No mapping found for [%s] in order to sort on", tostring(name)) end
    if name == "modified" or name == "id" then keys[#keys + 1] = { name, direction_of(spec) } end
  end
  local function add_one(one)
    if type(one) == "string" then return add(one) end
    if not json.is_object(one) then query.refuse("illegal_argument_exception", "malformed sort format") end
    for name, spec in json.members(one) do add(name, spec) end
  end
  if json.is_array(sort) then
    for _, one in ipairs(sort) do add_one(one) end
  elseif sort ~= nil then
    add_one(sort)
  end
  return keys
end

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
    parts[i] = '{"_index":"' .. INDEX .. '","_type":"_doc","_id":"' .. id .. '","_score":' .. score .. ',"_source":{}' .. sort .. "}"
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

-- The proxy adds its own conditions to the query it passes on, and a type to the sort.
local function echoed(body)
  local filters = json.array {}
  local bool = json.is_object(body.query) and body.query.bool or nil
  local copy = json.object("aggs", body.aggs or json.object())
  local echoed_bool = json.object()
  if json.is_object(bool) then
    for name, value in json.members(bool) do json.set(echoed_bool, name, value) end
    local own = bool.filter
    if json.is_array(own) then table.move(own, 1, #own, 1, filters) elseif own ~= nil then filters[1] = own end
  elseif body.query ~= nil then
    json.set(echoed_bool, "must", json.array { body.query })
  end
  filters[#filters + 1] = json.object("term", json.object("client_id", 21))
  filters[#filters + 1] = json.object("term", json.object("active", true))
  json.set(echoed_bool, "filter", filters)
  json.set(copy, "query", json.object("bool", echoed_bool))
  for name, value in json.members(body) do
    if name ~= "aggs" and name ~= "query" and name ~= "sort" then json.set(copy, name, value) end
  end
  return copy
end

local function with_unmapped(sort)
  local function one(entry)
    if not json.is_object(entry) then return entry end
    local copy = json.object()
    for name, spec in json.members(entry) do
      if json.is_object(spec) and name ~= "_score" then
        local typed = json.object("unmapped_type", name == "id" and "long" or "date")
        for key, value in json.members(spec) do json.set(typed, key, value) end
        spec = typed
      end
      json.set(copy, name, spec)
    end
    return copy
  end
  if not json.is_array(sort) then return one(sort) end
  local list = json.array {}
  for i, entry in ipairs(sort) do list[i] = one(entry) end
  return list
end

local function check_window(from, size)
  if from + size > WINDOW then
    query.refuse("query_phase_execution_exception", "Result window is too large, from + size must be less than or equal to: "
      .. "[%d] but was [%d]. See the scroll api for a more efficient way to request large data sets. This limit can be set "
      .. "by changing the [index.max_result_window] index level setting.", WINDOW, from + size)
  end
end

---Answers a search. Raises { es_fault, reason } where Elasticsearch would refuse it.
---@param catalogue table
---@param body table the decoded request
---@param options { refuse_id_ranges?: boolean, empty?: boolean }
---@return string text
function M.answer(catalogue, body, options)
  for name in json.members(body) do
    if not KNOWN[name] then query.refuse("parsing_exception", "Unknown key for a VALUE in [%s].", name) end
  end
  catalogue:refresh()
  local from, size = count_of(body, "from", 0), count_of(body, "size", 10)
  check_window(from, size)
  local request = echoed(body)
  local plan, keys = query.compile(request.query, options), sort_keys(body.sort)
  if body.sort ~= nil then json.set(request, "sort", with_unmapped(body.sort)) end
  local numbers, total = {}, 0
  if not options.empty then numbers, total = M.find(catalogue, plan, keys, from, size) end
  local max_score = #keys == 0 and total > 0 and "1" or "null"
  return '{"took":3,"timed_out":false,"_shards":{"total":5,"successful":5,"skipped":0,"failed":0},"hits":{"total":' .. total
    .. ',"max_score":' .. max_score .. ',"hits":[' .. hits_text(catalogue, keys, numbers) .. ']},"request":{"url":'
    .. '"https:\\/\\/vpc-stock2shop-647vemf3m3u22fhny7f7dqjs4m.eu-west-1.es.amazonaws.com\\/products\\/_search","method":"POST",'
    .. '"body":' .. json.encode(request, true) .. '},"system_products":[' .. live_text(catalogue, numbers) .. '],"took_s2s":7}'
end

---The body of Elasticsearch's refusal, which the proxy passes through with status 400.
function M.refusal(fault)
  local cause = json.object("type", fault.es_fault, "reason", fault.reason)
  local shard = json.object("shard", 0, "index", INDEX, "node", "sandbox", "reason", cause)
  return json.encode(json.object("error", json.object("root_cause", json.array { cause }, "type", "search_phase_execution_exception",
    "reason", "all shards failed", "phase", "query", "grouped", true, "failed_shards", json.array { shard }), "status", 400), true)
end

return M
