--- What is forgotten with time: what `keep:` of the config says, as a list of steps. Cursors, open batches, runs under way
--- and what is not settled stay, whatever their age; so does the newest occurrence of a schedule. Runs of schedules and their logs go
--- with their occurrence.
local deadletters = require "sluice.deadletters"
local err = require "sluice.err"
local time = require "sluice.time"

local prune = {}

local DAY, ENOENT = 86400, 2
local CHUNK = 1000 -- occurrences forgotten in one transaction

-- ---- steps ----

-- A file that a run still writes, or that a retry has in hand, is left alone.
local function forget_file(store, file)
  if store:run_alive(file.run) then return 0 end
  local lock = store:lock(file.path)
  if not lock then return 0 end
  local done = os.remove(file.path)
  lock:close()
  return done and 1 or 0
end

local function dead_letters(store, before)
  local count = 0
  for _, file in ipairs(deadletters.files(store:path())) do
    if file.changed < before then count = count + forget_file(store, file) end
  end
  return count
end

local function batches(store, before) return store:forget_batches(before) end

local function bodies(store, before) return store:outbox_forget(before) end

-- `dlq retry` needs the arguments of a run whose dead letters are there.
local function kept_runs(store)
  local kept = {}
  for _, file in ipairs(deadletters.files(store:path())) do kept[#kept + 1] = file.run end
  return kept
end

local function runs(store, before) return store:forget_runs(before, kept_runs(store)) end

-- Logs go before the rows that name them: a prune that dies in between is taken up by the next one. A row whose log can't
-- be removed stays.
local function remove_logs(old)
  for _, path in ipairs(old.logs) do
    local done, problem, code = os.remove(path)
    if not done and code ~= ENOENT then return nil, problem end
  end
  return true
end

local function occurrences(store, before)
  local kept, count = kept_runs(store), 0
  while true do
    local ids, trouble = {}, nil
    for _, old in ipairs(store:occurrences_old(before, kept, CHUNK)) do
      local done, problem = remove_logs(old)
      if done then ids[#ids + 1] = old.id else trouble = trouble or problem end
    end
    count = count + store:occurrences_forget(ids)
    if trouble then err.raise { code = "state", message = "a log can't be removed: " .. trouble, hint = "its folder must be writable" } end
    if #ids == 0 then return count end
  end
end

-- In this order: runs go after their dead letters. Each: the key of `keep:`, what is forgotten, the function that forgets
-- what is older than `before` (seconds since 1970) and says how many those were.
local steps = {
  { key = "dead_letters", what = "dead-letter files", forget = dead_letters },
  { key = "bodies", what = "bodies of settled writes", forget = bodies },
  { key = "runs", what = "batches", forget = batches },
  { key = "runs", what = "runs", forget = runs },
  { key = "runs", what = "occurrences of schedules", forget = occurrences },
}

-- ---- all of them ----

--- Forgets what is too old.
---@param cfg sluice.Config
---@param store sluice.Store
---@return { what: string, keep: number, count: integer }[]
function prune.run(cfg, store)
  local now, list = time.now(), {}
  for i, step in ipairs(steps) do
    local keep = cfg.keep[step.key]
    list[i] = { what = step.what, keep = keep, count = step.forget(store, now - keep) }
  end
  return list
end

--- The same where nobody has done it for a day. What goes wrong is a warning: the run that calls it has done its work.
---@param cfg sluice.Config
---@param store sluice.Store
function prune.daily(cfg, store)
  local log = require "sluice.log"
  local ok, problem = pcall(function()
    if not store:chore_due("prune", DAY) then return end
    for _, step in ipairs(prune.run(cfg, store)) do
      if step.count > 0 then log.info("prune", "%d %s that are older than `keep:` allows are forgotten", step.count, step.what) end
    end
  end)
  if not ok then log.warn("prune", "what is old could not be forgotten: %s", tostring(problem)) end
end

return prune
