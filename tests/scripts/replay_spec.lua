-- `sluice run --record` and `--replay` of every recipe in scripts/: a run comes out of its recording again, with its server gone,
-- without waiting, and no secret is in the file.
local crypto = require "sluice.crypto"
local json = require "sluice.json"
local lfs = require "lfs"
local project = require "support.project"
local time = require "sluice.time"
local tmp = require "support.tmp"

describe("sluice run --record and --replay", function()
  local p
  before_each(function() p = project.full { process_queue = 1, process_time = 2 } end)
  after_each(function() p:stop() end)

  -- A secret as it is, in a URL, in base64, with the slashes that some JSON has.
  local function forms(secret)
    return { secret, (secret:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end)), crypto.base64(secret),
      (secret:gsub("/", "\\/")) }
  end

  local function no_secret_in(path)
    local text, secrets = tmp.read(path), p:secrets()
    assert.is_true(#secrets >= 5)
    for _, secret in ipairs(secrets) do
      for _, form in ipairs(forms(secret)) do assert.is_nil(text:find(form, 1, true), form) end
    end
  end

  -- What is printed, but for progress and what a clock or the store's count of runs says.
  local function told(done)
    local text = done.stderr:gsub('{[^\n]*"event":"progress"[^\n]*\n', "")
    return (text:gsub("%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z", "TIME"):gsub("%d+%.?%d* s%f[%W]", "N s"))
  end

  -- Records a run. Gives what came of it, and a function that replays it and compares.
  local function round(words, status)
    local first = p:run("--record s.har " .. words)
    assert.equal(status or 0, first.status, first.stderr)
    no_secret_in(p.dir .. "/s.har")
    return first, function()
      local before = #p.sandbox:requests()
      local started = time.mono()
      local again = p:run("--replay s.har " .. words)
      assert.equal(first.status, again.status, again.stderr)
      for _, sum in ipairs { "read", "sent", "rejected", "skipped", "added", "unchanged", "unknown" } do
        assert.equal(first.sums[sum], again.sums[sum], sum)
      end
      assert.equal(told(first), told(again))
      assert.equal(before, #p.sandbox:requests())
      return again, time.mono() - started
    end
  end

  -- The same with nobody behind the address.
  local function offline(words, status)
    local first, replayed = round(words, status)
    p:stop()
    return first, replayed()
  end

  local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773"

  it("delta_feed: pages, batches, logins", function()
    local _, replayed = round(FEED .. " batch:=25")
    replayed()
    offline(FEED .. " shape=variant --full")
  end)

  it("push_products: what was rejected, and the queue until it is empty", function()
    p.sandbox.queue.delay = 3
    p:lines("products.ndjson", 7, function(i)
      return { source_product_code = "C" .. i, title = i ~= 3 and "T" .. i or nil, variants = { source_variant_code = "C" .. i, sku = "C" .. i } }
    end)
    local first, again, took = offline("scripts/push_products.lua to=shop source_id=57 file=products.ndjson batch=2", 3)
    assert.matches("6 products queued in 3 requests, 1 rejected; the queue was empty after %d+ s", again.stderr)
    assert.is_true(first.sums.seconds > 2 and again.sums.seconds > 2, first.sums.seconds) -- by its own clock
    assert.is_true(took < first.sums.seconds / 2, took)
  end)

  it("push_images", function()
    assert(lfs.mkdir(p.dir .. "/images"))
    for i = 1, 3 do tmp.write(p.dir .. "/images/A_" .. i .. ".png", "\x89PNG\r\n\x1a\n" .. i) end
    offline "scripts/push_images.lua to=shop source_id=57 folder=images batch=2"
  end)

  local function order(i) return { channel_order_code = "A-" .. i, line_items = { { sku = "CD003", qty = 1 } } } end

  it("post_orders", function()
    p:lines("orders.ndjson", 5, order)
    offline "scripts/post_orders.lua to=shop file=orders.ndjson"
  end)

  it("post_orders: settles what was lost in the recording as it was settled then", function()
    p:lines("orders.ndjson", 4, order)
    p.sandbox:fault { kind = "reset_after", path = "/v2-queue/order", nth = 2 }
    local first = offline "scripts/post_orders.lua to=shop file=orders.ndjson"
    assert.equal(4, first.sums.sent)
    assert.equal(12 + 4, #p.sandbox:orders())
  end)

  for _, from in ipairs { "shop", "depot" } do
    it("mirror_orders from " .. from .. ": the same bytes", function()
      local words = ("scripts/mirror_orders.lua from=%s to=file:orders.ndjson checkpoint=4"):format(from)
      local first, replayed = round(words)
      local path = p.dir .. "/orders.ndjson"
      local bytes = tmp.read(path)
      assert.is_true(first.sums.sent > 4 and #bytes > 500)
      assert(os.rename(path, path .. ".first"))
      p:stop()
      replayed()
      assert.is_true(bytes == tmp.read(path), "other bytes")
    end)
  end

  it("platform_upload: a process with its waits in no time", function()
    p:flat("products.ndjson", 9)
    local first, again, took = offline "scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=import"
    assert.is_true(first.sums.seconds > 2.5)
    assert.is_true(took < first.sums.seconds / 2, took)
    assert.is_true(again.sums.seconds > 2.5) -- by its own clock
  end)

  it("stream_lifecycle", function()
    p:flat("products.ndjson", 9)
    offline "scripts/stream_lifecycle.lua feed=feed site=site site_id=123 step=all file=products.ndjson name=dry stream=124773"
  end)

  it("migrate_platform_to_stream: from the first step to the comparison", function()
    p:flat("products.ndjson", 9)
    assert.equal(0, p:run("scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none").status)
    p:import()
    p.sandbox.platform.sites[123].uploaded = nil -- what pausing the old data source does
    local first, again, took = offline "scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name=moved old=paused"
    assert.same({ 9, 9 }, { first.sums.read, first.sums.sent })
    assert.matches("site 123 has 9 products, stream %d+ was sent 9: none is missing", again.stderr)
    assert.is_true(first.sums.seconds > 2.5 and again.sums.seconds > 2.5, again.sums.seconds)
    assert.is_true(took < first.sums.seconds / 2, took)
  end)

  it("create_veeqo_products", function()
    p:lines("new.ndjson", 4, function(i)
      return { title = "P" .. i, product_variants_attributes = { { title = "S", price = 1.5, sku_code = "N-" .. i, physical_stock_level = i } } }
    end)
    offline "scripts/create_veeqo_products.lua to=depot from=file:new.ndjson"
  end)

  it("names every recipe of scripts/ in this file", function()
    local own = tmp.read "tests/scripts/replay_spec.lua"
    for name in lfs.dir "scripts" do
      if name:find "%.lua$" then assert.is_truthy(own:find("scripts/" .. name, 1, true), name) end
    end
  end)

  it("leaves the store alone on a replay, and the file private", function()
    p:run("--record s.har " .. FEED)
    local bytes = tmp.read(p.dir .. "/state.db")
    assert.equal(0, p:run("--replay s.har " .. FEED).status)
    assert.is_true(bytes == tmp.read(p.dir .. "/state.db"))
    assert.equal("rw-------", lfs.attributes(p.dir .. "/s.har", "permissions"))
    assert.is_nil(lfs.attributes(p.dir .. "/s.har.part"))
  end)

  it("says what is not in the recording, and what is nearest", function()
    p:flat("products.ndjson", 2)
    p:run "--record s.har scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none"
    local done = p:run "--replay s.har scripts/platform_upload.lua to=site site_id=223 file=products.ndjson type=full process=none"
    assert.equal(1, done.status)
    assert.matches("GET http://%S+/platform/v2/sites/223 is not in the recording\n%s+hint: the nearest is GET http://%S+/platform/v2/sites/123\n",
      done.stderr)
    p:flat("products.ndjson", 3)
    done = p:run "--replay s.har scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none"
    assert.matches("upload is in the recording with another body\n%s+hint: asked: +[^\n]+\n%s+recorded: %[", done.stderr)
    done = p:run "--replay none.har scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full"
    assert.matches("none.har: No such file", done.stderr)
    tmp.write(p.dir .. "/bad.har", '{"log":{"entries":7}}')
    assert.matches("bad.har: it has no log with entries", p:run("--replay bad.har x.lua").stderr)
  end)

  it("works for sluice call as well", function()
    local first = p:run "sluice call shop sources --record s.har"
    assert.equal(0, first.status, first.stderr)
    assert.is_table(json.decode(first.stdout))
    p:stop()
    local again = p:run "sluice call shop sources --replay s.har"
    assert.same({ 0, first.stdout }, { again.status, again.stdout })
  end)
end)
