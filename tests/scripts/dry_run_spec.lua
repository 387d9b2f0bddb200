-- `sluice run -n` of every recipe in scripts/: it goes on to its end, no write reaches the server, the store's content and the
-- folder are as they were.
local lfs = require "lfs"
local project = require "support.project"
local tmp = require "support.tmp"

local PNG = "\x89PNG\r\n\x1a\n" .. ("p"):rep(50)

describe("sluice run --dry-run", function()
  local p
  before_each(function() p = project.full { process_queue = 0, process_time = 0 } end)
  after_each(function() p:stop() end)

  -- Every file of the project with its bytes, but for what processes share.
  local function files(folder, into)
    into = into or {}
    for name in lfs.dir(folder) do
      local path = folder .. "/" .. name
      if lfs.attributes(path, "mode") == "directory" then
        if not name:find "^%." and name ~= "shared" then files(path, into) end
      elseif not name:find "%.lock$" then
        into[path] = tmp.read(path)
      end
    end
    return into
  end

  local function differences(before, after)
    local list = {}
    for path in pairs(before) do if not after[path] then list[#list + 1] = path .. " is gone" end end
    for path, bytes in pairs(after) do
      if before[path] ~= bytes then list[#list + 1] = path .. (before[path] and " is another" or " is new") end
    end
    return list
  end

  local function is_read(request)
    return request.method == "GET" or request.target:find("/elastic_search", 1, true) or request.target:find("/authenticate", 1, true)
  end

  -- Runs it dry; nothing may be written anywhere.
  local function dry(words, status)
    local before, first = files(p.dir), #p.sandbox:requests()
    local done = p:run("-n " .. words)
    assert.equal(status or 0, done.status, done.stderr)
    assert.is_nil(done.stderr:find("traceback", 1, true), done.stderr)
    local list = p.sandbox:requests()
    for i = first + 1, #list do
      assert(is_read(list[i]), ("%s %s was sent"):format(list[i].method, list[i].target))
    end
    assert.same({}, differences(before, files(p.dir)))
    return done, #list - first
  end

  -- What the summary says would have been sent: "METHOD name requests records".
  local function would_send(done)
    local list = {}
    for i, one in ipairs(done.sums.would_send) do list[i] = ("%s %s %d %d"):format(one.method, one.name, one.requests, one.records) end
    return list
  end

  local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773"

  it("delta_feed: reads the shop from where the cursor is", function()
    local done, requests = dry(FEED .. " batch:=25")
    assert.same({ "POST feed.upload_products 3 60" }, would_send(done))
    assert.same({ 60, 60, 0 }, { done.sums.read, done.sums.sent, p.sandbox:stream(124773).count })
    assert.is_true(requests > 0)
    assert.is_nil(lfs.attributes(p.dir .. "/state.db")) -- where there is no store, none is made
    assert.equal(0, p:run(FEED).status)
    p.sandbox:touch(4)
    p.sandbox:deactivate(3)
    done = dry(FEED .. " sweep=true")
    assert.same({ "POST feed.upload_products 1 4", "DELETE feed.delete_products 1 3" }, would_send(done))
    assert.same({ "POST feed.upload_products 1 4", "DELETE feed.delete_products 1 3" }, would_send(dry(FEED .. " sweep=true")))
    assert.equal(4, p:run(FEED).sums.sent)
  end)

  it("delta_feed: to a site, and to a file, which it does not touch", function()
    local done = dry "scripts/delta_feed.lua from=shop to=site site_id=123 shape=variant"
    assert.matches("POST site.upload_products 1 %d+", would_send(done)[1])
    assert.equal("POST site.commit_products 1 0", would_send(done)[2])
    tmp.write(p.dir .. "/out.ndjson", "mine\n")
    done = dry "scripts/delta_feed.lua from=shop to=file:out.ndjson"
    assert.same({ {}, 60 }, { would_send(done), done.sums.sent })
  end)

  it("push_products: the queue that nothing was put into is empty", function()
    p:lines("products.ndjson", 3, function(i)
      return { source_product_code = "C" .. i, title = i < 3 and "T" or nil, variants = { source_variant_code = "C" .. i, sku = "C" .. i } }
    end)
    local done = dry("scripts/push_products.lua to=shop source_id=57 file=products.ndjson", 3)
    assert.same({ "POST shop.queue_products 1 2" }, would_send(done))
    assert.matches("2 products queued in 1 request, 1 rejected; the queue was empty after 0 s", done.stderr)
    assert.same({ 0, nil }, { #p.sandbox:queued(), done.sums.dead_letters })
  end)

  it("push_images", function()
    assert(lfs.mkdir(p.dir .. "/images"))
    for _, name in ipairs { "A.png", "A_2.png", "B.png" } do tmp.write(p.dir .. "/images/" .. name, PNG .. name) end
    local done = dry "scripts/push_images.lua to=shop source_id=57 folder=images batch=2"
    assert.same({ "POST shop.queue_images 2 3" }, would_send(done))
  end)

  it("post_orders: an outbox that is confirmed aside", function()
    local function order(i) return { channel_order_code = "A-" .. i, line_items = { { sku = "CD003", qty = 1 } } } end
    p:lines("orders.ndjson", 2, order)
    assert.equal(0, p:run("scripts/post_orders.lua to=shop file=orders.ndjson").status)
    p:lines("orders.ndjson", 7, order)
    for _ = 1, 2 do
      local done = dry "scripts/post_orders.lua to=shop file=orders.ndjson"
      assert.same({ "POST shop.post_order 5 5" }, would_send(done))
      assert.same({ 5, 2 }, { done.sums.sent, done.sums.unchanged })
    end
    assert.equal(5, p:run("scripts/post_orders.lua to=shop file=orders.ndjson").sums.sent)
  end)

  it("mirror_orders: from both, and the file is not touched", function()
    for _, from in ipairs { "shop", "depot" } do
      local done = dry(("scripts/mirror_orders.lua from=%s to=file:orders.ndjson"):format(from))
      assert.same({}, would_send(done))
      assert.is_true(done.sums.sent > 0)
    end
    assert.is_nil(lfs.attributes(p.dir .. "/orders.ndjson"))
  end)

  it("stream_lifecycle: goes on with a stream, a process and batches that are not there", function()
    p:flat("products.ndjson", 5)
    local done = dry "scripts/stream_lifecycle.lua feed=feed site=site site_id=123 file=products.ndjson name=dry rename=other delete=yes"
    assert.same({ "POST feed.create_stream 1 0", "POST feed.upload_products 1 5", "POST site.link_stream 1 0", "POST site.process 1 0",
      "PATCH feed.rename_stream 1 0", "DELETE site.unlink_stream 1 0", "DELETE feed.delete_stream 1 0" }, would_send(done))
    assert.matches("batch %d+: processed\n  upload success, 5 accepted, 0 refused", done.stderr)
    assert.matches("process %d+: success", done.stderr)
    assert.is_true(done.sums.seconds < 5)
  end)

  it("platform_upload: commits, discards and waits for a process that is not there", function()
    p:flat("products.ndjson", 7)
    local words = "scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full "
    assert.same({ "POST site.upload_products 2 7", "POST site.commit_products 1 0", "POST site.process 1 0" },
      would_send(dry(words .. "process=import batch=4")))
    assert.same({ "POST site.upload_products 1 4", "POST site.discard_products 1 0" }, would_send(dry(words .. "commit=false batch=4")))
    assert.same({}, p:batch_states())
  end)

  it("migrate_platform_to_stream: each step", function()
    p:flat("products.ndjson", 9)
    assert.equal(0, p:run("scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none").status)
    p:import()
    local words = "scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name=moved "
    local first = { "POST feed.create_stream 1 0", "POST feed.upload_products 1 9", "PUT site.update_site 1 0", "POST site.link_stream 1 0" }
    assert.same(first, would_send(dry(words)))
    local done = dry(words .. "old=paused")
    assert.same({ "PUT site.update_stream_source 1 0", "POST site.process 1 0" }, table.move(would_send(done), 5, 6, 1, {}))
    assert.matches("none is missing", done.stderr)
    assert.equal(0, p:run(words).status)
    assert.same({ "PUT site.update_stream_source 1 0" }, would_send(dry(words .. "step=back")))
    assert.same({ "PUT site.update_site 1 0" }, would_send(dry(words .. "step=activate")))
  end)

  it("create_veeqo_products: the stock of products that are not there", function()
    p:lines("products.ndjson", 4, function(i)
      return { title = "Product " .. i, product_variants_attributes = { { title = "S", price = 1.5, sku_code = "N-" .. i, physical_stock_level = i },
        { title = "L", price = "2.50", sku_code = "N-" .. i .. "-L", physical_stock_level = i } } }
    end)
    local done = dry "scripts/create_veeqo_products.lua to=depot from=file:products.ndjson"
    assert.same({ "POST depot.create_product 4 0", "PUT depot.set_stock_entry 8 0" }, would_send(done))
    assert.matches("4 products made, 0 there before, 8 stock levels set", done.stderr)
    local from_shop = dry "scripts/create_veeqo_products.lua to=depot from=shop"
    assert.is_true(from_shop.sums.sent > 0)
  end)

  it("names every recipe of scripts/ in this file", function()
    local own = tmp.read "tests/scripts/dry_run_spec.lua"
    for name in lfs.dir "scripts" do
      if name:find "%.lua$" then assert.is_truthy(own:find("scripts/" .. name, 1, true), name) end
    end
  end)

  it("shows each write: method, address, size, first lines; the whole body with -v; nothing with -q", function()
    p:flat("products.ndjson", 5)
    local words = "run -n scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=delta process=none"
    local done = p:run("sluice " .. words)
    assert.matches("would send POST http://[^\n]+/platform/v2/sites/123/products/%x+/upload %(site.upload_products%), 5 records, %d+ bytes\n",
      done.stderr)
    assert.matches("dry run: nothing was sent\n", done.stderr)
    assert.matches("would send 1 request POST site.upload_products, 5 records, %d+ bytes\n", done.stderr)
    for _, secret in ipairs(p:secrets()) do assert.is_nil(done.stderr:find(secret, 1, true), secret) end
    assert.matches('"id":"P%-5"', p:run("sluice " .. words .. " -v").stderr)
    assert.is_nil(p:run("sluice " .. words .. " -q").stderr:find("would send POST", 1, true))
  end)

  it("does not go together with a recording", function()
    local done = p:run("-n --record x.har " .. FEED)
    assert.equal(2, done.status)
    assert.matches("%-%-dry%-run and %-%-record don't go together", done.stderr)
  end)
end)
