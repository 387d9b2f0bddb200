-- What `make memory` proves at its size, at sizes that take a moment: four times the input takes no more than a little more memory.
local memory = dofile "tests/bench/memory.lua"
local tmp = require "support.tmp"

local BUILD = os.getenv "SLUICE_BUILD" or "build"
local FILTER_SLACK, FEED_SLACK = 1, 6 -- MB; the feed's store has a cache that fills up to 4

-- Every freed block is kept for a while under AddressSanitizer, so that its use is noticed.
local counts = not BUILD:find "asan"

describe("memory", function()
  local with
  before_each(function() with = { sluice = BUILD .. "/sluice", build = BUILD, dir = tmp.dir(), size = 0.0005 } end)

  -- What grows with its input grows each time; a peak that the collector's timing gave once does not come three times.
  local function grows(measure, size, slack)
    local one, four = measure(size), math.huge
    for _ = 1, 3 do
      four = math.min(four, measure(4 * size))
      if not counts or four - one <= slack then return nil end
    end
    return ("from %.1f to %.1f MB"):format(one, four)
  end

  it("of a filter does not grow with its input", function()
    for _, one in ipairs(memory.filters(with)) do
      assert.is_nil(grows(function(bytes) return (memory.filter(with, one.command, bytes)) end, 5000000, FILTER_SLACK))
    end
  end)

  it("of a script does not grow with names that come once each", function()
    local path = with.dir .. "/names.lua"
    for _, way in ipairs { "for rec in ndjson.records '-' do for name, v in pairs(rec) do last = name end end",
      "for t in ndjson.values '-' do for name, v in pairs(t) do last = name end out:write(t) end",
      "for rec in ndjson.records '-' do rec['x' .. rec.id] = 1 out:write(rec) end" } do
      tmp.write(path, "local ndjson = require 'sluice.ndjson' local last local out = ndjson.writer '-' " .. way .. " out:close()")
      local command = ("%s run %s"):format(with.sluice, path)
      assert.is_nil(grows(function(bytes) return (memory.filter(with, command, bytes, true)) end, 5000000, FILTER_SLACK), way)
    end
  end)

  it("of a feed does not grow with the products", function()
    assert.is_nil(grows(function(products) return (memory.feed(with, products, "batch:=500")) end, 2000, FEED_SLACK))
  end)

  it("shows in the table, which misses what is beyond its limit", function()
    local lines, missed = memory.rows(with)
    assert.same({ 5, counts and 0 or missed }, { #lines, missed })
    assert.same({ "filter: a recipe", "5,000,000 bytes" }, { lines[2][1], lines[2][2] })
    memory.filter_mb = 1
    lines, missed = memory.rows(with)
    memory.filter_mb = 32
    assert.is_true(missed >= 2)
    assert.same({ "<= 1", "MISSED" }, { lines[2][4], lines[2][5] })
  end)

  it("that is kept is noticed", function()
    if not counts then return end
    local path = with.dir .. "/keeps.lua"
    tmp.write(path, "local ndjson, kept = require 'sluice.ndjson', {} for rec in ndjson.records '-' do kept[#kept + 1] = rec end")
    local command = ("%s run %s"):format(with.sluice, path)
    assert.matches("^from ", grows(function(bytes) return (memory.filter(with, command, bytes)) end, 5000000, FILTER_SLACK))
    path, memory.feed_recipe = memory.feed_recipe, path
    local keeps = tmp.read(path):gsub("local rows = rows_of%(product%)", "%0 kept[#kept + 1] = product")
    tmp.write(memory.feed_recipe, "local kept = {}\n" .. keeps)
    local ok, said = pcall(grows, function(products) return (memory.feed(with, products, "batch:=500")) end, 2000, FEED_SLACK)
    memory.feed_recipe = path
    assert.is_true(ok, said)
    assert.matches("^from ", said)
  end)

  it("is not measured of a command that fails", function()
    assert.error_matches(function() memory.filter(with, with.sluice .. " run nowhere.lua", 1000) end, "status 2: .*nowhere%.lua")
    memory.feed_recipe = "nowhere.lua"
    local ok, problem = pcall(memory.feed, with, 10)
    memory.feed_recipe = "scripts/delta_feed.lua"
    assert.is_false(ok)
    assert.matches("status 2: ", problem)
  end)
end)
