--- Keeps what goes over the network in a HAR file (`--record`): a client's call is an entry, with the answer that it ended with,
--- and so is a request of sluice.http. Written as it comes, aside, and renamed at the end; secrets are scrubbed (sluice.har).
---
---     local way = recording.start("session.har", { recipe = "r" })
---     wire.put(way) … wire.put(nil)
---     way:close()
---
--- One exchange is in memory at a time; streamed bodies and answers are held whole while they are recorded.
local crypto = require "sluice.crypto"
local har = require "sluice.har"
local json = require "sluice.json"
local log = require "sluice.log"
local request_body = require "sluice.request_body"
local time = require "sluice.time"
local wire = require "sluice.wire"

local recording = {}

---@class sluice.Recording
---@field count integer of entries so far
---@field bytes integer of them
local Recording = {}
Recording.__index = Recording

local function must(value, problem)
  if not value then error(problem, 0) end
  return value
end

--- Begins a file. `own` is kept in its head. Ids made with crypto.random follow from a seed in it from now on, so that a replay
--- makes the same ones.
---@param path string
---@param own? table
---@return sluice.Recording
function recording.start(path, own)
  local aside = path .. ".part"
  os.remove(aside)
  local head = { started = time.now(), seed = crypto.base64(crypto.random(24)) }
  for name, value in pairs(own or {}) do head[name] = type(value) == "string" and log.mask(value) or value end
  local self = setmetatable({ path = path, aside = aside, count = 0, bytes = 0, out = must(require("sluice.file").append(aside)) }, Recording)
  local text
  text, self.tail = har.frame(head)
  must(self.out:write(text))
  crypto.seed(head.seed)
  return self
end

-- The last look at the line finds what is a secret by the time it is written.
local function put(self, exchange)
  local line = must(json.encode(har.entry(exchange), { sort = true }))
  must(self.out:write((self.count > 0 and ",\n" or "") .. log.mask(line)))
  self.count, self.bytes = self.count + 1, self.bytes + #line
end

local ERROR_FIELDS = { "code", "message", "status", "api", "operation", "body", "retryable", "retry_after", "hint" }

local function error_of(problem)
  if problem == nil then return nil end
  local fields = {}
  for _, name in ipairs(ERROR_FIELDS) do fields[name] = problem[name] end
  return fields
end

--- Lets a client's call go out and keeps it.
---@param call sluice.wire.Call
---@param send function
function Recording:call(call, send)
  local req = call.request
  local body, started, from = request_body.of_call(req.body), time.now(), time.mono()
  local answer, problem, text, head = send()
  local came = answer or head or {}
  put(self, {
    started = started, seconds = time.mono() - from, method = req.method, url = har.url(req.url), headers = har.headers(req.headers),
    body = body and har.body(body), status = came.status or 0, answer_headers = har.headers(came.headers),
    answer = har.body(answer and answer.body or text or ""),
    own = { operation = ("%s.%s"):format(call.client.name, call.row.name), error = error_of(problem),
      attempts = came.attempts, resent = came.resent, waited = came.waited },
  })
  return answer, problem, text, head
end

local function listed(headers)
  local list = {}
  for name, value in pairs(headers or {}) do list[#list + 1] = { name, value } end
  return list
end

-- What really goes out: a streamed body is kept on its way, an answer comes whole.
local function options_for(request)
  local options = {}
  for name, value in pairs(request.options) do options[name] = value end
  options.stream, options.save = nil, nil
  local body, kind, elsewhere = request_body.of_http(options)
  if elsewhere == "file" then body = request_body.of_file(options.body_file) end
  if elsewhere ~= "streamed" then return options, function() return body, kind end end
  return request_body.tee(options, request.pieces)
end

--- The same for a request of sluice.http.
---@param request sluice.wire.Http
---@param send fun(options: sluice.http.Options): table?, sluice.Error?
function Recording:http(request, send)
  local options, sent = options_for(request)
  local started, from = time.now(), time.mono()
  local res, problem = send(options)
  local body, kind = sent()
  local headers = har.headers(options.headers)
  if kind then table.insert(headers, { name = "Content-Type", value = kind }) end
  put(self, {
    started = started, seconds = time.mono() - from, method = request.method, url = har.url(request.address), headers = headers,
    body = body and har.body(body, true, kind), status = res and res.status or 0, reason = res and res.reason,
    answer_headers = har.headers(res and listed(res.headers) or nil), answer = har.body(res and res.body or "", true),
    own = { error = error_of(problem), url = res and har.url(res.url) },
  })
  if not res or not (request.options.stream or request.options.save) then return res, problem end
  return wire.response { status = res.status, reason = res.reason, headers = listed(res.headers), body = res.body, url = res.url,
    options = request.options }
end

--- The file is complete and in its place when this returns.
function Recording:close()
  if not self.out then return end
  crypto.seed(nil)
  local out = self.out
  self.out = nil
  must(out:write(self.tail))
  must(out:close())
  local ok, problem = os.rename(self.aside, self.path)
  if not ok then require("sluice.err").raise { code = "state", message = ("the recording is in %s: %s"):format(self.aside, problem) } end
end

return recording
