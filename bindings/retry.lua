---@meta sluice.retry
--- What follows a failure, by hand: once more after so long, or give up as what. Calls to APIs do this on their own.
--- Times are seconds; nothing here looks at a clock.

local retry = {}

---@class sluice.retry.Budget
local Budget = {}

---@class sluice.retry.Case
---@field outcome "ok"|"partial"|"rejected"|"auth"|"limited"|"unavailable"|"ambiguous"
---@field code? string the failure's own code, kept where giving up says nothing better
---@field repeat_? "safe"|"unsafe"|"never_automatic" default safe
---@field sent? boolean any byte of the request may have left (default true)
---@field refreshed? boolean a login was made for this call already
---@field attempt? integer how many were made (default 1)
---@field now? number
---@field deadline? number on the clock of `now`
---@field hint? number seconds that the server asked for
---@field random? number in [0, 1)
---@field budget? sluice.retry.Budget
---@field attempts? integer most attempts (6)
---@field limited_attempts? integer the same for 429 (30)
---@field base? number first backoff (0.5)
---@field cap? number longest backoff (30)

--- The decision: `what` is "deliver", "again" (after `wait`), "refresh" (log in, then at once) or "give_up" (as `code`).
---@param case sluice.retry.Case
---@return { what: string, wait?: number, code?: string, reason: string }
function retry.decide(case) end

--- A retry budget: starts with 10 resends, earns a tenth per request up to 100, trickles back to 10 at one a second.
---@return sluice.retry.Budget
function retry.budget() end

--- A first attempt was made.
---@param now number
function Budget:earn(now) end

--- Takes one resend.
---@param now number
---@return boolean left
function Budget:spend(now) end

--- Seconds that a `Retry-After` header asks for (a number or a date), measured against the answer's `Date`.
---@param retry_after? string
---@param date? string the Date header; now stands for it where it is missing
---@param now number wall clock
---@param max number longest wait
---@return number? seconds
function retry.after(retry_after, date, now, max) end

--- The same for a reset header that is absolute Unix time.
---@param reset? string
---@param date? string
---@param now number
---@param max number
---@return number? seconds
function retry.reset(reset, date, now, max) end

return retry
