--- The line that a terminal shows while a run works: how far, how fast, how long it waited for the budget.
local core = require "sluice.core"
local log = require "sluice.log"
local time = require "sluice.time"
local grouped = require("sluice.text").grouped

local progress = { every = 0.1 }

local function bar(share, width)
  local full = math.floor(share * width + 0.5)
  return "[" .. ("#"):rep(full) .. ("."):rep(width - full) .. "]"
end

--- The text of the line.
---@param run sluice.Run
---@param state { done?: integer, total?: integer, what?: string }
---@param elapsed number seconds
---@param waited number seconds waited for budgets
---@return string
function progress.line(run, state, elapsed, waited)
  local done = state.done or run.sums.read
  local rate = elapsed > 0 and done / elapsed or 0
  local parts = { ("%s %s"):format(state.what or "records", grouped(done)) }
  if state.total and state.total > 0 then
    local share = math.min(done / state.total, 1)
    parts[1] = ("%s %s %s of %s"):format(bar(share, 24), parts[1], ("%d %%"):format(share * 100 // 1), grouped(state.total))
    if rate > 0 and share < 1 then parts[#parts + 1] = ("%.0f s left"):format((state.total - done) / rate) end
  end
  table.insert(parts, 2, grouped(rate) .. "/s")
  parts[#parts + 1] = "sent " .. grouped(run.sums.sent)
  if waited >= 0.1 then parts[#parts + 1] = ("waited %.1f s"):format(waited) end
  return table.concat(parts, "  ")
end

--- Shows the line, at most ten times a second, and only on a terminal.
function progress.update(run, state)
  if run.options.quiet or run.options.json or not core.isatty(2) then return end
  local now = time.mono()
  if run.shown and now - run.shown < progress.every then return end
  run.shown = now
  local stats = package.loaded["sluice.call"] and require("sluice.call").stats() or { waited_budget = 0 }
  log.status(progress.line(run, state, now - run.started, stats.waited_budget):sub(1, core.columns() - 1))
end

return progress
