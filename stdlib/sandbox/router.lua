-- Finds the route of a request among the tables of the APIs and the control pages.
local server = require "sluice.server"

local Router = {}
Router.__index = Router

-- "/streams/{id}/products" as a Lua pattern; a slash at the end may be there or not.
local function pattern_of(path)
  return "^" .. path:gsub("[%-%.]", "%%%0"):gsub("{%w+}", "([^/]+)"):gsub("/$", "") .. "/?$"
end

---`apis`: a list of modules with `routes`, `serve` and `missing`, and `prefix` and `also`, the paths for which they answer 404.
function Router.new(apis)
  local self = setmetatable({ apis = apis, exact = {}, patterns = {} }, Router)
  for _, api in ipairs(apis) do
    for _, route in ipairs(api.module.routes) do
      local entry = { api = api.module, route = route, method = route.method, pattern = pattern_of(route.path) }
      if route.path:find("{", 1, true) then
        self.patterns[#self.patterns + 1] = entry
      else
        self.exact[route.method .. " " .. route.path] = entry
        self.patterns[#self.patterns + 1] = entry
      end
    end
  end
  return self
end

local NONE = {}

---The module, the route and the decoded parts of the path that are in braces; or the module, nil and the status.
function Router:find(method, path)
  local entry = self.exact[method .. " " .. path]
  if entry then return entry.api, entry.route, NONE end
  local other
  for _, one in ipairs(self.patterns) do
    local parts = { path:match(one.pattern) }
    if parts[1] then
      if one.method == method then
        for i, part in ipairs(parts) do parts[i] = server.unescape(part) end
        return one.api, one.route, one.route.path:find("{", 1, true) and parts or NONE
      end
      other = one.api
    end
  end
  if other then return other, nil, 405 end
  for _, api in ipairs(self.apis) do
    local mine = path:find(api.prefix, 1, true) == 1 or api.also and path:find(api.also, 1, true) == 1
    if mine then return api.module, nil, 404 end
  end
  return self.apis[#self.apis].module, nil, 404
end

return Router
