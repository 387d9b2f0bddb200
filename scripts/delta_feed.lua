-- Sends the products that changed in Stock2Shop to a Productsup stream (or a site), each change once, none missed.
--
--   sluice run scripts/delta_feed.lua from=shop to=feed stream=124773
--   sluice run scripts/delta_feed.lua from=shop to=feed stream=124773 sweep=true      # also deletes what has vanished
--   sluice run scripts/delta_feed.lua from=shop to=site site_id=123 shape=variant     # deltas for a site of the Platform API
--   sluice run scripts/delta_feed.lua from=shop to=file:changes.ndjson                # this run's changes as NDJSON
--   sluice run … --full                                                               # everything again
--
-- shape=product   the products as they are, `id` as text
-- shape=variant   a flat row per variant: id (of the variant, as text), item_group_id (of the product, as text), title,
--                 description, brand, product_type, collection, tags, sku, barcode, price, qty, grams, option1, option2,
--                 option3, image, active, source_product_code, source_variant_code, created, modified
--
-- A site takes flat rows alone: shape=variant. A sweep deletes there for good (pup:isdeleted -1). The Platform runs the site
-- 20 minutes after the last commit by itself; automatic_import=false leaves that to somebody else.
--
-- Ends with exit code 3 where products were rejected: they are in the dead-letter file, with the reasons. `sluice dlq retry`
-- sends them again, as they are in the shop by then: what changed meanwhile must not be undone.

local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

local function image_of(product, variant)
  local first
  for _, image in ipairs(product.images or {}) do
    if image.id == variant.image_id then return image.src end
    first = first or image.src
  end
  return first
end

local shapes = {}

function shapes.product(product)
  product.id = tostring(product.id)
  return { product }
end

function shapes.variant(product)
  local rows = {}
  for i, v in ipairs(product.variants or {}) do
    rows[i] = {
      id = tostring(v.id), item_group_id = tostring(product.id), title = product.title, description = product.body_html,
      brand = product.vendor, product_type = product.product_type, collection = product.collection, tags = product.tags,
      sku = v.sku, barcode = v.barcode, price = v.price, qty = v.qty, grams = v.grams, option1 = v.option1,
      option2 = v.option2, option3 = v.option3, image = image_of(product, v), active = v.active,
      source_product_code = product.source_product_code, source_variant_code = v.source_variant_code,
      created = product.created, modified = product.modified,
    }
  end
  return rows
end

local COLUMNS = { "title", "description", "brand", "product_type", "collection", "tags", "sku", "barcode", "price", "qty", "grams", "option1",
  "option2", "option3", "image", "active", "source_product_code", "source_variant_code", "created", "modified" }

-- For a site: a delta leaves the columns as they are that it does not name, so what a variant has not is named, as empty.
local function whole_rows(product)
  local rows = shapes.variant(product)
  for _, row in ipairs(rows) do
    for _, column in ipairs(COLUMNS) do
      if row[column] == nil then row[column] = "" end
    end
  end
  return rows
end

local function ids_of_variants(product)
  local ids = {}
  for i, variant in ipairs(product.variants or {}) do ids[i] = tostring(variant.id) end
  return ids
end

-- A file that takes what an uploader takes. It is there, complete, when the run has ended; a dry run leaves it alone.
local function file_sink(path, run)
  local out, n = not run.dry and ndjson.writer(path), 0
  return {
    write = function(_, row)
      if out then out:write(row) end
      n = n + 1
    end,
    finish = function()
      if out then out:close() end
      run:count("sent", n)
    end,
  }
end

local function usage(text, ...) sluice.err.raise { code = "usage", message = text:format(...) } end

local function is_true(name, value)
  if value == true or value == "true" then return true end
  if value == false or value == "false" then return false end
  usage("%s is true or false, not '%s'", name, tostring(value))
end

local function count_of(name, value)
  local n = math.tointeger(tonumber(value))
  if not n or n < 1 then usage("%s is a whole number from 1, not '%s'", name, tostring(value)) end
  return n
end

-- What both sending and sending again take from the arguments: the way of a product to its rows, and the file or the
-- client that they go to.
local function target(args)
  local rows_of, file = shapes[args.shape], args.to:match "^file:(.+)$"
  if not rows_of then usage("shape is product or variant, not %s", tostring(args.shape)) end
  if file then return rows_of, file end
  local feed = sluice.connect(args.to)
  if feed.api ~= "productsup_platform" then
    if not args.stream then usage "stream is missing: the id of the stream" end
    return rows_of, nil, feed
  end
  if not args.site_id then usage "site_id is missing: the id of the site" end
  if args.shape ~= "variant" then usage "the products of a site are flat: say shape=variant" end
  return whole_rows, nil, feed, args.site_id
end

local function upload_to(feed, args, site)
  local more = site and { automatic_import = is_true("automatic_import", args.automatic_import) } or {}
  local sent = require("sluice.sweep").memory(feed, site or args.stream, more)
  more.max_records, more.remember = count_of("batch", args.batch), sent.add
  return feed:uploader(site or args.stream, more), sent
end

-- A site has a cursor of its own; the others are told apart by the recipe's key.
local function cursor_of(run, site) return run:cursor(site and ("products of site %s"):format(site) or "products") end

-- A rejected row by its own id and its product's, which may be the same.
local function ids_of_row(args, row)
  local id = tostring(row.id)
  return id, args.shape == "variant" and row.item_group_id and tostring(row.item_group_id) or id
end

local function send_again(shop, sink, rows_of, run, wanted)
  local list = {}
  for _, one in ipairs(wanted) do list[#list + 1] = one.product end
  local products = require("sluice.fresh").products(shop, list)
  for _, one in ipairs(wanted) do
    local product, found = products[one.product], false
    for _, row in ipairs(product and rows_of(product) or {}) do
      if tostring(row.id) == one.id and not found then
        sink:write(row)
        found = true
      end
    end
    if not found then run:skip "no longer in the shop" end
  end
end

return sluice.recipe {
  about = "Send the products that changed in Stock2Shop to a Productsup stream or site",
  args = {
    from = "connection of the shop", to = "connection of the stream or site, or file:PATH",
    stream = { "stream id", optional = true }, site_id = { "site id, where to is a site", optional = true },
    automatic_import = { "false: the site is not run by itself", default = true },
    since = { "time to start from (UTC); leaves the cursor alone", optional = true },
    shape = { "product or variant", default = "product" },
    batch = { "products per request, at most", default = 10000 },
    checkpoint = { "commit after so many products, besides at the end", default = 100000 },
    sweep = { "also delete what has vanished from the shop", default = false },
    confirm = { "let a sweep delete more than a tenth", default = false },
  },
  key = { "to", "stream" },
  run = function(args, run)
    local rows_of, file, feed, site = target(args)
    local sweeps, confirm = is_true("sweep", args.sweep), is_true("confirm", args.confirm)
    local checkpoint, uncommitted = count_of("checkpoint", args.checkpoint), 0
    count_of("batch", args.batch)
    if file and sweeps then usage "a file can't be swept" end
    local shop = sluice.connect(args.from)
    local sink, sent
    if file then sink = file_sink(file, run) else sink, sent = upload_to(feed, args, site) end

    for product in shop:changed_products { since = args.since, cursor = cursor_of(run, site) } do
      local rows = rows_of(product)
      if #rows == 0 then run:skip "no variants" else run:count("added", #rows - 1) end
      for _, row in ipairs(rows) do sink:write(row) end
      uncommitted = uncommitted + 1
      if feed and uncommitted >= checkpoint then
        sink:flush()
        run:commit() -- a run that dies from now on starts over here
        uncommitted = 0
      end
    end
    sink:finish() -- the uploads' verdicts; raises where one is unknown or a whole batch failed
    run:commit()  -- only now does the cursor move

    if sweeps and not sluice.task.stopping() then
      sent.sweep(shop, { confirm = confirm, ids_of = args.shape == "variant" and ids_of_variants or nil })
    end
  end,

  retry = function(args, run, records)
    local rows_of, file, feed, site = target(args)
    if file then usage "a file takes all records: there is nothing to send again" end
    local shop, sink = sluice.connect(args.from), upload_to(feed, args, site)
    require("sluice.feed").open(shop, cursor_of(run, site)) -- no run of the feed may send a newer state meanwhile
    local wanted = {}
    for record in records do
      local id, product = ids_of_row(args, record)
      wanted[#wanted + 1] = { id = id, product = product }
      if #wanted == 100 then
        send_again(shop, sink, rows_of, run, wanted)
        wanted = {}
      end
    end
    send_again(shop, sink, rows_of, run, wanted)
    sink:finish()
    run:commit()
  end,
}
