--- What the page and the API show besides the read model of the scheduler: budgets, connections, the outbox, one look at all.
--- Everything here is plain tables that go into JSON as they are; nothing changes the store.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local log = require "sluice.log"
local text = require "sluice.text"
local view = require "sluice.schedule.view"

local model = {}

local MANY = 200      -- schedules that are looked at in full for the overview; of more, pages are shown
local WRITES, RUNNING = 200, 100

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
  return { store = ctx.store, schedules = loaded.schedules, now = ctx.now(), folder = loaded.folder }
end

-- ---- budgets ----

--- Every rate budget of this machine, sorted.
---@param ctx sluice.page.Context
---@return sluice.limit.Row[]
function model.limits(ctx) return json.array(require("sluice.limits").rows(ctx.loaded().shared, {})) end

-- ---- connections ----

local REFUSED = { [4] = "the API refuses its credentials", [5] = "the API was not there, or limited us past the deadline",
  [6] = "the API gave no verdict in time" }

-- The newest run of the schedules that use it, and what it says of the connection.
local function health_of(name, users, budgets)
  local newest
  for _, one in ipairs(users) do
    if one.last and (not newest or one.last.at > newest.at) then newest = one.last end
  end
  for _, row in ipairs(budgets) do
    if row.blocked > 0 then return "warn", ("%s has told us to wait for %.0f s"):format(row.host, row.blocked) end
  end
  if #users == 0 then return "idle", "no schedule uses " .. name end
  if not newest then return "idle", "it was not used yet" end
  local reason = newest.exit_code and REFUSED[newest.exit_code]
  if reason then return "bad", reason end
  return newest.tone == "bad" and "warn" or "good", ("its last run, %s: %s"):format(newest.schedule, newest.text)
end

local function users_of(seen, schedules, name)
  local users, names = {}, {}
  for _, one in ipairs(schedules) do
    local configured = seen.schedules[one.name]
    for _, used in ipairs(configured and configured.uses or {}) do
      if used == name then users[#users + 1], names[#names + 1] = one, one.name end
    end
  end
  return users, json.array(names)
end

local function budgets_of(limits, hosts)
  local list, wanted = {}, {}
  for _, host in ipairs(hosts) do wanted[host] = true end
  for _, row in ipairs(limits) do
    if wanted[row.host] or wanted[(row.host:gsub("^%a+://", ""))] then list[#list + 1] = row end
  end
  return list
end

-- How the last run of a schedule ended, as an exit code: the code says whose fault it was.
local function with_exit_codes(seen, schedules)
  for _, one in ipairs(schedules) do
    local last = one.last
    if last and last.tone == "bad" and last.run then
      local run = view.run(seen, last.run)
      last.exit_code = run and run.exit_code
    end
  end
end

---@class sluice.page.Connection
---@field name string
---@field api string
---@field hosts string[]
---@field schedules string[] that use it
---@field tone sluice.view.Tone
---@field text string

--- The connections of the config and how they do, as far as runs and budgets tell. Nothing is asked of an API.
---@param ctx sluice.page.Context
---@param seen sluice.view.Seen
---@param schedules sluice.view.Schedule[]
---@param limits sluice.limit.Row[]
---@return sluice.page.Connection[]
function model.connections(ctx, seen, schedules, limits)
  local list = json.array {}
  with_exit_codes(seen, schedules)
  for i, one in ipairs(ctx.loaded().connections) do
    local users, names = users_of(seen, schedules, one.name)
    local tone, said = health_of(one.name, users, budgets_of(limits, one.hosts))
    list[i] = { name = one.name, api = one.api, hosts = json.array(table.move(one.hosts, 1, #one.hosts, 1, {})), schedules = names,
      tone = tone, text = said }
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

local function names_of(seen, words)
  local all = {}
  for name in pairs(seen.schedules) do all[name] = true end
  for _, row in ipairs(seen.store:schedules()) do all[row.name] = true end
  local list = text.keys(all)
  if not words or words == "" then return list end
  local found = {}
  for _, name in ipairs(list) do
    if name:lower():find(words:lower(), 1, true) then found[#found + 1] = name end
  end
  return found
end

-- Names whose rows say that something is up, wherever they stand in the list.
local function notable(seen)
  local list = {}
  for _, row in ipairs(seen.store:schedules()) do
    if #list < MANY and (row.failures > 0 or row.stalled or row.paused_by == "failures") then list[#list + 1] = row.name end
  end
  return list
end

local function shown_of(seen, names, from, count)
  local list = json.array {}
  for i = from, math.min(#names, from + count - 1) do list[#list + 1] = view.schedule(seen, names[i]) end
  return list
end

--- Schedules by name, in pages.
---@param seen sluice.view.Seen
---@param options { words?: string, page?: integer, most?: integer }
---@return { all: integer, page: integer, pages: integer, schedules: sluice.view.Schedule[] }
function model.schedules(seen, options)
  local most = options.most or MANY
  local names = names_of(seen, options.words)
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
  for _, row in ipairs(seen.store:schedules()) do
    local schedule = seen.schedules[row.name]
    if schedule and schedule.enabled ~= false then
      if row.paused and not (row.paused_until and seen.now > row.paused_until) then counts.paused = counts.paused + 1 end
      if row.stalled then counts.stalled = counts.stalled + 1 end
      if row.failures > 0 then counts.failing = counts.failing + 1 end
    end
  end
  return counts
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
---@param options { words?: string, page?: integer }
---@return table { summary, list, running, limits, connections, outbox }
function model.overview(ctx, options)
  local seen = model.seen(ctx)
  local list = model.schedules(seen, options)
  local whole = list.schedules
  if list.pages > 1 or options.words then whole = shown_of(seen, notable(seen), 1, MANY) end
  local summary, limits = view.summary(seen, whole), model.limits(ctx)
  summary.schedules = model.counts(seen)
  return { summary = summary, list = list, running = running_of(seen), limits = limits,
    connections = model.connections(ctx, seen, list.schedules, limits), outbox = model.outbox(ctx) }
end

return model
