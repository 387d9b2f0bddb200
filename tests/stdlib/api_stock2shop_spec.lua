-- Stock2Shop's operations: the request of each beside the document's curl command, its answer, an error answer.
local auth = require "sluice.auth"
local connect = require("sluice.connect").connect
local document = require "support.document"
local documents = require "support.documents"
local err = require "sluice.err"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"

local user = { id = 1, username = "barry", client_id = 1, token = "xxx-token", channels = json.array {}, role_description = "product_meta_editor" }

-- Answers as the document shows them.
local function answers(r)
  if r.path == "/v1/users/authenticate" or r.path:find "^/v1/users/valid_token/" then return { json = { system_user = user } } end
  if r.path == "/v1/sources" then return { json = { system_sources = { { id = 318, type = "apifact_sapone", source_id = json.null } } } } end
  if r.path == "/v1/channels" then return { json = { system_channels = { { id = 123, type = "shopify", price_tier = json.null } } } } end
  if r.path == "/v1/products/queue" then return { body = documents.text "stock2shop/queue_products.json" } end
  if r.path == "/v1/images/queue" then return { body = documents.text "stock2shop/queue_images.json" } end
  if r.path == "/v1/queue/summary" then return { json = { sync_product = 12 } } end
  if r.path == "/v1/orders/elastic_search" then return { body = documents.text "stock2shop/search_orders.json" } end
  if r.path == "/v2-queue/order" then return { body = documents.text "stock2shop/post_order.json" } end
  if r.path == "/v1/products/elastic_search" then
    return { body = [[{"took":3,"timed_out":false,"hits":{"total":27,"hits":[{"_id":"62777","sort":[1609835104000]}]},
      "system_products":[{"id":62777,"modified":"2021-01-05 08:25:04","channels":[],"price":100.0}]}]] }
  end
end

local function raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  return problem
end

describe("Stock2Shop", function()
  local api, shop, host
  local function open(script, more)
    api = scripted.start(script)
    local keys = { api = "stock2shop", name = "shop", base_url = api.url, queue_url = api.url, username = "barry", password = "*****",
      limits = { api = "10000/s", login = "10000/s" } }
    for key, value in pairs(more or {}) do keys[key] = value end
    shop = connect(keys)
    host = { ["https://app.stock2shop.com"] = api.url, ["token=xxx"] = "token=xxx-token", ["/xxx?"] = "/xxx-token?",
      ["?format=json$token"] = "?format=json&token", -- a misprint of the document
      ["https://api.stock2shop.com"] = api.url, -- which printed commands need quotes, the next lines say
      ["client_id=456&channel_id=123&"] = "client_id=456\\&channel_id=123\\&", ["&source_id"] = "\\&source_id" }
  end
  before_each(function() open(answers) end)
  after_each(function() api.close() end)

  it("authenticate", function()
    local result
    document.same(api, [[curl -X POST \
    -H 'Content-Type: application/json' \
    -d '{
          "system_user_auth": {
            "username": "barry",
            "password": "*****"
          }
        }' \
    https://app.stock2shop.com/v1/users/authenticate?format=json]], host, function() result = shop:authenticate() end)
    assert.equal("product_meta_editor", result.role_description)
    assert.is_true(auth.is(result.token))
    assert.equal("***", tostring(result.token))
    for _, args in ipairs { {}, { raw = true }, { username = "alice", password = "wonderland" } } do
      local value, answer = shop:authenticate(args)
      assert.is_nil(answer.body:find("xxx-token", 1, true))
      assert.is_nil(tostring(args.raw and value):find("xxx-token", 1, true))
    end
    assert.equal("xxx-token", (shop:sources()) and api.requests[#api.requests].query.token)
    api.close()
    open { { status = 401, json = { message = "unknown user" } } }
    local problem = raises("auth", shop.authenticate, shop)
    assert.matches("unknown user", problem.message)
    assert.matches("check `password` of connection 'shop'", problem.hint)
  end)

  it("authenticate as somebody else leaves the connection's token alone", function()
    shop:sources()
    shop:authenticate { username = "alice", password = "wonderland" }
    assert.equal('{"system_user_auth":{"username":"alice","password":"wonderland"}}', api.requests[#api.requests].body)
    shop:sources()
    assert.equal(4, #api.requests)
  end)

  it("valid_token", function()
    local result
    document.same(api, [[curl -X GET \
    -H 'Content-Type: application/json' \
    https://app.stock2shop.com/v1/users/valid_token/xxx?format=json]], host, function() result = shop:valid_token() end)
    assert.equal("barry", result.username)
    api.close()
    open(function(r, n) return n > 1 and { status = 401, body = "gone" } or answers(r) end)
    raises("auth", shop.valid_token, shop)
    assert.equal(2, #api.requests) -- no new login: it asked about this token
    api.close()
    open(function(r, n) return n > 1 and { status = 403, body = "" } or answers(r) end)
    assert.matches("token is not valid", raises("auth", shop.valid_token, shop).hint)
    assert.equal(2, #api.requests)
  end)

  it("sources", function()
    local result
    document.same(api, [[curl -X GET \
    -H 'Content-Type: application/json' \
    'https://app.stock2shop.com/v1/sources?format=json$token=xxx']], host, function() result = shop:sources() end)
    assert.equal(318, result[1].id)
    assert.equal(json.null, result[1].source_id)
    api.close()
    open(function(r) return r.path == "/v1/sources" and { json = { error = "x" } } or answers(r) end)
    assert.matches("without the key 'system_sources'", raises("protocol", shop.sources, shop).message)
  end)

  it("channels", function()
    local result
    document.same(api, [[curl -X GET \
    -H 'Content-Type: application/json' \
    'https://app.stock2shop.com/v1/channels?format=json$token=xxx']], host, function() result = shop:channels() end)
    assert.equal("shopify", result[1].type)
    api.close()
    open(function(r) return r.path == "/v1/channels" and { status = 403, json = { message = "not for this role" } } or answers(r) end)
    local problem = raises("forbidden", shop.channels, shop)
    assert.matches("not for this role", problem.message)
    assert.equal("product_meta_editor", problem.role)
    assert.matches("the role of this user is 'product_meta_editor'", problem.hint)
  end)

  it("search_products", function()
    local result, answer
    local wanted = {
      query = { bool = { filter = { { range = { modified = { gt = "2021-08-27 08:23:04" } } } } } },
      size = 1, from = 0, sort = { modified = { order = "desc" } },
    }
    document.same(api, [[curl -X POST \
    -H 'Content-Type: application/json' \
    -d '{
          "query": {
            "bool": {
              "filter": [
                {
                  "range": {
                    "modified": {
                      "gt": "2021-08-27 08:23:04"
                    }
                  }
                }
              ]
            }
          },
          "size": 1,
          "from": 0,
          "sort": {
            "modified": {
              "order": "desc"
            }
          }
        }' \
    https://app.stock2shop.com/v1/products/elastic_search?token=xxx]], host, function() result, answer = shop:search_products(wanted) end)
    assert.equal(27, result.hits.total)
    assert.equal("2021-01-05 08:25:04", result.system_products[1].modified)
    assert.equal(200, answer.status)
    wanted.raw, wanted.channel_id = true, 47
    assert.matches('"price":100%.0', (shop:search_products(wanted)))
    assert.equal("/v1/products/elastic_search?channel_id=47&token=xxx-token", api.requests[#api.requests].target)
    assert.equal('{"query":{"match_all":{}},"size":5}',
      (shop:search_products { query = { match_all = {} }, size = 5 }) and api.requests[#api.requests].body)
    api.close()
    open(function(r)
      return r.path:find "elastic" and { status = 400, json = { error = { reason = "no mapping found for [x]" } } } or answers(r)
    end)
    assert.matches("no mapping found", raises("invalid", shop.search_products, shop, { query = {} }).message)
    raises("usage", shop.search_products, shop, { query = {}, size = 10001 })
    raises("usage", shop.search_products, shop, {})
  end)

  it("queue_products", function()
    local result
    local function source(id)
      return { source_id = id, product_active = "true", source_product_code = "ABC", sync_token = "0", fetch_token = "0" }
    end
    document.same(api, documents.text "stock2shop/queue_products.sh", host, function()
      result = shop:queue_products { source_id = 123, products = {
        { source = source "123", product = { title = "Example", variants = { source_variant_code = "ABC", sku = "ABC" } } } } }
    end)
    assert.equal(1, result.sync_product)
    local all = { source = source "{source_id}", product = {
      options = { { name = "Size", position = "1" } }, body_html = "", collection = "", product_type = "", tags = "", title = "Example", vendor = "",
      variants = { source_variant_code = "ABC-XXL", sku = "ABC-XXL", barcode = "", qty = 9,
        qty_availability = { { description = "Warehouse X", qty = 10 } }, price = 100.0, price_tiers = { { tier = "Price List X", price = 80.0 } },
        inventory_management = "true", grams = 0, option1 = "XXL", option2 = json.null, option3 = json.null },
      meta = { { key = "foo", value = "bar" } } } }
    document.same(api, documents.text "stock2shop/queue_products_all.sh", host, function()
      shop:queue_products { source_id = 123, products = { all } }
    end)
    raises("usage", shop.queue_products, shop, { products = { all } })
    api.close()
    open(function(r) return r.path:find "queue" and { status = 403, json = { message = "not for this role" } } or answers(r) end)
    assert.matches("not for this role", raises("forbidden", shop.queue_products, shop, { source_id = 1, products = { all } }).message)
  end)

  it("queue_products is sent again after a failure, and says so", function()
    api.close()
    local posts = 0
    open(function(r)
      if r.path ~= "/v1/products/queue" then return answers(r) end
      posts = posts + 1
      return posts == 1 and { status = 502, body = "" } or answers(r)
    end)
    local _, answer = shop:queue_products { source_id = 123, products = { { source = {}, product = {} } } }
    assert.same({ 2, 1 }, { posts, answer.resent })
  end)

  it("queue_images", function()
    local result
    local function image(meta)
      return { source = { source_id = 57, source_product_code = "keyboard", source_variant_code = "4191161" },
        image = { image_id = "a", action = "I", image = "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4", meta = meta } }
    end
    document.same(api, documents.text "stock2shop/queue_images.sh", host, function() result = shop:queue_images { images = { image() } } end)
    assert.equal(1, result.sync_image)
    document.same(api, documents.text "stock2shop/queue_images_meta.sh", host, function()
      shop:queue_images { images = { image { main_image = "true" } } }
    end)
    api.close()
    open(function(r) return r.path:find "queue" and { json = { system_products = {} } } or answers(r) end)
    assert.matches("without the key 'system_images'", raises("protocol", shop.queue_images, shop, { images = { image() } }).message)
  end)

  it("search_orders", function()
    local result
    local query = { bool = { must = { { multi_match = { fields = { "id.autocomplete", "channel_order_code", "sources.source_order_code",
      "customer.first_name", "customer.last_name", "customer.email", "customer.channel_customer_code" }, query = "abc", operator = "or" } } },
      must_not = json.array {}, filter = json.array {} } }
    document.same(api, documents.text "stock2shop/search_orders.sh", host, function()
      result = shop:search_orders { query = query, from = 0, size = 10, sort = { _score = { order = "desc" } } }
    end)
    assert.same({ 10000, "0027795", 119.23, "318" }, { result.hits.total, result.system_orders[1].channel_order_code,
      result.system_orders[1].sub_total, result.system_orders[1].sources[1].source_id })
    shop:search_orders { query = { match_all = {} } }
    assert.equal('{"query":{"match_all":{}}}', api.requests[#api.requests].body)
    raises("usage", shop.search_orders, shop, { query = {}, size = 10001 })
    api.close()
    open(function(r) return r.path:find "elastic" and { json = { hits = {} } } or answers(r) end)
    assert.matches("without the key 'system_orders'", raises("protocol", shop.search_orders, shop, { query = {} }).message)
  end)

  it("queue_summary", function()
    local result
    -- no document prints a command or an answer: the path is the tutorial's, the rest as their other GETs
    document.same(api, "curl -X GET -H 'Content-Type: application/json' 'https://app.stock2shop.com/v1/queue/summary?format=json&token=xxx'",
      host, function() result = shop:queue_summary() end)
    assert.same({ sync_product = 12 }, result)
    api.close()
    open(function(r) return r.path == "/v1/queue/summary" and { body = "[]" } or answers(r) end)
    assert.same({}, shop:queue_summary())
    api.close()
    open(function(r) return r.path == "/v1/queue/summary" and { status = 404, json = { message = "no such page" } } or answers(r) end)
    assert.matches("no such page", raises("not_found", shop.queue_summary, shop).message)
  end)

  it("post_order", function()
    local result, answer
    local order = { ["my order payload"] = { foo = "bar" } }
    document.same(api, documents.text "stock2shop/post_order.sh", host, function()
      result, answer = shop:post_order { client_id = 456, channel_id = 123, order = order }
    end)
    assert.equal("order received", result.message)
    assert.equal("3d7b74a0-8b1b-4b06-8d7f-8331cb682705", result.queue_messages[1].message_id)
    assert.equal(1, answer.attempts)
    shop:post_order { client_id = 456, channel_id = 123, order = '{"id": 1.0}\n' }
    assert.equal('{"id": 1.0}\n', api.requests[#api.requests].body) -- text goes as it is
    assert.matches("client_id is missing", raises("usage", shop.post_order, shop, { channel_id = 123, order = order }).message)
    assert.matches("order is missing", raises("usage", shop.post_order, shop, { client_id = 456, channel_id = 123 }).message)
    api.close()
    open(answers, { client_id = 456, channel_id = "123" })
    shop:post_order { order = order }
    assert.equal("/v2-queue/order?client_id=456&channel_id=123&token=xxx-token", api.requests[#api.requests].target)
  end)

  it("post_order goes to the queue's host, with the token of the other", function()
    local queue = scripted.start(answers)
    finally(function() queue.close() end)
    api.close()
    open(answers, { queue_url = queue.url .. "/", client_id = 456 })
    shop:post_order { channel_id = 123, order = { id = 7 } }
    assert.same({ 1, "/v1/users/authenticate" }, { #api.requests, api.requests[1].path })
    assert.same({ 1, "/v2-queue/order?client_id=456&channel_id=123&token=xxx-token", '{"id":7}' },
      { #queue.requests, queue.requests[1].target, queue.requests[1].body })
  end)

  it("post_order is sent again only where nothing can have been done", function()
    local order, posts = { client_id = 1, channel_id = 2, order = { id = 1 } }, 0
    local function try(first)
      api.close()
      posts = 0
      open(function(r)
        if r.path ~= "/v2-queue/order" then return answers(r) end
        posts = posts + 1
        return posts == 1 and first or answers(r)
      end)
      return pcall(shop.post_order, shop, order)
    end
    for _, bad in ipairs { { status = 502, body = "bad gateway" }, { how = "reset" }, { status = 200, body = "{}" } } do
      local ok, problem = try(bad)
      assert.is_false(ok)
      assert.equal(1, posts)
      assert.equal("ambiguous", problem.code, problem.message)
    end
    assert.is_true((try { status = 429, headers = { ["x-S2S-RateLimit"] = "3" } }))
    assert.equal(2, posts)
    local ok, problem = try { status = 400, json = { message = "client_id is wrong" } }
    assert.same({ false, "invalid", 1 }, { ok, problem.code, posts })
    assert.matches("client_id is wrong", problem.message)
  end)

  it("takes channel_id from the connection where none is given", function()
    api.close()
    open(answers, { channel_id = 47 })
    shop:search_products { query = {} }
    assert.equal("47", api.requests[#api.requests].query.channel_id)
    shop:search_products { query = {}, channel_id = "48" }
    assert.equal("48", api.requests[#api.requests].query.channel_id)
  end)

  it("keeps three requests a second and learns from x-S2S-RateLimit", function()
    local flying = require "support.flying"
    api.close()
    open(answers, { limits = {} })
    flying(function()
      shop:sources()
      local _, answer = shop:sources()
      assert.is_true(answer.waited > 0.2 and answer.waited < 0.45, answer.waited)
    end, 20)
  end)
end)

describe("Stock2Shop, played by the sandbox,", function()
  local sb, shop
  before_each(function()
    sb = sandbox.start { products = 30, rate_scale = 1000 }
    shop = connect { api = "stock2shop", base_url = sb.url, queue_url = sb.url, username = "sandbox", password = "sandbox",
      client_id = 21, channel_id = 47, limits = { api = "1000/s", login = "1000/s" } }
  end)
  after_each(function() sb:stop() end)

  it("answers each operation", function()
    assert.equal("sandbox", shop:authenticate().username)
    assert.equal("sandbox", shop:valid_token().username)
    assert.is_true(#shop:sources() > 0)
    assert.is_true(#shop:channels() > 0)
    local page = shop:search_products { query = { match_all = {} }, size = 7, sort = { modified = { order = "asc" } } }
    assert.equal(7, #page.system_products)
    local posted = shop:post_order { order = { channel_order_code = "A-1", line_items = { { sku = "CD1-1", qty = 1, price = 2.5 } } } }
    assert.equal("order received", posted.message)
    local orders = shop:search_orders { query = { term = { channel_order_code = "A-1" } } }.system_orders
    assert.same({ 1, 47, 2.5 }, { #orders, orders[1].channel_id, orders[1].total })
    assert.equal(0, shop:queue_summary().system_queue.sync_order)
  end)

  it("kills a token, in whatever words, and the call goes on with another", function()
    for _, words in ipairs { 401, 403, 200 } do
      local own = sandbox.start { products = 1, rate_scale = 1000, dead_token = words }
      local keys = { api = "stock2shop", base_url = own.url, username = "sandbox", password = "sandbox",
        limits = { api = "1000/s", login = "1000/s" } }
      local mine, other = connect(keys), connect(keys)
      mine:sources()
      other:authenticate { username = "sandbox", password = "sandbox" } -- a person who logs in elsewhere
      local page, answer = mine:search_products { query = { match_all = {} } }
      assert.same({ 1, 2 }, { #page.system_products, answer.attempts }, words)
      own:stop()
    end
  end)

  it("names the role of a user who may not do something, asked once", function()
    local own = sandbox.start { products = 1, rate_scale = 1000, role = "read_only" }
    finally(function() own:stop() end)
    local mine = connect { api = "stock2shop", base_url = own.url, queue_url = own.url, username = "sandbox", password = "sandbox",
      client_id = 21, channel_id = 47, limits = { api = "1000/s", login = "1000/s" } }
    assert.equal(0, #mine:search_orders { query = { match_all = {} } }.system_orders)
    local problem = raises("forbidden", mine.post_order, mine, { order = { channel_order_code = "A-1" } })
    assert.same({ "read_only", "the role of this user is 'read_only' (none: an admin), and may not do that" }, { problem.role, problem.hint })
    local before = #own:requests()
    assert.equal("read_only", raises("forbidden", mine.queue_images, mine, { images = { {} } }).role)
    for n = before + 1, #own:requests() do assert.is_nil(own:requests()[n].target:find "valid_token") end
    assert.same({}, own:orders())
  end)

  it("says so where the role can't be asked for", function()
    local quiet = scripted.start(function(r)
      if r.path:find "authenticate" then return { json = { system_user = { token = "t", role_description = json.null } } } end
      return { status = 403, body = "" }
    end)
    finally(function() quiet.close() end)
    local mine = connect { api = "stock2shop", base_url = quiet.url, username = "b", password = "p", limits = { api = "1000/s", login = "1000/s" } }
    local problem = raises("forbidden", mine.sources, mine)
    assert.same({ "unknown", 6 }, { problem.role, #quiet.requests }) -- in vain at valid_token, and at a login
  end)

  it("refuses a wrong password", function()
    local wrong = connect { api = "stock2shop", base_url = sb.url, username = "sandbox-2", password = "wrong-one" }
    local problem = raises("auth", wrong.sources, wrong)
    assert.equal("authenticate", problem.operation)
  end)
end)
