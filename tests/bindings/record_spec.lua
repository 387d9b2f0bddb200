local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local err = require "sluice.err"

local function record(text)
  return assert(ndjson.record(text))
end

-- The error value that the call raises.
local function raised(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  return problem
end

local function same(expected, rec)
  assert.equal(json.encode(expected, { sort = true }), json.encode(ndjson.totable(rec), { sort = true }))
end

describe("a record", function()
  it("gives its fields as json.decode does", function()
    local text = [[{"id":123456789012345678,"f":100.0,"s":"a\u0041\n€","t":true,"n":null,"big":12345678901234567890123,"no":false}]]
    local rec, table_of = record(text), json.decode(text)
    for _, key in ipairs { "id", "f", "s", "t", "n", "big", "no", "missing" } do assert.equal(table_of[key], rec[key]) end
    assert.equal("integer", math.type(rec.id))
    assert.equal("float", math.type(rec.f))
    assert.equal(json.null, rec.n)
    assert.equal("12345678901234567890123", tostring(rec.big))
  end)

  it("is written as it came where it was not touched", function()
    local text = [[{ "a" :  1.50,"b":[ 1 , 2e3 ], "\u0063":"\/\u00e9" ,"d":{},"e":[]  }]]
    local rec = record(text)
    assert.equal(text, ndjson.raw(rec))
    assert.equal(text, tostring(rec))
    assert.equal(text, json.encode(rec))
    rec.a = 2
    assert.equal([[{ "a" :  2,"b":[ 1 , 2e3 ], "\u0063":"\/\u00e9" ,"d":{},"e":[]  }]], ndjson.raw(rec))
    rec.b[2] = rec.b[2] + 1
    assert.equal([[{ "a" :  2,"b":[ 1 , 2001.0 ], "\u0063":"\/\u00e9" ,"d":{},"e":[]  }]], ndjson.raw(rec))
    rec.c = nil
    assert.equal([[{ "a" :  2,"b":[ 1 , 2001.0 ] ,"d":{},"e":[]  }]], ndjson.raw(rec))
    assert.equal([=[{"x":[{ "a" :  2,"b":[ 1 , 2001.0 ] ,"d":{},"e":[]  }]}]=], json.encode { x = { rec } })
  end)

  it("has fields of any name", function()
    local rec = record [[{"raw":1,"map":2,"len":3,"__index":4,"":5,"a.b":6,"[1]":7,"__gc":8}]]
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, { rec.raw, rec.map, rec.len, rec.__index, rec[""], rec["a.b"], rec["[1]"], rec.__gc })
    rec.raw = "x"
    rec.keys = {}
    rec["ö\"\\\n"] = true
    assert.equal([[{"raw":"x","map":2,"len":3,"__index":4,"":5,"a.b":6,"[1]":7,"__gc":8,"keys":{},"ö\"\\\n":true}]], tostring(rec))
    assert.is_true(rec["ö\"\\\n"])
  end)

  it("finds names by what their escapes stand for", function()
    local rec = record [[{"\u0061\"\ud83d\ude00z":1,"b\/":2}]]
    assert.equal(1, rec["a\"😀z"])
    assert.is_nil(rec["a\"😀"])
    assert.is_nil(rec["a\"😀zz"])
    rec["a\"😀z"] = 5
    assert.equal([[{"\u0061\"\ud83d\ude00z":5,"b\/":2}]], tostring(rec))
    assert.same({ "a\"😀z", "b/" }, ndjson.keys(rec))
  end)

  it("reads the last of two fields with one name, and has one after an assignment", function()
    local text = [[{"a":1,"b":2,"\u0061":3,"c":{"x":1,"x":2}}]]
    local rec = record(text)
    assert.equal(3, rec.a)
    assert.equal(2, rec.c.x)
    assert.same({ "b", "a", "c" }, ndjson.keys(rec))
    assert.equal(text, tostring(rec))
    rec.a = 9
    assert.equal([[{"b":2,"\u0061":9,"c":{"x":1,"x":2}}]], tostring(rec))
    rec.c.x = nil
    assert.equal([[{"b":2,"\u0061":9,"c":{}}]], tostring(rec))
    local other = record [[{"a":1,"a":2,"a":3}]]
    other.a = nil
    assert.equal("{}", tostring(other))
    assert.is_nil(other.a)
  end)

  it("takes any value that JSON can hold", function()
    local rec = record "{}"
    for _, pair in ipairs {
      { "t", { x = { 1, 2 } } }, { "l", { 1, { a = 1 } } }, { "e", json.array {} }, { "n", json.null }, { "r", record [[{"q" : 1}]] },
      { "i", math.mininteger }, { "f", 0.1 }, { "d", json.number "1.00" },
    } do
      rec[pair[1]] = pair[2]
    end
    assert.equal([=[{"t":{"x":[1,2]},"l":[1,{"a":1}],"e":[],"n":null,"r":{"q" : 1},"i":-9223372036854775808,"f":0.1,"d":1.00}]=], tostring(rec))
    rec.self = rec
    assert.equal(2, rec.self.t.x[2])
    assert.is_nil(rec.self.self)
  end)

  it("refuses what JSON can't hold, and stays as it was", function()
    local rec = record [[{"a":1}]]
    for _, value in ipairs { 0 / 0, math.huge, "\xff", print, { [1.5] = 1 }, { 1, x = 2 }, io.stdout } do
      assert.equal("invalid", raised(function() rec.a = value end).code)
      assert.equal("invalid", raised(function() rec.new = value end).code)
    end
    assert.equal("invalid", raised(function() rec["\xff"] = 1 end).code)
    assert.equal("usage", raised(function() rec[1] = 1 end).code)
    assert.equal("usage", raised(function() rec[true] = 1 end).code)
    assert.equal([[{"a":1}]], tostring(rec))
    assert.is_nil(rec[1])
    assert.is_nil(rec[true])
    assert.is_nil(rec["\xff"])
  end)

  it("may be kept, and freed at any time", function()
    local kept = {}
    for i = 1, 300 do
      local rec = record(('{"id":%d,"list":[{"n":%d}],"text":"%s"}'):format(i, i, ("x"):rep(i)))
      if i % 3 == 0 then kept[#kept + 1] = { i, rec.list[1] } end
      if i % 50 == 0 then collectgarbage() end
    end
    collectgarbage()
    for _, pair in ipairs(kept) do
      assert.equal(pair[1], pair[2].n)
      pair[2].n = ("y"):rep(1000)
      assert.equal(1000, #pair[2].n)
    end
  end)

  it("is right although the collector runs a finalizer that reads lines while it is made", function()
    local finalized, armed = 0, true
    local function arm()
      setmetatable({}, { __gc = function()
        finalized = finalized + 1
        assert(ndjson.record('{"b":1,"other":[2,{"price":3}],"c":4}'))
        if armed then arm() end
      end })
    end
    arm()
    local i = 0
    while finalized < 10 do -- the collector comes when it comes
      i = i + 1
      local rec = record(('{"id":%d,"price":%d}'):format(i, i))
      assert(rec.id == i and rec.price == i and rec.b == nil)
    end
    armed = false
  end)

  it("grows and shrinks without bounds of its own", function()
    local rec = record "{}"
    for i = 1, 2000 do rec["k" .. i] = ("v"):rep(i % 50) end
    for i = 1, 2000, 2 do rec["k" .. i] = nil end
    assert.equal(1000, #ndjson.keys(rec))
    assert.equal(("v"):rep(48), rec.k48)
    for i = 2, 2000, 2 do rec["k" .. i] = nil end
    assert.equal("{}", tostring(rec))
  end)
end)

describe("an array in a record", function()
  local rec
  before_each(function() rec = record [=[{"l":[1, {"a":1}, "x"],"e":[],"o":{"1":"one"}}]=] end)

  it("has a length, elements, ipairs and pairs", function()
    assert.equal(3, #rec.l)
    assert.equal(0, #rec.e)
    assert.equal(0, #rec.o)
    assert.equal("x", rec.l[3])
    assert.equal("x", rec.l[3.0])
    for _, key in ipairs { 0, -1, 4, 1.5, math.mininteger, math.maxinteger, "1", "n" } do assert.is_nil(rec.l[key]) end
    assert.is_nil(rec.o[1])
    assert.equal("one", rec.o["1"])
    local seen = {}
    for i, value in ipairs(rec.l) do seen[i] = tostring(value) end
    assert.same({ "1", '{"a":1}', "x" }, seen)
    seen = {}
    for i, value in pairs(rec.l) do seen[i] = tostring(value) end
    assert.same({ "1", '{"a":1}', "x" }, seen)
    for _ in pairs(rec.e) do error "is empty" end
    for _ in ipairs(rec.e) do error "is empty" end
  end)

  it("takes another element behind the last, and gives the last away", function()
    rec.l[#rec.l + 1] = 4
    rec.e[1] = { 1 }
    rec.e[2] = "two"
    rec.o["1"] = nil
    assert.equal([=[{"l":[1, {"a":1}, "x",4],"e":[[1],"two"],"o":{}}]=], tostring(rec))
    rec.l[4] = nil
    rec.l[4] = nil
    rec.e[2] = nil
    rec.e[1] = nil
    assert.equal([=[{"l":[1, {"a":1}, "x"],"e":[],"o":{}}]=], tostring(rec))
    rec.o[1] = "now a list"
    assert.equal([=[{"l":[1, {"a":1}, "x"],"e":[],"o":["now a list"]}]=], tostring(rec))
  end)

  it("never gets a hole", function()
    local before = tostring(rec)
    for _, key in ipairs { 5, 100, math.maxinteger } do
      assert.equal("usage", raised(function() rec.l[key] = 1 end).code)
    end
    for _, key in ipairs { 1, 2 } do
      local problem = raised(function() rec.l[key] = nil end)
      assert.equal("usage", problem.code)
      assert.matches("hole", problem.message)
      assert.matches("table.remove", problem.hint)
    end
    for _, key in ipairs { 0, -1, "x", 1.5, true } do
      assert.equal("usage", raised(function() rec.l[key] = 1 end).code)
    end
    assert.equal(before, tostring(rec))
  end)

  it("works with the functions of table", function()
    local list = record [=[[{"n":3},{"n":1},{"n":2}]]=]
    table.sort(list, function(a, b) return a.n < b.n end)
    assert.equal([=[[{"n":1},{"n":2},{"n":3}]]=], tostring(list))
    table.insert(list, 1, { n = 0 })
    table.insert(list, "end")
    local first = table.remove(list, 2)
    assert.equal([=[[{"n":0},{"n":2},{"n":3},"end"]]=], tostring(list))
    assert.equal(1, first.n)
    assert.equal(3, select("#", table.unpack(list, 1, 3)))
    assert.equal("a,b", table.concat(record [=[["a","b"]]=], ","))
  end)
end)

describe("a view", function()
  it("changes its record", function()
    local rec = record [=[{"variants":[{"price":1.5,"q":{"a":[1]}},{"price":2}],"z":1}]=]
    for _, variant in ipairs(rec.variants) do variant.price = variant.price * 2 end
    rec.variants[1].q.a[2] = "more"
    rec.variants[2].new = { x = 1 }
    assert.equal([=[{"variants":[{"price":3.0,"q":{"a":[1,"more"]}},{"price":4,"new":{"x":1}}],"z":1}]=], tostring(rec))
  end)

  it("stays right while its record changes around it", function()
    local rec = record [=[{"a":"x","v":{"n":1},"w":{"n":2,"deep":[[1],[2]]},"z":1}]=]
    local v, w, deep = rec.v, rec.w, rec.w.deep[2]
    rec.a = ("long "):rep(100)
    rec.first = true
    v.n, v.more = "one", { 1, 2 }
    deep[2] = 3
    rec.a = nil
    w.n = nil
    deep[1] = "changed"
    assert.equal([=[{"v":{"n":"one","more":[1,2]},"w":{"deep":[[1],["changed",3]]},"z":1,"first":true}]=], tostring(rec))
    assert.equal("one", v.n)
  end)

  it("goes on by itself when its value is replaced or taken out", function()
    local rec = record [=[{"a":{"n":1,"in":{"x":1}},"b":{"n":2},"c":[{"n":3}]}]=]
    local a, inner, element = rec.a, rec.a["in"], rec.c[1]
    rec.a = nil
    rec.c = "gone"
    assert.equal([[{"n":1,"in":{"x":1}}]], tostring(a))
    assert.equal([[{"x":1}]], tostring(inner))
    assert.equal(3, element.n)
    a.n, element.n = 5, 6
    assert.equal([[{"b":{"n":2},"c":"gone"}]], tostring(rec))
    rec.again = a
    assert.equal([[{"b":{"n":2},"c":"gone","again":{"n":5,"in":{"x":1}}}]], tostring(rec))
  end)

  it("can be exchanged with another", function()
    local rec = record [=[{"a":{"n":1},"b":[2],"l":[{"i":1},{"i":2}]}]=]
    rec.a, rec.b = rec.b, rec.a
    local l = rec.l
    l[1], l[2] = l[2], l[1]
    assert.equal([=[{"a":[2],"b":{"n":1},"l":[{"i":2},{"i":1}]}]=], tostring(rec))
  end)

  it("is told when it can't be followed any more", function()
    local rec = record [[{"a":{"n":1},"b":1}]]
    local a = rec.a
    for i = 1, 70000 do rec.b = i % 2 == 0 and 1 or "longer" end
    local problem = raised(function() return a.n end)
    assert.equal("limit", problem.code)
    assert.matches("take it anew", problem.message)
    assert.equal(1, rec.a.n)
  end)
end)

describe("pairs of a record", function()
  it("goes in the order of the text, each name once", function()
    local names, values = {}, {}
    for name, value in pairs(record [=[{"z":1,"a":2,"z":3,"m":[1],"\u0062":null}]=]) do
      names[#names + 1], values[#values + 1] = name, tostring(value)
    end
    assert.same({ "a", "z", "m", "b" }, names)
    assert.same({ "2", "3", "[1]", tostring(json.null) }, values)
  end)

  it("allows changing and taking out on the way", function()
    local rec = record [[{"a":1,"b":2,"c":3,"d":4}]]
    for name, value in pairs(rec) do
      if value % 2 == 0 then rec[name] = nil else rec[name] = ("x"):rep(50) end
      rec.d = nil
    end
    same({ a = ("x"):rep(50), c = ("x"):rep(50) }, rec)
  end)
end)

describe("ndjson functions on records", function()
  local rec
  before_each(function()
    rec = record [=[{"id":1,"variants":[{"price":1.5,"t":[1,2]},{"price":2},{"no":0}],"odd.key":{"x y":[10,20]},"m":{"a":1,"b":2,"a":3}}]=]
  end)

  it("totable gives what json.decode gives", function()
    assert.same(json.decode(tostring(rec)), ndjson.totable(rec))
    assert.same({ price = 2 }, ndjson.totable(rec.variants[2]))
    assert.is_true(json.isarray(ndjson.totable(rec.variants)))
  end)

  it("get follows a path", function()
    assert.equal(2, ndjson.get(rec, "variants[2].price"))
    assert.equal(20, ndjson.get(rec, [=[["odd.key"]["x y"][2]]=]))
    assert.equal(20, ndjson.get(rec, "['odd.key'].x y[2]"))
    assert.equal(3, ndjson.get(rec, "m.a"))
    assert.equal(2, ndjson.get(rec.variants, "[1].t[2]"))
    assert.same({ 1.5, 2 }, ndjson.get(rec, "variants[*].price"))
    assert.same({ 2, 3 }, ndjson.get(rec, "m[*]"))
    assert.same({}, ndjson.get(rec, "nothing[*].x"))
    assert.equal(rec, ndjson.get(rec, ""))
    for _, path in ipairs { "x", "id.x", "id[1]", "variants.price", "variants[4]", "m[1]", "variants[1].t[3]" } do
      assert.is_nil(ndjson.get(rec, path))
    end
    ndjson.get(rec, "variants[1]").price = 9
    assert.equal(9, rec.variants[1].price)
  end)

  it("refuses what is no path", function()
    for path, where in pairs {
      ["a..b"] = 3, ["a."] = 3, ["a[0]"] = 3, ["a[-1]"] = 3, ["a[x]"] = 3, ["a[1"] = 4, ["a]"] = 2, [".a"] = 1, ["a[\"b]"] = 6,
      ["a[1]b"] = 5, ["*.a"] = 2, ["a[1.5]"] = 4, ["a[]"] = 3,
    } do
      local problem = raised(ndjson.get, rec, path)
      assert.equal("usage", problem.code)
      assert.matches(("character %d of the path"):format(where), problem.message, 1, true)
    end
    assert.equal("usage", raised(ndjson.get, rec, ("a"):rep(5000)).code)
    assert.equal("usage", raised(ndjson.get, rec, ("a."):rep(100) .. "a").code)
    assert.equal("usage", raised(ndjson.get, rec, 1).code)
    assert.matches("%[%*%]", raised(ndjson.get, rec, "variants.*.price").hint)
  end)

  it("map changes each value of a path", function()
    assert.equal(2, ndjson.map(rec, "variants[*].price", function(price) return price * 10 end))
    assert.equal([=[{"id":1,"variants":[{"price":15.0,"t":[1,2]},{"price":20},{"no":0}],"odd.key":{"x y":[10,20]},"m":{"a":1,"b":2,"a":3}}]=],
      tostring(rec))
    assert.equal(0, ndjson.map(rec, "missing[*]", error))
    assert.equal(1, ndjson.map(rec.variants[1], "t[2]", function() return "a longer value" end))
    assert.equal(2, ndjson.map(rec, "m[*]", function(n) return { n } end))
    same({ a = { 3 }, b = { 2 } }, rec.m.a and record(tostring(rec.m)))
  end)

  it("map leaves a value for which the function gives nothing", function()
    local before = tostring(rec)
    assert.equal(2, ndjson.map(rec, "variants[*].price", function() end))
    assert.equal(before, tostring(rec))
    assert.equal(3, ndjson.map(rec, "variants[*]", function(v) v.seen = true end))
    assert.equal(3, ndjson.map(rec, "variants[*]", function(v) v.no = nil return v end))
    assert.equal([=[[{"price":1.5,"t":[1,2],"seen":true},{"price":2,"seen":true},{"seen":true}]]=], tostring(rec.variants))
  end)

  it("map raises what its function raises, and when the places are lost; the record stays", function()
    local before = tostring(rec)
    local ok, problem = pcall(ndjson.map, rec, "variants[*].price", function(price) return price > 1.6 and error("no", 0) or 1 end)
    assert.is_false(ok)
    assert.equal("no", problem)
    assert.equal(before, tostring(rec))
    assert.equal("invalid", raised(ndjson.map, rec, "variants[*].price", function() return print end).code)
    assert.equal(before, tostring(rec))
    assert.equal("usage", raised(ndjson.map, rec, "variants[*].price", function() rec.variants = nil end).code)
    assert.equal("usage", raised(ndjson.map, rec, "", function() end).code)
  end)

  it("map waits where its function waits", function()
    local task = require "sluice.task"
    ndjson.map(rec, "variants[*].price", function(price)
      task.yield()
      collectgarbage()
      return price + 1
    end)
    assert.equal(3, rec.variants[2].price)
  end)

  it("rename gives a field another name in its place", function()
    assert.is_true(ndjson.rename(rec, "id", "number"))
    assert.is_false(ndjson.rename(rec, "id", "number"))
    assert.is_true(ndjson.rename(rec, "odd.key", "m"))
    assert.is_true(ndjson.rename(rec, "m", "m"))
    assert.is_true(ndjson.rename(rec.variants[1], "price", "preis in \"€\""))
    assert.equal([=[{"number":1,"variants":[{"preis in \"€\"":1.5,"t":[1,2]},{"price":2},{"no":0}],"m":{"x y":[10,20]}}]=], tostring(rec))
    local twice = record [[{"a":1,"b":2,"a":3}]]
    assert.is_true(ndjson.rename(twice, "a", "b"))
    assert.equal([[{"b":3}]], tostring(twice))
    assert.equal("usage", raised(ndjson.rename, rec.variants, "a", "b").code)
    assert.equal("invalid", raised(ndjson.rename, rec, "m", "\xff").code)
  end)

  it("keys gives the names in the order of the text", function()
    assert.same({ "id", "variants", "odd.key", "m" }, ndjson.keys(rec))
    assert.same({}, ndjson.keys(record "{}"))
    assert.equal("usage", raised(ndjson.keys, rec.variants).code)
  end)

  it("say what they were given instead of a record", function()
    for _, name in ipairs { "raw", "totable", "keys", "get", "map", "rename" } do
      for _, value in ipairs { "text", 5, {}, io.stdout } do
        local problem = raised(ndjson[name], value, "a", name == "map" and print or "b")
        assert.equal("usage", problem.code)
        assert.matches("expected a record", problem.message)
      end
    end
  end)
end)

describe("ndjson.record", function()
  it("refuses what is no object and no array, and says where", function()
    for text, reason in pairs {
      [""] = "column 1", ["1"] = "a number", ['"x"'] = "a text", ["null"] = "null", ['{"a":1'] = "column 7", ['{"a":01}'] = "column 6",
      ['{"a":1}x'] = "column 8", ['{"a":"\xff"}'] = "invalid UTF%-8", ['{"a":"\0"}'] = "control character", ["{'a':1}"] = "column 2",
      ['{"a":1,}'] = "column 8", ["{\n\"a\":}"] = "line 2, column 5", [("["):rep(600) .. ("]"):rep(600)] = "nested deeper",
    } do
      local value, problem = ndjson.record(text)
      assert.is_nil(value)
      assert.equal("invalid", problem.code)
      assert.matches(reason, problem.message)
    end
  end)

  it("makes one line of a text with line ends", function()
    local rec = record "\n{\n  \"a\" : 1,\r\n\t\"b\": [\n 1,\n 2 ],  \"c\":\"x\\n \"\n}\n"
    assert.equal([=[{"a" : 1,"b": [1,2 ],  "c":"x\n "}]=], tostring(rec))
    assert.equal(2, rec.b[2])
  end)
end)

describe("ndjson.elements", function()
  it("gives the records of an answer as they stand", function()
    local body = "{\"system_products\": [ {\"id\": 1.50},\n  {\"id\":2,\n \"x\":[]}, [3] ], \"total\": 3}"
    local seen = {}
    for rec in ndjson.elements(body, "system_products") do seen[#seen + 1] = tostring(rec) end
    assert.same({ '{"id": 1.50}', '{"id":2,"x":[]}', "[3]" }, seen)
    for _ in ndjson.elements('{"a":{"b":[]}}', "a.b") do error "is empty" end
    local count = 0
    for rec in ndjson.elements '[{"n":1},{"n":2}]' do
      rec.n = rec.n + 1
      count = count + rec.n
    end
    assert.equal(5, count)
    for rec in ndjson.elements(record '{"a":[{"n":1}]}', "a") do assert.equal(1, rec.n) end
  end)

  it("marks elements that are no records", function()
    local seen = {}
    for rec in ndjson.elements('{"l":[{"n":1},null,"x"]}', "l") do seen[#seen + 1] = ndjson.bad(rec) and rec.reason or "good" end
    assert.same({ "good", "a record must be an object, this is null", "a record must be an object, this is a text" }, seen)
  end)

  it("raises where there is no such array or no JSON", function()
    for text, reason in pairs {
      ['{"a":1}'] = 'expected an array at "l", found nothing', ['{"l":{"a":1}}'] = "found an object", ['{"l":null}'] = "found null",
      ["[1]"] = "found nothing", ["<html>"] = "column 1", ['{"l":[{"a":1}'] = "column 14", ['{"l":["\xff"]}'] = "UTF%-8", [""] = "column 1",
    } do
      local problem = raised(ndjson.elements, text, "l")
      assert.equal("invalid", problem.code)
      assert.matches(reason, problem.message)
    end
    assert.equal("usage", raised(ndjson.elements, "[]", "a[*]").code)
  end)
end)
