-- The sandbox's Veeqo, by curl and by the plain HTTP client: what the documents print, and what was seen of the real server.
local curl = require "support.curl"
local documents = require "support.documents"
local http = require "sluice.http"
local json = require "sluice.json"
local Limits = require "sluice.sandbox.limits"
local sandbox = require "sluice.sandbox"

describe("the sandbox's Veeqo", function()
  local sb, clock

  local function start(options)
    local all = { products = 0, veeqo_products = 0, veeqo_orders = 0, clock = function() return clock end }
    for name, value in pairs(options or {}) do all[name] = value end
    sb = sandbox.start(all)
  end
  before_each(function() clock = 1507885693.707 end)
  after_each(function()
    sb:stop()
    assert.equal(0, sb.bugs)
  end)

  local function call(method, path, body, key)
    local answer = assert(http.request { method = method, url = sb.url .. path, body = body and json.encode(body),
      headers = { ["x-api-key"] = key or "sandbox-key", ["content-type"] = "application/json" } })
    return answer, answer.body ~= "" and json.decode(answer.body) or nil
  end

  local function variant(n) return { title = "Size " .. n, price = "15", sku_code = "dog-" .. n } end
  local function make(title, ...)
    local _, product = call("POST", "/products", { product = { title = title, product_variants_attributes = { ... } } })
    return product
  end

  it("answers the document's example as the document does", function()
    start()
    local done = curl.request("POST", sb.url .. "/products", { body = documents.text "veeqo/create_product.body.json",
      headers = { ["x-api-key"] = "sandbox-key", ["Content-Type"] = "application/json" } })
    assert.equal(201, done.status, done.err)
    local printed, got = documents.answer "veeqo/create_product", assert(json.decode(done.body))
    assert.is_nil(documents.differs(printed, got, { updated_by_id = true }))
    local times = { created_at = true, updated_at = true }
    -- what the times are is the clock's matter; all else is the same to the letter
    for i = 1, 2 do -- but for ids that the document counts down where the sandbox counts up
      assert.equal("integer", math.type(got.sellables[i].measurement_attributes.id))
      printed.sellables[i].measurement_attributes.id, got.sellables[i].measurement_attributes.id = nil, nil
    end
    local function same(want, have, path)
      for name, value in pairs(want) do
        if type(value) == "table" then same(value, have[name], path .. "." .. name)
        elseif times[name] then assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", have[name])
        else assert.equal(value, have[name], path .. "." .. name) end
      end
    end
    same(printed, got, "product")
    assert.equal("2017-10-13T09:08:13.707Z", got.created_at)
    local order = {} -- members stand in the printed order
    for _, text in ipairs { documents.text "veeqo/create_product.json", done.body } do
      local names = {}
      for name in text:gmatch '"([%w_]+)"%s*:' do names[#names + 1] = name end
      order[#order + 1] = table.concat(names, " ")
    end
    assert.equal(order[1], order[2])
  end)

  it("makes a product of each post, gives variants backwards, and takes strings for numbers", function()
    start()
    local first, second = make("Dog", variant(1), variant(2), variant(3)), make("Dog", variant(1))
    assert.is_true(first.id ~= second.id)
    assert.equal(2, #sb.veeqo.products)
    assert.same({ "dog-3", "dog-2", "dog-1" }, { first.sellables[1].sku_code, first.sellables[2].sku_code, first.sellables[3].sku_code })
    assert.equal(15, first.sellables[1].price)
    assert.equal(0, first.sellables[1].stock_entries[1].physical_stock_level)
  end)

  it("adds nested rows without an id, changes those with one, and answers 500 to what it does not take", function()
    start()
    local made = make("Dog", variant(1))
    local path = "/products/" .. made.id
    local _, changed = call("PUT", path, { product = { title = "Cat", product_variants_attributes = { { id = made.sellables[1].id, price = 16 } } } })
    assert.same({ "Cat", 1, 16 }, { changed.title, #changed.sellables, changed.sellables[1].price })
    call("PUT", path, { product = { product_variants_attributes = { variant(1) } } })
    assert.equal(2, #sb.veeqo.products[1].variants)
    assert.equal(500, call("PUT", path, { product = { colour = "red" } }).status)
    assert.equal(500, call("PUT", path, { product = { product_variants_attributes = { { size = 1 } } } }).status)
    assert.equal(204, call("DELETE", path).status)
    assert.equal(404, call("GET", path).status)
  end)

  it("sets stock to what it is told", function()
    start()
    local made = make("Dog", variant(1))
    local path = ("/sellables/%d/warehouses/22668/stock_entry"):format(made.sellables[1].id)
    for _ = 1, 2 do
      local answer, entry = call("PUT", path, { stock_entry = { physical_stock_level = 200, infinite = false, location = "Shelf 2B" } })
      assert.same({ 200, 200, 200, "Shelf 2B" }, { answer.status, entry.physical_stock_level, entry.available_stock_level, entry.location })
    end
    assert.equal(200, select(2, call("GET", path)).physical_stock_level)
    local _, refusal = call("PUT", path, { stock_entry = { physical_stock_level = 1 } })
    assert.same({ "infinite can't be blank" }, refusal.error_messages)
    local _, dump = call("GET", "/sandbox/veeqo/stock")
    assert.same({ "dog-1", 200 }, { dump.sku_code, dump.physical_stock_level })
  end)

  it("has four shapes of errors", function()
    start { veeqo_orders = 0 }
    local function shape(method, path, key)
      local answer, value = call(method, path, nil, key)
      return { answer.status, value }
    end
    assert.same({ 401, { error_messages = "You're not authorized" } }, shape("GET", "/products", "wrong"))
    assert.same({ 403, { error_messages = "Feature not available on your current plan" } }, shape("GET", "/purchase_orders"))
    assert.same({ 404, { error_messages = "Not found" } }, shape("GET", "/orders/1"))
    assert.same({ 404, { status = "404", error = "Not Found" } }, shape("GET", "/products/1"))
    assert.same({ 404, { status = 404, error = "Not Found" } }, shape("GET", "/products/1/nothing"))
    local answer, value = call("GET", "/products?page_size=0")
    assert.same({ 400, { "Infinity" }, "0" }, { answer.status, value.error_messages, answer.headers["x-total-count"] })
    assert.is_nil(answer.headers["x-per-page"])
  end)

  it("pages bare lists and counts in headers", function()
    start { veeqo_products = 25 }
    local answer, page = call("GET", "/products?page=3&page_size=10")
    assert.equal(5, #page)
    assert.is_true(json.isarray(page))
    local h = answer.headers
    assert.same({ "25", "3", "3", "10" }, { h["x-total-count"], h["x-total-pages-count"], h["x-page-index"], h["x-per-page"] })
    assert.equal(12, #select(2, call("GET", "/products")))
    assert.equal("[]", call("GET", "/products?page=4&page_size=10").body)
    answer = call("GET", "/warehouses")
    assert.same({ "1", "1" }, { answer.headers["x-total-count"], answer.headers["x-total-pages-count"] })
    assert.is_nil(answer.headers["x-page-index"])
    sb:stop()
    start { veeqo_products = 25, veeqo_past_end = 404 }
    assert.equal(404, call("GET", "/products?page=4&page_size=10").status)
  end)

  it("ignores a filter that it can't read and finds nothing by a status that it doesn't know", function()
    start { veeqo_orders = 14, veeqo_products = 3 }
    local function count(query) return #select(2, call("GET", "/orders?page_size=100&" .. query)) end
    local all = count ""
    assert.equal(12, all) -- 2 of 14 are cancelled
    assert.equal(2, count "status=cancelled")
    assert.equal(0, count "status=not_a_status")
    assert.equal(all, count "created_at_min=not-a-date")
    assert.equal(all, count "created_at_min=13/10/2017")
    clock = clock + 3600
    assert.equal(0, count "created_at_min=2017-10-13%2009:30:00")
    call("POST", "/sandbox/veeqo/orders", { count = 2 })
    assert.equal(2, count "created_at_min=2017-10-13%2009:30:00")
    assert.equal("SHOP-1016", select(2, call("GET", "/orders?page_size=1"))[1].number) -- newest first
    assert.equal(6, count "query=shop-101") -- 1010 to 1016 without the cancelled one; none has that number
  end)

  it("makes an order of each post, with its place in Location", function()
    start { veeqo_products = 1 }
    local sellable = sb.veeqo.products[1].variants[1].id
    local order = { channel_id = 41001, customer_id = 1, deliver_to_id = 1, delivery_method_id = 1, number = "WEB-1", due_date = "02/03/2017",
      line_items_attributes = { { sellable_id = sellable, price_per_unit = "1.50", quantity = 2 } } }
    local answer, made = call("POST", "/orders", { order = order })
    assert.equal(201, answer.status)
    assert.equal(sb.url .. "/orders/" .. made.id, answer.headers.location)
    assert.same({ 3, "2017-03-02T00:00:00.000Z", "SKU-1-1" }, { made.total_price, made.due_date, made.line_items[1].sellable.sku_code })
    call("POST", "/orders", { order = order })
    assert.equal(2, #select(2, call("GET", "/orders?query=WEB-1")))
    order.line_items_attributes, order.customer_id = json.array {}, nil
    assert.same({ "customer can't be blank", "line_items can't be blank" }, select(2, call("POST", "/orders", { order = order })).error_messages)
    order.colour = "red"
    assert.equal(500, call("POST", "/orders", { order = order }).status)
  end)

  it("refuses without a word when the bucket is full, and counts it", function()
    for _, size in ipairs { 100, 56 } do
      start { veeqo_bucket = size }
      for _ = 1, size do assert.equal(200, call("GET", "/current_user").status) end
      local done = curl.request("GET", sb.url .. "/current_user", { headers = { ["x-api-key"] = "sandbox-key" } })
      assert.same({ 429, "0", "" }, { done.status, done.headers["content-length"], done.body })
      for name in pairs(done.headers) do
        assert.is_truthy(name == "status" or name == "content-length" or name == "date" or name == "connection", name)
      end
      assert.equal(1, sb.limits.refused)
      assert.equal(429, call("POST", "/products", { product = { title = "never made" } }).status)
      assert.equal(0, #sb.veeqo.products)
      assert.equal(401, call("GET", "/current_user", nil, "another").status) -- a bucket of its own
      clock = clock + 0.4 -- two have run out
      local statuses = {}
      for i = 1, 3 do statuses[i] = call("GET", "/current_user").status end
      assert.same({ 200, 200, 429 }, statuses)
      if size == 100 then sb:stop() end
    end
  end)

  it("has an answer to whatever comes", function()
    start { veeqo_products = 1, veeqo_bucket = 100000 }
    local sellable = sb.veeqo.products[1].variants[1].id
    local path = ("/sellables/%d/warehouses/22668/stock_entry"):format(sellable)
    local line = { sellable_id = sellable, price_per_unit = 1, quantity = 1 }
    local whole = { -- method, path, wrapper, a body that is taken
      { "POST", "/products", "product", { title = "x", description = "x", notes = "x", estimated_delivery = "1", product_brand_id = 1,
        product_variants_attributes = json.array { variant(1) }, images_attributes = json.array { { src = "x", display_position = 1 } } } },
      { "PUT", "/products/8636420", "product", { title = "x", product_variants_attributes = json.array { { id = 1, price = 1 } } } },
      { "POST", "/orders", "order", { channel_id = 41001, customer_id = 1, deliver_to_id = 1, delivery_method_id = 1, number = "x",
        due_date = "31/01/2018", line_items_attributes = json.array { line }, customer_attributes = { email = "x" },
        deliver_to_attributes = { city = "x" }, send_notification_email = false } },
      { "PUT", path, "stock_entry", { physical_stock_level = 1, infinite = false, location = "x" } },
    }
    local function try(one, body, status)
      local got = call(one[1], one[2], body).status
      assert.is_true(got < 429 or got == 500 and not status, got)
      if status then assert.equal(status, got) end
    end
    for _, value in ipairs { json.array {}, json.array { 1, "x", json.array {} }, "text", 5, 1.5, true, json.null, { x = 1 }, -1e300 } do
      for _, one in ipairs(whole) do
        try(one, { [one[3]] = one[4] }, one[1] == "POST" and 201 or 200)
        try(one, value)
        try(one, { [one[3]] = value })
        for name, own in pairs(one[4]) do
          one[4][name] = value
          try(one, { [one[3]] = one[4] })
          one[4][name] = json.isarray(own) and json.array { value } or own
          try(one, { [one[3]] = one[4] })
          one[4][name] = own
        end
        for name in pairs(line) do
          local odd = { sellable_id = sellable, price_per_unit = 1, quantity = 1 }
          odd[name] = value
          one[4].line_items_attributes = one[3] == "order" and json.array { odd } or nil
          try(one, { [one[3]] = one[4] })
          one[4].line_items_attributes = one[3] == "order" and json.array { line } or nil
        end
      end
    end
    assert.is_true(#call("GET", "/sandbox/veeqo/products").body > 0 and #call("GET", "/sandbox/veeqo/orders").body > 0)
    local cut = { method = "POST", url = sb.url .. "/products", body = "{", headers = { ["x-api-key"] = "sandbox-key" } }
    assert.equal(400, assert(http.request(cut)).status)
  end)

  it("dumps what it has", function()
    start { veeqo_products = 2, veeqo_orders = 3 }
    local lines = {}
    for line in call("GET", "/sandbox/veeqo/orders").body:gmatch "[^\n]+" do lines[#lines + 1] = json.decode(line).number end
    assert.same({ "SHOP-1001", "SHOP-1002", "SHOP-1003" }, lines)
    assert.equal("Product 1", json.decode(call("GET", "/sandbox/veeqo/products").body:match "[^\n]+").title)
    assert.equal(400, call("GET", "/sandbox/veeqo/cats").status)
  end)
end)

describe("the leaky bucket of the sandbox", function()
  it("never holds more than its size and runs out at its rate", function()
    local limits = Limits.new()
    local function pour(n, now)
      local passed = 0
      for _ = 1, n do passed = passed + (limits:leak("k", 5, 100, now) and 1 or 0) end
      return passed
    end
    assert.equal(100, pour(150, 1000))
    assert.equal(5, pour(10, 1001))
    assert.equal(0, pour(1, 1001.19))
    assert.equal(1, pour(2, 1001.21))
    assert.equal(100, pour(150, 1100))
    assert.equal(0, pour(1, 1099)) -- a clock that goes back gives nothing
    assert.equal(50 + 5 + 1 + 1 + 50 + 1, limits.refused)
  end)
end)
