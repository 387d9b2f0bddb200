-- Runs a program on a terminal of its own: each step waits for a text behind what the last one waited for, then types.
--
--   local shown, status = terminal.run({ "build/sluice", "repl" }, { { "> ", "1 + 1\r" }, { "2", "\4" } })
--
-- What is shown comes without escape sequences and carriage returns.
local json = require "sluice.json"
local process = require "sluice.process"

local terminal = {}

function terminal.run(argv, steps, options)
  local words = { "env", "TERM=xterm", "python3", "tests/support/terminal.py", json.encode(json.array(steps)) }
  local done = assert(process.run { argv = table.move(argv, 1, #argv, #words + 1, words), timeout = 100, cwd = (options or {}).cwd })
  assert(done.status == 0, done.stderr)
  local shown, status = done.stdout:match "^(.*)\n(%-?%d+)\n$"
  return shown:gsub("\27%[[%d;?]*[%a]", ""):gsub("\r", ""), tonumber(status)
end

return terminal
