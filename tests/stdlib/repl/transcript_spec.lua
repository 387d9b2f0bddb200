-- The transcript and its tape: what is known of each chunk, at flat memory.
local crypto = require "sluice.crypto"
local json = require "sluice.json"
local lfs = require "lfs"
local iterators = require "sluice.iterators"
local replay = require "sluice.replay"
local scripted = require "support.scripted"
local http = require "sluice.http"
local tmp = require "support.tmp"
local transcript = require "sluice.repl.transcript"
local wire = require "sluice.wire"

describe("a transcript", function()
  local t, api
  before_each(function() t = transcript.new() end)
  after_each(function()
    wire.put(nil)
    t:close()
    if api then api:close() end
    api = nil
  end)

  -- A chunk that does this.
  local function chunk(text, env, fn)
    t:begin(text, env)
    local results = table.pack(pcall(fn or function() end))
    t:note { text = text, ok = results[1], n = results.n - 1, values = table.pack(table.unpack(results, 2, results.n)) }
    return t.chunks[#t.chunks]
  end

  it("knows what a chunk has set, given, and what _ was", function()
    local env = { old = 1 }
    local one = chunk("a, old = 5, 2", env, function() env.a, env.old = 5, 2 end)
    assert.same({ true, false, { "a", "old" }, nil }, { one.ok, one.expression, one.assigned, one.last })
    assert.equal("5", one.set_facts.a[1].literal)
    local two = chunk("= a + 1 ", env, function() return 6 end)
    assert.same({ "a + 1", true, "6" }, { two.text, two.expression, two.facts[1].literal })
    local three = chunk("f()", env, function() return nil end)
    assert.equal(2, three.last)
    assert.equal(2, chunk("_", env).last) -- what gives nothing is no last value
    assert.is_true(chunk("pages()", env, function() return iterators.mark(function() end) end).iterator)
  end)

  it("keeps what failed apart, with what it has set", function()
    local env = {}
    chunk("x = 1 error 'no'", env, function()
      env.x = 1
      error "no"
    end)
    chunk("y = 2", env, function() env.y = 2 end)
    assert.equal(1, #t:worked())
    assert.same({ x = true }, t:set_by_failed())
  end)

  it("holds what a chunk asked, in a private file, and copies the ranges that are wanted", function()
    api = scripted.start(function() return { json = { ok = true } } end)
    wire.put(t.tape)
    local env, path = {}, tmp.dir() .. "/some.har"
    for _, target in ipairs { "/a", "/b", "/c" } do
      local one = chunk("get()", env, function()
        http.get(api.url .. target .. "?token=very-secret")
        http.get(api.url .. target)
      end)
      assert.same({ "http" }, one.calls)
    end
    assert.equal("rw-------", lfs.attributes(t.tape.way.aside, "permissions"))
    assert.same({ 0, 2, 4, 6 }, { t.chunks[1].from, t.chunks[2].from, t.chunks[3].from, t:to(3) })
    assert.equal(4, t.tape:copy(path, { { 0, t:to(1) }, { t.chunks[3].from, t:to(3) } }))
    local archive = assert(json.decode(tmp.read(path))).log
    local targets = {}
    for i, entry in ipairs(archive.entries) do targets[i] = entry.request.url:match "/%a.*$" end
    assert.same({ "/a?token=***", "/a", "/c?token=***", "/c" }, targets)
    assert.is_nil(tmp.read(path):find("very-secret", 1, true))
    assert.equal(0, t.tape:copy(path, {}))
    assert.same({}, json.decode(tmp.read(path)).log.entries)
  end)

  it("is flat in memory, whatever went over the network and was given", function()
    api = scripted.start(function() return { body = ("x"):rep(1000000) } end)
    wire.put(t.tape)
    local env = {}
    local function many(n)
      for _ = 1, n do chunk("get()", env, function() return { http.get(api.url .. "/x").body } end) end
      api.requests = {}
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    local before = many(3)
    assert.is_true(many(25) - before < 3000)
    assert.is_true(t.tape.way.bytes > 25000000)
  end)

  it("makes the ids of the session again on a replay", function()
    local path, first = tmp.dir() .. "/ids.har", nil
    chunk("id()", {}, function() first = crypto.random(16) end)
    t.tape:copy(path, {})
    t:close()
    local way = replay.start(path)
    local again = crypto.random(16)
    way:close()
    assert.equal(first, again)
    assert.not_equal(first, crypto.random(16))
  end)

  it("leaves nothing behind", function()
    chunk("a = 1", {})
    local file = t.tape.way.aside
    assert.is_truthy(lfs.attributes(file))
    t:close()
    assert.is_nil(lfs.attributes(file))
    assert.is_nil(lfs.attributes(t.tape.path))
    t:close()
  end)
end)
