--- Writes that must not be doubled (`sluice.outbox`): each record is written once, whoever hands it in however often, whatever
--- is killed or cut on the way.
---
---     local box = outbox.open { connection = shop, operation = "post_order", key = "channel_order_code" }
---     for order in ndjson.records "orders.ndjson" do box:write(order) end
---     box:finish()                                  -- settles what is not certain; what stays unknown ends the run with 7
---
--- The intent is on the disk before the first byte. After an answer that does not come, or a process that died, the API is
--- asked whether the record is there (`settle` of the operation's row, or `resolve`); it is sent again only when its absence
--- is proven (sluice.settling). Where nothing can be asked it is `unknown`, for a person to settle (`sluice outbox`).

local asking = require "sluice.asking"
local definition = require "sluice.definition"
local errors = require "sluice.err"
local fates = require "sluice.outbox_fates"
local json = require "sluice.json"
local log = require "sluice.log"
local outbox_record = require "sluice.outbox_record"
local settling = require "sluice.settling"
local task = require "sluice.task"
local time = require "sluice.time"

local outbox = {}

local IN_FLIGHT = 4
local RESENDS = 3       -- after proven absence
local PENDING_MAX = 64  -- doubtful ones at once, each with a lock; beyond it they are settled before more is sent
local PATIENCE = 1      -- seconds for another process that has the record; then others go first
local LOOK_AGAIN, LOOK_AGAIN_MAX = 0.02, 0.5
local STOPPED = "not sent: the outbox had to stop"

---@class sluice.Outbox
local Outbox = {}
Outbox.__index, Outbox.__name = Outbox, "sluice.outbox"

local known = { "connection", "operation", "key", "with", "into", "resolve", "drained",
  "settle_after", "gap", "deadline", "in_flight", "store", "letter" }

local begin_next -- below: writes another record

local function usage(text, ...)
  errors.raise { code = "usage", message = "outbox.open: " .. text:format(...) }
end

local function check_options(o)
  if type(o) ~= "table" then usage("a table of options is wanted, not a %s", type(o)) end
  local names = {}
  for _, name in ipairs(known) do names[name] = true end
  for name in pairs(o) do
    if not names[name] then
      usage("unknown option '%s'%s", tostring(name), require("sluice.text").near(name, known))
    end
  end
  if not require("sluice.client").is(o.connection) then usage "connection must be a client: sluice.connect(…)" end
  if type(o.operation) ~= "string" then usage "operation is missing: the name of the write" end
  if type(o.key) ~= "string" and type(o.key) ~= "function" then usage "key is missing: the path of what a record is known by, or a function" end
end

--- The host that the operation goes to: a part of what tells writes apart.
local function host_of(client, row)
  return require("sluice.request").base(client.definition, client.options, row.host)
end

---@class sluice.OutboxOptions
---@field connection sluice.Client the client of the write
---@field operation string name of the write; one that may be repeated needs no outbox
---@field key string|function path of the field by which a record is known ("channel_order_code"), or function(record) -> text
---@field with? table further arguments of the operation, the same for all records
---@field into? string the argument that a record becomes (default: the one that is the body; where there is none, the record's
--- fields are the arguments)
---@field resolve? function (key, args, row): evidence that it is there, false where it is not, nil where nothing can be said
---@field drained? function (): false while the API's queue still works, true where it is empty; absence is not believed
--- before (default: asked as the operation's row says)
---@field settle_after? number seconds after the end of a request before "not found" says anything (default: twice `index_lag` of
--- the connection)
---@field gap? number seconds between the two searches that it takes
---@field deadline? number seconds that settling may take (default: 2 × settle_after + 4 × gap + 60); then `unknown`
---@field in_flight? integer writes at once (4)
---@field store? sluice.Store another store than the config's
---@field letter? function (record): its text in the dead letters, where that is not the record's own (nil: it is)

--- An outbox for one operation of a connection.
---@param o sluice.OutboxOptions
---@return sluice.Outbox
function outbox.open(o)
  check_options(o)
  local client = o.connection
  local row = definition.operation(client.definition, o.operation)
  if row.resend == "safe" then usage("%s.%s may be repeated: it needs no outbox", client.name, row.name) end
  local run = require("sluice.run").current()
  local self = setmetatable({
    client = client, row = row, key = o.key, with = o.with or {}, into = o.into or outbox_record.target(row), resolve = o.resolve,
    drained = o.drained, letter = o.letter, options = settling.options(o, tonumber(client.options.index_lag)), run = run,
    slots = task.semaphore(o.in_flight or IN_FLIGHT), settler = task.semaphore(1), tasks = {}, pending = {}, working = {},
    store = o.store or run:store(), host = host_of(client, row), timeout = row.timeout or tonumber(client.options.timeout) or 60,
    begin = begin_next, confirmed = 0, repeated = 0, rejected = 0, unknown = 0, resent = 0,
  }, Outbox)
  run:on_failure(function() self:abandon() end)
  return self
end

-- ---- the row of a record ----

-- Takes the row of the job; false where somebody works on it.
local function claim(self, job)
  if not job.digest then job.body, job.digest = outbox_record.body(job.args) end
  job.intent = self.store:outbox_claim {
    host = self.host, account = self.client.account, operation = self.row.name, scope = job.scope, key = job.key, run = self.run.id,
    body = job.body, digest = job.digest,
  }
  if not job.intent then return false end
  job.body = nil
  task.step "intended"
  return true
end

-- Another process that works on the same record is through in a moment, as a rule.
local function claim_soon(self, job)
  local pause, until_then = LOOK_AGAIN, time.mono() + PATIENCE
  while not claim(self, job) do
    if time.mono() >= until_then then return false end
    task.sleep(pause)
    pause = math.min(pause * 1.5, LOOK_AGAIN_MAX)
  end
  return true
end

-- ---- sending ----

local refused = { invalid = true, conflict = true, usage = true }
local undone = {
  limit = true, unavailable = true, network = true, timeout = true, tls = true, auth = true, forbidden = true, not_found = true,
  cancelled = true, config = true, state = true,
}

-- How it ended is not certain: it is settled later. `age`: since another process has sent it.
local function doubtful(self, job, problem, age)
  job.state, job.problem = "sent", job.problem or problem
  job.at = settling.begin(time.mono(), age, self.timeout)
  if job.waits then return end
  job.waits, self.next_round = true, 0
  self.pending[#self.pending + 1] = job
end

-- One try. Ends the job, leaves it `sent` to be settled, or puts it back and raises what stops everything.
local function attempt(self, job)
  local ok, problem, answer = pcall(self.client.call, self.client, self.row.name, job.args, job.intent)
  task.step "answered"
  if ok then return fates.confirmed(self, job, answer.body) end
  local code, row = errors.is(problem) and problem.code, job.intent:row()
  local again = code == "conflict" and row.attempts > 1 -- is it in conflict with itself?
  if again then job.refusal = tostring(problem) end
  if refused[code] and not again then return fates.rejected(self, job, tostring(problem)) end
  if row.state == "sent" and not undone[code] then
    log.info("outbox", "%s '%s': %s", self.row.name, job.key, tostring(problem))
    return doubtful(self, job, tostring(problem))
  end
  if row.state == "sent" then job.intent:back() end
  fates.close(job)
  job.state = "intended"
  error(problem, 0)
end

-- Whether it was done is not certain: what was sent then is what is asked for, and sent again where it must be.
local function take_over(self, job, row)
  if row.digest ~= job.digest and row.body then
    log.warn("outbox", "%s '%s' was sent with other content, and how that ended is not certain", self.row.name, job.key)
    job.args, job.own, job.differs = json.decode(row.body), job.args, true
  end
  doubtful(self, job, nil, row.age or 0)
end

-- What is to be done with a row that is ours now.
local function proceed(self, job)
  local row = job.intent:row()
  if row.state == "confirmed" then return fates.repeated(self, job, row) end
  if row.state == "rejected" then return fates.rejected(self, job, asking.BY_PERSON) end
  if row.state == "sent" or row.state == "unknown" then return take_over(self, job, row) end
  attempt(self, job)
end

local function begin(self, job)
  if not job.key then
    return fates.rejected(self, job, ("it has no %s to be known by"):format(type(self.key) == "string" and self.key or "key"))
  end
  local first = self.working[job.name]
  if first then
    first.followers[#first.followers + 1] = job
    return
  end
  self.working[job.name] = job
  if claim_soon(self, job) then return proceed(self, job) end
  job.waits, job.at, self.next_round = true, { started = time.mono() }, 0
  self.pending[#self.pending + 1] = job
end

-- What stopped it has left the record undone, or it is not known how far it came.
local function stopped(self, job, problem)
  local open, row = pcall(function() return job.intent:row() end)
  fates.close(job)
  if self.failure == nil then self.failure = problem end
  if open and row.state == "sent" then fates.count(self, job, "unknown")
  elseif job.state ~= "rejected" then fates.count(self, job, "skipped", STOPPED) end
end

-- The next one with a key whose former one was refused, in the task of that one.
function begin_next(self, job)
  local ok, problem = pcall(begin, self, job)
  if not ok then stopped(self, job, problem) end
end

local function raise_failure(self)
  if self.failure ~= nil then error(self.failure, 0) end
end

-- ---- settling ----

local function warn_once(job, text, ...)
  local words = text:format(...)
  log[job.said == words and "debug" or "warn"]("outbox", "%s", words)
  job.said = words
end

local function cancelled(problem) return errors.is(problem) and problem.code == "cancelled" end

-- Once a round is enough; the time it was seen at is what counts. Where it can't be asked now it may be full: that keeps nobody
-- from being found.
local function queue_seen(self, job)
  if not self.queue then
    local now = time.mono()
    local ok, empty = pcall(asking.drained, self)
    if not ok and cancelled(empty) then error(empty, 0) end
    if not ok then warn_once(job, "%s: whether the queue is empty can't be told: %s", self.row.name, tostring(empty)) end
    self.queue = { empty = ok and empty, at = now }
  end
  return self.queue
end

-- The queue first, then the search: what leaves the queue in between is not shown yet.
local function look_once(self, job)
  local row = job.intent:row()
  local now, at = nil, job.at
  local ok, found, part = pcall(function()
    local queue = queue_seen(self, job)
    settling.queue(at, queue.empty, queue.at, self.options)
    now = time.mono()
    return asking.look(self, job.key, job.args, row)
  end)
  task.step "searched"
  at.looked = time.mono()
  if not ok then
    if cancelled(found) then error(found, 0) end
    warn_once(job, "%s '%s' can't be looked for: %s", self.row.name, job.key, tostring(found))
    return job.intent:looked(false)
  end
  if found then return fates.confirmed(self, job, type(found) == "table" and json.encode(found) or tostring(found), "found by a search") end
  if found == nil then return fates.unknown(self, job, "nothing can tell: " .. (job.problem or "its process died")) end
  local counts = not part and settling.counts(at, now, self.options)
  if counts then at.negatives = at.negatives + 1 end
  job.intent:looked(counts)
end

-- Whether the searches that did not find it would have found it.
local function believed(self, job)
  local ok, blind = pcall(asking.blind, self, job.intent:row())
  if ok and not blind then return true end
  if cancelled(blind) then error(blind, 0) end
  job.doubt = ok and ("the search does not find '%s' either, which is confirmed"):format(blind) or tostring(blind)
  warn_once(job, "%s '%s' is not found, but that proves nothing: %s", self.row.name, job.key, job.doubt)
  job.at.negatives, job.at.looked = 0, time.mono()
  return false
end

-- Its absence is proven: it is sent again.
local function resend(self, job)
  if not believed(self, job) then return end
  if job.refusal then return fates.rejected(self, job, job.refusal) end
  job.resends = (job.resends or 0) + 1
  if job.resends > RESENDS then return fates.unknown(self, job, ("sent %d times and never found"):format(RESENDS)) end
  task.step "absent"
  job.intent:back()
  self.resent = self.resent + 1
  log.info("outbox", "%s '%s' is sent again: two searches in a row did not find it", self.row.name, job.key)
  attempt(self, job)
end

local function give_up(self, job)
  local why = job.doubt or job.at.queued and not job.at.drained and "the queue was never seen empty" or job.problem or "its process died"
  fates.unknown(self, job, ("no proof within %g s: %s"):format(self.options.deadline, why))
end

-- A record that another process had: by now it may be ours.
local function wait_step(self, job)
  if claim(self, job) then return proceed(self, job) end
  if time.mono() > job.at.started + self.options.deadline then fates.elsewhere(self, job) end
  job.at.next = time.mono() + LOOK_AGAIN_MAX
end

-- One step of one job; the time of its next one, or nil when it is settled.
local function settle_step(self, job)
  if not job.intent then
    wait_step(self, job)
    if job.intent then return time.mono() end
    return not job.state and job.at.next or nil
  end
  if not asking.possible(self) then
    fates.unknown(self, job, "the API can't be asked: " .. (job.problem or "its process died"))
    return nil
  end
  local action, at = settling.plan(job.at, time.mono(), self.options)
  if action == "wait" then return at end
  if action == "give up" then give_up(self, job)
  elseif action == "look" then look_once(self, job)
  else resend(self, job) end
  return job.intent and time.mono() or nil
end

local function forget(self, job)
  for i, one in ipairs(self.pending) do
    if one == job then table.remove(self.pending, i) break end
  end
  job.waits = nil
end

-- A step of each that waits; the time of the next one. Others may come in meanwhile.
local function settle_round(self)
  local soonest = math.huge
  self.queue = nil
  for _, job in ipairs(table.move(self.pending, 1, #self.pending, 1, {})) do
    local at = settle_step(self, job)
    if at then soonest = math.min(soonest, at) else forget(self, job) end
  end
  self.next_round = soonest
  return soonest
end

-- Settles until no more than `left` wait; without it, what is due now.
local function settle(self, left)
  self.settler:acquire()
  local shown = { what = "settling", client = self.client, total = #self.pending, done = 0 }
  local ok, problem = pcall(function()
    repeat
      local soonest = settle_round(self)
      shown.total = math.max(shown.total, #self.pending)
      shown.done, shown.ended = shown.total - #self.pending, not left or #self.pending <= left
      if left then self.run:progress(shown) end
      if shown.ended then return end
      task.sleep(math.max(0, math.min(soonest, time.mono() + 60) - time.mono()))
    until false
  end)
  self.settler:release()
  if ok then return end
  if self.failure == nil then self.failure = problem end
  error(problem, 0)
end

-- ---- the interface ----

-- Before the next record: what is doubtful must not grow without end, nor wait for the end of a long run.
local function keep_up(self)
  if #self.pending >= PENDING_MAX then
    log.warn("outbox", "%s: how %d of them ended is not certain; they are settled before more is sent", self.row.name, #self.pending)
    settle(self, PENDING_MAX // 2)
  elseif #self.pending > 0 and time.mono() >= (self.next_round or 0) then
    settle(self)
  end
end

--- Hands a record in. Up to `in_flight` are on their way; more wait here. Raises what stops all (credentials, an API that is
--- down): then nothing of this record was done. (waits)
---@param record sluice.Record|table|string a record, a table, or JSON text where the operation takes that
---@return { key: string?, state: string?, differs: boolean? } job
function Outbox:write(record)
  raise_failure(self)
  keep_up(self)
  local job = outbox_record.job(self, record) -- may raise: no slot is lost by it
  self.slots:acquire()
  self.tasks[job] = task.spawn(function()
    local ok, problem = pcall(begin, self, job)
    if not ok then stopped(self, job, problem) end
    self.slots:release()
    self.tasks[job] = nil
  end)
  return job
end

--- Hands a record in and waits for its answer.
---@param record sluice.Record|table|string
---@return "confirmed"|"rejected"|"sent"|"unknown" state "sent": it is not certain, and `finish` settles it
---@return { key: string?, state: string?, differs: boolean? } job
function Outbox:send(record)
  local job = self:write(record)
  if self.tasks[job] then self.tasks[job]:wait() end
  raise_failure(self)
  return job.state or "sent", job
end

--- The row of a key in this outbox, as the store has it; nil where it was never handed in.
---@param key string
---@return sluice.OutboxRow?
function Outbox:stored(key)
  local scope = settling.scope(self.row, settling.bind(self.row, self.with, self.client.options))
  return self.store:outbox_rows { host = self.host, account = self.client.account, operation = self.row.name, scope = scope, key = key }[1]
end

local function adopt_row(self, id)
  local intent = self.store:outbox_claim_id(id)
  if not intent then return end
  local row = intent:row()
  if row.state ~= "sent" or not row.body then return intent:close() end
  local args = json.decode(row.body)
  self.run:count "added" -- an earlier run had read it
  doubtful(self, { intent = intent, key = row.key, args = args, record = self.into and args[self.into] or args, followers = {} },
    nil, row.age or 0)
end

-- What earlier runs have left `sent` in this outbox and nobody works on.
local function adopt(self)
  local after = 0
  repeat
    local rows = self.store:outbox_rows {
      state = "sent", host = self.host, account = self.client.account, operation = self.row.name, after = after, most = PENDING_MAX,
    }
    for _, row in ipairs(rows) do adopt_row(self, row.id) end
    after = #rows > 0 and rows[#rows].id or after
    settle(self, 0)
  until #rows < PENDING_MAX
end

local function wait_for_tasks(self)
  while next(self.tasks) do
    local _, one = next(self.tasks)
    one:wait()
  end
end

--- Waits for all that was handed in, and settles what is not certain: also what earlier runs have left. Raises what stopped
--- the outbox. (waits)
---@return { confirmed: integer, repeated: integer, rejected: integer, unknown: integer, resent: integer }
function Outbox:finish()
  wait_for_tasks(self)
  raise_failure(self)
  for _, job in ipairs(self.pending) do job.at.started = time.mono() end
  adopt(self)
  task.step "settled"
  return { confirmed = self.confirmed, repeated = self.repeated, rejected = self.rejected, unknown = self.unknown, resent = self.resent }
end

--- The run has failed: what is on its way is waited for, what is not certain counts as unknown and stays `sent` for the next run.
function Outbox:abandon()
  wait_for_tasks(self)
  for _, job in ipairs(self.pending) do
    if job.intent then fates.count(self, job, "unknown")
    elseif not job.state or job.state == "intended" then fates.count(self, job, "skipped", STOPPED) end
    fates.close(job)
  end
  self.pending = {}
end

--- Asks for one row of the store with the operation's own means, as `sluice outbox settle` does. (waits)
---@param client sluice.Client
---@param row sluice.OutboxRow
---@return table|false|nil found evidence, false where it is not there, nil where nothing can be asked
function outbox.look(client, row)
  local operation = definition.operation(client.definition, row.operation)
  if not operation.settle or not row.body then return nil end
  return (asking.look({ client = client, row = operation }, row.key, json.decode(row.body), row))
end

return outbox
