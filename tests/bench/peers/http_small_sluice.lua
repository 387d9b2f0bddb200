local http = require "sluice.http"
local args = ...
for _ = 1, math.tointeger(tonumber(args.n)) do
  local res, problem = http.get(args.url)
  if not res then error(problem) end
  if res.status ~= 200 then error("status " .. res.status) end
end
