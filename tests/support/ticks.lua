-- A Spec as sluice.cron gives it, but of plain arithmetic: due each `step` seconds from `offset` on. For specs of what
-- becomes of due times, where which times they are must be plain to see.
local ticks = {}

local Ticks = {}
Ticks.__index = Ticks

function ticks.every(step, offset) return setmetatable({ step = step, offset = offset or 0 }, Ticks) end

--- One that is never due.
function ticks.never() return setmetatable({ empty = true }, Ticks) end

function Ticks:index(time) return (time - self.offset) // self.step end

function Ticks:next(after)
  if self.empty then return nil end
  return math.tointeger((self:index(after) + 1) * self.step + self.offset)
end

function Ticks:count(after, upto)
  if self.empty or upto <= after then return 0 end
  local count = math.tointeger(self:index(upto) - self:index(after))
  if count <= 0 then return 0 end
  return count, self:next(after), math.tointeger(self:index(upto) * self.step + self.offset)
end

function Ticks:last(after, upto, n)
  local count, _, last = self:count(after, upto)
  local list = {}
  for i = math.min(n, count) - 1, 0, -1 do list[#list + 1] = last - i * self.step end
  return list
end

function Ticks:times(after, count)
  local list = {}
  for i = 1, self.empty and 0 or count do list[i] = self:next(list[i - 1] or after) end
  return list
end

function Ticks:format(time) return "t" .. time end -- luacheck: ignore

return ticks
