--- The orders that changed in Veeqo: each change once, none missed (`depot:changed_orders{…}`). Veeqo has no feed, only a list by
--- `updated_at_min`, newest first, that moves while it is read, and hides cancelled orders. So:
--
--   * what is in the list and what is cancelled are read as two lists, in this order: an order that is cancelled
--     meanwhile moves from the one to the other;
--   * a list of more than a page is read again until a round finds all that the round before it found: then nothing had
--     left it, and so nothing was pulled to a page that had been read. Where orders keep leaving, two rounds in a row
--     that find nothing new have to do;
--   * the position is the newest `updated_at` that was seen, but never later than the start of the run: what changes while the
--     lists are read is the next run's. That one asks from `overlap` before the position, and leaves out what was given already, by
--     (id, updated_at, digest of the order);
--   * a run that ends early leaves the position where it was, since what it has not read is older than what it has.

local errors = require "sluice.err"
local feed = require "sluice.feed"
local json = require "sluice.json"
local searches = require "sluice.searches"
local task = require "sluice.task"
local time = require "sluice.time"

local orders = {}

local LISTS = { {}, { status = "cancelled" } }
local OVERLAP = 600
local ROUNDS = 20 -- of a list that orders keep leaving
local SHOWN = 100 -- the progress is shown after so many orders

local function updated(order)
  local second = type(order) == "table" and searches.second_of(order.updated_at)
  if second and order.id ~= nil then return second end
  errors.raise { code = "protocol", operation = "orders",
    message = ("the list of orders has one without id or updated_at: %s"):format(tostring(type(order) == "table" and order.id or order)) }
end

local function holds_all(round, before)
  for id in pairs(before) do
    if not round[id] then return false end
  end
  return true
end

--- One list, round after round until it is complete, as an iterator: each state of an order once. `read(filter)` iterates over
--- the list; what was updated from `now` on may come and go, it is the next run's.
---@param o { read: fun(filter: table): (fun(): table?), filter: table, now: number, page_size: integer }
---@return fun(): table?
function orders.complete(o)
  local had, before, round, count, found, quiet, rounds = {}, nil, {}, 0, false, 0, 1
  local entries = o.read(o.filter)

  -- At the end of a round: whether the list is known in full.
  local function settled()
    if rounds == 1 and count < o.page_size then return true end -- one answer shows one moment
    if before and holds_all(round, before) then return true end
    quiet = found and 0 or quiet + 1
    if before and quiet >= 2 then return true end
    if rounds < ROUNDS then return false end
    errors.raise { code = "partial", operation = "orders", retryable = true,
      message = ("orders keep leaving the list while it is read: %d rounds, and the last one still found new ones"):format(rounds),
      hint = "the cursor has not moved: run it when less is deleted or cancelled" }
  end

  return function()
    while true do
      local order = entries()
      if order == nil then
        if settled() then return nil end
        before, round, count, found, rounds = round, {}, 0, false, rounds + 1
        entries = o.read(o.filter)
      else
        local id, second = tostring(order.id), updated(order)
        local state = id .. " " .. order.updated_at
        round[id], count = true, count + 1
        if not had[state] then
          had[state], found = true, found or second < o.now
          return order
        end
      end
    end
  end
end

local function start_of(o)
  if o.since ~= nil then
    local second = math.tointeger(o.since) or searches.second_of(o.since)
    if second then return second end
    errors.raise { code = "usage", message = ("changed_orders: since must be a time, not '%s'"):format(tostring(o.since)),
      hint = "like since=\"2021-08-27 08:23:04\" (UTC)" }
  end
  local position = o.cursor and o.cursor:get()
  local second = position and searches.second_of(position)
  if position and not second then
    errors.raise { code = "state", message = ("the cursor's position '%s' is not a time"):format(position), hint = "`--full` starts over" }
  end
  return second and math.max(0, second - o.overlap), second
end

--- The iterator itself, free of HTTP and of clocks. `read(filter)` iterates over a list of orders, `digest(order)` tells two
--- contents apart, `count(kind)` is told "read" and "unchanged", `gave(id, modified, digest)` what a cursor has not seen,
--- `stopping()` ends it early.
---@param o { read: function, digest: function, count: function, gave?: function, stopping: function, cursor?: table, since?: any, overlap: number,
---  now: number, page_size: integer }
---@return fun(): table?
function orders.iterate(o)
  local from, position = start_of(o)
  local cursor, newest, at = o.since == nil and o.cursor or nil, position, 1
  local function list(extra)
    local filter = { updated_at_min = from and searches.text_of(from), page_size = o.page_size }
    for name, value in pairs(extra) do filter[name] = value end
    return orders.complete { read = o.read, filter = filter, now = o.now, page_size = o.page_size }
  end

  -- Whether it is to be given.
  local function take(order)
    local second = updated(order)
    o.count "read"
    newest = math.max(newest or second, second)
    if not cursor then return true end
    local id, modified, digest = tostring(order.id), searches.text_of(second), o.digest(order)
    if cursor:seen(id, modified, digest) then
      o.count "unchanged"
      return false
    end
    cursor:deliver(id, modified, digest)
    if o.gave then o.gave(id, modified, digest) end
    return true
  end

  local function finish()
    if not cursor or not newest then return end
    local reached = math.min(newest, o.now // 1 | 0)
    if position and reached <= position then return end
    cursor:advance(searches.text_of(reached), searches.text_of(math.max(0, reached - o.overlap)))
  end

  local entries = list(LISTS[1])
  return function()
    while entries do
      if o.stopping() then
        entries = nil
        return nil
      end
      local order = entries()
      if order ~= nil then
        if take(order) then return order end
      else
        at = at + 1
        entries = LISTS[at] and list(LISTS[at])
        if not entries then finish() end
      end
    end
  end
end

local OPTIONS = { "since", "cursor", "overlap", "page_size" }

local function check(args)
  local known = {}
  for _, name in ipairs(OPTIONS) do known[name] = true end
  for key in pairs(args) do
    if not known[key] then
      errors.raise { code = "usage", message = ("changed_orders: unknown option '%s'%s"):format(tostring(key),
        require("sluice.text").near(key, OPTIONS)) }
    end
  end
  local size, overlap = args.page_size or 100, args.overlap or OVERLAP
  if math.type(size) ~= "integer" or size < 1 or size > 100 then
    errors.raise { code = "usage", message = "changed_orders: page_size must be a whole number from 1 to 100" }
  end
  if type(overlap) ~= "number" or overlap < 0 then
    errors.raise { code = "usage", message = "changed_orders: overlap must be a number of seconds" }
  end
  return size, math.ceil(overlap)
end

local function digest_of(order)
  local text, problem = json.encode(order, { sort = true })
  if not text then error(problem, 0) end
  return require("sluice.crypto").sha1(text)
end

--- An iterator over the orders that changed since `cursor`'s position (or since a time, which leaves the cursor alone; or all of
--- them), cancelled ones among them, as tables, in no order that says anything. `overlap` (600 s): how far before the position the next
--- run begins; it covers a clock of this machine that is wrong, and what Veeqo lists late. The zone of Veeqo's filter is not
--- documented, UTC is assumed. The cursor moves when all was given, and is committed by `run:commit()`. Raises. (waits)
---
---     for order in depot:changed_orders { cursor = run:cursor "orders" } do print(order.number, order.status) end
---@param client sluice.Client
---@param args? { since?: string|integer, cursor?: table, overlap?: number, page_size?: integer }
---@return fun(): table?
function orders.changed_orders(client, args)
  args = args or {}
  local size, overlap = check(args)
  local run, shown = require("sluice.run").current(), { done = 0, what = "orders", client = client }
  return orders.iterate {
    read = function(filter)
      task.step "page"
      return client:orders(filter)
    end,
    gave = function(id, modified, digest) run:gave(id, modified, digest) end,
    digest = digest_of, since = args.since, overlap = overlap, page_size = size, now = time.now(), stopping = task.stopping,
    cursor = args.since == nil and feed.open(client, args.cursor) or nil,
    count = function(kind)
      run:count(kind)
      if kind ~= "read" then return end
      shown.done = shown.done + 1
      if shown.done % SHOWN == 1 then run:progress(shown) end
    end,
  }
end

return orders
