-- Moves a site of Productsup from the content endpoints of the Platform API to a stream, as the vendor's guide "Migrate
-- content upload from Platform API to Stream API" does it, and can be stopped and run again at any point.
--
--   sluice run scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name="Live products"
--   (pause the Platform API data source in the site's Data Sources: no API does that)
--   sluice run … old=paused            sluice run … step=activate            sluice run … step=back
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
--
-- Products that are marked as deleted (pup:isdeleted 1) are left out. A product that the stream refuses is a dead letter, and
-- the run ends with 3 before it links: anyway=true goes on without it. Where the site's products change while they are read,
-- or some are missing after the import: exit 1; run it again. All values are text, as the Platform gives them. What changes
-- behind the upload is not in the stream: send it there as well from then on.
--
-- The store knows how far it is (--full forgets it). After kill -9 the next run goes on behind the last step that was noted; an upload
-- starts over, which replaces products by their ids. A stream whose making was not answered is found by its name.

local site_copy = require "sluice.site_copy"
local sluice = require "sluice"

local step = sluice.task.step

-- `m.done` is what was noted: creating, stream, uploading, uploaded, batch, was (the site's status), linked, pid, compared.

local function create(m)
  local stream = m.feed:own_stream { name = m.name, mine = m.done.creating, intend = function(is) m.done:note { creating = is } end }
  step "created"
  m.done:note { stream = tostring(stream.id) }
end

-- True where all went over.
local function upload(m)
  local again = m.done.uploading
  m.done:note { uploading = true }
  local copied = site_copy.to_stream { site = m.site, site_id = m.site_id, stage = m.stage, feed = m.feed, stream = m.done.stream,
    memory = m.memory, again = again }
  if copied and copied.rejected > 0 and not m.anyway then
    print(("%d products were refused, see the dead letters; nothing is linked. anyway=true goes on without them"):format(copied.rejected))
    return false
  end
  if copied then m.done:note { uploaded = copied.sent, batch = copied.last } end
  return copied ~= nil
end

local function link(m)
  if m.pause then
    local status = m.done.was or m.site:site { site = m.site_id }.status
    m.done:note { was = status ~= "paused_upload" and status or "active" }
    m.site:update_site { site = m.site_id, status = "paused_upload" }
  end
  m.site:link_stream { site = m.site_id, stream = m.done.stream, import_type = 1, description = m.name, status = "paused" }
  step "linked"
  m.done:note { linked = true }
end

local function import(m)
  m.site:update_stream_source { site = m.site_id, stream = m.done.stream, status = "active" }
  local pid = m.done.pid or m.site:start_process(m.site_id, "import")
  if not pid then return m.feed:wait_batches { stream = m.done.stream, ids = { m.done.batch } } end -- the one that is queued takes it
  if not m.done.pid then
    step "process"
    m.done:note { pid = pid }
  end
  local ok, status = pcall(m.site.wait_process, m.site, m.site_id, pid, { start = 1 })
  if not ok and sluice.err.is(status) and status.code == "partial" then m.done:note { pid = false } end -- the next run imports again
  if not ok then error(status, 0) end
  print(("process %s: %s"):format(pid, status))
end

local function compare(m)
  local found = m.memory.compare(site_copy.ids(m.site, m.site_id, m.stage))
  local text = ("site %d has %d products, stream %s was sent %d"):format(m.site_id, found.found, m.done.stream, found.sent)
  local same = found.missing == 0 and found.found == found.sent
  m.done:note { compared = same, pid = same and m.done.pid }
  if same then return print(text .. ": none is missing") end
  local first = found.first and (" (the first is %s)"):format(found.first) or ""
  sluice.err.raise { code = "partial", hint = "is the Platform API data source paused? step=back ends the attempt; a further run imports again",
    message = ("%s: %d are missing%s, %d are not of the stream"):format(text, found.missing, first, found.found - found.sent + found.missing) }
end

local steps = {}

function steps.migrate(m)
  if not m.done.stream then create(m) end
  m.memory = require("sluice.sweep").memory(m.feed, m.done.stream)
  if not m.done.uploaded and not upload(m) then return end
  print(("%d products are in stream %s (%s)"):format(m.done.uploaded, m.done.stream, m.name))
  if not m.done.linked then link(m) end
  print(("site %d is %slinked to stream %s"):format(m.site_id, m.done.was and "paused, and " or "", m.done.stream))
  if m.old ~= "paused" then
    return print "now pause the Platform API data source in the site's Data Sources, and run this again with old=paused"
  end
  if not m.done.compared then
    import(m)
    compare(m)
  end
  print(("If the data is right in the site's Data View: step=activate, then send all further products to stream %s.\nThe way back: step=back; "
    .. "activate the Platform API data source in Data Sources; import; look at Data View; step=activate."):format(m.done.stream))
end

function steps.activate(m)
  if not m.done.was then sluice.usage("this migration has not paused site %d", m.site_id) end
  m.site:update_site { site = m.site_id, status = m.done.was }
  print(("site %d is %s"):format(m.site_id, m.done.was))
end

function steps.back(m)
  if not m.done.linked then sluice.usage("this migration has not linked a stream to site %d", m.site_id) end
  m.site:update_stream_source { site = m.site_id, stream = m.done.stream, status = "paused" }
  m.done:note { pid = false, compared = false }
  print(("stream %s is paused in site %d. Now activate the Platform API data source in Data Sources, import, look at Data View, and "
    .. "give the site its status back: step=activate"):format(m.done.stream, m.site_id))
end

return sluice.recipe {
  about = "Move a site from the Platform API's content endpoints to a stream, as the vendor's migration guide does",
  args = {
    site = { "connection of the Platform API", type = "connection" }, site_id = { "the site", type = "integer", min = 1 },
    feed = { "connection of the Stream API", type = "connection" }, name = { "of the new stream", type = "text" },
    stage = { "that is read", one_of = { "import", "intermediate" }, default = "import" },
    step = { "what is done", one_of = { "migrate", "activate", "back" }, default = "migrate" },
    old = { "the Platform API data source is", one_of = { "active", "paused" }, default = "active" },
    pause = { "pause the site meanwhile", type = "boolean", default = true },
    anyway = { "go on without what was refused", type = "boolean", default = false },
  },
  key = { "site", "site_id", "feed", "name" },
  run = function(args, run)
    local m = setmetatable({ site = sluice.connect(args.site), feed = sluice.connect(args.feed) }, { __index = args })
    m.done = require("sluice.notes").open(run, "migration", ("%s site %d"):format(m.site.options.base_url, m.site_id))
    steps[m.step](m)
  end,
}
