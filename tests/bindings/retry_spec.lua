local retry = require "sluice.retry"

local function decide(case, more)
  for k, v in pairs(more or {}) do case[k] = v end
  return retry.decide(case)
end

describe("sluice.retry", function()
  it("decides by outcome and repeat class", function()
    local again, give_up = "again", "give_up"
    local table_of = {
      -- outcome, sent, safe, unsafe, never_automatic
      { "ok", true, "deliver", "deliver", "deliver" },
      { "partial", true, "deliver", "deliver", "deliver" },
      { "rejected", true, give_up, give_up, give_up },
      { "auth", true, "refresh", "refresh", give_up },
      { "limited", true, again, again, give_up },
      { "unavailable", true, again, again, give_up },
      { "unavailable", false, again, again, give_up },
      { "ambiguous", true, again, give_up, give_up },
      { "ambiguous", false, again, again, give_up },
    }
    for _, row in ipairs(table_of) do
      for i, class in ipairs { "safe", "unsafe", "never_automatic" } do
        local v = retry.decide { outcome = row[1], sent = row[2], repeat_ = class, code = "network" }
        assert.equal(row[2 + i], v.what, ("%s sent=%s %s"):format(row[1], row[2], class))
        assert.is_true(#v.reason > 0)
      end
    end
  end)

  it("names the code of giving up", function()
    local function code(case) return retry.decide(case).code end
    assert.equal("ambiguous", code { outcome = "ambiguous", repeat_ = "unsafe", code = "timeout" })
    assert.equal("ambiguous", code { outcome = "ambiguous", repeat_ = "never_automatic", code = "timeout" })
    assert.equal("network", code { outcome = "ambiguous", sent = false, repeat_ = "never_automatic", code = "network" })
    assert.equal("timeout", code { outcome = "ambiguous", attempt = 6, code = "timeout" })
    assert.equal("limit", code { outcome = "limited", attempt = 30, code = "unavailable" })
    assert.equal("not_found", code { outcome = "rejected", code = "not_found" })
    assert.equal("auth", code { outcome = "auth", refreshed = true, code = "auth" })
  end)

  it("backs off exponentially with full jitter, up to a cap", function()
    local function wait(attempt, random) return decide({ outcome = "unavailable", attempts = 100 }, { attempt = attempt, random = random }).wait end
    assert.equal(0, wait(1, 0))
    assert.near(0.499, wait(1, 0.999), 0.001)
    assert.near(2, wait(4, 0.5), 0.001)
    assert.near(15, wait(40, 0.5), 0.001)
    assert.is_true(decide({ outcome = "limited", attempt = 3 }, { random = 0 }).wait >= 1) -- 429 without a hint: half at least
  end)

  it("takes the server's hint first, a little later than it says", function()
    local v = retry.decide { outcome = "limited", hint = 3, attempt = 5, random = 0.5 }
    assert.near(3.15, v.wait, 0.001)
    assert.near(0.05, retry.decide({ outcome = "unavailable", hint = 0, random = 0 }).wait, 0.001)
  end)

  it("keeps the deadline over all attempts", function()
    local v = retry.decide { outcome = "limited", hint = 30, now = 100, deadline = 120 }
    assert.equal("give_up", v.what)
    assert.equal("limit", v.code)
    assert.matches("deadline", v.reason)
    assert.equal("again", retry.decide({ outcome = "limited", hint = 10, now = 100, deadline = 120 }).what)
    v = retry.decide { outcome = "unavailable", code = "unavailable", now = 130, deadline = 120 }
    assert.equal("unavailable", v.code)
  end)

  it("stops a storm of resends, but not the waiting for a rate", function()
    local budget, resent = retry.budget(), 0
    for i = 1, 1000 do
      budget:earn(i / 1000)
      local v = retry.decide { outcome = "unavailable", code = "unavailable", now = i / 1000, budget = budget }
      if v.what == "again" then resent = resent + 1 else assert.matches("retry budget", v.reason) end
    end
    assert.is_true(resent >= 109 and resent <= 113, resent) -- 10 at first, a tenth of 1,000, one for the second
    assert.equal("again", retry.decide({ outcome = "limited", now = 1, budget = budget }).what)
    assert.is_false(budget:spend(1))
    assert.is_true(budget:spend(3))
  end)

  it("saves up no more than 100 resends, and the trickle no more than 10", function()
    local budget = retry.budget()
    for _ = 1, 5000 do budget:earn(0) end
    local left = 0
    while budget:spend(0) do left = left + 1 end
    assert.equal(100, left)
    left = 0
    while budget:spend(1e6) do left = left + 1 end
    assert.equal(10, left)
  end)

  it("refuses bad arguments", function()
    assert.has_error(function() retry.decide { outcome = "fine" } end)
    assert.has_error(function() retry.decide { outcome = "ok", repeat_ = "often" } end)
    assert.has_error(function() retry.decide { outcome = "ok", random = 1 } end)
    assert.has_error(function() retry.decide { outcome = "ok", budget = {} } end)
    assert.has_error(function() retry.decide { outcme = "ok" } end)
    assert.has_error(function() retry.decide() end)
  end)

  describe("hints", function()
    local date = "Thu, 28 Apr 2022 19:30:20 GMT"
    local at = 1651174220

    it("reads Retry-After in both forms, against the server's own clock", function()
      assert.equal(7, retry.after("7", date, 0, 60))
      assert.equal(7, retry.after(" 7 ", nil, 0, 60))
      assert.equal(5, retry.after("Thu, 28 Apr 2022 19:30:25 GMT", date, at + 1000, 60))
      assert.equal(4, retry.after("Thu, 28 Apr 2022 19:30:25 GMT", nil, at + 1, 60))
      assert.equal(0, retry.after("Thu, 28 Apr 2022 19:00:00 GMT", date, at, 60))
    end)

    it("clamps what is absurd and ignores what is none", function()
      assert.equal(60, retry.after("86400", date, at, 60))
      assert.equal(60, retry.after(("9"):rep(40), date, at, 60))
      assert.equal(60, retry.after("Fri, 28 Apr 2090 19:30:25 GMT", date, at, 60))
      for _, text in ipairs { "", "soon", "-1", "1.5", "Thu, 99 Apr 2022 19:30:25 GMT", "\0" } do
        assert.is_nil((retry.after(text, date, at, 60)), text)
      end
      assert.is_nil((retry.after(nil, date, at, 60)))
    end)

    it("reads absolute reset times", function()
      assert.equal(3, retry.reset("1651174223", date, 0, 60))
      assert.equal(3, retry.reset("1651174223.7", date, 0, 60))
      assert.equal(3, retry.reset("1651174223000", date, 0, 60))
      assert.equal(2, retry.reset("1651174223", "no date", at + 1, 60))
      assert.equal(0, retry.reset("1651174000", date, at, 60))
      assert.equal(0, retry.reset("5", date, at, 60))
      assert.equal(60, retry.reset("4102444800", date, at, 60))
      for _, text in ipairs { "", "x", "1.x", ".5", "-5" } do assert.is_nil((retry.reset(text, date, at, 60)), text) end
    end)
  end)
end)
