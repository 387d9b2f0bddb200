-- The part of Elasticsearch's query language that feeds and look-ups need: bool (filter, must, should, must_not), range,
-- term, terms, ids, match_all, exists, and for what has texts match and multi_match. A query becomes bounds on modified
-- and id, which a sorted index answers by binary search, and tests for what is left.
--
--   local plan = query.compile(body.query, options, schema)  -- raises { es_fault = … } as Elasticsearch would refuse it
--   plan.modified.low, plan.id.high, plan.tests[i](store, entry)
--
-- A schema has `fields` (name -> function(store, entry): a value, or a list of them, as the index holds it), `parsers` (a
-- value of the query in that form), `ranges` (fields that are whole numbers), `always` (the proxy's own conditions, which
-- hold for all), and where there are texts `analyzed` (fields that the index holds as words in lower case).
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"
local products = require "sluice.sandbox.products"

local M = {}

---Ends the search with Elasticsearch's complaint.
function M.refuse(kind, reason, ...)
  error({ es_fault = kind, reason = reason:format(...) }, 0)
end
local refuse = M.refuse

local fields = {
  id = function(_, n) return products.id(n) end,
  modified = function(catalogue, n) return catalogue:indexed_modified(n) end,
  source_product_code = function(catalogue, n) return catalogue:code(n) end,
  active = function() return true end, -- others are not in the index
  client_id = function() return 21 end,
  source_id = function() return 57 end,
}

local function integer_of(value, field)
  local n = math.tointeger(value) or math.tointeger(tonumber(value) or 0.5)
  if not n then refuse("number_format_exception", 'failed to parse field [%s]: For input string: "%s"', field, tostring(value)) end
  return n
end

M.integer_of = integer_of

---A time of the query in seconds.
function M.time_of(value)
  local seconds = dates.parse_sql(value)
  if not seconds then
    refuse("parse_exception", "failed to parse date field [%s] with format [yyyy-MM-dd HH:mm:ss]", tostring(value))
  end
  return seconds
end

---The schema of products.
M.products = {
  name = "products", index = "products--------2020-09-02-08-31-08", filters = { { "client_id", 21 }, { "active", true } },
  sortable = { modified = true, id = true, _score = true, _doc = true }, fields = fields,
  ranges = { id = true, modified = true }, always = { active = true, client_id = true },
  parsers = {
    id = integer_of, client_id = integer_of, source_id = integer_of, modified = M.time_of,
    active = function(value) return value == true or value == "true" end,
    source_product_code = tostring,
  },
}

local function parse(schema, field, value)
  local parser = schema.parsers[field]
  return parser and parser(value, field) or value
end

local function only_member(object, what)
  if not json.is_object(object) then refuse("parsing_exception", "[%s] query malformed, no start_object after query name", what) end
  if #object == 0 then refuse("illegal_argument_exception", "query malformed, empty clause found") end
  local name, value
  for key, member in json.members(object) do
    if key ~= "boost" and key ~= "_name" then
      if name then
        refuse("parsing_exception", "[%s] malformed query, expected [END_OBJECT] but found [FIELD_NAME]", what)
      end
      name, value = key, member
    end
  end
  return name, value
end

local function words_of(text)
  local words = {}
  for word in tostring(text):lower():gmatch "[%w\x80-\xff]+" do words[#words + 1] = word end
  return words
end

-- What the index holds of a field of an entry, as a list: values, or the words of a text.
local function terms_of(schema, field, store, entry)
  local value = schema.fields[field](store, entry)
  if type(value) ~= "table" then value = { value } end
  if not (schema.analyzed and schema.analyzed[field]) then return value end
  local words = {}
  for _, one in ipairs(value) do
    for _, word in ipairs(words_of(one)) do words[#words + 1] = word end
  end
  return words
end

local function test_equal(schema, field, values)
  local get, wanted = schema.fields[field], {}
  for _, value in ipairs(values) do wanted[parse(schema, field, value)] = true end
  return function(store, entry)
    if not get then return false end
    if not schema.analyzed then return wanted[get(store, entry)] == true end
    for _, term in ipairs(terms_of(schema, field, store, entry)) do
      if wanted[term] then return true end
    end
    return false
  end
end

local LIMITS = { gt = true, gte = true, lt = true, lte = true, from = true, to = true }
local HARMLESS = { format = true, boost = true, time_zone = true, relation = true, include_lower = true, include_upper = true }

-- Inclusive bounds of a range over whole numbers (ids, seconds).
local function bounds_of(schema, field, spec)
  local low, high = math.mininteger, math.maxinteger
  for name, value in json.members(spec) do
    if LIMITS[name] and value ~= json.null then
      local v = parse(schema, field, value)
      if name == "gt" then low = math.max(low, v + 1)
      elseif name == "gte" or name == "from" then low = math.max(low, v)
      elseif name == "lt" then high = math.min(high, v - 1)
      else high = math.min(high, v) end
    elseif not HARMLESS[name] and not LIMITS[name] then
      refuse("parsing_exception", "[range] query does not support [%s]", name)
    end
  end
  return low, high
end

local clause

local function list_of(value)
  if json.is_array(value) then return value end
  return { value }
end

-- All tests hold (must, filter), none holds (must_not), enough hold (should).
local function bool_clause(spec, options)
  if not json.is_object(spec) then refuse("parsing_exception", "[bool] query malformed, no start_object after query name") end
  local all, none, some, least = {}, {}, {}, nil
  for name, value in json.members(spec) do
    local into = (name == "must" or name == "filter") and all or name == "must_not" and none or name == "should" and some
    if into then
      for _, one in ipairs(list_of(value)) do into[#into + 1] = clause(one, options) end
    elseif name == "minimum_should_match" then
      least = integer_of(value, name)
    elseif name ~= "boost" and name ~= "adjust_pure_negative" and name ~= "_name" then
      refuse("parsing_exception", "[bool] query does not support [%s]", name)
    end
  end
  if #some > 0 and (least or (#all == 0 and 1 or 0)) > 0 then
    least = least or 1
    all[#all + 1] = { test = function(catalogue, n)
      local count = 0
      for _, one in ipairs(some) do
        if one.test(catalogue, n) then count = count + 1 end
      end
      return count >= least
    end }
  end
  for _, one in ipairs(none) do
    all[#all + 1] = { test = function(catalogue, n) return not one.test(catalogue, n) end }
  end
  return { all = all, test = function(catalogue, n)
    for _, one in ipairs(all) do
      if not one.test(catalogue, n) then return false end
    end
    return true
  end }
end

local kinds = { bool = bool_clause }

function kinds.match_all() return { test = function() return true end, all = {} } end

function kinds.range(spec, options)
  local field, limits = only_member(spec, "range")
  if field == "id" and options.refuse_id_ranges then
    refuse("illegal_argument_exception", "Field [id] of type [keyword] does not support range queries here")
  end
  local schema = options.schema
  if not schema.ranges[field] then return { test = function() return false end } end
  if not json.is_object(limits) then refuse("parsing_exception", "[range] query does not support [%s]", field) end
  local low, high = bounds_of(schema, field, limits)
  local get = schema.fields[field]
  return { field = (field == "id" or field == "modified") and field or nil, low = low, high = high, test = function(store, entry)
    local value = get(store, entry)
    return value >= low and value <= high
  end }
end

function kinds.term(spec, options)
  local field, value = only_member(spec, "term")
  if json.is_object(value) then value = value.value end
  if type(value) == "table" then refuse("parsing_exception", "[term] query does not support array of values") end
  local schema = options.schema
  local one = { test = test_equal(schema, field, { value }) }
  one.always = schema.always[field] and one.test(nil, 0) -- what the proxy adds to every query
  if field == "id" or field == "modified" then
    one.field, one.low = field, parse(schema, field, value)
    one.high = one.low
  end
  return one
end

function kinds.terms(spec, options)
  local field, values = only_member(spec, "terms")
  if not json.is_array(values) then refuse("parsing_exception", "[terms] query requires an array of terms") end
  local one = { test = test_equal(options.schema, field, values) }
  if field == "id" then
    one.ids = {}
    for i, value in ipairs(values) do one.ids[i] = parse(options.schema, "id", value) end
  end
  return one
end

function kinds.ids(spec, options)
  local values = spec.values
  if not json.is_array(values) then refuse("parsing_exception", "[ids] query requires values") end
  return kinds.terms(json.object("id", values), options)
end

function kinds.exists(spec, options)
  local known = options.schema.fields[spec.field] ~= nil
  return { test = function() return known end }
end

-- Whether one of the fields has one (or, by "and", each) of the words of a text; a field that is no text is the whole text.
local function test_match(schema, names, text, operator)
  if operator ~= nil and operator:lower() ~= "or" and operator:lower() ~= "and" then
    refuse("illegal_argument_exception", "operator needs to be either OR or AND, but not [%s]", operator)
  end
  local every = operator and operator:lower() == "and"
  local function has(store, entry, field)
    local have, hits = {}, 0
    local wanted = schema.analyzed[field] and words_of(text) or { tostring(text) }
    for _, term in ipairs(terms_of(schema, field, store, entry)) do have[tostring(term)] = true end
    for _, word in ipairs(wanted) do hits = hits + (have[word] and 1 or 0) end
    return hits > 0 and (not every or hits == #wanted)
  end
  return function(store, entry)
    for _, field in ipairs(names) do
      if schema.fields[field] and has(store, entry, field) then return true end
    end
    return false
  end
end

local text_kinds = {}

function text_kinds.match(spec, options)
  local field, value = only_member(spec, "match")
  local operator
  if json.is_object(value) then value, operator = value.query, value.operator end
  if value == nil or type(value) == "table" then refuse("parsing_exception", "[match] requires query value") end
  return { test = test_match(options.schema, { field }, value, operator) }
end

function text_kinds.multi_match(spec, options)
  if not json.is_object(spec) then refuse("parsing_exception", "[multi_match] query malformed, no start_object after query name") end
  if type(spec.query) ~= "string" and type(spec.query) ~= "number" then refuse("parsing_exception", "No text specified for multi_match query") end
  local names = {}
  for i, name in ipairs(list_of(spec.fields)) do names[i] = tostring(name):gsub("%^.*$", "") end
  if #names == 0 then refuse("parsing_exception", "No fields specified for multi_match query") end
  return { test = test_match(options.schema, names, spec.query, spec.operator) }
end

function clause(spec, options)
  local kind, value = only_member(spec, "query")
  if options.schema.analyzed and text_kinds[kind] then return text_kinds[kind](value, options) end
  if not kinds[kind] then refuse("parsing_exception", "no [query] registered for [%s]", kind) end
  return kinds[kind](value, options)
end

-- Puts a clause into the plan: bounds where it is one, what a nested bool demands of all, a test else.
local function add(plan, one)
  if one.always then return end
  if one.all then
    for _, part in ipairs(one.all) do add(plan, part) end
  elseif one.field then
    local bounds = plan[one.field]
    bounds.low, bounds.high = math.max(bounds.low, one.low), math.min(bounds.high, one.high)
  elseif one.ids and not plan.ids then
    plan.ids = one.ids
  else
    plan.tests[#plan.tests + 1] = one.test
  end
end

---What a query asks for. `query` is the decoded clause, nil for everything; `schema` that of products unless given.
---@param query table?
---@param options { refuse_id_ranges?: boolean }
---@param schema table?
function M.compile(query, options, schema)
  options = { refuse_id_ranges = options.refuse_id_ranges, schema = schema or M.products }
  local plan = { tests = {}, modified = { low = math.mininteger, high = math.maxinteger },
    id = { low = math.mininteger, high = math.maxinteger } }
  if query then add(plan, clause(query, options)) end
  return plan
end

return M
