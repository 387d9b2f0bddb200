-- The session of the prompt: its names, what a chunk gives, what is stopped and what stays.
local core = require "sluice.core"
local err = require "sluice.err"
local lfs = require "lfs"
local process = require "sluice.process"
local project = require "support.project"
local tmp = require "support.tmp"
local typing = require "support.typing"
local wire = require "sluice.wire"

describe("a session of the prompt", function()
  local p, s
  setup(function() p = project.full() end)
  teardown(function() p:stop() end)
  after_each(function()
    if s then s:leave() end
    s = nil
  end)

  local function begin(o)
    s = typing.new(p, o)
    return s
  end

  -- The last chunk's values; raises what it raised.
  local function typed(...)
    local results
    for _, text in ipairs { ... } do results = table.pack(s:eval(text)) end
    if not results[1] then error(results[3], 0) end
    return table.unpack(results, 3, 2 + results[2])
  end

  local function raised(...)
    local ok, problem = pcall(typed, ...)
    assert.is_false(ok)
    return problem
  end

  describe("values", function()
    before_each(begin)

    it("are those of an expression, as many as there are", function()
      assert.same({ true, 1, 2 }, { s:eval "1 + 1" })
      assert.same({ true, 3, 1, nil, false }, { s:eval "1, nil, false" })
      assert.same({ true, 0 }, { s:eval "x = 1" })
      assert.same({ true, 1, nil }, { s:eval "nil" })
      assert.same({ 1000, 1000 }, { select("#", typed("table.unpack({}, 1, 1000)")), select(2, s:eval("table.unpack({}, 1, 1000)")) })
    end)

    it("are _ afterwards: the first, also where it is false; what gives none or nil leaves it", function()
      assert.is_nil(typed "_")
      assert.equal(7, typed("7, 8", "_"))
      assert.equal(false, typed("false", "_"))
      assert.equal(false, typed("nil", "_"))
      assert.equal(false, typed("y = 1", "print('x')", "_"))
      assert.equal(3, typed("return 3", "_"))
      pcall(typed, "error 'no'")
      assert.equal(3, typed "_")
      assert.equal(4, typed("_ = 4", "_"))
      assert.equal(5, typed("_ + 1"))
    end)

    it("stay from chunk to chunk, locals too", function()
      assert.equal(3, typed("local a = 1", "b = 2", "a + b"))
      assert.equal(6, typed("local function f(n) return n <= 1 and 1 or n * f(n - 1) end", "f(3)"))
      assert.equal(9, typed("a = 9", "a"))
      assert.is_nil(typed("local declared", "declared"))
      assert.is_nil(typed("c = nil", "c"))
    end)
  end)

  describe("names", function()
    before_each(begin)

    it("that nobody has set are an error that tells the nearest", function()
      local problem = raised "shpo.sources {}"
      assert.same({ "usage", "there is no global 'shpo'; did you mean 'shop'?" }, { problem.code, problem.message })
      assert.equal("there is no global 'zzzzzzzz'", raised("zzzzzzzz").message)
      assert.equal("there is no global 'total'; did you mean 'totals'?", raised("totals = 1", "total").message)
      assert.equal("there is no global 'prnt'; did you mean 'print'?", raised("prnt(1)").message)
      assert.matches("there is no global 'x'", raised("do local x = 1 end", "x").message)
      assert.matches("there is no global 'i'", raised("for i = 1, 2 do end", "i").message)
      assert.matches("there is no global 'inner'", raised("t <close> = nil", "local inner <close> = nil", "inner").message or "x")
    end)

    it("of connections are globals, made when they are first named, and nobody logs in for it", function()
      local before = #p.sandbox:requests()
      typed "x = 1"
      assert.is_nil(next(s.connections))
      assert.equal("feed", typed("feed.name"))
      assert.is_truthy(s.connections.feed)
      assert.is_nil(s.connections.shop)
      assert.equal(s.connections.feed, typed "feed")
      assert.equal(before, #p.sandbox:requests())
      assert.equal(typed "shop.sources {}"[1].id, typed "shop:sources()"[1].id)
    end)

    it("of connections are nobody's but the session's", function()
      typed "shop.name"
      assert.is_nil(rawget(_G, "shop"))
      assert.equal(5, typed("shop = 5", "shop"))
    end)

    it("of Lua and of sluice are there, the tools as well", function()
      assert.equal(require "sluice", typed "sluice")
      assert.equal("function", typed "type(sluice.csv.rows)")
      assert.equal("A", typed "('a'):upper()")
      assert.equal("{}", typed "json.encode(json.decode '{}')")
      assert.equal(true, typed "_G == _G._G and rawget(_G, 'x') == nil")
    end)

    it("are seen by code that is loaded at the prompt, and by none that has an environment of its own", function()
      local path = tmp.write(tmp.dir() .. "/more.lua", "made = mine + 1\nreturn mine\n")
      typed("mine = 5", "path = '" .. path .. "'")
      assert.equal(5, typed "load('return mine')()")
      assert.equal(5, typed("pieces = { 'return', ' mine' }", "load(function() return table.remove(pieces, 1) end)()"))
      assert.equal(5, typed "dofile(path)")
      assert.equal(6, typed "made")
      assert.equal(5, typed "loadfile(path)()")
      assert.equal(1, typed "load('return mine', 'own', 't', { mine = 1 })()")
      assert.equal(2, typed "loadfile(path, 't', { mine = 2 })()")
      assert.matches("no_such", raised "dofile '/no_such/file.lua'")
    end)
  end)

  it("has no connections without a config, and does the rest", function()
    s = typing.new(nil)
    local here = lfs.currentdir()
    lfs.chdir(tmp.dir())
    assert.equal(2, typed "1 + 1")
    assert.equal("there is no global 'shop'", raised("shop").message)
    lfs.chdir(here)
  end)

  it("says once what is wrong with the config, and goes on without one", function()
    local path = tmp.write(tmp.dir() .. "/sluice.yaml", "version: 1\nconections: {}\n")
    s = typing.new(nil, { options = { config = path } })
    local ok, problem = pcall(s.eval, s, "1")
    assert.is_false(ok)
    assert.equal("config", problem.code)
    assert.equal(2, typed "1 + 1")
    assert.equal(s.guard, wire.way()) -- and writes are asked about all the same
  end)

  it("raises where a connection is asked for that is not there", function()
    begin()
    assert.equal(s:connect "shop", typed "shop")
    local ok, problem = pcall(s.connect, s, "shpo")
    assert.is_false(ok)
    assert.matches("there is no connection 'shpo'", problem.message)
  end)

  describe("errors", function()
    before_each(begin)

    it("are values as they were raised; of Lua with a traceback", function()
      assert.matches("attempt to index a nil value", raised "local t = nil t.x = 1")
      assert.is_truthy(s.trace)
      assert.same({ code = 5 }, raised "error { code = 5 }")
      assert.is_nil(raised "error()")
      assert.is_nil(raised "error(nil)")
      assert.equal(false, raised "error(false)")
      assert.equal("usage", raised("shop:sorces()").code)
      assert.is_nil(s.trace)
    end)

    it("leave the session as it was", function()
      pcall(typed, "a = 1 error 'no' b = 2")
      assert.equal(1, typed "a")
      assert.matches("there is no global 'b'", raised("b").message)
      assert.matches("stack overflow", raised "function f(n) return f(n + 1) + 1 end f(1)")
      assert.matches("stack overflow", tostring(raised "t = setmetatable({}, { __index = function(t, k) return t[k .. 'x'] end }) return t.x"))
      assert.equal(2, typed "1 + 1")
    end)

    it("of a syntax leave nothing behind", function()
      assert.equal("usage", raised("x = = 1").code)
      assert.equal(0, #s.transcript.chunks)
    end)
  end)

  describe("what is stopped", function()
    before_each(begin)

    it("is no chunk that worked", function()
      local task = require "sluice.task"
      local job = task.spawn(function() s:eval "a = 1 sluice.task.sleep(1000)" end)
      task.yield()
      task.yield()
      job:cancel()
      s:stopped()
      assert.same({}, s.transcript:worked())
      assert.same({ a = true }, s.transcript:set_by_failed())
      s:stopped() -- nothing that runs: nothing to stop
      assert.equal(1, #s.transcript.chunks)
    end)

    it("stops in a coroutine too, whatever is caught in it", function()
      local broken = core.broken
      core.broken = function() return true end -- as behind a Ctrl-C
      local ok, problem = pcall(typed, "coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()")
      local made = table.pack(s:eval "coroutine.resume(coroutine.create(function() while true do end end))")
      core.broken = broken
      assert.is_false(ok)
      assert.equal("stopped", problem)
      assert.same({ false, "stopped" }, { made[3], made[4] })
      assert.equal(100000, typed "coroutine.wrap(function() local n = 0 for i = 1, 100000 do n = n + 1 end return n end)()")
    end)

    it("has coroutines as Lua has them", function()
      typed "count = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)"
      assert.equal(6, typed "local sum = 0 for i in count do sum = sum + i end return sum")
      assert.equal("suspended", typed "coroutine.status(coroutine.create(print))")
      assert.matches("bad argument #1 to 'create'", raised "coroutine.create(1)")
      assert.equal(true, typed "coroutine.isyieldable()")
      assert.equal(1, typed "coroutine.wrap(function() sluice.task.sleep(0) return 1 end)()")
    end)
  end)

  it("prints to where the prompt wants it, as Lua's print does", function()
    begin()
    typed "print(1, nil, 'a', setmetatable({}, { __tostring = function() return 'own' end }))"
    typed "print()"
    assert.same({ "1\tnil\ta\town\n", "\n" }, s.written)
  end)

  it("puts requests on their way again at its end, and its tape is gone", function()
    begin()
    typed "shop:sources()"
    local file = s.transcript.tape.way.aside
    assert.is_truthy(lfs.attributes(file))
    assert.equal(s.guard, wire.way())
    s:leave()
    assert.is_nil(wire.way())
    assert.is_nil(lfs.attributes(file))
    s = nil
  end)

  it("of a dry run sends nothing from its beginning on, also where the config is wrong", function()
    local path = tmp.write(tmp.dir() .. "/sluice.yaml", "version: 1\nconections: {}\n")
    s = typing.new(nil, { options = { config = path, ["dry-run"] = true } })
    pcall(s.eval, s, "1")
    local before = #p.sandbox:requests()
    assert.equal(200, typed(("sluice.http.post('%s/v1/users/authenticate').status"):format(p.sandbox.url)))
    assert.equal(before, #p.sandbox:requests())
    s:leave()
    s = nil
    assert.is_nil(wire.way())
  end)

  it("has a transcript with colons, and without what was typed only to be shown", function()
    begin()
    typed("= shop.sources {}  ", "local n = 1")
    assert.same({ "shop:sources {}", "n = 1" }, { s.transcript.chunks[1].text, s.transcript.chunks[2].text })
    assert.same({ "shop.sources" }, s.transcript.chunks[1].calls)
  end)

  it("goes on where its tape can't be written", function()
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local done = assert(process.run { argv = { "sh", "-c", "printf '1 + 1\n.test x.lua\n' | TMPDIR=/dev/null/nowhere " .. sluice .. " repl" } })
    assert.equal("2\n", done.stdout)
    assert.matches("^error: .*nowhere.*can't be written", done.stderr)
  end)

  it("keeps errors of ours apart from tables that look like one", function()
    begin()
    assert.is_true(err.is(raised "shop:sorces()"))
    assert.is_false(err.is(raised "error { code = 'usage', message = 'x' }"))
  end)
end)
