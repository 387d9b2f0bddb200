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

--- A bucket for a rate: `"30/s"`, `"60/min"`, `"1/5min"`, `"5/s burst 50"`, several with commas between. Paced one percent
--- under it. Raises a `config` error for text that is no rate.
---@param rates string
---@return sluice.limit.Bucket
function limit.new(rates) end

--- What a rate's text means; the field `text` is its short form.
---@param text string
---@return sluice.limit.Rate[]?, sluice.Error? err code `config`
function limit.parse(text) end

--- A set of buckets, one per key.
---@param max integer its ceiling, up to 100000
---@return sluice.limit.Set
function limit.set(max) end

--- The bucket of that key, made where it is new. At the ceiling idle ones are forgotten; `limit` where there are none.
---@param key { host?: string, account?: string, class?: string, resource?: string }
---@param rates string
---@param now number
---@return sluice.limit.Bucket?, sluice.Error? err
function Set:bucket(key, rates, now) end

--- Takes a slot if there is one now.
---@param now number
---@return number seconds 0: taken, send now; else nothing was taken, ask again after so long
function Bucket:take(now) end

--- Takes the next slot and says when it is.
---@param now number
---@return number slot
function Bucket:reserve(now) end

--- At the time of a slot: may it go?
---@param slot number
---@param now number
---@return number seconds 0: send now; else how long to wait on
function Bucket:claim(slot, now) end

--- Gives the newest reservation back.
---@param slot number
---@param now number
---@return boolean
function Bucket:cancel(slot, now) end

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

--- The clock was stepped by so many seconds: the bucket follows.
---@param seconds number
function Bucket:shift(seconds) end

--- How it stands: `interval` between two sends now, `wait` for who comes now, `fill` (1 is full), `blocked` seconds after a
--- 429, `learnt` calls a second where headers said less than the definition.
---@param now number
---@return { rates: string, interval: number, wait: number, fill: number, blocked: number, learnt?: number }
function Bucket:state(now) end

return limit
