-- The tool behind the rows `startup` and `repl`.
local json = require "sluice.json"
local process = require "sluice.process"

local tool = (os.getenv "SLUICE_BUILD" or "build") .. "/tests/starts"

local function starts(...) return assert(process.run { argv = { tool, ... } }) end

describe("tests/support/starts", function()
  it("times commands until their end", function()
    local done = starts("3", "sh -c exit", "sleep 0.05")
    assert.same({ 0, "" }, { done.status, done.stderr })
    local figures = json.decode(done.stdout)
    assert.equal(2, #figures)
    assert.is_true(figures[2].wall_ms >= 50 and figures[2].cpu_ms < figures[2].wall_ms)
    for _, one in ipairs(figures) do assert.is_true(one.cpu_ms > 0 and one.rss_mb > 0) end
  end)

  it("times commands until their prompt, on a terminal", function()
    local done = starts("-p", "1", "$ ", "sh tests/support/prompt.sh")
    assert.same({ 0, "" }, { done.status, done.stderr })
    local one = json.decode(done.stdout)[1]
    assert.is_true(one.wall_ms > 0 and one.cpu_ms > 0)
  end)

  it("fails where a command fails or has no prompt", function()
    local done = starts("1", "false")
    assert.equal(1, done.status)
    assert.matches("starts: false: failed", done.stderr)
    done = starts("-p", "1", "$ ", "echo hello")
    assert.equal(1, done.status)
    assert.matches("no prompt '%$ ', only: hello", done.stderr)
    assert.equal(2, starts("0", "true").status)
  end)
end)
