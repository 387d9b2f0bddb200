-- Products of Stock2Shop in other forms: flat rows, what Veeqo takes, a file.
local json = require "sluice.json"
local product_rows = require "sluice.product_rows"
local run = require "sluice.run"
local tmp = require "support.tmp"
local veeqo_product = require "sluice.veeqo_product"

local function product(more)
  local one = { id = 7, title = "Shirt", body_html = "<p>", vendor = "ACME", images = { { id = 1, src = "a" }, { id = 2, src = "b" } },
    variants = { { id = 71, sku = "S-1", price = 2.5, qty = 3.7, image_id = 2 },
      { id = 72, sku = "S-2", qty = -1, option1 = "L", option2 = "red" } } }
  for key, value in pairs(more or {}) do one[key] = value end
  return one
end

describe("a product", function()
  it("has a flat row for each variant, with its own image or the first one", function()
    local rows = product_rows.variants(product())
    assert.same({ id = "71", item_group_id = "7", title = "Shirt", description = "<p>", brand = "ACME",
      sku = "S-1", price = 2.5, qty = 3.7, image = "b" }, rows[1])
    assert.same({ "72", "a", "L" }, { rows[2].id, rows[2].image, rows[2].option1 })
    assert.same({ "71", "72" }, product_rows.ids(product()))
    assert.same({}, product_rows.variants { id = 1 })
  end)

  it("names every column of a row where a delta would keep the rest", function()
    for _, row in ipairs(product_rows.whole(product())) do
      for _, name in ipairs(product_rows.columns) do assert.is_not_nil(row[name], name) end
    end
    assert.equal("", product_rows.whole(product())[1].option3)
  end)

  it("is what Veeqo takes, with its stock beside it", function()
    local args, stock = veeqo_product.of(product())
    assert.same({ "Shirt", "<p>", 2, "b" }, { args.title, args.description, #args.product_variants_attributes, args.images_attributes[2].src })
    assert.same({ "S-1", "L / red" }, { args.product_variants_attributes[1].title, args.product_variants_attributes[2].title })
    assert.same({ { sku = "S-1", level = 3 }, { sku = "S-2", level = 0 } }, stock)
    assert.is_nil(args.product_variants_attributes[1].physical_stock_level)
    args, stock = veeqo_product.of { title = "x", product_variants_attributes = { { sku_code = "A", price = 1 } } }
    assert.same({ "x", {} }, { args.title, stock })
  end)

  it("is refused with the reason where Veeqo can't take it", function()
    for reason, one in pairs {
      ["it has no variants"] = { title = "x" }, ["variant 1 has no sku_code (a text)"] = { variants = { { sku = json.null } } },
      ["it has the SKU S twice"] = { variants = { { sku = "S" }, { sku = "S" } } },
      ["the stock of S is no number: many"] = { variants = { { sku = "S", qty = "many" } } },
      ["variant 2 has no sku_code (a text)"] = { product_variants_attributes = { { sku_code = "a" }, 5 } },
    } do assert.same({ nil, reason }, { veeqo_product.of(one) }) end
  end)

  it("goes into a file that is there when all is written", function()
    run.set { silent = true, options = {} }
    finally(function() run.set(nil) end)
    local path = tmp.dir() .. "/out.ndjson"
    local sink = require("sluice.file_sink").open(path)
    sink:write { id = "1" }
    sink:flush()
    assert.is_nil(io.open(path))
    assert.equal(0, run.current().sums.sent)
    sink:finish()
    assert.equal('{"id":"1"}\n', tmp.read(path))
    assert.equal(1, run.current().sums.sent)
    assert.is_false((pcall(require("sluice.file_sink").open, "/nowhere/at/all")))
  end)
end)
