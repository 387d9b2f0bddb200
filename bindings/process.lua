---@meta sluice.process
--- Other programs, run without a shell.

local process = {}

---@class sluice.process.Result
---@field status integer exit status; 128 + signal where a signal ended it
---@field signal? integer
---@field stdout string
---@field stderr string

--- Runs a program and waits for its end. Its standard input is empty; Ctrl-C reaches it too. (waits)
--- Options: `argv` (program, looked for in PATH where it has no `/`, and arguments), `cwd` (folder), `timeout` (seconds,
--- then it is killed), `max_bytes` (of each output, default 16 MiB).
---@param options { argv: string[], cwd?: string, timeout?: number, max_bytes?: integer }
---@return sluice.process.Result? result whatever its status is
---@return sluice.Error? err `not_found` (no such program), `state`, `timeout`, `limit`
function process.run(options) end

--- The path of the program that would be run under a name.
---@param name string
---@return string? path
function process.find(name) end

return process
