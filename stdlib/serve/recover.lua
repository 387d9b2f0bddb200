--- What dead daemons have left: their claims are free for us, their runs are stopped where they go on, and marked.
--- Who lives is told by locks, never by age.
local ending = require "sluice.schedule.ending"
local log = require "sluice.log"
local process = require "sluice.process"

local recover = {}

local TERM, KILL = 15, 9
local GRACE = 30 -- where the config has the schedule no more

--- Which daemons live, by their locks.
---@param store sluice.Store
---@return table<integer, boolean>
function recover.living(store)
  local living = {}
  for _, one in ipairs(store:daemons()) do
    if one.alive then living[one.id] = true end
  end
  return living
end

-- The run of an orphan still goes on: it is asked to stop, and killed after its grace.
local function ask_to_stop(daemon, item, row, mono)
  local asked = daemon.orphans[row.run]
  local ledger = daemon.store:runs({ id = row.run })[1]
  local pid = ledger and ledger.pid
  if not pid or pid < 2 then return end
  if not asked then
    log.warn("serve", "%s: run %d has lost its daemon, it is asked to stop", item.name, row.run)
    daemon.orphans[row.run] = mono + (item.schedule and item.schedule.grace or GRACE)
    process.kill_group(pid, TERM)
  elseif mono >= asked then
    process.kill_group(pid, KILL)
  end
end

-- What is known of the end of a run that nobody watched: its own word in the ledger, else nothing.
local function result_of(daemon, row)
  local ledger = daemon.store:runs({ id = row.run })[1]
  if not ledger or not ledger.exit_code or ledger.state ~= "finished" then return ending.of { lost = true } end
  local stopped = ledger.exit_code > 128
  return ending.of { status = ledger.exit_code, said = ledger.error, reason = stopped and (row.cancel and "cancel" or "drain") or nil }
end

local function is_orphan(daemon, row)
  if row.owner == daemon.me.id then return not daemon.runs[row.run] end
  return not daemon.living[row.owner]
end

-- An orphan: over, or asked to end.
local function look_after(daemon, item, row, mono)
  local fresh = daemon.store:occurrence(row.id)
  if not fresh or fresh.state ~= "running" or fresh.run ~= row.run then return end -- the next sync shows what it is
  if fresh.run_alive then return ask_to_stop(daemon, item, row, mono) end
  daemon.orphans[row.run] = nil
  local fence = daemon.store:occurrence_claim(daemon.me, row.id) -- so that the attempt that may follow is ours
  if not fence then return end
  daemon.book:refresh(item)
  for _, one in ipairs(item.open) do
    if one.id == row.id and one.run == row.run then daemon:finish(item, one, result_of(daemon, row)) end
  end
end

--- Looks at all running occurrences; done at the start and each second.
---@param daemon table
---@param mono number
function recover.look(daemon, mono)
  for _, row in pairs(daemon.book.running) do
    if is_orphan(daemon, row) then daemon.orphaned[#daemon.orphaned + 1] = row end
  end
  local list = daemon.orphaned
  daemon.orphaned = {}
  for _, row in ipairs(list) do look_after(daemon, daemon.book:item(row.schedule), row, mono) end
end

return recover
