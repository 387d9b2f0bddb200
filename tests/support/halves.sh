#!/bin/sh
# halves.sh SLUICE: all specs, in two processes side by side: those of recipes and documents, which mostly wait for children, and
# the rest. Shows the output of each when it has ended; fails where one does.
sluice=$1
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
"$sluice" test tests/scripts tests/docs tests/rules_spec.lua >"$out" 2>&1 &
"$sluice" test $(find tests -mindepth 1 -maxdepth 1 -type d ! -name scripts ! -name docs ! -name support)
rest=$?
wait $!
recipes=$?
cat "$out"
[ "$rest" -eq 0 ] && [ "$recipes" -eq 0 ]
