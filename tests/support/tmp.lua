-- Fresh folders that go away with the process.
local crypto = require "sluice.crypto"

local tmp = {}
local made = setmetatable({}, { __gc = function(list)
  for _, dir in ipairs(list) do os.execute("rm -rf '" .. dir .. "'") end
end })

function tmp.dir()
  local name = crypto.random(6):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local dir = (os.getenv "TMPDIR" or "/tmp") .. "/sluice-test-" .. name
  assert(os.execute("mkdir -m 700 '" .. dir .. "'"))
  made[#made + 1] = dir
  return dir
end

function tmp.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
  return path
end

function tmp.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

return tmp
