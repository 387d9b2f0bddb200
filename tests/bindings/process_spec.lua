local process = require "sluice.process"
local task = require "sluice.task"
local tmp = require "support.tmp"
local time = require "sluice.time"

local function sh(script, options)
  options = options or {}
  options.argv = { "sh", "-c", script }
  return process.run(options)
end

describe("sluice.process.run", function()
  it("gives what the program prints and its status", function()
    local r = assert(process.run { argv = { "printf", "%s|%s", "a b", "$HOME;*" } })
    assert.same({ status = 0, stdout = "a b|$HOME;*", stderr = "" }, r)
    r = assert(sh "echo out; echo err >&2; exit 3")
    assert.same({ status = 3, stdout = "out\n", stderr = "err\n" }, r)
  end)

  it("says which signal ended it", function()
    local r = assert(sh "kill -TERM $$")
    assert.same({ 143, 15 }, { r.status, r.signal })
  end)

  it("takes more than a pipe holds, from both outputs", function()
    local r = assert(sh "head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2")
    assert.equal(("x"):rep(300000), r.stdout)
    assert.equal(("y"):rep(300000), r.stderr)
  end)

  it("runs in the folder that is asked for, with an empty input and none of our descriptors", function()
    local dir = tmp.dir()
    local file <close> = assert(io.open(dir .. "/open", "w"))
    assert.equal(dir .. "\n", assert(process.run { argv = { "pwd" }, cwd = dir }).stdout)
    assert.equal("", assert(process.run { argv = { "cat" } }).stdout)
    assert.equal("0\n1\n2\n3\n", assert(process.run { argv = { "ls", "/proc/self/fd" } }).stdout) -- 3 is ls's own
    assert.is_truthy(file)
  end)

  it("lets other tasks go on", function()
    local order = {}
    task.all {
      function()
        assert(sh "read x < /dev/null; exec sleep 0.05")
        order[#order + 1] = "program"
      end,
      function() order[#order + 1] = "task" end,
    }
    assert.same({ "task", "program" }, order)
  end)

  it("does not wait for what the program leaves behind", function()
    local started = time.mono()
    local r = assert(sh "echo here; sleep 20 & exit 0")
    assert.equal("here\n", r.stdout)
    assert.is_true(time.mono() - started < 10)
  end)

  it("kills what takes too long or prints too much", function()
    local r, e = process.run { argv = { "sleep", "30" }, timeout = 0.02 }
    assert.is_nil(r)
    assert.equal("timeout", e.code)
    assert.equal("'sleep' took longer than 0.02 seconds", e.message)
    r, e = process.run { argv = { "yes" }, max_bytes = 10000 }
    assert.is_nil(r)
    assert.same({ "limit", "'yes' prints more than the 10000 bytes allowed here" }, { e.code, e.message })
  end)

  it("is killed with its task", function()
    local dir = tmp.dir()
    local t = task.spawn(function() sh("echo $$ > " .. dir .. "/pid; exec sleep 30") end)
    task.sleep(0)
    t:cancel()
    local file = io.open(dir .. "/pid")
    local pid = file and file:read "l"
    if file then file:close() end
    assert.is_nil(pid and io.open("/proc/" .. pid .. "/stat"))
  end)

  it("says that there is no such program or folder", function()
    local r, e = process.run { argv = { "sluice-no-such-program" } }
    assert.is_nil(r)
    assert.same({ "not_found", "can't run 'sluice-no-such-program': No such file or directory" }, { e.code, e.message })
    r, e = process.run { argv = { "pwd" }, cwd = "/no/such/folder" }
    assert.is_nil(r)
    assert.equal("not_found", e.code)
    r, e = process.run { argv = { "/etc/passwd" } }
    assert.is_nil(r)
    assert.equal("state", e.code)
  end)

  it("raises when the caller is wrong", function()
    for _, options in ipairs { { argv = {} }, { argv = "ls" }, { argv = { 1 } }, { argv = { "a\0b" } }, { args = { "ls" } }, {}, "ls" } do
      local ok, e = pcall(process.run, options)
      assert.is_false(ok)
      assert.equal("usage", e.code)
    end
  end)
end)

describe("sluice.process.find", function()
  it("looks where run looks", function()
    assert.matches("^/.*/sh$", process.find "sh")
    assert.equal("/bin/sh", process.find "/bin/sh")
    for _, name in ipairs { "sluice-no-such-program", "/etc/passwd", "/etc", "", "./none" } do assert.is_nil(process.find(name)) end
  end)
end)
