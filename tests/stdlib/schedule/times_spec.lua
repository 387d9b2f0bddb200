local time = require "sluice.time"
local times = require "sluice.schedule.times"

local NOW = time.parse "2026-11-28T11:30:00Z" -- 12:30 in Berlin, a Saturday

local function read(text, options)
  local at, expected = times.read(text, { zone = options and options.zone or "Europe/Berlin", now = NOW, ahead = options and options.ahead })
  return at and time.format(at) or nil, expected
end

describe("sluice.schedule.times", function()
  it("reads times with and without a zone, a day, a second", function()
    for text, said in pairs {
      ["2026-11-28T10:00:00+01:00"] = "2026-11-28T09:00:00Z", ["2026-11-28T10:00:00Z"] = "2026-11-28T10:00:00Z",
      ["2026-11-28 10:00"] = "2026-11-28T09:00:00Z", ["2026-11-28T10:00"] = "2026-11-28T09:00:00Z",
      ["2026-11-28 10:00:07"] = "2026-11-28T09:00:07Z", ["2026-07-01 10:00"] = "2026-07-01T08:00:00Z", ["2026-11-28"] = "2026-11-27T23:00:00Z",
      ["12:30"] = "2026-11-28T11:30:00Z", ["12:31"] = "2026-11-27T11:31:00Z", ["9:05:30"] = "2026-11-28T08:05:30Z",
      ["2h"] = "2026-11-28T09:30:00Z", ["1d"] = "2026-11-27T11:30:00Z", ["2h ago"] = "2026-11-28T09:30:00Z", ["in 10m"] = "2026-11-28T11:40:00Z",
      now = "2026-11-28T11:30:00Z", ["1970-01-01 01:00"] = "1970-01-01T00:00:00Z", ["2024-02-29 00:00"] = "2024-02-28T23:00:00Z",
    } do
      assert.equal(said, (read(text)), text)
    end
  end)

  it("looks ahead where that is meant", function()
    for text, said in pairs { ["12:31"] = "2026-11-28T11:31:00Z", ["12:30"] = "2026-11-29T11:30:00Z", ["2h"] = "2026-11-28T13:30:00Z",
      ["2h ago"] = "2026-11-28T09:30:00Z", ["2026-12-01 00:00"] = "2026-11-30T23:00:00Z" } do
      assert.equal(said, (read(text, { ahead = true })), text)
    end
  end)

  it("goes by the rules of schedules where the clock changes", function()
    assert.equal("2026-03-29T01:00:00Z", (read "2026-03-29 02:30")) -- missing: the instant after the gap
    assert.equal("2026-10-25T00:30:00Z", (read "2026-10-25 02:30")) -- twice: the first
    assert.equal("2011-12-30T10:00:00Z", (read("2011-12-30 12:00", { zone = "Pacific/Apia" }))) -- a day that was not there
    assert.equal("2026-11-27T20:00:00Z", (read("2026-11-28 10:00", { zone = "Pacific/Kiritimati" })))
    assert.equal("2026-11-28T21:00:00Z", (read("2026-11-28 10:00", { zone = "Pacific/Pago_Pago" })))
  end)

  it("refuses everything else and says how it is written", function()
    for _, text in ipairs { "", "10", "25:00", "10:60", "10:0", "2026-13-01", "2026-02-30 10:00", "2025-02-29 10:00",
      "2026-11-28 10:00 CET", "tomorrow", "10:00 ago", "-2h", "2x", "2026-11-28T10:00:00+99:00", "in", "ago", "2026-11-28 10:00:61" } do
      local at, expected = read(text)
      assert.is_nil(at, text)
      assert.matches("write it like 2026%-11%-28T10:00:00%+01:00, .* 2h %(ago%) or now", expected)
    end
    assert.matches("2h %(from now%)", select(2, read("x", { ahead = true })))
  end)

  it("shows times without what is known", function()
    local near = "2026-11-28T12:30:00+01:00"
    assert.equal("10:00", times.short("2026-11-28T10:00:00+01:00", near))
    assert.equal("10:00:22", times.short("2026-11-28T10:00:22+01:00", near))
    assert.equal("2026-11-27 10:00", times.short("2026-11-27T10:00:00+01:00", near))
    assert.equal("2026-11-28 10:00", times.short "2026-11-28T10:00:00+01:00")
  end)

  it("shows spans in two units at most", function()
    for seconds, said in pairs { [0] = "0 s", [0.44] = "0.4 s", [9.96] = "10 s", [12.4] = "12 s", [60] = "1 min",
      [200] = "3 min 20 s", [7500] = "2 h 5 min", [7200] = "2 h", [3659.7] = "1 h 1 min", [86400 * 3 + 60] = "3 d", [86400 + 7200] = "1 d 2 h" } do
      assert.equal(said, times.span(seconds), seconds)
    end
  end)
end)
