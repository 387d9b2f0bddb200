-- What the queue's worker makes of a pushed product or image: the product as the shop shows it. Types are taken as
-- Stock2Shop's own code takes them: "false", "0" and "" are false, any other text is true; texts of numbers are numbers.
local crypto = require "sluice.crypto"
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"

local M = {}

local O = json.object

---Whether a text (or number, or boolean) is true to Stock2Shop.
function M.truth(value)
  if type(value) == "boolean" then return value end
  return not (value == nil or value == json.null or value == "false" or value == "0" or value == "" or value == 0)
end

local function list(value) return json.is_array(value) and value or {} end

local function is_text(value) return type(value) == "string" and value ~= "" or type(value) == "number" end

local NUMBERS = { "qty", "grams", "price" }

---Why a queued product is none, or nil: its minimum is missing, it has not exactly one variant, a number is none.
function M.fault(item)
  local source, product = json.is_object(item) and item.source, json.is_object(item) and item.product
  if not json.is_object(source) or not json.is_object(product) then return "source or product is missing" end
  for _, name in ipairs { "source_id", "product_active", "source_product_code", "sync_token", "fetch_token" } do
    if source[name] == nil then return "source." .. name .. " is missing" end
  end
  if not is_text(source.source_product_code) then return "source.source_product_code is empty" end
  if not is_text(product.title) then return "product.title is missing" end
  local variant = product.variants
  if not json.is_object(variant) then return "product.variants must be one object" end
  for _, name in ipairs { "source_variant_code", "sku" } do
    if not is_text(variant[name]) then return "product.variants." .. name .. " is missing" end
  end
  for _, name in ipairs(NUMBERS) do
    local value = variant[name]
    if value ~= nil and value ~= json.null and value ~= "" and not tonumber(value) then return name .. " is no number" end
  end
  if #list(product.options) > 3 then return "more than 3 options" end
end

local TEXTS = { "body_html", "collection", "title", "product_type", "vendor", "tags" }

local function new_product(id, source_id, now)
  local object = O("id", id, "created", dates.sql(now), "active", true, "source_product_code", "", "modified", "", "client_id", 21,
    "source_id", source_id)
  for _, name in ipairs { "body_html", "collection", "title", "product_type", "vendor", "hash" } do json.set(object, name, "") end
  for _, pair in ipairs { { "channels", json.array {} }, { "tags", "" }, { "options", json.array {} }, { "meta", json.array {} },
    { "images", json.array {} }, { "variants", json.array {} } } do json.set(object, pair[1], pair[2]) end
  return object
end

local function options_of(given)
  local options = json.array {}
  for i, option in ipairs(given) do
    options[i] = O("name", tostring(option.name), "position", math.tointeger(tonumber(option.position) or i) or i)
  end
  return options
end

local function meta_of(given, now)
  local meta = json.array {}
  for i, one in ipairs(given) do
    meta[i] = O("id", 900000 + i, "created", dates.sql(now), "key", tostring(one.key), "value", tostring(one.value), "modified",
      dates.sql(now), "template_name", json.null, "client_id", 21)
  end
  return meta
end

local function set_variant(variant, given)
  json.set(variant, "source_variant_code", tostring(given.source_variant_code))
  json.set(variant, "sku", tostring(given.sku))
  if given.barcode ~= nil then json.set(variant, "barcode", given.barcode) end
  for _, name in ipairs(NUMBERS) do
    local number = tonumber(given[name])
    if number then json.set(variant, name, math.tointeger(number) or number) end
  end
  if given.inventory_management ~= nil then json.set(variant, "inventory_management", M.truth(given.inventory_management)) end
  for _, name in ipairs { "price_tiers", "qty_availability" } do
    if json.is_array(given[name]) then json.set(variant, name, given[name]) end
  end
  for _, name in ipairs { "option1", "option2", "option3" } do
    if is_text(given[name]) then json.set(variant, name, given[name]) end
  end
end

local function variant_of(product, code)
  for _, variant in ipairs(product.variants) do
    if variant.source_variant_code == tostring(code) then return variant end
  end
end

local function new_variant(product)
  local variant = O("id", 400000 + product.id % 1000000 * 4 + #product.variants, "source_variant_code", "", "price", 0, "barcode", "",
    "sku", "", "qty", 0, "grams", 0, "inventory_management", false, "active", true, "product_id", product.id, "image_id", json.null,
    "client_id", 21, "price_tiers", json.array {}, "qty_availability", json.array {})
  table.insert(product.variants, variant)
  return variant
end

---The product (nil: a new one) with what was pushed: fields that were sent are set, the variant is added or changed by
---its source_variant_code.
function M.product(object, id, item, now)
  object = object or new_product(id, math.tointeger(tonumber(item.source.source_id)), now)
  local product = item.product
  json.set(object, "source_product_code", tostring(item.source.source_product_code))
  for _, name in ipairs(TEXTS) do
    if type(product[name]) == "string" then json.set(object, name, product[name]) end
  end
  if json.is_array(product.options) then json.set(object, "options", options_of(product.options)) end
  if json.is_array(product.meta) then json.set(object, "meta", meta_of(product.meta, now)) end
  set_variant(variant_of(object, product.variants.source_variant_code) or new_variant(object), product.variants)
  return object
end

-- ---- images ----

local MOST = 2000000 -- "a maximum size of 2mb per image"

-- "jpg" or "png" by the first bytes, or nil.
local function kind_of(bytes)
  if bytes:sub(1, 3) == "\xFF\xD8\xFF" then return "jpg" end
  if bytes:sub(1, 8) == "\x89PNG\r\n\x1a\n" then return "png" end
end

---Why a queued image is none, or nil.
function M.image_fault(item)
  local source, image = json.is_object(item) and item.source, json.is_object(item) and item.image
  if not json.is_object(source) or not json.is_object(image) then return "source or image is missing" end
  if not is_text(source.source_id) or not is_text(source.source_product_code) then return "the source names no product" end
  if not is_text(image.image_id) then return "image.image_id is missing" end
  if image.action ~= "I" then return "image.action is not I" end -- no other is documented
  local bytes = type(image.image) == "string" and crypto.unbase64(image.image)
  if not bytes then return "image.image is no base64" end
  if #bytes > MOST then return "the image has more than 2 MB" end
  if not kind_of(bytes) then return "the image is neither jpg nor png" end
end

local BUCKET = "https://s2s-image.s3.amazonaws.com/"

---The product with an image; one with the same image_id is replaced (undocumented).
function M.image(object, item, now)
  local image, bytes = item.image, crypto.unbase64(item.image.image)
  local hash = crypto.md5(bytes)
  local file, code = hash .. "." .. kind_of(bytes), tostring(image.image_id)
  local entry = O("src_50x50", BUCKET .. "thumb/50x50/" .. file, "src_160x160", BUCKET .. "thumb/160x160/" .. file, "id",
    700000 + #object.images + 1, "created", dates.sql(now), "source_image_code", code, "storage_code", file, "src", BUCKET .. file,
    "modified", dates.sql(now), "client_id", 21, "product_id", object.id, "active", true, "hash", hash)
  local place = #object.images + 1
  for i, one in ipairs(object.images) do
    if one.source_image_code == code then place = i end
  end
  object.images[place] = entry
  local variant = item.source.source_variant_code and variant_of(object, item.source.source_variant_code)
  if variant then json.set(variant, "image_id", entry.id) end
  return object
end

return M
