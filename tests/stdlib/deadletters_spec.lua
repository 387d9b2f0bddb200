-- Reasons of dead letters, counted for the summary.
local deadletters = require "sluice.deadletters"

describe("sluice.deadletters", function()
  it("counts reasons, and tells so many apart", function()
    local list = {}
    for _ = 1, 3 do deadletters.note(list, "a") end
    for i = 1, 30 do deadletters.note(list, "reason " .. i) end
    deadletters.note(list, "reason 1")
    deadletters.note(list, "reason 25")
    assert.same({ reason = "a", count = 3 }, list[1])
    assert.same({ reason = "reason 1", count = 2 }, list[2])
    assert.same({ reason = "other reasons", count = 13 }, list[20])
    assert.equal(20, #list)
  end)
end)
