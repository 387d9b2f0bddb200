-- What the pages of the Platform API's sandbox have in common: envelopes, messages, links, ids, and reading a request.
local json = require "sluice.sandbox.json"

local M = {}

local O = json.object

---The documents' words, by short names.
M.MESSAGES = {
  too_many = "Too many attempts.",
  in_queue = "Cannot trigger a new process, a process is already in the current queue.",
  lock = "Could not trigger job because a lock is already acquired",
  job_server = "Error occurred while interacting with the job server",
  busy = "Request was blocked because another data operation is already running",
  not_found = "The requested resource could not be found.",
  linked = "The stream datasource for the site already exists.",
  not_linked = "The stream datasource for the site doesn't exist.",
}

---An answer: success, then further members.
function M.answer(status, ...)
  return { status = status, body = json.encode(O("success", true, ...)), headers = {}, type = "application/json" }
end

function M.complaint(status, message)
  return { status = status, body = json.encode(O("success", false, "message", message)), headers = {}, type = "application/json" }
end

---The body as an object, or nil and the answer.
function M.object_of(req)
  local value, fault = json.decode(req.body)
  if not fault and json.is_object(value) then return value end
  return nil, M.complaint(400, "Your request was malformed: " .. (fault or "the body must be a JSON object"))
end

---Links as the API gives them: a list of objects with one member each.
function M.links(sb, ...)
  local list, pairs_of = json.array {}, { ... }
  for i = 1, #pairs_of, 2 do list[#list + 1] = O(pairs_of[i], sb.url .. "/platform/v2" .. pairs_of[i + 1]) end
  return list
end

---An id as GET gives it (text), or as POST and PUT do (a number).
function M.id(number, as_text) return as_text and tostring(number) or number end

-- ---- what a path names ----

local function by_tag(sb, name, value)
  for _, id in ipairs(sb.platform.site_order) do
    for _, tag in ipairs(sb.platform.sites[id].tags) do
      if tag.key == name and tag.value == value then return sb.platform.sites[id] end
    end
  end
end

---The site of an id or a tag.
function M.site(sb, reference)
  local name, value = reference:match "^([^:]+):([^:]+)$"
  if name then return by_tag(sb, name, value) end
  return sb.platform.sites[math.tointeger(tonumber(reference)) or 0]
end

---The project of an id.
function M.project(sb, id) return sb.platform.projects[math.tointeger(tonumber(id)) or 0] end

---What the route says its first part is ("site", "project"), found; true where it says nothing; nil and the answer.
function M.place(sb, route, params)
  if not route.place then return true end
  local found = M[route.place](sb, params[1])
  if found then return found end
  return nil, M.complaint(404, M.MESSAGES.not_found)
end

-- ---- pages ----

---A page by `limit` and `cursor` of entries that have an `id`, in order of ids, and the answer's meta; or nil and the answer.
function M.page(req, entries)
  local limit, cursor = math.tointeger(tonumber(req.query.limit or 50)), math.tointeger(tonumber(req.query.cursor or 0))
  if not limit or not cursor or limit < 1 or cursor < 0 then return nil, M.complaint(400, "limit and cursor are numbers") end
  local page, last, before = {}, 0, 0
  for _, entry in ipairs(entries) do
    if entry.id <= cursor then before = entry.id end
    if entry.id > cursor and #page < limit then
      page[#page + 1] = entry
      last = entry.id
    end
  end
  return page, O("cursor", O("current", cursor, "prev", cursor > 0 and before or 0, "next", last, "count", #page))
end

return M
