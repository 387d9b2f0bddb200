--- Asks an API what became of a write (sluice.outbox): is it there, is the queue in front of it empty, and would the search find
--- it if it were there.
---
--- A box is { client, row, resolve?, drained?, store?, host?, options? }: the outbox itself, or what `sluice outbox settle` has.
local by_path = require("sluice.paging").by_path
local errors = require "sluice.err"
local json = require "sluice.json"
local settling = require "sluice.settling"

local asking = {}

local CONTROLS, CONTROLS_LOOKED_AT = 3, 20
asking.BY_PERSON = "settled by a person"

--- Whether there is anybody to ask.
function asking.possible(box) return (box.resolve or box.row.settle) ~= nil end

local function whole(result)
  if type(result) ~= "function" then return result end
  local all = {} -- an operation with pages
  for entry in result do all[#all + 1] = entry end
  return all
end

--- Evidence, false where it is not there, nil where nothing can be said: by the recipe's function, else by the operation's
--- row. `part`: some of what was found was not shown. (waits)
---@param box table
---@param key string
---@param args table of the write
---@param row sluice.OutboxRow
---@return any found
---@return boolean? part
function asking.look(box, key, args, row)
  if box.resolve then return box.resolve(key, args, row) end
  local s = box.row.settle
  local wanted, hidden = settling.wanted(s, key, args), nil
  if not wanted then return nil end
  for _, search in ipairs(settling.arguments(s, wanted, args)) do
    local found, part = settling.find(s, whole(box.client:call(s.operation, search)), wanted, args)
    if found ~= false then return found end
    hidden = hidden or part
  end
  return false, hidden
end

local unreadable = { auth = true, forbidden = true, not_found = true, usage = true }

--- Whether the queue is empty: by the recipe's function, else by what the operation's row names; nil where it can't be read.
--- (waits)
---@return boolean?
function asking.drained(box)
  if box.drained then
    return box.drained()
  end
  local d = box.row.settle and box.row.settle.drained
  if not d then return nil end
  local ok, summary = pcall(box.client.call, box.client, d.operation, d.args or {})
  if not ok and errors.is(summary) and unreadable[summary.code] then return nil end
  if not ok then error(summary, 0) end
  local count = d.count and by_path(summary, d.count) or require("sluice.wait_queue").count(summary)
  count = type(count) == "table" and #count or tonumber(count)
  return count and count <= 0 -- nil where there is no number in it
end

-- Writes that are certainly there, as long as the index needs: the newest ones.
local function controls(box, row)
  local list = {}
  local filter = { state = "confirmed", host = row.host, account = row.account, operation = row.operation, scope = row.scope,
    newest = true, most = CONTROLS_LOOKED_AT }
  for _, one in ipairs(box.store:outbox_rows(filter)) do
    local sure = one.body and one.note ~= asking.BY_PERSON and (one.age or 0) >= box.options.settle_after
    if sure and #list < CONTROLS then list[#list + 1] = one end
  end
  return list
end

--- The key of a write that is certainly there and that the search does not find: then it proves nothing about another one. A key
--- that is not what the API knows the record by, a role that sees nothing, an index that stands still look like absence. Nil where
--- one of them is found, and where there is none yet. (waits)
---@param box table with store and options
---@param row sluice.OutboxRow the write that it is about
---@return string? key
function asking.blind(box, row)
  local blind
  for _, one in ipairs(controls(box, row)) do
    local found = asking.look(box, one.key, json.decode(one.body), one)
    if found then return nil end
    if found == false then blind = blind or one.key end
  end
  return blind
end

return asking
