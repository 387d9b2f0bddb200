--- Numbers for Prometheus: counters and histograms that rise while this daemon lives, and gauges that are looked up when they
--- are asked for. docs/serve.md has the list of names; they stay.
---
---     local metrics = metrics.new()
---     metrics:decided(change)          -- the daemon, after each decision that was written (due times, and what did not run)
---     metrics:text(ctx)                -- the page, for GET /metrics
---
--- What ran is not told but found in the ledger, from the newest run at the start on.
local err = require "sluice.err"
local model = require "sluice.page.model"
local plan = require "sluice.schedule.plan"

local metrics = {}

local SERIES, COUNTED = 3000, 10000 -- lines about single schedules; rows that are counted, at most

local LATE = { 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600 }
local TOOK = { 1, 5, 15, 60, 300, 900, 1800, 3600, 14400, 43200 }

--- The families, in the order in which they are written.
---@type { name: string, type: "counter"|"gauge"|"histogram", help: string, bounds?: number[] }[]
metrics.families = {
  { name = "sluice_build_info", type = "gauge", help = "Always 1; the version is a label." },
  { name = "sluice_start_time_seconds", type = "gauge", help = "When this process began to count, seconds since 1970." },
  { name = "sluice_daemons", type = "gauge", help = "Living daemons on this store." },
  { name = "sluice_schedules", type = "gauge", help = "Schedules of the config by state; a schedule may be in several." },
  { name = "sluice_schedule_failures", type = "gauge",
    help = "Runs of a schedule that failed in a row; only where there are any (3,000 lines of the three at most)." },
  { name = "sluice_schedule_paused", type = "gauge", help = "1 where a schedule is paused, else no line." },
  { name = "sluice_schedule_stalled", type = "gauge", help = "1 where a schedule is green but stuck, else no line." },
  { name = "sluice_occurrences_open", type = "gauge", help = "Due times that wait or run now (10,000 at most)." },
  { name = "sluice_due_total", type = "counter", help = "Due times that this daemon has decided about." },
  { name = "sluice_fates_total", type = "counter", help = "What became of due times, by fate and reason." },
  { name = "sluice_runs_started_total", type = "counter", help = "Runs that have started, retries and runs by hand included." },
  { name = "sluice_runs_total", type = "counter", help = "Runs that have ended, by outcome." },
  { name = "sluice_start_lateness_seconds", type = "histogram", bounds = LATE,
    help = "From the due time to the start of a first attempt." },
  { name = "sluice_run_duration_seconds", type = "histogram", bounds = TOOK, help = "From start to end of a run." },
  { name = "sluice_records_total", type = "counter", help = "Records of runs that have ended, by verdict." },
  { name = "sluice_run_requests_total", type = "counter", help = "Requests of runs that have ended, by outcome." },
  { name = "sluice_run_waited_seconds_total", type = "counter", help = "Seconds that runs have waited for rate budgets." },
  { name = "sluice_requests_total", type = "counter", help = "Requests by budget, limited (answers 429) and other; "
    .. "of all processes of this user on this machine, not to be summed over daemons." },
  { name = "sluice_budget_waited_seconds_total", type = "counter",
    help = "Seconds that all requests of a budget have waited: of this user on this machine, too." },
  { name = "sluice_budget_fill_ratio", type = "gauge", help = "How full a budget is: 1 means that the next request waits for a whole interval." },
  { name = "sluice_budget_waiting", type = "gauge", help = "Processes in line for a budget." },
  { name = "sluice_outbox", type = "gauge", help = "Writes that are not confirmed, by state (10,000 of each at most)." },
}

local by_name = {}
for _, family in ipairs(metrics.families) do by_name[family.name] = family end

---@class sluice.page.Metrics
local Metrics = {}
Metrics.__index = Metrics

--- Counts from nothing.
---@param now number wall clock
---@return sluice.page.Metrics
function metrics.new(now) return setmetatable({ values = {}, open = {}, began = now }, Metrics) end

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function labels_of(labels)
  local names, out = {}, {}
  for name in pairs(labels or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = ('%s="%s"'):format(name, (tostring(labels[name]):gsub('[\\"\n]', ESCAPES))) end
  return table.concat(out, ",")
end

local function check(name, kind)
  local family = by_name[name]
  if not family or family.type ~= kind then err.raise { code = "internal", message = ("'%s' is no %s"):format(name, kind) } end
  return family
end

--- Raises a counter.
---@param name string
---@param labels? table<string, string>
---@param n? number
function Metrics:count(name, labels, n)
  check(name, "counter")
  self.values[name] = self.values[name] or {}
  local key = labels_of(labels)
  self.values[name][key] = (self.values[name][key] or 0) + (n or 1)
end

--- Notes a value in a histogram.
---@param name string
---@param value number
function Metrics:observe(name, value)
  local family = check(name, "histogram")
  local one = self.values[name] or { sum = 0, count = 0, buckets = {} }
  self.values[name] = one
  one.sum, one.count = one.sum + value, one.count + 1
  for i, bound in ipairs(family.bounds) do
    if value <= bound then one.buckets[i] = (one.buckets[i] or 0) + 1 end
  end
end

--- What a daemon has decided and written: one change of store:schedule_plan.
---@param change { rows?: table[], ends?: table[] }
function Metrics:decided(change)
  for _, row in ipairs(change.rows or {}) do
    self:count("sluice_due_total", nil, row.count or 1)
    if row.state ~= "waiting" then self:count("sluice_fates_total", { fate = row.state, reason = row.reason or "" }, row.count or 1) end
  end
  for _, one in ipairs(change.ends or {}) do
    if one.state ~= "ran" then self:count("sluice_fates_total", { fate = one.state, reason = one.reason or "" }) end
  end
end

-- ---- what the ledger says ----

local function ended(self, store, row)
  self:count("sluice_runs_total", { outcome = row.outcome or (row.state == "lost" and "lost") or (row.exit_code == 0 and "ok" or "failed") })
  self:observe("sluice_run_duration_seconds", math.max(0, (row.finished or row.started) - row.started))
  for _, verdict in ipairs { "read", "added", "sent", "unchanged", "skipped", "rejected", "unknown" } do
    if row[verdict] and row[verdict] > 0 then self:count("sluice_records_total", { verdict = verdict }, row[verdict]) end
  end
  for outcome, count in pairs(row.outcomes and require("sluice.json").decode(row.outcomes) or {}) do
    self:count("sluice_run_requests_total", { outcome = outcome }, count)
  end
  if row.waited then self:count("sluice_run_waited_seconds_total", nil, row.waited) end
  local occurrence = row.occurrence and store:occurrence(row.occurrence)
  if occurrence and occurrence.state == "ran" and occurrence.run == row.id then
    self:count("sluice_fates_total", { fate = occurrence.outcome or "ok", reason = "" })
  end
end

local function started(self, store, row)
  self:count "sluice_runs_started_total"
  local occurrence = row.occurrence and row.attempt == 1 and store:occurrence(row.occurrence)
  if occurrence and occurrence.kind == "timed" then
    self:observe("sluice_start_lateness_seconds", math.max(0, row.started - occurrence.due))
  end
end

--- Looks for runs that are new since the last look, and for those that have ended.
---@param store sluice.Store
function Metrics:look(store)
  if not self.newest then
    local newest = store:runs { most = 1 }
    self.newest = newest[1] and newest[1].id or 0
    return
  end
  local fresh, below = {}, nil
  repeat
    local rows, page = store:runs { most = 500, below = below }, nil
    for _, row in ipairs(rows) do
      below = row.id
      if row.id > self.newest then fresh[#fresh + 1], page = row, true end
    end
  until not page or #rows < 500
  for i = #fresh, 1, -1 do
    self.newest, self.open[fresh[i].id] = math.max(self.newest, fresh[i].id), true
    started(self, store, fresh[i])
  end
  for id in pairs(self.open) do
    local row = store:runs({ id = id })[1]
    if not row or row.state ~= "running" then self.open[id] = nil end
    if row and row.state ~= "running" then ended(self, store, row) end
  end
end

-- ---- gauges ----

-- Only what is not 0, so that ten thousand schedules that are well are no thirty thousand lines.
local function schedule_gauges(put, seen, rows)
  local lines = 0
  local function put_one(name, row, value)
    if value == 0 or lines >= SERIES then return end
    lines = lines + 1
    put(name, { schedule = row.name }, value)
  end
  for _, row in ipairs(rows) do
    if seen.schedules[row.name] then
      put_one("sluice_schedule_failures", row, row.failures)
      put_one("sluice_schedule_paused", row, plan.is_paused(row, seen.now) and 1 or 0)
      put_one("sluice_schedule_stalled", row, row.stalled and 1 or 0)
    end
  end
end

local function budget_gauges(put, limits)
  for _, row in ipairs(limits) do
    local labels = { host = row.host, account = row.account, class = row.class, resource = row.resource }
    local function of(outcome)
      return { host = row.host, account = row.account, class = row.class, resource = row.resource, outcome = outcome }
    end
    put("sluice_requests_total", of "limited", row.limited)
    put("sluice_requests_total", of "other", math.max(0, row.sent - row.limited))
    put("sluice_budget_waited_seconds_total", labels, row.waited)
    put("sluice_budget_fill_ratio", labels, row.fill)
    put("sluice_budget_waiting", labels, row.waiting)
  end
end

local function open_gauges(put, store)
  local open = { running = 0, waiting = 0 }
  for _, row in ipairs(store:occurrences { open = true, most = COUNTED }) do open[row.state] = open[row.state] + 1 end
  for state, n in pairs(open) do put("sluice_occurrences_open", { state = state }, n) end
  for _, state in ipairs { "intended", "sent", "unknown", "rejected" } do
    put("sluice_outbox", { state = state }, #store:outbox_rows { state = state, most = COUNTED })
  end
end

local function gauges(put, ctx)
  local seen, living = model.seen(ctx), 0
  for _, one in ipairs(ctx.store:daemons()) do living = living + (one.alive and 1 or 0) end
  put("sluice_daemons", nil, living)
  for state, n in pairs(model.counts(seen)) do
    if state ~= "all" then put("sluice_schedules", { state = state }, n) end
  end
  open_gauges(put, ctx.store)
  schedule_gauges(put, seen, model.rows(seen))
  budget_gauges(put, model.limits(ctx))
end

-- ---- the text ----

local function number(value)
  if value == math.huge then return "+Inf" end
  return math.type(value) == "integer" and tostring(value) or ("%.17g"):format(value):gsub("^(%-?%d+)%.0$", "%1") .. ""
end

local function line(out, name, key, value)
  out[#out + 1] = ("%s%s %s"):format(name, key ~= "" and "{" .. key .. "}" or "", number(value))
end

local function histogram(out, family, one)
  one = one or { sum = 0, count = 0, buckets = {} }
  for i, bound in ipairs(family.bounds) do line(out, family.name .. "_bucket", ('le="%s"'):format(number(bound)), one.buckets[i] or 0) end
  line(out, family.name .. "_bucket", 'le="+Inf"', one.count)
  line(out, family.name .. "_sum", "", one.sum)
  line(out, family.name .. "_count", "", one.count)
end

local function write_family(out, family, values)
  out[#out + 1] = ("# HELP %s %s"):format(family.name, family.help)
  out[#out + 1] = ("# TYPE %s %s"):format(family.name, family.type)
  if family.type == "histogram" then return histogram(out, family, values) end
  local keys = {}
  for key in pairs(values or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do line(out, family.name, key, values[key]) end
end

--- Everything, in Prometheus' text format.
---@param ctx sluice.page.Context
---@return string
function Metrics:text(ctx)
  self:look(ctx.store)
  local found, out = {}, {}
  local function put(name, labels, value)
    found[name] = found[name] or {}
    found[name][labels_of(labels)] = value
  end
  put("sluice_build_info", { version = require("sluice.version").text }, 1)
  put("sluice_start_time_seconds", nil, self.began)
  gauges(put, ctx)
  for _, family in ipairs(metrics.families) do write_family(out, family, found[family.name] or self.values[family.name]) end
  return table.concat(out, "\n") .. "\n"
end

return metrics
