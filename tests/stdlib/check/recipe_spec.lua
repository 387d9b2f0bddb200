-- What `sluice check` finds in recipes: each fault at its place, and nothing where a fault is not certain.
local check = require "sluice.check"
local tmp = require "support.tmp"

local CONFIG = [[
version: 1
connections:
  shop: { api: stock2shop, username: a, password: b }
  feed: { api: productsup_stream, token: x }
  depot: { api: veeqo, api_key: x }
schedules:
  s: { recipe: r.lua, every: 5m, args: { from: shop, to: feed } }
]]

-- The findings about a text as "line:column: message".
local function findings(text, config)
  local dir = tmp.dir()
  tmp.write(dir .. "/r.lua", text)
  tmp.write(dir .. "/sluice.yaml", config or CONFIG)
  local list, notes = check.run { config = dir .. "/sluice.yaml" }
  local lines = {}
  for i, one in ipairs(list) do
    assert.equal(dir .. "/r.lua", one.file, one.message)
    lines[i] = ("%s:%s: %s"):format(one.line, one.column, one.message)
  end
  return lines, notes, list
end

local function same(expected, text, config) assert.same(expected, (findings(text, config)), text) end

-- A recipe around what `run` does; its body is line 3.
local HEAD = [[
local sluice = require "sluice"
return sluice.recipe { about = "x", args = { from = "shop", to = "feed", least = { "n", default = 1 } }, run = function(args, run)
]]
local function body(text) return HEAD .. text .. "\nrun:commit() return args end }" end

describe("sluice check of recipes", function()
  it("finds operations that an API does not have", function()
    local shop, stream = "shop (stock2shop) has no operation ", "feed (productsup_stream) has no operation "
    for text, expected in pairs {
      ['sluice.connect(args.from):serch_products { query = {} }'] = "3:27: " .. shop .. "'serch_products' (did you mean 'search_products'?)",
      ['local a, b = sluice.connect(args.from), sluice.connect(args.to) b:upload_product {} a:sources()'] =
        "3:67: " .. stream .. "'upload_product' (did you mean 'upload_products'?)",
      ['local a a = sluice.connect "shop" a.serch_orders(a, {})'] = "3:37: " .. shop .. "'serch_orders' (did you mean 'search_orders'?)",
      ['local a = sluice.connect "shop" pcall(a.soures, a)'] = "3:41: " .. shop .. "'soures' (did you mean 'sources'?)",
      ['local a = args.from and sluice.connect(args.from) if a then a:soures() end'] =
        "3:63: " .. shop .. "'soures' (did you mean 'sources'?)",
      ['local a = sluice.connect "shop" a:call("soures", {})'] = "3:40: " .. shop .. "'soures' (did you mean 'sources'?)",
      ['sluice.connect(args.least):serch_products {}'] = "3:28: no API has an operation 'serch_products' (did you mean 'search_products'?)",
      ['local a = sluice.connect { api = "veeqo", api_key = "x" } a:ordrs {}'] =
        "3:61: veeqo has no operation 'ordrs' (did you mean 'orders'?)",
      ['sluice.connect "shpo"'] = "3:16: there is no connection 'shpo' (did you mean 'shop'?)",
    } do same({ expected }, body(text)) end
  end)

  it("follows arguments and connections into functions of the file", function()
    same({ "3:29: shop (stock2shop) has no operation 'soures' (did you mean 'sources'?)",
      "3:54: the recipe declares no argument 'leest' (did you mean 'least'?)" }, [[
local sluice = require "sluice"
local function deeper(client, args)
  if args.least then client:soures() end return args.leest
end
local function work(args) return deeper(sluice.connect(args.from), args) end
return sluice.recipe { about = "x", args = { from = "shop", least = "n" }, run = function(args) return pcall(work, args) end }
]])
  end)

  it("follows them through tables that stand in the file", function()
    local text = 'local job = { shop = sluice.connect(args.from), args = args }\n%s'
    same({ "4:10: shop (stock2shop) has no operation 'soures' (did you mean 'sources'?)" }, body(text:format "job.shop:soures()"))
    same({ "4:46: the recipe declares no argument 'leest' (did you mean 'least'?)" },
      body(text:format "local function f(at) return at.shop, at.args.leest end f(job)"))
    for _, other in ipairs { "job.shop = args job.shop:soures()", "job[args.to] = args job.shop:soures()",
      "require('own').fill(job) job.shop:soures()", "job = args job.shop:soures()" } do
      same({}, body(text:format(other)))
    end
  end)

  it("checks arguments of operations", function()
    for text, expected in pairs {
      ['shop:search_products { qurey = {}, query = {} }'] = { "4:24: search_products: unknown argument 'qurey' (did you mean 'query'?)" },
      ['shop:search_products { query = {}, size = "many" }'] = { "4:43: search_products: size must be an integer, not many" },
      ['shop:search_products { query = {}, size = 10001 }'] = { "4:43: search_products: size must be 0 to 10000, is 10001" },
      ['shop:search_products { query = {}, deadlin = 3 }'] = { "4:36: search_products: unknown argument 'deadlin' (did you mean 'deadline'?)" },
      ['shop:search_products()'] = { "4:6: search_products: query is missing" },
      ['pcall(shop.search_products, shop, { size = 1 })'] = { "4:35: search_products: query is missing" },
      ['shop:call("search_products", {})'] = { "4:30: search_products: query is missing" },
      ['shop:search_products "x"'] = { "4:22: search_products: arguments are one table of named values, not text" },
      ['shop:search_products { "x", query = {} }'] = {
        "4:24: search_products: a value without a name: arguments are one table of named values" },
      ['depot:create_order { channel_id = 1, customer_id = 2, delivery_method_id = 3, deliver_to_id = 4, line_items_attributes = {\n'
        .. '{ price_per_unit = "x", quantity = 1, sellable_i = 3 } } }'] = {
        "5:1: create_order: line_items_attributes[1] has no sellable_id: the variant's id",
        "5:20: create_order: line_items_attributes[1].price_per_unit must be a number, not x",
        "5:39: create_order: line_items_attributes[1]: unknown member 'sellable_i' (did you mean 'sellable_id'?)" },
      ['feed:create_stream { name = "xyz", type = "chunkd" }'] = {
        "4:43: create_stream: type must be one of chunked, referenced, not 'chunkd' (did you mean 'chunked'?)" },
      ['feed:delete_all_products { stream = 1, confirm = false }'] = { "4:50: delete_all_products: confirm must be true, not 'false'" },
    } do
      same(expected, body('local shop, depot, feed = sluice.connect "shop", sluice.connect "depot", sluice.connect "feed"\n' .. text))
    end
  end)

  it("checks the names and values of options", function()
    for text, expected in pairs {
      ['require("sluice.csv").records("x", { delimeter = ";" })'] = "3:38: csv.records: unknown option 'delimeter' (did you mean 'delimiter'?)",
      ['require("sluice.time").parse("x", "week")'] = "3:35: time.parse: form is \"any\" or \"day\", not 'week'",
      ['run:progress { don = 1 }'] = "3:16: progress: unknown option 'don' (did you mean 'done'?)",
      ['pcall(sluice.ndjson.records, "x", { bda = "skip" })'] = "3:37: ndjson.records: unknown option 'bda' (did you mean 'bad'?)",
      ['sluice.ndjson.records("x", { bad = "skipp" })'] =
        "3:36: ndjson.records: bad is \"value\", \"skip\" or \"raise\", not 'skipp' (did you mean 'skip'?)",
      ['sluice.http.get("http://x", { timout = 3 })'] = "3:31: http.get: unknown option 'timout' (did you mean 'timeout'?)",
      ['sluice.http.request { url = "http://x", querry = {} }'] = "3:41: http.request: unknown option 'querry' (did you mean 'query'?)",
      ['sluice.http.client { base_ulr = "http://x" }'] = "3:22: http.client: unknown option 'base_ulr' (did you mean 'base_url'?)",
      ['sluice.connect(args.to):uploader(args.to, { max_recrods = 5 })'] =
        "3:45: uploader: unknown option 'max_recrods' (did you mean 'max_records'?)",
      ['sluice.connect(args.to):uploader(args.to, { gzip = "yes" })'] = "3:52: uploader: gzip is a boolean, not 'yes'",
      ['local u = sluice.connect(args.to):uploader(args.to) u:finish { wiat = "upload" }'] =
        "3:64: finish: unknown option 'wiat' (did you mean 'wait'?)",
      ['for p in sluice.connect(args.from):changed_products { cursr = 1 } do print(p) end'] =
        "3:55: changed_products: unknown option 'cursr' (did you mean 'cursor'?)",
      ['sluice.outbox.open { connection = 1, operation = "x", kee = "x" }'] = "3:55: outbox.open: unknown option 'kee' (did you mean 'key'?)",
    } do same({ expected }, body(text)) end
  end)

  it("finds modules, functions and globals that are not there", function()
    for text, expected in pairs {
      ['local x = require "sluice.ndjsn" return x'] = "1:19: there is no module 'sluice.ndjsn' (did you mean 'sluice.ndjson'?)",
      ['local n = require "sluice.ndjson" n.recrods "x"'] = "1:37: sluice.ndjson has no 'recrods' (did you mean 'records'?)",
      ['local s = require "sluice" return s.ndjsn'] = "1:37: sluice has no 'ndjsn' (did you mean 'ndjson'?)",
      ['local s = require "sluice" s.json.encod {}'] = "1:35: sluice.json has no 'encod' (did you mean 'encode'?)",
      ['return math.pow or string.pack, string.fomat'] = false,
      ['local n = require "sluice.ndjson" return n.recrods or n.records'] = false,
      ['return string.fomat("x")'] = "1:15: string has no 'fomat' (did you mean 'format'?)",
      ['prnt "x"'] = "1:1: there is no global 'prnt' (did you mean 'print'?)",
      ['local products = {} for _, p in ipairs(prodcts) do print(p, products) end'] =
        "1:40: there is no global 'prodcts' (did you mean 'products'?)",
      ['count = 5'] = "1:1: 'count' is set without `local`",
      ['function f() end'] = "1:10: 'f' is set without `local`",
      ['local a = "é" return a, x'] = "1:25: there is no global 'x'",
    } do
      same(expected and { expected } or {}, text)
    end
  end)

  it("checks what a recipe declares, and what it reads without declaring it", function()
    same({ "2:54: args.a: there is no type 'conection' (did you mean 'connection'?)",
      "2:80: args.b: unknown field 'deflaut' (did you mean 'default'?)",
      "2:134: the default of args.c is a whole number, not 'x'",
      "3:9: key names 'd', which is not among the args",
      "3:16: sluice.recipe: unknown option 'retri' (did you mean 'retry'?)",
      "3:72: the recipe declares no argument 'e'" }, [[
local sluice = require "sluice"
return sluice.recipe { args    = { a = { "a", type = "conection" }, b = { "b", deflaut = 1 }, c = { "c", type = "integer", default = "x" } },
key = { "d" }, retri = 1, about = "x", run = function(args) print(args.e, args.a) end }
]])
    same({ "2:8: sluice.recipe: 'about' is missing", "2:8: sluice.recipe: 'run' is missing" },
      'local sluice = require "sluice"\nreturn sluice.recipe {}')
  end)

  it("sees arguments through functions in tables of the file, not through those of others", function()
    local recipe = [[
return sluice.recipe { about = "x", args = { a = "a" }, run = function(args) Report.new(args) print(args.b) end }
]]
    local head = 'local sluice, Report = require "sluice", {}\n'
    same({ "3:106: the recipe declares no argument 'b'" }, head .. "function Report.new(args) return args.a end\n" .. recipe)
    same({}, head .. "Report.new = require('own').new\n" .. recipe)
    same({}, head .. "function Report.old(args) return args end\n" .. recipe)
  end)

  it("checks the table of a connection", function()
    same({ "3:16: sluice.connect: api_key is missing", "3:33: sluice.connect: unknown key 'apikey' (did you mean 'api_key'?)" },
      body 'sluice.connect { api = "veeqo", apikey = 3 }')
    same({}, body 'sluice.connect { api = require "apis.tickets", kee = 3 }:x {}')
  end)

  it("notes arguments that are read nowhere, where that is certain", function()
    local function noted(text)
      local found, notes = findings('local sluice = require "sluice"\n' .. text)
      assert.same({}, found)
      return #notes > 0 and notes[1]:match ":(%d+:%d+: .*)$" or nil
    end
    local recipe = 'return sluice.recipe { about = "a", args = { one = "1st", two = "2nd" }, run = function(args) %s end }'
    assert.equal("2:58: the argument 'two' is declared and never read", noted((recipe:format "print(args.one)"):gsub(" about", "about")))
    assert.equal("3:59: the argument 'two' is declared and never read", noted("local function f(a) return a.one end\n" .. recipe:format "f(args)"))
    for _, use in ipairs { "print(args.one, args.two)", "print(args)", "for k in pairs(args) do print(k) end", "local a = args print(a)",
      "print(args[tostring(1)])", "print({ args })", "return args", 'print(args.one, "two")' } do
      assert.is_nil(noted(recipe:format(use)), use)
    end
  end)

  it("finds methods that a run does not have", function()
    same({ "3:5: a run has no 'coutn' (did you mean 'count'?)" }, body 'run:coutn "read"')
  end)

  it("notes cursors that never move, where that is certain", function()
    local function noted(text)
      local found, notes = findings('local sluice = require "sluice"\n' .. text)
      assert.same({}, found)
      return #notes > 0 and notes[1]:match ":(%d+:%d+: .*)$" or nil
    end
    local recipe = 'return sluice.recipe { about = "x", run = function(_, run) %s end }'
    assert.equal("2:64: the cursor never moves: nothing here calls run:commit()", noted(recipe:format 'run:cursor "x"'))
    assert.equal("2:25: the cursor never moves: nothing here calls run:commit()",
      noted('local function f(at) at:cursor "x" end\n' .. recipe:format "f(run) pcall(f, run)"))
    for _, use in ipairs { "run:commit()", "local c = require 'own' c.done(run)", "local job = { run = run } print(job)", "return run",
      "local name = 'com' .. 'mit' run[name](run)" } do
      assert.is_nil(noted(recipe:format('run:cursor "x" ' .. use)), use)
    end
  end)

  it("finds writes that do not say whether they may be repeated", function()
    local function writes(place, what) return { ("%s: %s writes, and does not say whether it may be repeated"):format(place, what) } end
    same(writes("3:13", "http.post"), body 'sluice.http.post("http://x", { json = {} })')
    same(writes("3:13", "http.patch"), body 'sluice.http.patch "http://x"')
    same(writes("3:13", "http.request with REPORT"), body 'sluice.http.request { method = "REPORT", url = "http://x" }')
    same(writes("3:55", "http.post"), body 'local api = sluice.http.client { base_url = "x" } api:post("/x", {})')
    for _, text in ipairs { 'http.post("x", { repeatable = false })', 'http.put "x"', 'http.get "x"', 'http.post("x", ...)', 'http.post(f())',
      'http.request { url = "x" }', 'http.client({ repeatable = true }):post "x"', 'http.post("x", options)', 'http.post("x", { [key] = 1 })' } do
      same({}, 'local http = require "sluice.http"\nlocal f, options, key = print, ..., nil\nreturn f, options, key, ' .. text)
    end
  end)

  it("passes over lines that say so", function()
    same({}, 'prnt "x" -- sluice: ignore')
    same({}, 'prnt "x" -- sluice: ignore, it is set by the host')
    same({ "1:1: there is no global 'prnt' (did you mean 'print'?)" }, 'prnt "x" -- sluice: ignored')
  end)

  it("says nothing of what can't be told", function()
    for _, text in ipairs {
      "local shop = sluice.connect(args.from) shop = args.other_thing_of_args or shop shop:nope {}", -- written twice
      "local shop = sluice.connect(tostring(args)) shop:nope {}",
      "local shop = sluice.connect { api = args.from } shop:nope {}",
      'local function f(shop) return shop:nope {} end print(f) f(sluice.connect "shop")', -- it goes elsewhere, too
      "local sluice = { connect = print } sluice.connect(args.from):nope {}",
      'local shop = sluice.connect "shop" shop.nope = print shop:nope {}',
      "sluice.connect(args.from):search_products { [args.to] = 1 }",
      'sluice.connect(args.from):search_products(args.query_of_args)',
      "sluice.connect(args.from):search_products(table.unpack(args))",
      "sluice.connect(args.from):search_products { query = {}, size = args.least }",
      "local options = {} options.bat = 1 for x in sluice.ndjson.records('x', options) do print(x) end",
      "for x in sluice.ndjson.records('x', { [args.to] = 1, bad = args.from }) do print(x) end",
      "local ndjson = sluice.ndjson ndjson.mine = print ndjson.mine()",
      "local string = { fomat = print } string.fomat()",
      'string.fomat = print string.fomat "x"',
      "args.later = 1 print(args.later)",
      "local own = require 'own' own.fill(args) print(args.later)",
      "setmetatable(args, {}) print(args.later)",
      "args[args.from] = 1 print(args.later)",
    } do
      local found = findings(body(text))
      if text:find "_of_args" then table.remove(found, 1) end -- what the text reads of the arguments is not declared
      assert.same({}, found, text)
    end
    same({}, "local _ENV = { print = print } foo = 1 print(foo)")
    same({}, "setmetatable(_G, {}) foo = 1 print(foo)")
    same({}, 'local sluice = require "sluice"\nreturn sluice.recipe { about = "x", args = require "own", run = function(args) print(args.a) end }')
  end)

  it("does not hold one API against a recipe that looks at which it is", function()
    same({}, body 'local shop = sluice.connect(args.from) if shop.api == "veeqo" then shop:orders {} end')
    same({ "3:82: no API has an operation 'ordrs' (did you mean 'orders'?)" },
      body 'local shop = sluice.connect(args.from) if shop.api == "veeqo" then print(1) shop:ordrs {} end')
  end)
end)
