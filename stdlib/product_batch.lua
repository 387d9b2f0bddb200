--- A batch of products for a site of the Productsup Platform API (`site:product_batch(123, { type = "delta" })`): uploaded
--- piece by piece, in order and never two pieces at once (the API answers 423 to that, which is waited out), committed
--- once, and discarded where anything goes wrong before that.
---
---     local batch = site:product_batch(123, { type = "full" })
---     for row in rows do batch:write(row) end
---     batch:commit()
--
-- A full batch replaces everything that the site has: what is missing in it is deleted. So a row that can't be sent ends
-- a full batch with an error; a delta goes on without it, and the row is in the dead-letter file.
--
-- The API lists no batches. So the store knows the id before the first upload, and the next batch for the site discards
-- what a run that was killed has left. Not where its commit may have gone: to discard that one could undo it.
local batches = require "sluice.batches"
local crypto = require "sluice.crypto"
local errors = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"

local product_batch = {}

---@class sluice.ProductBatch
local Batch = {}
Batch.__index, Batch.__name = Batch, "sluice.product_batch"

local MOST_ROWS = 10000 -- of the API, in one upload

local function raise(code, text, ...)
  errors.raise { code = code, message = text:format(...), where = require("sluice.fail").user_frame(2) }
end

-- ---- rows ----

-- The row as a table of its fields; or nil and what is wrong.
local function table_of(x)
  if ndjson.bad(x) then return nil, x.reason end
  if type(x) == "table" then return x end
  local text = type(x) == "string" and x or ndjson.raw(x)
  local value, problem = json.decode(text)
  if type(value) == "table" then return value end
  return nil, problem and problem.message or "a product must be an object"
end

-- What keeps a row from being sent, or nil.
local function problem_of(x)
  local row, problem = table_of(x)
  if not row then return problem end
  for name, value in pairs(row) do
    if type(name) ~= "string" then return "a product must be an object" end
    if type(value) == "table" then return ("the column '%s' is nested, and products of this API are flat"):format(name) end
  end
end

local function raw_of(x)
  if type(x) == "string" then return x end
  if ndjson.bad(x) then return x.raw end
  local text, problem = json.encode(x)
  return text or json.encode { unreadable = tostring(problem) }
end

-- ---- the end of a batch ----

-- No more of it: its rows have the fate `kind`.
local function close(self, state, kind)
  self.state = state
  if self.counts then self.run:count(kind, self.uploaded + self.chunk:count()) end
  batches.close(self.row, state)
  self.run:batch { stream = "site " .. self.site, batch = self.id, verdict = state }
  self.shown.ended = true
  self.run:progress(self.shown)
  self.chunk:clear()
end

local function discard(self)
  if self.requests > 0 then
    local ok, problem = pcall(self.client.discard_products, self.client, { site = self.site, batch = self.id })
    if not ok then
      log.warn("product_batch", "batch %s of site %s could not be discarded, it is never imported without a commit: %s", self.id,
        self.site, tostring(problem))
    end
  end
  close(self, "discarded", "skipped")
end

local function give_up(self, problem)
  discard(self)
  error(problem, 0)
end

local function check_open(self, what)
  if self.state ~= "open" then raise("usage", "product_batch:%s: the batch is %s", what, self.state) end
  if self.sending then raise("usage", "product_batch:%s: one task at a time, the API takes no uploads side by side", what) end
end

local function resource_of(self) return "site " .. self.site end

local function discard_dead(self)
  for _, row in ipairs(batches.dead(self.client, resource_of(self))) do
    local ok, problem = pcall(self.client.discard_products, self.client, { site = self.site, batch = row.batch })
    batches.close(row.id, "discarded")
    log.info("product_batch", "batch %s of site %s, left by a run that died: %s", row.batch, self.site, ok and "discarded" or tostring(problem))
  end
end

-- ---- what users call ----

local function upload(self)
  local count = self.chunk:count()
  if count == 0 then return end
  self.sending = true
  if self.requests == 0 then
    discard_dead(self)
    self.row = batches.note(self.client, resource_of(self), self.id, 0)
  end
  self.requests = self.requests + 1
  task.step "send"
  local ok, problem = pcall(self.client.upload_products, self.client, { site = self.site, batch = self.id, body = self.chunk })
  self.sending = false
  if not ok then give_up(self, problem) end
  self.uploaded = self.uploaded + count
  self.chunk:clear()
  self.shown.done = self.uploaded
  self.run:progress(self.shown)
  task.step "answer"
end

local function refuse(self, x, reason)
  if self.type == "full" then
    give_up(self, errors.new { code = "invalid", api = self.client.name, operation = "product_batch", body = raw_of(x):sub(1, 500),
      message = "a row of a full batch can't be sent: " .. reason,
      hint = "a full commit without it would delete the product; leave it out on purpose, or send a delta" })
  end
  self.rejected = self.rejected + 1
  self.run:reject(raw_of(x), reason, { site = self.site, batch = self.id })
end

--- Puts a row (a table, a record or a line of JSON) into the batch: flat, with an `id`; of two with the same id the last
--- counts. Uploads what there is when a request is full. (waits)
function Batch:write(x)
  check_open(self, "write")
  local problem = problem_of(x)
  if problem then return refuse(self, x, problem) end
  local fits, failure = self.chunk:put(x)
  if fits == nil then return refuse(self, x, failure.message) end
  if fits then return end
  upload(self)
  self.chunk:put(x)
end

--- Takes a product out: marked as deleted and not exported, or with `hard` gone. (waits)
---@param id string|integer
---@param hard? boolean
function Batch:delete(id, hard)
  self:write { id = id, ["pup:isdeleted"] = hard and -1 or 1 }
end

-- What was sent has the fate that the commit has; where that is not known, neither is theirs.
local function commit_failed(self, problem)
  if not errors.is(problem) or problem.code ~= "ambiguous" then give_up(self, problem) end
  close(self, "unknown", "unknown")
  problem.hint = ("import_history of site %s shows whether a process took the batch; never commit it again blindly"):format(self.site)
  error(problem, 0)
end

--- Uploads the rest and commits, once. Raises, with the batch discarded, where an upload or the commit is refused;
--- `ambiguous` where the commit's answer is lost. (waits)
---@return { sent: integer, rejected: integer, batch: string, requests: integer }
function Batch:commit()
  check_open(self, "commit")
  upload(self)
  if self.uploaded == 0 and self.type == "full" then
    close(self, "empty", "skipped")
    raise("invalid", "product_batch: nothing was written, and an empty full batch would delete all products of site %s "
      .. "(delete_site_products does that on purpose)", self.site)
  end
  if self.uploaded > 0 then
    self.sending = true
    batches.close(self.row, "committing") -- from here on nobody discards it
    task.step "commit"
    local ok, problem = pcall(self.client.commit_products, self.client,
      { site = self.site, batch = self.id, type = self.type, automatic_import = self.automatic_import })
    self.sending = false
    if not ok then commit_failed(self, problem) end
  end
  task.step "committed"
  close(self, "committed", "sent")
  return { sent = self.uploaded, rejected = self.rejected, batch = self.id, requests = self.requests }
end

--- Throws the batch away; nothing where it is over already. (waits)
function Batch:discard()
  if self.state == "open" then discard(self) end
end

Batch.__close = Batch.discard

-- ---- making one ----

local KNOWN = { "type", "automatic_import", "batch", "count", "max_records", "max_bytes" }

local function check(o)
  local known = {}
  for _, name in ipairs(KNOWN) do known[name] = true end
  for key in pairs(o) do
    if not known[key] then
      raise("usage", "product_batch: unknown option '%s'%s", tostring(key), require("sluice.text").near(key, KNOWN))
    end
  end
  if o.type ~= "full" and o.type ~= "delta" then
    raise("usage", 'product_batch: type must be "full" (what is not in the batch is deleted) or "delta", not %s', tostring(o.type))
  end
  local most = o.max_records or MOST_ROWS
  if math.type(most) ~= "integer" or most < 1 or most > MOST_ROWS then
    raise("usage", "product_batch: max_records must be 1 to %d, not %s", MOST_ROWS, tostring(most))
  end
end

--- A sink for product data of a site. Options: `type` ("full" or "delta", mandatory), `automatic_import` (false: no process by
--- itself 20 minutes after the commit), `batch` (32 characters; else of its own), `count` (false: the run's sums leave it out),
--- `max_records` (10,000) and `max_bytes` (8 MB) of a request. `local batch <close> = …` discards it where it is not committed.
---@param client sluice.Client
---@param site string|integer
---@param options { type: "full"|"delta", automatic_import?: boolean, batch?: string, count?: boolean, max_records?: integer, max_bytes?: integer }
---@return sluice.ProductBatch
function product_batch.product_batch(client, site, options)
  if site == nil then raise("usage", "product_batch: which site?") end
  options = options or {}
  check(options)
  local id = options.batch or crypto.random(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local self = setmetatable({
    client = client, site = tostring(site), id = id, type = options.type, automatic_import = options.automatic_import,
    run = require("sluice.run").current(), state = "open", sending = false, counts = options.count ~= false, uploaded = 0, rejected = 0, requests = 0,
    shown = { what = "upload", client = client, done = 0 },
    chunk = ndjson.chunk { max_records = options.max_records or MOST_ROWS, max_bytes = options.max_bytes, require_id = "id" },
  }, Batch)
  self.run:on_failure(function() self:discard() end)
  return self
end

return product_batch
