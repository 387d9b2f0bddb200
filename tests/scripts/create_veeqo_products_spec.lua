-- create_veeqo_products: each product once and its stock right, whatever is killed or cut, against a server that makes another
-- product of each post and whose search lags. `make crash` (SLUICE_CRASH_LONG=1) is the long form.
local json = require "sluice.json"
local model = require "support.shop_model"
local project = require "support.project"
local tmp = require "support.tmp"

local STEPS = { "intended", "marking", "marked", "answered", "confirmed", "searched", "settled" }
local LONG = os.getenv "SLUICE_CRASH_LONG"
local WORDS = "scripts/create_veeqo_products.lua to=depot from=file:products.ndjson"

describe("scripts/create_veeqo_products.lua", function()
  local p, count
  local function start(options)
    local all = { products = 0, veeqo_products = 3, veeqo_orders = 0, veeqo_lag = 0.15 }
    for name, value in pairs(options or {}) do all[name] = value end
    p = project.new(all)
    local path = p.dir .. "/sluice.yaml"
    tmp.write(path, tmp.read(path)
      .. ('  depot: { api: veeqo, base_url: "%s", api_key: sandbox-key, index_lag: 250ms, timeout: 2s, limits: { api: 3000/s } }\n')
        :format(p.sandbox.url))
  end
  after_each(function() p:stop() end)

  local function product(i)
    return { title = "Product " .. i, product_variants_attributes = {
      { title = "Small", price = "9.90", sku_code = "NEW-" .. i, physical_stock_level = i },
      { title = "Large", price = 12, sku_code = "NEW-" .. i .. "-L", physical_stock_level = i * 2 },
    } }
  end

  local function write(lines, name)
    for i, line in ipairs(lines) do lines[i] = type(line) == "string" and line or json.encode(line) end
    tmp.write(p.dir .. "/" .. (name or "products.ndjson"), table.concat(lines, "\n") .. "\n")
  end

  local function products(n)
    local lines = {}
    for i = 1, n do lines[i] = product(i) end
    write(lines)
    count = n
  end

  -- By SKU: how often it is there, and its stock.
  local function shelves()
    local times, stock = {}, {}
    for _, text in p.sandbox.veeqo:each "stock" do
      local entry = json.decode(text)
      times[entry.sku_code] = (times[entry.sku_code] or 0) + 1
      stock[entry.sku_code] = entry.physical_stock_level
    end
    return times, stock
  end

  -- What is not as it should be: each product once, with its stock, and no other.
  local function fault()
    local times, stock = shelves()
    for i = 1, count do
      for sku, level in pairs { ["NEW-" .. i] = i, ["NEW-" .. i .. "-L"] = i * 2 } do
        if times[sku] ~= 1 then return ("%s is there %d times"):format(sku, times[sku] or 0) end
        if stock[sku] ~= level then return ("%s has the stock %d, not %d"):format(sku, stock[sku], level) end
      end
    end
    if #p.sandbox.veeqo.products ~= count + 3 then return ("there are %d products"):format(#p.sandbox.veeqo.products) end
  end

  local function recovers(what)
    local done = p:run(WORDS)
    assert(done.status == 0, ("after %s: exit %d: %s"):format(what, done.status, done.stderr))
    local problem = fault()
    assert(not problem, ("after %s: %s"):format(what, tostring(problem)))
    return done
  end

  it("makes each product once, sets its stock, and leaves both alone from then on", function()
    start()
    products(6)
    local done = p:run(WORDS)
    assert.equal(0, done.status, done.stderr)
    assert.matches("6 products made, 0 there before, 12 stock levels set in My Warehouse", done.stderr)
    assert.same({ 6, 6 }, { done.sums.read, done.sums.sent })
    assert.is_nil(fault())
    local veeqo = p.sandbox.veeqo
    assert.same({ "Product 6", "Large", 12, 9.9 }, { veeqo.products[9].title, veeqo.products[9].variants[2].title,
      veeqo.products[9].variants[2].price, veeqo.products[9].variants[1].price })
    veeqo.products[4].variants[1].stock[22668].physical = 0 -- Veeqo has sold one
    done = p:run(WORDS .. " warehouse=22668")
    assert.same({ 0, 0, 6 }, { done.status, done.sums.sent, done.sums.unchanged })
    assert.matches("0 products made, 6 there before, 0 stock levels", done.stderr)
    assert.equal(0, veeqo.products[4].variants[1].stock[22668].physical)
    assert.equal(9, #veeqo.products)
  end)

  it("takes products as the shop has them, and then what is new there", function()
    start { products = 30 }
    local words = "scripts/create_veeqo_products.lua to=depot from=shop"
    local done = p:run(words)
    local made = done.sums.sent
    assert.equal(30, done.sums.read)
    assert.equal(30, made + done.sums.rejected + done.sums.skipped, done.stderr)
    assert.is_true(made > 20, done.stderr)
    local times, stock = shelves()
    for _, text in p.sandbox.catalogue:each() do
      local v = json.decode(text).variants[1]
      if v and v.sku ~= "" and times[v.sku] then
        assert.equal(1, times[v.sku])
        assert.equal(math.max(0, v.qty // 1), stock[v.sku])
      end
    end
    p.sandbox:add(1)
    p.sandbox:touch(2)
    done = p:run(words)
    assert.is_true(done.sums.sent <= 1 and done.sums.read == 3, done.stderr)
    assert.equal(made + done.sums.sent + 3, #p.sandbox.veeqo.products)
  end)

  it("rejects what can't be made with the reason, and makes the rest, exit 3", function()
    start { veeqo_lag = 0 }
    local bad = { product(2), product(3), product(4), product(5) }
    bad[1].product_variants_attributes[2].sku_code = "NEW-2"
    bad[2].product_variants_attributes[1].price = nil
    bad[3].product_variants_attributes[1].physical_stock_level = "many"
    bad[4].colour = "red"
    write { product(1), '{"title":"nothing"}', bad[1], bad[2], bad[3], bad[4], '{"broken', product(1),
      { title = "There", product_variants_attributes = { { title = "x", price = 1, sku_code = "SKU-1-1" } } } }
    count = 1
    local done = p:run(WORDS)
    assert.equal(3, done.status, done.stderr)
    assert.same({ 9, 1, 6, 2 }, { done.sums.read, done.sums.sent, done.sums.rejected, done.sums.skipped })
    assert.same({ ["its SKU came before in this run"] = 1, ["in Veeqo already, not made by this"] = 1 }, done.sums.skipped_by_reason)
    local reasons = tmp.read(done.sums.dead_letters)
    for _, reason in ipairs { "it has no variants", "it has the SKU NEW-2 twice", "price", "the stock of NEW-4 is no number: many",
      "colour" } do
      assert.is_truthy(reasons:find(reason, 1, true), reason)
    end
    assert.is_nil(fault())
    write { bad[2] }
    bad[2] = product(3)
    write { bad[2] }
    assert.equal(1, p:run(WORDS).sums.sent) -- mended and handed in again
  end)

  for _, step in ipairs(STEPS) do
    it("makes each once when it is killed at the step " .. step, function()
      start()
      products(8)
      if step == "searched" then p.sandbox:fault { kind = "reset_after", method = "POST", path = "/products", nth = 3 } end
      local done = p:crash("KILL", step, (step == "settled" or step == "searched") and 1 or 4, WORDS)
      assert(done.hit, ("the step '%s' was not reached: %s"):format(step, done.stderr))
      assert.equal(137, done.status)
      recovers(step)
    end)
  end

  for _, kind in ipairs { "reset_before", "reset_after", "cut", "garbage", "truncate" } do
    it("makes each once when a connection ends in " .. kind, function()
      start()
      products(8)
      p.sandbox:fault { kind = kind, method = "POST", path = "/products", nth = 2, after = kind == "cut" and 20 or nil }
      p.sandbox:fault { kind = kind, method = "PUT", path = "/sellables/*", nth = 5, after = kind == "cut" and 20 or nil }
      local done = p:run(WORDS)
      assert.equal(0, done.status, done.stderr)
      assert.equal(8, done.sums.sent)
      assert.is_nil(fault())
    end)
  end

  it("sets the stock of a product with more variants than an answer that is kept has room for", function()
    start()
    local variants = {}
    for i = 1, 12 do variants[i] = { title = "V" .. i, price = 1, sku_code = "BIG-" .. i, physical_stock_level = i } end
    write { { title = "Big", product_variants_attributes = variants } }
    local done = p:run(WORDS)
    assert.equal(0, done.status, done.stderr)
    local _, stock = shelves()
    for i = 1, 12 do assert.equal(i, stock["BIG-" .. i]) end
  end)

  it("ends with 7 where the search can't tell, leaves the cursor, and with 0 once it can", function()
    start { veeqo_lag = 0 }
    products(3)
    tmp.write(p.dir .. "/quick.lua", tmp.read("scripts/create_veeqo_products.lua"):gsub('operation = "create_product",', '%0 deadline = 1,', 1))
    p.sandbox:fault { kind = "reset_after", method = "POST", path = "/products", nth = 2 }
    p.sandbox:fault { kind = "status", status = 400, method = "GET", path = "/products", every = 1, times = 1000000 }
    local done = p:run "quick.lua to=depot from=file:products.ndjson search=false"
    assert.equal(7, done.status, done.stderr)
    assert.same({ 2, 1 }, { done.sums.sent, done.sums.unknown })
    p.sandbox.faults:clear()
    done = p:run "quick.lua to=depot from=file:products.ndjson search=false"
    assert.equal(0, done.status, done.stderr)
    assert.is_nil(fault())
  end)

  it("says where a product is gone before its stock is set, exit 1", function()
    start { veeqo_lag = 0 }
    products(2)
    local done = p:crash("KILL", "confirmed", 1, WORDS)
    assert(done.hit, done.stderr)
    local gone = p.sandbox.veeqo.products[4]
    p.sandbox.veeqo:delete_product(tostring(gone.id))
    done = p:run(WORDS)
    assert.equal(1, done.status, done.stderr)
    assert.matches("the stock of 1 products was not set", done.stderr)
    assert.matches("the stock of '" .. gone.variants[1].sku_code .. "' is not set", done.stderr, 1, true)
    assert.equal(4, #p.sandbox.veeqo.products) -- what a person has deleted is not made again
  end)

  it("names what is wrong with its arguments, exit 2", function()
    start()
    products(1)
    for given, message in pairs {
      ["warehouse=Depot"] = "there is no warehouse Depot; there are: 22668 %(My Warehouse%)", ["search=perhaps"] = "search is true or false",
      ["from=shop"] = "given twice", ["stock=1"] = "unknown argument 'stock'",
    } do
      local done = p:run(WORDS .. " " .. given)
      assert.equal(2, done.status, given .. done.stderr)
      assert.matches(message, done.stderr)
    end
    assert.equal(3, #p.sandbox.veeqo.products)
  end)

  it("makes each once through seeded deaths and cut connections", function()
    start()
    local random = model.randomizer(tonumber(os.getenv "SLUICE_SEED") or 1)
    local rounds, hits = LONG and 40 or 6, 0
    for _, kind in ipairs { "reset_before", "reset_after", "truncate" } do
      p.sandbox:fault { kind = kind, path = "/products", method = "POST", probability = 0.03 }
      p.sandbox:fault { kind = kind, path = "/sellables/*", probability = 0.01 }
    end
    for round = 1, rounds do
      products(round * 8)
      local step = STEPS[(round - 1) % #STEPS + 1]
      local last = step == "searched" or step == "settled"
      local done = round % 4 == 0 and p:crash("KILL", "after", random(20, 600) / 1000, WORDS)
        or p:crash("KILL", step, last and 1 or random(1, 6), WORDS)
      hits = hits + (done.hit and 1 or 0)
    end
    assert.is_true(hits > rounds / 4, hits)
    p.sandbox.faults:clear()
    recovers "several deaths"
  end)
end)
