local progress = require "sluice.progress"
local text = require "sluice.text"
local tmp = require "support.tmp"

describe("progress", function()
  local run = { sums = { read = 12500, sent = 10000 } }

  it("says how far, how fast, how long it waited, what is left", function()
    local line = progress.line(run, { total = 25000, what = "products" }, 15.07, 3.14)
    assert.matches("^%[############%.%.%.%.%.%.%.%.%.%.%.%.%] products 12,500 50 %% of 25,000", line)
    assert.matches("  829/s  ", line)
    assert.matches("15 s left", line)
    assert.matches("sent 10,000", line)
    assert.matches("waited 3%.1 s", line)
  end)

  it("does without a total, without time, and past the total", function()
    assert.equal("records 12,500  0/s  sent 10,000", progress.line(run, {}, 0, 0))
    assert.matches("100 %% of 100", progress.line(run, { done = 120, total = 100 }, 1, 0))
    assert.matches("records 0", progress.line(run, { done = 0, total = 0 }, 0.5, 0))
  end)

  it("is shown on a terminal alone, below the log lines, and goes away at the end", function()
    local script = tmp.write(tmp.dir() .. "/r.lua", [[
      local task = require "sluice.task"
      return require("sluice").recipe { about = "t", run = function(_, run)
        for i = 1, 5 do
          run:count("read") run:skip "seen"
          run:progress { total = 7, what = "things" }
          require("sluice.log").warn("t", "line %d", i)
          task.sleep(0.12)
        end
      end }]])
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local shown = io.popen(("script -qec '%s run %s' /dev/null 2>&1"):format(sluice, script)):read "a"
    if shown:find "failed to create pseudo%-terminal" then return pending "this machine has no pseudo-terminals" end
    assert.matches("things 3 42 %% of 7", shown)
    assert.matches("\r\27%[K[^\n]*warn  t: line 3\r\n%[#+%.+%] things 3", shown)
    assert.matches("\r\27%[K[^\r\n]*r: done", shown)
    local piped = io.popen(("%s run %s 2>&1"):format(sluice, script)):read "a"
    assert.not_matches("things", piped)
  end)
end)

describe("text", function()
  it("puts thousands apart, whatever the number", function()
    assert.equal("1,234,567", text.grouped(1234567))
    assert.equal("-1,000", text.grouped(-1000))
    assert.equal("999", text.grouped(999.4))
    assert.equal("0", text.grouped(0.2))
    assert.equal("12,346", text.grouped(12345.678))
  end)

  it("aligns columns, numbers to the right", function()
    assert.equal("name   n\nGröße   7\nx      10\n", text.table { { "name", "n" }, { "Größe", 7 }, { "x", 10 } })
  end)
end)
