local connect = require("sluice.connect").connect
local err = require "sluice.err"
local model = require "support.shop_model"
local runs = require "sluice.run"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"

describe("changed_orders", function()
  local sb, shop, now, run

  -- With a cursor the sandbox's time must be near this machine's: the position of a shop at rest moves on with it.
  local function start(options, at)
    now = at or 1700000000
    options.clock, options.products, options.rate_scale = function() return now end, 0, 100000
    sb = sandbox.start(options)
    shop = connect { api = "stock2shop", base_url = sb.url, queue_url = sb.url, username = "sandbox", password = "sandbox", client_id = 21,
      limits = { api = "100000/s", login = "1000/s" } }
    run = runs.set { silent = true, options = {} }
  end

  after_each(function()
    runs.set(nil)
    if sb then
      assert.equal(0, sb.bugs)
      sb:stop()
    end
    sb = nil
  end)

  -- The ids of the orders that it gives, sorted, and the records.
  local function read(args)
    local ids, records = {}, {}
    for order in shop:changed_orders(args) do ids[#ids + 1], records[#records + 1] = order.id, order end
    table.sort(ids)
    return ids, records
  end

  local function all()
    local ids = {}
    for i, order in ipairs(sb:orders()) do ids[i] = order.id end
    return ids
  end

  it("gives all at first, then what changed, each once, whatever the search can do with ids", function()
    for _, refusals in ipairs { {}, { refuse_id_sort = true }, { refuse_id_ranges = true }, { refuse_id_sort = true, refuse_id_ranges = true } } do
      start({ orders = 40, refuse_id_sort = refusals.refuse_id_sort, refuse_id_ranges = refusals.refuse_id_ranges, lag = 30 },
        os.time() - 1500)
      local cursor = model.cursor()
      for _ = 1, 10 do
        now = now + 7
        sb:add_orders(3)
      end
      now = now + 31
      assert.same(all(), (read { cursor = cursor, page_size = 9 }))
      cursor:commit()
      assert.same({}, (read { cursor = cursor, page_size = 9 }))
      cursor:commit()
      local touched = sb:touch_orders { 933302, 933350 }
      touched[3] = sb:add_orders(1)[1]
      now = now + 31
      assert.same(touched, (read { cursor = cursor, page_size = 9 }))
      cursor:commit()
      assert.same({}, (read { cursor = cursor, page_size = 9 }))
      assert.same({ run.sums.read, 73 }, { run.sums.unchanged + 73, 73 })
      sb:stop()
    end
    sb = nil
  end)

  it("gives records as they came, since a time, and of one channel", function()
    start { orders = 3 }
    now = now + 100
    shop:post_order { channel_id = 255, order = { channel_order_code = "A-1", line_items = { { sku = "X", price = "19.90", qty = 2 } } } }
    local ids, records = read { since = "2023-11-14 22:14:00" }
    assert.same({ 933305 }, ids)
    assert.same({ "A-1", 39.8, 255 }, { records[1].channel_order_code, records[1].total, records[1].channel_id })
    assert.matches('"notes":"","status":"ordered"', tostring(records[1]), 1, true)
    assert.same({ 933305 }, (read { channel_id = 255 }))
    assert.same({ 933302, 933303, 933304 }, (read { channel_id = "47" }))
    assert.same({ 933302, 933303, 933304, 933305 }, (read {}))
  end)

  it("gives an order as the shop has it now, and not again when the index has caught up", function()
    start({ orders = 5, lag = 60 }, os.time() - 1500)
    now = now + 1000
    local cursor = model.cursor()
    sb:touch_orders { 933303 } -- the index does not know yet
    local ids, records = read { cursor = cursor }
    cursor:commit()
    assert.equal(5, #ids)
    for _, order in ipairs(records) do assert.equal(order.id == 933303 and "processing" or "ordered", order.status) end
    now = now + 61
    assert.same({}, (read { cursor = cursor }))
  end)

  it("reads a second that is larger than the window by ranges of ids, and names it where they can't be asked for", function()
    start { orders = 10001 }
    assert.equal(10001, #(read { page_size = 5000 }))
    sb.options.refuse_id_sort = true
    local ok, problem = pcall(read, { page_size = 5000 })
    assert.is_false(ok)
    assert.is_true(err.is(problem), tostring(problem))
    assert.equal("partial", problem.code)
    assert.matches("more than 10000 orders .* 2023%-11%-14 22:13:20", problem.message)
  end)

  it("says what is wrong with arguments and answers", function()
    start {}
    local function fails(code, text, args)
      local ok, problem = pcall(read, args)
      assert.same({ false, code }, { ok, type(problem) == "table" and problem.code or problem })
      assert.is_truthy(problem.message:find(text, 1, true), problem.message)
    end
    fails("usage", "changed_orders: unknown option 'page_sise' (did you mean 'page_size'?)", { page_sise = 1 })
    fails("usage", "changed_orders: page_size", { page_size = 0 })
    fails("usage", "changed_orders: since must be a time", { since = "yesterday" })
    local api = scripted.start(function(r)
      if r.path:find "authenticate" then return { json = { system_user = { token = "t" } } } end
      return { body = '{"hits":{"hits":[{"_id":"1","sort":[1]}]},"system_orders":[{"status":"ordered"}]}' }
    end)
    finally(function() api.close() end)
    shop = connect { api = "stock2shop", base_url = api.url, username = "b", password = "p", limits = { api = "1000/s", login = "1000/s" } }
    fails("protocol", "an order without an id", {})
  end)
end)
