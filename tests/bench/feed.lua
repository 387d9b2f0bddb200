-- The bench's rows of the main job: products that changed in a shop, to a stream, against the sandbox with its rates lifted. The same
-- through tables, and as a good script in Python's standard library does it, which keeps no cursor and remembers nothing.
local shop_feed = require "support.shop_feed"
local text = require "sluice.text"

local FLOOR = 0.75

return function(bench)
  local rows, here, dir = bench.rows, bench.here, bench.dir .. "/feed"

  local function with_feed(products, fn)
    local feed = shop_feed.start { sluice = bench.sluice, dir = dir, products = products }
    local ok, problem = pcall(fn, feed, function() feed:forget() end)
    feed:stop()
    if not ok then error(problem, 0) end
  end

  function rows.feed_records()
    local products = 50000
    with_feed(products, function(feed, before)
      local list = { { name = "sluice, records", before = before, command = feed:command "scripts/delta_feed.lua" },
        { name = "sluice, tables", before = before, want = 1.5 * FLOOR, command = feed:command(here .. "/peers/delta_feed_tables.lua") } }
      bench.peer(list, "python3", { name = "python json, http.client", want = 3 * FLOOR,
        command = ("python3 %s/peers/delta_feed.py %s 124773 500"):format(here, feed.url) })
      bench.race(("delta feed, %s products"):format(text.grouped(products)), list)
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
