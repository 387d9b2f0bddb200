--- Batches of a stream after their upload: noted in the store, and waited for until a linked site has imported them
-- (`feed:wait_batches{…}`). Nothing but an import moves a batch on, so the wait has a deadline, and ends in `stalled` there.
--
--   feed:wait_batches { stream = "124773", ids = done.batches, deadline = 600 }
--   feed:wait_batches { stream = "124773" }          -- those that the store knows to be open, of earlier runs too

local definition = require "sluice.definition"
local errors = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local poll = require "sluice.poll"
local task = require "sluice.task"
local wire = require "sluice.wire"

local batches = {}

-- The store, where this run has one: a script without a config leaves nothing behind.
local function store_of(run)
  if run.opened or run.loaded then return run:store() end
end

local function account_of(client)
  return ("%s at %s"):format(client.account or "-", client.options and client.options.base_url or "-")
end

--- Notes a batch before anybody asks for it; gives its number in the store, or nil where there is no store.
---@param client sluice.Client
---@param stream string
---@param batch string
---@param records integer
---@return integer?
function batches.note(client, stream, batch, records)
  local run = require("sluice.run").current()
  local store = store_of(run)
  return store and store:batch_put { api = client.api, account = account_of(client), resource = tostring(stream), batch = batch,
    records = records, run = run.id }
end

--- Ends a batch in the store.
---@param number integer?
---@param verdict string
function batches.close(number, verdict)
  local store = number and store_of(require("sluice.run").current())
  if store then store:batch_done(number, verdict) end
end

--- The batches of a resource that a run had open when it died.
---@param client sluice.Client
---@param resource string
---@return sluice.BatchRow[]
function batches.dead(client, resource)
  local store, list = store_of(require("sluice.run").current()), {}
  for _, row in ipairs(store and store:batches_open { api = client.api, account = account_of(client), resource = resource } or {}) do
    if not row.run_alive then list[#list + 1] = row end
  end
  return list
end

-- ---- which ----

-- The batches to wait for: { id, row = number in the store, own = whether the caller named it }.
local function wanted(client, o)
  local run, list, rows = require("sluice.run").current(), {}, {}
  local store = store_of(run)
  local filter = { api = client.api, account = account_of(client), resource = tostring(o.stream) }
  for _, row in ipairs(store and store:batches_open(filter) or {}) do
    rows[row.batch] = row.id
    local free = row.run == nil or row.run == run.id or not row.run_alive
    if not o.ids and free then list[#list + 1] = { id = row.batch, row = row.id } end
  end
  for _, id in ipairs(o.ids or {}) do
    local number = rows[id] or batches.note(client, o.stream, id, 0)
    list[#list + 1] = { id = id, row = number, own = true }
  end
  return list
end

-- ---- asking ----

local final = { auth = true, cancelled = true, config = true, forbidden = true, not_found = true, protocol = true, usage = true }

local function text_of(stage)
  local words = {}
  for _, one in ipairs(type(stage.errors) == "table" and stage.errors or {}) do words[#words + 1] = tostring(one.message) end
  return table.concat(words, "; ")
end

-- What an answer says: the status that the poll goes by, and the batch as the caller gets it.
local function read(job, batch)
  local attributes = batch.attributes or {}
  local stages = attributes.stages or {}
  local stage = stages.processing
  if stage == nil or stage == json.null then stage = stages.upload or {} end
  job.status = tostring(attributes.status)
  job.stage, job.accepted, job.refused, job.reason = stage.status, stage.successCount, stage.errorCount, text_of(stage)
  return job.status
end

-- Asks about one batch and reports; an error that waiting does not cure is kept in `state.problem`.
local function ask(state, job)
  local ok, batch = pcall(state.client.batch, state.client, { stream = state.stream, batch = job.id })
  local code = not ok and errors.is(batch) and batch.code or "internal"
  if not ok and code == "not_found" and not job.own then -- of an earlier run, and the server has forgotten it
    state.jobs:remove(job)
    job.verdict = "gone"
  elseif not ok and (final[code] or code == "internal") then
    state.jobs:remove(job)
    state.problem = state.problem or batch
  else
    job.verdict = state.jobs:report(job, ok and read(job, batch) or nil)
  end
  if job.verdict and job.verdict ~= "stalled" then batches.close(job.row, job.status or job.verdict) end
end

local function ask_all(state, at_once)
  local slots, flying, run = task.semaphore(at_once), {}, require("sluice.run").current()
  local shown = { what = "batches", client = state.client, done = 0, total = state.jobs:count() }
  while state.jobs:count() > 0 and not state.problem do
    local job, wait = state.jobs:next()
    if job then
      slots:acquire()
      flying[job] = task.spawn(function()
        ask(state, job)
        shown.done = shown.total - state.jobs:count()
        run:progress(shown)
        flying[job] = nil
        slots:release()
      end)
    elseif wait then
      task.sleep(wait)
    else
      local _, one = next(flying)
      one:wait()
    end
  end
  for _, one in pairs(flying) do one:wait() end
  shown.ended = true
  run:progress(shown)
end

-- ---- the end ----

local function by_verdict(list, verdict)
  local found = {}
  for _, job in ipairs(list) do
    if job.verdict == verdict then found[#found + 1] = job end
  end
  return found
end

local function raise_stalled(state, list, stalled)
  errors.raise {
    code = "stalled", api = state.client.name, operation = "batch",
    message = ("%d of %d batches of stream %s were not processed in time; the first is %s (%s)"):format(#stalled, #list,
      state.stream, stalled[1].id, stalled[1].status or "never answered"),
    hint = "a batch is processed when a site that is linked to the stream imports: trigger an import, or wait longer (deadline)",
  }
end

local function raise_failed(state, list, failed)
  errors.raise {
    code = "partial", api = state.client.name, operation = "batch",
    message = ("%d of %d batches of stream %s failed; the first is %s: %s"):format(#failed, #list, state.stream, failed[1].id,
      failed[1].reason),
  }
end

local function warn_of_refused(state, list)
  local refused, first = 0, nil
  for _, job in ipairs(list) do
    local n = math.tointeger(job.refused) or 0
    if n > 0 then refused, first = refused + n, first or job end
  end
  if refused == 0 then return end
  log.warn("batches", "stream %s: the import refused %d records; batch %s: %s", state.stream, refused, first.id, first.reason)
end

local function judge(state, list)
  if state.problem then error(state.problem, 0) end
  local stalled, failed = by_verdict(list, "stalled"), by_verdict(list, "failed")
  if #stalled > 0 then raise_stalled(state, list, stalled) end
  if #failed > 0 then raise_failed(state, list, failed) end
  warn_of_refused(state, list)
end

local KNOWN = { "stream", "ids", "deadline", "start", "factor", "cap", "jitter", "at_once" }

local function check(o)
  local known = {}
  for _, name in ipairs(KNOWN) do known[name] = true end
  for key in pairs(o) do
    if not known[key] then
      errors.raise { code = "usage", message = ("wait_batches: unknown option '%s'%s"):format(tostring(key),
        require("sluice.text").near(key, KNOWN)) }
    end
  end
  if o.stream == nil then errors.raise { code = "usage", message = "wait_batches: stream is missing" } end
end

--- Waits until the batches are processed. `ids` left out: all that the store knows to be open. Raises `stalled` where some
--- are not by the `deadline` (seconds, 3600), `partial` where some have failed. Intervals: `start` (1), `factor` (1.5), `cap`
--- (30), `jitter` (0.2); `at_once` (8) questions on their way. (waits)
---@param client sluice.Client
---@param o { stream: any, ids?: string[], deadline?: number, start?: number, factor?: number, cap?: number, jitter?: number, at_once?: integer }
---@return { id: string, status: string, stage?: string, accepted?: integer, refused?: integer, reason?: string }[]
function batches.wait_batches(client, o)
  check(o)
  local row = definition.operation(client.definition, "batch")
  local state = { client = client, stream = tostring(o.stream) }
  local start = wire.interval(o.ids and o.ids[1], o.start or 1)
  state.jobs = poll.new { terminal = row.poll.terminal, start = start, factor = o.factor, cap = o.cap, jitter = o.jitter,
    deadline = o.deadline }
  local list = wanted(client, o)
  for _, job in ipairs(list) do
    local ok, problem = state.jobs:add(job)
    if not ok then error(problem, 0) end
  end
  ask_all(state, o.at_once or 8)
  judge(state, list)
  return list
end

local function stage_lines(name, stage)
  local lines = { ("  %s %s, %d accepted, %d refused"):format(name, stage.status, stage.successCount, stage.errorCount) }
  for _, one in ipairs(stage.errors) do
    lines[#lines + 1] = ("    line %s: %s (%d times): %s"):format(one.example.lineNumber, one.message, one.occurrences, one.example.value)
  end
  return table.concat(lines, "\n")
end

--- What became of a batch, as text: its status, its stages and what they refused. (waits)
---@param client sluice.Client
---@param stream string
---@param id string
---@return string
function batches.describe_batch(client, stream, id)
  local batch = client:batch { stream = stream, batch = id }.attributes
  local lines = { ("batch %s: %s"):format(id, batch.status) }
  for _, name in ipairs { "upload", "processing" } do
    local stage = batch.stages[name]
    if type(stage) == "table" then lines[#lines + 1] = stage_lines(name, stage) end
  end
  return table.concat(lines, "\n")
end

return batches
