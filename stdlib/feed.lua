--- The products that changed in a shop: each change once, none missed (`shop:changed_products{…}`).
--
-- The search index runs after the shop, and the shop goes on changing while it is read. So what is read is cut by the
-- index's times, and what is given is what the shop says now:
--
--   * a run reads the index up to the newest change that it holds at the start, in order of (modified, id): keyset.lua;
--   * the position ("watermark") is a second of the index that was reached. All changes up to `index_lag` before it
--     were in the index when it was read, so the next run starts there, and leaves out what was given already, by
--     (id, modified, digest of the record): two changes may share a second;
--   * a product that is newer in the shop than in the index is given as it is now, and is left out when the index
--     has caught up, if it is still the same.
--
-- The position is never ahead of what the index has shown, or of an hour ago (a shop at rest would otherwise be read
-- again from its last change at each run), and never ahead of this machine's clock: a product that is dated in the
-- future is given at once, but does not carry the position past changes that are still to come.

local errors = require "sluice.err"
local keyset = require "sluice.keyset"
local searches = require "sluice.searches"
local task = require "sluice.task"
local time = require "sluice.time"

local feed = {}

local second_of, text_of = searches.second_of, searches.text_of

local CLOCK_SLACK = 3600 -- seconds that this machine's clock may be ahead of the shop's
local SHOWN = 100        -- the progress is shown after so many products

-- ---- positions ----

-- Where reading starts, in whole seconds, and the position that must not be fallen behind.
local function start_of(o)
  if o.since ~= nil then
    local second = math.tointeger(o.since) or second_of(o.since)
    if not second then
      errors.raise { code = "usage", message = ("%s: since must be a time, not '%s'"):format(o.name or "a feed", tostring(o.since)),
        hint = "like since=\"2021-08-27 08:23:04\" (UTC)" }
    end
    return second, nil
  end
  local position = o.cursor and o.cursor:get()
  if not position then return 0, nil end
  local second = second_of(position)
  if not second then
    errors.raise { code = "state", message = ("the cursor's position '%s' is not a time"):format(position),
      hint = "`--full` starts over" }
  end
  return math.max(0, second - o.index_lag), second
end

-- ---- what was given already ----

-- Within a run without a cursor, only a product that is ahead of the index can come again unchanged.
local function memory()
  local given = {}
  return {
    seen = function(_, id, modified, digest) return given[id] == modified .. digest end,
    deliver = function(_, id, modified, digest, ahead)
      if ahead then given[id] = modified .. digest end
    end,
    advance = function() end,
  }
end

-- ---- the iterator ----

-- Pages, one ahead of the one that is worked on. Where a signal asks to stop, a wait for the rate limit ends early.
local function reader(step, spawn, stopping)
  local ahead
  local self = {}
  function self.next()
    local ok, hits
    if ahead then ok, hits = ahead:wait() else ok, hits = pcall(step) end
    ahead = nil
    if not ok and not (stopping() and errors.is(hits) and hits.code == "cancelled") then error(hits, 0) end
    if not ok then return nil end
    if hits and spawn then ahead = spawn(pcall, step) end -- its failure is said once, to whoever asks for the page
    return hits
  end
  function self.close()
    if ahead then ahead:cancel() end
    ahead = nil
  end
  return self
end

local function nothing() end

--- The iterator itself, free of HTTP and of clocks: everything that it needs is given to it.
---@class sluice.feed.parts
---@field search fun(query: sluice.keyset.query): sluice.keyset.page
---@field name? string of the helper, for messages
---@field what? string is read, for messages ("products")
---@field describe fun(row: any): integer?, string the row's own modified second, where it has one, and its digest
---@field cursor? table where reading starts and what was given is remembered
---@field since? string|integer starts there instead, and leaves the cursor alone
---@field index_lag integer seconds
---@field now number seconds since 1970
---@field page_size integer
---@field window? integer hits that the server pages through, default 10000
---@field count? fun(kind: string) is told "read" and "unchanged"
---@field gave? fun(id: any, modified: string, digest: string) is told each row that is given
---@field stopping? fun(): any true ends the iteration early
---@field spawn? fun(fn: function, ...): table starts a task that reads the next page
---@field reject? fun(row: any) takes a row that can't be given (`row.bad`), once for each of its changes
---@field rejected? fun() is called where it has taken some, before there is a wait and before a row is given
---@param o sluice.feed.parts
---@return fun(): any next
---@return nil
---@return nil
---@return table closer for the generic for: ends what is still under way
function feed.iterate(o)
  local from, position = start_of(o)
  local cursor = o.since == nil and o.cursor or memory()
  local count, stopping, describe, lag = o.count or nothing, o.stopping or nothing, o.describe, o.index_lag
  local gave = o.gave or nothing
  local newest = keyset.newest(o.search)
  local now = o.now // 1 | 0
  local pages = reader(newest and keyset.changes {
    search = o.search, from = from, upto = newest, size = o.page_size, window = o.window, what = o.what,
  } or nothing, o.spawn, stopping)
  local hits, at, ended = {}, 0, false
  local rejected = o.rejected or nothing

  local function advance(second)
    second = math.min(second, now)
    if position and second <= position then return end
    position = second
    cursor:advance(text_of(second), text_of(math.max(0, second - lag)))
  end

  local function finish()
    if newest then advance(math.max(newest, now - CLOCK_SLACK)) end
  end

  -- The row of the hit, or nil where it was given before. The later of the two times tells its changes apart, so that
  -- it is the same before and after the index has caught up.
  local function take(hit)
    local row = hit.row
    local own, digest = describe(row)
    local ahead = own ~= nil and own > hit.second
    local modified = text_of(ahead and own or hit.second)
    count "read"
    if cursor:seen(hit.id, modified, digest) then
      count "unchanged"
      row = nil
    else
      cursor:deliver(hit.id, modified, digest, ahead)
      gave(hit.id, modified, digest)
      if row.bad then
        o.reject(row)
        row = nil
      end
    end
    advance(hit.second)
    return row
  end

  local function next_row()
    while not ended do
      if stopping() then
        ended = true
        break
      end
      at = at + 1
      local hit = hits[at]
      if hit == nil then
        rejected()
        hits, at = pages.next(), 0
        if not hits and not stopping() then finish() end
        ended = not hits
      else
        hits[at] = false -- what is given away is not kept here
        local row = hit.row ~= nil and take(hit)
        if row then
          rejected()
          return row
        end
      end
    end
    rejected()
    pages.close()
    return nil
  end
  return next_row, nil, nil, setmetatable({}, { __close = function() pages.close() end })
end

local OPTIONS = { "since", "cursor", "page_size", "channel_id" }

--- Opens (and so locks) a run's cursor for the account that is read; with `--full` it starts over, once.
---@param client sluice.Client
---@param cursor? table
function feed.open(client, cursor)
  if cursor == nil or cursor.open == nil then return cursor end
  local state = cursor:open(("%s at %s"):format(client.account or "-", client.options and client.options.base_url or "-"))
  if cursor.full then
    state:restart()
    cursor.full = false
  end
  return state
end

local function check(name, args)
  local known = {}
  for _, option in ipairs(OPTIONS) do known[option] = true end
  for key in pairs(args) do
    if not known[key] then
      errors.raise { code = "usage", message = ("%s: unknown option '%s'%s"):format(name, tostring(key),
        require("sluice.text").near(key, OPTIONS)) }
    end
  end
  local size = args.page_size or 500
  if math.type(size) ~= "integer" or size < 1 or size > 10000 then
    errors.raise { code = "usage", message = name .. ": page_size must be a whole number from 1 to 10000" }
  end
  return size
end

-- The search and the counting of a run, which shows how far it is.
local function watched(search, run, what, client)
  local shown, total = { done = 0, what = what, client = client }, nil
  return function(query)
    local page = search(query)
    if query.order == "modified" then total = total or page.total end
    return page
  end, function(kind)
    run:count(kind, 1)
    if kind ~= "read" then return end
    shown.done, shown.total = shown.done + 1, total
    if shown.done % SHOWN == 1 then run:progress(shown) end
  end
end

--- An iterator over what changed, of whatever the shop has a search for. `source` says which: see searches.lua.
---@param name string of the helper, for messages
---@param client sluice.Client
---@param args? { since?: string|integer, cursor?: table, page_size?: integer, channel_id?: any }
---@param source sluice.searches.Source
---@return fun(): any record
function feed.changed(name, client, args, source)
  args = args or {}
  local size, options, run = check(name, args), client.options or {}, require("sluice.run").current()
  run.watches = true -- that nothing came of it is worth a word
  local rejects = require("sluice.rejects").of(run)
  local search, count = watched(searches.search(client, args, source), run, source.what, client)
  local rows, _, _, closer = feed.iterate {
    name = name, what = source.what, search = search, describe = searches.describe, since = args.since,
    cursor = args.since == nil and feed.open(client, args.cursor) or nil,
    index_lag = math.ceil(options.index_lag or 120), now = time.now(), page_size = size,
    reject = function(row) rejects:add(row.raw, row.bad, { id = tostring(row.record.id) }) end, rejected = function() rejects:put() end,
    count = count, stopping = task.stopping, spawn = task.spawn,
    gave = function(id, modified, digest) run:gave(id, modified, digest) end,
  }
  return function()
    local row = rows()
    return row and row.record
  end, nil, nil, closer
end

--- An iterator over the products that changed since `cursor`'s position (or since a time, which leaves the cursor
--- alone; or all of them, where there is neither). A product whose bytes are no JSON is rejected, the others are given.
--- The cursor moves with what was given, and is committed by
--- `run:commit()`. Ends early where a signal asks the process to stop. Raises.
---
---     for product in shop:changed_products { cursor = run:cursor "products" } do upload:write(product) end
---@param client sluice.Client
---@param args? { since?: string|integer, cursor?: table, page_size?: integer, channel_id?: any }
---@return fun(): any record
function feed.changed_products(client, args)
  return feed.changed("changed_products", client, args, searches.products)
end

return feed
