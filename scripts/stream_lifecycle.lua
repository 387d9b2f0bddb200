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
--   follow   waits for the process pid= and the batches batch=ID,ID (deadline=, 1h), shows their stages (chapter 6)
--   rename   another name for the stream: rename=
--   delete   takes it from the site and deletes it with all its data, for good: only with delete=yes
-- stream   the stream's id, for a step of its own; with step=all nothing is created and this stream is used
-- site     connection of the Platform API (a `pat` does); without it the steps link and import are left out of step=all
--
--   created stream 124774: My first stream
--   …  warn  input: line 2: column 74: expected ',' or '}': {"id":"475-SHIRT-XL","name":"Product 2","company":"ACME Corp.","price":15", …
--   uploaded 2 products to stream 124774, 1 rejected; batch b15e8bb1-bd53-470a-9597-785003536978
--   linked stream 124774 to site 123
--   process 47e6b828-3210-3568-8ec3-85ed3e2d944c: success
--   batch b15e8bb1-bd53-470a-9597-785003536978: processed
--     processing success, 2 accepted, 0 refused
--
-- Rejected lines are dead letters (exit 3). A name that is taken: exit 1, and the message has the id of the stream that has it (a deleted
-- one keeps its name for up to 7 days). So has the rerun of one that was cut off behind `create`: go on with stream=ID. Process or
-- batch not over in time: exit 6; with errors: exit 1.

local input = require "sluice.input"
local sluice = require "sluice"

local ORDER = { "create", "upload", "link", "import", "follow", "rename", "delete" }
local NEEDS = {
  create = { "name" }, upload = { "stream", "file" }, link = { "site", "site_id", "stream" }, import = { "site", "site_id" },
  follow = { "stream" }, rename = { "stream", "rename" }, delete = { "stream" },
}
local steps = {}

function steps.create(at)
  local stream = at.feed:create_stream { name = at.name }
  at.stream = stream.id
  print(("created stream %s: %s"):format(stream.id, stream.attributes.name))
  for one in at.feed:streams() do print(("  %s  %s  %s"):format(one.id, one.attributes.type, one.attributes.name)) end
end

function steps.upload(at, run)
  local upload = at.feed:uploader(at.stream)
  for product in input.each(at.file, { what = "products", extra = { stream = at.stream } }) do upload:write(product) end
  local done = upload:finish()
  run:commit() -- the dead letters are durable
  at.batch = done.batches
  print(("uploaded %d products to stream %s, %d rejected; batch %s"):format(done.sent, at.stream, run.sums.rejected,
    #done.batches > 0 and table.concat(done.batches, ",") or "none"))
end

function steps.link(at)
  local _, answer = at.site:link_stream { site = at.site_id, stream = at.stream, import_type = 1, status = "active",
    description = "stream " .. at.stream }
  print((answer.status == 422 and "stream %s was linked to site %d already" or "linked stream %s to site %d"):format(at.stream, at.site_id))
end

function steps.import(at)
  at.pid = at.site:start_process(at.site_id, "import")
  print(at.pid and ("process %s of site %d is started"):format(at.pid, at.site_id)
    or ("site %d has a process queued already: it imports what was uploaded before it begins"):format(at.site_id))
end

function steps.follow(at)
  if at.pid then print(("process %s: %s"):format(at.pid, at.site:wait_process(at.site_id, at.pid, { deadline = at.deadline, start = 1 }))) end
  local ok, problem = true, nil
  if at.site and #at.batch > 0 then -- without a site nobody imports, and the batches stay as they are
    ok, problem = pcall(at.feed.wait_batches, at.feed, { stream = at.stream, ids = at.batch, deadline = at.deadline })
  end
  for _, id in ipairs(at.batch) do print(at.feed:describe_batch(at.stream, id)) end
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

-- The one step that is asked for, or all that something was given for.
local function chosen(args)
  if args.step ~= "all" then return { args.step } end
  local left_out = { create = args.stream, link = not args.site, import = not args.site, rename = not args.rename, delete = not args.delete }
  local list = {}
  for _, step in ipairs(ORDER) do
    if not left_out[step] then list[#list + 1] = step end
  end
  return list
end

local function check(args, list)
  for _, step in ipairs(list) do
    for _, name in ipairs(NEEDS[step]) do
      local comes = name == "stream" and list[1] == "create"
      if args[name] == nil and not comes then sluice.usage("%s is missing, the step %s needs it", name, step) end
    end
    if step == "delete" and args.delete ~= "yes" then sluice.usage "deleting takes all data of the stream for good: say delete=yes" end
  end
  if args.step == "follow" and not (args.batch or args.pid) then sluice.usage "batch or pid is missing, the step follow needs one" end
  if (args.site == nil) ~= (args.site_id == nil) or args.pid and not args.site then sluice.usage "site and site_id (and pid) go together" end
end

local function optional(text, kind) return { text, type = kind or "text", optional = true } end

return sluice.recipe {
  about = "Make a stream, fill it, let a site import it, follow that to its verdicts, rename and delete it",
  args = {
    feed = { "connection of the Stream API", type = "connection" }, site = optional("connection of the Platform API", "connection"),
    site_id = optional("the site", "integer"), step = { "what is done", one_of = { "all", table.unpack(ORDER) }, default = "all" },
    name = optional "of the new stream", file = optional("NDJSON file", "path"), stream = optional "stream id",
    batch = optional("batch ids", "list"), pid = optional "process", rename = optional "another name",
    delete = optional "yes: delete the stream", deadline = { "how long to wait for a verdict", type = "duration", default = "1h" },
  },
  run = function(args, run)
    local list, at = chosen(args), { batch = {} }
    check(args, list)
    for name, value in pairs(args) do at[name] = value end
    at.feed, at.site = sluice.connect(args.feed), args.site and sluice.connect(args.site)
    for _, step in ipairs(list) do
      if sluice.task.stopping() then break end
      steps[step](at, run)
    end
  end,
}
