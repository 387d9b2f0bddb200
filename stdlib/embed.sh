#!/bin/sh
# Turns files into one C file: an array of bytes each, and a table of (module name, chunk name, bytes, length).
# stdlib/x/y.lua is sluice.x.y, stdlib/init.lua is sluice; bindings/x.lua (annotations) and what is not Lua
# (stdlib/page/page.css, as "file:page/page.css"; docs/serve.md, as "file:docs/serve.md") is kept as data, not a module.
set -eu
argparse=$(for d in /usr/share/lua/5.4 /usr/local/share/lua/5.4; do [ -f "$d/argparse.lua" ] && echo "$d/argparse.lua" && break; done)
echo '#include "bindings/embed.h"'
n=0
rows=""
emit() { # file, module, chunk name
  echo "static const unsigned char bytes_$n[] = {"
  od -An -v -tx1 "$1" | sed 's/ \(..\)/0x\1,/g'
  echo "0};"
  rows="$rows    {\"$2\", \"$3\", (const char *)bytes_$n, sizeof bytes_$n - 1},
"
  n=$((n + 1))
}
for file in "$@"; do
  name=$(echo "$file" | sed 's|^stdlib/||; s|\.lua$||; s|/init$||; s|/|.|g')
  case "$file" in
    stdlib/init.lua) emit "$file" "sluice" "@$file" ;;
    stdlib/*.lua) emit "$file" "sluice.$name" "@$file" ;;
    stdlib/*) emit "$file" "file:${file#stdlib/}" "@$file" ;;
    docs/*) emit "$file" "file:$file" "@$file" ;;
    *) emit "$file" "annotations:$(basename "$file" .lua)" "@$file" ;;
  esac
done
emit "$argparse" "argparse" "@argparse.lua"
echo "const sl_embedded sl_embedded_files[] = {"
printf '%s' "$rows"
echo "    {0, 0, 0, 0},"
echo "};"
