-- Times as arguments: what is read, what is sent, what is refused.
local when = require "sluice.when"

describe("a time", function()
  it("is sent in the form that the API asks for", function()
    for given, sent in pairs {
      ["2018-01-19 18:11:06"] = "2018-01-19 18:11:06", ["2018-01-19T18:11:06Z"] = "2018-01-19 18:11:06",
      ["2018-01-19T18:11:06+01:00"] = "2018-01-19 17:11:06", ["2018-01-19T18:11:06-0530"] = "2018-01-19 23:41:06",
      ["2018-01-19T18:11:06.820Z"] = "2018-01-19 18:11:06", -- down, so that nothing is missed
      ["2018-01-19"] = "2018-01-19 00:00:00", [1516385466] = "2018-01-19 18:11:06", [1516385466.9] = "2018-01-19 18:11:06",
    } do
      assert.equal(sent, (when.text(given, "sql")), given)
    end
    assert.equal("2018-01-19T17:11:06.820Z", (when.text("2018-01-19T18:11:06.820+01:00", "rfc3339")))
    assert.equal("Fri, 19 Jan 2018 18:11:06 GMT", (when.text("2018-01-19 18:11:06", "http")))
  end)

  it("is refused by name where it is none", function()
    for _, given in ipairs { "not-a-date", "19/01/2018", "2018-01-19 25:00:00", "", 1516385466000, 0 / 0, true } do
      local text, reason = when.text(given, "sql")
      assert.is_nil(text, tostring(given))
      assert.matches("^must be a time, as 2018%-01%-19 18:11:06 %(UTC%)", reason)
      assert.is_truthy(reason:find(tostring(given), 1, true), reason)
    end
    assert.matches("not table: ", select(2, when.text({}, "sql")))
  end)
end)

describe("a day", function()
  it("is taken as people and as Veeqo write it", function()
    for _, given in ipairs { "2018-01-31", "31/01/2018", 1517356800 } do assert.equal("31/01/2018", (when.text(given, "day"))) end
    assert.equal("02/03/2017", (when.text("02/03/2017", "day")))
  end)

  it("is not guessed out of a time or another country's order", function()
    for _, given in ipairs { "2018-01-31T10:00:00Z", "01/31/2018", "31.01.2018" } do
      local text, reason = when.text(given, "day")
      assert.is_nil(text)
      assert.equal("must be a day, as 2018-01-31, 31/01/2018 (day first) or seconds since 1970, not '" .. given .. "'", reason)
    end
  end)
end)
