-- changed_orders of Veeqo: against a list that moves while it is read, on a clock of its own; and through a client.
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local model = require "support.shop_model"
local orders = require "sluice.veeqo_orders"
local runs = require "sluice.run"
local sandbox = require "sluice.sandbox"
local searches = require "sluice.searches"

-- Orders as Veeqo lists them: newest first, without the cancelled ones, page by page, each page as things are then. `leaves`
-- orders leave (cancelled or deleted) while a run reads, and others come and change.
local function new_shop(seed, count)
  local random = model.randomizer(seed)
  local shop = { now = 1700000000, list = {}, leaves = 0, pages = 0, rounds = 0, next_id = 1, random = random }
  function shop.add()
    shop.list[#shop.list + 1] = { id = shop.next_id, version = 1, second = shop.now, status = "shipped" }
    shop.next_id = shop.next_id + 1
  end
  function shop.touch(order, status)
    order.version, order.second, order.status = order.version + 1, shop.now, status or order.status
  end
  local function any() return random(1, #shop.list) end
  local function move()
    shop.now = shop.now + random(0, 2)
    if random(1, 3) == 1 then shop.add() end
    if random(1, 3) == 1 then shop.touch(shop.list[any()]) end
    if shop.leaves > 0 and random(1, 2) == 1 then
      shop.leaves = shop.leaves - 1
      if random(1, 2) == 1 then table.remove(shop.list, any()) else shop.touch(shop.list[any()], "cancelled") end
    end
  end
  local function page(filter, n)
    local from, fitting, out = filter.updated_at_min and searches.second_of(filter.updated_at_min) or 0, {}, {}
    for i = #shop.list, 1, -1 do
      local one = shop.list[i]
      if one.second >= from and (one.status == "cancelled") == (filter.status == "cancelled") then fitting[#fitting + 1] = one end
    end
    for i = (n - 1) * filter.page_size + 1, math.min(n * filter.page_size, #fitting) do
      out[#out + 1] = { id = fitting[i].id, version = fitting[i].version, status = fitting[i].status,
        updated_at = os.date("!%Y-%m-%dT%H:%M:%S.000Z", fitting[i].second) }
    end
    return out
  end
  function shop.read(filter)
    local n, at, entries = 0, 0, nil
    shop.rounds = shop.rounds + 1
    return function()
      if not entries or at >= #entries then
        if entries and #entries < filter.page_size then return nil end
        if n > 0 then move() end
        n, at, entries, shop.pages = n + 1, 0, page(filter, n + 1), shop.pages + 1
        if #entries == 0 then return nil end
      end
      at = at + 1
      return entries[at]
    end
  end
  for _ = 1, count do
    shop.now = shop.now + random(0, 5)
    shop.add()
  end
  return shop
end

-- A run: what it was given, by "id version"; the times that it was given.
local function run_of(shop, cursor, given, more)
  local counts = { read = 0, unchanged = 0 }
  local o = { read = shop.read, digest = function(order) return tostring(order.version) .. order.status end, cursor = cursor, overlap = 60,
    now = shop.now, page_size = 5, stopping = function() return false end, count = function(kind) counts[kind] = counts[kind] + 1 end }
  for key, value in pairs(more or {}) do o[key] = value end
  for order in orders.iterate(o) do
    local key = order.id .. " " .. order.version .. " " .. order.status
    given[key] = (given[key] or 0) + 1
  end
  return counts
end

describe("changed_orders of Veeqo", function()
  it("misses no order and gives each state once, however the list moves", function()
    for seed = 1, 150 do
      local shop, cursor, given = new_shop(seed, 40), model.cursor(), {}
      for _ = 1, 6 do
        shop.leaves = shop.random(0, 2)
        run_of(shop, cursor, given)
        cursor:commit()
        shop.now = shop.now + shop.random(0, 100)
        for _ = 1, shop.random(0, 8) do shop.touch(shop.list[shop.random(1, #shop.list)]) end
        shop.now = shop.now + 1
      end
      shop.leaves = 0
      run_of(shop, cursor, given)
      cursor:commit()
      shop.now = shop.now + 1
      local started = shop.now
      run_of(shop, cursor, given) -- what changed while the last one read
      for _, order in ipairs(shop.list) do
        local key = order.id .. " " .. order.version .. " " .. order.status
        if order.second < started then assert(given[key], ("seed %d: order %s was never given"):format(seed, key)) end
      end
      for key, times in pairs(given) do assert(times == 1, ("seed %d: order %s was given %d times"):format(seed, key, times)) end
    end
  end)

  it("reads a list of one page once, and a longer one until two rounds agree", function()
    local shop = new_shop(1, 4)
    run_of(shop, nil, {})
    assert.same({ 2, 2 }, { shop.pages, shop.rounds }) -- the list, and the cancelled ones
    shop = new_shop(1, 12)
    run_of(shop, nil, {})
    assert.equal(3, shop.rounds)
  end)

  it("gives up where the list never comes to rest", function()
    local n = 0
    local function read(filter)
      if filter.status then return function() end end
      n = n + 1
      local i = 0
      return function()
        i = i + 1
        if i <= 5 then return { id = n * 100 + i, version = 1, status = "shipped", updated_at = "2020-01-01T00:00:00Z" } end
      end
    end
    local ok, problem = pcall(run_of, { read = read, now = 1700000000 }, nil, {}, { digest = function() return "" end })
    assert.is_false(ok, tostring(problem))
    assert.is_true(err.is(problem), tostring(problem))
    assert.same({ "partial", true }, { problem.code, problem.retryable })
    assert.equal(20, n)
  end)

  it("leaves the position where it is when it ends early, or when since is given", function()
    local shop, cursor, given, asked = new_shop(3, 30), model.cursor(), {}, 0
    run_of(shop, cursor, given, { stopping = function()
      asked = asked + 1
      return asked > 7
    end })
    cursor:commit()
    assert.is_nil(cursor:get())
    local counts = run_of(shop, cursor, given)
    cursor:commit()
    assert.is_true(counts.unchanged >= 7)
    for key, times in pairs(given) do assert.equal(1, times, key) end
    local position = cursor:get()
    assert.is_true(searches.second_of(position) <= shop.now)
    shop.now = shop.now + 100
    shop.touch(shop.list[1])
    run_of(shop, cursor, {}, { since = shop.now - 1 })
    cursor:commit()
    assert.equal(position, cursor:get())
  end)

  it("never takes its position from the future", function()
    local shop, cursor, given = new_shop(4, 3), model.cursor(), {}
    shop.list[1].second = shop.now + 86400
    run_of(shop, cursor, given)
    cursor:commit()
    assert.equal(searches.text_of(shop.now), cursor:get())
    shop.now = shop.now + 10
    shop.add()
    run_of(shop, cursor, given)
    assert.equal(1, given["4 1 shipped"])
    assert.equal(1, given["1 1 shipped"])
  end)

  describe("through a client", function()
    local sb, depot, run
    before_each(function()
      sb = sandbox.start { products = 0, rate_scale = 1000, veeqo_orders = 230 }
      depot = connect { api = "veeqo", base_url = sb.url, api_key = "sandbox-key", limits = { api = "10000/s" } }
      run = runs.set { silent = true, options = {} }
    end)
    after_each(function()
      runs.set(nil)
      sb:stop()
    end)

    it("gives all at first, cancelled ones too, then what changed", function()
      local cursor, statuses, n = model.cursor(), {}, 0
      for order in depot:changed_orders { cursor = cursor } do n, statuses[order.status] = n + 1, true end
      cursor:commit()
      assert.equal(230, n)
      assert.is_true(statuses.cancelled)
      local one = sb.veeqo.orders[7]
      one.status, one.updated_at = "cancelled", sb.clock()
      local list = {}
      for order in depot:changed_orders { cursor = cursor, page_size = 50 } do list[#list + 1] = order.id end
      assert.same({ one.id }, list)
      assert.same({ 460, 229 }, { run.sums.read, run.sums.unchanged }) -- the overlap reaches back to all of them
    end)

    it("names what is wrong with its options", function()
      for message, options in pairs {
        ["unknown option 'cursors' (did you mean 'cursor'?)"] = { cursors = 1 }, ["page_size must be"] = { page_size = 200 },
        ["overlap must be"] = { overlap = "1h" }, ["since must be a time"] = { since = "yesterday" },
      } do
        local ok, problem = pcall(depot.changed_orders, depot, options)
        assert.is_false(ok)
        assert.is_true(err.is(problem) and problem.code == "usage")
        assert.is_truthy(problem.message:find(message, 1, true), problem.message)
      end
    end)
  end)
end)
