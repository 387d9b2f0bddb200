-- The bench's rows of the main job: products that changed in a shop, to a stream, against the sandbox with its rates lifted. The same
-- through tables, and as a good script in Python's standard library does it, which keeps no cursor and remembers nothing.
local shop_feed = require "support.shop_feed"
local text = require "sluice.text"

local FLOOR = 0.75

-- Each candidate sends the same, in value: looked at once, on a small shop.
local function same_products(feed, list)
  local first
  for _, one in ipairs(list) do
    feed:forget()
    feed:empty()
    assert(os.execute(one.command .. " >/dev/null 2>&1"), one.command)
    local products = feed:products()
    first = first or products
    for id, product in pairs(first) do
      if products[id] ~= product then error(("%s sends another product %s than %s"):format(one.name, id, list[1].name), 0) end
    end
    for id in pairs(products) do
      if not first[id] then error(("%s sends a product %s more"):format(one.name, id), 0) end
    end
  end
  if not first or not next(first) then error("nothing was sent", 0) end
end

return function(bench)
  local rows, here, dir = bench.rows, bench.here, bench.dir .. "/feed"

  local function with_feed(products, fn)
    local feed = shop_feed.start { sluice = bench.sluice, dir = dir, products = products }
    local ok, problem = pcall(fn, feed, function() feed:forget() end)
    feed:stop()
    if not ok then error(problem, 0) end
  end

  local function candidates(feed, before)
    local list = { { name = "sluice, records", before = before, command = feed:command "scripts/delta_feed.lua" },
      { name = "sluice, tables", before = before, want = 1.4 * FLOOR, command = feed:command(here .. "/peers/delta_feed_tables.lua") } }
    bench.peer(list, "python3", { name = "python json, http.client", want = 4 * FLOOR,
      command = ("python3 %s/peers/delta_feed.py %s 124773 500"):format(here, feed.url) })
    return list
  end

  function rows.feed_records()
    local products = 50000
    with_feed(1000, function(feed) same_products(feed, candidates(feed)) end)
    with_feed(products, function(feed, before)
      bench.race(("delta feed, %s products"):format(text.grouped(products)), candidates(feed, before))
    end)
  end

  -- Once, and not among the usual rows: `make bench ROWS=million ROUNDS=1`.
  function rows.million()
    local products = 1000000
    with_feed(products, function(feed, before)
      bench.race(("delta feed, %s products"):format(text.grouped(products)),
        { { name = "sluice, records", before = before, command = feed:command "scripts/delta_feed.lua" } })
    end)
  end

  return { "feed_records" }
end
