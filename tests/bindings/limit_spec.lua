local limit = require "sluice.limit"

-- How many sends a bucket lets through in [from, from + seconds) when asked as often as it says.
local function sends(bucket, from, seconds)
  local times, now = {}, from
  while now < from + seconds do
    local wait = bucket:take(now)
    if wait == 0 then times[#times + 1] = now else now = now + wait end
  end
  return times, now
end

-- The most sends in any window of that length.
local function crowd(times, window)
  local most, first = 0, 1
  for last = 1, #times do
    while times[last] - times[first] >= window do first = first + 1 end
    most = math.max(most, last - first + 1)
  end
  return most
end

describe("sluice.limit", function()
  describe("parse", function()
    it("reads rates and prints them shortly", function()
      local cases = {
        ["30/s"] = { 30, 1, 1 }, ["60/min"] = { 60, 60, 1 }, ["1/5min"] = { 1, 300, 1 }, ["2/500ms"] = { 2, 0.5, 1 },
        [" 1000 / h "] = { 1000, 3600, 1 }, ["5/s burst 50"] = { 5, 1, 50 }, ["1/d"] = { 1, 86400, 1 },
      }
      for text, want in pairs(cases) do
        local got = assert(limit.parse(text))
        assert.same({ want[1], want[2], want[3] }, { got[1].count, got[1].window, got[1].burst }, text)
        assert.same(got, limit.parse(got.text))
      end
      assert.equal("30/s, 1000/h", limit.parse("30/s,1000/60min").text)
    end)

    it("refuses what is no rate, with an example", function()
      for _, text in ipairs { "", "30", "0/s", "-1/s", "30/", "30/fortnight", "x/s", "1/0s", "5/s burst", "5/s burst 0", "5/s 50",
        "30/s,", "1/s,1/s,1/s,1/s,1/s", "99999999999999999999/s", "1/99999d", "100000/ms" } do
        local got, err = limit.parse(text)
        assert.is_nil(got, text)
        assert.equal("config", err.code)
      end
      local _, err = limit.parse "often"
      assert.matches("'often' is not a rate", err.message)
      assert.matches("30/s", err.hint)
      assert.has_error(function() limit.new "often" end)
      assert.has_error(function() limit.new() end)
    end)
  end)

  describe("a bucket", function()
    it("keeps a percent under its rate and never more than the rate in any window", function()
      for _, case in ipairs { { "30/s", 30, 1 }, { "3/s", 3, 1 }, { "60/min", 60, 60 } } do
        local times = sends(limit.new(case[1]), 1000, 20 * case[3])
        assert.is_true(crowd(times, case[3]) <= case[2])
        local share = #times / (20 * case[2])
        assert.is_true(share >= 0.98 and share <= 1, case[1] .. ": " .. share)
      end
    end)

    it("does not make up for a late send", function()
      local b = limit.new "10/s"
      local slot = b:reserve(0)
      assert.equal(0, slot)
      local second = b:reserve(0)
      assert.equal(0, b:claim(slot, 0.09))                 -- 90 ms late
      assert.near(0.191, b:claim(second, 0.102) + 0.102, 0.001)
      assert.equal(0, b:claim(second, 0.192))
      assert.near(0.293, b:reserve(0.2), 0.001)            -- whoever comes next sees what was really sent
    end)

    it("lets an explicit burst go at once, and no more after a pause than the burst", function()
      local b = limit.new "5/s burst 50"
      local times = sends(b, 0, 1)
      assert.is_true(#times >= 53 and #times <= 55, #times)
      times = sends(b, 1000, 1)
      assert.is_true(#times >= 53 and #times <= 55, #times)
    end)

    it("honours several windows at once", function()
      local b = limit.new "5/s burst 5, 10/min burst 10"
      local times = sends(b, 0, 60)
      assert.is_true(crowd(times, 1) <= 10)
      assert.is_true(#times >= 19 and #times <= 20, #times) -- the burst of ten, and ten in the minute
    end)

    it("gives slots in the order of asking, far apart ones too", function()
      local b = limit.new "1/5min"
      assert.equal(0, b:reserve(0))
      assert.near(303, b:reserve(0), 0.01)
      assert.near(606, b:reserve(1), 0.01)
    end)

    it("blocks nobody when a holder dies or gives up", function()
      local b = limit.new "10/s"
      local first, second, third = b:reserve(0), b:reserve(0), b:reserve(0)
      assert.equal(0, b:claim(third, third))               -- the first two never came
      assert.is_true(first < second and second < third)
      local fourth = b:reserve(third)
      assert.is_true(b:cancel(fourth, third))
      assert.equal(fourth, b:reserve(third))               -- the newest came back
      b:reserve(third)
      assert.is_false(b:cancel(fourth, third))             -- an older one did not
    end)

    it("learns a lower limit from headers, at once, and never goes above the definition", function()
      local b = limit.new "30/s"
      assert.equal(0, b:take(0))
      assert.is_true(b:learn(10, 1, 0))
      assert.near(0.101, b:take(0), 0.001)
      assert.equal(10, b:state(0).learnt)
      assert.is_false(b:learn(10, 1, 0))
      assert.is_true(b:learn(20, 1, 1))                    -- a later header: faster again
      assert.near(0.0505, b:state(1).interval, 0.0001)
      assert.is_true(b:learn(100, 1, 2))                   -- more than the definition is the definition
      assert.is_nil(b:state(2).learnt)
      assert.near(0.03367, b:state(2).interval, 0.0001)
      for _, bad in ipairs { { 0, 1 }, { -5, 1 }, { 10, 0 }, { 10, -1 }, { math.maxinteger, 1 } } do
        assert.is_false(b:learn(bad[1], bad[2], 3))
      end
    end)

    it("clips a burst to a learnt limit", function()
      local b = limit.new "5/s burst 50"
      b:learn(2, 1, 0)
      assert.is_true(#sends(b, 0, 1) <= 4)
    end)

    it("stops after a 429, goes on one by one and recovers slowly", function()
      local b = limit.new "5/s burst 50"
      b:penalty(10, 0)
      assert.near(10, b:take(0), 0.001)
      assert.equal(10, b:state(0).blocked)
      local times = sends(b, 10, 10)
      assert.is_true(crowd(times, 1) <= 5)                 -- the burst is gone
      b = limit.new "10/s"
      b:penalty(0, 0)
      assert.near(0.111, b:state(0).interval, 0.001)       -- ten percent more distance
      b:penalty(0, 0.2)                                    -- the same incident
      assert.near(0.111, b:state(0.2).interval, 0.001)
      b:penalty(0, 2)
      assert.near(0.121, b:state(2).interval, 0.001)
      assert.near(0.111, b:state(12.5).interval, 0.001)
      assert.near(0.101, b:state(30).interval, 0.001)
      for i = 1, 50 do b:penalty(0, 100 + i * 2) end
      assert.near(0.401, b:state(200).interval, 0.001)     -- and a ceiling
      assert.near(0.101, b:state(1000).interval, 0.001)
    end)

    it("follows a stepped clock", function()
      local b = limit.new "1/min"
      b:take(1000)
      b:shift(-500)
      assert.near(60.6, b:take(500), 0.01)
    end)

    it("says how it stands", function()
      local b = limit.new "1/s"
      assert.equal(0, b:state(5).fill)
      b:take(5)
      local s = b:state(5)
      assert.equal("1/s", s.rates)
      assert.near(1, s.fill, 0.01)
      assert.near(1.01, s.wait, 0.001)
    end)

    it("wants times", function()
      local b = limit.new "1/s"
      assert.has_error(function() b:take() end)
      assert.has_error(function() b:take "soon" end)
      assert.has_error(function() b:take(0 / 0) end)
      assert.has_error(function() b.take({}, 1) end)
    end)
  end)

  describe("a set", function()
    local function key(n) return { host = "https://a:443", account = "x", class = "api", resource = tostring(n) } end

    it("has one bucket per key", function()
      local set = limit.set(10)
      local a, b = set:bucket(key(1), "1/s", 0), set:bucket(key(2), "1/s", 0)
      assert.equal(0, a:take(0))
      assert.equal(0, b:take(0))
      assert.is_true(set:bucket(key(1), "1/s", 0):take(0) > 0)
      assert.equal(2, #set)
      -- The parts of a key don't run into each other.
      local c = set:bucket({ host = "https://a:443", account = "xapi", class = "", resource = "1" }, "1/s", 0)
      assert.equal(0, c:take(0))
    end)

    it("forgets idle buckets at its ceiling, and says so when there are none", function()
      local set = limit.set(3)
      local held = {}
      for i = 1, 3 do
        held[i] = set:bucket(key(i), "1/s", 0)
        held[i]:take(0)
      end
      local none, err = set:bucket(key(4), "1/s", 100)
      assert.is_nil(none)
      assert.equal("limit", err.code)
      held[1] = nil
      collectgarbage()
      collectgarbage()
      assert.is_nil(set:bucket(key(4), "1/s", 0.5))        -- nobody holds it, but it is not idle yet
      assert.is_truthy(set:bucket(key(4), "1/s", 100))
      assert.equal(3, #set)
    end)

    it("refuses unknown fields", function()
      assert.has_error(function() limit.set(3):bucket({ hots = "x" }, "1/s", 0) end)
      assert.has_error(function() limit.set(0) end)
    end)
  end)
end)
