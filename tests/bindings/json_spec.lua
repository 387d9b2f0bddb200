local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local cjson = require "cjson"

local function decode(text)
  local value, problem = json.decode(text)
  assert.is_nil(problem)
  return value
end

local function again(text) return (assert(json.encode(decode(text), { sort = true }))) end

local function decode_error(text, options)
  local value, problem = json.decode(text, options)
  assert.is_nil(value)
  return problem
end

local function encode_error(value, options)
  local text, problem = json.encode(value, options)
  assert.is_nil(text)
  return problem
end

describe("json.decode", function()
  it("keeps apart what JSON keeps apart", function()
    for _, text in ipairs { "[]", "{}", "[[],{}]", '{"a":[],"b":{}}', "null", "true", "false", '""', "[null]", "100.0", "100", "-0.0" } do
      assert.equal(text, again(text))
    end
    assert.equal("[]", again " [ \n\t\r ] ")
    assert.is_true(rawequal(json.null, cjson.null))
    assert.equal(json.null, decode "null")
  end)

  it("keeps an array an array when it has been emptied, and lets it grow", function()
    local product = decode '{"tags":["a","b"]}'
    product.tags[2], product.tags[1] = nil, nil
    assert.equal('{"tags":[]}', json.encode(product))
    table.insert(product.tags, "c")
    assert.equal('{"tags":["c"]}', json.encode(product))
    assert.is_true(json.isarray(product.tags))
    assert.is_false(json.isarray(product))
  end)

  it("takes the last of members with the same key", function()
    assert.equal('{"a":3,"b":2}', again '{"a":1,"b":2,"a":3}')
    assert.equal('{"a":{"x":2}}', again '{"a":{"x":1,"y":1},"a":{"x":2}}')
  end)

  it("reads keys of every shape, whatever was read before", function()
    local long = ("k"):rep(100)
    local texts = { '{"id":1,"name":"x"}', '{"name":"x","id":1}', '{"id" : 1}', '{"idx":1,"i":2,"":3}', '{"\\u0069d":1}',
      '{"' .. long .. '":1}', '{"id":{"id":{"id":[{"id":1},{"name":2}]}}}', '{"é":1,"id":2}' }
    for _ = 1, 3 do
      for _, text in ipairs(texts) do assert.same(cjson.decode(text), decode(text)) end
    end
    assert.equal(1, decode(texts[6])[long])
  end)

  it("reads dictionaries with more keys than it remembers", function()
    for round = 1, 3 do
      local parts = {}
      for i = 1, 3000 do parts[i] = ('"k%d":%d'):format(i * round, i) end
      local value = decode("{" .. table.concat(parts, ",") .. "}")
      for i = 1, 3000 do assert.equal(i, value["k" .. i * round]) end
    end
  end)

  it("reads long arrays in order", function()
    for _, n in ipairs { 1, 63, 64, 65, 127, 128, 129, 1000, 20000 } do
      local list = {}
      for i = 1, n do list[i] = i end
      local value = decode("[" .. table.concat(list, ",") .. "]")
      assert.equal(n, #value)
      assert.same(list, value)
    end
  end)

  it("undoes escapes, and keeps zero bytes", function()
    assert.equal('"\\/\b\f\n\r\t', decode [["\"\\\/\b\f\n\r\t"]])
    assert.equal("a\0b", decode '"a\\u0000b"')
    assert.equal("€😀é", decode '"\\u20ac\\uD83D\\uDE00\\u00e9"')
    assert.equal(("x"):rep(100000) .. "\n", decode('"' .. ("x"):rep(100000) .. '\\n"'))
  end)

  it("keeps apart short strings that are alike", function()
    for _ = 1, 20 do
      for n = 0, 40 do
        local a, b = ("a"):rep(n) .. "b", "b" .. ("a"):rep(n)
        assert.same({ a, b, "", a }, decode(('["%s","%s","","%s"]'):format(a, b, a)))
      end
      assert.same({ "a\0", "a", "a\0\0" }, decode '["a\\u0000","a","a\\u0000\\u0000"]')
    end
  end)

  it("says where a text is wrong and what it expected", function()
    local problem = decode_error '{\n  "é": [1,\n  2 3]}'
    assert.equal("invalid", problem.code)
    assert.equal("invalid JSON at line 3, column 5 (byte 18): expected ',' or ']', found '3'", problem.message)
    local cases = {
      [""] = "line 1, column 1 (byte 0): expected a value, found the end of the text",
      ["[1,]"] = "column 4 (byte 3): expected a value, found ']'",
      ['{"a":1,}'] = "column 8 (byte 7): expected a key in double quotes, found '}'",
      ['{"a" 1}'] = "column 6 (byte 5): expected ':' after the key, found '1'",
      ["{'a':1}"] = "column 2 (byte 1): expected a key in double quotes, found '''",
      ["[1] x"] = "column 5 (byte 4): expected the end of the text, found 'x'",
      ['"é\xff"'] = "column 3 (byte 3): invalid UTF-8, found byte 0xFF",
      ['"a\nb"'] = "column 3 (byte 2): a control character in a string must be escaped, found byte 0x0A",
      ['"\\ud800x"'] = "column 2 (byte 1): a surrogate escape without its partner makes no character",
      ['"abc'] = "column 5 (byte 4): the string is not closed, found the end of the text",
      ["[01]"] = "column 2 (byte 1): a number can't start with a zero",
      ["[1.]"] = "column 4 (byte 3): expected a digit after the decimal point, found ']'",
      ["[truE]"] = "column 2 (byte 1): expected true, false or null, found 't'",
      ["\xef\xbb\xbf{}"] = "column 1 (byte 0): expected a value; a byte order mark is not part of JSON",
    }
    for text, want in pairs(cases) do
      local message = decode_error(text).message
      assert(message:find(want, 1, true), message)
    end
  end)

  it("bounds depth and size", function()
    local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
    assert.equal(nested(512), again(nested(512)))
    assert.equal("limit", decode_error(nested(513)).code)
    assert.matches("max_depth", decode_error(nested(513)).message)
    assert.is_table(json.decode(nested(4096), { max_depth = 4096 }))
    assert.equal("limit", decode_error('{"a":[1]}', { max_depth = 1 }).code)
    assert.equal("limit", decode_error(("["):rep(100000)).code)
    assert.equal("limit", decode_error(('{"a":'):rep(100000)).code)
    assert.equal("limit", decode_error("[1]", { max_bytes = 2 }).code)
    assert.has_error(function() json.decode("1", { max_depth = 5000 }) end)
  end)

  it("raises when it is called wrongly", function()
    assert.has_error(function() json.decode() end)
    assert.has_error(function() json.decode {} end)
    local ok, problem = pcall(json.decode, "1", { max_dept = 1 })
    assert.is_false(ok)
    assert.equal("usage", problem.code)
    assert.matches("did you mean 'max_depth'", problem.message)
  end)
end)

describe("json.encode", function()
  it("tells arrays from objects by their keys", function()
    assert.equal("[1,2,3]", json.encode { 1, 2, 3 })
    assert.equal('["a","b","c"]', json.encode { [2] = "b", [3] = "c", [1] = "a" })
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array {}))
    assert.equal("[]", json.encode(json.array()))
    assert.equal('{"1":"x"}', json.encode { ["1"] = "x" })
    local reversed = {}
    for i = 200, 1, -1 do reversed[i] = i end
    assert.same(decode(json.encode(reversed)), reversed)
  end)

  it("escapes what must be escaped and nothing else", function()
    assert.equal([["a/b\"\\\n\u0000\u001f]] .. '\x7fé😀"', json.encode 'a/b"\\\n\0\31\127é😀')
    for n = 0, 50 do
      for _, odd in ipairs { '"', "\\", "\1", "é", "€", "😀" } do
        for at = 0, n, 7 do
          local text = ("x"):rep(at) .. odd .. ("y"):rep(n - at)
          assert.equal(text, decode(json.encode(text)))
          assert.equal(1, decode(json.encode { [text] = 1 })[text])
        end
      end
    end
  end)

  it("names the place of what has no JSON form", function()
    local cases = {
      { { a = { 1, 2, { b = 0 / 0 } } }, "can't encode a[3].b as JSON: JSON has no number for NaN" },
      { { 1 / 0 }, "can't encode [1] as JSON: JSON has no number for infinity" },
      { { 1, 2, nil, 4 }, "it has the key [4], but is no array from 1 to n" },
      { { x = { 1, y = 2 } }, "can't encode x as JSON: it is an array and has the key 'y'" },
      { { [0] = 1 }, "it has the key [0]" },
      { { [1.5] = 1 }, "a number can't be a key" },
      { { [true] = 1 }, "a boolean can't be a key" },
      { { a = 1, [true] = 1 }, "can't" },
      { { f = print }, "can't encode f as JSON: a function has no JSON form" },
      { { io = io.stdout }, "can't encode io as JSON: a FILE* has no JSON form" },
      { { t = "a\xff" }, "can't encode t as JSON: the string is not valid UTF-8 at byte 1" },
      { { ["\xff"] = 1 }, "can't encode (not UTF-8) as JSON: the string is not valid UTF-8 at byte 0" },
      { json.array { a = 1 }, "can't encode the value as JSON: it is an array and has the key 'a'" },
    }
    for _, case in ipairs(cases) do
      local problem = encode_error(case[1])
      assert.equal("invalid", problem.code)
      assert(problem.message:find(case[2], 1, true), problem.message)
      assert.equal("invalid", encode_error(case[1], { sort = true }).code)
    end
    assert.matches("json.null", encode_error(nil).message)
  end)

  it("ends where a table contains itself", function()
    local loop = { a = {} }
    loop.a.b = loop
    assert.matches("contains itself", encode_error(loop).message)
    assert.matches("contains itself", encode_error(loop, { pretty = true }).message)
    assert.equal('{"a":1}', json.encode { a = 1 }) -- nothing is left of it
  end)

  it("prints for people", function()
    local value = { b = { 1, { c = json.null } }, a = json.array {}, d = {} }
    assert.equal([[
{
  "a": [],
  "b": [
    1,
    {
      "c": null
    }
  ],
  "d": {}
}]], json.encode(value, { pretty = true }))
    assert.equal('{"a":[],"b":[1,{"c":null}],"d":{}}', json.encode(value, { sort = true }))
    assert.equal('[{"a":{"x":1,"y":2},"b":1},2]', json.encode({ { b = 1, a = { y = 2, x = 1 } }, 2 }, { sort = true }))
  end)

  it("bounds its text", function()
    assert.equal("limit", encode_error({ "abc" }, { max_bytes = 6 }).code)
    assert.equal('["abc"]', json.encode({ "abc" }, { max_bytes = 7 }))
    assert.equal("invalid", encode_error({ { 1 } }, { max_depth = 1 }).code)
  end)

  it("writes records as they stand", function()
    local record = ndjson.record '{"a":1.50,"b":[1]}'
    assert.equal('{"a":1.50,"b":[1]}', json.encode(record))
    assert.equal('[{"a":1.50,"b":[1]}]', json.encode { record })
  end)

  it("may be called by a finalizer in the middle of another call", function()
    local inner = {}
    for _ = 1, 200 do
      setmetatable({}, { __gc = function()
        inner[#inner + 1] = json.encode(decode '{"x":["\\u0061",1.5]}', { sort = true })
      end })
    end
    local list = {}
    for i = 1, 2000 do list[i] = { k = "v" .. i, s = { i } } end
    for _ = 1, 5 do
      local text = json.encode(list, { sort = true })
      assert.same(list, decode(text))
    end
    collectgarbage()
    for _, text in ipairs(inner) do assert.equal('{"x":["a",1.5]}', text) end
    assert.is_true(#inner > 0)
  end)
end)

describe("json.array", function()
  it("takes tables only, and gives the same one back", function()
    local t = {}
    assert.equal(t, json.array(t))
    assert.has_error(function() json.array "x" end)
    assert.is_false(json.isarray(setmetatable({}, {})))
    assert.is_false(json.isarray(nil))
  end)
end)
