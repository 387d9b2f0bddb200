-- Makes products of Stock2Shop, or of a file, in Veeqo, each once, and sets their stock once they are there.
--
--   sluice run scripts/create_veeqo_products.lua to=depot from=shop
--   sluice run scripts/create_veeqo_products.lua to=depot from=file:products.ndjson warehouse=22668
--
-- to          the connection of Veeqo
-- from        the connection of the shop: what changed in it since the last run; or file:PATH, NDJSON with a product a line
-- warehouse   id or name of the one whose stock is set (default: the first that Veeqo lists)
-- search      look in Veeqo before a product is made (true): what is there already, made by hand or by another program, is
--             skipped. A request for each product; say false where Veeqo is empty
--
-- A line of a file is what Veeqo takes (`title`, `product_variants_attributes`, … as in `sluice api show veeqo.create_product`), each variant as one
-- likes with `physical_stock_level`; or a product as Stock2Shop shows it, as delta_feed writes it to a file.
--
-- A product is known by the sku_code of its first variant. Safe to run twice, to kill and to run again: a product whose
-- outcome is not certain is looked for, and made again only when it is certain that it is not there. That takes up to twice the
-- connection's `index_lag` (30 s; no document says how long Veeqo's search takes to show what is new). It makes products and changes none.
-- Stock is the number itself: it is set once for each product that this made, in each warehouse, and not again when the
-- product is handed in again, because Veeqo counts it down from there (examples/stock.lua sets it at any time). Only a run that died
-- between setting and noting it sets it twice. Less than nothing is set as 0.
--
-- Rejected (dead letters, exit 3): no SKU, one that the product has twice, no price, what Veeqo refuses. Mend it and hand it in again.
-- Exit 7: nothing can tell what became of some (`sluice outbox list`); the cursor stays. Exit 1 at the end, "stock of … was not set":
-- a product is not found in Veeqo any more.
--
--   $ sluice run scripts/create_veeqo_products.lua to=depot from=file:products.ndjson
--   2 products made, 1 there before, 3 stock levels set in My Warehouse
--   scripts/create_veeqo_products: exit 3
--     read       4
--     sent       2
--     unchanged  1
--     rejected   1, kept in dlq/scripts-create_veeqo_products-12.ndjson

local input = require "sluice.input"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local outbox = require "sluice.outbox"
local sluice = require "sluice"

local AT_ONCE = 4
local NOTED = 50 -- stock is noted as set after so many products

-- The product of a write that was confirmed: of its answer, where the store has it in full; else Veeqo is asked.
local function written(job, sku)
  local row = job.box:stored(sku)
  local product = row.answer and json.decode(row.answer)
  if type(product) == "table" and product.sellables then return product end
  local patience = row.settled + 2 * job.depot.options.index_lag
  repeat
    product = job.depot:find_product(sku)
    if product or sluice.time.now() > patience then return product end
    sluice.task.sleep(1)
  until false
end

local function set_levels(job, product, stock)
  if not product then sluice.err.raise { code = "not_found", message = "it was made, and no search finds it" } end
  for _, one in ipairs(stock) do
    job.depot:set_stock_entry { sellable_id = job.depot:sellable(product, one.sku).id, warehouse_id = job.warehouse.id,
      physical_stock_level = one.level, infinite = false }
  end
end

-- Sets the stock of a product, unless that was done: `noted` is a cursor that remembers it.
local function set_stock(job, sku, stock)
  local id = ("%s %s"):format(job.warehouse.id, sku)
  if #stock == 0 or job.noted:seen(id, "stock", "set") then return end
  local ok, problem = pcall(set_levels, job, written(job, sku), stock)
  if not ok and not (sluice.err.is(problem) and problem.code == "not_found") then error(problem, 0) end
  if not ok then
    sluice.log.warn("veeqo", "the stock of '%s' is not set: %s", sku, problem.message)
    job.lost = job.lost + 1
    return
  end
  job.noted:deliver(id, "stock", "set")
  job.levels, job.products = job.levels + #stock, job.products + 1
  if job.products % NOTED == 0 then job.noted:commit() end
end

-- One product: made, and its stock set; what is not certain is left for the end.
local function make(job, product)
  job.run:progress { what = "products" }
  local args, stock = require("sluice.veeqo_product").of(type(product) == "userdata" and ndjson.totable(product) or product)
  if not args then return job.run:reject(ndjson.raw(product), stock) end
  local sku = args.product_variants_attributes[1].sku_code
  if job.mine[sku] then return job.run:skip "its SKU came before in this run" end
  job.mine[sku] = true
  local row = job.box:stored(sku)
  if row and row.state == "confirmed" then -- also where its content has changed since: products are made here, not changed
    job.run:count "unchanged"
    job.there = job.there + 1
    return set_stock(job, sku, stock)
  end
  if job.search and not row and job.depot:find_product(sku) then return job.run:skip "in Veeqo already, not made by this" end
  job.handed_in[args] = ndjson.raw(product) -- a dead letter has its stock, too
  local state = job.box:send(args)
  if state == "confirmed" then set_stock(job, sku, stock)
  elseif state == "sent" then job.later[sku] = stock end
end

-- What is left once all was handed in: the uncertain ones, their stock, the cursor.
local function conclude(job)
  local done = job.box:finish()
  for sku, stock in pairs(job.later) do
    if job.box:stored(sku).state == "confirmed" then set_stock(job, sku, stock) end
  end
  job.noted:commit()
  print(("%d products made, %d there before, %d stock levels set in %s"):format(done.confirmed, job.there + done.repeated, job.levels,
    job.warehouse.name))
  if done.unknown > 0 then return end -- exit 7: the cursor stays, so that they are handed in again
  job.run:commit()
  if job.lost > 0 then
    sluice.err.raise { code = "partial", message = ("the stock of %d products was not set: they are not found in Veeqo"):format(job.lost) }
  end
end

local function make_all(args, run, source)
  local depot, handed_in = sluice.connect(args.to), setmetatable({}, { __mode = "k" })
  local job = {
    run = run, depot = depot, search = args.search, warehouse = depot:find_warehouse(args.warehouse), mine = {}, later = {},
    levels = 0, products = 0, lost = 0, there = 0, handed_in = handed_in,
    box = outbox.open { connection = depot, operation = "create_product", in_flight = AT_ONCE,
      key = function(product) return product.product_variants_attributes[1].sku_code end,
      letter = function(product) return handed_in[product] end },
    noted = run:cursor("stock"):open(("%s at %s"):format(depot.account, depot.options.base_url or "-")),
  }
  sluice.task.each(source, AT_ONCE, function(product) make(job, product) end)
  conclude(job)
end

return sluice.recipe {
  about = "Make products of Stock2Shop or of a file in Veeqo, each once, with their stock",
  args = {
    to = { "connection of Veeqo", type = "connection" }, from = { "connection of the shop", type = "connection", file = true },
    warehouse = { "id or name of the warehouse whose stock is set (default: the first)", type = "text", optional = true },
    search = { "look in Veeqo before a product is made", type = "boolean", default = true },
  },
  key = { "to" },
  run = function(args, run)
    local path = args.from:match "^file:(.+)$"
    make_all(args, run, path and input.each(path, { what = "products" })
      or sluice.connect(args.from):changed_products { cursor = run:cursor "products" })
  end,
  retry = function(args, run, records) make_all(args, run, records) end,
}
