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

--- The API has refused it.
function fates.rejected(self, job, reason)
  if job.intent then close_as(job, "rejected", nil, reason) end
  self.rejected = self.rejected + 1
  fates.count(self, job, "rejected", reason)
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
