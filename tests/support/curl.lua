-- The curl command line as a client that is not ours. It runs beside the process, so a server in the same process can
-- answer it.
local process = require "sluice.process"
local tmp = require "support.tmp"

local curl = {}

-- Runs a shell command in a fresh folder and waits for its end.
function curl.shell(command, stdin)
  local dir = tmp.dir()
  tmp.write(dir .. "/command", command)
  tmp.write(dir .. "/in", stdin or "")
  local done = assert(process.run { argv = { "/bin/sh", "-c", "sh ./command <in >out 2>err" }, cwd = dir })
  return { code = done.status, out = tmp.read(dir .. "/out"), err = tmp.read(dir .. "/err"), dir = dir }
end

local function parse_headers(text)
  local last = {}
  for line in text:gmatch "[^\r\n]+" do
    local name, value = line:match "^([%w-]+):%s*(.-)%s*$"
    if line:match "^HTTP/" then last = { status = tonumber(line:match "^HTTP/%S+ (%d+)") }
    elseif name then last[name:lower()] = value end
  end
  return last
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- One request: curl.request("POST", url, { headers = {…}, body = text, more = "shell words" }).
-- Gives { status, headers, body, code (curl's exit code), err }.
function curl.request(method, url, options)
  options = options or {}
  local words = { "curl -sSg --max-time 20 -D headers -o body -X", method, options.more or "", quote(url) }
  for name, value in pairs(options.headers or {}) do words[#words + 1] = "-H " .. quote(name .. ": " .. value) end
  if options.body then words[#words + 1] = "--data-binary @-" end
  if method == "HEAD" then words[#words + 1] = "-I" end
  local done = curl.shell("touch headers body; " .. table.concat(words, " "), options.body)
  local headers = parse_headers(tmp.read(done.dir .. "/headers"))
  return { status = headers.status, headers = headers, body = tmp.read(done.dir .. "/body"), code = done.code, err = done.err }
end

-- A curl command as a document shows it, against `url` instead of `host`; the shell's own quoting is the test.
function curl.document(command, replacements)
  for from, to in pairs(replacements) do
    local at = command:find(from, 1, true)
    while at do
      command = command:sub(1, at - 1) .. to .. command:sub(at + #from)
      at = command:find(from, at + #to, true)
    end
  end
  local done = curl.shell("touch headers body\ncurl() { command curl -sSg -D headers -o body \"$@\"; }\n" .. command)
  local headers = parse_headers(tmp.read(done.dir .. "/headers"))
  return { status = headers.status, headers = headers, body = tmp.read(done.dir .. "/body"), code = done.code, err = done.err }
end

return curl
