---@meta sluice.cron
--- When a schedule is due: cron texts with zones, `H` and rules for clock changes, and intervals. It waits for nothing and
--- reads no clock: times go in, times come out, as whole seconds since 1970 UTC. Neither the machine's zone nor `TZ` has a say.
---
---     local spec = assert(cron.parse("TZ=Europe/Berlin\nH 2,6 * * 1-5", { name = "delta" }))
---     local due = spec:next(time.now())
---     print(spec:format(due))                    -- 2026-11-30T02:17:00+01:00
---
--- The grammar and every rule: docs/schedules.md.

local cron = {}

---@class sluice.CronSpec
---@field empty boolean it never runs: the text has no lines
---@field zone string name of its zone; "UTC" for intervals
---@field interval? integer seconds, of `every`
local Spec = {}

---@class sluice.CronChange
---@field at integer what is `moved` or `merged` runs then, `first_only` too; for `skipped` and `both` the instant of the change
---@field kind "moved"|"merged"|"skipped"|"first_only"|"both"
---@field text string a sentence for people
---@field locals string[] the local times that are missing or come twice ("2026-03-29T02:30"), the first 10 of them
---@field count integer how many there are

---@class sluice.cron.Error: sluice.Error
---@field line integer from 1
---@field column integer from 1, in characters
---@field reason string the message without the place

--- Reads a cron text. `name` is the schedule's: `H` stands for values that come from it.
---@param text string
---@param options? { name?: string, zone?: string } zone: where the text has no `TZ=` line (default "UTC")
---@return sluice.CronSpec?
---@return sluice.cron.Error? err code `config`; it says where, why and what to write instead
function cron.parse(text, options) end

--- Every so many seconds, counted from 1970 in real time, shifted by the hash of the name.
---@param seconds integer from 1 to 100 years
---@param options? { name?: string }
---@return sluice.CronSpec
function cron.every(seconds, options) end

--- The next due time, strictly later.
---@param after number
---@return integer? time nil: none before the year 10000, or for 400 years
function Spec:next(after) end

--- The next due times, `count` at most.
---@param after number
---@param count integer up to 1,000,000
---@return integer[]
function Spec:times(after, count) end

--- How many due times lie in (after, upto], the first and the last of them. Days are counted, not minutes.
---@param after number
---@param upto number
---@return integer count
---@return integer? first
---@return integer? last
function Spec:count(after, upto) end

--- The newest `n` due times of (after, upto], in ascending order.
---@param after number
---@param upto number
---@param n integer up to 1,000,000
---@return integer[]
function Spec:last(after, upto, n) end

--- What the clock changes of (after, upto] do to the due times: one entry for each kind of effect a change has.
---@param after number
---@param upto number
---@return sluice.CronChange[]
function Spec:changes(after, upto) end

--- What it means, in English: `{ "at 02:17 and 06:17, from Monday to Friday" }`, an entry a line of the text.
---@return string[]
function Spec:describe() end

--- A time in the spec's zone: `2026-03-29T03:00:00+02:00`.
---@param time number
---@return string
function Spec:format(time) end

return cron
