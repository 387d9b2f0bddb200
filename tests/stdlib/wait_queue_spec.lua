local connect = require("sluice.connect").connect
local err = require "sluice.err"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"
local wait = require "sluice.wait_queue"

-- Watches a queue whose lengths are these, one for each question, with a clock of its own; the last goes on.
local function watch(lengths, more)
  local clock, asked, shown = 0, 0, {}
  local o = {
    ask = function()
      asked = asked + 1
      return { system_queue = { sync_product = lengths[math.min(asked, #lengths)] } }
    end,
    now = function() return clock end,
    sleep = function(seconds)
      assert(seconds >= 0)
      clock = clock + math.max(seconds, 0.001)
    end,
    show = function(left) shown[#shown + 1] = left end,
    count = wait.count, start = 2, factor = 1.5, cap = 30, stall_after = 600, deadline = 3600,
  }
  for key, value in pairs(more or {}) do o[key] = value end
  local ok, result = pcall(wait.watch, o)
  return ok, result, clock, shown
end

describe("wait_queue", function()
  it("ends when nothing waits any more", function()
    local ok, result, clock, shown = watch { 30, 20, 20, 5, 0 }
    assert.same({ true, 0, 5 }, { ok, result.left, result.asked })
    assert.same({ 30, 20, 20, 5, 0 }, shown)
    assert.equal(2 + 2 + 3 + 2, clock) -- the interval starts again where the queue falls
    assert.same({ true, 1 }, { watch { 0 }, (select(2, watch { 0 })).asked })
  end)

  it("is stalled where the queue stands, and says at what", function()
    local ok, problem, clock = watch({ 12, 9 }, { stall_after = 100 })
    assert.same({ false, "stalled" }, { ok, problem.code })
    assert.equal(102, clock)
    assert.matches("stood at 9 items for 100 s; the summary says .*sync_product.:9", problem.message)
    assert.matches("console", problem.hint)
    ok, problem = watch({ 12, 13, 14, 15 }, { stall_after = 100 }) -- rising is no falling
    assert.same({ false, "stalled" }, { ok, problem.code })
  end)

  it("is stalled at the deadline, even where the queue falls", function()
    local lengths = {}
    for i = 1, 1000 do lengths[i] = 2000 - i end
    local ok, problem, clock = watch(lengths, { deadline = 60 })
    assert.same({ false, "stalled", 60 }, { ok, problem.code, clock })
    assert.matches("items are still queued after 60 s", problem.message)
  end)

  it("reads summaries of many shapes", function()
    local cases = { { 7, 7 }, { "7", 7 }, { json.array {}, 0 }, { {}, 0 }, { { system_queue = json.array {} }, 0 },
      { { sync_product = 3, sync_image = "4" }, 7 }, { { { source_id = 57, instruction = "sync_product", count = 3, created = "2021-01-01" } }, 3 },
      { { { id = 5, channel_id = 47, total = 2 }, { id = 6, active = 1, total = 1 } }, 3 }, { { message = "ok" }, nil }, { json.null, nil },
      { { count = json.null }, nil }, { true, nil } }
    for i, case in ipairs(cases) do assert.equal(case[2], wait.count(case[1]), i) end
  end)

  it("says so where it can't, and takes another reading", function()
    local more = { ask = function() return { state = "busy" } end }
    local ok, problem = watch({}, more)
    assert.same({ false, "protocol" }, { ok, problem.code })
    assert.matches('{"state":"busy"}', problem.message, 1, true)
    more.count = function(summary) return summary.state == "busy" and 0 or 1 end
    assert.is_true((watch({}, more)))
  end)

  describe("of a shop", function()
    local sb, shop
    local function start(options)
      options.products, options.rate_scale = 0, 1000
      sb = sandbox.start(options)
      shop = connect { api = "stock2shop", base_url = sb.url, username = "sandbox", password = "sandbox",
        limits = { api = "1000/s", login = "1000/s" } }
    end
    after_each(function() sb:stop() end)

    local function products(n)
      local list = {}
      for i = 1, n do
        list[i] = { source_product_code = "P" .. i, title = "x", variants = { source_variant_code = "P" .. i, sku = "P" .. i } }
      end
      return list
    end

    it("waits for what was pushed", function()
      for _, shape in ipairs { "counts", "list" } do
        start { queue_rate = 100, summary = shape }
        shop:push_products(products(20), { source_id = 57 })
        local result = shop:wait_queue { start = 0.02, stall_after = 5 }
        assert.equal(0, result.left)
        assert.is_true(result.asked > 1)
        assert.equal(20, sb.catalogue.active)
        if shape == "counts" then sb:stop() end
      end
    end)

    it("finds a source that is blocked by one item", function()
      start {}
      sb:poison "P2"
      shop:push_products(products(5), { source_id = 57 })
      local ok, problem = pcall(shop.wait_queue, shop, { start = 0.01, stall_after = 0.1 })
      assert.is_false(ok)
      assert.is_true(err.is(problem))
      assert.equal("stalled", problem.code)
      assert.matches("at 4 items", problem.message)
      sb:release(57, "skip")
      assert.equal(0, shop:wait_queue().left)
      assert.matches("did you mean 'stall_after'", select(2, pcall(shop.wait_queue, shop, { stall_afte = 1 })).message)
    end)
  end)
end)
