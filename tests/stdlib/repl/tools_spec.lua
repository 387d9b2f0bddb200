-- json(x), csv(x), save(x, path), more(): what they print and write, and what becomes of a file when something goes wrong.
local connect = require("sluice.connect").connect
local csv = require "sluice.csv"
local err = require "sluice.err"
local json = require "sluice.json"
local lfs = require "lfs"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local scripted = require "support.scripted"
local show = require "sluice.repl.show"
local tmp = require "support.tmp"
local tools = require "sluice.repl.tools"

describe("the tools of the prompt", function()
  local session, env, out, dir
  local print_out = io.write
  before_each(function()
    out, dir = {}, tmp.dir()
    session = { env = {}, columns = 80, rows = 40 }
    tools.install(session)
    env = session.env
    io.write = function(...) out[#out + 1] = table.concat { ... } end -- luacheck: ignore
  end)
  after_each(function() io.write = print_out end) -- luacheck: ignore

  local function said()
    local all = table.concat(out)
    out = {}
    return all
  end
  local function raises(code, message, fn, ...)
    local ok, problem = pcall(fn, ...)
    assert.is_false(ok, message)
    assert.is_true(err.is(problem), tostring(problem))
    assert.equal(code, problem.code, problem.message)
    assert.is_truthy(problem.message:find(message, 1, true), problem.message)
    return problem
  end
  local function files()
    local list = {}
    for name in lfs.dir(dir) do
      if name ~= "." and name ~= ".." then list[#list + 1] = name end
    end
    table.sort(list)
    return list
  end
  local function counter(last, failure)
    local at = 0
    return require("sluice.iterators").mark(function()
      at = at + 1
      if at <= last then return { id = at } end
      if failure then error(failure, 0) end
    end)
  end

  describe("json", function()
    it("prints a value whole, digits and the order of records as they came", function()
      local rec = ndjson.record [[{"z":1.50,  "a":[ 1 ,{"x\\\"":"a,{b\\"}],"n":12345678901234567890,"e":[],"o":{}}]]
      env.json { b = rec, a = { 1, 2.0, json.null } }
      assert.equal([[
{
  "a": [
    1,
    2.0,
    null
  ],
  "b": {
    "z": 1.50,
    "a": [
      1,
      {
        "x\\\"": "a,{b\\"
      }
    ],
    "n": 12345678901234567890,
    "e": [],
    "o": {}
  }
}
]], said())
      env.json "text"
      assert.equal('"text"\n', said())
    end)

    it("is read back as the same value", function()
      local value = json.decode [[{"a":[{"b":[[],{}]},"\u0001\"\\",""],"c":-0.0,"d":1e300,"e":"\\\\"}]]
      env.json(value)
      assert.same(value, json.decode(said()))
    end)

    it("has the same form with records and without", function()
      local plain = json.decode [=[{"a":[{"b":[[],{}]},1],"c":{"d":null,"e":"x"},"f":[[[1]]]}]=]
      env.json { plain = plain }
      local without = said()
      env.json { plain = ndjson.record(json.encode(plain, { sort = true })) }
      assert.equal(without, said())
    end)

    it("is the module as well", function()
      assert.equal(json.null, env.json.null)
      assert.equal('{"a":1}', env.json.encode { a = 1 })
    end)

    it("names what has no JSON form", function() raises("invalid", "x", env.json, { x = print }) end)

    it("takes an iterator from its first entry on, and leaves it whole", function()
      local fn = counter(25)
      env._ = fn
      show.print(session, fn)
      said()
      env.json(env._)
      local list = json.decode(said())
      assert.equal(25, #list)
      assert.equal(1, list[1].id)
      local n = 0
      for _ in env._ do n = n + 1 end
      assert.equal(25, n)
      raises("usage", "more than 10000", env.json, counter(10001))
      raises("unavailable", "away", env.json, counter(3, err.new { code = "unavailable", message = "away" }))
    end)

    it("masks secrets", function()
      log.secret "very-hidden"
      env.json { token = "very-hidden" }
      env.csv { { token = "very-hidden" } }
      assert.is_nil(said():find("very", 1, true))
    end)
  end)

  describe("csv", function()
    it("prints a list of objects that reads back", function()
      env.csv { { sku = 'a "b", c', n = 1, tags = { 1, 2 } }, { sku = " x\ny", price = 2.0, n = json.null }, { other = true } }
      local text = said()
      assert.equal("n,sku,tags,price,other", text:match "^[^\n]+")
      local rows, given = {}, false
      for row in csv.records(function()
        if given then return nil end
        given = true
        return text
      end) do rows[#rows + 1] = row end
      assert.same({
        { n = "1", sku = 'a "b", c', tags = "[1,2]", price = "", other = "" }, { n = "", sku = " x\ny", tags = "", price = "2.0", other = "" },
        { n = "", sku = "", tags = "", price = "", other = "true" },
      }, rows)
      env.csv { sku = "one" }
      assert.equal("sku\none\n", said())
      env.csv(ndjson.record '[{"z":1.50,"a":2}]')
      assert.equal("z,a\n1.5,2\n", said())
    end)

    it("refuses what has no rows", function()
      raises("invalid", "this is a number", env.csv, { 1, 2 })
      raises("invalid", "this is a array", env.csv, { { 1 }, { 2 } })
      raises("invalid", "this is a string", env.csv, "x")
      assert.is_function(env.csv.records)
    end)
  end)

  describe("save", function()
    it("writes NDJSON, JSON and CSV, and says how much", function()
      local list = { { id = 1, name = "x" }, { id = 2, name = "y,z" } }
      env.save(list, dir .. "/a.ndjson")
      assert.equal(dir .. "/a.ndjson: 2 records, 42 bytes\n", said())
      local back = {}
      for value in ndjson.values(dir .. "/a.ndjson") do back[#back + 1] = value end
      assert.same(list, back)
      env.save(list, dir .. "/a.json")
      assert.same(list, json.decode(tmp.read(dir .. "/a.json")))
      env.save(list, dir .. "/a.csv")
      assert.equal("id,name\r\n1,x\r\n2,\"y,z\"\r\n", tmp.read(dir .. "/a.csv"))
      said()
      env.save({ a = 1 }, dir .. "/b.json")
      assert.equal('{\n  "a": 1\n}\n', tmp.read(dir .. "/b.json"))
      assert.equal(dir .. "/b.json: 1 record, 13 bytes\n", said())
      assert.same({ "a.csv", "a.json", "a.ndjson", "b.json" }, files())
    end)

    it("writes records byte for byte", function()
      local raw = '{"z":1.50, "a":12345678901234567890}'
      env.save({ ndjson.record(raw) }, dir .. "/r.ndjson")
      assert.equal(raw .. "\n", tmp.read(dir .. "/r.ndjson"))
      env.save(ndjson.record('{"list":[' .. raw .. "]}").list, dir .. "/l.ndjson")
      assert.equal(raw .. "\n", tmp.read(dir .. "/l.ndjson"))
    end)

    it("drains iterators from their first entry on, whatever was shown", function()
      local fn = counter(45)
      env._, env.it = fn, fn
      show.print(session, fn)
      env.more()
      said()
      env.save(env.it, dir .. "/n.ndjson")
      assert.equal(dir .. "/n.ndjson: 45 records, 441 bytes\n", said())
      local at = 0
      for value in ndjson.values(dir .. "/n.ndjson") do
        at = at + 1
        assert.equal(at, value.id)
      end
      env.save(counter(3), dir .. "/n.json")
      assert.equal('[\n{"id":1},\n{"id":2},\n{"id":3}\n]\n', tmp.read(dir .. "/n.json"))
      env.save(counter(0), dir .. "/none.json")
      assert.equal("[]\n", tmp.read(dir .. "/none.json"))
      env.save(counter(2), dir .. "/n.csv")
      assert.equal("id\r\n1\r\n2\r\n", tmp.read(dir .. "/n.csv"))
      env.save(counter(0), dir .. "/none.ndjson")
      assert.equal("", tmp.read(dir .. "/none.ndjson"))
    end)

    it("takes as much memory for many entries as for few", function()
      local last = 30000
      local at, most = 0, 0
      local function step()
        at = at + 1
        if at % 5000 == 0 then
          collectgarbage()
          most = math.max(most, collectgarbage "count")
        end
        if at <= last then return { id = at, text = ("x"):rep(200) } end
      end
      for _, name in ipairs { "/m.ndjson", "/m.json", "/m.csv" } do
        collectgarbage()
        local before = collectgarbage "count"
        at, most = 0, 0
        env.save(step, dir .. name)
        assert.is_true(most - before < 3000, name .. " took " .. most - before .. " KiB") -- the entries are 6,000 and more
        assert.is_truthy(said():find("30,000 records", 1, true))
      end
    end)

    it("does not replace a file but where it is told to", function()
      local path = tmp.write(dir .. "/a.ndjson", "old\n")
      local problem = raises("usage", "is there already", env.save, { { a = 1 } }, path)
      assert.equal("save(x, path, { overwrite = true }) replaces it", problem.hint)
      assert.equal("old\n", tmp.read(path))
      env.save({ { a = 1 } }, path, { overwrite = true })
      assert.equal('{"a":1}\n', tmp.read(path))
      raises("usage", "unknown option 'overwite' (did you mean 'overwrite'?)", env.save, {}, path, { overwite = true })
    end)

    it("leaves no file, or the old one, where something fails", function()
      local function fails() return counter(3, err.new { code = "unavailable", message = "the server is away" }) end
      for _, name in ipairs { "/x.ndjson", "/x.json", "/x.csv" } do
        raises("unavailable", "the server is away", env.save, fails(), dir .. name)
        raises("invalid", "", env.save, { { a = 1 }, { b = print } }, dir .. name)
        assert.same({}, files())
        tmp.write(dir .. name, "old")
        raises("unavailable", "", env.save, fails(), dir .. name, { overwrite = true })
        assert.equal("old", tmp.read(dir .. name))
        os.remove(dir .. name)
      end
      raises("invalid", "this is a number", env.save, { 1, 2 }, dir .. "/y.csv")
      local list = json.array { 1, 2, 3 }
      list[2] = nil
      raises("invalid", "", env.save, list, dir .. "/y.ndjson")
      assert.same({}, files())
    end)

    it("says what is wrong with the name or the value", function()
      raises("usage", "which file?", env.save, { 1 })
      raises("usage", "what is it to be?", env.save, { 1 }, dir .. "/x.xml")
      raises("usage", "what is it to be?", env.save, { 1 }, dir .. "/x")
      raises("usage", "there is no folder", env.save, { 1 }, dir .. "/no/x.json")
      assert(lfs.mkdir(dir .. "/d.json"))
      raises("usage", "is no file", env.save, { 1 }, dir .. "/d.json", { overwrite = true })
      raises("usage", "the value is nil", env.save, nil, dir .. "/x.json")
      raises("usage", "no iterator", env.save, print, dir .. "/x.json")
    end)

    it("saves all pages of an operation", function()
      local api = scripted.start(function(_, n)
        local list = json.array {}
        for i = 1, n < 3 and 100 or 7 do list[i] = { id = (n - 1) * 100 + i } end
        return { json = list }
      end)
      finally(function() api:close() end)
      local veeqo = connect { api = "veeqo", name = "veeqo", api_key = "secret-8", base_url = api.url }
      env._ = veeqo:orders {}
      show.print(session, env._)
      said()
      env.save(env._, dir .. "/orders.ndjson")
      assert.is_truthy(said():find("207 records", 1, true))
      assert.equal(3, #api.requests)
    end)
  end)

  it("more goes on with what was shown, help explains", function()
    show.print(session, counter(30))
    said()
    env.more()
    assert.is_truthy(said():find("30 in all", 1, true))
    env.help "ndjson.map"
    assert.is_truthy(said():find("ndjson.map(rec, path, fn)", 1, true))
    raises("usage", "nothing is written about this number", env.help, 5)
  end)
end)
