--- The dry run: reads go out, writes do not. Each write is shown and answered with a plausible result (sluice.plausible), so
--- that the recipe goes on; what is later asked about it is answered in the same way, since the server knows nothing of it.
---
---     wire.put(dry.new { verbose = true })
---
--- Which operation writes is said by its row: `writes`, or its method. A request of `sluice.http` writes where its method is none of
--- GET, HEAD and OPTIONS. The store of a dry run is a copy (sluice.aside).
local definition = require "sluice.definition"
local json = require "sluice.json"
local log = require "sluice.log"
local plausible = require "sluice.plausible"
local request_body = require "sluice.request_body"
local text = require "sluice.text"
local wire = require "sluice.wire"

local dry = {}

local FIRST_ID = 9000000001 -- of what is only made in a dry run; no API is near it
local SHOWN, WIDTH = 3, 160 -- first lines of a body, and how much of each

---@class sluice.Dry
---@field sums table[] what would have been sent: { name, method, requests, records, bytes }
local Dry = {}
Dry.__index = Dry

--- `verbose`: bodies are shown whole. `silent`: nothing is shown.
---@param options? { verbose?: boolean, silent?: boolean }
---@return sluice.Dry
function dry.new(options)
  options = options or {}
  return setmetatable({ verbose = options.verbose, silent = options.silent, last_id = FIRST_ID - 1, made = {}, done = {}, sums = {} }, Dry)
end

-- ---- what a request is ----

local function lines_in(body)
  local n = 0
  for line in body:gmatch "[^\r\n]+" do n = n + (line:find "%S" and 1 or 0) end
  return n
end

-- The records of a carried body, by its encoding; of a list that is an argument its length.
local function records_of(row, values, body)
  for _, arg in ipairs(row.args or {}) do
    local value = values[arg.name]
    if value ~= nil and arg.into == "body" then
      if request_body.is_chunk(value) then return value:count() end
      if arg.type ~= "records" and arg.type ~= "ids" then return 1 end
      local list = body:find "^%s*%[" and json.decode(body)
      return type(list) == "table" and #list or lines_in(body)
    end
    if value ~= nil and arg.type == "list" and not arg.items then return #value end
  end
end

-- ---- showing ----

local function size_of(records, bytes)
  local parts = {}
  if records then parts[1] = ("%s record%s"):format(text.grouped(records), records == 1 and "" or "s") end
  if bytes > 0 then parts[#parts + 1] = ("%s bytes"):format(text.grouped(bytes)) end
  return #parts > 0 and ", " .. table.concat(parts, ", ") or ""
end

local function first_lines(body)
  local lines, more = {}, 0
  for line in body:gmatch "[^\r\n]+" do
    if #lines == SHOWN then more = more + 1 else
      local cut = #line > WIDTH
      lines[#lines + 1] = "  " .. log.body(line, WIDTH) .. (cut and "…" or "")
    end
  end
  if more > 0 then lines[#lines + 1] = ("  … %s more line%s"):format(text.grouped(more), more == 1 and "" or "s") end
  return lines
end

--- A request that writes, as people may see it: what would be sent or what is asked about.
---@class sluice.dry.Shown
---@field name string "shop.queue_products"
---@field method string
---@field url string
---@field body string
---@field records? integer
---@field note? string of a body that is not at hand

--- The same as text, with its line end: one line, and the first lines of the body or (`whole`) all of it.
---@param words string "would send"
---@param o sluice.dry.Shown
---@param whole? boolean
---@return string
function dry.text(words, o, whole)
  local lines = { ("%s %s %s (%s)%s"):format(words, o.method, o.url, o.name, size_of(o.records, #o.body)) }
  if o.note then
    lines[2] = "  " .. o.note
  elseif whole and o.body ~= "" then
    lines[2] = "  " .. log.body(o.body, #o.body):gsub("\n(.)", "\n  %1"):gsub("\n$", "")
  else
    table.move(first_lines(o.body), 1, SHOWN + 1, 2, lines)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function show(self, o)
  if not self.silent then log.print(dry.text("would send", o, self.verbose)) end
end

local function count(self, o)
  local key = o.method .. " " .. o.name
  local sum = self.sums[key]
  if not sum then
    sum = { name = o.name, method = o.method, requests = 0, records = 0, bytes = 0 }
    self.sums[key], self.sums[#self.sums + 1] = sum, sum
  end
  sum.requests, sum.records, sum.bytes = sum.requests + 1, sum.records + (o.records or 0), sum.bytes + #o.body
end

-- ---- answering ----

local function new_id(self, n)
  self.last_id = self.last_id + 1
  self.made[tostring(self.last_id)] = { id = self.last_id, records = n }
  return self.last_id
end

--- Whether an id was only made in this dry run, so that there is nothing to wait for.
function Dry:knows(id) return self.made[tostring(id)] ~= nil end

-- What a dry write has made and this request asks about (the latest, of a stream and its batch); nil where it asks for none.
local function made_by_us(self, values)
  local latest
  for _, value in pairs(values) do
    local plain = type(value) == "string" or math.type(value) == "integer"
    local made = plain and self.made[tostring(value)]
    if made and (not latest or made.id > latest.id) then latest = made end
  end
  return latest
end

-- Whether it asks what became of a dry write that has no id of its own ("is the queue empty?").
local function follows(self, call)
  for _, name in ipairs(call.row.follows or {}) do
    if self.done[call.client.name .. "." .. name] then return true end
  end
end

local function answer(self, call, n)
  local body = plausible.body(call.client.definition, call.row, call.values, n, function() return new_id(self, n) end)
  return { status = (call.row.success or {})[1] or 200, headers = {}, body = body, attempts = 0, resent = 0, waited = 0, took = 0, dry = true }
end

--- A client's call as it is shown.
---@param call sluice.wire.Call
---@return sluice.dry.Shown
function dry.of_call(call)
  local body = request_body.of_call(call.request.body) or ""
  return { name = call.client.name .. "." .. call.row.name, method = call.request.method, url = call.request.url, body = body,
    records = records_of(call.row, call.values, body) }
end

--- Lets a client's read go out, answers its write.
---@param call sluice.wire.Call
---@param send function
function Dry:call(call, send)
  local made = made_by_us(self, call.values)
  if not definition.writes(call.row) then
    if made or follows(self, call) then return answer(self, call, made and made.records) end
    return send()
  end
  local shown = dry.of_call(call)
  show(self, shown)
  count(self, shown)
  self.done[shown.name] = true
  return answer(self, call, shown.records)
end

local READS = { GET = true, HEAD = true, OPTIONS = true }

-- What is said of a body that is not at hand: a stream is not run through.
local function note_on(options, elsewhere)
  if elsewhere == "file" then return ("the body is the file %s"):format(options.body_file) end
  return elsewhere and "the body is streamed"
end

--- A request of sluice.http as it is shown; nil where it only reads.
---@param request sluice.wire.Http
---@return sluice.dry.Shown?
function dry.of_http(request)
  if READS[request.method] then return nil end
  local body, _, elsewhere = request_body.of_http(request.options)
  local url = require("sluice.har").url(request.address)
  return { name = "sluice.http", method = request.method, url = url, body = body or "", note = note_on(request.options, elsewhere) }
end

--- The same as `call` for a request of sluice.http.
---@param request sluice.wire.Http
---@param send function
function Dry:http(request, send)
  local shown = dry.of_http(request)
  if not shown then return send() end
  show(self, shown)
  count(self, shown)
  local headers = { { "Content-Type", "application/json" } }
  return wire.response { status = 200, reason = "OK", headers = headers, body = "{}", url = request.address, options = request.options }
end

-- ---- the summary ----

--- What would have been sent, as lines for people: the label of the first is "would send".
---@return string[]
function Dry:lines()
  local lines = {}
  for i, sum in ipairs(self.sums) do
    lines[i] = ("%s request%s %s %s%s"):format(text.grouped(sum.requests), sum.requests == 1 and "" or "s", sum.method, sum.name,
      size_of(sum.records > 0 and sum.records or nil, sum.bytes))
  end
  if #lines == 0 then lines[1] = "nothing" end
  return lines
end

--- The same as data.
function Dry:data()
  local list = json.array {}
  for i, sum in ipairs(self.sums) do list[i] = sum end
  return list
end

return dry
