--- The products of a site (a stage of it) into a stream, and their ids for comparison.
---
---     local memory = require("sluice.sweep").memory(feed, stream)
---     local copied = site_copy.to_stream { site = site, site_id = 123, stage = "import", feed = feed, stream = stream, memory = memory }
---     local found = memory.compare(site_copy.ids(site, 123, "import"))
local errors = require "sluice.err"
local task = require "sluice.task"

local site_copy = {}

local function failed(hint, text, ...) errors.raise { code = "partial", message = text:format(...), hint = hint } end

--- The ids of a stage's products.
---@param site sluice.Client
---@param site_id integer
---@param stage string
---@return fun(): string?
function site_copy.ids(site, site_id, stage)
  local products = site:read_products { site = site_id, stage = stage, fields = { "id" } }
  return function()
    local product = products()
    return product and tostring(product.id)
  end
end

local function count_of(o) return o.site:product_properties { site = o.site_id, stage = o.stage }.products end

local function read_into(o, run, upload, total)
  for product in o.site:read_products { site = o.site_id, stage = o.stage } do
    if task.stopping() then break end
    run:count "read"
    local deleted = product["pup:isdeleted"]
    product["pup:isdeleted"] = nil -- streams delete in another way
    if deleted == "1" then run:skip "marked as deleted" else upload:write(product) end
    run:progress { done = run.sums.read, total = total, what = "products", client = o.site }
  end
  return upload:finish()
end

-- An import takes all that was uploaded before it began, so the last batch that was taken tells of all.
local function last_batch(run)
  for i = #run.batches, 1, -1 do
    if run.batches[i].verdict ~= "failure" then return run.batches[i].batch end
  end
end

--- Uploads the products of a site's stage to a stream; those that are marked as deleted are left out, and counted. Raises
--- `partial` where the stage is empty, or was another at the end than at the beginning. `again`: an earlier try may have sent what has
--- gone from the site since: it is deleted from the stream. Nil where a signal ended it. (waits)
---@param o { site: sluice.Client, site_id: integer, stage: string, feed: sluice.Client, stream: string, memory: sluice.SweepMemory, again?: boolean }
---@return { sent: integer, rejected: integer, last: string }? copied `last`: the batch whose verdict tells of all
function site_copy.to_stream(o)
  local run, total = require("sluice.run").current(), count_of(o)
  if total == 0 then failed("stage=import or intermediate; has the site been imported?", "site %d has no products", o.site_id) end
  local done = read_into(o, run, o.feed:uploader(o.stream, { remember = o.memory.add }), total)
  if task.stopping() then return nil end
  if run.sums.read ~= total or count_of(o) ~= total then
    failed("run it again while nothing imports", "the products of site %d changed while they were read: %d were read of %d", o.site_id,
      run.sums.read, total)
  end
  if o.again then o.memory.retain(site_copy.ids(o.site, o.site_id, o.stage)) end
  return { sent = done.sent, rejected = done.rejected, last = last_batch(run) }
end

return site_copy
