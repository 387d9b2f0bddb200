-- A recipe: it says what it takes, and every record that it reads has a fate. The table at the end shows the sums.
--   sluice run examples/recipe.lua in=products.ndjson        sluice run examples/recipe.lua --args
local ndjson = require "sluice.ndjson"
local sluice = require "sluice"

return sluice.recipe {
  about = "Print the ids of the products that are in stock",
  args = { ["in"] = "an NDJSON file", least = { "quantity that counts as in stock", default = 1 } },
  run = function(args, run)
    for product in ndjson.records(args["in"], { bad = "raise" }) do
      run:count "read"
      if product.qty >= tonumber(args.least) then
        print(product.id)
        run:count "sent"
      else
        run:skip "out of stock"
      end
    end
  end,
}
