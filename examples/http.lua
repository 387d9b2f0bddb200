-- HTTP: an answer is an answer whatever its status; nil and an error mean that none came.
--   sluice run examples/http.lua url=https://api.github.com/repos/lua/lua
local http = require "sluice.http"

local args = ...
local res, problem = http.get(args.url, { query = { page = 1 }, headers = { Accept = "application/json" }, timeout = 10 })
if not res then
  print("no answer: " .. problem.code .. (problem.retryable and ", may be tried again" or ""))
  return
end

print(res.status, res.headers["content-type"], ("%d bytes"):format(#res.body))
local value, bad = res:json()
if bad then
  print("not JSON: " .. bad.code)
else
  for key in pairs(value) do print("has " .. key) end
end
