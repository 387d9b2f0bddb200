-- Productsup's Platform API as its documents show it: what all of its pages share. The pages are in platform_sites.lua
-- (projects, sites and what hangs on them), platform_products.lua (products in and out) and platform_process.lua
-- (processes, and the streams that a site imports).
--
--   local platform = require "sluice.sandbox.platform"
--   platform.start(sb)                                   -- project 1 with the site 123
--   platform.create_site(sb, { id = 1, title = "mine", tags = { { "Identifier", "1" } } })
local dates = require "sluice.sandbox.dates"
local json = require "sluice.sandbox.json"
local process = require "sluice.sandbox.platform_process"
local products = require "sluice.sandbox.platform_products"
local shared = require "sluice.sandbox.platform_shared"
local sites = require "sluice.sandbox.platform_sites"

local M = {}

-- Requests in a window of so many seconds; what a class counts by beside the account.
local RATES = {
  write = { 15, 1, "endpoint" },
  process = { 1, false, "site" }, -- its window is an option
  read = { 60, 60, "account" },
  other = { 5, 1, "endpoint" },
}

M.routes = {}
for _, module in ipairs { sites, products, process } do
  for _, route in ipairs(module.routes) do M.routes[#M.routes + 1] = route end
end

---Sets up an account with one project and one site.
function M.start(sb)
  sb.platform = { next_id = 125, projects = {}, project_order = {}, sites = {}, site_order = {}, busy = {} }
  sb.crowded = setmetatable({}, { __mode = "k" })
  M.create_project(sb, { id = 1, name = "default project" })
  M.create_site(sb, { id = 123, project = 1, title = "site 1", tags = { { "Identifier", "123" } },
    channels = { { id = 321, channel_id = 111, name = "Criteo DE", export_name = "Criteo" },
      { id = 541, channel_id = 222, name = "Zanox DE", export_name = "FZanox" } } })
end

---Make a project or a site without asking.
M.create_project, M.create_site = sites.create_project, sites.create_site

---Processes begin and end with the time.
M.advance = process.advance

---The next process of a site fails.
M.fail_next = process.fail_next

---An answer of the documents by a short name, for faults: "too_many", "in_queue", "lock", "job_server", "busy".
function M.says(name)
  local message = shared.MESSAGES[name]
  return message and json.encode(json.object("success", false, "message", message))
end

-- ---- requests that are on their way ----

---A request comes in. What must not overlap (reads of an account, writes to a batch) is watched until the function that
---this gives is called.
function M.arrive(sb, req)
  local batch = req.path:match "^/platform/v2/(sites/[^/]+/products/[^/]+)/"
  if not batch and not req.path:find "^/product/v2/" then return nil end
  local leave, crowded = sb.limits:enter(batch or "read", 1)
  if batch and crowded then sb.crowded[req] = true end
  return leave
end

-- ---- who may, and how often ----

local function limited(sb, route, params, headers)
  if route.class == "process" and not sb.options.strict_time then return nil end
  local count, window, by = table.unpack(RATES[route.class])
  local key = ("platform %s %s"):format(route.class, by == "endpoint" and route.method .. route.path or by == "site" and params[1] or "")
  local ok, seen, resets_at, limit = sb.limits:hit(key, count, sb.clock(), window or sb.options.process_window)
  headers["X-RateLimit-Limit"] = tostring(limit)
  headers["X-Ratelimit-Remaining"] = tostring(ok and limit - seen or 1) -- so the documents print it
  headers["X-Ratelimit-Retry-After"] = tostring(resets_at)
  if not ok then return shared.complaint(429, shared.MESSAGES.too_many) end
end

local function allowed(sb, req, route)
  if req.headers["x-auth-token"] == sb.options.platform_token then return true end
  local bearer = (req.headers.authorization or ""):match "^[Bb]earer%s+(.-)%s*$"
  return route.unified and bearer ~= nil and sb.tokens[bearer] == true
end

local function decide(sb, req, route, params, headers)
  local refused = limited(sb, route, params, headers)
  if refused then return refused end
  if not allowed(sb, req, route) then
    return shared.complaint(401, "Forbidden, your auth token seems to be invalid")
  end
  local accept = req.headers.accept or "*/*"
  if not accept:find("json", 1, true) and not accept:find("*/*", 1, true) then return shared.complaint(406, "Not Acceptable") end
  if route.legacy and sb.options.legacy_gone then
    return shared.complaint(sb.options.legacy_gone, "The entity requested has been removed from our servers")
  end
  local place, problem = shared.place(sb, route, params)
  if not place then return problem end
  return route.handle(sb, req, place, params)
end

---Answers one request that a route fits.
function M.serve(sb, req, route, params)
  local headers = { date = dates.http(sb.clock()) } -- resets are measured against it
  local result = decide(sb, req, route, params, headers)
  for name, value in pairs(headers) do result.headers[name] = value end
  return result
end

---What a path of this API that does not exist gets.
function M.missing(status)
  return shared.complaint(status, status == 405 and "Method Not Allowed" or "The requested resource could not be found.")
end

return M
