-- Productsup's Stream API as its documents show it: streams, uploads with the whole table of validation errors, deletes,
-- batches. Where the documents are silent the sandbox's choice can be changed by an option.
local batches = require "sluice.sandbox.batches"
local crypto = require "sluice.crypto"
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"
local lines = require "sluice.sandbox.lines"
local server = require "sluice.server"
local Store = require "sluice.sandbox.store"

local M = {}

local O = json.object
local JSON_API, NDJSON, JSON = "application/vnd.api+json", "application/x-ndjson", "application/json"
local MOST_STREAMS, PAGE, MAX_BODY = 100, 10, 200000000
local RATES = { products = 30, batches = 100, other = 5 }

local function answer(status, value)
  return { status = status, body = type(value) == "string" and value or json.encode(value), headers = {}, type = JSON_API }
end

local function complaint(status, title, detail)
  local one = O("status", tostring(status), "title", title)
  if detail then json.set(one, "detail", detail) end
  return answer(status, O("errors", json.array { one }))
end

local function not_found() return complaint(404, "Not Found") end

local function media_type(req)
  return ((req.headers["content-type"] or ""):match("^%s*([^;]-)%s*;") or req.headers["content-type"] or ""):lower()
end

local function wrong_type(req, wanted)
  if media_type(req) == wanted then return nil end
  return complaint(415, "Unsupported Media Type", ("expected the content type %s"):format(wanted))
end

-- ---- streams ----

local function describe(stream)
  return O("type", "stream", "id", stream.id, "attributes", O("name", stream.name, "type", stream.type, "createdAt",
    dates.berlin(stream.created), "updatedAt", dates.berlin(stream.updated)), "relationships",
    O("account", O("data", O("type", "account", "id", "1"))))
end

---Makes a stream without asking (the sandbox's own ones).
function M.create(sb, name, kind, id)
  local now = sb.clock()
  local stream = { id = id or tostring(sb.next_stream), name = name, type = kind, created = now, updated = now,
    store = Store.new(), batches = {}, batch_order = {} }
  if not id then sb.next_stream = sb.next_stream + 1 end
  sb.streams[stream.id] = stream
  sb.stream_order[#sb.stream_order + 1] = stream.id
  return stream
end

-- The stream, or the grave of one, that has a name. A deleted stream's name stays taken for a while.
local function name_holder(sb, name)
  for _, stream in pairs(sb.streams) do
    if stream.name == name then return stream.id end
  end
  local grave = sb.graves[name]
  if grave and grave.until_s > sb.clock() then return grave.id end
end

local function duplicate(id)
  local hex = crypto.random(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local uuid = ("%s-%s-%s-%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21, 32))
  return answer(409, O("errors", json.array { O("id", uuid, "status", "409", "code", "13579", "title",
    "Validation error happened with stream payload", "detail", "", "meta", O("duplicate", O("type", "stream", "id", id, "links",
    O("self", "/streams/" .. id)))) }))
end

-- data.attributes of a JSON:API body about a stream, or nil and the answer.
local function attributes_of(req)
  local wrong = wrong_type(req, JSON_API)
  if wrong then return nil, wrong end
  local body, fault = json.decode(req.body)
  if fault then return nil, complaint(400, "Bad Request", fault) end
  local data = json.is_object(body) and body.data
  if not json.is_object(data) or data.type ~= "stream" or not json.is_object(data.attributes) then
    return nil, complaint(422, "Unprocessable Entity", "data.type must be stream, with attributes")
  end
  return data.attributes, nil, data
end

local function name_problem(name)
  local length = type(name) == "string" and utf8.len(name)
  if length and length >= 3 and length <= 255 then return nil end
  return complaint(422, "Unprocessable Entity", "name must have 3 to 255 characters")
end

local function create_stream(sb, req)
  local attributes, problem = attributes_of(req)
  if not attributes then return problem end
  problem = name_problem(attributes.name)
  if problem then return problem end
  if attributes.type ~= "chunked" and attributes.type ~= "referenced" then
    return complaint(422, "Unprocessable Entity", "type must be chunked or referenced")
  end
  local holder = name_holder(sb, attributes.name)
  if holder then return duplicate(holder) end
  if #sb.stream_order >= MOST_STREAMS then
    return complaint(422, "Unprocessable Entity", ("an account has at most %d streams"):format(MOST_STREAMS))
  end
  return answer(201, O("data", describe(M.create(sb, attributes.name, attributes.type))))
end

local function page_link(offset, limit)
  return ("/streams?page%%5Boffset%%5D=%d&page%%5Blimit%%5D=%d"):format(offset, limit)
end

local function list_streams(sb, req)
  local offset = math.tointeger(tonumber(req.query["page[offset]"] or 0))
  local limit = math.tointeger(tonumber(req.query["page[limit]"] or PAGE))
  if not offset or not limit or offset < 0 or limit < 1 then return complaint(400, "Bad Request", "page[offset] and page[limit] are numbers") end
  limit = math.min(limit, PAGE)
  local data, total = json.array {}, #sb.stream_order
  for i = offset + 1, math.min(offset + limit, total) do data[#data + 1] = describe(sb.streams[sb.stream_order[i]]) end
  local links = O("first", page_link(0, limit), "last", page_link(math.max(0, (total - 1) // limit * limit), limit))
  if offset > 0 then json.set(links, "prev", page_link(math.max(0, offset - limit), limit)) end
  if offset + limit < total then json.set(links, "next", page_link(offset + limit, limit)) end
  if sb.options.null_links then
    for _, name in ipairs { "prev", "next" } do
      if not links[name] then json.set(links, name, json.null) end
    end
  end
  return answer(200, O("data", data, "links", links))
end

local function show_stream(_, _, stream) return answer(200, O("data", describe(stream))) end

local function rename_stream(sb, req, stream)
  local attributes, problem, data = attributes_of(req)
  if not attributes then return problem end
  if data.id ~= stream.id then return complaint(409, "Conflict", "data.id is not the stream of the URL") end
  problem = name_problem(attributes.name)
  if problem then return problem end
  if attributes.type and attributes.type ~= stream.type then
    return complaint(422, "Unprocessable Entity", "the type of a stream can't be changed")
  end
  local holder = name_holder(sb, attributes.name)
  if holder and holder ~= stream.id then return duplicate(holder) end
  stream.name, stream.updated = attributes.name, sb.clock()
  return answer(200, O("data", describe(stream)))
end

local function delete_stream(sb, _, stream)
  sb.graves[stream.name] = { id = stream.id, until_s = sb.clock() + sb.options.name_reserved }
  stream.store:delete_all()
  sb.streams[stream.id] = nil
  table.remove(sb.stream_order, json.index_of(sb.stream_order, stream.id))
  return answer(204, "")
end

-- ---- products ----

-- The body, unpacked where it is packed, or nil and the answer.
local function body_of(req)
  if #req.body > MAX_BODY then return nil, complaint(413, "Payload Too Large") end
  local coding = (req.headers["content-encoding"] or "identity"):lower()
  if coding == "identity" then return req.body end
  if coding ~= "gzip" then return nil, complaint(415, "Unsupported Media Type", "the content encoding may be gzip") end
  local text, problem = server.gunzip(req.body, MAX_BODY)
  if text then return text end
  if problem.code == "limit" then return nil, complaint(413, "Payload Too Large") end
  return nil, complaint(400, "Bad Request", "the body is not gzip")
end

-- 202 where anything was accepted, 422 where nothing was: both are batches.
local function verdict(sb, stream, found, good)
  local batch = batches.add(stream, sb.clock(), good, found.rejected, found.errors)
  if batch.status == "failed" and sb.options.all_failed ~= 202 then return answer(422, batches.text(batch, "both")), batch end
  return answer(202, batches.text(batch, "beside")), batch
end

local function upload_chunked(sb, stream, body)
  local found = lines.check(body, sb.options.first_line)
  stream.store:put_body(body, found)
  return (verdict(sb, stream, found, found.accepted))
end

local function plain(value)
  if type(value) == "table" and value.number and not json.is_object(value) then return value.number end
  return value
end

-- Numbers keep their text when a referenced product is written again.
local function encode_product(object)
  local parts = {}
  local function put(value)
    if json.is_object(value) then
      parts[#parts + 1] = "{"
      for i = 1, #value, 2 do
        parts[#parts + 1] = (i > 1 and "," or "") .. json.quote(value[i]) .. ":"
        put(value[i + 1])
      end
      parts[#parts + 1] = "}"
    elseif json.is_array(value) then
      parts[#parts + 1] = "["
      for i, one in ipairs(value) do
        if i > 1 then parts[#parts + 1] = "," end
        put(one)
      end
      parts[#parts + 1] = "]"
    else
      local text = plain(value)
      parts[#parts + 1] = text ~= value and text or json.encode(value)
    end
  end
  put(object)
  return table.concat(parts)
end

local function upload_referenced(sb, stream, body)
  if #body < sb.options.referenced_min then return complaint(422, "Unprocessable Entity", "the request is too small for this type of stream") end
  local found, list, fault = lines.check_referenced(body, sb.options.first_line)
  local taken, pos, texts = lines.result(), 1, {}
  for _, product in ipairs(list or {}) do
    local id = json.is_object(product) and plain(product.id)
    if type(id) == "string" then
      local text = encode_product(product)
      taken.accept(id, pos, pos + #text - 1)
      pos = pos + #text
      texts[#texts + 1] = text
    end
  end
  stream.store:put_body(table.concat(texts), taken)
  local result, batch = verdict(sb, stream, found, list and math.max(#list, 1) or 0)
  batch.unreadable = fault ~= nil
  return result
end

local function upload_products(sb, req, stream)
  local referenced = stream.type == "referenced"
  local wrong = wrong_type(req, referenced and JSON or NDJSON)
  if wrong then return wrong end
  local body, problem = body_of(req)
  if not body then return problem end
  return (referenced and upload_referenced or upload_chunked)(sb, stream, body)
end

local function delete_verdict(sb, stream, count)
  if sb.options.delete_answer == 204 then return answer(204, "") end
  return (verdict(sb, stream, lines.result(), count))
end

local function delete_products(sb, req, stream)
  if req.query.all == "true" then return delete_verdict(sb, stream, stream.store:delete_all()) end
  local wrong = wrong_type(req, stream.type == "referenced" and JSON or NDJSON)
  if wrong then return wrong end
  local body, problem = body_of(req)
  if not body then return problem end
  if stream.type == "referenced" then
    local found, list = lines.check_referenced(body, sb.options.first_line)
    for _, one in ipairs(list or {}) do stream.store:delete(json.is_object(one) and plain(one.id) or "") end
    return (verdict(sb, stream, found, list and #list or 0))
  end
  local found = lines.check(body, sb.options.first_line)
  for _, id in ipairs(found.ids) do stream.store:delete(id) end
  return (verdict(sb, stream, found, found.accepted))
end

local function delete_product(sb, _, stream, id)
  stream.store:delete(id)
  return delete_verdict(sb, stream, 1)
end

local function show_batch(sb, _, stream, id)
  local batch = stream.batches[id]
  if not batch then return not_found() end
  local after = sb.options.import_after
  if after and batch.status == "uploaded" and batch.upload.at + after <= sb.clock() then batches.process(stream, sb.clock(), {}) end
  return answer(200, batches.text(batch, "inside"))
end

local function hello() return answer(200, O("data", json.array {})) end

---The operations: names, methods and paths are those of the client's definition, the rest is the sandbox's own.
M.routes = {
  { name = "create_stream", method = "POST", path = "/streams", class = "other", handle = create_stream },
  { name = "streams", method = "GET", path = "/streams", class = "other", handle = list_streams },
  { name = "stream", method = "GET", path = "/streams/{id}", class = "other", handle = show_stream },
  { name = "rename_stream", method = "PATCH", path = "/streams/{id}", class = "other", handle = rename_stream },
  { name = "delete_stream", method = "DELETE", path = "/streams/{id}", class = "other", handle = delete_stream },
  { name = "upload_products", method = "POST", path = "/streams/{id}/products", class = "products", handle = upload_products },
  { method = "PUT", path = "/streams/{id}/products", class = "products", handle = upload_products },
  { method = "PATCH", path = "/streams/{id}/products", class = "products", handle = upload_products },
  { name = "delete_products", method = "DELETE", path = "/streams/{id}/products", class = "products", handle = delete_products },
  { name = "delete_all_products", method = "DELETE", path = "/streams/{id}/products", class = "products", handle = delete_products },
  { name = "delete_product", method = "DELETE", path = "/streams/{id}/products/{product}", class = "products", handle = delete_product },
  { name = "batch", method = "GET", path = "/streams/{id}/batches/{batch}", class = "batches", handle = show_batch },
  { method = "GET", path = "/", class = "other", handle = hello },
  { method = "HEAD", path = "/", class = "other", handle = hello, open = true },
}

-- One bucket per client and stream for products and batches, one per client and path for all else.
local function limited(sb, req, route, params, headers)
  local key = ("stream %s %s %s"):format(req.peer, route.class, route.class == "other" and req.path or params[1])
  local ok, seen, resets_at, limit = sb.limits:hit(key, RATES[route.class], sb.clock())
  headers["ratelimit-limit"], headers["ratelimit-observed"] = tostring(limit), tostring(seen)
  headers["ratelimit-remaining"], headers["ratelimit-reset"] = tostring(ok and limit - seen or 0), tostring(resets_at)
  if not ok then return complaint(429, "Too Many Requests") end
end

local function decide(sb, req, route, params, headers)
  local refused = limited(sb, req, route, params, headers)
  if refused then return refused end
  local bearer = (req.headers.authorization or ""):match "^[Bb]earer%s+(.-)%s*$"
  if not route.open and not sb.tokens[bearer or ""] then return complaint(401, "Unauthorized") end
  local stream = params[1] and sb.streams[params[1]]
  if params[1] and not stream then return not_found() end
  return route.handle(sb, req, stream, params[2])
end

---Answers one request that a route fits.
function M.serve(sb, req, route, params)
  local headers = {}
  local result = decide(sb, req, route, params, headers)
  for name, value in pairs(headers) do result.headers[name] = value end
  return result
end

---What a path under /streams that does not exist gets.
function M.missing(status)
  return complaint(status, status == 405 and "Method Not Allowed" or "Not Found")
end

return M
