-- The engine: definitions that are checked, requests that are made of rows, clients that raise.
local auth = require "sluice.auth"
local client = require "sluice.client"
local connect = require("sluice.connect").connect
local definition = require "sluice.definition"
local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local request = require "sluice.request"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

-- A fresh definition for each spec, as a user would write one.
local function things()
  return {
    name = "things", doc = "things",
    hosts = { { name = "base", key = "base_url", url = "https://things.example" } },
    connection = {
      { name = "key", type = "secret", required = true, doc = "the key" },
      { name = "shelf", type = "id", doc = "the shelf" },
    },
    credential = { kind = "header", header = "X-Key", secret = "key" },
    classes = { api = { rate = "10000/s" }, each = { rate = "10000/s", per = "id" }, place = { rate = "10000/s", per = "endpoint" } },
    errors = { message = { "error.text" }, [404] = { hint = "look it up" } },
    operations = {
      { name = "thing", doc = "one", method = "GET", path = "/things/{id}", class = "each", resend = "safe", result = "thing",
        args = { { name = "id", type = "id", required = true, doc = "its id" } } },
      { name = "find", doc = "some", method = "GET", path = "/things", query = "v=2", class = "place", resend = "safe",
        args = {
          { name = "name", type = "text", query = "filter[name]", doc = "its name" },
          { name = "size", type = "integer", query = "size", min = 1, max = 10, doc = "how many" },
          { name = "deep", type = "boolean", query = "deep", doc = "all" },
          { name = "shelf", type = "id", query = "shelf", from = "connection", doc = "where" },
          { name = "kind", type = "text", query = "kind", one_of = { "big", "small" }, doc = "which" },
        } },
      { name = "make", doc = "new", method = "POST", path = "/things", class = "api", resend = "unsafe",
        body = [[{"a":{a?},"thing":{"name":{name},"tags":{tags?}},"z":{z?},"link":{link?}}]],
        args = {
          { name = "name", type = "text", required = true, min = 2, max = 5, doc = "its name" },
          { name = "a", type = "integer", doc = "a" }, { name = "z", type = "number", doc = "z" }, { name = "tags", type = "list", doc = "tags" },
          { name = "link", type = "id", json = [[{"to":{"id":{link}}}]], doc = "link" },
        },
        errors = { [409] = { code = "locked", take = { twin = "twin" }, hint = "its twin is {twin.id}" } } },
      { name = "put", doc = "many", method = "PUT", path = "/things", class = "api", resend = "safe", encoding = "ndjson", max_bytes = 100,
        gzip = "zip",
        args = {
          { name = "rows", type = "records", required = true, into = "body", doc = "rows" }, { name = "zip", type = "boolean", doc = "gzip" },
        } },
    },
    helpers = { squeeze = "support.squeeze" },
  }
end

local def
before_each(function() def = things() end)

local function raises(code, message, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok, message)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  assert.is_truthy(problem.message:find(message, 1, true), problem.message)
  return problem
end

describe("a definition", function()
  it("that sluice brings is right", function()
    for _, name in ipairs { "stock2shop", "productsup_stream", "productsup_platform" } do assert.equal(name, definition.load(name).name) end
  end)

  it("is refused with its file and row when something in it is wrong", function()
    local function wrong(message, change)
      def = things()
      change(def)
      raises("config", message, definition.check, def, "apis/things.lua")
    end
    wrong("apis/things.lua: operations[1] 'thing': unknown field 'metod' (did you mean 'method'?)",
      function(d) d.operations[1].metod = "GET" end)
    wrong("apis/things.lua: operations[1] 'thing': method is missing", function(d) d.operations[1].method = nil end)
    wrong("apis/things.lua: operations[1] 'thing': method 'GOT' is none of: DELETE, GET, HEAD, PATCH, POST, PUT (did you mean 'GET'?)",
      function(d) d.operations[1].method = "GOT" end)
    wrong("apis/things.lua: operations[1] 'thing': path names {idd}, which is no argument (did you mean 'id'?)",
      function(d) d.operations[1].path = "/x/{idd}" end)
    wrong("apis/things.lua: operations[1] 'thing': path must start with /", function(d) d.operations[1].path = "x" end)
    wrong("apis/things.lua: operations[1] 'thing': class 'ech' is none of: api, each, place", function(d) d.operations[1].class = "ech" end)
    wrong("apis/things.lua: operations[1] 'thing': resend 'yes' is none of", function(d) d.operations[1].resend = "yes" end)
    wrong("apis/things.lua: operations[3] 'make': body names {nam}", function(d) d.operations[3].body = "{nam}" end)
    wrong("apis/things.lua: operations[2] 'find' args[2] 'size': doc is missing", function(d) d.operations[2].args[2].doc = nil end)
    wrong("apis/things.lua: operations[2] 'find' args 'size': type 'int' is none of", function(d) d.operations[2].args[2].type = "int" end)
    wrong("apis/things.lua: operations[2] 'find' args 'shelf': the connection has no key 'shlf'",
      function(d) d.operations[2].args[4].key = "shlf" end)
    wrong("apis/things.lua: operations[4] 'put': class 'each' counts per 'id', which is no argument here",
      function(d) d.operations[4].class = "each" end)
    wrong("apis/things.lua: operations[4] 'put' args 'rows': the operation needs an encoding",
      function(d) d.operations[4].encoding = nil end)
    wrong("apis/things.lua: operations[2] 'thing': that name is there twice", function(d) d.operations[2].name = "thing" end)
    wrong("apis/things.lua: operations[1] 'call': that name is taken by the client itself", function(d) d.operations[1].name = "call" end)
    wrong("apis/things.lua: operations[1] 'a-b': a name is made of letters", function(d) d.operations[1].name = "a-b" end)
    wrong("apis/things.lua: operations[1]: must be a table, is a string", function(d) d.operations[1] = "thing" end)
    wrong("apis/things.lua: credential: secret: the connection has no key 'kee'", function(d) d.credential.secret = "kee" end)
    wrong("credential: kind 'header' needs header", function(d) d.credential.header = nil end)
    wrong("operations[3] 'make'.errors[409]: code 'lockd' is none of", function(d) d.operations[3].errors[409].code = "lockd" end)
    wrong("apis/things.lua: unknown field 'operation' (did you mean 'operations'?)", function(d) d.operation = {} end)
    wrong("apis/things.lua: helpers 'thing': that name is taken", function(d) d.helpers.thing = "x" end)
    wrong("apis/things.lua: health: operation 'thng' is none of: find, make, put, thing (did you mean 'thing'?)",
      function(d) d.health = { "thng" } end)
    wrong("apis/things.lua: health: operation 'make' is not safe", function(d) d.health = { "find", "make" } end)
    wrong("apis/things.lua: health: operation 'thing' needs the argument 'id'", function(d) d.health = { "thing" } end)
    wrong("apis/things.lua: health must be a table, is a string", function(d) d.health = "find" end)
    local function rule(fields)
      return function(d) d.operations[1].outcomes = { fields } end
    end
    wrong("operations[1] 'thing' outcomes[1]: outcome 'reject' is none of: ambiguous, auth, limited", rule { status = 429, outcome = "reject" })
    wrong("operations[1] 'thing' outcomes[1]: code 'conflikt' is none of", rule { status = 429, outcome = "rejected", code = "conflikt" })
    wrong("operations[3] 'make': errors takes `message`, status numbers and codes of errors, not 'konflict'",
      function(d) d.operations[3].errors = { konflict = {} } end)
    wrong("operations[1] 'thing': more than 8 outcomes", function(d)
      d.operations[1].outcomes = {}
      for i = 1, 9 do d.operations[1].outcomes[i] = { status = 400 + i, outcome = "ok" } end
    end)
    wrong("operations[1] 'thing' outcomes[1]: status is missing", rule { outcome = "rejected" })
    wrong("outcomes[1]: 'auth' needs a credential of the kind login", rule { status = 401, outcome = "auth" })
    wrong("operations[1] 'thing' paging: kind 'cursor' needs cursor",
      function(d) d.operations[1].paging = { kind = "cursor", limit = "limit", size = 5 } end)
    wrong("operations[1] 'thing' settle: by 'idd' is none of: id (did you mean 'id'?)",
      function(d) d.operations[1].settle = { operation = "thing", match = "id", by = "idd.1.code" } end)
    wrong("operations[1] 'thing' paging: by names 'sise', which is no argument",
      function(d) d.operations[1].paging = { kind = "offset", offset = "o", limit = "l", size = 5, by = "sise" } end)
    wrong("operations[1] 'thing': credential 'pat' is none of: badge", function(d)
      d.credentials, d.operations[1].credential = { badge = { kind = "bearer", secret = "key" } }, "pat"
    end)
    local function settle(fields)
      return function(d)
        d.operations[3].settle = { operation = "find", match = "id" }
        for name, value in pairs(fields) do d.operations[3].settle[name] = value end
      end
    end
    wrong("operations[3] 'make' settle: operation 'fnd' is none of", settle { operation = "fnd" })
    wrong("operations[3] 'make' settle: also 'nam' is none of: name", settle { also = { title = "nam" } })
    wrong("operations[3] 'make' settle drained: operation 'queue' is none of", settle { drained = { operation = "queue" } })
    wrong("operations[3] 'make' settle drained: operation is missing", settle { drained = {} })
    wrong("operations[3] 'make' settle: unknown field 'list_' (did you mean 'list'?)", settle { list_ = "x" })
    wrong("operations[1] 'thing' settle: an operation that may be repeated needs none",
      function(d) d.operations[1].settle = { operation = "find", match = "id" } end)
    wrong("credentials 'badge': kind 'basic' is none of: bearer, header", function(d)
      d.credentials = { badge = { kind = "basic", username = "shelf", password = "key" } }
    end)
    wrong("args 'kind': required_for names 'dep', which is no argument (did you mean 'deep'?)",
      function(d) d.operations[2].args[5].required_for = { dep = { true } } end)
    raises("config", "apis/x.lua: must return a table, returns a nil", definition.check, nil, "apis/x.lua")
  end)

  it("of the project is read from apis/, and its mistakes are named", function()
    local dir = tmp.dir()
    os.execute("mkdir " .. dir .. "/apis")
    tmp.write(dir .. "/apis/good.lua", [[return { name = "good", doc = "g", hosts = { { name = "base", key = "base_url", url = "https://x" } },
      classes = {}, operations = {} }]])
    tmp.write(dir .. "/apis/broken.lua", "return {\n  name = }")
    tmp.write(dir .. "/apis/crash.lua", "error 'oh'")
    assert.equal("good", definition.load("good", dir).name)
    assert.same({ "broken", "crash", "good", "productsup_platform", "productsup_stream", "stock2shop", "veeqo" }, definition.names(dir))
    raises("config", "apis/broken.lua:2:", definition.load, "broken", dir)
    raises("config", "apis/crash.lua:1: oh", definition.load, "crash", dir)
    local problem = raises("config", "there is no API 'stock2shp' (did you mean 'stock2shop'?)", definition.load, "stock2shp", dir)
    assert.matches("apis/stock2shp.lua", problem.hint)
    raises("config", "'../x' is no name of an API", definition.load, "../x", dir)
  end)
end)

describe("a request", function()
  local function prepare(name, args, options)
    return request.prepare(def, definition.operation(def, name), options or {}, args)
  end

  it("has ids as exact text in its path", function()
    local function url(id) return prepare("thing", { id = id }).url end
    assert.equal("https://things.example/things/123456789012345678", url(123456789012345678))
    assert.equal("https://things.example/things/124773", url(124773.0))
    assert.equal("https://things.example/things/a%2Fb%23c%3Fd%20e%25%C3%A9", url "a/b#c?d e%é")
    assert.equal("https://things.example/things/%7Btoken%7D", url "{token}")
    assert.equal("https://things.example/things/123456789012345678901234567890", url(json.decode "[123456789012345678901234567890]"[1]))
    raises("usage", "is a float and may have lost digits", url, 1.2345678901234568e17)
    raises("usage", "id 1.5 is a float", url, 1.5)
    raises("usage", "id is empty", url, "")
    raises("usage", "id can't be '..'", url, "..")
    raises("usage", "must be an id (text or an integer), not a boolean", url, true)
  end)

  it("has its query in order, encoded, and what the connection says", function()
    local r = prepare("find", { name = "a&b=c", size = 3, deep = true }, { shelf = 7 })
    assert.equal("https://things.example/things?v=2&filter%5Bname%5D=a%26b%3Dc&size=3&deep=true&shelf=7", r.url)
    assert.equal("https://things.example/things?v=2&shelf=8", prepare("find", { shelf = "8", deep = false }, { shelf = 7 }).url)
    assert.equal("http://localhost:1/pre/things?v=2", prepare("find", nil, { base_url = "http://localhost:1/pre/" }).url)
    assert.equal("/things", r.resource)
    assert.equal("x", prepare("thing", { id = "x" }).resource)
  end)

  it("has parts of a path that come and go with their argument, tags whose colon stays, and lists", function()
    def.operations[1].path = "/a[/shelves/{shelf}]/things/{id}"
    def.operations[1].args = { { name = "id", type = "reference", required = true, doc = "id" }, { name = "shelf", type = "id", doc = "shelf" },
      { name = "fields", type = "list", query = "fields", doc = "fields" } }
    definition.check(def, "apis/things.lua")
    local function url(args) return prepare("thing", args).url:match "example(.*)$" end
    assert.equal("/a/things/7", url { id = 7 })
    assert.equal("/a/shelves/x%2Fy/things/k%20%3D:v%2F%3A", url({ id = "k =:v/", shelf = "x/y" }) .. "%3A")
    assert.equal("/a/things/k:v?fields%5B0%5D=a%26b&fields%5B1%5D=2", url { id = "k:v", fields = { "a&b", 2 } })
    for _, wrong in ipairs { "a:b:c", ":b", "a:" } do raises("usage", "must be an id or name:value with one colon", url, { id = wrong }) end
    raises("usage", "is a float", url, { id = 1.5 })
  end)

  it("has arguments that others call for", function()
    def.operations[2].args[5].required_for = { size = { 2, 3 } }
    assert.matches("size=4", prepare("find", { size = 4 }).url)
    assert.matches("kind=big", prepare("find", { size = 3, kind = "big" }).url)
    raises("usage", "kind is missing, which size '3' needs: which", prepare, "find", { size = 3 })
  end)

  it("fills a template in the order it is written, and leaves out what is not given", function()
    assert.equal([[{"thing":{"name":"abc"}}]], prepare("make", { name = "abc" }).body)
    assert.equal([[{"a":1,"thing":{"name":"é\"","tags":["x"]},"z":1.5,"link":{"to":{"id":"9"}}}]],
      prepare("make", { name = "é\"", a = 1, z = 1.5, tags = { "x" }, link = 9 }).body)
    assert.equal([[{"thing":{"name":"{a}","tags":[]}}]], prepare("make", { name = "{a}", tags = json.array {} }).body)
    assert.equal("application/json", prepare("make", { name = "abc" }).headers["Content-Type"])
  end)

  it("refuses wrong arguments before anything is sent", function()
    for message, args in pairs {
      ["name is missing: its name"] = {},
      ["unknown argument 'nme' (did you mean 'name'?)"] = { nme = "x" },
      ["unknown argument 'body'; it takes name, a, z, tags, link (and raw, timeout, deadline)"] = { body = "x" },
      ["name must be text, not a number"] = { name = 5 },
      ["name must be 2 to 5 characters long, is 1"] = { name = "é" },
      ["name must be 2 to 5 characters long, is 6"] = { name = "abcdef" },
      ["a must be an integer, not 1.5"] = { name = "abc", a = 1.5 },
      ["z must be a number, not x"] = { name = "abc", z = "x" },
      ["tags must be a table, not a string"] = { name = "abc", tags = "x" },
      ["tags: "] = { name = "abc", tags = { print } },
    } do
      raises("usage", message, prepare, "make", args)
    end
    local row = { name = "all", args = {} }
    raises("usage", "unknown argument 'body'; it takes none but raw, timeout, deadline", request.prepare, def, row, {}, { body = 1 })
    for i = 1, 14 do row.args[i] = { name = "arg" .. i, type = "text" } end
    raises("usage", "arg11, arg12, … 2 more (and raw", request.prepare, def, row, {}, { body = 1 })
    raises("usage", "size must be 1 to 10, is 11", prepare, "find", { size = 11 })
    raises("usage", "kind must be one of big, small, not 'middle'", prepare, "find", { kind = "middle" })
    raises("usage", "arguments are one table of named values, not a string", prepare, "find", "x")
    raises("usage", "things has no operation 'fnd' (did you mean 'find'?)", prepare, "fnd")
  end)

  it("takes rows as text, chunk, list, records and iterator", function()
    local function body(rows) return prepare("put", { rows = rows }).body end
    assert.equal('{"id":1}\n{"id":2}\n', body { { id = 1 }, { id = 2 } })
    assert.equal('{"id":1}\n', body { id = 1 })
    assert.equal('{"id":1}', body '{"id":1}')
    assert.equal('{"b":1,"a":[]}\n{"c":1}\n', body { ndjson.record '{"b":1,"a":[]}', '{"c":1}\n' })
    local n = 0
    assert.equal('{"id":1}\n{"id":2}\n', body(function()
      n = n + 1
      if n < 3 then return { id = n } end
    end))
    local chunk = ndjson.chunk {}
    chunk:put { id = 1 }
    assert.equal(chunk, body(chunk))
    raises("usage", "rows is empty", body, {})
    raises("usage", "rows is empty", body, " \n")
    raises("usage", "rows is empty", body, ndjson.chunk {})
    raises("usage", "rows: item 2 is an empty line", body, { '{"id":1}', "" })
    raises("usage", "rows is more than the 100 bytes", body, { { id = ("x"):rep(200) } })
    raises("usage", "rows must be a chunk, text, a list or an iterator, not a number", body, 5)
    assert.is_true(prepare("put", { rows = "{}", zip = true }).gzip)
  end)
end)

describe("a client", function()
  local api, thing
  local function serve(answers, more)
    api = scripted.start(answers)
    local keys = { api = def, name = "box", base_url = api.url, key = "key-value-1" }
    for key, value in pairs(more or {}) do keys[key] = value end
    thing = connect(keys)
  end
  after_each(function()
    if api then api.close() end
    api = nil
  end)

  it("gives the part that the row names, and the answer", function()
    serve { { body = '{"thing":{"id":123456789012345678,"x":null,"l":[]}}' }, { body = '{"things":[]}' } }
    local one, answer = thing:thing { id = 1 }
    assert.equal(123456789012345678, one.id)
    assert.equal(json.null, one.x)
    assert.equal(200, answer.status)
    assert.equal("key-value-1", api.requests[1].headers["x-key"])
    assert.same({ things = {} }, (thing:find()))
  end)

  it("gives the text with raw = true", function()
    serve { { body = '{"thing": 1 }' } }
    assert.equal('{"thing": 1 }', (thing:thing { id = 1, raw = true }))
  end)

  it("raises one error value, with the server's words and the definition's hint", function()
    serve { { status = 404, json = { error = { text = "no such thing" } } }, { status = 409, json = { twin = { id = "7" } } } }
    local problem = raises("not_found", "GET /things/1 answered 404", thing.thing, thing, { id = 1 })
    assert.matches(": no such thing$", problem.message)
    assert.same({ "box", "thing", 404, "look it up" }, { problem.api, problem.operation, problem.status, problem.hint })
    assert.matches("^box%.thing: GET /things/1 answered 404", tostring(problem))
    assert.matches("client_spec%.lua:%d+$", problem.where)
    problem = raises("locked", "POST /things answered 409", thing.make, thing, { name = "abc" })
    assert.same({ "7", "its twin is 7" }, { problem.twin.id, problem.hint })
    def.operations[3].errors = { conflict = { hint = "by its code" }, [422] = { hint = "by its status" } }
    def.operations[3].outcomes = { { status = 422, says = "twin", outcome = "rejected", code = "conflict" } }
    api.close()
    serve { { status = 422, json = { twin = 7 } }, { status = 422, json = {} } }
    assert.equal("by its code", raises("conflict", "answered 422", thing.make, thing, { name = "abc" }).hint)
    assert.equal("by its status", raises("invalid", "answered 422", thing.make, thing, { name = "abc" }).hint)
  end)

  it("shows where in the script a wrong argument is", function()
    serve {}
    local problem = raises("usage", "unknown argument 'idd' (did you mean 'id'?)", function() thing:thing { idd = 1 } end)
    assert.matches("client_spec%.lua:%d+$", problem.where)
    assert.equal("box", problem.api)
    problem = raises("usage", "box has no operation 'thng' (did you mean 'thing'?)", function() thing:thng {} end)
    assert.matches("sluice api show things", problem.hint)
    raises("usage", "called with a colon", function() thing.thing { id = 1 } end)
    assert.equal(0, #api.requests)
  end)

  it("raises `protocol` where the answer is no JSON or lacks its key", function()
    serve { { body = "<html>" }, { body = "{}" }, { body = "{\"a\":" } }
    raises("protocol", "not JSON", thing.thing, thing, { id = 1 })
    raises("protocol", "without the key 'thing'", thing.thing, thing, { id = 1 })
    raises("protocol", "not JSON", thing.find, thing)
  end)

  it("goes by a credential of its own where a row names one and the connection has it", function()
    def.connection[#def.connection + 1] = { name = "badge", type = "secret", doc = "the badge" }
    def.credentials = { badge = { kind = "bearer", secret = "badge" } }
    def.operations[1].credential, def.connection[1].required = "badge", nil
    serve(function() return { json = { thing = 1 } } end)
    thing:thing { id = 1 }
    assert.equal("key-value-1", api.requests[1].headers["x-key"])
    local both = connect { api = def, name = "box", base_url = api.url, key = "key-value-1", badge = "badge-value" }
    both:thing { id = 1 }
    both:find()
    assert.same({ "Bearer badge-value", "key-value-1" }, { api.requests[2].headers.authorization, api.requests[3].headers["x-key"] })
    assert.is_nil(api.requests[2].headers["x-key"])
    assert.is_nil(api.requests[3].headers.authorization)
    local one = connect { api = def, name = "box", base_url = api.url, badge = "badge-value" }
    one:thing { id = 1 }
    assert.matches("give `key` in sluice.yaml", raises("config", "find: connection 'box' has no key", one.find, one).hint)
    raises("config", "key is missing", connect, { api = def, name = "box", base_url = api.url })
    assert.equal(4, #api.requests)
  end)

  it("says of an operation that the vendor has removed that it is gone", function()
    def.operations[1].legacy = "gone since spring"
    serve { { status = 404 }, { status = 410 }, { status = 403 }, { status = 400 }, { status = 404 } }
    for _, code in ipairs { "not_found", "not_found", "forbidden" } do
      assert.equal("gone since spring", raises(code, "answered", thing.thing, thing, { id = 1 }).hint)
    end
    assert.is_nil(raises("invalid", "answered 400", thing.thing, thing, { id = 1 }).hint)
    assert.equal("look it up", raises("not_found", "answered", thing.find, thing).hint)
  end)

  it("takes no for an answer under a 200 where the definition knows how it is said", function()
    def.truth = "ok"
    serve { { body = '{"ok":false,"error":{"text":"not today"}}' }, { body = '{"ok":true}' } }
    assert.matches("its ok is false: not today$", raises("invalid", "answered 200", thing.find, thing).message)
    assert.same({ ok = true }, (thing:find()))
  end)

  it("loads helpers when they are used", function()
    package.preload["support.squeeze"] = function()
      return { squeeze = function(who, a, b) return who.name, a, b end }
    end
    serve {}
    assert.same({ "box", 1, 2 }, { thing:squeeze(1, 2) })
    package.preload["support.squeeze"] = nil
  end)

  it("checks the connection's keys", function()
    local function make(more)
      local keys = { api = def, name = "box", key = "key-value-1" }
      for key, value in pairs(more) do keys[key] = value end
      return connect(keys)
    end
    raises("config", "unknown key 'kee' (did you mean 'key'?)", make, { kee = 1 })
    raises("config", "limits: there is no rate class 'apy' (did you mean 'api'?)", make, { limits = { apy = "1/s" } })
    raises("config", "rate class 'api': 'x' is not a rate", make, { limits = { api = "x" } })
    raises("config", "credentials would go over plain http", make, { base_url = "http://example.com" })
    raises("config", "key is missing: the key", connect, { api = def })
    raises("config", "there is no API 'nothing'", connect, { api = "nothing" })
    raises("usage", "api is missing", connect, {})
    raises("usage", "takes the name of a connection or a table", connect, 5)
    local box = make {}
    assert.equal("box (things at https://things.example)", tostring(box))
    assert.equal("***", tostring(box.options.key))
    assert.equal(auth.fingerprint "key-value-1", box.account)
    assert.is_true(client.is(box))
    assert.is_false(client.is {})
  end)

  it("is made of sluice.yaml by name", function()
    local dir = tmp.dir()
    api = scripted.start { { json = { system_user = { token = "yaml-token" } } }, { json = { system_sources = { { id = 1 } } } } }
    tmp.write(dir .. "/sluice.yaml", ([[
version: 1
shared: %s/shared
connections:
  shop: { api: stock2shop, base_url: "%s", username: "bob", password: "${TEST_PASSWORD:-hunter22}", client_id: 21, limits: { api: "10/s" } }
]]):format(dir, api.url))
    tmp.write(dir .. "/r.lua", [[
local shop = require("sluice").connect "shop"
print(shop.name, shop.api, shop.account, shop.options.client_id, shop.options.index_lag, shop:sources()[1].id)]])
    local result = require("sluice.process").run {
      argv = { (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "run", dir .. "/r.lua", "-c", dir .. "/sluice.yaml" },
    }
    assert.equal("shop\tstock2shop\tbob\t21\t120\t1\n", result.stdout, result.stderr)
    assert.equal('{"system_user_auth":{"username":"bob","password":"hunter22"}}', api.requests[1].body)
    assert.matches("yaml%-token", api.requests[2].target)
    assert.matches("shared.db", io.popen("ls " .. dir .. "/shared"):read "a")
  end)
end)
