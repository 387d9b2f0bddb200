-- What `?name` and help(…) say, from the definitions and annotations.
local api = require "sluice.api"
local connect = require("sluice.connect").connect
local core = require "sluice.core"
local definition = require "sluice.definition"
local err = require "sluice.err"
local explain = require "sluice.repl.explain"
local names = require "sluice.repl.names"
local tmp = require "support.tmp"

describe("explaining", function()
  local session, shop
  before_each(function()
    shop = connect { api = "stock2shop", name = "shop", username = "bob", password = "secret-5", base_url = "https://x.example" }
    session = { env = {}, connections = { shop = shop }, columns = 100 }
  end)

  it("an operation says what `sluice api show` says", function()
    local def = definition.load "stock2shop"
    local text = api.operation_text(def, definition.operation(def, "search_products"))
    for _, words in ipairs { "shop.search_products", "shop:search_products", "?shop.search_products", " ? shop.search_products ",
      "stock2shop.search_products", "shop:search_products { query = {} }", "shop.search_products(" } do
      assert.equal(text, explain.text(session, words), words)
    end
    assert.equal(text, explain.value(session, shop.search_products))
    for _, part in ipairs { "query       object, required", "limit       3/s", "sent again  ", "example", "source      Products" } do
      assert.is_truthy(text:find(part, 1, true), part)
    end
    assert.equal("stock2shop.push_images: images of an iterator into the queue, after their products: (iter, {source_id=})",
      explain.text(session, "shop.push_images"))
  end)

  it("a connection or an API lists its operations", function()
    local text = explain.text(session, "shop")
    assert.equal("shop: stock2shop, https://x.example", text:match "^[^\n]+")
    for _, row in ipairs(shop.definition.operations) do assert.is_truthy(text:find("  " .. row.name .. " ", 1, true), row.name) end
    assert.equal(text, explain.value(session, shop))
    assert.is_truthy(explain.text(session, "veeqo"):find "create_order")
  end)

  it("knows a connection that was not used yet", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/sluice.yaml", "version: 1\nconnections:\n  depot:\n    api: veeqo\n    api_key: { command: [\"false\"] }\n")
    session = { env = {}, connections = {}, config = require("sluice.config").load(dir .. "/sluice.yaml") }
    assert.is_truthy(explain.text(session, "depot"):find("^depot: veeqo"))
    assert.is_truthy(explain.text(session, "depot.orders"):find("^veeqo.orders: "))
    assert.is_nil(next(session.connections))
  end)

  it("a module or a function of one says what its annotations say", function()
    local text = explain.text(session, "ndjson.map")
    assert.is_truthy(text:find("^ndjson%.map%(rec, path, fn%)\n\nChanges each value"))
    assert.is_truthy(text:find("-> integer count values there were", 1, true))
    assert.equal(text, explain.value(session, require("sluice.ndjson").map))
    assert.equal(text, explain.text(session, "sluice.ndjson.map"))
    assert.is_truthy(explain.text(session, "csv.records"):find "iterator over records")
    assert.is_truthy(explain.text(session, "csv"):find("csv.rows(source, options)", 1, true))
    assert.equal(explain.text(session, "json"), explain.value(session, require "sluice.json"))
    assert.is_truthy(explain.text(session, "sluice"):find("sluice.connect(name)", 1, true))
    for line in explain.text(session, "state"):gmatch "\n(  state[^\n]*)" do assert.is_true(#line <= 102, line) end
  end)

  it("every function of every module for scripts is explained", function()
    for _, name in ipairs(names.modules) do
      for key, value in pairs(names.module(name)) do
        if type(value) == "function" then
          local text, problem = explain.text(session, name .. "." .. key)
          assert.is_string(text, problem)
          assert.is_truthy(text:find "\n\n%S" or text:find "\n  %-> ", name .. "." .. key)
        end
      end
    end
  end)

  it("the modules are those of docs/modules.md", function()
    local documented = {}
    for name in tmp.read("docs/modules.md"):gmatch "\n## sluice%.([%w_]+)" do documented[#documented + 1] = name end
    table.sort(documented)
    assert.same(documented, names.modules)
  end)

  it("without words says what the prompt can do", function()
    for _, words in ipairs { "", "?", "  ?  " } do assert.is_truthy(explain.text(session, words):find("more()", 1, true)) end
    assert.equal(explain.text(session, ""), explain.value(session, nil))
  end)

  it("says what is near where a name is not known", function()
    assert.same({ nil, "'shpo' is no connection, API or module (did you mean 'shop'?)" }, { explain.text(session, "shpo") })
    assert.same({ nil, "stock2shop has no operation 'search_product' (did you mean 'search_products'?)" },
      { explain.text(session, "shop.search_product") })
    assert.same({ nil, "sluice.ndjson has no function 'mapp' (did you mean 'map'?)" }, { explain.text(session, "ndjson.mapp") })
    for _, words in ipairs { "a.b.c", "..", "shop.", ".", "???", "os.exit", "\0", ("x"):rep(5000) } do
      local text, problem = explain.text(session, words)
      assert.is_true(text == nil and type(problem) == "string" or type(text) == "string", words)
    end
    for _, value in ipairs { 5, print, {}, true } do
      local ok, problem = pcall(explain.value, session, value)
      assert.is_false(ok)
      assert.is_true(err.is(problem) and problem.code == "usage")
    end
  end)

  it("gives the text of modules that are built in, and of no others", function()
    assert.is_truthy(core.source("sluice.csv"):find("CSV by RFC 4180", 1, true))
    assert.is_nil(core.source "sluice.nothing")
    assert.is_nil(core.source "annotations:ndjson")
  end)
end)
