-- The main job through tables: what scripts/delta_feed.lua does with records.
local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

return sluice.recipe {
  about = "The products that changed in Stock2Shop, through tables, to a Productsup stream",
  args = { from = "connection", to = "connection", stream = "stream id" },
  key = { "to", "stream" },
  run = function(args, run)
    local shop, feed = sluice.connect(args.from), sluice.connect(args.to)
    local sent = require("sluice.sweep").memory(feed, args.stream)
    local upload = feed:uploader(args.stream, { max_bytes = 3000000, remember = sent.add })
    for record in shop:changed_products { cursor = run:cursor "products" } do
      local product = ndjson.totable(record)
      product.id = tostring(product.id)
      upload:write(product)
    end
    upload:finish()
    run:commit()
  end,
}
