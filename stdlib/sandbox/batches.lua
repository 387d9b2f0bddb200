-- Batches of a stream: what an upload was told (stage upload), and what a linked site's import says later (stage
-- processing, which stays null until there is an import).
local crypto = require "sluice.crypto"
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"

local M = {}

local O = json.object
local MOST = 100000

local function uuid()
  local hex = crypto.random(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  return ("%s-%s-4%s-a%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

local function stage(now, good, bad, errors)
  local status = bad == 0 and "success" or good == 0 and "failure" or "warning"
  return { at = now, status = status, good = good, bad = bad, errors = errors or {} }
end

---A new batch of `stream` with the verdict on its upload.
function M.add(stream, now, good, bad, errors)
  local batch = { id = uuid(), stream = stream.id, upload = stage(now, good, bad, errors) }
  batch.status = batch.upload.status == "failure" and "failed" or "uploaded"
  stream.batches[batch.id] = batch
  local order = stream.batch_order
  order[#order + 1] = batch.id
  if #order > MOST then stream.batches[table.remove(order, 1)] = nil end
  return batch
end

---The import of a linked site: all batches that wait for one are processed. `outcome` may say how many of each batch are
---rejected then: { reject = 1, message = "…" }. Gives how many batches that were.
function M.process(stream, now, outcome)
  local done = 0
  for _, id in ipairs(stream.batch_order) do
    local batch = stream.batches[id]
    if batch.status == "uploaded" then
      local total = batch.upload.good
      local bad = math.min(outcome.reject or 0, total)
      if batch.unreadable then bad = total end
      local errors = bad > 0 and { { message = outcome.message or "Syntax error", occurrences = bad, line = 1, value = "" } } or {}
      batch.processing = stage(now, total - bad, bad, errors)
      batch.status = batch.processing.status == "failure" and "failed" or "processed"
      done = done + 1
    end
  end
  return done
end

local function stage_object(one)
  if not one then return json.null end
  local errors = json.array {}
  for i, e in ipairs(one.errors) do
    errors[i] = O("message", e.message, "occurrences", e.occurrences, "example", O("lineNumber", e.line, "value", e.value))
  end
  return O("completedAt", dates.berlin(one.at), "status", one.status, "successCount", one.good, "errorCount", one.bad, "errors", errors)
end

---The JSON of a batch. `where`: relationships "inside" of data (as when it is asked for), "beside" it (as an upload
---answers), or "both" (as a refused upload does).
function M.text(batch, where)
  local bad = batch.upload.bad + (batch.processing and batch.processing.bad or 0)
  local data = O("type", "batch", "id", batch.id, "attributes", O("status", batch.status, "errorCount", bad, "stages",
    O("upload", stage_object(batch.upload), "processing", stage_object(batch.processing))))
  local relationships = O("stream", O("data", O("type", "stream", "id", batch.stream)))
  if where ~= "beside" then json.set(data, "relationships", relationships) end
  local whole = O("data", data)
  if where ~= "inside" then json.set(whole, "relationships", relationships) end
  return json.encode(whole)
end

return M
