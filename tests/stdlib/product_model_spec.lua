local json = require "sluice.json"
local model = require "sluice.product_model"
local documents = require "support.documents"

-- The product of a printed command.
local function printed(name)
  local body = documents.text("stock2shop/" .. name .. ".sh"):match "%-d '(.-)' \\\n"
  return assert(json.decode(body)).system_products[1]
end

local function flat(more)
  local product = { source_product_code = "ABC", title = "Example", variants = { source_variant_code = "ABC", sku = "ABC" } }
  for name, value in pairs(more or {}) do product[name] = value end
  return product
end

local function with(more)
  local product = flat()
  for name, value in pairs(more) do product.variants[name] = value end
  return product
end

describe("a product for the queue", function()
  it("of the documents' is the same in both of its forms", function()
    for name, id in pairs { queue_products = "123", queue_products_all = "{source_id}" } do
      local item = printed(name)
      assert.same(item, (model.item(item, id)))
      local one = { source_product_code = "ABC" }
      for field, value in pairs(item.product) do one[field] = value end
      assert.same(item, (model.item(one, id)))
    end
  end)

  it("has each value in the type that the documents print", function()
    local item = assert(model.item({
      source_product_code = 77, product_active = false, title = 12, options = { { name = "Size", position = 1 } },
      meta = { { key = "on", value = true }, { key = "n", value = 1.5 } },
      variants = { { source_variant_code = 5, sku = "A", qty = "9", grams = 20.0, price = "19.90", inventory_management = true, option1 = "XL",
        option2 = json.null, qty_availability = { { description = "W", qty = "1" } }, price_tiers = { { tier = "T", price = "8" } } } },
    }, "57"))
    assert.same({ source_id = "57", product_active = "false", source_product_code = "77", sync_token = "0", fetch_token = "0" }, item.source)
    local v = item.product.variants
    assert.same({ "12", "1", "true", "1.5" },
      { item.product.title, item.product.options[1].position, item.product.meta[1].value, item.product.meta[2].value })
    assert.same({ "5", 9, 20, 19.9, "true", json.null, 1, 8 }, { v.source_variant_code, v.qty, v.grams, v.price, v.inventory_management, v.option2,
      v.qty_availability[1].qty, v.price_tiers[1].price })
    assert.equal("integer", math.type(v.grams))
    assert.equal("false", model.item(with { inventory_management = "0" }, "57").product.variants.inventory_management)
  end)

  it("that can't be one is refused with the reason", function()
    local cases = {
      { 7, "it is no object" },
      { flat { source_product_code = json.null }, "source_product_code is missing" },
      { flat { source_product_code = " " }, "source_product_code is blank" },
      { flat { title = "" }, "title is missing" },
      { flat { title = { "x" } }, 'title must be text, not ["x"]' },
      { flat { variants = json.null }, "variants is missing: each product must contain one variant" },
      { flat { variants = json.array {} }, "variants is missing: each product must contain one variant" },
      { flat { variants = "ABC" }, "variants is missing: each product must contain one variant" },
      { flat { variants = { flat().variants, flat().variants } }, "variants has 2 variants, and each product must contain only one" },
      { with { sku = "" }, "variants.sku is missing" },
      { flat { variants = { sku = "A" } }, "variants.source_variant_code is missing" },
      { with { qty = 1.5 }, "variants.qty must be a whole number, not 1.5" },
      { with { qty = "many" }, "variants.qty must be a number, not 'many'" },
      { with { grams = "" }, "variants.grams must be a number, not ''" },
      { with { price = "10,50" }, "variants.price must be a number, not '10,50'" },
      { with { price = 0 / 0 }, "variants.price must be a number" },
      { with { inventory_management = "no" }, "must be true or false, not 'no' (which Stock2Shop would take for true)" },
      { flat { product_active = "yes" }, "source.product_active must be true or false, not 'yes'" },
      { flat { titel = "x" }, "titel is no field of a product (did you mean 'title'?)" },
      { with { qtty = 1 }, "variants.qtty is no field of a product (did you mean 'qty'?)" },
      { flat { options = { { name = "a" }, { name = "b" }, { name = "c" }, { name = "d" } } }, "options has 4 entries, Stock2Shop takes 3" },
      { flat { options = { name = "a" } }, "options must be a list" },
      { flat { meta = { { key = "Foo", value = "1" }, { key = "foo", value = "2" } } }, "meta has the key 'foo' twice" },
      { flat { meta = { { value = "1" } } }, "meta[1].key is missing" },
      { with { price_tiers = { { tier = "T", price = "free" } } }, "variants.price_tiers[1].price must be a number, not 'free'" },
      { flat { source_id = 58 }, "it belongs to source 58, not to 57" },
      { { source = {}, product = {}, title = "x" }, "title is no field beside source and product" },
      { { source = {} }, "product is missing" },
      { { source = { source_product_code = "A" }, product = {} }, "title is missing" },
    }
    for _, case in ipairs(cases) do
      local item, problem = model.item(case[1], "57")
      assert.is_nil(item)
      assert.is_truthy(problem:find(case[2], 1, true), problem .. " instead of " .. case[2])
    end
  end)

  it("is named by its code", function()
    assert.same({ "ABC", "7", "?", "?" }, { model.code(flat()), model.code { source = { source_product_code = 7 } }, model.code {}, model.code "x" })
  end)
end)
