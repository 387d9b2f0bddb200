-- Processes of the Platform API: one of a site runs, one more may be queued; and the streams that a site imports.
--
-- A process is queued for `process_queue` seconds, then runs for `process_time`, all by the sandbox's clock. What an
-- import takes is what was there when it began.
local crypto = require "sluice.crypto"
local json = require "sluice.sandbox.json"
local products = require "sluice.sandbox.platform_products"
local shared = require "sluice.sandbox.platform_shared"
local sites = require "sluice.sandbox.platform_sites"

local M = {}

local O = json.object
local answer, complaint = shared.answer, shared.complaint

local ACTIONS = { import = true, export = true, channel = true, ["export-all"] = true, all = true }
local IMPORTS = { import = true, all = true }

-- ---- the queue ----

local function uuid()
  local hex = crypto.random(16):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  return ("%s-%s-%s-%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20), hex:sub(21, 32))
end

local function enqueue(sb, site, action, id)
  local process = { pid = uuid(), action = action, id = id, status = "queued", begins = sb.clock() + sb.options.process_queue }
  site.processes[process.pid], site.queue.waiting = process, process
  sb.platform.busy[site] = true
  return process
end

local function channels_of(site, process)
  if process.action == "import" then return {} end
  local list = {}
  for _, channel in ipairs(site.channels) do
    if not process.id or channel.id == process.id then list[#list + 1] = channel end
  end
  return list
end

local function begin(sb, site, process)
  process.status, process.ends = "running", process.begins + sb.options.process_time
  site.queue.running, site.queue.waiting = process, nil
  if IMPORTS[process.action] then process.count = products.import(sb, site) end
end

local function note_import(site, process)
  site.imports[#site.imports + 1] = { id = 11111111 + #site.imports, at = process.ends, count = process.count, pid = process.pid }
end

local function note_export(site, process, channel)
  local before = 0
  for _, one in ipairs(site.exports) do
    if one.channel == channel.id then before = one.count end
  end
  site.exports[#site.exports + 1] = { id = 333 + #site.exports, channel = channel.id, began = process.begins, ended = process.ends,
    count = products.export(site, "channel", channel.id), before = before, pid = process.pid }
end

local function finish(sb, site, process)
  site.queue.running = nil
  process.status = site.fail_next and "failed" or "success"
  if site.fail_next then
    sites.add_error(sb, site, { pid = process.pid, error = site.fail_next.error, data = site.fail_next.data, message = site.fail_next.message })
    site.fail_next = nil
  end
  if process.count then note_import(site, process) end
  for _, channel in ipairs(channels_of(site, process)) do note_export(site, process, channel) end
  if site.queue.waiting then site.queue.waiting.begins = math.max(site.queue.waiting.begins, process.ends) end
end

-- One step of a site's queue; false where there is nothing to do yet.
local function step(sb, site, now)
  local queue = site.queue
  if site.auto_at and site.auto_at <= now and not queue.waiting then
    site.auto_at = nil
    enqueue(sb, site, "all")
  elseif queue.running and queue.running.ends <= now then
    finish(sb, site, queue.running)
  elseif not queue.running and queue.waiting and queue.waiting.begins <= now then
    begin(sb, site, queue.waiting)
  else
    return false
  end
  return true
end

---Lets processes begin and end whose time has come.
function M.advance(sb)
  local now = sb.clock()
  for site in pairs(sb.platform.busy) do
    while step(sb, site, now) do end -- luacheck: ignore
    if not site.queue.running and not site.queue.waiting and not site.auto_at then sb.platform.busy[site] = nil end
  end
end

---The next process of a site fails, with this error: { error?, data?, message? }.
function M.fail_next(site, fields)
  fields = fields or {}
  site.fail_next = { error = fields.error or 10012, message = fields.message or "The connection to the server failed",
    data = fields.data or O("FTP Host", "sftp://example.org", "User", "sftpuser") }
end

-- ---- processes ----

local function known_target(site, body)
  local id = math.tointeger(tonumber(body.id))
  for _, channel in ipairs(site.channels) do
    if channel.id == id then return id end
  end
end

local function trigger(sb, req, site)
  local body, problem = shared.object_of(req)
  if not body then return problem end
  if not ACTIONS[body.action] then return complaint(400, "there is no action " .. tostring(body.action)) end
  local target
  if body.action == "export" or body.action == "channel" then
    target = known_target(site, body)
    if not target then return complaint(400, "the id is missing, or not one of the site's") end
  end
  if site.queue.waiting then return complaint(429, shared.MESSAGES.in_queue) end
  local process = enqueue(sb, site, body.action, target)
  return answer(200, "process_id", process.pid, "estimated_duration", sb.options.process_time + 0.125, "message",
    "A new process has been triggered successfully!")
end

-- Only the form of a pid is looked at: one that does not exist is queued.
local function status(sb, _, site, params)
  local pid = params[2]
  local form = pid:find "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$" or pid:find "^%x%x%x%x%x%x%x%x%x%x%x%x%x$"
  if not form then return complaint(400, "the pid has a wrong format") end
  local state, list = (site.processes[pid] or {}).status or "queued", json.array {}
  local base = sb.url .. "/platform/v2/sites/" .. site.id
  if state == "failed" then list[1] = O("errors", base .. "/errors?pid=" .. pid) end
  list[#list + 1] = O("self", base .. "/status/" .. pid)
  return answer(200, "status", state, "links", list)
end

-- ---- streams of a site ----

local function source_object(site, source)
  return O("id", source.id, "site_id", site.id, "description", source.description, "source", "", "import_type", source.import_type,
    "import_id", 331, "status", source.status, "settings", json.array { "stream : " .. source.stream })
end

local function source_of(site, stream)
  for i, source in ipairs(site.sources) do
    if source.stream == stream then return source, i end
  end
end

local function list_sources(_, req, site)
  local page, meta = shared.page(req, site.sources)
  if not page then return meta end
  local list = json.array {}
  for i, source in ipairs(page) do list[i] = source_object(site, source) end
  return answer(200, "Sources", list, "meta", meta)
end

-- The fields of a source, or nil and the answer.
local function source_fields(req)
  local body, problem = shared.object_of(req)
  if not body then return nil, problem end
  if body.import_type ~= nil and body.import_type ~= 1 and body.import_type ~= 2 then return nil, complaint(400, "import_type must be 1 or 2") end
  if body.status ~= nil and body.status ~= "active" and body.status ~= "paused" then return nil, complaint(400, "status must be active or paused") end
  if body.description ~= nil and type(body.description) ~= "string" then return nil, complaint(400, "description must be text") end
  return body
end

local function link(sb, req, site)
  local body, problem = source_fields(req)
  if not body then return problem end
  local stream = body.stream_id ~= nil and tostring(body.stream_id) or ""
  if not sb.streams[stream] then return complaint(404, shared.MESSAGES.not_found) end
  if source_of(site, stream) then return complaint(422, shared.MESSAGES.linked) end
  local last = site.sources[#site.sources]
  local source = { id = last and last.id + 1 or 1, stream = stream, description = body.description or "",
    import_type = body.import_type or 1, status = body.status or "active" }
  site.sources[#site.sources + 1] = source
  return answer(201, "Sources", json.array { source_object(site, source) })
end

local function change(sb, req, site, params)
  if not sb.streams[params[2]] then return complaint(404, shared.MESSAGES.not_found) end
  local body, problem = source_fields(req)
  if not body then return problem end
  local source = source_of(site, params[2])
  if not source then return complaint(422, shared.MESSAGES.not_linked) end
  for _, field in ipairs { "description", "import_type", "status" } do
    if body[field] ~= nil then source[field] = body[field] end
  end
  return answer(200, "Sources", json.array { source_object(site, source) })
end

local function unlink(sb, _, site, params)
  if not sb.streams[params[2]] then return complaint(404, shared.MESSAGES.not_found) end
  local _, at = source_of(site, params[2])
  if not at then return complaint(422, shared.MESSAGES.not_linked) end
  table.remove(site.sources, at)
  return answer(200, "message", "Resource was deleted successfully!")
end

local P = "/platform/v2"

M.routes = {
  { name = "process", method = "POST", path = P .. "/process/{site}", class = "process", unified = true, handle = trigger },
  { name = "process_status", method = "GET", path = P .. "/sites/{site}/status/{pid}", class = "other", handle = status },
  { name = "stream_sources", method = "GET", path = P .. "/sites/{site}/streams", class = "other", unified = true, handle = list_sources },
  { name = "link_stream", method = "POST", path = P .. "/sites/{site}/streams", class = "other", unified = true, handle = link },
  { name = "update_stream_source", method = "PUT", path = P .. "/sites/{site}/streams/{stream}", class = "other", unified = true, handle = change },
  { name = "unlink_stream", method = "DELETE", path = P .. "/sites/{site}/streams/{stream}", class = "other", unified = true, handle = unlink },
}
for _, route in ipairs(M.routes) do route.place = "site" end

return M
