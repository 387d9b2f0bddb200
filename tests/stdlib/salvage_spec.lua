-- Answers with single broken elements, without a server. The feed with them: tests/scripts/bad_input_spec.lua.
local ndjson = require "sluice.ndjson"
local salvage = require "sluice.salvage"

local function answer(...)
  return '{"took": 1,"list" : [ ' .. table.concat({ ... }, " , ") .. ' ],"after":"\u{e9}\\/"}'
end

describe("salvage", function()
  it("takes out what is broken, and leaves the rest as it came", function()
    for reason, bad in pairs {
      ["invalid UTF%-8"] = "a\xffb", ["control character"] = "a\0b", surrogate = "\\ud800", escape = "\\q",
      ["must be escaped"] = "a\nb", ["four hex digits"] = "\\u12",
    } do
      local one, two, three = '{"id":1,"t":"\u{6f22}\\\\\\"\\u00e9","p":[1.50]}', '{"id":22,"t":"' .. bad .. '","x":{}}', '{ "id" : 3 }'
      local whole, broken = salvage.read(answer(one, two, three), "list")
      assert.equal(answer(one, "null", three), ndjson.raw(whole))
      assert.equal(1, #broken)
      assert.equal(two, broken[1].raw)
      assert.equal(22, broken[1].record.id)
      assert.matches(reason, broken[1].reason)
    end
  end)

  it("tells equal elements apart by their place", function()
    local good, bad = '{"id":1,"t":"a b"}', '{"id":1,"t":"a\1b"}'
    local whole, broken = salvage.read(answer(good, bad, good, bad), "list")
    assert.equal(answer(good, "null", good, "null"), ndjson.raw(whole))
    assert.equal(2, #broken)
  end)

  it("does not forgive what is wrong around the elements, or in their structure", function()
    local good = '{"id":1}'
    for _, text in ipairs {
      answer(good):gsub("after", "aft\xff"), answer(good):gsub("took", "to\0k"), answer(good):gsub(": 1", ":\1 1"),
      answer '{"id":1,', answer '{"id":1,"t":"a"b"}', answer(good):sub(1, -2), '{"list":{"id":"\xff"}}', "\xff", "",
    } do
      assert.is_nil((salvage.read(text, "list")))
    end
  end)
end)
