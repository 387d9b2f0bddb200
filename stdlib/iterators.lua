--- Which functions are iterators that our own modules have made, so that the prompt can tell them from other functions.
--- Weak: nothing is kept alive.
---
---     return iterators.mark(function() … end)
local iterators = {}

local made = setmetatable({}, { __mode = "k" })

--- Marks a function as an iterator.
---@generic F: function
---@param fn F
---@return F fn
function iterators.mark(fn)
  made[fn] = true
  return fn
end

-- The iterator of ndjson is a C function that holds its reader.
local function holds_reader(fn)
  for i = 1, 3 do
    local name, value = debug.getupvalue(fn, i)
    if not name then return false end
    local meta = type(value) == "userdata" and debug.getmetatable(value)
    if meta and rawget(meta, "__name") == "sluice.ndjson.reader" then return true end
  end
  return false
end

--- Whether a value is an iterator over entries or records.
---@param value any
---@return boolean
function iterators.is(value)
  if type(value) ~= "function" then return false end
  return made[value] or debug.getinfo(value, "S").what == "C" and holds_reader(value) or false
end

return iterators
