-- The parser that is built in knows all of Lua 5.4; what it does not know is a note.
local parse = require "sluice.check.parse"
local recipe = require "sluice.check.recipe"

describe("sluice.check.parse", function()
  it("takes all forms of Lua 5.4", function()
    for _, text in ipairs {
      "local a <const>, b <close> = 1, nil return a // 2 >> 1 << 2 & 3 | 4 ~ ~5, b",
      "for i = 1, 3 do if i == 2 then goto continue end print(i) ::continue:: end",
      [===[return "\u{7FFFFFFF}\x41\z
        \065\
", 0x.8p-3, 0xffffffffffffffffff, 1e+10, 3., .5, [==[ ]] ]==] ]===],
      "#!/usr/bin/env sluice\nreturn 1", "\xEF\xBB\xBFreturn 1", "--[==[ x ]==] return ... ;", "return '\xff', -- \xfe", "",
      "local t = { 1, 2; x = 3, [4] = 5, f(), } t.f = function(...) return select('#', ...) end function t.a.b:c() end return t:c 'x' {} ''",
      "while true do break end repeat local x = 1 until x do local function f() end end return -2 ^ -3 .. 'x' == not nil and #t",
    } do
      local source = parse.source(text)
      local is_lua = load(source)
      local tree, reason = parse.tree(source)
      assert.equal(is_lua ~= nil, tree ~= nil, text .. tostring(reason))
    end
  end)

  it("gives columns in characters", function()
    local tree = parse.tree 'local a = "éé" .. x'
    assert.equal(19, parse.column(tree, tree.block[1][2][1][3]))
    tree = parse.tree '\n  local a = "\xff" .. x' -- no UTF-8: bytes
    assert.equal(20, parse.column(tree, tree.block[1][2][1][3]))
  end)

  it("says what it does not know, and nothing is found there", function()
    assert.same({ nil, "line 2: expected expression near ')'" }, { parse.tree "x = 1\ny = )" })
    local findings, notes = recipe.findings("x = 1\ny = )", "r.lua", {})
    assert.same({ {}, { "r.lua: line 2: expected expression near ')'; only its syntax is checked" } }, { findings, notes })
  end)
end)
