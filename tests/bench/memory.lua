-- `make memory`: what a run keeps in memory does not grow with what goes through it. 10 GB of NDJSON through a filter (a recipe, and
-- `sluice ndjson`), a million products from a shop to a stream; `size` is the share of these. Peaks of the resident memory, in MB of
-- 1,000,000 bytes; the sandbox is a process of its own and has no limit.
--
--   local memory = dofile "tests/bench/memory.lua"
--   local lines, missed = memory.rows { sluice = "build/sluice", build = "build", dir = "build/bench", size = 0.01 }
local json = require "sluice.json"
local shop_feed = require "support.shop_feed"
local text = require "sluice.text"

local memory = { filter_mb = 32, feed_mb = 48, feed_recipe = "scripts/delta_feed.lua" }

local BYTES, PRODUCTS = 10000000000, 1000000
local FILTER = "tests/bench/peers/memory_filter.lua"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- Runs a command in a pipe and gives its peak in MB; it must succeed.
local function peak(with, command, before, behind)
  local out, problems = with.dir .. "/memory.json", with.dir .. "/memory.err"
  local line = ("%s%s/tests/measure %s %s 2>%s %s"):format(before or "", with.build, out, command, problems, behind or ">/dev/null")
  os.remove(out)
  assert(os.execute(line), line)
  local figures = assert(json.decode(read(out)))
  if figures.status ~= 0 then error(("status %d: %s\n%s"):format(figures.status, command, read(problems):sub(1, 2000)), 0) end
  return figures.rss_mb * 1024 * 1024 / 1e6
end

--- The peak of a filter over so many bytes, and the sum of what it wrote (`cksum`: a checksum and the number of bytes).
---@param with table sluice, build, dir
---@param command string
---@param bytes integer
---@param names? boolean each line has a field that no other has
function memory.filter(with, command, bytes, names)
  local sum = with.dir .. "/memory.sum"
  local mb = peak(with, command, ("%s/tests/flood %d %s | "):format(with.build, bytes, names and "names" or ""), "| cksum >" .. sum)
  return mb, (read(sum):gsub("%s+$", ""))
end

--- The two ways to write that filter.
function memory.filters(with)
  return { { name = "a recipe", command = ("%s run %s"):format(with.sluice, FILTER) },
    { name = "sluice ndjson", command = ("%s ndjson -w 'rec.qty > 150' -e 'rec.price = rec.price * 1.1' --rename name=title"):format(with.sluice) } }
end

--- The peak of a feed of so many products, and the sandbox's; all must have been sent.
---@param with table sluice, build, dir
---@param products integer
---@param more? string further words for the recipe
function memory.feed(with, products, more)
  local feed = shop_feed.start { sluice = with.sluice, dir = with.dir .. "/memory", products = products }
  local ok, mb = pcall(function()
    feed:forget()
    local summary = with.dir .. "/memory.summary"
    local taken = peak(with, feed:command(memory.feed_recipe, ("--summary %s %s"):format(summary, more or "")))
    local sums = assert(json.decode(read(summary)))
    assert(sums.sent == products, ("%d of %d products were sent"):format(sums.sent, products))
    return taken
  end)
  local its = feed:peak()
  feed:stop()
  if not ok then error(mb, 0) end
  return mb, its
end

-- A line of the table; how many are beyond their limit.
local function judge(lines, name, input, mb, limit)
  local good = not limit or mb <= limit
  lines[#lines + 1] = { name, input, ("%.1f"):format(mb), limit and ("<= %d"):format(limit) or "", limit and (good and "ok" or "MISSED") or "" }
  return good and 0 or 1
end

--- The table, and how many rows miss what is wanted.
---@param with { sluice: string, build: string, dir: string, size: number }
function memory.rows(with)
  local lines, missed, first = { { "peak of memory", "input", "MB", "wanted", "" } }, 0, nil
  local bytes, products = math.ceil(BYTES * with.size), math.ceil(PRODUCTS * with.size)
  for _, one in ipairs(memory.filters(with)) do
    local mb, sum = memory.filter(with, one.command, bytes)
    first = first or sum
    if sum ~= first then error(one.name .. " writes something else than the others", 0) end
    missed = missed + judge(lines, "filter: " .. one.name, text.grouped(bytes) .. " bytes", mb, memory.filter_mb)
  end
  local mb, its = memory.feed(with, products)
  missed = missed + judge(lines, "feed: " .. memory.feed_recipe, text.grouped(products) .. " products", mb, memory.feed_mb)
  judge(lines, "  the sandbox that it reads from", "", its)
  return lines, missed
end

return memory
