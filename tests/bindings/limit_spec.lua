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

    it("does not make up for a late send, but for a quarter of a percent of its window", function()
      local b = limit.new "10/s"
      assert.equal(0, b:take(0.09))
      assert.near(0.0985, b:take(0.09), 0.0001)            -- 101 ms, less 2.5 ms
      assert.equal(0, b:take(0.25))                        -- 60 ms late
      assert.near(0.0985, b:take(0.25), 0.0001)
      b = limit.new "10/s"                                 -- each a little late: the pace stays what it is
      local now, sent = 0, 0
      while now < 100 do
        local wait = b:take(now)
        if wait == 0 then sent = sent + 1 end
        now = now + wait + 0.001
      end
      assert.is_true(sent >= 985 and sent <= 992, sent)
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

    it("says how it stands", function()
      local b = limit.new "1/s"
      assert.equal(0, b:state(5).fill)
      b:take(5)
      local s = b:state(5)
      assert.equal("1/s", s.rates)
      assert.near(1, s.fill, 0.01)
      assert.near(1.0075, s.wait, 0.001)
    end)

    it("wants times", function()
      local b = limit.new "1/s"
      assert.has_error(function() b:take() end)
      assert.has_error(function() b:take "soon" end)
      assert.has_error(function() b:take(0 / 0) end)
      assert.has_error(function() b.take({}, 1) end)
    end)
  end)

  describe("a line", function()
    local KEY = { host = "https://a:443", account = "x", class = "api", resource = "1" }

    local function key(n) return { host = "https://a:443", account = "x", class = "api", resource = tostring(n) } end

    -- Processes that send one after the other, as fast as they may, for `seconds` of a clock that is given. Each is
    -- { owner, interactive, dies_at, late }; gives how often each sent, all times, and the longest wait of each.
    local function simulate(rates, processes, seconds, set)
      set = set or limit.set(4)
      local now, times = 0, {}
      local function again(p)
        p.waiter = assert(set:join(KEY, rates, now, { owner = p.owner, interactive = p.interactive }))
        p.at, p.since = now, now
      end
      for i, p in ipairs(processes) do
        p.owner, p.sent, p.longest = p.owner or i, 0, 0
        again(p)
      end
      while true do
        local first
        for _, p in ipairs(processes) do
          if not p.dead and (not first or p.at < first.at) then first = p end
        end
        now = first.at
        if now >= seconds then return times, set end
        if first.dies_at and now >= first.dies_at then
          first.dead = true
        else
          local wait, ahead, late = first.waiter:ask(now)
          if ahead > 0 and (late or now - (first.looked or 0) >= 0.5) then -- as work/budget does
            first.looked = now
            for _, p in ipairs(processes) do
              if p.dead and not p.buried then p.buried = set:bury(p.owner) or true end
            end
            if wait > 0 then wait = first.waiter:ask(now) end
          end
          if wait == 0 then
            times[#times + 1] = now
            first.sent, first.longest = first.sent + 1, math.max(first.longest, now - first.since)
            first.waiter:leave()
            if first.pause then now = now + first.pause end
            again(first)
          else
            first.at = now + wait + (first.late or 0)
          end
        end
      end
    end

    local function shares(processes)
      local least, most, all = math.huge, 0, 0
      for _, p in ipairs(processes) do
        if not p.dead then least, most = math.min(least, p.sent), math.max(most, p.sent) end
        all = all + p.sent
      end
      return most / least, all
    end

    local function eight(each)
      local list = {}
      for i = 1, 8 do list[i] = each and each(i) or {} end
      return list
    end

    it("gives eight processes the same share of the whole rate", function()
      for _, case in ipairs { { "3/s", 3 }, { "30/s", 30 } } do
        local list = eight(function(i) return { late = i * 0.0002 } end)
        local times = simulate(case[1], list, 60)
        local spread, all = shares(list)
        assert.is_true(crowd(times, 1) <= case[2], case[1])
        assert.is_true(all >= 0.98 * 60 * case[2], all)
        assert.is_true(spread <= 1.1, spread)
      end
    end)

    it("gives the share of the dead to the others within a second", function()
      for _, case in ipairs { { "3/s", 3 }, { "30/s", 30 } } do
        local list = eight(function(i) return { dies_at = i <= 4 and 20 or nil } end)
        local times = simulate(case[1], list, 60)
        local spread, all = shares(list)
        assert.is_true(crowd(times, 1) <= case[2])
        assert.is_true(all >= 0.98 * 60 * case[2], all)
        assert.is_true(spread <= 1.1, spread)
        local gap = 0
        for i = 2, #times do gap = math.max(gap, times[i] - times[i - 1]) end
        assert.is_true(gap < 1 / case[2] + 1, gap)
      end
    end)

    it("lets the next one have the slot of five minutes, whoever dies before it", function()
      local list = { { dies_at = 10 }, { dies_at = 20 }, {} }
      list[1].pause = 1
      local times = simulate("1/5min", list, 1000)
      assert.near(0, times[1], 0.01)
      assert.near(302, times[2], 2)
      assert.near(605, times[3], 3)
      assert.equal(3, list[3].sent)
    end)

    it("passes over one who is alive and does not come, and keeps its place", function()
      local set = limit.set(4)
      local slow, quick = assert(set:join(KEY, "10/s", 0, { owner = 1 })), assert(set:join(KEY, "10/s", 0, { owner = 2 }))
      local wait, ahead, late = quick:ask(0)
      assert.same({ true, 1, true }, { wait > 0 and wait < 0.05, ahead, late })
      assert.equal(0, (quick:ask(wait)))
      quick:leave()
      quick = assert(set:join(KEY, "10/s", 0.1, { owner = 2 }))
      assert.equal(0, (slow:ask(0.2)))
      assert.is_true(quick:ask(0.2) > 0)
    end)

    it("lets a person wait one slot at most behind bulk jobs, and these go on", function()
      local list = eight()
      list[9] = { interactive = true }
      simulate("3/s", list, 60)
      assert.is_true(list[9].longest < 2 * 0.34, list[9].longest)
      assert.is_true(list[9].sent >= 60 and list[9].sent <= 90, list[9].sent) -- every second slot
      assert.is_true(list[1].sent >= 9)
    end)

    it("serves those of a kind in the order of asking", function()
      local set, order, waiting = limit.set(4), {}, {}
      for i = 1, 5 do waiting[i] = assert(set:join(KEY, "10/s", 0, { owner = i })) end
      for now = 0, 1, 0.11 do
        for i = 5, 1, -1 do
          if waiting[i] and waiting[i]:ask(now) == 0 then
            order[#order + 1] = i
            waiting[i]:leave()
            waiting[i] = nil
          end
        end
      end
      assert.same({ 1, 2, 3, 4, 5 }, order)
    end)

    it("keeps how many may be under way", function()
      local set = limit.set(4)
      local rates = "60/min, concurrent 1"
      local a, b = assert(set:join(KEY, rates, 0, { owner = 1 })), assert(set:join(KEY, rates, 0, { owner = 2 }))
      assert.equal(0, (a:ask(0)))
      local wait, ahead = b:ask(100)
      assert.is_true(wait > 0 and wait <= 0.5)
      assert.equal(1, ahead)
      a:leave()
      assert.equal(0, (b:ask(100.1)))
      local c = assert(set:join(KEY, rates, 101, { owner = 3 }))
      assert.is_true(c:ask(200) > 0)
      set:bury(2)                                           -- who sent is dead: the request is over
      assert.equal(0, (c:ask(200)))
      assert.equal(1, limit.parse("concurrent 1, 60/min").concurrent)
      for _, text in ipairs { "60/min, concurrent 0", "concurrent 1", "60/min, concurrent 1, concurrent 2", "60/min, concurrent x" } do
        assert.is_nil((limit.parse(text)), text)
      end
    end)

    it("learns for all who share it", function()
      local set = limit.set(4)
      local a, b = assert(set:join(KEY, "30/s", 0)), assert(set:join(KEY, "30/s", 0, { owner = 2 }))
      assert.equal(0, (a:ask(0)))
      assert.is_true(a:learn(10, 1, 0))
      assert.near(0.0985, (b:ask(0.001)) + 0.001, 0.005)
      a:penalty(5, 0.01)
      local now = 0.01
      while b:ask(now) > 0 do now = now + 0.01 end
      assert.near(5, now, 0.02)
      assert.equal("learnt", set:rows(1)[1].from)
      assert.same({ 0, 2, 2 }, { set:rows(1)[1].waiting, set:rows(1)[1].sending, set:rows(1)[1].sent })
    end)

    it("keeps what it has learnt where a connection with a lower limit of its own hears the same", function()
      local set = limit.set(4)
      local fast, slow = assert(set:join(KEY, "30/s", 0)), assert(set:join(KEY, "5/s", 0, { owner = 2 }))
      fast:ask(0)
      assert.is_true(fast:learn(10, 1, 0))
      assert.is_false(slow:learn(10, 1, 0))
      assert.is_false(slow:learn(8, 1, 0))                 -- between the two: the fast one will hear it too
      assert.equal(10, set:rows(0)[1].learnt)
      assert.is_true(slow:learn(20, 1, 0))                 -- it has gone up; the fast one hears how far
      assert.is_nil(set:rows(0)[1].learnt)
    end)

    it("has one budget per key, whose parts don't run into each other", function()
      local set = limit.set(10)
      assert.equal(0, (assert(set:join(key(1), "1/s", 0)):ask(0)))
      assert.equal(0, (assert(set:join(key(2), "1/s", 0)):ask(0)))
      assert.is_true(assert(set:join(key(1), "1/s", 0)):ask(0) > 0)
      assert.equal(0, (assert(set:join({ host = "https://a:443", account = "xapi", class = "", resource = "1" }, "1/s", 0)):ask(0)))
      assert.equal(3, #set:rows(0))
    end)

    it("forgets idle budgets at its ceiling, and says so when there are none", function()
      local set = limit.set(3)
      local held = {}
      for i = 1, 3 do
        held[i] = assert(set:join(key(i), "1/s", 0))
        held[i]:ask(0)
      end
      local none, err = set:join(key(4), "1/s", 100)
      assert.is_nil(none)
      assert.equal("limit", err.code)
      held[1]:leave()
      assert.is_nil((set:join(key(4), "1/s", 0.5)))          -- nobody holds it, but it is not idle yet
      assert.equal(0, (assert(set:join(key(4), "1/s", 100)):ask(100)))
      assert.equal(3, #set:rows(100))
    end)

    it("says where the line is too long", function()
      local set, err = limit.set(1), nil
      local all = {} -- kept: who is collected leaves the line
      for i = 1, 4097 do all[i], err = set:join(KEY, "1/s", 0) end
      assert.equal(4096, #all)
      assert.same({ "limit", true }, { err.code, err.message:find "4096" ~= nil })
    end)

    it("refuses unknown fields, and words with who has left", function()
      local set = limit.set(3)
      assert.has_error(function() set:join({ hots = "x" }, "1/s", 0) end)
      assert.has_error(function() set:join(KEY, "1/s", 0, { onwer = 1 }) end)
      assert.has_error(function() limit.set(0) end)
      local w = assert(set:join(KEY, "1/s", 0))
      w:leave()
      assert.error_matches(function() w:ask(0) end, "has left")
    end)
  end)
end)
