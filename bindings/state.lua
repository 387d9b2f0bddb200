---@meta sluice.state
--- What survives a crash: where a feed is and what it has delivered, the ledger of runs, batches that a server works on,
--- login tokens. One file (SQLite), for several processes at once. Failures raise: `state` (full, damaged, not writable;
--- the message names the file and the cure), `locked`, `config`.
---
---     local store = state.open ".sluice/state.db"
---     local cursor = store:cursor { recipe = "delta", name = "products", account = "shop" }
---     if not cursor:seen(id, modified, digest) then send(); cursor:deliver(id, modified, digest) end
---     cursor:advance(position, keep_from)
---     cursor:commit()

local state = {}

---@class sluice.Store
local Store = {}

---@class sluice.Cursor
local Cursor = {}

---@class sluice.TokenLock
local TokenLock = {}

---@class sluice.NameLock
local NameLock = {}

--- Opens (makes) a store: a path, or `sqlite:PATH`. Folders and files it makes are private.
---@param path string
---@return sluice.Store
function state.open(path) end

--- Looks at a store's file, which must exist, without changing anything: its schema and the newest one that this program
--- knows. Raises `state` where it is damaged, another program's, or newer.
---@param path string
---@return { schema: integer, known: integer }
function state.look(path) end

--- Opens the per-user store that processes and projects share: `dir`, else `$XDG_STATE_HOME/sluice`, else
--- `~/.local/state/sluice`. Raises `state` where others can enter that folder.
---@param dir? string
---@return sluice.Store
function state.shared(dir) end

--- Closes it; cursors that are open on it lose what they have not committed.
function Store:close() end

---@return string path of the file
function Store:path() end

--- Opens a cursor and locks it until it is closed or the process ends; `locked` where another run has it.
---@param key { recipe: string, name: string, account?: string, key?: string, keep?: integer } `key`: the arguments that
--- make it another cursor, as one text; `keep`: how many deliveries are remembered (1,000,000)
---@return sluice.Cursor
function Store:cursor(key) end

--- Notes that a run has started. Secrets in `args` (text, or a table that is written as JSON) are masked.
---@param run { recipe: string, args?: string|table }
---@return integer id
function Store:run_start(run) end

---@class sluice.RunSums
---@field exit_code? integer
---@field error? any text, or the error value
---@field read? integer
---@field added? integer
---@field sent? integer
---@field unchanged? integer
---@field skipped? integer
---@field rejected? integer
---@field unknown? integer
---@field batches? integer
---@field requests? integer
---@field waited? number seconds
---@field peak_bytes? integer
---@field moved? integer cursors that it moved; nil where it had none
---@field delivered? string digest of what it delivered; nil where that was nothing
---@field outcomes? string requests by outcome, as JSON: {"ok":41,"limited":1}

--- Notes how it ended.
---@param id integer
---@param sums sluice.RunSums
---@return boolean
function Store:run_finish(id, sums) end

--- Whether the process of that run still has it.
---@param id integer
---@return boolean
function Store:run_alive(id) end

--- How many lines of the run's dead-letter file count, durably: called before a chunk goes into the file, and with the number behind
--- it to commit it. nil: all of them, whatever becomes of the run.
---@param id integer
---@param count? integer
---@return boolean
function Store:run_letters(id, count) end

---@class sluice.RunRow: sluice.RunSums
---@field letters? integer lines of its dead-letter file that count; what is behind them is a chunk that was not finished
---@field id integer
---@field state "running"|"finished"|"lost" lost: its process is gone and never said how it ended
---@field recipe string
---@field args string
---@field pid integer
---@field started number
---@field finished? number
---@field occurrence? integer what it is an attempt of
---@field schedule? string
---@field attempt? integer
---@field outcome? "ok"|"partial"|"failed"|"timed_out"|"lost"|"cancelled"|"stopped" what the daemon made of its end
---@field log? string path, in full

---@class sluice.RunFilter fields that are nil match all
---@field id? integer
---@field schedule? string
---@field occurrence? integer
---@field below? integer only lower ids
---@field most? integer default 20

--- The newest runs, with their sums where they have finished.
---@param filter? integer|sluice.RunFilter a number: so many
---@return sluice.RunRow[]
function Store:runs(filter) end

--- Notes a batch before it is polled for the first time; on disk when it returns. The same batch again keeps its id.
---@param batch { api: string, batch: string, run?: integer, account?: string, resource?: string, records?: integer, detail?: string }
---@return integer id
function Store:batch_put(batch) end

--- It has its verdict.
---@param id integer
---@param verdict string
---@return boolean
function Store:batch_done(id, verdict) end

---@class sluice.BatchRow
---@field id integer
---@field api string
---@field account string
---@field resource string
---@field batch string
---@field detail string
---@field records integer
---@field put number
---@field run? integer
---@field run_alive boolean the run that sent it is still at work

--- The batches without a verdict, oldest first.
---@param filter? { api?: string, account?: string, resource?: string }
---@return sluice.BatchRow[]
function Store:batches_open(filter) end

---@class sluice.CursorRow
---@field id integer
---@field recipe string
---@field name string
---@field account string
---@field key string the arguments that make it another cursor, as one text
---@field position? string
---@field remembered integer deliveries that are remembered
---@field committed? number
---@field locked boolean a living run has it open
---@field holder? integer the process of that run

--- All cursors, oldest first.
---@return sluice.CursorRow[]
function Store:cursors() end

--- Writes the store as it is now to a file, while others go on with it: complete and on disk, or not at all. Login tokens
--- are left out.
---@param path string
---@return boolean
function Store:export(path) end

--- Whether a chore was not done for so many seconds; if so it counts as done now, for all processes.
---@param name string
---@param seconds number
---@return boolean
function Store:chore_due(name, seconds) end

--- Forgets batches that had their verdict before a time.
---@param before number wall clock
---@return integer count
function Store:forget_batches(before) end

--- Forgets runs that ended before a time, but those with an open batch or a write that is not settled, and these ids.
---@param before number wall clock
---@param kept? integer[]
---@return integer count
function Store:forget_runs(before, kept) end

--- A lock by name that goes with the process; nothing where another has it.
---@param name string
---@return sluice.NameLock?
function Store:lock(name) end

function NameLock:close() end

--- Remembers ids (the keys of the table) as sent to a sink; those that are known stay as they are.
---@param sink string
---@param ids table<string, any>
---@return boolean
function Store:sent_add(sink, ids) end

--- Starts a sweep: what is not marked with its number afterwards has vanished from the source.
---@param sink string
---@return integer mark
function Store:sent_sweep(sink) end

--- The source still has these.
---@param sink string
---@param mark integer
---@param ids table<string, any>
---@return boolean
function Store:sent_mark(sink, mark, ids) end

---@param sink string
---@param mark integer
---@return integer all ids of the sink
---@return integer vanished those without the mark
function Store:sent_count(sink, mark) end

--- The first id behind `after` (by bytes) that is without the mark.
---@param sink string
---@param mark integer
---@param after string
---@return string? id
function Store:sent_vanished(sink, mark, after) end

--- Forgets ids that the sink no longer has.
---@param sink string
---@param ids table<string, any>
---@return boolean
function Store:sent_remove(sink, ids) end

--- Puts a login token in the place of the account's former one; on disk when it returns.
---@param host string
---@param account string
---@param text string
---@param obtained number wall clock
---@param expires? number
---@return integer generation
function Store:token_put(host, account, text, obtained, expires) end

--- What is known about the token of an account, and whether it is `text`. The token itself is not given out.
---@param host string
---@param account string
---@param text? string
---@return { generation: integer, obtained: number, expires?: number, before?: number, same: boolean }?
function Store:token(host, account, text) end

--- Forgets it where it is still that generation.
---@param host string
---@param account string
---@param generation? integer
---@return boolean
function Store:token_drop(host, account, generation) end

--- The duty to log in for an account; nothing where another process or task has it. Goes with the process.
---@param host string
---@param account string
---@return sluice.TokenLock?
function Store:token_lock(host, account) end

function TokenLock:close() end

--- The committed position.
---@return string?
function Cursor:get() end

--- Whether that record was delivered with that content, in an earlier run or in this one.
---@param id string
---@param modified string a form that sorts as text
---@param digest string
---@return boolean
function Cursor:seen(id, modified, digest) end

--- The sink has it. Counts from the commit on.
---@param id string
---@param modified string
---@param digest string
---@return boolean
function Cursor:deliver(id, modified, digest) end

--- What the next commit writes: the position, and from which `modified` on deliveries must be remembered.
---@param position string
---@param keep_from? string
---@return boolean
function Cursor:advance(position, keep_from) end

--- Position and deliveries become final together, on disk.
---@return boolean
function Cursor:commit() end

--- Back to the last commit.
---@return boolean
function Cursor:rollback() end

--- Starts over: no position, nothing delivered. Final with the commit.
---@return boolean
function Cursor:restart() end

--- How much is remembered, and how much was forgotten since it was opened because it was too much.
---@return integer remembered, integer forgotten
function Cursor:remembered() end

--- Gives the lock back. What was not committed never was.
function Cursor:close() end

---@class sluice.OutboxRow a write, and how far it is
---@field id integer
---@field state "intended"|"sent"|"confirmed"|"rejected"|"unknown"
---@field host string
---@field account string
---@field operation string
---@field scope string what tells records of one key apart ("channel_id=47"); "" for nothing
---@field key string
---@field body? string its arguments as JSON; nil once forgotten
---@field digest string of the body
---@field answer? string the server's
---@field note? string why it is so
---@field attempts integer
---@field negatives integer searches in a row that count as not found
---@field run integer
---@field intended number when it was handed in, seconds
---@field sent? number when the last attempt began
---@field settled? number
---@field age? number seconds since the last attempt at least, whatever the wall clock did; nil where there was none
---@field looked? number when it was searched for last

---@class sluice.Intent a row of the outbox that is ours until it is closed
local Intent = {}

--- How far it is.
---@return sluice.OutboxRow
function Intent:row() end

--- Certainly nothing was done: intended again.
---@return true
function Intent:back() end

--- The end of it, on disk when it returns.
---@param outcome "confirmed"|"rejected"|"unknown"
---@param answer? string
---@param note? string
---@return true
function Intent:settle(outcome, answer, note) end

--- A search did not find it.
---@param counts boolean it came late enough to say something
---@return true
function Intent:looked(counts) end

--- Gives the row back.
function Intent:close() end

--- The row of that key, made where it is new (on disk when it returns); nil where somebody works on it. Where nothing was
--- done yet the row takes this body.
---@param row { host: string, account: string, operation: string, scope?: string, key: string, body: string, digest: string, run?: integer }
---@return sluice.Intent?
function Store:outbox_claim(row) end

--- The same for a row that is there.
---@param id integer
---@return sluice.Intent?
function Store:outbox_claim_id(id) end

---@class sluice.OutboxChunk writes to hand in, as lists side by side
---@field host string
---@field account string
---@field operation string
---@field scope? string of all of them
---@field scopes? string[] or of each
---@field keys string[]
---@field bodies string[]
---@field digests string[]
---@field run? integer

---@class sluice.Intents a chunk of writes that is handed in, sent and settled together; `#intents`: how many
local Intents = {}

--- Hands in many writes of an operation as one durable transaction, and takes the locks of their rows: all of them, or (an error,
--- which names the write by its number) nothing. The lists are as long as `keys`; a key stands in it once. What became of each
--- tells `intents:state(i)`.
---
---     local chunk <close> = store:outbox_claim_all { host = h, account = a, operation = "post_all",
---       keys = keys, bodies = bodies, digests = digests }
---     for i = 1, #chunk do if chunk:state(i) ~= "intended" then chunk:release(i) end end      -- was written before, or is not ours
---     client:call("post_all", { list = list }, chunk)                                        -- on disk as sent before the first byte
---     chunk:settle("confirmed", answer)
---@param rows sluice.OutboxChunk
---@return sluice.Intents
function Store:outbox_claim_all(rows) end

--- How far a write is; nil where another process works on it, or it was given back or taken out.
---@param i integer
---@return "intended"|"sent"|"confirmed"|"rejected"|"unknown"|nil
function Intents:state(i) end

--- The id of its row.
---@param i integer
---@return integer
function Intents:id(i) end

--- The end of them, as one durable transaction: one outcome for all that is ours and not settled, or a list with false where a write
--- stays as it is. Answers and notes: one text for all, or lists.
---@param outcome "confirmed"|"rejected"|"unknown"|(string|false)[]
---@param answer? string|(string|false)[]
---@param note? string|(string|false)[]
---@return true
function Intents:settle(outcome, answer, note) end

--- Certainly nothing was done of what this chunk has sent: intended again.
---@return true
function Intents:back() end

--- Gives one row back.
---@param i integer
---@return true
function Intents:release(i) end

--- Takes one row out, as an intent of its own; nil where it is not ours.
---@param i integer
---@return sluice.Intent?
function Intents:take(i) end

--- Gives the rows back, but those that were taken out.
function Intents:close() end

---@class sluice.OutboxFilter fields that are nil match all
---@field state? string
---@field host? string
---@field account? string
---@field operation? string
---@field scope? string
---@field key? string
---@field after? integer only rows with a higher id
---@field most? integer so many rows at most
---@field newest? boolean newest first

--- Rows, oldest first.
---@param filter? sluice.OutboxFilter
---@return sluice.OutboxRow[]
function Store:outbox_rows(filter) end

--- Whether somebody works on a row.
---@param id integer
---@return boolean
function Store:outbox_held(id) end

--- Forgets bodies and answers of what was confirmed before that time, and what was rejected; keys of what was confirmed stay.
---@param before number seconds
---@return integer rows
function Store:outbox_forget(before) end

---@class sluice.Daemon one process that serves schedules; its lock dies with the process
---@field id integer
local Daemon = {}

--- Notes that this process serves schedules from now on. Until it is closed, or the process ends, what it has claimed is its.
---@param note? string
---@return sluice.Daemon
function Store:daemon_start(note) end

--- It stopped in good order.
function Daemon:close() end

---@class sluice.DaemonRow
---@field id integer
---@field pid integer
---@field started number
---@field stopped? number it stopped in good order
---@field alive boolean its process is there
---@field note? string

--- Newest first; old ones that are gone are forgotten as new ones start.
---@return sluice.DaemonRow[]
function Store:daemons() end

--- A number that is another one once somebody else has changed the file; what was done through this store leaves it as it is.
---@return integer
function Store:changes() end

---@class sluice.ScheduleRow
---@field name string
---@field version integer another one after each change of it or of its open occurrences; one rising counter for all schedules
---@field spec string
---@field seen number each due time up to it has its row, or lies in the span of one
---@field paused? number since when; it may be over: see paused_until
---@field paused_until? number the last moment of the pause
---@field pause_note? string
---@field paused_by? "person"|"failures"
---@field failures integer in a row
---@field stalled? string why it counts as stalled
---@field stalled_at? number
---@field told? string what was told of it last

---@class sluice.OccurrenceRow
---@field id integer
---@field schedule string
---@field due integer seconds
---@field until? integer the last due time of a row that stands for several
---@field count integer due times that it stands for
---@field kind "timed"|"manual"|"backfill"
---@field state "waiting"|"running"|"ran"|"skipped"|"coalesced"|"missed"
---@field outcome? "ok"|"partial"|"failed"|"timed_out"|"lost"|"cancelled" of the last attempt that counted
---@field reason? "overlap"|"paused"|"disabled"|"catchup"|"start_within"
---@field note? string
---@field start? number it does not start before that
---@field attempt integer attempts that have started and count
---@field run? integer the newest attempt's run
---@field run_alive? boolean of one that is running: the daemon or the process of that run is there
---@field owner? integer the daemon that has claimed it
---@field owner_alive? boolean of one that is open and claimed
---@field fence integer rises with each claim
---@field args? string arguments as JSON, instead of the schedule's
---@field uses string[] connections, of one that has started
---@field batch? integer
---@field parallel? integer how many of the batch may run at once
---@field cancel boolean a person wants it to stop
---@field made number
---@field started? number the first attempt
---@field ended? number

---@class sluice.OccurrenceFilter fields that are nil match all
---@field schedule? string
---@field state? string
---@field open? boolean only those that wait or run
---@field kind? string
---@field batch? integer
---@field from? number due then or later, or a span that comes that far
---@field to? number due then or earlier
---@field newest? boolean newest due time first
---@field after? integer only rows that follow that one (an id) in the order
---@field most? integer so many rows at most

--- All schedules, or those that changed after a version, in the order of their versions.
---@param after_version? integer
---@return sluice.ScheduleRow[]
function Store:schedules(after_version) end

---@param name string
---@return sluice.ScheduleRow?
function Store:schedule(name) end

---@param id integer
---@return sluice.OccurrenceRow?
function Store:occurrence(id) end

--- In the order of their due times.
---@param filter? sluice.OccurrenceFilter
---@return sluice.OccurrenceRow[]
function Store:occurrences(filter) end

---@class sluice.ScheduleFields what is to change; nil leaves a field as it is, false takes it away
---@field failures? integer
---@field paused? number|false false takes paused_until, pause_note and paused_by away as well
---@field paused_until? number|false
---@field pause_note? string|false
---@field paused_by? "person"|"failures"|false
---@field stalled? string|false
---@field stalled_at? number|false
---@field told? string|false

---@class sluice.ScheduleChange: sluice.ScheduleFields
---@field name string
---@field version integer the one that was read; 0 for a new schedule
---@field spec? string a new schedule needs it
---@field seen? number a new schedule needs it
---@field rows? sluice.OccurrenceNew[]
---@field ends? sluice.OccurrenceFate[]

---@class sluice.OccurrenceNew one that waits is the daemon's, with the fence 1
---@field due number
---@field until? number
---@field count? integer default 1
---@field kind? "timed" default
---@field state "waiting"|"skipped"|"coalesced"|"missed"
---@field reason? string
---@field note? string
---@field start? number
---@field attempt? integer default 0

---@class sluice.OccurrenceFate the end of one that waits, or more due times for a row that is final and never ran
---@field id integer
---@field state "ran"|"skipped"|"coalesced"|"missed"
---@field outcome? string
---@field reason? string
---@field note? string
---@field until? number
---@field count? integer

--- One durable transaction for all changes. A change whose version is no longer that one is left out (false) and does nothing;
--- all others are done. A due time that has its row keeps it (its id is false). Ending one that is running, or that ran, is an
--- error, and then nothing at all is done.
---@param daemon sluice.Daemon
---@param changes sluice.ScheduleChange[]
---@return (integer|false)[] versions the new ones, in the order of the changes
---@return (integer|false)[][] ids of the rows that were made, for each change
function Store:schedule_plan(daemon, changes) end

--- Takes an open occurrence that has no living owner, or is the daemon's own. One that is running goes on.
---@param daemon sluice.Daemon
---@param id integer
---@return integer? fence nil: it is somebody else's, or over
function Store:occurrence_claim(daemon, id) end

---@class sluice.RunLock the lock of a run; a child that inherits its descriptor has it too
local RunLock = {}

---@return integer descriptor, which is closed in programs that are started unless they are told to keep it
function RunLock:fd() end

--- Closes the descriptor. A child that inherited it keeps the lock.
function RunLock:close() end

---@class sluice.StartOptions
---@field recipe string for the ledger
---@field args? string|table for the ledger; secrets are masked
---@field most? integer so many may run at once, of all
---@field uses? table<string, integer|false> connections, and how many of those that use it may run at once (false: any number)
---@field parallel? integer so many of its batch may run at once
---@field version? integer start only where the schedule still has that version

---@class sluice.Started
---@field run integer
---@field attempt integer
---@field version integer of the schedule
---@field lock sluice.RunLock

--- Makes the run of the next attempt, durably; its lock is taken before anyone can see it. Nil and why not: `full` (too many
--- run, of all, by a connection, or of the batch), `gone` (it is no longer claimed with that fence, or no longer waits),
--- `cancelled` (a person does not want it any more), `changed` (the version is another one).
---@param daemon sluice.Daemon
---@param id integer
---@param fence integer
---@param options sluice.StartOptions
---@return sluice.Started?
---@return "full"|"gone"|"cancelled"|"changed"|nil why
function Store:occurrence_start(daemon, id, fence, options) end

---@class sluice.EndHow either `state` (it is over) or `again` (it waits until then)
---@field state? "ran"|"skipped"|"missed"
---@field again? number
---@field counts? boolean with `again`: false takes the attempt back; default true
---@field outcome? string of this attempt
---@field reason? string
---@field note? string
---@field exit_code? integer for the ledger, where the run did not say it itself
---@field error? string the same

--- The end of an attempt, durably: of the occurrence, of the run's row (where the run did not write it itself), and what it
--- changes in the schedule. One that waits again stays with its owner and its fence.
---@param id integer
---@param run integer
---@param how sluice.EndHow
---@param change? sluice.ScheduleFields
---@return integer|false version of the schedule; false: that run is not the occurrence's any more, and nothing was done
function Store:occurrence_end(id, run, how, change) end

--- What the daemon knows after the start of the process.
---@param run integer
---@param pid integer
---@param log? string path of its log, in full: prune removes it with the run
---@return true
function Store:run_pid(run, pid, log) end

--- In the process of the run: takes over its lock, whose descriptor it has inherited, so that run_finish is this store's to
--- say. `usage` where the descriptor is not that lock.
---@param run integer
---@param fd integer
---@return true
function Store:run_adopt(run, fd) end

--- Due times up to `until` get no run; nil: until it is resumed. `not_found` where the store does not know the schedule.
---@param name string
---@param options? { until?: number, note?: string, by?: "person"|"failures" }
---@return integer version
function Store:schedule_pause(name, options) end

--- Ends a pause with this moment: `paused_until` is now, so that due times before are still those of a pause; a daemon
--- takes the fields away. Failures in a row start over.
---@param name string
---@return integer version
function Store:schedule_resume(name) end

--- Asks for a run out of turn.
---@param name string
---@param options? { args?: string|table, note?: string }
---@return integer id of the occurrence
function Store:schedule_trigger(name, options) end

--- Asks for runs of past due times. Times that have an `ok` run of any kind, or an occurrence that waits or runs, are left out
--- unless `again`; `dry` only counts.
---@param name string
---@param times number[]
---@param options? { parallel?: integer, again?: boolean, note?: string, dry?: boolean }
---@return integer? batch nil where there was nothing to do
---@return integer count
function Store:schedule_backfill(name, times, options) end

--- Marks an open occurrence as one that a person wants to stop.
---@param id integer
---@return integer|false version of the schedule; false: it is over already
function Store:occurrence_cancel(id) end

--- Final occurrences that ended before a time, oldest first, with the logs of their runs: none that is the newest of its
--- schedule and kind, none with a run in `kept`, with an open batch or a write that is not settled.
---@param before number wall clock
---@param kept? integer[] runs
---@param most? integer default 1000
---@return { id: integer, logs: string[] }[]
function Store:occurrences_old(before, kept, most) end

--- Forgets final occurrences and the rows of their runs.
---@param ids integer[]
---@return integer count
function Store:occurrences_forget(ids) end

return state
