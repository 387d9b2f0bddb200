-- The agenda gives the items of the next time, each for the newest time that it was put down for.
local agenda = require "sluice.serve.agenda"

describe("an agenda", function()
  it("gives those of the next time, in the order in which they were put down", function()
    local list, a, b, c = agenda.new(), { name = "a" }, { name = "b" }, { name = "c" }
    list:put(c, 20)
    list:put(b, 10)
    list:put(a, 10)
    local at, items = list:first()
    assert.same({ 10, 2 }, { at, #items })
    assert.same({ b, a }, list:take())
    assert.is_nil(a.at)
    assert.same({ c }, list:take())
    assert.is_nil((list:first()))
    assert.same({}, list:take())
  end)

  it("passes over what was put down for another time since, or for none", function()
    local list, a, b, c = agenda.new(), {}, {}, {}
    list:put(a, 10)
    list:put(b, 10)
    list:put(c, 5)
    list:put(a, 30)
    c.at = nil
    assert.equal(10, (list:first()))
    assert.same({ b }, list:take())
    list:put(a, 40)
    list:put(a, 30)
    assert.equal(30, (list:first()))
    assert.same({ a }, list:take()) -- once, though it was put down for it twice
    assert.is_nil((list:first()))
  end)
end)
