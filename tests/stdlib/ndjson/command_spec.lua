-- `sluice ndjson` in a shell, as people use it.
local json = require "sluice.json"
local process = require "sluice.process"
local tmp = require "support.tmp"

local LINES = [[
{"id":1,"price":100.0,"qty":5,"tags":["a"],"v":[{"p":1},{"p":2.50}]}
{"id":12345678901234567890,"price":2,"qty":0,"tags":[],"v":[]}
{"id":3,"price":0.1,"qty":9,"tags":["b"],"v":[{"p":3}]}
]]

describe("sluice ndjson", function()
  local dir
  before_each(function()
    dir = tmp.dir()
    tmp.write(dir .. "/in.ndjson", LINES)
    tmp.write(dir .. "/bad.ndjson", '{"a":1}\n{"a":}\n[1]\nx\n{"a":"\xff"}\n{"a":2}')
  end)

  local here = io.popen("pwd"):read "l"
  local sluice = here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

  -- A line for the shell, in which sluice ndjson is `n`.
  local function shell(line)
    local script = ('n() { %s ndjson "$@"; }\n%s'):format(sluice, line)
    return assert(process.run { argv = { "sh", "-c", script }, cwd = dir, timeout = 60 })
  end

  local function out(line)
    local done = shell(line)
    assert.same({ 0, "" }, { done.status, done.stderr })
    return done.stdout
  end

  it("hands on what nobody touches, byte for byte", function()
    assert.equal(LINES, out "n < in.ndjson")
    assert.equal(LINES .. LINES, out "n in.ndjson in.ndjson")
  end)

  it("changes, removes and drops", function()
    assert.equal('{"id":1,"price":110.00000000000001,"qty":5,"tags":["a"],"v":[{"p":1},{"p":2.50}]}\n',
      out "n -e 'rec.price = rec.price * 1.1' --head 1 in.ndjson")
    assert.equal('{"id":1,"n":1}\n{"id":3,"n":3}\n',
      out "n -w 'rec.qty > 0' -e 'rec.n = n; rec.v = nil' --drop 'price,qty,tags' in.ndjson")
    assert.equal('{"id":12345678901234567890}\n', out "n -e 'if #rec.tags > 0 then return false end' -s id in.ndjson")
  end)

  it("does the steps in their order, whatever the order of the options", function()
    assert.equal('{"p":[3]}\n', out "n -s 'p=v[*].p' --rename id=key --head 1 --skip 2 -w 'rec.id == 3' in.ndjson")
    assert.equal('{"key":3,"price":0.1}\n', out "n -s key,price,nothing --rename id=key --skip 2 in.ndjson")
  end)

  it("makes several records of one, sums up, and prints plain texts", function()
    assert.equal('{"p":1}\n{"p":2.50}\n{"p":3}\n', out "n -e 'for _, v in ipairs(rec.v) do emit(v) end return false' in.ndjson")
    assert.equal('{"p":1}\n', out "n -e 'for _, v in ipairs(rec.v) do emit(v) end return false' --head 1 in.ndjson")
    assert.equal("14\n", out "n --discard --begin 'sum = 0' -e 'sum = sum + rec.qty' --end 'print(sum)' in.ndjson")
    assert.equal("a\nb\n", out "n --raw -s 'tags[1]' in.ndjson")
  end)

  it("counts, with and without a condition", function()
    assert.equal("3\n", out "n --count in.ndjson")
    assert.equal("2\n", out "n --count -w 'rec.qty > 0' in.ndjson")
    assert.equal('{"bad":0,"records":3}\n', out "n --count --json in.ndjson")
  end)

  it("names each line that is none and goes on", function()
    local done = shell "n bad.ndjson"
    assert.same({ 3, '{"a":1}\n[1]\n{"a":2}\n' }, { done.status, done.stdout })
    assert.equal([[
sluice ndjson: bad.ndjson:2: not a record: column 6: expected a value
sluice ndjson: bad.ndjson:4: not a record: column 1: expected a value
sluice ndjson: bad.ndjson:5: not a record: column 7: invalid UTF-8
]], done.stderr)
    local checked = shell "n --check bad.ndjson"
    assert.same({ 3, "" }, { checked.status, checked.stderr })
    assert.equal([[
bad.ndjson:2: column 6: expected a value
bad.ndjson:4: column 1: expected a value
bad.ndjson:5: column 7: invalid UTF-8
]], checked.stdout)
    assert.equal("", out "n --check in.ndjson")
    assert.same({ file = "bad.ndjson", line = 2, offset = 8, reason = "column 6: expected a value" },
      json.decode(shell("n --check --json bad.ndjson").stdout:match "[^\n]+"))
    local strict = shell "n --strict bad.ndjson"
    assert.same({ 1, '{"a":1}\n' }, { strict.status, strict.stdout })
  end)

  it("names the record for which CODE fails and goes on; a misspelt name ends it", function()
    local done = shell "n -e 'rec.a = rec.a + 1' bad.ndjson"
    assert.equal('{"a":2}\n{"a":3}\n', done.stdout)
    assert.matches("bad%.ndjson:3: %-%-each:1: attempt to perform arithmetic on a nil value %(field 'a'%)", done.stderr)
    local misspelt = shell "n -e 'rec.a = raec.a' bad.ndjson"
    assert.same({ 2, "" }, { misspelt.status, misspelt.stdout })
    assert.matches("there is no 'raec' %(did you mean 'rec'%?%)", misspelt.stderr)
  end)

  it("counts what it no longer names", function()
    tmp.write(dir .. "/many.ndjson", ("x\n"):rep(25))
    local done = shell "n many.ndjson"
    assert.matches("many%.ndjson:10: .*\nsluice ndjson: 15 more were left out\n$", done.stderr)
    assert.is_nil(done.stderr:find("many.ndjson:11", 1, true))
  end)

  it("writes a file aside: all of it or none", function()
    assert.equal("", out "n -w 'rec.qty > 0' in.ndjson -o out.ndjson")
    assert.equal(2, select(2, tmp.read(dir .. "/out.ndjson"):gsub("\n", "")))
    assert.equal(1, shell("n --strict bad.ndjson -o out.ndjson").status)
    assert.equal(2, select(2, tmp.read(dir .. "/out.ndjson"):gsub("\n", "")))
    local full = shell "n in.ndjson > /dev/full"
    assert.equal(1, full.status)
    assert.matches("No space left on device", full.stderr)
  end)

  it("is content when its reader has gone", function()
    tmp.write(dir .. "/big.ndjson", LINES:rep(20000))
    local done = shell "{ n -e 'rec.x = 1' big.ndjson; echo $? >&2; } | head -n 1"
    assert.equal("0\n", done.stderr)
    assert.equal(1, select(2, done.stdout:gsub("\n", "")))
  end)

  it("reads CSV: the columns in their order, rows that are none named", function()
    tmp.write(dir .. "/in.csv", 'id,name\r\n1,"a""b"\r\n2\r\n3,c\r\n')
    local done = shell "n in.csv"
    assert.same({ 3, '{"id":"1","name":"a\\"b"}\n{"id":"3","name":"c"}\n' }, { done.status, done.stdout })
    assert.equal("sluice ndjson: in.csv:3: not a record: it has 1 fields, the header 2\n", done.stderr)
    assert.equal('{"id":"1","name":"a"}\n', out "printf 'id\\tname\\n1\\ta\\n' | n --from tsv")
  end)

  it("shows which fields there are", function()
    local rows = json.decode(out "n --stats --json in.ndjson")
    assert.same({ field = "id", count = 3, types = { integer = 3 }, min = 1, max = 3 }, rows[1])
    assert.same({ field = "price", count = 3, types = { integer = 1, number = 2 }, min = 0.1, max = 100.0 }, rows[2])
    assert.same({ field = "v[].p", count = 3, types = { integer = 2, number = 1 }, min = 1, max = 3 }, rows[8])
    assert.matches("^3 records\n\nfield +in +types +smallest +largest\nid +3 +integer +1 +3\n", out "n --stats in.ndjson")
  end)

  it("refuses what does not fit together, with the cure", function()
    for line, said in pairs {
      ["n --count --stats"] = "--count and --stats: one of them",
      ["n --count -o x"] = "--count writes no records: leave out --output",
      ["n --raw"] = "--raw writes the values of one path: --select PATH",
      ["n --raw -s a,b"] = "--raw writes the values of one path, not of 2",
      ["n -s ''"] = "--select: which fields? id,price",
      ["n -s 'a['"] = "--select: expected a",
      ["n --rename x"] = "--rename is FROM=TO, not 'x'",
      ["n -e 'rec.x = = 1'"] = "--each: unexpected symbol near '='",
      ["n -w 'rec.x =='"] = "--where: unexpected symbol near",
      ["n --wehre x"] = "unknown option '--wehre' (did you mean '--where'?)",
      ["n --from xml"] = "--from needs one of ndjson, csv, tsv",
      ["n nothing.ndjson"] = "open nothing.ndjson: No such file or directory",
    } do
      local done = shell(line)
      assert.is_true(done.status == 2 or done.status == 1, line)
      assert.is_true(done.stderr:find(said, 1, true) ~= nil, line .. ": " .. done.stderr)
      assert.equal("", done.stdout)
    end
  end)

  it("stops at Ctrl-C and leaves no file", function()
    local done = shell(([[
      mkfifo p
      %s ndjson -o out.ndjson p & pid=$!
      exec 3> p                # goes on when the other side has opened it
      kill -INT $pid
      yes '{"a":1}' | head -n 200000 >&3
      exec 3>&-
      wait $pid; echo $?]]):format(sluice))
    assert.equal("130\n", done.stdout)
    assert.is_nil(io.open(dir .. "/out.ndjson"))
  end)
end)

describe("ndjson.select", function()
  local ndjson = require "sluice.ndjson"
  local rec = ndjson.record '{"id":1.0,"v":[{"p":1},{"p":2.50}],"a":{"b":"x\\n","k\\u0041":1e2},"id":7.0}'

  it("takes the texts of the values as they stand, in the order that is asked for", function()
    assert.equal('{"a.b":"x\\n","id":7.0,"prices":[1,2.50]}',
      ndjson.raw(ndjson.select(rec, { "a.b", "nope", "id", "v[*].p" }, { [4] = "prices" })))
    assert.equal('{"a.kA":1e2}', ndjson.raw(ndjson.select(rec, { "a.kA" })))
    assert.equal('{}', ndjson.raw(ndjson.select(rec, {})))
    assert.equal('{"p":1}', ndjson.raw(ndjson.select(rec.v[1], { "p" })))
    assert.equal('{"none":[]}', ndjson.raw(ndjson.select(rec, { "nope[*].x" }, { "none" })))
  end)

  it("gives a record of its own", function()
    local own = ndjson.select(rec, { "a" })
    own.a.b = 2
    assert.equal("x\n", rec.a.b)
  end)

  it("refuses what is no path, no name, no record", function()
    for _, args in ipairs { { rec, { 1 } }, { rec, { "a[" } }, { rec, { "a" }, { 3 } }, { {}, { "a" } } } do
      local ok, problem = pcall(ndjson.select, table.unpack(args))
      assert.same({ false, "usage" }, { ok, problem.code })
    end
  end)
end)
