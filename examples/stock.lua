-- Stock by SKU: what was counted, an NDJSON file of {"sku":…,"qty":…}, goes to Veeqo; what is right there is left alone.
--   sluice run examples/stock.lua in=counted.ndjson key=… warehouse=22668
local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

return sluice.recipe {
  about = "Set the stock of a warehouse in Veeqo",
  args = { ["in"] = "an NDJSON file", key = "API key", warehouse = "warehouse id", url = { "address", default = "https://api.veeqo.com" } },
  run = function(args, run)
    local depot, known = sluice.connect { name = "depot", api = "veeqo", base_url = args.url, api_key = args.key }, {}
    for product in depot:products() do
      for _, variant in ipairs(product.sellables) do known[variant.sku_code] = variant.id end
    end
    for line in ndjson.records(args["in"], { bad = "raise" }) do
      run:count "read"
      local at = { sellable_id = known[line.sku], warehouse_id = args.warehouse }
      if not at.sellable_id then
        run:skip "no such SKU"
      elseif depot:stock_entry(at).physical_stock_level == line.qty then
        run:count "unchanged"
      else
        at.physical_stock_level, at.infinite = line.qty, false
        depot:set_stock_entry(at)
        run:count "sent"
      end
    end
  end,
}
