local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local err = require "sluice.err"

-- The reason why no chunk takes it.
local function refused(chunk, value)
  local before, count = chunk:text(), chunk:count()
  local ok, problem = chunk:put(value)
  assert.is_nil(ok)
  assert.is_true(err.is(problem))
  assert.equal("invalid", problem.code)
  assert.equal(before, chunk:text())
  assert.equal(count, chunk:count())
  return problem.message
end

describe("a chunk", function()
  it("takes records, tables and texts, one line each", function()
    local chunk = ndjson.chunk()
    assert.equal(0, chunk:count())
    assert.equal(0, chunk:bytes())
    assert.equal("", chunk:text())
    assert.is_true(chunk:put(assert(ndjson.record '{ "a" :1}')))
    assert.is_true(chunk:put { b = "x\ny" })
    assert.is_true(chunk:put ' {"c": 2} ')
    assert.is_true(chunk:put "{\n  \"d\": [\n    1\r\n  ]\n}\n")
    assert.is_true(chunk:put(assert(ndjson.record '{"v":{"e":1}}').v))
    local lines = { '{ "a" :1}', '{"b":"x\\ny"}', '{"c": 2}', '{"d": [1]}', '{"e":1}' }
    assert.equal(table.concat(lines, "\n") .. "\n", chunk:text())
    assert.equal(#chunk:text(), chunk:bytes())
    assert.equal(5, chunk:count())
    assert.equal(5, #chunk)
    for n, line in ipairs(lines) do assert.equal(line, chunk:line(n)) end
    for _, n in ipairs { 0, -1, 6, math.maxinteger } do assert.is_nil(chunk:line(n)) end
    local seen = {}
    for n, line in chunk:lines() do seen[n] = line end
    assert.same(lines, seen)
    assert.equal(chunk, chunk:clear())
    assert.equal(0, chunk:count())
    assert.equal("", chunk:text())
    assert.is_nil(chunk:line(1))
    assert.is_true(chunk:put { f = 1 })
    assert.equal('{"f":1}\n', chunk:text())
  end)

  it("is full by count", function()
    local chunk = ndjson.chunk { max_records = 2 }
    assert.is_true(chunk:put { a = 1 })
    assert.is_true(chunk:put { a = 2 })
    assert.is_false(chunk:put { a = 3 })
    assert.equal('{"a":1}\n{"a":2}\n', chunk:text())
    chunk:clear()
    assert.is_true(chunk:put { a = 3 })
  end)

  it("is full by bytes, to the byte", function()
    local chunk = ndjson.chunk { max_bytes = 16 }
    assert.is_true(chunk:put '{"a":1}')
    assert.is_true(chunk:put '{"a":2}')
    assert.equal(16, chunk:bytes())
    assert.is_false(chunk:put "{}")
    chunk:clear()
    assert.is_true(chunk:put '{"a":1}')
    assert.is_false(chunk:put '{"a":22}')
    assert.is_true(chunk:put '{"a":3}')
    assert.matches("has 17 bytes; at most 15", refused(chunk, '{"a":"123456789"}'))
  end)

  it("has the limits of Productsup unless told otherwise", function()
    local chunk = ndjson.chunk()
    for i = 1, 10000 do assert(chunk:put { i = i }) end
    assert.is_false(chunk:put { i = 1 })
    chunk:clear()
    local line = '{"a":"' .. ("x"):rep(999992) .. '"}'
    assert.equal(1000000, #line)
    for _ = 1, 7 do assert.is_true(chunk:put(line)) end
    assert.is_false(chunk:put(line))
    assert.matches("has 1000001 bytes; at most 1000000", refused(chunk, (line:gsub("x", "xx", 1))))
    assert.matches("has 1000001 bytes; at most 1000000", refused(chunk, assert(ndjson.record((line:gsub("x", "xx", 1))))))
    assert.matches("has 1000001 bytes", refused(chunk, { a = ("x"):rep(999993) }))
    assert.matches("more than the 1000000 bytes", refused(chunk, { a = ("x"):rep(3000000) }))
    assert.is_true(chunk:put { a = 1 })
  end)

  it("refuses what is no record", function()
    local chunk = ndjson.chunk()
    chunk:put { a = 1 }
    for _, text in ipairs { "", " ", "{", "1", "[1]", '"x"', "null", '{"a":1}{"b":2}', '{"a":"\xff"}', '{"a":"\0"}', '{"a":1}\n{"b":1}' } do
      refused(chunk, text)
    end
    for _, value in ipairs { 1, true, json.null, json.array {}, { 1, 2 }, { a = print }, { a = 0 / 0 }, { a = "\xff" } } do refused(chunk, value) end
    assert.matches("must be an object, this is an array", refused(chunk, { 1 }))
    assert.matches("must be an object, this is an array", refused(chunk, assert(ndjson.record "[1]")))
    local deep = {}
    for _ = 1, 600 do deep = { deep } end
    assert.matches("deep", refused(chunk, { deep = deep }))
    assert.equal('{"a":1}\n', chunk:text())
  end)

  it("can require an id", function()
    local chunk = ndjson.chunk { require_id = "id" }
    for _, record in ipairs { { id = "a" }, { id = 1 }, { id = -1.5 }, { id = " " }, '{"id":null,"id":"x"}', '{"\\u0069d":0}' } do
      assert.is_true(chunk:put(record))
    end
    assert.equal('the record has no "id"', refused(chunk, { ID = 1 }))
    assert.equal('the record has no "id"', refused(chunk, '{"x":{"id":1}}'))
    assert.equal('the "id" of the record is an empty text', refused(chunk, { id = "" }))
    assert.equal('the "id" of the record is null; it must be a text or a number', refused(chunk, { id = json.null }))
    assert.matches("is true", refused(chunk, { id = true }))
    assert.matches("is an array", refused(chunk, { id = { 1 } }))
    assert.matches("is an object", refused(chunk, { id = {} }))
    assert.matches("is null", refused(chunk, '{"id":1,"id":null}'))
  end)

  it("raises for a bad line, a missing argument and options that make no sense", function()
    local chunk = ndjson.chunk()
    local pieces = { "{\n" }
    local ok, bad = pcall(chunk.put, chunk, ndjson.records(function() return table.remove(pieces) end)())
    assert.is_false(ok)
    assert.equal("invalid", bad.code)
    assert.is_false(pcall(chunk.put, chunk))
    assert.is_false(pcall(chunk.put, {}, {}))
    for _, options in ipairs { { max_records = 0 }, { max_bytes = -1 }, { max_record_bytes = 1.5 }, { max_recrods = 1 }, { require_id = 1 }, "x" } do
      local made, problem = pcall(ndjson.chunk, options)
      assert.is_false(made)
      assert.equal("usage", problem.code)
    end
  end)

  it("takes in one call, and tells when other work is due", function()
    local chunk = ndjson.chunk { max_records = 1500, require_id = "id" }
    local due = {}
    for i = 1, 1500 do
      local form = i % 3 == 0 and { id = i } or i % 3 == 1 and ('{"id":%d}'):format(i) or assert(ndjson.record(('{"id":%d}'):format(i)))
      local taken, pause = chunk:take(form)
      assert.is_true(taken)
      if pause then due[#due + 1] = i end
    end
    assert.same({ 1000 }, due)
    assert.is_false(chunk:take { id = 1 }) -- full
    chunk:clear()
    local large = ('{"id":1,"text":"%s"}'):format(("x"):rep(100000))
    for i = 1, 3 do assert.same({ true, i == 3 or nil }, { chunk:take(large) }) end
    local pieces = { "{\n" }
    local bad = ndjson.records(function() return table.remove(pieces) end)()
    for _, value in ipairs { bad, '{"id":', "{}", { x = 1 }, assert(ndjson.record "[1]"), 7, true, io.stdout } do
      assert.is_false((chunk:take(value)))
    end
    assert.equal(3, chunk:count())
    assert.is_false(pcall(chunk.take, chunk))
    assert.is_false(pcall(chunk.take, io.stdout, {}))
  end)

  it("finds the id of a record that was changed, where it is nested and where it is there twice", function()
    local chunk = ndjson.chunk { require_id = "id" }
    local record = assert(ndjson.record '{"id":null,"name":"x","part":{"id":"inner"},"id":"last"}')
    assert.is_true(chunk:put(record))
    assert.is_true(chunk:put(record.part))
    record.id = "changed"
    assert.is_true(chunk:put(record))
    record.id = nil
    assert.equal('the record has no "id"', refused(chunk, record))
    assert.same({ last = true, inner = true, changed = true }, chunk:ids())
  end)

  it("knows its ids as texts", function()
    local chunk = ndjson.chunk { require_id = "id" }
    for _, line in ipairs { '{"id":"a\\/b"}', '{"id":"\\u0041"}', '{"id":12345678901234567890}', '{"id":-1.50}', '{"id":"x"}', '{"id":"x"}' } do
      chunk:put(line)
    end
    assert.same({ ["a/b"] = true, A = true, ["12345678901234567890"] = true, ["-1.50"] = true, x = true }, chunk:ids())
    chunk:clear()
    assert.same({}, chunk:ids())
    local without = ndjson.chunk()
    without:put { id = 1 }
    assert.same({}, without:ids())
  end)

  it("meets another one that holds the same id, however it is spelled", function()
    local function with(list)
      local chunk = ndjson.chunk { require_id = "id", track_ids = true }
      for _, id in ipairs(list) do chunk:put(('{"id":%s}'):format(id)) end
      return chunk
    end
    for _, case in ipairs { { { '"a"', '"b"' }, { '"c"', '"b"' }, true }, { { '"a"' }, { '"b"' }, false }, { {}, { '"a"' }, false },
      { { "57" }, { '"57"' }, true }, { { "57" }, { "-57" }, false }, { { '"a\\/b"' }, { '"a/b"' }, true }, { { "1.0" }, { "1e0" }, true },
      { { '"\\u0041"' }, { '"A"' }, true }, { { '"12345678"' }, { '"123456789"' }, false }, { { '""' }, { '""' }, false } } do
      local a, b = with(case[1]), with(case[2])
      assert.same({ case[3], case[3] }, { a:meets(b), b:meets(a) }, table.concat(case[1], " "))
    end
    local many, more = {}, {}
    for i = 1, 10000 do many[i], more[i] = '"p' .. i .. '"', '"p' .. i + 10000 .. '"' end
    local a, b = with(many), with(more)
    assert.is_false(a:meets(b))
    b:clear()
    b:put { id = "p10000" }
    assert.is_true(a:meets(b))
    a:clear()
    assert.is_false(a:meets(b))
    assert.is_false(ndjson.chunk():meets(ndjson.chunk()))
    assert.is_false(pcall(a.meets, a, {}))
  end)
end)
