local json = require "sluice.json"
local project = require "support.project"
local tmp = require "support.tmp"

local CSV = [[
source_product_code,title,source_variant_code,sku,qty,price,option1_name,option1,product_active,price:Wholesale,qty:Depot,meta:colour
SHIRT,"Shirt, blue",SHIRT-M,SHIRT-M,9,100.00,Size,M,true,80.5,3,blue
SHIRT,"Shirt, blue",SHIRT-L,SHIRT-L,,100.00,Size,L,,,,
"MUG ""XL""",Mug,MUG,MUG,5,7.5,,,1,,,
]]

describe("scripts/push_products.lua", function()
  local it_is
  before_each(function() it_is = project.new { products = 0 } end)
  after_each(function() it_is:stop() end)

  local function push(words, text, name)
    tmp.write(it_is.dir .. "/" .. (name or "products.csv"), text or CSV)
    return it_is:run("scripts/push_products.lua to=shop source_id=57 file=" .. (name or "products.csv") .. " " .. (words or ""))
  end

  local function product(code)
    local n = it_is.sandbox.catalogue:find_code(code)
    return n and assert(json.decode(it_is.sandbox.catalogue:text(n)))
  end

  it("puts a CSV file into the queue and waits until it is applied", function()
    local done = push()
    assert.equal(0, done.status, done.stderr)
    assert.matches("3 products queued in 1 request, 0 rejected; the queue was empty after %d+ s", done.stderr)
    assert.same({ 3, 3, 0 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    local shirt, mug = product "SHIRT", product 'MUG "XL"'
    assert.same({ "Shirt, blue", 2, 57, "colour", "blue", "Size" },
      { shirt.title, #shirt.variants, shirt.source_id, shirt.meta[1].key, shirt.meta[1].value, shirt.options[1].name })
    local m, l = shirt.variants[1], shirt.variants[2]
    assert.same({ "SHIRT-M", 9, 100, "M", 0, "L" }, { m.sku, m.qty, m.price, m.option1, l.qty, l.option1 })
    assert.same({ { tier = "Wholesale", price = 80.5 } }, m.price_tiers)
    assert.same({ { description = "Depot", qty = 3 } }, m.qty_availability)
    assert.same({ "Mug", 7.5, true }, { mug.title, mug.variants[1].price, mug.active })
    local lines = {}
    for i, code in ipairs { "N", "O" } do
      lines[i] = json.encode { source_product_code = code, title = code, variants = { source_variant_code = code, sku = code } }
    end
    done = push("batch=1", table.concat(lines, "\n"), "products.ndjson")
    assert.equal(0, done.status, done.stderr)
    assert.matches("2 products queued in 2 requests", done.stderr)
    assert.equal("O", product "O".title)
  end)

  it("rejects what is no product by its line and sends the rest, exit 3", function()
    local done = push("watch=false", CSV .. table.concat({ "BAD,,B,B,,,,,,,,", "SHORT,x", "NO,No,N,N,many,,,,,,,", 'STRAY,5" disk,D,D,1,1,,,,,,',
      "LAST,Last,L,L,1,1,,,no,,,", "END,End,E,E,1,1,,,,,," }, "\n"))
    assert.equal(3, done.status, done.stderr)
    assert.matches("4 products queued in 1 request, 5 rejected", done.stderr)
    assert.same({ 9, 4, 5 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    local lines = {}
    for name in require("lfs").dir(it_is.dir .. "/dlq") do
      for line in name:find "ndjson$" and tmp.read(it_is.dir .. "/dlq/" .. name):gmatch "[^\n]+" or function() end do
        lines[#lines + 1] = assert(json.decode(line))
      end
    end
    local reasons = {}
    for i, line in ipairs(lines) do reasons[i] = ("%s %s"):format(line.product or line.line, line.reason) end
    table.sort(reasons)
    assert.same({ "6 it has 2 fields, the header 12", "8 a quote in a field that does not begin with one", "BAD title is missing",
      "LAST source.product_active must be true or false, not 'no' (which Stock2Shop would take for true)",
      "NO variants.qty must be a number, not 'many'" }, reasons)
    assert.equal("End", product "END".title)
  end)

  it("is stalled where an item blocks the queue, exit 6", function()
    it_is.sandbox:poison "SHIRT"
    local done = push "stall_after=0.3"
    assert.equal(6, done.status, done.stderr)
    assert.matches("the queue has stood at 3 items", done.stderr)
    assert.matches("retries or skips it", done.stderr)
  end)

  describe("killed or cut", function()
    local CODES = 40
    before_each(function()
      local lines = {}
      for i = 1, CODES do
        local code = "P" .. i
        lines[i] = json.encode { source_product_code = code, title = "Title " .. i, variants = { source_variant_code = code, sku = code, qty = i } }
      end
      tmp.write(it_is.dir .. "/many.ndjson", table.concat(lines, "\n") .. "\n")
    end)

    local WORDS = "scripts/push_products.lua to=shop source_id=57 file=many.ndjson batch=10"

    -- Each product once in the shop, as the file has it; how many items were queued.
    local function queued()
      for i = 1, CODES do
        local one = product("P" .. i)
        assert(one, ("P%d is not there"):format(i))
        assert.same({ "Title " .. i, 1, i }, { one.title, #one.variants, one.variants[1].qty })
      end
      local ids = {}
      for id in it_is.sandbox.catalogue:each() do ids[#ids + 1] = id end
      assert.equal(CODES, #ids)
      return #it_is.sandbox:queued()
    end

    it("queues a request twice whose answer was lost, ends in the same, and says how many", function()
      it_is.sandbox:fault "reset_after path=/v1/products/queue nth=2"
      it_is.sandbox:fault "truncate path=/v1/products/queue nth=4"
      local done = it_is:run(WORDS)
      assert.equal(0, done.status, done.stderr)
      assert.matches("40 products queued in 4 requests, 0 rejected, 20 sent again %(they may be queued twice%)", done.stderr)
      assert.same({ 40, 2 }, { done.sums.sent, done.sums.retries })
      assert.equal(60, queued())
    end)

    it("queues nothing twice where a request did not arrive", function()
      it_is.sandbox:fault "reset_before path=/v1/products/queue nth=2"
      local done = it_is:run(WORDS)
      assert.matches("10 sent again", done.stderr)
      assert.equal(40, queued())
      done = it_is:run(WORDS)
      assert.is_nil(done.stderr:find "sent again")
    end)

    for _, step in ipairs { "send", "answer", "before_commit", "after_commit" } do
      it("ends in the same when it is killed at the step " .. step .. " and run again", function()
        local nth = step:find "commit" and 1 or 3
        local done = it_is:crash("KILL", step, nth, WORDS)
        assert(done.hit, done.stderr)
        assert.equal(137, done.status)
        local before = #it_is.sandbox:queued()
        assert.equal(step == "send" and 20 or step == "answer" and 30 or 40, before)
        done = it_is:run(WORDS)
        assert.same({ 0, 40 }, { done.status, done.sums.sent }, done.stderr)
        assert.equal(before + 40, queued())
      end)
    end

    it("ends in the same after seeded deaths and cut connections", function()
      local random, hits = require("support.shop_model").randomizer(tonumber(os.getenv "SLUICE_SEED") or 1), 0
      it_is.sandbox:fault { kind = "reset_after", path = "/v1/products/queue", probability = 0.1 }
      for _ = 1, os.getenv "SLUICE_CRASH_LONG" and 40 or 5 do
        hits = hits + (it_is:crash("KILL", "after", random(5, 150) / 1000, WORDS).hit and 1 or 0)
      end
      it_is.sandbox.faults:clear()
      assert.equal(0, it_is:run(WORDS).status)
      assert.is_true(queued() >= 40)
      assert.is_true(hits > 0)
    end)
  end)

  it("sends nothing of a file whose columns are wrong, exit 2", function()
    local done = push(nil, "source_product_code,titel,source_variant_code,sku\nA,A,A,A\n")
    assert.equal(2, done.status)
    assert.matches("the column 'titel' is none of a product %(did you mean 'title'%?%)", done.stderr)
    done = push(nil, "source_product_code,title,sku\nA,A,A\n")
    assert.matches("the column 'source_variant_code' is missing", done.stderr)
    done = push(nil, CSV, "products.xls")
    assert.matches("which format has products.xls", done.stderr)
    done = push("watch=perhaps")
    assert.matches("watch is true or false", done.stderr)
    assert.equal(0, #it_is.sandbox:requests())
  end)
end)
