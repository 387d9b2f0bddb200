--- Images of products into Stock2Shop's queue (`shop:push_images(iter, { source_id = 57 })`). Their products must be queued
--- before them: the queue is first in, first out, and an image whose product is not there is lost.
--
-- What an image is its first bytes say, not its name: jpg and png are taken, up to 2 MB of bytes (before base64, which
-- makes them a third larger). What is not is rejected before it is sent.

local crypto = require "sluice.crypto"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local queue = require "sluice.queue"

local push = {}

local FIELDS = { "source_product_code", "source_variant_code", "image_id", "path", "bytes", "image", "main_image", "meta" }
local KNOWN = {}
for _, name in ipairs(FIELDS) do KNOWN[name] = true end

local function is_image(bytes)
  return bytes:sub(1, 3) == "\xFF\xD8\xFF" or bytes:sub(1, 8) == "\x89PNG\r\n\x1a\n"
end

-- The image's bytes, or nil and what is wrong. A file is read no further than it may be long.
local function bytes_of(given, most)
  if given.bytes then return given.bytes end
  if given.image then
    local bytes = type(given.image) == "string" and crypto.unbase64(given.image)
    if not bytes then return nil, "image is no base64" end
    return bytes
  end
  if not given.path then return nil, "it has neither path nor bytes nor image (base64)" end
  local file, problem = io.open(given.path, "rb")
  if not file then return nil, problem end
  local bytes, failed = file:read(most + 1)
  file:close()
  if failed then return nil, failed end
  return bytes or ""
end

local function meta_of(given)
  local meta = {}
  for name, value in pairs(given.meta or {}) do meta[name] = tostring(value) end
  if given.main_image ~= nil then meta.main_image = tostring(given.main_image) end
  return next(meta) and meta or nil
end

local function text_in(given, name)
  local value = given[name]
  if value == nil or value == json.null or value == "" then return nil end
  return math.type(value) == "float" and ("%.17g"):format(value) or tostring(value)
end

local function prepare(given, source_id, options)
  if type(given) ~= "table" then return nil, "it is no object" end
  for name in pairs(given) do
    if not KNOWN[name] then
      return nil, ("%s is no field of an image%s"):format(tostring(name), require("sluice.text").near(name, FIELDS))
    end
  end
  local code, id = text_in(given, "source_product_code"), text_in(given, "image_id")
  if not code then return nil, "source_product_code is missing" end
  if not id then return nil, "image_id is missing" end
  if options.products and options.products.failed[code] then return nil, "its product was not queued, so it would be lost" end
  local bytes, problem = bytes_of(given, options.max_image_bytes)
  if not bytes then return nil, problem end
  if #bytes > options.max_image_bytes then return nil, ("it is larger than %d bytes"):format(options.max_image_bytes) end
  if not is_image(bytes) then return nil, "it is neither a jpg nor a png (by its first bytes)" end
  return {
    source = { source_id = source_id, source_product_code = code, source_variant_code = text_in(given, "source_variant_code") },
    image = { image_id = id, action = "I", image = crypto.base64(bytes), meta = meta_of(given) },
  }
end

local function code_of(given) return type(given) == "table" and tostring(given.source_product_code or "?") or "?" end

-- For the dead letters: what it is, without its bytes.
local function raw_of(value)
  if ndjson.bad(value) then return value.raw end
  local about = {}
  for _, name in ipairs((type(value) == "table" or type(value) == "userdata") and FIELDS or {}) do
    if name ~= "bytes" and name ~= "image" then about[name] = value[name] end
  end
  return json.encode(about) or "{}"
end

--- Sends the images of an iterator or a list: `{ source_product_code =, image_id =, path = | bytes = | image = base64 }`, and
--- as one likes `source_variant_code`, `main_image` (true), `meta`. Options: `source_id`; `products`, what push_products gave: images
--- of products that it rejected are rejected too; `max_images` (10) and `max_bytes` (6 MB) of a request; `max_image_bytes`
--- (2,000,000). Counts and raises as push_products does. (waits)
---@param client sluice.Client
---@param items fun(): any|table[]
---@param options { source_id: any, products?: table, max_images?: integer, max_bytes?: integer, max_image_bytes?: integer }
---@return { sent: integer, rejected: integer, unknown: integer, requests: integer, resent: integer, failed: table<string, boolean> }
function push.push_images(client, items, options)
  options = queue.options("push_images", options, { source_id = false, products = false, max_images = 10, max_bytes = 6000000,
    max_image_bytes = 2000000 })
  local source_id = queue.source_id("push_images", options)
  local batches = queue.new {
    client = client, what = "images", operation = "queue_images", source_id = source_id, max_items = options.max_images,
    max_bytes = options.max_bytes,
    send = function(list) return queue.counted("sync_image", client:queue_images { images = list }) end,
  }
  return queue.push(batches, items, {
    name = "push_images", code = code_of, raw = raw_of,
    prepare = function(given) return prepare(given, source_id, options) end,
  })
end

return push
