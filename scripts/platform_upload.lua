-- Uploads a file of products to a site of the Productsup Platform API as one batch, and commits or discards it.
--
--   sluice run scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=delta
--   sluice run scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=import
--   sluice run scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full commit=false   # a rehearsal
--
-- to        the connection of the Platform API         site_id   the site, or tagName:tagValue of one of its tags
-- file      NDJSON, a flat product with an `id` a line, or -; of two with one id the last counts
-- type      full: what is not in the file is deleted; delta: the rest of the site stays as it is, also the columns of a product
--           that its line does not name
-- commit    false: everything is uploaded, then discarded
-- process   import, or all (exports too): started, waited for (deadline=, 1h), its errors shown. auto (unless given): the
--           Platform runs the site by itself 20 minutes after the last commit. none: somebody else does
-- batch     products per request, at most (10000)
--
--   $ sluice run scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=import
--   batch 5f0c9b1d3a6e4f7f8f0a2b4c6d8e0f12: 18370 products committed to site 123 (full), 0 rejected
--   process 47e6b828-3210-3568-8ec3-85ed3e2d944c: success after 41 s
--
-- A product that can't be sent is a dead letter in a delta (exit 3; `sluice dlq retry` sends those that were mended there, as a
-- delta of their own); a full batch is discarded for it, because the product
-- would be deleted. Ctrl-C discards. A process with errors: they are printed, exit 1; not over in time: exit 6. Where one is
-- queued already, it takes this batch as well, and the run is done.
--
-- Killed anywhere and run again, the site has each product of the file once: a batch without a commit is never imported, and
-- the next run discards it. What the API makes impossible: to ask whether a batch was committed, and to take a commit back.
-- Where the answer to the commit is lost (exit 7) or the run dies there, the rerun commits the same rows once more in a
-- batch of its own. That doubles nothing, products go by their ids; but what others committed in between is overwritten.
-- A run that dies after the commit may leave its process unwatched; the rerun starts another.

local input = require "sluice.input"
local sluice = require "sluice"

local STARTED = { import = true, all = true }

local function show_errors(problem)
  for _, one in ipairs(sluice.err.is(problem) and problem.errors or {}) do
    local more = type(one.data) == "table" and require("sluice.json").encode(one.data) or one.data
    print(("error %s of process %s: %s %s"):format(one.error, one.pid, one.message, tostring(more)))
  end
end

local function process(site, site_id, args)
  local started, pid = sluice.time.mono(), site:start_process(site_id, args.process)
  if not pid then return print "a process is queued already, it takes the batch" end
  local ok, problem = pcall(site.wait_process, site, site_id, pid, { deadline = args.deadline, start = 1 })
  if not ok then
    show_errors(problem)
    error(problem, 0)
  end
  print(("process %s: success after %.0f s"):format(pid, sluice.time.mono() - started))
end

-- The batch, committed (or not); gives how many products it had.
local function hand_over(batch, site_id, args, run)
  if not args.commit or sluice.task.stopping() then
    batch:discard()
    run:commit()
    print(("batch %s: discarded, site %d is as it was, %d rejected"):format(batch.id, site_id, run.sums.rejected))
    return 0
  end
  local done = batch:commit()
  run:commit() -- the dead letters are durable
  print(("batch %s: %d products committed to site %d (%s), %d rejected"):format(done.batch, done.sent, site_id, args.type, run.sums.rejected))
  return done.sent
end

local function upload(products, args, run)
  local site = sluice.connect(args.to)
  local site_id = math.tointeger(tonumber(site:site { site = args.site_id }.id)) -- a tag is not enough for all that follows
  local batch <close> = site:product_batch(site_id, { type = args.type, automatic_import = args.process == "auto", max_records = args.batch })
  for product in products do batch:write(product) end
  if hand_over(batch, site_id, args, run) > 0 and STARTED[args.process] then process(site, site_id, args) end
end

return sluice.recipe {
  about = "Upload a file of products to a site of the Platform API as one batch, and commit or discard it",
  args = {
    to = { "connection of the Platform API", type = "connection" }, site_id = { "the site, or tagName:tagValue", type = "text" },
    file = { "NDJSON file, or -", type = "path" },
    type = { "what the batch is; full: what is not in the file is deleted", one_of = { "full", "delta" } },
    commit = { "false: discard what was uploaded", type = "boolean", default = true },
    process = { "started behind it", one_of = { "import", "all", "auto", "none" }, default = "auto" },
    deadline = { "how long to wait for the process", type = "duration", default = "1h" },
    batch = { "products per request, at most", type = "integer", min = 1, max = 10000, default = 10000 },
  },
  run = function(args, run)
    -- A line that is no record ends a full batch, named by its place; a delta goes on.
    upload(input.each(args.file, { what = "products", bad = args.type == "full" and "raise" or nil }), args, run)
  end,

  -- What a delta could not send. A full batch has no such thing: it was discarded.
  retry = function(args, run, records)
    if args.type ~= "delta" then
      sluice.usage "a full batch was discarded for what it rejected: mend the file and upload it again"
    end
    upload(records, args, run)
  end,
}
