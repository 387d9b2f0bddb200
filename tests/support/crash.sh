#!/bin/sh
# crash.sh FOLDER SIGNAL STEP N COMMAND…: runs the command and sends it the signal when it stands at the named step for the
# Nth time. STEP may be "after", then N is a number of seconds. Says "hit" on standard output where the signal was sent,
# and ends with the command's exit status (128 + signal).
dir=$1 signal=$2 step=$3 n=$4
shift 4
mkdir -p "$dir"

if [ "$step" = after ]; then
    "$@" >"$dir/out" 2>"$dir/err" &
    pid=$!
    sleep "$n"
    kill "-$signal" "$pid" 2>/dev/null && echo hit
    wait "$pid" 2>/dev/null
    exit $?
fi

rm -f "$dir/at" "$dir/go"
mkfifo "$dir/at" "$dir/go"
exec 3<>"$dir/at" 4<>"$dir/go"
SLUICE_STEPS=$dir "$@" >"$dir/out" 2>"$dir/err" 3>&- 4>&- &
pid=$!
# Says that the command has ended, in the pipe where the steps come in.
(while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done; echo ended >&3) &
while read -r name <&3; do
    [ "$name" = ended ] && break
    if [ "$name" = "$step" ]; then
        n=$((n - 1))
        [ "$n" -eq 0 ] && kill "-$signal" "$pid" && echo hit
    fi
    echo go >&4
done
wait "$pid" 2>/dev/null
