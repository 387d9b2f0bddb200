local file = require "sluice.file"
local tmp = require "support.tmp"

describe("file", function()
  it("adds to the end, makes folders on the way, private", function()
    local path = tmp.dir() .. "/a/b/letters.ndjson"
    for i = 1, 2 do
      local f = assert(file.append(path))
      assert.is_true(f:write("line " .. i .. "\n"))
      assert.is_true(f:sync())
      assert.is_true(f:close())
      assert.has_error(function() f:write "x" end)
    end
    assert.equal("line 1\nline 2\n", tmp.read(path))
    assert.matches("^%-rw%-%-%-%-%-%-%-", io.popen("ls -l '" .. path .. "'"):read "a")
  end)

  it("says why it can't", function()
    local f, problem = file.append "/proc/nowhere/file"
    assert.is_nil(f)
    assert.matches("/proc/nowhere/file: can't be written", problem.message)
    f = assert(file.append "/dev/full")
    local ok
    ok, problem = f:write "x"
    assert.is_nil(ok)
    assert.equal("state", problem.code)
    assert.matches("/dev/full: can't be written: No space left on device", problem.message)
  end)

  -- runs the Lua text with files bounded to 1024 bytes, which stands for the full disk
  local function cramped(text)
    local script = tmp.write(tmp.dir() .. "/s.lua", text)
    local build = os.getenv "SLUICE_BUILD" or "build"
    return io.popen(("trap '' XFSZ; ulimit -f 2; %s/sluice run %s 2>&1"):format(build, script)):read "a"
  end

  it("takes back what was written of a piece that did not fit", function()
    local path = tmp.dir() .. "/small"
    assert.equal("nil\tstate\n", cramped(([[
      local f = require("sluice.file").append "%s"
      assert(f:write(("a"):rep(700) .. "\n"))
      local ok, problem = f:write(("b"):rep(700) .. "\n")
      print(ok, problem and problem.code)]]):format(path)))
    assert.equal(("a"):rep(700) .. "\n", tmp.read(path))
  end)

  it("leaves a file as it is where not even its last line can be ended", function()
    local path = tmp.dir() .. "/letters"
    tmp.write(path, ("a"):rep(1024))
    assert.equal("nil\tstate\n", cramped(([[
      local f, problem = require("sluice.file").append "%s"
      print(f, problem and problem.code)]]):format(path)))
    assert.equal(("a"):rep(1024), tmp.read(path))
  end)

  it("takes back nothing that another process has written meanwhile", function()
    local path = tmp.dir() .. "/shared"
    assert.equal("nil\tstate\n", cramped(([[
      local file = require "sluice.file"
      local one, other = file.append "%s", file.append "%s"
      assert(one:write "one\n")
      assert(other:write(("o"):rep(600) .. "\n"))
      local ok, problem = one:write(("b"):rep(700) .. "\n")
      print(ok, problem and problem.code)]]):format(path, path)))
    assert.equal("one\n" .. ("o"):rep(600) .. "\n", tmp.read(path))
  end)
end)
