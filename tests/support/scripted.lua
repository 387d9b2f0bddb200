-- An HTTP server whose answers a spec writes down: a list of them, one for each request, or a function.
--
--   local api = scripted.start { { status = 503 }, { status = 200, json = { ok = true } } }
--   … api.url, api.requests[1].body, api:close()
--
-- An answer is { status=, headers=, body= | json= }, or { how = "reset" | "truncate" | "stall" | "raw", … }, or a
-- function(request) that gives one. Past the list's end each request gets a 500, so that a spec sees it.
local json = require "sluice.json"
local server = require "sluice.server"
local task = require "sluice.task"

local scripted = {}

local function copy(request)
  local out = {}
  for _, key in ipairs { "method", "path", "target", "query", "headers", "body" } do out[key] = request[key] end
  return out
end

local function send(request, answer)
  if type(answer) == "function" then answer = answer(request) end
  local body = answer.json ~= nil and assert(json.encode(answer.json)) or answer.body or ""
  local full = { status = answer.status or 200, headers = answer.headers, body = body, after = answer.after, hold = answer.hold }
  if answer.how == "reset" then return request:reset() end
  if answer.how == "raw" then return request:raw(answer.body) end
  if answer.how == "stall" then return request:stall(full) end
  if answer.how == "truncate" then return request:truncate(full) end
  full.after, full.hold = nil, nil
  return request:respond(full)
end

--- Starts it. `answers` is the list, or function(request, n).
function scripted.start(answers)
  local srv = assert(server.listen {})
  local self = { url = srv.url, requests = {}, server = srv }
  local serving = task.spawn(function()
    for request in srv.accept, srv do
      local n = #self.requests + 1
      self.requests[n] = copy(request)
      local answer = type(answers) == "function" and answers(request, n) or type(answers) == "table" and answers[n]
      send(request, answer or { status = 500, body = "the script has ended" })
    end
  end)
  function self.close()
    srv:close()
    serving:wait()
  end
  return self
end

return scripted
