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
local json = require "sluice.json"
local keyset = require "sluice.keyset"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"
local time = require "sluice.time"

local feed = {}

local CLOCK_SLACK = 3600 -- seconds that this machine's clock may be ahead of the shop's
local SHOWN = 100        -- the progress is shown after so many products
local TRIES = 3          -- of a search that is answered in part, or with what is none

-- ---- positions ----

local last_second, last_text

local function text_of(second)
  if second ~= last_second then last_second, last_text = second, time.format(second, "sql") end
  return last_text
end

local function second_of(text)
  local seconds = type(text) == "string" and time.parse(text)
  return seconds and seconds // 1 | 0 or nil
end

-- Where reading starts, in whole seconds, and the position that must not be fallen behind.
local function start_of(o)
  if o.since ~= nil then
    local second = math.tointeger(o.since) or second_of(o.since)
    if not second then
      errors.raise { code = "usage", message = ("changed_products: since must be a time, not '%s'"):format(tostring(o.since)),
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
---@field describe fun(row: any): integer?, string the row's own modified second, where it has one, and its digest
---@field cursor? table where reading starts and what was given is remembered
---@field since? string|integer starts there instead, and leaves the cursor alone
---@field index_lag integer seconds
---@field now number seconds since 1970
---@field page_size integer
---@field window? integer hits that the server pages through, default 10000
---@field count? fun(kind: string) is told "read" and "unchanged"
---@field stopping? fun(): any true ends the iteration early
---@field spawn? fun(fn: function, ...): table starts a task that reads the next page
---@field reject? fun(row: any) takes a row that can't be given (`row.bad`), once for each of its changes
---@param o sluice.feed.parts
---@return fun(): any next
---@return nil
---@return nil
---@return table closer for the generic for: ends what is still under way
function feed.iterate(o)
  local from, position = start_of(o)
  local cursor = o.since == nil and o.cursor or memory()
  local count, stopping, describe, lag = o.count or nothing, o.stopping or nothing, o.describe, o.index_lag
  local newest = keyset.newest(o.search)
  local now = o.now // 1 | 0
  local pages = reader(newest and keyset.changes {
    search = o.search, from = from, upto = newest, size = o.page_size, window = o.window,
  } or nothing, o.spawn, stopping)
  local hits, at, ended = {}, 0, false

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
        hits, at = pages.next(), 0
        if not hits and not stopping() then finish() end
        ended = not hits
      else
        hits[at] = false -- what is given away is not kept here
        local row = hit.row ~= nil and take(hit)
        if row then return row end
      end
    end
    pages.close()
    return nil
  end
  return next_row, nil, nil, setmetatable({}, { __close = function() pages.close() end })
end

-- ---- the search ----

local ORDERS = {
  modified = { { modified = { order = "asc" } } },
  newest = { { modified = { order = "desc" } } },
  id = { { id = { order = "asc" } } },
}

--- The Elasticsearch arguments of a keyset's query.
---@param query sluice.keyset.query
---@return table args for search_products
function feed.arguments(query)
  local filter = {}
  if query.from or query.before then
    local from, before = query.from and text_of(query.from), query.before and text_of(query.before)
    filter[1] = { range = { modified = { gte = from, lt = before } } }
  end
  if query.above then
    filter[#filter + 1] = { range = { id = { gt = query.above:match "^%d+$" and math.tointeger(query.above) or query.above } } }
  end
  if query.ids then filter[#filter + 1] = { terms = { id = json.array(query.ids) } } end
  return {
    query = { bool = { filter = json.array(filter) } },
    sort = ORDERS[query.order], from = query.skip, size = query.size,
  }
end

local PRODUCTS = "system_products"

local function protocol(message)
  errors.raise { code = "protocol", operation = "search_products", message = message }
end

local function unread(problem)
  errors.raise {
    code = "protocol", operation = "search_products", message = "the answer of the search is not JSON: " .. problem.message,
    hint = "nothing is lost, the cursor has not moved: run it again; if it stays so, the shop has to mend what it answers",
  }
end

-- Parts of an answer are taken as fields of one record, which looks over the whole text once.
local function is_record(value)
  return type(value) == "userdata" and value ~= json.null
end

-- The index itself may answer in part, and says so under a 200.
local function in_part(answer)
  if answer.timed_out == true then return true end
  local shards = answer._shards
  local failed = is_record(shards) and shards.failed
  return type(failed) == "number" and failed > 0
end

-- The time of a hit: Elasticsearch gives milliseconds since 1970 as the value that it sorted by.
local function second_of_hit(hit)
  local value = type(hit.sort) == "table" and hit.sort[1]
  if type(value) == "number" then return value // 1000 | 0 end
  return second_of(value)
end

local function missing(path) protocol(("the answer of the search has no list '%s'"):format(path)) end

-- The hits as tables: they are small.
local function hits_of(answer, timed)
  local list = is_record(answer.hits) and answer.hits.hits
  local hits = is_record(list) and ndjson.totable(list)
  if type(hits) ~= "table" or not json.isarray(hits) then missing "hits.hits" end
  for i, hit in ipairs(hits) do hits[i] = { id = tostring(hit._id), second = timed and second_of_hit(hit) or nil } end
  return hits
end

-- How many there are, as far as the index says: a number, or an object with one. Good for a progress bar.
local function total_of(answer)
  local total = answer.hits.total
  return math.tointeger(is_record(total) and total.value or total)
end

-- Records of the products, byte for byte, by id, each with its own time of change.
local function rows_of(answer)
  local list = answer[PRODUCTS]
  local ok, products = pcall(ndjson.elements, is_record(list) and list)
  if not ok then missing(PRODUCTS) end
  local rows = {}
  for product in products do
    if not ndjson.bad(product) and product.id ~= nil then
      rows[tostring(product.id)] = { product = product, modified = second_of(product.modified) }
    elseif not ndjson.bad(product) or product.raw ~= "null" then -- null would be a row that is gone
      protocol "the answer of the search has a product without an id"
    end
  end
  return rows
end

-- Products with bytes that no JSON may have, which are for the dead letters: as rows, with what is wrong and their bytes.
-- Each must be that of a hit, or a hit would be without its row, which means that there is no such product any more.
local function broken_rows(page, broken, problem)
  local hit_ids = {}
  for _, hit in ipairs(page.hits) do hit_ids[hit.id] = true end
  for _, one in ipairs(broken) do
    local product = not ndjson.bad(one.record) and one.record
    local id = product and tostring(product.id)
    if not hit_ids[id] then unread(problem) end
    page.rows[id] = { product = product, modified = second_of(product.modified), bad = one.reason, raw = one.raw }
  end
  return page
end

--- A page of the search from its answer: hits in the index's order, rows by id. Nil where the index answered only in part.
---@param body string
---@param timed boolean whether the hits' sort values are times
---@param last? boolean it was asked for often enough: single broken products are rows with `bad`, not a broken answer
---@return sluice.keyset.page?
function feed.page(body, timed, last)
  local answer, problem = ndjson.record(body)
  local broken = {}
  if not answer then
    if last then answer, broken = require("sluice.salvage").read(body, PRODUCTS) end
    if not answer then unread(problem) end
  end
  if in_part(answer) then return nil end
  return broken_rows({ hits = hits_of(answer, timed), rows = rows_of(answer), total = total_of(answer) }, broken, problem)
end

--- The search of a Stock2Shop client as keyset.lua asks for it.
---@param client sluice.Client
---@param args? { channel_id?: any }
---@return fun(query: sluice.keyset.query): sluice.keyset.page
function feed.search(client, args)
  return function(query)
    local wanted, problem = feed.arguments(query), nil
    wanted.channel_id, wanted.raw = args and args.channel_id, true
    for try = 1, TRIES do
      local body = client:search_products(wanted)
      local ok, page = pcall(feed.page, body, query.order ~= "id", try == TRIES)
      task.step "page"
      if ok and page then return page end
      problem = not ok and page or nil
    end
    if problem then error(problem, 0) end
    errors.raise { code = "unavailable", api = client.name, operation = "search_products", retryable = true,
      message = ("the search index answered only in part, %d times in a row"):format(TRIES) }
  end
end

--- The row's own time and its digest.
function feed.describe(row)
  return row.modified, row.raw and require("sluice.crypto").sha1(row.raw) or ndjson.fingerprint(row.product)
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

local function check(args)
  local known = {}
  for _, name in ipairs(OPTIONS) do known[name] = true end
  for key in pairs(args) do
    if not known[key] then
      local near = errors.nearest(tostring(key), OPTIONS)
      errors.raise { code = "usage", message = ("changed_products: unknown option '%s'%s"):format(tostring(key),
        near and (" (did you mean '%s'?)"):format(near) or "") }
    end
  end
  local size = args.page_size or 500
  if math.type(size) ~= "integer" or size < 1 or size > 10000 then
    errors.raise { code = "usage", message = "changed_products: page_size must be a whole number from 1 to 10000" }
  end
  return size
end

-- The search and the counting of a run, which shows how far it is.
local function watched(search, run)
  local total, done = nil, 0
  return function(query)
    local page = search(query)
    if query.order == "modified" then total = total or page.total end
    return page
  end, function(kind)
    run:count(kind, 1)
    if kind ~= "read" then return end
    done = done + 1
    if done % SHOWN == 0 then run:progress { done = done, total = total, what = "products" } end
  end
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
  args = args or {}
  local size, options, run = check(args), client.options or {}, require("sluice.run").current()
  local search, count = watched(feed.search(client, args), run)
  local rows, _, _, closer = feed.iterate {
    search = search, describe = feed.describe, since = args.since,
    cursor = args.since == nil and feed.open(client, args.cursor) or nil,
    index_lag = math.ceil(options.index_lag or 120), now = time.now(), page_size = size,
    reject = function(row) run:reject(row.raw, row.bad, { id = tostring(row.product.id) }) end,
    count = count, stopping = task.stopping, spawn = task.spawn,
  }
  return function()
    local row = rows()
    return row and row.product
  end, nil, nil, closer
end

return feed
