--- Stock2Shop's searches, of products and of orders, as keyset.lua asks for them: Elasticsearch arguments from its
-- queries, hits and rows from the answers. The index says what is found and in which order, the rows are what the shop
-- says now.
--
--   local search = searches.search(shop, { channel_id = 47 }, searches.orders)
--   local page = search { order = "newest", skip = 0, size = 1 }
--   page.rows["933302"].record

local errors = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"
local time = require "sluice.time"

local searches = {}

local TRIES = 3 -- of a search that is answered in part, or with what is none

--- What is searched: the operation, the list of its answer, words for messages, and whether a channel is a condition of
--- the query (else it is an argument, for roles that need one).
---@class sluice.searches.Source
---@field operation string
---@field list string
---@field what string
---@field one string
---@field by_channel? boolean

---@type sluice.searches.Source
searches.products = { operation = "search_products", list = "system_products", what = "products", one = "a product" }
---@type sluice.searches.Source
searches.orders = { operation = "search_orders", list = "system_orders", what = "orders", one = "an order", by_channel = true }

local last_second, last_text

--- A second as the searches write it.
---@param second integer
---@return string
function searches.text_of(second)
  if second ~= last_second then last_second, last_text = second, time.format(second, "sql") end
  return last_text
end

--- A time as the searches write it, in whole seconds; nil where it is none.
---@return integer?
function searches.second_of(text)
  local seconds = type(text) == "string" and time.parse(text)
  return seconds and seconds // 1 | 0 or nil
end

local ORDERS = {
  modified = { { modified = { order = "asc" } } },
  newest = { { modified = { order = "desc" } } },
  id = { { id = { order = "asc" } } },
}

--- The Elasticsearch arguments of a keyset's query.
---@param query sluice.keyset.query
---@param channel_id? any only those of this channel
---@return table args for the search
function searches.arguments(query, channel_id)
  local filter = {}
  if query.from or query.before then
    local from, before = query.from and searches.text_of(query.from), query.before and searches.text_of(query.before)
    filter[1] = { range = { modified = { gte = from, lt = before } } }
  end
  if query.above then
    filter[#filter + 1] = { range = { id = { gt = query.above:match "^%d+$" and math.tointeger(query.above) or query.above } } }
  end
  if query.ids then filter[#filter + 1] = { terms = { id = json.array(query.ids) } } end
  if channel_id ~= nil then filter[#filter + 1] = { term = { channel_id = channel_id } } end
  return {
    query = { bool = { filter = json.array(filter) } },
    sort = ORDERS[query.order], from = query.skip, size = query.size,
  }
end

local function protocol(source, message)
  errors.raise { code = "protocol", operation = source.operation, message = message }
end

local function unread(source, problem)
  errors.raise {
    code = "protocol", operation = source.operation, message = "the answer of the search is not JSON: " .. problem.message,
    hint = "nothing is lost, the cursor has not moved: run it again; if it stays so, the shop has to mend what it answers",
  }
end

-- Parts of an answer are taken as fields of one record, which looks over the whole text once.
local is_record, is_list = require("sluice.paging").is_record, require("sluice.paging").is_list

-- The index itself may answer in part, and says so under a 200.
local function in_part(answer)
  if answer.timed_out == true then return true end
  local shards = answer._shards
  local failed = is_record(shards) and shards.failed
  return type(failed) == "number" and failed > 0
end

-- The time of a hit: Elasticsearch gives milliseconds since 1970 as the value that it sorted by.
local function second_of_value(value)
  if type(value) == "number" then return value // 1000 | 0 end
  return searches.second_of(value)
end

local function second_of_hit(hit) return second_of_value(type(hit.sort) == "table" and hit.sort[1]) end

local function missing(source, path) protocol(source, ("the answer of the search has no list '%s'"):format(path)) end

-- The hits one by one, where the paths below have not all that there is of them.
local function hits_one_by_one(list, timed)
  local hits = ndjson.totable(list)
  for i, hit in ipairs(hits) do hits[i] = { id = tostring(hit._id), second = timed and second_of_hit(hit) or nil } end
  return hits
end

-- Each has an id and, where the search is by time, the value that it was sorted by.
local function hits_of(source, answer, timed)
  local list = is_record(answer.hits) and answer.hits.hits
  if not is_list(list) then missing(source, "hits.hits") end
  local ids, times = ndjson.get(list, "[*]._id"), timed and ndjson.get(list, "[*].sort[1]")
  if #ids ~= #list or (times and #times ~= #list) then return hits_one_by_one(list, timed) end
  local hits = {}
  for i, id in ipairs(ids) do hits[i] = { id = tostring(id), second = times and second_of_value(times[i]) or nil } end
  return hits
end

-- How many there are, as far as the index says: a number, or an object with one. Good for a progress bar.
local function total_of(answer)
  local total = answer.hits.total
  return math.tointeger(is_record(total) and total.value or total)
end

-- Records of what was found, byte for byte, by id, each with its own time of change.
local function rows_of(source, answer)
  local list = answer[source.list]
  local ok, records = pcall(ndjson.elements, is_record(list) and list)
  if not ok then missing(source, source.list) end
  local rows = {}
  for record in records do
    if not ndjson.bad(record) and record.id ~= nil then
      rows[tostring(record.id)] = { record = record, modified = searches.second_of(record.modified) }
    elseif not ndjson.bad(record) or record.raw ~= "null" then -- null would be a row that is gone
      protocol(source, ("the answer of the search has %s without an id"):format(source.one))
    end
  end
  return rows
end

-- Records with bytes that no JSON may have, which are for the dead letters: as rows, with what is wrong and their bytes.
-- Each must be that of a hit, or a hit would be without its row, which means that it is no more.
local function broken_rows(source, page, broken, problem)
  local hit_ids = {}
  for _, hit in ipairs(page.hits) do hit_ids[hit.id] = true end
  for _, one in ipairs(broken) do
    local record = not ndjson.bad(one.record) and one.record
    local id = record and tostring(record.id)
    if not hit_ids[id] then unread(source, problem) end
    page.rows[id] = { record = record, modified = searches.second_of(record.modified), bad = one.reason, raw = one.raw }
  end
  return page
end

--- A page of the search from its answer: hits in the index's order, rows by id. Nil where the index answered only in part.
---@param body string
---@param timed boolean whether the hits' sort values are times
---@param last? boolean it was asked for often enough: single broken records are rows with `bad`, not a broken answer
---@param source? sluice.searches.Source that of products unless given
---@return sluice.keyset.page?
function searches.page(body, timed, last, source)
  source = source or searches.products
  local answer, problem = ndjson.record(body)
  local broken = {}
  if not answer then
    if last then answer, broken = require("sluice.salvage").read(body, source.list) end
    if not answer then unread(source, problem) end
  end
  if in_part(answer) then return nil end
  return broken_rows(source, { hits = hits_of(source, answer, timed), rows = rows_of(source, answer), total = total_of(answer) },
    broken, problem)
end

-- Asks once. The answer's text is a megabyte, and its record another: they go before they count as old, or they would stay.
local function page_of(client, source, wanted, timed, last)
  local ok, page = pcall(searches.page, (client[source.operation](client, wanted)), timed, last, source)
  collectgarbage "step"
  return ok, page
end

--- The search of a Stock2Shop client as keyset.lua asks for it.
---@param client sluice.Client
---@param args? { channel_id?: any }
---@param source? sluice.searches.Source that of products unless given
---@return fun(query: sluice.keyset.query): sluice.keyset.page
function searches.search(client, args, source)
  source = source or searches.products
  local channel_id = args and args.channel_id
  return function(query)
    local wanted, problem = searches.arguments(query, source.by_channel and channel_id or nil), nil
    wanted.raw = true
    if not source.by_channel then wanted.channel_id = channel_id end
    for try = 1, TRIES do
      local ok, page = page_of(client, source, wanted, query.order ~= "id", try == TRIES)
      task.step "page"
      if ok and page then return page end
      problem = not ok and page or nil
    end
    if problem then error(problem, 0) end
    errors.raise { code = "unavailable", api = client.name, operation = source.operation, retryable = true,
      message = ("the search index answered only in part, %d times in a row"):format(TRIES) }
  end
end

--- The row's own time and its digest.
function searches.describe(row)
  return row.modified, row.raw and require("sluice.crypto").sha1(row.raw) or ndjson.fingerprint(row.record)
end

return searches
