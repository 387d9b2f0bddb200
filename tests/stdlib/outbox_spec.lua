-- The outbox against the sandbox: orders without idempotency keys, a search that lags.
local call = require "sluice.call"
local client = require "sluice.client"
local definition = require "sluice.definition"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local outbox = require "sluice.outbox"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"
local settling = require "sluice.settling"
local state = require "sluice.state"
local task = require "sluice.task"
local tmp = require "support.tmp"

describe("sluice.outbox", function()
  local sb, shop, store, dir

  local function shop_of(url)
    return client.new(definition.load "stock2shop", {
      name = "shop", api = "stock2shop", base_url = url, queue_url = url, username = "sandbox", password = "sandbox", client_id = 21,
      channel_id = 47, limits = { api = "5000/s", login = "1000/s" }, deadline = 5, timeout = 2,
    })
  end

  local function start(options)
    local all = { products = 0, rate_scale = 1000 }
    for key, value in pairs(options or {}) do all[key] = value end
    sb = sandbox.start(all)
    shop = shop_of(sb.url)
  end

  before_each(function()
    dir = tmp.dir()
    call.share(dir .. "/shared")
    store = state.open(dir .. "/state.db")
    run.set { silent = true, options = {}, id = 7, name = "orders", loaded = { store = dir .. "/state.db" } }
    run.current().opened = store
  end)
  after_each(function()
    if sb then sb:stop() end
    sb = nil
    store:close()
    run.set(nil)
    call.share(tmp.dir())
  end)

  local function order(n, more)
    local one = { channel_order_code = "A-" .. n, line_items = { { sku = "CD003", qty = 1, price = 10 } } }
    for key, value in pairs(more or {}) do one[key] = value end
    return one
  end

  local function open(more)
    local o = { connection = shop, operation = "post_order", key = "channel_order_code", settle_after = 0.4, gap = 0.05 }
    for key, value in pairs(more or {}) do o[key] = value end
    return outbox.open(o)
  end

  local function posts(code)
    local n = 0
    for _, one in ipairs(sb:orders()) do
      if one.code == code then n = n + 1 end
    end
    return n
  end

  local function sums()
    local s = run.current().sums
    return ("sent %d unchanged %d rejected %d unknown %d skipped %d added %d"):format(s.sent, s.unchanged, s.rejected, s.unknown, s.skipped, s.added)
  end

  it("writes each record once, however often it is handed in", function()
    start()
    local box = open()
    for i = 1, 5 do box:write(order(i)) end
    for i = 1, 5 do box:write(order(i)) end
    assert.same({ confirmed = 5, repeated = 5, rejected = 0, unknown = 0, resent = 0 }, box:finish())
    local again = open()
    for i = 1, 6 do again:write(assert(ndjson.record(assert(json.encode(order(i)))))) end
    local r = again:finish()
    assert.same({ 1, 5 }, { r.confirmed, r.repeated })
    assert.equal("sent 6 unchanged 10 rejected 0 unknown 0 skipped 0 added 0", sums())
    for i = 1, 6 do assert.equal(1, posts("A-" .. i)) end
    local row = store:outbox_rows { key = "A-1" }[1]
    assert.same({ "confirmed", 1, "post_order", "sandbox" }, { row.state, row.attempts, row.operation, row.account })
    assert.matches("order received", row.answer)
    assert.equal("A-1", json.decode(row.body).order.channel_order_code)
  end)

  it("gives the state of a single one", function()
    start()
    local box = open()
    assert.equal("confirmed", box:send(order(1)))
    assert.equal("confirmed", box:send(order(1)))
    assert.equal(1, posts "A-1")
    box:finish()
  end)

  it("says where the same key comes with other content, and does not write it", function()
    start()
    open():send(order(1))
    local box = open()
    local job = box:write(order(1, { notes = "other" }))
    box:finish()
    assert.is_true(job.differs)
    job = box:write(assert(ndjson.record '{"line_items":[{"price":10,"qty":1,"sku":"CD003"}],"channel_order_code":"A-1"}'))
    box:finish()
    assert.is_false(job.differs)
    assert.equal(1, posts "A-1")
    box = open()
    local first, second, third = box:write(order(2)), box:write(order(2)), box:write(order(2, { notes = "other" }))
    box:finish()
    assert.is_nil(first.differs)
    assert.same({ false, true }, { second.differs, third.differs })
    assert.equal(1, posts "A-2")
  end)

  it("has the intent on the disk before the first byte, and sends nothing where it can't be", function()
    start()
    local seen
    sb:fault { kind = "delay", path = "/v2-queue/*", seconds = 0.3 }
    local box = open()
    local job = box:write(order(1))
    task.sleep(0.15)
    seen = store:outbox_rows { key = "A-1" }[1]
    assert.same({ "sent", 1 }, { seen.state, seen.attempts })
    assert.is_true(store:outbox_held(seen.id))
    box:finish()
    assert.equal("confirmed", job.state)
    local intent = assert(store:outbox_claim { host = "h", account = "a", operation = "o", key = "k", body = "{}", digest = "d" })
    intent:close()
    local answer, problem = pcall(function()
      return shop:call("post_order", { order = order(2) }, intent)
    end)
    assert.is_false(answer)
    assert.matches("the intent is closed", tostring(problem))
    assert.equal(0, posts "A-2")
  end)

  it("finds out by asking what became of a lost answer", function()
    start { lag = 0.2 }
    sb:fault { kind = "reset_after", path = "/v2-queue/*" }  -- it was done
    sb:fault { kind = "reset_before", path = "/v2-queue/*", nth = 2 } -- it was not
    local box = open { in_flight = 1 }
    for i = 1, 3 do box:write(order(i)) end
    local r = box:finish()
    assert.same({ 3, 1, 0 }, { r.confirmed, r.resent, r.unknown })
    for i = 1, 3 do assert.equal(1, posts("A-" .. i)) end
    local row = store:outbox_rows { key = "A-1" }[1]
    assert.same({ "confirmed", "found by a search", 1 }, { row.state, row.note, row.attempts })
    assert.equal(2, store:outbox_rows { key = "A-2" }[1].attempts)
  end)

  it("finds codes in an index that has them as words", function()
    start { order_codes = "text", orders = 3 }
    for i = 1, 5 do sb:fault { kind = "reset_after", path = "/v2-queue/*", nth = i } end
    local box = open { in_flight = 1 }
    for i = 1, 5 do box:write(order(i)) end
    local r = box:finish()
    assert.same({ 5, 0, 0 }, { r.confirmed, r.resent, r.unknown })
    for i = 1, 5 do assert.equal(1, posts("A-" .. i)) end
  end)

  it("does not believe in absence before the index had its time", function()
    start { lag = 0.3 }
    sb:fault { kind = "reset_after", path = "/v2-queue/*" }
    local box = open { settle_after = 0.6 }
    box:write(order(1))
    assert.equal(0, box:finish().resent)
    assert.equal(1, posts "A-1")
  end)

  it("keeps a record that the API refuses, with the reason, and writes it when it comes again", function()
    start()
    sb:fault { kind = "status", status = 422, body = '{"message":"no customer"}', path = "/v2-queue/*" }
    local box = open()
    assert.equal("rejected", box:send(order(1)))
    box:finish()
    assert.equal("sent 0 unchanged 0 rejected 1 unknown 0 skipped 0 added 0", sums())
    assert.matches("no customer", store:outbox_rows { key = "A-1" }[1].note)
    box = open()
    box:write { line_items = {} }
    assert.equal("confirmed", box:send(order(1)))
    box:finish()
    assert.equal(2, run.current().sums.rejected)
    assert.equal(1, posts "A-1")
  end)

  it("stops where nothing can go, and leaves what was not done as intended", function()
    start()
    sb:fault { kind = "status", status = 403, path = "/v2-queue/*", times = 100, every = 1 }
    local box = open()
    box:write(order(1))
    local ok, problem = pcall(box.finish, box)
    assert.is_false(ok)
    assert.equal("forbidden", problem.code)
    assert.equal("intended", store:outbox_rows { key = "A-1" }[1].state)
    assert.equal("sent 0 unchanged 0 rejected 0 unknown 0 skipped 1 added 0", sums())
    sb.faults:clear()
    assert.equal("confirmed", open():send(order(1)))
    assert.equal(1, posts "A-1")
  end)

  it("leaves as unknown what nothing can tell, and asks again in the next run", function()
    start()
    sb:fault { kind = "reset_after", path = "/v2-queue/*" }
    local box = open { resolve = function() return nil end }
    box:write(order(1))
    assert.equal(1, box:finish().unknown)
    assert.equal("unknown", store:outbox_rows { key = "A-1" }[1].state)
    assert.equal("sent 0 unchanged 0 rejected 0 unknown 1 skipped 0 added 0", sums())
    box = open()
    box:write(order(1))
    assert.same({ 1, 0 }, (function(r) return { r.confirmed, r.unknown } end)(box:finish()))
    assert.equal(1, posts "A-1")
  end)

  it("gives up where the search does not work, and does not send again", function()
    start()
    sb:fault { kind = "reset_after", path = "/v2-queue/*" }
    sb:fault { kind = "status", status = 400, path = "/v1/orders/*", every = 1, times = 1000 }
    local box = open { deadline = 0.7 }
    box:write(order(1))
    assert.equal(1, box:finish().unknown)
    assert.equal(1, posts "A-1")
  end)

  it("does not believe in absence while the queue still works", function()
    start()
    sb:fault { kind = "reset_before", path = "/v2-queue/*" }
    local busy = 3
    local box = open { settle_after = 0.1, drained = function()
      busy = busy - 1
      return busy < 0
    end }
    box:write(order(1))
    assert.equal(1, box:finish().resent)
    assert.is_true(busy < 0)
    assert.equal(1, posts "A-1")
  end)

  it("takes over what a dead process has left", function()
    start()
    local row = { host = sb.url, account = "sandbox", operation = "post_order", key = "A-9",
      body = json.encode { order = order(9), channel_id = "47" }, digest = "d" }
    local intent = store:outbox_claim(row)
    local other = state.open(dir .. "/state.db")
    assert.is_nil(other:outbox_claim(row)) -- somebody works on it
    sb:fault { kind = "reset_after", path = "/v2-queue/*" }
    pcall(shop.call, shop, "post_order", { order = order(9) }, intent)
    intent:close()
    other:close()
    local r = open():finish()
    assert.equal(1, r.confirmed)
    assert.equal("sent 1 unchanged 0 rejected 0 unknown 0 skipped 0 added 1", sums())
    assert.equal(1, posts "A-9")
  end)

  it("refuses what it can't be asked to do", function()
    start()
    for _, case in ipairs {
      { { operation = "sources" }, "may be repeated: it needs no outbox" }, { { operation = "post_ordr" }, "post_order" },
      { { resolver = 1 }, "did you mean 'resolve'" }, { { key = 5 }, "key is missing" }, { { connection = 5 }, "must be a client" },
    } do
      local ok, problem = pcall(open, case[1])
      assert.is_false(ok)
      assert.matches(case[2], tostring(problem), 1, true)
    end
  end)

  it("is settled by a pure plan", function()
    local o = settling.options({ settle_after = 100, gap = 10, deadline = 400 })
    local at = settling.begin(1000)
    local function plan(now, more)
      for name, value in pairs(more or {}) do at[name] = value end
      return { settling.plan(at, now, o) }
    end
    assert.same({ "wait", 1002 }, plan(1000))
    assert.same({ "look" }, plan(1002))
    assert.same({ "wait", 1010 }, plan(1003, { looked = 1002 }))
    assert.same({ "wait", 1100 }, plan(1062, { looked = 1061 }))
    assert.is_false(settling.counts(at, 1099, o))
    assert.is_true(settling.counts(at, 1100, o))
    assert.same({ "wait", 1111 }, plan(1102, { looked = 1101, negatives = 1 }))
    assert.same({ "resend" }, plan(1112, { looked = 1111, negatives = 2 }))
    assert.same({ "give up" }, plan(1396, { looked = 1395, negatives = 0 }))
    assert.equal(970, settling.begin(1000, 90, 60).ended) -- of a run that died: its request was over by its timeout
    assert.equal(1000, settling.begin(1000, 30, 60).ended) -- or by now
    at = settling.begin(1000, 500, 60)
    assert.same({ "look" }, plan(1000))
    assert.is_true(settling.counts(at, 1000, o))
    at.started = 500               -- late, but not without having looked once
    assert.same({ "look" }, plan(1000))
    assert.same({ 240, 30 }, { settling.options({}, nil).settle_after, settling.options({}, nil).gap })
    at = settling.begin(1000) -- with a queue in front
    settling.queue(at, true, 1010, o)  -- so early it says nothing: the write may not be in it yet
    assert.is_nil(at.drained)
    settling.queue(at, false, 1060, o)
    assert.is_false(settling.counts(at, 1300, o))
    settling.queue(at, true, 1300, o)
    settling.queue(at, false, 1320, o) -- others' work
    assert.is_false(settling.counts(at, 1349, o))
    assert.is_true(settling.counts(at, 1350, o))
    at = settling.begin(1000)
    settling.queue(at, nil, 1060, o)   -- it can't be read: time alone decides
    assert.is_true(settling.counts(at, 1100, o))
    local settle = { match = "code", also = { ["channel.id"] = "channel_id" },
      args = { query = { term = { code = "{key}" } }, size = 5, at = "{order}" } }
    assert.same({ query = { term = { code = "A" } }, size = 5, at = 3 }, settling.arguments(settle, "A", { order = 3 })[1])
    local list = { { code = "AA" }, { code = "A", channel = { id = "48" } }, { code = "A", channel = { id = 47 }, n = 3 } }
    assert.equal(3, settling.find(settle, list, "A", { channel_id = "47" }).n)
    assert.is_false(settling.find(settle, list, "a", {}))
    assert.is_nil(settling.find({ match = "code", most = 3 }, list, "B", {})) -- a list that may be cut says nothing
    assert.is_nil(settling.find(settle, nil, "A", {}))
    local partial = { list = "rows", whole = "hits", match = "code" }
    assert.same({ false, true }, { settling.find(partial, { hits = { 1, 2 }, rows = { { code = "A" } } }, "B", {}) })
    assert.same({ false }, { settling.find(partial, { hits = { 1 }, rows = { { code = "A" } } }, "B", {}) })
    assert.equal(7, settling.find({ match = "n" }, { { n = 7.0, id = 7 } }, "7", {}).id)
    local row = { path = "/sites/{site}/x", settle = { also = { c = "channel" } }, args = { { name = "site" },
      { name = "channel", from = "connection", key = "ch" }, { name = "pw", from = "connection", type = "secret" },
      { name = "size", from = "connection" } } }
    local bound = settling.bind(row, { site = 5.0 }, { ch = 47, pw = "x", size = 3 })
    assert.same({ site = 5.0, channel = 47, size = 3 }, bound)
    assert.equal("site=5 channel=47", settling.scope(row, bound))
    assert.equal("", settling.scope({ path = "/x" }, {}))
  end)

  it("looks for what the write itself says, anywhere in what the search finds, and once more for what it hides", function()
    local settle = { by = "variants.1.sku", match = "sellables[*].codes[*].sku", args = { query = "{key}" }, again = { status = "cancelled" } }
    local args = { variants = { { sku = "S 1" }, { sku = "S 2" } } }
    assert.equal("S 1", settling.wanted(settle, "the outbox's key", args))
    assert.equal("the outbox's key", settling.wanted({}, "the outbox's key", args))
    assert.is_nil(settling.wanted(settle, "the outbox's key", { variants = {} }))
    assert.same({ { query = "S 1" }, { query = "S 1", status = "cancelled" } }, settling.arguments(settle, "S 1", args))
    local list = { { sellables = json.null }, { sellables = { { codes = { { sku = "s 1" } } } } },
      { n = 3, sellables = { { codes = {} }, { codes = { { sku = "x" }, { sku = "S 1" } } } } } }
    assert.equal(3, settling.find(settle, list, "S 1", args).n)
    assert.is_false(settling.find(settle, list, "S 2", args))
  end)

  describe("of Veeqo", function()
    local depot
    local function begin()
      start { veeqo_orders = 0 }
      depot = client.new(definition.load "veeqo", { name = "depot", api = "veeqo", base_url = sb.url, api_key = "sandbox-key",
        limits = { api = "5000/s" }, deadline = 5, timeout = 2 })
    end
    local function veeqo_order(number)
      return { channel_id = 41001, customer_id = 1, deliver_to_id = 2, delivery_method_id = 3, number = number,
        line_items_attributes = { { sellable_id = sb.veeqo.products[1].variants[1].id, price_per_unit = 1, quantity = 1 } } }
    end
    local function lose() sb:fault { kind = "reset_after", method = "POST", path = "/orders" } end

    it("settles an order whose answer was lost, also when it has been cancelled since", function()
      begin()
      for _, status in ipairs { "awaiting_fulfillment", "cancelled" } do
        local box = open { connection = depot, operation = "create_order", key = "number" }
        lose()
        assert.equal("sent", box:send(veeqo_order(status)))
        sb.veeqo.orders[#sb.veeqo.orders].status = status
        assert.equal("sent", box:stored(status).state)
        assert.same({ 1, 0, 0 }, { box:finish().confirmed, box.unknown, box.resent })
        assert.equal("confirmed", box:stored(status).state)
      end
      assert.equal(2, #sb.veeqo.orders)
      assert.is_nil(open { connection = depot, operation = "create_order", key = "number" }:stored "another")
    end)

    it("sends an order again whose absence is proven", function()
      begin()
      local box = open { connection = depot, operation = "create_order", key = "number" }
      box:send(veeqo_order "A-10") -- its number has the other's in it
      sb:fault { kind = "reset_before", method = "POST", path = "/orders" }
      assert.equal("sent", box:send(veeqo_order "A-1"))
      assert.equal(1, box:finish().resent)
      assert.equal(2, #sb.veeqo.orders)
    end)

    it("can't tell where an order has no number, whatever the key is", function()
      begin()
      local box = open { connection = depot, operation = "create_order", key = function() return "mine" end }
      lose()
      assert.equal("sent", box:send(veeqo_order()))
      assert.equal(1, box:finish().unknown)
      assert.equal("unknown", box:stored "mine".state)
      assert.equal(1, #sb.veeqo.orders)
    end)
  end)
end)
