-- Puts a file of products into Stock2Shop's queue, and watches the queue until it is empty.
--
--   sluice run scripts/push_products.lua to=shop source_id=57 file=products.csv
--   sluice run scripts/push_products.lua to=shop source_id=57 file=products.ndjson watch=false     # queues only
--   … | sluice run scripts/push_products.lua to=shop source_id=57 file=- format=csv
--
-- to           the connection of the shop              source_id    the source, one of those that `shop:sources()` lists
-- file         a .csv, .tsv, .ndjson or .jsonl file, or - (then say format=csv, tsv or ndjson)
-- watch        wait until the queue is empty (true)    stall_after  how long it may stand still (10m)
-- deadline     how long in all (1h)                    batch        products in a request, at most (100)
--
-- CSV: a line per variant; its columns are source_product_code, title, source_variant_code and sku, and as one likes
-- product_active, body_html, collection, product_type, tags, vendor, barcode, qty, price, grams, inventory_management, option1,
-- option2, option3, and beside them
--   option1_name … option3_name    what the options are ("Size")
--   price:LIST    qty:WAREHOUSE    meta:KEY       a price list's price, a warehouse's quantity, a meta value
-- An empty cell is a field that is not sent. NDJSON: a product per line, as `push_products` takes it (docs/apis.md).
--
--   $ sluice run scripts/push_products.lua to=shop source_id=57 file=products.csv
--   2026-11-28T08:08:20.470Z warn  queue: product 3 (SHIRT): title is missing
--   3 products queued in 1 request, 1 rejected; the queue was empty after 4 s
--
-- What is rejected is in the dead-letter file with its line, exit code 3; `sluice dlq retry` sends it again, once it was mended there
-- or the shop takes it. A queue that stands still (an item failed and
-- blocks it) or is not empty in time: exit code 6. An answer that counts another number than was sent: exit code 7. The
-- same file may be pushed again, also after a kill: products are known by their codes. But each product that is queued is billed:
-- the last line says how many were sent again after a lost answer or a refusal, and so may be queued twice.

local input = require "sluice.input"
local queue = require "sluice.queue"
local sluice = require "sluice"

-- Sends them; the line about it.
local function push(args, run, products)
  local sums = sluice.connect(args.to):push_products(products, { source_id = args.source_id, max_products = args.batch })
  run:commit() -- the dead letters are durable
  return queue.report("products", sums, run.sums.rejected)
end

return sluice.recipe {
  about = "Put a file of products into Stock2Shop's queue, and watch it until it is empty",
  args = {
    to = { "connection of the shop", type = "connection" }, source_id = { "source that the products come from", type = "text" },
    file = { "CSV, TSV or NDJSON file, or -", type = "path" },
    format = { "of the file; else by its name", one_of = { "csv", "tsv", "ndjson" }, optional = true },
    watch = { "wait until the queue is empty", type = "boolean", default = true },
    stall_after = { "how long the queue may stand still", type = "duration", default = "10m" },
    deadline = { "how long to wait in all", type = "duration", default = "1h" },
    batch = { "products in a request, at most", type = "integer", min = 1, default = 100 },
  },
  run = function(args, run)
    local products = input.records(args.file, { format = args.format, columns = require("sluice.product_columns").of })
    local text = push(args, run, function()
      local product = products()
      if product ~= nil then run:count "read" end
      return product
    end)
    if not args.watch or sluice.task.stopping() then return print(text) end
    local ended = sluice.connect(args.to):wait_queue { stall_after = args.stall_after, deadline = args.deadline }
    print(("%s; the queue was empty after %.0f s"):format(text, ended.seconds))
  end,

  retry = function(args, run, records) print(push(args, run, records)) end,
}
