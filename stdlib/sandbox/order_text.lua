-- From what a channel sends to an order as Stock2Shop shows it (`system_orders` of the documents' example). Which members
-- of a payload become which of the order is not documented: those of Stock2Shop's own order model are taken, and their
-- names at Shopify and WooCommerce.
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"

local M = {}

local O = json.object

local function first(payload, ...)
  for _, name in ipairs { ... } do
    local value = payload[name]
    if value ~= nil and value ~= json.null then return value end
  end
end

local function list(value) return json.is_array(value) and value or {} end
local function object(value) return json.is_object(value) and value or O() end

-- Two decimals, a whole number without them.
local function money(value)
  local rounded = math.floor((tonumber(value) or 0) * 100 + 0.5) / 100
  return math.tointeger(rounded) or rounded
end

local function display(value) return ("%.2f"):format(value) end

---The order's code in its channel, or nil.
function M.code(payload)
  local code = first(payload, "channel_order_code", "id", "number")
  if type(code) ~= "string" and type(code) ~= "number" then return nil end
  return tostring(code) ~= "" and tostring(code) or nil
end

local function rate_of(lines)
  local percent = 0
  for _, line in ipairs(lines) do percent = percent + (json.is_object(line) and tonumber(line.rate) or 0) end
  return percent
end

local function line_of(item, id, source_id)
  local qty = math.tointeger(tonumber(first(item, "qty", "quantity")) or 1) or 1
  local price, discount, rates = money(item.price), money(item.total_discount), json.array {}
  for i, line in ipairs(list(item.tax_lines)) do rates[i] = O("rate", tostring(object(line).rate or "0")) end
  local sub_total = money(price * qty - discount)
  local tax = money(sub_total * rate_of(list(item.tax_lines)) / 100)
  local per_unit = money(qty ~= 0 and tax / qty or 0)
  return O("id", id, "grams", money(item.grams), "price", price, "sku", tostring(item.sku or ""), "total_discount", discount, "qty", qty,
    "variant_id", 620602, "source_id", source_id, "tax_lines", rates, "sub_total", sub_total, "tax", tax, "tax_per_unit", per_unit,
    "total", money(sub_total + tax), "sub_total_display", display(sub_total), "tax_display", display(tax), "tax_per_unit_display",
    display(per_unit), "total_display", display(sub_total + tax), "price_display", display(price), "total_discount_display", display(discount))
end

local ADDRESS = { "address1", "address2", "city", "company", "country", "country_code", "first_name", "last_name", "phone", "province",
  "province_code", "zip" }

local function address_of(given)
  local address = O()
  for _, name in ipairs(ADDRESS) do json.set(address, name, given[name] or json.null) end
  return address
end

local function customer_of(payload)
  local given, customer = object(first(payload, "customer", "billing")), O()
  json.set(customer, "channel_customer_code", tostring(first(given, "channel_customer_code", "id") or ""))
  for _, name in ipairs { "email", "first_name", "last_name" } do json.set(customer, name, tostring(given[name] or "")) end
  return customer
end

local function meta_of(payload)
  local meta = json.array {}
  for _, one in ipairs(list(payload.meta)) do
    meta[#meta + 1] = O("key", tostring(object(one).key or ""), "value", tostring(object(one).value or ""))
  end
  return meta
end

local function sums(lines)
  local sub_total, tax = 0, 0
  for _, line in ipairs(lines) do sub_total, tax = sub_total + line.sub_total, tax + line.tax end
  return money(sub_total), money(tax)
end

---The order as an object, in the order of the documents' example. `about`: { n, id, code, channel_id, created, modified }.
function M.order(payload, about)
  local lines = json.array {}
  for i, item in ipairs(list(payload.line_items)) do lines[i] = line_of(object(item), 3715343 + about.n * 100 + i, 57) end
  local sub_total, tax = sums(lines)
  local discount = money(payload.total_discount)
  return O("id", about.id, "created", dates.sql(about.created), "channel_order_code", about.code, "modified", dates.sql(about.modified),
    "channel_id", about.channel_id, "client_id", 21, "customer_id", 495994 + about.n, "notes", tostring(first(payload, "notes", "note") or ""),
    "status", "ordered", "total_discount", discount, "line_item_sub_total", 0, "line_item_tax", 0, "shipping_sub_total", 0, "shipping_tax", 0,
    "sub_total", sub_total, "tax", tax, "total", money(sub_total + tax - discount), "customer", customer_of(payload),
    "sources", json.array { O("source_id", "57", "source_order_code", tostring(3360212 + about.n)) }, "line_items", lines,
    "meta", meta_of(payload), "shipping_address", address_of(object(first(payload, "shipping_address", "shipping"))),
    "billing_address", address_of(object(first(payload, "billing_address", "billing"))), "shipping_total", 0,
    "sub_total_display", display(sub_total), "shipping_total_display", "0.00", "shipping_tax_display", "0.00", "tax_display", display(tax),
    "total_display", display(sub_total + tax - discount), "total_discount_display", display(discount))
end

---Why an order with this payload fails in the queue's worker, or nil. (The answer to its post says nothing of it.)
function M.fault(payload)
  if not json.is_object(payload) then return "an order is an object" end
  if not M.code(payload) then return "there is no channel_order_code" end
  local seen = {}
  for _, item in ipairs(list(payload.line_items)) do
    local sku = json.is_object(item) and item.sku
    if sku and seen[sku] then return "Duplicate line items are not allowed" end
    if sku then seen[sku] = true end
  end
end

return M
