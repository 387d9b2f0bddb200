---@meta sluice.log
--- Log lines on standard error, as text or JSON, and the masks that keep secrets out of them.

local log = {}

--- One line at level error. Further arguments are put into the text as `string.format` does.
---@param area string short word: what part speaks
---@param format string
function log.error(area, format, ...) end

--- One line at level warn.
---@param area string
---@param format string
function log.warn(area, format, ...) end

--- One line at level info (shown with `-v`).
---@param area string
---@param format string
function log.info(area, format, ...) end

--- One line at level debug (shown with `-vv`).
---@param area string
---@param format string
function log.debug(area, format, ...) end

--- Whether lines of that level are written.
---@param level "error"|"warn"|"info"|"debug"
---@return boolean
function log.on(level) end

--- What is written. Unset fields go back to `warn` and `text`.
---@param options { level?: "error"|"warn"|"info"|"debug", format?: "text"|"json" }
function log.setup(options) end

--- Text to standard error as it is, secrets masked.
---@param text string
function log.print(text) end

--- The line that stays below the log lines of a terminal (the progress bar), or several with line breaks between, each
--- narrower than the terminal; "" takes them away.
---@param lines string
function log.status(lines) end

--- Registers a secret: from now on it is masked raw, URL-encoded, JSON-escaped and in base64.
---@param text string
---@return boolean registered false where it has fewer than 4 bytes
function log.secret(text) end

--- The text with every secret replaced by `***`.
---@param text string
---@return string
function log.mask(text) end

--- The first `max` bytes of somebody's answer as people may see them: without secrets, and without names, addresses,
--- e-mail addresses and phone numbers of orders. What the end cuts in two is masked too.
---@param text string
---@param max? integer
---@return string
function log.body(text, max) end

return log
