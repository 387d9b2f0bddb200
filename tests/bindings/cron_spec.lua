local cron = require "sluice.cron"
local time = require "sluice.time"

local function spec(text, name) return assert(cron.parse(text, { name = name })) end

-- The next due times as they are printed.
local function times(text, after, count, name)
  local s, list = spec(text, name), {}
  for i, t in ipairs(s:times(assert(time.parse(after)), count)) do list[i] = s:format(t) end
  return list
end

local function refused(text, options)
  local s, e = cron.parse(text, options)
  assert.is_nil(s, text)
  assert.equal("config", e.code)
  assert.equal(("line %d, column %d: %s"):format(e.line, e.column, e.reason), e.message)
  assert.truthy(e.hint, text)
  return ("%d:%d %s"):format(e.line, e.column, e.reason), e.hint
end

describe("sluice.cron", function()
  it("gives times strictly later, as whole minutes with the zone's offset", function()
    assert.same({ "2026-01-01T00:01:00+00:00", "2026-01-01T00:02:00+00:00" }, times("* * * * *", "2026-01-01T00:00:00Z", 2))
    assert.same({ "2026-01-01T00:00:00+00:00" }, times("* * * * *", "2025-12-31T23:59:59Z", 1))
    assert.equal(1767225660, spec("* * * * *"):next(1767225600.5))
    assert.equal(1767225660, spec("* * * * *"):next(1767225659.999))
    assert.same({ "2026-01-01T05:45:00+05:45" }, times("TZ=Asia/Kathmandu\n*/15 * * * *", "2025-12-31T23:59:59Z", 1))
    assert.equal("integer", math.type(spec("* * * * *"):next(0.5)))
  end)

  it("reads the example of Productsup's document", function()
    local text = [[
TZ=Europe/Berlin # This is the timezone
H 2,6,19,22 * * 2,4,6  # Run at 02:XX, 06:XX, 16:XX and 19:XX on every Tuesday, Thursday and Saturday
H * * * * # Run at a random minute, every hour, every day
1 3,8,21 */2 * * # Run at 03:01, 08:01 and 21:01 every second day]]
    local s = spec(text, "site 123")
    assert.same({ "Europe/Berlin", false }, { s.zone, s.empty })
    assert.same({ 24 + 3 }, { (s:count(time.parse "2026-01-04T23:00:00Z", time.parse "2026-01-05T23:00:00Z")) })
  end)

  it("takes an empty text for no schedule", function()
    for _, text in ipairs { "", "\n", "  \t\r\n# nothing\n", "TZ=UTC\n", "\xEF\xBB\xBF" } do
      local s = spec(text)
      assert.is_true(s.empty)
      assert.is_nil(s:next(0))
      assert.same({}, s:times(0, 5))
      assert.same({ 0 }, { s:count(0, 1e9) })
      assert.same({}, s:changes(0, 1e10))
    end
  end)

  it("joins the lines of a text: sorted, each time once", function()
    assert.same({ "2026-01-01T00:10:00+00:00", "2026-01-01T00:20:00+00:00", "2026-01-01T00:30:00+00:00",
      "2026-01-01T01:10:00+00:00" },
      times("30 0 * * *\r\n10 * * * *\r\n20,30 0 * * *", "2026-01-01", 4))
  end)

  it("reads numbers, names, ranges, steps and lists", function()
    local function same(a, b) assert.same(times(a, "2026-01-01", 60), times(b, "2026-01-01", 60)) end
    same("08 007 * * *", "8 7 * * *")
    same("0 0 * JAN,mar-Apr,12 *", "0 0 * 1,3,4,12 *")
    same("0 0 * * SUN,tue-Thu", "0 0 * * 0,2,3,4")
    same("0 0 * * 7", "0 0 * * 0")
    same("0 0 * * 5-7", "0 0 * * 0,5,6")
    same("0 0 * * 1-7/2", "0 0 * * 0,1,3,5")
    same("1-30/10,5,5,0-6 * * * *", "0,1,2,3,4,5,6,11,21 * * * *")
    same("*/15 * * * *", "0,15,30,45 * * * *")
    same("\t0   0\t*  * * # comment", "0 0 * * *")
    same("0 0 * * *", "0 0 * * * #")
  end)

  it("has macros with fixed times", function()
    for macro, line in pairs { ["@yearly"] = "0 0 1 1 *", ["@annually"] = "0 0 1 1 *", ["@monthly"] = "0 0 1 * *",
      ["@weekly"] = "0 0 * * 0",
      ["@daily"] = "0 0 * * *", ["@midnight"] = "0 0 * * *", ["@hourly"] = "0 * * * *" } do
      local zone = "TZ=America/New_York\n"
      assert.same(times(zone .. line, "2026-01-01", 20), times(zone .. macro .. " # so", "2026-01-01", 20))
    end
  end)

  it("has Vixie's rule for the two day fields", function()
    local function days(line, count)
      local list = {}
      for i, t in ipairs(times(line, "2026-02-01T12:00:00Z", count)) do list[i] = t:sub(6, 10) end
      return table.concat(list, " ")
    end
    assert.equal("02-06 02-13 02-20 02-27 03-06 03-13", days("0 0 13 * 5", 6))
    assert.equal("02-06 02-12 02-13 02-20 02-27", days("0 0 12 * 5", 5))
    assert.equal("02-02 02-03 02-04", days("0 0 1-31 * 1", 3))
    assert.equal("02-09 02-23 03-09", days("0 0 */2 * 1", 3))         -- Mondays on odd days
    assert.equal("02-13 03-13 09-13", days("0 0 13 * */5", 3))        -- Sunday or Friday the 13th
    assert.equal("02-02 02-09", days("0 0 *,13 * 1", 2))              -- begins with *
    assert.equal("02-02 02-03", days("0 0 13,* * 1", 2))              -- does not
    assert.equal("02-05 02-06", days("0 0 * * */5,4", 2))
  end)

  it("finds what is far away", function()
    assert.same({ "2128-02-29T00:00:00+00:00", "2156-02-29T00:00:00+00:00" }, times("0 0 29 2 */7", "2088-03-01", 2))
    assert.same({ "2104-02-29T12:00:00+00:00" }, times("0 12 29 2 *", "2096-03-01", 1))
    assert.same({ "9999-12-31T23:59:00+00:00" }, times("59 23 31 12 *", "9999-01-01", 5))
    assert.is_nil(spec("0 0 1 1 *"):next(time.parse "9999-06-01"))
    assert.is_nil(spec("0 0 1 1 *"):next(9e11))
    assert.same({ "0000-01-01T00:00:00+00:00" }, { spec("0 0 1 1 *"):format(spec("0 0 1 1 *"):next(-62167219201)) })
  end)

  it("refuses what can never run, by its fields", function()
    for _, day in ipairs { "30 2", "31 4", "31 2,4,6,9,11", "30,31 2" } do
      assert.equal("2:5 this line can never run: none of its months has such a day", (refused("0 0 1 1 *\n0 0 " .. day .. " *")))
      refused("0 0 " .. day .. " */2")
      assert.is_truthy(spec("0 0 " .. day .. " 1"):next(0))            -- Mondays of the month
    end
    assert.is_truthy(spec("0 0 30 2,3 *"):next(0))
  end)

  it("says where a text is wrong, why, and what to write", function()
    for _, row in ipairs {
      { "0 0 * * 5#2", "1:10 a '#' inside of '5#2'", "blank" },
      { "0 0 * * 5# x", "1:10 a '#' inside of '5#'", "blank" },
      { "0 0 * * 5\n# ä\n 0 24 * * *", "3:4 24 is no hour", "an hour is 0 to 23" },
      { "60 * * * *", "1:1 60 is no minute", "0 to 59" },
      { "0 0 0 * *", "1:5 0 is no day of the month", "1 to 31" },
      { "0 0 32 * *", "1:5 32 is no day of the month", "1 to 31" },
      { "0 0 * 13 *", "1:7 13 is no month", "JAN to DEC" },
      { "0 0 * * 8", "1:9 8 is no weekday", "0 and 7 are Sunday" },
      { "-1 * * * *", "1:1 '-' is no minute", "no sign" },
      { "+1 * * * *", "1:1 '+' is no minute", "no sign" },
      { "4294967297 * * * *", "1:1 4294967297 is no minute", "0 to 59" },
      { "18446744073709551617 * * * *", "1:1 18446744073709551617 is no minute", "0 to 59" },
      { "1.5 * * * *", "1:2 '.' is not understood in the field of the minute", "made of" },
      { "5/15 * * * *", "1:2 a step behind a single value has two readings", "5-59/" },
      { "*/0 * * * *", "1:2 the step 0 is no step", "1 to 60" },
      { "*/61 * * * *", "1:2 the step 61 is larger than the range", "1 to 60" },
      { "10-19/11 * * * *", "1:6 the step 11 is larger than the range", "1 to 10" },
      { "0 0 * * */8", "1:10 the step 8 is larger than the range", "1 to 7" },
      { "H/61 * * * *", "1:2 the step 61 is larger than the range", "1 to 60" },
      { "0 0 H/29 * *", "1:6 the step 29 is larger than the range", "1 to 28" },
      { "H(5-9)/6 * * * *", "1:7 the step 6 is larger than the range", "1 to 5" },
      { "*/ * * * *", "1:3 a step is missing behind '/'", "15" },
      { "*/H * * * *", "1:3 a step is missing behind '/'", "15" },
      { "9-5 * * * *", "1:1 the range 9-5 ends before it begins", "9-59,0-5" },
      { "0 0 * * 6-0", "1:9 the range 6-0 ends before it begins", "6-7" },
      { "0 0 * * FRI-SUN", "1:9 the range FRI-SUN ends before it begins", "5-7" },
      { "0 0 * * 7-2", "1:9 the range 7-2 ends before it begins", "0-2" },
      { "5- * * * *", "1:3 a minute is missing", "0 to 59" },
      { "1,,2 * * * *", "1:3 a minute is missing", "0 to 59" },
      { ", * * * *", "1:1 a minute is missing", "0 to 59" },
      { "1-2-3 * * * *", "1:4 '-' is not understood in the field of the minute", "made of" },
      { "** * * * *", "1:2 '*' is not understood in the field of the minute", "made of" },
      { "*-5 * * * *", "1:2 '-' is not understood in the field of the minute", "made of" },
      { "H(1) * * * *", "1:4 a range is missing behind 'H('", "H(a-b)" },
      { "H(1-5 * * * *", "1:6 a ')' is missing", "H(a-b)" },
      { "H(50-60) * * * *", "1:6 60 is no minute", "0 to 59" },
      { "h * * * *", "1:1 'h' is no minute", "capital" },
      { "0 0 * * Monday", "1:9 'Monday' is no weekday", "Mon" },
      { "0 0 * * mo", "1:9 'mo' is no weekday", "SUN to SAT" },
      { "0 0 * MON *", "1:7 'MON' is no month", "JAN to DEC" },
      { "JAN * * * *", "1:1 'JAN' is no minute", "0 to 59" },
      { "0 0 ? * *", "1:5 '?' is no day of the month", "write *" },
      { "0 0 L * *", "1:5 'L' is no day of the month", "not understood" },
      { "0~5 * * * *", "1:2 '~' is not understood in the field of the minute", "made of" },
      { "* * * *", "1:8 the line has 4 fields, not 5: the weekday is missing", "day-of-month" },
      { "5 # * * * *", "1:3 the line has 1 field, not 5: the hour is missing", "day-of-month" },
      { "* * * * * *", "1:11 the line has more than 5 fields", "seconds" },
      { "@Daily", "1:1 there is no '@Daily'", "@daily" },
      { "@reboot", "1:1 there is no '@reboot'", "@yearly" },
      { "@daily @daily", "1:8 nothing stands behind @daily but a comment", "line of its own" },
      { "@daily#x", "1:7 a '#' inside of '@daily#x'", "blank" },
      { "TZ=UTC @daily", "1:8 the zone's line has nothing else on it", "next line" },
      { "@daily\nTZ=UTC", "2:1 TZ= behind a line that runs", "first line" },
      { "TZ=UTC\nTZ=UTC", "2:1 a second TZ= line", "first line" },
      { "CRON_TZ=UTC", "1:1 'CRON_TZ=UTC' sets something that is not known here", "TZ=" },
      { "tz=UTC", "1:1 'tz=UTC' sets something that is not known here", "capitals" },
      { "TZ = UTC", "1:1 'TZ' sets something that is not known here", "without blanks" },
      { "* * * * *\0", "1:10 a control character (U+0000)", "tabs" },
      { "# \27[1m", "1:3 a control character (U+001B)", "tabs" },
      { "# é\u{85}", "1:4 a control character (U+0085)", "tabs" },
      { "@daily\r@daily", "1:7 a carriage return without a line feed", "CRLF" },
      { "@daily\r", "1:7 a carriage return without a line feed", "CRLF" },
      { "# é\n# \xff", "2:3 this is not UTF-8", "UTF-8" },
      { "0\u{a0} 0 * * *", "1:2 '\u{a0}' is not understood in the field of the minute", "made of" },
    } do
      local where, hint = refused(row[1])
      assert.equal(row[2], where)
      assert.is_truthy(hint:find(row[3], 1, true), hint)
    end
  end)

  it("takes 64 KiB and refuses more at once", function()
    local line = "0 0 1 1 *\n"
    assert.is_truthy(spec(line:rep(6553)):next(0))
    assert.equal("1:1 the text has 65540 bytes", (refused(line:rep(6554))))
  end)

  it("takes a TZ line behind blank lines and comments, and a mark of the byte order", function()
    for _, text in ipairs { "\n# when\n\tTZ=Asia/Tokyo # there\n@daily", "\xEF\xBB\xBFTZ=Asia/Tokyo\r\n@daily\r\n" } do
      assert.same({ "2026-01-02T00:00:00+09:00" }, times(text, "2026-01-01", 1))
    end
    refused " \xEF\xBB\xBF@daily"
  end)

  it("never loops or dies, whatever the text is", function()
    math.randomseed(5)
    local parts = { "*", "/", "-", ",", "H", "(", ")", "#", "0", "7", "59", "MON", "jan", " ", " ", "\t", "\n", "@daily", "TZ=",
      "UTC", "\r", "L", "=", "31", "é" }
    local read = 0
    for _ = 1, 20000 do
      local text = {}
      for i = 1, math.random(1, 14) do text[i] = parts[math.random(#parts)] end
      local s, e = cron.parse(table.concat(text))
      if s then
        read = read + 1
        s:next(0)
      else
        assert.equal("config", e.code)
        assert.is_true(e.line >= 1 and e.column >= 1)
      end
    end
    assert.is_true(read > 100)
  end)

  it("raises for arguments that can't be", function()
    local s = spec "@daily"
    for _, f in ipairs {
      function() cron.parse() end, function() cron.parse("", { nam = "x" }) end, function() s:next "x" end,
        function() s:next(0 / 0) end,
      function() s:next(1e13) end, function() s:times(0, -1) end, function() s:times(0, 1000001) end, function() s:last(0, 1,
        1.5) end,
      function() s:format(9e11) end, function() cron.every(0) end, function() cron.every(1.5) end, function() cron.every(4e9) end,
    } do assert.is_false(pcall(f)) end
    assert.is_nil(s.nothing)
  end)
end)

describe("sluice.cron: clock changes", function()
  local berlin = "TZ=Europe/Berlin\n"

  it("make fixed times run at the end of a gap, and once", function()
    assert.same({ "2025-03-29T02:30:00+01:00", "2025-03-30T03:00:00+02:00", "2025-03-31T02:30:00+02:00" },
      times(berlin .. "30 2 * * *", "2025-03-28T12:00:00Z", 3))
    assert.same({ "2025-03-30T03:00:00+02:00", "2025-03-31T02:15:00+02:00" }, times(berlin .. "15,45 2 * * *",
      "2025-03-29T12:00:00Z", 2))
    assert.same({ "2025-03-30T03:00:00+02:00", "2025-03-30T03:01:00+02:00" }, times(berlin .. "0,30 2,3 30 3 *\n1 3 30 3 *",
      "2025-03-29T12:00:00Z", 2))
    assert.same({ "2025-03-30T03:00:00+02:00", "2025-03-31T02:00:00+02:00" }, times(berlin .. "0-59/20 2 * * *",
      "2025-03-29T12:00:00Z", 2))
    assert.same({ "2025-03-30T01:30:00+01:00", "2025-03-30T03:00:00+02:00", "2025-03-30T03:30:00+02:00" },
      times(berlin .. "30 0-23 * * *", "2025-03-30T00:00:00Z", 3))
  end)

  it("make fixed times that come twice run the first time only", function()
    assert.same({ "2025-10-26T02:30:00+02:00", "2025-10-27T02:30:00+01:00" }, times(berlin .. "30 2 * * *",
      "2025-10-25T12:00:00Z", 2))
    assert.same({ "2025-10-27T02:30:00+01:00" }, times(berlin .. "30 2 * * *", "2025-10-26T00:45:00Z", 1)) -- between the two
    assert.same({ "2025-10-26T02:30:00+02:00", "2025-10-26T03:30:00+01:00" }, times(berlin .. "30 0-23 * * *",
      "2025-10-26T00:00:00Z", 2))
  end)

  it("leave lines alone that follow real time", function()
    assert.same({ "2025-03-30T01:30:00+01:00", "2025-03-30T03:30:00+02:00" }, times(berlin .. "30 * * * *",
      "2025-03-30T00:00:00Z", 2))
    assert.same({ "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00", "2025-10-26T03:30:00+01:00" },
      times(berlin .. "30 * * * *", "2025-10-26T00:00:00Z", 3))
    assert.same({ "2025-03-31T02:00:00+02:00" }, times(berlin .. "*/20 2 * * *", "2025-03-29T12:00:00Z", 1))
    assert.equal(6, (spec(berlin .. "*/20 2 * * *"):count(time.parse "2025-10-25T12:00:00Z", time.parse "2025-10-26T12:00:00Z")))
    assert.same({ "2025-10-26T02:00:00+02:00", "2025-10-26T02:00:00+01:00" }, times(berlin .. "@hourly", "2025-10-25T23:30:00Z", 2))
  end)

  it("count across midnight, half hours and whole days", function()
    assert.same({ "2024-03-31T00:00:00-01:00", "2024-03-31T23:30:00-01:00" }, times("TZ=America/Nuuk\n30 23 * * *",
      "2024-03-30T12:00:00Z", 2))
    assert.same({ "2024-04-26T01:00:00+03:00" }, times("TZ=Africa/Cairo\n30 0 26 4 *", "2024-04-01", 1))
    assert.same({ "2025-10-05T02:30:00+11:00" }, times("TZ=Australia/Lord_Howe\n15 2 5 10 *", "2025-10-01", 1))
    assert.same({ "2025-03-30T03:00:00+02:00" }, times("TZ=Antarctica/Troll\n0 2 30 3 *", "2025-03-01", 1))
    assert.same({ "2011-12-31T00:00:00+14:00", "2012-12-30T09:00:00+14:00" }, times("TZ=Pacific/Apia\n0 9 30 12 *", "2011-12-01",
      2))
    assert.same({ "1993-08-22T00:00:00+12:00", "1994-08-21T09:00:00+12:00" }, times("TZ=Pacific/Kwajalein\n0 9 21 8 *",
      "1993-08-01", 2))
    assert.same({ "2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00" }, times("TZ=Pacific/Apia\n0 9 * * *",
      "2011-12-29T20:00:00Z", 2))
  end)

  it("are told", function()
    local function told(text, from, to)
      local list = {}
      for i, c in ipairs(spec(berlin .. text):changes(time.parse(from), time.parse(to))) do
        list[i] = ("%s %s %d %s"):format(c.kind, time.format(c.at), c.count, c.locals[1])
      end
      return list
    end
    local from, to = "2025-01-01", "2026-01-01"
    assert.same({ "moved 2025-03-30T01:00:00Z 1 2025-03-30T02:30", "first_only 2025-10-26T00:30:00Z 1 2025-10-26T02:30" },
      told("30 2 * * *", from, to))
    assert.same({ "merged 2025-03-30T01:00:00Z 2 2025-03-30T02:15", "first_only 2025-10-26T00:15:00Z 2 2025-10-26T02:15" },
      told("15,45 2 * * *", from, to))
    assert.same({ "merged 2025-03-30T01:00:00Z 1 2025-03-30T02:30", "first_only 2025-10-26T00:30:00Z 1 2025-10-26T02:30" },
      told("30 2 * * *\n0 3 * * *", from, to))
    assert.same({ "skipped 2025-03-30T01:00:00Z 60 2025-03-30T02:00", "both 2025-10-26T01:00:00Z 60 2025-10-26T02:00" },
      told("* * * * *", from, to))
    assert.same({}, told("30 4 * * *", from, to))
    assert.same({}, told("* * * * *", "2025-03-30T01:00:00Z", "2025-10-26T00:59:59Z"))
    assert.same({ "skipped 2025-03-30T01:00:00Z 60 2025-03-30T02:00" }, told("* * * * *", "2025-03-30T00:59:59Z",
      "2025-03-30T01:00:00Z"))
  end)
end)

describe("sluice.cron: words", function()
  it("say what a line means", function()
    for line, words in pairs {
      ["* * * * *"] = "every minute, every day; follows real time when the clocks change",
      ["0 6 * * *"] = "at 06:00, every day",
      ["0,30 6,18 * * 1-5"] = "at 06:00, 06:30, 18:00 and 18:30, on Monday to Friday",
      ["*/15 8-17 * * *"] = "every 15 minutes of hours 8 to 17, every day; follows real time when the clocks change",
      ["5,25,45 * * * *"] = "every 20 minutes from minute 5 on of every hour, every day; follows real time when the clocks change",
      ["1,2,4 * 1 1 *"] = "at minutes 1, 2 and 4 of every hour, on day 1 of the month, in January; follows real time when the clocks change",
      ["0 0 13 * 5"] = "at 00:00, on day 13 of the month and on each Friday",
      ["0 0 */2 * 1"] = "at 00:00, on days 1, 3, 5, … and 31 of the month if that is a Monday",
      ["0 0 1-31 * 1"] = "at 00:00, every day",
      ["0 0 * 3,6-8 0,6"] = "at 00:00, on Sunday and Saturday, in March and June to August",
      ["10-59/7 3 * * *"] = "at minutes 10, 17, 24, … and 59 of hour 3, every day",
      ["* 2 * * *"] = "every minute of hour 2, every day; follows real time when the clocks change",
    } do assert.same({ words }, spec(line):describe()) end
    assert.same({ "at 18:13, every day", "at 00:00, on day 1 of the month" }, spec("H H * * *\n@monthly", "delta"):describe())
    assert.same({ "every 900 seconds since 1970, 406 seconds later" }, cron.every(900, { name = "delta" }):describe())
    assert.same({}, spec(""):describe())
  end)
end)

describe("sluice.cron: H", function()
  local function value(line, name) -- the first due time of 2026
    local s = spec(line, name)
    return os.date("!*t", s:next(1767225599))
  end

  it("stays what it is for a name", function()
    local seen = {}
    for _, text in ipairs { "H H * * *", "# a comment\nH  H\t* * *\r\n", "H H * * * # so\n0 0 31 12 *", "TZ=UTC\nH H * * *" } do
      local at = value(text, "delta")
      seen[at.hour * 60 + at.min] = true
    end
    assert.same({ [18 * 60 + 13] = true }, seen) -- pinned: schedules must not move when sluice is updated
    assert.equal(406, cron.every(900, { name = "delta" }):next(0))
  end)

  it("reaches all 1,440 minutes of a day, evenly, and its fields are independent", function()
    local minutes, hours, both, distinct = {}, {}, {}, 0
    for i = 1, 20000 do
      local at = value("H H * * *", "job " .. i)
      minutes[at.min] = (minutes[at.min] or 0) + 1
      hours[at.hour] = (hours[at.hour] or 0) + 1
      local key = at.hour * 60 + at.min
      if not both[key] then distinct = distinct + 1 end
      both[key] = (both[key] or 0) + 1
    end
    local function chi(counts, n)
      local sum, expected = 0, 20000 / n
      for i = 0, n - 1 do sum = sum + ((counts[i] or 0) - expected) ^ 2 / expected end
      return sum
    end
    assert.equal(1440, distinct)
    -- chance gives n - 1, with a deviation of sqrt(2 n); five of them is never
    for _, row in ipairs { { minutes, 60 }, { hours, 24 }, { both, 1440 } } do
      assert.is_true(chi(row[1], row[2]) < row[2] - 1 + 5 * math.sqrt(2 * row[2]), chi(row[1], row[2]))
    end
  end)

  it("keeps to its ranges", function()
    local days, months, weekdays, ranges = {}, {}, {}, {}
    for i = 1, 2000 do
      days[value("0 0 H * *", i .. "").day] = true
      months[value("0 0 1 H *", i .. "").month] = true
      weekdays[value("0 0 * * H", i .. "").wday] = true
      local at = value("H(10-19) H(3-4) * * *", i .. "")
      ranges[at.hour * 100 + at.min] = true
    end
    local function count(set) local n = 0 for _ in pairs(set) do n = n + 1 end return n end
    assert.same({ 28, 12, 7, 20 }, { count(days), count(months), count(weekdays), count(ranges) })
    assert.is_nil(days[29])
    for key in pairs(ranges) do assert.is_true(key // 100 >= 3 and key // 100 <= 4 and key % 100 >= 10 and key % 100 <= 19) end
  end)

  it("steps from an offset", function()
    local offsets = {}
    for i = 1, 300 do
      local s = spec("H/15 * * * *", i .. "")
      local list = s:times(1767225599, 5)
      offsets[list[1] % 3600 // 60] = true
      assert.same({ 900, 900, 900, 900 }, { list[2] - list[1], list[3] - list[2], list[4] - list[3], list[5] - list[4] })
      local inside = spec("H(30-50)/10 0 * * *", i .. ""):times(1767225599, 2)
      assert.equal(600, inside[2] - inside[1])
      assert.is_true(inside[1] % 3600 // 60 >= 30 and inside[1] % 3600 // 60 <= 39)
    end
    for i = 0, 14 do assert.is_true(offsets[i]) end
    assert.is_nil(offsets[15])
    assert.equal(28, #spec("0 0 H/1 2 *", "x"):last(1767225599, 1767225599 + 60 * 86400, 50)) -- its range ends with the 28th
  end)

  it("is fixed or follows real time as its form says", function()
    local function gap(line) -- due times on the day when Berlin has no hour from 2 to 3
      return (spec("TZ=Europe/Berlin\n" .. line, "n"):count(time.parse "2025-03-30T00:30:00Z", time.parse "2025-03-30T01:00:00Z"))
    end
    assert.same({ 1, 1, 1, 0, 0 }, { gap "H 2 * * *", gap "H(1-59) 2 * * *", gap "H(5-59)/7 2 * * *", gap "5 H/24 * * *",
      gap "H/20 2 * * *" })
    assert.equal(1, gap "59,*/20 2 * * *") -- begins with a number: fixed
    assert.equal(0, gap "*/20,59 2 * * *")
  end)

  it("counts as a star in the day rule where it has a step alone", function()
    local both = spec("0 0 H/2 * 1", "n"):times(1767225599, 20)
    for _, t in ipairs(both) do assert.equal(2, os.date("!*t", t).wday) end
    assert.is_true(both[2] - both[1] > 7 * 86400 - 1)
    local either = spec("0 0 H * 1", "n"):times(1767225599, 30)
    local others = 0
    for _, t in ipairs(either) do if os.date("!*t", t).wday ~= 2 then others = others + 1 end end
    assert.is_true(others > 0)
  end)
end)

describe("sluice.cron: intervals", function()
  it("count from 1970, shifted by the name", function()
    local s = cron.every(900, { name = "a" })
    local t = s:next(0)
    assert.is_true(t > 0 and t <= 900)
    assert.same({ t + 900, t + 1800 }, s:times(t, 2))
    assert.same({ 900, "UTC", false }, { s.interval, s.zone, s.empty })
    assert.same({ 4, t + 900, t + 3600 }, { s:count(t, t + 3600) })
    assert.same({ t + 2700, t + 3600 }, s:last(t, t + 3600, 2))
    assert.same({}, s:changes(0, 1e10))
    local shifts = {}
    for i = 1, 4000 do shifts[cron.every(60, { name = i .. "" }):next(1e9) % 60] = true end
    for i = 0, 59 do assert.is_true(shifts[i]) end
  end)

  it("go on before 1970 and over 100 years", function()
    local s = cron.every(36525 * 86400, { name = "x" })
    local t = s:next(-5e9)
    assert.equal(36525 * 86400, s:next(t) - t)
    assert.is_true(t > -5e9)
  end)
end)

describe("sluice.cron: what always holds", function()
  local function field(low, high)
    local a = math.random(low, high)
    local b = math.random(a, high)
    local forms = { "*", "*", "*", ("*/%d"):format(math.random(1, math.min(7, high - low))), a .. "", a .. "-" .. b,
      ("%d-%d/%d"):format(a, b, math.random(1, b - a + 1)), ("%d,%d"):format(a, b), "H", ("H/%d"):format(math.random(1,
        math.min(7, high - low))) }
    return forms[math.random(#forms)]
  end
  local zones = { "UTC", "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "America/New_York",
    "Pacific/Apia" }

  local function line()
    local text
    repeat text = table.concat({ field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7) }, " ") until cron.parse(text)
    return text
  end

  it("next is monotone, count is the number of times, last their end, lines are joined", function()
    math.randomseed(tonumber(os.getenv "SLUICE_CLOCKS_SEED") or 11)
    for _ = 1, 200 do
      local zone, a, b = "TZ=" .. zones[math.random(#zones)] .. "\n", line(), line()
      local one, two, both = spec(zone .. a, "n"), spec(zone .. b, "n"), spec(zone .. a .. "\n" .. b, "n")
      local from = math.random(0, 4e9)
      local to = from + math.random(1, 4) * math.random(0, 9) * 86400 + math.random(0, 86400)
      local union, list, t = {}, {}, from
      for _, s in ipairs { one, two } do
        local n, at = 0, s:next(from)
        while at and at <= to do
          n, union[at], at = n + 1, true, s:next(at)
        end
        assert.equal(n, (s:count(from, to)))
      end
      while true do
        local at = both:next(t)
        if not at or at > to then break end
        assert.is_true(at > t and union[at], zone .. a .. "\n" .. b)
        list[#list + 1], union[at], t = at, nil, at
      end
      assert.is_nil(next(union))
      assert.same({ #list, list[1], list[#list] }, { both:count(from, to) })
      assert.same(table.move(list, math.max(1, #list - 2), #list, 1, {}), both:last(from, to, 3))
    end
  end)
end)
