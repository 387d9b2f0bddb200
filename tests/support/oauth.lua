-- A small OAuth 2 server that keeps its own rules, and the definition of an API behind it.
--
--   local o = oauth.start { life = 3600, rotate = true }
--   local crm = o:connect { refresh_token = o:consent() }
--   crm:rows(); o.grants                                  -- tokens that were given out
--   o:child(dir, "print(#crm:rows())")                    -- the same in a process of its own
local client = require "sluice.client"
local crypto = require "sluice.crypto"
local definition = require "sluice.definition"
local process = require "sluice.process"
local scripted = require "support.scripted"
local server = require "sluice.server"
local tmp = require "support.tmp"

local oauth = {}

local OAuth = {}
OAuth.__index = OAuth

oauth.CLIENT_ID, oauth.CLIENT_SECRET = "app:7", 'se/cr+et "&" \u{fc}ber'

local DEFINITION = [[
return {
  name = "crm", doc = "An API behind OAuth",
  hosts = { { name = "base", key = "base_url", url = "https://crm.example" } },
  connection = {
    { name = "client_id", type = "text", required = true, doc = "the client" },
    { name = "client_secret", type = "secret", doc = "its secret" },
    { name = "refresh_token", type = "secret", doc = "from the consent page" },
    { name = "region", type = "text", doc = "where the data is" },
  },
  credential = %s,
  classes = { api = { rate = "10000/s" }, token = { rate = "10000/s" } },
  operations = {
    { name = "rows", doc = "rows", method = "GET", path = "/rows", result = "rows", class = "api", resend = "safe" },
  },
}
]]

local function form_of(body)
  local form = {}
  for name, value in body:gmatch "([^&=]+)=([^&]*)" do form[server.unescape(name)] = server.unescape((value:gsub("+", " "))) end
  return form
end

local function refuse(status, word, words)
  return { status = status, json = { error = word, error_description = words } }
end

-- The client as RFC 6749 2.3.1 has it: by header, or in the form.
local function client_of(request, form)
  local basic = (request.headers.authorization or ""):match "^Basic (.*)$"
  if not basic then return form.client_id, form.client_secret, "body" end
  local id, secret = crypto.unbase64(basic):match "^([^:]*):(.*)$"
  return server.unescape(id), server.unescape(secret), "header"
end

function OAuth:grant(form)
  self.grants = self.grants + 1
  self.access = ("access/%d+%s"):format(self.grants, crypto.base64(crypto.random(9)))
  self.issued[self.access] = true
  local answer = { access_token = self.access, token_type = "Bearer", expires_in = self.life, scope = form.scope }
  if form.grant_type == "refresh_token" and self.rotate then
    self.live[form.refresh_token] = nil
    answer.refresh_token = self:consent()
  end
  return { json = answer }
end

function OAuth:token(request)
  local form = form_of(request.body)
  self.form = form
  local id, secret, how = client_of(request, form)
  self.how = how
  if id ~= oauth.CLIENT_ID or secret ~= self.secret then return refuse(401, "invalid_client", "unknown client " .. tostring(secret)) end
  if form.grant_type == "refresh_token" and not self.live[form.refresh_token] then
    return refuse(400, "invalid_grant", "Token has been used: " .. tostring(form.refresh_token))
  end
  return self:grant(form)
end

--- Where a token is good for: the newest one alone, as with Stock2Shop.
function OAuth:answer(request)
  local special = self.special and self.special(request)
  if special then return special end
  if request.path == "/oauth/token" then return self:token(request) end
  self.last = request.headers.authorization
  if self.last ~= "Bearer " .. tostring(self.access) then return { status = 401, json = { error = "old token" } } end
  return { json = { rows = { 1, 2, 3 } } }
end

--- A refresh token as the consent page would give it.
function OAuth:consent()
  self.consents = self.consents + 1
  local token = ("refresh/%d+%s"):format(self.consents, crypto.base64(crypto.random(9)))
  self.live[token] = true
  return token
end

--- Options: `life` (expires_in), `rotate`, `secret`, `credential` (the Lua text of the definition's field).
function oauth.start(options)
  local self = setmetatable({ grants = 0, consents = 0, live = {}, issued = {}, secret = oauth.CLIENT_SECRET }, OAuth)
  for key, value in pairs(options or {}) do self[key] = value end
  self.credential = self.credential
    or [[{ kind = "refresh_token", path = "/oauth/token", client_id = "client_id", client_secret = "client_secret",
      refresh_token = "refresh_token", class = "token" }]]
  self.api = scripted.start(function(request) return self:answer(request) end)
  return self
end

function OAuth:close() self.api.close() end

function OAuth:definition()
  return definition.check(load(DEFINITION:format(self.credential))(), "apis/crm.lua")
end

local function keys_of(self, keys)
  local all = { name = "crm", base_url = self.api.url, client_id = oauth.CLIENT_ID, client_secret = oauth.CLIENT_SECRET }
  for key, value in pairs(keys or {}) do all[key] = value end
  return all
end

--- A client in this process.
function OAuth:connect(keys)
  return client.new(self:definition(), keys_of(self, keys))
end

--- The start of a child process in a project of its own, in which `crm` is the client: argv and options of process.run.
function OAuth:child(dir, keys, what)
  local project = tmp.dir()
  assert(os.execute(("mkdir '%s/apis'"):format(project)))
  tmp.write(project .. "/apis/crm.lua", DEFINITION:format(self.credential))
  local lines = {}
  for key, value in pairs(keys_of(self, keys)) do
    if key ~= "name" then lines[#lines + 1] = ("    %s: '%s'"):format(key, value) end
  end
  tmp.write(project .. "/sluice.yaml", ("version: 1\nshared: %s\nconnections:\n  crm:\n    api: crm\n%s\n"):format(dir, table.concat(lines, "\n")))
  tmp.write(project .. "/recipe.lua", 'local crm = require("sluice").connect "crm"\n' .. what)
  local here = io.popen("pwd"):read "l"
  return { argv = { here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "run", "recipe.lua" }, cwd = project, timeout = 60 }
end

--- Runs one to its end.
function OAuth:run(dir, keys, what)
  return assert(process.run(self:child(dir, keys, what)))
end

return oauth
