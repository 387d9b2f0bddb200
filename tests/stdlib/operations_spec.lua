-- Every operation of every definition, called once by the client against the sandbox: what it gives, and that the sandbox
-- answered with a status that the row calls a success. A row without an entry in the tables below fails.
local connect = require("sluice.connect").connect
local definition = require "sluice.definition"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"

local BATCH = ("0123456789abcdef"):rep(2)
local PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

-- calls[api][operation](w) gives the arguments and a function that looks at the result (of an iterator: the list of what it
-- gives). `w` has the sandbox `sb`, the client `api`, and `later(seconds)`, which puts the sandbox's clock forward.
local calls = {}

local function size(n) return function(list) assert.equal(n, #list) end end
local function is(value) return function(result) assert.equal(value, result) end end
local function member(name, value) return function(result) assert.equal(value, result[name]) end end
local function with(args, check) return function() return args, check end end

local ALL = { match_all = json.decode "{}" }

calls.stock2shop = {
  authenticate = with(nil, member("username", "sandbox")),
  valid_token = with(nil, member("username", "sandbox")),
  sources = with(nil, function(list) assert.is_true(#list > 0) end),
  channels = with(nil, function(list) assert.is_true(#list > 0) end),
  search_products = with({ query = ALL, size = 5, from = 1, sort = { id = "asc" } }, function(page) assert.equal(5, #page.system_products) end),
  search_orders = with({ query = ALL, size = 2 }, function(page) assert.equal(2, #page.system_orders) end),
  queue_products = with({ source_id = 57, products = { {
    source = { source_id = "57", product_active = "true", source_product_code = "ABC", sync_token = "0", fetch_token = "0" },
    product = { title = "Example", variants = { source_variant_code = "ABC", sku = "ABC" } },
  } } }, member("sync_product", 1)),
  queue_images = with({ images = { {
    source = { source_id = 57, source_product_code = "ABC", source_variant_code = "ABC" },
    image = { image_id = "a", action = "I", image = PNG },
  } } }, member("sync_image", 1)),
  queue_summary = with(nil, function(summary) assert.is_table(summary) end),
  post_order = with({ channel_id = 47, client_id = 21, order = { channel_order_code = "A-1", line_items = { { sku = "CD003", qty = 1 } } } },
    function(answer) assert.is_string(answer.queue_messages[1].message_id) end),
}

local STREAM = "124773"
local PRODUCTS = { { id = "34SKJDF42DF", name = "Product 1" }, { id = "475-SHIRT-XL", name = "Product 2" } }

local function attribute(name, value) return function(one) assert.equal(value, one.attributes[name]) end end

calls.productsup_stream = {
  create_stream = with({ name = "My product stream", type = "referenced" }, attribute("type", "referenced")),
  streams = with(nil, size(2)),
  stream = with({ stream = STREAM }, member("id", STREAM)),
  rename_stream = with({ stream = STREAM, name = "Another name" }, attribute("name", "Another name")),
  delete_stream = function(w)
    return { stream = STREAM }, function() assert.equal(1, #w.list(w.api:streams())) end
  end,
  upload_products = function(w)
    return { stream = STREAM, body = PRODUCTS, gzip = true }, function(batch)
      assert.same({ "uploaded", 2 }, { batch.attributes.status, batch.attributes.stages.upload.successCount })
      assert.matches('"name":"Product 2"', w.sb:stream(STREAM):get "475-SHIRT-XL")
    end
  end,
  delete_products = function(w)
    w.api:upload_products { stream = STREAM, body = PRODUCTS }
    return { stream = STREAM, ids = { "34SKJDF42DF" } }, function(batch)
      assert.equal(1, batch.attributes.stages.upload.successCount)
      assert.is_nil(w.sb:stream(STREAM):get "34SKJDF42DF")
      assert.is_string(w.sb:stream(STREAM):get "475-SHIRT-XL")
    end
  end,
  delete_product = function(w)
    w.api:upload_products { stream = STREAM, body = PRODUCTS }
    return { stream = STREAM, product = "34SKJDF42DF" }, function() assert.equal(1, w.sb:stream(STREAM).count) end
  end,
  delete_all_products = function(w)
    w.api:upload_products { stream = STREAM, body = PRODUCTS }
    return { stream = STREAM, confirm = true }, function() assert.equal(0, w.sb:stream(STREAM).count) end
  end,
  batch = function(w)
    local batch = w.api:upload_products { stream = STREAM, body = PRODUCTS }
    return { stream = STREAM, batch = batch.id }, member("id", batch.id)
  end,
}

local SITE = { site = 123 }

-- The site has imported two products, by a process whose pid this gives.
local function imported(w)
  w.api:upload_products { site = 123, batch = BATCH, body = PRODUCTS }
  w.api:commit_products { site = 123, batch = BATCH, type = "full" }
  local pid = w.api:process { site = 123, action = "all" }
  w.later(600)
  return pid
end

local function staged(w)
  w.api:upload_products { site = 123, batch = BATCH, body = PRODUCTS }
  return { site = 123, batch = BATCH }
end

calls.productsup_platform = {
  projects = with(nil, size(1)),
  project = with({ project = 1 }, member("id", "1")),
  create_project = with({ name = "test project" }, member("name", "test project")),
  update_project = with({ project = 1, name = "another" }, member("name", "another")),
  delete_project = with({ project = 1 }, is(true)),
  sites = with({ project = 1 }, size(1)),
  site = with({ site = "Identifier:123" }, member("id", "123")),
  create_site = with({ project = 1, title = "example site", reference = "key:value", id_column = "id", status = "active",
    import_schedule = "8 * * * *" }, member("title", "example site")),
  update_site = with({ site = 123, title = "changed", import_schedule = "" }, member("title", "changed")),
  delete_site = with(SITE, is(true)),
  copy_site = with({ site = 123, site_name = "a copy", copy_export = true }, member("title", "a copy")),
  site_tags = with(SITE, function(tags) assert.same({ "Identifier", "123" }, { tags[1].key, tags[1].value }) end),
  site_errors = function(w)
    w.sb:fail_process(123)
    local pid = imported(w)
    return { site = 123, pid = pid }, function(list) assert.equal(pid, list[1].pid) end
  end,
  add_site_error = function(w)
    return { site = 123, pid = imported(w), error = 10012, data = { file = "prices.csv" } }, function(one)
      assert.equal("10012", tostring(one.error))
    end
  end,
  import_history = function(w)
    local pid = imported(w)
    return SITE, function(list) assert.equal(pid, list[1].pid) end
  end,
  channels = with(SITE, size(2)),
  channel = with({ site = 123, channel = 321 }, function(one) assert.equal("321", tostring(one.id)) end),
  channel_history = function(w)
    imported(w)
    return { site = 123, channel = 321 }, function(list) assert.is_true(#list > 0) end
  end,
  upload_products = with({ site = 123, batch = BATCH, body = PRODUCTS }, member("success", true)),
  commit_products = function(w)
    staged(w)
    return { site = 123, batch = BATCH, type = "delta", automatic_import = false }, member("success", true)
  end,
  discard_products = function(w) return staged(w), member("success", true) end,
  delete_site_products = with(SITE, member("success", true)),
  read_products = function(w)
    imported(w)
    return { site = 123, stage = "intermediate", fields = { "id", "name" }, filter = "id = '475-SHIRT-XL'", limit = 10, hidden = 0 },
      function(list) assert.same({ '{"id":"475-SHIRT-XL","name":"Product 2"}' }, { tostring(list[1]), list[2] }) end
  end,
  product_properties = function(w)
    imported(w)
    return { site = 123, stage = "intermediate" }, member("products", 2)
  end,
  process = with({ site = 123, action = "channel", id = 321 }, function(pid) assert.matches("^%x+%-%x+%-%x+%-%x+%-%x+$", pid) end),
  process_status = function(w) return { site = 123, pid = imported(w) }, is "success" end,
  stream_sources = function(w)
    w.api:link_stream { site = 123, stream = STREAM }
    return SITE, size(1)
  end,
  link_stream = with({ site = 123, stream = STREAM, import_type = 1, description = "delta feed", status = "active" },
    member("description", "delta feed")),
  update_stream_source = function(w)
    w.api:link_stream { site = 123, stream = STREAM }
    return { site = 123, stream = STREAM, status = "paused" }, member("status", "paused")
  end,
  unlink_stream = function(w)
    w.api:link_stream { site = 123, stream = STREAM }
    return { site = 123, stream = STREAM }, is(true)
  end,
}

local DOG = { title = "Golden Retriever Dog", product_variants_attributes = { { title = "Puppy", price = "149.90", sku_code = "g-dog-2" } } }

local function dog(w)
  local product = w.api:create_product(DOG)
  return product, w.api:sellable(product, "g-dog-2")
end

local function order(w)
  local _, variant = dog(w)
  return { channel_id = 41001, customer_attributes = { email = "bob@example.com" }, deliver_to_id = 6001, delivery_method_id = 701,
    number = "WEB-1001", due_date = "2018-01-31", line_items_attributes = { { sellable_id = variant.id, price_per_unit = 5, quantity = 1 } } }
end

calls.veeqo = {
  create_product = with(DOG, function(product) assert.equal("g-dog-2", product.sellables[1].sku_code) end),
  products = with({ page_size = 2 }, size(5)),
  product = function(w) return { product_id = dog(w).id }, member("title", DOG.title) end,
  update_product = function(w)
    local product, variant = dog(w)
    return { product_id = product.id, title = "Cat", product_variants_attributes = { { id = variant.id, price = 16 } } }, function()
      local now = w.api:product { product_id = product.id }
      assert.same({ "Cat", 1, 16 }, { now.title, #now.sellables, now.sellables[1].price })
    end
  end,
  delete_product = function(w)
    return { product_id = dog(w).id }, function() assert.equal(5, #w.sb.veeqo.products) end
  end,
  orders = function(w)
    w.api:create_order(order(w))
    return { query = "WEB-1001" }, function(list) assert.equal("WEB-1001", list[1].number) end
  end,
  order = function(w) return { order_id = w.api:create_order(order(w)).id }, member("number", "WEB-1001") end,
  create_order = function(w) return order(w), member("number", "WEB-1001") end,
  stock_entry = function(w)
    local _, variant = dog(w)
    return { sellable_id = variant.id, warehouse_id = 22668 }, member("physical_stock_level", 0)
  end,
  set_stock_entry = function(w)
    local _, variant = dog(w)
    return { sellable_id = variant.id, warehouse_id = 22668, physical_stock_level = 200, infinite = false, location = "Shelf 2B" }, function()
      assert.equal(200, w.api:stock_entry { sellable_id = variant.id, warehouse_id = 22668 }.physical_stock_level)
    end
  end,
  warehouses = with(nil, function(list) assert.equal(22668, list[1].id) end),
  channels = with(nil, size(2)),
  current_user = with(nil, function(user) assert.is_string(user.email) end),
}

-- ---- the walk ----

local KEYS = {
  stock2shop = { username = "sandbox", password = "sandbox" }, productsup_stream = { token = "sandbox-token" },
  productsup_platform = { token = "1234:sandbox", pat = "sandbox-token" }, veeqo = { api_key = "sandbox-key" },
}

local function collect(next)
  local all = {}
  for one in next do all[#all + 1] = one end
  return all
end

-- Rows that the table lacks, and entries that no row has.
local function missing(def, table)
  local list, rows = {}, {}
  for _, row in ipairs(def.operations) do
    rows[row.name] = true
    if not table[row.name] then list[#list + 1] = row.name .. " is never called" end
  end
  for name in pairs(table) do
    if not rows[name] then list[#list + 1] = name .. " is no operation" end
  end
  return list
end

-- The row's path as a pattern of the sandbox's log.
local function pattern_of(row)
  local path = row.path:gsub("%b[]", "\1"):gsub("[%-%.]", "%%%0"):gsub("{[%w_]+}", "[^/?]+")
  return "^" .. path:gsub("\1", ".*") .. "%f[?\0]"
end

local function is_success(row, status)
  for _, one in ipairs(row.success or { 200 }) do
    if one == status then return true end
  end
  return false
end

describe("the operations of", function()
  local w, now
  local function start(api)
    now = 1700000000
    local sb = sandbox.start { products = 20, orders = 3, veeqo_products = 5, veeqo_orders = 2, rate_scale = 1000,
      clock = function() return now end }
    local def = definition.load(api)
    local keys = { api = api, name = "it", base_url = sb.url, limits = {} }
    for name in pairs(def.classes) do keys.limits[name] = "10000/s" end
    for name, value in pairs(KEYS[api]) do keys[name] = value end
    if api == "stock2shop" then keys.queue_url = sb.url end
    w = { sb = sb, api = connect(keys), list = collect, later = function(seconds) now = now + seconds end }
    return def
  end
  after_each(function()
    if w then w.sb:stop() end
    w = nil
  end)

  -- The statuses of the requests since `from` that were this row's.
  local function statuses(row, from)
    local list, log = {}, w.sb:requests()
    for i = from + 1, #log do
      if log[i].method == row.method and log[i].target:find(pattern_of(row)) then list[#list + 1] = log[i].status end
    end
    return list
  end

  for _, api in ipairs(definition.names "nowhere") do
    it(api .. " are all called here", function() assert.same({}, missing(definition.load(api), calls[api] or {})) end)

    for _, row in ipairs(definition.load(api).operations) do
      it(api .. ": " .. row.name, function()
        start(api)
        local entry = assert.is_function((calls[api] or {})[row.name], row.name .. " has no entry in the table") and calls[api][row.name]
        local args, check = entry(w)
        local before = #w.sb:requests()
        local result = w.api[row.name](w.api, args)
        if row.paging then result = collect(result) end
        local seen = statuses(row, before)
        assert.is_true(#seen > 0, "no request of the sandbox's log is " .. row.method .. " " .. row.path)
        for _, status in ipairs(seen) do assert.is_true(is_success(row, status), "answered " .. status) end
        check(result)
      end)
    end
  end

  it("an API are walked by checks that can fail", function()
    local def = start "veeqo"
    assert.same({ "b is never called", "c is no operation" }, missing({ operations = { { name = "a" }, { name = "b" } } }, { a = print, c = print }))
    assert.is_false(is_success({}, 201))
    assert.is_true(is_success({ success = { 201 } }, 201))
    assert.matches(pattern_of { path = "/platform/v2[/projects/{project}]/sites" }, "/platform/v2/sites?cursor=1")
    assert.is_nil(("/products/1/more"):find(pattern_of { path = "/products/{id}" }))
    assert.is_false(pcall(w.api.product, w.api, { product_id = 1 })) -- 404
    assert.same({ 404 }, statuses(definition.operation(def, "product"), 0))
  end)
end)
