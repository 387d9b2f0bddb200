-- `sluice runs`: runs of schedules, whose daemon is the spec, and runs by hand, which are real processes.
local project = require "support.schedules"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

local CONFIG = [[
  delta: { recipe: r.lua, cron: "0 * * * *" }
  other: { recipe: r.lua, cron: "0 * * * *" }]]

local SLOW = [[
local sluice = require "sluice"
return sluice.recipe { about = "waits", args = {}, run = function(_, run)
  run:store()
  local file = io.open("ready", "w") file:write(run.id) file:close()
  require("sluice.task").sleep(60)
end }
]]

describe("sluice runs", function()
  local s, hour
  before_each(function()
    s = project.new(CONFIG)
    local now = time.now() // 1
    hour = now - now % 3600
  end)
  after_each(function() s:stop() end)

  local function fails(words, code, ...)
    local done = s:sluice(words)
    assert.equal(code, done.status, words .. "\n" .. done.stderr)
    assert.equal("", done.stdout, words)
    assert.not_matches("traceback", done.stderr)
    for _, said in ipairs { ... } do assert.matches(said, done.stderr) end
  end

  -- A run by hand, in a process group of its own or not; its number once it is under way.
  local function by_hand(before)
    tmp.write(s.dir .. "/slow.lua", SLOW)
    local sluice = require("lfs").currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    os.execute(("cd %s && %s %s run slow.lua >out 2>&1 &"):format(s.dir, before or "", sluice))
    local id
    for _ = 1, 500 do
      local file = io.open(s.dir .. "/ready")
      id = file and file:read "n"
      if file then file:close() end
      if id then return id end
      task.sleep(0.02)
    end
    error("it never began: " .. tmp.read(s.dir .. "/out"))
  end

  local function wait_for_end(id)
    for _ = 1, 500 do
      local one = s:sluice("runs show --json " .. id).data
      if one.word ~= "running" then return one end
      task.sleep(0.02)
    end
  end

  it("has nothing to show, and makes nothing, before the first one", function()
    local done = s:sluice "runs list"
    assert.same({ 0, "", "no such run: none was made yet\n" }, { done.status, done.stdout, done.stderr })
    assert.same({}, s:sluice("runs list --json").data)
    fails("runs show 1", 1, "the ledger has no run 1\n  hint: no run was made yet")
    assert.is_nil(io.open(s.dir .. "/state.db"))
  end)

  it("lists runs of schedules and by hand, newest first", function()
    s:take_up("delta", hour - 9 * 3600)
    s:take_up("other", hour - 9 * 3600)
    s:ran("delta", hour - 3600)
    s:ran("other", hour - 3600, { outcome = "failed", exit_code = 5, error = "shop: no route to host" })
    local by_hand_id = s.store:run_start { recipe = "scripts/delta_feed", args = { from = "shop" } }
    s.store:run_finish(by_hand_id, { exit_code = 3, read = 12, sent = 10, rejected = 2 })
    local done = s:sluice "runs"
    assert.matches("^run  schedule or recipe  state    started +took +read  sent  rejected\n3    scripts/delta_feed  partial  .* 12    10         2\n"
      .. "2    other               failed .*\n1    delta               ok ", done.stdout)
    local function ids(words)
      local list = {}
      for i, one in ipairs(s:sluice("runs list --json " .. words).data) do list[i] = one.id end
      return list
    end
    assert.same({ 3, 2, 1 }, ids "")
    assert.same({ 2 }, ids "--schedule other")
    assert.same({ 3, 2 }, ids "--state partial --state failed")
    assert.same({ 3 }, ids "-n 1")
    assert.same({}, ids "--state lost")
  end)

  it("shows one", function()
    s:take_up("delta", hour - 9 * 3600)
    s:ran("delta", hour - 3600, { outcome = "failed", exit_code = 5, error = "shop: no route to host" })
    local text = s:sluice("runs show 1").stdout
    for _, said in ipairs { "^run          1\noutcome      failed %(exit 5%) after %S+ s: shop: no route to host\n", "\nschedule     delta\ndue   ",
      "\nattempt      1\n", "\nexit         5\n" } do assert.matches(said, text) end
    local one = s:sluice("runs show 1 --json").data
    assert.same({ "failed", "delta", 5, s.schedules.delta.spec:format(hour - 3600) }, { one.word, one.schedule, one.exit_code, one.due })
    local id = s.store:run_start { recipe = "x", args = { b = 2, a = "1" } }
    s.store:run_finish(id, { exit_code = 0, read = 1234567, sent = 1234567, requests = 9, waited = 75, peak_bytes = 50e6 })
    text = s:sluice("runs show 2").stdout
    for _, said in ipairs { "\narguments    a=1 b=2\n", "\nrecords      read 1,234,567, sent 1,234,567\n",
      "\nwaited       1 min 15 s for rate budgets\n", "\nmemory       50 MB at most\n" } do assert.matches(said, text) end
  end)

  it("says what is wrong, and the cure", function()
    s:take_up("delta", hour)
    s:ran("delta", hour)
    fails("runs show", 2, "which run%? its number", "hint: sluice runs list")
    fails("runs show 1 2", 2, "one run, not '2' as well")
    fails("runs show x", 2, "'x' is not the number of a run")
    fails("runs show 99", 1, "the ledger has no run 99\n  hint: the newest is 1;")
    fails("runs list --state faild", 2, "one of running, .*did you mean 'failed'")
    fails("runs list --schedule delt", 1, "there is no schedule 'delt' .*did you mean 'delta'")
    fails("runs list 1", 2, "list takes no words, not '1'")
    fails("runs lgos 1", 2, "there is no 'lgos' %(did you mean 'logs'%?%)")
    fails("runs logs 1", 1, "there is no log of run 1")
    fails("runs cancel 1", 1, "run 1 does not go on, so there is nothing to stop: ok after")
    s.store:run_finish(s.store:run_start { recipe = "x" }, { exit_code = 0 })
    fails("runs logs 2", 1, "run 2 was started by hand: what it printed was not kept")
  end)

  it("prints a log, and follows it to the end", function()
    s:take_up("delta", hour)
    local id, started = s:start("delta", hour)
    local path = s.dir .. "/log"
    local out <close> = io.open(path, "w")
    out:setvbuf "no"
    out:write "2026-11-28T10:00:00.123Z out one\n"
    s.store:run_pid(started.run, 1, path)
    assert.equal("2026-11-28T10:00:00.123Z out one\n", s:sluice("runs logs 1").stdout)
    local done
    local follower = task.spawn(function() done = s:sluice "runs logs 1 -f" end)
    task.sleep(0.3)
    out:write "2026-11-28T10:00:01.123Z err two\n"
    assert.is_nil(done)
    s:finish(id, started, { outcome = "ok" })
    follower:wait()
    assert.equal("2026-11-28T10:00:00.123Z out one\n2026-11-28T10:00:01.123Z err two\n", done.stdout)
    local line = require("sluice.json").decode(s:sluice("runs logs 1 --json").stdout:match "\n(.*)\n$")
    assert.same({ at = "2026-11-28T10:00:01.123Z", stream = "err", text = "two" }, line)
    os.remove(path)
    fails("runs logs 1", 1, "there is no log of run 1\n  hint: .*/log is gone")
  end)

  it("cancels a run by hand, in a group of its own and in another's", function()
    for _, before in ipairs { "setsid", "" } do
      local id = by_hand(before)
      local listed = s:sluice("runs list --state running --json").data
      assert.same({ id, "slow" }, { listed[1].id, listed[1].recipe })
      local done = s:sluice("runs cancel " .. id)
      assert.same({ 0, ("run %d: it was asked to stop\n"):format(id) }, { done.status, done.stdout }, done.stderr)
      local one = wait_for_end(id)
      assert.same({ "cancelled", 143 }, { one.word, one.exit_code })
      fails("runs cancel " .. id, 1, "does not go on")
      os.remove(s.dir .. "/ready")
    end
  end)

  it("marks a scheduled run for its daemon, and asks it itself where the daemon is gone", function()
    s:take_up("delta", hour)
    local id, started = s:start("delta", hour)
    local done = s:sluice "runs cancel 1 --json"
    assert.same({ 0, "its daemon asks it to stop", id }, { done.status, done.data.text, done.data.occurrence }, done.stderr)
    assert.is_true(s.store:occurrence(id).cancel)
    assert.matches("it was asked to stop", s:sluice("schedule history delta").stdout)
    s:finish(id, started, { outcome = "cancelled", note = "cancelled" })
    assert.matches("^cancelled after", s:sluice("runs show 1 --json").data.text)
    assert.matches("cancelled: it was stopped after ", s:sluice("schedule history delta").stdout)
  end)

  it("does not send a signal to a process that has the number of one that is gone", function()
    s:take_up("delta", hour)
    local _, started = s:start("delta", hour)
    s.store:run_pid(started.run, 1, "")
    started.lock:close()
    s:leave()
    fails("runs cancel 1", 1, "run 1 does not go on")
  end)
end)
