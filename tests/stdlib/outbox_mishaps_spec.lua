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
