--- What became of a write whose answer did not come: when to look for it, and what looking has proven. Pure: what was seen and
--- times in, decisions out. All times are seconds of a clock that never steps (time.mono).
---
--- A search that finds the record settles it at once. One that does not proves nothing until the index had its time: two
--- negative searches in a row, not before `settle_after` has passed since the last request was over and `gap` apart, are absence. Where the
--- API's queue can be looked at, the write must have gone through it first: what the queue gives up, the index shows later still.
local by_path = require("sluice.paging").by_path

local settling = {}

-- When to look while a negative answer says nothing yet, as parts of settle_after.
local EARLY = { 0.02, 0.1, 0.3, 0.6, 1 }

--- The options in full. `lag`: how long the index may take.
---@param o { settle_after?: number, gap?: number, deadline?: number }
---@param index_lag? number seconds that the search may lag behind
---@return { settle_after: number, gap: number, deadline: number, lag: number }
function settling.options(o, index_lag)
  local after = o.settle_after or 2 * (index_lag or 120)
  local gap = o.gap or math.max(after / 8, 0.05)
  return { settle_after = after, gap = gap, deadline = o.deadline or 2 * after + 4 * gap + 60, lag = after / 2 }
end

--- A settling that begins now. A request of ours has just ended. One of a process that is dead was over by now, and by its
--- timeout: up to then the server may have taken it. Searches of an earlier process don't count: much may have come to light since.
---@param now number
---@param age? number of another process's row: seconds since its send
---@param timeout? number seconds that a request takes at most
---@return table at { ended, negatives, started, looked?, queued?, drained? }
function settling.begin(now, age, timeout)
  return { ended = age and math.min(now - age + timeout, now) or now, negatives = 0, started = now }
end

-- When the next look is worth it.
local function next_look(at, o)
  if not at.looked then return at.ended + EARLY[1] * o.settle_after end
  local age = at.looked - at.ended
  for _, part in ipairs(EARLY) do
    if age < part * o.settle_after then return at.ended + part * o.settle_after end
  end
  return at.looked + o.gap
end

--- What to do: "look", "wait" (until the time that comes with it), "resend" (its absence is proven), or "give up" (past the
--- deadline).
---@param at table of `begin`
---@param now number
---@param o table of `options`
---@return "look"|"wait"|"resend"|"give up" action
---@return number? at
function settling.plan(at, now, o)
  if at.negatives >= 2 then return "resend" end
  local next = next_look(at, o)
  local late = next > at.started + o.deadline
  if late and at.looked then return "give up" end
  if late or now >= next then return "look" end
  return "wait", next
end

--- What a look at the queue says: true it is empty, false it is not, nil it can't be read. An empty queue says something about
--- the write when the write must have been in it.
---@param at table
---@param empty boolean?
---@param now number
---@param o table
function settling.queue(at, empty, now, o)
  if empty ~= nil then at.queued = true end
  if empty and not at.drained and now >= at.ended + o.settle_after - o.lag then at.drained = now end
end

--- Whether a search that begins now counts as one of the two where it finds nothing.
---@return boolean
function settling.counts(at, now, o)
  if at.queued and not (at.drained and now >= at.drained + o.lag) then return false end
  return now >= at.ended + o.settle_after
end

--- A value as the text that keys are compared as: 47, 47.0 and "47" are the same.
---@return string
function settling.as_text(value)
  return tostring(math.type(value) == "float" and math.tointeger(value) or value)
end

local function fill(value, values)
  if type(value) == "string" then
    local whole = value:match "^{([%w_]+)}$"
    if whole then return values[whole] end
    return (value:gsub("{([%w_]+)}", function(name) return values[name] and tostring(values[name]) end))
  elseif type(value) ~= "table" then
    return value
  end
  local copy = {}
  for k, v in pairs(value) do copy[k] = fill(v, values) end
  return copy
end

--- What the record is looked for by: the write's own argument at the path `by` of the row's `settle`, else the outbox's key.
--- Nil where the write has none: then it can't be found, whether it was done or not.
---@param settle table
---@param key string
---@param args table of the write
---@return string?
function settling.wanted(settle, key, args)
  if not settle.by then return key end
  local value = by_path(args, settle.by)
  if value == nil or value == "" or type(value) == "table" then return nil end
  return settling.as_text(value)
end

--- The arguments of the searches, one after the other: `settle.args` of the operation's row with `{key}`, what is looked for, and
--- the write's own arguments put in; once more with those of `again` in their place, where the first search does not see all.
---@param settle table
---@param wanted string
---@param args table of the write
---@return table[]
function settling.arguments(settle, wanted, args)
  local values = { key = wanted }
  for name, value in pairs(args) do
    if values[name] == nil then values[name] = value end
  end
  local list = { fill(settle.args or {}, values) }
  if settle.again then
    list[2] = fill(settle.args or {}, values)
    for name, value in pairs(fill(settle.again, values)) do list[2][name] = value end
  end
  return list
end

-- Whether the text stands at a path; "sellables[*].sku_code" is that of any entry of the list.
local function has(value, path, wanted)
  local list, rest = path:match "^(.-)%[%*%]%.(.+)$"
  if not list then return settling.as_text(by_path(value, path)) == wanted end
  local entries = by_path(value, list)
  for _, entry in ipairs(type(entries) == "table" and entries or {}) do
    if has(entry, rest, wanted) then return true end
  end
  return false
end

local function is_it(settle, entry, wanted, args)
  if not has(entry, settle.match, wanted) then return false end
  for path, arg in pairs(settle.also or {}) do
    local theirs = by_path(entry, path)
    if theirs ~= nil and args[arg] ~= nil and settling.as_text(theirs) ~= settling.as_text(args[arg]) then return false end
  end
  return true
end

--- The entry of a search's answer that is the record: the one that has what is looked for at `match`, and whose `also` fields
--- are those of the write; false where there is none, nil where that can't be told: no list, or one that is cut. `part`: some of what
--- the search found is missing in the list, so that not finding says nothing this time.
---@param settle table
---@param result any the search's answer
---@param wanted string
---@param args table of the write
---@return table|false|nil found
---@return boolean? part
function settling.find(settle, result, wanted, args)
  local list = settle.list and by_path(result, settle.list) or result
  if type(list) ~= "table" then return nil end
  for _, entry in ipairs(list) do
    if is_it(settle, entry, wanted, args) then return entry end
  end
  if settle.most and #list >= settle.most then return nil end
  local whole = settle.whole and by_path(result, settle.whole)
  return false, type(whole) == "table" and #whole > #list or nil
end

--- The arguments of a write with those that the connection gives: whoever sends it again later must not take others. Secrets stay
--- with the connection.
---@param row table the operation
---@param args table
---@param options table the connection's keys
---@return table
function settling.bind(row, args, options)
  local all = {}
  for name, value in pairs(args) do all[name] = value end
  for _, arg in ipairs(row.args or {}) do
    if arg.from == "connection" and all[arg.name] == nil and arg.type ~= "secret" then all[arg.name] = options[arg.key or arg.name] end
  end
  return all
end

--- What tells records of one key apart, as text: arguments that are a part of the path, and those that `settle.also` names
--- ("channel_id=47").
---@param row table the operation
---@param args table of `bind`
---@return string
function settling.scope(row, args)
  local named, parts = {}, {}
  for _, arg in pairs(row.settle and row.settle.also or {}) do named[arg] = true end
  for _, arg in ipairs(row.args or {}) do
    local value = args[arg.name]
    local counts = named[arg.name] or row.path:find("{" .. arg.name .. "}", 1, true)
    if counts and value ~= nil and type(value) ~= "table" then parts[#parts + 1] = arg.name .. "=" .. settling.as_text(value) end
  end
  return table.concat(parts, " ")
end

return settling
