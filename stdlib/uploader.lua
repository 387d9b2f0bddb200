--- Sends records to a Productsup stream in batches and finds out what became of each one (`feed:uploader(stream)`).
--
-- One batch is built while up to `in_flight` others are on their way; `write` waits when they all are, so memory holds
-- that many bodies and no more. A body is kept until its verdict is in: for a repeat, and to name its records. Every so many
-- records `write` lets the transfers go on, so that a batch travels while the recipe makes the next one.
--
-- Order. Batches on their way may overtake each other. So a batch that holds an id which is also in an earlier batch
-- waits until that one is settled; within a batch the server takes the lines in order, and a later one wins.
--
-- Verdicts. Not the HTTP status but the upload stage of the batch says what happened, and it shows one example for each
-- kind of error. Lines are told apart by the example's own text, since no document says whether lines are counted from 0
-- or from 1. Where more lines were refused than examples name, the others are found by sending halves of the batch again:
-- an upload replaces what has the same id, so a repeat does no harm. So every refused record is named, and every record
-- ends as sent, rejected, skipped (the batch certainly did not go) or unknown.

local batches = require "sluice.batches"
local errors = require "sluice.err"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"
local verdict = require "sluice.verdict"

local uploader = {}

local RESENDS = 1000 -- requests that finding the refused records of one batch may take
local HALVINGS = 3   -- of a batch that the server has no time for

---@class sluice.Uploader
local Uploader = {}
Uploader.__index, Uploader.__name = Uploader, "sluice.uploader"

-- ---- parts of a batch ----

-- A part: a chunk, and of each of its lines the number in the batch that it came from (nil: the same number).
local function text_of(part, i) return part.chunk:line(i) end

local function part_of(self, part, lines)
  local chunk, origin = self:new_chunk(), {}
  for i, n in ipairs(lines) do
    chunk:put(text_of(part, n))
    origin[i] = part.origin and part.origin[n] or n
  end
  return { job = part.job, chunk = chunk, origin = origin, halvings = part.halvings }
end

local function range(from, to)
  local list = {}
  for i = from, to do list[#list + 1] = i end
  return list
end

-- ---- accounts ----

local function sent(self, n)
  self.sent = self.sent + n
  self.count("sent", n)
end

local function reject(self, part, i, reason, batch)
  self.rejected = self.rejected + 1
  self.refuse(text_of(part, i), reason, { stream = self.stream, batch = batch, line = i })
end

-- What may have been done although no answer came is unknown; everything else was not.
local doubtful = { ambiguous = true, timeout = true, network = true, protocol = true, partial = true, internal = true }

local function is_doubtful(problem)
  if type(problem) ~= "table" then return true end
  return doubtful[problem.code] or (problem.status or 0) >= 500 -- the answer of a server that failed while it was at it
end

local function lost(self, part, problem, unsent)
  local n = part.chunk:count()
  if not self.failure then self.failure = problem end
  local kind = not unsent and is_doubtful(problem) and "unknown" or "skipped"
  self[kind] = self[kind] + n
  self.count(kind, n)
end

-- ---- one request ----

local function body_of(self, chunk)
  if not self.options.referenced then return chunk end
  local lines = {}
  for _, line in chunk:lines() do lines[#lines + 1] = line end
  return "[" .. table.concat(lines, ",") .. "]"
end

-- The batch that the server made of the part, or nil and the error.
local function post(self, part)
  local job = part.job
  job.requests = job.requests + 1
  local call = task.spawn(pcall, self.send, body_of(self, part.chunk))
  task.yield() -- the request is on its way
  task.step "send"
  local ok, batch = call:wait()
  task.step "answer"
  if not ok then return nil, batch end
  return batch
end

-- The batch is in the store before anybody asks for it, so that a run that starts after a crash can go on asking.
local function note(self, batch, said, n)
  if type(batch) ~= "table" or batch.id == nil then return end
  local id = tostring(batch.id)
  self.run:batch { stream = self.stream, batch = id, verdict = said }
  self.ids[#self.ids + 1] = id
  self.rows[#self.rows + 1] = batches.note(self.client, self.stream, id, n)
end

-- ---- from a verdict to the records ----

local settle

local function settle_lines(self, part, lines)
  if #lines == 0 then return end
  if self.failure then -- the server is not to be bothered any more
    return lost(self, part_of(self, part, lines), self.failure)
  end
  return settle(self, part_of(self, part, lines))
end

local function settle_halves(self, part, lines)
  local half = (#lines + 1) // 2
  settle_lines(self, part, table.move(lines, 1, half, 1, {}))
  settle_lines(self, part, table.move(lines, half + 1, #lines, 1, {}))
end

local function too_many(self)
  return errors.new {
    code = "partial", message = ("stream %s: too many records of a batch were refused to name them all"):format(self.stream),
    hint = "send them in smaller batches (max_records)",
  }
end

-- The stage names some of the refused lines; the others are among the rest.
local function settle_partly(self, part, batch, said)
  local named, open = verdict.lines(said, part.chunk, self), {}
  local left = said.refused
  self.run:reject_together(function()
    for i = 1, part.chunk:count() do
      if named[i] then
        reject(self, part, i, named[i], batch.id)
        left = left and left - 1
      else
        open[#open + 1] = i
      end
    end
  end)
  if left == 0 then return sent(self, #open) end
  if left and left >= #open then
    self.run:reject_together(function()
      for _, i in ipairs(open) do reject(self, part, i, said.reason, batch.id) end
    end)
  elseif part.job.requests >= RESENDS then
    lost(self, part_of(self, part, open), too_many(self))
  else
    settle_halves(self, part, open)
  end
end

local function settle_batch(self, part, batch)
  local n = part.chunk:count()
  local said = verdict.of(batch, n)
  note(self, batch, said.status, n)
  if said.status == "none" then
    return lost(self, part, errors.new { code = "protocol", api = self.client.name, operation = "upload_products",
      message = ("stream %s: an answer without a verdict on the upload"):format(self.stream) })
  end
  if said.refused == 0 then return sent(self, n) end
  if self.options.referenced then
    return lost(self, part, errors.new { code = "invalid", api = self.client.name, message =
      ("stream %s refused the batch %s: %s"):format(self.stream, tostring(batch.id), said.reason) })
  end
  if said.refused == n then
    return self.run:reject_together(function()
      for i = 1, n do reject(self, part, i, said.reason, batch.id) end
    end)
  end
  return settle_partly(self, part, batch, said)
end

-- The server answers a body that it has no room or no time for with 413 or, after ten seconds, a server error. A 503 says
-- that it is away: smaller bodies would fare no better.
local function too_much(problem, part)
  if type(problem) ~= "table" or part.chunk:count() < 2 then return false end
  if problem.status == 413 then return true end
  local status = problem.status or 0
  local late = problem.code == "timeout" or status == 408 or (status >= 500 and status ~= 503)
  return late and part.halvings < HALVINGS
end

local function settle_failure(self, part, problem)
  if type(problem) == "table" and problem.status == 413 and part.chunk:count() == 1 then
    return reject(self, part, 1, "too large for the server", nil)
  end
  if too_much(problem, part) then
    if problem.status ~= 413 then part.halvings = part.halvings + 1 end
    return settle_halves(self, part, range(1, part.chunk:count()))
  end
  return lost(self, part, problem)
end

function settle(self, part)
  local batch, problem = post(self, part)
  if batch then return settle_batch(self, part, batch) end
  return settle_failure(self, part, problem)
end

-- ---- batches on their way ----

local function show(self, ended)
  self.shown.done, self.shown.ended = self.sent + self.rejected + self.skipped + self.unknown, ended
  self.run:progress(self.shown)
end

local function fly(self, job)
  for _, earlier in ipairs(job.after) do earlier.task:wait() end
  job.after = nil -- or a chain of batches would be kept
  local part = { job = job, chunk = job.chunk, halvings = 0 }
  local ok, problem = true, nil
  if self.remember then ok, problem = pcall(self.remember, job.chunk:ids()) end
  if ok and not self.failure then
    ok, problem = pcall(settle, self, part)
    if not ok then self.failure = self.failure or problem end
  else
    lost(self, part, self.failure or problem, true)
  end
  self.flying[job] = nil
  show(self)
  self.spare[#self.spare + 1] = job.chunk:clear()
  self.slots:release()
end

local function new_job(self)
  return { chunk = table.remove(self.spare) or self:new_chunk(self.options.in_flight > 1), requests = 0 }
end

function Uploader:new_chunk(track_ids)
  local o = self.options
  return ndjson.chunk { max_records = o.max_records, max_bytes = o.max_bytes, max_record_bytes = o.max_record_bytes,
    require_id = "id", track_ids = track_ids }
end

-- The batches on their way that hold an id of this one.
local function earlier_of(self, job)
  local list = {}
  for other in pairs(self.flying) do
    if job.chunk:meets(other.chunk) then list[#list + 1] = other end
  end
  return list
end

local function dispatch(self)
  local job = self.building
  if job.chunk:count() == 0 then return end
  self.building = nil
  self.slots:acquire()
  job.after = earlier_of(self, job)
  self.flying[job] = true
  job.task = task.spawn(fly, self, job)
  show(self)
  self.building = new_job(self)
end

local function drain(self)
  while true do
    local job = next(self.flying)
    if not job then return end
    job.task:wait()
  end
end

-- Nothing more is sent after a failure: what is on its way is waited for, what is not (with `more` records) is skipped.
local function give_up(self, more)
  drain(self)
  local left = self.building.chunk:count() + more
  self.skipped = self.skipped + left
  self.count("skipped", left)
  self.building.chunk:clear()
  error(self.failure, 0)
end

-- ---- what users call ----

local function raw_of(x)
  if type(x) == "string" then return x end
  if ndjson.bad(x) then return x.raw end
  local text, problem = require("sluice.json").encode(x)
  return text or require("sluice.json").encode { unreadable = tostring(problem) }
end

local function refuse(self, x, reason)
  self.rejected = self.rejected + 1
  self.refuse(raw_of(x), reason, { stream = self.stream })
end

local function usage(text, ...)
  errors.raise { code = "usage", message = text:format(...) }
end

-- What `write` does with all that the batch does not simply take.
local function write_slowly(self, x)
  if self.finished then usage "uploader:write: it is finished" end
  if not self.building then usage "uploader:write: one task at a time" end
  if self.failure then give_up(self, 1) end
  if ndjson.bad(x) then return refuse(self, x, x.reason) end
  local fits, problem = self.building.chunk:put(x)
  if fits == nil then return refuse(self, x, problem.message) end
  if fits then return end
  dispatch(self)
  if self.failure then give_up(self, 1) end
  self.building.chunk:put(x)
end

--- Puts a record (a record, a table or a line of JSON) into the batch; sends the batch when it is full. What no batch
--- can take (too large, no id, not an object) is rejected. Raises where an earlier batch has failed. Batches on their way go
--- on meanwhile. (waits)
function Uploader:write(x)
  local job = not self.failure and not self.finished and self.building
  local taken, due
  if job then taken, due = self.take(job.chunk, x) end
  if not taken then return write_slowly(self, x) end
  if due and next(self.flying) then task.yield() end -- to the transfers
end

--- Sends what is there and waits until all is settled. Raises where a batch failed as a whole or its outcome is unknown.
--- (waits)
function Uploader:flush()
  if not self.failure then dispatch(self) end
  drain(self)
  if self.failure then give_up(self, 0) end
end

--- The end: as flush; with `wait = "processed"` also until a linked site has imported the batches (an import must be
--- triggered for that), `stalled` past the deadline. Gives the sums. (waits)
---@param options? { wait?: "upload"|"processed", deadline?: number }
---@return { sent: integer, rejected: integer, batches: string[] }
function Uploader:finish(options)
  options = options or {}
  local wait = options.wait or "upload"
  if wait ~= "upload" and wait ~= "processed" then
    usage("uploader:finish: wait is \"upload\" or \"processed\", not '%s'", tostring(wait))
  end
  self:flush()
  self.finished = true
  show(self, true)
  if wait == "processed" then
    batches.wait_batches(self.client, { stream = self.stream, ids = self.ids, deadline = options.deadline })
  else
    for _, row in ipairs(self.rows) do batches.close(row, "uploaded") end
  end
  return { sent = self.sent, rejected = self.rejected, batches = self.ids }
end

-- ---- making one ----

local DEFAULTS = { max_records = 10000, max_bytes = 8000000, max_record_bytes = 1000000, in_flight = 2 }
local REFERENCED = { max_records = 1000000, max_bytes = 32000000, max_record_bytes = 1000000, in_flight = 1 }
local KNOWN = { "max_records", "max_bytes", "max_record_bytes", "in_flight", "gzip", "referenced", "remember" }

local function options_of(given)
  local known, options = {}, {}
  for _, name in ipairs(KNOWN) do known[name] = true end
  for key, value in pairs(given) do
    if not known[key] then
      usage("uploader: unknown option '%s'%s", tostring(key), require("sluice.text").near(key, KNOWN))
    end
    options[key] = value
  end
  for key, value in pairs(given.referenced and REFERENCED or DEFAULTS) do
    options[key] = options[key] or value
    if math.type(options[key]) ~= "integer" or options[key] < 1 then
      usage("uploader: %s must be a whole number from 1", key)
    end
  end
  return options
end

local function nothing() end

local function new(client, stream, options, fields)
  local run = require("sluice.run").current()
  local self = setmetatable({
    client = client, stream = tostring(stream), options = options, run = run, ids = {}, rows = {}, flying = {}, spare = {},
    slots = task.semaphore(options.in_flight), sent = 0, rejected = 0, skipped = 0, unknown = 0,
    failure = false, finished = false, remember = options.remember, shown = { what = "upload", client = client },
    count = function(kind, n) run:count(kind, n) end,
    refuse = function(raw, reason, extra) run:reject(raw, reason, extra) end,
  }, Uploader)
  for key, value in pairs(fields) do self[key] = value end
  self.building = new_job(self)
  self.write, self.take = Uploader.write, self.building.chunk.take -- found at once, for each record
  run:on_failure(function() -- of whatever else: nothing more is sent, what is on its way is waited for
    self.failure = self.failure or errors.new { code = "cancelled", message = "the run failed" }
    drain(self)
  end)
  return self
end

---@class sluice.UploaderOptions
---@field max_records? integer
---@field max_bytes? integer
---@field max_record_bytes? integer
---@field in_flight? integer
---@field gzip? boolean
---@field referenced? boolean
---@field remember? fun(ids: table)

--- A sink for the stream, for one task to write to. Options: `max_records` (10,000), `max_bytes` of a request (8 MB), `max_record_bytes` (1 MB),
--- `in_flight` (2), `gzip`, `referenced` (a stream of that type: JSON arrays, no verdict per record), `remember(ids)`
--- (is told the ids of a batch before it goes).
---
---     local upload = feed:uploader "124773"
---     for product in products do upload:write(product) end
---     upload:finish()
---@param client sluice.Client
---@param stream string|integer
---@param options? sluice.UploaderOptions
---@return sluice.Uploader
function uploader.uploader(client, stream, options)
  if stream == nil then usage "uploader: which stream?" end
  options = options_of(options or {})
  local kind = options.referenced and "referenced" or nil
  return new(client, stream, options, {
    send = function(body)
      return (client:upload_products { stream = stream, body = body, gzip = options.gzip, type = kind })
    end,
  })
end

--- The same for taking products out of the stream: `write{ id = … }`. It counts nothing in the run; a refusal is an
--- error.
---@param client sluice.Client
---@param stream string|integer
---@return sluice.Uploader
function uploader.remover(client, stream)
  local self
  self = new(client, stream, options_of { in_flight = 1 }, {
    send = function(body) return (client:delete_products { stream = stream, ids = body }) end,
    count = nothing, shown = { what = "delete", client = client },
    refuse = function(raw, reason)
      self.failure = self.failure or errors.new { code = "partial",
        message = ("stream %s: could not delete %s: %s"):format(stream, raw, reason) }
    end,
  })
  return self
end

return uploader
