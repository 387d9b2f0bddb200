-- Drives the feed against a model of a shop and its index (support/shop_model.lua): no server, no clock, no sleep.
local feed = require "sluice.feed"
local keyset = require "sluice.keyset"
local model = require "support.shop_model"
local searches = require "sluice.searches"

local function describe_row(row)
  return row.modified, tostring(row.version)
end

-- The parts of a feed over the model; `more` overrides.
local function parts(shop, cursor, more)
  local o = {
    search = function(query) return shop:search(query) end, describe = describe_row, cursor = cursor,
    index_lag = 120, now = shop.time, page_size = 10, window = shop.window,
  }
  for key, value in pairs(more or {}) do o[key] = value end
  return o
end

-- Reads all; gives the list of rows.
local function read(shop, cursor, more)
  local rows = {}
  for row in feed.iterate(parts(shop, cursor, more)) do rows[#rows + 1] = row end
  return rows
end

local function ids_of(rows)
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row.id end
  table.sort(ids)
  return ids
end

-- A run that is committed; gives what it delivered.
local function run(shop, cursor, more)
  local rows = read(shop, cursor, more)
  cursor:commit()
  return rows
end

describe("changed_products", function()
  it("gives all at first, then what changed, then nothing", function()
    local shop, cursor = model.new { seed = 1, products = 95, spread = 300 }, model.cursor()
    assert.equal(95, #run(shop, cursor))
    shop:pass(1000)
    shop:touch(5)
    shop:add()
    shop:pass(200)
    local changed = #run(shop, cursor)
    assert.is_true(changed >= 2 and changed <= 6)
    assert.equal(0, #run(shop, cursor))
  end)

  it("is fine with an empty shop", function()
    local cursor = model.cursor()
    assert.equal(0, #run(model.new { seed = 1 }, cursor))
    assert.is_nil(cursor:get())
  end)

  it("reads seconds that hold more than a page, by ascending id", function()
    local shop = model.new { seed = 2, products = 257, spread = 0 }
    assert.equal(257, #run(shop, model.cursor()))
    assert.is_true(shop.searches < 257 // 10 + 10)
  end)

  it("does not page past the window", function()
    local shop = model.new { seed = 3, products = 500, spread = 1, window = 40 }
    assert.equal(500, #run(shop, model.cursor()))
  end)

  it("reads a crowded second by steps where ids can't be asked for, whatever the server does instead", function()
    for _, ids in ipairs { "refused", "ignored", "unsorted", "textual" } do
      local shop = model.new { seed = 4, products = 99, spread = 1, ids = ids, window = 200, first_id = 95 }
      local rows = run(shop, model.cursor())
      assert.equal(99, #rows, ids)
    end
  end)

  it("names the second that is larger than the window, where ids can't be asked for", function()
    local shop, cursor = model.new { seed = 5, products = 60, spread = 0, ids = "refused", window = 50 }, model.cursor()
    local ok, problem = pcall(read, shop, cursor)
    assert.is_false(ok)
    assert.equal("partial", problem.code)
    assert.matches("2023%-11%-14 20:50:00", problem.message)
    assert.is_nil(cursor:get())
  end)

  it("takes no short page for the end", function()
    for _, cap in ipairs { 1, 3, 9 } do
      local shop = model.new { seed = 6, products = 64, spread = 12, cap = cap }
      assert.equal(64, #run(shop, model.cursor()))
    end
  end)

  it("asks again for rows that an answer left out, and goes on without those that are gone", function()
    local shop = model.new { seed = 7, products = 120, spread = 30, short = 9 }
    shop.products["5"].gone = true -- the index does not know yet
    local rows = run(shop, model.cursor())
    assert.equal(119, #rows)
  end)

  it("refuses an answer whose rows belong to other hits", function()
    local shop = model.new { seed = 8, products = 5 }
    local search = function(query)
      local page = shop:search(query)
      page.rows = query.order == "newest" and page.rows or { other = { id = "other" } }
      return page
    end
    local ok, problem = pcall(read, shop, model.cursor(), { search = search })
    assert.is_false(ok)
    assert.equal("protocol", problem.code)
  end)

  it("refuses answers in another order, which would lose changes", function()
    local shop = model.new { seed = 9, products = 30, spread = 30 }
    local search = function(query)
      local page = shop:search(query)
      page.hits[1], page.hits[#page.hits] = page.hits[#page.hits], page.hits[1]
      return page
    end
    local ok, problem = pcall(read, shop, model.cursor(), { search = search })
    assert.is_false(ok)
    assert.equal("protocol", problem.code)
  end)

  it("gives a product as it is now, and not again when the index has caught up", function()
    local shop, cursor = model.new { seed = 10, products = 20, spread = 5, lag = 60 }, model.cursor()
    shop:pass(500)
    local product = shop.products["3"]
    shop:change(product, shop.time, 50) -- the index will know in 50 s
    local rows = run(shop, cursor)
    assert.equal(20, #rows)
    shop:pass(60)
    assert.same({}, ids_of(run(shop, cursor)))
    shop:change(product, shop.time, 0)
    assert.same({ "3" }, ids_of(run(shop, cursor)))
  end)

  it("tells two changes within a second apart", function()
    local shop, cursor = model.new { seed = 11, products = 20, spread = 5 }, model.cursor()
    shop:pass(500)
    shop:change(shop.products["3"], shop.time, 0)
    shop:settle()
    assert.equal(20, #run(shop, cursor))
    shop:change(shop.products["3"], shop.time, 0)
    shop:settle()
    assert.same({ "3" }, ids_of(run(shop, cursor)))
    assert.same({}, run(shop, cursor))
  end)

  it("does not let a clock that is ahead carry the position past the shop's", function()
    local shop, cursor = model.new { seed = 12, products = 20, spread = 5 }, model.cursor()
    run(shop, cursor, { now = shop.time + 1800 })
    shop:pass(300)
    shop:touch(1)
    shop:pass(100)
    assert.equal(1, #run(shop, cursor, { now = shop.time + 1800 }))
  end)

  it("gives what is dated in the future at once, once, and misses nothing for it", function()
    local shop, cursor = model.new { seed = 12, products = 20, spread = 5, past = 50 }, model.cursor()
    shop:change(shop.products["3"], shop.time + 86400, 0)
    shop:settle()
    assert.equal(20, #run(shop, cursor))
    assert.equal(0, #run(shop, cursor))
    shop:pass(10)
    shop:change(shop.products["4"], shop.time, 0)
    shop:settle()
    assert.same({ "4" }, ids_of(run(shop, cursor, { now = shop.time - 300 })))
    assert.equal(0, #run(shop, cursor))
  end)

  it("moves the position of a shop at rest on, so that a large last change is not read for ever", function()
    local shop, cursor = model.new { seed = 13, products = 200, spread = 0 }, model.cursor()
    run(shop, cursor)
    shop:pass(7200)
    run(shop, cursor)
    local before = shop.searches
    assert.equal(0, #run(shop, cursor))
    assert.is_true(shop.searches - before <= 2)
  end)

  it("leaves the cursor alone with since", function()
    local shop, cursor = model.new { seed = 14, products = 30, spread = 100 }, model.cursor()
    run(shop, cursor)
    local position = cursor:get()
    local half = shop.time - 4950
    local rows = read(shop, cursor, { since = half })
    cursor:commit()
    local expected = 0
    for _, product in ipairs(shop.list) do
      if product.modified >= half then expected = expected + 1 end
    end
    assert.equal(expected, #rows)
    assert.equal(position, cursor:get())
    assert.equal(expected, #read(shop, cursor, { since = "2023-11-14 20:50:50" }))
    assert.equal(expected, #read(shop, nil, { since = half }))
    assert.equal(30, #read(shop, nil))
  end)

  it("refuses a since and a position that are no times", function()
    local shop = model.new { seed = 15, products = 3 }
    local ok, problem = pcall(read, shop, nil, { since = "yesterday" })
    assert.is_false(ok)
    assert.equal("usage", problem.code)
    local cursor = model.cursor()
    cursor:advance("nonsense", "")
    cursor:commit()
    ok, problem = pcall(read, shop, cursor)
    assert.is_false(ok)
    assert.equal("state", problem.code)
  end)

  it("ends early when it is asked to stop, at a position that can be committed", function()
    local shop, cursor = model.new { seed = 16, products = 100, spread = 500 }, model.cursor()
    local first, left = {}, 37
    for row in feed.iterate(parts(shop, cursor, { stopping = function() return left == 0 end })) do
      left, first[#first + 1] = left - 1, row
    end
    cursor:commit()
    local rest = run(shop, cursor)
    assert.equal(37, #first)
    assert.equal(63, #rest)
  end)

  it("counts what it read and what was unchanged", function()
    local shop, cursor, counts = model.new { seed = 17, products = 40, spread = 10, past = 30 }, model.cursor(), { read = 0, unchanged = 0 }
    local count = function(kind) counts[kind] = counts[kind] + 1 end
    run(shop, cursor, { count = count })
    run(shop, cursor, { count = count })
    assert.same({ read = 80, unchanged = 40 }, counts)
  end)

  it("raises what the search raises, and can go on afterwards", function()
    local shop, cursor = model.new { seed = 18, products = 60, spread = 60 }, model.cursor()
    local n = 0
    local search = function(query)
      n = n + 1
      if n == 4 then error { code = "unavailable", status = 503 } end
      return shop:search(query)
    end
    local ok, problem = pcall(read, shop, cursor, { search = search })
    assert.is_false(ok)
    assert.equal("unavailable", problem.code)
    cursor:rollback()
    assert.equal(60, #run(shop, cursor))
  end)
end)

describe("the search of a shop", function()
  local json = require "sluice.json"
  local answer = [[{"took":3,"timed_out":false,"_shards":{"total":5,"successful":5,"failed":0},
    "hits":{"total":27,"hits":[{"_id":"62777","_source":{},"sort":[1609835104000]},{"_id":"7","sort":[1609835105999]}]},
    "system_products":[{"id":7,"modified":"2021-01-05 08:25:05","tags":[],"price":10.0},
      {"id":62777,"modified":"2021-01-05 08:25:04","text":"a\/b"}]}]]

  it("reads hits in their order and rows byte for byte", function()
    local page = searches.page(answer, true)
    assert.same({ { id = "62777", second = 1609835104 }, { id = "7", second = 1609835105 } }, page.hits)
    assert.equal([[{"id":7,"modified":"2021-01-05 08:25:05","tags":[],"price":10.0}]], tostring(page.rows["7"].record))
    local own, digest = searches.describe(page.rows["7"])
    assert.equal(1609835105, own)
    assert.equal(require("sluice.ndjson").fingerprint(page.rows["7"].record), digest)
  end)

  it("names what is wrong with an answer", function()
    for _, body in ipairs { "<html>", "[]", '{"hits":{"hits":[]}}', '{"system_products":[]}', '{"hits":{"hits":[]},"system_products":{}}' } do
      local ok, problem = pcall(searches.page, body, true)
      assert.is_false(ok)
      assert.equal("protocol", problem.code)
    end
  end)

  it("takes a null for a row that is gone, and nothing else for a product", function()
    local page = searches.page((answer:gsub('%{"id":7.-%}', "null")), true)
    assert.is_nil(page.rows["7"])
    assert.is_not_nil(page.rows["62777"])
    for _, row in ipairs { '{"title":"x"}', "7", '"7"', "[]" } do
      local ok, problem = pcall(searches.page, (answer:gsub('%{"id":7.-%}', row)), true)
      assert.is_false(ok)
      assert.matches("without an id", problem.message)
    end
  end)

  it("asks for seconds and ids in Elasticsearch's words", function()
    local both = searches.arguments { from = 1609835104, before = 1609835105, above = "123456789012345678", order = "id", skip = 0, size = 5 }
    assert.same({
      { range = { modified = { gte = "2021-01-05 08:25:04", lt = "2021-01-05 08:25:05" } } },
      { range = { id = { gt = 123456789012345678 } } },
    }, both.query.bool.filter)
    local asked = searches.arguments { above = "a-7", order = "newest", skip = 3, size = 5 }
    assert.same({ { range = { id = { gt = "a-7" } } } }, asked.query.bool.filter)
    assert.same({ { modified = { order = "desc" } } }, asked.sort)
    assert.same({ 3, 5 }, { asked.from, asked.size })
    assert.equal('{"bool":{"filter":[]}}', json.encode(searches.arguments { order = "id", skip = 0, size = 1 }.query))
  end)

  it("asks again where the index answers in part, and gives up in the end", function()
    local asked = 0
    local client = { name = "shop", search_products = function(_, args)
      asked = asked + 1
      assert.is_true(args.raw)
      assert.equal(9, args.channel_id)
      return asked % 3 ~= 0 and answer:gsub('"failed":0', '"failed":1') or answer
    end }
    local search = searches.search(client, { channel_id = 9 })
    assert.equal(2, #search({ order = "modified", skip = 0, size = 5 }).hits)
    client.search_products = function() return (answer:gsub("false", "true")) end
    local ok, problem = pcall(search, { order = "modified", skip = 0, size = 5 })
    assert.is_false(ok)
    assert.equal("unavailable", problem.code)
  end)

  it("gives the products of a client, and counts them on the run", function()
    local client = { name = "shop", search_products = function(_, args)
      local first = args.query.bool.filter[1]
      if not first or first.range.modified.gte < "2021-01-05 08:25:06" then return answer end
      return '{"hits":{"hits":[]},"system_products":[]}'
    end }
    local ok, problem = pcall(function()
      for _ in feed.changed_products(client, { page_sise = 5 }) do end
    end)
    assert.is_false(ok)
    assert.matches("page_size", problem.message)
    assert.is_false((pcall(feed.changed_products, client, { page_size = 0 })))
  end)
end)

-- What a sink has, and what it was told: no version that was committed may come again.
local function sink()
  local has, committed, fresh = {}, {}, {}
  return {
    has = has,
    apply = function(row)
      local key = row.id .. "/" .. row.version
      assert(not committed[key], key .. " was applied again after it was committed")
      assert(not fresh[key], key .. " was applied twice in a run")
      fresh[key], has[row.id] = true, math.max(row.version, has[row.id] or 0)
    end,
    commit = function()
      for key in pairs(fresh) do committed[key] = true end
      fresh = {}
    end,
    forget = function() fresh = {} end,
  }
end

-- One life: runs that end well, are stopped, or die at a random point, while the shop goes on.
local function life(seed, more)
  local random = model.randomizer(seed * 7 + 3)
  local o = {
    seed = seed, products = random(0, 120), spread = random(0, 3) * random(0, 40), touches = random(0, 4), lag = random(0, 100),
    pace = random(0, 12), cap = random(1, 4) == 1 and random(1, 12) or nil, short = random(0, 1) * 12, removes = random(1, 3) == 1,
    window = 400,
  }
  for key, value in pairs(more) do o[key] = value end
  local shop, cursor, to = model.new(o), model.cursor(), sink()
  local steps = 0
  local function attempt(dies, stops)
    local skew = random(-600, 600)
    local left = dies and random(0, 60) or stops and random(0, 60) or math.huge
    for row in feed.iterate(parts(shop, cursor, {
      now = shop.time + skew, page_size = random(1, 15), stopping = function() return stops and left <= 0 end,
    })) do
      if dies and left <= 0 then break end
      left, steps = left - 1, steps + 1
      to.apply(row)
    end
    if dies then
      cursor:rollback()
      to.forget()
    else
      cursor:commit()
      to.commit()
    end
  end
  for _ = 1, 12 do
    local kind = random(1, 3)
    attempt(kind == 1, kind == 2)
    shop:pass(random(0, 1) * random(0, 400))
    shop:touch(random(0, 6))
    for _ = 1, random(0, 2) do shop:add() end
  end
  shop.touches, shop.removes, shop.pace = 0, false, 0
  shop:pass(2000)
  attempt(false, false)
  shop:pass(2000)
  attempt(false, false)
  for _, product in ipairs(shop.list) do
    if not product.gone then
      assert(to.has[product.id] == product.version, ("seed %d: product %s was missed: version %s instead of %d"):format(
        seed, product.id, tostring(to.has[product.id]), product.version))
    end
  end
  return steps
end

describe("changed_products through lives of a shop", function()
  local count = tonumber(os.getenv "SLUICE_FEED_LIVES") or 40

  for _, ids in ipairs { "numeric", "textual", "refused", "ignored" } do
    it("misses nothing and applies nothing twice, ids " .. ids, function()
      local steps = 0
      for seed = 1, count do steps = steps + life(seed, { ids = ids }) end
      assert.is_true(steps > 10 * count)
    end)
  end
end)

describe("keyset.all", function()
  it("lists everything by ascending id", function()
    local shop = model.new { seed = 20, products = 333, spread = 9, touches = 3, pace = 2, first_id = 7 }
    local ids = {}
    for hits in keyset.all { search = function(q) return shop:search(q) end, size = 20 } do
      for _, hit in ipairs(hits) do
        assert.is_nil(ids[hit.id])
        ids[hit.id] = true
      end
    end
    for _, product in ipairs(shop.list) do assert.is_true(ids[product.id]) end
  end)

  it("says so where the server can't", function()
    for _, ids in ipairs { "refused", "ignored", "unsorted" } do
      local shop = model.new { seed = 21, products = 333, ids = ids }
      local ok, problem = pcall(function()
        for _ in keyset.all { search = function(q) return shop:search(q) end, size = 20 } do end
      end)
      assert.is_false(ok)
      assert.equal("partial", problem.code)
    end
  end)
end)
