-- mirror_orders from Stock2Shop and from Veeqo to a file; killed at each step and at seeded times it misses none.
local json = require "sluice.json"
local model = require "support.shop_model"
local project = require "support.project"
local tmp = require "support.tmp"

local STEPS = { "page", "before_commit", "after_commit" }

describe("scripts/mirror_orders.lua", function()
  local p
  local function start(options)
    local all = { products = 0, orders = 40, veeqo_orders = 40 }
    for name, value in pairs(options or {}) do all[name] = value end
    p = project.new(all)
    local path = p.dir .. "/sluice.yaml"
    tmp.write(path, tmp.read(path)
      .. ('  depot: { api: veeqo, base_url: "%s", api_key: sandbox-key, limits: { api: 3000/s } }\n'):format(p.sandbox.url))
  end
  after_each(function() p:stop() end)

  local function words(from, more) return ("scripts/mirror_orders.lua from=%s to=file:orders.ndjson %s"):format(from, more or "") end

  -- The lines, and by id the last one.
  local function mirrored(name)
    local lines, last = {}, {}
    for line in io.lines(p.dir .. "/" .. (name or "orders.ndjson")) do
      local order = assert(json.decode(line), line)
      lines[#lines + 1], last[order.id] = order, order
    end
    return lines, last
  end

  -- The order that the file lacks, or has in another state than the shop; nil where it is the shop's mirror.
  local function difference(from)
    local _, last = mirrored()
    local list = from == "depot" and p.sandbox.veeqo.orders or p.sandbox:orders()
    for _, order in ipairs(list) do
      local ours = last[order.id]
      if not ours then return ("order %d is not in the file"):format(order.id) end
      if from == "depot" and ours.status ~= order.status then return ("order %d is %s in the file"):format(order.id, ours.status) end
      if from == "shop" and ours.modified ~= os.date("!%Y-%m-%d %H:%M:%S", order.modified // 1) then
        return ("order %d is of %s in the file"):format(order.id, ours.modified)
      end
    end
  end

  local function change(from, n)
    if from == "shop" then
      p.sandbox:touch_orders(n)
      p.sandbox:add_orders(1)
      return
    end
    for i = 1, n do
      local order = p.sandbox.veeqo.orders[1 + i * 7 % #p.sandbox.veeqo.orders]
      order.status, order.updated_at = order.status == "cancelled" and "shipped" or "cancelled", p.sandbox.clock()
    end
    p.sandbox.veeqo:seed_orders(1)
  end

  for _, from in ipairs { "shop", "depot" } do
    it("writes all orders of " .. from .. " at first, then each that changed behind them", function()
      start()
      local done = p:run(words(from))
      assert.equal(0, done.status, done.stderr)
      assert.same({ 40, 40, 0 }, { done.sums.read, done.sums.sent, done.sums.unchanged })
      assert.is_nil(difference(from))
      assert.equal("rw-------", require("lfs").attributes(p.dir .. "/orders.ndjson", "permissions"))
      change(from, 3)
      done = p:run(words(from))
      assert.same({ 0, 4 }, { done.status, done.sums.sent }, done.stderr)
      assert.equal(44, #mirrored())
      assert.is_nil(difference(from))
      done = p:run(words(from))
      assert.same({ 0, 0 }, { done.status, done.sums.sent })
      done = p:run(words(from, "--full"))
      assert.same({ 41, 85 }, { done.sums.sent, #mirrored() })
    end)

    it("misses none of " .. from .. " when it is killed at a step or at a seeded time", function()
      start { orders = 120, veeqo_orders = 230 }
      local random, hits = model.randomizer(tonumber(os.getenv "SLUICE_SEED") or 1), 0
      for round = 1, os.getenv "SLUICE_CRASH_LONG" and 60 or 8 do
        local step = STEPS[(round - 1) % #STEPS + 1]
        local done = round % 4 == 0 and p:crash("KILL", "after", random(10, 120) / 1000, words(from, "checkpoint=30"))
          or p:crash("KILL", step, random(1, 2), words(from, "checkpoint=30"))
        hits = hits + (done.hit and 1 or 0)
        change(from, random(0, 5))
      end
      assert.is_true(hits > 3, hits)
      local done = p:run(words(from))
      assert.equal(0, done.status, done.stderr)
      assert.is_nil(difference(from))
    end)
  end

  it("begins its lines afresh behind one that was cut off", function()
    start()
    p:run(words "depot")
    local text = tmp.read(p.dir .. "/orders.ndjson")
    tmp.write(p.dir .. "/orders.ndjson", text .. text:sub(1, 50))
    change("depot", 1)
    assert.equal(0, p:run(words "depot").status)
    local lines = {}
    for line in io.lines(p.dir .. "/orders.ndjson") do lines[#lines + 1] = line end
    assert.equal(43, #lines)
    assert.is_nil(json.decode(lines[41]))
    assert.is_table(json.decode(lines[42]))
  end)

  it("keeps the cursor where the file can't be written, exit 1", function()
    start()
    assert(require("lfs").mkdir(p.dir .. "/taken"))
    local done = p:run "scripts/mirror_orders.lua from=shop to=file:taken"
    assert.equal(1, done.status, done.stderr)
    assert.matches("taken", done.stderr)
    done = p:run "scripts/mirror_orders.lua from=shop to=file:/dev/full"
    assert.equal(1, done.status, done.stderr)
    assert.matches("/dev/full: can't be written", done.stderr)
    assert.equal(40, p:run("scripts/mirror_orders.lua from=shop to=file:orders.ndjson").sums.sent)
    assert.is_nil(difference "shop")
  end)

  it("goes on after faults of the servers, and stops cleanly where one is down", function()
    start { veeqo_orders = 250 }
    p.sandbox:fault "status status=503 path=/orders nth=2"
    p.sandbox:fault "truncate path=/orders nth=4"
    assert.equal(0, p:run(words "depot").status)
    assert.is_nil(difference "depot")
    p.sandbox:fault { kind = "status", status = 401, path = "/orders", body = [[{"error_messages":"You're not authorized"}]] }
    change("depot", 2)
    assert.equal(4, p:run(words "depot").status)
    assert.equal(3, p:run(words "depot").sums.sent)
    assert.is_nil(difference "depot")
  end)

  it("takes one channel, and a time to start from", function()
    start { orders = 10 }
    local done = p:run(words("shop", "channel_id=999"))
    assert.same({ 0, 0 }, { done.status, done.sums.read }, done.stderr)
    assert.equal(10, p:run(words("shop", "channel_id=47")).sums.sent)
    assert.equal(10, p:run(words("shop", "since=2000-01-01")).sums.sent)
    assert.equal(0, p:run(words("shop", "channel_id=47")).sums.sent)
    assert.equal(0, p:run(words("depot", "since=2100-01-01")).sums.sent)
  end)

  it("names what is wrong with its arguments, exit 2", function()
    start()
    for given, message in pairs {
      ["from=shop to=orders.ndjson"] = "to is file:PATH", ["from=shop to=file:-"] = "to is file:PATH",
      ["from=depot to=file:x channel_id=47"] = "channel_id is for Stock2Shop", ["from=shop to=file:x overlap=5"] = "overlap is for Veeqo",
      ["from=depot to=file:x overlap=-1"] = "overlap is a duration",
      ["from=shop to=file:x checkpoint=0"] = "checkpoint is a whole number from 1, not '0'",
      ["from=depot to=file:x since=yesterday"] = "since is a time", ["from=feed to=file:x"] = "no operation 'changed_orders'",
    } do
      local done = p:run("scripts/mirror_orders.lua " .. given)
      assert.equal(2, done.status, given .. done.stderr)
      assert.matches(message, done.stderr)
    end
  end)
end)
