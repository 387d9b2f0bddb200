--- The read model of the scheduler: what the commands, the page and the API show, as plain tables that go into JSON as they
--- are. It only reads: nothing here changes the store, and no clock is asked.
---
---     local seen = { store = store, schedules = schedules, now = time.now() }     -- schedules: sluice.schedule.options
---     for _, one in ipairs(view.schedules(seen)) do print(one.name, one.state, one.next[1]) end
---     print(view.why(seen, "delta", at).text)
---
--- Times are RFC 3339 texts with the offset of the schedule's zone (runs of no schedule: UTC); what is called seconds is a
--- number. Fields that are nil are left out.
local fate = require "sluice.schedule.fate"
local json = require "sluice.json"
local shown = require "sluice.schedule.shown"
local shown_run = require "sluice.schedule.shown_run"
local text = require "sluice.text"

local view = {}

local LOOKED = 500 -- rows of a page in which words are looked for

---@class sluice.view.Seen what is looked at
---@field store? sluice.Store nil where no store was made yet: then nothing has happened
---@field schedules table<string, sluice.Schedule> by name, as the config has them
---@field now number seconds since 1970
---@field folder? string of the config: recipes are shown from there on
---@field recent? integer fates of each schedule that are looked at, 30 where it is not said

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
---@field spec string the cron text, or "every 15 min"
---@field zone string
---@field enabled boolean
---@field configured boolean false: only the store still knows it
---@field known boolean a daemon has taken it up; false: nothing was recorded yet
---@field state "running"|"disabled"|"paused"|"stalled"|"failing"|"waiting"|"idle"|"gone" one word; the first that holds, but for gone
---@field tone sluice.view.Tone
---@field paused? { by: "person"|"failures", note?: string, since: string, upto?: string } upto: it goes on by itself then
---@field stalled? { text: string, since?: string }
---@field failures integer runs in a row that failed
---@field next string[] the next due times (5), whether it is paused or not; none where it is disabled
---@field next_at? number the first of them in seconds since 1970
---@field last? sluice.view.Fate the newest that ran
---@field recent sluice.view.Fate[] the newest 30 (Seen.recent) that are over or run, oldest first
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
---@field word sluice.view.Word|"stopped" stopped: by a restart of the daemon, it goes on with another run
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
---@field requests_by_outcome? table<string, integer> ok, limited, rejected, …
---@field batches? integer
---@field waited? number seconds waited for rate budgets
---@field peak_bytes? integer
---@field dead_letters? string name of the dead-letter file, where it rejected records

---@class sluice.view.Why
---@field schedule string
---@field at string the time that was asked for
---@field at_seconds number the same in seconds since 1970
---@field due boolean whether it is a due time of the schedule as it is now
---@field fates sluice.view.Fate[] all that is recorded for it: the timed one, backfills, manual runs of that second
---@field before? string the due time next to it, before
---@field after? string and after
---@field text string sentences for people
---@field into? sluice.view.Fate the one that did its work, where it was coalesced

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
---@field fates table<sluice.view.Word, integer> due times of the last 24 hours, by what became of them (of the newest 10,000 rows)
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
---@field after? integer only those behind that one (an id) in the order: the next page
---@field most? integer default 50
---@field looks? integer rows that are looked at for words, at most (a page of them more); nil: all

---@class sluice.view.RunFilter
---@field schedule? string
---@field occurrence? integer
---@field words? sluice.view.Word[]
---@field below? integer only lower ids (the next page)
---@field most? integer default 20
---@field looks? integer rows that are looked at for words, at most (a page of them more); nil: all

-- ---- schedules ----

local function stored(seen)
  local by_name = {}
  for _, row in ipairs(seen.store and seen.store:schedules() or {}) do by_name[row.name] = row end
  return by_name
end

local function sorted_names(...)
  local all = {}
  for _, map in ipairs { ... } do
    for name in pairs(map) do all[name] = true end
  end
  return text.keys(all)
end

--- All schedules of the config, and those that only the store still knows, by name.
---@param seen sluice.view.Seen
---@return sluice.view.Schedule[]
function view.schedules(seen)
  local rows, open, list = stored(seen), shown.open(seen.store), {}
  for i, name in ipairs(sorted_names(seen.schedules, rows)) do list[i] = shown.of(seen, name, seen.schedules[name], rows[name], open) end
  return json.array(list)
end

--- One; nil where neither the config nor the store has it.
---@param seen sluice.view.Seen
---@param name string
---@return sluice.view.Schedule?
function view.schedule(seen, name)
  local schedule, row = seen.schedules[name], seen.store and seen.store:schedule(name)
  return (schedule or row) and shown.of(seen, name, schedule, row) or nil
end

-- ---- fates ----

local function set_of(words)
  local set = {}
  for _, word in ipairs(words or {}) do set[word] = true end
  return set
end

-- How many rows are asked for at once: words are seldom, so that pages of one row would be many.
local function page_of(filter, most) return filter.words and math.max(most, LOOKED) or most end

-- Pages of rows, newest first, until enough of them have one of the words; and where the next page begins, if there is one.
local function find_rows(seen, filter)
  local most, wanted, found, after, looked = filter.most or 50, set_of(filter.words), {}, filter.after, 0
  local page = page_of(filter, most)
  local count
  repeat
    local rows = seen.store:occurrences {
      schedule = filter.schedule, from = filter.from, to = filter.to, after = after, newest = true, most = page,
    }
    for _, row in ipairs(rows) do
      after = row.id
      if not filter.words or wanted[fate.word(row)] then found[#found + 1] = row end
      if #found == most then return found, after end
    end
    count, looked = #rows, looked + #rows
  until count < page or looked >= (filter.looks or math.huge)
  return found, count == page and after or nil
end

--- Fates, newest first.
---@param seen sluice.view.Seen
---@param filter? sluice.view.OccurrenceFilter
---@return sluice.view.Fate[]
---@return integer? following the `after` of the next page, where there may be one
function view.occurrences(seen, filter)
  if not seen.store then return json.array {} end
  local rows, following = find_rows(seen, filter or {})
  local list, by_name = {}, {}
  for _, row in ipairs(rows) do
    by_name[row.schedule] = by_name[row.schedule] or {}
    table.insert(by_name[row.schedule], row)
  end
  for i, row in ipairs(rows) do
    list[i] = fate.of(row, { schedule = seen.schedules[row.schedule], now = seen.now, others = by_name[row.schedule] })
  end
  return json.array(list), following
end

-- ---- runs ----

local function run_of(seen, row)
  local occurrence = row.occurrence and seen.store:occurrence(row.occurrence) or nil
  return shown_run.of(row, { schedule = seen.schedules[row.schedule], occurrence = occurrence, now = seen.now })
end

--- Runs, newest first.
---@param seen sluice.view.Seen
---@param filter? sluice.view.RunFilter
---@return sluice.view.Run[]
---@return integer? following the `below` of the next page, where there may be one
function view.runs(seen, filter)
  filter = filter or {}
  local list, most, wanted = json.array {}, filter.most or 20, set_of(filter.words)
  if not seen.store then return list end
  local below, looked, page = filter.below, 0, page_of(filter, most)
  local count
  repeat
    local rows = seen.store:runs { schedule = filter.schedule, occurrence = filter.occurrence, below = below, most = page }
    for _, row in ipairs(rows) do
      below = row.id
      if not filter.words or wanted[shown_run.word(row)] then list[#list + 1] = run_of(seen, row) end
      if #list == most then return list, below end
    end
    count, looked = #rows, looked + #rows
  until count < page or looked >= (filter.looks or math.huge)
  return list, count == page and below or nil
end

local function dead_letters(store, id)
  for _, file in ipairs(require("sluice.deadletters").files(store:path())) do
    if file.run == id then return file.name end
  end
end

--- One run; nil where the ledger has none of that number.
---@param seen sluice.view.Seen
---@param id integer
---@return sluice.view.Run?
function view.run(seen, id)
  local row = seen.store and seen.store:runs({ id = id })[1]
  if not row then return nil end
  local one = run_of(seen, row)
  if (row.rejected or 0) > 0 then one.dead_letters = dead_letters(seen.store, id) end
  return one
end

-- ---- why ----

--- What became of one due time, and why. A time that is none gets its neighbours.
---@param seen sluice.view.Seen
---@param name string of a schedule
---@param at number seconds since 1970
---@return sluice.view.Why
function view.why(seen, name, at) return require("sluice.schedule.why").of(seen, name, at) end

-- ---- all of it ----

--- Counts, and what needs a person.
---@param seen sluice.view.Seen
---@param schedules? sluice.view.Schedule[] of view.schedules, where the caller has them
---@return sluice.view.Summary
function view.summary(seen, schedules)
  return require("sluice.schedule.overview").of(seen, schedules or view.schedules(seen))
end

return view
