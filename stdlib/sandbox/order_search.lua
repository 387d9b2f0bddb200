-- One search of orders: the index decides what is found, the live shop what is shown. Which fields are words and which
-- are whole values in the real index is not documented: `order_codes` chooses for channel_order_code ("keyword": found by its
-- exact text; "text": its words are found, and `term` finds none with capitals or signs), `refuse_id_sort` says that id
-- can't be sorted on.
local elastic = require "sluice.sandbox.elastic"
local json = require "sluice.sandbox.json"
local query = require "sluice.sandbox.query"

local M = {}

local function of(name) return function(_, order) return order.value[name] end end
local function of_customer(name) return function(_, order) return order.value.customer[name] end end

local function of_sources(name)
  return function(_, order)
    local list = {}
    for i, source in ipairs(order.value.sources) do list[i] = source[name] end
    return list
  end
end

-- All beginnings of the id.
local function autocomplete(_, order)
  local text, list = tostring(order.id), {}
  for i = 1, #text do list[i] = text:sub(1, i) end
  return list
end

local function schema_of(code_is_text)
  return {
    name = "orders", index = "orders--------2020-09-02-08-31-08", filters = { { "client_id", 21 } },
    sortable = { modified = true, id = true, _score = true, _doc = true },
    ranges = { id = true, modified = true, created = true }, always = { client_id = true },
    fields = {
      id = function(_, order) return order.id end,
      modified = function(_, order) return order.indexed end,
      created = function(_, order) return order.created end,
      client_id = function() return 21 end,
      channel_id = of "channel_id", channel_order_code = of "channel_order_code", customer_id = of "customer_id", status = of "status",
      notes = of "notes", ["id.autocomplete"] = autocomplete,
      ["sources.source_id"] = of_sources "source_id", ["sources.source_order_code"] = of_sources "source_order_code",
      ["customer.first_name"] = of_customer "first_name", ["customer.last_name"] = of_customer "last_name",
      ["customer.email"] = of_customer "email", ["customer.channel_customer_code"] = of_customer "channel_customer_code",
    },
    parsers = { id = query.integer_of, client_id = query.integer_of, channel_id = query.integer_of, customer_id = query.integer_of,
      modified = query.time_of, created = query.time_of, channel_order_code = tostring },
    analyzed = { notes = true, ["customer.first_name"] = true, ["customer.last_name"] = true, ["customer.email"] = true,
      channel_order_code = code_is_text or nil },
  }
end

local schemas = { keyword = schema_of(false), text = schema_of(true) }

local function fits(plan, orders, order)
  if not order.indexed then return false end
  if order.indexed < plan.modified.low or order.indexed > plan.modified.high then return false end
  if order.id < plan.id.low or order.id > plan.id.high then return false end
  for _, test in ipairs(plan.tests) do
    if not test(orders, order) then return false end
  end
  return true
end

local VALUE = { id = function(order) return order.id end, modified = function(order) return order.indexed end }

local function comparator(keys)
  return function(a, b)
    for _, key in ipairs(keys) do
      local x, y = VALUE[key[1]](a), VALUE[key[1]](b)
      if x ~= y then return (x < y) == (key[2] == 1) end
    end
    return a.id < b.id
  end
end

-- The orders of one page, and how many match.
local function find(orders, asked)
  local plan, found, wanted = asked.plan, {}, nil
  if plan.ids then
    wanted = {}
    for _, id in ipairs(plan.ids) do wanted[id] = true end
  end
  for _, order in ipairs(orders.list) do
    if (not wanted or wanted[order.id]) and fits(plan, orders, order) then found[#found + 1] = order end
  end
  table.sort(found, comparator(asked.keys))
  return table.move(found, asked.from + 1, math.min(asked.from + asked.size, #found), 1, {}), #found
end

local function hits_text(schema, keys, page)
  local parts = {}
  for i, order in ipairs(page) do
    local values = {}
    for k, key in ipairs(keys) do values[k] = key[1] == "id" and order.id or order.indexed * 1000 end
    local sort = #keys > 0 and ',"sort":[' .. table.concat(values, ",") .. "]" or ""
    parts[i] = '{"_index":"' .. schema.index .. '","_type":"_doc","_id":"' .. order.id .. '","_score":'
      .. (#keys == 0 and "10.32759" or "null") .. ',"_source":{}' .. sort .. "}"
  end
  return table.concat(parts, ",")
end

-- Live, in the order of the shop's own table.
local function live_text(page)
  local list, parts = table.move(page, 1, #page, 1, {}), {}
  table.sort(list, function(a, b) return a.id < b.id end)
  for i, order in ipairs(list) do
    order.shown = order.shown or json.encode(order.value, true) -- until it changes
    parts[i] = order.shown
  end
  return table.concat(parts, ",")
end

---What is searched.
function M.schema(options) return schemas[options.order_codes] end

---Answers a search. Raises { es_fault, reason } where Elasticsearch would refuse it.
---@param orders table
---@param body table the decoded request
---@param options { order_codes: string, refuse_id_ranges?: boolean, refuse_id_sort?: boolean, empty?: boolean }
---@return string text
function M.answer(orders, body, options)
  orders:refresh()
  local schema = M.schema(options)
  local asked = elastic.read(body, schema, options)
  local page, total = {}, 0
  if not options.empty then page, total = find(orders, asked) end
  return elastic.answer(schema, asked, { total = total, max_score = #asked.keys == 0 and total > 0 and "10.32759" or "null",
    hits = hits_text(schema, asked.keys, page), live = live_text(page), took = 51 })
end

return M
