-- A TCP server that plays a script: for what no proper server would do.
--
--   local server = rawserver.start [[
--   read
--   send HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc
--   reset
--   ]]
--   http.get(server.url .. "/x")     server:log() gives all that was received     server:stop()
local peer = require "support.peer"
local tmp = require "support.tmp"

local rawserver = {}
rawserver.__index = rawserver

function rawserver.start(script)
  local dir = tmp.dir()
  tmp.write(dir .. "/script", script)
  local port, pipe = peer.start("script", dir .. "/script", dir .. "/log")
  return setmetatable({ port = tonumber(port), url = "http://127.0.0.1:" .. port, pipe = pipe, dir = dir }, rawserver)
end

function rawserver:log() return tmp.read(self.dir .. "/log") end

--- How many connections came.
function rawserver:connections() return select(2, self:log():gsub("%f[%-]%-%- %d+\n", "")) end

function rawserver:stop() self.pipe:close() end

return rawserver
