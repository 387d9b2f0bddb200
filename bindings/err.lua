---@meta sluice.err
--- The one error value: a table that is also text (`tostring(e)`, `"failed: " .. e`). Iterators, API clients and helpers
--- raise it; the low-level modules return `nil, e`. `pcall` gives it back as it is.

---@alias sluice.ErrorCode
---| "usage"|"config"|"invalid"|"auth"|"forbidden"|"not_found"|"conflict"|"limit"|"unavailable"|"network"
---| "timeout"|"tls"|"protocol"|"ambiguous"|"partial"|"stalled"|"locked"|"cancelled"|"state"|"internal"

---@class sluice.Error
---@field code sluice.ErrorCode
---@field message string what went wrong and where, in one line, without secrets
---@field status? integer HTTP status of the answer
---@field api? string connection name
---@field operation? string operation name
---@field body? string head of the server's error body, masked
---@field retryable boolean the same request may succeed later, and repeating it is safe
---@field retry_after? number seconds, where the server gave a hint
---@field hint? string what to do about it
---@field where? string file:line of the recipe that was at work

local err = {}

--- Makes an error value of a table with the fields above. An unknown field or code is a usage error.
---@param fields table
---@return sluice.Error
function err.new(fields) end

--- Makes an error value and raises it.
---@param fields table
function err.raise(fields) end

--- Whether a value is an error value.
---@param value any
---@return boolean
function err.is(value) end

--- All codes.
---@return string[]
function err.codes() end

--- The text of the list that is nearest to a word, or nil where none is near: for "did you mean".
---@param word string
---@param list string[]
---@return string?
function err.nearest(word, list) end

return err
