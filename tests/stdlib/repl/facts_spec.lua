local facts = require "sluice.repl.facts"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"

describe("facts of a value", function()
  local function lines(value) return facts.lines("v", facts.of(value)) end

  it("are scalars as Lua has them", function()
    assert.same({ "assert.equal(5, v)" }, lines(5))
    assert.same({ "assert.equal(0.10000000000000001, v)" }, lines(0.1))
    assert.same({ [[assert.equal("a\"b", v)]] }, lines 'a"b')
    assert.same({ "assert.equal(false, v)" }, lines(false))
    for _, value in ipairs { 0 / 0, 1 / 0, ("x"):rep(200), "a\nb", "\xff", print, json.null } do assert.same({}, lines(value)) end
  end)

  it("are lengths of lists, then what is in the first", function()
    assert.same({ "assert.equal(2, #v)", "assert.equal(7, v[1].id)" }, lines { { id = 7 }, { id = 8 } })
    assert.same({ "assert.equal(0, #v)" }, lines(json.array {}))
    assert.same({ "assert.equal(2, #v.list)", "assert.equal(1, v.a)", "assert.equal(3, v.list[1])" }, lines { a = 1, list = { 3, 4 } })
  end)

  it("are few, near, and hold of records", function()
    local wide = {}
    for i = 1, 50 do wide["k" .. i] = { a = i, b = { c = { d = { e = i } } } } end
    assert.is_true(#lines(wide) <= 8)
    local given, record = false, nil
    local function once()
      given = not given
      return given and '{"id":1,"list":[1,2],"end":{"x y":"z"}}\n' or nil
    end
    for one in ndjson.records(once) do record = one end
    for _, line in ipairs(lines(record)) do assert(load("local assert, v = ... " .. line))(assert, record) end
    assert.same({ "assert.equal(2, #v.list)", "assert.equal(1, v.id)", "assert.equal(1, v.list[1])", [[assert.equal("z", v["end"]["x y"])]] },
      lines(record))
  end)

  it("have no secret, run nobody's code, and end with what is endless", function()
    log.secret "fact-secret"
    assert.same({ [[assert.equal("a ***", v.text)]] }, lines { text = "a fact-secret", ["fact-secret"] = 1 })
    local loop = { a = 1 }
    loop.loop = loop
    assert.is_true(#lines(loop) >= 1)
    assert.same({}, lines(setmetatable({}, { __index = error, __len = error, __pairs = error })))
  end)
end)
