local crypto = require "sluice.crypto"
local http = require "sluice.http"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"

local PNG = "\x89PNG\r\n\x1a\n" .. ("\0"):rep(20)

describe("the sandbox's queue of products and images", function()
  local sb, now, key

  local function start(options)
    now = 1700000000
    options.clock, options.products, options.rate_scale = function() return now end, options.products or 5, 1000
    sb = sandbox.start(options)
    key = http.post(sb.url .. "/v1/users/authenticate",
      { json = { system_user_auth = { username = "sandbox", password = "sandbox" } } }):json().system_user.token
  end

  after_each(function()
    assert.equal(0, sb.bugs)
    sb:stop()
  end)

  local function item(code, more)
    local one = { source = { source_id = "57", product_active = "true", source_product_code = code, sync_token = "0", fetch_token = "0" },
      product = { title = "Product " .. code, variants = { source_variant_code = code .. "-1", sku = code .. "-1", qty = "3", price = "1.5" } } }
    for path, value in pairs(more or {}) do
      local part, name = path:match "^(%a+)%.([%a_]+)$"
      one[part][name] = value ~= json.null and value or nil
    end
    return one
  end

  local function queue(items, source)
    return assert(http.post(sb.url .. "/v1/products/queue?token=" .. key .. "&source_id=" .. (source or "57"),
      { json = { system_products = json.array(items) } }))
  end

  local function image(code, more)
    local one = { image_id = "a", action = "I", image = crypto.base64(PNG) }
    for name, value in pairs(more or {}) do one[name] = value end
    local body = { json = { system_images = json.array { { source = { source_id = 57, source_product_code = code }, image = one } } } }
    return assert(http.post(sb.url .. "/v1/images/queue?token=" .. key, body)):json().system_images.sync_image
  end

  local function summary()
    return http.get(sb.url .. "/v1/queue/summary?token=" .. key):json().system_queue
  end

  local function product(code)
    local found = http.post(sb.url .. "/v1/products/elastic_search?token=" .. key,
      { json = { query = { term = { source_product_code = code } } } }):json()
    return found.system_products[1], found.hits.total
  end

  it("applies products when their time has come, so many a second", function()
    start { queue_delay = 10, queue_rate = 2, lag = 30 }
    assert.same({ system_products = { sync_product = 5 } }, queue { item "A", item "B", item "C", item "D", item "E" }:json())
    assert.equal(5, summary().sync_product)
    now = now + 10
    assert.equal(5, summary().sync_product)
    now = now + 1
    assert.equal(3, summary().sync_product)
    now = now + 2
    assert.equal(0, summary().sync_product)
    assert.is_nil((product "A"))
    now = now + 30
    local made = product "A"
    assert.same({ "Product A", 3, 1.5, "2023-11-14 22:13:31" }, { made.title, made.variants[1].qty, made.variants[1].price, made.modified })
  end)

  it("changes a product by its code, and takes it off the shop", function()
    start {}
    queue { item "A" }
    local first = product "A"
    queue { item("A", { ["product.title"] = "Other" }) }
    local second = product "A"
    assert.same({ first.id, "Other", 1 }, { second.id, second.title, #second.variants })
    queue { item("SP0000003") } -- one that was there already: its other fields stay
    local old = product "SP0000003"
    assert.same({ 62779, "Product SP0000003" }, { old.id, old.title })
    assert.is_true(#old.variants >= 2)
    assert.not_equal("", old.body_html)
    queue { item("A", { ["source.product_active"] = "false" }) }
    assert.is_nil((product "A"))
    assert.equal(5, http.post(sb.url .. "/v1/products/elastic_search?token=" .. key, { body = "{}" }):json().hits.total)
  end)

  it("ignores what is no product, and counts it or not", function()
    for _, counted in ipairs { false, true } do
      start { count_ignored = counted }
      local bad = { item("A", { ["product.title"] = json.null }), item("B", { ["product.variants"] = json.array { {} } }),
        item("C", { ["source.sync_token"] = json.null }), item("D", { ["source.source_id"] = "58" }), {}, item "E" }
      bad[7] = item "F"
      bad[7].product.variants.price = "cheap"
      assert.equal(counted and 7 or 1, queue(bad):json().system_products.sync_product)
      assert.equal(1, #sb:queued())
      if not counted then sb:stop() end
    end
  end)

  it("refuses what is no queue request", function()
    start {}
    assert.equal(404, queue({ item "A" }, "99").status)
    local url = sb.url .. "/v1/products/queue?token=" .. key
    assert.equal(400, http.post(url, { body = '{"system_products":[{}]}' }).status)
    for _, body in ipairs { "", "{", "[]", "{}", '{"system_products":{}}', '{"system_products":[]}' } do
      assert.equal(400, http.post(url .. "&source_id=57", { body = body }).status, body)
      assert.equal(400, http.post(sb.url .. "/v1/images/queue?token=" .. key, { body = body }).status, body)
    end
  end)

  it("is blocked by an item that fails, for its source alone, until a person helps", function()
    start {}
    sb:poison "B"
    queue { item "A", item "B", item "C" }
    queue({ item("X", { ["source.source_id"] = "58" }) }, "58")
    assert.equal(2, summary().sync_product)
    assert.is_table((product "X"))
    now = now + 100000
    assert.equal(2, summary().sync_product)
    assert.equal(204, http.post(sb.url .. "/sandbox/queue", { json = { source = 57, release = "skip" } }).status)
    assert.equal(0, summary().sync_product)
    assert.is_nil((product "B"))
    assert.is_table((product "C"))
    assert.equal(204, http.post(sb.url .. "/sandbox/queue", { json = { poison = "B" } }).status)
    queue { item "B" }
    assert.equal(1, summary().sync_product)
    sb:release(57, "retry")
    assert.is_table((product "B"))
    assert.equal(400, http.post(sb.url .. "/sandbox/queue", { json = { source = 57, release = "skip" } }).status)
    assert.equal(400, http.post(sb.url .. "/sandbox/queue", { json = { release = "now" } }).status)
    local lines = {}
    for line in http.get(sb.url .. "/sandbox/queue").body:gmatch "[^\n]+" do lines[#lines + 1] = assert(json.decode(line)) end
    assert.same({ "A done", "B failed", "C done", "X done", "B done" }, (function()
      local words = {}
      for i, one in ipairs(lines) do words[i] = one.source_product_code .. " " .. one.state end
      return words
    end)())
  end)

  it("adds images to products that are there, and loses others", function()
    start { queue_rate = 1 }
    queue { item "A" }
    assert.equal(1, image("A"))
    assert.equal(1, image("Z"))
    now = now + 3
    assert.same({ "done", "done", "failed" }, { sb:queued()[1].state, sb:queued()[2].state, sb:queued()[3].state })
    assert.same({ 1, "a" }, { #product "A".images, product "A".images[1].source_image_code })
    for _, more in ipairs { { action = "D" }, { image = "no base64!" }, { image = crypto.base64 "GIF89a" }, { image_id = "" },
      { image = crypto.base64(PNG .. ("x"):rep(2000000)) } } do
      assert.equal(0, image("A", more))
    end
    assert.equal(1, image("A", { image = crypto.base64("\xFF\xD8\xFF" .. ("x"):rep(1999997)) }))
  end)

  it("says what waits in another shape, if so ordered", function()
    start { summary = "list", queue_delay = 5 }
    queue { item "A" }
    assert.same({ client_id = 21, instruction = "sync_product", count = "1" }, summary()[1])
  end)
end)
