-- When the outbox may send a write again, and when it must not: each case here would double an order, lose one or hang.
local orders = require "support.orders"
local run = require "sluice.run"
local task = require "sluice.task"
local time = require "sluice.time"

describe("sluice.outbox, settling", function()
  local o
  after_each(function()
    time.shift(0, 0)
    if o then o:stop() end
    o = nil
  end)

  local function row(key) return o.store:outbox_rows { key = key }[1] end

  it("does not take a step of the wall clock for time that has passed", function()
    o = orders.start { lag = 0.5, clock = time.mono }
    o:fault "reset_after"
    local box = o:open { settle_after = 1 }
    box:send(o.order(1))
    time.shift(3600, 0)
    assert.same({ 1, 0 }, (function(r) return { r.confirmed, r.resent } end)(box:finish()))
    assert.equal(1, o:posts "A-1")
  end)

  it("gives the index its time after the end of a request that took long", function()
    o = orders.start { lag = 0.3 }
    o.shop = o:connect { timeout = 1.0 }
    o:fault("delay", { seconds = 1.1 }) -- the server does it just after we have given up
    local box = o:open { settle_after = 0.6 }
    box:write(o.order(1))
    assert.same({ 1, 0 }, (function(r) return { r.confirmed, r.resent } end)(box:finish()))
    assert.equal(1, o:posts "A-1")
  end)

  it("does not send again on the word of searches that an earlier process has made", function()
    o = orders.start { lag = 0.3 }
    o:fault "reset_after"
    local box = o:open { settle_after = 0.6 }
    box:send(o.order(1))
    box:abandon()
    local intent = o.store:outbox_claim_id(row("A-1").id)
    intent:looked(true)
    intent:looked(true)
    intent:close()
    task.sleep(0.7)
    assert.same({ 1, 0 }, (function(r) return { r.confirmed, r.resent } end)(o:open { settle_after = 0.6 }:finish()))
    assert.equal(1, o:posts "A-1")
  end)

  it("gives the index its time after the queue is drained, and finds by itself when that is", function()
    o = orders.start { lag = 0.4, order_delay = 1.2 }
    o:fault "reset_after"
    local box = o:open { settle_after = 0.8 }
    box:write(o.order(1))
    assert.same({ 1, 0 }, (function(r) return { r.confirmed, r.resent } end)(box:finish()))
    assert.equal(1, o:posts "A-1")
  end)

  it("does not send again where the queue is never empty, and goes by time where it can't be read", function()
    o = orders.start()
    o:fault "reset_before"
    local box = o:open { settle_after = 0.1, deadline = 0.8, drained = function() return false end }
    box:write(o.order(1))
    assert.equal(1, box:finish().unknown)
    assert.matches("the queue was never seen empty", row("A-1").note)
    o:fault "reset_before"
    o.sandbox:fault { kind = "status", status = 403, path = "/v1/queue/summary", every = 1, times = 1000 }
    box = o:open { settle_after = 0.2 }
    box:write(o.order(2))
    assert.equal(1, box:finish().resent)
    assert.equal(1, o:posts "A-2")
  end)

  it("finds what is there while the queue can't be asked, and believes in no absence meanwhile", function()
    o = orders.start()
    o.shop = o:connect { deadline = 0.3 }
    o:fault("reset_after", { nth = 1 })
    o:fault("reset_before", { nth = 2 })
    o.sandbox:fault { kind = "status", status = 500, path = "/v1/queue/summary", every = 1, times = 100000 }
    local box = o:open { settle_after = 0.2, deadline = 1, in_flight = 1 }
    for i = 1, 2 do box:write(o.order(i)) end
    local r = box:finish()
    assert.same({ 1, 1, 0 }, { r.confirmed, r.unknown, r.resent })
    assert.same({ "found by a search", "unknown" }, { row("A-1").note, row("A-2").state })
  end)

  it("takes a conflict of what it sends again for a sign that it may be there", function()
    o = orders.start { lag = 0.3 }
    o:fault("reset_after", { nth = 1 })
    o:fault("status", { status = 409, nth = 2 })
    local box = o:open { settle_after = 0.1 } -- too early: the first search's "not found" is wrong
    box:write(o.order(1))
    local r = box:finish()
    assert.same({ 1, 1, 0 }, { r.confirmed, r.resent, r.rejected })
    assert.equal(1, o:posts "A-1")
  end)

  it("does not believe in absence where the search does not find what is surely there", function()
    o = orders.start()
    o:fault("reset_after", { nth = 3 })
    local box = o:open { in_flight = 1, deadline = 1.5, settle_after = 0.2, key = function(order) return "not " .. order.channel_order_code end }
    for i = 1, 3 do box:write(o.order(i)) end
    local r = box:finish()
    assert.same({ 2, 1, 0 }, { r.confirmed, r.unknown, r.resent })
    assert.equal(1, o:posts "A-3")
    assert.matches("does not find 'not A%-2' either", row("not A-3").note)
  end)

  it("keeps orders of one code in two channels apart", function()
    o = orders.start()
    for _, channel in ipairs { 47, 255 } do
      local box = o:open { with = { channel_id = channel } }
      box:write(o.order(1))
      assert.equal(1, box:finish().confirmed)
    end
    assert.equal(2, o:posts "A-1")
    o:open { with = { channel_id = "255" } }:send(o.order(1))
    assert.equal(2, o:posts "A-1")
    local rows = o.store:outbox_rows { key = "A-1" }
    assert.same({ "channel_id=47", "channel_id=255" }, { rows[1].scope, rows[2].scope })
  end)

  it("does not hang where two wait for each other's doubtful orders", function()
    o = orders.start()
    o:fault("reset_after", { nth = 1 })
    o:fault("reset_after", { nth = 2 })
    local a, b = o:open { in_flight = 1 }, o:open { in_flight = 1 }
    a:send(o.order(1))
    b:send(o.order(2))
    a:write(o.order(2))
    b:write(o.order(1))
    local ra, rb = task.all { function() return a:finish() end, function() return b:finish() end }
    assert.same({ 2, 2, 0 }, { ra.confirmed + rb.confirmed, ra.repeated + rb.repeated, ra.unknown + rb.unknown })
    assert.same({ 1, 1 }, { o:posts "A-1", o:posts "A-2" })
  end)

  it("gives up waiting for another who works on a record, and does not touch it", function()
    o = orders.start()
    local held = o:open()
    o:fault "reset_after"
    held:send(o.order(1))
    local box = o:open { deadline = 0.5 }
    box:write(o.order(1))
    assert.equal(1, box:finish().unknown)
    assert.equal("sent", row("A-1").state)
    assert.equal(1, held:finish().confirmed)
    assert.equal(1, o:posts "A-1")
  end)

  it("settles in between where much is doubtful", function()
    o = orders.start()
    o:fault("status", { status = 500, done = true, every = 1, times = 1000 })
    local box, most = o:open { settle_after = 0.05, gap = 0.01 }, 0
    for i = 1, 200 do
      box:write(o.order(i))
      most = math.max(most, #o.store:outbox_rows { state = "sent" })
    end
    assert.equal(200, box:finish().confirmed)
    assert.is_true(most <= 70, most)
    assert.equal(200, #o.sandbox:orders())
  end)

  it("does not settle what certainly was not sent", function()
    o = orders.start()
    local box = o:open()
    o.shop.call = function() error "a mistake in a wrapper" end
    box:write(o.order(1))
    local ok, problem = pcall(box.finish, box)
    assert.is_false(ok)
    assert.matches("a mistake in a wrapper", tostring(problem))
    assert.equal("intended", row("A-1").state)
    assert.equal(1, run.current().sums.skipped)
  end)
end)
