-- Personal data of orders: masked in log lines and in bodies of answers, by the key that it stands under.
local json = require "sluice.json"
local log = require "sluice.log"
local process = require "sluice.process"
local tmp = require "support.tmp"

-- An order as Stock2Shop has it (facts of the order model), with everything that must stay readable marked so.
local ORDER = {
  system_order = {
    channel_order_code = "keep-code", state = "keep-saved", status = "keep-ordered", instruction = "keep-add_order",
    customer = { channel_customer_code = "keep-cc", email = "jane.doe@shop.example", first_name = "Jane-X", last_name = "Doe-X",
      accepts_marketing = true, name = "Jane-X Doe-X", meta = { { key = "keep-key", value = "keep-value" } } },
    line_items = { { sku = "keep-sku", title = "keep-title", name = "keep-name", price = 15, qty = 2,
      tax_lines = { { title = "keep-vat", code = "keep-vat-code" } } } },
    shipping_address = { first_name = "Jane-X", address1 = "1 Road-X", address2 = "Flat-X", city = "Town-X", zip = "Z1-X",
      province = "State-X", state = "St-X", company = "Firm-X", country = "keep-land", country_code = "keep-ZA", phone = "+27 21-X" },
    billing_address = { lastName = "Doe-X", postalCode = "Z2-X", ["address-1"] = "2 Road-X", latitude = -33.9188 },
    product = { name = "keep-product", company = "keep-brand", description = "keep-description" },
  },
}

-- Veeqo's create order body.
local VEEQO = {
  order = {
    channel_id = 1, number = "keep-number", customer_attributes = { phone = "07700-X", mobile = "07701-X", email = "j@x.example",
      billing_address_attributes = { first_name = "Jo-X", company = "Firm-X", state = "St-X", zip = "Z-X" } },
    deliver_to_attributes = { first_name = "Jo-X", last_name = "Doe-X", address1 = "1 Road-X", city = "Town-X", country = "keep-GB" },
    line_items_attributes = { { sellable_id = 5, additional_options = "keep-options" } },
    payment_attributes = { payment_type = "keep-cash", reference_number = "keep-ref" },
  },
}

local function kept(text)
  local list = {}
  for word in text:gmatch "keep%-[%w_]+" do list[#list + 1] = word end
  table.sort(list)
  return list
end

local function check(text)
  local masked = log.body(text)
  assert.is_nil(masked:find("-X", 1, true), masked)
  assert.is_nil(masked:find("@", 1, true), masked)
  assert.is_nil(masked:find("33.9", 1, true), masked)
  assert.same(kept(text), kept(masked))
  return masked
end

describe("personal data", function()
  it("of an order is masked by its key; products, codes and states stay readable", function()
    for _, order in ipairs { ORDER, VEEQO } do
      check(json.encode(order))
      assert.is_table(json.decode((check(json.encode(order, { pretty = true })):gsub(": %*%*%*", ": 0"))))
    end
  end)

  it("is found in a request that an answer quotes, at any depth of quoting", function()
    local text = json.encode(ORDER)
    for _ = 1, 3 do
      text = json.encode { error = "keep-error", name = "keep-name", request = text }
      check(text)
    end
  end)

  it("is masked in a body that is cut anywhere", function()
    local text = json.encode(ORDER)
    for cut = 1, #text do
      local masked = log.body(text:sub(1, cut))
      assert.is_nil(masked:find("-X", 1, true), masked)
      assert.is_nil(masked:find("@", 1, true), masked)
    end
    for max = 1, #text do assert.is_nil(log.body(text, max):find("-X", 1, true)) end
    for _, word in ipairs { "Ja", "Jan", "jane.d", "1 Ro" } do
      for max = 1, #text do assert.is_nil(log.body(text, max):find('"' .. word .. "$"), max) end
    end
  end)

  it("of an e-mail address is masked in any text", function()
    for text, wanted in pairs {
      ["to jane.doe+tag@mail.example.com."] = "to ***.",
      ["email=jane%40mail.example&x=1"] = "email=***&x=1",
      [ [[{"note":"ask jane\u0040mail.example now"}]] ] = [[{"note":"ask *** now"}]],
      ["<j\u{fc}rgen@m\u{fc}ller.example>"] = "<***>",
      ["cut jane@mai"] = "cut ***",
      ["sluice@0.1.0 is no address"] = "sluice@0.1.0 is no address",
      ["at @ 5, a@b c"] = "at @ 5, a@b c",
      ["50%40 5"] = "50%40 5",
    } do
      assert.equal(wanted, log.body(text))
    end
  end)

  it("is not looked for where there is no JSON and no address; odd text does no harm", function()
    for _, text in ipairs { "", "plain text: first_name Jane", "{{{{[[[[", "}}}}]]]]", '"', '"\\', '{"first_name":', '{"first_name" : "',
      '[["a","b"],{"":""}]', ("["):rep(1000) .. '"city"', '{"a\\\\":"\\\\\\"","b":1}' } do
      assert.equal(text, log.body(text))
    end
    assert.equal('{"phone":***,"qty":3}', log.body '{"phone":27215551234,"qty":3}')
    assert.equal('{"phone":null,"email":""}', log.body '{"phone":null,"email":""}')
    assert.equal('{"address":["***","***"],"tags":["a"]}', log.body '{"address":["1 Road","Town"],"tags":["a"]}')
    local deep = ('{"customer":'):rep(500)
    assert.equal(deep, log.body(deep))
  end)

  it("is masked in log lines, and in log lines of JSON", function()
    local script = tmp.write(tmp.dir() .. "/s.lua", ("require('sluice.log').error('orders', 'refused: %%s', %q)"):format(json.encode(ORDER)))
    for _, format in ipairs { "text", "json" } do
      local done = process.run { argv = { (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "run", script, "--log-format", format } }
      assert.matches("refused", done.stderr)
      assert.is_nil(done.stderr:find("-X", 1, true), done.stderr)
      assert.is_nil(done.stderr:find("@", 1, true), done.stderr)
      assert.same(kept(json.encode(ORDER)), kept(done.stderr))
    end
  end)
end)
