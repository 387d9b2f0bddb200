--- OAuth 2 credentials of a definition (`client_credentials`, `refresh_token`): what is checked about them, and what
--- work/call needs to ask for a token. The form, the answer and the errors are made and read in C (work/oauth); here are
--- the address, the parameters that are no secrets, and the names of keys.
local auth = require "sluice.auth"
local err = require "sluice.err"
local request = require "sluice.request"

local oauth = {}

--- The kinds, and the fields that each must have.
oauth.kinds = {
  client_credentials = { "path", "client_id", "client_secret", "class" },
  refresh_token = { "path", "client_id", "refresh_token", "class" },
}

local OWN = { client_id = true, client_secret = true, grant_type = true, refresh_token = true, scope = true }

local function texts_of(credential, fault)
  local texts = { path = credential.path, scope = credential.scope }
  for name, text in pairs(credential.params or {}) do
    if OWN[name] then fault("params: %s has a field of its own", name) end
    texts["params." .. tostring(name)] = text
  end
  return texts
end

--- Checks the fields of such a credential; `fault(text, …)` raises, `one_of(field, value, words)` too.
---@param credential table
---@param seen { keys: table, classes: string[], host_names: string[] }
---@param fault fun(text: string, ...)
---@param one_of fun(field: string, value: string, words: string[])
function oauth.check(credential, seen, fault, one_of)
  if credential.path:sub(1, 1) ~= "/" then fault "path must start with /" end
  if credential.host then one_of("host", credential.host, seen.host_names) end
  one_of("class", credential.class, seen.classes)
  if credential.client_auth then one_of("client_auth", credential.client_auth, { "body", "header" }) end
  for _, field in ipairs { "client_secret", "refresh_token" } do
    local key = credential[field] and seen.keys[credential[field]]
    if key and key.type ~= "secret" and not key.secret then fault("%s: the key '%s' must be of type secret", field, key.name) end
  end
  for field, text in pairs(texts_of(credential, fault)) do
    if type(text) ~= "string" then fault("%s must be a text, is a %s", field, type(text)) end
    for name in text:gmatch "{([%w_]+)}" do
      local key = seen.keys[name]
      if not key then fault("%s names {%s}, which is no key of the connection", field, name) end
      if key.type == "secret" or key.secret then fault("%s names {%s}, which is a secret", field, name) end
    end
  end
end

-- The text with the connection's keys put in; nil where one of them is not there.
local function fill(text, options, change)
  local absent = false
  local filled = text:gsub("{([%w_]+)}", function(name)
    local value = options[name]
    absent = absent or value == nil
    return value ~= nil and change(tostring(value)) or ""
  end)
  return not absent and filled or nil
end

local function same(text) return text end

local function form_of(credential, options)
  local pairs_of, names = {}, {}
  for name, text in pairs(credential.params or {}) do pairs_of[name] = fill(text, options, same) end
  if credential.scope then pairs_of.scope = fill(credential.scope, options, same) end
  for name in pairs(pairs_of) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = request.escape(name) .. "=" .. request.escape(pairs_of[name]) end
  return table.concat(names, "&"), pairs_of.scope
end

local function path_of(credential, options)
  local path = fill(credential.path, options, request.escape)
  if path then return path end
  err.raise { code = "config", message = ("the token's path %s names a key that the connection does not have"):format(credential.path) }
end

-- What tells tokens apart. A refresh token stands for one consent, so each value in the config has a cell of its own:
-- what came of it by rotation goes on there, and another value starts afresh.
local function cell_of(account, scope, refresh)
  local cell = account
  if scope then cell = cell .. " scope " .. scope end
  return refresh and cell .. " refresh " .. auth.fingerprint(refresh) or cell
end

--- The credential as `sluice.call` takes it.
---@param def table      the definition
---@param options table  the connection's keys
---@param account string
---@return table
function oauth.credential(def, options, account)
  local c = def.credential
  local form, scope = form_of(c, options)
  local client_id = options[c.client_id]
  local refresh = c.kind == "refresh_token" and options[c.refresh_token] or nil
  return {
    kind = c.kind, client_id = auth.is(client_id) and client_id or tostring(client_id), client_secret = c.client_secret and options[c.client_secret],
    refresh_token = refresh, in_body = c.client_auth == "body", form = form, refresh_key = c.refresh_token,
    key = c.client_secret or c.client_id, cell = cell_of(account, scope, refresh),
    login = {
      operation = "token", method = "POST", url = request.base(def, options, c.host) .. path_of(c, options), class = c.class,
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded", Accept = "application/json" },
      resend = "safe", expect = "access_token",
    },
  }
end

return oauth
