--- What `sluice doctor` looks at for schedules: recipes that are there, a daemon that runs them, schedules that no longer run
--- by themselves.
local lfs = require "lfs"
local time = require "sluice.time"
local times = require "sluice.schedule.times"

local schedules = {}

local function check_recipe(report, schedule)
  if lfs.attributes(schedule.recipe, "mode") == "file" then return true end
  report:add { check = "schedules", name = schedule.name, status = "fail", kind = "config",
    message = "its recipe is not there: " .. schedule.recipe, cure = "`recipe:` in sluice.yaml names the file, from the config's folder on" }
end

local function count(loaded)
  local all, enabled = 0, 0
  for _, one in pairs(loaded) do
    all, enabled = all + 1, enabled + (one.enabled and 1 or 0)
  end
  return all, enabled
end

local function check_daemon(report, store, enabled)
  local daemons = store and store:daemons() or {}
  for _, one in ipairs(daemons) do
    if one.alive then
      return report:ok("schedules", nil, "`sluice serve` runs them: process %d, since %s", one.pid, time.format(one.started // 1 | 0))
    end
  end
  if enabled == 0 then return end
  local last = daemons[1] and (", the last one was started %s ago"):format(times.span(math.max(0, time.now() - daemons[1].started))) or ""
  report:warn("schedules", nil, "sluice serve", "no daemon is running, so none of them starts%s", last)
end

-- What runs no more by itself, or goes on without getting anywhere.
local function check_state(report, schedule, row)
  local plan = require "sluice.schedule.plan"
  if not row or not schedule.enabled then return end
  if plan.is_paused(row, time.now()) and row.paused_by == "failures" then
    local cure = ("find out why (sluice runs list --schedule %s), then: sluice schedule resume %s"):format(schedule.name, schedule.name)
    report:warn("schedules", schedule.name, cure, "it has paused itself after %d failures in a row", row.failures)
  elseif plan.is_paused(row, time.now()) then
    report:warn("schedules", schedule.name, "sluice schedule resume " .. schedule.name, "it is paused since %s%s", time.format(row.paused // 1 | 0),
      row.pause_note and row.pause_note ~= "" and ": " .. row.pause_note or "")
  elseif row.stalled then
    report:warn("schedules", schedule.name, "sluice schedule history " .. schedule.name, "it is stalled: %s", row.stalled)
  elseif row.failures > 0 then
    report:warn("schedules", schedule.name, "sluice runs list --schedule " .. schedule.name, "its last %d runs failed", row.failures)
  end
end

local function check_all(report, loaded, store)
  local all, enabled = count(loaded)
  local there = true
  for _, name in ipairs(require("sluice.text").keys(loaded)) do
    there = check_recipe(report, loaded[name]) and there
    check_state(report, loaded[name], store and store:schedule(name))
  end
  if there then report:ok("schedules", nil, "%d of %d enabled, their recipes are there", enabled, all) end
  check_daemon(report, store, enabled)
end

--- The checks. What is wrong with the texts of schedules is said by the check of the config.
---@param report sluice.doctor.Report
---@param cfg sluice.Config
function schedules.check(report, cfg)
  if #require("sluice.config").schedules(cfg) == 0 then return end
  local ok, loaded = pcall(require("sluice.schedule.options").load, cfg)
  if not ok then return end
  local there = lfs.attributes(cfg.store, "mode")
  local store <close> = there and require("sluice.state").open(cfg.store) or nil
  check_all(report, loaded.schedules, store)
end

return schedules
