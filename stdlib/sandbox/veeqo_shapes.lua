-- How Veeqo's things look: products, variants and stock as the document "Create a New Product" prints them, member for
-- member and in its order. Orders, warehouses, channels and users are undocumented there; of these the names alone are known
-- from the vendor's older pages.
--
--   json.encode(shapes.product(product, store))
local json = require "sluice.sandbox.json"

local M = {}

local O, null = json.object, json.null

local function or_null(value)
  if value == nil then return null end
  return value
end

---"2017-10-13T09:08:13.707Z"
function M.time(seconds)
  local ms = math.tointeger(seconds * 1000 // 1)
  return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
end

local function rounded(number) -- two decimals, as the margin is printed
  local cents = math.floor(number * 100 + 0.5)
  return cents % 100 == 0 and cents // 100 | 0 or cents / 100
end

-- A whole number without a point, as all of the document's are.
local function plain(number)
  return math.tointeger(number) or number
end

local function picture(image, product)
  if not image then return null end
  local at = M.time(product.created_at)
  return O("id", image.id, "binary_data", null, "content_type", null, "display_position", or_null(image.display_position),
    "created_by_id", null, "updated_by_id", null, "deleted_at", null, "deleted_by_id", null, "created_at", at, "updated_at", at,
    "src", or_null(image.src), "product_id", product.id, "picture_file_name", null, "picture_content_type", null,
    "picture_file_size", null, "picture_updated_at", null, "picture_order", 9999)
end

-- The image that stands first; the others are not in the answer.
local function main_image(product)
  local first
  for _, image in ipairs(product.images) do
    if not first or (image.display_position or 9999) < (first.display_position or 9999) then first = image end
  end
  return first
end

local function main_src(product)
  local image = main_image(product)
  return image and or_null(image.src) or null
end

local function total(variant, what)
  local sum = 0
  for _, entry in pairs(variant.stock) do sum = sum + entry[what] end
  return sum
end

local function endless(variant)
  for _, entry in pairs(variant.stock) do
    if entry.infinite then return true end
  end
  return false
end

---A warehouse; undocumented but for this place.
function M.warehouse(one)
  return O("id", one.id, "name", one.name, "user_id", null, "address_line_1", "", "address_line_2", "", "city", "", "region", "",
    "country", null, "post_code", "", "inventory_type_code", "wavg", "default_min_reorder", 0, "click_and_collect_enabled", false,
    "click_and_collect_days", null, "created_by_id", 23005, "updated_by_id", null, "deleted_at", null, "deleted_by_id", null,
    "created_at", M.time(one.created_at), "updated_at", M.time(one.created_at), "phone", null, "requested_carrier_account", null)
end

---How many of a variant are in a warehouse.
function M.stock_entry(entry, warehouse)
  local available = entry.physical - entry.allocated
  return O("sellable_id", entry.sellable_id, "warehouse_id", entry.warehouse_id, "infinite", entry.infinite, "allocated_stock_level",
    entry.allocated, "warehouse", M.warehouse(warehouse), "location", or_null(entry.location), "stock_running_low",
    not entry.infinite and available <= 0, "updated_at", M.time(entry.updated_at), "incoming_stock_level", 0, "physical_stock_level",
    entry.physical, "available_stock_level", available, "sellable_on_hand_value", 0)
end

local function product_in_sellable(product)
  return O("id", product.id, "title", product.title, "weight", 0, "origin_country", null, "hs_tariff_number", null, "tax_rate", 0,
    "main_image", picture(main_image(product), product), "estimated_delivery", or_null(product.estimated_delivery), "deleted_at", null,
    "deleted_by_id", null, "description", or_null(product.description), "main_image_src", main_src(product))
end

local function stock_of(variant, store)
  local list = json.array {}
  for _, warehouse in ipairs(store.warehouses) do
    local entry = variant.stock[warehouse.id]
    if entry then list[#list + 1] = M.stock_entry(entry, warehouse) end
  end
  return list
end

---A variant. The unit comes back as "g" whatever was sent, `weight` says the grams once more.
function M.sellable(variant, product, store)
  local physical, allocated = total(variant, "physical"), total(variant, "allocated")
  local profit = variant.price - variant.cost_price
  return O("total_quantity_sold", 0, "allocated_stock_level_at_all_warehouses", allocated, "id", variant.id, "type", "ProductVariant",
    "title", variant.title, "sku_code", variant.sku_code, "upc_code", variant.upc_code, "model_number", variant.model_number,
    "price", plain(variant.price), "cost_price", plain(variant.cost_price), "min_reorder_level", plain(variant.min_reorder_level),
    "quantity_to_reorder", plain(variant.quantity_to_reorder), "created_by_id", 23005, "created_at", M.time(variant.created_at),
    "updated_at", M.time(variant.updated_at), "weight_grams", plain(variant.weight_grams), "weight_unit", "g",
    "product_title", product.title, "full_title", product.title .. " " .. variant.title, "sellable_title", variant.title,
    "profit", plain(profit), "margin", variant.price ~= 0 and rounded(profit / variant.price * 100) or 0,
    "tax_rate", plain(variant.tax_rate), "product", product_in_sellable(product), "stock_entries", stock_of(variant, store),
    "variant_option_specifics", json.array {}, "variant_property_specifics", json.array {},
    "measurement_attributes", O("id", variant.measurement_id, "width", 0, "height", 0, "depth", 0, "dimensions_unit", "cm"),
    "images", json.array {}, "active_channels", json.array {}, "channel_sellables", json.array {},
    "available_stock_level_at_all_warehouses", physical - allocated, "stock_level_at_all_warehouses", physical, "on_hand_value", 0,
    "inventory", O("infinite", endless(variant), "physical_stock_level_at_all_warehouses", physical,
      "allocated_stock_level_at_all_warehouses", allocated, "available_stock_level_at_all_warehouses", physical - allocated,
      "incoming_stock_level_at_all_warehouses", 0),
    "weight", plain(variant.weight_grams))
end

local function sums(product)
  local physical, allocated, infinite = 0, 0, false
  for _, variant in ipairs(product.variants) do
    physical, allocated = physical + total(variant, "physical"), allocated + total(variant, "allocated")
    infinite = infinite or endless(variant)
  end
  return physical, allocated, infinite
end

---A product. Its variants come back in the reverse order.
function M.product(product, store)
  local sellables, physical, allocated, infinite = json.array {}, sums(product)
  for i = #product.variants, 1, -1 do sellables[#sellables + 1] = M.sellable(product.variants[i], product, store) end
  return O("id", product.id, "title", product.title, "created_by_id", 23005, "created_at", M.time(product.created_at), "weight", 0,
    "origin_country", null, "deleted_at", null, "deleted_by_id", null, "hs_tariff_number", null, "notes", or_null(product.notes),
    "product_tax_rate_id", null, "tax_rate", 0, "updated_at", M.time(product.updated_at), "updated_by_id", 23005,
    "web_meta_description", "", "web_meta_keywords", "", "web_meta_title", "", "web_page_title", "", "web_page_url", "",
    "main_image", picture(main_image(product), product), "estimated_delivery", or_null(product.estimated_delivery),
    "total_quantity_sold", 0,
    "brand", product.product_brand_id and O("id", product.product_brand_id, "name", "Brand", "display_position", null, "products_count", 1) or null,
    "sellables", sellables, "channel_products", json.array {}, "active_channels", json.array {}, "tags", json.array {},
    "image", main_src(product), "description", or_null(product.description), "on_hand_value", 0, "main_image_src", main_src(product),
    "total_allocated_stock_level", allocated, "total_available_stock_level", physical - allocated, "total_stock_level", physical,
    "inventory", O("infinite", infinite))
end

---An order: undocumented but for its names. The SKU stands at line_items[].sellable.sku_code.
function M.order(order)
  local items = json.array {}
  for i, line in ipairs(order.lines) do
    items[i] = O("id", line.id, "price_per_unit", plain(line.price_per_unit), "quantity", line.quantity, "tax_rate", plain(line.tax_rate),
      "taxless_discount_per_unit", 0, "additional_options", or_null(line.additional_options),
      "sellable", O("id", line.sellable_id, "type", "ProductVariant", "sku_code", line.sku_code, "sellable_title", line.title))
  end
  return O("id", order.id, "number", order.number, "status", order.status, "created_at", M.time(order.created_at),
    "updated_at", M.time(order.updated_at), "due_date", order.due_date and M.time(order.due_date) or null,
    "cancelled_at", order.status == "cancelled" and M.time(order.updated_at) or null,
    "send_notification_email", order.send_notification_email, "total_price", plain(order.total_price), "line_items", items,
    "allocations", json.array {}, "channel", O("id", order.channel.id, "name", order.channel.name, "type_code", order.channel.type_code),
    "customer", O("id", order.customer_id, "email", or_null(order.email)), "deliver_to", O("id", order.deliver_to_id),
    "delivery_method", O("id", order.delivery_method_id), "tags", json.array {})
end

---A channel ("store"); undocumented but for its names.
function M.channel(one)
  return O("id", one.id, "name", one.name, "type_code", one.type_code, "currency_code", "GBP", "short_name", one.name:sub(1, 3):upper(),
    "default_warehouse_id", one.warehouse_id, "veeqo_dictates_stock_level", false, "created_at", M.time(one.created_at))
end

---The user of the key; undocumented but for its names.
function M.user()
  return O("id", 23005, "login", "sandbox", "email", "sandbox@example.com", "company_id", 1201)
end

return M
