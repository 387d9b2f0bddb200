-- Productsup Stream API: streams of products that sites of the Productsup platform import.
--
-- The whole API is in the rows below; nothing else in sluice knows it. How rows are read and what each field means
-- is in stdlib/definition.lua. Documents: reference "productsup-api", part "Stream API".
--
--   local feed = sluice.connect "feed"
--   local batch = feed:upload_products { stream = "124773", body = { { id = "475-SHIRT-XL", price = 15 } } }

local stream = { name = "stream", type = "id", required = true, doc = "the stream's id" }

-- What a dry run is answered: the vendor's examples of a batch, before and after an import.
local function stage() return { status = "success", successCount = "{n}", errorCount = 0, errors = {} } end
local ACCEPTED = { data = { type = "batch", id = "{#text}", attributes = { status = "uploaded", errorCount = 0, stages = { upload = stage() } } } }
local PROCESSED = {
  data = { type = "batch", id = "{batch}", attributes = { status = "processed", errorCount = 0,
    stages = { upload = stage(), processing = stage() } } },
}

return {
  name = "productsup_stream",
  doc = "Productsup Stream API: sends products to streams that sites import",

  hosts = {
    { name = "base", key = "base_url", url = "https://stream-api.productsup.com", doc = "the Stream API" },
  },

  connection = {
    { name = "token", type = "secret", required = true, doc = "a Personal Access Token (of the Stream API, not of the Platform API)" },
    { name = "account_id", type = "id", doc = "the account, where the token sees several" },
    { name = "gzip", type = "boolean", default = false, doc = "true compresses what is uploaded and deleted on the way; for slow links" },
  },
  credential = { kind = "bearer", secret = "token" },

  classes = {
    products = { rate = "30/s", per = "stream", doc = "uploads and deletes, each stream on its own" },
    batches = { rate = "100/s", per = "stream", doc = "asking for a batch, each stream on its own" },
    other = { rate = "5/s", per = "endpoint", doc = "everything else, each endpoint on its own" },
  },
  health = { "streams" },
  learn = { limit = "ratelimit-limit", reset = "ratelimit-reset" }, -- per second; the reset is a Unix time

  media = "application/vnd.api+json",
  headers = { Accept = "application/vnd.api+json", ["User-Agent"] = "sluice Productsup/sluice" }, -- the vendor asks for the latter
  errors = {
    message = { "errors.1.detail", "errors.1.title", "data.attributes.stages.upload.errors.1.message" },
    [401] = { hint = "check the token: the Stream API and the Platform API take different ones" },
    [404] = { hint = "is the id right? client:streams() gives the streams that this token sees" },
  },

  operations = {
    {
      name = "create_stream",
      doc = "Make a stream. At most 100 an account; a type can't be changed; a deleted name stays taken for up to 7 days",
      method = "POST", path = "/streams",
      body = [[{"data":{"type":"stream","attributes":{"name":{name},"type":{type}}},"relationships":{account?}}]],
      args = {
        { name = "name", type = "text", required = true, min = 3, max = 255, doc = "unique in the account, 3 to 255 characters" },
        { name = "type", type = "text", one_of = { "chunked", "referenced" }, default = "chunked",
          doc = "chunked takes NDJSON, referenced takes JSON arrays of 10 to 200 MB" },
        { name = "account", type = "id", from = "connection", key = "account_id", doc = "the account, where the token sees several",
          json = [[{"account":{"data":{"type":"account","id":{account}}}}]] },
      },
      success = { 201 }, result = "data", class = "other", resend = "unsafe",
      answer = { data = { type = "stream", id = "{#text}", attributes = { name = "{name}", type = "{type}" } } },
      errors = {
        [409] = { take = { duplicate = "errors.1.meta.duplicate" }, hint = "a stream of that name exists: id {duplicate.id}" },
      },
      example = [[feed:create_stream { name = "My product stream", type = "chunked" }.id]],
      source = "Stream Management, Create a Stream",
    },
    {
      name = "streams",
      doc = "All streams that the token sees, page by page as they are asked for",
      method = "GET", path = "/streams",
      paging = { kind = "offset", offset = "page[offset]", limit = "page[limit]", size = 10, next = "links.next" },
      result = "data", class = "other", resend = "safe",
      example = [[for stream in feed:streams() do print(stream.id, stream.attributes.name) end]],
      source = "Stream Management, List Stream",
    },
    {
      name = "stream",
      doc = "One stream",
      method = "GET", path = "/streams/{stream}", args = { stream },
      result = "data", class = "other", resend = "safe",
      example = [[feed:stream { stream = "124773" }.attributes.name]],
      source = "Stream Management, List a specific Stream",
    },
    {
      name = "rename_stream",
      doc = "Give a stream another name",
      method = "PATCH", path = "/streams/{stream}", answer = { data = { type = "stream", id = "{stream}", attributes = { name = "{name}" } } },
      body = [[{"data":{"id":{stream},"type":"stream","attributes":{"name":{name}}}}]],
      args = {
        stream,
        { name = "name", type = "text", required = true, min = 3, max = 255, doc = "unique in the account, 3 to 255 characters" },
      },
      result = "data", class = "other", resend = "safe",
      errors = {
        [409] = { take = { duplicate = "errors.1.meta.duplicate" }, hint = "a stream of that name exists: id {duplicate.id}" },
      },
      example = [[feed:rename_stream { stream = "124773", name = "My product Stream with an updated name" }]],
      source = "Stream Management, Update Stream",
    },
    {
      name = "delete_stream",
      doc = "Delete a stream and all its products, for good; its name stays taken for up to 7 days",
      method = "DELETE", path = "/streams/{stream}", args = { stream },
      success = { 204 }, class = "other", resend = "never_automatic",
      example = [[feed:delete_stream { stream = "124773" }]],
      source = "Stream Management, Remove Stream",
    },
    {
      name = "upload_products",
      doc = "Put products into a stream, replacing those of the same id. 202 may be a partial loss: read stages.upload of the batch",
      method = "POST", path = "/streams/{stream}/products",
      args = {
        stream,
        { name = "body", type = "records", required = true, into = "body",
          doc = "a chunk, NDJSON text (referenced: a JSON array), a list, or an iterator of records, tables and lines" },
        { name = "type", type = "text", one_of = { "chunked", "referenced" }, default = "chunked", doc = "the stream's type" },
        { name = "gzip", type = "boolean", from = "connection", doc = "compress the body on the way" },
      },
      encoding = { by = "type", chunked = "ndjson", referenced = "json_array" },
      max_bytes = 200000000, gzip = "gzip",
      success = { 202 }, deliver = { 422 }, expect = "data", result = "data",
      class = "products", resend = "safe", counted = true, answer = ACCEPTED, -- a resend leaves a second batch
      example = [[feed:upload_products { stream = "124773", body = { { id = "34SKJDF42DF", name = "Product 1" } } }.attributes.status]],
      source = "Uploading Data; Invalid batch; Partial uploads",
    },
    {
      name = "delete_products",
      doc = "Take products out of a stream by their ids",
      method = "DELETE", path = "/streams/{stream}/products",
      args = {
        stream,
        { name = "ids", type = "ids", required = true, into = "body", line = [[{"id":{id}}]],
          doc = "list of ids, or NDJSON lines of {\"id\":…} as text or chunk" },
        { name = "gzip", type = "boolean", from = "connection", doc = "compress the body on the way" },
      },
      encoding = "ndjson", max_bytes = 200000000, gzip = "gzip", answer = ACCEPTED,
      success = { 202, 204 }, deliver = { 422 }, result = "data", -- the API's newer documents answer 202 with a batch
      class = "products", resend = "safe", counted = true,
      example = [[feed:delete_products { stream = "124773", ids = { "34SKJDF42DF", "475-SHIRT-XL" } }]],
      source = "Delete products via the request body",
    },
    {
      name = "delete_product",
      doc = "Take one product out of a stream",
      method = "DELETE", path = "/streams/{stream}/products/{product}",
      args = { stream, { name = "product", type = "id", required = true, doc = "the product's id" } }, answer = ACCEPTED,
      success = { 202, 204 }, deliver = { 422 }, result = "data",
      class = "products", resend = "safe", counted = true,
      example = [[feed:delete_product { stream = "124773", product = "475-SHIRT-XL" }]],
      source = "Delete products via the url",
    },
    {
      name = "delete_all_products",
      doc = "Take all products out of a stream, for good. An import of it fails then, unless its data source may be empty",
      method = "DELETE", path = "/streams/{stream}/products", query = "all=true", answer = ACCEPTED,
      args = {
        stream,
        { name = "confirm", type = "boolean", required = true, one_of = { true }, doc = "true: yes, all of them" },
      },
      success = { 202, 204 }, deliver = { 422 }, result = "data",
      class = "products", resend = "never_automatic",
      example = [[feed:delete_all_products { stream = "124773", confirm = true }]],
      source = "Delete all products in a stream",
    },
    {
      name = "batch",
      doc = "How far a batch is: `uploaded`, `processed` (once a site has imported it) or `failed`",
      method = "GET", path = "/streams/{stream}/batches/{batch}",
      args = { stream, { name = "batch", type = "id", required = true, doc = "the batch's id" } },
      expect = "data", result = "data", class = "batches", resend = "safe",
      poll = { terminal = { processed = "ok", failed = "failed" } }, answer = PROCESSED,
      example = [[feed:batch { stream = "124773", batch = "b15e8bb1-bd53-470a-9597-785003536978" }.attributes.status]],
      source = "Batches",
    },
  },

  helpers = {
    uploader = { module = "sluice.uploader", doc = "(stream, {gzip=, …}) with :write(record), :flush() and :finish{wait=}" },
    own_stream = { module = "sluice.own_stream", doc = "{name=, mine=, intend=}: makes a stream once, whatever is killed on the way" },
    wait_batches = { module = "sluice.batches", doc = "waits for the verdicts of batches" },
    describe_batch = { module = "sluice.batches", doc = "(stream, batch): its status and stages as text" },
  },
}
