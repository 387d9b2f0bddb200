-- `sluice dlq retry` for the recipes whose records can be sent again as they are (delta_feed and push_images have it in their
-- own specs): what was mended in the dead-letter file, or at the API, goes; what was not stays.
local json = require "sluice.json"
local project = require "support.project"
local tmp = require "support.tmp"

describe("sluice dlq retry", function()
  local p
  local function start(options)
    p = project.new(options or { products = 0 })
    local path = p.dir .. "/sluice.yaml"
    local text = tmp.read(path):gsub("username: sandbox,", function()
      return ('queue_url: "%s", client_id: 21, channel_id: 47, index_lag: 250ms, timeout: 2s, username: sandbox,'):format(p.sandbox.url)
    end)
    tmp.write(path, text .. ('  depot: { api: veeqo, base_url: "%s", api_key: sandbox-key, index_lag: 250ms, limits: { api: 3000/s } }\n')
      :format(p.sandbox.url))
  end
  after_each(function() p:stop() end)

  local function write(name, lines) tmp.write(p.dir .. "/" .. name, table.concat(lines, "\n") .. "\n") end

  local function mend(done, from, to)
    local text, count = tmp.read(done.sums.dead_letters):gsub(from, to)
    assert(count > 0, from .. " is not in the dead letters")
    tmp.write(done.sums.dead_letters, text)
  end

  local function retry(done, status)
    local again = p:run("sluice dlq retry --json " .. done.sums.run)
    assert.equal(status, again.status, again.stderr)
    assert.is_nil(again.stderr:find("traceback", 1, true), again.stderr)
    return again
  end

  local function states(done)
    local list = json.decode(p:run("sluice dlq list --json").stdout)
    for _, one in ipairs(list) do
      if one.run == done.sums.run then return { one.open, one.settled, one.unreadable } end
    end
  end

  it("queues products of push_products that were mended", function()
    start()
    write("products.csv", { "source_product_code,title,source_variant_code,sku,qty", "A,Shirt,A-1,A-1,1", "B,Mug,B-1,B-1,many", "C,,C-1,C-1,3" })
    local done = p:run "scripts/push_products.lua to=shop source_id=57 file=products.csv"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 2, 0, 0 }, states(done))
    mend(done, '"many"', '"4"')
    local again = retry(done, 3)
    assert.matches("1 product queued in 1 request, 1 rejected", again.stderr)
    assert.same({ 2, 1, 1 }, { again.sums.read, again.sums.sent, again.sums.rejected })
    assert.same({ 1, 1, 0 }, states(done))
    local codes = {}
    for i, one in ipairs(p.sandbox:queued()) do codes[i] = one.code end
    assert.same({ "A", "B" }, codes)
    mend(done, '"source_product_code":"C"', '"source_product_code":"C","title":"Bag"')
    retry(done, 0)
    assert.same({ 0, 2, 0 }, states(done))
    assert.matches("nothing to send again: 2 settled", p:run("sluice dlq retry " .. done.sums.run).stderr)
    assert.equal(3, #p.sandbox:queued())
  end)

  it("posts orders of post_orders that were mended or refused, each once", function()
    start()
    write("orders.ndjson", { '{"channel_order_code":"A-1","line_items":[]}', '{"number":"A-2","line_items":[]}',
      '{"channel_order_code":"A-3","line_items":[]}' })
    p.sandbox:fault { kind = "status", status = 400, path = "/v2-queue/*", body = '{"errors":"no"}' }
    local done = p:run "scripts/post_orders.lua to=shop file=orders.ndjson"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 2, 0, 0 }, states(done))
    mend(done, '"number":"A%-2"', '"channel_order_code":"A-2"')
    local again = retry(done, 0)
    assert.equal(2, again.sums.sent)
    assert.same({ 0, 2, 0 }, states(done))
    assert.same({ 1, 1, 1 }, { p.sandbox:posted "A-1", p.sandbox:posted "A-2", p.sandbox:posted "A-3" })
    assert.equal(3, p:run("scripts/post_orders.lua to=shop file=orders.ndjson").sums.unchanged + 1) -- A-2 has no code in the file
    assert.equal(3, #p.sandbox:orders())
  end)

  it("uploads what a delta of platform_upload could not send, and no part of a full batch", function()
    start { products = 0, process_queue = 0, process_time = 0 }
    write("products.ndjson", { '{"id":"P-1","title":"One"}', '{"id":"P-2","tags":["a"]}', '{"id":"P-3","title":"Three"}' })
    local words = "scripts/platform_upload.lua to=site site_id=123 file=products.ndjson process=none type="
    local done = p:run(words .. "delta")
    assert.equal(3, done.status, done.stderr)
    retry(done, 3)
    local full = p:run(("sluice dlq retry --json %s type=full"):format(done.sums.run))
    assert.equal(2, full.status)
    assert.matches("a full batch was discarded", full.stderr)
    mend(done, '%["a"%]', '"a"')
    local again = retry(done, 0)
    assert.matches("1 products committed to site 123 %(delta%), 0 rejected", again.stderr)
    local rows, count = p:import()
    assert.same({ 3, "a" }, { count, rows["P-2"].tags })
  end)

  it("makes products of create_veeqo_products with the stock that they were handed in with", function()
    start { products = 0, veeqo_products = 0, veeqo_orders = 0 }
    write("products.ndjson", {
      '{"title":"One","product_variants_attributes":[{"title":"x","price":1,"sku_code":"N-1","physical_stock_level":5}]}',
      '{"title":"Two","product_variants_attributes":[{"title":"x","sku_code":"N-2","physical_stock_level":6}]}' })
    p.sandbox:fault { kind = "status", status = 422, method = "POST", path = "/products", body = '{"error_messages":"no"}' }
    local done = p:run "scripts/create_veeqo_products.lua to=depot from=file:products.ndjson"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 2, 0, 0 }, states(done))
    mend(done, '"title":"x","sku_code":"N%-2"', '"title":"x","price":2,"sku_code":"N-2"')
    local again = retry(done, 0)
    assert.matches("2 products made, 0 there before, 2 stock levels set", again.stderr)
    local stock = {}
    for _, text in p.sandbox.veeqo:each "stock" do
      local entry = json.decode(text)
      stock[entry.sku_code] = entry.physical_stock_level
    end
    assert.same({ ["N-1"] = 5, ["N-2"] = 6 }, stock)
  end)
end)
