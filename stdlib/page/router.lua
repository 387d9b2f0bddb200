--- Which function answers a request: by method and path.
---
---     local routes = router.new()
---     routes:add("GET", "/schedules/:name", function(call) … call.params.name … end)
---     local handler, params = routes:find("GET", "/schedules/a%2Fb")       -- params.name == "a/b"
local server = require "sluice.server"

local router = {}

---@class sluice.page.Router
local Router = {}
Router.__index = Router

---@return sluice.page.Router
function router.new() return setmetatable({ rows = {} }, Router) end

local function parts_of(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do parts[#parts + 1] = part end
  return parts
end

--- A part of the path that begins with a colon takes any text but a slash; its name is the parameter's.
---@param method string
---@param path string
---@param handler function
---@param options? table is given back by find
function Router:add(method, path, handler, options)
  self.rows[#self.rows + 1] = { method = method, path = path, parts = parts_of(path), handler = handler, options = options or {} }
end

local function match(row, parts)
  if #row.parts ~= #parts then return nil end
  local params = {}
  for i, part in ipairs(row.parts) do
    local name = part:match "^:(.+)$"
    if name then params[name] = server.unescape(parts[i]) elseif part ~= parts[i] then return nil end
  end
  return params
end

--- The row and its parameters; nil and the methods that the path takes (none: there is no such page).
---@param method string
---@param path string as it was sent
---@return table? row
---@return table params or methods
function Router:find(method, path)
  local parts, methods = parts_of(path), {}
  for _, row in ipairs(self.rows) do
    local params = match(row, parts)
    if params and (row.method == method or (method == "HEAD" and row.method == "GET")) then return row, params end
    if params then methods[#methods + 1] = row.method end
  end
  return nil, methods
end

return router
