-- Veeqo as its one printed page and what was seen of the real server show it (what neither says is marked "undocumented"):
-- one leaky bucket for each key, refusals without a word, bare lists with their totals in headers, four shapes of errors,
-- filters that are ignored where they can't be read, and posts that are carried out as often as they come.
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"
local shapes = require "sluice.sandbox.veeqo_shapes"
local Store = require "sluice.sandbox.veeqo_store"

local M = {}

local PER_SECOND = 5
local O = json.object

local function answer(status, value, headers)
  return { status = status, body = value and json.encode(value) or "", headers = headers or {}, type = "application/json; charset=utf-8" }
end

-- ---- the four shapes of errors ----

local function error_text(status, text) return answer(status, O("error_messages", text)) end
local function error_list(status, list, headers) return answer(status, O("error_messages", json.array(list)), headers) end
local function no_product() return answer(404, O("status", "404", "error", "Not Found")) end
local function no_route() return answer(404, O("status", 404, "error", "Not Found")) end

-- An attribute that is not taken. That it is a 500 is known of PUT; its body, and POST's, are undocumented.
local function not_taken() return answer(500, O("status", 500, "error", "Internal Server Error")) end

-- ---- lists ----

-- Text to number as Ruby's to_i does it: what is no number is 0.
local function to_i(text) return math.tointeger(tonumber((text or ""):match "^%s*(-?%d+)")) or 0 end

local function head(count, size, page, short)
  local headers = { ["X-Total-Count"] = tostring(count), ["X-Total-Pages-Count"] = tostring((count + size - 1) // size) }
  if not short then headers["X-Page-Index"], headers["X-Per-Page"] = tostring(page), tostring(size) end
  return headers
end

-- A page of a list: `size` where none is asked for; `short` has fewer headers. More than 100 a page are not given.
local function list(sb, req, rows, shape, size, short)
  local query = req.query
  if query.page_size then size = math.min(to_i(query.page_size), 100) end
  if size < 1 then -- seen so, for a page of nothing
    return error_list(400, { "Infinity" }, { ["X-Total-Count"] = tostring(#rows), ["X-Total-Pages-Count"] = "0" })
  end
  local page = query.page and math.max(to_i(query.page), 1) or 1
  local headers, first, out = head(#rows, size, page, short), (page - 1) * size, json.array {}
  if page > 1 and first >= #rows and sb.options.veeqo_past_end == 404 then return no_route() end -- undocumented: that, or an empty list
  for i = first + 1, math.min(first + size, #rows) do out[#out + 1] = shape(rows[i], sb.veeqo) end
  return answer(200, out, headers)
end

-- A time that can't be read is no filter at all.
local function since(text) return dates.parse_sql(text) or -math.huge end

local function contains(text, words)
  return tostring(text or ""):lower():find(words:lower(), 1, true) ~= nil
end

-- Those of a list that a query asks for, newest first.
local function chosen(rows, query, fits)
  local out, above = {}, to_i(query.since_id)
  local created, updated = since(query.created_at_min), since(query.updated_at_min)
  for i = #rows, 1, -1 do
    local row = rows[i]
    if row.id > above and row.created_at >= created and row.updated_at >= updated and fits(row) then out[#out + 1] = row end
  end
  return out
end

-- Whether a search by words sees it yet.
local function indexed(sb, row) return row.created_at <= sb.clock() - sb.options.veeqo_lag end

-- Their order is undocumented; here the newest stand first, as orders do.
local function products(sb, req)
  local words = req.query.query
  return list(sb, req, chosen(sb.veeqo.products, req.query, function(product)
    if not words then return true end
    if not indexed(sb, product) then return false end
    if contains(product.title, words) then return true end
    for _, variant in ipairs(product.variants) do
      if contains(variant.sku_code, words) then return true end
    end
    return false
  end), shapes.product, 12)
end

-- Cancelled ones are shown to those alone who ask for them; an unknown status finds nothing; the search is fuzzy.
local function orders(sb, req)
  local status, words = req.query.status, req.query.query
  return list(sb, req, chosen(sb.veeqo.orders, req.query, function(order)
    if status and status ~= "" and order.status ~= status then return false end
    if order.status == "cancelled" and status ~= "cancelled" then return false end
    return not words or indexed(sb, order) and (contains(order.number, words) or contains(order.email, words))
  end), shapes.order, 12)
end

local function warehouses(sb, req) return list(sb, req, sb.veeqo.warehouses, shapes.warehouse, 10, true) end

-- How many there are on a page unless asked is undocumented.
local function channels(sb, req)
  local rows = {}
  for _, one in ipairs(sb.veeqo.channels) do
    if not req.query.type_code or one.type_code == req.query.type_code then rows[#rows + 1] = one end
  end
  return list(sb, req, rows, shapes.channel, 10)
end

-- ---- products ----

-- "name list[] object{}": what each member may hold.
local function members_of(text)
  local kinds = {}
  for name, mark in text:gmatch "([%w_]+)(%S*)" do kinds[name] = mark end
  return kinds
end

local PRODUCT = members_of [[title description estimated_delivery notes product_brand_id product_variants_attributes[] images_attributes[] ]]
local VARIANT = members_of [[id title price sku_code cost_price weight_grams weight_unit upc_code model_number min_reorder_level
  quantity_to_reorder tax_rate]]
local IMAGE = members_of [[id src display_position]]
local ORDER = members_of [[channel_id customer_id customer_attributes{} deliver_to_id deliver_to_attributes{} delivery_method_id
  line_items_attributes[] number due_date send_notification_email total_discounts additional_order_level_taxless_discount delivery_cost
  total_tax payment_attributes{} customer_note_attributes{} employee_notes_attributes[] ]]
local LINE = members_of [[id sellable_id price_per_unit quantity tax_rate taxless_discount_per_unit additional_options]]
local ENTRY = members_of [[physical_stock_level infinite location]]

local function fits(value, mark)
  if value == json.null then return true end
  if mark == "{}" then return json.is_object(value) end
  if mark == "" then return type(value) ~= "table" end
  for _, one in ipairs(json.is_array(value) and value or {}) do
    if not json.is_object(one) then return false end
  end
  return json.is_array(value)
end

-- The answer where a member is not taken, or holds what it can't (the latter is undocumented); else nil.
local function misfit(object, kinds)
  for name, value in json.members(object) do
    if not kinds[name] then return not_taken() end
    if not fits(value, kinds[name]) then return error_list(400, { name .. " is invalid" }) end
  end
end

local function rows_of(object, name) return json.is_array(object[name]) and object[name] or {} end

local function misfit_in(object, name, kinds)
  for _, row in ipairs(rows_of(object, name)) do
    local answered = misfit(row, kinds)
    if answered then return answered end
  end
end

local function product_misfit(product)
  return misfit(product, PRODUCT) or misfit_in(product, "product_variants_attributes", VARIANT)
    or misfit_in(product, "images_attributes", IMAGE)
end

-- The object in its wrapper, or nil and what is answered without it (undocumented).
local function wrapped(req, name)
  local body, fault = json.decode(req.body)
  local object = not fault and json.is_object(body) and body[name]
  if json.is_object(object) then return object end
  return nil, error_list(400, { ("param is missing or the value is empty: %s"):format(name) })
end

local function blank(value) return value == nil or value == json.null or value == "" end

local function complain_blank(list_of, object, names, prefix)
  for _, name in ipairs(names) do
    if blank(object[name]) then list_of[#list_of + 1] = ("%s%s can't be blank"):format(prefix, name) end
  end
end

-- Nobody has shown what a validation that fails looks like: undocumented, 400 and a list is the best guess.
local function check_new_product(product)
  local problems = {}
  complain_blank(problems, product, { "title" }, "")
  for _, variant in ipairs(rows_of(product, "product_variants_attributes")) do
    complain_blank(problems, variant, { "title", "price", "sku_code" }, "product_variants.")
  end
  return #problems > 0 and error_list(400, problems) or nil
end

local function create_product(sb, req)
  local fields, refusal = wrapped(req, "product")
  if not fields then return refusal end
  refusal = product_misfit(fields) or check_new_product(fields)
  if refusal then return refusal end
  return answer(201, shapes.product(sb.veeqo:add_product(fields), sb.veeqo))
end

local function product(sb, _, id)
  local one = sb.veeqo:find("products", id)
  return one and answer(200, shapes.product(one, sb.veeqo)) or no_product()
end

local function update_product(sb, req, id)
  local one = sb.veeqo:find("products", id)
  if not one then return no_product() end
  local fields, refusal = wrapped(req, "product")
  if not fields then return refusal end
  if fields.title ~= nil and blank(fields.title) then refusal = error_list(400, { "title can't be blank" }) end -- undocumented
  refusal = product_misfit(fields) or refusal
  if refusal then return refusal end
  sb.veeqo:set_product(one, fields)
  return answer(200, shapes.product(one, sb.veeqo))
end

local function delete_product(sb, _, id)
  return sb.veeqo:delete_product(id) and answer(204) or no_product()
end

-- ---- orders ----

local function order(sb, _, id)
  local one = sb.veeqo:find("orders", id)
  return one and answer(200, shapes.order(one)) or error_text(404, "Not found")
end

-- "31/01/2018", day first; whatever else is no date (undocumented what Veeqo makes of it).
local function day(text)
  local d, m, y = tostring(text):match "^(%d%d)/(%d%d)/(%d%d%d%d)$"
  return y and dates.parse_sql(("%s-%s-%s 00:00:00"):format(y, m, d)) or nil
end

local function check_lines(sb, lines, problems)
  if not json.is_array(lines) or #lines == 0 then
    problems[#problems + 1] = "line_items can't be blank"
    return
  end
  for _, line in ipairs(lines) do
    complain_blank(problems, line, { "sellable_id", "price_per_unit", "quantity" }, "line_items.")
    if not sb.veeqo.sellables[Store.whole_of(line.sellable_id)] then problems[#problems + 1] = "line_items.sellable must exist" end
  end
end

-- Undocumented, as of products: 400 and a list.
local function check_new_order(sb, fields)
  local problems = {}
  complain_blank(problems, fields, { "channel_id", "delivery_method_id" }, "")
  if blank(fields.customer_id) and blank(fields.customer_attributes) then problems[#problems + 1] = "customer can't be blank" end
  if blank(fields.deliver_to_id) and blank(fields.deliver_to_attributes) then problems[#problems + 1] = "deliver_to can't be blank" end
  if not sb.veeqo:find("channels", tostring(fields.channel_id)) then problems[#problems + 1] = "channel must exist" end
  check_lines(sb, fields.line_items_attributes, problems)
  return #problems > 0 and error_list(400, problems) or nil
end

local function create_order(sb, req)
  local fields, refusal = wrapped(req, "order")
  if not fields then return refusal end
  refusal = misfit(fields, ORDER) or misfit_in(fields, "line_items_attributes", LINE) or check_new_order(sb, fields)
  if refusal then return refusal end
  local one = sb.veeqo:add_order(fields, day(fields.due_date))
  return answer(201, shapes.order(one), { Location = ("%s/orders/%d"):format(sb.url, one.id) })
end

-- ---- stock ----

local function stock_entry(sb, _, sellable, warehouse)
  local entry, place = sb.veeqo:entry(sellable, warehouse)
  return entry and answer(200, shapes.stock_entry(entry, place)) or no_product()
end

-- Sets what there is; both of the first two are asked for (what happens without is undocumented).
local function set_stock_entry(sb, req, sellable, warehouse)
  local entry, place = sb.veeqo:entry(sellable, warehouse)
  if not entry then return no_product() end
  local fields, refusal = wrapped(req, "stock_entry")
  if not fields then return refusal end
  refusal = misfit(fields, ENTRY)
  if refusal then return refusal end
  local problems = {}
  complain_blank(problems, fields, { "physical_stock_level", "infinite" }, "")
  if #problems > 0 then return error_list(400, problems) end
  entry.physical = Store.whole_of(fields.physical_stock_level)
  entry.infinite, entry.updated_at = fields.infinite == true, sb.clock()
  if fields.location ~= nil then entry.location = fields.location ~= json.null and fields.location or nil end
  return answer(200, shapes.stock_entry(entry, place))
end

-- ---- serving ----

local function current_user() return answer(200, shapes.user()) end

-- An example of what the account's plan does not include.
local function gated() return error_text(403, "Feature not available on your current plan") end

---The operations: names, methods and paths are those of the client's definition, the rest is the sandbox's own.
M.routes = {
  { name = "create_product", method = "POST", path = "/products", handle = create_product },
  { name = "products", method = "GET", path = "/products", handle = products },
  { name = "product", method = "GET", path = "/products/{id}", handle = product },
  { name = "update_product", method = "PUT", path = "/products/{id}", handle = update_product },
  { name = "delete_product", method = "DELETE", path = "/products/{id}", handle = delete_product },
  { name = "orders", method = "GET", path = "/orders", handle = orders },
  { name = "order", method = "GET", path = "/orders/{id}", handle = order },
  { name = "create_order", method = "POST", path = "/orders", handle = create_order },
  { name = "stock_entry", method = "GET", path = "/sellables/{id}/warehouses/{warehouse}/stock_entry", handle = stock_entry },
  { name = "set_stock_entry", method = "PUT", path = "/sellables/{id}/warehouses/{warehouse}/stock_entry", handle = set_stock_entry },
  { name = "warehouses", method = "GET", path = "/warehouses", handle = warehouses },
  { name = "channels", method = "GET", path = "/channels", handle = channels },
  { name = "current_user", method = "GET", path = "/current_user", handle = current_user },
  { method = "GET", path = "/purchase_orders", handle = gated },
}

---The beginnings of paths that are Veeqo's beside /products, also where there is no route.
M.prefixes = { "/orders", "/sellables", "/warehouses", "/channels", "/current_", "/purchase_orders" }

-- The bucket refuses before anything else is looked at: no body, no type, no header that says how long.
local function refused(sb, key)
  if sb.limits:leak("veeqo " .. key, PER_SECOND, sb.options.veeqo_bucket, sb.clock()) then return nil end
  return { status = 429, body = "", headers = {} }
end

---Answers one request that a route fits.
function M.serve(sb, req, route, params)
  local key = req.headers["x-api-key"] or (req.headers.authorization or ""):match "^[Bb]earer (.+)$"
  local limited = refused(sb, key or req.peer)
  if limited then return limited end
  if key ~= sb.options.veeqo_key then return error_text(401, "You're not authorized") end
  return route.handle(sb, req, table.unpack(params))
end

---What a path that does not exist gets, and a method that a path does not take.
function M.missing() return no_route() end

---The state: see veeqo_store.lua.
function M.new(sb)
  return Store.new { products = sb.options.veeqo_products, orders = sb.options.veeqo_orders, seed = sb.options.seed, clock = sb.clock }
end

return M
