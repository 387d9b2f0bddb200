-- Lists of objects as tables: which columns, how wide, what is left out.
local grid = require "sluice.repl.grid"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local width = require "sluice.repl.width"

local function lines(rows, columns, options)
  options = options or {}
  options.columns = columns or 80
  return grid.lines(rows, options)
end

describe("a table", function()
  it("has what matters first, numbers to the right, null and what is missing told apart", function()
    local shown, left, note = lines {
      { price = 9.5, name = "short", id = 1, zip = json.null },
      { price = 120, name = "a longer name", id = 20 },
    }
    assert.same({
      "   id  name           price  zip",
      "1   1  short            9.5  null",
      "2  20  a longer name    120",
    }, shown)
    assert.is_false(left)
    assert.is_nil(note)
  end)

  it("has the columns that there is room for, the fullest first, and counts the others", function()
    local rows = {}
    for i = 1, 3 do
      rows[i] = { id = i, rare = i == 1 and "x" or nil, nested = { 1, 2 }, never = json.null, empty = json.array {}, full = ("f"):rep(10),
        more = ("m"):rep(10) }
    end
    local shown, left, note = lines(rows, 29)
    assert.equal("   id  full        more", shown[1])
    assert.is_true(left)
    assert.equal("+ 4 columns", note)
    shown = lines(rows, 80)
    assert.equal("   id  full        more        rare  nested  empty  never", shown[1])
    assert.equal("1   1  ffffffffff  mmmmmmmmmm  x     [… 2]   []     null", shown[2])
    assert.equal("+ 1 column", select(3, lines({ { a = "xxxxxxxx", b = "yyyyyyyy" }, { a = "x", b = "y" } }, 14)))
  end)

  it("keeps the order of a record's fields, and the digits", function()
    local rows = {}
    for line in ndjson.records(function() return nil end) do rows[#rows + 1] = line end
    assert.same({}, rows)
    rows = { ndjson.record '{"zeta":1,"alpha":12345678901234567890,"mid":"x"}', ndjson.record '{"zeta":22,"alpha":1.50}' }
    assert.same({
      "   zeta                 alpha  mid",
      "1     1  12345678901234567890  x",
      "2    22                   1.5",
    }, (lines(rows)))
  end)

  it("fits any terminal, and is as wide as wide characters are", function()
    local rows = { { name = "日本語テキスト", city = "Zu\u{308}rich", n = 1 }, { name = "x", city = "Genève", n = 2 } }
    assert.equal("1  日本語テキスト  Zu\u{308}rich  1", lines(rows)[2])
    assert.equal("2  x               Genève  2", lines(rows)[3])
    for columns = 1, 60 do
      for _, line in ipairs((lines(rows, columns))) do assert.is_true(width.of(line) <= math.max(columns, 4), columns .. ": " .. line) end
    end
  end)

  it("cuts long cells, keeps each row on its line, and numbers from where it is told", function()
    local rows = { { note = ("word "):rep(100), n = 1 }, { note = "a\nb\tc", n = 2 } }
    local shown, left = lines(rows, 60, { first = 99 })
    assert.is_true(left)
    assert.equal(3, #shown)
    assert.is_truthy(shown[2]:find("…", 1, true))
    assert.equal([[100  2  a\nb\tc]], shown[3])
    assert.is_truthy(shown[2]:find "^ 99  1  word")
  end)

  it("is for objects with fields alone", function()
    assert.is_true(grid.is_row { a = 1 })
    assert.is_true(grid.is_row(ndjson.record '{"a":1}'))
    for _, value in ipairs { {}, { 1, 2 }, json.array {}, 5, "x", ndjson.record "[1]", setmetatable({ a = 1 }, {}), json.null } do
      assert.is_false(grid.is_row(value))
    end
  end)
end)

describe("the width of a text", function()
  it("counts what a terminal draws", function()
    for text, columns in pairs { [""] = 0, abc = 3, ["é"] = 1, ["e\u{301}"] = 1, ["日本"] = 4, ["한글"] = 4, ["😀"] = 2,
      ["a\u{200d}b"] = 2, ["\xff\xfe"] = 2 } do
      assert.equal(columns, width.of(text), text)
    end
  end)

  it("is that of what is shown: what would steer the terminal is an escape", function()
    assert.equal([[a\n\x1B\x7F\u{9B}\u{202E}\u{2069}é\x]], width.plain "a\n\27\127\u{9B}\u{202E}\u{2069}é\\x")
    assert.equal([[\"\\x]], width.plain('"\\x', true))
    assert.equal([[\xFFa]], width.plain "\xffa")
  end)

  it("cuts without cutting a character", function()
    assert.equal("ab…", (width.cut("abcdef", 3)))
    assert.equal("日…", (width.cut("日本語", 4)))
    assert.equal("日…", (width.cut("日本語", 3)))
    assert.equal("…", (width.cut("日本語", 2)))
    assert.equal("e\u{301}…", (width.cut("e\u{301}xyz", 2)))
    assert.equal("abc", (width.cut("abc", 3)))
  end)
end)
