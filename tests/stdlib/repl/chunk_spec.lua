-- What was typed as Lua: when it is whole, what becomes of its locals, and where an error is said to be.
local chunk = require "sluice.repl.chunk"
local err = require "sluice.err"

describe("a chunk", function()
  describe("is whole", function()
    local function state(text) return chunk.state(text) end

    it("where Lua can do it, as a statement or an expression", function()
      for _, text in ipairs { "1 + 1", "= 1 + 1", "x = 1", "f()", "return 1", "for i = 1, 3 do end", "a, b", "'x'", "function() end", "...",
        "local x <close> = nil", "goto x ::x::", "[[a\nb]]", "-5", "#t", "not x", "{ 1 }", "x ; y = 1" } do
        local wanted = text == "x ; y = 1" and "wrong" or "complete"
        assert.equal(wanted, state(text), text)
      end
    end)

    it("and open where more may come", function()
      for _, text in ipairs { "for i = 1, 3 do", "if x then", "function f(", "1 +", "f(", "{", "{ a =", "x =", "local x =", "local function f()",
        "repeat", "return {", "while true do\n  f()", "[[a", "[==[ ]]", "--[[ a", "'a\\", "'a\\z", "x = [[a\nb", "goto",
        "a.", "a:", "not", "not (" } do
        assert.equal("open", state(text), text)
      end
    end)

    it("and wrong where no more makes it right", function()
      for _, text in ipairs { "for for", "1 + + )", "x = 'a", "end", "local x <foo> = 1", "break", "goto nowhere", "foo bar", "0x", "a.1",
        "local x <const> = 1; x = 2", "\27Lua", "#!/bin/sh" } do
        assert.equal("wrong", state(text), text)
      end
    end)

    it("and empty where nothing is to be done", function()
      for _, text in ipairs { "", "  ", "\n", ";", " ; " } do assert.is_true(state(text) == "empty" or state(text) == "complete", text) end
      assert.equal("empty", state "")
      assert.equal("empty", state " \t\n")
      assert.equal("empty", state "--[[ nothing ]]\n")
    end)
  end)

  -- What a chunk sets, in a fresh environment.
  local function done(text, env)
    env = env or {}
    env.setmetatable, env.unpack, env.ipairs = setmetatable, table.unpack, ipairs
    local fn, as_done, names = chunk.load(text, env)
    local results = table.pack(fn())
    return env, results, as_done, names
  end

  describe("keeps its own locals", function()
    local function globals(text)
      local changed, names = chunk.globals(text)
      assert.is_truthy(load(changed), changed)
      assert.equal(select(2, text:gsub("\n", "")), select(2, changed:gsub("\n", "")))
      return changed, table.concat(names, " ")
    end

    it("one, several, with and without a value", function()
      assert.same({ "x = 1", "x" }, { globals "local x = 1" })
      assert.same({ "x = nil", "x" }, { globals "local x" })
      assert.same({ "a, b, c = 1, 2", "a b c" }, { globals "local a, b, c = 1, 2" })
      assert.same({ "a, b = nil", "a b" }, { globals "local a, b" })
      assert.same({ "a = 1  b = 2;  c = nil", "a b c" }, { globals "local a = 1 local b = 2; local c" })
      assert.same({ "function f(a) local b = a return b end", "f" }, { globals "local function f(a) local b = a return b end" })
      local env = done "local a, b, c = 1, 2"
      assert.same({ 1, 2, nil }, { env.a, env.b, env.c })
      assert.equal(2, done("local n = 0 local function add() n = n + 1 return n end add() add()").n)
      assert.is_nil(done("local x", { x = 5 }).x)
    end)

    it("with <const>, but not with <close>", function()
      assert.same({ "a , b  = 1, 2", "a b" }, { globals "local a <const>, b <const> = 1, 2" })
      assert.same({ "a  = nil", "a" }, { globals "local a <const>" })
      assert.same({ "a = 1; local b <close>, c = nil, 2;  d = 3", "a d" }, { globals "local a = 1; local b <close>, c = nil, 2; local d = 3" })
      local closed = 0
      local env = done("local one <close> = setmetatable({}, { __close = up }) local two = 2", { up = function() closed = closed + 1 end })
      assert.same({ 1, nil, 2 }, { closed, env.one, env.two })
    end)

    it("and not those of blocks, loops, functions and tables", function()
      for _, text in ipairs { "do local x = 1 end", "if y then local x = 1 else local z end", "while false do local x end",
        "for i = 1, 2 do local x = i end", "for i in ipairs {} do local x = i end", "repeat local x = 1 until x",
        "function f() local x end", "t = { function() local x end }", "f(function() local x = 1 end)", "do do local x end end",
        "t = { a = function() if b then local x end end, [1] = (function() local y end) }" } do
        assert.same({ text, "" }, { globals(text) })
      end
      assert.same({ "do local x end  y = 1", "y" }, { globals "do local x end local y = 1" })
      assert.same({ "repeat local x = 1 until x  y = 2", "y" }, { globals "repeat local x = 1 until x local y = 2" })
    end)

    it("whatever stands in texts and comments", function()
      for _, inner in ipairs { [["local z = 1"]], [['local z']], "[[local z\nlocal y]]", "[==[ ]] local z ]==]", [["\"local z"]], [["a\z
          local z"]], "\"a\\\nlocal z\"", [["--"]], [["do"]], "'function'", "\"a\\\r\nend\"" } do
        local _, names = globals("local x = " .. inner .. "; local y = 1")
        assert.equal("x y", names, inner)
      end
      for _, comment in ipairs { "-- do local z\n", "--[[ do local z ]]", "--[==[ function ]] ]==]", "--[ do\n", "---[[ function\n" } do
        local _, names = globals("local x = 1 " .. comment .. " local y = 1")
        assert.equal("x y", names, comment)
      end
      assert.same({ "x --[[ a ]] = --[[ b ]] 1", "x" }, { globals "local x --[[ a ]] = --[[ b ]] 1" })
      assert.same({ "x = nil -- the last", "x" }, { globals "local x -- the last" })
    end)

    it("also where a call, brackets or a label stands behind them", function()
      local env = done("local x\n(f)(1)", { f = function(n) called = n end, x = 1 }) -- luacheck: ignore
      assert.is_nil(env.x)
      env = done "local x = 1 ::again:: x = x + 1 if x < 5 then goto again end"
      assert.equal(5, env.x)
      env = done("local x = f local y = 2", { f = 7 })
      assert.same({ 7, 2 }, { env.x, env.y })
    end)

    it("and gives functions the variable, as a recipe's local would be", function()
      local env = done "local n = 1 local function get() return n end"
      env.n = 2
      assert.equal(2, env.get())
      done("local n = 3", env)
      assert.equal(3, env.get())
    end)

    it("and takes what it declares for declared, whatever its value", function()
      assert.same({ "a", "b" }, (select(4, done "local a, b = nil")))
    end)
  end)

  it("gives its values, also nil and false, and none", function()
    local function values(text) return (select(2, done(text))) end
    assert.same({ n = 1, 2 }, values "1 + 1")
    assert.same({ n = 1, 2 }, values "  = 1 + 1")
    assert.same({ n = 3, 1, nil, false }, values "1, nil, false")
    assert.same({ n = 1, nil }, values "nil")
    assert.same({ n = 0 }, values "x = 1")
    assert.same({ n = 2, 1, 2 }, values "local a, b = 1, 2 return a, b")
    assert.same({ n = 0 }, values "...")
    assert.equal(5000, values("unpack(" .. "{ " .. ("1, "):rep(5000) .. "})").n)
  end)

  it("names what is wrong, and the line where there are several", function()
    local function wrong(text)
      local ok, problem = pcall(chunk.load, text, {})
      assert.is_false(ok)
      assert.is_true(err.is(problem))
      assert.equal("usage", problem.code)
      return problem.message
    end
    assert.equal("'end' expected (to close 'do' at line 1) near <eof>", wrong "do")
    assert.equal("line 2: unexpected symbol near ')'", wrong "x = 1\ny = )")
    assert.equal("unexpected symbol near <eof>", wrong "1 +")
    assert.equal("unfinished string near ''abc'", wrong "x = 'abc")
    assert.equal("attempt to assign to const variable 'x'", wrong "local x <const> = 1; x = 2")
    assert.matches("C stack overflow", wrong(("("):rep(1000)))
    assert.matches("^too many local variables", wrong(("local a "):rep(201)))
  end)

  it("says of an error where it was: nothing of one line, the line of several, how another began", function()
    local env = {}
    local function raised(text)
      local fn = chunk.load(text, env)
      return chunk.said(select(2, pcall(fn)), text)
    end
    assert.equal("attempt to index a nil value (global 'x')", raised "x.y = 1")
    assert.equal("attempt to index a nil value (global 'x')", raised "= x.y")
    assert.equal("line 2: attempt to index a nil value (global 'x')", raised "do\n  x.y = 1\nend")
    chunk.load("function f()\n  local a\n  return a.b\nend", env)()
    assert.equal("line 3 of 'function f()...': attempt to index a nil value (local 'a')", raised "f()")
    assert.equal("line 3 of 'function f()...': attempt to index a nil value (local 'a')", raised "a = 1\nf()")
    assert.equal("something else", chunk.said("something else", "f()"))
  end)

  it("keeps lines where they are when locals go", function()
    local fn = chunk.load("local a <const> = 1\nlocal b\nlocal function f()\n  return b.c\nend\nf()", {})
    local ok, problem = pcall(fn)
    assert.is_false(ok)
    assert.equal("line 4: attempt to index a nil value (global 'b')", chunk.said(problem, "local a <const> = 1\n"))
  end)

  it("is given colons for a recipe, where a call does not give the connection itself", function()
    local shop = setmetatable({ methods = { sources = true, search = true } }, { __index = function() error "asked" end })
    local function colons(text) return chunk.with_colons(text, { shop = shop }) end
    assert.equal("shop:sources {}", colons "shop.sources {}")
    assert.equal("shop:sources()", colons "shop.sources()")
    assert.equal("x = #shop:search 'a' + #shop:sources{}", colons "x = #shop.search 'a' + #shop.sources{}")
    for _, text in ipairs { "shop.sources(shop)", "shop:sources {}", "f = shop.sources", "t.shop.sources {}", "shop.other {}", "'shop.sources {}'",
      "-- shop.sources {}", "pcall(shop.sources, shop)" } do
      assert.equal(text, colons(text))
    end
  end)
end)
