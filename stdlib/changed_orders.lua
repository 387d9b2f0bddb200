--- The orders that changed in a shop: each change once, none missed (`shop:changed_orders{…}`). The same feed as that of
-- products (feed.lua), over the search of orders. Whether that one sorts by id or takes ranges of ids is not documented:
-- where it refuses, a second with more orders than a page is read by steps, and one with more than the server's window of
-- 10,000 ends in `partial`, which names it (keyset.lua).

local feed = require "sluice.feed"
local searches = require "sluice.searches"

local orders = {}

--- An iterator over the orders that changed since `cursor`'s position (or since a time, which leaves the cursor alone; or
--- all of them, where there is neither); with `channel_id` those of one channel, which the recipe's `key` should name then.
--- The cursor moves with what was given, and is committed by `run:commit()`. Raises.
---
---     for order in shop:changed_orders { cursor = run:cursor "orders" } do print(order.channel_order_code, order.status) end
---@param client sluice.Client
---@param args? { since?: string|integer, cursor?: table, page_size?: integer, channel_id?: any }
---@return fun(): any record
function orders.changed_orders(client, args)
  return feed.changed("changed_orders", client, args, searches.orders)
end

return orders
