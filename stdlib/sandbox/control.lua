-- The sandbox's own pages under /sandbox/: what tests and people order and look at.
local json = require "sluice.sandbox.json"

local M = {}

local O = json.object

local function answer(status, value, kind)
  return { status = status, body = type(value) == "string" and value or json.encode(value) .. "\n", headers = {},
    type = kind or "application/json" }
end

local function usage(text, ...) error({ sandbox_usage = text:format(...) }, 0) end

-- The request's JSON as a plain table.
local function plain(value)
  if value == json.null then return nil end
  if json.is_object(value) then
    local copy = {}
    for name, member in json.members(value) do copy[name] = plain(member) end
    return copy
  end
  if type(value) ~= "table" then return value end
  local copy = {}
  for i, one in ipairs(value) do copy[i] = plain(one) end
  return copy
end

local function arguments(req)
  if req.body == "" then return {} end
  local value, fault = json.decode(req.body)
  if fault or not json.is_object(value) then usage("the body must be a JSON object%s", fault and " (" .. fault .. ")" or "") end
  return plain(value)
end

local function ids_answer(ids) return answer(200, O("count", #ids, "ids", json.array(ids))) end

local function stream_of(sb, id)
  return sb.streams[tostring(id)] or usage("there is no stream %s", tostring(id))
end

local function number_in(req, name)
  local text = req.query[name]
  return text and (math.tointeger(tonumber(text)) or usage("%s must be a whole number", name))
end

local function ndjson(iterate, ...)
  local parts = {}
  for _, text in iterate(...) do parts[#parts + 1] = text end
  parts[#parts + 1] = ""
  return answer(200, table.concat(parts, "\n"), "application/x-ndjson")
end

local handlers = {}

handlers["GET /sandbox/catalogue"] = function(sb, req)
  local from, limit = number_in(req, "from"), number_in(req, "limit")
  if req.query.fields ~= "id" then return ndjson(sb.catalogue.each, sb.catalogue, from, limit) end
  local parts = {}
  for id, _, modified in sb.catalogue:each(from, limit) do parts[#parts + 1] = ('{"id":%d,"modified":%d}\n'):format(id, modified) end
  return answer(200, table.concat(parts), "application/x-ndjson")
end

handlers["POST /sandbox/touch"] = function(sb, req)
  local a = arguments(req)
  return ids_answer(sb.catalogue:touch(a.ids or a.count or 1))
end

handlers["POST /sandbox/add"] = function(sb, req) return ids_answer(sb.catalogue:add(arguments(req).count or 1)) end

handlers["POST /sandbox/deactivate"] = function(sb, req)
  local a = arguments(req)
  return ids_answer(sb.catalogue:deactivate(a.ids or a.count or 1))
end

handlers["POST /sandbox/activate"] = function(sb, req) return ids_answer(sb.catalogue:activate(arguments(req).ids or {})) end

handlers["POST /sandbox/edit"] = function(sb, req)
  local a = arguments(req)
  return ids_answer(sb.catalogue:edit(a.id, a.fields or {}))
end

-- The body takes the place of the product's JSON, byte for byte.
handlers["POST /sandbox/raw"] = function(sb, req) return ids_answer(sb.catalogue:edit(number_in(req, "id"), { raw = req.body })) end

handlers["GET /sandbox/orders"] = function(sb)
  local parts = {}
  for i, order in ipairs(sb:orders()) do parts[i] = sb.order_store:text(order) .. "\n" end
  return answer(200, table.concat(parts), "application/x-ndjson")
end

handlers["GET /sandbox/orders/counts"] = function(sb)
  local by_code, posts = O(), sb:orders()
  for _, order in ipairs(posts) do
    if order.code then json.set(by_code, order.code, sb:posted(order.code)) end
  end
  return answer(200, O("posts", #posts, "by_code", by_code))
end

handlers["POST /sandbox/orders"] = function(sb, req)
  local a = arguments(req)
  if a.touch then return ids_answer(sb:touch_orders(a.touch)) end
  return ids_answer(sb:add_orders(a.count or 1))
end

handlers["GET /sandbox/queue"] = function(sb)
  local parts = {}
  for i, entry in ipairs(sb:queued()) do
    parts[i] = json.encode(O("n", entry.n, "instruction", entry.instruction, "source_product_code", entry.code, "state",
      entry.state or "waiting", "problem", entry.problem or json.null, "item", entry.item)) .. "\n"
  end
  return answer(200, table.concat(parts), "application/x-ndjson")
end

handlers["POST /sandbox/queue"] = function(sb, req)
  local a = arguments(req)
  if a.poison then
    sb:poison(a.poison)
  elseif a.source and (a.release == "retry" or a.release == "skip") then
    sb:release(a.source, a.release)
  else
    usage 'the body is {"poison":"CODE"} or {"source":57,"release":"retry"|"skip"}'
  end
  return answer(204, "")
end

handlers["GET /sandbox/stream/{id}"] = function(sb, req, id)
  local store = stream_of(sb, id).store
  return ndjson(store.each, store, number_in(req, "from"), number_in(req, "limit"))
end

handlers["GET /sandbox/stream/{id}/counts"] = function(sb, _, id)
  local store, repeated = stream_of(sb, id).store, O()
  for key, times in pairs(store.repeated) do json.set(repeated, tostring(key), times) end
  return answer(200, O("products", store.count, "applied", store.applied, "repeated", repeated))
end

local function site_of(sb, id)
  local site = math.tointeger(tonumber(id))
  return site and sb:site(site) or usage("there is no site %s", tostring(id))
end

-- ?stage=import (what a process imported last), committed (what the next one will take), channel with id=
handlers["GET /sandbox/site/{id}"] = function(sb, req, id)
  local site, stage = site_of(sb, id), req.query.stage or "import"
  local rows = require("sluice.sandbox.platform_products").each(site, stage, req.query.id)
  if not rows then usage("site %s has nothing for stage=%s: import, committed, or channel with the id= of one that was exported", id, stage) end
  return ndjson(function() return rows end)
end

handlers["GET /sandbox/veeqo/{kind}"] = function(sb, _, kind)
  if kind ~= "products" and kind ~= "orders" and kind ~= "stock" then usage("there are products, orders and stock, no %s", kind) end
  return ndjson(sb.veeqo.each, sb.veeqo, kind)
end

handlers["POST /sandbox/veeqo/orders"] = function(sb, req) return ids_answer(sb.veeqo:seed_orders(arguments(req).count or 1)) end

handlers["POST /sandbox/import"] = function(sb, req)
  local a = arguments(req)
  if a.stream then stream_of(sb, a.stream) end
  return answer(200, O("batches", sb:import(a.stream, a)))
end

handlers["POST /sandbox/process"] = function(sb, req)
  local a = arguments(req)
  local site = site_of(sb, a.site).id
  if a.fail ~= true then usage "fail must be true" end
  if a.data ~= nil and type(a.data) ~= "string" then usage "data must be text" end
  sb:fail_process(site, a)
  return answer(200, O("site", site))
end

handlers["POST /sandbox/faults"] = function(sb, req)
  local fault = sb:fault(arguments(req))
  return answer(201, O("kind", fault.kind))
end

handlers["GET /sandbox/faults"] = function(sb)
  local list = json.array {}
  for i, f in ipairs(sb.faults.list) do
    list[i] = O("kind", f.kind, "method", f.method or json.null, "path", f.path or "*", "seen", f.seen, "fired", f.fired)
  end
  return answer(200, list)
end

handlers["DELETE /sandbox/faults"] = function(sb)
  sb.faults:clear()
  return answer(204, "")
end

handlers["GET /sandbox/log"] = function(sb, req) return answer(200, sb.log:text(number_in(req, "last"), sb.limits)) end

handlers["DELETE /sandbox/log"] = function(sb)
  sb.log:clear()
  return answer(204, "")
end

handlers["POST /sandbox/expire"] = function(sb)
  sb:expire()
  return answer(204, "")
end

handlers["POST /sandbox/clock"] = function(sb, req)
  sb.shift = sb.shift + (tonumber(arguments(req).add) or usage "add must be a number of seconds")
  return answer(200, O("now", sb.clock()))
end

local ABOUT = {
  "GET /sandbox/                      this page",
  "GET /sandbox/catalogue             the products a complete feed holds, NDJSON (?from=1&limit=1000, ?fields=id)",
  'POST /sandbox/touch                {"count":40} or {"ids":[…]}: products change now',
  'POST /sandbox/add                  {"count":1}: new products',
  'POST /sandbox/deactivate           {"count":1} or {"ids":[…]}: products leave the shop; /sandbox/activate {"ids":[…]} brings them back',
  'POST /sandbox/edit                 {"id":62777,"fields":{"title":"…","price":1.5}}',
  "POST /sandbox/raw?id=62777         the body is sent instead of the product's JSON, whatever it is",
  "GET /sandbox/orders                the posts to /v2-queue/order and what became of them, NDJSON",
  "GET /sandbox/orders/counts         how many, and how often each channel_order_code",
  'POST /sandbox/orders               {"count":1}: new orders; {"touch":1} or {"touch":[ids]}: orders change now',
  "GET /sandbox/queue                 the products and images that were queued and what became of them, NDJSON",
  'POST /sandbox/queue                {"poison":"CODE"}: its items fail and block; {"source":57,"release":"retry"|"skip"}',
  "GET /sandbox/stream/{id}           the stream's products, NDJSON (?from=1&limit=1000)",
  "GET /sandbox/stream/{id}/counts    how many, how often applied, which more than once",
  "GET /sandbox/site/{id}             a site's products, NDJSON (?stage=import, committed, or channel with id=)",
  'POST /sandbox/import               {"stream":"124773"}: a linked site imports, batches get their processing stage ("reject": n)',
  'POST /sandbox/process              {"site":123,"fail":true}: the next process of the site fails ("error", "message", "data": text)',
  "GET /sandbox/veeqo/{kind}          what Veeqo has: products, orders or stock, NDJSON",
  'POST /sandbox/veeqo/orders         {"count":1}: new orders',
  'POST /sandbox/faults               {"kind":"status","status":503,"path":"/v1/*","nth":2}; GET shows them, DELETE ends them',
  "GET /sandbox/log                   requests and counts (?last=100); DELETE starts it afresh",
  "POST /sandbox/expire               all Stock2Shop tokens die",
  'POST /sandbox/clock                {"add":60}: the sandbox\'s clock goes forward',
}

handlers["GET /sandbox/"] = function() return answer(200, table.concat(ABOUT, "\n") .. "\n", "text/plain; charset=utf-8") end
handlers["GET /sandbox"] = handlers["GET /sandbox/"]

M.routes = {}
for key, handle in pairs(handlers) do
  local method, path = key:match "^(%S+) (%S+)$"
  M.routes[#M.routes + 1] = { method = method, path = path, handle = handle }
end

---Answers one request that a route fits; the caller's mistakes get 400 and a sentence.
function M.serve(sb, req, route, params)
  local ok, result = pcall(route.handle, sb, req, table.unpack(params))
  if ok then return result end
  if type(result) == "table" and result.sandbox_usage then return answer(400, O("error", result.sandbox_usage)) end
  error(result, 0)
end

function M.missing(status) return answer(status, O("error", "see GET /sandbox/ for what there is")) end

return M
