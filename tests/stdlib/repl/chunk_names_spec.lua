local chunk_names = require "sluice.repl.chunk_names"

local function names(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, " ")
end

describe("the names of a chunk", function()
  local function of(text) return chunk_names.of(text) end

  it("are variables, not fields, methods, keys, labels or words of Lua", function()
    assert.equal("a b f g x", names(of("a.c = b:d { e = f, [g] = 1 } goto l ::l:: if x then end").used))
    assert.equal("a e", names(of("a { b = 1, c = 2; d = e }").used))
    assert.equal("", names(of("--[[ a ]] 'b' -- c\n[[d]]").used))
  end)

  it("are set by assignments and functions, of which locals are none", function()
    assert.equal("a b f t", names(of("a, b = 1, 2 function f(n) t = n end").set))
    assert.equal("", names(of("local a, b = 1, 2; local function f() end for c, d in pairs {} do c = d end").set))
    assert.equal("", names(of("x.y = 1 x[1] = 2 x.f = function() end").set))
    assert.equal("", names(of("a == b").set))
    assert.equal("y", names(of("f(function() y = 1 end)").set))
  end)

  it("are declared by local, for and parameters", function()
    assert.equal("a b c d e f g", names(of("local a <const>, b = 1 local function c(d, e) end for f, g in h do end").declared))
    assert.is_nil(of("for _, x in ipairs(t) do end").used._)
    assert.same({ 8 }, of("for _, x in ipairs(_) do end").used._) -- the one between the brackets
  end)

  it("know a scope of one's own and a return that would end the whole", function()
    assert.is_true(of("local a = 1").own_scope)
    assert.is_true(of("goto x ::x::").own_scope)
    assert.is_false(of("if a then local b = 1 end f(function() local c end)").own_scope)
    assert.is_true(of("a = 1 return a").returns)
    assert.is_false(of("f = function() return 1 end").returns)
    assert.is_false(of("repeat local x until x a = { function() return 2 end }").returns)
  end)
end)
