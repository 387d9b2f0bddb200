-- An outbox over the sandbox's orders, within one process: no idempotency keys, a search that lags.
--
--   local o = orders.start { lag = 0.3 }
--   local box = o:open { settle_after = 0.6 }
--   box:write(o.order(1))
--   o:posts "A-1"                 -- how often it was posted
--   o:stop()
local call = require "sluice.call"
local client = require "sluice.client"
local definition = require "sluice.definition"
local outbox = require "sluice.outbox"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"
local state = require "sluice.state"
local tmp = require "support.tmp"

local orders = {}

local Orders = {}
Orders.__index = Orders

--- Options are the sandbox's.
function orders.start(options)
  local all = { products = 0, rate_scale = 1000 }
  for key, value in pairs(options or {}) do all[key] = value end
  local self = setmetatable({ dir = tmp.dir(), sandbox = sandbox.start(all) }, Orders)
  call.share(self.dir .. "/shared")
  self.store = state.open(self.dir .. "/state.db")
  run.set { silent = true, options = {}, id = 7, name = "orders", loaded = { store = self.dir .. "/state.db" } }
  run.current().opened = self.store
  self.shop = self:connect {}
  return self
end

--- A further connection to it.
function Orders:connect(more)
  local keys = {
    name = "shop", api = "stock2shop", base_url = self.sandbox.url, queue_url = self.sandbox.url, username = "sandbox", password = "sandbox",
    client_id = 21, channel_id = 47, limits = { api = "5000/s", login = "1000/s" }, deadline = 5, timeout = 2,
  }
  for key, value in pairs(more) do keys[key] = value end
  return client.new(definition.load "stock2shop", keys)
end

function Orders:stop()
  self.sandbox:stop()
  self.store:close()
  run.set(nil)
  call.share(tmp.dir())
end

function Orders.order(n, more)
  local one = { channel_order_code = "A-" .. n, line_items = { { sku = "CD003", qty = 1, price = 10 } } }
  for key, value in pairs(more or {}) do one[key] = value end
  return one
end

function Orders:open(more)
  local o = { connection = self.shop, operation = "post_order", key = "channel_order_code", settle_after = 0.4, gap = 0.05 }
  for key, value in pairs(more or {}) do o[key] = value end
  return outbox.open(o)
end

--- How often an order of that code was posted.
function Orders:posts(code)
  local n = 0
  for _, one in ipairs(self.sandbox:orders()) do
    if one.code == code then n = n + 1 end
  end
  return n
end

--- A fault of the queue's host, where orders are posted.
function Orders:fault(kind, more)
  local fault = { kind = kind, method = "POST", path = "/v2-queue/order" }
  for key, value in pairs(more or {}) do fault[key] = value end
  return self.sandbox:fault(fault)
end

return orders
