--- Rejected records that are met one after the other, without waiting in between or before anything of theirs is sent: they go
--- into the run's dead letters together, as one durable transaction. One alone goes as run:reject has it, which costs less.
---
---     local rejects <close> = rejecting.of(run)
---     rejects:add(raw, "too large", { line = 3 })
---     rejects:put()                                  -- they are counted and in the file
---
--- A run has one list, so the file has them in the order in which they were met: what run:reject takes at once puts first what
--- waits here, and so does a run that fails. The list holds so many at most: more are put by `add`.
local rejecting = {}

local MOST, MOST_BYTES = 10000, 8000000

---@class sluice.Rejects
local Rejects = {}
Rejects.__index = Rejects

--- The run's list.
---@param run sluice.Run
---@return sluice.Rejects
function rejecting.of(run)
  local self = run.rejects
  if self then return self end
  self = setmetatable({ run = run, raws = {}, reasons = {}, extras = {}, bytes = 0 }, Rejects)
  run.rejects = self
  run:on_failure(function() self:put() end)
  return self
end

--- Notes one; the parameters are those of run:reject.
---@param raw string
---@param reason string
---@param extra? table
function Rejects:add(raw, reason, extra)
  local n = #self.raws + 1
  self.raws[n], self.reasons[n], self.extras[n] = raw, reason, extra or false
  self.bytes = self.bytes + #raw
  if n >= MOST or self.bytes >= MOST_BYTES then self:put() end
end

--- Rejects what was added. Nothing where there is none.
function Rejects:put()
  local raws, reasons, extras, run = self.raws, self.reasons, self.extras, self.run
  if #raws == 0 then return end
  self.raws, self.reasons, self.extras, self.bytes = {}, {}, {}, 0
  if #raws == 1 then return run:reject(raws[1], reasons[1], extras[1] or nil) end
  run:reject_together(function()
    for i = 1, #raws do run:reject(raws[i], reasons[i], extras[i] or nil) end
  end)
end

Rejects.__close = Rejects.put

return rejecting
