local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local tmp = require "support.tmp"

local function raised(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  return problem
end

describe("a writer", function()
  local dir, path
  before_each(function()
    dir = tmp.dir()
    path = dir .. "/out.ndjson"
  end)

  local function files()
    local list = {}
    for name in io.popen("ls -A " .. dir):lines() do list[#list + 1] = name end
    return list
  end

  it("writes records, tables, values and lines", function()
    local out = ndjson.writer(path)
    assert.equal(out, out:write(assert(ndjson.record '{ "a" : 1.50 }')))
    out:write { b = { 1, 2 } }
    out:write '{"c":\n  [1,\n  2]}'
    out:write(json.null):write(5):write(true):write(assert(ndjson.record '{"x":[{"y":1}]}').x)
    assert.equal(7, out:count())
    out:close()
    assert.equal('{ "a" : 1.50 }\n{"b":[1,2]}\n{"c":[1,2]}\nnull\n5\ntrue\n[{"y":1}]\n', tmp.read(path))
    assert.same({ "out.ndjson" }, files())
    assert.equal("usage", raised(out.write, out, {}).code)
    assert.equal("usage", raised(out.close, out).code)
  end)

  it("copies a file byte for byte, however long", function()
    local lines = {}
    for i = 1, 5000 do lines[i] = ('{"i": %d, "pad" :"%s"}'):format(i, ("ä"):rep(i * 13 % 200)) end
    local text = table.concat(lines, "\n") .. "\n"
    local source = tmp.write(dir .. "/in", text)
    local out = ndjson.writer(path)
    for rec in ndjson.records(source) do out:write(rec) end
    out:close()
    assert.is_true(tmp.read(path) == text)
  end)

  it("leaves the old file until it is closed, and when it is not", function()
    tmp.write(path, "old\n")
    local out = ndjson.writer(path)
    out:write { a = 1 }
    assert.equal("old\n", tmp.read(path))
    out:abort()
    out:abort()
    ndjson.writer(path):write { a = 1 }
    collectgarbage()
    collectgarbage()
    assert.equal("old\n", tmp.read(path))
    assert.same({ "out.ndjson" }, files())
    local ok = pcall(function()
      local to_close <close> = ndjson.writer(path)
      to_close:write { a = 1 }
      error "stop"
    end)
    assert.is_false(ok)
    assert.same({ "out.ndjson" }, files())
    assert.equal("old\n", tmp.read(path))
    do
      local to_close <close> = ndjson.writer(path)
      to_close:write { a = 2 }
    end
    assert.equal('{"a":2}\n', tmp.read(path))
  end)

  it("replaces what a link leads to, and keeps the mode", function()
    tmp.write(path, "old\n")
    assert(os.execute(("chmod 640 %s && ln -s out.ndjson %s/link"):format(path, dir)))
    ndjson.writer(dir .. "/link"):write({ a = 1 }):close()
    assert.equal('{"a":1}\n', tmp.read(path))
    local mode = io.popen(("stat -c %%a,%%F %s %s/link"):format(path, dir)):read "a"
    assert.equal("640,regular file\n777,symbolic link\n", mode)
  end)

  it("appends, and ends a line that a crash cut off", function()
    for _, old in ipairs { "", '{"old":1}\n', '{"old":1}' } do
      tmp.write(path, old)
      ndjson.writer(path, { append = true }):write({ a = 1 }):close()
      assert.equal((old == "" and "" or '{"old":1}\n') .. '{"a":1}\n', tmp.read(path))
    end
    ndjson.writer(dir .. "/new", { append = true }):write { a = 1 }
    collectgarbage()
    collectgarbage()
    assert.equal('{"a":1}\n', tmp.read(dir .. "/new"))
  end)

  it("writes to a Lua file, which stays open", function()
    local file = assert(io.open(path, "wb"))
    file:write "head\n"
    ndjson.writer(file):write({ a = 1 }):close()
    file:write "tail\n"
    file:close()
    assert.equal('head\n{"a":1}\ntail\n', tmp.read(path))
    assert.equal("usage", raised(ndjson.writer, file).code)
    local other = assert(io.open(path, "wb"))
    local out = ndjson.writer(other):write { a = 1 }
    other:close()
    assert.equal("usage", raised(out.close, out).code)
  end)

  it("writes nothing of what is no JSON", function()
    local out = ndjson.writer(path)
    out:write { a = 1 }
    for _, value in ipairs { "", "{", '{"a":1}{', "\xff", { 1, x = 1 }, { a = print }, { a = { "x", 0 / 0 } }, print, io.stdout } do
      assert.equal("invalid", raised(out.write, out, value).code)
    end
    assert.is_false(pcall(out.write, out))
    local pieces = { "{\n" }
    local bad = ndjson.records(function() return table.remove(pieces) end)()
    assert.matches("not a record", raised(out.write, out, bad).message)
    out:write { b = 1 }
    assert.equal(2, out:count())
    out:close()
    assert.equal('{"a":1}\n{"b":1}\n', tmp.read(path))
  end)

  it("raises when the disk is full", function()
    local out = ndjson.writer "/dev/full"
    out:write { a = 1 }
    local problem = raised(out.close, out)
    assert.equal("state", problem.code)
    assert.matches("/dev/full: can't be written: No space left on device", problem.message, 1, true)
    out = ndjson.writer "/dev/full"
    problem = raised(function()
      while true do out:write { pad = ("x"):rep(1000) } end
    end)
    assert.equal("state", problem.code)
    assert.equal("usage", raised(out.write, out, {}).code)
    out = ndjson.writer("/dev/full", { append = true })
    out:write { a = 1 }
    assert.equal("state", raised(out.close, out).code)
    local file = assert(io.open("/dev/full", "wb"))
    out = ndjson.writer(file):write { a = 1 }
    assert.equal("state", raised(out.close, out).code)
    file:close()
    ndjson.writer("/dev/null"):write({ a = 1 }):close()
  end)

  it("raises where it can't be opened, and for what is no target", function()
    assert.equal("not_found", raised(ndjson.writer, dir .. "/no/such/folder").code)
    assert.equal("state", raised(ndjson.writer, dir).code)
    for _, target in ipairs { 5, {}, true } do assert.equal("usage", raised(ndjson.writer, target).code) end
    assert.equal("usage", raised(ndjson.writer, path, { apend = true }).code)
    assert.equal("usage", raised(ndjson.writer, path, { append = 1 }).code)
    assert.same({}, files())
  end)
end)
