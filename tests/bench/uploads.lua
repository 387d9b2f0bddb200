-- The bench's rows of uploads: a large file, a price patched in each record, sent in batches of 10,000 to a server on this machine
-- that takes everything (tests/support/sink.c), beside what others take for it. Each candidate keeps its connection, builds one
-- batch while another one is on its way where its language has a way to do so, and looks at the verdict.
-- What arrives is compared in value, once, for the first records; how much arrives is counted in every round. Floors are three
-- quarters of what is wanted, ceilings four thirds.
local data = require "data"
local json = require "sluice.json"
local task = require "sluice.task"

local HEAD, BATCH = 25000, 10000
-- Debian's own, where it is there: a version manager's `python3` is a script that looks for one first.
local PYTHON = io.open "/usr/bin/python3" and "/usr/bin/python3" or "python3"
local STREAM = { rate = 300000, seconds = 10, share = 0.20, slack = 0.05 } -- slack: our percent under the rate, and the start

-- Products by id: two batches on their way may arrive in any order.
local function products_of(path)
  local products, count = {}, 0
  for line in io.lines(path) do
    local product = assert(json.decode(line))
    assert(products[product.id] == nil, "a product arrived twice")
    products[product.id], count = product, count + 1
  end
  return products, count
end

return function(bench)
  local rows, peer, here, dir = bench.rows, bench.peer, bench.here, bench.dir
  local rivals = dofile(here .. "/rivals.lua")(bench)
  local kinds = { flat = { make = data.flat, count = 500000 }, nested = { make = data.nested, count = 100000 } }

  local function file_of(kind)
    return data.file(("%s/%s.ndjson"):format(dir, kind), kinds[kind].make, kinds[kind].count)
  end

  -- Runs fn(url) beside a sink; with a path the bodies go there.
  local function with_sink(path, fn)
    local log = dir .. "/sink.log"
    os.remove(log) -- of the one before
    local pipe = assert(io.popen(("%s/tests/sink %s >%s & echo $!"):format(bench.build, path or "", log)))
    local pid = pipe:read "l"
    pipe:close()
    local url
    for _ = 1, 500 do
      local file = io.open(log)
      url = file and file:read "l"
      if file then file:close() end
      if url then break end
      task.sleep(0.01)
    end
    local ok, problem = pcall(fn, assert(url, "the sink did not start"))
    os.execute("kill " .. pid)
    if not ok then error(problem, 0) end
  end

  local function sums_of(url) return assert(json.decode(assert(require("sluice.http").get(url .. "/")).body)) end

  local function ours(kind)
    return { name = "sluice", command_on = function(file, url)
      return ("%s run %s/peers/uploads_sluice.lua task=%s file=%s url=%s"):format(bench.sluice, here, kind, file, url)
    end }
  end

  local function with(list, program, name, wanted, command_on)
    peer(list, program, { name = name, want = wanted * rivals.floor, command_on = command_on })
  end

  local function script(list, program, name, wanted, file_name, kind)
    with(list, program, name, wanted, function(file, url)
      return ("%s %s/peers/%s %s %s %s"):format(program, here, file_name, kind, file, url)
    end)
  end

  local function shell(list, wanted)
    if os.execute "command -v curl >/dev/null && command -v split >/dev/null" ~= true then return peer(list, "curl") end
    with(list, "jq", "jq, split, curl", wanted, function(file, url)
      return ("jq -c '.price *= 1.1' %s | split -l %d --filter='curl -sf -o /dev/null -H Expect: --data-binary @- %s/' - x")
        :format(file, BATCH, url)
    end)
  end

  local function same_products(row, kind, candidates)
    local head, first = file_of(kind) .. ".head", nil
    local lines = kind == "flat" and HEAD or HEAD // 5
    assert(os.execute(("head -%d %s > %s"):format(lines, file_of(kind), head)))
    for i, one in ipairs(candidates) do
      local out = ("%s/sunk%d.ndjson"):format(dir, i)
      with_sink(out, function(url) bench.measure(one.command_on(head, url)) end)
      local products, count = products_of(out)
      first = first or products
      if count ~= lines or not rivals.equal(first, products) then
        error(("%s: %s sends something else than %s (%d of %d products)"):format(row, one.name, candidates[1].name, count, lines), 0)
      end
    end
  end

  local function compete(title, kind, list)
    local figures
    same_products(title, kind, list)
    with_sink(nil, function(url)
      for _, one in ipairs(list) do one.command = one.command_on(file_of(kind), url) end
      figures = bench.race(title, list)
      local wanted, arrived = #list * bench.rounds * kinds[kind].count, sums_of(url).records
      if arrived ~= wanted then error(("%s: %d of %d products arrived"):format(title, arrived, wanted), 0) end
    end)
    return figures
  end

  function rows.upload_flat()
    local list = { ours "flat" }
    script(list, "node", "node, http.Agent", 9, "uploads.js", "flat")
    script(list, PYTHON, "python, http.client", 12, "uploads.py", "flat")
    shell(list, 25)
    local figures = compete("upload, flat: price * 1.1", "flat", list)
    bench.judge("CPU s per million", figures, figures.cpu / kinds.flat.count * 1e6, 0.6 / rivals.floor)
    bench.judge("resident MB", figures, figures.rss_mb, 20 / rivals.floor)
  end

  function rows.upload_nested()
    local list = { ours "nested" }
    script(list, "node", "node, http.Agent", 9, "uploads.js", "nested")
    script(list, PYTHON, "python, http.client", 10, "uploads.py", "nested")
    local figures = compete("upload, nested: by a path", "nested", list)
    local batch = assert(io.open(file_of "nested")):seek "end" / kinds.nested.count * BATCH / 1e6
    bench.judge("resident MB", figures, figures.rss_mb * 1.048576, (2.5 * batch + 5) / rivals.floor)
  end

  -- At the API's own rate, as the connection is by default: 30 requests a second of 10,000 products.
  function rows.upload()
    rows.upload_flat()
    rows.upload_nested()
  end

  function rows.stream()
    local times = STREAM.rate * STREAM.seconds // kinds.flat.count
    with_sink(nil, function(url)
      local figures = bench.measure(ours("flat").command_on(file_of "flat", url) .. (" times=%d rate=30/s"):format(times))
      local products = sums_of(url).records
      local rate, share = products / figures.wall, figures.cpu / figures.wall
      if products ~= times * kinds.flat.count then error("not all products arrived", 0) end
      bench.judge(("a core, at %.0f products/s"):format(rate), figures, share, STREAM.share / rivals.floor, "one stream at its rate")
      bench.judge("missing of 300,000 products/s", figures, 1 - rate / STREAM.rate, STREAM.slack)
    end)
  end

  return { "upload", "stream" }
end
