-- Every curl example of these operations in the vendors' documents, byte for byte in, shape for shape out.
local documents = require "support.documents"
local http = require "sluice.http"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"
local sandbox_json = require "sluice.sandbox.json"

-- A decoded value in the sandbox's own form, with other members.
local function json_of(value, others)
  local copy = {}
  for name, member in pairs(value) do copy[name] = member end
  for name, member in pairs(others) do copy[name] = member end
  return assert(sandbox_json.decode((assert(json.encode(copy)))))
end

local BEARER = "the-token"

describe("the documents of the Stream API", function()
  local sb

  before_each(function() sb = sandbox.start { products = 0, token = BEARER, rate_scale = 1000 } end)
  after_each(function() sb:stop() end)

  local function run(name, more, bearer)
    local replacements = { ["https://stream-api.productsup.com"] = sb.url, ["<token>"] = BEARER, ["Bearer token"] = "Bearer " .. BEARER }
    for from, to in pairs(more or {}) do replacements[from] = to end
    return documents.run("stream/" .. name, replacements, bearer)
  end

  -- `list` shows a single stream where the real answer is a list of them.
  local function listed(answer)
    return { data = json.array { answer.data } }
  end

  it("tutorial: chapters 1, 2, 3 and 6", function()
    local created = run "chapter1_create"
    assert.equal(201, created.status)
    assert.equal("application/vnd.api+json", created.headers["content-type"])
    assert.is_nil(documents.differs(documents.answer "stream/chapter1_create", created.value))
    assert.equal("Getting started tutorial My first stream", created.value.data.attributes.name)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[+-]%d%d:%d%d$", created.value.data.attributes.createdAt)
    local id = created.value.data.id

    local list = run "chapter2_list"
    assert.equal(200, list.status)
    assert.is_string(list.value.links.first)
    list.value.links = nil
    assert.is_nil(documents.differs(listed(documents.answer "stream/chapter2_list"), list.value))
    assert.equal(id, list.value.data[#list.value.data].id)

    local upload = run("chapter3_upload", { ["<stream_id>"] = id })
    assert.equal(202, upload.status)
    local printed = documents.answer "stream/chapter3_upload"
    assert.is_nil(documents.differs(printed, upload.value))
    local attributes, expected = upload.value.data.attributes, printed.data.attributes
    expected.stages.upload.completedAt = attributes.stages.upload.completedAt
    assert.same(expected, attributes)
    assert.equal('{"id":"34SKJDF42DF","name":"Product 1","company":"ACME Corp.","price":100}', sb:stream(id):get "34SKJDF42DF")
    assert.is_nil(sb:stream(id):get "475-SHIRT-XL")
    assert.is_string(sb:stream(id):get "7824796324")

    local batch = upload.value.data.id
    local waiting = run("chapter6_batch", { ["<stream_id>"] = id, ["<batch_id>"] = batch }, BEARER)
    assert.equal("uploaded", waiting.value.data.attributes.status)
    assert.equal(json.null, waiting.value.data.attributes.stages.processing)
    assert.equal(1, sb:import(id))
    local processed = run("chapter6_batch", { ["<stream_id>"] = id, ["<batch_id>"] = batch }, BEARER)
    printed = documents.answer "stream/chapter6_batch"
    assert.is_nil(documents.differs(printed, processed.value))
    attributes, expected = processed.value.data.attributes, printed.data.attributes
    for _, stage in ipairs { "upload", "processing" } do
      expected.stages[stage].completedAt = attributes.stages[stage].completedAt
    end
    assert.same(expected, attributes)
  end)

  it("streams: show, create, list, the next page, rename, remove", function()
    assert.equal("124773", run("authentication").value.data.id)
    assert.equal("124773", run("show", nil, BEARER).value.data.id)
    local created = run("create", nil, BEARER)
    assert.same({ 201, "My product stream", "chunked" },
      { created.status, created.value.data.attributes.name, created.value.data.attributes.type })
    assert.equal(3, #run("list", nil, BEARER).value.data)
    local next_page = run("list_next", nil, BEARER)
    assert.same({ 200, 0 }, { next_page.status, #next_page.value.data })
    local renamed = run("rename", nil, BEARER)
    assert.same({ 200, "My product Stream with an updated name", "124773" },
      { renamed.status, renamed.value.data.attributes.name, renamed.value.data.id })
    local removed = run("delete", nil, BEARER)
    assert.same({ 204, "" }, { removed.status, removed.body })
    assert.equal(404, run("show", nil, BEARER).status)
  end)

  it("the commands without a token are refused", function()
    local refused = run "list"
    assert.equal(401, refused.status)
    assert.equal("401", refused.value.errors[1].status)
  end)

  it("uploads: examples 1 to 5", function()
    local shape = documents.answer "stream/chapter3_upload"
    local function accepted(name, count, stream)
      local answer = run(name, nil, BEARER)
      assert.equal(202, answer.status)
      assert.is_nil(documents.differs(shape, answer.value))
      assert.same({ "uploaded", 0, count, "success" }, { answer.value.data.attributes.status, answer.value.data.attributes.errorCount,
        answer.value.data.attributes.stages.upload.successCount, answer.value.data.attributes.stages.upload.status })
      assert.equal(count, sb:stream(stream).count)
    end
    accepted("upload1", 1, 124773)
    accepted("upload2", 3, 124773)
    assert.equal(415, run("upload3", nil, BEARER).status) -- NDJSON into a referenced stream, against the documents' own rule
    accepted("upload4", 1, 224773)
    accepted("upload5", 3, 224773)
  end)

  it("a batch that is not there", function()
    assert.equal(404, run("batch", nil, BEARER).status)
  end)

  it("the table of invalid batches", function()
    local function refused(name, message, stream)
      local answer = run(name, { streamId = stream or "124773" })
      assert.equal(422, answer.status, name)
      local attributes = answer.value.data.attributes
      assert.same({ "failed", 1, "failure", 0, 1 }, { attributes.status, attributes.errorCount, attributes.stages.upload.status,
        attributes.stages.upload.successCount, attributes.stages.upload.errorCount })
      assert.equal(message, attributes.stages.upload.errors[1].message)
      assert.equal("124773", stream and "124773" or answer.value.relationships.stream.data.id)
      assert.same(answer.value.relationships, answer.value.data.relationships)
    end
    refused("empty_product", "Empty Product Attributes")
    refused("empty_line", "Empty Payload line")
    refused("empty_payload", "Empty Payload")
    for i = 1, 4 do refused("referenced_empty" .. i, "Empty Payload", "224773") end
  end)

  it("deletes: by body, by URL, all", function()
    run("upload2", nil, BEARER)
    local broken = run("delete_one", nil, BEARER) -- the printed id has no quotes
    assert.same({ 422, "Syntax error" }, { broken.status, broken.value.data.attributes.stages.upload.errors[1].message })
    assert.equal(3, sb:stream(124773).count)
    assert.equal(202, run("delete_by_url", nil, BEARER).status)
    assert.is_nil(sb:stream(124773):get "475-SHIRT-XL")
    local many = run("delete_many", nil, BEARER)
    assert.same({ 202, 3, 0 }, { many.status, many.value.data.attributes.stages.upload.successCount, sb:stream(124773).count })
    run("upload2", nil, BEARER)
    assert.equal(202, run("delete_all", nil, BEARER).status)
    assert.equal(0, sb:stream(124773).count)
  end)
end)

describe("the documents of the Stream API's limits", function()
  it("headers and the answer when they are exceeded", function()
    local now = 1651174222.4
    local sb = sandbox.start { products = 0, clock = function() return now end }
    finally(function() sb:stop() end)
    local function compare(answer, name)
      local printed = documents.text("stream/" .. name .. ".txt")
      assert.equal(tonumber(printed:match "^HTTP/2 (%d+)"), answer.status)
      for header, value in printed:gmatch "(ratelimit%-%w+): (%d+)" do assert.equal(value, answer.headers[header], header) end
      return printed:match "\n\n(.*)\n$"
    end
    local first = assert(http.request { method = "HEAD", url = sb.url .. "/" })
    compare(first, "rate_headers")
    for _ = 2, 5 do assert.equal(200, http.request { method = "HEAD", url = sb.url .. "/" }.status) end
    local refused = http.get(sb.url .. "/")
    assert.equal(compare(refused, "rate_exceeded"), refused.body)
    now = 1651174223
    assert.equal(200, http.request { method = "HEAD", url = sb.url .. "/" }.status)
  end)
end)

describe("the documents of Stock2Shop", function()
  local sb

  before_each(function()
    sb = sandbox.start { products = 300, username = "barry", password = "*****", role = "product_meta_editor", rate_scale = 1000 }
  end)
  after_each(function() sb:stop() end)

  local function run(name, token, more)
    local replacements = { ["https://app.stock2shop.com"] = sb.url, ["https://api.stock2shop.com"] = sb.url,
      ["token=xxx"] = "token=" .. (token or "xxx"), ["valid_token/xxx"] = "valid_token/" .. (token or "xxx") }
    for from, to in pairs(more or {}) do replacements[from] = to end
    return documents.run("stock2shop/" .. name, replacements)
  end

  -- A sandbox for a user with another role.
  local function as(role)
    sb:stop()
    sb = sandbox.start { products = 10, username = "barry", password = "*****", role = role, rate_scale = 1000 }
    return run("authenticate").value.system_user.token
  end

  it("login, token, sources, channels", function()
    assert.equal(401, run("sources").status)
    local login = run "authenticate"
    assert.equal(200, login.status)
    assert.is_nil(documents.differs(documents.answer "stock2shop/authenticate", login.value))
    local token = login.value.system_user.token
    for _, name in ipairs { "valid_token", "sources", "channels" } do
      local answer = run(name, token)
      assert.equal(200, answer.status, name)
      assert.is_nil(documents.differs(documents.answer("stock2shop/" .. name), answer.value))
    end
    assert.equal(57, run("sources", token).value.system_sources[1].id)
  end)

  it("product search", function()
    local token = run("authenticate").value.system_user.token
    local answer = run("search_products", token)
    assert.equal(200, answer.status)
    assert.same({ 0, 0 }, { answer.value.hits.total, #answer.value.system_products }) -- nothing that new yet
    sb:touch(300)
    answer = run("search_products", token)
    local printed = documents.answer "stock2shop/search_products"
    assert.is_nil(documents.differs(printed, answer.value, { image_id = true }))
    assert.same({ 300, 1, 1 }, { answer.value.hits.total, #answer.value.hits.hits, #answer.value.system_products })
    assert.same(printed.request.body.sort, answer.value.request.body.sort)
    assert.same(printed.request.body.query.bool.filter[3], answer.value.request.body.query.bool.filter[3])
    assert.matches('\\/', answer.body, 1, true)
    for id, text in sb.catalogue:each() do
      local product = assert(json.decode(text))
      assert.equal(id, product.id)
      assert.is_nil(documents.differs(printed.system_products[1], product, { image_id = true }))
    end
  end)

  it("order post and order search", function()
    local token = as(false)
    local own = { ["client_id=456"] = "client_id=21", ["channel_id=123"] = "channel_id=47" }
    local posted = run("post_order", token, own)
    assert.equal(200, posted.status)
    local printed = documents.answer "stock2shop/post_order"
    assert.is_nil(documents.differs(printed, posted.value))
    assert.equal(printed.message, posted.value.message)
    local form = "^%d+%-%d+%-0/%d%d%d%d%-%d%d/%d%d/%d%d/%d%d/%d%d%-%d%d%d%d%d%d%d%d%d%-sync_order%.json$"
    for _, answer in ipairs { printed, posted.value } do
      assert.matches(form, answer.queue_messages[1].key)
      assert.matches("^%x+%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x+$", answer.queue_messages[1].message_id)
    end
    local received = sb:orders()[1]
    assert.equal("bar", received.payload["my order payload"].foo)
    assert.same({ "failed", "there is no channel_order_code" }, { received.state, received.problem }) -- as far as a channel's format goes

    local found = run("search_orders", token)
    assert.same({ 200, 0, 0 }, { found.status, found.value.hits.total, #found.value.system_orders })
    sb.order_store:post(json_of(documents.answer "stock2shop/search_orders".system_orders[1], { channel_order_code = "abc" }), 255)
    found = run("search_orders", token)
    printed = documents.answer "stock2shop/search_orders"
    assert.same({ 200, 1, 0 }, { found.status, found.value.hits.total, #printed.hits.hits })
    assert.equal(printed.hits.max_score, found.value.hits.max_score)
    assert.is_nil(documents.differs(printed, found.value))
    local mine, theirs = found.value.system_orders[1], printed.system_orders[1]
    for _, name in ipairs { "notes", "status", "total_discount", "line_item_sub_total", "sub_total", "tax", "total", "customer", "meta",
      "shipping_address", "billing_address", "sub_total_display", "tax_display", "total_display", "total_discount_display" } do
      assert.same(theirs[name], mine[name], name)
    end
    local filter = found.value.request.body.query.bool
    assert.same(printed.request.body.query.bool.must, filter.must)
    assert.same({ { term = { client_id = 21 } } }, filter.filter) -- the client, and nothing of "active"
    assert.same({ "10", 0, { _score = { order = "desc" } } },
      { found.value.request.body.size, found.value.request.body.from, found.value.request.body.sort })
  end)

  it("products and images queue", function()
    local token = run("authenticate").value.system_user.token
    local own = { ["source_id=123"] = "source_id=57", ['"123"'] = '"57"', ["{source_id}"] = "57" }
    for i, name in ipairs { "queue_products", "queue_products_all" } do
      local answer = run(name, token, own)
      assert.equal(200, answer.status)
      assert.same(documents.answer("stock2shop/" .. name), answer.value)
      assert.same({ "sync_product", "ABC", "done" }, { sb:queued()[i].instruction, sb:queued()[i].code, sb:queued()[i].state })
    end
    local n = sb.catalogue:find_code "ABC"
    local product = assert(json.decode(sb.catalogue:text(n)))
    local printed = documents.answer "stock2shop/search_products"
    product.variants[1].option1 = "" -- the minimum has none
    assert.is_nil(documents.differs(printed.system_products[1], product, { image_id = true }))
    assert.same({ "Example", true, 57, { { name = "Size", position = 1 } } }, { product.title, product.active, product.source_id, product.options })
    local both = product.variants
    assert.same({ 2, "ABC", "ABC-XXL", "XXL", 9, 100, true }, { #both, both[1].sku, both[2].sku, both[2].option1, both[2].qty, both[2].price,
      both[2].inventory_management })
    assert.same({ { tier = "Price List X", price = 80 } }, both[2].price_tiers)
    for _, name in ipairs { "queue_images", "queue_images_meta" } do
      local answer = run(name, token, { ['"keyboard"'] = '"ABC"', ['"4191161"'] = '"ABC-XXL"' })
      assert.equal(200, answer.status)
      assert.same(documents.answer("stock2shop/" .. name), answer.value)
    end
    product = assert(json.decode(sb.catalogue:text(n)))
    product.variants[1].option1 = ""
    assert.equal("a", product.images[1].source_image_code)
    product.images[1].source_image_code = json.null -- as printed, of an image that no source brought
    assert.is_nil(documents.differs(printed.system_products[1], product, { image_id = true }))
    assert.same({ 1, product.variants[2].image_id }, { #product.images, product.images[1].id })
    assert.matches("^https://s2s%-image%.s3%.amazonaws%.com/thumb/50x50/%x+%.png$", product.images[1].src_50x50)
  end)

  it("the queue is not for every role, and knows its sources", function()
    local token = run("authenticate").value.system_user.token
    assert.equal(404, run("queue_products", token).status) -- there is no source 123
    local lost = run("queue_images", token) -- there is no product "keyboard"
    assert.same({ 200, "failed" }, { lost.status, sb:queued()[1].state })
    assert.matches("the image is lost", sb:queued()[1].problem)
    token = as "read_only"
    assert.equal(403, run("queue_products", token, { ["source_id=123"] = "source_id=57" }).status)
    assert.equal(403, run("queue_images", token).status)
  end)

  it("orders are not for every role", function()
    local token = run("authenticate").value.system_user.token
    assert.equal(403, run("post_order", token, { ["client_id=456"] = "client_id=21", ["channel_id=123"] = "channel_id=47" }).status)
    assert.equal(403, run("search_orders", token).status)
    assert.equal(200, run("search_orders", as "read_only").status)
    token = as(false)
    assert.equal(403, run("post_order", token).status) -- client 456 is not this user's
    assert.equal(404, run("post_order", token, { ["client_id=456"] = "client_id=21" }).status)
    assert.same({}, sb:orders())
  end)
end)
