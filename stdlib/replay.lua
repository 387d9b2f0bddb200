--- Answers from a recording (`--replay`): nothing goes over the network, and waiting costs no time. A request gets the answer
--- of the first entry with its method, address and body that was not given yet; one that is not there is an error that names the
--- nearest. The clocks begin where those of the recording did; sleeps, and what the requests took then, pass at once.
---
---     local way = replay.start "session.har"
---     wire.put(way) … wire.put(nil)
---     way:close()
local crypto = require "sluice.crypto"
local err = require "sluice.err"
local har = require "sluice.har"
local log = require "sluice.log"
local request_body = require "sluice.request_body"
local task = require "sluice.task"
local time = require "sluice.time"
local wire = require "sluice.wire"

local replay = {}

---@class sluice.Replay
local Replay = {}
Replay.__index = Replay

-- Notes an entry: by its key, in the order of the file.
local function note(self, entry, reread)
  if type(entry.request) ~= "table" or type(entry.response) ~= "table" then return end
  local body = har.request_body(entry)
  local url = har.url(entry.request.url)
  local key = har.key(entry.request.method, url, body)
  local one = { line = entry.request.method .. " " .. url, body = (body or ""):sub(1, 200), reread = reread, key = key }
  self.by_key[key] = self.by_key[key] or { at = 1 }
  table.insert(self.by_key[key], one)
  table.insert(self.all, one)
  self.first = self.first or entry.startedDateTime
end

--- Opens a recording. `real_time`: clocks stay as they are.
---@param path string
---@param options? { real_time?: boolean }
---@return sluice.Replay
function replay.start(path, options)
  local self = setmetatable({ path = path, by_key = {}, all = {}, given = 0 }, Replay)
  local own = har.read(path, function(entry, reread) note(self, entry, reread) end)
  if own.seed then crypto.seed(own.seed) end
  if options and options.real_time then return self end
  local started = own.started or self.first and time.parse(self.first)
  time.shift(started and started - time.now() or 0, 0)
  time.fly(true)
  self.flies = true
  return self
end

-- ---- what is not there ----

local function lines_of(self, unused)
  local lines = {}
  for _, one in ipairs(self.all) do
    if not unused or not one.given then lines[#lines + 1] = one.line end
  end
  return lines
end

local function with_line(self, line)
  for _, one in ipairs(self.all) do
    if one.line == line then return one end
  end
end

-- Why a request has no answer, and what is nearest to it.
local function missing(self, line, key, body)
  local had, same = self.by_key[key], with_line(self, line)
  local message, hint
  if had then
    message = ("%s is in the recording %d time%s, and was asked once more"):format(line, #had, #had == 1 and "" or "s")
  elseif same then
    message = ("%s is in the recording with another body"):format(line)
    hint = ("asked:    %s\nrecorded: %s"):format(log.body(body or "", 200), log.body(same.body, 200))
  else
    message = ("%s is not in the recording"):format(line)
    local near = err.nearest(line, lines_of(self, true)) or err.nearest(line, lines_of(self)) or lines_of(self, true)[1]
    hint = near and "the nearest is " .. near or "it has no request that is left"
  end
  err.raise { code = "state", message = ("replay of %s: %s"):format(self.path, message),
    hint = hint or "record it anew, or replay what was recorded" }
end

-- The entry that answers, once the time has passed that it took.
local function take(self, method, url, body)
  local key = har.key(method, url, body)
  local had = self.by_key[key]
  local one = had and had[had.at]
  if not one then missing(self, method .. " " .. url, key, body) end
  had.at, one.given, self.given = had.at + 1, true, self.given + 1
  local entry = one.reread()
  if self.flies then task.sleep(math.max(0, tonumber(entry.time) or 0) / 1000) end
  return entry, entry._sluice or {}
end

-- ---- answers ----

local function map_of(headers)
  local map = {}
  for _, header in ipairs(headers or {}) do map[header.name:lower()] = header.value end
  return map
end

local function holds(list, status)
  for _, one in ipairs(list or {}) do
    if one == status then return true end
  end
  return false
end

local CODES = { [401] = "auth", [403] = "forbidden", [404] = "not_found", [409] = "conflict", [429] = "limit" }

-- Of a recording that others have made only the status tells how it ended.
local function judged(call, status)
  if holds(call.row.success or { 200 }, status) or holds(call.row.deliver, status) then return nil end
  local code = CODES[status] or (status >= 500 or status == 0) and "unavailable" or "invalid"
  return { code = code, status = status, api = call.client.name, operation = call.row.name,
    message = ("%s.%s: the recording has status %d"):format(call.client.name, call.row.name, status) }
end

--- Answers a client's call.
---@param call sluice.wire.Call
function Replay:call(call)
  local req = call.request
  local body = request_body.of_call(req.body)
  local entry, own = take(self, req.method, har.url(req.url), body and har.body(body))
  if req.intent then require("sluice.call").mark(req.intent) end
  local status, headers, text = entry.response.status, map_of(entry.response.headers), har.answer_body(entry)
  local failure = own.error or (not own.operation and judged(call, status)) or nil
  if failure then return nil, err.new(failure), text, { status = status, headers = headers } end
  return { status = status, headers = headers, body = text, attempts = own.attempts or 1, resent = own.resent or 0,
    waited = own.waited or 0, took = (entry.time or 0) / 1000 }
end

--- Answers a request of sluice.http.
---@param request sluice.wire.Http
function Replay:http(request)
  local body, kind, elsewhere = request_body.of_http(request.options)
  if elsewhere == "file" then body = request_body.of_file(request.options.body_file) end
  if elsewhere == "streamed" then body = request_body.drain(request.pieces) end
  local entry, own = take(self, request.method, har.url(request.address), body and har.body(body, true, kind))
  if own.error then return nil, err.new(own.error) end
  local headers = {}
  for i, header in ipairs(entry.response.headers or {}) do headers[i] = { header.name, header.value } end
  return wire.response { status = entry.response.status, reason = entry.response.statusText, headers = headers, body = har.answer_body(entry),
    url = own.url or request.address, options = request.options }
end

--- How many entries were not asked for.
---@return integer
function Replay:left() return #self.all - self.given end

--- The clocks are real again, requests are not answered any more.
function Replay:close()
  crypto.seed(nil)
  if not self.flies then return end
  time.fly(false)
  time.shift(0, 0)
  self.flies = nil
end

return replay
