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
    local text = "TZ=Europe/Berlin # This is the timezone\nH 2,6,19,22 * * 2,4,6  # Run at 02:XX\nH * * * * # random\n1 3,8,21 */2 * * # every second day"
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
    assert.same({ "2026-01-01T00:10:00+00:00", "2026-01-01T00:20:00+00:00", "2026-01-01T00:30:00+00:00", "2026-01-01T01:10:00+00:00" },
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
    for macro, line in pairs { ["@yearly"] = "0 0 1 1 *", ["@annually"] = "0 0 1 1 *", ["@monthly"] = "0 0 1 * *", ["@weekly"] = "0 0 * * 0",
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
end)
