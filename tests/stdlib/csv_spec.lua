local csv = require "sluice.csv"
local err = require "sluice.err"
local tmp = require "support.tmp"

-- A source that gives a text in pieces of n bytes.
local function pieces(text, n)
  local at = 1
  return function()
    if at > #text then return nil end
    local piece = text:sub(at, at + n - 1)
    at = at + n
    return piece
  end
end

local function rows(text, n, options)
  local list = {}
  for fields, line in csv.rows(pieces(text, n or 65536), options) do list[#list + 1] = line .. ":" .. table.concat(fields, "|") end
  return list
end

local function raises(code, text, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code)
  assert.is_truthy(problem.message:find(text, 1, true), problem.message)
end

describe("csv", function()
  it("reads what RFC 4180 describes, whatever the pieces", function()
    local text = 'a,b,c\r\n"x, y","say ""hi""",\r\n"two\r\nlines",,"last"\n\n"",ä,"\n"\r\nend,of,file'
    local wanted = { "1:a|b|c", '2:x, y|say "hi"|', "3:two\r\nlines||last", "6:|ä|\n", "8:end|of|file" }
    for _, n in ipairs { 1, 2, 3, 5, 7, 65536 } do assert.same(wanted, rows(text, n), n) end
    assert.same({ "1:a|b" }, rows("\xEF\xBB\xBFa,b\n", 1))
    assert.same({}, rows "")
    assert.same({ "1:a" }, rows "a")
    assert.same({ "1:a|" }, rows("a,", 1))
    assert.same({ "1:a" }, rows('"a"', 1))
    assert.same({ "1:a\tb|c" }, rows("a\tb;c\n", 2, { delimiter = ";" }))
    assert.same({ "1:a|b" }, rows("a\tb\n", 1, { delimiter = "\t" }))
    assert.same({ "1:a|b" }, rows("a.b\n", 1, { delimiter = "." }))
  end)

  it("names the line of what is no CSV, and goes on where it is told to", function()
    local cases = { { 'a\n5" disk,b\nc', 2, "a quote in a field that does not begin with one" }, { 'a\n"x"y,b\nc', 2, "text behind a closing quote" },
      { 'a\nx\ry\nc', 2, "a carriage return without a line feed" }, { "a\n\xFF\nc", 2, "it is not UTF-8" } }
    for _, case in ipairs(cases) do
      for _, n in ipairs { 1, 3, 100 } do
        raises("invalid", ("line %d: %s"):format(case[2], case[3]), rows, case[1], n)
        local said = {}
        assert.same({ "1:a", "3:c" }, rows(case[1], n, { bad = function(problem) said[#said + 1] = problem end }))
        assert.same({ 1, 2, case[3] }, { #said, said[1].line, said[1].reason })
        assert.is_truthy(case[1]:find(said[1].raw, 1, true))
      end
    end
    raises("invalid", "line 2: the quotes are not closed", rows, 'a\n"b\nc\nd', 1)
    raises("limit", "line 2: the row is longer than 50 bytes", rows, 'a\n"' .. ("x\n"):rep(1000), 10, { max_bytes = 50 })
  end)

  it("gives records by the names of the first line", function()
    local path, list = tmp.dir() .. "/products.csv", {}
    tmp.write(path, 'sku,title\nA,"one\ntwo"\nB,\n')
    for record, line in csv.records(path) do list[#list + 1] = { line, record.sku, record.title } end
    assert.same({ { 2, "A", "one\ntwo" }, { 4, "B", "" } }, list)
    local _, _, _, closer, names = csv.records(path)
    assert.same({ "sku", "title" }, names)
    getmetatable(closer).__close()
    local file = assert(io.open(path))
    assert.equal("sku", csv.records(file, { header = { "x", "y" } })().x)
    assert.equal("file", io.type(file)) -- it is the caller's
    file:close()
  end)

  it("refuses rows of another length than the header", function()
    local function records(text, options)
      local list = {}
      for record in csv.records(pieces(text, 4), options) do list[#list + 1] = record.a .. record.b end
      return list
    end
    raises("invalid", "line 3: it has 1 fields, the header 2", records, "a,b\n1,2\n3\n")
    local said
    assert.same({ "12", "45" }, records("a,b\n1,2\n3,4,5\n4,5\n", { bad = function(problem) said = problem end }))
    assert.same({ 3, "3,4,5", "it has 3 fields, the header 2" }, { said.line, said.raw, said.reason })
    raises("invalid", "the column 'a' is there twice", records, "a,a\n")
    raises("invalid", "column 2 has no name", records, "a,\n")
    raises("invalid", "is empty", records, "")
  end)

  it("says what is wrong with its arguments and its source", function()
    raises("invalid", "No such file", csv.rows, "/no/such/file.csv")
    raises("usage", "not a nil", csv.rows, nil)
    raises("usage", "did you mean 'delimiter'", csv.rows, pieces("", 1), { delimeter = ";" })
    raises("usage", "one byte", csv.rows, pieces("", 1), { delimiter = '"' })
    raises("invalid", "the disk is on fire", csv.rows, function() return nil, "the disk is on fire" end)
  end)
end)
