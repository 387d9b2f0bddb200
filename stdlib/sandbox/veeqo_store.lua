-- What Veeqo has in the sandbox: warehouses, channels, products with variants and their stock, orders. Nothing here makes a
-- second post of the same thing the same thing: each is a new row, as there.
--
--   local store = Store.new { products = 30, orders = 40, seed = 1, clock = clock }
--   store:add_product(fields)      store:entry(sellable_id, warehouse_id)      store:text("products", product)
local json = require "sluice.sandbox.json"
local shapes = require "sluice.sandbox.veeqo_shapes"

local Store = {}
Store.__index = Store

local function next_id(self, name)
  self.last[name] = self.last[name] + 1
  return self.last[name]
end

-- ---- products ----

local NUMBERS = { "price", "cost_price", "min_reorder_level", "quantity_to_reorder", "tax_rate", "weight_grams" }
local TEXTS = { "title", "sku_code", "upc_code", "model_number" }

-- What Rails makes of a text that stands for a number: the digits it begins with, else 0.
local function number_of(value)
  if type(value) == "number" then return value end
  local digits = type(value) == "string" and value:match "^%s*([-+]?%d+%.?%d*)"
  return digits and tonumber(digits) or 0
end
Store.number_of = number_of

local function whole_of(value) return math.tointeger(number_of(value) // 1) or 0 end
Store.whole_of = whole_of

local function given(value)
  if value == nil or value == json.null then return nil end
  return value
end

local function set_variant(variant, fields, now)
  for _, name in ipairs(NUMBERS) do
    if fields[name] ~= nil then variant[name] = number_of(fields[name]) end
  end
  for _, name in ipairs(TEXTS) do
    if fields[name] ~= nil then variant[name] = tostring(given(fields[name]) or "") end
  end
  variant.updated_at = now
end

local function add_variant(self, product, fields)
  local now = self.clock()
  local variant = { id = next_id(self, "sellable"), measurement_id = next_id(self, "measurement"), created_at = now, stock = {},
    price = 0, cost_price = 0, min_reorder_level = 0, quantity_to_reorder = 0, tax_rate = 0, weight_grams = 0,
    title = "", sku_code = "", upc_code = "", model_number = "" }
  set_variant(variant, fields, now)
  for _, warehouse in ipairs(self.warehouses) do
    variant.stock[warehouse.id] = { sellable_id = variant.id, warehouse_id = warehouse.id, physical = 0, allocated = 0, infinite = false,
      updated_at = now }
  end
  product.variants[#product.variants + 1] = variant
  self.sellables[variant.id] = { variant = variant, product = product }
end

local function set_image(image, fields)
  if fields.src ~= nil then image.src = given(fields.src) end
  if given(fields.display_position) then image.display_position = whole_of(fields.display_position) end
end

local function add_image(self, product, fields)
  local image = { id = next_id(self, "image") }
  set_image(image, fields)
  product.images[#product.images + 1] = image
end

-- Rails' nested attributes: a row with an id changes that one, a row without is a new one.
local function nested(self, product, list, rows, set, add)
  if type(list) ~= "table" or json.is_object(list) or list == json.null then return end
  for _, fields in ipairs(list) do
    local id, known = given(fields.id) and whole_of(fields.id), nil
    for _, row in ipairs(rows) do
      if row.id == id then known = row end
    end
    if known then set(known, fields, self.clock()) else add(self, product, fields) end
  end
end

---Sets a product's fields and those of its variants and images.
function Store:set_product(product, fields)
  for _, name in ipairs { "title", "description", "notes" } do
    if fields[name] ~= nil then product[name] = given(fields[name]) ~= nil and tostring(fields[name]) or nil end
  end
  if fields.product_brand_id ~= nil then product.product_brand_id = whole_of(fields.product_brand_id) end
  if product.product_brand_id == 0 then product.product_brand_id = nil end
  if fields.estimated_delivery ~= nil then
    local days = given(fields.estimated_delivery)
    product.estimated_delivery = days and days ~= "" and number_of(days) or nil -- "" comes back as null
  end
  nested(self, product, fields.product_variants_attributes, product.variants, set_variant, add_variant)
  nested(self, product, fields.images_attributes, product.images, set_image, add_image)
  product.updated_at = self.clock()
end

---A new product, whatever there is already.
function Store:add_product(fields)
  local product = { id = next_id(self, "product"), created_at = self.clock(), variants = {}, images = {} }
  self:set_product(product, fields)
  table.insert(self.products, product)
  return product
end

local function by_id(list, id)
  for i, one in ipairs(list) do
    if tostring(one.id) == id then return one, i end
  end
end

---The product, order, warehouse or channel of an id (text) and its place, or nil.
function Store:find(kind, id) return by_id(self[kind], id) end

function Store:delete_product(id)
  local product, at = by_id(self.products, id)
  if not product then return false end
  for _, variant in ipairs(product.variants) do self.sellables[variant.id] = nil end
  table.remove(self.products, at)
  return true
end

---The stock entry of a variant in a warehouse (ids as text), and the warehouse; nil where there is none.
function Store:entry(sellable_id, warehouse_id)
  local sellable = self.sellables[math.tointeger(tonumber(sellable_id))]
  local warehouse = by_id(self.warehouses, warehouse_id)
  return sellable and warehouse and sellable.variant.stock[warehouse.id], warehouse
end

-- ---- orders ----

local function add_line(self, order, fields)
  local sellable = self.sellables[whole_of(fields.sellable_id)]
  local line = { id = next_id(self, "line"), sellable_id = sellable.variant.id, sku_code = sellable.variant.sku_code,
    title = sellable.variant.title, price_per_unit = number_of(fields.price_per_unit), tax_rate = number_of(fields.tax_rate),
    quantity = whole_of(fields.quantity), additional_options = given(fields.additional_options) }
  order.lines[#order.lines + 1] = line
  order.total_price = order.total_price + line.price_per_unit * line.quantity
end

---A new order, whatever number it has. The caller has checked the fields; `due` are the seconds of its due date.
function Store:add_order(fields, due)
  local now = self.clock()
  local customer, address = given(fields.customer_attributes), given(fields.deliver_to_attributes)
  local order = { id = next_id(self, "order"), created_at = now, updated_at = now, lines = {}, total_price = 0,
    status = given(fields.status) or "awaiting_fulfillment", channel = by_id(self.channels, tostring(fields.channel_id)),
    email = customer and given(customer.email), due_date = due, send_notification_email = fields.send_notification_email == true,
    customer_id = customer and next_id(self, "customer") or number_of(fields.customer_id),
    deliver_to_id = address and next_id(self, "customer") or number_of(fields.deliver_to_id),
    delivery_method_id = number_of(fields.delivery_method_id) }
  order.number = given(fields.number) or ("P-%d"):format(order.id) -- undocumented: which number Veeqo gives by itself
  for _, line in ipairs(fields.line_items_attributes) do add_line(self, order, line) end
  table.insert(self.orders, order)
  return order
end

-- ---- what is there at the start ----

local STATUSES = { "awaiting_fulfillment", "awaiting_payment", "shipped", "awaiting_stock", "cancelled", "on_hold", "refunded" }

---So many more products.
function Store:seed_products(count)
  for _ = 1, count do
    local n = #self.products + 1
    local title, variants = ("Product %d"):format(n), {}
    for v = 1, 1 + (n + self.seed) % 3 do
      variants[v] = { title = ("Size %d"):format(v), sku_code = ("SKU-%d-%d"):format(n, v), price = 10 * v + n % 7, cost_price = 5 * v,
        weight_grams = 100 * v }
    end
    self:add_product { title = title, description = title .. " of the sandbox", product_variants_attributes = variants,
      images_attributes = { { src = ("https://images.example/%d.png"):format(n), display_position = 1 } } }
  end
end

---So many more orders, as a shop would make them. Gives their ids.
function Store:seed_orders(count)
  local ids, product = {}, self.products[1]
  if not product or not product.variants[1] then return ids end
  for i = 1, count do
    local n = #self.orders + 1
    local one = self.products[1 + (n + self.seed) % #self.products].variants[1] or product.variants[1]
    ids[i] = self:add_order { channel_id = self.channels[1].id, customer_attributes = { email = ("buyer%d@example.com"):format(n) },
      deliver_to_id = 6001, delivery_method_id = 701, number = ("SHOP-%d"):format(1000 + n), status = STATUSES[1 + n % #STATUSES],
      line_items_attributes = { { sellable_id = one.id, price_per_unit = one.price, quantity = 1 + n % 3 } } }.id
  end
  return ids
end

---Each of a kind ("products", "orders", "stock") as number and JSON text, for the control pages and specs.
function Store:each(kind)
  local texts = {}
  if kind == "stock" then
    for _, product in ipairs(self.products) do
      for _, variant in ipairs(product.variants) do
        for _, warehouse in ipairs(self.warehouses) do
          local entry = variant.stock[warehouse.id]
          texts[#texts + 1] = json.encode(json.object("sku_code", variant.sku_code, "sellable_id", variant.id, "warehouse_id", warehouse.id,
            "physical_stock_level", entry.physical, "infinite", entry.infinite))
        end
      end
    end
  else
    for i, one in ipairs(self[kind]) do texts[i] = json.encode((kind == "orders" and shapes.order or shapes.product)(one, self)) end
  end
  return ipairs(texts)
end

---`options`: products, orders (counts), seed, clock.
function Store.new(options)
  local now = options.clock()
  local self = setmetatable({ clock = options.clock, seed = options.seed, products = {}, orders = {}, sellables = {},
    last = { product = 8636419, sellable = 14144701, measurement = 12587622, image = 11499438, order = 39106499, line = 51230000,
      customer = 5000 },
    warehouses = { { id = 22668, name = "My Warehouse", created_at = now } },
    channels = { { id = 41001, name = "Phone", type_code = "direct", warehouse_id = 22668, created_at = now },
      { id = 41002, name = "Shop", type_code = "retail", warehouse_id = 22668, created_at = now } } }, Store)
  self:seed_products(options.products)
  self:seed_orders(options.orders)
  return self
end

return Store
