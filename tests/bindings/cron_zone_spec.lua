-- Zone files: what the machine has, and some that are made here. TZDIR is read once by a process, so that others are asked.
local cron = require "sluice.cron"
local lfs = require "lfs"
local process = require "sluice.process"
local time = require "sluice.time"
local tmp = require "support.tmp"

local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

-- A block of a TZif file: version, bytes of a time, changes { at, type }, offsets, leap seconds.
local function block(version, size, changes, offsets, leaps)
  local parts = { ("TZif%s" .. ("\0"):rep(15)):format(version) }
  for _, n in ipairs { 0, 0, leaps or 0, #changes, #offsets, 4 } do parts[#parts + 1] = string.pack(">I4", n) end
  for _, change in ipairs(changes) do parts[#parts + 1] = string.pack(size == 8 and ">i8" or ">i4", change[1]) end
  for _, change in ipairs(changes) do parts[#parts + 1] = string.char(change[2]) end
  for _, offset in ipairs(offsets) do parts[#parts + 1] = string.pack(">i4BB", offset, 0, 0) end
  parts[#parts + 1] = "XXX\0" .. ("\0"):rep((leaps or 0) * (size + 4))
  return table.concat(parts)
end

local function v2(changes, offsets, rule)
  return block("2", 4, {}, { 0 }) .. block("2", 8, changes, offsets) .. "\n" .. rule .. "\n"
end

-- The next times of a text where the zone `Test/Zone` has these bytes.
local function next_times(bytes, text, after, count)
  local dir = tmp.dir()
  assert(lfs.mkdir(dir .. "/Test"))
  tmp.write(dir .. "/Test/Zone", bytes)
  local r = assert(process.run { argv = { "env", "TZDIR=" .. dir, sluice, "schedule", "next", "TZ=Test/Zone\n" .. text, "--after",
    after,
    "--count", tostring(count) } })
  if r.status ~= 0 then return r.stderr end
  local list = {}
  for t in r.stdout:gmatch "[^\n]+" do list[#list + 1] = t end
  return list
end

describe("zones", function()
  it("are all of the machine's, and one data is shared by all specs", function()
    local pipe = assert(io.popen [[python3 -c 'import zoneinfo
for z in sorted(zoneinfo.available_timezones()): print(z)']])
    local count = 0
    for name in pipe:lines() do
      local s, e = cron.parse("@daily", { zone = name })
      if name == "localtime" then assert.is_nil(s) else
        assert.is_truthy(s, e)
        assert.equal(name, s.zone)
        assert.is_truthy(s:next(1e9))
        count = count + 1
      end
    end
    assert.is_true(count > 400, "python3 with zone data is needed")
    pipe:close()
  end)

  it("have IANA's names, the old ones too, and no others", function()
    for _, name in ipairs { "US/Eastern", "Asia/Calcutta", "EST5EDT", "GMT+0", "Etc/GMT-14", "UTC", "Zulu",
      "America/Argentina/ComodRivadavia" } do
      assert.is_truthy(cron.parse("TZ=" .. name), name)
    end
    for name, reason in pairs {
      [""] = "the name is empty", ["/etc/localtime"] = "paths are not taken", ["../zoneinfo/UTC"] = "a name has no '.'",
        ["Europe/../UTC"] = "a name has no '.'",
      ["Europe//Berlin"] = "a part of the name is empty", ["Europe/"] = "a part of the name is empty",
        ["Europe"] = "that is a folder of zones",
      ["posixrules"] = "that file is something else", ["localtime"] = "that file is something else",
        ["leapseconds"] = "that file is something else",
      ["tzdata.zi"] = "a name has no '.'", ["zone.tab"] = "a name has no '.'",
        ["posix/Europe/Berlin"] = "posix/ and right/ are variants of the database",
      ["right/UTC"] = "posix/ and right/ are variants of the database",
        ["CET-1CEST,M3.5.0,M10.5.0/3"] = "POSIX rules are not understood",
      ["<+03>-3"] = "POSIX rules are not understood", ["CET-1CEST"] = "the zone data has no such name",
        [":UTC"] = "a name has no ':'",
      ['"UTC"'] = "quotes are not needed", ["Europe/Berl\u{131}n"] = "it has a character that names don't have",
        ["europe/berlin"] = "the zone data has no such name",
      ["Mars/Olympus"] = "the zone data has no such name", [("x"):rep(61)] = "the name is too long",
    } do
      local s, e = cron.parse("# first\nTZ=" .. name)
      assert.is_nil(s, name)
      assert.same({ 2, 4, ("'%s' is no time zone: %s"):format(name:sub(1, 60), reason) }, { e.line, e.column, e.reason })
      assert.equal("config", e.code)
    end
    assert.equal("did you mean Europe/Berlin?", select(2, cron.parse "TZ=europe/berlin").hint)
    assert.equal("did you mean America/Argentina/Ushuaia?", select(2, cron.parse "TZ=America/Argentina/Ushuaja").hint)
  end)

  it("print the offset of a time", function()
    local function at(zone, when) return assert(cron.parse("", { zone = zone })):format(time.parse(when)) end
    assert.equal("2026-06-30T17:15:00-05:00", at("America/Chicago", "2026-06-30T22:15:00Z"))
    assert.equal("2026-07-01T04:00:00+05:45", at("Asia/Kathmandu", "2026-06-30T22:15:00Z"))
    assert.equal("1880-01-01T00:53:28+00:53:28", at("Europe/Berlin", "1880-01-01T00:00:00Z"))
    assert.equal("2500-07-01T02:00:00+02:00", at("Europe/Berlin", "2500-07-01T00:00:00Z"))
    assert.equal("2026-01-01T00:00:00+00:00", at("Europe/Dublin", "2026-01-01T00:00:00Z"))
  end)

  it("are read from files of version 1, which end with their table", function()
    local bytes = block("\0", 4, { { 1000000000, 1 } }, { 3600, 7200 })
    assert.same({ "2001-09-08T12:00:00+01:00", "2001-09-09T12:00:00+02:00", "2001-09-10T12:00:00+02:00" }, next_times(bytes,
      "0 12 * * *", "2001-09-08", 3))
    assert.same({ "2400-07-01T12:00:00+02:00" }, next_times(bytes, "0 12 1 7 *", "2400-01-01", 1))
  end)

  it("go on with the rule of their file", function()
    local berlin = v2({}, { 3600 }, "CET-1CEST,M3.5.0,M10.5.0/3")
    assert.same({ "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00" }, next_times(berlin, "30 2 * * *",
      "2026-03-28T12:00:00Z", 2))
    local dublin = v2({ { 0, 0 } }, { 3600 }, "IST-1GMT0,M10.5.0,M3.5.0/1") -- winter is the one with a change
    assert.same({ "2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00" }, next_times(dublin, "30 1 * * *",
      "2026-10-24T12:00:00Z", 2))
    local days = v2({}, { -10800 }, "<-03>3<-02>,J60/-1:30,300/26") -- on 29 February's eve 22:30; on day 301 at 02:00 of the next
    assert.same({ "2024-02-29T23:30:00-02:00" }, next_times(days, "0 23 29 2 *", "2024-01-01", 1))
    assert.same({ "2024-10-27T23:00:00-02:00", "2024-10-28T23:00:00-03:00" }, next_times(days, "0 23 27,28 10 *", "2024-10-20", 2))
    local always = v2({}, { -14400 }, "EST5EDT,0/0,J365/25") -- daylight saving time all year round
    assert.same({ "2026-12-31T23:30:00-04:00", "2027-01-01T23:30:00-04:00" }, next_times(always, "30 23 * * *",
      "2026-12-31T12:00:00Z", 2))
  end)

  it("that never have a time end the search", function()
    local yearly = v2({}, { 0 }, "XXX0YYY,J89/2,J300/3") -- each 30 March has no hour from 2 to 3
    assert.same({}, next_times(yearly, "* 2 30 3 *", "2026-01-01", 1))
    assert.same({ "2026-03-30T03:00:00+01:00" }, next_times(yearly, "5 2 30 3 *", "2026-01-01", 1))
  end)

  it("that are damaged are refused, wherever they are cut off", function()
    local good = v2({ { 0, 0 }, { 1000, 1 } }, { 3600, 7200 }, "CET-1CEST,M3.5.0,M10.5.0/3")
    local dir = tmp.dir()
    for n = 0, #good - 1 do tmp.write(("%s/Z%d"):format(dir, n), good:sub(1, n)) end
    local script = tmp.write(dir .. "/look.lua", ([[
      local cron, read = require "sluice.cron", 0
      for n = 0, %d do
        local s, e = cron.parse("@daily", { zone = "Z" .. n })
        if s then read = read + 1 elseif not e.reason:find("is no time zone: not a time zone file", 1, true) then error(e) end
      end
      print(read)
    ]]):format(#good - 1))
    local r = assert(process.run { argv = { "env", "TZDIR=" .. dir, sluice, "run", script } })
    assert.same({ "0\n", "", 0 }, { r.stdout, r.stderr, r.status })
    local function problem(bytes) return next_times(bytes, "@daily", "2026-01-01", 1) end
    assert.matches("its rule can't be read", problem(v2({}, { 0 }, "Europe/Berlin")))
    assert.matches("its rule can't be read", problem(v2({}, { 0 }, "CET-1CEST")))
    assert.matches("its table is not in order", problem(v2({ { 5, 0 }, { 5, 0 } }, { 0 }, "UTC0")))
    assert.matches("its table is not in order", problem(v2({ { 5, 1 } }, { 0 }, "UTC0")))
    assert.matches("an offset of days", problem(v2({}, { 100000 }, "UTC0")))
    assert.matches("it counts leap seconds", problem(block("\0", 4, {}, { 0 }, 1)))
    assert.matches("it has no offsets", problem(block("\0", 4, {}, {})))
  end)

  it("are missed where there is no zone data; UTC needs none", function()
    local function with(text)
      return assert(process.run { argv = { "env", "TZDIR=/nowhere", sluice, "schedule", "next", text, "--after=2026-01-01",
        "--count=1" } })
    end
    assert.equal("2026-01-02T00:00:00+00:00\n", with("TZ=UTC\n@daily").stdout)
    assert.matches("there is no zone data in /nowhere: install tzdata, or set TZDIR", with("TZ=Europe/Berlin\n@daily").stderr)
  end)

  it("are read again when their file has changed", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/Z", block("\0", 4, {}, { 3600 }))
    tmp.write(dir .. "/new", block("\0", 4, {}, { 7200 }))
    local script = tmp.write(dir .. "/look.lua", ([[
      local cron = require "sluice.cron"
      local old = cron.parse("@daily", { zone = "Z" })
      os.rename("%s/new", "%s/Z")
      local new = cron.parse("@daily", { zone = "Z" })
      print(old:format(0), new:format(0))
    ]]):format(dir, dir))
    local r = assert(process.run { argv = { "env", "TZDIR=" .. dir, sluice, "run", script } })
    assert.equal("1970-01-01T01:00:00+01:00\t1970-01-01T02:00:00+02:00\n", r.stdout, r.stderr)
  end)

  it("cost a schedule a few hundred bytes", function()
    local dir = tmp.dir()
    local script = tmp.write(dir .. "/many.lua", [[
      local cron, time, list = require "sluice.cron", require "sluice.time", {}
      local function resident() return tonumber(io.open "/proc/self/statm":read "a":match "%d+ (%d+)") * 4096 end
      cron.parse("@daily", { zone = "Europe/Berlin" })
      collectgarbage()
      local before = resident()
      for i = 1, 10000 do list[i] = cron.parse("TZ=Europe/Berlin\nH H * * 1-5\nH * * * 6", { name = "s" .. i }) end
      print((resident() - before) // 10000)
    ]])
    local r = assert(process.run { argv = { sluice, "run", script } })
    assert.is_true(tonumber(r.stdout) < 1500, r.stdout .. r.stderr) -- pages, and what the sanitizers add
  end)
end)
