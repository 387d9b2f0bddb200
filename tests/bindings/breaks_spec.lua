-- What computes and never waits is ended by signals all the same.
local terminal = require "support.terminal"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

-- A chunk that does not end, and what is done then; what was shown, and the status.
local function computing(typed, ...)
  return terminal.run({ sluice, "repl", "--no-color" }, { { "> ", "print 'it began' while true do end\r" }, { "it began\r\n", typed }, ... })
end

describe("a task that computes", function()
  it("ends with its terminal", function()
    local _, status = computing(false)
    assert.equal(129, status)
  end)

  it("is stopped by Ctrl-C, and what comes after it runs", function()
    local shown, status = computing("\3", { "stopped", "" }, { "> ", "6 * 7\r" }, { "42", "" }, { "> ", "\4" })
    assert.equal(0, status, shown)
  end)

  it("in a coroutine, in a pcall that catches everything, in a comparator is stopped as well", function()
    for _, chunk in ipairs { "coroutine.wrap(function() while true do end end)()", "while true do pcall(function() while true do end end) end",
      "table.sort({ 3, 2, 1 }, function() while true do end end)" } do
      local shown, status = terminal.run({ sluice, "repl", "--no-color" }, { { "> ", "print 'it began' " .. chunk .. "\r" },
        { "it began\r\n", "\3" }, { "stopped", "" }, { "> ", "6 * 7\r" }, { "42", "" }, { "> ", "\4" } })
      assert.equal(0, status, shown)
    end
  end)
end)
