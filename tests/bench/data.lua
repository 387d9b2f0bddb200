-- The bench's data, made from a seed: the same bytes every time.
local data = {}

local state = 0x9E3779B97F4A7C15
local function random(n) -- 0 … n-1, xorshift64*
  state = state ~ (state >> 12)
  state = state ~ (state << 25)
  state = state ~ (state >> 27)
  return ((state * 0x2545F4914F6CDD1D) >> 33) % n
end

local words = { "pump", "valve", "gasket", "filter", "bracket", "cable", "sensor", "relay", "Größe", "nut", "bolt", "hose", "clamp",
  "seal", "motor", "switch", "panel", "frame", "spring", "wheel", "handle", "cover", "adapter", "bearing" }
local function word() return words[random(#words) + 1] end

local function text(n)
  local out = {}
  for i = 1, n do out[i] = word() end
  return table.concat(out, " ")
end

local function price() return ("%d.%02d"):format(random(900) + 1, random(100)) end

-- About 228 bytes: eight fields, three tags.
function data.flat(i)
  return ('{"id":"%08d","name":"%s","price":%s,"qty":%d,"vendor":"%s %s","url":"https://shop.example/p/%d",'
    .. '"tags":["%s","%s","%s"],"description":"%s"}\n'):format(i, text(3), price(), random(100), word(), word(), i,
    word(), word(), word(), text(9))
end

local function variant(i, n)
  return ('{"id":%d,"source_variant_code":"%d","price":%s,"barcode":"","sku":"V-%d-%d","qty":%d,"grams":%d,'
    .. '"inventory_management":true,"active":true,"product_id":%d,"option1":"Pack of %d","price_tiers":['
    .. '{"tier":"Wholesale","price":%s},{"tier":"Was","price":0}],"qty_availability":[{"description":"%s","qty":%d}]}')
    :format(i * 10 + n, random(10000000), price(), i, n, random(100), random(5000), i, n, price(), word(), random(50))
end

-- About 2.1 kB: a product as Stock2Shop has it, two to four variants.
function data.nested(i)
  local variants = {}
  for n = 1, 2 + random(3) do variants[n] = variant(i, n) end
  return ('{"id":%d,"created":"2015-03-03 12:37:51","active":true,"source_product_code":"P%d","modified":"2021-01-05 08:25:04",'
    .. '"client_id":21,"source_id":57,"body_html":"<p>%s<\\/p>\\n<p class=\\"x\\">%s<\\/p>","collection":"%s","title":"%s",'
    .. '"vendor":"","hash":"a22d32a40b598f2fcec0f80e23c06c34","channels":[{"channel_id":"47","channel_product_code":"%d"}],'
    .. '"tags":"","options":[{"name":"Selection","position":1}],"meta":[{"id":%d,"key":"Dimensions","value":"%s",'
    .. '"template_name":null,"client_id":21}],"images":[{"id":%d,"src":"https:\\/\\/s2s-image.s3.amazonaws.com\\/%d.jpg",'
    .. '"active":true}],"variants":[%s]}\n'):format(i, i, text(30), text(40), word(), text(5), i, i * 3, text(3), i * 7, i,
    table.concat(variants, ","))
end

-- Writes `count` lines unless the file is there already.
function data.file(path, make, count)
  local there = io.open(path)
  if there then
    there:close()
    return path
  end
  state = 0x9E3779B97F4A7C15
  local out = assert(io.open(path .. ".part", "wb"))
  for i = 1, count do assert(out:write(make(i))) end
  assert(out:close())
  assert(os.rename(path .. ".part", path))
  return path
end

return data
