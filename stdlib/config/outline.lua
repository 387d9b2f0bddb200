--- The connections of a config without their secrets: nothing is expanded, no file or command is asked.
local outline = {}

local function text_of(node, key)
  for _, entry in ipairs(node.entries or {}) do
    if entry.key == key then return entry.value.text end
  end
end

local function nodes_of(cfg)
  for _, entry in ipairs(cfg.root.entries or {}) do
    if entry.key == "connections" then return entry.value.entries or {} end
  end
  return {}
end

local function host_of(url) return url and url:match "^%a+://([^/?#@]+)" end

-- What stands in the config, else what the API's definition says.
local function hosts_of(cfg, node, api)
  local hosts, ok, def = {}, pcall(require("sluice.config").definition, api, cfg)
  for _, host in ipairs(ok and def.hosts or {}) do
    local own = text_of(node, host.key)
    hosts[#hosts + 1] = host_of(own and not own:find("${", 1, true) and own or host.url)
  end
  return hosts
end

--- By name: which API each one is for, and at which hosts.
---@param cfg sluice.Config
---@return { name: string, api: string, hosts: string[] }[]
function outline.connections(cfg)
  local list = {}
  for i, entry in ipairs(nodes_of(cfg)) do
    local api = text_of(entry.value, "api")
    list[i] = { name = entry.key, api = api, hosts = hosts_of(cfg, entry.value, api) }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

return outline
