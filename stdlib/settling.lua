--- What became of a write whose answer did not come: when to look for it, and what looking has proven. Pure: rows, answers
--- and times in, decisions out.
---
--- A search that finds the record settles it at once. One that does not proves nothing until the index had its time: two
--- negative searches in a row, not before `settle_after` has passed since the last send and `gap` apart, are absence.
local by_path = require("sluice.paging").by_path

local settling = {}

-- When to look while a negative answer says nothing yet, as parts of settle_after.
local EARLY = { 0.02, 0.1, 0.3, 0.6, 1 }

--- The options in full.
---@param o { settle_after?: number, gap?: number, deadline?: number }
---@param index_lag? number seconds that the search may lag behind
---@return { settle_after: number, gap: number, deadline: number }
function settling.options(o, index_lag)
  local after = o.settle_after or 2 * (index_lag or 120)
  local gap = o.gap or math.max(after / 8, 0.05)
  return { settle_after = after, gap = gap, deadline = o.deadline or 2 * after + 4 * gap + 60 }
end

-- When the next look is worth it.
local function next_look(row, sent, o)
  if not row.looked or row.looked < sent then return sent + EARLY[1] * o.settle_after end
  local age = row.looked - sent
  for _, part in ipairs(EARLY) do
    if age < part * o.settle_after then return sent + part * o.settle_after end
  end
  return row.looked + o.gap
end

--- What to do with a row that is `sent` or `unknown`: "look", "wait" (until the time that comes with it), "resend" (its
--- absence is proven), or "give up" (past the deadline).
---@param row sluice.OutboxRow
---@param now number
---@param o table of `options`
---@param started number when its settling began
---@return "look"|"wait"|"resend"|"give up" action
---@return number? at
function settling.plan(row, now, o, started)
  if row.negatives >= 2 then return "resend" end
  local sent = math.min(row.sent or now, now) -- a clock that was set back
  local at = next_look(row, sent, o)
  if now >= at then return "look" end
  if at > started + o.deadline then return "give up" end
  return "wait", at
end

--- Whether a search that found nothing counts as one of the two.
---@return boolean
function settling.counts(row, now, o)
  return now >= math.min(row.sent or now, now) + o.settle_after
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

--- The arguments of the search for a key: `settle.args` of the operation's row with `{key}` and the write's own arguments
--- put in.
---@param settle table
---@param key string
---@param args table of the write
---@return table
function settling.arguments(settle, key, args)
  local values = { key = key }
  for name, value in pairs(args) do
    if values[name] == nil then values[name] = value end
  end
  return fill(settle.args or {}, values)
end

--- The entry of a search's answer that is the record: the one whose `match` is the key as text, and whose `also` fields are
--- those of the write; false where there is none, nil where that can't be told: no list, or one that is cut.
---@param settle table
---@param list any
---@param key string
---@param args table of the write
---@return table|false|nil
function settling.find(settle, list, key, args)
  if type(list) ~= "table" then return nil end
  for _, entry in ipairs(list) do
    local same = tostring(by_path(entry, settle.match)) == key
    for path, arg in pairs(settle.also or {}) do
      local theirs = by_path(entry, path)
      same = same and (theirs == nil or args[arg] == nil or tostring(theirs) == tostring(args[arg]))
    end
    if same then return entry end
  end
  if settle.most and #list >= settle.most then return nil end
  return false
end

return settling
