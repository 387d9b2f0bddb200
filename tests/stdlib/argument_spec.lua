-- Arguments of recipes: types, choices, defaults, and what is said of a wrong value.
local argument = require "sluice.argument"
local err = require "sluice.err"
local json = require "sluice.json"

local function fails(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal("usage", problem.code)
  return problem.message
end

local function read(more, value)
  more[1] = "text"
  return argument.read(argument.declare("x", more), "x", value)
end

describe("an argument", function()
  it("has the value of its type, from text or as it is meant", function()
    for _, case in ipairs {
      { "boolean", "true", true }, { "boolean", false, false }, { "integer", "12", 12 }, { "integer", 12.0, 12 }, { "number", "1.5", 1.5 },
      { "text", 124773, "124773" }, { "text", "", "" }, { "duration", "1h30m", 5400 }, { "duration", 90, 90 }, { "duration", "0.2", 0.2 },
      { "time", "2021-08-27 08:23:04", 1630052584 }, { "time", "2021-08-27T10:23:04.75+02:00", 1630052584 }, { "time", 1630052584, 1630052584 },
      { "path", "-", "-" }, { "connection", "shop", "shop" },
    } do
      local value = read({ type = case[1] }, case[2])
      assert.equal(case[3], value, case[1])
      assert.equal(math.type(case[3]), math.type(value), case[1])
    end
    assert.same({ "a", "b" }, read({ type = "list" }, "a, b,"))
    assert.same({ "a", "b" }, read({ type = "list" }, json.array { "a", "b" }))
    assert.equal(json.null, read({}, json.null)) -- without a type it is what it is
  end)

  it("is one of its choices, as they are written in the recipe", function()
    assert.equal("delta", read({ one_of = { "full", "delta" } }, "delta"))
    assert.equal(2, read({ one_of = { 1, 2 } }, "2"))
    assert.equal("x is full or delta, not 'dalta' (did you mean 'delta'?)", fails(read, { one_of = { "full", "delta" } }, "dalta"))
    assert.equal("x is 1, 2 or 3, not 4", fails(read, { one_of = { 1, 2, 3 } }, 4))
  end)

  it("is refused with its name, what is expected, and what was given", function()
    for _, case in ipairs {
      { { type = "boolean" }, "yes", "x is true or false, not 'yes'" }, { { type = "boolean" }, json.null, "x is true or false, not null" },
      { { type = "integer", min = 1 }, "many", "x is a whole number from 1, not 'many'" }, { { type = "integer", min = 1 }, 0, "from 1, not 0" },
      { { type = "integer", min = 1, max = 9 }, "10", "x is a whole number from 1 to 9, not '10'" }, { { type = "integer" }, 1.5, "not 1.5" },
      { { type = "number", max = 1 }, "2", "x is a number up to 1, not '2'" }, { { type = "number" }, "nan", "not 'nan'" },
      { { type = "duration" }, "soon", "x is a duration (like 30s, 15m or 1h30m; a number alone is seconds), not 'soon'" },
      { { type = "duration" }, -1, "not -1" }, { { type = "duration", min = 1 }, "0", "x is a duration from 1" },
      { { type = "time" }, "yesterday", "x is a time (like 2021-08-27 08:23:04 (UTC) or 2021-08-27T10:23:04+02:00), not 'yesterday'" },
      { { type = "time" }, 1e300, "not 1e+300" }, { { type = "text" }, json.array { 1 }, "x is a text, not [1]" },
      { { type = "path" }, "", "x is a path, not ''" },
      { { type = "connection" }, "file:x", "x is the name of a connection, not 'file:x'" },
      { { type = "list" }, " , ", "x is a list with commas, not ' , '" },
      { { type = "connection", file = true }, "file:", "x is the name of a connection, or file:PATH, not 'file:'" },
    } do
      local message = fails(read, case[1], case[2])
      assert.is_truthy(message:find(case[3], 1, true), message)
    end
  end)

  it("is declared right, its default too", function()
    for _, case in ipairs {
      { { "text", typ = "text" }, "args.x: unknown field 'typ' (did you mean 'type'?)" }, { { "text", type = "bool" }, "there is no type 'bool'" },
      { { "text", type = "integr" }, "did you mean 'integer'?" }, { { "text", one_of = {} }, "one_of is a list" },
      { { type = "text" }, "must be a text" },
      { 5, "'args.x' must be a text" }, { { "text", type = "integer", default = "x" }, "the default of args.x is a whole number, not 'x'" },
    } do
      local message = fails(argument.declare, "x", case[1])
      assert.is_truthy(message:find(case[2], 1, true), message)
    end
    assert.equal(600, argument.declare("x", { "t", type = "duration", default = "10m" }).default)
  end)

  it("says in the help what it takes", function()
    for note, more in pairs {
      ["true or false; default: true"] = { type = "boolean", default = true },
      ["a whole number from 1; default: 5"] = { type = "integer", min = 1, default = 5 },
      ["a duration; default: 10m"] = { type = "duration", default = "10m" }, ["a or b; optional"] = { one_of = { "a", "b" }, optional = true },
      ["optional"] = { type = "text", optional = true }, [""] = { type = "connection" },
      ["the name of a connection, or file:PATH"] = { type = "connection", file = true },
    } do
      more[1] = "text"
      assert.equal(note, argument.note(argument.declare("x", more)))
    end
  end)
end)
