---@meta sluice.poll
--- When to ask about which of many jobs that a server works on: intervals that grow, a deadline each. It asks nobody
--- itself. Times are seconds; `now` is `time.mono()` where it is left out.
---
---     local jobs = poll.new { terminal = { processed = "ok", failed = "failed" }, deadline = 600 }
---     jobs:add(batch_id)
---     while jobs:count() > 0 do
---       local id, wait = jobs:next()
---       if id then verdicts[id] = jobs:report(id, ask(id)) else task.sleep(wait) end
---     end

local poll = {}

---@class sluice.Poll
local Poll = {}

---@class sluice.poll.Pace
---@field start? number before the first question, and the shortest interval (1)
---@field factor? number from one interval to the next (1.5)
---@field cap? number the longest interval (30)
---@field jitter? number each interval is longer or shorter by up to this part (0.2)
---@field deadline? number from the adding on (3600); the last question falls on it

---@class sluice.poll.Options: sluice.poll.Pace
---@field terminal table<string, "ok"|"partial"|"failed"> the statuses that end a job; all others go on
---@field max? integer jobs at once (1,000,000)
---@field seed? integer of the jitter

--- An empty set of jobs.
---@param options sluice.poll.Options
---@return sluice.Poll
function poll.new(options) end

--- Adds a job under an id (any value but nil). Raises for one that is there already.
---@param id any
---@param pace? sluice.poll.Pace what is left out is the set's
---@param now? number
---@return boolean? ok, sluice.Error? err code `limit` at the ceiling
function Poll:add(id, pace, now) end

--- The job that is due; it comes up again only after its report. Otherwise nil and the time until one is; nil alone where
--- none waits (all are being asked about, or there are none).
---@param now? number
---@return any? id, number? wait
function Poll:next(now) end

--- What the server said; nil where the question failed. A verdict ends the job.
---@param id any
---@param status? string
---@param now? number
---@return ("ok"|"partial"|"failed"|"stalled")? verdict nil: it comes up again
function Poll:report(id, status, now) end

--- Forgets a job.
---@param id any
---@return boolean there
function Poll:remove(id) end

---@return integer jobs
---@return integer asked those that are being asked about
function Poll:count() end

return poll
