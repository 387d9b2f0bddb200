--- `sluice.connect`: from the name of a connection, or from its keys, to a client.
local client = require "sluice.client"
local definition = require "sluice.definition"
local err = require "sluice.err"

local connect = {}

-- One folder in a process: `shared:` of the config.
local function share(folder)
  if folder and folder ~= connect.shared then require("sluice.call").share(folder) end
  connect.shared = folder or connect.shared
end

local function by_name(name)
  local cfg = require("sluice.run").current():config()
  local keys = require("sluice.config").connection(cfg, name)
  share(cfg.shared)
  return client.new(definition.load(keys.api, cfg.folder), keys)
end

--- A client for a connection of `sluice.yaml`, or for one given as a table of the same keys (`name` names it in messages).
---
---     local shop = sluice.connect "shop"
---     local feed = sluice.connect { api = "productsup_stream", token = os.getenv "TOKEN" }
---@param connection string|table
---@return sluice.Client
function connect.connect(connection)
  if type(connection) == "string" then return by_name(connection) end
  if type(connection) ~= "table" then
    err.raise { code = "usage", message = "sluice.connect takes the name of a connection or a table of its keys, not a " .. type(connection) }
  end
  local api = connection.api
  if type(api) == "table" then -- a definition at hand instead of its name
    local keys = {}
    for key, value in pairs(connection) do keys[key] = value end
    keys.api = api.name
    return client.new(definition.check(api, "api " .. tostring(api.name)), keys)
  elseif type(api) ~= "string" then
    err.raise {
      code = "usage", message = "sluice.connect: api is missing: the name of the API", hint = "known: " .. table.concat(definition.names(), ", "),
    }
  end
  return client.new(definition.load(api), connection)
end

return connect
