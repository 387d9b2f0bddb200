# A session of its own kind: it writes a prompt on a terminal alone, and waits.
test -t 0 || exit 1
printf 'hello\n$ '
read -r line
