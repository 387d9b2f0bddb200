--- A product of Stock2Shop as flat rows, one for each variant: what streams and sites of Productsup take.
---
---     for _, row in ipairs(product_rows.variants(product)) do upload:write(row) end
local product_rows = {}

local FROM_PRODUCT = { "title", "product_type", "collection", "tags", "source_product_code", "created", "modified" }
local FROM_VARIANT = { "sku", "barcode", "price", "qty", "grams", "option1", "option2", "option3", "active", "source_variant_code" }
local RENAMED = { description = "body_html", brand = "vendor" }

--- The columns of a row beside `id` (of the variant) and `item_group_id` (of the product), both as text.
product_rows.columns = { "description", "brand", "image" }
for _, list in ipairs { FROM_PRODUCT, FROM_VARIANT } do
  for _, name in ipairs(list) do table.insert(product_rows.columns, name) end
end

-- The variant's own image, else the product's first.
local function image_of(product, variant)
  local first
  for _, image in ipairs(product.images or {}) do
    if image.id == variant.image_id then return image.src end
    first = first or image.src
  end
  return first
end

--- The rows of a product. A field that it has not is not in its row.
---@param product table|sluice.Record
---@return table[]
function product_rows.variants(product)
  local rows = {}
  for i, variant in ipairs(product.variants or {}) do
    local row = { id = tostring(variant.id), item_group_id = tostring(product.id), image = image_of(product, variant) }
    for _, name in ipairs(FROM_PRODUCT) do row[name] = product[name] end
    for _, name in ipairs(FROM_VARIANT) do row[name] = variant[name] end
    for name, from in pairs(RENAMED) do row[name] = product[from] end
    rows[i] = row
  end
  return rows
end

--- The same with every column, "" where there is nothing: a delta to a site keeps the columns that it does not name.
---@param product table|sluice.Record
---@return table[]
function product_rows.whole(product)
  local rows = product_rows.variants(product)
  for _, row in ipairs(rows) do
    for _, name in ipairs(product_rows.columns) do
      if row[name] == nil then row[name] = "" end
    end
  end
  return rows
end

--- The ids of a product's rows.
---@param product table|sluice.Record
---@return string[]
function product_rows.ids(product)
  local ids = {}
  for i, variant in ipairs(product.variants or {}) do ids[i] = tostring(variant.id) end
  return ids
end

return product_rows
