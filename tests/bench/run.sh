#!/bin/sh
# make bench: our figures beside the peers' that are installed, in one run. Usage: run.sh SLUICE [row …]
set -eu
sluice=$1
shift
cd "$(dirname "$0")/../.."
exec "$sluice" run tests/bench/bench.lua sluice="$sluice" rows="${*:-${ROWS:-}}" rounds="${ROUNDS:-5}"
