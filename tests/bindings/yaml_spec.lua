local err = require "sluice.err"
local tmp = require "support.tmp"
local yaml = require "sluice.yaml"

local function decode(text, options)
  return assert(yaml.decode(text, options))
end

-- The complaint about a text that is to be refused: line:column: message, and the hint.
local function complaint(text, options)
  local value, e = yaml.decode(text, options)
  assert.is_nil(value)
  assert.is_true(err.is(e))
  assert.equal("invalid", e.code)
  assert.equal(("yaml:%d:%d: "):format(e.line, e.column), e.message:match "^yaml:%d+:%d+: ")
  return e.message:sub(6), e.hint
end

local function refuses(text, message, hint)
  local got, got_hint = complaint(text)
  assert.equal(message, got)
  if hint then assert.equal(hint, got_hint) end
end

describe("sluice.yaml scalars", function()
  local function scalar(text)
    return decode("v: " .. text).v
  end

  it("takes only true and false for booleans", function()
    for _, text in ipairs { "true", "True", "TRUE" } do assert.is_true(scalar(text)) end
    for _, text in ipairs { "false", "False", "FALSE" } do assert.is_false(scalar(text)) end
    for _, text in ipairs { "tRUE", "FAlse", "'true'", '"false"' } do assert.is_string(scalar(text)) end
  end)

  it("refuses what other readers take for booleans", function()
    for _, word in ipairs { "no", "yes", "on", "off", "y", "n" } do
      for _, text in ipairs { word, word:upper(), word:sub(1, 1):upper() .. word:sub(2) } do
        local message, hint = complaint("v: " .. text)
        assert.equal("1:4: yes, no, on, off, y and n are booleans to some readers of YAML and text to others", message)
        assert.equal("write true or false, or quote it to mean the text", hint)
        assert.equal(text, scalar('"' .. text .. '"'))
        assert.equal(text, decode("v: " .. text, { unclear = "text" }).v)
      end
    end
    assert.equal("nO", scalar "nO")
    assert.equal("Norway", scalar "Norway")
  end)

  it("takes integers with all their digits, decimal, hexadecimal and octal", function()
    local cases = {
      ["0"] = 0, ["-0"] = 0, ["+12"] = 12, ["-7"] = -7, ["0x1F"] = 31, ["0xff"] = 255, ["0o17"] = 15,
      ["9223372036854775807"] = math.maxinteger, ["-9223372036854775808"] = math.mininteger,
      ["123456789012345678"] = 123456789012345678,
    }
    for text, value in pairs(cases) do
      assert.equal(value, scalar(text))
      assert.equal("integer", math.type(scalar(text)))
    end
    for _, text in ipairs { "9223372036854775808", "0xFFFFFFFFFFFFFFFFF", "0o7777777777777777777777777" } do
      refuses("v: " .. text, "1:4: this integer does not fit in 64 bits", "quote it to mean the text")
    end
  end)

  it("takes floats", function()
    local cases = { ["1e3"] = 1000.0, ["1."] = 1.0, [".5"] = 0.5, ["-0.25"] = -0.25, ["6.02E+23"] = 6.02e23, ["1e-400"] = 0.0,
      [".inf"] = math.huge, ["-.Inf"] = -math.huge, ["+.INF"] = math.huge }
    for text, value in pairs(cases) do
      assert.equal(value, scalar(text))
      assert.equal("float", math.type(scalar(text)))
    end
    local nan = scalar ".nan"
    assert.is_true(nan ~= nan)
    refuses("v: 1e999", "1:4: this number is too large for a double")
  end)

  it("never reads a leading zero as octal", function()
    for _, text in ipairs { "012", "08", "00", "-012", "+01", "012.5", "01e3" } do
      refuses("v: " .. text, "1:4: a number with leading zeros is octal to some readers of YAML and decimal to others",
        "write it without the zeros, or 0o12 for octal, or quote it to keep them")
    end
    assert.equal(0.5, scalar "0.5")
    assert.equal("012", scalar '"012"')
  end)

  it("leaves all else text", function()
    for _, text in ipairs { "1:30", "12:30:45", "1_000", "2024-01-01", "2024-01-01T00:00:00Z", "0b11", "1e", "1e+", "+", ".",
      "-.", "0x", "0o8", "0xg", "1.2.3", "=", "nULL", ".NAn", "-.nan", "12 34", "..inf", "${NAME}" } do
      assert.equal(text, scalar(text))
    end
  end)

  it("keeps nulls", function()
    for _, text in ipairs { "null", "Null", "NULL", "~", "" } do assert.equal(yaml.null, scalar(text)) end
    for _, text in ipairs { "", "# nothing", "---", "--- ~" } do assert.equal(yaml.null, decode(text)) end
    assert.equal("", scalar '""')
  end)

  it("reads quotes and blocks", function()
    assert.equal("a\n\0\u{1F600}\\", scalar [["a\n\0\U0001F600\\"]])
    assert.equal([[it's \n]], scalar [['it''s \n']])
    assert.equal("TZ=Europe/Berlin\nH 2 * * *\n", decode "v: |\n  TZ=Europe/Berlin\n  H 2 * * *\n".v)
    assert.equal("one two\n", decode "v: >\n  one\n  two\n".v)
  end)
end)

describe("sluice.yaml structure", function()
  it("reads maps and lists, in blocks and inline", function()
    assert.same({ a = { b = { 1, "two", { c = 3 } } }, d = { e = true } },
      decode "a:\n  b:\n    - 1\n    - two\n    - c: 3\nd: { e: true }\n")
    assert.equal("[[],{}]", require("sluice.json").encode(decode "[[], {}]"))
  end)

  it("keeps keys as they are written", function()
    assert.same({ ["1"] = 1, ["012"] = 2, no = 3, on = 4, ["true"] = 5, null = 6, ["~"] = 7, ["1.0"] = 8, [""] = 9 },
      decode '1: 1\n012: 2\nno: 3\non: 4\ntrue: 5\nnull: 6\n~: 7\n1.0: 8\n"": 9\n')
  end)

  it("copies what an alias names", function()
    local value = decode "a: &x { n: [1] }\nb: *x\nc: &x 2\nd: *x\n"
    assert.same({ a = { n = { 1 } }, b = { n = { 1 } }, c = 2, d = 2 }, value)
    assert.is_false(rawequal(value.a, value.b))
  end)

  it("reads a byte order mark, CRLF and %YAML", function()
    assert.same({ a = 1, b = 2 }, decode "\xEF\xBB\xBF%YAML 1.2\r\n---\r\na: 1\r\nb: 2\r\n...\r\n")
    refuses("\xEF\xBB\xBFa: no", "1:4: yes, no, on, off, y and n are booleans to some readers of YAML and text to others")
    refuses("%YAML 2.0\n---\na: 1", "1:1: this version of YAML is not read", "remove the %YAML line")
  end)

  it("refuses keys that come twice, with both places", function()
    refuses("a: 1\nb: 2\na: 3\nb: 4", '3:1: the key "a" is here already at 1:1', "remove one of them")
    refuses("{1: a, '1': b}", '1:8: the key "1" is here already at 1:2')
    refuses("a:\n  - {b: 1, b: 2}", '2:12: the key "b" is here already at 2:6')
    assert.same({ a = 1, A = 2 }, decode "a: 1\nA: 2")
  end)

  it("refuses tags, merge keys, keys that are no text, and second documents", function()
    refuses("a: !!python/object/apply:os.system [x]", "1:4: tags are not read (tag:yaml.org,2002:python/object/apply:os.system)",
      "remove it, or quote a text that begins with '!'")
    refuses("a: !x y", "1:4: tags are not read (!x)")
    refuses("!!str a: 1", "1:1: tags are not read (tag:yaml.org,2002:str)")
    refuses("a: &x {b: 1}\nc:\n  <<: *x", "3:3: merge keys (<<) are not read", "write the keys out")
    assert.same({ ["<<"] = 1 }, decode "'<<': 1")
    refuses("? [a]\n: b", "1:3: a list or map can't be a key")
    refuses("a: &x b\n*x : c", "2:1: an alias can't be a key", "write the key out")
    refuses("&x a: b", "1:1: an anchor (&) can't stand before a key", "put it after the ':'")
    refuses("? \n: x", "1:2: there is no key before this ':'")
    refuses("--- a\n--- b", "2:1: a second document begins here")
  end)

  it("refuses aliases without end or without number", function()
    refuses("a: &a [1, *a]", "1:11: the alias *a stands inside of what it names")
    refuses("a: *nobody", "1:4: the alias *nobody names no anchor (&nobody)")
    local laughs = { "a0: &a0 [x, x, x, x, x, x, x, x, x, x]" }
    for i = 1, 20 do laughs[#laughs + 1] = ("a%d: &a%d [%s]"):format(i, i, ("*a" .. i - 1 .. ","):rep(10)) end
    assert.matches("^6:%d+: more than the 200000 values allowed here$", (complaint(table.concat(laughs, "\n"))))
    refuses("[" .. ("&a x,"):rep(1001) .. "]", "1:5002: more than the 1000 anchors (&) allowed")
    refuses("[&a x" .. (",*a"):rep(10001) .. "]", "1:30007: more than the 10000 aliases (*) allowed")
  end)

  it("has ceilings for bytes, values and depth", function()
    assert.matches("^1:65: nested deeper than the 64 levels allowed$", (complaint(("["):rep(100000))))
    assert.matches("nested deeper than the 64 levels", (complaint(("{a: "):rep(1000))))
    assert.is_table(decode(("["):rep(64) .. ("]"):rep(64)))
    assert.matches("nested deeper than the 2 levels", (complaint("a:\n  - [1]", { max_depth = 2 })))
    assert.matches("nested deeper than the 3 levels", (complaint("a: &a [[1]]\nb: [*a]", { max_depth = 3 })))
    assert.matches("^1:1: 11 bytes are more than the 10 allowed here$", (complaint("a: 12345678", { max_bytes = 10 })))
    assert.matches("more than the 3 values allowed here", (complaint("[1, 2, 3]", { max_nodes = 3 })))
    assert.same({ 1, 2 }, decode("[1, 2]", { max_nodes = 3 }))
  end)
end)

describe("sluice.yaml complaints", function()
  local cases = {
    { "a:\n\tb: 1", "2:1: a tab can't indent", "indent with spaces" },
    { "cron: */5 * * * *", "1:7: a plain value can't begin with '*'", 'quote it: "* * * * *"' },
    { "cron: * * * * *", "1:7: a plain value can't begin with '*'", 'quote it: "* * * * *"' },
    { "a: { p: ${NAME} }", "1:9: inside { } and [ ] a plain value can't hold a '{'", 'quote it: "${NAME}"' },
    { "a: b: c", "1:5: a ':' that is not expected here",
      "quote a text that contains ': ', and check the indentation of this line and the one above" },
    { "a: 1\n  b: 2", "2:4: a ':' that is not expected here" },
    { "ü: ü: c", "1:5: a ':' that is not expected here" },
    { 'a: "x', "1:4: the quote that opens here is never closed" },
    { "a:\n  - 'x\n", "2:5: the quote that opens here is never closed" },
    { [[a: "C:\dir"]], '1:7: an unknown escape in a "…" text' },
    { [[a: "\ud83d\ude00"]], "1:7: this escape is no Unicode character" },
    { "a: @x", "1:4: a plain value can't begin with '@'", "quote it" },
    { "a: `x", "1:4: a plain value can't begin with '`'", "quote it" },
    { "a: %x", "1:4: a plain value can't begin with '%'", "quote it" },
    { "a:\n  b: 1\n c: 2", "3:2: a key is expected here" },
    { "a: 1\nb\nc: 2", "2:1: a key without ':'" },
    { "- a\nb: 1", "2:1: a list item that begins with '-' is expected here" },
    { "a: - b", "1:4: a '-' that is not expected here", "begin a list on its own line, below its key" },
    { "a: {b: 1", "1:4: the '{' that opens here is not closed" },
    { "a: [1, 2\nb: 1", "1:4: the '[' that opens here is not closed" },
    { "a: ]", "1:4: a value is expected here" },
    { "a: 1\n\0b: 2", "2:1: a control character (U+0000, NUL)" },
    { "a: \27[0m", "1:4: a control character (U+001B)" },
    { "a: 1\nb: é\xff", "2:5: a byte that is not UTF-8 (0xFF)", "save the file as UTF-8" },
    { "a: \xED\xA0\x80", "1:4: a byte that is not UTF-8" },
    { "a: \xC0\x80", "1:4: a byte that is not UTF-8" },
    { "a: x\u{2028}y", "1:5: an unusual line break (U+2028)" },
    { "a: x\u{85}y", "1:5: an unusual line break (U+0085)" },
    { "\xff\xfea\0", "1:1: this is UTF-16", "save the file as UTF-8" },
  }
  for _, case in ipairs(cases) do
    it(("says %s"):format(case[2]), function()
      local message, hint = complaint(case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
      if case[3] then assert.equal(case[3], hint) end
      assert.is_string(hint)
    end)
  end

  it("names the file", function()
    local _, e = yaml.decode("a: [1", { name = "dir/sluice.yaml" })
    assert.equal("dir/sluice.yaml:1:4: the '[' that opens here is not closed", tostring(e))
    _, e = yaml.decode("a: [1", { name = ("x"):rep(1000) })
    assert.matches("x:1:4: the '%[' that opens here is not closed$", tostring(e))
  end)

  it("raises when the caller is wrong", function()
    local function usage(fn, ...)
      local ok, e = pcall(fn, ...)
      assert.is_false(ok)
      assert.equal("usage", e.code)
      return e.message
    end
    assert.matches("the text must be a string, not a table", usage(yaml.decode, {}))
    assert.matches("unknown option 'nam' %(did you mean 'name'%?%)", usage(yaml.decode, "", { nam = "x" }))
    assert.matches("unclear must be 'refuse' or 'text'", usage(yaml.decode, "", { unclear = "guess" }))
    assert.matches("max_depth at most 64", usage(yaml.decode, "", { max_depth = 65 }))
    assert.matches("unknown option 'unclear'", usage(yaml.parse, "", { unclear = "text" }))
  end)
end)

describe("sluice.yaml.parse", function()
  it("gives each value and key its place", function()
    local root = assert(yaml.parse "# head\nname: 'x'\nlist:\n  - 012\n  - { ü: 1, b: no }\n")
    assert.equal("map", root.kind)
    assert.same({ 2, 1 }, { root.line, root.column })
    local name, list = root.entries[1], root.entries[2]
    assert.same({ key = "name", line = 2, column = 1,
      value = { kind = "text", text = "x", value = "x", plain = false, line = 2, column = 7 } }, name)
    assert.same({ "list", 3, 1 }, { list.key, list.line, list.column })
    local zero, inner = list.value.items[1], list.value.items[2]
    assert.same({ "unclear", "012", 4, 5 }, { zero.kind, zero.text, zero.line, zero.column })
    assert.is_string(zero.reason)
    assert.is_nil(zero.value)
    assert.same({ "ü", 5, 7, 5, 10 }, { inner.entries[1].key, inner.entries[1].line, inner.entries[1].column,
      inner.entries[1].value.line, inner.entries[1].value.column })
    assert.same({ "b", 5, 13, "unclear" }, { inner.entries[2].key, inner.entries[2].line, inner.entries[2].column,
      inner.entries[2].value.kind })
  end)

  it("puts an alias where it stands", function()
    local root = assert(yaml.parse "a: &x [1]\nb: *x\n")
    local b = root.entries[2].value
    assert.same({ "list", 2, 4 }, { b.kind, b.line, b.column })
    assert.same({ 1, 8 }, { b.items[1].line, b.items[1].column })
  end)

  it("gives nil and the error", function()
    local root, e = yaml.parse("a: [1", { name = "x.yaml" })
    assert.is_nil(root)
    assert.same({ "invalid", 1, 4 }, { e.code, e.line, e.column })
  end)

  it("leaves out a key of the root, which is read and checked all the same", function()
    local text = "a: { b: [1] }\nb: &x { c: 1 }\nc: [*x]\n"
    local root = assert(yaml.parse(text, { without = "b" }))
    assert.same({ "a", "c" }, { root.entries[1].key, root.entries[2].key })
    assert.is_nil(root.entries[3])
    assert.equal("b", root.entries[1].value.entries[1].key)
    assert.equal("c", root.entries[2].value.items[1].entries[1].key)
    assert.same(yaml.parse(text), yaml.parse(text, { without = "d" }))
    assert.same({}, yaml.parse("b: 1", { without = "b" }).entries)
    assert.equal("list", yaml.parse("[b]", { without = "b" }).kind)
    for _, bad in ipairs { "b:\n  c: 1\n  c: 2\n", "b:\n  c: !x 1\n", "b: { c: 1\n" } do
      local _, e = yaml.parse(bad, { without = "b" })
      assert.same(select(2, yaml.parse(bad)).message, e.message)
    end
  end)
end)

describe("sluice.yaml.load", function()
  local function write(text)
    local path = tmp.dir() .. "/x.yaml"
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  it("reads a file", function()
    assert.same({ a = ("x"):rep(5000) }, assert(yaml.load(write("a: " .. ("x"):rep(5000)))))
  end)

  it("names the file in complaints", function()
    local path = write "a: 1\na: 2\n"
    local value, e = yaml.load(path)
    assert.is_nil(value)
    assert.equal(path .. ':2:1: the key "a" is here already at 1:1', e.message)
  end)

  it("says what is missing, unreadable or too large", function()
    local folder = tmp.dir()
    local _, e = yaml.load(folder .. "/none.yaml")
    assert.equal("not_found", e.code)
    assert.matches("none.yaml: No such file", e.message)
    _, e = yaml.load(folder)
    assert.equal("state", e.code)
    _, e = yaml.load(write(("x"):rep(100)), { max_bytes = 50 })
    assert.matches("more than the 50 allowed", e.message)
  end)
end)

describe("sluice.yaml with damaged texts", function()
  -- A small generator of its own: the same texts on every machine.
  local seed = 20261123
  local function random(n)
    seed = (seed * 6364136223846793005 + 1442695040888963407)
    return ((seed >> 33) % n) + 1
  end

  local good = [[
version: 1
connections:
  shop: { api: stock2shop, username: "${USER}", password: 'it''s', client_id: 21 }
  feed: &feed { api: productsup_stream, token: { file: /run/token } }
  twin: *feed
schedules:
  delta:
    args: { from: shop, to: feed, stream: "124773", list: [1, 2.5, ~, true, 0x1f] }
    cron: |
      TZ=Europe/Berlin
      H 2,6 * * *
    text: >-
      folded "text"
      ünï
]]
  local bits = { "\t", "\n", ":", ": ", "- ", "{", "}", "[", "]", "&a ", "*a", "!", "|", ">", "'", '"', "\\", "#", "%", "? ", "<<: ",
    "\0", "\xff", "\xE2\x80\xA8", "\u{FEFF}", "--- ", "... ", "\r", "${", ",", "012", "no" }

  local function mutate(text)
    for _ = 1, random(4) do
      local at, kind = random(#text + 1), random(3)
      if kind == 1 then
        text = text:sub(1, at - 1) .. bits[random(#bits)] .. text:sub(at)
      elseif kind == 2 then
        text = text:sub(1, at - 1) .. text:sub(at + random(20))
      else
        text = text:sub(1, at - 1) .. string.char(random(256) - 1) .. text:sub(at + 1)
      end
    end
    return text
  end

  it("gives a value, or an error with a place inside the text", function()
    assert.is_table(decode(good))
    local refused = 0
    for _ = 1, 3000 do
      local text = mutate(good)
      local value, e = yaml.decode(text)
      local node = yaml.parse(text)
      if value == nil then
        refused = refused + 1
        local _, lines = text:gsub("[\r\n]", "")
        assert.equal("invalid", e.code, text)
        assert.is_true(e.line >= 1 and e.line <= lines + 2 and e.column >= 1, text)
      else
        assert.is_table(node, text)
      end
    end
    assert.is_true(refused > 300 and refused < 2999, refused)
  end)
end)
