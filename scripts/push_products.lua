-- Puts a file of products into Stock2Shop's queue, and watches the queue until it is empty.
--
--   sluice run scripts/push_products.lua to=shop source_id=57 file=products.csv
--   sluice run scripts/push_products.lua to=shop source_id=57 file=products.ndjson watch=false     # queues only
--   … | sluice run scripts/push_products.lua to=shop source_id=57 file=- format=csv
--
-- to           the connection of the shop              source_id    the source, one of those that `shop:sources()` lists
-- file         a .csv, .tsv, .ndjson or .jsonl file, or - (then say format=csv, tsv or ndjson)
-- watch        wait until the queue is empty (true)    stall_after  seconds that it may stand still (600)
-- deadline     seconds in all (3600)                   batch        products in a request, at most (100)
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
-- What is rejected is in the dead-letter file with its line, exit code 3. A queue that stands still (an item failed and
-- blocks it) or is not empty in time: exit code 6. An answer that counts another number than was sent: exit code 7. The
-- same file may be pushed again, also after a kill: products are known by their codes. But each product that is queued is billed:
-- the last line says how many were sent again after a lost answer or a refusal, and so may be queued twice.

local csv = require "sluice.csv"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

local function usage(text, ...) sluice.err.raise { code = "usage", message = text:format(...) } end

-- ---- from a line of CSV to a product ----

local PRODUCT = { "source_product_code", "title", "product_active", "body_html", "collection", "product_type", "tags", "vendor" }
local VARIANT = { "source_variant_code", "sku", "barcode", "qty", "price", "grams", "inventory_management", "option1", "option2", "option3" }
local NEEDED = { "source_product_code", "title", "source_variant_code", "sku" }

local setters, plain = {}, {}
for _, name in ipairs(PRODUCT) do setters[name] = function(product, value) product[name] = value end end
for _, name in ipairs(VARIANT) do setters[name] = function(product, value) product.variants[name] = value end end
for i = 1, 3 do
  setters[("option%d_name"):format(i)] = function(product, value) table.insert(product.options, { name = value, position = i }) end
end
for name in pairs(setters) do plain[#plain + 1] = name end

local function adds_to(list, key, field)
  return function(product, value, name)
    local owner = list == "meta" and product or product.variants
    table.insert(owner[list], { [key] = name, [field] = value })
  end
end

local prefixes = { price = adds_to("price_tiers", "tier", "price"), qty = adds_to("qty_availability", "description", "qty"),
  meta = adds_to("meta", "key", "value") }

-- What each column sets: { name, function, the part behind the colon }. A name that is none stops the run before it sends.
local function columns_of(names)
  local columns, there = {}, {}
  for i, name in ipairs(names) do
    local prefix, rest = name:match "^(%a+):(.+)$"
    local set = setters[name] or prefixes[prefix]
    if not set then
      local near = sluice.err.nearest(name, plain)
      usage("the column '%s' is none of a product%s", name, near and (" (did you mean '%s'?)"):format(near) or "")
    end
    columns[i], there[name] = { name = name, set = set, rest = rest }, true
  end
  for _, name in ipairs(NEEDED) do
    if not there[name] then usage("the column '%s' is missing", name) end
  end
  return columns
end

local function product_of(row, columns)
  local product = { variants = { price_tiers = {}, qty_availability = {} }, options = {}, meta = {} }
  for _, column in ipairs(columns) do
    local value = row[column.name]
    if value ~= "" then column.set(product, value, column.rest) end
  end
  for owner, names in pairs { [product] = { "options", "meta" }, [product.variants] = { "price_tiers", "qty_availability" } } do
    for _, name in ipairs(names) do owner[name] = #owner[name] > 0 and json.array(owner[name]) or nil end
  end
  return product
end

-- ---- the file ----

local function csv_products(path, run, delimiter)
  local rows, _, _, closer, names = csv.records(path, { delimiter = delimiter, bad = function(problem)
    run:count "read"
    run:reject(problem.raw, problem.reason, { line = problem.line })
    sluice.log.warn("push", "line %d: %s", problem.line, problem.reason)
  end })
  local columns = columns_of(names)
  return function()
    local row = rows()
    if row then return product_of(row, columns) end
    getmetatable(closer).__close(closer)
  end
end

local readers = {
  csv = function(path, run) return csv_products(path, run, ",") end,
  tsv = function(path, run) return csv_products(path, run, "\t") end,
  ndjson = function(path) return ndjson.records(path) end,
}
readers.jsonl = readers.ndjson

local function format_of(args)
  local name = args.format or args.file:match "%.(%w+)$"
  if not name or not readers[name:lower()] then
    usage("which format has %s? format= is csv, tsv or ndjson", args.file == "-" and "standard input" or args.file)
  end
  return name:lower()
end

local function is_true(name, value)
  if value == true or value == "true" then return true end
  if value == false or value == "false" then return false end
  usage("%s is true or false, not '%s'", name, tostring(value))
end

local function number_of(name, value) return tonumber(value) or usage("%s is a number, not '%s'", name, tostring(value)) end

return sluice.recipe {
  about = "Put a file of products into Stock2Shop's queue, and watch it until it is empty",
  args = {
    to = "connection of the shop", source_id = "source that the products come from", file = "CSV or NDJSON file, or -",
    format = { "csv, tsv or ndjson; else by the file's name", optional = true },
    watch = { "wait until the queue is empty", default = true },
    stall_after = { "seconds that the queue may stand still", default = 600 }, deadline = { "seconds to wait in all", default = 3600 },
    batch = { "products in a request, at most", default = 100 },
  },
  run = function(args, run)
    local watch, batch = is_true("watch", args.watch), math.tointeger(number_of("batch", args.batch))
    local stall_after, deadline = number_of("stall_after", args.stall_after), number_of("deadline", args.deadline)
    local shop, products = sluice.connect(args.to), readers[format_of(args)](args.file, run)

    local sums = shop:push_products(function()
      local product = products()
      if product ~= nil then run:count "read" end
      return product
    end, { source_id = args.source_id, max_products = batch })
    run:commit() -- the dead letters are durable

    local text = ("%d products queued in %d request%s, %d rejected"):format(sums.sent, sums.requests, sums.requests == 1 and "" or "s",
      run.sums.rejected) .. (sums.resent > 0 and (", %d sent again (they may be queued twice)"):format(sums.resent) or "")
    if not watch or sluice.task.stopping() then return print(text) end
    local ended = shop:wait_queue { stall_after = stall_after, deadline = deadline }
    print(("%s; the queue was empty after %.0f s"):format(text, ended.seconds))
  end,
}
