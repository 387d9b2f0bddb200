#!/bin/sh
# parts.sh SLUICE: all specs, in three processes side by side, since many wait for children: those of recipes and documents, those
# of the bindings and of the folders of stdlib, those of stdlib itself. Shows the output of each; fails where one does.
sluice=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

"$sluice" test tests/scripts tests/docs tests/rules_spec.lua >"$dir/recipes" 2>&1 &
recipes=$!
"$sluice" test tests/bindings tests/bench tests/fuzz $(find tests/stdlib -mindepth 1 -maxdepth 1 -type d) >"$dir/bindings" 2>&1 &
bindings=$!
"$sluice" test tests/stdlib/*_spec.lua
bad=$?
wait "$bindings" || bad=1
cat "$dir/bindings"
wait "$recipes" || bad=1
cat "$dir/recipes"
exit "$bad"
