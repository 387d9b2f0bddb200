-- Arguments with parts: what goes out, and how what is wrong is named.
local client = require "sluice.client"
local definition = require "sluice.definition"
local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local request = require "sluice.request"

local function shop(rows, row)
  local operation = { name = "send", doc = "sends", method = "POST", path = "/", class = "api", resend = "unsafe",
    body = '{"lines":{lines?},"to":{to?}}',
    args = rows or {
      { name = "lines", type = "list", each = "line", min = 1, max = 3, doc = "lines", items = {
        { name = "sku", type = "text", required = true, min = 2, doc = "what" },
        { name = "price", type = "number", min = 0, doc = "for how much" },
        { name = "on", type = "time", format = "day", doc = "when" },
        { name = "gift", type = "object", doc = "as a gift", fields = { { name = "for", type = "text", required = true, doc = "whom for" } } },
        { name = "note", type = "text", null = true, doc = "a note" },
      } },
      { name = "to", type = "object", doc = "where", fields = { { name = "zip", type = "text", doc = "post code" } } },
    } }
  for key, value in pairs(row or {}) do operation[key] = value end
  return { name = "shop", doc = "a shop", hosts = { { name = "base", key = "base_url", url = "http://127.0.0.1:1" } },
    classes = { api = { rate = "10/s" } }, operations = { operation } }
end

local function body(args)
  local def = definition.check(shop(), "shop.lua")
  return request.prepare(def, def.operations[1], {}, args).body
end

local function refused(text, args)
  local ok, problem = pcall(body, args)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal("usage", problem.code)
  assert.equal(text, problem.message)
end

describe("arguments with parts", function()
  it("go out as they are checked, with the digits of amounts, names in order", function()
    assert.equal('{"lines":[{"gift":{"for":"Ann"},"note":null,"on":"31/01/2018","price":"149.90","sku":"g-1"},{"price":15,"sku":"g-2"}]}', body {
      lines = { { sku = "g-1", price = "149.90", on = "2018-01-31", note = json.null, gift = { ["for"] = "Ann" } }, { price = 15, sku = "g-2" } } })
    assert.equal('{"lines":[{"price":19.90,"sku":"g-1"}]}', body { lines = { { sku = "g-1", price = json.number "19.90" } } })
    assert.equal('{"to":{}}', body { to = {} })
  end)

  it("may be records", function()
    local record = ndjson.record '{"sku":"g-1","price":1.50}'
    assert.equal('{"lines":[{"price":1.5,"sku":"g-1"}],"to":{"zip":"1"}}', body { lines = { record }, to = ndjson.record '{"zip":"1"}' })
  end)

  it("leave the caller's table alone", function()
    local lines = { { sku = "g-1", on = "2018-01-31" } }
    body { lines = lines }
    assert.same({ { sku = "g-1", on = "2018-01-31" } }, lines)
  end)

  it("are refused with the place", function()
    refused("lines: line 2 has no sku: what", { lines = { { sku = "g-1" }, { price = 1 } } })
    refused("lines: line 1: price must be a number, not 1,5", { lines = { { sku = "g-1", price = "1,5" } } })
    refused("lines: line 1: price must be 0 to more, is -1", { lines = { { sku = "g-1", price = "-1" } } })
    refused("lines: line 1: sku must be 2 to more characters long, is 1", { lines = { { sku = "g" } } })
    refused("lines: line 1: sku can't be null", { lines = { { sku = json.null } } })
    refused("lines: line 1 has an unknown member 'skus' (did you mean 'sku'?)", { lines = { { sku = "g-1", skus = "x" } } })
    refused("lines: line 1: gift has no for: whom for", { lines = { { sku = "g-1", gift = {} } } })
    refused("lines: line 1 must be a table of named values", { lines = { "g-1" } })
    refused("lines: line 1 must be a table of named values", { lines = { json.null } })
    refused("lines must be a list: { { … }, { … } }, one table per line", { lines = { sku = "g-1" } })
    refused("lines must be 1 to 3 entries, is 0", { lines = {} })
    refused("to has an unknown member 'zap' (did you mean 'zip'?)", { to = { zap = "1" } })
    refused("to must be a table of named values", { to = { { zip = "1" } } })
  end)
end)

describe("a definition with them", function()
  local function wrong(text, rows, row)
    local ok, problem = pcall(definition.check, shop(rows, row), "shop.lua")
    assert.is_false(ok)
    assert.equal("config", problem.code)
    assert.is_truthy(problem.message:find(text, 1, true), problem.message)
  end

  it("is checked to the last member", function()
    wrong("args 'lines' members 'x': type 'txt' is none of",
      { { name = "lines", type = "list", doc = "d", items = { { name = "x", type = "txt", doc = "d" } } } })
    wrong("unknown field 'requird' (did you mean 'required'?)",
      { { name = "lines", type = "list", doc = "d", items = { { name = "x", type = "text", doc = "d", requird = true } } } })
    wrong("items are those of a list", { { name = "lines", type = "text", doc = "d", items = {} } })
    wrong("fields are those of an object", { { name = "lines", type = "list", doc = "d", fields = {} } })
    wrong("format 'sq' is none of: day, http, rfc3339, sql (did you mean 'sql'?)", { { name = "lines", type = "time", format = "sq", doc = "d" } })
    wrong("format 'nil' is none of", { { name = "lines", type = "time", doc = "d" } })
    wrong("either 'from' is none of", nil, { either = { { "lines", "from" } } })
    wrong("paging: kind 'page' needs page", nil, { paging = { kind = "page", limit = "n", size = 1 } })
    wrong("paging: by names 'size', which is no argument", nil, { paging = { kind = "page", page = "p", limit = "n", size = 1, by = "size" } })
    wrong("outcomes[1]: outcome 'refused' is none of", nil, { outcomes = { { status = 500, outcome = "refused" } } })
    wrong("outcomes[1]: code 'bad' is none of", nil, { outcomes = { { status = 500, outcome = "rejected", code = "bad" } } })
  end)

  it("makes a client", function() assert.is_true(client.is(client.new(definition.check(shop(), "shop.lua"), {}))) end)
end)
