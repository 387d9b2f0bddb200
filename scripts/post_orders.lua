-- Posts orders from a file to Stock2Shop, each once, whatever is killed, cut or handed in again.
--
--   sluice run scripts/post_orders.lua to=shop file=orders.ndjson channel_id=47
--   sluice run scripts/post_orders.lua to=shop file=- channel_id=47 code=name     a channel that calls its orders `name`
--
-- file: NDJSON, one order a line, in the channel's own format. code: the field (a path: "order.number") by which an order is
-- known; it must be what Stock2Shop keeps as channel_order_code. Safe to run twice, to kill and to run again: an order whose
-- outcome is not certain is looked for, and sent again only when it is certain that it is not there. That takes up to
-- twice the connection's index_lag and a little more. Where the search does not find orders that were surely posted (another
-- `code`), nothing is sent again. What stays unknown ends the run with 7 (`sluice outbox list`); an order that is
-- refused goes to the dead letters (exit 3), and `sluice dlq retry` posts it again, through the same outbox.
--
--   scripts/post_orders: done
--     read       1,000
--     sent       998
--     unchanged  2                                 (posted by an earlier run)
--     rejected   0
local input = require "sluice.input"
local outbox = require "sluice.outbox"
local sluice = require "sluice"

-- Into the outbox; what is on its way when a signal comes is waited for, and the next run goes on with the rest.
local function post(args, orders)
  local shop = sluice.connect(args.to)
  if not args.channel_id and not shop.options.channel_id then
    sluice.usage "channel_id is missing: which sales channel are the orders of? (the connection may say it; shop:channels() lists them)"
  end
  local box = outbox.open {
    connection = shop, operation = "post_order", key = args.code, with = { channel_id = args.channel_id },
  }
  for order in orders do box:write(order) end
  local done = box:finish()
  if done.resent > 0 then sluice.log.info("post_orders", "%d orders were sent again after their absence was proven", done.resent) end
end

return sluice.recipe {
  about = "Post orders from an NDJSON file to Stock2Shop, each once",
  args = {
    to = { "connection of the shop", type = "connection" },
    file = { "NDJSON file with an order a line, - for standard input", type = "path" },
    channel_id = { "sales channel (default: the connection's)", type = "text", optional = true },
    code = { "field by which an order is known, a path", type = "text", default = "channel_order_code" },
  },
  run = function(args) post(args, input.each(args.file, { what = "orders" })) end,
  retry = function(args, _, records) post(args, records) end,
}
