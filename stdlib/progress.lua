--- What is seen of a run while it works: on a terminal a line for each transfer, with `--json` events on standard error.
---
---     run:progress { what = "upload", client = feed, done = 1200, total = 25000 }   -- as often as one likes
---     run:progress { what = "upload", client = feed, done = 25000, ended = true }
---
--- A transfer is known by what it is and its connection. The table is kept: its `done` is read again when the line or the event
--- is made. A line: how far, rate, time left, the share of the allowance (requests of what the rate allowed since it began), waits.
local core = require "sluice.core"
local grouped = require("sluice.text").grouped
local log = require "sluice.log"
local time = require "sluice.time"

local progress = { every = 0.1, events_every = 1 }

local BAR = 24

---@class sluice.progress.View what is known of a transfer at a time; seconds
---@field what string
---@field connection? string
---@field done integer
---@field total? integer
---@field rate number a second
---@field share? number of the allowance, 0 to 1
---@field waited number
---@field left? number
---@field sent? integer records of the run that are sent, where it is not the transfer of a connection

-- ---- the allowance ----

-- What the rates of a class allow in so many seconds.
local function allowed(client, class, seconds)
  local text = (client.options.limits or {})[class] or client.definition.classes[class].rate
  local rates = require("sluice.limit").parse(type(text) == "table" and table.concat(text, ", ") or text) or {}
  local least = math.huge
  for _, rate in ipairs(rates) do least = math.min(least, rate.count / rate.window * seconds + rate.burst) end
  return least
end

local function used_by(client) return type(client) == "table" and rawget(client, "used") or {} end

-- The class that has used most of its allowance since a transfer began; nil where none was used.
local function share_of(transfer, seconds)
  local share
  for class, used in pairs(used_by(transfer.client)) do
    local n = used.requests - (transfer.before[class] or 0)
    if n > 0 then share = math.max(share or 0, math.min(n / allowed(transfer.client, class, seconds), 1)) end
  end
  return share
end

-- Seconds that all requests of a connection have waited; of all connections where a transfer has none.
local function waited(client)
  if not client then return package.loaded["sluice.call"] and require("sluice.call").stats().waited_budget or 0 end
  local sum = 0
  for _, used in pairs(used_by(client)) do sum = sum + used.waited end
  return sum
end

-- ---- one transfer ----

local function requests_of(client)
  local before = {}
  for class, used in pairs(used_by(client)) do before[class] = used.requests end
  return before
end

--- A transfer that begins.
---@param state table of `run:progress`
---@param now number
function progress.begin(state, now)
  local client = state.client
  return { state = state, client = client, what = state.what or "records", connection = client and client.name, started = now,
    before = requests_of(client), waited = waited(client) }
end

--- What is known of a transfer now.
---@param run sluice.Run
---@param transfer table
---@param now number
---@return sluice.progress.View
function progress.view(run, transfer, now)
  local state, seconds = transfer.state, now - transfer.started
  local done = state.done or run.sums.read
  local total = (state.total or 0) > 0 and state.total or nil
  local rate = seconds > 0 and done / seconds or 0
  return {
    what = transfer.what, connection = transfer.connection, done = done, total = total, rate = rate, share = share_of(transfer, seconds),
    waited = waited(transfer.client) - transfer.waited, left = total and rate > 0 and math.max(total - done, 0) / rate or nil,
    sent = not transfer.client and run.sums.sent or nil,
  }
end

-- ---- as text ----

local function bar(share)
  local full = math.floor(share * BAR + 0.5)
  return "[" .. ("#"):rep(full) .. ("."):rep(BAR - full) .. "]"
end

local function head(view)
  local text = (view.connection and view.what .. " " .. view.connection or view.what) .. " " .. grouped(view.done)
  if not view.total then return text, "" end
  local share = math.min(view.done / view.total, 1)
  return ("%s %d %% of %s"):format(text, share * 100 // 1, grouped(view.total)), bar(share) .. " "
end

--- The line of a transfer; where there is no room for all of it, without the bar.
---@param view sluice.progress.View
---@param width? integer characters that there are
---@return string
function progress.line(view, width)
  local first, drawn = head(view)
  local parts = { first, grouped(view.rate) .. "/s" }
  if (view.left or 0) > 0 then parts[#parts + 1] = ("%.0f s left"):format(view.left) end
  if view.sent then parts[#parts + 1] = "sent " .. grouped(view.sent) end
  if view.share then parts[#parts + 1] = ("%.0f %% of its rate"):format(view.share * 100) end
  if view.waited >= 0.1 then parts[#parts + 1] = ("waited %.1f s"):format(view.waited) end
  local line = table.concat(parts, "  ")
  return #drawn + (utf8.len(line) or #line) <= (width or math.huge) and drawn .. line or line
end

-- At most so many characters, none of them cut.
local function cut(line, width)
  local stop = utf8.len(line) and utf8.offset(line, width + 1) or width + 1
  return line:sub(1, (stop or #line + 1) - 1)
end

--- The lines that fit: one is free for the cursor of whoever writes next, and the last says how many are not shown.
---@param lines string[]
---@param columns integer of the terminal
---@param rows integer
---@return string
function progress.block(lines, columns, rows)
  local fit, shown = math.max(rows - 1, 1), {}
  for i = 1, math.min(#lines, fit) do shown[i] = cut(lines[i], columns - 1) end
  if #lines > fit then shown[fit] = cut(("and %d more"):format(#lines - fit + 1), columns - 1) end
  return table.concat(shown, "\n")
end

local function rounded(n, digits) return n and math.floor(n * 10 ^ digits + 0.5) / 10 ^ digits end

--- The event of a transfer: a line of JSON. What is not known is left out.
---@param view sluice.progress.View
---@param ended? boolean
---@return string
function progress.event(view, ended)
  return require("sluice.json").encode({
    event = "progress", what = view.what, connection = view.connection, done = view.done, total = view.total, rate = rounded(view.rate, 1),
    share = rounded(view.share, 3), waited = rounded(view.waited, 3), left = rounded(view.left, 1), ended = ended or nil,
  }, { sort = true }) .. "\n"
end

-- ---- what a run shows ----

local function find(run, state)
  local name = state.client and state.client.name
  for i, transfer in ipairs(run.transfers) do
    if transfer.what == (state.what or "records") and transfer.connection == name then return transfer, i end
  end
end

local function say(run, transfer, now, ended)
  transfer.said = now
  log.print(progress.event(progress.view(run, transfer, now), ended))
end

local function draw(run, now)
  run.shown = now
  local lines, columns = {}, core.columns()
  for i, transfer in ipairs(run.transfers) do lines[i] = progress.line(progress.view(run, transfer, now), columns - 1) end
  log.status(progress.block(lines, columns, core.rows()))
end

-- How this run shows anything; false: not at all.
local function way_of(run)
  if run.silent or run.options.quiet then return false end
  if run.options.json then return "events" end
  return core.isatty(2) and "lines"
end

-- Asked for each record: so it is found out once.
local function way(run)
  if run.way == nil then run.way = way_of(run) end
  return run.way
end

--- Takes what is said of a transfer. Lines are drawn ten times a second at most, events of a transfer come once a second at most,
--- and one at its end.
---@param run sluice.Run
---@param state table of `run:progress`
function progress.update(run, state)
  local how = way(run)
  if not how then return end
  run.transfers = run.transfers or {}
  local now, transfer, at = time.mono(), find(run, state)
  if not transfer then
    if state.ended and not state.done then return end
    transfer, at = progress.begin(state, now), #run.transfers + 1
    run.transfers[at], transfer.said = transfer, now
  end
  transfer.state = state
  if state.ended then table.remove(run.transfers, at) end
  if how == "events" then
    if state.ended or now - transfer.said >= progress.events_every then say(run, transfer, now, state.ended) end
  elseif state.ended or not run.shown or now - run.shown >= progress.every then
    draw(run, now)
  end
end

--- The end of all that is still shown.
---@param run sluice.Run
function progress.finish(run)
  local how, now = way(run), time.mono()
  if how == "events" then
    for _, transfer in ipairs(run.transfers or {}) do say(run, transfer, now, true) end
  end
  run.transfers = nil
  log.status ""
end

return progress
