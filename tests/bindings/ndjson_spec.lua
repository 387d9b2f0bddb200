local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"
local tmp = require "support.tmp"

local dir = tmp.dir()

-- A source that gives these pieces, then nil and the error.
local function pieces(list, problem)
  local i = 0
  return function()
    i = i + 1
    if list[i] then return list[i] end
    return nil, problem
  end
end

-- What the iterator gives, as text; bad lines as "line:offset:length reason".
local function all(iterator)
  local seen = {}
  for value in iterator do
    seen[#seen + 1] = ndjson.bad(value) and ("%d:%d:%d %s"):format(value.line, value.offset, value.length, value.reason)
      or assert(json.encode(value, { sort = true }))
  end
  return seen
end

local function raised(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  return problem
end

describe("reading NDJSON", function()
  local text = '\xEF\xBB\xBF{"a":1}\n\n{"b": [2]}\r\n  \t\r\n{"c":\n{"d":"é"}\n[1,2]\n7\n"x'
  local records = { '{"a":1}', '{"b": [2]}', "5:29:5 column 6: expected a value", '{"d":"é"}', "[1,2]",
    "8:52:1 column 1: a record must be an object, this is a number", "9:54:2 column 3: the string is not closed" }
  local values = { '{"a":1}', '{"b":[2]}', "5:29:5 column 6: expected a value", '{"d":"é"}', "[1,2]", "7",
    "9:54:2 column 3: the string is not closed" }

  it("gives records and values of a file", function()
    local path = tmp.write(dir .. "/some.ndjson", text)
    assert.same(records, all(ndjson.records(path)))
    assert.same(values, all(ndjson.values(path)))
    local file <close> = assert(io.open(path, "rb"))
    assert.same(records, all(ndjson.records(file)))
  end)

  it("does not care where the input is cut", function()
    for size = 1, #text do
      local list = {}
      for i = 1, #text, size do list[#list + 1] = text:sub(i, i + size - 1) end
      assert.same(records, all(ndjson.records(pieces(list))))
      assert.same(values, all(ndjson.values(pieces(list))))
    end
  end)

  it("takes the last line without its end, and no line at all", function()
    assert.same({ '{"a":1}' }, all(ndjson.records(pieces { '{"a":1}' })))
    assert.same({ '{"a":1}' }, all(ndjson.records(pieces { '{"a":1}\r' })))
    for _, none in ipairs { {}, { "" }, { "\n", "\n" }, { "\xEF\xBB\xBF" }, { "\xEF\xBB\xBF\r\n" } } do
      assert.same({}, all(ndjson.records(pieces(none))))
    end
  end)

  it("takes anything that gives pieces", function()
    local body = '{"a":1}\n{"b":2}\n'
    local expected = { '{"a":1}', '{"b":2}' }
    assert.same(expected, all(ndjson.records { chunks = function(self) return pieces(self.list) end, list = { body } }))
    local stream = { list = { body } }
    function stream:read() return table.remove(self.list) end
    assert.same(expected, all(ndjson.records(stream)))
    assert.same(expected, all(ndjson.records(setmetatable({}, { __call = pieces { body } }))))
    assert.same(expected, all(ndjson.values(pieces { body })))
    local pipe <close> = assert(io.popen "printf '{\"a\":1}\\n{\"b\":2}\\n'")
    assert.same(expected, all(ndjson.records(pipe)))
  end)

  it("waits for a pipe while other tasks run", function()
    local path = dir .. "/pipe"
    assert(os.execute("mkfifo " .. path))
    local seen, ticks = nil, 0
    local writer <close> = assert(io.open(path, "r+"))
    local reader = task.spawn(function()
      local it = ndjson.records(path)
      seen = { tostring(it()), tostring(it()) }
    end)
    task.yield()
    writer:write '{"a":1}\n{"b'
    writer:flush()
    ticks = ticks + 1
    task.yield()
    writer:write '":2}\n'
    writer:flush()
    reader:wait()
    assert.same({ '{"a":1}', '{"b":2}' }, seen)
    assert.equal(1, ticks)
  end)

  it("reads standard input and writes standard output, with pipes and with files", function()
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local script = tmp.write(dir .. "/filter.lua", [[
      local ndjson = require "sluice.ndjson"
      local out = ndjson.writer "-"
      for rec in ndjson.records("-", { bad = "raise" }) do
        rec.n = rec.n + 1
        out:write(rec)
      end]])
    local input, expected = {}, {}
    for i = 1, 5000 do
      input[i] = ('{"n":%d, "pad":"%s"}'):format(i, ("x"):rep(i % 97))
      expected[i] = ('{"n":%d, "pad":"%s"}'):format(i + 1, ("x"):rep(i % 97))
    end
    local path = tmp.write(dir .. "/stdin.ndjson", table.concat(input, "\n"))
    local stdout = dir .. "/stdout"
    for _, command in ipairs {
      ("%s run %s <%s >%s"):format(sluice, script, path, stdout), ("cat %s | %s run %s | cat >%s"):format(path, sluice, script, stdout),
    } do
      assert.is_true(os.execute(command))
      assert.is_true(tmp.read(stdout) == table.concat(expected, "\n") .. "\n")
    end
    assert.is_nil(os.execute(("echo '{' | %s run %s 2>%s"):format(sluice, script, dir .. "/stderr")))
    assert.matches("standard input:1: not a record: column 2", tmp.read(dir .. "/stderr"), 1, true)
  end)

  it("waits where its source waits", function()
    local list = { '{"a"', ':1}\n{"b":2}', "\n", '{"c":3}' }
    local function source()
      task.yield()
      return table.remove(list, 1)
    end
    assert.same({ '{"a":1}', '{"b":2}', '{"c":3}' }, all(ndjson.records(source)))
  end)

  it("reads many lines across its buffer, each as it is", function()
    local path, count = dir .. "/many.ndjson", 5000
    local file = assert(io.open(path, "wb"))
    for i = 1, count do file:write(('{"i":%d,"pad":"%s"}\n'):format(i, ("x"):rep(i * 7 % 331))) end
    file:close()
    local i, sum = 0, 0
    for rec in ndjson.records(path) do
      i = i + 1
      assert(rec.i == i and #rec.pad == i * 7 % 331)
    end
    for value in ndjson.values(path) do sum = sum + value.i end
    assert.equal(count, i)
    assert.equal(count * (count + 1) // 2, sum)
  end)

  it("goes on after a line that is too long, without keeping it", function()
    local path = dir .. "/long.ndjson"
    local file = assert(io.open(path, "wb"))
    file:write('{"a":1}\n{"long":"', ("y"):rep(3 << 20), '"}\n{"b":2}\n')
    file:close()
    local seen = {}
    for rec in ndjson.records(path) do seen[#seen + 1] = rec end
    assert.equal(3, #seen)
    assert.equal(2, seen[3].b)
    local bad = seen[2]
    assert.is_true(ndjson.bad(bad))
    assert.same({ 2, 8, (3 << 20) + 11, path }, { bad.line, bad.offset, bad.length, bad.source })
    assert.matches("has 3145739 bytes, at most 2097152 are allowed", bad.reason)
    assert.equal('{"long":"yyy', bad.raw:sub(1, 12))
    assert.equal(1000, #bad.raw)
    -- One piece or many, a limit to the byte.
    for _, list in ipairs { { '{"a":1}\n{"ab":1}\n{"c":1}' }, { '{"a":1}\n{"a', 'b":1', "}", "\n", '{"c":1}' } } do
      assert.same({ '{"a":1}', "2:8:8 the line has 8 bytes, at most 7 are allowed (max_line_bytes)", '{"c":1}' },
        all(ndjson.records(pieces(list), { max_line_bytes = 7 })))
    end
    assert.same({ "1:0:9 the line has 9 bytes, at most 7 are allowed (max_line_bytes)" },
      all(ndjson.records(pieces { "{      ", " ", "}" }, { max_line_bytes = 7 })))
  end)

  it("marks what is no JSON, and the next line is fine", function()
    for line, reason in pairs {
      ['{"a":"\xff"}'] = "column 7: invalid UTF-8", ['{"a":"\0"}'] = "column 7: a control character in a string must be escaped",
      ["\0"] = "column 1: expected a value", ['{"a":1}}'] = "column 8: expected the end of the record",
      ['{"a":"x'] = "column 8: the string is not closed", ["{'a':1}"] = "column 2: expected a key in double quotes",
      [("["):rep(513)] = "column 513: nested deeper than allowed here (max_depth)", ['{"é":nul}'] = "column 6: expected true, false or null",
    } do
      local expected = { ("1:0:%d %s"):format(#line, reason), '{"b":1}' }
      assert.same(expected, all(ndjson.records(pieces { line .. '\n{"b":1}\n' })))
      assert.same(expected, all(ndjson.values(pieces { line .. '\n{"b":1}\n' })))
    end
  end)
end)

describe("a bad line", function()
  local function one(options)
    local path = tmp.write(dir .. "/bad.ndjson", '{"a":1}\n{"a":}\n{"a":3}\n')
    return ndjson.records(path, options)
  end

  it("is a value that fails when it is used as a record", function()
    local it = one()
    it()
    local bad = it()
    assert.is_true(ndjson.bad(bad))
    assert.is_false(ndjson.bad(it()))
    for _, value in ipairs { {}, "x", 1, io.stdout } do assert.is_false(ndjson.bad(value)) end
    assert.equal('{"a":}', bad.raw)
    assert.matches("bad.ndjson:2: not a record: column 6: expected a value", tostring(bad), 1, true)
    for _, use in ipairs {
      function() return bad.price end, function() bad.price = 1 end, function() return #bad end, function() return pairs(bad) end,
      function() return ndjson.raw(bad) end, function() return ndjson.get(bad, "a") end, function() assert(ndjson.record "{}").x = bad end,
    } do
      local problem = raised(use)
      assert.equal("invalid", problem.code)
      assert.same({ 2, 8 }, { problem.line, problem.offset })
      assert.matches("bad.ndjson:2: not a record", problem.message, 1, true)
    end
    assert.is_nil(json.encode(bad))
  end)

  it("is passed over and counted with bad = skip", function()
    local it, reader = one { bad = "skip" }
    assert.same({ '{"a":1}', '{"a":3}' }, all(it))
    assert.equal(1, reader:skipped())
    assert.equal(3, reader:lines())
  end)

  it("is raised with bad = raise, and the next one is fine", function()
    local it = one { bad = "raise" }
    it()
    local problem = raised(it)
    assert.equal("invalid", problem.code)
    assert.equal(2, problem.line)
    assert.equal(3, it().a)
    assert.is_nil(it())
  end)
end)

describe("a source that fails", function()
  it("is told from its end: reset, timeout and truncation are the errors they are", function()
    for _, code in ipairs { "network", "timeout", "protocol" } do
      local problem = err.new { code = code, message = "the connection broke" }
      local it = ndjson.records(pieces({ '{"a":1}\n{"b":2}\n{"c":' }, problem))
      assert.equal(1, it().a)
      assert.equal(2, it().b)
      assert.equal(problem, raised(it))
      assert.equal(problem, raised(it))
    end
    local it = ndjson.values(pieces({}, "just a text"))
    local ok, problem = pcall(it)
    assert.is_false(ok)
    assert.equal("just a text", problem)
  end)

  it("may raise by itself", function()
    local it = ndjson.records(function() error("boom", 0) end)
    assert.same({ false, "boom" }, { pcall(it) })
    assert.equal("usage", raised(it).code)
  end)

  it("is refused where it gives no text", function()
    assert.equal("usage", raised(ndjson.records(function() return {} end)).code)
    assert.equal("usage", raised(ndjson.records(function() return true end)).code)
  end)

  it("can't be read by two tasks at once", function()
    local wait = true
    local it = ndjson.records(function()
      while wait do task.yield() end
    end)
    local first = task.spawn(it)
    task.yield()
    assert.matches("another task", raised(it).message)
    wait = false
    first:wait()
  end)

  it("says which file can't be opened or read", function()
    local problem = raised(ndjson.records, dir .. "/missing.ndjson")
    assert.equal("not_found", problem.code)
    assert.matches("missing.ndjson", problem.message, 1, true)
    problem = raised(ndjson.records(dir))
    assert.equal("state", problem.code)
    assert.matches(dir, problem.message, 1, true)
    local file = assert(io.open(tmp.write(dir .. "/closed", "{}")))
    file:close()
    assert.equal("usage", raised(ndjson.records, file).code)
  end)

  it("is refused where it is none", function()
    for _, source in ipairs { 5, true, {}, json.null, coroutine.create(print) } do
      local problem = raised(ndjson.records, source)
      assert.equal("usage", problem.code)
    end
    for _, options in ipairs { { bad = "ignore" }, { max_line_bytes = 0 }, { max_line = 5 }, 5 } do
      assert.equal("usage", raised(ndjson.values, "-", options).code)
    end
  end)
end)

describe("an iterator", function()
  it("closes its file when the loop is left", function()
    local path = tmp.write(dir .. "/left.ndjson", ('{"a":1}\n'):rep(10))
    local function open_files()
      local count = 0
      for _ in io.popen("ls /proc/self/fd"):lines() do count = count + 1 end
      return count
    end
    local before = open_files()
    for _ = 1, 20 do
      for rec in ndjson.records(path) do if rec.a == 1 then break end end
      for _ in ndjson.records(path) do end
    end
    assert.is_true(open_files() - before < 10)
    local it, reader = ndjson.records(path)
    assert.equal(1, it().a)
    reader:close()
    assert.is_nil(it())
  end)

  it("gives records that may be kept", function()
    local path = tmp.write(dir .. "/kept.ndjson", ('{"a":1,"l":[{"x":"y"}]}\n'):rep(3000))
    local kept = {}
    for rec in ndjson.records(path) do kept[#kept + 1] = rec.l[1] end
    collectgarbage()
    for _, view in ipairs(kept) do assert(view.x == "y") end
  end)
end)

describe("elements", function()
  it("step over strings with quotes, brackets and backslashes at every place", function()
    for before = 0, 130 do
      for slashes = 0, 5 do
        local text = ("x"):rep(before) .. ("\\"):rep(slashes) .. '"]}[{' .. ("\\"):rep(slashes)
        local first = json.encode { a = { text, { b = text } } }
        local list = {}
        for rec in ndjson.elements("[" .. first .. " , {\"c\":[[],{}]},[[\"" .. ("\\\\"):rep(slashes) .. "\"]]]") do
          list[#list + 1] = ndjson.raw(rec)
        end
        assert(#list == 3 and list[1] == first and list[2] == '{"c":[[],{}]}', text)
        assert(ndjson.record(list[1]).a[2].b == text)
      end
    end
  end)

  it("takes a record for the text that it is checked already", function()
    local rec = ndjson.record '{"n":[{"a":1},{"a":2}]}'
    local sum = 0
    for item in ndjson.elements(rec, "n") do sum = sum + item.a end
    assert.equal(3, sum)
  end)
end)

describe("fingerprint", function()
  it("tells texts apart by any byte and by length, and is the same everywhere", function()
    local known, n = {}, 0
    local function add(text)
      local name = ndjson.fingerprint(assert(ndjson.record(text)))
      assert(#name == 32 and not known[name], text)
      known[name], n = true, n + 1
    end
    for len = 0, 40 do
      local plain = ("a"):rep(len)
      add('["' .. plain .. '"]')
      for i = 1, len do
        for _, c in ipairs { "b", "A", "0", "e", "q" } do add('["' .. plain:sub(1, i - 1) .. c .. plain:sub(i + 1) .. '"]') end
      end
    end
    assert.equal(41 + 5 * 820, n)
    assert.equal(ndjson.fingerprint(ndjson.record '{"id":1}'), ndjson.fingerprint(ndjson.record ' {"id":1} '))
    assert.equal("ec2d3437ee5f3333e260a94ff8bb226c", ndjson.fingerprint(ndjson.record '{"id":62777,"title":"CD ROMs"}'))
  end)
end)
