-- Values as text that fits the terminal: trees, tables, iterators page by page; whatever the value is, nothing is raised.
local auth = require "sluice.auth"
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local scripted = require "support.scripted"
local show = require "sluice.repl.show"
local tmp = require "support.tmp"
local width = require "sluice.repl.width"

local function text(value, options) return (show.text(value, options or { columns = 80, rows = 40 })) end
local function whole(value, options) return (select(2, show.text(value, options or { columns = 80, rows = 40 }))) end

local function widest(shown)
  local most = 0
  for line in (shown .. "\n"):gmatch "(.-)\n" do most = math.max(most, width.of(line)) end
  return most
end

describe("what is shown", function()
  it("is what JSON has, told apart", function()
    local cases = {
      { nil, "nil" }, { true, "true" }, { 12, "12" }, { 12.0, "12.0" }, { 1e16, "1e16" }, { 0 / 0, "nan" }, { 1 / 0, "inf" },
      { json.null, "null" }, { json.number "19.90", "19.90" }, { "a\n\"b\"\\", [["a\n\"b\"\\"]] }, { {}, "{}" }, { json.array {}, "[]" },
      { { 1, 2.5, "x" }, [==[[1, 2.5, "x"]]==] }, { { b = json.null, a = { c = {} } }, "{ a = { c = {} }, b = null }" },
      { { [1] = 1, [3] = 3, x = 2 }, "{ [1] = 1, [3] = 3, x = 2 }" }, { { ["odd key"] = 1, [true] = 2 }, [==[{ ["odd key"] = 1, [true] = 2 }]==] },
      { json.decode '{"empty":[],"none":{}}', "{ empty = [], none = {} }" },
    }
    for i, case in ipairs(cases) do
      assert.equal(case[2], text(case[1]), "case " .. i)
      assert.is_true(whole(case[1]))
    end
  end)

  it("is a tree where it does not fit on a line, within the columns", function()
    local value = { took = 3, address = { street = ("s"):rep(30), city = ("c"):rep(30), zip = "1" }, note = "short", list = { 1, 2 } }
    assert.equal([[
{
  address = {
    city = "cccccccccccccccccccccccccccccc"
    street = "ssssssssssssssssssssssssssssss"
    zip = "1"
  }
  list = [1, 2]
  note = "short"
  took = 3
}]], text(value, { columns = 60 }))
    for columns = 20, 120, 7 do assert.is_true(widest(text(value, { columns = columns })) <= math.max(columns, 44), columns) end
  end)

  it("counts what it leaves out", function()
    local ids, fields = {}, {}
    for i = 1, 1500 do ids[i], fields[("f%04d"):format(i)] = i, ("x"):rep(60) end
    local shown = text(ids)
    assert.is_truthy(shown:find("\n  … 1,300 more\n]", 1, true), shown)
    assert.is_false(whole(ids))
    assert.is_truthy(text(fields):find("… 1,400 more", 1, true))
    local deep = { x = ("y"):rep(90) }
    for _ = 1, 20 do deep = { x = deep, y = ("z"):rep(70) } end
    assert.is_truthy(text(deep):find("x = { … 2 fields }", 1, true))
    assert.is_false(whole(deep))
    local wide = {}
    for i = 1, 40 do
      wide[("a%02d"):format(i)] = {}
      for k = 1, 40 do wide[("a%02d"):format(i)][("b%02d"):format(k)] = ("v"):rep(60) end
    end
    assert.is_true(select(2, text(wide):gsub("\n", "")) < 500)
  end)

  it("folds long texts and says how long they are", function()
    local shown = text { note = ("é"):rep(2310) }
    assert.is_truthy(shown:find('é"…, 2,310 characters', 1, true), shown)
    assert.is_true(widest(shown) <= 80)
    assert.is_false(whole { note = ("é"):rep(2310) })
    assert.is_truthy(text(("\xff"):rep(100000)):find('"…, 100,000 bytes', 1, true))
    assert.equal('"' .. ("x"):rep(200) .. '"', text(("x"):rep(200))) -- a text alone has some lines
  end)

  it("sends nothing to the terminal that steers it", function()
    local shown = text { "\27[31mred\7", ["\27k"] = "\r", c = "\xC2\x9B31m", d = "\xE2\x80\xAE" }
    assert.is_nil(shown:find "[%c]")
    assert.is_nil(shown:find("\xC2\x9B", 1, true))
    assert.is_truthy(shown:find([["\x1B[31mred\x07"]], 1, true))
    assert.is_nil(text({ { a = "\27[2J", b = 1 }, { a = "x", ["\27c"] = 2 } }):gsub("\n", ""):find "%c")
  end)

  it("keeps records lazy and in their order", function()
    local raw = [[{"z":1, "a":{"list":[1,2]},"m":null , "n":12345678901234567890}]]
    local rec = ndjson.record(raw)
    assert.equal("{ z = 1, a = { list = [1, 2] }, m = null, n = 12345678901234567890 }", text(rec))
    assert.equal(raw, ndjson.raw(rec))
    assert.equal("userdata", type(rec.a))
    local list = ndjson.record [[{"rows":[{"sku":"b","id":2},{"sku":"a","id":10}]}]]
    assert.equal("   id  sku\n1   2  b\n2  10  a", text(list.rows))
    assert.equal("[]", text(ndjson.record "[]"))
  end)

  it("shows clients, errors, functions and objects shortly, and no secret", function()
    local shop = connect { api = "stock2shop", name = "shop", username = "bob", password = "topsecret", base_url = "https://x.example" }
    assert.equal("shop: stock2shop, https://x.example", text(shop))
    assert.equal("{ client = shop: stock2shop, https://x.example }", text { client = shop })
    assert.equal("***", text(auth.secret "topsecret"))
    local shown = text { "topsecret", topsecret = "a topsecret b", long = ("x"):rep(300) .. "topsecret" .. ("x"):rep(90000) }
    assert.is_nil(shown:find("topsec", 1, true), shown)
    assert.is_nil(text({ { k = "topsecret" }, { k = "topsecret", topsecret = 1 } }):find("topsec", 1, true))
    assert.is_nil(text("topsecret"):find("topsec", 1, true))
    assert.equal("error (not_found): no such thing\n  retryable = false", text(err.new { code = "not_found", message = "no such thing" }))
    assert.equal('error (limit): too much\n  hint = "less"\n  retryable = false\n  status = 429',
      text(err.new { code = "limit", message = "too much", hint = "less", status = 429 }))
    assert.equal("[1, error (limit): too much]", text { 1, err.new { code = "limit", message = "too much", hint = "less" } })
    assert.is_truthy(text(function() end):find "^function %(.*show_spec.lua:%d+%)$")
    assert.equal("function", text(print))
    assert.equal("thread", text(coroutine.create(print)))
    assert.equal("sluice.chunk", text(ndjson.chunk {}))
    assert.equal("point { x = 1 }", text(setmetatable({ x = 1 }, { __name = "point" })))
    assert.equal("(1, 2) { x = 1 }", text(setmetatable({ x = 1 }, { __tostring = function() return "(1, 2)" end })))
    for bad in ndjson.records(tmp.write(tmp.dir() .. "/x.ndjson", "{oops\n")) do assert.is_truthy(text(bad):find "^bad line 1 of .*column 2") end
  end)

  it("ends at cycles", function()
    local value = { name = "x" }
    value.me, value.list = value, { value }
    assert.equal('{ list = [(a cycle)], me = (a cycle), name = "x" }', text(value))
    local shared = { 1 }
    assert.equal("{ a = [1], b = [1] }", text { a = shared, b = shared })
  end)

  it("raises nothing, whatever metatables do", function()
    local function boom() error(setmetatable({}, { __tostring = function() error "twice" end })) end
    local evil = { __index = boom, __pairs = boom, __len = boom, __tostring = boom, __eq = boom, __lt = boom, __name = boom, __concat = boom,
      __newindex = boom, __close = boom, __gc = boom, __call = boom }
    assert.equal("{ x = 1 }", text(setmetatable({ x = 1 }, evil)))
    assert.equal("[1, { x = 1 }]", text { 1, setmetatable({ x = 1 }, evil) })
    assert.equal("{ x = 1 }", text(setmetatable({ x = 1 }, { __metatable = false, __tostring = function() return 5 end })))
    local keys = { [setmetatable({}, evil)] = 1, [print] = 2, [1.5] = 3, [json.null] = 4 }
    assert.is_string(text(keys))
    assert.is_string(text(setmetatable({}, { __tostring = coroutine.wrap(function() end) })))
    local rows = { setmetatable({ a = 1 }, evil), setmetatable({ a = 2 }, evil) }
    assert.equal("[{ a = 1 }, { a = 2 }]", text(rows))
    assert.is_string(text(evil, { columns = 0, rows = -3 }))
    assert.is_string(text(string.rep("x", 100), { columns = 1 }))
    assert.is_string((show.text({ 1 })))
  end)

  it("is coloured where that is asked for, and then has the same words", function()
    local value = { a = 1, b = { { x = 1, y = "z" }, { x = 2, y = json.null } }, c = ("x"):rep(80) }
    local coloured = text(value, { columns = 80, color = true })
    assert.is_truthy(coloured:find("\27[36ma\27[0m = ", 1, true), coloured)
    assert.equal(text(value), (coloured:gsub("\27%[%d+m", "")))
    assert.is_nil(text(value):find "\27")
  end)
end)

describe("iterators at the prompt", function()
  local session, out
  local print_out = io.write
  before_each(function()
    out = {}
    session = { env = {}, columns = 80, rows = 40 }
    io.write = function(...) out[#out + 1] = table.concat { ... } end -- luacheck: ignore
  end)
  after_each(function() io.write = print_out end) -- luacheck: ignore
  local function said()
    local all = table.concat(out)
    out = {}
    return all
  end

  local function counter(last, fails)
    local at, asked = 0, { n = 0 }
    local fn = require("sluice.iterators").mark(function()
      asked.n = asked.n + 1
      at = at + 1
      if at > last then
        if fails then err.raise { code = "unavailable", message = "the server is away" } end
        return nil
      end
      return { id = at, name = "n" .. at }
    end)
    return fn, asked
  end

  it("show their first page, ask for no more than that, and go on with more()", function()
    local fn, asked = counter(45)
    session.env._ = fn
    show.print(session, fn)
    assert.equal(20, asked.n)
    local first = said()
    assert.is_truthy(first:find("\n20  20  n20\n20 so far; more() goes on\n", 1, true), first)
    show.more(session)
    assert.equal(40, asked.n)
    assert.is_truthy(said():find("\n40  40  n40\n40 so far", 1, true))
    show.more(session)
    assert.is_truthy(said():find("\n45  45  n45\n45 in all\n", 1, true))
    show.more(session)
    assert.equal("45 in all\n", said())
    assert.equal(46, asked.n)
  end)

  it("lose nothing: `_` begins with the first entry again", function()
    local fn, asked = counter(45)
    session.env._ = fn
    show.print(session, fn)
    local ids = {}
    for entry in session.env._ do ids[#ids + 1] = entry.id end
    assert.equal(45, #ids)
    for i, id in ipairs(ids) do assert.equal(i, id) end
    assert.equal(46, asked.n)
    said()
    show.print(session, fn) -- once more: what was shown, nothing is asked for
    assert.is_truthy(said():find("n20", 1, true))
    assert.equal(46, asked.n)
  end)

  it("say that there is nothing, and raise what they fail with once the entries before it were shown", function()
    show.print(session, (counter(0)))
    assert.equal("nothing\n", said())
    show.print(session, (counter(3, true)))
    assert.is_truthy(said():find("3   3  n3\n3 so far", 1, true))
    local ok, problem = pcall(show.more, session)
    assert.is_false(ok)
    assert.equal("unavailable", problem.code)
    show.more(session)
    assert.equal("3 in all\n", said())
    session.pages = nil
    ok, problem = pcall(show.more, session)
    assert.is_false(ok)
    assert.equal("usage", problem.code)
  end)

  it("are those of paged operations, which ask for the first page alone", function()
    local api = scripted.start(function(_, n)
      local list = json.array {}
      for i = 1, 100 do list[i] = { id = (n - 1) * 100 + i, number = "A" .. i } end
      return { json = list }
    end)
    finally(function() api:close() end)
    local veeqo = connect { api = "veeqo", name = "veeqo", api_key = "secret-9", base_url = api.url }
    local orders = veeqo:orders {}
    show.print(session, orders)
    assert.equal(1, #api.requests)
    assert.is_truthy(said():find("20  20  A20\n20 so far", 1, true))
    show.print(session, print) -- no iterator
    assert.equal("function\n", said())
    show.more(session, orders)
    assert.is_truthy(said():find("40  40  A40", 1, true))
    assert.equal(1, #api.requests)
  end)

  it("are those of records", function()
    local path = tmp.write(tmp.dir() .. "/x.ndjson", '{"sku":"a","n":1}\nbad\n{"sku":"b","n":2}\n')
    show.print(session, (ndjson.records(path)))
    local shown = said()
    assert.is_truthy(shown:find("bad line 2", 1, true), shown)
    assert.is_truthy(shown:find('sku = "b"', 1, true), shown)
    assert.is_truthy(shown:find("3 in all", 1, true), shown)
  end)

  it("mask secrets", function()
    log.secret "hidden-word"
    local at = 0
    show.print(session, require("sluice.iterators").mark(function()
      at = at + 1
      return at < 3 and { id = at, note = "hidden-word" } or nil
    end))
    assert.is_nil(said():find("hidden", 1, true))
  end)
end)
