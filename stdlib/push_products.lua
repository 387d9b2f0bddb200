--- Products of a source into Stock2Shop's queue (`shop:push_products(iter, { source_id = 57 })`): checked one by one
--- (product_model.lua), sent many in a request, and counted against the answer (queue.lua). What is wrong is rejected with
--- its number and code, and the rest goes.
--
-- Queued is not applied: `shop:wait_queue{}` waits for that.

local model = require "sluice.product_model"
local queue = require "sluice.queue"

local push = {}

--- Sends the products of an iterator or a list. Each is a table or a record: in two parts as the API has it, or flat, the
--- source's fields (`source_product_code`, `product_active`) beside the product's. Options: `source_id`, `max_products` of a
--- request (100), `max_bytes` of a request (1 MB). Counts `sent`, `rejected` and `unknown` on the run. Raises `ambiguous` where
--- an answer says that another number was queued. `resent` of the sums: how many may be queued twice. (waits)
---
---     local sums = shop:push_products(products, { source_id = 57 })
---     print(sums.sent, sums.rejected, sums.requests)
---@param client sluice.Client
---@param items fun(): any|table[]
---@param options { source_id: any, max_products?: integer, max_bytes?: integer }
---@return { sent: integer, rejected: integer, unknown: integer, requests: integer, resent: integer, failed: table<string, boolean> }
function push.push_products(client, items, options)
  options = queue.options("push_products", options, { source_id = false, max_products = 100, max_bytes = 1000000 })
  local source_id = queue.source_id("push_products", options)
  local batches = queue.new {
    client = client, what = "products", operation = "queue_products", source_id = source_id, max_items = options.max_products,
    max_bytes = options.max_bytes,
    send = function(list)
      return queue.counted("sync_product", client:queue_products { source_id = source_id, products = list })
    end,
  }
  return queue.push(batches, items, {
    name = "push_products", code = model.code, prepare = function(given) return model.item(given, source_id) end,
  })
end

return push
