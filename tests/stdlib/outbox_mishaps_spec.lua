-- The outbox where what it is given misbehaves: key functions, resolvers, answers, and a person's word.
local json = require "sluice.json"
local orders = require "support.orders"
local run = require "sluice.run"

describe("sluice.outbox, mishaps", function()
  local o
  before_each(function() o = orders.start() end)
  after_each(function() o:stop() end)

  local function row(key) return o.store:outbox_rows { key = key }[1] end

  local function sums()
    local s = run.current().sums
    return { s.sent, s.unchanged, s.rejected, s.unknown, s.skipped }
  end

  it("loses no place to a key function that raises", function()
    local box = o:open { in_flight = 1, key = function(order) return order.code.text end }
    assert.is_false((pcall(box.write, box, {})))
    assert.equal("confirmed", (box:send { code = { text = "A-1" }, channel_order_code = "A-1" }))
    box:finish()
  end)

  it("finds a write whatever becomes of the look at the queue", function()
    o:fault "reset_after"
    local box = o:open { drained = function() error "junk" end }
    box:write(o.order(1))
    assert.equal(1, box:finish().confirmed)
    o:fault "reset_before"
    box = o:open { settle_after = 0.05, deadline = 0.5, drained = function() error "junk" end }
    box:write(o.order(2))
    local done = box:finish() -- but absence is not believed
    assert.same({ 0, 1 }, { done.resent, done.unknown })
  end)

  it("takes any evidence of a resolver, and none from one that raises", function()
    for i, evidence in ipairs { "text", 5, true } do
      o:fault "reset_after"
      local box = o:open { resolve = function() return evidence end }
      box:write(o.order(i))
      assert.equal(1, box:finish().confirmed)
      assert.equal(tostring(evidence), row("A-" .. i).answer)
    end
    o:fault "reset_before"
    local box = o:open { resolve = function() error { x = 1 } end, deadline = 0.5, settle_after = 0.05 }
    box:write(o.order(9))
    assert.equal(1, box:finish().unknown)
  end)

  it("says of an order that was not there and that nothing may send now that it was left out", function()
    local box = o:open { settle_after = 0.05, resolve = function() return false end }
    o:fault "reset_before"
    box:send(o.order(1))
    o:fault("status", { status = 403, times = 100, every = 1 })
    local ok, problem = pcall(box.finish, box)
    assert.same({ false, "forbidden", "intended" }, { ok, problem.code, row("A-1").state })
    box:abandon()
    assert.same({ 0, 0, 0, 0, 1 }, sums())
  end)

  it("keeps of an answer what can be shown", function()
    for i = 1, 2 do -- the cut falls within a character once
      local long = ("a"):rep(16284 + i) .. ("\xc3\xa4"):rep(50)
      o:fault("status", { status = 200, body = json.encode { queue_messages = json.array {}, message = long } })
      assert.equal("confirmed", (o:open():send(o.order(i))))
    end
    o:fault("status", { status = 422, body = '{"message":"no \xff customer"}' })
    assert.equal("rejected", (o:open():send(o.order(3))))
    for i = 1, 3 do assert.is_truthy(json.encode(row("A-" .. i))) end
    assert.is_true(#row("A-1").answer >= 16383)
  end)

  it("writes what puts an order right that is refused while that was handed in", function()
    o:fault("status", { status = 422, body = '{"message":"no customer"}', nth = 1 })
    local box = o:open()
    local first, again = box:write(o.order(1)), box:write(o.order(1))
    local mended, late = box:write(o.order(1, { notes = "put right" })), box:write(o.order(1, { notes = "put right" }))
    local r = box:finish()
    assert.same({ "rejected", "rejected", "confirmed", "confirmed" }, { first.state, again.state, mended.state, late.state })
    assert.same({ 1, 2, 1 }, { r.confirmed, r.rejected, r.repeated })
    assert.same({ 1, 1, 2, 0, 0 }, sums())
    assert.equal(1, o:posts "A-1")
    assert.matches("put right", row("A-1").body)
  end)

  it("goes on to the next form of an order as long as one is refused, and stops where nothing may be sent", function()
    o:fault("status", { status = 422, body = '{"message":"no customer"}', nth = 1 })
    o:fault("status", { status = 422, body = '{"message":"no item"}', nth = 2 })
    o:fault("status", { status = 403, every = 1, times = 100 })
    local box, jobs = o:open(), {}
    for i = 1, 4 do jobs[i] = box:write(o.order(1, { notes = "form " .. i })) end
    local ok, problem = pcall(box.finish, box)
    assert.same({ false, "forbidden" }, { ok, problem.code })
    box:abandon()
    assert.same({ "rejected", "rejected", "skipped", "skipped" }, { jobs[1].state, jobs[2].state, jobs[3].state, jobs[4].state })
    assert.same({ 0, 0, 2, 0, 2 }, sums())
    o.sandbox.faults:clear()
    assert.equal("confirmed", (o:open():send(o.order(1, { notes = "form 3" }))))
    assert.equal(1, o:posts "A-1")
  end)

  it("writes what puts an order right whose former one an earlier run had left open, and is refused now", function()
    o:fault("reset_before", { nth = 1 })
    local box = o:open { settle_after = 0.05 }
    box:send(o.order(1))
    box:abandon() -- as a process that died: sent, and nobody knows
    assert.equal("sent", row("A-1").state)
    o:fault("status", { status = 422, body = '{"message":"no customer"}', nth = 1 })
    run.current().sums.unknown = 0
    box = o:open { settle_after = 0.05, deadline = 5 }
    local mended = box:write(o.order(1, { notes = "put right" }))
    local r = box:finish()
    assert.same({ 1, 1 }, { r.confirmed, r.rejected })
    assert.equal("confirmed", mended.state)
    assert.same({ 1, 0, 1, 0, 0 }, sums())
    assert.equal(1, run.current().sums.added)
    assert.same({ 1, "confirmed" }, { o:posts "A-1", row("A-1").state })
    assert.matches("put right", row("A-1").body)
  end)

  it("keeps a person's no to an order as it is", function()
    o:fault("status", { status = 422, body = '{"message":"no customer"}' })
    assert.equal("rejected", (o:open():send(o.order(1))))
    local intent = assert(o.store:outbox_claim_id(row("A-1").id))
    intent:settle("rejected", nil, "settled by a person")
    intent:close()
    for _ = 1, 2 do assert.equal("rejected", (o:open():send(o.order(1)))) end
    assert.same({ 0, "settled by a person" }, { o:posts "A-1", row("A-1").note })
    assert.equal("confirmed", (o:open():send(o.order(1, { notes = "put right" }))))
    assert.equal(1, o:posts "A-1")
  end)
end)
