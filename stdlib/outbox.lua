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

local definition = require "sluice.definition"
local errors = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local settling = require "sluice.settling"
local task = require "sluice.task"
local time = require "sluice.time"

local outbox = {}

local IN_FLIGHT = 4
local RESENDS = 3       -- after proven absence
local LOOK_AGAIN, LOOK_AGAIN_MAX = 0.02, 0.5 -- while another process has the record
local ANSWER_MAX = 16384

---@class sluice.Outbox
local Outbox = {}
Outbox.__index, Outbox.__name = Outbox, "sluice.outbox"

local known = { "connection", "operation", "key", "with", "into", "resolve", "drained", "settle_after", "gap", "deadline", "in_flight", "store" }

local function usage(text, ...)
  errors.raise { code = "usage", message = "outbox.open: " .. text:format(...) }
end

local function check_options(o)
  if type(o) ~= "table" then usage("a table of options is wanted, not a %s", type(o)) end
  local names = {}
  for _, name in ipairs(known) do names[name] = true end
  for name in pairs(o) do
    if not names[name] then
      local near = errors.nearest(tostring(name), known)
      usage("unknown option '%s'%s", tostring(name), near and (" (did you mean '%s'?)"):format(near) or "")
    end
  end
  if not require("sluice.client").is(o.connection) then usage "connection must be a client: sluice.connect(…)" end
  if type(o.operation) ~= "string" then usage "operation is missing: the name of the write" end
  if type(o.key) ~= "string" and type(o.key) ~= "function" then usage "key is missing: the path of what a record is known by, or a function" end
end

-- The argument that is the body; where an operation has none, a record's fields are its arguments.
local function target_of(row)
  for _, arg in ipairs(row.args or {}) do
    if arg.into == "body" then return arg.name end
  end
end

--- The host that the operation goes to: a part of what tells writes apart.
local function host_of(client, row)
  return require("sluice.request").base(client.definition, client.options, row.host)
end

--- An outbox for one operation of a connection.
---   connection, operation   the client, and the name of the write; one that may be repeated needs no outbox
---   key                     path of the field by which a record is known ("channel_order_code"), or function(record) -> text
---   with                    further arguments of the operation, the same for all records
---   into                    the argument that a record becomes (default: the one that is the body; where there is none, the
---                           record's fields are the arguments)
---   resolve                 function(key, args, row): evidence that it is there, false where it is not, nil where nothing can be said
---   drained                 function(): false while the API's queue still works; absence is not believed before
---   settle_after, gap       seconds after the last send before "not found" says anything (default: twice `index_lag` of the
---                           connection), and between the two searches that it takes
---   deadline                seconds that settling may take (default: 2 × settle_after + 4 × gap + 60); then `unknown`
---   in_flight               writes at once (4)
---   store                   another store than the config's
---@param o table
---@return sluice.Outbox
function outbox.open(o)
  check_options(o)
  local client = o.connection
  local row = definition.operation(client.definition, o.operation)
  if row.resend == "safe" then usage("%s.%s may be repeated: it needs no outbox", client.name, row.name) end
  local run = require("sluice.run").current()
  local self = setmetatable({
    client = client, row = row, key = o.key, with = o.with or {}, into = o.into or target_of(row), resolve = o.resolve,
    drained = o.drained, options = settling.options(o, tonumber(client.options.index_lag)), run = run,
    slots = task.semaphore(o.in_flight or IN_FLIGHT), tasks = {}, pending = {}, working = {},
    store = o.store or run:store(), host = host_of(client, row),
    confirmed = 0, repeated = 0, rejected = 0, unknown = 0, resent = 0,
  }, Outbox)
  run:on_failure(function() self:abandon() end)
  return self
end

-- ---- a record as a write ----

local function key_of(self, record)
  local key
  if type(self.key) == "function" then key = self.key(record)
  elseif type(record) == "userdata" then key = ndjson.get(record, self.key)
  else key = require("sluice.paging").by_path(record, self.key) end
  if key == nil or key == json.null or key == "" or type(key) == "table" then return nil end
  if math.type(key) == "float" and math.tointeger(key) then key = math.tointeger(key) end
  return tostring(key)
end

local function text_of(value)
  if type(value) == "string" then return value end
  local text, problem = json.encode(value)
  if not text then error(problem, 0) end
  return text
end

-- Of the content, whatever the order of its keys: the same order handed in tomorrow, as a table or as a line, is the same.
local function digest_of(body)
  return require("sluice.crypto").sha256(json.encode(json.decode(body), { pretty = true }))
end

local function job_of(self, record)
  local args = {}
  for name, value in pairs(self.with) do args[name] = value end
  if self.into then args[self.into] = record
  else
    for name, value in pairs(type(record) == "userdata" and ndjson.totable(record) or record) do args[name] = value end
  end
  return { record = record, args = args, key = key_of(self, record), followers = {} }
end

-- The row of the job, ours. Another process that works on the same record is waited for.
local function claim(self, job)
  local row = {
    host = self.host, account = self.client.account, operation = self.row.name, key = job.key, run = self.run.id,
    body = text_of(job.args),
  }
  row.digest = digest_of(row.body)
  job.digest = row.digest
  local pause = LOOK_AGAIN
  while true do
    job.intent = self.store:outbox_claim(row)
    if job.intent then break end
    task.sleep(pause)
    pause = math.min(pause * 1.5, LOOK_AGAIN_MAX)
  end
  task.step "intended"
  return job.intent:row()
end

local function close(job)
  if job.intent then job.intent:close() end
  job.intent = nil
end

-- ---- fates ----

-- A recipe's project keeps what was refused in its dead letters; a script without one says so.
local function refuse(self, job, reason)
  local run = self.run
  if run.recipe or run.opened or run.loaded then
    return run:reject(text_of(job.record), reason, { key = job.key, operation = self.row.name })
  end
  log.warn("outbox", "%s '%s' was refused: %s", self.row.name, job.key or "?", reason)
  run:count "rejected"
end

-- How a fate is counted, for the job and for those with the same key that were handed in meanwhile.
local function count(self, job, fate, reason)
  job.state = fate
  for _, one in ipairs { job, table.unpack(job.followers) } do
    one.state = fate
    if fate == "rejected" then refuse(self, one, reason)
    elseif fate == "confirmed" then
      self.run:count(one == job and "sent" or "unchanged")
      if one ~= job then self.repeated = self.repeated + 1 end
    elseif fate == "unknown" then self.run:count "unknown"
    else self.run:skip(reason) end
  end
  if job.key and self.working[job.key] == job then self.working[job.key] = nil end
end

local function settle(job, state, answer, note)
  job.intent:settle(state, answer and log.mask(answer):sub(1, ANSWER_MAX), note and log.mask(note))
  task.step(state)
  close(job)
end

local function confirmed(self, job, answer, note)
  settle(job, "confirmed", answer, note)
  self.confirmed = self.confirmed + 1
  count(self, job, "confirmed")
end

local function rejected(self, job, reason)
  if job.intent then settle(job, "rejected", nil, reason) end
  self.rejected = self.rejected + 1
  count(self, job, "rejected", reason)
end

local function unknown(self, job, note)
  settle(job, "unknown", nil, note)
  self.unknown = self.unknown + 1
  log.warn("outbox", "%s '%s': unknown whether it was done: %s", self.row.name, job.key, note)
  count(self, job, "unknown")
end

-- Written before: by this run, an earlier one, or another process.
local function repeated(self, job, row)
  if row.digest ~= job.digest then
    log.warn("outbox", "%s '%s' was written before with other content; it is not written again", self.row.name, job.key)
  end
  close(job)
  self.repeated = self.repeated + 1 + #job.followers
  job.state, job.differs = "confirmed", row.digest ~= job.digest
  self.run:count "unchanged"
  for _ in ipairs(job.followers) do self.run:count "unchanged" end
  self.working[job.key] = nil
end

-- ---- sending ----

local refused = { invalid = true, conflict = true, usage = true }
local undone = {
  limit = true, unavailable = true, network = true, timeout = true, tls = true, auth = true, forbidden = true, not_found = true,
  cancelled = true, config = true, state = true,
}

-- One try. Ends the job, leaves it `sent` to be settled, or puts it back and raises what stops everything.
local function attempt(self, job)
  local ok, problem, answer = pcall(self.client.call, self.client, self.row.name, job.args, job.intent)
  task.step "answered"
  if ok then return confirmed(self, job, answer.body) end
  local code = errors.is(problem) and problem.code
  if refused[code] then return rejected(self, job, tostring(problem)) end
  if not undone[code] then
    log.info("outbox", "%s '%s': %s", self.row.name, job.key, tostring(problem))
    job.state, job.problem = "sent", tostring(problem)
    return
  end
  if job.intent:row().state == "sent" then job.intent:back() end
  close(job)
  job.state = "intended"
  error(problem, 0)
end

-- Whether it was done is not certain: what was sent then is what is asked for, and sent again where it must be.
local function take_over(self, job, row)
  job.state = "sent"
  if row.digest == job.digest or not row.body then return end
  log.warn("outbox", "%s '%s' was sent with other content, and how that ended is not certain", self.row.name, job.key)
  job.args = json.decode(row.body)
end

local function begin(self, job)
  if not job.key then
    return rejected(self, job, ("it has no %s to be known by"):format(type(self.key) == "string" and self.key or "key"))
  end
  local first = self.working[job.key]
  if first then
    first.followers[#first.followers + 1] = job
    return
  end
  self.working[job.key] = job
  local row = claim(self, job)
  if row.state == "confirmed" then return repeated(self, job, row) end
  if row.state == "sent" or row.state == "unknown" then take_over(self, job, row)
  else attempt(self, job) end
  if job.state == "sent" then self.pending[#self.pending + 1] = job end
end

-- What stopped it has left the record undone, or it is not known how far it came.
local function stopped(self, job, problem)
  local open, row = pcall(function() return job.intent:row() end)
  close(job)
  if self.failure == nil then self.failure = problem end
  if open and row.state == "sent" then count(self, job, "unknown")
  elseif job.state ~= "rejected" then count(self, job, "skipped", "not sent: the outbox had to stop") end
end

local function raise_failure(self)
  if self.failure ~= nil then error(self.failure, 0) end
end

--- Hands a record in. Up to `in_flight` are on their way; more wait here. Raises what stops all (credentials, an API that is
--- down): then nothing of this record was done. (waits)
---@param record sluice.Record|table|string a record, a table, or JSON text where the operation takes that
function Outbox:write(record)
  raise_failure(self)
  self.slots:acquire()
  local job = job_of(self, record)
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
function Outbox:send(record)
  local job = self:write(record)
  if self.tasks[job] then self.tasks[job]:wait() end
  raise_failure(self)
  return job.state or "sent"
end

-- ---- settling ----

-- Evidence, false, or nil: asked by the recipe's function, else by the operation's row.
local function look(self, job)
  if self.resolve then return self.resolve(job.key, job.args, job.intent:row()) end
  local s = self.row.settle
  local result = self.client:call(s.operation, settling.arguments(s, job.key, job.args))
  local list = s.list and require("sluice.paging").by_path(result, s.list) or result
  if type(list) == "function" then -- an operation with pages
    local all = {}
    for entry in list do all[#all + 1] = entry end
    list = all
  end
  return settling.find(s, list, job.key, job.args)
end

local function look_once(self, job)
  local row, now = job.intent:row(), time.now()
  local ok, found = pcall(look, self, job)
  task.step "searched"
  if not ok then
    if errors.is(found) and found.code == "cancelled" then error(found, 0) end
    log[job.warned and "debug" or "warn"]("outbox", "%s '%s' can't be looked for: %s", self.row.name, job.key, tostring(found))
    job.warned = true
    return job.intent:looked(false)
  end
  if found then return confirmed(self, job, type(found) == "table" and json.encode(found) or tostring(found), "found by a search") end
  if found == nil then return unknown(self, job, "nothing can tell: " .. (job.problem or "its process died")) end
  job.intent:looked(settling.counts(row, now, self.options) and (not self.drained or self.drained() ~= false))
end

-- Its absence is proven: it is sent again.
local function resend(self, job)
  job.resends = (job.resends or 0) + 1
  if job.resends > RESENDS then return unknown(self, job, ("sent %d times and never found"):format(RESENDS)) end
  job.intent:back()
  self.resent = self.resent + 1
  log.info("outbox", "%s '%s' is sent again: two searches in a row did not find it", self.row.name, job.key)
  attempt(self, job)
end

-- One step of one job; the time of its next one, or nil when it is settled.
local function settle_step(self, job)
  if not (self.resolve or self.row.settle) then
    unknown(self, job, "the API can't be asked: " .. (job.problem or "its process died"))
    return nil
  end
  local action, at = settling.plan(job.intent:row(), time.now(), self.options, job.started)
  if action == "wait" then return at end
  if action == "give up" then unknown(self, job, "no proof within " .. self.options.deadline .. " s: " .. (job.problem or "its process died"))
  elseif action == "look" then look_once(self, job)
  else resend(self, job) end
  return job.intent and time.now() or nil
end

local function settle_all(self)
  for _, job in ipairs(self.pending) do job.started = time.now() end
  while #self.pending > 0 do
    local left, soonest = {}, math.huge
    for _, job in ipairs(self.pending) do
      local at = settle_step(self, job)
      if at then
        left[#left + 1] = job
        soonest = math.min(soonest, at)
      end
    end
    self.pending = left
    if #left > 0 then
      self.run:progress { what = ("settling %d of"):format(#left) }
      task.sleep(math.max(0, soonest - time.now()))
    end
  end
end

-- What earlier runs have left `sent` in this outbox and nobody works on.
local function adopt(self)
  local filter = { state = "sent", host = self.host, account = self.client.account, operation = self.row.name }
  for _, row in ipairs(self.store:outbox_rows(filter)) do
    local intent = self.store:outbox_claim_id(row.id)
    local now = intent and intent:row()
    if now and now.state == "sent" and now.body then
      local args = json.decode(now.body)
      self.run:count "added" -- an earlier run had read it
      self.pending[#self.pending + 1] = { intent = intent, key = now.key, args = args, record = self.into and args[self.into] or args, followers = {}, state = "sent" }
    elseif intent then
      intent:close()
    end
  end
end

local function wait_for_tasks(self)
  for _, one in pairs(self.tasks) do one:wait() end
end

--- Waits for all that was handed in, and settles what is not certain: also what earlier runs have left. Raises what stopped
--- the outbox. (waits)
---@return { confirmed: integer, repeated: integer, rejected: integer, unknown: integer, resent: integer }
function Outbox:finish()
  wait_for_tasks(self)
  raise_failure(self)
  adopt(self)
  settle_all(self)
  task.step "settled"
  return { confirmed = self.confirmed, repeated = self.repeated, rejected = self.rejected, unknown = self.unknown, resent = self.resent }
end

--- The run has failed: what is on its way is waited for, what is not certain counts as unknown and stays `sent` for the next run.
function Outbox:abandon()
  wait_for_tasks(self)
  for _, job in ipairs(self.pending) do
    if job.intent then count(self, job, "unknown") end
    close(job)
  end
  self.pending = {}
end

--- Asks for one row of the store with the operation's own means, as `sluice outbox settle` does.
---@param client sluice.Client
---@param row sluice.OutboxRow
---@return table|false|nil found evidence, false where it is not there, nil where nothing can be asked
function outbox.look(client, row)
  local operation = definition.operation(client.definition, row.operation)
  if not operation.settle or not row.body then return nil end
  return look({ client = client, row = operation }, { key = row.key, args = json.decode(row.body) })
end

return outbox
