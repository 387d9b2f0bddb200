-- Moves a site of Productsup from the content endpoints of the Platform API to a stream, as the vendor's guide "Migrate
-- content upload from Platform API to Stream API" does it, and can be stopped and run again at any point.
--
--   sluice run scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name="Live products"
--   (pause the Platform API data source in the site's Data Sources: no API does that)
--   sluice run scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name="Live products" old=paused
--   sluice run scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name="Live products" step=activate
--   sluice run scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name="Live products" step=back
--
-- The first run makes a stream called `name`, reads the site's products (stage=import, or intermediate) into it, pauses the
-- site (it imports, but exports nothing; pause=false for a copy of a site) and links the stream, paused. With old=paused it
-- goes on: it activates the stream's data source, imports, and compares counts and ids. Look at the site's Data View, then
-- step=activate gives the site the status that it had. step=back pauses the stream's data source and says what is left.
--
--   18370 products are in stream 124774 (Live products)
--   site 123 is paused, and linked to stream 124774
--   process 47e6b828-3210-3568-8ec3-85ed3e2d944c: success
--   site 123 has 18370 products, stream 124774 was sent 18370: none is missing
--   If the data is right in the site's Data View: step=activate, then send all further products to stream 124774.
--   The way back: step=back; activate the Platform API data source in Data Sources; import; look at Data View; step=activate.
--
-- Products that are marked as deleted (pup:isdeleted 1) are left out. A product that the stream refuses is a dead letter, and
-- the run ends with 3 before it links: anyway=true goes on without it. Where the site's products change while they are read,
-- or some are missing after the import: exit 1; run it again. All values are text, as the Platform gives them. What changes
-- behind the upload is not in the stream: send it there as well from then on.
--
-- The store knows how far it is (a cursor, named after site and name; --full forgets it). After kill -9 the next run goes
-- on behind the last step that was noted; an upload starts over, which replaces products by their ids. A stream whose making
-- was not answered is found by its name.

local json = require "sluice.json"
local sluice = require "sluice"

local step = sluice.task.step

local function usage(text, ...) sluice.err.raise { code = "usage", message = text:format(...) } end
local function failed(hint, text, ...) sluice.err.raise { code = "partial", message = text:format(...), hint = hint } end

local function is_true(name, value)
  if value == true or value == "true" then return true end
  if value == false or value == "false" then return false end
  usage("%s is true or false, not '%s'", name, tostring(value))
end

-- ---- where it is ----

-- `m.at` is on the disk when this returns: creating, stream, uploading, uploaded, batch, was (the site's status), linked, pid,
-- compared.
local function note(m, fields)
  for name, value in pairs(fields) do m.at[name] = value or nil end
  m.cursor:advance(assert(json.encode(m.at)))
  m.run:commit()
end

local function open(m)
  local cursor = m.run:cursor "migration"
  m.cursor = cursor:open(("%s site %d"):format(m.site.options.base_url, m.site_id))
  local position = not cursor.full and m.cursor:get()
  if cursor.full then m.cursor:restart() end
  m.at = position and assert(json.decode(position)) or {}
end

-- ---- the steps ----

local function refuse_taken_name(m)
  for stream in m.feed:streams() do
    if stream.attributes.name == m.name then usage("stream %s is called '%s' already; choose another name", stream.id, m.name) end
  end
end

-- Only a run that finds the intent of an earlier one takes over what has the name: then it is that one's.
local function create(m)
  local mine = m.at.creating
  if not mine then
    refuse_taken_name(m)
    note(m, { creating = true })
  end
  step "create"
  local ok, stream = pcall(m.feed.create_stream, m.feed, { name = m.name })
  if not ok and sluice.err.is(stream) and stream.code == "conflict" then
    local id = type(stream.duplicate) == "table" and stream.duplicate.id
    if mine and id then ok, stream = pcall(m.feed.stream, m.feed, { stream = id }) end
    if not ok and (stream.code == "conflict" or stream.code == "not_found") then
      note(m, { creating = false })
      usage("the name '%s' is taken (a deleted stream keeps it for up to 7 days); choose another one", m.name)
    end
  end
  if not ok then error(stream, 0) end
  step "created"
  note(m, { stream = tostring(stream.id) })
end

local function count_of(m) return m.site:product_properties { site = m.site_id, stage = m.stage }.products end

local function ids_of(m)
  local products = m.site:read_products { site = m.site_id, stage = m.stage, fields = { "id" } }
  return function()
    local product = products()
    return product and tostring(product.id)
  end
end

local function read_into(m, upload)
  for product in m.site:read_products { site = m.site_id, stage = m.stage } do
    if sluice.task.stopping() then return upload:finish() end
    m.run:count "read"
    local deleted = product["pup:isdeleted"]
    product["pup:isdeleted"] = nil -- streams delete in another way
    if deleted == "1" then m.run:skip "marked as deleted" else upload:write(product) end
    m.run:progress { done = m.run.sums.read, total = m.total, what = "products" }
  end
  return upload:finish()
end

-- An import takes all that was uploaded before it began, so the last batch that was taken tells of all.
local function last_batch(run)
  for i = #run.batches, 1, -1 do
    if run.batches[i].verdict ~= "failure" then return run.batches[i].batch end
  end
end

-- True where all went over.
local function upload(m)
  local again, run = m.at.uploading, m.run
  note(m, { uploading = true })
  m.total = count_of(m)
  if m.total == 0 then failed("stage=import or intermediate; has the site been imported?", "site %d has no products", m.site_id) end
  local done = read_into(m, m.feed:uploader(m.at.stream, { remember = m.memory.add }))
  if sluice.task.stopping() then return false end
  if run.sums.read ~= m.total or count_of(m) ~= m.total then
    failed("run it again while nothing imports", "the products of site %d changed while they were read: %d were read of %d", m.site_id,
      run.sums.read, m.total)
  end
  if again then m.memory.retain(ids_of(m)) end -- what an earlier run sent may have gone from the site
  if done.rejected > 0 and not m.anyway then
    print(("%d products were refused, see the dead letters; nothing is linked. anyway=true goes on without them"):format(done.rejected))
    return false
  end
  note(m, { uploaded = done.sent, batch = last_batch(run) })
  return true
end

local function link(m)
  if m.pause then
    local status = m.at.was or m.site:site { site = m.site_id }.status
    note(m, { was = status ~= "paused_upload" and status or "active" })
    m.site:update_site { site = m.site_id, status = "paused_upload" }
  end
  m.site:link_stream { site = m.site_id, stream = m.at.stream, import_type = 1, description = m.name, status = "paused" }
  step "linked"
  note(m, { linked = true })
end

local function import(m)
  m.site:update_stream_source { site = m.site_id, stream = m.at.stream, status = "active" }
  if not m.at.pid then
    local ok, pid = pcall(m.site.process, m.site, { site = m.site_id, action = "import" })
    if not ok and sluice.err.is(pid) and pid.code == "conflict" then -- the one that is queued will take it
      return m.feed:wait_batches { stream = m.at.stream, ids = { m.at.batch } }
    end
    if not ok then error(pid, 0) end
    step "process"
    note(m, { pid = pid })
  end
  local ok, status = pcall(m.site.wait_process, m.site, m.site_id, m.at.pid, { start = 1 })
  if not ok and sluice.err.is(status) and status.code == "partial" then note(m, { pid = false }) end -- the next run imports again
  if not ok then error(status, 0) end
  print(("process %s: %s"):format(m.at.pid, status))
end

local function compare(m)
  local found = m.memory.compare(ids_of(m))
  local text = ("site %d has %d products, stream %s was sent %d"):format(m.site_id, found.found, m.at.stream, found.sent)
  if found.missing == 0 and found.found == found.sent then
    note(m, { compared = true })
    return print(text .. ": none is missing")
  end
  note(m, { pid = false })
  local first = found.first and (" (the first is %s)"):format(found.first) or ""
  failed("is the Platform API data source paused? step=back ends the attempt; a further run imports again",
    "%s: %d are missing%s, %d are not of the stream", text, found.missing, first, found.found - found.sent + found.missing)
end

local NEXT = [[
If the data is right in the site's Data View: step=activate, then send all further products to stream {stream}.
The way back: step=back; activate the Platform API data source in Data Sources; import; look at Data View; step=activate.]]

local steps = {}

function steps.migrate(m)
  if not m.at.stream then create(m) end
  m.memory = require("sluice.sweep").memory(m.feed, m.at.stream)
  if not m.at.uploaded and not upload(m) then return end
  print(("%d products are in stream %s (%s)"):format(m.at.uploaded, m.at.stream, m.name))
  if not m.at.linked then link(m) end
  print(("site %d is %slinked to stream %s"):format(m.site_id, m.at.was and "paused, and " or "", m.at.stream))
  if not m.old_paused then
    return print "now pause the Platform API data source in the site's Data Sources, and run this again with old=paused"
  end
  if not m.at.compared then
    import(m)
    compare(m)
  end
  print((NEXT:gsub("{stream}", m.at.stream)))
end

function steps.activate(m)
  if not m.at.was then usage("this migration has not paused site %d", m.site_id) end
  m.site:update_site { site = m.site_id, status = m.at.was }
  print(("site %d is %s"):format(m.site_id, m.at.was))
end

function steps.back(m)
  if not m.at.linked then usage("this migration has not linked a stream to site %d", m.site_id) end
  m.site:update_stream_source { site = m.site_id, stream = m.at.stream, status = "paused" }
  note(m, { pid = false, compared = false })
  print(("stream %s is paused in site %d. Now activate the Platform API data source in Data Sources, import, look at Data View, and "
    .. "give the site its status back: step=activate"):format(m.at.stream, m.site_id))
end

return sluice.recipe {
  about = "Move a site from the Platform API's content endpoints to a stream, as the vendor's migration guide does",
  args = {
    site = "connection of the Platform API", site_id = "the site", feed = "connection of the Stream API", name = "of the new stream",
    stage = { "import or intermediate", default = "import" }, step = { "migrate, activate or back", default = "migrate" },
    old = { "paused: the Platform API data source is paused", default = "active" },
    pause = { "pause the site meanwhile", default = true }, anyway = { "go on without what was refused", default = false },
  },
  key = { "site", "site_id", "feed", "name" },
  run = function(args, run)
    if not steps[args.step] then usage("step is migrate, activate or back, not '%s'", tostring(args.step)) end
    if args.stage ~= "import" and args.stage ~= "intermediate" then usage("stage is import or intermediate, not '%s'", tostring(args.stage)) end
    if args.old ~= "paused" and args.old ~= "active" then usage("old is active or paused, not '%s'", tostring(args.old)) end
    local m = { run = run, name = args.name, stage = args.stage, old_paused = args.old == "paused", pause = is_true("pause", args.pause),
      anyway = is_true("anyway", args.anyway) }
    m.site_id = math.tointeger(tonumber(args.site_id)) or usage("site_id is a number, not '%s'", tostring(args.site_id))
    m.site, m.feed = sluice.connect(args.site), sluice.connect(args.feed)
    open(m)
    steps[args.step](m)
  end,
}
