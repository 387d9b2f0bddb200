-- Sends the products that changed in Stock2Shop to a Productsup stream (or a site), each change once, none missed.
--
--   sluice run scripts/delta_feed.lua from=shop to=feed stream=124773
--   sluice run scripts/delta_feed.lua from=shop to=feed stream=124773 sweep=true      # also deletes what has vanished
--   sluice run scripts/delta_feed.lua from=shop to=site site_id=123 shape=variant     # deltas for a site of the Platform API
--   sluice run scripts/delta_feed.lua from=shop to=file:changes.ndjson                # this run's changes as NDJSON
--   sluice run … --full                                                               # everything again
--
-- shape=product   the products as they are, `id` as text
-- shape=variant   a flat row per variant (stdlib/product_rows.lua): id (of the variant, as text), item_group_id (of the product,
--                 as text), title, description, brand, product_type, collection, tags, sku, barcode, price, qty, grams, option1,
--                 option2, option3, image, active, source_product_code, source_variant_code, created, modified
--
-- A site takes flat rows alone: shape=variant. A sweep deletes there for good (pup:isdeleted -1). The Platform runs the site
-- 20 minutes after the last commit by itself; automatic_import=false leaves that to somebody else.
--
-- Ends with exit code 3 where products were rejected: they are in the dead-letter file, with the reasons. `sluice dlq retry`
-- sends them again, as they are in the shop by then: what changed meanwhile must not be undone.

local fresh = require "sluice.fresh"
local product_rows = require "sluice.product_rows"
local sluice = require "sluice"

-- The way of a product to its rows. Change these to send something else.
local shapes = { variant = product_rows.variants }

function shapes.product(product)
  product.id = tostring(product.id)
  return { product }
end

-- A request holds so much at most, which is what a shop gives in a second: one is built while up to two are on their way.
local REQUEST_BYTES = 3000000

-- What both sending and sending again take from the arguments: the way of a product to its rows, and the file or the
-- client that they go to.
local function target(args)
  local file = args.to:match "^file:(.+)$"
  if file then return shapes[args.shape], file end
  local feed = sluice.connect(args.to)
  if feed.api ~= "productsup_platform" then
    if not args.stream then sluice.usage "stream is missing: the id of the stream" end
    return shapes[args.shape], nil, feed
  end
  if not args.site_id then sluice.usage "site_id is missing: the id of the site" end
  if args.shape ~= "variant" then sluice.usage "the products of a site are flat: say shape=variant" end
  return product_rows.whole, nil, feed, args.site_id
end

local function upload_to(feed, args, site)
  local more = site and { automatic_import = args.automatic_import } or {}
  local sent = require("sluice.sweep").memory(feed, site or args.stream, more)
  more.max_records, more.max_bytes, more.remember = args.batch, REQUEST_BYTES, sent.add
  return feed:uploader(site or args.stream, more), sent
end

-- A site has a cursor of its own; the others are told apart by the recipe's key.
local function cursor_of(run, site) return run:cursor(site and ("products of site %s"):format(site) or "products") end

return sluice.recipe {
  about = "Send the products that changed in Stock2Shop to a Productsup stream or site",
  args = {
    from = { "connection of the shop", type = "connection" }, to = { "connection of the stream or site", type = "connection", file = true },
    stream = { "stream id", type = "text", optional = true }, site_id = { "site id, where to is a site", type = "text", optional = true },
    automatic_import = { "false: the site is not run by itself", type = "boolean", default = true },
    since = { "time to start from (UTC); leaves the cursor alone", type = "time", optional = true },
    shape = { "of what is sent", one_of = { "product", "variant" }, default = "product" },
    batch = { "products per request, at most", type = "integer", min = 1, default = 10000 },
    checkpoint = { "commit after so many products, besides at the end", type = "integer", min = 1, default = 100000 },
    sweep = { "also delete what has vanished from the shop", type = "boolean", default = false },
    confirm = { "let a sweep delete more than a tenth", type = "boolean", default = false },
  },
  key = { "to", "stream" },
  run = function(args, run)
    local rows_of, file, feed, site = target(args)
    if file and args.sweep then sluice.usage "a file can't be swept" end
    local shop, uncommitted, sink, sent = sluice.connect(args.from), 0
    if file then sink = require("sluice.file_sink").open(file) else sink, sent = upload_to(feed, args, site) end

    for product in shop:changed_products { since = args.since, cursor = cursor_of(run, site) } do
      local rows = rows_of(product)
      if #rows == 0 then run:skip "no variants" else run:count("added", #rows - 1) end
      for _, row in ipairs(rows) do sink:write(row) end
      uncommitted = uncommitted + 1
      if feed and uncommitted >= args.checkpoint then
        sink:flush()
        run:commit() -- a run that dies from now on starts over here
        uncommitted = 0
      end
    end
    sink:finish() -- the uploads' verdicts; raises where one is unknown or a whole batch failed
    run:commit()  -- only now does the cursor move

    if args.sweep and not sluice.task.stopping() then
      sent.sweep(shop, { confirm = args.confirm, ids_of = args.shape == "variant" and product_rows.ids or nil })
    end
  end,

  retry = function(args, run, records)
    local rows_of, file, feed, site = target(args)
    if file then sluice.usage "a file takes all records: there is nothing to send again" end
    local shop, sink = sluice.connect(args.from), upload_to(feed, args, site)
    require("sluice.feed").open(shop, cursor_of(run, site)) -- no run of the feed may send a newer state meanwhile
    local function ids_of(row)
      local id = tostring(row.id)
      return args.shape == "variant" and row.item_group_id and tostring(row.item_group_id) or id, id
    end
    for row in fresh.rows(shop, records, { ids_of = ids_of, rows_of = rows_of }) do
      if row then sink:write(row) else run:skip "no longer in the shop" end
    end
    sink:finish()
    run:commit()
  end,
}
