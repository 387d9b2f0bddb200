--- The variables of the environment that sluice looks at or sets. A spec holds the list against the code and docs/commands.md.
return {
  { "NAME", "whatever the config names as ${NAME} or ${NAME:-default}", by = "the config" },
  { "HOME", "the user's folder: below it lies ~/.local/state/sluice" },
  { "XDG_STATE_HOME", "$XDG_STATE_HOME/sluice is the folder of rate budgets and login tokens that all projects of a user share" },
  { "PATH", "where programs are looked for that a config or a recipe names without a folder" },
  { "TMPDIR", "where a dry run and a replay have their store (/tmp)" },
  { "TZDIR", "the zone data of schedules (/usr/share/zoneinfo)" },
  { "NO_COLOR, TERM", "whether `sluice repl` has colours: none where NO_COLOR is set, or TERM is dumb" },
  { "PAGER", "through which `sluice repl` shows long output (less -FRX)" },
  { "LC_ALL, LC_CTYPE, LANG", "whether the terminal takes UTF-8: `sluice doctor` says it" },
  { "http_proxy, https_proxy, all_proxy, no_proxy", "as libcurl has it, where a connection has no `proxy`", by = "libcurl" },
  { "SLUICE_STDLIB", "a folder with the Lua side of sluice, for those who work on it" },
  { "SLUICE_SIMD", "how NDJSON is checked: scalar, sse42, avx2, avx512 or neon (the best that the machine has)" },
  { "SLUICE_SCHEDULE, SLUICE_STATE, SLUICE_WAS, SLUICE_TEXT", "set for the program of `notify`: what happened to which schedule" },
  { "SLUICE_RUN, SLUICE_RUN_LOCK_FD, SLUICE_ATTEMPT, SLUICE_DUE, SLUICE_ARGS", "set by `sluice serve` for the runs that it starts" },
  { "SLUICE_STEPS", "a folder in which specs of crashes have each step of a run written down" },
  { "NOTIFY_SOCKET, WATCHDOG_PID, WATCHDOG_USEC", "set by systemd for `sluice serve`" },
}
