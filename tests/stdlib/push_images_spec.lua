local connect = require("sluice.connect").connect
local crypto = require "sluice.crypto"
local ndjson = require "sluice.ndjson"
local runs = require "sluice.run"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

local PNG, JPG = "\x89PNG\r\n\x1a\n" .. ("p"):rep(50), "\xFF\xD8\xFF\xE0" .. ("j"):rep(50)

describe("push_images", function()
  local sb, shop, run, refused

  before_each(function()
    run, refused = runs.set { silent = true, options = {} }, {}
    function run:reject(raw, reason, extra)
      self:count "rejected"
      refused[#refused + 1] = { raw = raw, reason = reason, extra = extra }
    end
    sb = sandbox.start { products = 0, rate_scale = 1000, queue_rate = 0 }
    shop = connect { api = "stock2shop", base_url = sb.url, username = "sandbox", password = "sandbox",
      limits = { api = "1000/s", login = "1000/s" } }
  end)
  after_each(function()
    runs.set(nil)
    sb:stop()
  end)

  local function product(code)
    return { source_product_code = code, title = code, variants = { source_variant_code = code .. "-1", sku = code } }
  end

  it("sends jpg and png after their product, in order", function()
    local path = tmp.dir() .. "/photo.gif" -- its name does not matter
    tmp.write(path, JPG)
    local products = shop:push_products({ product "A", product "B" }, { source_id = 57 })
    local sums = shop:push_images({
      { source_product_code = "A", source_variant_code = "A-1", image_id = "a", bytes = PNG, main_image = true },
      { source_product_code = "A", image_id = 2, path = path, meta = { alt = "side" } },
      { source_product_code = "B", image_id = "b", image = crypto.base64(JPG) },
    }, { source_id = 57, products = products })
    assert.same({ 3, 0, 1 }, { sums.sent, sums.rejected, sums.requests })
    assert.equal(5, run.sums.sent)
    local order = {}
    for i, entry in ipairs(sb:queued()) do order[i] = entry.instruction .. " " .. entry.code .. " " .. entry.state end
    assert.same({ "sync_product A done", "sync_product B done", "sync_image A done", "sync_image A done", "sync_image B done" }, order)
    local image = sb:queued()[3].item.image
    assert.same({ "true", "I", crypto.base64(PNG) }, { image.meta.main_image, image.action, image.image })
    assert.equal("side", sb:queued()[4].item.image.meta.alt)
    local a = shop:search_products { query = { term = { source_product_code = "A" } } }.system_products[1]
    assert.same({ 2, "a", "2", a.images[1].id }, { #a.images, a.images[1].source_image_code, a.images[2].source_image_code, a.variants[1].image_id })
    assert.matches("%.jpg$", a.images[2].src)
  end)

  it("rejects what is no image of a product, and sends the rest", function()
    local most = "\xFF\xD8\xFF" .. ("x"):rep(1999997)
    local sums = shop:push_images({
      { image_id = "1", bytes = PNG }, { source_product_code = "A", bytes = PNG }, { source_product_code = "A", image_id = "1", bytes = "GIF89a" },
      { source_product_code = "A", image_id = "1", bytes = "" }, { source_product_code = "A", image_id = "1" },
      { source_product_code = "A", image_id = "1", bytes = most .. "x" }, { source_product_code = "A", image_id = "1", path = "/no/such/file" },
      { source_product_code = "A", image_id = "1", path = "/" }, { source_product_code = "A", image_id = "1", image = "no base64!" },
      { source_product_code = "A", image_id = "1", byte = PNG }, 7, { source_product_code = "Z", image_id = "1", bytes = PNG },
      { source_product_code = "A", image_id = "1", bytes = most },
    }, { source_id = 57, products = { failed = { Z = true } } })
    assert.same({ 1, 12 }, { sums.sent, sums.rejected })
    local wanted = { "source_product_code is missing", "image_id is missing", "neither a jpg nor a png", "neither a jpg nor a png",
      "neither path nor bytes", "larger than 2000000 bytes", "No such file", "directory", "no base64",
      "byte is no field of an image (did you mean 'bytes'?)", "no object", "its product was not queued" }
    for i, reason in ipairs(wanted) do assert.is_truthy(refused[i].reason:find(reason, 1, true), refused[i].reason) end
    assert.is_truthy(refused[6].raw:find '"image_id":"1"')
    assert.is_true(#refused[6].raw < 100) -- the bytes are not kept
    assert.same({ "A", 6, "57" }, { refused[6].extra.product, refused[6].extra.line, refused[6].extra.source })
  end)

  it("rejects a line that is no record", function()
    local lines = '{"source_product_code":"A","image_id":"1","path":"/no"}\n{"broken'
    local sums = shop:push_images(ndjson.records(function()
      local text = lines
      lines = nil
      return text
    end), { source_id = 57 })
    assert.same({ 0, 2, '{"broken', "?" }, { sums.sent, sums.rejected, refused[2].raw, refused[2].extra.product })
  end)

  it("makes requests of bounded size, and holds the answer against them", function()
    local posts = {}
    local api = scripted.start(function(r)
      if r.path:find "authenticate" then return { json = { system_user = { token = "t" } } } end
      posts[#posts + 1] = #r.body
      return { json = { system_images = { sync_image = #posts == 2 and 1 or 2 } } }
    end)
    finally(function() api.close() end)
    shop = connect { api = "stock2shop", base_url = api.url, username = "b", password = "p", limits = { api = "1000/s", login = "1000/s" } }
    local list = {}
    for i = 1, 4 do list[i] = { source_product_code = "A", image_id = i, bytes = "\xFF\xD8\xFF" .. ("x"):rep(100000) } end
    local ok, problem = pcall(shop.push_images, shop, list, { source_id = 57, max_bytes = 300000 })
    assert.same({ false, "ambiguous", 2, 2, 2 }, { ok, problem.code, #posts, run.sums.sent, run.sums.unknown })
    assert.matches("2 images were sent and 1 queued: 3 %(A%) to 4 %(A%)", problem.message)
    assert.is_true(posts[1] < 300100)
  end)
end)
