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

--- Notes how it ended.
---@param id integer
---@param sums sluice.RunSums
---@return boolean
function Store:run_finish(id, sums) end

--- Whether the process of that run still has it.
---@param id integer
---@return boolean
function Store:run_alive(id) end

---@class sluice.RunRow: sluice.RunSums
---@field id integer
---@field state "running"|"finished"|"lost" lost: its process is gone and never said how it ended
---@field recipe string
---@field args string
---@field pid integer
---@field started number
---@field finished? number

--- The newest runs, with their sums where they have finished.
---@param count? integer default 20
---@return sluice.RunRow[]
function Store:runs(count) end

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

return state
