-- Products of the Platform API: batches that are uploaded, committed or discarded, the stages that processes make of them,
-- and reading a stage.
local json = require "sluice.sandbox.json"
local shared = require "sluice.sandbox.platform_shared"

local M = {}

local answer, complaint = shared.answer, shared.complaint

local MOST_ROWS, PAGE = 10000, 5000
local DELETED = "pup:isdeleted"
local STAGES = { import = false, intermediate = false, export = true, channel = true } -- whether they have ids

-- ---- rows ----

local function number_token(token) return { number = token } end

local function is_number(value) return type(value) == "table" and value.number ~= nil and not json.is_object(value) end

-- Every field of a product is text, numbers with the digits that they came with; nil where it is not flat.
local function text_of(value)
  if value == json.null then return "" end
  if is_number(value) then return value.number end
  if type(value) == "table" then return nil end
  return tostring(value)
end

-- An object as a row { id =, … } and the names in their order; or nil and what is wrong.
local function row_of(object)
  if not json.is_object(object) then return nil, "a product must be an object" end
  local row, names = {}, {}
  for name, value in json.members(object) do
    local text = text_of(value)
    if not text then return nil, ("the column %s must not be nested"):format(name) end
    row[name], names[#names + 1] = text, name
  end
  if (row.id or "") == "" then return nil, "every product needs an id" end
  return row, names
end

-- A set of rows by id, in order, with its columns.
local function new_set() return { rows = {}, order = {}, columns = {}, known = {} } end

local function put(set, row, names)
  if not set.rows[row.id] then set.order[#set.order + 1] = row.id end
  set.rows[row.id] = row -- the last one wins
  for _, name in ipairs(names) do
    if not set.known[name] then
      set.known[name] = true
      set.columns[#set.columns + 1] = name
    end
  end
end

local function drop(set, id)
  if not set.rows[id] then return end
  set.rows[id] = nil
  table.remove(set.order, json.index_of(set.order, id))
end

local function each(set)
  local i = 0
  return function()
    i = i + 1
    local id = set.order[i]
    if id then return set.rows[id] end
  end
end

-- ---- writing ----

local function batch_of(site, id)
  if #id ~= 32 then return nil, complaint(400, "a batch id has 32 characters") end
  local batch = site.batches[id] or { state = "open", parts = {}, count = 0 }
  if batch.state == "committed" then return nil, complaint(400, "the batch was committed already") end
  return batch
end

local function rows_of(body)
  local list, fault = json.decode(body, number_token)
  if fault or not json.is_array(list) then return nil, "the body must be a JSON array" .. (fault and " (" .. fault .. ")" or "") end
  if #list > MOST_ROWS then return nil, ("at most %d products are allowed in a request"):format(MOST_ROWS) end
  local rows = {}
  for i, object in ipairs(list) do
    local row, names = row_of(object)
    if not row then return nil, ("product %d: %s"):format(i, names) end
    rows[i] = { row, names }
  end
  return rows
end

-- What stands in the way of writing, or nil.
local function blocked(sb, req, site)
  if sb.crowded[req] then return complaint(423, shared.MESSAGES.busy) end
  if site.status == "disabled" then return complaint(403, "the site is disabled") end
end

local function upload(sb, req, site, params)
  local problem = blocked(sb, req, site)
  if problem then return problem end
  local batch, rows
  batch, problem = batch_of(site, params[2])
  if not batch then return problem end
  rows, problem = rows_of(req.body)
  if not rows then return complaint(400, problem) end
  site.batches[params[2]] = batch
  batch.state = "open"
  batch.parts[#batch.parts + 1] = rows
  batch.count = batch.count + #rows
  return answer(200, "Products", json.object("count", #rows))
end

local function commit(sb, req, site, params)
  local problem = blocked(sb, req, site)
  if problem then return problem end
  local batch, body
  batch, problem = batch_of(site, params[2])
  if not batch then return problem end
  if not site.batches[params[2]] then return complaint(404, shared.MESSAGES.not_found) end
  body, problem = shared.object_of(req)
  if not body then return problem end
  if body.type ~= "full" and body.type ~= "delta" then return complaint(400, "type must be full or delta") end
  batch.state, batch.type = "committed", body.type
  site.pending[#site.pending + 1] = batch
  if body.automatic_import ~= false then
    site.auto_at = sb.clock() + sb.options.process_auto
    sb.platform.busy[site] = true
  end
  return answer(200)
end

local function discard(sb, req, site, params)
  local problem = blocked(sb, req, site)
  if problem then return problem end
  local batch
  batch, problem = batch_of(site, params[2])
  if not batch then return problem end
  batch.state, batch.parts, batch.count = "discarded", {}, 0
  return answer(200)
end

local function delete_all(_, _, site)
  site.pending, site.uploaded = {}, new_set()
  return answer(200)
end

-- ---- what a process makes of it ----

local function apply(set, batch)
  if batch.type == "full" then set = new_set() end
  for _, part in ipairs(batch.parts) do
    for _, one in ipairs(part) do
      local row, names = one[1], one[2]
      if row[DELETED] == "-1" then drop(set, row.id) else put(set, row, names) end
    end
  end
  return set
end

local function take_stream(sb, set, source)
  local stream = sb.streams[source.stream]
  for _, text in stream.store:each() do
    local object, fault = json.decode(text, number_token)
    local row, names = row_of(not fault and object or nil)
    if row then put(set, row, names) end
  end
  require("sluice.sandbox.batches").process(stream, sb.clock(), {})
end

---An import: what was committed and what is in the linked streams becomes the site's products. Gives how many.
function M.import(sb, site)
  site.uploaded = site.uploaded or new_set()
  for _, batch in ipairs(site.pending) do site.uploaded = apply(site.uploaded, batch) end
  site.pending = {}
  local set = new_set()
  for row in each(site.uploaded) do put(set, row, site.uploaded.columns) end
  for _, source in ipairs(site.sources) do
    if source.status == "active" and sb.streams[source.stream] then take_stream(sb, set, source) end
  end
  site.stages.import = set
  return #set.order
end

---An export of the imported products; those that are marked as deleted stay behind. Gives how many.
function M.export(site, kind, id)
  local from, set = site.stages.import or new_set(), new_set()
  for row in each(from) do
    if row[DELETED] ~= "1" then put(set, row, from.columns) end
  end
  site.stages[kind .. id] = set
  return #set.order
end

-- What the next import would take of the batches; the site stays as it is.
local function committed(site)
  local set, now = new_set(), site.uploaded or new_set()
  for row in each(now) do put(set, row, now.columns) end
  for _, batch in ipairs(site.pending) do set = apply(set, batch) end
  return set
end

-- ---- reading ----

local function unquote(text) return (text:sub(2, -2):gsub("''", "'")) end

-- The literals of "'a', 'it''s'"; nil where it is anything else.
local function literals(text)
  local found, pos = {}, 1
  while true do
    local first, last = text:find("^%s*'[^']*'", pos)
    if not first then return nil end
    while text:sub(last + 1, last + 1) == "'" do
      last = text:find("'", last + 2, true)
      if not last then return nil end
    end
    found[unquote(text:sub(first, last):match "^%s*(.*)$")] = true
    local comma = text:match("^%s*,()", last + 1)
    if not comma then return text:find("^%s*$", last + 1) and found or nil end
    pos = comma
  end
end

-- A condition of the simple forms: column = 'x', column <> 'x', column IN ('x','y'). A predicate, or nil.
local function filter_of(text)
  if text == nil or text == "" then return function() return true end end
  local column, rest = text:match "^%s*`?([%w_:]+)`?%s*(.*)$"
  if not column then return nil end
  local list = rest:match "^[iI][nN]%s*%((.*)%)%s*$"
  local sign, one = rest:match "^(<>)%s*(.*)$"
  if not sign then sign, one = rest:match "^(=)%s*(.*)$" end
  local values = literals(list or one or "")
  if not values then return nil end
  return function(row) return (values[row[column] or ""] == true) == (sign ~= "<>") end
end

local function stage_of(site, stage, id)
  if STAGES[stage] == nil then return nil, complaint(400, "there is no stage " .. stage) end
  if not STAGES[stage] then
    if id ~= "0" then return nil, complaint(400, "the stage id must be 0") end
    return site.stages.import or new_set()
  end
  local set = site.stages[stage .. id]
  if set then return set end
  return nil, complaint(404, shared.MESSAGES.not_found)
end

-- The columns that are wanted; an id is always among them.
local function columns_of(req, set)
  local chosen, i, has_id = {}, 0, false
  while req.query[("fields[%d]"):format(i)] do
    chosen[#chosen + 1] = req.query[("fields[%d]"):format(i)]
    has_id = has_id or chosen[#chosen] == "id"
    i = i + 1
  end
  if #chosen == 0 then
    for _, name in ipairs(set.columns) do chosen[#chosen + 1] = name end
  elseif not has_id then
    table.insert(chosen, 1, "id")
  end
  if req.query.hidden == "1" then
    chosen[#chosen + 1] = "___skipped_intermediate"
    chosen[#chosen + 1] = "___skipped_export"
  end
  return chosen
end

local function product_object(row, columns)
  local object = json.object()
  for _, name in ipairs(columns) do json.set(object, name, row[name] or "") end
  return object
end

---The products of a site as texts: as the last import left them ("import"), as the last export to a channel did ("channel",
---its id), or what is in the batches that were committed ("committed"). Nil where nothing is known under that name.
---@return fun(): string?, string? id, text
function M.each(site, stage, id)
  local set
  if stage == "committed" then set = committed(site)
  elseif stage == "import" then set = site.stages.import or new_set()
  elseif stage == "channel" then set = site.stages["channel" .. (id or "")] end
  if not set then return nil end
  local next_row = each(set)
  return function()
    local row = next_row()
    if row then return row.id, json.encode(product_object(row, set.columns)) end
  end
end

local function read(_, req, site, params)
  local set, problem = stage_of(site, params[2], params[3] or "0")
  if not set then return problem end
  local limit, offset = math.tointeger(tonumber(req.query.limit or PAGE)), math.tointeger(tonumber(req.query.offset or 0))
  if not limit or not offset or limit < 1 or offset < 0 then return complaint(400, "limit and offset are numbers") end
  local fits, columns, list, seen = filter_of(req.query.filter), columns_of(req, set), json.array {}, 0
  if not fits then return complaint(400, "the filter is not understood: " .. req.query.filter) end
  for row in each(set) do
    if fits(row) then
      seen = seen + 1
      if seen > offset and #list < math.min(limit, PAGE) then list[#list + 1] = product_object(row, columns) end
    end
  end
  return answer(200, "products", list)
end

local function properties(_, _, site, params)
  local set, problem = stage_of(site, params[2], params[3])
  if not set then return problem end
  local columns = json.array {}
  for i, name in ipairs(set.columns) do columns[i] = name end
  return answer(200, "columns", columns, "products", #set.order)
end

local B, S = "/platform/v2/sites/{site}/products", "/product/v2/site/{site}/stage/{stage}"

M.routes = {
  { name = "upload_products", method = "POST", path = B .. "/{batch}/upload", class = "write", handle = upload },
  { name = "commit_products", method = "POST", path = B .. "/{batch}/commit", class = "write", handle = commit },
  { name = "discard_products", method = "POST", path = B .. "/{batch}/discard", class = "write", handle = discard },
  { name = "delete_site_products", method = "DELETE", path = B, class = "other", handle = delete_all },
  { name = "read_products", method = "GET", path = S .. "/{id}", class = "read", handle = read },
  { method = "GET", path = S, class = "read", handle = read },
  { name = "product_properties", method = "GET", path = S .. "/{id}/properties", class = "read", handle = properties },
}
for _, route in ipairs(M.routes) do
  route.place = "site"
  route.legacy = route.path:sub(1, #B) == B -- what is to be removed
end

return M
