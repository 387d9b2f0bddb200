-- The engine that makes a client of a definition and a connection: one method per operation, checked arguments, one
-- way to send (work/call), results as the row names them. API clients raise: a recipe that forgets to look must stop.
--
--   local shop = client.new(definition.load "stock2shop", { name = "shop", username = "bob", password = secret })
--   local page, answer = shop:search_products { query = { match_all = {} } }
--   answer.status, answer.waited, answer.attempts

local auth = require "sluice.auth"
local call = require "sluice.call"
local definition = require "sluice.definition"
local err = require "sluice.err"
local fail = require "sluice.fail"
local json = require "sluice.json"
local log = require "sluice.log"
local request = require "sluice.request"
local wire = require "sluice.wire"

local by_path = require("sluice.paging").by_path

local client = {}

--- A client. `name`, `api`, `account`, `options` (the connection's keys) and `definition` are fields; operations and
--- helpers are methods.
---@class sluice.Client
local Client = {}

-- The answer's value: decoded, or as another reader of JSON gives it.
local function decode(self, row, answer, read)
  if answer.body == "" then return true end
  local value, failure = (read or json.decode)(answer.body)
  if value == nil and failure then
    err.raise {
      code = "protocol", api = self.name, operation = row.name, status = answer.status,
      message = "the answer is not JSON: " .. failure.message, body = log.body(answer.body, 500),
    }
  end
  return value
end

-- The part that the row names; the whole body where it is not there (a 204, or an answer with another shape).
local function part_of(row, value)
  if not row.result or type(value) ~= "table" then return value end
  local part = by_path(value, row.result)
  if part == nil then return value end
  -- JSON:API answers seen in the wild carry relationships beside `data` instead of inside it
  if type(part) == "table" and part.relationships == nil and row.result == "data" then part.relationships = value.relationships end
  return part
end

-- ---- errors ----

local function fill_hint(hint, problem)
  return (hint:gsub("{([%w_%.]+)}", function(path) return tostring(by_path(problem, path) or "?") end))
end

-- Text or a number; a list of such is one sentence.
local function words_of(value)
  if math.type(value) then value = tostring(value) end
  if type(value) == "string" then return value ~= "" and value or nil end
  if not json.isarray(value) then return nil end
  local words = {}
  for _, one in ipairs(value) do words[#words + 1] = words_of(one) end
  return #words > 0 and table.concat(words, "; ") or nil
end

local function message_in(paths, body)
  for _, path in ipairs(paths or {}) do
    local text = words_of(by_path(body, path))
    if text then return text end
  end
end

local gone = { [403] = true, [404] = true, [410] = true } -- what an operation answers that the vendor has removed

--- Puts what the definition knows about an error answer into the error: the server's own words, the hint for this
--- status, parts of the body that the row names.
local function explain(self, row, problem, text)
  local body = text and text ~= "" and json.decode(text) or nil
  local common, own = self.definition.errors or {}, row.errors or {}
  local said = message_in(own.message, body) or message_in(common.message, body)
  if said and not problem.message:find(said, 1, true) then problem.message = problem.message .. ": " .. said end
  local known = own[problem.code] or own[problem.status] or common[problem.code] or common[problem.status] or {}
  if known.code and problem.code ~= "ambiguous" then problem.code = known.code end -- that it may have been done is not lost
  for name, path in pairs(known.take or {}) do problem[name] = by_path(body, path) end
  if known.ask then require("sluice.whois").fill(self, row, known.ask, problem) end
  if known.hint then problem.hint = fill_hint(known.hint, problem) end
  if row.legacy and gone[problem.status] then problem.hint = row.legacy end
  problem.where = problem.where or fail.user_frame(2)
  return problem
end

-- A mistake in the arguments is shown with the place in the caller's script.
local function prepare(self, row, args, extra)
  local ok, result, values = pcall(request.prepare, self.definition, row, self.options, args, extra)
  if ok then return result, values end
  if err.is(result) then
    result.api = result.api or self.name
    result.where = result.where or fail.user_frame(2)
  end
  error(result, 0)
end

-- ---- calls ----

-- A login with the connection's own credentials: the connection goes on with its token. With others it is a call like
-- any other.
local function is_own_login(self, row, args)
  if row.name ~= self.login_operation then return false end
  for _, arg in ipairs(row.args or {}) do
    if args and args[arg.name] ~= nil then return false end
  end
  return true
end

-- The connection that a row goes by: the one of its own credential where there is one.
local function conn_of(self, row)
  local own = row.credential and self.conns[row.credential]
  if own or row.anonymous or not self.lacks then return own or self.conn end
  err.raise {
    code = "config", api = self.name, operation = row.name, message = ("%s: connection '%s' has no %s"):format(row.name, self.name, self.lacks),
    hint = ("give `%s` in sluice.yaml: the other credentials of the connection are not for this operation"):format(self.lacks),
  }
end

-- What went out and what it waited, by rate class: the progress shows which part of the allowance that is.
local function count(self, class, answer)
  local used = self.used[class] or { requests = 0, waited = 0 }
  used.requests = used.requests + (tonumber(answer.attempts) or 1)
  used.waited = used.waited + (tonumber(answer.waited) or 0)
  self.used[class] = used
end

-- The one place from which requests of clients go out.
local function send(self, row, args, extra, intent)
  local req, values = prepare(self, row, args, extra)
  local raw = req.raw
  req.raw, req.intent = nil, intent
  local function go()
    if is_own_login(self, row, args) then return self.conn:login() end
    return conn_of(self, row):call(req)
  end
  local answer, failure, text = wire.call({ client = self, row = row, values = values, request = req }, go)
  count(self, row.class, answer or failure)
  if not answer then error(explain(self, row, failure, text), 0) end
  return answer, raw
end

-- The new token belongs to the connection; what the caller gets of it is its mask.
local function hide_token(self, row, value)
  local path = row.name == self.login_operation and self.definition.credential.token
  local owner, key = value, nil
  for step in (path or ""):gmatch "[^%.]+" do
    if key then owner = type(owner) == "table" and owner[key] or nil end
    key = step
  end
  if key and type(owner) == "table" and type(owner[key]) == "string" then owner[key] = auth.secret(owner[key]) end
  return value
end

-- A generic for over all pages; asks for the next one when it is needed.
local function pages(self, row, args)
  local read = row.paging.records and require("sluice.ndjson").record
  return require("sluice.paging").iterate(self, row, function(extra)
    local answer = send(self, row, args, extra)
    return decode(self, row, answer, read), answer
  end, args)
end

--- Calls an operation: its result (decoded, or the part that the row names; text with `raw = true`) and the answer
--- (status, headers, body, waited, attempts). Raises an error value.
---@param name string
---@param args table?
---@param intent sluice.Intent? of the outbox: noted as sent before the first byte
---@return any result
---@return table answer
function Client:call(name, args, intent)
  local row = definition.operation(self.definition, name)
  if row.paging then
    prepare(self, row, args) -- wrong arguments show here, not at the first page
    return pages(self, row, args)
  end
  local answer, raw = send(self, row, args, nil, intent)
  if raw and row.name ~= self.login_operation then return answer.body, answer end
  local value = hide_token(self, row, decode(self, row, answer))
  if row.name == self.login_operation then answer.body = log.mask(answer.body) end
  if raw then return answer.body, answer end
  return part_of(row, value), answer
end

--- The first page of an operation that has pages, as it comes; of others the result.
---@param self sluice.Client
---@param name string
---@param args table?
---@return any
function client.page(self, name, args)
  local row = definition.operation(self.definition, name)
  if not row.paging then return (self:call(name, args)) end
  local answer = send(self, row, args, (require("sluice.paging").first(row, args)))
  return part_of(row, decode(self, row, answer))
end

local function method_of(name)
  return function(self, args)
    if getmetatable(self) ~= Client then
      err.raise { code = "usage", message = ("a method is called with a colon: client:%s{…}"):format(name), where = fail.user_frame(2) }
    end
    return self:call(name, args)
  end
end

local function helper_of(name, helper)
  local module = type(helper) == "table" and helper.module or helper
  return function(self, ...)
    local found = require(module)
    local fn = type(found) == "table" and found[name] or found
    return fn(self, ...)
  end
end

local function methods_of(def)
  local methods, names = {}, {}
  for _, row in ipairs(def.operations) do
    methods[row.name] = method_of(row.name)
    names[#names + 1] = row.name
  end
  for name, helper in pairs(def.helpers or {}) do
    methods[name] = helper_of(name, helper)
    names[#names + 1] = name
  end
  table.sort(names)
  return methods, names
end

local fields = { account = true, lacks = true, login_operation = true, options = true } -- may be nil without being a mistake

function Client.__index(self, key)
  local method = Client[key] or rawget(self, "methods")[key]
  if method or fields[key] or type(key) ~= "string" then return method end
  err.raise {
    code = "usage", where = fail.user_frame(2),
    message = ("%s has no operation '%s'%s"):format(self.name, key, require("sluice.text").near(key, rawget(self, "names"))),
    hint = "`sluice api show " .. self.api .. "` lists them",
  }
end

function Client.__tostring(self)
  local c = self.definition.credential or {}
  local account = (c.account or c.username) and " as " .. self.account or "" -- else it is a digest, which says nothing
  return ("%s (%s at %s%s)"):format(self.name, self.api, request.base(self.definition, self.options), account)
end

Client.__name = "sluice.client"

-- ---- from definition and keys to the connection that sends ----

local function complain(name, text, ...)
  err.raise { code = "config", api = name, message = text:format(...) }
end

local function check_keys(def, name, keys)
  local rows, names = {}, {}
  for _, row in ipairs(definition.connection_keys(def)) do
    rows[row.name] = row
    names[#names + 1] = row.name
  end
  for key in pairs(keys) do
    if not rows[key] and key ~= "name" then
      complain(name, "unknown key '%s'%s", tostring(key), require("sluice.text").near(key, names))
    end
  end
  local options = {}
  for key, row in pairs(rows) do
    local value = keys[key]
    if value == nil then value = row.default end
    if value == nil and row.required and key ~= "api" then complain(name, "%s is missing: %s", key, row.doc) end
    if value ~= nil and (row.type == "secret" or row.secret) then value = auth.secret(value) end
    options[key] = value
  end
  return options
end

local function rates_of(def)
  local classes = {}
  for class, row in pairs(def.classes) do
    classes[class] = type(row.rate) == "table" and table.concat(row.rate, ", ") or row.rate
  end
  return classes
end

local function check_limits(def, name, limits)
  local names = {}
  for class in pairs(def.classes) do names[#names + 1] = class end
  for class in pairs(limits or {}) do
    if not def.classes[class] then
      complain(name, "limits: there is no rate class '%s'%s", class, require("sluice.text").near(class, names))
    end
  end
  return limits
end

local function login_of(def, options, credential)
  local row = definition.operation(def, credential.operation)
  local req = request.prepare(def, row, options, {})
  req.raw, req.token = nil, credential.token
  return req
end

local function credential_of(def, options, c, account)
  local oauth = require "sluice.oauth"
  if oauth.kinds[c.kind] then return oauth.credential(def, options, account) end
  local out = { kind = c.kind, header = c.header, query = c.query, key = c.secret or c.password }
  if c.secret then out.secret = options[c.secret] end
  if c.kind == "basic" then out.username, out.secret = options[c.username], options[c.password] end
  if c.kind == "login" then out.login = login_of(def, options, c) end
  return out
end

-- What tells accounts apart in budgets and token cells: the user's name, else the credential itself (its digest).
local function account_of(def, options)
  local c = def.credential or {}
  local key = c.account or c.username or c.client_id
  if key then return auth.is(options[key]) and auth.fingerprint(options[key]) or tostring(options[key]) end
  if c.secret and options[c.secret] then return auth.fingerprint(options[c.secret]) end
  for _, other in pairs(def.credentials or {}) do
    if options[other.secret] then return auth.fingerprint(options[other.secret]) end
  end
  return "-"
end

-- The key of the common credential where the connection does without it; without any credential it is of no use.
local function lacks(def, name, options)
  local key = def.credential and def.credential.secret
  if not key or options[key] then return nil end
  for _, other in pairs(def.credentials or {}) do
    if options[other.secret] then return key end
  end
  complain(name, "%s is missing", key)
end

--- A client of a definition and a connection's keys.
---@param def table
---@param keys table  as in the config, secrets as text or sluice.auth secrets; `name` names the connection
---@return sluice.Client
function client.new(def, keys)
  local name = keys.name or def.name
  local options = check_keys(def, name, keys)
  local hosts = {}
  for _, host in ipairs(def.hosts) do hosts[#hosts + 1] = request.base(def, options, host.name) end
  local methods, names = methods_of(def)
  local account, missing = account_of(def, options), lacks(def, name, options)
  local limits = check_limits(def, name, options.limits)
  local function connection(credential)
    return call.connection {
      name = name, api = def.name, account = account, hosts = hosts, credential = credential_of(def, options, credential, account),
      rates = rates_of(def), limits = limits, learn = def.learn, timeout = options.timeout, deadline = options.deadline,
      proxy = options.proxy, ca_file = options.ca_file, client_cert = options.client_cert, client_key = options.client_key,
      insecure = options.insecure,
    }
  end
  local conns = {}
  for which, credential in pairs(def.credentials or {}) do
    if options[credential.secret] then conns[which] = connection(credential) end
  end
  return setmetatable({
    name = name, api = def.name, account = account, options = options, definition = def, conns = conns, lacks = missing,
    conn = connection(not missing and def.credential or { kind = "none" }),
    login_operation = def.credential and def.credential.operation or nil, methods = methods, names = names,
    known = {}, -- of the user: whois.lua
    used = {},  -- requests and seconds waited, by rate class
  }, Client)
end

--- Whether a value is a client.
---@param value any
---@return boolean
function client.is(value)
  return getmetatable(value) == Client
end

return client
