#!/bin/sh
# Turns files into one C file: their bytes, and a table of (module name, chunk name, bytes, length, code, length).
# stdlib/x/y.lua is sluice.x.y, stdlib/init.lua is sluice; bindings/x.lua (annotations) and what is not Lua
# (stdlib/page/page.css, as "file:page/page.css"; docs/serve.md, as "file:docs/serve.md") is kept as data, not a module.
# A module's text is kept for those who read its comments; what is loaded is its code, compiled here with its line numbers.
exec lua5.4 - "$@" <<'EOF'
-- Modules that Debian has for us: name and file.
local outside = { { "argparse", "argparse.lua" } }
-- The parser of luacheck reads recipes for `sluice check`; these files are what it needs.
for _, name in ipairs { "parser", "lexer", "decoder", "utils", "unicode", "unicode_printability_boundaries" } do
  outside[#outside + 1] = { "luacheck." .. name, "luacheck/" .. name .. ".lua" }
end
local folders = { "/usr/share/lua/5.4/", "/usr/local/share/lua/5.4/", "/usr/share/lua/5.1/" }

local rows = {}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local escapes = {}
for i = 0, 255 do escapes[string.char(i)] = ("\\%03o"):format(i) end

-- Lines of a string literal, which compile many times faster than an array of numbers.
local function write_bytes(name, bytes)
  io.write("static const char ", name, "[] =\n")
  for at = 1, math.max(#bytes, 1), 64 do io.write('"', (bytes:sub(at, at + 63):gsub(".", escapes)), '"\n') end
  io.write(";\n")
end

local function emit(path, module, chunk)
  local n, text, code = #rows + 1, read(path), "0, 0"
  write_bytes("bytes_" .. n, text)
  if not module:find(":", 1, true) then
    write_bytes("code_" .. n, string.dump(assert(load(text, "@" .. chunk, "t"))))
    code = ("code_%d, sizeof code_%d - 1"):format(n, n)
  end
  rows[n] = ('    {"%s", "@%s", bytes_%d, sizeof bytes_%d - 1, %s},\n'):format(module, chunk, n, n, code)
end

local function emit_outside(name, file)
  for _, folder in ipairs(folders) do
    local found = io.open(folder .. file, "rb")
    if found then
      found:close()
      return emit(folder .. file, name, file)
    end
  end
  error("no " .. file .. " in " .. table.concat(folders, ", "))
end

io.write '#include "bindings/embed.h"\n'
for _, path in ipairs(arg) do
  local inside = path:match "^stdlib/(.*)$"
  local name = inside and inside:match "^(.*)%.lua$"
  if name then emit(path, (("sluice/" .. name):gsub("/init$", ""):gsub("/", ".")), path)
  elseif inside then emit(path, "file:" .. inside, path)
  elseif path:find "^docs/" then emit(path, "file:" .. path, path)
  else emit(path, "annotations:" .. path:match "([^/]*)%.lua$", path) end
end
for _, one in ipairs(outside) do emit_outside(one[1], one[2]) end
io.write("const sl_embedded sl_embedded_files[] = {\n", table.concat(rows), "    {0, 0, 0, 0, 0, 0},\n};\n")
EOF
