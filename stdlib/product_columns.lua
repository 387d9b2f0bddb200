--- Products of Stock2Shop in the columns of a table, a row for each: what `push_products` sends, from a line of CSV.
---
---     local product_of = columns.of { "source_product_code", "title", "source_variant_code", "sku", "qty", "price:wholesale" }
---     product_of { source_product_code = "A", title = "Shirt", … }       -- a product with one variant
---
--- The columns are the fields of a product and of its variant, beside them option1_name … option3_name, price:LIST, qty:WAREHOUSE,
--- meta:KEY. An empty cell is a field that is not sent.
local input = require "sluice.input"
local json = require "sluice.json"

local columns = {}

local PRODUCT = { "source_product_code", "title", "product_active", "body_html", "collection", "product_type", "tags", "vendor" }
local VARIANT = { "source_variant_code", "sku", "barcode", "qty", "price", "grams", "inventory_management", "option1", "option2", "option3" }
local NEEDED = { "source_product_code", "title", "source_variant_code", "sku" }

local setters, plain = {}, {}
for _, name in ipairs(PRODUCT) do setters[name] = function(product, value) product[name] = value end end
for _, name in ipairs(VARIANT) do setters[name] = function(product, value) product.variants[name] = value end end
for i = 1, 3 do
  setters[("option%d_name"):format(i)] = function(product, value) table.insert(product.options, { name = value, position = i }) end
end
for name in pairs(setters) do plain[#plain + 1] = name end

local function adds_to(list, key, field)
  return function(product, value, name)
    local owner = list == "meta" and product or product.variants
    table.insert(owner[list], { [key] = name, [field] = value })
  end
end

local prefixes = { price = adds_to("price_tiers", "tier", "price"), qty = adds_to("qty_availability", "description", "qty"),
  meta = adds_to("meta", "key", "value") }

-- The function that a column sets its value with, and the part of its name behind the colon.
local function setter_of(name)
  local prefix, rest = name:match "^(%a+):(.+)$"
  return setters[name] or prefixes[prefix], rest
end

local function product_of(row, list)
  local product = { variants = { price_tiers = {}, qty_availability = {} }, options = {}, meta = {} }
  for _, column in ipairs(list) do
    local value = row[column.name]
    if value ~= "" then column.set(product, value, column.rest) end
  end
  for owner, names in pairs { [product] = { "options", "meta" }, [product.variants] = { "price_tiers", "qty_availability" } } do
    for _, name in ipairs(names) do owner[name] = #owner[name] > 0 and json.array(owner[name]) or nil end
  end
  return product
end

--- The function that makes a product of a row. Raises `usage` where a column is none of a product, or one is missing.
---@param names string[]
---@return fun(row: table<string, string>): table
function columns.of(names)
  input.check_columns(names, plain, NEEDED, "a product", setter_of)
  local list = {}
  for i, name in ipairs(names) do
    local set, rest = setter_of(name)
    list[i] = { name = name, set = set, rest = rest }
  end
  return function(row) return product_of(row, list) end
end

return columns
