-- Long output through a pager, which may be missing, fail, or end before it has read all.
local pager = require "sluice.repl.pager"
local process = require "sluice.process"
local task = require "sluice.task"
local tmp = require "support.tmp"

describe("the pager", function()
  local printed, dir
  local print_out = io.write
  before_each(function()
    printed, dir = {}, tmp.dir()
    io.write = function(...) printed[#printed + 1] = table.concat { ... } end -- luacheck: ignore
  end)
  after_each(function() io.write = print_out end) -- luacheck: ignore

  local function write(text, command, more)
    local options = { rows = 10, columns = 80, terminal = true, pager = command }
    for key, value in pairs(more or {}) do options[key] = value end
    pager.write(text, options)
    return table.concat(printed)
  end
  local long = ("line\n"):rep(50)

  it("gets what is longer than the terminal", function()
    assert.equal("", write(long, "tee " .. dir .. "/seen > /dev/null"))
    assert.equal(long, tmp.read(dir .. "/seen"))
  end)

  it("does not get what fits, nor anything where we are on no terminal", function()
    local command = "tee " .. dir .. "/seen > /dev/null"
    assert.equal("a\nb\n", write("a\nb\n", command))
    printed = {}
    assert.equal(long, write(long, command, { terminal = false }))
    assert.is_nil(io.open(dir .. "/seen"))
  end)

  it("counts lines as the terminal breaks them", function()
    assert.equal("", write(("x"):rep(900) .. "\n", "tee " .. dir .. "/seen > /dev/null"))
    local coloured = ("\27[31mx\27[0m"):rep(70) .. "\n"
    assert.equal(coloured, write(coloured, "tee " .. dir .. "/seen > /dev/null"))
  end)

  it("is done without where it is missing, empty, or does not start", function()
    for _, command in ipairs { "no-such-pager-of-anybody -x", "", "  ", "cat", "sh /no/such/script", dir .. "/none" } do
      printed = {}
      assert.equal(long, write(long, command == "sh /no/such/script" and "sh -c 'exit 127'" or command), command)
    end
  end)

  it("may quit early, or fail in the end, and nothing waits or is raised", function()
    local huge = ("0123456789abcdef\n"):rep(200000) -- more than a pipe holds
    assert.equal("", write(huge, "head -n 1 > " .. dir .. "/first"))
    assert.equal("0123456789abcdef\n", tmp.read(dir .. "/first"))
    assert.equal("", write(huge, "true"))
    assert.equal("", write(huge, "kill -9 $$"))
    assert.equal("", write(long, "sh -c 'tee " .. dir .. "/seen > /dev/null; exit 3'"))
    assert.equal(long, tmp.read(dir .. "/seen"))
  end)

  it("has Ctrl-C for itself", function()
    local command = ("sh -c 'kill -INT %d; tee %s/seen > /dev/null'"):format(process.pid(), dir)
    assert.equal("", write(long, command))
    assert.equal(long, tmp.read(dir .. "/seen"))
    assert.is_nil(task.stopping())
  end)

  it("is $PAGER, else less", function()
    assert.equal("sh -x", pager.command "sh -x")
    assert.equal("LESS=-S sh -x", pager.command "LESS=-S sh -x")
    assert.equal("", pager.command "LESS=-S no-such-pager-of-anybody")
    assert.equal("", pager.command "no-such-pager-of-anybody")
    assert.equal(process.find "less" and "less -FRX" or "", pager.command(nil))
  end)
end)
