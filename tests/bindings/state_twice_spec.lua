-- Two stores of one process on one file, and other processes that come and go: nobody's writes are lost.
local lfs = require "lfs"
local process = require "sluice.process"
local state = require "sluice.state"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("a store that is open twice in a process", function()
  it("keeps what both write while other processes open and close it", function()
    local dir = tmp.dir()
    local path = dir .. "/state.db"
    local script = tmp.write(dir .. "/other.lua", ("local s = require('sluice.state').open %q print(#s:batches_open()) s:close()"):format(path))
    local first <close> = state.open(path)
    first:batch_put { api = "a", batch = "1" }
    local second <close> = state.open(path) -- opening must not end the first one's locks
    for i = 2, 6 do
      local writer = i % 2 == 0 and first or second
      writer:batch_put { api = "a", batch = tostring(i) }
      local done = assert(process.run { argv = { SLUICE, "run", script } })
      assert.equal(("%d\n"):format(i), done.stdout, done.stderr)
      assert.equal(i, #first:batches_open())
      assert.equal(i, #second:batches_open())
    end
    local other = state.open(path)
    other:close()
    local done = assert(process.run { argv = { SLUICE, "run", script } })
    assert.equal("6\n", done.stdout)
    first:batch_put { api = "a", batch = "7" }
    assert.equal("7\n", assert(process.run { argv = { SLUICE, "run", script } }).stdout)
  end)

  it("is not opened where the file is none, or not ours to write", function()
    local dir = tmp.dir()
    lfs.mkdir(dir .. "/folder")
    local ok, problem = pcall(state.open, dir .. "/folder")
    assert.is_false(ok)
    assert.equal("state", problem.code)
    tmp.write(dir .. "/open.db", "")
    assert(os.execute(("chmod 644 '%s/open.db'"):format(dir)))
    state.open(dir .. "/open.db"):close()
    assert.equal("rw-------", lfs.attributes(dir .. "/open.db", "permissions"))
  end)
end)
