-- A heap gives what comes first, whatever the order in which things came.
local heap = require "sluice.serve.heap"

describe("a heap", function()
  it("gives all in order", function()
    local h, list, seed = heap.new(function(a, b) return a < b end), {}, 7
    for i = 1, 500 do
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      list[i] = seed % 100
      h:push(list[i])
      if i % 5 == 0 then
        table.sort(list)
        assert.equal(list[1], h:top())
        assert.equal(table.remove(list, 1), h:pop())
        list = table.move(list, 1, #list, 1, {})
        h:push(1000)
        list[#list + 1] = 1000
      end
    end
    table.sort(list)
    for _, value in ipairs(list) do assert.equal(value, h:pop()) end
    assert.is_nil(h:pop())
    assert.is_nil(h:top())
  end)
end)
