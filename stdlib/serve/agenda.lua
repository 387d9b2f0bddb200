--- When which item is looked at next. Many are due at the same time, so that each time has one list.
---
---   agenda:put(item, at)            -- item.at is the one that holds, an earlier entry is passed over
---   local at, items = agenda:first()
---   agenda:take()                   -- those items, which are on it no more
local heap = require "sluice.serve.heap"

local Agenda = {}
Agenda.__index = Agenda

local agenda = {}

--- An empty one.
---@return table
function agenda.new()
  return setmetatable({ times = heap.new(function(a, b) return a < b end), lists = {} }, Agenda)
end

--- From now on it is looked at then, and not before.
---@param item { at?: number }
---@param at number
function Agenda:put(item, at)
  local list = self.lists[at]
  if not list then
    list = {}
    self.lists[at] = list
    self.times:push(at)
  end
  list[#list + 1], item.at = item, at
end

-- Passed-over entries at its end go, so that a list that is not empty has one that holds.
local function trim(list, at)
  while list[1] and list[#list].at ~= at do list[#list] = nil end
  return #list > 0
end

--- The next time, and the list of its items, in which some may be for another time by now (their `at` says so). nil: none.
---@return number? at
---@return table[]? items
function Agenda:first()
  local at = self.times:top()
  while at and not trim(self.lists[at], at) do
    self.lists[self.times:pop()] = nil
    at = self.times:top()
  end
  return at, self.lists[at]
end

--- Takes the items of the next time.
---@return table[]
function Agenda:take()
  local at, list = self:first()
  if not at then return {} end
  self.times:pop()
  self.lists[at] = nil
  local items = {}
  for _, item in ipairs(list) do
    if item.at == at then items[#items + 1], item.at = item, nil end
  end
  return items
end

return agenda
