-- The Stream API's operations: the request of each beside the document's curl command, its answer, an error answer.
local connect = require("sluice.connect").connect
local document = require "support.document"
local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"
local server = require "sluice.server"

local one = { type = "stream", id = "124773", attributes = { name = "My first stream", type = "chunked" } }
local batch = { type = "batch", id = "b15e8bb1", attributes = { status = "uploaded", errorCount = 0,
  stages = { upload = { status = "success", successCount = 1, errorCount = 0, errors = json.array {} }, processing = json.null } } }

-- Answers as the document shows them.
local function answers(r)
  if r.path == "/streams" then return r.method == "POST" and { status = 201, json = { data = one } } or { json = { data = one } } end
  if r.path:find "/batches/" then return { json = { data = batch } } end
  if r.path:find "/products$" then
    return { status = 202, json = { data = batch, relationships = { stream = { data = { type = "stream", id = "124773" } } } } }
  end
  if r.method == "DELETE" then return { status = 204 } end
  return { json = { data = one } }
end

local function raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  return problem
end

describe("the Stream API", function()
  local api, feed, host
  local function open(script, more)
    if api then api.close() end
    api = scripted.start(script)
    local keys = { api = "productsup_stream", name = "feed", base_url = api.url, token = "pat-token-1",
      limits = { other = "10000/s", products = "10000/s", batches = "10000/s" } }
    for key, value in pairs(more or {}) do keys[key] = value end
    feed = connect(keys)
    host = { ["https://stream-api.productsup.com"] = api.url, ["<token>"] = "pat-token-1", ["Bearer token"] = "Bearer pat-token-1",
      ["<stream_id>"] = "124773", ["<batch_id>"] = "b15e8bb1-bd53-470a-9597-785003536978", ["streams/streamId"] = "streams/124773" }
  end
  before_each(function() open(answers) end)
  after_each(function()
    api.close()
    api = nil
  end)

  it("create_stream", function()
    local result
    document.same(api, [[curl --location --request POST 'https://stream-api.productsup.com/streams' \
--header 'Authorization: Bearer <token>' \
--header 'Content-Type: application/vnd.api+json' \
--header 'Accept: application/vnd.api+json' \
--data-raw '{
  "data": {
    "type": "stream",
    "attributes": {
      "name": "Getting started tutorial My first stream",
      "type": "chunked"
    }
  }
}']], host, function() result = feed:create_stream { name = "Getting started tutorial My first stream" } end)
    assert.equal("124773", result.id)
    assert.equal([[{"data":{"type":"stream","attributes":{"name":"Getting started tutorial My first stream","type":"chunked"}}}]],
      api.requests[#api.requests].body)
    raises("usage", feed.create_stream, feed, { name = "ab" })
    raises("usage", feed.create_stream, feed, { name = "abc", type = "chunky" })
  end)

  it("create_stream in one of several accounts", function()
    feed:create_stream { name = "abc", account = 5 }
    assert.equal([[{"data":{"type":"stream","attributes":{"name":"abc","type":"chunked"}},]]
      .. [["relationships":{"account":{"data":{"type":"account","id":"5"}}}}]],
      api.requests[#api.requests].body)
  end)

  it("create_stream names the twin that has the name already", function()
    open { { status = 409, body = [[{"errors":[{"id":"1f","status":"409","code":"13579","title":"Validation error happened with stream payload",
      "detail":"","meta":{"duplicate":{"type":"stream","id":"123","links":{"self":"/streams/123"}}}}]}]] } }
    local problem = raises("conflict", feed.create_stream, feed, { name = "abc" })
    assert.equal("123", problem.duplicate.id)
    assert.equal("a stream of that name exists: id 123", problem.hint)
    assert.matches("Validation error happened with stream payload", problem.message)
  end)

  it("create_stream is not sent twice when its answer is lost", function()
    open { { how = "reset" } }
    raises("ambiguous", feed.create_stream, feed, { name = "abc" })
    assert.equal(1, #api.requests)
  end)

  it("streams", function()
    document.same(api, [[curl --location --request GET 'https://stream-api.productsup.com/streams' \
--header 'Authorization: Bearer <token>' \
--header 'Accept: application/vnd.api+json']], host, function()
      for stream in feed:streams() do assert.equal("124773", stream.id) end -- `data` is one object in the document
    end)
  end)

  it("streams asks for the next page when it is needed, and stops where the pages end", function()
    local function page(from, count, next_link)
      local data = json.array {}
      for i = from, from + count - 1 do data[#data + 1] = { type = "stream", id = tostring(i) } end
      return { json = { data = data, links = { next = next_link } } }
    end
    for _, last in ipairs { json.null, false } do
      open { page(1, 10, "/streams?x"), page(11, 10, { href = "/y" }), page(21, 3, last or nil) }
      local ids = {}
      for stream in feed:streams() do
        ids[#ids + 1] = stream.id
        assert.equal((#ids + 9) // 10, #api.requests)
      end
      assert.equal(23, #ids)
      assert.equal("/streams", api.requests[1].target)
      assert.equal("/streams?page%5Boffset%5D=20&page%5Blimit%5D=10", api.requests[3].target)
    end
    local second = scripted.start(function() return {} end) -- the document's own request for the second page
    local curl = require "support.curl"
    curl.document([[curl --location --request GET 'https://stream-api.productsup.com/streams?page[offset]=10&page[limit]=10' \
--header 'Accept: application/vnd.api+json']], { ["https://stream-api.productsup.com"] = second.url })
    assert.equal(server.unescape(api.requests[2].target), server.unescape(second.requests[1].target))
    second.close()
  end)

  it("streams stops with an error where a page comes again", function()
    local data = json.array {}
    for i = 1, 10 do data[i] = { type = "stream", id = tostring(i) } end
    open(function() return { json = { data = data, links = { next = "/streams" } } } end)
    local problem = raises("protocol", function() for _ in feed:streams() do end end) -- luacheck: ignore
    assert.matches("the page behind 10 entries is the one before it again", problem.message)
    assert.equal(2, #api.requests)
    raises("usage", feed.streams, feed, { ofset = 5 })
    open { { json = { data = json.array {} } } }
    for _ in feed:streams() do error "there is none" end
  end)

  it("stream", function()
    local result
    document.same(api, [[curl --location --request GET 'https://stream-api.productsup.com/streams/124773' \
--header 'Accept: application/vnd.api+json']], host, function() result = feed:stream { stream = "124773" } end)
    assert.equal("My first stream", result.attributes.name)
    document.same(api, [[curl --location --request GET 'https://stream-api.productsup.com/streams/124773' \
--header 'Authorization: Bearer <token>']], host, function() feed:stream { stream = 124773 } end)
    open { { status = 404, body = [[{"errors":[{"status":"404","title":"Not Found"}]}]] } }
    local problem = raises("not_found", feed.stream, feed, { stream = "1" })
    assert.matches("GET /streams/1 answered 404 Not Found$", problem.message)
    assert.matches("streams that this token sees", problem.hint)
    open { { status = 401, body = [[{"errors":[{"status":"401","title":"Unauthorized"}]}]] } }
    assert.matches("Platform API take different ones", raises("auth", feed.stream, feed, { stream = "1" }).hint)
    raises("usage", feed.stream, feed, {})
  end)

  it("rename_stream", function()
    document.same(api, [[curl --location --request PATCH 'https://stream-api.productsup.com/streams/124773' \
--header 'Content-Type: application/vnd.api+json' \
--header 'Accept: application/vnd.api+json' \
--data-raw '{
  "data": {
    "id": "124773",
    "type": "stream",
    "attributes": {
      "name": "My product Stream with an updated name"
    }
  }
}
']], host, function() feed:rename_stream { stream = "124773", name = "My product Stream with an updated name" } end)
    open { { status = 409, body = [[{"errors":[{"title":"taken","meta":{"duplicate":{"type":"stream","id":"7"}}}]}]] } }
    assert.equal("7", raises("conflict", feed.rename_stream, feed, { stream = 1, name = "abc" }).duplicate.id)
  end)

  it("delete_stream", function()
    document.same(api, [[curl --location --request DELETE 'https://stream-api.productsup.com/streams/124773']], host,
      function() assert.is_true((feed:delete_stream { stream = "124773" })) end)
    open { { status = 503, headers = { ["Retry-After"] = "0" } } }
    raises("unavailable", feed.delete_stream, feed, { stream = "1" })
    assert.equal(1, #api.requests)
  end)

  local lines = {
    [[{"id":"34SKJDF42DF","name":"Product 1","company":"ACME Corp.","price":100}]],
    [[{"id":"475-SHIRT-XL","name":"Product 2","company":"ACME Corp.","price":15", "size":"XL"}]], -- the tutorial's mistake
    [[{"id":7824796324,"name":"Product 3","company":"ACME Corp.","price":5,"sale_price":4.5, "size":""}]],
  }

  it("upload_products", function()
    local result
    document.same(api, [[curl --location --request POST 'https://stream-api.productsup.com/streams/<stream_id>/products' \
--header 'Authorization: Bearer <token>' \
--header 'Content-Type: application/x-ndjson' \
--header 'Accept: application/vnd.api+json' \
--data-binary @- <<EOF
]] .. table.concat(lines, "\n") .. "\nEOF", host, function() result = feed:upload_products { stream = "124773", body = lines } end, true)
    assert.equal("uploaded", result.attributes.status)
    assert.equal("124773", result.relationships.stream.data.id) -- beside `data` in the answer
    document.same(api, [[curl --location --request POST 'https://stream-api.productsup.com/streams/124773/products' \
--header 'Content-Type: application/x-ndjson' \
--header 'Accept: application/vnd.api+json' \
--data-raw '{"id":"34SKJDF42DF","name":"Product 1","company":"My Company"}']], host, function()
      feed:upload_products { stream = 124773, body = [[{"id":"34SKJDF42DF","name":"Product 1","company":"My Company"}]] }
    end, true)
  end)

  it("upload_products to a referenced stream", function()
    document.same(api, [[curl --location --request POST 'https://stream-api.productsup.com/streams/224773/products' \
--header 'Content-Type: application/json' \
--header 'Accept: application/vnd.api+json' \
--data-raw '[{"id":"34SKJDF42DF","name":"Product1","company":"My Company"}]']], host, function()
      feed:upload_products { stream = "224773", type = "referenced",
        body = { ndjson.record [[{"id":"34SKJDF42DF","name":"Product1","company":"My Company"}]] } }
    end, true)
    local chunk = ndjson.chunk {}
    chunk:put { id = "1" }
    chunk:put { id = "2" }
    feed:upload_products { stream = "224773", type = "referenced", body = chunk }
    assert.equal('[{"id":"1"},{"id":"2"}]', api.requests[#api.requests].body)
    raises("usage", feed.upload_products, feed, { stream = "224773", type = "referenced", body = {} })
  end)

  it("upload_products sends a chunk, and gzip where asked to", function()
    local chunk = ndjson.chunk {}
    for i = 1, 100 do chunk:put { id = tostring(i), name = "a product" } end
    feed:upload_products { stream = "124773", body = chunk, gzip = true }
    local sent = api.requests[#api.requests]
    assert.equal("gzip", sent.headers["content-encoding"])
    assert.equal(chunk:text(), server.gunzip(sent.body, 100000))
    feed:upload_products { stream = "124773", body = chunk }
    assert.equal(chunk:text(), api.requests[#api.requests].body)
  end)

  it("upload_products gives the batch of a 422 too, and raises where there is none", function()
    local failed = [[{"data":{"type":"batch","id":"x","attributes":{"status":"failed","errorCount":1,"stages":{"upload":{"status":"failure",
      "errors":[{"message":"Empty Payload","occurrences":1,"example":{"lineNumber":1,"value":""}}]},"processing":null}}}}]]
    open { { status = 422, body = failed }, { status = 422, body = [[{"errors":[{"title":"nope"}]}]] },
      { status = 404, body = [[{"errors":[{"title":"Not Found"}]}]] }, { status = 202, body = "{}" } }
    local result, answer = feed:upload_products { stream = "1", body = "{}" }
    assert.same({ "failed", 422 }, { result.attributes.status, answer.status })
    assert.matches(": nope$", raises("invalid", feed.upload_products, feed, { stream = "1", body = "{}" }).message)
    raises("not_found", feed.upload_products, feed, { stream = "1", body = "{}" })
    raises("protocol", feed.upload_products, feed, { stream = "1", body = "{}" })
  end)

  it("upload_products is sent again after a lost answer, and says so", function()
    open { { how = "reset" }, answers }
    local _, answer = feed:upload_products { stream = "1", body = "{}" }
    assert.same({ 2, 1 }, { answer.attempts, answer.resent })
  end)

  it("delete_products", function()
    document.same(api, [[curl --location --request DELETE 'https://stream-api.productsup.com/streams/124773/products' \
--header 'Content-Type: application/x-ndjson' \
--header 'Accept: application/vnd.api+json' \
--data-binary @- <<EOF
{"id":"34SKJDF42DF"}
{"id":"475-SHIRT-XL"}
{"id":7824796324}
EOF]], host, function() feed:delete_products { stream = "124773", ids = { "34SKJDF42DF", "475-SHIRT-XL", 7824796324 } } end, true)
    local chunk = ndjson.chunk {}
    chunk:put { id = 'a"b' }
    feed:delete_products { stream = "124773", ids = chunk }
    assert.equal('{"id":"a\\"b"}\n', api.requests[#api.requests].body)
    feed:delete_products { stream = "124773", ids = { 'a"b' } }
    assert.equal('{"id":"a\\"b"}\n', api.requests[#api.requests].body)
    raises("usage", feed.delete_products, feed, { stream = "124773", ids = {} })
    raises("usage", feed.delete_products, feed, { stream = "124773", ids = { 1.5 } })
    open { { status = 204 }, { status = 422, body = [[{"errors":[{"title":"bad line"}]}]] } }
    assert.is_true((feed:delete_products { stream = "1", ids = { "x" } }))
    assert.matches("bad line", raises("invalid", feed.delete_products, feed, { stream = "1", ids = { "x" } }).message)
  end)

  it("delete_product and delete_all_products", function()
    document.same(api, [[curl --location --request DELETE 'https://stream-api.productsup.com/streams/124773/products/475-SHIRT-XL' \
--header 'Accept: application/vnd.api+json']], host, function() feed:delete_product { stream = "124773", product = "475-SHIRT-XL" } end)
    document.same(api, [[curl --location --request DELETE 'https://stream-api.productsup.com/streams/124773/products?all=true' \
--header 'Accept: application/vnd.api+json']], host, function() feed:delete_all_products { stream = "124773", confirm = true } end)
    assert.matches("confirm is missing", raises("usage", feed.delete_all_products, feed, { stream = "1" }).message)
    assert.matches("confirm must be true, not 'false'", raises("usage", feed.delete_all_products, feed, { stream = "1", confirm = false }).message)
    open { { status = 204 }, { status = 503 }, { status = 404, body = [[{"errors":[{"title":"Not Found"}]}]] } }
    assert.is_true((feed:delete_product { stream = "1", product = "a/b" }))
    assert.equal("/streams/1/products/a%2Fb", api.requests[#api.requests].target)
    raises("ambiguous", feed.delete_all_products, feed, { stream = "1", confirm = true })
    assert.matches("Not Found", raises("not_found", feed.delete_product, feed, { stream = "1", product = "x" }).message)
  end)

  it("batch", function()
    local result
    document.same(api, [[curl --location \
--request GET 'https://stream-api.productsup.com/streams/124773/batches/b15e8bb1-bd53-470a-9597-785003536978' \
--header 'Accept: application/vnd.api+json']], host, function()
      result = feed:batch { stream = "124773", batch = "b15e8bb1-bd53-470a-9597-785003536978" }
    end)
    assert.equal("uploaded", result.attributes.status)
    feed:batch { stream = "124773", batch = "a/b #?" }
    assert.equal("/streams/124773/batches/a%2Fb%20%23%3F", api.requests[#api.requests].target)
    open { { status = 404, body = "" } }
    raises("not_found", feed.batch, feed, { stream = "1", batch = "x" })
  end)

  it("waits out a 429 as the document shows it, measured against the answer's Date", function()
    local flying = require "support.flying"
    open { { status = 429, body = [[{"errors":[{"status":"429","title":"Too Many Requests"}]}]], headers = {
      ["ratelimit-limit"] = "5", ["ratelimit-observed"] = "5", ["ratelimit-remaining"] = "0", ["ratelimit-reset"] = "1651174223",
      Date = "Thu, 28 Apr 2022 19:30:22 GMT" } }, answers }
    flying(function()
      local _, answer = feed:stream { stream = "124773" }
      assert.equal(2, answer.attempts)
      assert.is_true(answer.waited > 1 and answer.waited < 1.6, answer.waited)
    end)
  end)

  it("counts each endpoint, and each stream's products and batches, on its own", function()
    open(answers, { limits = { other = "1/h", products = "1/h", batches = "1/h" } })
    local function waited(name, args)
      args.deadline = 0.05
      return select(2, feed:call(name, args)).waited
    end
    assert.equal(0, waited("stream", { stream = "1" }))
    assert.equal(0, waited("upload_products", { stream = "1", body = "{}" }))
    assert.equal(0, waited("upload_products", { stream = "2", body = "{}" }))
    assert.equal(0, waited("batch", { stream = "1", batch = "1" }))
    assert.equal(0, waited("batch", { stream = "2", batch = "1" }))
    feed:streams()()
    raises("limit", feed.stream, feed, { stream = "2", deadline = 0.05 })
    raises("limit", feed.delete_products, feed, { stream = "1", ids = { "x" }, deadline = 0.05 })
    raises("limit", feed.batch, feed, { stream = "1", batch = "2", deadline = 0.05 })
  end)
end)

describe("the Stream API, played by the sandbox,", function()
  it("answers each operation", function()
    local sb = sandbox.start { products = 1, rate_scale = 1000 }
    local feed = connect { api = "productsup_stream", base_url = sb.url, token = "sandbox-token",
      limits = { other = "1000/s", products = "1000/s", batches = "1000/s" } }
    local made = feed:create_stream { name = "a new stream" }
    assert.equal("conflict", select(2, pcall(feed.create_stream, feed, { name = "a new stream" })).code)
    local names = {}
    for stream in feed:streams() do names[stream.attributes.name] = stream.id end
    assert.equal(made.id, names["a new stream"])
    assert.equal("renamed stream", feed:rename_stream { stream = made.id, name = "renamed stream" }.attributes.name)
    assert.equal("renamed stream", feed:stream { stream = made.id }.attributes.name)
    local batch_of = feed:upload_products { stream = made.id, body = { { id = "a" }, { id = "b" }, { x = 1 } }, gzip = true }
    assert.same({ 2, 1 }, { batch_of.attributes.stages.upload.successCount, batch_of.attributes.stages.upload.errorCount })
    assert.equal(batch_of.id, feed:batch { stream = made.id, batch = batch_of.id }.id)
    assert.equal("failed", feed:upload_products { stream = made.id, body = "{}" }.attributes.status)
    feed:delete_products { stream = made.id, ids = { "a" } }
    assert.equal(1, sb:stream(made.id).count)
    feed:delete_stream { stream = made.id }
    assert.equal("not_found", select(2, pcall(feed.stream, feed, { stream = made.id })).code)
    for i = 1, 23 do feed:create_stream { name = "stream " .. i } end
    local n = 0
    for _ in feed:streams() do n = n + 1 end
    assert.equal(25, n)
    sb:stop()
  end)
end)
