-- Veeqo's operations: the request of each, its answer, an error answer; and the whole of it against the sandbox.
local connect = require("sluice.connect").connect
local documents = require "support.documents"
local err = require "sluice.err"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"

local function raises(code, text, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok, text)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  assert.is_truthy(problem.message:find(text, 1, true), problem.message)
  return problem
end

local function collect(iterator)
  local list = {}
  for one in iterator do list[#list + 1] = one end
  return list
end

-- The document's example as a table of arguments.
local function example()
  return json.decode(documents.text "veeqo/create_product.body.json").product
end

describe("Veeqo", function()
  local api, depot

  local function open(script, more)
    api = scripted.start(script)
    local keys = { api = "veeqo", name = "depot", base_url = api.url, api_key = "the-key", limits = { api = "10000/s" } }
    for key, value in pairs(more or {}) do keys[key] = value end
    depot = connect(keys)
  end
  after_each(function() api.close() end)

  local function last() return api.requests[#api.requests] end
  local function sent() return last().method .. " " .. last().target .. (last().body ~= "" and " " .. last().body or "") end

  local order = {
    channel_id = 41001, customer_id = "5001", delivery_method_id = 701, number = "WEB-1001", due_date = "2018-01-31", delivery_cost = 4.5,
    deliver_to_attributes = { first_name = "Ann", last_name = json.null, country = "GB" },
    line_items_attributes = { { sellable_id = 14144703, price_per_unit = "149.90", quantity = 1 } },
  }

  describe("sends", function()
    -- { operation, arguments, request, answer, what comes of it }
    local rows = {
      { "product", { product_id = 8636420 }, "GET /products/8636420", { id = 8636420 } },
      { "update_product", { product_id = 7, notes = json.null, product_variants_attributes = { { id = 9, price = "149.90" } },
          images_attributes = { { id = 3, display_position = 2 } } },
        'PUT /products/7 {"product":{"notes":null,"product_variants_attributes":[{"id":9,"price":"149.90"}],'
          .. '"images_attributes":[{"display_position":2,"id":3}]}}', { id = 7 } },
      { "delete_product", { product_id = 7 }, "DELETE /products/7" },
      { "order", { order_id = "39106500" }, "GET /orders/39106500", { id = 39106500 } },
      { "create_order", order, 'POST /orders {"order":{"channel_id":41001,"customer_id":5001,"deliver_to_attributes":'
          .. '{"country":"GB","first_name":"Ann","last_name":null},"delivery_method_id":701,"line_items_attributes":'
          .. '[{"price_per_unit":"149.90","quantity":1,"sellable_id":14144703}],"number":"WEB-1001","due_date":"31/01/2018",'
          .. '"send_notification_email":false,"delivery_cost":4.5}}', { id = 1 }, 201 },
      { "stock_entry", { sellable_id = 9, warehouse_id = 2 }, "GET /sellables/9/warehouses/2/stock_entry", { physical_stock_level = 3 } },
      { "set_stock_entry", { sellable_id = 9, warehouse_id = 2, physical_stock_level = 200, infinite = false, location = "Shelf 2B" },
        'PUT /sellables/9/warehouses/2/stock_entry {"stock_entry":{"physical_stock_level":200,"infinite":false,"location":"Shelf 2B"}}', {} },
      { "current_user", {}, "GET /current_user", { id = 1 } },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        open { { status = row[5] or row[4] and 200 or 204, json = row[4] }, { status = 400, json = { error_messages = "no, not so" } } }
        local result = depot[row[1]](depot, row[2])
        assert.equal(row[3], sent())
        assert.equal("the-key", last().headers["x-api-key"])
        if row[4] then assert.same(row[4], result) else assert.is_true(result) end
        raises("invalid", "400 Bad Request: no, not so", depot[row[1]], depot, row[2])
        assert.equal(2, #api.requests)
      end)
    end

    local lists = {
      { "products", { since_id = 5, warehouse_id = 2, created_at_min = "2018-01-19", updated_at_min = "2018-01-19T18:11:06.820Z", query = "dog" },
        "/products?since_id=5&warehouse_id=2&created_at_min=2018-01-19%2000%3A00%3A00&updated_at_min=2018-01-19%2018%3A11%3A06&query=dog" },
      { "orders", { since_id = 5, created_at_min = 1516385466, updated_at_min = "2018-01-19T18:11:06+0100", query = "a@b", status = "cancelled",
          tags = "x y", allocated_at = 2 },
        "/orders?since_id=5&created_at_min=2018-01-19%2018%3A11%3A06&updated_at_min=2018-01-19%2017%3A11%3A06&query=a%40b&status=cancelled"
          .. "&tags=x%20y&allocated_at=2" },
      { "channels", { type_code = "direct" }, "/channels?type_code=direct" },
      { "warehouses", {}, "/warehouses" },
    }
    for _, row in ipairs(lists) do
      it(row[1] .. ", every page with all filters", function()
        open { { json = { { id = 1 }, { id = 2 } } }, { json = { { id = 3 } } },
          { status = 403, json = { error_messages = "not in your plan" } } }
        row[2].page_size = 2
        assert.equal(3, #collect(depot[row[1]](depot, row[2])))
        local glue = row[3]:find("?", 1, true) and "&" or "?"
        for page = 1, 2 do assert.equal(row[3] .. glue .. "page_size=2&page=" .. page, api.requests[page].target) end
        local problem = raises("forbidden", "not in your plan", depot[row[1]](depot, row[2]))
        assert.matches("plan", problem.hint)
      end)
    end

    it("create_product, as the document has it", function()
      open { { status = 201, body = documents.text "veeqo/create_product.json" },
        { status = 400, json = { error_messages = { "Title is bad", "and so is SKU" } } } }
      local product = depot:create_product(example())
      assert.equal("POST /products", last().method .. " " .. last().target)
      assert.equal("application/json", last().headers["content-type"])
      assert.same(json.decode(documents.text "veeqo/create_product.body.json"), json.decode(last().body))
      assert.equal(8636420, product.id)
      assert.equal(14144702, depot:sellable(product, "g-dog-1").id)
      assert.equal(14144703, depot:sellable(product, "g-dog-2").id)
      raises("invalid", "Title is bad; and so is SKU", depot.create_product, depot, { title = "x" })
      assert.equal('{"product":{"title":"x"}}', last().body)
    end)
  end)

  describe("finds a variant by its SKU", function()
    before_each(function() open {} end)
    local product = { id = 7, sellables = { { id = 2, sku_code = "A b" }, { id = 1, sku_code = "a b" }, { id = 3, sku_code = "c" },
      { id = 4, sku_code = "c" } } }

    it("to the letter", function()
      assert.equal(1, depot:sellable(product, "a b").id)
      assert.equal(2, depot:sellable(product, "A b").id)
    end)

    it("and names those that there are", function()
      raises("not_found", "product 7 has no SKU 'ab', it has 'A b', 'a b', 'c', 'c'", depot.sellable, depot, product, "ab")
      raises("conflict", "the SKU 'c' twice", depot.sellable, depot, product, "c")
      raises("usage", "needs a product with `sellables`", depot.sellable, depot, true, "c")
    end)
  end)

  it("finds the product of a SKU, and a warehouse by id or name", function()
    local shelves = { { id = 1, name = "North" }, { id = 2, name = "South" } }
    local found = { { id = 7, sellables = { { sku_code = "AB" } } }, { id = 8, sellables = { { sku_code = "A" } } } } -- the search is fuzzy
    open(function(request) return { json = json.array(request.path == "/products" and found or shelves) } end)
    assert.equal(8, depot:find_product("A").id)
    assert.is_nil(depot:find_product "B")
    assert.matches("query=B", last().target)
    assert.same({ 1, 2, 2 }, { depot:find_warehouse().id, depot:find_warehouse("2").id, depot:find_warehouse("South").id })
    raises("usage", "there is no warehouse West; there are: 1 (North), 2 (South)", depot.find_warehouse, depot, "West")
  end)

  describe("checks before it sends:", function()
    before_each(function() open {} end)
    after_each(function() assert.equal(0, #api.requests) end)

    local function variants(change)
      local args = example()
      change(args.product_variants_attributes, args)
      return args
    end
    local wrong = {
      ["product_variants_attributes: variant 2 has no price: Price of this product variant"] = variants(function(v) v[2].price = nil end),
      ["variant 1 has no title"] = variants(function(v) v[1].title = nil end),
      ["variant 2 has no sku_code"] = variants(function(v) v[2].sku_code = nil end),
      ["variant 1: price must be a number, not 15,00"] = variants(function(v) v[1].price = "15,00" end),
      ["variant 1: weight_grams must be a number, not 0x10"] = variants(function(v) v[1].weight_grams = "0x10" end),
      ["variant 1: sku_code must be text, not a number"] = variants(function(v) v[1].sku_code = 15 end),
      ["variant 1: sku_code can't be null"] = variants(function(v) v[1].sku_code = json.null end),
      ["variant 2 has an unknown member 'sku_cod' (did you mean 'sku_code'?)"] = variants(function(v) v[2].sku_cod = "x" end),
      ["product_variants_attributes must be a list: { { … }, { … } }, one table per variant"] =
        variants(function(v, args) args.product_variants_attributes = v[1] end),
      ["product_variants_attributes: variant 1 must be a table of named values"] = variants(function(v) v[1] = "x" end),
      ["product_variants_attributes must be a table, not a string"] = variants(function(_, args) args.product_variants_attributes = "text" end),
      ["images_attributes: image 2: display_position must be a number"] =
        variants(function(_, args) args.images_attributes[2].display_position = "first" end),
      ["title is missing: Name of the product"] = variants(function(_, args) args.title = nil end),
      ["description must be text, not a number"] = variants(function(_, args) args.description = 5 end),
      ["unknown argument 'note' (did you mean 'notes'?)"] = variants(function(_, args) args.note = "x" end),
    }
    for text, args in pairs(wrong) do
      it("create_product: " .. text, function() raises("usage", text, depot.create_product, depot, args) end)
    end

    it("update_product: what has no id", function()
      raises("usage", "variant 1 has no id: id of the variant; without it Veeqo adds one", depot.update_product, depot,
        { product_id = 7, product_variants_attributes = { { price = 1 } } })
      raises("usage", "image 1 has no id", depot.update_product, depot, { product_id = 7, images_attributes = { { src = "http://x" } } })
    end)

    it("set_stock_entry: what is required", function()
      raises("usage", "physical_stock_level is missing", depot.set_stock_entry, depot, { sellable_id = 1, warehouse_id = 1, infinite = false })
      raises("usage", "infinite is missing", depot.set_stock_entry, depot, { sellable_id = 1, warehouse_id = 1, physical_stock_level = 1 })
    end)

    it("create_order: one of two, and a day", function()
      local function with(key, value)
        local args = {}
        for name, own in pairs(order) do args[name] = own end
        args[key] = value
        return args
      end
      raises("usage", "give customer_id or customer_attributes, not both", depot.create_order, depot, with("customer_attributes", { email = "a@b" }))
      raises("usage", "customer_id or customer_attributes is missing", depot.create_order, depot, with("customer_id", nil))
      raises("usage", "deliver_to_id or deliver_to_attributes is missing", depot.create_order, depot, with("deliver_to_attributes", nil))
      raises("usage", "line_items_attributes must be 1 to more entries, is 0", depot.create_order, depot, with("line_items_attributes", {}))
      raises("usage", "line 1 has no quantity: how many", depot.create_order, depot,
        with("line_items_attributes", { { sellable_id = 1, price_per_unit = 1 } }))
      raises("usage", "deliver_to_attributes has an unknown member 'postcode'", depot.create_order, depot,
        with("deliver_to_attributes", { postcode = "x" }))
      raises("usage", "payment_attributes: payment_type must be one of none, cash", depot.create_order, depot,
        with("payment_attributes", { payment_type = "gold" }))
      for _, day in ipairs { "01/31/2018", "31.01.2018", "2018-01-31 10:00:00", "2018-02-30" } do
        raises("usage", "due_date must be a day, as 2018-01-31, 31/01/2018 (day first) or seconds since 1970, not '" .. day .. "'",
          depot.create_order, depot, with("due_date", day))
      end
    end)

    it("times, because a wrong one would give everything", function()
      for _, text in ipairs { "not-a-date", "19/01/2018", "yesterday", "2018-13-01", "" } do
        for _, name in ipairs { "orders", "products" } do
          local problem = raises("usage", "updated_at_min must be a time, as 2018-01-19 18:11:06 (UTC)", depot[name], depot,
            { updated_at_min = text })
          assert.is_truthy(problem.message:find("not '" .. text .. "'", 1, true))
        end
      end
      raises("usage", "created_at_min must be a time", depot.orders, depot, { created_at_min = 1516385466000 }) -- milliseconds
      raises("usage", "created_at_min must be a time", depot.orders, depot, { created_at_min = true })
    end)
  end)

  describe("makes one error of the four shapes", function()
    local rows = {
      { 401, '{"error_messages":"You\'re not authorized"}', "auth", "401 Unauthorized: You're not authorized", "bills" },
      { 403, '{"error_messages":"Feature not available on your current plan"}', "forbidden", "Feature not available on your current plan", "plan" },
      { 404, '{"error_messages":"Not found"}', "not_found", "404 Not Found: Not found", "is the id right" },
      { 404, '{"status":"404","error":"Not Found"}', "not_found", "404 Not Found", "is the id right" },
      { 404, '{"status":404,"error":"Not Found"}', "not_found", "404 Not Found", "is the id right" },
      { 400, '{"error_messages":["Infinity"]}', "invalid", "400 Bad Request: Infinity" },
      { 400, '{"error_messages":["one",2,"three"]}', "invalid", "400 Bad Request: one; 2; three" },
      { 400, '{"error_messages":[]}', "invalid", "400 Bad Request" },
      { 422, "<html>", "invalid", "422" },
    }
    for _, row in ipairs(rows) do
      it(row[1] .. " " .. row[2], function()
        open { { status = row[1], body = row[2] } }
        local problem = raises(row[3], row[4], depot.current_user, depot)
        assert.equal(row[1], problem.status)
        if row[5] then assert.is_truthy(problem.hint:find(row[5], 1, true), problem.hint) end
        assert.equal(1, #api.requests)
      end)
    end
  end)

  it("takes a 500 for a refusal where an update gets it, and nowhere else", function()
    open { { status = 500, json = { status = 500, error = "Internal Server Error" } }, { status = 500 }, { json = { id = 7 } } }
    local problem = raises("invalid", "500", depot.update_product, depot, { product_id = 7, title = "x" })
    assert.matches("trying again does not help", problem.hint)
    assert.equal(1, #api.requests)
    assert.equal(7, depot:product { product_id = 7 }.id)
    assert.equal(3, #api.requests)
  end)

  it("sends a post again after a refusal without a word, and never after a doubt", function()
    open { { status = 429 }, { status = 201, json = { id = 1 } }, { how = "reset" }, { status = 500 } }
    local _, answer = depot:create_product { title = "x" }
    assert.equal(2, answer.attempts)
    for n = 3, 4 do
      raises("ambiguous", "", depot.create_order, depot, order)
      assert.equal(n, #api.requests)
    end
  end)

  it("never deletes twice by itself", function()
    open { { status = 503 } }
    assert.is_false(pcall(depot.delete_product, depot, { product_id = 1 }))
    assert.equal(1, #api.requests)
  end)

  describe("lists", function()
    it("go on behind a short page where the header counts more, and stop at an empty one", function()
      local function page(count, ids) return { json = ids, headers = { ["X-Total-Pages-Count"] = count } } end
      open { page("3", { { id = 1 } }), page("3", { { id = 2 } }), page("3", json.array {}) } -- the server gives less than it is asked for
      assert.equal(2, #collect(depot:orders()))
      assert.equal(3, #api.requests)
      for n, request in ipairs(api.requests) do assert.equal("/orders?page_size=100&page=" .. n, request.target) end
    end)

    it("end where the server refuses what is behind its last page", function()
      local full = { json = { { id = 1 } }, headers = { ["X-Total-Pages-Count"] = "1" } }
      open { full, { status = 404, json = { status = 404, error = "Not Found" } }, full, { status = 403 },
        { json = { { id = 1 } } }, { status = 404 } }
      assert.equal(1, #collect(depot:orders { page_size = 1 }))
      raises("forbidden", "403", collect, depot:orders { page_size = 1 })
      raises("not_found", "404", collect, depot:orders { page_size = 1 }) -- nothing counted the pages
    end)

    it("give an entry once that a new one has pushed to the next page, unless it has changed", function()
      local function entry(id, at) return { id = id, updated_at = at } end
      open { { json = { entry(4, "a"), entry(3, "a") } }, { json = { entry(3, "a"), entry(2, "a") } },
        { json = { entry(2, "b"), entry(1, "a") } }, { json = json.array {} } }
      local ids = {}
      for one in depot:orders { page_size = 2 } do ids[#ids + 1] = one.id end
      assert.same({ 4, 3, 2, 2, 1 }, ids)
    end)

    it("are an error where a page comes again or is no list", function()
      open { { json = { { id = 1 } } }, { json = { { id = 1 } } }, { json = { id = 1 } }, { status = 204 } }
      raises("protocol", "the page behind 1 entries is the one before it again", collect, depot:orders { page_size = 1 })
      raises("protocol", "the answer is no list", collect, depot:orders())
      raises("protocol", "the answer is no list", collect, depot:orders())
    end)

    it("are an error, and no loop, also where all of the page that comes again was pushed there", function()
      local function page(...) return { body = json.encode(json.array { ... }) } end
      open { page({ id = 1 }, { id = 2 }), page({ id = 2 }, { id = 1 }), page({ id = 2 }, { id = 1 }) }
      raises("protocol", "the page behind 4 entries is the one before it again", collect, depot:orders { page_size = 2 })
      assert.equal(3, #api.requests)
    end)

    it("have 1 to 100 entries a page", function()
      open {}
      raises("usage", "page_size must be 1 to 100, is 101", depot.orders, depot, { page_size = 101 })
      raises("usage", "page_size must be 1 to 100, is 0", depot.orders, depot, { page_size = 0 })
    end)
  end)
end)

describe("Veeqo and the sandbox", function()
  local sb, depot
  local function open(options, keys)
    local all = { products = 0, veeqo_products = 0, veeqo_orders = 0 }
    for name, value in pairs(options or {}) do all[name] = value end
    sb = sandbox.start(all)
    local own = { api = "veeqo", name = "depot", base_url = sb.url, api_key = "sandbox-key", limits = { api = "10000/s" } }
    for name, value in pairs(keys or {}) do own[name] = value end
    depot = connect(own)
  end
  after_each(function() sb:stop() end)

  it("make a product, stock it, sell it, change it and delete it", function()
    open()
    assert.equal("sandbox", depot:current_user().login)
    local product = depot:create_product(example())
    local puppy = depot:sellable(product, "g-dog-2")
    assert.equal("Puppy - ProdVariantTitle", puppy.title)
    local warehouse = collect(depot:warehouses())[1]
    local where = { sellable_id = puppy.id, warehouse_id = warehouse.id }
    assert.equal(0, depot:stock_entry(where).physical_stock_level)
    for _ = 1, 2 do depot:set_stock_entry { sellable_id = puppy.id, warehouse_id = warehouse.id, physical_stock_level = 200, infinite = false } end
    assert.equal(200, depot:stock_entry(where).available_stock_level)
    local order = depot:create_order { channel_id = collect(depot:channels())[1].id, customer_attributes = { email = "ann@example.com" },
      deliver_to_id = 1, delivery_method_id = 1, number = "WEB-1001", due_date = "02/03/2017",
      line_items_attributes = { { sellable_id = puppy.id, price_per_unit = puppy.price, quantity = 1 } } }
    assert.equal("2017-03-02T00:00:00.000Z", depot:order { order_id = order.id }.due_date)
    depot:update_product { product_id = product.id, product_variants_attributes = { { id = puppy.id, price = "149.90" } } }
    product = depot:product { product_id = product.id }
    assert.same({ 149.9, 2 }, { depot:sellable(product, "g-dog-2").price, #product.sellables })
    assert.is_true(depot:delete_product { product_id = product.id })
    raises("not_found", "404", depot.product, depot, { product_id = product.id })
  end)

  it("read all of a list, whatever the size of its pages", function()
    for _, past_end in ipairs { 200, 404 } do
      for _, count in ipairs { 0, 1, 9, 10, 11, 20 } do
        open { veeqo_products = count, veeqo_past_end = past_end }
        assert.equal(count, #collect(depot:products { page_size = 10 }))
        if count < 20 then sb:stop() end
      end
      if past_end == 200 then sb:stop() end
    end
  end)

  it("find an order by its number among those that are like it", function()
    open { veeqo_products = 1, veeqo_orders = 10 }
    local all, exact = collect(depot:orders { query = "SHOP-100" }), 0
    for _, one in ipairs(all) do exact = exact + (one.number == "SHOP-100" and 1 or 0) end
    assert.same({ 8, 0 }, { #all, exact }) -- the cancelled one is not among them
  end)

  it("stay under the limit by the rate of the definition, also where the bucket is small", function()
    open({ veeqo_bucket = 56, veeqo_products = 1 }, { limits = {} })
    for _ = 1, 56 do depot:current_user() end
    assert.equal(0, sb.limits.refused)
    assert.equal(0, depot.conn:stats().limited)
  end)
end)
