local task = require "sluice.task"
local core = require "sluice.core"
local err = require "sluice.err"

describe("task", function()
  it("runs functions side by side and gives their results in order", function()
    local order = {}
    local a, b = task.all {
      function() task.sleep(0.02); order[#order + 1] = "a"; return "first" end,
      function() task.sleep(0.001); order[#order + 1] = "b"; return "second" end,
    }
    assert.same({ "first", "second" }, { a, b })
    assert.same({ "b", "a" }, order)
  end)

  it("raises the error of a failed task where it is waited for", function()
    local one = task.spawn(function() err.raise { code = "timeout", message = "too slow" } end)
    local ok, problem = pcall(one.wait, one)
    assert.is_false(ok)
    assert.equal("timeout", problem.code)
    assert.equal("failed: too slow", "failed: " .. problem)
  end)

  it("cancels the others when one of all{} fails", function()
    local reached = false
    local ok, problem = pcall(task.all, {
      function() task.sleep(60); reached = true end,
      function() error "broken" end,
    })
    assert.is_false(ok)
    assert.matches("broken", problem)
    assert.is_false(reached)
    assert.equal(0, (core.pending()))
  end)

  it("waits inside coroutines of the script's own, through wrap and resume", function()
    local function numbers()
      return coroutine.wrap(function()
        for i = 1, 3 do task.sleep(0.001); coroutine.yield(i) end
      end)
    end
    local got = {}
    for n in numbers() do got[#got + 1] = n end
    assert.same({ 1, 2, 3 }, got)
    local co = coroutine.create(function(x) task.sleep(0.001); local y = coroutine.yield(x + 1); return y * 2 end)
    assert.same({ true, 6 }, { coroutine.resume(co, 5) })
    assert.same({ true, 20 }, { coroutine.resume(co, 10) })
    assert.equal("dead", coroutine.status(co))
  end)

  it("names the place where Lua can't wait", function()
    local ok, problem = pcall(table.sort, { 2, 1 }, function(a, b) task.sleep(0.001); return a < b end)
    assert.is_false(ok)
    assert.equal("usage", problem.code)
    assert.matches("task%.sleep can't wait here", problem.message)
  end)

  it("passes values through a channel with back-pressure, and ends with nil", function()
    local channel, got, ahead, put = task.channel(2), {}, 0, 0
    local writer = task.spawn(function()
      for i = 1, 10 do channel:put(i); put = i end
      channel:close()
    end)
    for value in function() return channel:get() end do
      got[#got + 1] = value
      ahead = math.max(ahead, put - value)
      task.yield()
    end
    writer:wait()
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, got)
    assert.is_true(ahead <= 3)
    assert.has_error(function() channel:put(nil) end)
    local ok, problem = pcall(channel.put, channel, 1)
    assert.is_false(ok)
    assert.matches("closed", problem.message)
  end)

  it("bounds how many hold a semaphore", function()
    local semaphore, inside, most, jobs = task.semaphore(3), 0, 0, {}
    for i = 1, 12 do
      jobs[i] = function()
        semaphore:acquire()
        inside = inside + 1
        most = math.max(most, inside)
        task.sleep(0.001)
        inside = inside - 1
        semaphore:release()
      end
    end
    task.all(jobs)
    assert.equal(3, most)
  end)

  it("ends a task that waits, and its operation with it", function()
    local one = task.spawn(function() task.sleep(3600) end)
    task.yield()
    assert.is_true(core.pending() > 0)
    one:cancel()
    assert.equal(0, (core.pending()))
    local ok, problem = pcall(one.wait, one)
    assert.is_false(ok)
    assert.equal("cancelled", problem.code)
  end)

  it("ends it too where it waits inside a coroutine of its own", function()
    local closed = false
    local one = task.spawn(function()
      local _ <close> = setmetatable({}, { __close = function() closed = true end })
      coroutine.wrap(function() coroutine.wrap(function() task.sleep(3600) end)() end)()
    end)
    task.yield()
    assert.equal(1, (core.pending()))
    one:cancel()
    assert.equal(0, (core.pending()))
    assert.is_true(closed)
  end)

  it("wakes sleepers with `cancelled` when a signal asks to stop", function()
    local one = task.spawn(function() task.sleep(3600) end)
    one.awaited = true
    task.yield()
    core.raise_signal(15)
    local ok, problem = pcall(one.wait, one)
    assert.is_false(ok)
    assert.equal("cancelled", problem.code)
    assert.equal(15, task.stopping())
    assert.has_error(function() task.sleep(1) end)
    core.raise_signal(nil)
    assert.is_nil(task.stopping())
  end)

  it("gives what an iterator gives to several at once, and asks it by one at a time", function()
    local n, inside, most, working, busiest, seen = 0, 0, 0, 0, 0, {}
    task.each(function()
      inside = inside + 1
      most = math.max(most, inside)
      task.yield()
      inside, n = inside - 1, n + 1
      return n <= 20 and n or nil
    end, 4, function(value)
      working = working + 1
      busiest = math.max(busiest, working)
      for _ = 1, 9 do task.yield() end
      working, seen[value] = working - 1, (seen[value] or 0) + 1
    end)
    assert.same({ 1, 4, 20, 21 }, { most, busiest, #seen, n }) -- it is not asked again once it has ended
    for _, times in ipairs(seen) do assert.equal(1, times) end
  end)

  it("ends with the first error, of the iterator or of one call", function()
    for _, who in ipairs { "iterator", "call" } do
      local n, done = 0, 0
      local ok, problem = pcall(task.each, function()
        n = n + 1
        if who == "iterator" and n == 3 then error("no more", 0) end
        return n
      end, 2, function(value)
        if who == "call" and value == 3 then error("no more", 0) end
        task.yield()
        done = done + 1
      end)
      assert.same({ false, "no more" }, { ok, problem }, who)
      assert.is_true(n <= 5 and done <= 4, who)
    end
  end)

  it("ends early where a signal asks for it", function()
    local n = 0
    task.each(function()
      n = n + 1
      return n
    end, 1, function(value)
      if value == 3 then core.raise_signal(2) end
    end)
    core.raise_signal(nil)
    assert.equal(3, n)
  end)

end)
