-- Stock2Shop's API as its documents show it: login, sources, channels, search of products and orders, the queue. What they
-- leave open (which status a dead token gets, what an error looks like, which role may do what) is a choice of ours, and
-- an option where it matters.
local crypto = require "sluice.crypto"
local dates = require "sluice.sandbox.dates"
local elastic = require "sluice.sandbox.elastic"
local json = require "sluice.sandbox.json"
local order_search = require "sluice.sandbox.order_search"
local pushed = require "sluice.sandbox.pushed"
local query = require "sluice.sandbox.query"
local search = require "sluice.sandbox.search"

local M = {}

local PER_SECOND, UNAUTHENTICATED = 3, 1
local O = json.object

local function answer(status, value, headers)
  return { status = status, body = type(value) == "string" and value or json.encode(value, true),
    headers = headers or {}, type = "application/json" }
end

local function complaint(status, message, headers)
  return answer(status, O("code", status, "message", message), headers)
end

-- A dead token: the documents don't say what happens. `dead_token` chooses: 401, 403, or 200 without what was asked for.
local function dead_token(sb)
  local status = sb.options.dead_token
  if status == 200 then return answer(200, O("errors", json.array { "Invalid token" })) end
  return complaint(status, status == 403 and "Forbidden" or "Unauthorized")
end

-- nil, or the answer where the rate is exceeded. The header tells the rate of the class, in all answers.
local function limited(sb, key, rate, headers)
  local ok, _, _, limit = sb.limits:hit(key, rate, sb.clock())
  headers["x-S2S-RateLimit"] = tostring(limit)
  if not ok then return complaint(429, "Too Many Requests", headers) end
end

local function user_of(sb, token)
  for _, user in pairs(sb.users) do
    if token and user.token == token then return user end
  end
end

local function person(user)
  return O("id", user.id, "created", "2015-03-03T07:30:06+0000", "name", "Bob", "surname", "Seger", "email", "bob@example.com",
    "username", user.username, "modified", user.modified, "client_id", 21, "active", 1, "admin", user.role and 0 or 1,
    "token", user.token)
end

local function new_token()
  return (crypto.random(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- Each login ends the user's former token.
local function authenticate(sb, req)
  local body = json.decode(req.body)
  local auth = json.is_object(body) and body.system_user_auth
  if not json.is_object(auth) then return complaint(400, "system_user_auth is missing") end
  local user = sb.users[auth.username]
  if not user or user.password ~= auth.password then return complaint(401, "Unauthorized") end
  user.token, user.modified = new_token(), dates.basic(sb.clock())
  user.logins = user.logins + 1
  local about = person(user)
  local roles = json.array {}
  if user.role then roles[1] = O("id", 1, "description", user.role) end
  for _, pair in ipairs { { "client_name", "Sandbox" }, { "fulfillment_services", json.array {} }, { "channels", json.array {} },
    { "sources", json.array {} }, { "customers", json.array {} }, { "roles", roles }, { "role_description", user.role or "" } } do
    json.set(about, pair[1], pair[2])
  end
  return answer(200, O("system_user", about))
end

local function valid_token(sb, _, token)
  local user = user_of(sb, token)
  if not user then return dead_token(sb) end
  return answer(200, O("system_user", person(user)))
end

local SOURCES = { ["57"] = true, ["58"] = true } -- those that `sources` shows

local function sources()
  local function one(id, description)
    return O("id", id, "created", "2017-07-25T10:32:46+0000", "description", description, "sync_token", "0", "modified",
      "2021-08-27T13:57:29+0000", "client_id", 21, "type", "apifact_sapone", "active", 1, "source_id", json.null)
  end
  return answer(200, O("system_sources", json.array { one(57, "Example"), one(58, "Another") }))
end

local function channels()
  local function one(id, description, kind)
    return O("id", id, "created", "2015-08-08T21:32:46+0000", "description", description, "modified", "2020-05-06T09:53:30+0000",
      "client_id", 21, "active", 1, "type", kind, "price_tier", json.null, "qty_availability", json.null)
  end
  return answer(200, O("system_channels", json.array { one(47, "My Sales Channel", "shopify"), one(255, "Trade", "trade") }))
end

-- A search's answer, or Elasticsearch's refusal, which the proxy passes on.
local function searched(req, schema, find)
  local body, fault = json.decode(req.body == "" and "{}" or req.body)
  if fault or not json.is_object(body) then return complaint(400, fault or "a search is an object") end
  local ok, text = pcall(find, body)
  if ok then return answer(200, text) end
  if type(text) == "table" and text.es_fault then return answer(400, elastic.refusal(text, schema)) end
  error(text, 0)
end

local function search_products(sb, req, _, user)
  local needs_channel = user.role and sb.options.channel_roles[user.role]
  return searched(req, query.products, function(body)
    return search.answer(sb.catalogue, body, { refuse_id_ranges = sb.options.refuse_id_ranges,
      empty = needs_channel and not req.query.channel_id })
  end)
end

local function search_orders(sb, req)
  return searched(req, order_search.schema(sb.options), function(body) return order_search.answer(sb.order_store, body, sb.options) end)
end

local CHANNELS = { ["47"] = true, ["255"] = true } -- those that `channels` shows

-- Any JSON is received: what it should look like is between the channel and Stock2Shop. A client or channel that is not
-- this user's is refused (undocumented, with which status).
local function post_order(sb, req)
  local payload, fault = json.decode(req.body)
  if fault then return complaint(400, fault) end
  local client, channel = req.query.client_id, req.query.channel_id
  if not client or not channel then return complaint(400, (client and "channel_id" or "client_id") .. " is missing") end
  if client ~= "21" then return complaint(403, "Forbidden") end
  if not CHANNELS[channel] then return complaint(404, "there is no channel " .. channel) end
  local key, message_id = sb.order_store:post(payload, math.tointeger(channel))
  return answer(200, O("message", "order received", "queue_messages", json.array { O("key", key, "message_id", message_id) }))
end

-- Queues the items that are none too bad, and says how many. What becomes of bad ones is open ("will be ignored"):
-- they are not counted, or by the option `count_ignored` they are; queued they are never.
local function take(sb, list, instruction, fault_of)
  local queued, counted = 0, 0
  for _, item in ipairs(list) do
    local fault = fault_of(item)
    if not fault then
      sb.queue:put(instruction, item.source.source_id, item)
      queued = queued + 1
    elseif sb.options.count_ignored then
      counted = counted + 1
    end
  end
  sb.queue:refresh()
  return queued + counted
end

local function items_in(req, name)
  local body, fault = json.decode(req.body)
  if fault then return nil, complaint(400, fault) end
  local list = json.is_object(body) and body[name]
  if not json.is_array(list) or #list == 0 then return nil, complaint(400, name .. " is missing") end
  return list
end

-- The source is in the query too in every printed command, though not in the table of parameters.
local function queue_products(sb, req)
  local list, refusal = items_in(req, "system_products")
  if not list then return refusal end
  local source = req.query.source_id
  if not source then return complaint(400, "source_id is missing") end
  if not SOURCES[source] then return complaint(404, "there is no source " .. source) end
  local count = take(sb, list, "sync_product", function(item)
    return pushed.fault(item) or (tostring(item.source.source_id) ~= source and "another source" or nil)
  end)
  return answer(200, O("system_products", O("sync_product", count)))
end

local function queue_images(sb, req)
  local list, refusal = items_in(req, "system_images")
  if not list then return refusal end
  local count = take(sb, list, "sync_image", function(item)
    return pushed.image_fault(item) or (not SOURCES[tostring(item.source.source_id)] and "no such source" or nil)
  end)
  return answer(200, O("system_images", O("sync_image", count)))
end

-- No document shows this answer. Ours counts what waits, by instruction, in the manner of the queue's other answers; or
-- as a list (the option `summary`).
local function queue_summary(sb)
  local counts = sb.queue:counts()
  local pairs_of = { { "sync_product", counts.sync_product }, { "sync_image", counts.sync_image }, { "sync_order", sb.order_store:queued() } }
  local object, list = O(), json.array {}
  for i, pair in ipairs(pairs_of) do
    json.set(object, pair[1], pair[2])
    list[i] = O("client_id", 21, "instruction", pair[1], "count", tostring(pair[2]))
  end
  return answer(200, O("system_queue", sb.options.summary == "list" and list or object))
end

local EDITORS = { product_editor = true, product_meta_editor = true }

---The operations: names, methods and paths are those of the client's definition, the rest is the sandbox's own. `roles`: those that may,
---beside an admin (no role), as the documents' table of roles describes them.
M.routes = {
  { name = "authenticate", method = "POST", path = "/v1/users/authenticate", open = true, handle = authenticate },
  { name = "valid_token", method = "GET", path = "/v1/users/valid_token/{token}", open = true, handle = valid_token },
  { name = "sources", method = "GET", path = "/v1/sources", handle = sources },
  { name = "channels", method = "GET", path = "/v1/channels", handle = channels },
  { name = "search_products", method = "POST", path = "/v1/products/elastic_search", handle = search_products },
  { name = "queue_products", method = "POST", path = "/v1/products/queue", roles = EDITORS, handle = queue_products },
  { name = "queue_images", method = "POST", path = "/v1/images/queue", roles = EDITORS, handle = queue_images },
  { name = "search_orders", method = "POST", path = "/v1/orders/elastic_search", roles = { trade = true, read_only = true },
    handle = search_orders },
  { name = "queue_summary", method = "GET", path = "/v1/queue/summary", handle = queue_summary },
  { name = "post_order", method = "POST", path = "/v2-queue/order", roles = { trade = true }, handle = post_order },
}

---Answers one request that a route fits.
function M.serve(sb, req, route, params)
  local headers = {}
  local key = route.open and "s2s open " .. req.peer or "s2s client 21"
  local refused = limited(sb, key, route.open and UNAUTHENTICATED or PER_SECOND, headers)
  if refused then return refused end
  local user = not route.open and user_of(sb, req.query.token)
  if not route.open and not user then
    local dead = dead_token(sb)
    dead.headers = headers
    return dead
  end
  if user and user.role and route.roles and not route.roles[user.role] then return complaint(403, "Forbidden", headers) end
  local result = route.handle(sb, req, params[1], user)
  for name, value in pairs(headers) do result.headers[name] = value end
  return result
end

---What a path under /v1 or /v2-queue that does not exist gets.
function M.missing(status)
  return complaint(status, status == 405 and "Method Not Allowed" or "Not Found")
end

return M
