local values = require "sluice.config.values"

describe("sluice.config.values", function()
  it("reads durations as seconds", function()
    local cases = { ["90"] = 90, ["0"] = 0, ["1.5"] = 1.5, ["30s"] = 30, ["15m"] = 900, ["15 min"] = 900, ["2h"] = 7200, ["1d"] = 86400,
      ["250ms"] = 0.25, ["1h30m"] = 5400, ["1h 30m 5s"] = 5405, ["1.5h"] = 5400 }
    for text, seconds in pairs(cases) do assert.equal(seconds, values.duration(text), text) end
    assert.equal("integer", math.type(values.duration "30s"))
  end)

  it("refuses what is no duration", function()
    for _, text in ipairs { "", "s", "-5s", "1:30", "30x", "1m2h", "5s5s", "1e3", "thirty", "30s!", "1..5s", ".5s" } do
      local value, reason = values.duration(text)
      assert.is_nil(value, text)
      assert.matches("30s, 15m, 2h", reason)
    end
    assert.equal("a duration is at most 100 years", select(2, values.duration "40000d"))
  end)

  it("knows rates", function()
    for _, text in ipairs { "30/s", "60/min", "1/5min", "2/500ms", "1000/h", "5/s burst 50", " 3 / s ", "30/s, 1000/h", "1/day" } do
      assert.equal(text, values.rate(text))
    end
    for _, text in ipairs { "", "30", "30/", "/s", "0/s", "30/x", "-1/s", "1/0s", "5/s burst", "5/s burst 0", "5/s,", "5/s x", "1.5/s" } do
      assert.is_nil(values.rate(text), text)
    end
  end)

  it("reads sizes as bytes", function()
    assert.equal(256000000, values.size "256MB")
    assert.equal(1073741824, values.size "1GiB")
    assert.equal(1500, values.size "1.5k")
    for _, text in ipairs { "", "256", "MB", "256XB", "-1MB" } do assert.is_nil(values.size(text), text) end
  end)

  describe("expand", function()
    local env = { A = "one", EMPTY = "", B_2 = "${A}" }
    local function expand(text) return values.expand(text, function(name) return env[name] end) end

    it("puts variables in", function()
      assert.equal("one", expand "${A}")
      assert.equal("<one|one>", expand "<${A}|${A}>")
      assert.equal("one", expand "${A:-two}")
      assert.equal("two", expand "${NONE:-two}")
      assert.equal("two", expand "${EMPTY:-two}")
      assert.equal("", expand "${EMPTY}")
      assert.equal("", expand "${NONE:-}")
      assert.equal("a:-b $", expand "${NONE:-a:-b $}")
    end)

    it("looks at what it put in no second time", function()
      assert.equal("${A}", expand "${B_2}")
    end)

    it("leaves other dollars, and has a way to write ${", function()
      assert.equal("$A $ $$ 5$", expand "$A $ $$ 5$")
      assert.equal("${A}", expand "$${A}")
      assert.equal("x${A}oney", expand "x$${A}${A}y")
    end)

    it("names the variable that is missing and how to set it", function()
      local text, reason, hint = expand "x ${NONE}"
      assert.is_nil(text)
      assert.equal("the variable NONE is not set", reason)
      assert.equal("export NONE=…, or give a default: ${NONE:-…}", hint)
    end)

    it("refuses what is no variable, also when it only checks", function()
      local cases = { ["${A"] = "this ${ has no }", ["${}"] = "${} is no variable", ["${A-b}"] = "${A-b} is no variable",
        ["${1A}"] = "${1A} is no variable", ["${A:?x}"] = "${A:?x} is no variable", ["${ A }"] = "${ A } is no variable" }
      for text, reason in pairs(cases) do
        assert.equal(reason, select(2, expand(text)))
        assert.equal(reason, select(2, values.expand(text)))
      end
      assert.equal("", values.expand "${NONE}")
    end)
  end)
end)
