-- What Stock2Shop's proxy and Elasticsearch do with any search, of products or of orders: the request is read and
-- checked, the proxy adds its own conditions, the answer shows them and has what was found around it.
--
--   local asked = elastic.read(body, schema, options)     -- { from, size, keys, plan, request }; raises { es_fault = … }
--   elastic.answer(schema, asked, { total = 1, hits = text, live = text, max_score = "1", took = 7 })
--
-- A schema says what is searched: `name`, `index`, `filters` (the proxy's own), `sortable`, and what query.lua needs.
local json = require "sluice.sandbox.json"
local query = require "sluice.sandbox.query"

local M = {}

local WINDOW = 10000
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

-- The keys of the order: a list of { field, direction }. Scores are all the same here, so they order nothing.
local function sort_keys(sort, sortable, options)
  local keys = {}
  local function add(name, spec)
    if not sortable[name] then query.refuse("query_shard_exception", "No mapping found for [%s] in order to sort on", tostring(name)) end
    if name == "id" and options.refuse_id_sort then
      query.refuse("illegal_argument_exception", "Fielddata is disabled on text fields by default. Set fielddata=true on [id]")
    end
    local direction = direction_of(spec)
    if name ~= "_score" and name ~= "_doc" then keys[#keys + 1] = { name, direction } end
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

-- The proxy adds its own conditions to the query it passes on, and a type to the sort.
local function echoed(body, own_filters)
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
  for _, pair in ipairs(own_filters) do filters[#filters + 1] = json.object("term", json.object(pair[1], pair[2])) end
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

---Reads a search: `from`, `size`, `keys` of the order, `plan` of the query, `request` as the answer shows it.
---@param body table the decoded request
---@param schema table
---@param options { refuse_id_ranges?: boolean, refuse_id_sort?: boolean }
function M.read(body, schema, options)
  for name in json.members(body) do
    if not KNOWN[name] then query.refuse("parsing_exception", "Unknown key for a VALUE in [%s].", name) end
  end
  local from, size = count_of(body, "from", 0), count_of(body, "size", 10)
  check_window(from, size)
  local request = echoed(body, schema.filters)
  local plan, keys = query.compile(request.query, options, schema), sort_keys(body.sort, schema.sortable, options)
  if body.sort ~= nil then json.set(request, "sort", with_unmapped(body.sort)) end
  return { from = from, size = size, keys = keys, plan = plan, request = request }
end

---The answer's text. `found`: total, and the texts of hits, live (system_…), max_score; took.
function M.answer(schema, asked, found)
  return '{"took":3,"timed_out":false,"_shards":{"total":5,"successful":5,"skipped":0,"failed":0},"hits":{"total":' .. found.total
    .. ',"max_score":' .. found.max_score .. ',"hits":[' .. found.hits .. ']},"request":{"url":'
    .. '"https:\\/\\/vpc-stock2shop-647vemf3m3u22fhny7f7dqjs4m.eu-west-1.es.amazonaws.com\\/' .. schema.name
    .. '\\/_search","method":"POST","body":' .. json.encode(asked.request, true) .. '},"system_' .. schema.name .. '":['
    .. found.live .. '],"took_s2s":' .. found.took .. "}"
end

---The body of Elasticsearch's refusal, which the proxy passes through with status 400.
function M.refusal(fault, schema)
  local cause = json.object("type", fault.es_fault, "reason", fault.reason)
  local shard = json.object("shard", 0, "index", schema.index, "node", "sandbox", "reason", cause)
  return json.encode(json.object("error", json.object("root_cause", json.array { cause }, "type", "search_phase_execution_exception",
    "reason", "all shards failed", "phase", "query", "grouped", true, "failed_shards", json.array { shard }), "status", 400), true)
end

return M
