---@meta sluice.process
--- Other programs, run without a shell; this process's signals and what it tells its supervisor.
---
---     local child <close> = assert(process.spawn { argv = { "sluice", "run", "delta.lua" }, memory = 512 << 20 })
---     for stream, text in child.line, child do print(stream, text) end
---     print(child:wait().status)

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

--- A program that runs beside us, in a process group of its own.
---@class sluice.process.Child
---@field pid integer also the number of its group
local Child = {}

--- The next line that it prints, without its end; nil once both outputs have ended. A line of more than 16 KiB comes in
--- pieces (no character is cut). A program that prints faster than it is read has to wait. Where the program has ended
--- and something that it started still holds an output, the end comes `linger` seconds later. One task at a time. (waits)
---@return "out"|"err"|nil stream
---@return string? text
---@return boolean? more true where this is a piece and the line goes on
function Child:line() end

--- Waits for the program's end, whatever becomes of its outputs; any number of tasks, any number of times. (waits)
---@return { status: integer, signal?: integer } result status is 128 + signal where a signal ended it
function Child:wait() end

--- Sends a signal to the whole group, also behind the program's own end.
---@param number integer 15 (TERM), 9 (KILL), …
---@return boolean? sent false once it is closed
---@return sluice.Error? err
function Child:signal(number) end

--- Kills what is left of the group and forgets it; `wait` and `line` that are under way raise `cancelled`. The collector
--- and `local child <close>` do it as well.
function Child:close() end

---@class sluice.process.SpawnOptions
---@field argv string[] the program (looked for in PATH where it has no `/`) and its arguments
---@field cwd? string folder
---@field env? table<string, string|false> names and values beside our environment; false takes a name away
---@field keep? integer[] descriptors (3 and more) that it has too, under the same numbers; no other ones
---@field memory? integer bytes of data that it may have (RLIMIT_DATA)
---@field death_signal? boolean it gets SIGTERM when this process ends, however that happens
---@field linger? number seconds that outputs may stay open behind its end (2), where something it started has them

--- Starts a program and does not wait for it. Its standard input is empty, its outputs come by `Child:line`; what a
--- supervisor told us (NOTIFY_SOCKET, …) is kept from it.
---@param options sluice.process.SpawnOptions
---@return sluice.process.Child?
---@return sluice.Error? err `not_found` (no such program or folder), `state`
function process.spawn(options) end

--- Sends a signal to a process group that is not a child of ours (0 only asks whether it is there).
---@param pid integer number of the group, 2 or more
---@param number integer
---@return boolean? sent false where there is no such group
---@return sluice.Error? err `forbidden` where it is somebody else's
function process.kill_group(pid, number) end

--- Sends a signal to one process (0 only asks whether it is there).
---@param pid integer 2 or more
---@param number integer
---@return boolean? sent false where there is no such process
---@return sluice.Error? err `forbidden` where it is somebody else's
function process.kill(pid, number) end

--- The signals that this process has subscribed to; called, it waits for the next one. (waits)
---@class sluice.process.Signals
---@overload fun(): "HUP"|"USR1"|"TERM"|"INT"|nil
local Signals = {}

--- Ends the subscription; a call that waits gives nil. Signals do again what they did before.
function Signals:close() end

--- From now on HUP, USR1, TERM and INT are values that a task takes, in the order in which they came, and do nothing
--- else: no sleep ends, `task.stopping()` stays nil, a second TERM does not end the process. One subscription at a time.
---
---     for signal in process.signals() do if signal == "TERM" then break end end
---@return sluice.process.Signals
function process.signals() end

--- Tells the supervisor (systemd's `Type=notify`) how we are: `READY=1`, `RELOADING=1`, `STOPPING=1`, `WATCHDOG=1`,
--- `STATUS=…`, several in lines of one text. RELOADING=1 gets the MONOTONIC_USEC that it needs.
---@param text string
---@return boolean? sent false where nobody has asked for it (no NOTIFY_SOCKET)
---@return sluice.Error? err `state` where the socket does not take it
function process.notify(text) end

--- Seconds after which the supervisor gives us up without a WATCHDOG=1 (WATCHDOG_USEC, for this process); tell it twice
--- as often.
---@return number? seconds nil where there is no watchdog
function process.watchdog() end

--- The value of an environment variable, which is taken away: programs that are started from here do not have it.
---@param name string
---@return string? value
function process.take_env(name) end

--- The number of this process; 1 is the first of a container.
---@return integer
function process.pid() end

--- From now on processes that descend from us and have lost their parent are ours, and are waited for when they end. The
--- first process of a container (`pid() == 1`) has them anyway, and without this they stay as zombies. Not for a process
--- that uses `io.popen` or `os.execute`: their programs would be waited for here too.
function process.adopt_orphans() end

return process
