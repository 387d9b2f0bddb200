-- Green but stuck: what counts as stalled, and what does not.
local stalled = require "sluice.serve.stalled"

local function run(fields)
  local one = { state = "finished", exit_code = 0, read = 10, sent = 10, moved = 1, delivered = "d" .. tostring(fields) }
  for key, value in pairs(fields or {}) do one[key] = value end
  return one
end

-- Newest first: `count` runs of a kind, then another kind, …
local function runs(...)
  local list, words = {}, { ... }
  for i = 1, #words, 2 do
    for _ = 1, words[i] do list[#list + 1] = run(words[i + 1]) end
  end
  return list
end

local function differ(list)
  for i, one in ipairs(list) do one.delivered = one.delivered and one.delivered .. i end
  return list
end

describe("a schedule", function()
  it("that does its work is not stalled, nor one without a past", function()
    assert.is_nil(stalled.of(differ(runs(10, {}))))
    assert.is_nil(stalled.of {})
    assert.is_nil(stalled.of(runs(2, { moved = 0 }, 1, {})))
  end)

  it("whose cursor does not move while there is data is", function()
    assert.equal("the last 3 runs read data, but their cursor did not move", stalled.of(differ(runs(3, { moved = 0 }, 1, {}))))
    assert.is_nil(stalled.of(differ(runs(2, { moved = 0 }, 5, {}))))
    assert.is_nil(stalled.of(differ(runs(9, { moved = 0 }))), "it never moved one: perhaps it does not mean to")
    local quiet = { moved = 0, read = 0, sent = 0, delivered = false }
    assert.is_nil(stalled.of(differ(runs(3, quiet, 2, {}))), "a quiet day is none")
  end)

  it("that sends the same rows again is", function()
    local same = { delivered = "same", sent = 42 }
    assert.equal("the last 3 runs sent the same 42 records again", stalled.of(runs(3, same, 1, { delivered = "other" })))
    assert.is_nil(stalled.of(runs(2, same, 4, { delivered = "other" })))
    assert.is_nil(stalled.of(runs(9, same)), "it has always sent these")
  end)

  it("whose rows fall to zero against its own past is", function()
    local none = { read = 0, sent = 0, delivered = false }
    assert.equal("the last 3 runs had nothing at all; the 5 before sent 10 records on average", stalled.of(differ(runs(3, none, 5, {}))))
    assert.is_nil(stalled.of(differ(runs(3, none, 4, {}))), "too little of a past")
    assert.is_nil(stalled.of(differ(runs(3, none, 3, {}, 2, none, 1, {}))), "it is often quiet")
    assert.is_nil(stalled.of(differ(runs(3, { read = 5, sent = 0, delivered = false }, 5, {}))), "it reads, and has nothing to send")
  end)

  it("is judged by its good runs: others are seen anyway", function()
    local list = differ(runs(3, { moved = 0 }, 1, {}))
    table.insert(list, 2, run { exit_code = 1, moved = 5 })
    table.insert(list, 1, run { state = "running" })
    assert.is_string(stalled.of(list))
  end)
end)
