local http = require "sluice.http"
local args = ...
local body = ("x"):rep(2000000)
for _ = 1, math.tointeger(tonumber(args.n)) do
  local res, problem = http.post(args.url, { body = body, headers = { ["content-type"] = "application/octet-stream" } })
  if not res then error(problem) end
  if res.status ~= 200 then error("status " .. res.status) end
end
