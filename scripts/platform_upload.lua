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
-- process   import, or all (exports too): started, waited for (deadline=, 3600 s), its errors shown. auto (unless given): the
--           Platform runs the site by itself 20 minutes after the last commit. none: somebody else does
-- batch     products per request, at most (10000)
--
--   $ sluice run scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=import
--   batch 5f0c9b1d3a6e4f7f8f0a2b4c6d8e0f12: 18370 products committed to site 123 (full), 0 rejected
--   process 47e6b828-3210-3568-8ec3-85ed3e2d944c: success after 41 s
--
-- A product that can't be sent is a dead letter in a delta (exit 3); a full batch is discarded for it, because the product
-- would be deleted. Ctrl-C discards. A process with errors: they are printed, exit 1; not over in time: exit 6. Where one is
-- queued already, it takes this batch as well, and the run is done.
--
-- Killed anywhere and run again, the site has each product of the file once: a batch without a commit is never imported, and
-- the next run discards it. What the API makes impossible: to ask whether a batch was committed, and to take a commit back.
-- Where the answer to the commit is lost (exit 7) or the run dies there, the rerun commits the same rows once more in a
-- batch of its own. That doubles nothing, products go by their ids; but what others committed in between is overwritten.
-- A run that dies after the commit may leave its process unwatched; the rerun starts another.

local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

local function usage(text, ...) sluice.err.raise { code = "usage", message = text:format(...) } end

local function is_true(name, value)
  if value == true or value == "true" then return true end
  if value == false or value == "false" then return false end
  usage("%s is true or false, not '%s'", name, tostring(value))
end

local function number_of(name, value) return tonumber(value) or usage("%s is a number, not '%s'", name, tostring(value)) end

local ACTIONS = { import = true, all = true }

local function check(args)
  if args.type ~= "full" and args.type ~= "delta" then usage("type is full or delta, not '%s'", tostring(args.type)) end
  if not ACTIONS[args.process] and args.process ~= "auto" and args.process ~= "none" then
    usage("process is import, all, auto or none, not '%s'", tostring(args.process))
  end
  number_of("deadline", args.deadline)
end

-- The whole file into the batch. A line that is no record ends a full batch, named by its place; a delta goes on.
local function fill(batch, args, run)
  for product in ndjson.records(args.file, { bad = args.type == "full" and "raise" or "value" }) do
    if sluice.task.stopping() then return end
    run:count "read"
    if ndjson.bad(product) then run:reject(product.raw, product.reason, { line = product.line }) else batch:write(product) end
    run:progress { what = "products" }
  end
end

local function show_errors(problem)
  for _, one in ipairs(problem.errors or {}) do
    local more = type(one.data) == "table" and require("sluice.json").encode(one.data) or one.data
    print(("error %s of process %s: %s %s"):format(one.error, one.pid, one.message, tostring(more)))
  end
end

local function process(site, site_id, args)
  local started = require("sluice.time").mono()
  local ok, pid = pcall(site.process, site, { site = site_id, action = args.process })
  if not ok then
    if not sluice.err.is(pid) or pid.code ~= "conflict" then error(pid, 0) end
    return print "a process is queued already, it takes the batch"
  end
  local problem
  ok, problem = pcall(site.wait_process, site, site_id, pid, { deadline = number_of("deadline", args.deadline), start = 1 })
  if not ok then
    if sluice.err.is(problem) then show_errors(problem) end
    error(problem, 0)
  end
  print(("process %s: success after %.0f s"):format(pid, require("sluice.time").mono() - started))
end

return sluice.recipe {
  about = "Upload a file of products to a site of the Platform API as one batch, and commit or discard it",
  args = {
    to = "connection of the Platform API", site_id = "the site, or tagName:tagValue", file = "NDJSON file, or -",
    type = "full (what is not in the file is deleted) or delta", commit = { "false: discard what was uploaded", default = true },
    process = { "import, all, auto or none", default = "auto" },
    deadline = { "seconds to wait for the process", default = 3600 }, batch = { "products per request, at most", default = 10000 },
  },
  run = function(args, run)
    check(args)
    local commits, size = is_true("commit", args.commit), math.tointeger(number_of("batch", args.batch))
    local site = sluice.connect(args.to)
    local site_id = math.tointeger(tonumber(site:site { site = args.site_id }.id)) -- a tag is not enough for all that follows

    local batch <close> = site:product_batch(site_id, { type = args.type, automatic_import = args.process == "auto", max_records = size })
    fill(batch, args, run)
    if not commits or sluice.task.stopping() then
      batch:discard()
      run:commit()
      return print(("batch %s: discarded, site %d is as it was, %d rejected"):format(batch.id, site_id, run.sums.rejected))
    end
    local done = batch:commit()
    run:commit() -- the dead letters are durable
    print(("batch %s: %d products committed to site %d (%s), %d rejected"):format(done.batch, done.sent, site_id, args.type, run.sums.rejected))
    if done.sent > 0 and ACTIONS[args.process] then process(site, site_id, args) end
  end,
}
