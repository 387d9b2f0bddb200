--- The read model of the scheduler: what the commands, the page and the API show, as plain tables that go into JSON as they
--- are. It only reads: nothing here changes the store, and no clock is asked.
---
---     local seen = { store = store, schedules = schedules, now = time.now() }     -- schedules: sluice.schedule.options
---     for _, one in ipairs(view.schedules(seen)) do print(one.name, one.state, one.next[1]) end
---     print(view.why(seen, "delta", at).text)
---
--- Times are RFC 3339 texts with the offset of the schedule's zone (runs of no schedule: UTC); what is called seconds is a
--- number. Fields that are nil are left out.
local view = {}

---@class sluice.view.Seen what is looked at
---@field store? sluice.Store nil where no store was made yet: then nothing has happened
---@field schedules table<string, sluice.Schedule> by name, as the config has them
---@field now number seconds since 1970

---@alias sluice.view.Word one word for what became of it
---| "ok"|"partial"|"failed"|"timed_out"|"lost"|"cancelled"   it ran, with that outcome
---| "skipped"|"coalesced"|"missed"                            it did not run
---| "waiting"|"running"                                       it is not over

---@alias sluice.view.Tone how it is shown
---| "good"   ok
---| "warn"   partial, skipped, missed, cancelled
---| "bad"    failed, timed_out, lost
---| "idle"   coalesced, waiting, skipped because it is paused or disabled
---| "busy"   running

---@class sluice.view.Fate what became of a due time, or of `count` of them in a row
---@field id integer of the occurrence
---@field schedule string
---@field kind "timed"|"manual"|"backfill"
---@field due string the first due time
---@field at number the same in seconds since 1970
---@field upto? string the last due time, where it stands for several
---@field count integer due times that it stands for
---@field word sluice.view.Word
---@field tone sluice.view.Tone
---@field outcome? "ok"|"partial"|"failed"|"timed_out"|"lost"|"cancelled" where it ran
---@field reason? "overlap"|"paused"|"disabled"|"catchup"|"start_within" why it did not
---@field note? string what the daemon, or a person, added
---@field text string a sentence for people, with the word: "skipped: the run of 10:00 was still going"
---@field attempt integer attempts that have started
---@field run? integer the newest attempt's run
---@field not_before? string where it waits: when it may start (a retry, jitter)
---@field started? string
---@field ended? string
---@field seconds? number from start to end, or until now
---@field late? number seconds from due to start
---@field cancel boolean it was asked to stop

---@class sluice.view.Schedule
---@field name string
---@field about? string
---@field recipe? string the file, from the config's folder on; nil where the config no longer has the schedule
---@field args table<string, any> the recipe's arguments
---@field spec string the cron text, or "every 15m"
---@field zone string
---@field enabled boolean
---@field configured boolean false: only the store still knows it
---@field known boolean a daemon has taken it up; false: nothing was recorded yet
---@field state "running"|"disabled"|"paused"|"stalled"|"failing"|"waiting"|"idle"|"gone" one word; the first that holds, but for gone
---@field tone sluice.view.Tone
---@field paused? { by: "person"|"failures", note?: string, upto?: string } upto: it goes on by itself then
---@field stalled? { text: string, since?: string }
---@field failures integer runs in a row that failed
---@field next string[] the next due times (5), whether it is paused or not; none where it is disabled
---@field next_at? number the first of them in seconds since 1970
---@field last? sluice.view.Fate the newest that ran
---@field recent sluice.view.Fate[] the newest 30 that are over or run, oldest first
---@field running sluice.view.Fate[]
---@field waiting sluice.view.Fate[]
---@field overlap string
---@field catchup string
---@field timeout? number seconds
---@field needs? string what a person should look at, a sentence

---@class sluice.view.Run one process that ran a recipe, by a schedule or by hand
---@field id integer
---@field recipe string
---@field args table<string, any> secrets are masked
---@field word sluice.view.Word
---@field tone sluice.view.Tone
---@field text string a sentence
---@field schedule? string nil: `sluice run` by hand
---@field occurrence? integer
---@field due? string
---@field attempt? integer
---@field pid? integer while it runs
---@field started string
---@field ended? string
---@field seconds? number until its end, or until now
---@field exit_code? integer
---@field error? string
---@field log? string path of its log file
---@field sums? table<string, integer> read, added, sent, unchanged, skipped, rejected, unknown: where it has ended, or has told
---@field requests? integer
---@field batches? integer
---@field waited? number seconds waited for rate budgets
---@field peak_bytes? integer
---@field dead_letters? string name of the dead-letter file, where it rejected records

---@class sluice.view.Why
---@field schedule string
---@field at string the time that was asked for
---@field due boolean whether it is a due time of the schedule as it is now
---@field fates sluice.view.Fate[] all that is recorded for it: the timed one, backfills, manual runs of that second
---@field before? string the due time next to it, before
---@field after? string and after
---@field text string sentences for people
---@field next? sluice.view.Fate what ran instead, where it was coalesced

---@class sluice.view.Person something that needs a person
---@field kind "schedule"|"daemon"|"outbox"
---@field name string
---@field text string
---@field cure string

---@class sluice.view.Daemon
---@field id integer
---@field pid integer
---@field started string
---@field stopped? string
---@field alive boolean
---@field note? string

---@class sluice.view.Summary
---@field now string
---@field schedules { all: integer, enabled: integer, disabled: integer, paused: integer, stalled: integer, failing: integer }
---@field running integer occurrences that run
---@field waiting integer occurrences that wait
---@field fates table<sluice.view.Word, integer> due times of the last 24 hours, by what became of them
---@field daemons sluice.view.Daemon[] newest first
---@field serving boolean a daemon is running
---@field next? { schedule: string, due: string, at: number } the next due time of all
---@field outbox { sent: integer, unknown: integer } writes whose outcome is not certain
---@field person sluice.view.Person[]

---@class sluice.view.OccurrenceFilter
---@field schedule? string
---@field words? sluice.view.Word[]
---@field from? number due at or after, seconds since 1970
---@field to? number due at or before
---@field after? integer only rows with a lower id (the next page of the newest)
---@field most? integer default 50

---@class sluice.view.RunFilter
---@field schedule? string
---@field words? sluice.view.Word[]
---@field below? integer only lower ids (the next page)
---@field most? integer default 20

--- All schedules of the config, and those that only the store still knows, by name.
---@param seen sluice.view.Seen
---@return sluice.view.Schedule[]
function view.schedules(seen) end

--- One; nil where neither the config nor the store has it.
---@param seen sluice.view.Seen
---@param name string
---@return sluice.view.Schedule?
function view.schedule(seen, name) end

--- Fates, newest due time first.
---@param seen sluice.view.Seen
---@param filter? sluice.view.OccurrenceFilter
---@return sluice.view.Fate[]
function view.occurrences(seen, filter) end

--- Runs, newest first.
---@param seen sluice.view.Seen
---@param filter? sluice.view.RunFilter
---@return sluice.view.Run[]
function view.runs(seen, filter) end

--- One run; nil where the ledger has none of that number.
---@param seen sluice.view.Seen
---@param id integer
---@return sluice.view.Run?
function view.run(seen, id) end

--- What became of one due time, and why. A time that is none gets its neighbours.
---@param seen sluice.view.Seen
---@param name string of a schedule
---@param at number seconds since 1970
---@return sluice.view.Why
function view.why(seen, name, at) end

--- Counts, and what needs a person.
---@param seen sluice.view.Seen
---@return sluice.view.Summary
function view.summary(seen) end

return view
