#!/bin/sh
# The direction of the layers and what is not allowed anywhere; prints each offence, exits 1 where there is one.
# scripts, examples -> stdlib -> bindings -> work -> state, io -> policy, data -> base
set -u
bad=0
forbid() { # message, pattern, files …
  message=$1 pattern=$2
  shift 2
  found=$(grep -nE "$pattern" "$@" 2>/dev/null) || return 0
  printf '%s:\n%s\n' "$message" "$found"
  bad=1
}

include='^ *#include *[<"]'
forbid "runtime/ must not know Lua" "$include(lua|lauxlib|lualib|bindings)" runtime/*/*.[ch]
forbid "bindings/ must not know curl, YAML, databases or servers" "$include(curl|yaml|sqlite3|libpq|microhttpd|openssl|zlib)" bindings/*.[ch]
forbid "vm.h must not show Lua" 'lua_State|lua\.h' bindings/vm.h
forbid "base/ points left" "$include(data|policy|io|state|work)/" runtime/base/*.[ch]
forbid "data/ points left" "$include(policy|io|state|work)/" runtime/data/*.[ch]
forbid "policy/ points left" "$include(io|state|work)/" runtime/policy/*.[ch]
forbid "io/ points left" "$include(policy|state|work)/" runtime/io/*.[ch]
forbid "state/ points left" "$include(work|io)/" runtime/state/*.[ch]
forbid "banned functions" '\b(sprintf|vsprintf|strcpy|strcat|strncpy|strtok|atoi|atol|atof|localtime|gmtime|gets) *\(' runtime/*/*.[ch] bindings/*.[ch]
forbid "bare assert (use sl_assert)" '(^|[^_a-z])assert *\(|assert\.h' runtime/*/*.[ch] bindings/*.[ch]
forbid "SQL outside of state/" '\b(SELECT|INSERT INTO|DELETE FROM|CREATE TABLE)\b' runtime/base/* runtime/data/* runtime/policy/* runtime/io/* runtime/work/* bindings/*.c stdlib/*.lua stdlib/*/*.lua
forbid "clocks are read in base/clock alone" '\b(clock_gettime|gettimeofday) *\(|\btime *\( *(NULL|0) *\)' runtime/data/*.c runtime/policy/*.c runtime/io/*.c runtime/state/*.c runtime/work/*.c bindings/*.c
forbid "the loop alone waits" '(^|[^_.a-z])(sleep|usleep|nanosleep|select|epoll_wait) *\(' runtime/base/*.c runtime/data/*.c runtime/policy/*.c runtime/state/*.c runtime/work/*.c bindings/vm.c

one() { # what, pattern
  count=$(grep -lE "$2" runtime/*/*.c bindings/*.c | wc -l)
  [ "$count" -le 1 ] && return 0
  printf 'more than one file with %s:\n%s\n' "$1" "$(grep -nE "$2" runtime/*/*.c bindings/*.c)"
  bad=1
}
one lua_yieldk '\blua_yieldk? *\('
one lua_resume '\blua_resume *\('
one curl_multi_poll '\bcurl_multi_(poll|wait) *\('

for header in runtime/*/*.h bindings/*.h; do
  head -1 "$header" | grep -q '^/\*' && continue
  printf 'a header opens with what it is for: %s\n' "$header"
  bad=1
done
for source in bindings/*.c; do
  name=$(basename "$source" .c)
  grep -q "^int luaopen_sluice_$name(" "$source" || continue
  [ -f "bindings/$name.lua" ] && continue
  printf 'no annotations: bindings/%s.lua\n' "$name"
  bad=1
done
exit $bad
