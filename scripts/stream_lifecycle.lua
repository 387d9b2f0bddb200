-- The life of a Productsup stream, step by step as the vendor's "Basic introduction to Streams" tells it (chapters 1 to 6).
--
--   sluice run scripts/stream_lifecycle.lua feed=feed site=site site_id=123 file=products.ndjson name="My first stream"
--   sluice run scripts/stream_lifecycle.lua feed=feed file=products.ndjson name="My first stream"      # without a site
--   sluice run scripts/stream_lifecycle.lua step=upload feed=feed stream=124774 file=products.ndjson
--   sluice run scripts/stream_lifecycle.lua step=delete feed=feed stream=124774 delete=yes
--
-- step     all: create, upload, link, import, follow, then rename and delete where they are asked for; or one of these
--   create   a stream called name=, then all streams are listed (chapters 1, 2)
--   upload   the products of file= (NDJSON); what is no product is named with line and reason, the rest goes (chapter 3)
--   link     the site site_id= imports the stream from now on (chapter 4); linking it again is no mistake
--   import   starts an import of the site and prints its pid (chapter 5); once in five minutes
--   follow   waits for the process pid= and the batches batch=ID,ID (deadline=, 3600 s), shows their stages (chapter 6)
--   rename   another name for the stream: rename=
--   delete   takes it from the site and deletes it with all its data, for good: only with delete=yes
-- stream   the stream's id, for a step of its own; with step=all nothing is created and this stream is used
-- site     connection of the Platform API (a `pat` does); without it the steps link and import are left out of step=all
--
--   created stream 124774: My first stream
--     124774  chunked  My first stream
--   line 2: column 74: expected ',' or '}': {"id":"475-SHIRT-XL","name":"Product 2","company":"ACME Corp.","price":15", "size":"XL"}
--   uploaded 2 products to stream 124774, 1 rejected; batch b15e8bb1-bd53-470a-9597-785003536978
--   linked stream 124774 to site 123
--   process 47e6b828-3210-3568-8ec3-85ed3e2d944c of site 123 is started
--   process 47e6b828-3210-3568-8ec3-85ed3e2d944c: success
--   batch b15e8bb1-bd53-470a-9597-785003536978: processed
--     upload success, 2 accepted, 0 refused
--     processing success, 2 accepted, 0 refused
--
-- Rejected lines are in the dead-letter file, exit 3. A name that is taken: exit 1, and the message has the id of the stream
-- that has it. That is also what a run meets that was cut off behind `create`: go on with stream=ID. The name of a deleted
-- stream stays taken for up to 7 days. Process or batch not over in time: exit 6; with errors: exit 1.

local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

local function usage(text, ...) sluice.err.raise { code = "usage", message = text:format(...) } end

local ORDER = { "create", "upload", "link", "import", "follow", "rename", "delete" }
local steps = {}

local function list_streams(feed)
  for stream in feed:streams() do print(("  %s  %s  %s"):format(stream.id, stream.attributes.type, stream.attributes.name)) end
end

function steps.create(at)
  local stream = at.feed:create_stream { name = at.name }
  at.stream = stream.id
  print(("created stream %s: %s"):format(stream.id, stream.attributes.name))
  list_streams(at.feed)
end

function steps.upload(at, run)
  local upload = at.feed:uploader(at.stream)
  for product in ndjson.records(at.file) do
    run:count "read"
    if ndjson.bad(product) then
      print(("line %d: %s: %s"):format(product.line, product.reason, product.raw:sub(1, 200)))
      run:reject(product.raw, product.reason, { stream = at.stream, line = product.line })
    else
      upload:write(product)
    end
  end
  local done = upload:finish()
  run:commit() -- the dead letters are durable
  at.batches = done.batches
  print(("uploaded %d products to stream %s, %d rejected; batch %s"):format(done.sent, at.stream, run.sums.rejected,
    #done.batches > 0 and table.concat(done.batches, ",") or "none"))
end

function steps.link(at)
  local _, answer = at.site:link_stream { site = at.site_id, stream = at.stream, import_type = 1, status = "active",
    description = "stream " .. at.stream }
  print((answer.status == 422 and "stream %s was linked to site %d already" or "linked stream %s to site %d"):format(at.stream, at.site_id))
end

function steps.import(at)
  local ok, pid = pcall(at.site.process, at.site, { site = at.site_id, action = "import" })
  if ok then
    at.pid = pid
    print(("process %s of site %d is started"):format(pid, at.site_id))
  elseif sluice.err.is(pid) and pid.code == "conflict" then
    print(("site %d has a process queued already: it imports what was uploaded before it begins"):format(at.site_id))
  else
    error(pid, 0)
  end
end

local function show_batch(at, id)
  local batch = at.feed:batch { stream = at.stream, batch = id }.attributes
  print(("batch %s: %s"):format(id, batch.status))
  for _, name in ipairs { "upload", "processing" } do
    local stage = batch.stages[name]
    if type(stage) == "table" then
      print(("  %s %s, %d accepted, %d refused"):format(name, stage.status, stage.successCount, stage.errorCount))
      for _, one in ipairs(stage.errors) do
        print(("    line %s: %s (%d times): %s"):format(one.example.lineNumber, one.message, one.occurrences, one.example.value))
      end
    end
  end
end

function steps.follow(at)
  if at.pid then print(("process %s: %s"):format(at.pid, at.site:wait_process(at.site_id, at.pid, { deadline = at.deadline, start = 1 }))) end
  local ok, problem = true, nil
  if at.site and #at.batches > 0 then -- without a site nobody imports, and the batches stay as they are
    ok, problem = pcall(at.feed.wait_batches, at.feed, { stream = at.stream, ids = at.batches, deadline = at.deadline })
  end
  for _, id in ipairs(at.batches) do show_batch(at, id) end
  if not ok then error(problem, 0) end
end

function steps.rename(at)
  local stream = at.feed:rename_stream { stream = at.stream, name = at.rename }
  print(("stream %s is called %s now"):format(stream.id, stream.attributes.name))
end

function steps.delete(at)
  if at.site then
    local ok, problem = pcall(at.site.unlink_stream, at.site, { site = at.site_id, stream = at.stream })
    if not ok and not (sluice.err.is(problem) and problem.status == 422) then error(problem, 0) end -- 422: it was not linked
  end
  at.feed:delete_stream { stream = at.stream }
  print(("deleted stream %s and its products"):format(at.stream))
end

-- ---- which steps, and what they need ----

local NEEDS = {
  create = { "name" }, upload = { "stream", "file" }, link = { "site", "site_id", "stream" }, import = { "site", "site_id" },
  follow = { "stream" }, rename = { "stream", "rename" }, delete = { "stream" },
}

local function chosen(args)
  local function wanted(step)
    if step == "create" then return not args.stream end
    if step == "link" or step == "import" then return args.site ~= nil end
    return (step ~= "rename" or args.rename ~= nil) and (step ~= "delete" or args.delete ~= nil)
  end
  local list = {}
  for _, step in ipairs(ORDER) do
    if args.step == step or args.step == "all" and wanted(step) then list[#list + 1] = step end
  end
  if #list == 0 then usage("step is all, %s, not '%s'", table.concat(ORDER, ", "), tostring(args.step)) end
  return list
end

local function check(args, list)
  for _, step in ipairs(list) do
    for _, name in ipairs(NEEDS[step]) do
      local comes = name == "stream" and list[1] == "create"
      if args[name] == nil and not comes then usage("%s is missing, the step %s needs it", name, step) end
    end
    if step == "delete" and args.delete ~= "yes" then usage "deleting takes all data of the stream for good: say delete=yes" end
  end
  if args.step == "follow" and not (args.batch or args.pid) then usage "batch or pid is missing, the step follow needs one" end
  if (args.site == nil) ~= (args.site_id == nil) or args.pid and not args.site then usage "site and site_id (and pid) go together" end
  if args.site and not math.tointeger(tonumber(args.site_id)) then usage("site_id is a number, not '%s'", tostring(args.site_id)) end
  if not tonumber(args.deadline) then usage("deadline is a number, not '%s'", tostring(args.deadline)) end
end

local function optional(text) return { text, optional = true } end

return sluice.recipe {
  about = "Make a stream, fill it, let a site import it, follow that to its verdicts, rename and delete it",
  args = {
    feed = "connection of the Stream API", step = { "all, or one step", default = "all" }, name = optional "of the new stream",
    file = optional "NDJSON file", site = optional "connection of the Platform API", site_id = optional "the site",
    stream = optional "stream id", batch = optional "batch ids, with commas", pid = optional "process", rename = optional "another name",
    delete = optional "yes: delete the stream", deadline = { "seconds to wait for a verdict", default = 3600 },
  },
  run = function(args, run)
    local list, at = chosen(args), { batches = {} }
    check(args, list)
    for name, value in pairs(args) do at[name] = value end
    at.feed, at.site = sluice.connect(args.feed), args.site and sluice.connect(args.site)
    at.site_id, at.deadline = math.tointeger(tonumber(args.site_id)), tonumber(args.deadline)
    for id in (args.batch or ""):gmatch "[^,%s]+" do table.insert(at.batches, id) end
    for _, step in ipairs(list) do
      if sluice.task.stopping() then break end
      steps[step](at, run)
    end
  end,
}
