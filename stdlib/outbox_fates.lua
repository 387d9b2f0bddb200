--- How a write of the outbox ends: in its row, in the run's sums, in the dead letters.
local log = require "sluice.log"
local outbox_record = require "sluice.outbox_record"
local task = require "sluice.task"

local fates = {}

local ANSWER_MAX = 16384

--- Gives the row back.
function fates.close(job)
  if job.intent then job.intent:close() end
  job.intent = nil
end

-- A recipe's project keeps what was refused in its dead letters; a script without one says so.
local function refuse(self, job, reason)
  local run = self.run
  if run.recipe or run.opened or run.loaded then
    local text = self.letter and self.letter(job.record) or outbox_record.text(job.record)
    return run:reject(text, reason, { key = job.key, operation = self.row.name })
  end
  log.warn("outbox", "%s '%s' was refused: %s", self.row.name, job.key or "?", reason)
  run:count "rejected"
end

-- Handed in twice in one run: the first one went.
local function same(self, job, other)
  self.repeated = self.repeated + 1
  local _, digest = outbox_record.body(other.args)
  other.differs = job.digest ~= nil and digest ~= job.digest
  if not other.differs then return end
  log.warn("outbox", "%s '%s' was handed in twice with different content; the first one counts", self.row.name, job.key)
end

--- How a fate is counted, for the job and for those with the same key that were handed in meanwhile.
---@param self sluice.Outbox
---@param job table
---@param fate "confirmed"|"rejected"|"unknown"|"skipped"
---@param reason? string
function fates.count(self, job, fate, reason)
  job.state = fate
  for _, one in ipairs { job, table.unpack(job.followers) } do
    one.state = fate
    if fate == "rejected" then refuse(self, one, reason)
    elseif fate == "confirmed" then
      self.run:count(one == job and "sent" or "unchanged")
      if one ~= job then same(self, job, one) end
    elseif fate == "unknown" then self.run:count "unknown"
    else self.run:skip(reason) end
  end
  if job.name and self.working[job.name] == job then self.working[job.name] = nil end
end

-- The front of a text as far as it is UTF-8: what a server sends must not keep the outbox from being shown as JSON.
local function readable(text)
  local front = log.mask(text):sub(1, ANSWER_MAX)
  local _, bad = utf8.len(front)
  return bad and front:sub(1, bad - 1) or front
end

local function close_as(job, state, answer, note)
  job.intent:settle(state, answer and readable(answer), note and readable(note))
  task.step(state)
  fates.close(job)
end

--- The API has it.
function fates.confirmed(self, job, answer, note)
  close_as(job, "confirmed", answer, note)
  self.confirmed = self.confirmed + 1
  fates.count(self, job, "confirmed")
end

local function digest_of(job) return (select(2, outbox_record.body(job.args))) end

-- Those of the followers that have other content than what was refused: they may be what puts it right. The first of them comes
-- next, with the rest behind it.
local function corrected(job)
  local next_one, same_ones = nil, {}
  for _, one in ipairs(job.followers) do
    if next_one then table.insert(next_one.followers, one)
    elseif digest_of(one) ~= job.digest then next_one = one
    else same_ones[#same_ones + 1] = one end
  end
  job.followers = same_ones
  return next_one
end

-- What was refused is what an earlier run had sent under this key; the record itself, which has other content, was not tried.
local function own_turn(self, job)
  local old = { key = job.key, record = self.into and job.args[self.into] or job.args }
  self.run:count "added" -- an earlier run had read it
  refuse(self, old, job.reason)
  job.args, job.own, job.digest, job.differs, job.state = job.own, nil, nil, nil, nil
  job.problem, job.refusal, job.resends, job.doubt = nil, nil, nil, nil
  if self.working[job.name] == job then self.working[job.name] = nil end
end

--- The API has refused it. Where what was handed in meanwhile under its key has other content, that is written next.
function fates.rejected(self, job, reason)
  if job.intent then close_as(job, "rejected", nil, reason) end
  self.rejected = self.rejected + 1
  if job.own then
    job.reason = reason
    own_turn(self, job)
    return self.begin(self, job)
  end
  local next_one = job.key and corrected(job)
  fates.count(self, job, "rejected", reason)
  self.rejected = self.rejected + #job.followers
  if next_one then self.begin(self, next_one) end
end

--- Nothing can tell.
function fates.unknown(self, job, note)
  close_as(job, "unknown", nil, note)
  self.unknown = self.unknown + 1
  log.warn("outbox", "%s '%s': unknown whether it was done: %s", self.row.name, job.key, note)
  fates.count(self, job, "unknown")
end

--- Another process has it, for too long to wait for. The row is that one's affair.
function fates.elsewhere(self, job)
  self.unknown = self.unknown + 1
  log.warn("outbox", "%s '%s': another process works on it for more than %g s, and how that ends is not known", self.row.name, job.key,
    self.options.deadline)
  fates.count(self, job, "unknown")
end

--- Written before: by this run, an earlier one, or another process.
function fates.repeated(self, job, row)
  if row.digest ~= job.digest then
    log.warn("outbox", "%s '%s' was written before with other content; it is not written again", self.row.name, job.key)
  end
  fates.close(job)
  self.repeated = self.repeated + 1 + #job.followers
  job.state, job.differs = "confirmed", row.digest ~= job.digest
  self.run:count "unchanged"
  for _ in ipairs(job.followers) do self.run:count "unchanged" end
  self.working[job.name] = nil
end

return fates
