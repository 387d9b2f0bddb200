---@meta sluice.time
--- Clocks, and times as the APIs write them.

local time = {}

--- The wall clock.
---@return number seconds since 1970 UTC
function time.now() end

--- A clock for durations: never steps, counts the time a machine was suspended.
---@return number seconds
function time.mono() end

--- CPU time of this process (user and system).
---@return number seconds
function time.cpu() end

--- Peak resident memory of this process.
---@return integer bytes
function time.peak_bytes() end

--- Parses `2021-01-05 08:25:04` (UTC), RFC 3339 with any offset (`+0000` too), `2021-01-05` and HTTP dates; as `day`
--- `31/01/2018`, day first, and nothing else.
---@param text string
---@param form? "any"|"day" default `any`
---@return number? seconds since 1970 UTC, an integer where there is no fraction
---@return sluice.Error? err code `invalid`
function time.parse(text, form) end

--- Prints a time in UTC.
---@param seconds number since 1970 UTC
---@param form? "rfc3339"|"sql"|"http"|"day" default `rfc3339`
---@return string
function time.format(seconds, form) end

--- For specs: what is added to both clocks.
---@param wall? number seconds
---@param mono? number seconds
function time.shift(wall, mono) end

--- For replays: from now on sleeps cost no time. Where nothing but timers is under way (no request, no program) both
--- clocks step to the next one.
---@param on boolean
function time.fly(on) end

return time
