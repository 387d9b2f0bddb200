--- A product as Stock2Shop's queue takes it, from what a recipe has: checked against the documents' model, and every
--- value in the type that the documents print ("true" as text, quantities as whole numbers). Pure.
--
-- Stock2Shop says nothing about a product that it does not like: it is ignored, or a worker fails on it later and blocks
-- the queue. So what can be known to be wrong is said here, before anything is sent:
--
--   * the minimum (source_product_code, title, source_variant_code, sku) and exactly one variant;
--   * a text for a number that is none; a quantity or a weight that is not whole;
--   * "no" or "yes" for a boolean: Stock2Shop takes every text but "false", "0" and "" for true;
--   * names that the model has not, more than three options, two meta keys that differ in case only.
--
--   local item, problem = model.item({ source_product_code = "ABC", title = "Example", variants = { … } }, "57")

local json = require "sluice.json"

local model = {}

local SOURCE = { "source_id", "product_active", "source_product_code", "sync_token", "fetch_token" }
local PRODUCT = { "options", "body_html", "collection", "product_type", "tags", "title", "vendor", "variants", "meta" }

local function fault(text, ...) error({ product_fault = text:format(...) }, 0) end

local function present(value) return value ~= nil and value ~= json.null end

-- ---- single values ----

local function text(name, value)
  if type(value) == "string" then return value end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  fault("%s must be text, not %s", name, json.encode(value) or type(value))
end

local function needed(name, value)
  if not present(value) or value == "" then fault("%s is missing", name) end
  local found = text(name, value)
  if found:find "^%s*$" then fault("%s is blank", name) end
  return found
end

-- A text of a number becomes the number, as it would there.
local function number(name, value)
  local found = type(value) == "string" and value:find "^%s*%-?[%d.]" and tonumber(value) or type(value) == "number" and value
  if not found or found ~= found or found == math.huge or found == -math.huge then
    fault("%s must be a number, not '%s'", name, tostring(value))
  end
  return found
end

local function whole(name, value)
  local found = number(name, value)
  return math.tointeger(found) or fault("%s must be a whole number, not %s", name, tostring(value))
end

local BOOLEANS = { ["true"] = "true", ["1"] = "true", ["false"] = "false", ["0"] = "false", [""] = "false" }

local function boolean(name, value)
  return BOOLEANS[tostring(value):lower()]
    or fault("%s must be true or false, not '%s' (which Stock2Shop would take for true)", name, tostring(value))
end

-- ---- objects and lists ----

-- Members by their kinds; a name that is none of them is a mistake. null stays.
local function object(where, value, kinds)
  if type(value) ~= "table" or json.isarray(value) then fault("%s must be an object", where) end
  local out, names = {}, {}
  for name in pairs(kinds) do names[#names + 1] = name end
  for name, member in pairs(value) do
    local kind, path = kinds[name], where == "" and tostring(name) or where .. "." .. tostring(name)
    if not kind then
      fault("%s is no field of a product%s", path, require("sluice.text").near(name, names))
    end
    if member == json.null then out[name] = member else out[name] = kind(path, member) end
  end
  return out
end

local function list_of(kinds, most)
  return function(where, value)
    if type(value) ~= "table" or next(value) ~= nil and value[1] == nil then fault("%s must be a list", where) end
    if most and #value > most then fault("%s has %d entries, Stock2Shop takes %d", where, #value, most) end
    local out = json.array {}
    for i, entry in ipairs(value) do out[i] = object(("%s[%d]"):format(where, i), entry, kinds) end
    return out
  end
end

local function flag_or_text(name, value)
  if type(value) == "boolean" then return tostring(value) end
  return type(value) == "number" and tostring(value) or text(name, value)
end

local meta_list = list_of { key = needed, value = flag_or_text }

local function meta(where, value)
  local out, seen = meta_list(where, value), {}
  for i, one in ipairs(out) do
    local key = needed(("%s[%d].key"):format(where, i), one.key):lower()
    if seen[key] then fault("%s has the key '%s' twice (capitals make no difference)", where, one.key) end
    seen[key] = true
  end
  return out
end

local VARIANT = {
  source_variant_code = text, sku = text, barcode = text, qty = whole, grams = whole, price = number, inventory_management = boolean,
  qty_availability = list_of { description = needed, qty = whole }, price_tiers = list_of { tier = needed, price = number },
  option1 = text, option2 = text, option3 = text,
}

-- The one variant. A list of one, as the search gives it, is that one.
local function variant(where, value)
  if type(value) == "table" and value[1] ~= nil then
    if #value ~= 1 then fault("variants has %d variants, and each product must contain only one", #value) end
    value = value[1]
  end
  if type(value) ~= "table" or next(value) == nil then fault "variants is missing: each product must contain one variant" end
  local out = object(where, value, VARIANT)
  out.source_variant_code = needed("variants.source_variant_code", out.source_variant_code)
  out.sku = needed("variants.sku", out.sku)
  return out
end

local KINDS = {
  options = list_of({ name = needed, position = text }, 3), body_html = text, collection = text, product_type = text, tags = text,
  title = text, vendor = text, variants = variant, meta = meta,
}

-- ---- the whole ----

-- Source and product of an item: in its two parts as the API has it, or flat.
local function parts_of(given)
  if given.product ~= nil or type(given.source) == "table" then
    for name in pairs(given) do
      if name ~= "source" and name ~= "product" then fault("%s is no field beside source and product", tostring(name)) end
    end
    return given.source or {}, given.product or fault "product is missing"
  end
  local source, product = {}, {}
  for name, value in pairs(given) do product[name] = value end
  for _, name in ipairs(SOURCE) do source[name], product[name] = product[name], nil end
  return source, product
end

local function source_of(given, source_id)
  local source = object("source", given, { source_id = text, product_active = boolean, source_product_code = text, sync_token = text,
    fetch_token = text })
  if present(source.source_id) and source.source_id ~= source_id then
    fault("it belongs to source %s, not to %s", source.source_id, source_id)
  end
  source.source_id = source_id
  source.source_product_code = needed("source_product_code", source.source_product_code)
  if not present(source.product_active) then source.product_active = "true" end
  if not present(source.sync_token) then source.sync_token = "0" end
  if not present(source.fetch_token) then source.fetch_token = "0" end
  return source
end

local function item_of(given, source_id)
  local source, product = parts_of(given)
  source = source_of(source, source_id)
  product = object("", product, KINDS)
  product.title = needed("title", product.title)
  if not present(product.variants) then fault "variants is missing: each product must contain one variant" end
  return { source = source, product = product }
end

--- The fields of a product, for whoever names columns after them.
model.fields = { source = SOURCE, product = PRODUCT }

--- The item for the queue, or nil and what is wrong.
---@param given table the two parts `source` and `product`, or a flat product with the source's fields in it
---@param source_id string
---@return { source: table, product: table }? item
---@return string? problem
function model.item(given, source_id)
  if type(given) ~= "table" then return nil, "it is no object" end
  local ok, item = pcall(item_of, given, source_id)
  if ok then return item end
  if type(item) == "table" and item.product_fault then return nil, item.product_fault end
  error(item, 0)
end

--- The code of a product, as far as there is one.
---@param given any
---@return string
function model.code(given)
  if type(given) ~= "table" then return "?" end
  local source = type(given.source) == "table" and given.source or given
  local code = source.source_product_code
  return present(code) and tostring(code) or "?"
end

return model
