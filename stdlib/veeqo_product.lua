--- A product of Stock2Shop, or of a file, as `create_product` of Veeqo takes it, and the stock that its variants are to have.
---
---     local args, stock = veeqo_product.of(product)       -- nil and a reason where it can't be made
---     depot:create_product(args)
---     for _, one in ipairs(stock) do print(one.sku, one.level) end
local json = require "sluice.json"

local veeqo_product = {}

local function given(value)
  if value == nil or value == json.null or value == "" then return nil end
  return value
end

local function variant_of_shop(v)
  local options = {}
  for i = 1, 3 do options[#options + 1] = given(v["option" .. i]) end
  return {
    title = #options > 0 and table.concat(options, " / ") or given(v.sku), sku_code = given(v.sku), price = given(v.price),
    weight_grams = given(v.grams), upc_code = given(v.barcode), physical_stock_level = given(v.qty),
  }
end

local function product_of_shop(p)
  local variants, images = {}, {}
  for _, v in ipairs(p.variants[1] and p.variants or { p.variants }) do
    if v.active ~= false then variants[#variants + 1] = variant_of_shop(v) end
  end
  for _, image in ipairs(given(p.images) or {}) do
    if image.active ~= false then images[#images + 1] = { src = given(image.src), display_position = #images + 1 } end
  end
  return { title = given(p.title), description = given(p.body_html), product_variants_attributes = json.array(variants),
    images_attributes = #images > 0 and json.array(images) or nil }
end

-- Takes the level out of a variant: its SKU and level, or nil and what is wrong.
local function take_stock(variant, i, seen)
  local sku = type(variant) == "table" and given(variant.sku_code)
  if type(sku) ~= "string" then return nil, ("variant %d has no sku_code (a text)"):format(i) end
  if seen[sku] then return nil, ("it has the SKU %s twice"):format(sku) end
  seen[sku] = true
  local level = given(variant.physical_stock_level)
  local number = tonumber(level)
  if level ~= nil and not number then return nil, ("the stock of %s is no number: %s"):format(sku, tostring(level)) end
  variant.physical_stock_level = nil
  return { sku = sku, level = number and math.max(0, number // 1 | 0) }
end

--- The arguments of create_product, and the stock: { sku, level } of the variants that have one; less than nothing is 0.
--- Nil and a reason where it has no variants, or one without a SKU, or a SKU twice, or stock that is no number.
---@param product table a product as Stock2Shop shows it (`variants`), or as Veeqo takes it, each variant as one likes with
---`physical_stock_level`; it is changed
---@return table? args
---@return { sku: string, level: integer }[]|string stock or the reason
function veeqo_product.of(product)
  local args = type(product.variants) == "table" and product_of_shop(product) or product
  local variants, stock, seen = args.product_variants_attributes, {}, {}
  if type(variants) ~= "table" or #variants == 0 then return nil, "it has no variants" end
  for i, variant in ipairs(variants) do
    local one, problem = take_stock(variant, i, seen)
    if not one then return nil, problem end
    if one.level then stock[#stock + 1] = one end
  end
  return args, stock
end

return veeqo_product
