-- Projects and sites of the Platform API, and what hangs on a site: tags, errors, channels, histories.
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"
local shared = require "sluice.sandbox.platform_shared"

local M = {}

local O = json.object
local answer, complaint, links, id_of = shared.answer, shared.complaint, shared.links, shared.id

local STATUSES = { active = true, paused_upload = true, disabled = true }

-- ---- making them ----

local function new_id(sb)
  local p = sb.platform
  while p.projects[p.next_id] or p.sites[p.next_id] do p.next_id = p.next_id + 1 end
  p.next_id = p.next_id + 1
  return p.next_id - 1
end

local function ordered(list, id)
  list[#list + 1] = id
  table.sort(list)
end

---Makes a project: { id?, name }.
function M.create_project(sb, fields)
  local project = { id = fields.id or new_id(sb), name = fields.name, created = sb.clock() }
  sb.platform.projects[project.id] = project
  ordered(sb.platform.project_order, project.id)
  return project
end

---Makes a site: { id?, project?, title, tags = { { key, value } }, channels = { { id, channel_id, name, export_name } } }.
function M.create_site(sb, fields)
  local site = {
    id = fields.id or new_id(sb), project = fields.project or 1, title = fields.title, status = fields.status or "active",
    import_schedule = fields.import_schedule or "", id_column = fields.id_column or "id", created = sb.clock(), tags = {},
    channels = fields.channels or {}, errors = {}, imports = {}, exports = {}, sources = {}, batches = {},
    pending = {}, stages = {}, processes = {}, queue = {},
  }
  for i, tag in ipairs(fields.tags or {}) do site.tags[i] = { id = site.id * 100 + i, key = tag[1], value = tag[2] } end
  sb.platform.sites[site.id] = site
  ordered(sb.platform.site_order, site.id)
  return site
end

-- ---- projects ----

local function project_object(sb, project, as_text)
  local here = "/projects/" .. project.id
  return O("id", id_of(project.id, as_text), "name", project.name, "created_at", dates.sql(project.created), "links",
    links(sb, "self", here, "sites", here .. "/sites"))
end

-- The entries of a list, as `show` gives them, and the page's meta.
local function listed(sb, req, key, entries, show)
  local page, meta = shared.page(req, entries)
  if not page then return meta end
  local list = json.array {}
  for i, one in ipairs(page) do list[i] = show(sb, one, true) end
  return answer(200, key, list, "meta", meta)
end

local function single(status, key, object) return answer(status, key, json.array { object }) end

local function in_order(order, by_id)
  local list = {}
  for i, id in ipairs(order) do list[i] = by_id[id] end
  return list
end

local function list_projects(sb, req)
  return listed(sb, req, "Projects", in_order(sb.platform.project_order, sb.platform.projects), project_object)
end

local function show_project(sb, _, project) return single(200, "Projects", project_object(sb, project, true)) end

local function name_of(body, field)
  local name = body[field]
  if type(name) == "string" and name ~= "" then return name end
  return nil, complaint(400, field .. " is missing")
end

local function create_project(sb, req)
  local body, problem = shared.object_of(req)
  if not body then return problem end
  local name
  name, problem = name_of(body, "name")
  if not name then return problem end
  return single(200, "Projects", project_object(sb, M.create_project(sb, { name = name })))
end

local function update_project(sb, req, project)
  local body, problem = shared.object_of(req)
  if not body then return problem end
  if body.id ~= nil and tostring(body.id) ~= tostring(project.id) then return complaint(400, "id is not the project of the URL") end
  local name
  name, problem = name_of(body, "name")
  if not name then return problem end
  project.name = name
  return single(200, "Projects", project_object(sb, project))
end

local function remove_site(sb, site)
  sb.platform.sites[site.id] = nil
  table.remove(sb.platform.site_order, json.index_of(sb.platform.site_order, site.id))
end

local function delete_project(sb, _, project)
  for _, site in ipairs(in_order(sb.platform.site_order, sb.platform.sites)) do
    if site.project == project.id then remove_site(sb, site) end
  end
  sb.platform.projects[project.id] = nil
  table.remove(sb.platform.project_order, json.index_of(sb.platform.project_order, project.id))
  return answer(200)
end

-- ---- sites ----

local function site_object(sb, site, as_text)
  local here = "/sites/" .. site.id
  return O("id", id_of(site.id, as_text), "title", site.title, "status", site.status, "created_at", dates.sql(site.created),
    "project_id", id_of(site.project, as_text), "import_schedule", site.import_schedule, "id_column", site.id_column,
    "processing_status", site.queue.running and "Running" or "Done", "links",
    links(sb, "self", here, "tags", here .. "/tags", "project", "/projects/" .. site.project))
end

local function list_sites(sb, req, project)
  local found = {}
  for _, site in ipairs(in_order(sb.platform.site_order, sb.platform.sites)) do
    if project == true or site.project == project.id then found[#found + 1] = site end
  end
  return listed(sb, req, "Sites", found, site_object)
end

local function show_site(sb, _, site) return single(200, "Sites", site_object(sb, site, true)) end

local TEXTS = { "title", "id_column", "status", "import_schedule" }

-- What is wrong with the fields of a site, or nil.
local function site_problem(body)
  for _, field in ipairs(TEXTS) do
    if body[field] ~= nil and type(body[field]) ~= "string" then return complaint(400, field .. " must be text") end
  end
  if body.title == "" then return complaint(400, "title is missing") end
  if body.status and not STATUSES[body.status] then return complaint(400, "there is no status " .. body.status) end
end

local function tag_of(sb, reference)
  if reference == nil then return {} end
  local key, value = tostring(reference):match "^([^:]+):([^:]+)$"
  if not key or type(reference) ~= "string" then return nil, complaint(400, "a reference has the form tagName:tagValue") end
  if shared.site(sb, reference) then return nil, complaint(400, "the reference is taken") end
  return { { key, value } }
end

local function create_site(sb, req, project)
  local body, problem = shared.object_of(req)
  if not body then return problem end
  if project == true then project = shared.project(sb, tostring(body.project_id)) end
  if not project then return complaint(400, "project_id is missing") end
  if body.title == nil then return complaint(400, "title is missing") end
  problem = site_problem(body)
  if problem then return problem end
  local tags
  tags, problem = tag_of(sb, body.reference)
  if not tags then return problem end
  local site = M.create_site(sb, { project = project.id, title = body.title, tags = tags, id_column = body.id_column,
    status = body.status, import_schedule = body.import_schedule })
  return single(200, "Sites", site_object(sb, site))
end

local function update_site(sb, req, place, params)
  local site = params[2] and shared.site(sb, params[2]) or not params[2] and place or nil
  if not site or (params[2] and site.project ~= place.id) then return complaint(404, shared.MESSAGES.not_found) end
  local body, problem = shared.object_of(req)
  problem = problem or site_problem(body)
  if problem then return problem end
  if body.id ~= nil and tostring(body.id) ~= tostring(site.id) then return complaint(400, "id is not the site of the URL") end
  if body.project_id ~= nil then
    local project = shared.project(sb, tostring(body.project_id))
    if not project then return complaint(404, shared.MESSAGES.not_found) end
    site.project = project.id
  end
  for _, field in ipairs(TEXTS) do
    if body[field] ~= nil then site[field] = body[field] end
  end
  return single(200, "Sites", site_object(sb, site))
end

local function delete_site(sb, _, site)
  remove_site(sb, site)
  return answer(200)
end

local function copy_site(sb, req, site)
  local body, problem = shared.object_of(req)
  if not body then return problem end
  local name
  name, problem = name_of(body, "site_name")
  if not name then return problem end
  local project = body.project_id == nil and site.project or (shared.project(sb, tostring(body.project_id)) or {}).id
  if not project then return complaint(404, shared.MESSAGES.not_found) end
  local fields = { project = project, title = name, id_column = site.id_column }
  if body.copy_schedule_and_trigger == true then fields.import_schedule = site.import_schedule end
  if body.copy_export == true then fields.channels = site.channels end
  return single(200, "Sites", site_object(sb, M.create_site(sb, fields), true))
end

-- ---- what hangs on a site ----

local function list_tags(sb, _, site)
  local list = json.array {}
  for i, tag in ipairs(site.tags) do
    list[i] = O("id", tostring(tag.id), "site_id", tostring(site.id), "key", tag.key, "value", tag.value, "readonly", "0", "links",
      links(sb, "site", "/sites/" .. site.id))
  end
  return answer(200, "Tags", list)
end

local function error_object(sb, site, one)
  return O("id", tostring(one.id), "pid", one.pid, "error", tostring(one.error), "data", one.data or json.null, "site_id", tostring(site.id),
    "message", one.message, "datetime", dates.sql(one.at), "links", links(sb, "self", ("/sites/%d/errors/%d"):format(site.id, one.id)))
end

---Notes an error of a process: { pid, error, data, message }.
function M.add_error(sb, site, fields)
  local one = { id = 1802016 + #site.errors + 1, pid = fields.pid, error = fields.error, data = fields.data, at = sb.clock(),
    message = fields.message or "" }
  site.errors[#site.errors + 1] = one
  return one
end

local function list_errors(sb, req, site)
  local limit, offset = math.tointeger(tonumber(req.query.limit or 50)), math.tointeger(tonumber(req.query.offset or 0))
  if not limit or not offset or limit < 1 or offset < 0 then return complaint(400, "limit and offset are numbers") end
  local last = site.errors[#site.errors]
  local pid, found, list = req.query.pid or (last and last.pid), {}, json.array {}
  for _, one in ipairs(site.errors) do
    if one.pid == pid then found[#found + 1] = one end
  end
  for i = offset + 1, math.min(offset + limit, #found) do list[#list + 1] = error_object(sb, site, found[i]) end
  return answer(200, "Errors", list)
end

local function add_error(sb, req, site)
  local body, problem = shared.object_of(req)
  if not body then return problem end
  if type(body.pid) ~= "string" or not math.tointeger(tonumber(body.error)) then return complaint(400, "pid and error are missing") end
  local one = M.add_error(sb, site, { pid = body.pid, error = math.tointeger(tonumber(body.error)), data = body.data, message = body.message })
  return single(200, "Errors", error_object(sb, site, one))
end

local function list_imports(sb, _, site)
  local list = json.array {}
  for i = #site.imports, 1, -1 do
    local one = site.imports[i]
    list[#list + 1] = O("id", tostring(one.id), "site_id", site.id, "import_time", dates.sql(one.at), "product_count",
      tostring(one.count), "pid", one.pid, "links", links(sb, "site", "/sites/" .. site.id))
  end
  return answer(200, "Importhistory", list)
end

local function channel_object(sb, site, channel)
  local here = ("/sites/%d/channels/%d"):format(site.id, channel.id)
  return O("id", tostring(channel.id), "site_id", tostring(site.id), "channel_id", tostring(channel.channel_id), "name", channel.name,
    "export_name", channel.export_name, "links", links(sb, "self", here, "site", "/sites/" .. site.id))
end

local function channel_of(site, id)
  for _, channel in ipairs(site.channels) do
    if tostring(channel.id) == id then return channel end
  end
end

local function list_channels(sb, _, site)
  local list = json.array {}
  for i, channel in ipairs(site.channels) do list[i] = channel_object(sb, site, channel) end
  return answer(200, "Channels", list)
end

local function show_channel(sb, _, site, params)
  local channel = channel_of(site, params[2])
  if not channel then return complaint(404, shared.MESSAGES.not_found) end
  return single(200, "Channels", channel_object(sb, site, channel))
end

local function history_object(site, channel, one)
  local count = tostring(one.count)
  return O("id", tostring(one.id), "site_id", tostring(site.id), "site_channel_id", tostring(channel.id), "export_time",
    dates.sql(one.ended), "export_start", dates.sql(one.began), "product_count", count, "product_count_now", count,
    "product_count_previous", tostring(one.before), "process_status", "0", "pid", one.pid, "product_count_new", "0",
    "product_count_modified", "0", "product_count_deleted", "0", "product_count_unchanged", "0", "uploaded", "0")
end

local function show_history(sb, _, site, params)
  local channel = channel_of(site, params[2])
  if not channel then return complaint(404, shared.MESSAGES.not_found) end
  local list, object = json.array {}, channel_object(sb, site, channel)
  for i = #site.exports, 1, -1 do
    if site.exports[i].channel == channel.id then list[#list + 1] = history_object(site, channel, site.exports[i]) end
  end
  json.set(object, "history", list)
  return single(200, "Channels", object)
end

local P = "/platform/v2"

M.routes = {
  { name = "projects", method = "GET", path = P .. "/projects", handle = list_projects },
  { name = "project", method = "GET", path = P .. "/projects/{project}", place = "project", handle = show_project },
  { name = "create_project", method = "POST", path = P .. "/projects", handle = create_project },
  { name = "update_project", method = "PUT", path = P .. "/projects/{project}", place = "project", handle = update_project },
  { name = "delete_project", method = "DELETE", path = P .. "/projects/{project}", place = "project", handle = delete_project },
  { name = "sites", method = "GET", path = P .. "/sites", handle = list_sites },
  { method = "GET", path = P .. "/projects/{project}/sites", place = "project", handle = list_sites },
  { name = "site", method = "GET", path = P .. "/sites/{site}", place = "site", handle = show_site },
  { name = "create_site", method = "POST", path = P .. "/projects/{project}/sites", place = "project", handle = create_site },
  { method = "POST", path = P .. "/sites", handle = create_site },
  { name = "update_site", method = "PUT", path = P .. "/sites/{site}", place = "site", handle = update_site },
  { method = "PUT", path = P .. "/projects/{project}/sites/{site}", place = "project", handle = update_site },
  { name = "delete_site", method = "DELETE", path = P .. "/sites/{site}", place = "site", handle = delete_site },
  { name = "copy_site", method = "POST", path = P .. "/sites/{site}/copy", place = "site", handle = copy_site },
  { name = "site_tags", method = "GET", path = P .. "/sites/{site}/tags", place = "site", handle = list_tags },
  { name = "site_errors", method = "GET", path = P .. "/sites/{site}/errors", place = "site", handle = list_errors },
  { name = "add_site_error", method = "POST", path = P .. "/sites/{site}/errors", place = "site", handle = add_error },
  { name = "import_history", method = "GET", path = P .. "/sites/{site}/importhistory", place = "site", handle = list_imports },
  { name = "channels", method = "GET", path = P .. "/sites/{site}/channels", place = "site", handle = list_channels },
  { name = "channel", method = "GET", path = P .. "/sites/{site}/channels/{channel}", place = "site", handle = show_channel },
  { name = "channel_history", method = "GET", path = P .. "/sites/{site}/channels/{channel}/history", place = "site", handle = show_history },
}
for _, route in ipairs(M.routes) do route.class = "other" end

return M
