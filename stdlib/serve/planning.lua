--- A daemon's decisions: all schedules that have something due are decided together, in one transaction.
---
---   planning.touch(daemon, item)        -- it is looked at in the next round
---   planning.round(daemon, now)
---
--- An item is looked at when its time has come (the agenda), when somebody changed it, and when a run of it has ended. Where
--- many are due at one time, what becomes of them is decided ahead of it.
local err = require "sluice.err"
local log = require "sluice.log"
local plan = require "sluice.schedule.plan"
local runner = require "sluice.serve.runner"
local turns = require "sluice.schedule.turns"

local planning = {}

local TRIES = 3           -- with versions that turn out to be old, before the next round
local MANY = 100          -- items that are due at one time are decided ahead of it,
local SLICE = 1000        -- so many of them in a round,
local AHEAD, SOON = 15, 0.5 -- from so many seconds before it until so many before it

--- It is looked at in the next round.
function planning.touch(daemon, item) daemon.touched[item] = true end

-- ---- one schedule ----

local function newest(daemon, item)
  return function()
    return daemon.store:occurrences({ schedule = item.name, kind = "timed", newest = true, most = 1 })[1]
  end
end

-- What the config does not have any more: nothing of it waits, and it is never due.
local function gone(item)
  if not item.row or (item.row.spec == "" and #item.open == 0) or (item.row.spec ~= "" and not item.loaded) then return nil end
  local ends = {}
  for _, row in ipairs(item.open) do
    if row.state == "waiting" then
      ends[#ends + 1] = { id = row.id, state = "skipped", reason = "disabled", note = "the config has this schedule no more" }
    end
  end
  if #ends == 0 and item.row.spec == "" then return nil end
  return { name = item.name, version = item.row.version, spec = "", seen = item.row.seen, rows = {}, ends = ends }
end

-- Says once why nothing is decided.
local function explain(daemon, item, why, now)
  if item.why == why then return end
  item.why = why
  if why == "foreign" then
    log.warn("serve", "%s: another daemon has read another config since; its times hold until this one is told to read again", item.name)
  elseif why == "clock" and not daemon.clock_said then
    daemon.clock_said = true
    log.warn("serve", "%s: the clock says a time before the newest one in the store, by %.0f s; nothing is decided until it is there again",
      item.name, item.row.seen - now)
  end
end

local function ask_plan(daemon, item, now)
  return plan.decide {
    schedule = item.schedule, row = item.row, open = item.open, last = newest(daemon, item), old = daemon.book:old_spec(item),
    loaded = item.loaded, now = now,
  }
end

-- What was decided ahead for this second. Every change of what it was decided from makes another version, or another schedule.
local function decided(item, now)
  local ahead = item.ahead
  item.ahead = nil
  local holds = ahead and ahead.at == math.floor(now) and ahead.change.version == item.row.version and ahead.schedule == item.schedule
  return holds and not item.loaded and ahead.change or nil
end

local function decide(daemon, item, now)
  if not item.schedule then return gone(item) end
  local ready = decided(item, now)
  if ready then return ready end
  local change, why = ask_plan(daemon, item, now)
  explain(daemon, item, why, now)
  return change
end

-- A mistake in one schedule is said, and keeps none of the others.
local function try_to_decide(daemon, item, now)
  local ok, change = pcall(decide, daemon, item, now)
  if ok then return change end
  if err.is(change) and (change.code == "state" or change.code == "locked") then error(change, 0) end
  log.error("serve", "%s: it can't be decided: %s", item.name, tostring(change))
  item.broken = now + 60
end

-- ---- when to look again ----

local function rearm(daemon, item, now)
  item.at = nil
  if not item.schedule or not item.row or item.why == "foreign" then return end
  local at = item.broken or plan.wake(item.schedule, item.row, item.open, now)
  if item.why == "clock" and at then at = math.max(at, item.row.seen) end
  if at then daemon.agenda:put(item, at) end
end

--- The next time that something is due, by the wall clock.
---@return number?
function planning.next(daemon) return (daemon.agenda:first()) end

local function take_due(daemon, now)
  local at = planning.next(daemon)
  while at and at <= now do
    for _, item in ipairs(daemon.agenda:take()) do
      planning.touch(daemon, item)
      daemon.order[#daemon.order + 1] = item
    end
    at = planning.next(daemon)
  end
end

-- All that were touched: first what is due, in the order of the agenda, which the store's tables like.
local function take_touched(daemon)
  local list, listed = {}, {}
  for _, item in ipairs(daemon.order) do
    if daemon.touched[item] and not listed[item] then list[#list + 1], listed[item] = item, true end
  end
  for item in pairs(daemon.touched) do
    if not listed[item] then list[#list + 1] = item end
  end
  daemon.order = {}
  return list
end

-- ---- ahead ----

local function by_name(a, b) return a.name < b.name end

-- What fails is left to the round in which it is due, which says so.
local function prepare(daemon, item, at)
  local ok, change = pcall(ask_plan, daemon, item, at)
  item.ahead = ok and change and { at = at, schedule = item.schedule, change = change } or nil
end

--- Decides some of what is due at the next time, where that is soon and many are due then: so they are claimed at once.
---@param daemon table
---@param now number
function planning.prepare(daemon, now)
  local at, items = daemon.agenda:first()
  if not at or at < now + SOON or at > now + AHEAD or at % 1 ~= 0 or #items < MANY then return end
  if items.prepared == nil then
    collectgarbage() -- there is time for it now, and none in the round in which they are due
    table.sort(items, by_name)
    items.prepared = 0
  end
  local last = math.min(items.prepared + SLICE, #items)
  for i = items.prepared + 1, last do
    local item = items[i]
    if item.at == at and item.schedule and item.row and not item.loaded then prepare(daemon, item, at) end
  end
  items.prepared = last
end

-- ---- the store ----

local function apply(daemon, changes, items, versions, ids)
  for i, item in ipairs(items) do
    if versions[i] then
      daemon.book:planned(item, changes[i], versions[i], ids[i] or {}, daemon.me.id)
      item.loaded, item.again = nil, nil
      if daemon.metrics then daemon.metrics:decided(changes[i]) end
    else
      daemon.book:refresh(item)
      item.again = true
    end
  end
end

-- All in one transaction; where one of them is refused as wrong, each by itself, from what the store has now.
local function write(daemon, changes, items)
  local ok, versions, ids = pcall(daemon.store.schedule_plan, daemon.store, daemon.me, changes)
  if ok then return apply(daemon, changes, items, versions, ids) end
  if err.is(versions) and (versions.code == "state" or versions.code == "locked") then error(versions, 0) end
  for _, item in ipairs(items) do
    daemon.book:refresh(item)
    item.again = true
  end
  if #items > 1 then
    for i, item in ipairs(items) do
      local change = try_to_decide(daemon, item, daemon.clock.now())
      if change then write(daemon, { change }, { items[i] }) end
    end
    return
  end
  log.error("serve", "%s: what was decided is refused: %s", items[1].name, tostring(versions))
  items[1].broken = daemon.clock.now() + 1
end

local function decide_all(daemon, touched, now)
  local changes, items = {}, {}
  for _, item in ipairs(touched) do
    item.again, item.broken = nil, nil
    local change = try_to_decide(daemon, item, now)
    if change then changes[#changes + 1], items[#items + 1] = change, item
    elseif not item.broken and not (item.schedule and item.why) then item.loaded = nil end
  end
  if #changes > 0 then write(daemon, changes, items) end
end

-- ---- turns ----

-- It holds whatever others did meanwhile, so that all of the schedule is read and looked at again.
local function cancel(daemon, item, row)
  if not daemon.store:occurrence_cancel(row.id) then return end
  daemon.book:refresh(item)
  item.again = true
end

-- Runs that are to be cancelled are asked to stop where they are ours; whose turn it is goes into the queue.
local function queue(daemon, item, now)
  local ready, ends = {}, {}
  if item.schedule and item.row then ready, ends = turns.of(item.schedule, item.open, now) end
  for _, row in ipairs(ends) do cancel(daemon, item, row) end
  for _, row in ipairs(item.open) do
    local run = row.state == "running" and row.cancel and daemon.runs[row.run]
    if run then runner.stop(run, "cancel", daemon.clock.mono()) end
  end
  for _, row in ipairs(ready) do
    if not row.queued then
      row.queued = true
      daemon.queue:push { item = item, row = row }
    end
  end
end

--- Decides what is due or was touched. Raises where the store can't be written: then all of it is still to be done.
---@param daemon table
---@param now number
function planning.round(daemon, now)
  take_due(daemon, now)
  for _ = 1, TRIES do
    local touched = take_touched(daemon)
    if #touched == 0 then return end
    decide_all(daemon, touched, now)
    for _, item in ipairs(touched) do
      queue(daemon, item, now)
      rearm(daemon, item, now)
      daemon.touched[item] = item.again or nil
      daemon:tell(item)
    end
  end
end

return planning
