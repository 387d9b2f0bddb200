-- Productsup Platform API: projects, sites and their channels, product data, processes, and which streams a site imports.
--
-- The whole API is in the rows below; nothing else in sluice knows it. How rows are read and what each field means
-- is in stdlib/definition.lua. Documents: reference "productsup-api", part "Platform API".
--
--   local site = sluice.connect "site"
--   local pid = site:process { site = 123, action = "import" }
--   site:wait_process(123, pid)

local LEGACY = "legacy, removed by the vendor (announced for March 2025): send products to a stream (productsup_stream) instead; "
  .. "where the account still has it, check the site and the rights of the token"

local function numbered(name, doc) return { name = name, type = "integer", required = true, min = 1, doc = doc } end

local project = numbered("project", "the project's id")
local site_id = numbered("site", "the site's id")
local site = { name = "site", type = "reference", required = true, doc = "the site's id, or tagName:tagValue of one of its tags" }
local channel = numbered("channel", "the id of the site's channel (`id` of channels, not `channel_id`)")
local stream = numbered("stream", "the stream's id")
local batch = { name = "batch", type = "text", required = true, min = 32, max = 32, doc = "the batch: 32 characters of your own choice" }
local stage = {
  name = "stage", type = "text", required = true, doc = "which stage of the products",
  one_of = { "import", "intermediate", "export", "channel", "intermediate_preview", "export_preview", "channel_preview" },
}
local stage_id = { name = "stage_id", type = "integer", default = 0, min = 0, doc = "the export's or channel's id; 0 for import and intermediate" }

local function optional(name, kind, doc, more)
  local arg = { name = name, type = kind, doc = doc }
  for key, value in pairs(more or {}) do arg[key] = value end
  return arg
end

local SITE_STATUS = { "active", "paused_upload", "disabled" }
local id_column = optional("id_column", "text", "column that identifies a product; \"\": none; left out: as it is (a new site: id)")
local schedule = optional("import_schedule", "text", "when it imports: TZ=… and cron lines; \"\" takes the schedule away, left out keeps it")
local site_status = optional("status", "text", "what it does", { one_of = SITE_STATUS })

local import_type = optional("import_type", "integer", "1 main feed, 2 additional feed", { one_of = { 1, 2 } })
local source_text = optional("description", "text", "what the data source is called")
local source_status = optional("status", "text", "whether it is imported", { one_of = { "active", "paused" } })

-- "cursor": entries whose ids come after it; 50 a page.
local pages = { kind = "cursor", cursor = "cursor", limit = "limit", size = 50, next = "meta.cursor.next" }

return {
  name = "productsup_platform",
  doc = "Productsup Platform API: projects, sites, their product data and their processes",

  hosts = {
    { name = "base", key = "base_url", url = "https://platform-api.productsup.io", doc = "the Platform API" },
  },

  connection = {
    { name = "token", type = "secret", doc = "client_id:client_secret of the account; operations that take a pat do without" },
    { name = "pat", type = "secret",
      doc = "a Personal Access Token (as of the Stream API), which processes and stream data sources take instead of the token" },
  },
  credential = { kind = "header", header = "X-Auth-Token", secret = "token" },
  credentials = { pat = { kind = "bearer", secret = "pat" } },

  classes = {
    write = { rate = "15/s", per = "endpoint", doc = "uploading, committing and discarding product data" },
    process = { rate = "1/5min", per = "site", doc = "triggering a process, each site on its own" },
    read = { rate = "60/min, concurrent 1", doc = "reading product data; one request at a time" },
    other = { rate = "5/s", per = "endpoint", doc = "everything else, each endpoint on its own" },
  },
  health = { "projects" },
  learn = { limit = "x-ratelimit-limit", reset = "x-ratelimit-retry-after" }, -- per second; the latter is a Unix time

  truth = "success",
  headers = { ["Content-Type"] = "application/json", Accept = "application/json" },
  errors = {
    message = { "message" },
    [401] = { hint = "check the token: it is client_id:client_secret of the Platform API; the Stream API takes a different one" },
    [423] = { hint = "another upload or commit of this batch is under way: one at a time; try again when it is over" },
    [403] = { hint = "is the id one of this account? the token sees no other, and says 403 or 404 of them" },
  },

  operations = {
    {
      name = "projects",
      doc = "All projects of the account, page by page as they are asked for",
      method = "GET", path = "/platform/v2/projects",
      paging = pages, result = "Projects", class = "other", resend = "safe",
      example = [[for project in site:projects() do print(project.id, project.name) end]],
      source = "Projects, Get; Cursor Pagination",
    },
    {
      name = "project",
      doc = "One project",
      method = "GET", path = "/platform/v2/projects/{project}", args = { project },
      result = "Projects.1", class = "other", resend = "safe",
      example = [[site:project { project = 1 }.name]],
      source = "Projects, Get",
    },
    {
      name = "create_project",
      doc = "Make a project",
      method = "POST", path = "/platform/v2/projects", body = [[{"name":{name}}]],
      args = { { name = "name", type = "text", required = true, min = 1, doc = "what it is called" } },
      success = { 200, 201 }, result = "Projects.1", class = "other", resend = "unsafe",
      example = [[site:create_project { name = "test project" }.id]],
      source = "Projects, Create",
    },
    {
      name = "update_project",
      doc = "Give a project another name",
      method = "PUT", path = "/platform/v2/projects/{project}", body = [[{"id":{project},"name":{name}}]],
      args = { project, { name = "name", type = "text", required = true, min = 1, doc = "what it is called" } },
      result = "Projects.1", class = "other", resend = "safe",
      example = [[site:update_project { project = 125, name = "example project" }]],
      source = "Projects, Edit",
    },
    {
      name = "delete_project",
      doc = "Delete a project with all its sites, for good",
      method = "DELETE", path = "/platform/v2/projects/{project}", args = { project },
      result = "success", class = "other", resend = "never_automatic",
      example = [[site:delete_project { project = 125 }]],
      source = "Projects, Delete",
    },
    {
      name = "sites",
      doc = "All sites of the account, or of a project, page by page as they are asked for",
      method = "GET", path = "/platform/v2[/projects/{project}]/sites",
      args = { optional("project", "integer", "the sites of this project only", { min = 1 }) },
      paging = pages, result = "Sites", class = "other", resend = "safe",
      example = [[for one in site:sites { project = 321 } do print(one.id, one.title) end]],
      source = "Sites, Get; Cursor Pagination",
    },
    {
      name = "site",
      doc = "One site, by its id or by a tag",
      method = "GET", path = "/platform/v2/sites/{site}", args = { site },
      result = "Sites.1", class = "other", resend = "safe",
      example = [[site:site { site = "tagname:tagValue" }.title]],
      source = "Sites, Get",
    },
    {
      name = "create_site",
      doc = "Make a site in a project",
      method = "POST", path = "/platform/v2/projects/{project}/sites",
      body = [[{"title":{title},"reference":{reference?},"id_column":{id_column?},"status":{status?},"import_schedule":{import_schedule?}}]],
      args = {
        project, { name = "title", type = "text", required = true, min = 1, doc = "what it is called" },
        optional("reference", "reference", "a tag for it, tagName:tagValue; unique"), id_column, site_status, schedule,
      },
      success = { 200, 201 }, result = "Sites.1", class = "other", resend = "unsafe",
      example = [[site:create_site { project = 321, title = "example site", reference = "myReferenceKey:myReference1234" }.id]],
      source = "Sites, Create",
    },
    {
      name = "update_site",
      doc = "Change a site: what is given is changed, and \"\" is not the same as left out",
      method = "PUT", path = "/platform/v2[/projects/{project}]/sites/{site}",
      body = [[{"id":{site},"project_id":{project?},"title":{title?},"id_column":{id_column?},"status":{status?},]]
        .. [["import_schedule":{import_schedule?}}]],
      args = {
        site_id, optional("project", "integer", "the project that it is in", { min = 1 }),
        optional("title", "text", "what it is called", { min = 1 }), id_column, site_status, schedule,
      },
      result = "Sites.1", class = "other", resend = "safe",
      example = [[site:update_site { site = 1, import_schedule = "TZ=Europe/Berlin\nH 2,6,19,22 * * 2,4,6" }]],
      source = "Sites, Edit; Cron entry",
    },
    {
      name = "delete_site",
      doc = "Delete a site, for good",
      method = "DELETE", path = "/platform/v2/sites/{site}", args = { site_id },
      result = "success", class = "other", resend = "never_automatic",
      example = [[site:delete_site { site = 125 }]],
      source = "Sites, Delete",
    },
    {
      name = "copy_site",
      doc = "Make a site that is set up like another",
      method = "POST", path = "/platform/v2/sites/{site}/copy",
      body = [[{"site_name":{site_name},"project_id":{project?},"copy_export":{copy_export?},]]
        .. [["copy_schedule_and_trigger":{copy_schedule_and_trigger?},"copy_shared_setting":{copy_shared_setting?}}]],
      args = {
        site_id, { name = "site_name", type = "text", required = true, min = 1, doc = "what the new one is called" },
        optional("project", "id", "the project for it; left out: that of the other"),
        optional("copy_export", "boolean", "true: with all exports"),
        optional("copy_schedule_and_trigger", "boolean", "true: with schedules and triggers"),
        optional("copy_shared_setting", "boolean", "true: with the settings that it shares from other sites"),
      },
      success = { 200, 201 }, result = "Sites.1", class = "other", resend = "unsafe",
      example = [[site:copy_site { site = 1, site_name = "example copy site", project = "2", copy_export = true }.id]],
      source = "Sites, Copy",
    },
    {
      name = "site_tags",
      doc = "The tags of a site: key and value make a reference",
      method = "GET", path = "/platform/v2/sites/{site}/tags", args = { site },
      result = "Tags", class = "other", resend = "safe",
      example = [[for _, tag in ipairs(site:site_tags { site = 123 }) do print(tag.key, tag.value) end]],
      source = "Sites, link tags",
    },
    {
      name = "site_errors",
      doc = "What went wrong in a site's process: the latest one, or that of a pid",
      method = "GET", path = "/platform/v2/sites/{site}/errors",
      args = { site, optional("pid", "text", "the process; left out: the latest", { query = "pid" }) },
      paging = { kind = "offset", offset = "offset", limit = "limit", size = 50 },
      result = "Errors", class = "other", resend = "safe",
      example = [[for one in site:site_errors { site = 123, pid = "537cb0659a7dc" } do print(one.error, one.message) end]],
      source = "Site Errors, Get",
    },
    {
      name = "add_site_error",
      doc = "Add an error of your own to a site's process",
      method = "POST", path = "/platform/v2/sites/{site}/errors",
      body = [[{"pid":{pid},"error":{error},"data":{data?}}]],
      args = {
        site, { name = "pid", type = "text", required = true, doc = "the process" },
        { name = "error", type = "integer", required = true, doc = "the number of the error" },
        optional("data", "any", "more about it"),
      },
      success = { 200, 201 }, result = "Errors.1", class = "other", resend = "unsafe",
      example = [[site:add_site_error { site = 123, pid = "537cb0659a7dc", error = 10012, data = { file = "prices.csv" } }]],
      source = "Site Errors; the body is that of the vendor's PHP client",
    },
    {
      name = "import_history",
      doc = "The last imports of a site",
      method = "GET", path = "/platform/v2/sites/{site}/importhistory", args = { site },
      result = "Importhistory", class = "other", resend = "safe",
      example = [[for _, one in ipairs(site:import_history { site = 123 }) do print(one.import_time, one.product_count) end]],
      source = "Import History, Get",
    },
    {
      name = "channels",
      doc = "The channels of a site: where its products go",
      method = "GET", path = "/platform/v2/sites/{site}/channels", args = { site },
      result = "Channels", class = "other", resend = "safe",
      example = [[for _, one in ipairs(site:channels { site = 123 }) do print(one.id, one.name) end]],
      source = "Channels, Get",
    },
    {
      name = "channel",
      doc = "One channel of a site",
      method = "GET", path = "/platform/v2/sites/{site}/channels/{channel}", args = { site, channel },
      result = "Channels.1", class = "other", resend = "safe",
      example = [[site:channel { site = 123, channel = 321 }.export_name]],
      source = "Channels, Get",
    },
    {
      name = "channel_history",
      doc = "The last exports of a channel; all numbers are text",
      method = "GET", path = "/platform/v2/sites/{site}/channels/{channel}/history", args = { site, channel },
      result = "Channels.1.history", class = "other", resend = "safe",
      example = [[for _, one in ipairs(site:channel_history { site = 123, channel = 321 }) do print(one.export_time, one.uploaded) end]],
      source = "Channel History, Get",
    },
    {
      name = "upload_products",
      doc = "Put flat products with an id into a batch, at most 10,000; product_batch does it for you",
      method = "POST", path = "/platform/v2/sites/{site}/products/{batch}/upload",
      args = {
        site, batch,
        { name = "body", type = "records", required = true, into = "body",
          doc = "a list, a chunk, or an iterator of records, tables and lines; pup:isdeleted 1 deletes softly, -1 for good" },
      },
      encoding = "json_array", legacy = LEGACY,
      expect = "success", class = "write", resend = "safe", counted = true, -- the last of two products with one id wins
      example = [[site:upload_products { site = 123, batch = ("0"):rep(32), body = { { id = 123, title = "test title" } } }]],
      source = "Product Data (Write), Uploading; Deleting one or more products",
    },
    {
      name = "commit_products",
      doc = "Hand a batch over, once: full replaces everything that the site has, delta only what is in it",
      method = "POST", path = "/platform/v2/sites/{site}/products/{batch}/commit",
      body = [[{"type":{type},"automatic_import":{automatic_import?}}]],
      args = {
        site, batch, { name = "type", type = "text", required = true, one_of = { "full", "delta" }, doc = "full: what is not in it is deleted" },
        optional("automatic_import", "boolean", "false: no import and export by themselves 20 minutes later"),
      },
      legacy = LEGACY, class = "write", resend = "unsafe",
      example = [[site:commit_products { site = 123, batch = ("0"):rep(32), type = "delta", automatic_import = false }]],
      source = "Product Data (Write), Committing",
    },
    {
      name = "discard_products",
      doc = "Throw away a batch that is not committed",
      method = "POST", path = "/platform/v2/sites/{site}/products/{batch}/discard", args = { site, batch },
      legacy = LEGACY, class = "write", resend = "safe",
      example = [[site:discard_products { site = 123, batch = ("0"):rep(32) }]],
      source = "Product Data (Write), Discarding",
    },
    {
      name = "delete_site_products",
      doc = "Delete all product data that was uploaded to a site: its next import has 0 products",
      method = "DELETE", path = "/platform/v2/sites/{site}/products", args = { site },
      legacy = LEGACY, class = "other", resend = "never_automatic",
      example = [[site:delete_site_products { site = 123 }]],
      source = "Product Data (Write), Deleting all products",
    },
    {
      name = "read_products",
      doc = "The products of a stage, page by page as they are asked for; all values are text. Slow: minutes are normal",
      method = "GET", path = "/product/v2/site/{site}/stage/{stage}/{stage_id}",
      args = {
        site_id, stage, stage_id,
        optional("filter", "text", "a condition in SQL; sluice.sql quotes values", { query = "filter" }),
        optional("limit", "integer", "products a page", { query = "limit", default = 5000, min = 1, max = 5000 }),
        optional("fields", "list", "names of the fields that are wanted", { query = "fields" }),
        optional("hidden", "integer", "1: with the fields that are not exported", { query = "hidden", one_of = { 0, 1 } }),
      },
      paging = { kind = "offset", offset = "offset", limit = "limit", size = 5000, by = "limit", records = true },
      result = "products", class = "read", resend = "safe", timeout = 300,
      example = [[for one in site:read_products { site = 123, stage = "intermediate", fields = { "id", "gtin" } } do print(one.id) end]],
      source = "Product Data (Read), Get",
    },
    {
      name = "product_properties",
      doc = "The columns of a stage and how many products it has",
      method = "GET", path = "/product/v2/site/{site}/stage/{stage}/{stage_id}/properties", args = { site_id, stage, stage_id },
      expect = "columns", class = "read", resend = "safe", timeout = 300,
      example = [[site:product_properties { site = 123, stage = "intermediate" }.products]],
      source = "Product Data (Read), properties",
    },
    {
      name = "process",
      doc = "Start an import or export of a site and get its pid. Once in five minutes; a conflict where one is queued already",
      method = "POST", path = "/platform/v2/process/{site}",
      body = [[{"action":{action},"id":{id?},"batch_id":{batch?}}]],
      args = {
        site,
        { name = "action", type = "text", required = true, one_of = { "import", "export", "channel", "export-all", "all" }, doc = "what it does" },
        optional("id", "integer", "the export or the channel", { required_for = { action = { "export", "channel" } } }),
        optional("batch", "text", "a batch of product_batch that was committed", { min = 32, max = 32 }),
      },
      outcomes = {
        { status = 429, says = "already in the current queue", outcome = "rejected", code = "conflict" },
        { status = 500, says = "lock is already acquired", outcome = "unavailable" },
        { status = 500, says = "interacting with the job server", outcome = "unavailable", attempts = 2 },
      },
      errors = {
        conflict = { hint = "nothing to do: the queued process takes what was uploaded before it begins" },
      },
      credential = "pat", result = "process_id", class = "process", resend = "unsafe",
      answer = { success = true, process_id = "{#text}" },
      example = [[local pid = site:process { site = 123, action = "import" }]],
      source = "Process data, Post",
    },
    {
      name = "process_status",
      doc = "How far a process is: queued, running, success or failed. A pid that does not exist is queued for ever",
      method = "GET", path = "/platform/v2/sites/{site}/status/{pid}",
      args = { site_id, { name = "pid", type = "text", required = true, doc = "what process gave" } },
      result = "status", class = "other", resend = "safe",
      poll = { terminal = { success = "ok", failed = "failed" } }, answer = { success = true, status = "success" },
      example = [[site:process_status { site = 123, pid = "47e6b828-3210-3568-8ec3-85ed3e2d944c" }]],
      source = "Status, Get",
    },
    {
      name = "stream_sources",
      doc = "The streams that a site imports, page by page as they are asked for",
      method = "GET", path = "/platform/v2/sites/{site}/streams", args = { site_id },
      paging = pages, credential = "pat", result = "Sources", class = "other", resend = "safe",
      example = [[for one in site:stream_sources { site = 1 } do print(one.id, one.status, one.settings[1]) end]],
      source = "Site Stream Data Sources, List",
    },
    {
      name = "link_stream",
      doc = "Let a site import a stream. Where it does already, the answer's own words are the result",
      method = "POST", path = "/platform/v2/sites/{site}/streams",
      body = [[{"import_type":{import_type?},"description":{description?},"stream_id":{stream},"status":{status?}}]],
      args = { site_id, stream, import_type, source_text, source_status },
      success = { 201, 200 }, outcomes = { { status = 422, says = "already exists", outcome = "ok" } },
      credential = "pat", result = "Sources.1", class = "other", resend = "safe",
      example = [[site:link_stream { site = 1, stream = 124773, description = "delta feed" }.id]],
      source = "Site Stream Data Sources, Create",
    },
    {
      name = "update_stream_source",
      doc = "Change how a site imports a stream",
      method = "PUT", path = "/platform/v2/sites/{site}/streams/{stream}",
      body = [[{"import_type":{import_type?},"description":{description?},"status":{status?}}]],
      args = { site_id, stream, import_type, source_text, source_status },
      errors = { [422] = { hint = "this site does not import that stream: link_stream makes it do so" } },
      credential = "pat", result = "Sources.1", class = "other", resend = "safe",
      example = [[site:update_stream_source { site = 1, stream = 124773, status = "paused" }]],
      source = "Site Stream Data Sources, Update",
    },
    {
      name = "unlink_stream",
      doc = "End a site's import of a stream; the stream and its products stay",
      method = "DELETE", path = "/platform/v2/sites/{site}/streams/{stream}", args = { site_id, stream },
      errors = { [422] = { hint = "this site does not import that stream" } },
      credential = "pat", result = "success", class = "other", resend = "safe",
      example = [[site:unlink_stream { site = 1, stream = 124773 }]],
      source = "Site Stream Data Sources, Delete",
    },
  },

  helpers = {
    uploader = { module = "sluice.site_uploader", doc = "(site, {automatic_import=, …}) as a stream's uploader: deltas, committed by :flush()" },
    product_batch = { module = "sluice.product_batch", doc = "(site, {type=\"full\"|\"delta\"}) with :write(row), :commit() and :discard()" },
    start_process = { module = "sluice.site_process", doc = "(site, action) gives a pid; nil where a process is queued already" },
    wait_process = { module = "sluice.site_process", doc = "(site, pid, {deadline=}) waits until a process is over" },
  },
}
