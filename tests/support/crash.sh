#!/bin/sh
# crash.sh FOLDER SIGNAL STEP N COMMAND…: runs the command and sends it the signal when it stands at the named step for the
# Nth time. STEP may be "after", then N is a number of seconds. Says "hit" on standard output where the signal was sent,
# and ends with the command's exit status (128 + signal). The command's output is in FOLDER/out and FOLDER/err.
dir=$1 signal=$2 step=$3 n=$4
shift 4
mkdir -p "$dir"
rm -f "$dir/at" "$dir/go" "$dir/pid"
mkfifo "$dir/at" "$dir/go"
exec 3<>"$dir/at" 4<>"$dir/go"

[ "$step" = after ] || export SLUICE_STEPS="$dir"
(
    sh -c 'echo $$ >"$0/pid"; exec "$@"' "$dir" "$@" >"$dir/out" 2>"$dir/err" 3>&- 4>&-
    echo $? >"$dir/status"
    echo ended >&3
) &

if [ "$step" = after ]; then
    sleep "$n"
    kill "-$signal" "$(cat "$dir/pid")" 2>/dev/null && echo hit
fi
while read -r name <&3; do
    [ "$name" = ended ] && break
    if [ "$name" = "$step" ]; then
        n=$((n - 1))
        [ "$n" -eq 0 ] && kill "-$signal" "$(cat "$dir/pid")" && echo hit
    fi
    echo go >&4
done
exit "$(cat "$dir/status")"
