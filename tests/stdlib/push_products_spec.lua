local connect = require("sluice.connect").connect
local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local runs = require "sluice.run"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"

-- A run that keeps what it is told.
local function new_run()
  local run = runs.set { silent = true, options = {} }
  run.refused = {}
  function run:reject(raw, reason, extra)
    self:count "rejected"
    self.refused[#self.refused + 1] = { raw = raw, reason = reason, extra = extra }
  end
  return run
end

local function product(code, more)
  local one = { source_product_code = code, title = "Product " .. code, variants = { source_variant_code = code, sku = code, qty = 1 } }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

local function list_of(n, make)
  local list = {}
  for i = 1, n do list[i] = (make or product)("P" .. i) end
  return list
end

local function raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  return problem
end

describe("push_products", function()
  local sb, shop, run

  before_each(function() run = new_run() end)
  after_each(function()
    runs.set(nil)
    if sb then sb:stop() end
    sb = nil
  end)

  local function start(options)
    options.products, options.rate_scale = options.products or 0, 1000
    sb = sandbox.start(options)
    shop = connect { api = "stock2shop", base_url = sb.url, queue_url = sb.url, username = "sandbox", password = "sandbox",
      limits = { api = "1000/s", login = "1000/s" } }
  end

  -- A server that says that so many were queued, of each request.
  local function answering(counts)
    local n = 0
    local api = scripted.start(function(r)
      if r.path:find "authenticate" then return { json = { system_user = { token = "t" } } } end
      n = n + 1
      local answer = counts[n]
      return type(answer) == "table" and answer or { json = { system_products = { sync_product = answer } } }
    end)
    finally(function() api.close() end)
    shop = connect { api = "stock2shop", base_url = api.url, username = "b", password = "p", limits = { api = "1000/s", login = "1000/s" } }
    return api
  end

  it("sends many in a request, in order, and all arrive", function()
    start {}
    local sums = shop:push_products(list_of(250), { source_id = 57 })
    assert.same({ 250, 0, 0, 3 }, { sums.sent, sums.rejected, sums.unknown, sums.requests })
    assert.same({ 250, 0 }, { run.sums.sent, run.sums.rejected })
    assert.equal(250, sb.catalogue.active)
    for i, entry in ipairs(sb:queued()) do assert.equal("P" .. i, entry.code) end
    local found = shop:search_products { query = { term = { source_product_code = "P250" } } }.system_products[1]
    assert.same({ "Product P250", 57, 1 }, { found.title, found.source_id, found.variants[1].qty })
  end)

  it("keeps a request below max_bytes and max_products", function()
    start {}
    assert.equal(4, shop:push_products(list_of(10), { source_id = 57, max_products = 3 }).requests)
    assert.equal(10, shop:push_products(list_of(10), { source_id = 57, max_bytes = 1 }).requests)
    local largest = 0
    for _, request in ipairs(sb:requests()) do
      if request.target:find "queue" and request.n > 5 then largest = math.max(largest, request.bytes_in) end
    end
    assert.is_true(largest < 300, largest)
  end)

  it("takes iterators and records, and rejects what is wrong by number and code", function()
    start {}
    local text = table.concat({ assert(json.encode(product "A")), assert(json.encode(product("B", { title = "" }))), '{"broken', "7",
      assert(json.encode(product("C", { variants = json.array { {}, {} } }))), assert(json.encode(product "D")) }, "\n")
    local given
    local lines = ndjson.records(function()
      given, text = text, nil
      return given
    end)
    local sums = shop:push_products(lines, { source_id = "57" })
    assert.same({ 2, 4, 1 }, { sums.sent, sums.rejected, sums.requests })
    assert.same({ B = true, C = true, ["?"] = true }, sums.failed)
    local reasons = {}
    for i, one in ipairs(run.refused) do reasons[i] = ("%d %s: %s"):format(one.extra.line, one.extra.product, one.reason) end
    assert.equal("2 B: title is missing", reasons[1])
    assert.matches("^3 %?: ", reasons[2])
    assert.matches("^4 %?: ", reasons[3])
    assert.matches("^5 C: variants has 2 variants", reasons[4])
    assert.equal('{"broken', run.refused[2].raw)
    assert.same({ "57", "P", "A", "D" }, { run.refused[1].extra.source, "P", sb:queued()[1].code, sb:queued()[2].code })
  end)

  it("reports an answer with another number, sends the rest, and repeats nothing", function()
    local api = answering { 2, 1, 2, 3 }
    local problem = raises("ambiguous", shop.push_products, shop, list_of(7), { source_id = 57, max_products = 2 })
    assert.matches("2 products were sent and 1 queued: 3 %(P3%) to 4 %(P4%)", problem.message)
    assert.same({ 4, 3 }, { run.sums.sent, run.sums.unknown })
    assert.equal(5, #api.requests) -- the login, and four
    api.close()
    answering { {}, { json = { system_products = json.array {} } } }
    problem = raises("protocol", shop.push_products, shop, list_of(1), { source_id = 57 })
    assert.equal("queue_products", problem.operation)
    assert.equal(4, run.sums.unknown)
    problem = raises("ambiguous", shop.push_products, shop, list_of(1), { source_id = 57 })
    assert.matches("1 products were sent and nil queued: 1 %(P1%)", problem.message)
  end)

  it("rejects the product of a request of one that was not queued", function()
    answering { 1, 0 }
    local sums = shop:push_products(list_of(2), { source_id = 57, max_products = 1 })
    assert.same({ 1, 1, 0 }, { sums.sent, sums.rejected, sums.unknown })
    assert.matches("none was queued", run.refused[1].reason)
    assert.equal("P2", run.refused[1].extra.product)
  end)

  it("finds out what the shop ignores, if it says so", function()
    start { count_ignored = false }
    shop:queue_products { source_id = 57, products = { { source = {}, product = {} } } }
    assert.equal(0, #sb:queued())
    local problem = raises("not_found", shop.push_products, shop, list_of(3), { source_id = 99 })
    assert.matches("there is no source 99", problem.message)
    assert.same({ 3, 0 }, { run.sums.skipped, run.sums.unknown })
  end)

  it("goes on after a failure that can be repeated, and knows what it does not know", function()
    start {}
    sb:fault "reset_after path=/v1/products/queue"
    assert.equal(3, shop:push_products(list_of(3), { source_id = 57 }).sent)
    assert.equal(6, #sb:queued()) -- a trace: each is queued twice
    assert.equal(3, sb.catalogue.active)
    answering { { status = 500, body = "" }, { status = 500, body = "" }, { status = 500, body = "" }, { status = 500, body = "" },
      { status = 500, body = "" }, { status = 500, body = "" } }
    local ok = pcall(shop.push_products, shop, list_of(2), { source_id = 57 })
    assert.is_false(ok)
    assert.equal(2, run.sums.unknown)
  end)

  it("checks its options before it sends anything", function()
    start {}
    assert.matches("source_id is missing", raises("usage", shop.push_products, shop, {}).message)
    assert.matches("did you mean 'source_id'", raises("usage", shop.push_products, shop, {}, { sourceid = 57 }).message)
    assert.matches("max_products must be a whole number", raises("usage", shop.push_products, shop, {}, { source_id = 57, max_products = 0 }).message)
    assert.matches("iterator or a list", raises("usage", shop.push_products, shop, 7, { source_id = 57 }).message)
    assert.equal(0, shop:push_products({}, { source_id = 57 }).requests)
    assert.equal(0, #sb:requests())
  end)
end)
