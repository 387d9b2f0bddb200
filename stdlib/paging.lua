--- From pages to one iterator. A kind of paging says what the next request asks for, given how the last page looked; what
--- all kinds share is here once: pages are asked for when they are needed, a page that comes twice is an error and not a
--- loop, a single object counts as a list of one.
---
---     for stream in paging.iterate(client, row, function(extra) … return value, answer end, args) do … end
---
--- Where the row's paging says `records`, entries are records of sluice.ndjson: their text is never made into tables.
local err = require "sluice.err"
local iterators = require "sluice.iterators"
local json = require "sluice.json"

local paging = {}

--- Whether a value is a record of sluice.ndjson, or a view of one: no null, no number beyond 64 bits.
---@param value any
---@return boolean
function paging.is_record(value) return getmetatable(value) == "sluice.record" end

local is_record = paging.is_record

--- The part of a decoded value at a path ("errors.1.title"), nil where it is not there or null.
---@param value any
---@param path string
---@return any
function paging.by_path(value, path)
  for step in path:gmatch "[^%.]+" do
    if type(value) ~= "table" and not is_record(value) then return nil end
    value = value[math.tointeger(tonumber(step)) or step]
  end
  if value == json.null then return nil end
  return value
end

--- The kinds: function(p, state, page, value, answer) -> the query parameters of the next page as a list of { name, value },
--- or nil where the page was the last. `p` is the row's `paging`, `state` a table that the kind keeps for itself, with the
--- page's `size`; `page` is nil for the first page.
paging.kinds = {}

--- What a kind needs of the row's `paging` beside kind, limit and size.
paging.needs = { offset = { "offset" }, cursor = { "cursor" }, page = { "page" } }

-- Where an argument sets the size (`by`), that argument carries it in every request.
local function following(p, state, name, value)
  if p.by then return { { name, value } } end
  return { { name, value }, { p.limit, state.size } }
end

-- offset and limit: the next page begins behind all that came; it is the last where it is short, or where the answer's
-- links have no next one.
function paging.kinds.offset(p, state, page, value)
  if not page then return {} end
  state.offset = (state.offset or 0) + #page
  local more = #page >= state.size
  if p.next and type(value) ~= "boolean" and paging.by_path(value, "links") ~= nil then more = paging.by_path(value, p.next) ~= nil end
  if not more or #page == 0 then return nil end
  return following(p, state, p.offset, state.offset)
end

local function highest_id(page)
  local highest
  for _, entry in ipairs(page) do
    local id = paging.by_path(entry, "id")
    id = id and math.tointeger(tonumber(id))
    if id and (not highest or id > highest) then highest = id end
  end
  return highest
end

-- cursor: the entries whose ids come after it. Whether the answer's `next` is the last id of this page or the first of the
-- next is read both ways, so the smaller of it and the highest id that came is asked for: nothing is stepped over. The
-- last page is short, or its `next` does not move on; one that is longer than asked for is all there is.
function paging.kinds.cursor(p, state, page, value)
  if not page then return {} end
  if #page ~= state.size then return nil end
  local said = p.next and math.tointeger(tonumber(paging.by_path(value, p.next)))
  local highest = highest_id(page)
  local at = said and highest and math.min(said, highest) or said or highest
  if not at or at <= (state.cursor or 0) then return nil end
  state.cursor = at
  return following(p, state, p.cursor, at)
end

-- page: pages by their numbers, from 1 on, each asked for by number and size. The last one is short or empty. A header that
-- counts the pages (`pages`) is no reason to stop, but one to go on: a server that gives smaller pages than it was asked
-- for would end the list with its first. Behind the pages that it counts, a refusal is the end, too.
function paging.kinds.page(p, state, page, _, answer)
  if page then
    local pages = p.pages and tonumber(answer.headers[p.pages])
    local more = #page >= state.size or pages and pages > state.page
    if not more or #page == 0 then return nil end
    state.behind = pages and pages <= state.page
  end
  state.page = (state.page or 0) + 1
  return following(p, state, p.page, state.page)
end

-- The entries of a list that is a view of the answer's record.
local function records_of(client, row, list)
  local ndjson, page = require "sluice.ndjson", {}
  for record in ndjson.elements(list) do
    if ndjson.bad(record) then
      err.raise { code = "protocol", api = client.name, operation = row.name, message = "an entry of the page is no object: " .. record.reason }
    end
    page[#page + 1] = record
  end
  return page
end

--- Whether it is a list: one of a record's, or a table.
function paging.is_list(value)
  if is_record(value) then return #value > 0 or tostring(value):sub(1, 1) == "[" end -- the text of a page is long
  return json.isarray(value)
end
local is_list = paging.is_list

local function list_in(client, row, value)
  if not row.result and not is_list(value) then
    err.raise {
      code = "protocol", api = client.name, operation = row.name, message = "the answer is no list",
      hint = "this is not what the API answers: is `base_url` right?",
    }
  end
  local page = row.result and paging.by_path(value, row.result) or not row.result and value or {}
  if is_record(page) then return is_list(page) and records_of(client, row, page) or { page } end
  if type(page) ~= "table" then return {} end
  if #page == 0 and next(page) ~= nil then return { page } end -- a single object instead of a list
  return page
end

local function repeated(client, row, count)
  err.raise {
    code = "protocol", api = client.name, operation = row.name,
    message = ("the page behind %d entries is the one before it again"):format(count),
    hint = "the server does not step on; the list is not complete",
  }
end

-- Where pages are numbers, an entry that is new at the front pushes another over to the next page, where it comes again.
-- Once is enough, unless it has changed in between.
local function without_pushed(state, page)
  local had, seen, fresh = state.had or {}, {}, {}
  for _, entry in ipairs(page) do
    local id = paging.by_path(entry, "id")
    local key = id and tostring(id) .. " " .. tostring(entry.updated_at)
    if key then seen[key] = true end
    if not key or not had[key] then fresh[#fresh + 1] = entry end
  end
  state.had = seen
  return fresh
end

local function is_refusal(problem)
  return err.is(problem) and (problem.status == 400 or problem.status == 404)
end

--- What the first page is asked for by, and the state that the kind keeps.
---@param row table the operation's row
---@param args? table
---@return table extra
---@return table state
function paging.first(row, args)
  local p = row.paging
  local state = { size = p.by and args and math.tointeger(tonumber(args[p.by])) or p.size }
  return paging.kinds[p.kind](p, state), state
end

--- An iterator over the entries of all pages.
---@param client table   for messages
---@param row table      the operation's row
---@param ask fun(extra: table): any, table    asks for a page: its decoded body, and the answer
---@param args? table    the caller's arguments, of which one may set the size of pages
---@return fun(): any
function paging.iterate(client, row, ask, args)
  local p, next_page, page, at, count, came, last = row.paging, paging.kinds[row.paging.kind], {}, 0, 0, 0, nil
  local extra, state = paging.first(row, args)
  local function turn()
    local ok, value, answer = pcall(ask, extra)
    if not ok and not (state.behind and is_refusal(value)) then error(value, 0) end
    if ok and answer.body == last and came > 0 then repeated(client, row, count) end
    page, at = ok and list_in(client, row, value) or {}, 0
    last, came, count = ok and answer.body, #page, count + #page
    extra = ok and next_page(p, state, page, value, answer)
    if p.page then page = without_pushed(state, page) end
  end
  return iterators.mark(function()
    while at >= #page do
      if not extra then return nil end
      turn()
    end
    at = at + 1
    return page[at]
  end)
end

return paging
