--- What the page and the API show besides the read model of the scheduler: budgets, connections, the outbox, one look at all.
--- Everything here is plain tables that go into JSON as they are; nothing changes the store.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local log = require "sluice.log"
local plan = require "sluice.schedule.plan"
local shown_run = require "sluice.schedule.shown_run"
local text = require "sluice.text"
local view = require "sluice.schedule.view"

local model = {}

local MANY, SHOWN = 200, 50 -- schedules of a page of the API, of the overview
local WRITES, RUNNING, PERSON, LATELY = 200, 100, 100, 200
local STALE = 15            -- seconds for which what became of the last day's due times is not counted again

---@class sluice.page.Context what the page stands on; see page.start
---@field store sluice.Store
---@field loaded fun(): sluice.Loaded the config as it is now
---@field now fun(): number
---@field daemon? table

--- What is looked at, now.
---@param ctx sluice.page.Context
---@return sluice.view.Seen
function model.seen(ctx)
  local loaded = ctx.loaded()
  if ctx.sorted_of ~= loaded.schedules then ctx.sorted_of, ctx.sorted = loaded.schedules, text.keys(loaded.schedules) end
  return { store = ctx.store, schedules = loaded.schedules, names = ctx.sorted, now = ctx.now(), folder = loaded.folder }
end

--- The rows of all schedules, read once for each look.
---@param seen sluice.view.Seen
---@return sluice.ScheduleRow[]
function model.rows(seen)
  seen.rows = seen.rows or seen.store:schedules()
  return seen.rows
end

local function rows_of(seen)
  if not seen.by_name then
    seen.by_name = {}
    for _, row in ipairs(model.rows(seen)) do seen.by_name[row.name] = row end
  end
  return seen.by_name
end

-- Arguments as they may be shown: secrets are masked, by what is known and by their names.
local function shown_args(value, name)
  if type(value) == "table" then
    local copy = {}
    for key, inner in pairs(value) do copy[key] = shown_args(inner, type(key) == "string" and key or name) end
    return setmetatable(copy, getmetatable(value))
  end
  if name and require("sluice.run").is_secret(name) then return "***" end
  return type(value) == "string" and log.mask(value) or value
end

--- One schedule; nil where there is none of that name.
---@param seen sluice.view.Seen
---@param name string
---@return sluice.view.Schedule?
function model.schedule(seen, name)
  local one = view.schedule(seen, name)
  if one then one.args = shown_args(one.args) end
  return one
end

-- ---- budgets ----

--- Every rate budget of this machine, sorted.
---@param ctx sluice.page.Context
---@return sluice.limit.Row[]
function model.limits(ctx) return json.array(require("sluice.limits").rows(ctx.loaded().shared, {})) end

-- ---- connections ----

local REFUSED = { [4] = "the API refuses its credentials", [5] = "the API was not there, or limited us past the deadline",
  [6] = "the API gave no verdict in time" }

-- What the newest run of the schedules that use it says of a connection, and what its budgets do.
local function health_of(name, used, newest, budgets)
  for _, row in ipairs(budgets) do
    if row.blocked > 0 then return "warn", ("%s has told us to wait for %.0f s"):format(row.host, row.blocked) end
  end
  if not used then return "idle", "no schedule uses " .. name end
  if not newest then return "idle", "it was not used lately" end
  local reason = newest.exit_code and REFUSED[newest.exit_code]
  if reason then return "bad", reason end
  return newest.tone == "bad" and "warn" or "good", ("its last run, %s: %s"):format(newest.schedule, newest.text)
end

-- The names of the schedules that use each connection.
local function users_of(seen)
  local users = {}
  for _, name in ipairs(seen.names) do
    for _, used in ipairs(seen.schedules[name].uses or {}) do
      users[used] = users[used] or json.array {}
      table.insert(users[used], name)
    end
  end
  return users
end

-- The newest run that is over and used each connection, among those of late.
local function newest_runs(seen)
  local newest = {}
  for _, row in ipairs(seen.store:runs { most = LATELY }) do
    local schedule = row.schedule and seen.schedules[row.schedule]
    for _, used in ipairs(schedule and row.state ~= "running" and schedule.uses or {}) do newest[used] = newest[used] or row end
  end
  for used, row in pairs(newest) do newest[used] = shown_run.of(row, { schedule = seen.schedules[row.schedule], now = seen.now }) end
  return newest
end

local function budgets_of(limits, hosts)
  local list, wanted = {}, {}
  for _, host in ipairs(hosts) do wanted[host] = true end
  for _, row in ipairs(limits) do
    if wanted[row.host] or wanted[(row.host:gsub("^%a+://", ""))] then list[#list + 1] = row end
  end
  return list
end

---@class sluice.page.Connection
---@field name string
---@field api string
---@field hosts string[]
---@field schedules string[] that use it, 100 at most
---@field used integer how many do
---@field tone sluice.view.Tone
---@field text string

--- The connections of the config and how they do, as far as runs and budgets tell. Nothing is asked of an API.
---@param ctx sluice.page.Context
---@param seen sluice.view.Seen
---@param limits sluice.limit.Row[]
---@return sluice.page.Connection[]
function model.connections(ctx, seen, limits)
  local list, users, newest = json.array {}, users_of(seen), newest_runs(seen)
  for i, one in ipairs(ctx.loaded().connections) do
    local names = users[one.name] or {}
    local tone, said = health_of(one.name, #names > 0, newest[one.name], budgets_of(limits, one.hosts))
    list[i] = { name = one.name, api = one.api, hosts = json.array(table.move(one.hosts, 1, #one.hosts, 1, {})),
      schedules = json.array(table.move(names, 1, math.min(#names, PERSON), 1, {})), used = #names, tone = tone, text = said }
  end
  return list
end

-- ---- outbox ----

local function write_of(row)
  local one = {}
  for _, name in ipairs { "id", "state", "key", "scope", "operation", "host", "account", "attempts", "run" } do one[name] = row[name] end
  for _, name in ipairs { "intended", "sent", "settled", "looked" } do one[name] = fate.time(nil, row[name]) end
  one.note, one.answer = row.note and log.mask(row.note), row.answer and log.mask(row.answer):sub(1, 500)
  if one.run == 0 then one.run = nil end
  return one
end

--- Writes that must not be doubled; those that a person or a run has to settle unless states are named. No bodies: they
--- are personal data.
---@param ctx sluice.page.Context
---@param states? string[] default: unknown, sent
---@return table[]
function model.outbox(ctx, states)
  local list = json.array {}
  for _, state in ipairs(states or { "unknown", "sent" }) do
    for _, row in ipairs(ctx.store:outbox_rows { state = state, most = WRITES, newest = true }) do list[#list + 1] = write_of(row) end
  end
  return list
end

-- ---- schedules ----

local function needs_person(row) return row.failures > 0 or row.stalled ~= nil or row.paused_by == "failures" end

--- What the overview can be narrowed to: whether a schedule (of the config, or none) with its row (or none) is meant.
---@type table<string, fun(schedule?: table, row?: table, now: number): boolean>
model.states = {
  person = function(schedule, row) return schedule ~= nil and schedule.enabled ~= false and row ~= nil and needs_person(row) end,
  failing = function(schedule, row) return schedule ~= nil and row ~= nil and row.failures > 0 end,
  stalled = function(schedule, row) return schedule ~= nil and row ~= nil and row.stalled ~= nil end,
  paused = function(schedule, row, now) return schedule ~= nil and row ~= nil and plan.is_paused(row, now) end,
  disabled = function(schedule) return schedule ~= nil and schedule.enabled == false end,
  gone = function(schedule) return schedule == nil end,
}

local function is_meant(name, words, fits, schedule, row, now)
  return (not words or name:lower():find(words, 1, true) ~= nil) and (not fits or fits(schedule, row, now))
end

-- The names that are meant; those that need a person first where `first` says so, those that the config has no more last.
local function names_of(seen, options)
  local rows, list, urgent, gone = rows_of(seen), {}, {}, {}
  local words, fits = options.words and options.words ~= "" and options.words:lower() or nil, model.states[options.state]
  for _, name in ipairs(seen.names) do
    local schedule, row = seen.schedules[name], rows[name]
    local into = options.first and model.states.person(schedule, row) and urgent or list
    if is_meant(name, words, fits, schedule, row, seen.now) then into[#into + 1] = name end
  end
  for name, row in pairs(rows) do
    if not seen.schedules[name] and is_meant(name, words, fits, nil, row, seen.now) then gone[#gone + 1] = name end
  end
  table.sort(gone)
  table.move(list, 1, #list, #urgent + 1, urgent)
  return table.move(gone, 1, #gone, #urgent + 1, urgent)
end

local function shown_of(seen, names, from, count)
  local list = json.array {}
  for i = from, math.min(#names, from + count - 1) do list[#list + 1] = model.schedule(seen, names[i]) end
  return list
end

--- Schedules by name, in pages.
---@param seen sluice.view.Seen
---@param options { words?: string, state?: string, first?: boolean, page?: integer, most?: integer } first: those that need a person
---@return { all: integer, page: integer, pages: integer, schedules: sluice.view.Schedule[] }
function model.schedules(seen, options)
  local most = options.most or MANY
  local names = names_of(seen, options)
  local pages = math.max(1, (#names + most - 1) // most)
  local number = math.max(1, math.min(pages, options.page or 1))
  return { all = #names, page = number, pages = pages, schedules = shown_of(seen, names, (number - 1) * most + 1, most) }
end

--- How many schedules are in each state, of all, whatever was looked at in full.
---@param seen sluice.view.Seen
---@return table<string, integer>
function model.counts(seen)
  local counts = { all = 0, enabled = 0, disabled = 0, paused = 0, stalled = 0, failing = 0 }
  for _, schedule in pairs(seen.schedules) do
    counts.all = counts.all + 1
    local kind = schedule.enabled == false and "disabled" or "enabled"
    counts[kind] = counts[kind] + 1
  end
  for name, row in pairs(rows_of(seen)) do
    local schedule = seen.schedules[name]
    if schedule and schedule.enabled ~= false then
      if plan.is_paused(row, seen.now) then counts.paused = counts.paused + 1 end
      if row.stalled then counts.stalled = counts.stalled + 1 end
      if row.failures > 0 then counts.failing = counts.failing + 1 end
    end
  end
  return counts
end

-- The next due time of all that are neither disabled nor paused.
local function next_of(seen)
  local rows, first, name = rows_of(seen), nil, nil
  for other, schedule in pairs(seen.schedules) do
    local row = rows[other]
    local at = schedule.enabled ~= false and not (row and plan.is_paused(row, seen.now)) and schedule.spec:next(seen.now // 1 | 0)
    if at and (not first or at < first or at == first and other < name) then first, name = at, other end
  end
  return first and { schedule = name, due = seen.schedules[name].spec:format(first), at = first } or nil
end

--- Counts, the next due time, and what needs a person, of all schedules.
---@param ctx sluice.page.Context
---@param seen sluice.view.Seen
---@return sluice.view.Summary
function model.summary(ctx, seen)
  local day = ctx.day
  if day and math.abs(seen.now - day.at) < STALE then seen.fates = day.fates end
  local urgent = names_of(seen, { state = "person" })
  local summary = view.summary(seen, shown_of(seen, urgent, 1, PERSON))
  if not seen.fates then ctx.day = { at = seen.now, fates = summary.fates } end
  summary.schedules, summary.next, summary.more = model.counts(seen), next_of(seen), math.max(0, #urgent - PERSON)
  return summary
end

local function running_of(seen)
  local list = json.array {}
  for i, row in ipairs(seen.store:occurrences { state = "running", most = RUNNING }) do
    list[i] = fate.of(row, { schedule = seen.schedules[row.schedule], now = seen.now })
  end
  return list
end

--- All that the first page shows.
---@param ctx sluice.page.Context
---@param options { words?: string, state?: string, page?: integer }
---@return table { summary, list, running, limits, connections }
function model.overview(ctx, options)
  local seen = model.seen(ctx)
  local list = model.schedules(seen, { words = options.words, state = options.state, page = options.page, most = SHOWN, first = true })
  local limits = model.limits(ctx)
  return { summary = model.summary(ctx, seen), list = list, running = running_of(seen), limits = limits,
    connections = model.connections(ctx, seen, limits) }
end

return model
