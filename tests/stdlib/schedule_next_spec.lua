local json = require "sluice.json"
local process = require "sluice.process"
local tmp = require "support.tmp"

local here = require("lfs").currentdir()
local sluice = here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function run(...) return assert(process.run { argv = { sluice, "schedule", ... }, cwd = "/" }) end

local function piped(text, ...)
  local file = tmp.write(tmp.dir() .. "/spec", text)
  return assert(process.run { argv = { "sh", "-c", 'file=$1; shift; exec "$@" < "$file"', "sh", file, sluice, "schedule", ... } })
end

local config = [[
schedules:
  delta:
    recipe: r.lua
    cron: |
      TZ=Europe/Berlin
      H 2 * * *
  often: { recipe: r.lua, every: 15m }
]]

describe("sluice schedule next", function()
  it("prints times as lines, or as one JSON array", function()
    local argv = { "next", "TZ=Europe/Berlin\n30 2 * * *", "--after", "2025-03-28T12:00:00Z", "--count", "3" }
    local said = "2025-03-29T02:30:00+01:00\n2025-03-30T03:00:00+02:00\n2025-03-31T02:30:00+02:00\n"
    assert.same({ status = 0, stdout = said, stderr = "" }, run(table.unpack(argv)))
    argv[#argv + 1] = "--json"
    local r = run(table.unpack(argv))
    assert.equal('["2025-03-29T02:30:00+01:00","2025-03-30T03:00:00+02:00","2025-03-31T02:30:00+02:00"]\n', r.stdout)
    assert.same({ "2025-01-01T00:00:00+09:00" }, json.decode(run("next", "@yearly", "--zone=Asia/Tokyo", "--after=2024-06-01",
      "--count=1", "--json").stdout))
    assert.equal("2025-01-01T00:00:00+00:00\n", run("next", "--count=1", "--after=2024-12-31T23:59:59.5Z", "--", "@daily").stdout)
    assert.equal(5, select(2, run("next", "* * * * *").stdout:gsub("\n", "")))
  end)

  it("reads standard input", function()
    assert.equal("2025-01-02T00:00:00+09:00\n", piped("TZ=Asia/Tokyo\r\n@daily\r\n", "next", "-", "--after", "2025-01-01",
      "--count", "1").stdout)
    assert.same({ status = 0, stdout = "[]\n", stderr = "" }, piped("", "next", "-", "--json"))
    local r = piped("* * * * *\0", "next", "-")
    assert.same({ 2, "" }, { r.status, r.stdout })
    assert.matches("line 1, column 10: a control character", r.stderr)
    assert.matches("the text has 65537 bytes", piped(("#"):rep(70000), "next", "-").stderr)
  end)

  it("takes an empty text for no times", function()
    assert.same({ status = 0, stdout = "[]\n", stderr = "" }, run("next", "", "--json"))
    assert.same({ status = 0, stdout = "", stderr = "it never runs\n" }, run("next", "# nothing"))
    assert.same({ status = 0, stdout = "[]\n", stderr = "" }, run("next", "@daily", "--count=0", "--json"))
  end)

  it("exits 2 with line, column, reason and hint", function()
    local r = run("next", "TZ=UTC\n0 0 * * 5#2", "--json")
    assert.same({ 2, "" }, { r.status, r.stdout })
    assert.equal([[
sluice: line 2, column 10: a '#' inside of '5#2'
  hint: a comment begins after a blank; 5#2 (the second Friday) has no form here
]], r.stderr)
    for _, row in ipairs {
      { { "next" }, "which schedule" }, { { "next", "@daily", "@hourly" }, "one schedule" }, { { "next", "@daily",
        "--after=soon" }, "is not a time" },
      { { "next", "@daily", "--count=-1" }, "whole number" }, { { "next", "@daily", "--count=1.5" }, "whole number" },
      { { "next", "@daily", "--cuont=1" }, "did you mean '%-%-count'" }, { { "next", "@daily", "--after" }, "needs a value" },
      { { "next", "@daily", "-x" }, "unknown option" }, { { "next", "@daily", "--zone=Nowhere/City" }, "is no time zone" },
      { {}, "explain, .*next" }, { { "nxet" }, "did you mean 'next'" }, { { "next", "delta" }, "no sluice.yaml" },
    } do
      r = run(table.unpack(row[1]))
      assert.equal(2, r.status)
      assert.matches(row[2], r.stderr)
    end
  end)

  it("knows the schedules of the config, whose names seed H", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/sluice.yaml", config)
    local function next_of(...) return run("next", "-c", dir .. "/sluice.yaml", "--after=2026-01-01", "--json", "--count=2",
      ...) end
    local named = next_of "delta"
    assert.equal(0, named.status, named.stderr)
    assert.equal(run("next", "TZ=Europe/Berlin\nH 2 * * *", "--name=delta", "--after=2026-01-01", "--json", "--count=2").stdout,
      named.stdout)
    assert.not_equal(named.stdout, next_of("delta", "--name=b").stdout)
    local often = json.decode(next_of("often").stdout)
    assert.equal(2, #often)
    assert.matches("there is no schedule 'dleta' %(did you mean 'delta'%?%)", next_of("dleta").stderr)
  end)

  it("does not look at the zone of the machine", function()
    local function with(zone)
      return assert(process.run { argv = { "env", "TZ=" .. zone, sluice, "schedule", "next", "0 6 * * *", "--after",
        "2026-01-01 00:00:00", "--count", "2" } }).stdout
    end
    assert.equal("2026-01-01T06:00:00+00:00\n2026-01-02T06:00:00+00:00\n", with "Asia/Tokyo")
    assert.equal(with "Asia/Tokyo", with "America/New_York")
    local text = assert(process.run { argv = { "env", "TZ=Asia/Tokyo", sluice, "schedule", "next", "TZ=Europe/Berlin\n@daily",
      "--after=2026-01-01", "--count=1" } })
    assert.equal("2026-01-02T00:00:00+01:00\n", text.stdout)
  end)
end)

describe("sluice schedule explain", function()
  it("says what a text means, the next runs, and what clock changes do", function()
    local r = run("explain", "TZ=Europe/Berlin\n30 2 * * *\n*/30 2 * * *", "--after=2025-01-01", "--count=1")
    assert.equal([[
at 02:30, every day
at 02:00 and 02:30, every day; follows real time when the clocks change
zone Europe/Berlin

next
  2025-01-01T02:00:00+01:00

clock changes in the coming year
  2025-03-30T03:00:00+02:00  moved: 02:30 on 2025-03-30 does not exist (the clocks go from 02:00 to 03:00): runs at the end of the gap
  2025-03-30T03:00:00+02:00  skipped: 02:00 on 2025-03-30 does not exist (the clocks go from 02:00 to 03:00): no run
  2025-10-26T02:00:00+01:00  both: 02:00 and 02:30 on 2025-10-26 come twice (the clocks go back from 03:00 to 02:00): runs both times
]], r.stdout)
    r = run("explain", "TZ=America/Nuuk\n15,45 23 * * *\n0 0 * * *", "--after=2024-01-01", "--json")
    local told = json.decode(r.stdout)
    assert.same({ "America/Nuuk", 2, 5, 2 }, { told.zone, #told.means, #told.next, #told.changes })
    assert.same({ kind = "merged", at = "2024-03-31T00:00:00-01:00", count = 2, locals = { "2024-03-30T23:15", "2024-03-30T23:45" },
      text = "23:15 and 23:45 on 2024-03-30 do not exist (the clocks go from 23:00 to 00:00 on 2024-03-31): " ..
        "one run at the end of the gap, with what is due then" },
      told.changes[1])
    assert.same({ "first_only", "2024-10-26T23:15:00-01:00" }, { told.changes[2].kind, told.changes[2].at })
  end)

  it("has nothing to tell of an empty text, nor of clocks that stay", function()
    assert.matches("^it never runs\nzone UTC\n\nclock changes in the coming year\n  none that matters\n$", run("explain",
      "").stdout)
    assert.matches("none that matters", run("explain", "TZ=Asia/Tokyo\n30 2 * * *").stdout)
    assert.equal(2, run("explain", "0 0 30 2 *").status)
  end)

  it("tells of days that were skipped whole", function()
    local told = json.decode(run("explain", "TZ=Pacific/Apia\n0 9 * * *\n*/30 9 * * *", "--after=2011-12-01", "--json").stdout)
    assert.same({ "moved", "2011-12-31T00:00:00+14:00" }, { told.changes[1].kind, told.changes[1].at })
    assert.same({ "skipped", { "2011-12-30T09:30" } }, { told.changes[2].kind, told.changes[2].locals })
  end)
end)

describe("sluice check", function()
  local function check(text)
    local dir = tmp.dir()
    tmp.write(dir .. "/sluice.yaml", "schedules:\n  s:\n    recipe: r.lua\n" .. text)
    tmp.write(dir .. "/r.lua", "return 1\n")
    return assert(process.run { argv = { sluice, "check" }, cwd = dir }).stdout
  end

  it("says where in the file a cron text is wrong", function()
    for _, row in ipairs {
      { "    cron: |\n      TZ=Europe/Berlin\n      # ä\n      0 0 * * 5#2\n",
        "7:16: schedules.s.cron: a '#' inside of '5#2'\n  hint: a comment" },
      { "    cron: |\r\n      TZ=Europe/Berln\r\n",
        "5:10: schedules.s.cron: 'Europe/Berln' is no time zone: the zone data has no such name\n  hint: did you mean Europe/Berlin%?" },
      { "    cron: |2-\n\n      0 0 30 2 *\n", "6:11: schedules.s.cron: this line can never run" },
      { "    cron: 0 24 * * *\n", "4:13: schedules.s.cron: 24 is no hour" },
      { "    cron: \"0 24 * * *\"\n", "4:14: schedules.s.cron: 24 is no hour" },
      { "    cron: '0 0 * 13 *'  # ä\n", "4:18: schedules.s.cron: 13 is no month" },
      { "    cron: \"TZ=UTC\\n0 24 * * *\"\n", "4:11: schedules.s.cron: line 2, column 3: 24 is no hour" },
      { "    cron: >\n      0 0\n      * 13 *\n", "4:11: schedules.s.cron: line 1, column 7: 13 is no month" },
      { "    cron: &c |\n      0 24 * * *\n  t:\n    recipe: r.lua\n    cron: *c\n", "5:9: schedules.s.cron: 24 is no hour" },
      { "    cron: \"${NOTHING:-0 24 * * *}\"\n", "4:11: schedules.s.cron: line 1, column 3: 24 is no hour" },
      { "    every: 1.5s\n", "4:12: schedules.s.every: must be whole seconds" },
    } do assert.matches(("sluice.yaml:" .. row[2]):gsub("[*]", "%%*"), check(row[1])) end
  end)

  it("takes what is right", function()
    assert.equal("", check "    cron: |\n      TZ=Europe/Berlin # here\n\n      H 2 * * *\n")
    assert.equal("", check "    cron: ''\n")
    assert.equal("", check "    cron: '@daily'\n")
  end)
end)
