-- `sluice serve` with real processes: signals, kill -9, two at once, reload.
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local scripted = require "support.scripted"
local state = require "sluice.state"
local task = require "sluice.task"
local tmp = require "support.tmp"

local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local dir, children
before_each(function()
  dir, children = tmp.dir(), {}
  -- says that it has started, and ends when a file is there
  tmp.write(dir .. "/r.lua", [[
local task, run = require "sluice.task", require("sluice.run").current()
local file = io.open("marks", "a")
file:write(run.id, " ", run.attempt, " ", (...).n or "", "\n")
file:close()
print "at work"
repeat task.sleep(0.02) until io.open "go"
]])
end)
after_each(function()
  for _, one in ipairs(children) do one.child:signal(9) one.task:wait() one.child:close() end
end)

local function config(schedules, serve)
  tmp.write(dir .. "/sluice.yaml", ("version: 1\nstore: sqlite:state.db\nserve: { listen: off%s }\nschedules:\n%s"):format(serve or "", schedules))
end

-- Waits until something is so; there is no bound but that of the whole spec's run.
local function until_so(fn)
  while true do
    local value = fn()
    if value then return value end
    task.sleep(0.02)
  end
end

local function serve(...)
  local one = { lines = {} }
  one.child = assert(process.spawn { argv = { sluice, "serve", ... }, cwd = dir })
  one.task = task.spawn(function()
    for _, line in one.child.line, one.child do one.lines[#one.lines + 1] = line end
    one.status = one.child:wait().status
  end)
  function one.says(text)
    return until_so(function()
      for _, line in ipairs(one.lines) do
        if line:find(text, 1, true) then return line end
      end
      assert(not one.status, "it has ended: " .. table.concat(one.lines, "\n"))
    end)
  end
  children[#children + 1] = one
  return one
end

local function with_store(fn)
  local store = state.open(dir .. "/state.db")
  local value = fn(store)
  store:close()
  return value
end

local function fates(name)
  return with_store(function(store)
    local list = {}
    for i, row in ipairs(store:occurrences { schedule = name or "a" }) do
      list[i] = row.state .. (row.state ~= "waiting" and row.outcome and " " .. row.outcome or "")
    end
    return list
  end)
end

-- The daemon's first round makes the schedule known.
local function trigger(name)
  name = name or "a"
  until_so(function() return with_store(function(store) return store:schedule(name) and store:schedule_trigger(name) end) end)
end

local function marks() return io.open(dir .. "/marks") and select(2, tmp.read(dir .. "/marks"):gsub("\n", "")) or 0 end
local function go() tmp.write(dir .. "/go", "") end

describe("sluice serve", function()
  it("runs what it is asked to, keeps its log and the sums, and ends with TERM", function()
    config "  a: { recipe: r.lua, every: 1d, args: { n: 7 } }\n"
    local one = serve()
    one.says "1 schedules"
    trigger()
    one.says "a: run 1 starts"
    until_so(function() return marks() == 1 end)
    go()
    one.says "a: run 1: ok"
    assert.same({ "ran ok" }, fates())
    local run = with_store(function(store) return store:runs({ schedule = "a" })[1] end)
    assert.same({ "r", "ok", 0, 1 }, { run.recipe, run.outcome, run.exit_code, run.attempt })
    assert.same({ n = 7 }, json.decode(run.args))
    assert.matches("^%d+%-%d+%-%d+T%S+Z out at work\n", tmp.read(run.log))
    one.child:signal(15)
    one.task:wait()
    assert.equal(0, one.status)
  end)

  it("TERM: what runs is asked to stop and goes back to wait; the next daemon goes on with it", function()
    config "  a: { recipe: r.lua, every: 1d }\n"
    local one = serve()
    one.says "1 schedules"
    trigger()
    until_so(function() return marks() == 1 end)
    one.child:signal(15)
    one.task:wait()
    assert.equal(0, one.status)
    assert.same({ "waiting" }, fates())
    go()
    local two = serve()
    two.says "a: run 2: ok"
    assert.same({ "ran ok" }, fates())
    assert.equal("1 1 \n2 1 \n", tmp.read(dir .. "/marks"))
  end)

  it("TERM: what does not stop is killed when drain is over", function()
    config("  a: { recipe: deaf.lua, every: 1d, grace: 1h }\n", ", drain: 200ms")
    tmp.write(dir .. "/deaf.lua", 'local f = io.open("marks", "a") f:write "x\\n" f:close() local t = os.time() + 30 repeat until os.time() > t')
    local one = serve()
    one.says "1 schedules"
    trigger()
    until_so(function() return marks() == 1 end)
    one.child:signal(15)
    one.task:wait()
    assert.same({ "waiting" }, fates())
  end)

  it("kill -9: its runs end by themselves, and the next daemon marks them within seconds", function()
    config "  a: { recipe: r.lua, every: 1d }\n"
    local one = serve()
    one.says "1 schedules"
    trigger()
    until_so(function() return marks() == 1 end)
    process.kill_group(one.child.pid, 9)
    one.task:wait()
    go()
    local two = serve()
    until_so(function()
      local fate = fates()[1]
      return fate == "ran lost" or fate == "ran ok"
    end)
    two.child:signal(15)
    two.task:wait()
    assert.is_true(marks() <= 2)
  end)

  it("two share the work: each occurrence is done once", function()
    config("  a: { recipe: r.lua, every: 1d }\n  b: { recipe: r.lua, every: 1d }\n  c: { recipe: r.lua, every: 1d }\n", ", concurrency: 2")
    local one, two = serve(), serve()
    one.says "3 schedules"
    two.says "3 schedules"
    until_so(function() return with_store(function(store) return #store:schedules() == 3 end) end)
    for _, name in ipairs { "a", "b", "c" } do trigger(name) end
    until_so(function() return marks() == 2 end)
    go()
    for _, name in ipairs { "a", "b", "c" } do until_so(function() return fates(name)[1] == "ran ok" end) end
    assert.equal(3, marks())
  end)

  it("HUP: reads the config again; a wrong one is refused with its place, and the old one goes on", function()
    config "  a: { recipe: r.lua, every: 1d }\n"
    local one = serve()
    one.says "1 schedules"
    config "  a: { recipe: r.lua, evry: 1d }\n"
    one.child:signal(1)
    assert.matches("the config is wrong, the former one goes on: sluice%.yaml:5:23: schedules%.a: unknown key 'evry'", one.says "config is wrong")
    config "  a: { recipe: r.lua, every: 1d }\n  b: { recipe: r.lua, every: 1d }\n"
    one.child:signal(1)
    one.says "read again"
    until_so(function() return with_store(function(store) return #store:schedules() == 2 end) end)
  end)

  it("USR1: says its state", function()
    config "  a: { recipe: r.lua, every: 1d }\n"
    local one = serve()
    one.says "1 schedules"
    trigger()
    one.says "run 1 starts"
    one.child:signal(10)
    assert.matches("daemon 1: 1 schedules, 1 runs, 0 wait, next in %d+ s", one.says "0 wait")
    assert.matches("  run 1 of a, %d+ s", one.says "run 1 of a")
  end)

  it("--once: does what waits and ends", function()
    config "  a: { recipe: r.lua, every: 1d }\n"
    go()
    local one = serve "--once"
    one.task:wait()
    assert.equal(0, one.status)
    trigger()
    local two = serve "--once"
    two.task:wait()
    assert.same({ "ran ok" }, fates())
  end)

  it("--once: ends when somebody was told", function()
    config "  a: { recipe: bad.lua, every: 1d }\nnotify: { command: [sh, -c, 'sleep 0.3; echo $SLUICE_STATE > told'] }\n"
    tmp.write(dir .. "/bad.lua", "error 'no'")
    serve("--once").task:wait()
    trigger()
    serve("--once").task:wait()
    assert.equal("failing\n", tmp.read(dir .. "/told"))
  end)

  it("TERM is heard while the config is read again, whatever a command in it waits for", function()
    local token = ", token: { command: [sh, -c, 'echo $$ >> asked; test ! -e slow || exec sleep 50; echo abcdefghijklmnop'] }"
    config("  a: { recipe: r.lua, every: 1d }\n", token)
    local one = serve()
    one.says "1 schedules"
    tmp.write(dir .. "/slow", "")
    one.child:signal(1)
    local _, asked = until_so(function()
      local text = tmp.read(dir .. "/asked")
      return select(2, text:gsub("\n", "")) == 2 and text
    end):match "(%d+)\n(%d+)"
    one.child:signal(15) -- all of its group, as a terminal and a supervisor do it
    one.task:wait()
    assert.equal(0, one.status)
    assert.is_nil(table.concat(one.lines, "\n"):find("config is wrong", 1, true), table.concat(one.lines, "\n"))
    until_so(function() -- nothing stays behind
      local file <close> = io.open("/proc/" .. asked .. "/cmdline")
      return not file or file:read "a" == ""
    end)
  end)

  it("under a clock that is three hours ahead (libfaketime): the times between were missed, the newest is made up for", function()
    if (os.getenv "SLUICE_BUILD" or ""):find "asan" or not process.find "faketime" then return end -- its preload is none for ASan
    config "  a: { recipe: r.lua, every: 1h }\n"
    go()
    local first = assert(process.run { argv = { sluice, "serve", "--once" }, cwd = dir })
    assert.equal(0, first.status)
    local done = assert(process.run { argv = { "faketime", "-f", "+3h", sluice, "serve", "--once" }, cwd = dir })
    assert.equal(0, done.status, done.stderr)
    local rows = with_store(function(store) return store:occurrences { schedule = "a" } end)
    assert.same({ 2, "missed", "catchup", 2, "ran", "ok", 1 },
      { #rows, rows[1].state, rows[1].reason, rows[1].count, rows[2].state, rows[2].outcome, rows[2].count })
    local again = assert(process.run { argv = { sluice, "serve", "--once" }, cwd = dir }) -- and now it is back
    assert.matches("the clock says a time before the newest one in the store", again.stderr)
    assert.equal(1, marks())
  end)

  it("tells a program of a failure, in its environment", function()
    config "  a: { recipe: bad.lua, every: 1d }\nnotify: { command: [sh, -c, 'echo \"$SLUICE_WAS $SLUICE_STATE $SLUICE_TEXT\" >> told'] }\n"
    tmp.write(dir .. "/bad.lua", "error 'no'")
    local one = serve()
    one.says "1 schedules"
    trigger()
    until_so(function() return io.open(dir .. "/told") end)
    assert.equal("ok failing schedule a fails: 1 in a row\n", until_so(function()
      local text = tmp.read(dir .. "/told")
      return text ~= "" and text
    end))
    local note = with_store(function(store) return store:occurrences({ schedule = "a" })[1].note end)
    assert.equal("exit code 1: " .. dir .. "/bad.lua:1: no", note) -- the run's own word
  end)

  it("tells by an operation of a connection, with what happened in its arguments; what is refused is told again by the next one", function()
    local chat = scripted.start { { status = 403, json = { ok = false } }, { status = 200, json = { ok = true } } }
    tmp.write(dir .. "/bad.lua", "error 'no'")
    assert(lfs.mkdir(dir .. "/apis"))
    tmp.write(dir .. "/apis/chat.lua", [[return {
      name = "chat", doc = "A chat", hosts = { { name = "base", key = "base_url", url = "https://chat.example" } },
      connection = { { name = "key", type = "secret", required = true, doc = "key" } }, credential = { kind = "bearer", secret = "key" },
      classes = { write = { rate = "100/s", doc = "all" } },
      operations = { { name = "post", doc = "Say it", method = "POST", path = "/post", body = '{"channel":{channel},"text":{text}}',
        args = { { name = "channel", type = "text", doc = "where" }, { name = "text", type = "text", doc = "what" } },
        success = { 200 }, result = "ok", class = "write", resend = "unsafe" } },
    }]])
    config(('  a: { recipe: bad.lua, every: 1d }\nconnections: { room: { api: chat, base_url: "%s", key: k-12345 } }\n'):format(chat.url) ..
      'notify: { connection: room, operation: post, args: { channel: "#ops", text: "{was} > {state}: {text}" } }\n')
    serve("--once").task:wait()
    trigger()
    local one = serve "--once"
    one.task:wait()
    assert.matches("a fails: 1 in a row could not be told: .* %(it is tried again%)", one.says "could not be told")
    serve("--once").task:wait()
    serve("--once").task:wait()
    assert.equal(2, #chat.requests)
    assert.same({ "/post", "Bearer k-12345" }, { chat.requests[2].path, chat.requests[2].headers.authorization })
    assert.same({ channel = "#ops", text = "ok > failing: schedule a fails: 1 in a row" }, json.decode(chat.requests[2].body))
    chat:close()
  end)

  it("refuses a wrong config and unknown options with exit 2", function()
    config "  a: { recipe: r.lua, cron: '99 * * * *' }\n"
    for _, words in ipairs { {}, { "--ones" } } do
      local done = assert(process.run { argv = { sluice, "serve", table.unpack(words) }, cwd = dir })
      assert.equal(2, done.status)
      assert.matches(words[1] and "unknown option '%-%-ones'" or "^sluice: sluice%.yaml:5:%d+: schedules%.a%.cron: ", done.stderr)
    end
  end)
end)
