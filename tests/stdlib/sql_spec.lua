-- Values as SQL literals.
local sql = require "sluice.sql"

local function refused(message, fn, value)
  local ok, problem = pcall(fn, value)
  assert.is_false(ok)
  assert.equal("usage", problem.code)
  assert.matches(message, problem.message, 1, true)
end

describe("sluice.sql", function()
  it("quotes text and integers, apostrophes doubled", function()
    assert.equal("'abc'", sql.quote "abc")
    assert.equal("''", sql.quote "")
    assert.equal("'O''Neill''s'", sql.quote "O'Neill's")
    assert.equal("'x'' OR ''1''=''1'", sql.quote "x' OR '1'='1")
    assert.equal("'475'", sql.quote(475))
    assert.equal("'ü%'", sql.quote "ü%")
  end)

  it("makes lists for IN", function()
    assert.equal("('1','it''s','3')", sql.list { "1", "it's", 3 })
  end)

  it("refuses what no text says for every database", function()
    refused("a backslash in 'a\\' can't be quoted", sql.quote, "a\\")
    refused("a NUL", sql.quote, "a\0b")
    refused("not a float", sql.quote, 1.5)
    refused("not a table", sql.quote, {})
    refused("one value at least", sql.list, {})
    refused("one value at least", sql.list, "x")
    refused("not a boolean", sql.list, { true })
  end)
end)
