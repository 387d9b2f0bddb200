--- What may stand in `sluice.yaml`: the one table that checks it, and that everything which describes it is made from.
---
--- A row: kind, required, default, doc, one_of (choices), min; a map has `fields` (key -> row), or `each` (one row for
--- all keys, which are names then); `open` maps take other keys as well; a list has `item`.
--- Kinds: text, secret, id, path, url, proxy, name, host, listen,
--- integer, number, boolean, duration, rate, size, choice, store, list, map, any, cron.

local codes = require("sluice.err").codes

local schema = {}

-- What else a connection takes is said by its API's definition; see config.lua.
schema.connection = {
  kind = "map", open = true, doc = "an account of an API",
  fields = {
    api = { kind = "name", required = true, doc = "name of the API: one that sluice brings, or apis/NAME.lua of the project" },
  },
}

schema.retry = {
  kind = "map", doc = "what happens after a run that failed",
  fields = {
    attempts = { kind = "integer", min = 1, required = true, doc = "runs in all, the first one included" },
    backoff = { kind = "duration", default = 30, doc = "time before the second attempt; doubles with each further one" },
    max_backoff = { kind = "duration", default = 3600, doc = "the longest time between two attempts" },
    errors = { kind = "list", item = { kind = "choice", one_of = codes() }, doc = "only after these errors (default: all that may pass)" },
  },
}

schema.schedule = {
  kind = "map", doc = "a recipe and when it runs",
  fields = {
    recipe = { kind = "path", required = true, doc = "the recipe's file" },
    args = { kind = "any", map = true, doc = "its arguments" },
    about = { kind = "text", doc = "one line for people" },
    cron = { kind = "cron", doc = "when: cron lines, the first may be TZ=Area/City" },
    every = { kind = "duration", min = 1, whole = true, doc = "when: each so often" },
    enabled = { kind = "boolean", default = true, doc = "false keeps it from running" },
    timeout = { kind = "duration", min = 1, doc = "the longest time that one run may take" },
    grace = { kind = "duration", default = 30, doc = "time between asking a run to stop and killing it" },
    retry = schema.retry,
    overlap = { kind = "choice", one_of = { "skip", "queue", "cancel_running", "allow" }, default = "skip",
      doc = "what happens when the last run is still going" },
    catchup = { kind = "choice", one_of = { "none", "latest", "all" }, default = "latest", doc = "which missed times are made up for" },
    catchup_window = { kind = "duration", doc = "how long ago a missed time may be" },
    catchup_limit = { kind = "integer", min = 1, default = 100, doc = "how many missed times are made up for at most" },
    jitter = { kind = "duration", doc = "starts are spread over this time" },
    start_within = { kind = "duration", doc = "a start that is later than this is skipped" },
    pause_on_failure = { kind = "integer", min = 1, doc = "pauses itself after so many failures in a row" },
    memory = { kind = "size", doc = "memory that a run may use" },
  },
  exactly_one = { "cron", "every" },
}

-- Days in the defaults are seconds here, as all durations are once they are read.
schema.keep = {
  kind = "map", doc = "how long things stay; `sluice state prune` and the day's first run forget what is older",
  fields = {
    runs = { kind = "duration", default = 90 * 86400, doc = "runs in the ledger, and batches that have their verdict" },
    bodies = { kind = "duration", default = 30 * 86400, doc = "bodies of writes that are settled" },
    dead_letters = { kind = "duration", default = 90 * 86400, doc = "dead-letter files, since they were last changed" },
  },
}

schema.serve = {
  kind = "map", doc = "how `sluice serve` works",
  fields = {
    listen = { kind = "listen", default = "127.0.0.1:7070", doc = "where its page is: ADDRESS:PORT, or off" },
    token = { kind = "secret", secret = true, source = true, doc = "what a change on the page needs (default: a new one that is printed)" },
    names = { kind = "list", item = { kind = "host" }, doc = "host names that a proxy has for the page; reading needs the token then" },
    concurrency = { kind = "integer", min = 1, default = 8, doc = "runs at once, of all schedules and daemons of the store" },
    drain = { kind = "duration", default = 30, doc = "time that runs have in all to end, when it is stopped" },
    zone = { kind = "text", default = "UTC", doc = "zone of cron texts without a TZ line" },
    log_bytes = { kind = "size", min = 256 * 1024, default = 10 * 1000 * 1000, doc = "the largest log of a run; its middle is left out" },
  },
}

schema.notify = {
  kind = "map", doc = "who is told when a schedule changes its state",
  fields = {
    command = { kind = "list", item = { kind = "text" }, doc = "a program and its arguments; what happened is in its environment" },
    connection = { kind = "name", doc = "a connection of an API of your own, one of whose operations is called" },
    operation = { kind = "name", doc = "that operation" },
    args = { kind = "any", map = true, doc = "its arguments; {text}, {schedule}, {state} and {was} in them are replaced" },
  },
  exactly_one = { "command", "connection" },
}

schema.root = {
  kind = "map",
  fields = {
    version = { kind = "integer", one_of = { 1 }, default = 1, doc = "of this file's form" },
    store = { kind = "store", default = "sqlite:.sluice/state.db", doc = "where cursors and runs are kept" },
    shared = { kind = "path", doc = "folder of what all projects of a user share: budgets and login tokens" },
    keep = schema.keep,
    serve = schema.serve,
    notify = schema.notify,
    connections = { kind = "map", each = schema.connection, doc = "accounts of APIs by name" },
    schedules = { kind = "map", each = schema.schedule, doc = "recipes that `sluice serve` runs, by name" },
  },
}

return schema
