-- 1,000 orders against a server without idempotency keys, with a search that lags: none doubled, none lost, whatever is
-- killed or cut, at each named step of the protocol and at seeded times. `make crash` (SLUICE_CRASH_LONG=1) is the long form.
local json = require "sluice.json"
local model = require "support.shop_model"
local project = require "support.project"
local task = require "sluice.task"
local tmp = require "support.tmp"

local STEPS = { "intended", "marking", "marked", "answered", "confirmed", "searched", "absent", "settled" }
local LATE = { searched = true, absent = true, settled = true } -- they come once, at the end
local LONG = os.getenv "SLUICE_CRASH_LONG"
local WORDS = "scripts/post_orders.lua to=shop file=orders.ndjson"
local LAG = 0.15

describe("post_orders", function()
  local p, count
  before_each(function()
    p = project.new { products = 0, lag = LAG }
    local path = p.dir .. "/sluice.yaml"
    tmp.write(path, (tmp.read(path):gsub("username: sandbox,", function()
      return ('queue_url: "%s", client_id: 21, channel_id: 47, index_lag: 250ms, timeout: 2s, username: sandbox,'):format(p.sandbox.url)
    end)))
  end)
  after_each(function() p:stop() end)

  local function orders(n, name)
    local lines = {}
    for i = 1, n do
      lines[i] = json.encode { channel_order_code = "A-" .. i, line_items = { { sku = "CD003", qty = 1, price = i } } }
    end
    tmp.write(p.dir .. "/" .. (name or "orders.ndjson"), table.concat(lines, "\n") .. "\n")
    count = n
  end

  -- Each order was posted once, and none is missing.
  local function exact()
    local times = {}
    for _, one in ipairs(p.sandbox:orders()) do times[one.code] = (times[one.code] or 0) + 1 end
    local all = 0
    for i = 1, count do
      if times["A-" .. i] ~= 1 then return ("A-%d was posted %d times"):format(i, times["A-" .. i] or 0) end
      all = all + 1
    end
    return all == count and #p.sandbox:orders() == count and nil
  end

  local function recovers(what)
    local done = p:run(WORDS)
    assert(done.status == 0, ("after %s: exit %d: %s"):format(what, done.status, done.stderr))
    assert.equal(0, done.sums.unknown)
    local problem = exact()
    assert(not problem, ("after %s: %s"):format(what, tostring(problem)))
    return done
  end

  it("posts each order once, and keeps what is no order", function()
    orders(20)
    local file = p.dir .. "/orders.ndjson"
    tmp.write(file, tmp.read(file) .. '{"line_items":[]}\n{"broken\n')
    local done = p:run(WORDS)
    assert.equal(3, done.status, done.stderr)
    assert.same({ 22, 20, 2 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    assert.is_nil(exact())
    done = p:run(WORDS)
    assert.same({ 3, 0, 20 }, { done.status, done.sums.sent, done.sums.unchanged })
    assert.is_nil(exact())
  end)

  for _, step in ipairs(STEPS) do
    it("posts each once when it is killed at the step " .. step, function()
      orders(12)
      if step == "searched" then p.sandbox:fault { kind = "reset_after", path = "/v2-queue/*", nth = 3 } end
      if step == "absent" then p.sandbox:fault { kind = "reset_before", path = "/v2-queue/*", nth = 3 } end
      local done = p:crash("KILL", step, LATE[step] and 1 or 4, WORDS)
      assert(done.hit, ("the step '%s' was not reached: %s"):format(step, done.stderr))
      assert.equal(137, done.status)
      recovers(step)
    end)
  end

  it("posts each once when it is killed while a request is on its way", function()
    orders(40)
    -- four are on their way at any time; what the server holds it carries out when the process that sent it is gone
    local slow = p.sandbox:fault { kind = "delay", path = "/v2-queue/*", every = 1, times = 1000, seconds = 0.25 }
    for _ = 1, 3 do assert.is_true(p:crash("KILL", "after", 0.8, WORDS).hit) end
    assert.is_true(slow.fired > 4, slow.fired)
    recovers "deaths in the middle of requests"
  end)

  it("goes on in the next run after Ctrl-C", function()
    orders(60)
    p.sandbox:fault { kind = "delay", path = "/v2-queue/*", every = 1, times = 1000, seconds = 0.05 }
    local done = p:crash("INT", "confirmed", 5, WORDS)
    assert.is_true(done.hit)
    assert.equal(130, done.status, done.stderr)
    assert.equal(done.sums.read, done.sums.sent)
    assert.is_true(done.sums.read < 60)
    p.sandbox.faults:clear()
    recovers "Ctrl-C"
  end)

  it("has no more locks than descriptors where every answer is lost", function()
    orders(200)
    p.sandbox:fault { kind = "status", status = 500, done = true, path = "/v2-queue/*", every = 1, times = 100000 }
    local done = p:run(WORDS, "ulimit -n 120")
    assert.equal(0, done.status, done.stderr)
    assert.equal(200, done.sums.sent)
    assert.is_nil(exact())
  end)

  for _, fault in ipairs { "reset_before", "reset_after", "cut", "garbage", "truncate" } do
    it("posts each once when a connection ends in " .. fault, function()
      orders(12)
      p.sandbox:fault { kind = fault, method = "POST", path = "/v2-queue/order", nth = 3, after = fault == "cut" and 20 or nil }
      p.sandbox:fault { kind = fault, method = "POST", path = "/v2-queue/order", nth = 7, after = fault == "cut" and 20 or nil }
      local done = p:run(WORDS)
      assert.equal(0, done.status, done.stderr)
      assert.equal(12, done.sums.sent)
      assert.is_nil(exact())
    end)
  end

  it("posts each once when two processes hand in the same orders at once", function()
    orders(60)
    local function one() return p:run(WORDS) end
    local a, b = task.all { one, one }
    assert.same({ 0, 0 }, { a.status, b.status }, a.stderr .. b.stderr)
    assert.equal(60, a.sums.sent + b.sums.sent)
    assert.equal(60, a.sums.unchanged + b.sums.unchanged)
    assert.is_nil(exact())
  end)

  it("posts each once when one of two processes dies with an order that the other has, too", function()
    for i, step in ipairs { "intended", "marked", "answered" } do
      orders(20 * i)
      local died, lived = task.all { function() return p:crash("KILL", step, 5, WORDS) end, function() return p:run(WORDS) end }
      assert.equal(0, lived.status, lived.stderr)
      if i == 1 then assert.is_true(died.hit, died.stderr) end -- later the other one may have been faster
      assert.equal(count, lived.sums.sent + lived.sums.unchanged - lived.sums.added)
      recovers(step)
    end
  end)

  it("ends with 7 where the search can't tell, and with 0 once it can", function()
    orders(5)
    p.sandbox:fault { kind = "reset_after", path = "/v2-queue/*", nth = 2 }
    p.sandbox:fault { kind = "status", status = 400, path = "/v1/orders/*", every = 1, times = 1000000 }
    local path = p.dir .. "/sluice.yaml"
    local before = tmp.read(path)
    tmp.write(p.dir .. "/quick.lua", [[
      local outbox, sluice, ndjson = require "sluice.outbox", require "sluice", require "sluice.ndjson"
      return sluice.recipe { about = "orders with little patience", args = {}, run = function(_, run)
        local box = outbox.open { connection = sluice.connect "shop", operation = "post_order", key = "channel_order_code", deadline = 1 }
        for order in ndjson.records "orders.ndjson" do run:count "read" box:write(order) end
        box:finish()
      end }]])
    local done = p:run "quick.lua"
    assert.equal(7, done.status, done.stderr)
    assert.same({ 4, 1 }, { done.sums.sent, done.sums.unknown })
    p.sandbox.faults:clear()
    tmp.write(path, before)
    recovers "a search that was down"
  end)

  it("posts each once through seeded deaths and cut connections", function()
    local random = model.randomizer(tonumber(os.getenv "SLUICE_SEED") or 1)
    local rounds, fresh = LONG and 60 or 6, LONG and 17 or 10 -- orders that come in before each death
    local reached, hits = {}, 0
    for _, kind in ipairs { "reset_before", "reset_after", "truncate" } do
      p.sandbox:fault { kind = kind, method = "POST", path = "/v2-queue/order", probability = LONG and 0.01 or 0.03 }
    end
    for round = 1, rounds do
      orders(round * fresh)
      local done
      local step = STEPS[(round - 1) % #STEPS + 1]
      if LONG and random(1, 4) == 1 then
        done, step = p:crash("KILL", "after", random(20, 2000) / 1000, WORDS), "after"
      else
        done = p:crash("KILL", step, LATE[step] and 1 or random(1, step == "intended" and count or fresh // 2), WORDS)
      end
      if done.hit then hits, reached[step] = hits + 1, true end
    end
    assert.is_true(hits > rounds / 4, hits)
    for _, step in ipairs(LONG and { "intended", "marking", "marked", "answered", "confirmed", "searched", "absent" } or {}) do
      assert.is_true(reached[step], "the step was never reached: " .. step)
    end
    p.sandbox.faults:clear()
    recovers "several deaths"
  end)

  it("wants a channel before it reads orders, and says why orders were rejected", function()
    orders(2)
    local file, path = p.dir .. "/orders.ndjson", p.dir .. "/sluice.yaml"
    tmp.write(file, tmp.read(file) .. '{"line_items":[]}\n{"line_items":[1]}\n')
    local done = p:run("sluice run " .. WORDS)
    assert.equal(3, done.status)
    assert.matches("\n +2 rejected: it has no channel_order_code to be known by\n", done.stderr)
    assert.same({ ["it has no channel_order_code to be known by"] = 2 }, p:run(WORDS).sums.rejected_by_reason)
    tmp.write(path, (tmp.read(path):gsub("channel_id: 47, ", "")))
    done = p:run(WORDS)
    assert.equal(2, done.status)
    assert.matches("channel_id is missing: which sales channel", done.stderr)
    assert.equal(0, done.sums.read)
    assert.equal(3, p:run(WORDS .. " channel_id=47").status)
  end)
end)
