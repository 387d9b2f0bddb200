-- scripts/delta_feed.lua as a user runs it, against the sandbox.
local json = require "sluice.json"
local project = require "support.project"
local tmp = require "support.tmp"

local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773"

describe("delta_feed", function()
  local p
  local function start(options)
    p = project.new(options)
    return p
  end
  after_each(function()
    if p then p:stop() end
    p = nil
  end)

  local function sums(done)
    local s = done.sums
    assert(s, done.stderr)
    return { s.exit_code, s.read, s.sent, s.unchanged, s.rejected }
  end

  it("sends all, then what changed, then nothing", function()
    start { products = 700, crowd = 550 }
    assert.same({ 0, 700, 700, 0, 0 }, sums(p:run(FEED)))
    assert.is_nil(p:difference())
    p.sandbox:touch(5)
    p.sandbox:add(1)
    local done = p:run(FEED)
    assert.same({ 0, 6, 0 }, { done.status, done.sums.sent, done.sums.rejected })
    assert.is_nil(p:difference())
    assert.equal(0, p:run(FEED).sums.sent)
    assert.equal(706, p.sandbox:stream(124773).applied)
    assert.same({ 0, 701, 701, 0, 0 }, sums(p:run(FEED .. " --full")))
  end)

  it("sends what it does not touch byte for byte", function()
    start { products = 6 }
    local ids, texts, n = {}, {}, 0
    for id in p.sandbox.catalogue:each() do ids[#ids + 1] = id end
    for _, rest in ipairs { '"big":123456789012345678901234567890,"small":-9223372036854775808,"price":957.0,"rate":1.50,"e":1E+2,"zero":-0',
      '"z":1,"a":2,"m":{"z":1,"a":[]},"a2":{},"list":[1,1.0,"1"],"null":null', [["title":"Caf\u00e9 \/ \ud83d\ude00 Größe \u0000 \"x\""]],
      '"title":"once","variants":[{"id":100000000000000001,"price":9.90}],"title":"twice"', '"":"","un\\u0020known":[[[{"deep":1e-400}]]]' } do
      n = n + 1
      local modified = '","modified":"2026-01-02 03:04:0' .. n .. '",' .. rest .. "}"
      local raw = '{"hash":"x","id":' .. ids[n] .. ',"source_product_code":"P' .. n .. modified
      p.sandbox:edit(ids[n], { raw = raw })
      texts[n] = raw:gsub('"id":(%d+)', '"id":"%1"', 1)
    end
    local done = p:run(FEED)
    assert.same({ 0, 6, 6, 0, 0 }, sums(done))
    for i, text in ipairs(texts) do assert.equal(text, p.sandbox:stream(124773):get(tostring(ids[i]))) end
  end)

  it("finds nothing new twice where the index lags", function()
    start { products = 100, lag = 60 }
    p:run(FEED)
    p.sandbox:touch(7)
    assert.equal(0, p:run(FEED).sums.sent)
    p.sandbox.shift = p.sandbox.shift + 61
    assert.equal(7, p:run(FEED).sums.sent)
    assert.equal(0, p:run(FEED).sums.sent)
    assert.is_nil(p:difference())
  end)

  it("starts another stream afresh, and leaves the cursor alone with since", function()
    start { products = 50 }
    p:run(FEED)
    assert.equal(0, p:run(FEED).sums.sent)
    local other = p:run "scripts/delta_feed.lua from=shop to=feed stream=nowhere"
    assert.equal(1, other.status)
    assert.matches("404", other.stderr)
    assert.equal(50, p:run(FEED .. " since=2001-01-01").sums.sent)
    assert.equal(0, p:run(FEED).sums.sent)
  end)

  it("cuts batches to order", function()
    start { products = 95 }
    local done = p:run(FEED .. " batch:=10")
    assert.equal(95, done.sums.sent)
    assert.same({ success = 10 }, done.sums.batches)
  end)

  it("writes a row per variant", function()
    start { products = 40 }
    local done = p:run(FEED .. " shape=variant")
    assert.equal(0, done.status)
    local rows = 0
    for _, text in p.sandbox.catalogue:each() do
      local product = json.decode(text)
      for _, variant in ipairs(product.variants) do
        rows = rows + 1
        local row = json.decode(p.sandbox:stream(124773):get(tostring(variant.id)))
        assert.equal(tostring(product.id), row.item_group_id)
        assert.equal(tostring(variant.id), row.id)
        assert.equal(variant.sku, row.sku)
        assert.equal(variant.price, row.price)
        assert.equal(product.title, row.title)
      end
    end
    assert.equal(rows, done.sums.sent)
    assert.equal(rows, p.sandbox:stream(124773).count)
  end)

  it("writes a file", function()
    start { products = 40 }
    local done = p:run "scripts/delta_feed.lua from=shop to=file:out.ndjson"
    assert.equal(40, done.sums.sent)
    local n = 0
    for line in io.lines(p.dir .. "/out.ndjson") do
      n = n + 1
      assert.equal("string", type(json.decode(line).id))
    end
    assert.equal(40, n)
    assert.equal(0, p:run("scripts/delta_feed.lua from=shop to=file:out.ndjson").sums.sent)
    assert.equal("", tmp.read(p.dir .. "/out.ndjson"))
  end)

  it("takes out what has vanished, and refuses to take out much", function()
    start { products = 200 }
    p:run(FEED)
    local gone = p.sandbox:deactivate(11)
    assert.equal(0, p:run(FEED).status)
    assert.equal(200, p.sandbox:stream(124773).count)
    assert.equal(0, p:run(FEED .. " sweep=true").status)
    assert.equal(189, p.sandbox:stream(124773).count)
    assert.is_nil(p:difference())
    p.sandbox:activate(gone)
    p.sandbox:touch(gone)
    p:run(FEED .. " sweep=true")
    assert.is_nil(p:difference())
    p.sandbox:deactivate(21)
    local done = p:run(FEED .. " sweep=true")
    assert.equal(2, done.status)
    assert.matches("21 of the 200", done.stderr)
    assert.equal(200, p.sandbox:stream(124773).count)
    assert.equal(0, p:run(FEED .. " sweep=true confirm=true").status)
    assert.is_nil(p:difference())
  end)

  it("takes out the variants of what has vanished", function()
    start { products = 60 }
    p:run(FEED .. " shape=variant")
    p.sandbox:deactivate(2)
    assert.equal(0, p:run(FEED .. " shape=variant sweep=true confirm=true").status)
    local rows = 0
    for _, text in p.sandbox.catalogue:each() do rows = rows + #json.decode(text).variants end
    assert.equal(rows, p.sandbox:stream(124773).count)
  end)

  local SITE = "scripts/delta_feed.lua from=shop to=site site_id=123 shape=variant batch:=40"

  -- The site has each variant of the shop, as it is there, and nothing else.
  local function check_site()
    local rows, count, variants = p:import()
    for _, text in p.sandbox.catalogue:each() do
      local product = json.decode(text)
      for _, v in ipairs(product.variants) do
        local row = assert(rows[tostring(v.id)], "a variant is not in the site")
        assert.same({ v.sku, product.title, tostring(product.id), nil }, { row.sku, row.title, row.item_group_id, row["pup:isdeleted"] })
        assert.equal("", row.option3) -- named although there is none: a delta would keep the old one
        variants = (variants or 0) + 1
      end
    end
    assert.equal(variants, count)
    return count
  end

  it("sends deltas to a site, then what changed, and deletes what has vanished", function()
    start { products = 60 }
    local done = p:run(SITE)
    assert.equal(0, done.status, done.stderr)
    assert.equal(check_site(), done.sums.sent)
    assert.same({ committed = 1 }, p:batch_states())
    assert.equal(0, p:run(SITE).sums.sent)
    p.sandbox:touch(3)
    assert.equal(3, p:run(SITE .. " checkpoint=1").sums.read)
    assert.same({ committed = 4 }, p:batch_states())
    local gone = p.sandbox:deactivate(2)
    done = p:run(SITE .. " sweep=true automatic_import=false")
    assert.same({ 0, 0 }, { done.status, done.sums.sent }, done.stderr)
    check_site()
    p.sandbox:activate(gone)
    p.sandbox:touch(gone)
    assert.equal(0, p:run(SITE .. " sweep=true").status)
    check_site()
    assert.equal(60, p:run("scripts/delta_feed.lua from=shop to=feed stream=124773").sums.sent) -- a cursor of its own
  end)

  it("commits nothing to a site where the feed fails, and goes on afterwards", function()
    start { products = 60 }
    p.sandbox:fault "status status=400 path=/platform/v2/sites/123/products/*/upload nth=2"
    local done = p:run(SITE)
    assert.equal(1, done.status, done.stderr)
    assert.same({ discarded = 1 }, p:batch_states())
    p.sandbox:fault "reset_after path=/platform/v2/sites/123/products/*/commit nth=1"
    assert.equal(7, p:run(SITE).status)
    done = p:run(SITE)
    assert.equal(check_site(), done.sums.sent)
  end)

  it("is killed on its way to a site, and the site has everything once", function()
    start { products = 60 }
    for n, step in ipairs { "page", "send", "answer", "commit", "committed", "before_commit", "after_commit" } do
      p.sandbox:touch(50)
      local done = p:crash("KILL", step, 1, SITE)
      assert(done.hit, step .. done.stderr)
      done = p:run(SITE)
      assert.equal(0, done.status, n .. step .. done.stderr)
      check_site()
      local states = p:batch_states() -- what died is discarded, unless its commit may have gone
      assert.equal(step == "commit" and 1 or nil, states.open, step)
      if states.open then p.sandbox.platform.sites[123].batches = {} end
    end
  end)

  it("keeps rejected products in the dead-letter file, and ends with 3", function()
    start { products = 30 }
    local ids = {}
    for id in p.sandbox.catalogue:each() do ids[#ids + 1] = id end
    p.sandbox:edit(ids[3], { body_html = ("x"):rep(3000000) })
    local done = p:run(FEED)
    assert.equal(3, done.status)
    assert.same({ 3, 30, 29, 0, 1 }, sums(done))
    local letter = json.decode(tmp.read(done.sums.dead_letters))
    assert.equal(tostring(ids[3]), letter.record.id)
    assert.matches("1,?000,?000", letter.reason)
    assert.equal(0, p:run(FEED).status)
  end)

  it("goes on after faults of both servers", function()
    start { products = 600, crowd = 100 }
    p.sandbox:fault "status status=503 path=/v1/products/elastic_search nth=2"
    p.sandbox:fault "reset_after path=/streams/*/products nth=1"
    p.sandbox:fault "truncate path=/v1/products/elastic_search nth=3"
    local done = p:run(FEED .. " batch:=200")
    assert.equal(0, done.status, done.stderr)
    assert.is_nil(p:difference())
  end)

  it("logs in again when its token dies", function()
    start { products = 600 }
    p:run(FEED)
    p.sandbox:expire()
    p.sandbox:touch(3)
    assert.equal(3, p:run(FEED).sums.sent)
  end)

  it("stops cleanly at the first Ctrl-C, and goes on there", function()
    start { products = 1200 }
    local done = p:crash("INT", "page", 3, FEED .. " batch:=100")
    assert.is_true(done.hit)
    assert.equal(130, done.status, done.stderr)
    local first = done.sums.sent
    assert.is_true(first > 0 and first < 1200)
    assert.equal(1200 - first, p:run(FEED).sums.sent)
    assert.is_nil(p:difference())
    assert.equal(1200, p.sandbox:stream(124773).applied)
  end)

  it("stops cleanly where it waits for the rate limit", function()
    start { products = 2000 }
    p:slow()
    local done = p:crash("INT", "page", 4, FEED .. " batch:=100")
    assert.equal(130, done.status, done.stderr)
    local first = done.sums.sent
    assert.is_true(first > 0 and first < 2000)
    assert.equal(2000 - first, p:run(FEED).sums.sent)
    assert.is_nil(p:difference())
    assert.equal(2000, p.sandbox:stream(124773).applied)
  end)

  -- One message with its cure, no traceback, the cursor where it was; afterwards all goes on.
  local function fails_cleanly(status, message, words)
    local done = p:run(words or FEED)
    assert.equal(status, done.status, done.stderr)
    assert.matches(message, done.stderr)
    assert.is_nil(done.stderr:find("traceback", 1, true))
    return done
  end

  it("ends well where products are not JSON, and goes on when they are", function()
    start { products = 40 }
    p:run(FEED)
    local id = p.sandbox:touch(1)[1]
    for _, raw in ipairs { '{"id":1,"title":"\xff\xfe"}', '{"id":1,"title":"a\0b"}', '{"id":1,', '"text"' } do
      p.sandbox:edit(id, { raw = raw })
      fails_cleanly(1, "answer of the search")
    end
    p.sandbox:edit(id, { raw = false, title = "mended" })
    assert.equal(1, p:run(FEED).sums.sent)
    assert.is_nil(p:difference())
  end)

  it("ends well where the shop answers nonsense, and asks again where it does so once", function()
    start { products = 300 }
    local search = " path=/v1/products/elastic_search"
    p.sandbox:fault("malformed every=1 times=9" .. search)
    fails_cleanly(1, "not JSON")
    p.sandbox.faults:clear()
    p.sandbox:fault('status status=200 body={"hits":{"hits":[]}} every=1 times=9' .. search)
    fails_cleanly(1, "system_products")
    p.sandbox.faults:clear()
    p.sandbox:fault("malformed nth=2" .. search)
    assert.equal(300, p:run(FEED).sums.sent)
    assert.is_nil(p:difference())
  end)

  it("ends well where credentials are refused, and where the token dies under way", function()
    start { products = 300 }
    local config = tmp.read(p.dir .. "/sluice.yaml")
    tmp.write(p.dir .. "/sluice.yaml", (config:gsub("password: sandbox", "password: wrong")))
    fails_cleanly(4, "401")
    tmp.write(p.dir .. "/sluice.yaml", (config:gsub("sandbox%-token", "other-token")))
    fails_cleanly(4, "401")
    tmp.write(p.dir .. "/sluice.yaml", config)
    p.sandbox:fault "status status=401 path=/v1/products/elastic_search nth=2"
    assert.equal(300, p:run(FEED).sums.sent)
    assert.is_nil(p:difference())
  end)

  it("keeps the cursor where the dead-letter file can't be written", function()
    start { products = 20 }
    local ids = {}
    for id in p.sandbox.catalogue:each() do ids[#ids + 1] = id end
    p.sandbox:edit(ids[3], { body_html = ("x"):rep(1100000) })
    tmp.write(p.dir .. "/dlq", "in the way")
    fails_cleanly(1, "dlq")
    os.remove(p.dir .. "/dlq")
    assert.same({ 3, 20, 19, 0, 1 }, sums(p:run(FEED)))
  end)

  it("names what is wrong with its arguments", function()
    start { products = 1 }
    for words, message in pairs {
      ["from=shop to=feed"] = "stream is missing",
      ["from=shop to=feed stream=1 shape=flat"] = "shape is product or variant",
      ["from=shop to=file:x sweep=true"] = "a file can't be swept",
      ["from=shop to=site site_id=123"] = "the products of a site are flat: say shape=variant",
      ["from=shop to=site stream=1 shape=variant"] = "site_id is missing",
      ["from=shop to=site site_id=123 shape=variant automatic_import=no"] = "automatic_import is true or false",
      ["from=shop to=feed stream=1 since=yesterday"] = "since is a time %(like [^)]*%)[^,]*, not 'yesterday'",
      ["from=shup to=feed stream=1"] = "shup",
    } do
      local done = p:run("scripts/delta_feed.lua " .. words)
      assert.equal(2, done.status, words .. done.stderr)
      assert.matches(message, done.stderr)
    end
  end)

  it("says a word where nothing has changed", function()
    start { products = 3 }
    assert.matches("sent       3", p:run("sluice run " .. FEED).stderr)
    local done = p:run("sluice run " .. FEED)
    assert.same({ 0, "" }, { done.status, done.stdout })
    assert.matches("delta_feed: done, nothing has changed\n$", done.stderr)
    assert.equal("", p:run("sluice -q run " .. FEED).stderr)
  end)
end)
