local core = require "sluice.core"
local process = require "sluice.process"
local task = require "sluice.task"
local tmp = require "support.tmp"

local SLUICE = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local HUP, INT, USR1, TERM, KILL = 1, 2, 10, 15, 9

-- A script in a process of its own; `env` is put in front.
local function script(text, env)
  local path = tmp.write(tmp.dir() .. "/script.lua", text)
  return assert(process.spawn { argv = { SLUICE, "run", path }, env = env })
end

local function rest(child)
  local all = {}
  for stream, text in child.line, child do all[#all + 1] = stream .. " " .. text end
  return table.concat(all, "\n")
end

local DAEMON = [[
  local process, task = require "sluice.process", require "sluice.task"
  io.stdout:setvbuf "line"
  local signals = process.signals()
  local sleeper = task.spawn(function() task.sleep(1000) end)
  print "ready"
  for signal in signals do
    print(signal, task.stopping(), sleeper:done())
    if signal == "USR1" then break end
  end
  signals:close()
  print "closed"
  while not task.stopping() do pcall(task.sleep, 1000) end
  print "stopping"
  os.exit(7)]]

describe("sluice.process.signals", function()
  it("gives signals as values and does nothing else, until it is closed", function()
    local child <close> = script(DAEMON)
    assert.same({ "out", "ready", false }, { child:line() })
    for _, case in ipairs { { HUP, "HUP" }, { TERM, "TERM" }, { TERM, "TERM" }, { INT, "INT" }, { INT, "INT" }, { HUP, "HUP" }, { USR1, "USR1" } } do
      child:signal(case[1])
      assert.same({ "out", case[2] .. "\tnil\tfalse", false }, { child:line() })
    end
    assert.equal("closed", select(2, child:line()))
    child:signal(TERM)
    assert.equal("stopping", select(2, child:line()))
    assert.same({ status = 7 }, child:wait())
  end)

  it("loses none that come while nobody waits", function()
    local signals <close> = process.signals()
    for _, number in ipairs { HUP, HUP, TERM, HUP, USR1 } do core.raise_signal(number) end
    local got = {}
    for i = 1, 5 do got[i] = signals() end
    assert.same({ "HUP", "HUP", "TERM", "HUP", "USR1" }, got)
    assert.is_nil(task.stopping())
  end)

  it("ends a wait when it is closed, and can be had again", function()
    local signals = process.signals()
    local waiter = task.spawn(function() return signals() end)
    task.sleep(0)
    core.raise_signal(HUP) -- nobody takes it any more
    signals:close()
    assert.is_nil(waiter:wait())
    assert.is_nil(signals())
    local again <close> = process.signals()
    core.raise_signal(INT)
    assert.equal("INT", again())
  end)

  it("is had once at a time", function()
    local signals <close> = process.signals()
    local ok, e = pcall(process.signals)
    assert.same({ false, "usage", "this process has subscribed to its signals already" }, { ok, e.code, e.message })
    assert.is_truthy(signals)
  end)

  it("leaves a process without a subscription as it was: asked first, ended by the second", function()
    local child <close> = script [[
      io.stdout:setvbuf "line"
      print "ready"
      local task = require "sluice.task"
      while not task.stopping() do pcall(task.sleep, 1000) end
      print "asked"
      while true do pcall(task.sleep, 0.01) end]]
    child:line()
    child:signal(TERM)
    assert.equal("asked", select(2, child:line()))
    child:signal(TERM)
    assert.same({ status = 143 }, child:wait())
    local other <close> = script [[print "ready" io.stdout:flush() require("sluice.task").sleep(1000)]]
    other:line()
    other:signal(USR1)
    assert.same({ status = 128 + USR1, signal = USR1 }, other:wait())
  end)
end)

-- A supervisor: a datagram socket that prints what it gets, a line for each datagram.
local SUPERVISOR = [[
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
for _ in range(int(sys.argv[2])):
    print(repr(s.recv(4096).decode()), flush=True)
]]

describe("sluice.process.notify", function()
  local function supervised(address, text, env, count)
    local supervisor <close> = assert(process.spawn { argv = { "python3", "-c", SUPERVISOR, address, tostring(count) } })
    assert.equal("bound", select(2, supervisor:line()))
    env = env or {}
    env.NOTIFY_SOCKET = address
    local child <close> = script(text, env)
    local said = rest(child)
    local got = {}
    for i = 1, count do got[i] = select(2, supervisor:line()) end
    return got, said
  end

  it("tells a real socket, one with a path and an abstract one", function()
    for _, address in ipairs { tmp.dir() .. "/notify", "@sluice-spec-" .. process.pid() } do
      local got, said = supervised(address, [[
        local process = require "sluice.process"
        print(process.notify "READY=1\nSTATUS=two schedules", process.notify "WATCHDOG=1")
        print(process.watchdog())]], { WATCHDOG_USEC = "2500000" }, 2)
      assert.same({ [['READY=1\nSTATUS=two schedules']], "'WATCHDOG=1'" }, got)
      assert.equal("out true\ttrue\nout 2.5", said)
    end
  end)

  it("says since when it reloads, on the supervisor's clock", function()
    local got = supervised(tmp.dir() .. "/notify", [[require("sluice.process").notify "RELOADING=1"]], nil, 1)
    local us = tonumber(got[1]:match [[^'RELOADING=1\nMONOTONIC_USEC=(%d+)'$]])
    local python = assert(process.run { argv = { "python3", "-c", "import time; print(time.monotonic_ns() // 1000)" } })
    local now = tonumber(python.stdout)
    assert.is_true(us <= now and us > now - 600e6)
  end)

  it("sends nothing where nobody asked, and says where the socket is not there", function()
    local child <close> = script([[
      local process = require "sluice.process"
      print(process.notify "READY=1", process.watchdog())]], { NOTIFY_SOCKET = false, WATCHDOG_USEC = false })
    assert.equal("out false\tnil", rest(child))
    for _, case in ipairs { { "/no/such/socket", "telling the supervisor at '/no/such/socket': No such file or directory" },
      { "vsock:2:1", "NOTIFY_SOCKET is 'vsock:2:1', which is neither a path nor an abstract name" } } do
      local other <close> = script([[print(select(2, require("sluice.process").notify "READY=1").message)]], { NOTIFY_SOCKET = case[1] })
      assert.equal("out " .. case[2], rest(other))
    end
  end)

  it("has a watchdog only where it is meant for this process", function()
    local text = [[print(require("sluice.process").watchdog())]]
    for _, case in ipairs { { "3000000", "1", "nil" }, { "x", false, "nil" }, { "0", false, "nil" }, { "3000000", false, "3.0" } } do
      local child <close> = script(text, { WATCHDOG_USEC = case[1], WATCHDOG_PID = case[2] })
      assert.equal("out " .. case[3], rest(child))
    end
  end)
end)

describe("sluice.process.take_env", function()
  it("gives a variable once, and not to programs that are started later", function()
    local child <close> = script([[
      local process = require "sluice.process"
      print(process.take_env "SPEC_VARIABLE", process.take_env "SPEC_VARIABLE", os.getenv "SPEC_VARIABLE")
      print(process.run { argv = { "sh", "-c", "echo ${SPEC_VARIABLE-none}" } }.stdout)]], { SPEC_VARIABLE = "x" })
    assert.equal("out x\tnil\tnil\nout none\nout ", rest(child))
    assert.is_false((pcall(process.take_env, "A=B")))
  end)
end)

describe("sluice.process.adopt_orphans", function()
  -- Children that leave something behind; one of our own, whose status must stay its own.
  local ORPHANS = [[
    local process, task = require "sluice.process", require "sluice.task"
    process.adopt_orphans()
    process.adopt_orphans()
    print("pid", process.pid() == 1)
    local statuses = {}
    for i = 1, 20 do
      statuses[i] = process.run { argv = { "sh", "-c", "sh -c 'exit 5' & sh -c 'sleep 0.01' & exit " .. i } }.status
      local child <close> = assert(process.spawn { argv = { "sh", "-c", "(setsid sleep 0.02 &) ; exit " .. (i + 100) } })
      statuses[i + 20] = child:wait().status
    end
    local wrong = 0
    for i = 1, 20 do wrong = wrong + (statuses[i] == i and 0 or 1) + (statuses[i + 20] == i + 100 and 0 or 1) end
    print("wrong", wrong)
    local function children()
      local list = {}
      for pid in require("lfs").dir "/proc" do
        local file = tonumber(pid) and io.open("/proc/" .. pid .. "/stat")
        local state, parent = (file and file:read "a" or ""):match "%) (%a) (%d+)"
        if file then file:close() end
        if tonumber(parent) == process.pid() then list[#list + 1] = pid .. state end
      end
      return list
    end
    for _ = 1, 1000 do
      if #children() == 0 then break end
      task.sleep(0.01)
    end
    print("left", table.concat(children(), " "))]]

  it("waits for what comes to us, and never for our own", function()
    local child <close> = script(ORPHANS)
    assert.equal("out pid\tfalse\nout wrong\t0\nout left\t", rest(child))
  end)

  it("is what the first process of a container needs", function()
    local unshare = { "unshare", "--pid", "--fork", "--mount-proc" }
    local probe = process.run { argv = { "unshare", "--pid", "--fork", "--mount-proc", "true" } }
    if not probe or probe.status ~= 0 then pending "unshare --pid needs a right that this user does not have" end
    local path = tmp.write(tmp.dir() .. "/first.lua", ORPHANS)
    table.move({ SLUICE, "run", path }, 1, 3, #unshare + 1, unshare)
    local r = assert(process.run { argv = unshare })
    assert.equal("pid\ttrue\nwrong\t0\nleft\t\n", r.stdout, r.stderr)
    local child <close> = assert(process.spawn { argv = { "unshare", "--pid", "--fork", "--mount-proc", SLUICE, "run",
      tmp.write(tmp.dir() .. "/daemon.lua", DAEMON) } })
    child:line()
    for _, name in ipairs { "TERM", "TERM", "HUP", "USR1" } do -- no signal has a default here, and none is lost
      local kill = ("kill -%s $(cat /proc/%d/task/%d/children)"):format(name, child.pid, child.pid)
      assert.equal(0, process.run({ argv = { "sh", "-c", kill } }).status)
      assert.equal(name .. "\tnil\tfalse", select(2, child:line()))
    end
    child:signal(KILL)
  end)
end)
