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
