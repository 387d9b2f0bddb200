-- Chunks of the store's outbox: all of a chunk or nothing, with the same promises for each row as one by one.
local call = require "sluice.call"
local lfs = require "lfs"
local process = require "sluice.process"
local state = require "sluice.state"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("a chunk of the store's outbox", function()
  local path, store
  before_each(function()
    path = tmp.dir() .. "/state.db"
    store = state.open(path)
  end)
  after_each(function() store:close() end)

  local function chunk_of(keys, more)
    local rows = { host = "https://x", account = "bob", operation = "post", run = 3, keys = keys, bodies = {}, digests = {} }
    for i, key in ipairs(keys) do rows.bodies[i], rows.digests[i] = ('{"n":%q}'):format(key), "d" .. key end
    for name, value in pairs(more or {}) do rows[name] = value end
    return rows
  end

  local function claim_all(keys, more) return store:outbox_claim_all(chunk_of(keys, more)) end

  local function one(key, more)
    local row = { host = "https://x", account = "bob", operation = "post", key = key, body = "{}", digest = "d" .. key, run = 3 }
    for name, value in pairs(more or {}) do row[name] = value end
    return store:outbox_claim(row)
  end

  local function states()
    local list = {}
    for i, row in ipairs(store:outbox_rows()) do list[i] = row.key .. " " .. row.state end
    return list
  end

  local function raises(code, text, fn, ...)
    local ok, problem = pcall(fn, ...)
    assert.is_false(ok)
    assert.same(code, problem.code)
    assert.matches(text, problem.message)
  end

  it("is handed in, sent and settled, and its rows are as those of single writes", function()
    local chunk <close> = claim_all({ "A", "B", "C" }, { scopes = { "c=1", "c=2", "" } })
    assert.equal(3, #chunk)
    assert.same({ "A intended", "B intended", "C intended" }, states())
    call.mark(chunk)
    call.mark(chunk) -- a second attempt of the same request
    assert.same({ "A sent", "B sent", "C sent" }, states())
    chunk:settle({ "confirmed", "rejected", "unknown" }, { '{"id":1}', false, false }, { false, "too large", "nothing can tell" })
    assert.same({ "A confirmed", "B rejected", "C unknown" }, states())
    local rows = store:outbox_rows()
    assert.same({ "c=1", '{"n":"A"}', "dA", '{"id":1}', 2, 3 },
      { rows[1].scope, rows[1].body, rows[1].digest, rows[1].answer, rows[1].attempts, rows[1].run })
    assert.same({ "c=2", "too large" }, { rows[2].scope, rows[2].note })
    assert.is_number(rows[1].sent)
    assert.is_number(rows[1].settled)
    assert.equal(rows[2].id, chunk:id(2))
  end)

  it("is one answer for all, but for what was settled before", function()
    local chunk <close> = claim_all { "A", "B", "C" }
    call.mark(chunk)
    chunk:settle { false, "rejected" }
    chunk:settle("confirmed", "ok")
    assert.same({ "A confirmed", "B rejected", "C confirmed" }, states())
    assert.same({ "ok", "ok" }, { store:outbox_rows()[1].answer, store:outbox_rows()[3].answer })
    raises("usage", "write 2 of 3 is settled: it is rejected", chunk.settle, chunk, { false, "confirmed" })
  end)

  it("says what was written before, what was left sent, and what another has", function()
    local sent <close> = one "S"
    call.mark(sent)
    sent:close()
    local done = one "D"
    done:settle("confirmed", "yes")
    done:close()
    local held = one "H"
    local chunk <close> = claim_all { "N", "S", "H", "D", "M" }
    local seen = {}
    for i = 1, #chunk do seen[i] = chunk:state(i) or "elsewhere" end
    assert.same({ "intended", "sent", "elsewhere", "confirmed", "intended" }, seen)
    raises("usage", "write 2 of 5 must not be sent: it is sent", call.mark, chunk)
    assert.equal("intended", store:outbox_rows({ key = "N" })[1].state)
    chunk:release(2)
    raises("usage", "write 4 of 5 must not be sent: it is confirmed", call.mark, chunk)
    chunk:release(4)
    call.mark(chunk)
    assert.equal(1, store:outbox_rows({ key = "S" })[1].attempts)
    raises("usage", "write 3 of 5 is not ours to settle", chunk.settle, chunk, { false, false, "confirmed" })
    chunk:settle "confirmed"
    assert.same({ "S sent", "D confirmed", "H intended", "N confirmed", "M confirmed" }, states())
    held:close()
  end)

  it("takes new content where nothing was done yet", function()
    one("A"):close()
    local chunk <close> = claim_all({ "A", "B" }, { digests = { "new", "dB" }, run = 9 })
    assert.same({ "new", 9 }, { store:outbox_rows()[1].digest, store:outbox_rows()[1].run })
    assert.same({ "intended", "intended" }, { chunk:state(1), chunk:state(2) })
  end)

  it("goes back where certainly nothing was done", function()
    local chunk <close> = claim_all { "A", "B" }
    call.mark(chunk)
    chunk:back()
    assert.same({ "A intended", "B intended" }, states())
  end)

  it("holds its rows against others until it gives them back", function()
    local chunk = claim_all { "A", "B", "C" }
    assert.is_nil(one "B")
    local single = assert(chunk:take(3))
    assert.is_nil(chunk:take(3))
    assert.is_nil(chunk:state(3))
    chunk:release(1)
    one("A"):close()
    chunk:close()
    one("B"):close()
    assert.is_nil(one "C")
    call.mark(single)
    single:settle "confirmed"
    single:close()
    assert.equal("C confirmed", states()[3])
    one("C"):close()
    assert.has_error(function() chunk:state(1) end)
  end)

  it("gives all back where the store is closed", function()
    local other <close> = state.open(path)
    local chunk = claim_all { "A", "B" }
    local single = chunk:take(2)
    assert.is_true(other:outbox_held(1))
    store:close()
    assert.same({ false, false }, { other:outbox_held(1), other:outbox_held(2) })
    raises("state", "the store of the outbox is closed", chunk.back, chunk)
    chunk:close()
    single:close()
    store = state.open(path)
  end)

  it("names the write that is wrong, and hands in nothing", function()
    one("OLD"):close()
    for text, rows in pairs {
      ["write 2 of 3 has no key"] = chunk_of { "A", "", "C" },
      ["write 3 of 3 has the key of write 1: 'A'"] = chunk_of { "A", "B", "A" },
      ["write 3 of 3 has the key of write 2: 'OLD'"] = chunk_of { "B", "OLD", "OLD" },
      ["keys%[2%] must be text, not a table"] = chunk_of({ "A", "B" }, { keys = { "A", {} } }),
      ["bodies%[1%] must be text, not a number"] = chunk_of({ "A", "B" }, { bodies = { 1, "{}" } }),
      ["2 keys, but 1 digests"] = chunk_of({ "A", "B" }, { digests = { "d" } }),
      ["bodies must be a list, not a string"] = chunk_of({ "A" }, { bodies = "{}" }),
      ["host is missing"] = chunk_of({ "A" }, { host = false }),
      ["unknown option 'key'"] = chunk_of({ "A" }, { key = "A" }),
    } do
      if rows.host == false then rows.host = nil end
      local ok, problem = pcall(store.outbox_claim_all, store, rows)
      assert.is_false(ok, text)
      assert.equal("usage", problem.code)
      assert.matches(text, problem.message)
      assert.same({ "OLD intended" }, states())
      assert.is_false(store:outbox_held(1))
    end
    local chunk <close> = claim_all { "A" }
    raises("usage", "confirmed, rejected or unknown expected, not 'sent'", chunk.settle, chunk, "sent")
    raises("usage", "answers%[1%] must be text or false", chunk.settle, chunk, { "confirmed" }, { {} })
    raises("usage", "there is no write 2 among 1", chunk.state, chunk, 2)
    assert.equal(0, #store:outbox_claim_all(chunk_of {}))
  end)

  -- The child says a line after each step; it is killed while it is at the one after.
  it("is there whole or not at all where the process is killed in the middle", function()
    local script = tmp.write(tmp.dir() .. "/fill.lua", ([[
      local call, store = require "sluice.call", require("sluice.state").open %q
      local function say(text) io.stdout:write(text, "\n") io.stdout:flush() end
      for c = 1, 1000 do
        local keys, bodies, digests = {}, {}, {}
        for i = 1, 2000 do keys[i], bodies[i], digests[i] = c .. "-" .. i, ("x"):rep(200), "d" end
        local set = store:outbox_claim_all { host = "h", account = "a", operation = "o", keys = keys, bodies = bodies, digests = digests }
        say "in"
        call.mark(set) say "sent"
        set:settle("confirmed", "ok") say "done"
        set:close()
      end]]):format(path))
    for kill = 1, 6 do
      local child = assert(process.spawn { argv = { SLUICE, "run", script }, env = { SLUICE_STDLIB = os.getenv "SLUICE_STDLIB" or false } })
      for _ = 1, kill do child:line() end
      process.kill_group(child.pid, 9)
      while child:line() do end -- to the end of its pipe
      child:wait()
      child:close()
      local counts, held = {}, 0
      for _, row in ipairs(store:outbox_rows()) do
        local of = row.key:match "^%d+" .. " " .. row.state
        counts[of] = (counts[of] or 0) + 1
        if row.id % 500 == 0 and store:outbox_held(row.id) then held = held + 1 end
      end
      assert.is_not_nil(next(counts))
      for of, n in pairs(counts) do assert.equal(2000, n, ("killed after line %d: %s"):format(kill, of)) end
      assert.equal(0, held)
      store:close()
      for _, tail in ipairs { "", "-wal", "-shm" } do os.remove(path .. tail) end
      store = state.open(path)
    end
  end)
end)
