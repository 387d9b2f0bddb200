local poll = require "sluice.poll"

local terminal = { success = "ok", warning = "partial", failed = "failed" }

describe("sluice.poll", function()
  it("asks at growing intervals up to a cap, and once on the deadline", function()
    local jobs = poll.new { terminal = terminal, start = 1, factor = 2, cap = 8, jitter = 0, deadline = 30 }
    jobs:add("a", nil, 100)
    local now, asked, verdict = 100, {}, nil
    repeat
      local id, wait = jobs:next(now)
      if id then
        asked[#asked + 1] = now - 100
        verdict = jobs:report(id, "running", now)
      else
        now = now + wait
      end
    until verdict
    assert.same({ 1, 3, 7, 15, 23, 30 }, asked)
    assert.equal("stalled", verdict)
    assert.same({ 0, 0 }, { jobs:count() })
  end)

  it("ends with the verdict of the table", function()
    local jobs = poll.new { terminal = terminal, start = 1, jitter = 0 }
    for status, verdict in pairs { success = "ok", warning = "partial", failed = "failed" } do
      jobs:add("x", nil, 0)
      assert.equal("x", jobs:next(1))
      assert.is_nil(jobs:report("x", "queued", 1))
      assert.is_nil(jobs:report("x", "a status nobody knows", 1))
      assert.is_nil(jobs:report("x", nil, 1))                 -- the question failed
      assert.equal(verdict, jobs:report("x", status, 1))
      assert.is_nil((jobs:next(1000)))
    end
    jobs:add("late", { deadline = 5 }, 0)
    assert.equal("ok", jobs:report("late", "success", 10))    -- a verdict is one even after the deadline
    jobs:add("late", { deadline = 5 }, 0)
    assert.equal("stalled", jobs:report("late", nil, 10))
  end)

  it("asks sooner again when the status has changed", function()
    local jobs = poll.new { terminal = terminal, start = 1, factor = 4, cap = 100, jitter = 0 }
    jobs:add("a", nil, 0)
    local function wait_after(status, now)
      jobs:next(1e6)
      jobs:report("a", status, now)
      local _, wait = jobs:next(now)
      return wait
    end
    assert.equal(4, wait_after("queued", 0))
    assert.equal(16, wait_after("queued", 0))
    assert.equal(64, wait_after(nil, 0))
    assert.equal(1, wait_after("running", 0))
    assert.equal(4, wait_after("running", 0))
  end)

  it("hands a job out once until it is reported", function()
    local jobs = poll.new { terminal = terminal, start = 1, jitter = 0 }
    jobs:add("a", nil, 0)
    jobs:add("b", nil, 0)
    local first, second = jobs:next(5), jobs:next(5)
    assert.is_true(first ~= second)
    assert.same({ 2, 2 }, { jobs:count() })
    local id, wait = jobs:next(1e6)
    assert.is_nil(id)
    assert.is_nil(wait)
    jobs:report(first, "queued", 6)
    assert.same({ 2, 1 }, { jobs:count() })
    assert.is_true(jobs:remove(second))
    assert.is_false(jobs:remove(second))
    assert.same({ 1, 0 }, { jobs:count() })
  end)

  it("keeps thousands apart, in the order of their times, and all to their end", function()
    local n, now, last = 20000, 0, 0
    local jobs = poll.new { terminal = terminal, start = 1, cap = 10, jitter = 0.5, deadline = 1000, seed = 1 }
    math.randomseed(3)
    local left, ended, asked = {}, 0, 0
    for i = 1, n do
      left[i] = math.random(5)
      jobs:add(i, nil, math.random() * 3)
    end
    while ended < n do
      local id, wait = jobs:next(now)
      if not id then
        assert(wait and wait > 0, "jobs are left, none waits")
        now = now + wait
        assert(now >= last)
        last = now
      else
        asked = asked + 1
        left[id] = left[id] - 1
        local verdict = jobs:report(id, left[id] == 0 and "success" or "queued", now)
        assert((verdict == "ok") == (left[id] == 0))
        if verdict then ended = ended + 1 end
      end
    end
    assert.equal(0, (jobs:count()))
    assert.is_true(asked > 2 * n and asked < 4 * n)
    for _, rest in ipairs(left) do assert.equal(0, rest) end
  end)

  it("spreads by its jitter, the same for the same seed", function()
    local function waits(seed)
      local jobs, list = poll.new { terminal = terminal, start = 10, jitter = 0.2, seed = seed }, {}
      for i = 1, 200 do
        jobs:add(i, nil, 0)
        list[i] = select(2, jobs:next(0))
        jobs:remove(i)
      end
      return list
    end
    local a = waits(1)
    assert.same(a, waits(1))
    assert.is_not.same(a, waits(2))
    local low, high = math.huge, 0
    for _, w in ipairs(a) do low, high = math.min(low, w), math.max(high, w) end
    assert.is_true(low >= 8 and low < 8.3 and high <= 12 and high > 11.7)
  end)

  it("takes any value as an id and reuses places", function()
    local jobs = poll.new { terminal = terminal, start = 1, jitter = 0 }
    local t = {}
    for round = 1, 3 do
      for _, id in ipairs { t, 1, 1.5, "1", true, print } do jobs:add(id, nil, round) end
      assert.equal(6, (jobs:count()))
      for _, id in ipairs { print, t, "1", 1, 1.5, true } do assert.equal("ok", jobs:report(id, "success", round)) end
    end
    assert.equal(0, (jobs:count()))
  end)

  it("uses the monotonic clock where no time is given", function()
    local jobs = poll.new { terminal = terminal, start = 0.001, jitter = 0, deadline = 0 }
    jobs:add "a"
    assert.equal("a", jobs:next())                            -- a deadline of 0: the first question is the last
    assert.equal("stalled", jobs:report("a", "queued"))
  end)

  it("has a ceiling and refuses what is wrong", function()
    local jobs = poll.new { terminal = terminal, max = 2 }
    jobs:add(1)
    jobs:add(2)
    local ok, err = jobs:add(3)
    assert.is_nil(ok)
    assert.equal("limit", err.code)
    assert.has_error(function() jobs:add(1) end)
    jobs:remove(1)
    assert.is_true(jobs:add(3))
    assert.has_error(function() jobs:report(1, "success") end)
    assert.has_error(function() jobs:add(nil) end)
    assert.has_error(function() jobs:add(0 / 0) end)
    assert.has_error(function() jobs:add(9, { deadlin = 1 }) end)
    assert.has_error(function() jobs:next "soon" end)
    for _, pace in ipairs { { start = 0 }, { factor = 0.5 }, { start = 5, cap = 1 }, { jitter = 2 }, { jitter = 0 / 0 }, { deadline = -1 } } do
      jobs:remove(2)
      assert.has_error(function() jobs:add(2, pace) end)
      assert.equal(1, (jobs:count()))
    end
    assert.has_error(function() poll.new {} end)
    assert.has_error(function() poll.new { terminal = { done = "maybe" } } end)
    assert.has_error(function() poll.new { terminal = { "ok" } } end)
    assert.has_error(function() poll.new { terminal = terminal, max = 0 } end)
  end)
end)
