--- Long output through $PAGER: on a terminal, where it has more lines than that; else it is printed. A pager that is missing
--- or ends early is no error, and nothing waits for it.
---
---     pager.write(text, { rows = 40 })
local core = require "sluice.core"
local process = require "sluice.process"
local task = require "sluice.task"

local pager = {}

local DEFAULT = "less -FRX"

-- Lines that a text takes on a terminal of that width; colours take no room.
local function lines_of(text, columns)
  local width, count = require("sluice.repl.width"), 0
  for line in text:gsub("\27%[[%d;]*m", ""):gmatch "([^\n]*)\n?" do
    count = count + math.max(1, math.ceil(width.of(line) / columns))
  end
  return count - 1
end

--- The pager's command for a value of $PAGER (nil: not set): "" where there is none that can be run.
---@param named string?
---@return string command
function pager.command(named)
  local command = named or DEFAULT
  local program = command:gsub("^%s*", ""):gsub("^[%a_][%w_]*=%S*%s+", ""):match "^%S+" -- LESS=-S less
  if not program or command:find "^%s*cat%s*$" or not process.find(program) then return "" end
  return command
end

-- While the pager has the terminal Ctrl-C is meant for it and not for us; a TERM is ours once it has ended. Where somebody
-- else takes the signals already, they are told from when to when they are not theirs.
local function with_signals_told(paging, fn, ...)
  paging(true)
  local result = table.pack(pcall(fn, ...))
  task.yield() -- what has come meanwhile is taken
  paging(false)
  return table.unpack(result, 1, result.n)
end

local function with_signals_held(options, fn, ...)
  local ok, signals = pcall(process.signals)
  if not ok then return with_signals_told(options.paging or function() end, fn, ...) end
  local terminate = false
  local taker = task.spawn(function()
    for name in signals do terminate = terminate or name == "TERM" end
  end)
  task.yield()
  local result = table.pack(pcall(fn, ...))
  task.yield()
  signals:close()
  taker:wait()
  if terminate then process.kill(process.pid(), 15) end
  return table.unpack(result, 1, result.n)
end

-- Hands the text over. Its end is the pager's business: it may have quit before it has read all.
local function hand_over(command, text)
  local pipe = io.popen(command, "w")
  if not pipe then return false end
  pipe:write(text)
  local _, _, status = pipe:close()
  return status ~= 126 and status ~= 127 -- what a shell says where it could not start it
end

--- Writes a text: through the pager where it is long and we are on a terminal, else to standard output.
---@param text string
---@param options { rows?: integer, columns?: integer, pager?: string, terminal?: boolean, paging?: fun(on: boolean) } `pager` instead of
---$PAGER, `terminal` instead of whether standard output is one, `paging` for who takes the signals
function pager.write(text, options)
  local terminal = options.terminal
  if terminal == nil then terminal = core.isatty(0) and core.isatty(1) end
  local command = terminal and options.rows and lines_of(text, options.columns or 80) >= options.rows
    and pager.command(options.pager or os.getenv "PAGER") or ""
  io.stdout:flush()
  if command ~= "" then
    local ok, done = with_signals_held(options, hand_over, command, text)
    if ok and done then return end
  end
  io.write(text)
end

return pager
