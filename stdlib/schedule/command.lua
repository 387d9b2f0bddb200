--- `sluice schedule`: when recipes run, what became of each due time, and a person's word.
local options = require "sluice.options"

local OWN = [[
usage: sluice schedule list                          all: state, next and last run, a strip of what became of the newest
       sluice schedule next NAME|SPEC                when it runs next; explain NAME|SPEC: what it means (both below)
       sluice schedule why NAME --at TIME            what became of one due time, and why
       sluice schedule history NAME [-n N] [--only WORD] [--from TIME] [--to TIME]
       sluice schedule trigger NAME [key=value …] [--note TEXT] [--wait]
       sluice schedule pause NAME [--until TIME] [--note TEXT]
       sluice schedule resume NAME
       sluice schedule backfill NAME --from TIME --to TIME [--parallel N] [--again] [--dry-run] [--note TEXT]

  sluice schedule why delta --at 10:00               the last 10:00 in the schedule's zone
  sluice schedule history delta --only failed --from 7d
  sluice schedule trigger delta full:=true --wait    with another argument; the exit code is the run's
  sluice schedule pause delta --until 2h --note "the shop is being moved"
  sluice schedule backfill delta --from "2026-11-20 00:00" --to 2026-11-21 --dry-run

TIME      2026-11-28T10:00:00+01:00; "2026-11-28 10:00", 2026-11-28 or 10:00 in the schedule's zone; 2h (ago; with --until
          from now); now
strip     the newest last: . ok, p partial, F failed, T timed out, L lost, c cancelled, s skipped, - coalesced, m missed,
          r running
WORD      ok partial failed timed_out lost cancelled skipped coalesced missed waiting running; may be given often
trigger   starts it once, out of turn; arguments are added to the schedule's. --wait waits for its end (Ctrl-C stops waiting, not the run)
pause     due times are skipped until it is resumed, or until then; what runs goes on
backfill  runs past due times, one after another or --parallel N; those that ran and were ok are left out but with --again
All take --json; times in it are RFC 3339. A schedule can be steered once a `sluice serve` has taken it up.
]]

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

-- The usage has that of the words that have one of their own.
local command = setmetatable({ about = "Show and steer schedules: when they run, what became of each due time", verbs = verbs }, {
  __index = function(_, key)
    if key ~= "usage" then return nil end
    return table.concat({ OWN, require("sluice.schedule.next").usage, require("sluice.schedule.explain").usage }, "\n")
  end,
})

function command.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice schedule", verbs = verbs })
end

return command
