-- Dry runs piece by piece: which requests are writes, what they are answered, what stays as it was.
local client = require "sluice.client"
local definition = require "sluice.definition"
local dry = require "sluice.dry"
local err = require "sluice.err"
local http = require "sluice.http"
local json = require "sluice.json"
local lfs = require "lfs"
local plausible = require "sluice.plausible"
local scripted = require "support.scripted"
local state = require "sluice.state"
local tmp = require "support.tmp"
local wire = require "sluice.wire"

local function shop_api(more)
  local def = {
    name = "toys", doc = "toys", hosts = { { name = "base", key = "base_url", url = "http://127.0.0.1" } }, classes = { api = { rate = "1000/s" } },
    connection = { { name = "key", type = "secret", doc = "key" } }, credential = { kind = "header", header = "x-key", secret = "key" }, truth = "ok",
    operations = {
      { name = "toy", doc = "One", method = "GET", path = "/toys/{id}", class = "api", resend = "safe",
        args = { { name = "id", type = "id", required = true, doc = "id" } } },
      { name = "find", doc = "Search", method = "POST", path = "/find", class = "api", resend = "safe", writes = false },
      { name = "ring", doc = "Rings a bell", method = "GET", path = "/ring", class = "api", resend = "unsafe", writes = true },
      { name = "make", doc = "Makes one", method = "POST", path = "/toys", class = "api", resend = "unsafe", result = "toys.1",
        body = [[{"name":{name},"key":{key}}]],
        args = { { name = "name", type = "text", required = true, doc = "name" },
          { name = "key", type = "secret", from = "connection", doc = "key" } } },
      { name = "many", doc = "Makes many", method = "POST", path = "/many", class = "api", resend = "safe", encoding = "ndjson",
        answer = { count = "{n}", id = "{#text}", list = {} },
        args = { { name = "body", type = "records", required = true, into = "body", doc = "toys" } } },
      { name = "waiting", doc = "How many wait", method = "GET", path = "/waiting", class = "api", resend = "safe", answer = { left = 0 },
        follows = { "many" } },
      { name = "drop", doc = "Drops all", method = "DELETE", path = "/toys", class = "api", resend = "never_automatic", success = { 204 } },
    },
  }
  for key, value in pairs(more or {}) do def.operations[1][key] = value end
  return def
end

describe("a dry run", function()
  local api, toys, way
  before_each(function()
    api = scripted.start(function() return { json = { ok = true, left = 7 } } end)
    toys = client.new(definition.check(shop_api(), "toys"), { name = "toys", base_url = api.url, key = "s3cret-of-toys" })
    way = dry.new { silent = true }
    wire.put(way)
  end)
  after_each(function()
    wire.put(nil)
    api:close()
  end)

  it("sends reads by method or by their row, and no write", function()
    toys:toy { id = 1 }
    toys:find {}
    assert.equal(2, #api.requests)
    assert.equal(true, toys:ring().ok)
    toys:make { name = "bear" }
    assert.equal(true, toys:drop())
    assert.equal(2, #api.requests)
    assert.same({ "GET toys.ring", "POST toys.make", "DELETE toys.drop" },
      { way.sums[1].method .. " " .. way.sums[1].name, way.sums[2].method .. " " .. way.sums[2].name, way.sums[3].method .. " " .. way.sums[3].name })
  end)

  it("answers what the row says, or what it was given with a new id; what is asked about that is answered as well", function()
    local made = toys:make { name = "bear" }
    assert.same({ "bear", nil }, { made.name, made.key })
    assert.equal(made.id, toys:toy { id = made.id }.id and made.id)
    local _, answer = toys:toy { id = tostring(made.id) }
    assert.is_true(answer.dry)
    local many = toys:many { body = { { id = 1 }, { id = 2 }, { id = 3 } } }
    assert.same({ 3, true, "string" }, { many.count, json.isarray(many.list), type(many.id) })
    assert.not_equal(tostring(made.id), many.id)
    assert.equal(0, #api.requests)
  end)

  it("asks what became of writes while none was dry, and not from then on", function()
    assert.equal(7, toys:waiting().left)
    toys:many { body = { { id = 1 } } }
    assert.equal(0, toys:waiting().left)
    assert.equal(1, #api.requests)
  end)

  it("holds for sluice.http as well", function()
    assert.equal(200, http.get(api.url .. "/x").status)
    local res = assert(http.post(api.url .. "/x", { json = { a = 1 }, query = { page = 2 } }))
    assert.same({ 200, {}, "application/json" }, { res.status, res:json(), res.headers["content-type"] })
    local streamed = assert(http.put(api.url .. "/x", { body = function() error "is not asked" end, stream = true }))
    assert.same({ "{}", nil }, { streamed:read(), streamed:read() })
    assert.equal(1, #api.requests)
    assert.same({ "1 request POST sluice.http, 7 bytes", "1 request PUT sluice.http" }, way:lines())
    assert.has_error(function() http.post(api.url, { jsn = {} }) end)
  end)

  it("refuses arguments that a real one would refuse", function()
    local ok, problem = pcall(toys.make, toys, { nam = "bear" })
    assert.same({ false, "usage" }, { ok, problem.code })
    assert.equal(0, #way.sums)
  end)
end)

describe("plausible", function()
  local function body_of(row, values, n)
    local last = 0
    return plausible.body({ truth = "ok" }, row, values, n, function()
      last = last + 1
      return last
    end)
  end

  it("fills templates: arguments with their types, ids, counts, lists of entries", function()
    local row = { answer = { id = "{#}", text = "{#text}", n = "{n}", name = "{name}", none = "{gone}", fixed = true,
      rows = { each = "rows", item = { id = "{#}", sku = "{sku}", of = "{name}" } } } }
    local got = json.decode(body_of(row, { name = "x", rows = { { sku = "a" }, { sku = "b" } } }, 4))
    table.sort(got.rows, function(a, b) return a.sku < b.sku end)
    assert.same({ "x", 4, nil, true, "a", "b", "x" }, { got.name, got.n, got.none, got.fixed, got.rows[1].sku, got.rows[2].sku, got.rows[2].of })
    assert.same({ "number", "string" }, { math.type(got.id) and "number", type(got.text) })
    assert.equal("[]", json.encode(json.decode(body_of({ answer = {} }, {}))))
  end)

  it("makes one where a row has none: at the place of the result, with what a success must have", function()
    local args = { { name = "title", type = "text" }, { name = "password", type = "secret" } }
    local given = { title = "t", password = "p" }
    assert.equal('{"Sites":[{"id":1,"title":"t"}],"ok":true}', body_of({ result = "Sites.1", args = args }, given))
    assert.equal('{"ok":true}', body_of({ result = "ok", args = args }, given))
    assert.equal('{"id":1,"list":[],"ok":true,"title":"t"}', body_of({ expect = "list", args = args }, given))
    assert.equal("", body_of({ success = { 204 }, args = args }, given))
    assert.equal('{"Errors":[],"ok":true}', body_of({ result = "Errors", paging = {} }, given))
  end)

  it("gives each write of the four APIs an answer that its own row takes for a success", function()
    for _, name in ipairs(definition.names()) do
      local def = definition.load(name)
      for _, row in ipairs(def.operations) do
        local n = 0
        local text = plausible.body(def, row, {}, 1, function()
          n = n + 1
          return n
        end)
        local value = text ~= "" and assert(json.decode(text)) or nil
        local expect = row.expect or row.result and row.result:match "^[^%.]+"
        if definition.writes(row) and value and expect then assert.is_not_nil(value[expect], row.name) end
        if definition.writes(row) and value and def.truth then assert.is_true(value[def.truth], row.name) end
      end
    end
  end)
end)

describe("a definition's fields for dry runs", function()
  local function fault(more)
    local ok, problem = pcall(definition.check, shop_api(more), "toys")
    return not ok and problem.message
  end

  it("are checked", function()
    assert.is_false(fault {})
    assert.matches("answer names {idd}, which is no argument %(did you mean 'id'%?%)", fault { answer = { list = { "{idd}" } } })
    assert.matches("answer: each 'toys' is none of", fault { answer = { rows = { each = "toys", item = {} } } })
    assert.matches("follows 'mak' is none of: .*did you mean 'make'", fault { follows = { "mak" } })
    assert.matches("writes must be a boolean", fault { writes = "no" })
  end)
end)

describe("a store that is put aside", function()
  local aside = require "sluice.aside"

  it("has what the config's has, and goes", function()
    local path = tmp.dir() .. "/s.db"
    local store = state.open(path)
    local cursor = store:cursor { recipe = "r", name = "n" }
    cursor:advance "here"
    cursor:commit()
    cursor:close()
    store:close()
    local bytes, config, one = tmp.read(path), { store = path }, aside.new { copy = true }
    one:take(config)
    assert.not_equal(path, config.store)
    local copy = state.open(config.store)
    local other = copy:cursor { recipe = "r", name = "n" }
    assert.equal("here", other:get())
    other:advance "there"
    other:commit()
    copy:close()
    local folder = config.store:match "^(.*)/"
    one:close()
    assert.is_true(bytes == tmp.read(path), "the store's bytes")
    assert.is_nil(lfs.attributes(folder))
    one:close()
  end)

  it("is empty where there is none or none is wanted, and none is made", function()
    local path = tmp.dir() .. "/none.db"
    for _, copy in ipairs { true, false } do
      local config, one = { store = path }, aside.new { copy = copy }
      one:take(config)
      local store = state.open(config.store)
      assert.same({}, store:cursors())
      store:close()
      one:close()
    end
    assert.is_nil(lfs.attributes(path))
  end)

  it("says so where the config's store is damaged", function()
    local path = tmp.dir() .. "/bad.db"
    tmp.write(path, ("no database "):rep(100))
    local one = aside.new { copy = true }
    local ok, problem = pcall(one.take, one, { store = path })
    one:close()
    assert.same({ false, true, "state" }, { ok, err.is(problem), problem.code })
  end)
end)
