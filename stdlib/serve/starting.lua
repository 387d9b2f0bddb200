--- What waits is started in the order of due times, within the limits: runs in all, runs by connection, the width of a backfill.
---
---   starting.round(daemon, now)
local log = require "sluice.log"
local planning = require "sluice.serve.planning"
local runner = require "sluice.serve.runner"
local turns = require "sluice.schedule.turns"

local starting = {}

--- The order of the queue.
function starting.before(a, b)
  if a.row.due ~= b.row.due then return a.row.due < b.row.due end
  return a.row.id < b.row.id
end

-- Whether it is still that one's turn: since it was queued it may have ended, or another one of its schedule has started.
local function is_turn(item, row, now)
  if not item.schedule or not item.row or row.state ~= "waiting" then return false end
  for _, ready in ipairs(turns.of(item.schedule, item.open, now)) do
    if ready == row then return true end
  end
  return false
end

-- Runs at work by connection, and in all.
local function load_of(daemon)
  local count, by = 0, {}
  for _, row in pairs(daemon.book.running) do
    count = count + 1
    for _, name in ipairs(row.uses or {}) do by[name] = (by[name] or 0) + 1 end
  end
  return count, by
end

local function has_room(daemon, item, by)
  for _, name in ipairs(item.schedule.uses) do
    local most = daemon.loaded.runs[name]
    if most and (by[name] or 0) >= most then return false end
  end
  return true
end

-- It is ours, or becomes ours where it has no living owner. nil: another daemon has it.
local function take(daemon, item, row)
  if row.owner == daemon.me.id then return true end
  if row.owner and daemon.living[row.owner] then return nil end
  if not daemon.store:occurrence_claim(daemon.me, row.id) then return nil end
  daemon.book:refresh(item) -- the claim has made another version of it
  planning.touch(daemon, item)
end

-- true: it has started. "wait": there is no room for it now. nil: it is looked at again, or is somebody else's.
local function start(daemon, item, row)
  if not take(daemon, item, row) then return nil end
  local run, why = runner.start(daemon, item, row)
  if run then return true end
  if why == "full" then return "wait" end
  log.debug("serve", "%s: occurrence %d does not start: %s", item.name, row.id, why)
  daemon.book:refresh(item)
  planning.touch(daemon, item)
end

--- Starts what there is room for.
---@param daemon table
---@param now number
function starting.round(daemon, now)
  local count, by = load_of(daemon)
  local aside = {}
  while daemon.queue:top() and count < daemon.loaded.serve.concurrency do
    local entry = daemon.queue:pop()
    local item, row = entry.item, entry.row
    row.queued = nil
    local done = is_turn(item, row, now) and (has_room(daemon, item, by) and start(daemon, item, row) or "wait")
    if done == "wait" and row.state == "waiting" and not daemon.touched[item] then aside[#aside + 1] = entry end
    if done == true then
      planning.touch(daemon, item)
      count, by = load_of(daemon)
    end
  end
  for _, entry in ipairs(aside) do
    entry.row.queued = true
    daemon.queue:push(entry)
  end
end

return starting
