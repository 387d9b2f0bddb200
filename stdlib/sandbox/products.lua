-- Makes the JSON of product number n, in the shape of the documents' example and as PHP writes it (`\/`, `\u00e9`). All
-- of it follows from the number, the seed and a version that counts its changes, so a million products need no memory.
-- Among them: empty arrays, nulls, 18-digit ids, prices with and without cents, texts in many scripts.
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"

local M = {}

---Two hash numbers of a number (splitmix64).
function M.mix(x)
  x = x + 0x9E3779B97F4A7C15
  x = (x ~ (x >> 30)) * 0xBF58476D1CE4E5B9
  x = (x ~ (x >> 27)) * 0x94D049BB133111EB
  return x ~ (x >> 31)
end
local mix = M.mix

-- Every 97th id has 18 digits: more than a double holds.
local LONG, LONG_EVERY, SHORT = 720575940379279360, 97, 62776

---The id of product n.
function M.id(n)
  return n % LONG_EVERY == 0 and LONG + n or SHORT + n
end

---The number of the product with an id, where there can be one.
function M.number(id)
  if math.type(id) ~= "integer" then return nil end
  local n = id > LONG and id - LONG or id - SHORT
  if n > 0 and M.id(n) == id then return n end
end

---The code of product n in its source; some have a slash or a space in them.
function M.code(n)
  if n % 13 == 0 then return ("SP/%07d"):format(n) end
  if n % 17 == 0 then return ("SP %07d"):format(n) end
  return ("SP%07d"):format(n)
end

-- JSON texts without their quotes.
local THINGS = { "CD ROMs", "Caf\\u00e9 cups", "\\u6f22\\u5b57 stickers", "Mugs \\ud83d\\ude00", "12\\\" rulers", "T-shirts",
  "\\u0421\\u0442\\u0443\\u043b", "Cables 1\\/2\\\"", "B\\u00fcrost\\u00fchle", "Tabs\\tand\\\\slashes" }
local COLLECTIONS = { "Storage", "Kitchen", "", "B\\u00fcro", "Apparel & more" }
local VENDORS = { "", "ACME Corp.", "M\\u00fcller & S\\u00f6hne", "\\u682a\\u5f0f\\u4f1a\\u793e" }
local TYPES = { "Media", "Accessories", "Furniture" }

local function price_text(cents)
  if cents % 100 == 0 then return ("%d"):format(cents // 100) end
  if cents % 10 == 0 then return ("%d.%d"):format(cents // 100, cents % 100 // 10) end
  return ("%d.%02d"):format(cents // 100, cents % 100)
end

-- Long texts are put together with `..`: string.format copies what stands between its fields byte by byte.
local function variant_of(n, i, id, v, version, edit)
  local cents = v % 200000
  local own = v % 23 == 0 and 100000000000000000 + n * 10 + i or 67840 + n * 4 + i
  local tiers = v % 5 == 0 and "[]" or '[{"tier":"Wholesale","price":' .. price_text(cents // 2) .. '},{"tier":"Was","price":0}]'
  local stock = v % 3 == 0 and '[{"description":"Warehouse X","qty":' .. v % 40 .. "}]" or "[]"
  return '{"id":' .. own .. ',"source_variant_code":"' .. 4317640 + n * 4 + i .. '","price":' .. (edit.price or price_text(cents))
    .. ',"barcode":"","sku":"CD' .. n .. "-" .. i .. '","qty":' .. (edit.qty or ((v >> 20) % 100 + version)) .. ',"grams":'
    .. (v % 7 == 0 and 250 or 0) .. ',"inventory_management":true,"active":true,"product_id":' .. id .. ',"image_id":'
    .. (v % 4 == 0 and "null" or 271528 + n) .. ',"client_id":21,"option1":"Pack of ' .. i * 25 .. '","price_tiers":' .. tiers
    .. ',"qty_availability":' .. stock .. "}"
end

local function variants_of(n, id, h, version, edit)
  local count = 1 + (h >> 40) % 3
  local text = variant_of(n, 1, id, mix(h + 1) >> 1, version, edit)
  for i = 2, count do text = text .. "," .. variant_of(n, i, id, mix(h + i) >> 1, version, edit) end
  return text
end

local BUCKET = "https:\\/\\/s2s-image.s3.amazonaws.com\\/"

local function images_of(n, id, h)
  if h % 6 == 0 then return "" end
  local hash = ("%016x%016x"):format(mix(h + 7), mix(h + 8))
  return '{"src_50x50":"' .. BUCKET .. "thumb\\/50x50\\/" .. hash .. '.jpg","src_160x160":"' .. BUCKET .. "thumb\\/160x160\\/" .. hash
    .. '.jpg","id":' .. 271528 + n .. ',"created":"2018-06-12 04:55:30","source_image_code":null,"storage_code":"' .. hash
    .. '.jpg","src":"' .. BUCKET .. hash .. '.jpg","modified":"2020-01-30 08:32:19","client_id":21,"product_id":' .. id
    .. ',"active":true,"hash":"' .. hash .. '"}'
end

local function meta_one(id, key, value)
  return '{"id":' .. id .. ',"created":"2016-02-15 10:08:04","key":"' .. key .. '","value":"' .. value
    .. '","modified":"2020-10-28 14:10:47","template_name":null,"client_id":21}'
end

local function meta_of(n, h)
  local kind = h % 4
  if kind == 0 then return "" end
  local one = meta_one(244931 + n, "release_date", "")
  if kind == 1 then return one end
  return one .. "," .. meta_one(1068975 + n, "Dimensions", h % 90 .. " x " .. (h >> 8) % 90 .. " cm")
end

local function channels_of(n, h)
  local kind = h % 3
  if kind == 0 then return "" end
  local one = '{"channel_id":"47","channel_product_code":"' .. n .. '"}'
  return kind == 1 and one or one .. ',{"channel_id":"255","channel_product_code":"51"}'
end

-- What an edit may set: texts, and price and qty of all variants.
M.editable = { title = true, body_html = true, collection = true, product_type = true, vendor = true, tags = true, price = true, qty = true }

local NONE = {}

local function text_of(edit, name, default)
  return edit[name] and json.quote(edit[name], true):sub(2, -2) or default
end

-- A product that a source pushed is an object of its own.
local function text_of_made(edit, state)
  local object = edit.made
  for name in pairs(M.editable) do
    if edit[name] and object[name] then json.set(object, name, edit[name]) end
  end
  json.set(object, "modified", dates.sql(state.modified))
  json.set(object, "active", state.active)
  json.set(object, "hash", ("%016x%016x"):format(mix(object.id), mix(object.id + state.version + 100)))
  return json.encode(object, true)
end

local function pick(list, h) return list[h % #list + 1] end

---The JSON text of a product.
---@param n integer
---@param seed integer
---@param state { modified: integer, version: integer, active: boolean, edit?: table }
---@return string
function M.text(n, seed, state)
  local edit = state.edit or NONE
  if edit.raw then return edit.raw end
  if edit.made then return text_of_made(edit, state) end
  local id, h = M.id(n), mix(n ~ seed << 32) >> 1
  local body = '<p>No one needs ' .. h % 1000 .. ' of these. Why is this here? Testing for '
    .. '<a href=\\"http:\\/\\/www.stock2shop.com\\">Wilson<\\/a>.<\\/p>'
  return '{"id":' .. id .. ',"created":"2015-03-03 12:37:51","active":' .. tostring(state.active) .. ',"source_product_code":"'
    .. M.code(n):gsub("/", "\\/") .. '","modified":"' .. dates.sql(state.modified) .. '","client_id":21,"source_id":57,"body_html":"'
    .. text_of(edit, "body_html", body) .. '","collection":"' .. text_of(edit, "collection", pick(COLLECTIONS, h >> 3))
    .. '","title":"' .. text_of(edit, "title", pick(THINGS, h) .. " " .. n) .. '","product_type":"'
    .. text_of(edit, "product_type", pick(TYPES, h >> 5)) .. '","vendor":"' .. text_of(edit, "vendor", pick(VENDORS, h >> 7))
    .. '","hash":"' .. ("%016x%016x"):format(mix(h), mix(h + state.version + 100)) .. '","channels":[' .. channels_of(n, h >> 11)
    .. '],"tags":"' .. text_of(edit, "tags", h % 3 == 0 and "new,sale" or "") .. '","options":'
    .. (h % 8 == 0 and "[]" or '[{"name":"Selection","position":1}]') .. ',"meta":[' .. meta_of(n, h >> 13) .. '],"images":['
    .. images_of(n, id, h) .. '],"variants":[' .. variants_of(n, id, h, state.version, edit) .. "]}"
end

return M
