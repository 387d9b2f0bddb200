local process = require "sluice.process"
local task = require "sluice.task"
local time = require "sluice.time"

describe("time", function()
  it("parses every form the APIs use", function()
    local t = 1609835104 -- beside "2021-01-05 08:25:04" in the Stock2Shop documents, in ms
    for _, text in ipairs { "2021-01-05 08:25:04", "2021-01-05T08:25:04Z", "2021-01-05T08:25:04+0000", "2021-01-05T10:25:04+02:00",
      "2021-01-05T03:25:04-05:00", "Tue, 05 Jan 2021 08:25:04 GMT", " 2021-01-05 08:25:04 " } do
      assert.equal(t, time.parse(text))
      assert.equal("integer", math.type(time.parse(text)))
    end
    assert.equal(t + 0.5, time.parse "2021-01-05 08:25:04.500000")
    assert.equal(1609804800, time.parse "2021-01-05")
    assert.equal(951782400, time.parse "2000-02-29")
    assert.equal(0, time.parse "1970-01-01T00:00:00Z")
  end)

  it("refuses what is no time, with an error value", function()
    for _, text in ipairs { "", "now", "2021-13-01", "2021-02-29", "2100-02-29", "2021-01-05 25:00:00", "2021-01-05T08:25", "2021-01-05 08:25:04x",
      "05/01/2021", "2021-1-5", "Tue, 05 Foo 2021 08:25:04 GMT", "2021-01-05T08:25:04+2", "1609835104" } do
      local t, problem = time.parse(text)
      assert.is_nil(t, text)
      assert.equal("invalid", problem.code)
    end
  end)

  it("parses a day by its own form, day first, and nothing else by that", function()
    assert.equal(1517356800, time.parse("31/01/2018", "day"))
    assert.equal(time.parse "2017-03-02", time.parse(" 02/03/2017 ", "day"))
    for _, text in ipairs { "01/31/2018", "2018-01-31", "31/1/2018", "29/02/2017", "31/01/2018 10:00", "31-01-2018", "" } do
      local t, problem = time.parse(text, "day")
      assert.is_nil(t, text)
      assert.equal("invalid", problem.code)
      assert.matches("day first", problem.message)
    end
    assert.has_error(function() time.parse("31/01/2018", "week") end)
  end)

  it("prints them", function()
    assert.equal("2021-01-05 08:25:04", time.format(1609835104, "sql"))
    assert.equal("2021-01-05T08:25:04Z", time.format(1609835104))
    assert.equal("2021-01-05T08:25:04.250Z", time.format(1609835104.25))
    assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", time.format(784111777, "http"))
    assert.equal("31/01/2018", time.format(1517356800 + 86399.5, "day"))
    assert.equal("1969-12-31T23:59:59Z", time.format(-1))
    assert.has_error(function() time.format(1e18) end)
  end)

  it("reads back what it prints", function()
    math.randomseed(7)
    for _ = 1, 2000 do
      local t = math.random(-62167219200, 253402300799)
      for _, form in ipairs { "sql", "rfc3339", "http" } do assert.equal(t, time.parse(time.format(t, form))) end
      assert.equal(t - t % 86400, time.parse(time.format(t, "day"), "day"))
    end
  end)

  it("has an injected clock", function()
    local before, mono = time.now(), time.mono()
    time.shift(3600, 60)
    assert.is_true(time.now() - before >= 3600 and time.mono() - mono >= 60)
    time.shift()
    assert.is_true(time.now() - before < 3600)
  end)

  it("flies where nothing but timers is under way, on both clocks, and in order", function()
    local wall, mono, cpu, order = time.now(), time.mono(), time.cpu(), {}
    time.fly(true)
    task.all {
      function() task.sleep(7200) order[#order + 1] = "late" end,
      function() task.sleep(60) order[#order + 1] = "soon" end,
    }
    assert.is_true(time.mono() - mono > 7199 and time.now() - wall > 7199) -- timers count whole milliseconds
    local child = time.mono()
    assert(process.run { argv = { "sleep", "0.1" } }) -- a program takes its own time
    assert.is_true(time.mono() - child > 0.09 and time.mono() - child < 30)
    time.fly(false)
    time.shift()
    assert.same({ "soon", "late" }, order)
    assert.is_true(time.cpu() - cpu < 2)
    assert.has_error(function() time.fly "yes" end)
  end)
end)
