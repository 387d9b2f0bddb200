-- Errors as one block, and what a call took.
local block = require "sluice.repl.block"
local err = require "sluice.err"
local iterators = require "sluice.iterators"
local log = require "sluice.log"

describe("the block of an error", function()
  local session = { columns = 80, rows = 40 }
  local function shown(problem, trace, text) return block.problem(session, problem, trace, text or "f()") end

  it("says of one of ours what failed, the request, the answer, what to do, and where", function()
    local problem = err.new { code = "forbidden", api = "shop", operation = "sources", status = 403, message = "403 Forbidden", body = '{\n"a":1}',
      hint = "ask\nfor it", where = "own.lua:3" }
    local with = { guard = { failed = { problem = problem, method = "GET", url = "http://h/v1" } } }
    assert.equal(table.concat({ "error: " .. tostring(problem), "  request: GET http://h/v1", '  answer: {\n    "a":1}', "  hint: ask\n    for it",
      "  at: own.lua:3", "" }, "\n"), block.problem(with, problem, nil, "f()"))
    with.guard.failed.problem = err.new { code = "forbidden", message = "another" }
    assert.is_nil(block.problem(with, problem, nil, "f()"):find("request:", 1, true))
    assert.equal("error: short\n", shown(err.new { code = "usage", message = "short" }))
  end)

  it("says of a wrong call how to see what the operation takes", function()
    local with = { connections = { shop = {} } }
    local function of(fields) return block.problem(with, err.new(fields), nil, "f()") end
    assert.equal("error: shop.sources: unknown argument 'x'\n  hint: ?shop.sources explains it\n",
      of { code = "usage", api = "shop", operation = "sources", message = "unknown argument 'x'" })
    assert.matches("\n  hint: own\n$", of { code = "usage", api = "shop", operation = "sources", message = "no", hint = "own" })
    for _, other in ipairs { { code = "usage", operation = "sources", message = "no" }, { code = "network", api = "shop", operation = "sources",
      message = "no" }, { code = "usage", api = "other", operation = "sources", message = "no" } } do
      assert.is_nil(of(other):find("hint", 1, true))
    end
  end)

  it("says of what a person gave up no more than that", function()
    assert.equal("not sent\n", shown(err.new { code = "cancelled", message = "not sent" }))
  end)

  it("says of one of Lua's what it says, with the line where there are several", function()
    assert.equal("error: no\n", shown('[string "f()"]:1: no'))
    assert.equal("error: line 2: no\n", shown('[string "f()..."]:2: no', nil, "f()\ng()"))
    assert.equal("error: line 1 of 'function g() end': no\n", shown('[string "function g() end"]:1: no'))
  end)

  it("shows where in the user's files, and that our own code is no place for a mistake of theirs", function()
    local trace = "stack traceback:\n\t[C]: in ?\n\town/lib.lua:7: in function 'own.f'\n\tstdlib/x.lua:1: in y\n\tbindings/x.lua:1: in y\n"
      .. '\t[string "f()"]:1: in main chunk'
    assert.equal("error: own/lib.lua:7: no\n  at: own/lib.lua:7, in function 'own.f'\n", shown("own/lib.lua:7: no", trace))
    assert.equal("error: no\n  in: stdlib/text.lua:9, sluice's own code; with the right arguments that is a bug\n", shown "stdlib/text.lua:9: no")
  end)

  describe("where an iterator was taken for a list", function()
    local with = { env = { rows = iterators.mark(function() end), f = function() end, t = {} } }
    with.env._ = with.env.rows

    -- What is shown of a chunk that fails.
    local function typed(text)
      local ok, problem = pcall(assert(load(text, text, "t", setmetatable(with.env, { __index = _G }))))
      assert.is_false(ok)
      return block.problem(with, problem, nil, text)
    end
    local said = "error: '_' is an iterator: it gives its entries one by one, and has neither a length nor fields\n"
      .. "  hint: more() shows the next ones, save(_, \"all.ndjson\") keeps them, `for entry in _ do … end` goes through them\n"

    it("says so, and what to do with one", function()
      for _, text in ipairs { "return #_", "return _.x", "return _[1]", "_.x = 1", "return _:first()", "for _, x in ipairs(_) do end",
        "for k in pairs ( _ ) do end" } do
        assert.equal(said, typed(text), text)
      end
      local of_rows = said:gsub("'_'", "'rows'"):gsub("more%(%)", "more(rows)"):gsub("%(_,", "(rows,"):gsub("in _ do", "in rows do")
      assert.equal(of_rows, typed "return #rows")
    end)

    it("says of other functions and values what Lua says", function()
      assert.equal("error: attempt to get length of a function value (global 'f')\n", typed "return #f")
      assert.equal("error: attempt to index a nil value (field 'x')\n", typed "return t.x.y")
      assert.matches("attempt to index a function value", typed "for _, x in ipairs(f) do end")
      assert.matches("attempt to index a function value %(local 'g'%)", typed "local g = f return g.x")
    end)
  end)

  it("shows whatever was raised", function()
    assert.equal("error: nil\n", shown "nil")
    assert.equal("error: false\n", shown(false))
    assert.equal("error: 5\n", shown(5))
    assert.equal("error: { code = \"x\" }\n", shown { code = "x" })
    assert.matches("^error: .*function", shown(print))
    assert.matches("^error: ", shown(setmetatable({}, { __tostring = function() error "no" end })))
  end)

  it("has no secret in it", function()
    log.secret "bl0ck+secret"
    local problem = err.new { code = "auth", message = "no bl0ck+secret", body = "b bl0ck+secret", hint = "h bl0ck+secret" }
    local with = { guard = { failed = { problem = problem, method = "GET", url = "http://h/bl0ck+secret" } } }
    assert.is_nil(block.problem(with, problem, nil, "x"):find("bl0ck", 1, true))
    assert.is_nil(shown("own bl0ck+secret"):find("bl0ck", 1, true))
    assert.is_nil(shown({ x = "bl0ck+secret" }):find("bl0ck", 1, true))
  end)
end)

describe("what a call took", function()
  it("is one line, without what there was none of", function()
    assert.is_nil(block.spent { took = 5, waited = 0, requests = 0 })
    assert.equal("0.05 s, 1 request", block.spent { took = 0.051, waited = 0, requests = 1 })
    assert.equal("1.20 s, waited 0.75 s for the budget, 1,200 requests", block.spent { took = 1.2, waited = 0.75, requests = 1200 })
    assert.equal("0.50 s, 3 requests, 2 of them again", block.spent { took = 0.5, waited = 0.001, requests = 3, retries = 2 })
  end)

  it("is measured from its beginning on, without the time of questions", function()
    local time = require "sluice.time"
    local measured = block.measure()
    local began = time.mono()
    local spent = measured { asked = 100, requests = 2 }
    assert.is_true(spent.took <= time.mono() - began - 99)
    assert.same({ 2, 0 }, { spent.requests, spent.retries })
  end)
end)
