-- Completion: what may stand at the cursor, from what is there; never a request, never anybody's code.
local complete = require "sluice.repl.complete"
local connect = require("sluice.connect").connect
local json = require "sluice.json"
local lfs = require "lfs"
local ndjson = require "sluice.ndjson"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

describe("completion", function()
  local session, server
  local shop, platform, veeqo

  setup(function()
    server = scripted.start {}
    shop = connect { api = "stock2shop", name = "shop", username = "bob", password = "secret-1", base_url = server.url, queue_url = server.url }
    platform = connect { api = "productsup_platform", name = "platform", token = "1234:secret-2", base_url = server.url }
    veeqo = connect { api = "veeqo", name = "veeqo", api_key = "secret-3", base_url = server.url }
  end)
  teardown(function()
    assert.equal(0, #server.requests) -- nothing of all this has sent anything
    server:close()
  end)
  before_each(function()
    session = { env = {}, connections = { shop = shop, platform = platform, veeqo = veeqo } }
    for name, value in pairs(_G) do session.env[name] = value end
  end)

  -- The words at the mark | (the end where there is none), and the text with the first of them in its place.
  local function at(text)
    local cursor = (text:find("|", 1, true) or #text + 1) - 1
    text = text:gsub("|", "", 1)
    local found = complete.candidates(session, text, cursor)
    local first = found.words[1] and text:sub(1, found.from - 1) .. found.words[1] .. text:sub(cursor + 1)
    return found.words, first, found
  end

  local function has(list, word)
    for _, one in ipairs(list) do
      if one == word then return true end
    end
    return false
  end

  it("gives globals, connections among them, and Lua's words", function()
    local list, first = at "shop"
    assert.same({ "shop" }, list)
    assert.equal("shop", first)
    session.env.shopping = 1
    assert.same({ "shop", "shopping" }, (at "for x in shop"))
    assert.same({ "tonumber", "tostring" }, (at "x = {to"))
    assert.same({ "while" }, (at "whi"))
    assert.same({}, (at "nothing_like_it"))
  end)

  it("gives the options that a helper's text names, without those that are given", function()
    local list, first, found = at "shop:changed_products { s"
    assert.same({ "since" }, list)
    assert.equal("shop:changed_products { since", first)
    assert.equal("option of changed_products", found.notes[1])
    assert.same({ "channel_id", "cursor", "page_size" }, (at "for one in shop:changed_products({ since = '2021', "))
  end)

  it("gives an API's operations and helpers, with what they do", function()
    local list, first, found = at "shop:search_p"
    assert.same({ "search_products" }, list)
    assert.equal("shop:search_products", first)
    assert.is_truthy(found.notes[1]:find("Elasticsearch", 1, true))
    assert.is_true(has((at "shop."), "search_orders"))
    assert.is_true(has((at "shop:"), "changed_products"))
    assert.is_false(has((at "shop:"), "name"))
    assert.equal("print(shop:search_products {})", select(2, at "print(shop:search_p| {})"))
    assert.same({ "search_orders", "search_products" }, (at [[shop:call("search]]))
  end)

  it("knows a connection that was not used yet by its definition, and does not make it", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/sluice.yaml", "version: 1\nconnections:\n  depot:\n    api: stock2shop\n" ..
      "    username: x\n    password: { command: [\"false\"] }\n")
    session = { env = {}, connections = {}, config = require("sluice.config").load(dir .. "/sluice.yaml") }
    assert.same({ "depot" }, (at "dep"))
    assert.same({ "search_orders", "search_products" }, (at "depot:search"))
    assert.same({ "query" }, (at "depot:search_products { qu"))
    assert.is_nil(next(session.connections))
    assert.same({ "depot" }, (at [[sluice.connect "de]]))
  end)

  it("gives the arguments of an operation, without those given already, over several lines", function()
    local list, _, found = at "shop:search_products { "
    assert.same({ "channel_id", "deadline", "from", "query", "raw", "size", "sort", "timeout" }, list)
    assert.equal("object, required: Elasticsearch query", found.notes[4])
    assert.same({ "channel_id", "deadline", "from", "raw", "sort", "timeout" },
      (at "shop:search_products {\n  query = { match_all = {}, size = 3 }, -- all, from = 1\n  size = 5,\n  "))
    assert.same({ "size", "sort" }, (at "for p in shop.search_products{query={}, s"))
    assert.same({ "from" }, (at "local a <const>, b = 1, shop:search_products({ size = 1, fr| })"))
    assert.same({ "query" }, (at "shop.search_products { qu")) -- as it is asked about: ?shop.search_products
  end)

  it("gives the members of nested arguments", function()
    local all = { "additional_options", "price_per_unit", "quantity", "sellable_id", "tax_rate", "taxless_discount_per_unit" }
    local begin = "veeqo:create_order { channel_id = 1, line_items_attributes = { { "
    assert.same(all, (at(begin)))
    assert.same({ "quantity" }, (at(begin .. "sellable_id = 1, price_per_unit = 2, qu")))
    assert.same({}, (at(begin .. "quantity = 1, qu")))
    assert.same(all, (at(begin .. "quantity = 1 }, { ")))
    assert.same({ "text" }, (at "veeqo:create_order { customer_note_attributes = { te"))
    assert.same({ "customer_id" }, (at(begin .. "quantity = 1 } }, customer_i")))
    assert.is_false(has((at "veeqo:create_order { line_items_attributes = { "), "quantity")) -- here stands a list
  end)

  it("gives allowed values, in quotes where none are open", function()
    local row, arg, op
    for _, one in ipairs(platform.definition.operations) do
      for _, a in ipairs(one.args or {}) do
        if a.one_of and type(a.one_of[1]) == "string" and not row then row, arg, op = a.one_of, a.name, one.name end
      end
    end
    local open = ("platform:%s { %s = "):format(op, arg)
    for _, value in ipairs(row) do
      assert.is_true(has((at(open)), '"' .. value .. '"'))
      assert.is_true(has((at(open .. '"')), value))
    end
    assert.equal(open .. '"' .. row[1] .. '" }', select(2, at(open .. '"' .. row[1]:sub(1, -2) .. '|" }')))
    assert.same({ "false", "true" }, (at "shop:sources { raw = "))
    assert.same({ "true" }, (at "shop:sources { raw = t"))
  end)

  it("gives the keys that a result has, at any depth, of records too", function()
    session.env._ = { { sku = "a", variants = { { price = 1, ["odd key"] = 2 } } }, total = 2, ["end"] = 1 }
    assert.same({ "end", "total" }, (at "_."))
    assert.same({ "sku" }, (at "_[1].s"))
    assert.same({ "price" }, (at "x = _[1].variants[1]."))
    session.env.i = 1
    assert.same({ "sku" }, (at "x = 1 + #_[#_].s"))
    assert.same({}, (at "x = _[#nothing].s"))
    assert.same({ "price" }, (at "_[i].variants[i]."))
    local list, first = at [[_[1].variants[1]["odd]]
    assert.same({ "odd key" }, list)
    assert.equal([[_[1].variants[1]["odd key]], first)
    session.env.rec = ndjson.record [[{"b":{"deep":[{"x":1,"é":2}]},"a":1}]]
    assert.same({ "a", "b" }, (at "rec."))
    assert.same({ "x" }, (at "rec.b.deep[1]."))
    assert.same({ "x", "é" }, (at "rec.b['deep'][1]['"))
    session.env.decoded = json.decode [[{"system_products":[{"id":1}]}]]
    assert.same({ "id" }, (at "decoded.system_products[1]."))
    assert.same({}, (at "decoded.system_products[2]."))
    assert.same({}, (at "decoded.nothing.there."))
  end)

  it("gives methods: of texts, of objects by their class", function()
    assert.same({}, (at "tostring('x'):up")) -- what a call gives is not known
    session.env.name = "shop"
    assert.same({ "rep", "reverse" }, (at "name:re"))
    assert.same({ "upper" }, (at "('x'):up"))
    local Class = { run = print, speed = 1 }
    Class.__index = Class
    session.env.object = setmetatable({ own = 1, go = print }, Class)
    assert.same({ "go", "run" }, (at "object:"))
    assert.same({ "__index", "go", "own", "run", "speed" }, (at "object."))
    assert.same({ "read" }, (at "io.stdin:re"))
  end)

  it("gives modules and their functions", function()
    assert.same({ "sluice.ndjson", "sluice.notes" }, (at [[local n = require "sluice.n]]))
    assert.same({ "sluice.csv" }, (at [[require("sluice.cs]]))
    session.env.sluice = require "sluice"
    assert.is_true(has((at "sluice.nd"), "ndjson"))
    assert.same({ "fingerprint" }, (at "sluice.ndjson.f"))
    assert.same({ "format" }, (at "string.fo"))
  end)

  it("gives the names of files where a function takes one, and behind dot commands", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/products.ndjson", "")
    tmp.write(dir .. "/.hidden", "")
    assert(lfs.mkdir(dir .. "/past"))
    assert.same({ "past/", "products.ndjson" }, (at('save(_, "' .. dir .. "/")))
    assert.same({ "past/", "products.ndjson" }, (at(".save " .. dir .. "/p")))
    assert.equal('save(_, "' .. dir .. '/products.ndjson")', select(2, at('save(_, "' .. dir .. '/pr|")')))
    assert.same({ ".hidden" }, (at("ndjson.records '" .. dir .. "/.")))
    assert.same({}, (at('save(_, "' .. dir .. "/no/such/folder/")))
    assert.same({}, (at('print("' .. dir .. "/")))
  end)

  it("gives dot commands and what can be asked about", function()
    session.commands = { save = "x", test = "y", quit = "z" }
    assert.same({ ".quit", ".save", ".test" }, (at "."))
    assert.equal("  .save", select(2, at "  .s"))
    assert.same({ "search_orders", "search_products" }, (at "?shop.search"))
    assert.same({ "ndjson" }, (at "?ndj"))
    assert.same({ "map" }, (at "? ndjson.m"))
    assert.is_true(has((at "?stock2shop."), "search_products"))
    assert.same({ "search_orders", "search_products" }, (at [[help("shop.search]]))
    assert.equal([[help("shop.search_products]], select(2, at [[help("shop.search_p]]))
  end)

  it("gives nothing in comments, numbers and texts that nobody knows", function()
    for _, text in ipairs { "-- shop", "--[[ shop:", "12", "x = 'sho", "[[ shop", "shop:search_products { query = 'sho", "}}}", "", "))shop:",
      "::", "shop..", "a.b.", "shop:nothing { ", "\0\255", "shop:search_products { query = { si" } do
      local found = complete.candidates(session, text)
      for _, word in ipairs(found.words) do assert.is_string(word) end
      if text:find "^[%-%[1x]" then assert.same({}, found.words, text) end
    end
  end)

  it("calls no metamethod and raises nothing", function()
    local function boom() error "somebody's code was run" end
    local hostile = { __index = boom, __pairs = boom, __len = boom, __tostring = boom, __call = boom, __eq = boom, __lt = boom, __name = 5 }
    session.env.evil = setmetatable({ real = 1 }, hostile)
    setmetatable(session.env, hostile)
    assert.same({ "real" }, (at "evil."))
    assert.same({}, (at "evil.unreal."))
    assert.same({}, (at "unknown.x"))
    assert.same({ "evil" }, (at "evi"))
    session.env.closed = setmetatable({ inner = 1 }, { __metatable = "closed", __index = boom })
    assert.same({ "inner" }, (at "closed."))
    session.env.twin = setmetatable({ inner = 1 }, { __metatable = setmetatable({}, hostile), __index = boom })
    assert.same({ "inner" }, (at "twin."))
    session.env.loop = {}
    setmetatable(session.env.loop, { __index = session.env.loop })
    assert.same({}, (at "loop."))
    for cursor = -3, 60 do
      assert.is_table(complete.candidates(session, [[shop:search_products { query = evil["x"], size = "]], cursor).words)
    end
    assert.same({}, complete.candidates({}, "shop:").words)
  end)

  it("gives at most 200 words of what is big, in order", function()
    local big = {}
    for i = 1, 100000 do big["key" .. i] = i end
    session.env.big = big
    local list = at "big."
    assert.equal(200, #list)
    for i = 2, #list do assert.is_true(list[i - 1] < list[i]) end
  end)
end)

describe("completion beside the sandbox", function()
  it("gives the keys of what an operation really answered", function()
    local server = require("sluice.sandbox").start { products = 3, veeqo_products = 2, veeqo_orders = 0 }
    finally(function() server:stop() end)
    local depot = connect { api = "veeqo", name = "depot", base_url = server.url, api_key = "sandbox-key", limits = { api = "1000/s" } }
    local session = { env = {}, connections = { depot = depot } }
    session.env._ = depot:products {}()
    local function words(text) return complete.candidates(session, text).words end
    assert.same({ "sellables" }, words "_.sel")
    assert.same({ "sellable_title" }, words "print(_.sellables[1].sellable_")
    assert.same({ "main_image", "main_image_src" }, words "_.main")
    assert.same({}, words "_.sellables[3].")
  end)
end)
