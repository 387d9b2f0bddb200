-- `sluice api`, and that the rows say enough to be printed.
local definition = require "sluice.definition"
local json = require "sluice.json"
local process = require "sluice.process"
local tmp = require "support.tmp"

local root = io.popen("pwd"):read "l"
local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
if sluice:sub(1, 1) ~= "/" then sluice = root .. "/" .. sluice end

local function api(...)
  local dir = tmp.dir()
  return assert(process.run { argv = { sluice, "api", ... }, cwd = dir })
end

describe("sluice api", function()
  it("lists every operation and helper with its one line", function()
    local out = api().stdout
    for _, name in ipairs(definition.names()) do
      local def = definition.load(name)
      assert.is_truthy(out:find(name .. ": " .. def.doc, 1, true))
      for _, row in ipairs(def.operations) do assert.matches("\n  " .. row.name .. " +" .. row.doc:sub(1, 5), out) end
      for helper in pairs(def.helpers) do assert.matches("\n  " .. helper .. " ", out) end
    end
  end)

  it("shows hosts, keys, rates and operations of an API", function()
    local out = api("show", "stock2shop").stdout
    for _, text in ipairs { "https://app.stock2shop.com", "queue_url", "password ", "secret, required", "login", "1/s", "search_products" } do
      assert.is_truthy(out:find(text, 1, true), text)
    end
  end)

  it("shows arguments, limits, the repeat rule and an example of an operation", function()
    for _, name in ipairs(definition.names()) do
      for _, row in ipairs(definition.load(name).operations) do
        local out = api("show", name .. "." .. row.name).stdout
        for _, text in ipairs { row.method .. " " .. row.path, "limit ", "sent again", row.example:match "^[^\n]+", row.source } do
          assert.is_truthy(out:find(text, 1, true), name .. "." .. row.name .. ": " .. text)
        end
        for _, arg in ipairs(row.args or {}) do assert.is_truthy(out:find("\n  " .. arg.name .. " +" .. arg.type)) end
      end
    end
    local out = api("show", "veeqo.create_order").stdout
    for _, text in ipairs { "line_items_attributes[].quantity ", "integer, required, at least 1: how many", "\nsuccess     201\n",
      "exactly one of customer_id, customer_attributes must be there", "limit       5/s burst 50 (class api)" } do
      assert.is_truthy(out:find(text, 1, true), text)
    end
    assert.matches("iterator over the products", api("show", "stock2shop.changed_products").stdout)
  end)

  it("gives the same as data", function()
    local list = assert(json.decode(api("list", "--json").stdout))
    assert.equal("productsup_platform", list[1].name)
    local one = assert(json.decode(api("show", "productsup_stream.create_stream", "--json").stdout))
    assert.same({ "POST", "/streams", "unsafe", "5/s" }, { one.method, one.path, one.resend, one.rate })
    assert.same({ name = "name", type = "text", required = true, min = 3, max = 255, doc = one.arguments[1].doc }, one.arguments[1])
  end)

  it("says which answers are told apart, what is legacy, and whose credential is taken", function()
    local out = api("show", "productsup_platform.process").stdout
    assert.matches("answer +429 '…already in the current queue…': rejected %(conflict%)", out)
    assert.matches("answer +500 '…interacting with the job server…': unavailable, at most 2 attempts", out)
    assert.matches("credential +`pat` of the connection", out)
    assert.matches("legacy +legacy, removed by the vendor", api("show", "productsup_platform.commit_products").stdout)
  end)

  it("knows the project's own definitions", function()
    local dir = tmp.dir()
    os.execute("mkdir " .. dir .. "/apis")
    tmp.write(dir .. "/sluice.yaml", "version: 1\n")
    tmp.write(dir .. "/apis/mine.lua", [[return { name = "mine", doc = "my own", hosts = { { name = "base", key = "base_url", url = "https://x" } },
      classes = { api = { rate = "1/s" } },
      operations = { { name = "ping", doc = "is it there", method = "GET", path = "/ping", class = "api", resend = "safe" } } }]])
    local out = assert(process.run { argv = { sluice, "api" }, cwd = dir }).stdout
    assert.matches("mine: my own\n  ping  is it there", out)
    out = assert(process.run { argv = { sluice, "api", "show", "mine.ping", "-c", dir .. "/sluice.yaml" } }).stdout
    assert.matches("GET /ping", out)
  end)

  it("says what is wrong", function()
    for message, words in pairs {
      ["there is no API 'stock2shp' (did you mean 'stock2shop'?)"] = { "show", "stock2shp" },
      ["stock2shop has no operation 'sorces' (did you mean 'sources'?)"] = { "show", "stock2shop.sorces" },
      ["what is wanted?"] = { "shw" },
    } do
      local result = api(table.unpack(words))
      assert.equal(2, result.status)
      assert.is_truthy(result.stderr:find(message, 1, true), result.stderr)
    end
  end)
end)
