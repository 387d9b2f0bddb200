--- `sluice schedule`: when recipes run, what became of each due time, and a person's word.
local options = require "sluice.options"

local TIMES_MAX = 1000000

local command = {
  about = "Show and steer schedules: when they run, what became of each due time",
  usage = [[
usage: sluice schedule list                          all: state, next and last run, a strip of what became of the newest
       sluice schedule next NAME|SPEC|- [--after TIME] [--count N] [--name NAME] [--zone ZONE]      when it runs next
       sluice schedule explain NAME|SPEC|- [--after TIME] [--count N] [--name NAME] [--zone ZONE]   in words; and clock changes
       sluice schedule why NAME --at TIME            what became of one due time, and why
       sluice schedule history NAME [-n N] [--only WORD] [--from TIME] [--to TIME]   its due times and what became of them
       sluice schedule trigger NAME [key=value …] [--note TEXT] [--wait]   starts it once, out of turn
       sluice schedule pause NAME [--until TIME] [--note TEXT]     its due times are skipped
       sluice schedule resume NAME                                 it goes on
       sluice schedule backfill NAME --from TIME --to TIME [--parallel N] [--again] [--dry-run] [--note TEXT]   past due times

  sluice schedule next delta                         a schedule of sluice.yaml; --json gives a JSON array of the times
  sluice schedule next "0 6 * * 1-5" --count 3       a cron text
  sluice schedule next - < feed.cron                 from standard input; an empty one is no schedule
  sluice schedule next "H H * * *" --name delta      H as the schedule `delta` has it
  sluice schedule explain delta --json               { zone, text, means, next, changes = [{ at, kind, text, locals, count }] }
  sluice schedule why delta --at 10:00               the last 10:00 in the schedule's zone
  sluice schedule history delta --only failed --from 7d
  sluice schedule trigger delta full:=true --wait    with another argument; the exit code is the run's
  sluice schedule pause delta --until 2h --note "the shop is being moved"
  sluice schedule backfill delta --from "2026-11-20 00:00" --to 2026-11-22 --dry-run

TIME      2026-11-28T10:00:00+01:00; "2026-11-28 10:00", 2026-11-28 or 10:00 in the schedule's zone; 2h (ago; with --until
          from now); now
strip     the newest last: . ok, p partial, F failed, T timed out, L lost, c cancelled, s skipped, - coalesced, m missed,
          r running
explain   a clock change makes a run `moved` (its time does not exist: it runs at the end of the gap), `merged` (with others,
          into one run), `skipped` (the line follows real time), `first_only` (its time comes twice, it runs the first time)
          or `both` (it follows real time)
trigger   arguments are added to the schedule's
pause     due times are skipped until it is resumed, or until then; what runs goes on
All take --json; times in it are RFC 3339. A schedule can be steered once a `sluice serve` has taken it up.
]],
  completes = { NAME = "SCHEDULE" },
  options = {
    { "--after TIME", "later than this time (now)", only = "next explain" },
    { "--count N", "how many (5)", only = "next explain", read = options.whole(0, TIMES_MAX) },
    { "--name NAME", "H as the schedule of this name has it", only = "next explain" },
    { "--zone ZONE", "where the text has no TZ= line (UTC)", only = "next explain" },
    { "--at TIME", "the due time that is meant", only = "why" },
    { "-n, --most N", "so many (30)", only = "history", read = options.whole(1, 10000) },
    { "--only WORD", "those of which this became", only = "history", many = true, words = require("sluice.schedule.fate").words },
    { "--from TIME", "the first due time", only = "history backfill" },
    { "--to TIME", "the last one", only = "history backfill" },
    { "--note TEXT", "why, for the others who look", only = "trigger pause backfill" },
    { "--wait", "waits for its end, whose exit code it gives (Ctrl-C stops waiting, not the run)", only = "trigger" },
    { "--until TIME", "it goes on by itself then", only = "pause" },
    { "--parallel N", "so many at once (1)", only = "backfill", read = options.whole(1, 1000) },
    { "--again", "those that ran and were ok as well", only = "backfill" },
    { "--dry-run", "shows which times it would run", only = "backfill" },
  },
}

-- word -> module, and its function.
local words = {
  list = { "look", "list" }, history = { "look", "history" }, why = { "look", "why" }, trigger = { "steer", "trigger" },
  pause = { "steer", "pause" }, resume = { "steer", "resume" }, backfill = { "backfill", "command" }, next = { "next", "command" },
  explain = { "explain", "command" },
}

local verbs = {}
for word, where in pairs(words) do
  verbs[word] = function(argv, globals) return require("sluice.schedule." .. where[1])[where[2]](argv, globals) end
end

command.verbs = verbs

function command.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice schedule", verbs = verbs })
end

return command
