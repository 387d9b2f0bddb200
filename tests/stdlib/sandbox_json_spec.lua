local json = require "sluice.sandbox.json"
local other = require "sluice.json"

describe("sluice.sandbox.json", function()
  it("reads and writes, in order", function()
    local text = '{"z":[1,2.5,-3,1e2,"x"],"a":{},"e":[],"n":null,"t":true,"f":false,"é":"\\u00e9\\ud83d\\ude00\\n"}'
    local value = assert(json.decode(text))
    assert.equal('{"z":[1,2.5,-3,100,"x"],"a":{},"e":[],"n":null,"t":true,"f":false,"é":"é😀\\n"}', json.encode(value))
    assert.equal('["a\\/b","\\u00e9\\ud83d\\ude00"]', json.encode({ "a/b", "é😀" }, true))
    assert.equal(720575940379279457, json.decode "720575940379279457")
    assert.equal("é😀\n", value["é"])
    assert.is_nil(value.missing)
    assert.is_true(json.is_array(value.e))
    assert.is_true(json.is_object(value.a))
  end)

  it("names faults as PHP does", function()
    local cases = {
      [json.SYNTAX] = { "", "{", "[1,]", "{,}", '{"a" 1}', "nul", "01", "1.", "+1", '{"price":15", "size":"XL"}', '{"id":34SK}', "{} x", "'a'",
        '"\\x"', '"\\u12"', "[1 2]", '{a:1}' },
      [json.CONTROL] = { '"abc', '{"id":"a', '"a\tb"', '"a\nb"', "\1", "[1,\0]", '"\\' },
      [json.UTF8] = { '"\xff"', '"\xc3"', '"\xed\xa0\x80"' },
      [json.UTF16] = { '"\\ud800"', '"\\ud800x"', '"\\udc00\\ud800"' },
      [json.DEPTH] = { ("["):rep(600) .. ("]"):rep(600) },
    }
    for fault, texts in pairs(cases) do
      for _, text in ipairs(texts) do
        local value, said = json.decode(text)
        assert.is_nil(value, text)
        if not (text == "{" or text == "") then assert.equal(fault, said, text) end
      end
    end
  end)

  it("agrees with the other reader about what is JSON", function()
    local seed = 7
    local function random(n)
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed // 65536 % n + 1
    end
    local pieces = { "{", "}", "[", "]", ",", ":", '"a"', '"b\\n"', "1", "-2.5", "true", "null", " ", '"\\u00e9"', "\t", '"' }
    local agreed = 0
    for _ = 1, 20000 do
      local parts = {}
      for i = 1, random(8) do parts[i] = pieces[random(#pieces)] end
      local text = table.concat(parts)
      local value, fault = json.decode(text)
      local theirs, err = other.decode(text)
      assert.equal(err == nil, fault == nil, text)
      if not err then
        agreed = agreed + 1
        assert.same(theirs, other.decode(json.encode(value)))
      end
    end
    assert.is_true(agreed > 500, "only " .. agreed .. " texts were JSON")
  end)

  it("writes JSON whatever text it is given", function()
    assert.equal('"a\u{FFFD}b\u{FFFD}"', json.quote "a\xffb\xc3")
    assert.equal('"\\u0000\\u001f\\"\\\\"', json.quote '\0\31"\\')
    assert.equal("{}", json.encode(json.object()))
    local object = json.object("a", 1)
    json.set(object, "a", 2)
    json.set(object, "b", json.null)
    assert.equal('{"a":2,"b":null}', json.encode(object))
  end)
end)
