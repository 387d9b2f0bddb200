--- Reads what a search finds in ascending (second, id), completely, while the things that it finds keep changing.
--
-- Pages are never counted off. Within the past, things only leave a second (a product that is touched moves to the
-- present), so a page number would shift under the reader, while "later than" and "an id above" can't:
--
--   * a window asks for everything from a second on. The second that a page ends in may go on after the page, so it is
--     not taken from it: the next window begins with it;
--   * a second that fills most of a page is read alone, by ascending id ("an id above the last");
--   * where the server refuses or ignores ranges of ids, it is read by steps of `from`, again and again, until a round
--     finds all that the round before it found: then nothing had left during that earlier round, so nothing was
--     shifted past the reader. Such a second may not be larger than the server's window;
--   * only an empty page ends anything. Totals are not looked at, and a short page is just a page.
--
-- This module knows no HTTP and no clock: `search` is a function, so a model of a server can drive it.
--
--   local step = keyset.changes { search = search, from = 1609835104, upto = 1609838704, size = 500 }
--   for hits in step do for _, hit in ipairs(hits) do print(hit.id, hit.second, hit.row) end end

local errors = require "sluice.err"

local keyset = {}

--- What a search is asked for. `skip` is the number of hits to leave out (0 but in steps).
---@class sluice.keyset.query
---@field from? integer second, inclusive
---@field before? integer second, exclusive
---@field above? string an id, exclusive
---@field order "modified"|"newest"|"id" ties in any order
---@field skip integer
---@field size integer

--- What it answers: hits in the server's order, and the rows that it found for them, by id, in no order.
---@class sluice.keyset.page
---@field hits { id: string, second: integer?, row: any }[]
---@field rows table<string, any>

local ROUNDS = 200 -- of a second that is read by steps, before it is given up
local ASKED = 5    -- times for the rows that answers left out

local function name_of(second)
  return os.date("!%Y-%m-%d %H:%M:%S", second)
end

-- Numeric ids of any length; texts otherwise.
local function numeric(a, b)
  return #a < #b or (#a == #b and a < b)
end

local function textual(a, b)
  return a < b
end

local function ascends(hits, less, last)
  for _, hit in ipairs(hits) do
    if last and not less(last, hit.id) then return false end
    last = hit.id
  end
  return true
end

-- Attaches the rows to their hits; the number that is missing, and whether any was found.
local function attach(hits, rows)
  local missing, found = 0, false
  for _, hit in ipairs(hits) do
    if hit.row == nil then
      hit.row = rows[hit.id]
      if hit.row == nil then missing = missing + 1 else found = true end
    end
  end
  return missing, found
end

-- An answer may come short of rows, so it is asked for again as long as that brings more. A row that is missing then
-- is no more (deleted, deactivated), and its hit goes without.
local function join(search, query, page)
  local missing, found = attach(page.hits, page.rows)
  if missing > 0 and not found and next(page.rows) ~= nil then
    errors.raise { code = "protocol", message = "the search answered rows, but none of them has the id of a hit" }
  end
  for _ = 1, ASKED do
    if missing == 0 then break end
    local before = missing
    missing = attach(page.hits, search(query).rows)
    if missing == before then break end
  end
  return page
end

local function asker(o)
  return function(query)
    query.size, query.skip = math.min(query.size or o.size, o.window), query.skip or 0
    return join(o.search, query, o.search(query))
  end
end

-- Where the server says no to a question about ids, and not to us altogether.
local function refused(err)
  local status = type(err) == "table" and err.status
  return status == 400 or status == 422 or status == 500 or (type(err) == "table" and err.code == "invalid")
end

-- One second (or, with neither bound, everything) by ascending id. Ids may be numbers or texts to the server, which
-- shows in their order. Calls `give_up(problem, given)` for another reader of the same where the server can't do that;
-- `given` are the ids of the last page.
local function by_id(ask, bounds, give_up)
  local last, given, other = nil, {}, nil
  local orders = { numeric, textual } -- those that hold so far
  local function in_order(hits)
    local left = {}
    for _, less in ipairs(orders) do
      if ascends(hits, less, last) then left[#left + 1] = less end
    end
    orders = left
    return #left > 0
  end
  return function()
    if other then return other() end
    local ok, page = pcall(ask, { from = bounds.from, before = bounds.before, above = last, order = "id" })
    if not ok and not refused(page) then error(page, 0) end
    if ok and #page.hits == 0 then return nil end
    if not ok or not in_order(page.hits) then
      other = give_up(page, given)
      return other()
    end
    given = {}
    for _, hit in ipairs(page.hits) do given[hit.id] = true end
    last = page.hits[#page.hits].id
    return page.hits
  end
end

local function too_many(second, window, what)
  errors.raise {
    code = "partial",
    message = ("more than %d %s were changed in the second %s, and the server refuses ranges of ids"):format(
      window, what, name_of(second)),
    hint = "touch some of them again, so that they spread over several seconds",
  }
end

local function holds(all, some)
  for id in pairs(some) do
    if not all[id] then return false end
  end
  return true
end

-- One second by steps of `from`, in rounds. Gives each id once, and none of those that were given before.
local function by_steps(ask, second, o, given)
  local round, before, skip, rounds, twice, order = {}, nil, 0, 1, false, "id"
  local function take(hits)
    local fresh = {}
    for _, hit in ipairs(hits) do
      twice = twice or round[hit.id] ~= nil
      round[hit.id] = true
      if hit.row ~= nil and not given[hit.id] then -- without a row: the next round asks again
        given[hit.id], fresh[#fresh + 1] = true, hit
      end
    end
    skip = skip + #hits
    return fresh
  end
  return function(size)
    while true do
      if skip >= o.window then too_many(second, o.window, o.what or "rows") end
      local ok, page = pcall(ask, { from = second, before = second + 1, order = order, skip = skip,
        size = math.min(size, o.window - skip) })
      if not ok and order == "id" and refused(page) then
        order = "modified" -- any order that stays the same will do
      elseif not ok then
        error(page, 0)
      elseif #page.hits > 0 then
        local fresh = take(page.hits)
        if #fresh > 0 then return fresh end
      else
        if next(round) == nil or (before and not twice and holds(round, before)) then return nil end
        if rounds == ROUNDS then
          errors.raise { code = "partial", message = ("the second %s changes faster than it can be read"):format(
            name_of(second)) }
        end
        round, before, skip, rounds, twice = {}, round, 0, rounds + 1, false
      end
    end
  end
end

-- The hits of a window's page that are certainly all of their seconds: those before the last one's second.
local function split(hits, from)
  local last, previous = hits[#hits].second, from
  local whole = {}
  for _, hit in ipairs(hits) do
    if not hit.second or hit.second < previous then
      errors.raise { code = "protocol", message = ("the search does not answer in the order of change: %s after %s")
        :format(hit.second and name_of(hit.second) or "no time", name_of(previous)) }
    end
    previous = hit.second
    if hit.second < last then whole[#whole + 1] = hit end
  end
  return whole, last
end

--- Everything from second `from` to second `upto`, both inclusive: returns a function that gives the next list of
--- hits, each with its `second` and its `row` (nil where the row is gone), or nil at the end.
---@param o { search: function, from: integer, upto: integer, size: integer, window?: integer, what?: string }
---@return fun(): { id: string, second: integer, row: any }[]?
function keyset.changes(o)
  o.window = o.window or 10000
  local ask = asker(o)
  local from, upto, crowded = o.from, o.upto, nil

  local function alone(second)
    local reader = by_id(ask, { from = second, before = second + 1 }, function(_, given)
      local steps = by_steps(ask, second, o, given)
      return function() return steps(o.size) end
    end)
    return function()
      local hits = reader()
      for _, hit in ipairs(hits or {}) do hit.second = second end
      return hits
    end
  end

  -- Hits of the next window, or an empty list where only its last second is left, which is read alone then.
  local function window()
    local hits = ask({ from = from, before = upto + 1, order = "modified" }).hits
    if #hits == 0 then return nil end
    local whole, last = split(hits, from)
    if #hits < o.size or 2 * #whole < #hits then
      crowded, from = alone(last), last + 1
    else
      from = last
    end
    return whole
  end

  return function()
    while true do
      local hits
      if crowded then
        hits = crowded()
        if not hits then crowded = nil end
      elseif from > upto then
        return nil
      else
        hits = window()
        if not hits then return nil end
      end
      if hits and #hits > 0 then return hits end
    end
  end
end

--- Everything there is, by ascending id: returns a function that gives the next list of hits, or nil at the end.
---@param o { search: fun(query: sluice.keyset.query): sluice.keyset.page; size: integer, window?: integer }
---@return fun(): { id: string, row: any }[]?
function keyset.all(o)
  o.window = o.window or 10000
  return by_id(asker(o), {}, function(err)
    errors.raise {
      code = "partial",
      message = "the server does not list by ascending id: " .. tostring(type(err) == "table" and err.message
        or "it ignores the range of ids"),
    }
  end)
end

--- The newest second that the search knows, or nil where it finds nothing.
---@param search fun(query: sluice.keyset.query): sluice.keyset.page
---@return integer?
function keyset.newest(search)
  local hit = search({ order = "newest", skip = 0, size = 1 }).hits[1]
  return hit and hit.second
end

return keyset
