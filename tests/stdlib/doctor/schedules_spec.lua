local config = require "sluice.config"
local project = require "support.schedules"
local schedules = require "sluice.doctor.schedules"
local time = require "sluice.time"
local tmp = require "support.tmp"

describe("sluice doctor, schedules", function()
  local s
  before_each(function()
    s = project.new [[
  delta: { recipe: r.lua, cron: "0 * * * *" }
  nightly: { recipe: r.lua, cron: "30 2 * * *" }
  off: { recipe: r.lua, every: 15m, enabled: false }]]
  end)
  after_each(function() s:stop() end)

  -- Rows as "status name: message".
  local function check()
    local rows = {}
    local report = { add = function(_, row) rows[#rows + 1] = ("%s %s: %s"):format(row.status, row.name or "", row.message) end }
    function report:ok(_, name, message, ...) self:add { status = "ok", name = name, message = message:format(...) } end
    function report:warn(_, name, cure, message, ...)
      self:add { status = "warn", name = name, message = message:format(...) .. " -> " .. cure }
    end
    schedules.check(report, config.load(s.dir .. "/sluice.yaml"))
    return rows
  end

  it("says that nothing starts without a daemon, before there is a store and after one has gone", function()
    assert.same({ "ok : 2 of 3 enabled, their recipes are there", "warn : no daemon is running, so none of them starts -> sluice serve" }, check())
    assert.is_nil(io.open(s.dir .. "/state.db"))
    s:serve()
    assert.matches("^ok : `sluice serve` runs them: process %d+, since %d", check()[2])
    s:leave()
    assert.matches("^warn : no daemon is running, so none of them starts, the last one was started .* ago %-> sluice serve$", check()[2])
  end)

  it("names recipes that are gone", function()
    os.remove(s.dir .. "/r.lua")
    local rows = check()
    assert.equal(("fail delta: its recipe is not there: %s/r.lua"):format(s.dir), rows[1])
    assert.equal(4, #rows) -- that of `off` as well, and no daemon
  end)

  it("names those that are paused, stalled or fail, with the cure", function()
    for _, name in ipairs { "delta", "nightly", "off" } do s:take_up(name, time.now() // 1) end
    s:plan("delta", {}, { paused = time.now(), paused_by = "failures", failures = 3 })
    s:plan("nightly", {}, { stalled = "no rows for 3 runs", stalled_at = time.now() })
    s.store:schedule_pause "off"
    local rows = check()
    assert.equal("warn delta: it has paused itself after 3 failures in a row -> find out why (sluice runs list --schedule delta), then: "
      .. "sluice schedule resume delta", rows[1])
    assert.equal("warn nightly: it is stalled: no rows for 3 runs -> sluice schedule history nightly", rows[2])
    assert.equal(4, #rows) -- nothing of one that is disabled
    s.store:schedule_resume "delta"
    s.store:schedule_pause("nightly", { note = "the shop is moved" })
    rows = check()
    assert.matches("^warn nightly: it is paused since .*Z: the shop is moved %-> sluice schedule resume nightly$", rows[1])
    s.store:schedule_resume "nightly"
    s:plan("nightly", {}, { stalled = false, failures = 2 })
    assert.equal("warn nightly: its last 2 runs failed -> sluice runs list --schedule nightly", check()[1])
  end)

  it("says nothing where there are none, or they can't be read", function()
    s:config ""
    assert.same({}, check())
    tmp.write(s.dir .. "/sluice.yaml", "version: 1\nschedules: { delta: { recipe: r.lua, cron: '61 * * * *' } }\n")
    local done = s:sluice "doctor" -- the config's check says it, once
    assert.matches("fail config       sluice.yaml:2:45: .*61 is no minute", done.stdout)
    assert.not_matches("schedules    ", done.stdout)
  end)

  it("is part of the command", function()
    local done = s:sluice "doctor"
    assert.matches("\nok   schedules    2 of 3 enabled, their recipes are there\n", done.stdout)
    assert.matches("\nwarn schedules    no daemon is running, so none of them starts\n     do: sluice serve\n", done.stdout)
    os.remove(s.dir .. "/r.lua")
    done = s:sluice "doctor"
    assert.equal(2, done.status)
    assert.matches("\nfail schedules    delta: its recipe is not there", done.stdout)
  end)
end)
