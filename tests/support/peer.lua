-- Runs build/tests/peer (see peer.c); what it starts ends with the pipe to it.
local peer = {}

local function tool()
  return (os.getenv "SLUICE_BUILD" or "build") .. "/tests/peer"
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Starts `peer ARGS…`; gives its first line and a handle whose close() ends it.
function peer.start(...)
  local words = { quote(tool()) }
  for _, word in ipairs { ... } do words[#words + 1] = quote(tostring(word)) end
  local pipe = assert(io.popen("exec " .. table.concat(words, " "), "r"))
  local line = pipe:read "l"
  if not line then
    pipe:close()
    error("can't run " .. table.concat(words, " ") .. " (make " .. tool() .. " builds it)")
  end
  return line, pipe
end

--- Ports that are free now.
function peer.ports(count)
  local first, pipe = peer.start("free", count)
  local ports = { tonumber(first) }
  for line in pipe:lines() do ports[#ports + 1] = tonumber(line) end
  pipe:close()
  return table.unpack(ports)
end

return peer
