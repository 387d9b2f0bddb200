---@meta sluice.limit
--- Rate buckets by hand (GCRA), for what a script wants to pace itself; calls to APIs pass theirs on their own.
--- Times are seconds of one clock of the caller's choice, `time.mono()` mostly.
---
---     local bucket = limit.new "30/s"
---     local wait = bucket:take(time.mono())
---     while wait > 0 do task.sleep(wait); wait = bucket:take(time.mono()) end

local limit = {}

---@class sluice.limit.Rate
---@field count integer
---@field window number seconds
---@field burst integer how many at once, 1 unless it was said

---@class sluice.limit.Bucket
local Bucket = {}

---@class sluice.limit.Set
local Set = {}

---@class sluice.limit.Waiter
local Waiter = {}

---@class sluice.limit.Row how a budget stands: a bucket's state, and
---@field host string
---@field account string
---@field class string
---@field resource string
---@field from "definition"|"connection"|"learnt" where its rate comes from
---@field waiting integer how many stand in line
---@field sending integer requests under way
---@field sent integer slots taken
---@field limited integer answers 429
---@field waited number seconds that all have waited
---@field idle number seconds since it was asked last

--- A bucket for a rate: `"30/s"`, `"60/min"`, `"1/5min"`, `"5/s burst 50"`, several with commas between. Paced one percent
--- under it. `"…, concurrent 1"`, how many may be under way at once, is kept by sets alone. Raises a `config` error for text that is no rate.
---@param rates string
---@return sluice.limit.Bucket
function limit.new(rates) end

--- What a rate's text means; the field `text` is its short form.
---@param text string
---@return sluice.limit.Rate[]?, sluice.Error? err code `config`
function limit.parse(text) end

--- Budgets, one per key, and those who wait for them: what calls of all processes share, by hand and with a clock of the
--- caller's own.
---@param max integer its ceiling, up to 100000
---@return sluice.limit.Set
function limit.set(max) end

--- How the budgets of this machine stand.
---@param folder? string default: the per-user folder
---@return sluice.limit.Row[]
function limit.shared(folder) end

--- Stands in the line for that key's budget, made where it is new. At the ceiling idle ones are forgotten; `limit` where
--- there are none.
---@param key { host?: string, account?: string, class?: string, resource?: string }
---@param rates string
---@param now number
---@param options? { owner?: integer, interactive?: boolean }
---@return sluice.limit.Waiter?, sluice.Error? err
function Set:join(key, rates, now, options) end

--- An owner is dead: all its places are free.
---@param owner integer
function Set:bury(owner) end

--- How its budgets stand.
---@param now number
---@return sluice.limit.Row[]
function Set:rows(now) end

--- Is it its turn?
---@param now number
---@return number seconds 0: the slot is taken, send now; else ask again after so long at most
---@return integer ahead how many are in the way, or were passed over
---@return boolean late they should have gone by now
function Waiter:ask(now) end

--- Out of the line, or done with sending.
function Waiter:leave() end

--- A header named the limit of its budget.
---@param count integer
---@param window number seconds
---@param now number
---@return boolean changed
function Waiter:learn(count, window, now) end

--- A 429: see `Bucket:penalty`.
---@param until_time number
---@param now number
function Waiter:penalty(until_time, now) end

--- Takes a slot if there is one now.
---@param now number
---@return number seconds 0: taken, send now; else nothing was taken, ask again after so long
function Bucket:take(now) end

--- A header named the limit. Never goes above what the bucket was made with.
---@param count integer
---@param window number seconds
---@param now number
---@return boolean changed
function Bucket:learn(count, window, now) end

--- A 429: nothing before `until_time`, and a wider spacing that recovers slowly.
---@param until_time number
---@param now number
function Bucket:penalty(until_time, now) end

--- How it stands: `interval` between two sends now, `wait` for who comes now, `fill` (1 is full), `blocked` seconds after a
--- 429, `learnt` calls a second where headers said less than the definition.
---@param now number
---@return { rates: string, interval: number, wait: number, fill: number, blocked: number, learnt?: number }
function Bucket:state(now) end

return limit
