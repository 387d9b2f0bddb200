local process = require "sluice.process"
local task = require "sluice.task"
local tmp = require "support.tmp"

local function spawn(script, options)
  options = options or {}
  options.argv = { "sh", "-c", script }
  return assert(process.spawn(options))
end

-- All lines of a stream; a piece that goes on is marked.
local function lines(child)
  local out = { out = {}, err = {} }
  for stream, text, more in child.line, child do
    local list = out[stream]
    list[#list + 1] = text .. (more and "…" or "")
  end
  return out
end

local function alive(pid) return io.open("/proc/" .. pid .. "/stat") ~= nil end

-- A process that has ended and whose parent has not seen it yet counts as gone.
local function gone(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  local state = file and file:read("a"):match "%) (%a)"
  if file then file:close() end
  return state == nil or state == "Z"
end

local function wait_until(what)
  for _ = 1, 2000 do
    if what() then return true end
    task.sleep(0.005)
  end
  return false
end

describe("sluice.process.spawn", function()
  it("gives the lines of both outputs, and the end", function()
    local child <close> = spawn "echo one; echo two >&2; printf three; exit 3"
    assert.same({ out = { "one", "three" }, err = { "two" } }, lines(child))
    assert.is_nil((child:line()))
    assert.same({ status = 3 }, child:wait())
    assert.same({ status = 3 }, child:wait())
  end)

  it("gives empty lines and what is no text as they are", function()
    local child <close> = spawn [[printf '\n\na\0b\r\n\377\n']]
    assert.same({ "", "", "a\0b\r", "\255" }, lines(child).out)
  end)

  it("says which signal ended it", function()
    local child <close> = spawn "kill -9 $$"
    assert.same({ status = 137, signal = 9 }, child:wait())
  end)

  it("cuts a long line in pieces, and no character", function()
    for _, case in ipairs { { "ä", 2 }, { "€", 3 }, { "\u{1F600}", 4 } } do
      local path, text = tmp.dir() .. "/long", "x" .. (case[1]):rep(30000)
      tmp.write(path, text .. "\nend\n")
      local child <close> = assert(process.spawn { argv = { "cat", path } })
      local all, pieces = {}, 0
      for _, piece, more in child.line, child do
        assert.is_truthy(utf8.len(piece))
        assert.is_true(#piece <= 16384)
        all[#all + 1] = piece
        pieces = pieces + (more and 1 or 0)
        if not more then all[#all + 1] = "\n" end
      end
      assert.equal(text .. "\nend\n", table.concat(all))
      assert.equal(30000 * case[2] // 16384, pieces)
    end
  end)

  it("takes a line of exactly one piece as a line", function()
    local child <close> = spawn "head -c 16384 /dev/zero | tr '\\0' x; echo; echo y"
    assert.same({ ("x"):rep(16384), "y" }, lines(child).out)
  end)

  it("makes a program that floods its output wait, and loses nothing of it", function()
    local dir = tmp.dir()
    local child <close> = spawn(("seq 1 200000; echo done > %s/done"):format(dir))
    assert.same({ "out", "1", false }, { child:line() })
    task.sleep(0.05)
    assert.is_nil(io.open(dir .. "/done")) -- 1.3 MB are more than what we and the pipe hold
    local last, n = 1, 1
    for _, text in child.line, child do
      n = n + 1
      assert(tonumber(text) == last + 1, "a line is missing")
      last = last + 1
    end
    assert.equal(200000, n)
    assert.same({ status = 0 }, child:wait())
  end)

  it("lets others go on while a program prints without end, and reads both outputs", function()
    local child <close> = spawn "yes & exec yes no >&2"
    local seen, ticks = { out = 0, err = 0 }, 0
    local ticker <close> = setmetatable({ task = task.spawn(function()
      while true do
        task.sleep(0)
        ticks = ticks + 1
      end
    end) }, { __close = function(self) self.task:cancel() end })
    assert.is_truthy(ticker)
    for _ = 1, 30000000 do
      local stream = child:line()
      seen[stream] = seen[stream] + 1
      if ticks > 2 and seen.out > 1000 and seen.err > 1000 then break end
    end
    assert.same({ true, true, true }, { ticks > 2, seen.out > 1000, seen.err > 1000 })
  end)

  it("goes on with one output where the other is closed", function()
    local child <close> = spawn "exec >&-; echo still here >&2; exit 1"
    assert.same({ out = {}, err = { "still here" } }, lines(child))
    assert.same({ status = 1 }, child:wait())
  end)

  it("ends the outputs a while after the program where something that it left behind holds them", function()
    local child <close> = spawn("sleep 600 & echo $!; exit 0", { linger = 0.05 })
    local printed = lines(child).out
    assert.equal(1, #printed)
    assert.is_false(gone(printed[1])) -- it has the output still
    assert.same({ status = 0 }, child:wait())
  end)

  it("bounds what is still read of one that prints for ever", function()
    local child <close> = spawn("yes grandchild & exec sleep 600", { linger = 0.02 })
    assert.equal("grandchild", select(2, child:line()))
    assert.is_true(process.kill(child.pid, 9)) -- it alone, not its group
    local n = 0
    for _ in child.line, child do n = n + 1 end
    assert.is_true(n > 0)
    assert.same({ status = 137, signal = 9 }, child:wait())
  end)

  it("reads all of a program that has ended before anyone asks", function()
    local child <close> = spawn("seq 1 9000", { linger = 0 })
    child:wait()
    task.sleep(0.01)
    assert.equal(9000, #lines(child).out)
  end)

  it("has a process group of its own, and signals go to all of it", function()
    local child <close> = spawn "sh -c 'echo $$; exec sleep 60' & wait"
    local _, grandchild = child:line()
    assert.is_true(alive(grandchild))
    assert.is_true(child:signal(15))
    assert.same({ status = 143, signal = 15 }, child:wait())
    assert.is_true(wait_until(function() return gone(grandchild) end))
  end)

  it("kills what is left of the group when it is closed, its own end before that or not", function()
    local pids = {}
    for i, script in ipairs { "sleep 60 & echo $!; exit 0", "sleep 60 & echo $!; wait" } do
      local child <close> = spawn(script)
      pids[i] = select(2, child:line())
      if i == 1 then child:wait() end
      assert.is_true(alive(pids[i]))
    end
    for _, pid in ipairs(pids) do assert.is_true(wait_until(function() return gone(pid) end)) end
  end)

  it("ends the waits of others when it is closed", function()
    local child = spawn "sleep 60"
    local reader = task.spawn(pcall, child.line, child)
    local waiter = task.spawn(pcall, child.wait, child)
    task.sleep(0)
    child:close()
    for _, waits in ipairs { reader, waiter } do
      local ok, problem = waits:wait()
      assert.is_false(ok)
      assert.equal("cancelled", problem.code)
    end
    assert.is_false(child:signal(15))
    assert.is_nil(child.pid)
    child:close()
    local ok, problem = pcall(child.wait, child)
    assert.same({ false, "this sluice.child is closed" }, { ok, problem.message })
  end)

  it("is for one reader at a time", function()
    local child <close> = spawn "sleep 60"
    local reader = task.spawn(pcall, child.line, child)
    task.sleep(0)
    local ok, problem = pcall(child.line, child)
    assert.same({ false, "another task waits for the lines of this program" }, { ok, problem.message })
    child:close()
    reader:wait()
  end)

  it("adds to the environment and takes from it", function()
    local child <close> = spawn("echo \"$ONE,$TWO,${HOME-none},$PATH\"", { env = { ONE = "1=1", TWO = "", HOME = false } })
    assert.same({ "1=1,,none," .. os.getenv "PATH" }, lines(child).out)
  end)

  it("keeps from it what a supervisor said to us", function()
    local script = tmp.write(tmp.dir() .. "/s.lua", [[
      local process = require "sluice.process"
      local child = assert(process.spawn { argv = { "env" } })
      for _, text in child.line, child do if text:match "^NOTIFY" or text:match "^WATCHDOG" then print(text) end end
      print "end"]])
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local r = assert(process.run { argv = { "env", "NOTIFY_SOCKET=/x", "WATCHDOG_USEC=1", "WATCHDOG_PID=1", sluice, "run", script } })
    assert.same({ "end\n", 0 }, { r.stdout, r.status })
  end)

  it("gives it the descriptors that it may keep, and no other", function()
    local dir = tmp.dir()
    local kept <close> = assert(io.open(dir .. "/kept", "w"))
    local other <close> = assert(io.open(dir .. "/other", "w"))
    local numbers = {}
    for name in require("lfs").dir "/proc/self/fd" do
      local link = tonumber(name) and require("lfs").symlinkattributes("/proc/self/fd/" .. name, "target")
      if link then numbers[link] = tonumber(name) end
    end
    local fd = numbers[dir .. "/kept"]
    assert.is_truthy(fd and kept and other)
    local child <close> = spawn(("echo inherited >&%d; ls /proc/$$/fd"):format(fd), { keep = { fd } })
    assert.same({ "0", "1", "2", tostring(fd) }, lines(child).out)
    assert.equal("inherited\n", tmp.read(dir .. "/kept"))
    local again = assert(process.run { argv = { "sh", "-c", "ls /proc/$$/fd" } })
    assert.equal("0\n1\n2\n", again.stdout) -- here it still closes itself
  end)

  it("bounds its memory", function()
    local python = { "python3", "-c", "b = bytearray(300 << 20)\nprint('got it')" }
    local child <close> = assert(process.spawn { argv = python, memory = 100 << 20 })
    local got = lines(child)
    assert.same({}, got.out)
    assert.equal("MemoryError", got.err[#got.err])
    assert.same({ status = 1 }, child:wait())
  end)

  it("gets SIGTERM when its parent is killed", function()
    local dir = tmp.dir()
    local script = tmp.write(dir .. "/parent.lua", ([[
      local process = require "sluice.process"
      local shell = "trap 'echo asked > %s/told; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
      local child = assert(process.spawn { argv = { "sh", "-c", shell }, death_signal = true })
      child:line()
      io.stdout:write(child.pid, "\n")
      io.stdout:flush()
      child:wait()]]):format(dir))
    local parent = assert(process.spawn { argv = { (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "run", script } })
    local _, pid = parent:line()
    assert.is_true(alive(assert(tonumber(pid))))
    assert.is_true(parent:signal(9))
    assert.same({ status = 137, signal = 9 }, parent:wait())
    assert.is_true(wait_until(function() return io.open(dir .. "/told") ~= nil and gone(pid) end))
    parent:close()
  end)

  it("says what there is not, with the program's name", function()
    local child, e = process.spawn { argv = { "sluice-no-such-program" } }
    assert.is_nil(child)
    assert.same({ "not_found", "can't run 'sluice-no-such-program': No such file or directory" }, { e.code, e.message })
    child, e = process.spawn { argv = { "pwd" }, cwd = "/no/such/folder" }
    assert.is_nil(child)
    assert.same({ "not_found", "can't run 'pwd' in '/no/such/folder': No such file or directory" }, { e.code, e.message })
    child, e = process.spawn { argv = { "/etc/passwd" } }
    assert.is_nil(child)
    assert.same({ "state", "can't run '/etc/passwd': Permission denied" }, { e.code, e.message })
  end)

  it("leaves no descriptor and no zombie behind", function()
    local system = require "sluice.system"
    collectgarbage()
    local before = system.files().open
    for _ = 1, 50 do
      local child <close> = spawn "echo x"
      local pid = child.pid
      child:line()
      child:close()
      assert.is_nil(io.open("/proc/" .. pid .. "/stat"))
      assert.is_nil(process.spawn { argv = { "/no/such/program" } })
    end
    assert.equal(before, system.files().open)
  end)

  it("raises when the caller is wrong", function()
    for _, case in ipairs {
      { { argv = {} }, "argv must have 1 to 256 items" }, { { argv = { "ls" }, keep = { 1 } }, "keep%[1%]" },
      { { argv = { "ls" }, keep = { 1000 } }, "keep%[1%] must be an open descriptor from 3 on, not 1000" },
      { { argv = { "ls" }, keep = 3 }, "keep must be a list" }, { { argv = { "ls" }, env = { ["A=B"] = "x" } }, "'A=B' is no name" },
      { { argv = { "ls" }, env = { A = true } }, "env.A must be a string, or false" },
      { { argv = { "ls" }, env = { A = "\0" } }, "zero byte" }, { { argv = { "ls" }, memory = -1 }, "memory must be bytes" },
      { { argv = { "ls" }, enw = {} }, "did you mean 'env'" }, { "ls", "expected a table" },
    } do
      local ok, e = pcall(process.spawn, case[1])
      assert.is_false(ok)
      assert.equal("usage", e.code)
      assert.matches(case[2], e.message)
    end
  end)
end)

describe("sluice.process.kill_group", function()
  it("reaches a group by its number", function()
    local child <close> = spawn "exec sleep 60"
    assert.is_true(process.kill_group(child.pid, 0))
    assert.is_true(process.kill_group(child.pid, 15))
    assert.same({ status = 143, signal = 15 }, child:wait())
  end)

  it("says where there is none, and does not take everybody", function()
    local child = spawn "true"
    local pid = child.pid
    child:wait()
    child:close()
    assert.is_false(process.kill_group(pid, 15))
    for _, group in ipairs { 1, 0, -1, -77 } do
      local ok, e = pcall(process.kill_group, group, 0)
      assert.same({ false, "usage" }, { ok, e.code })
    end
    assert.is_false((pcall(process.kill_group, pid, 65)))
  end)
end)
