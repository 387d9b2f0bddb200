-- API definitions: one Lua file per API that is data, not code. This module finds them, and checks them, so that a
-- mistake in somebody's own file is named with its file and row before anything is sent. stdlib/request.lua makes
-- requests of them, stdlib/client.lua methods.
--
-- A definition is a table:
--   name, doc       what the API is called in `api:` of the config, and one line on it
--   hosts           list of { name, key, url, doc }: the first is the default; `key` is the connection key that overrides the url
--   connection      list of { name, type, required, secret, default, doc }: the keys that a connection of this API takes
--   credential      { kind = "none" | "bearer" | "header" | "basic" | "login" | "client_credentials" | "refresh_token" }:
--                   bearer and header take `secret` (a connection key; header also `header`, its name), basic `username` and
--                   `password` (keys), login `operation`, `token` (path in its answer), `query` (parameter that carries it),
--                   `account` (key that tells users apart) and `password` (key that hints name). The last two are OAuth 2:
--                   `host` (name, default the first) and `path` of the token endpoint, `client_id`, `client_secret`,
--                   `refresh_token` (keys), `client_auth` ("header", the default, or "body"), `scope` and `params` (texts,
--                   {key} is a key of the connection), `class` (rate class), `account` (key, default client_id)
--   credentials     further bearer or header credentials by name, for rows that name them
--   classes         rate classes by name: { rate = "3/s" or a list of them, per = argument | "endpoint", doc }
--   health          list of safe operations without required arguments, the cheapest first: `sluice doctor` asks the first to
--                   see whether the credentials are good (the next where that one can't renew a token that has ended)
--   learn           names of answer headers: limit (requests a second), remaining, reset (Unix time), retry_after
--   media, headers  content type of JSON bodies ("application/json"), and headers of every request
--   errors          { message = paths of the message in an error body, [status or code] = { code, hint, take, ask } }: what is
--                   known by the error's code goes before what is known by its status. `take` and `ask` (name = path) put
--                   parts of the body, and of what the credential's `whois` operations answer about the user, into the
--                   error; {name} in the hint stands for them
--   operations      list of rows:
--     name, doc, method, path     path with {argument}s, [parts] that are left out with their argument, and {token} where a
--                                 login token goes into it
--     host, query                 name of the host; constant part of the query
--     args                        list of { name, type, required, required_for = { argument = { values } }, default, one_of, min, max,
--                                 from = "connection", key, query = its name there, into = "body", json = what stands for it in
--                                 the template, line, doc, format (of a time: sql, rfc3339, http, day), null (json.null may
--                                 stand for it), items (of a list: rows for the members of each entry; each = what one is
--                                 called), fields (the same of one table) }; type "reference" is an id or the name:value of a tag
--     either                      lists of arguments of which exactly one must be there
--     body                        JSON template: {arg} is replaced by the argument's JSON, a member "x":{arg?} left out when nil
--     encoding                    of an argument that goes `into = "body"`: json, ndjson, json_array, or { by = argument, value = … }
--     gzip, max_bytes             argument that asks for compression; ceiling of the body
--     success, deliver            statuses that are success ({ 200 }), and others whose body is a result too
--     expect, result              key that a success must have; path of the part that the method returns
--     truth                       key that must not be false in a success ("success"; also for the whole API)
--     outcomes                    list of { status, says, outcome, code, attempts } that tell answers of one status apart by a part of
--                                 their body; the first that fits decides. `outcome` is a word of policy/retry.h
--     paging                      { kind = "offset" | "cursor" | "page", offset, cursor, page, pages, limit, size, by, next, records }:
--                                 the method is an iterator (stdlib/paging.lua has what each kind needs); of records of sluice.ndjson
--                                 instead of tables where `records` is true
--     class, resend, counted      rate class; "safe" | "unsafe" | "never_automatic"; true where each resend leaves a trace
--     anonymous, renew            true: without credentials; false: never log in again because of its answer
--     credential                  one of `credentials`, taken instead of the common one where the connection has its key
--     legacy                      what is said where the vendor has removed it (an answer 403, 404 or 410)
--     settle                      { operation, args, list, match, also, … }: how to find out whether an unsafe write was done: a search
--                                 (its args with {key} and the write's own {argument}s), the path of the list in its result, the path
--                                 in an entry that is the key ("list[*].field": of any entry of a list in it); also = { path =
--                                 argument } that must agree where both are there, and tells writes of one key apart; most = how long
--                                 a list may be before it is cut, and not finding says nothing; whole = path of a list that is longer
--                                 where some of what was found is not shown; by = path in the write's arguments of what stands for
--                                 {key}; again = arguments of a second search, for what the first one does not show;
--                                 drained = { operation, args, count }: how to see that the queue in front of it is empty (count: path
--                                 of the number or list; default: all numbers)
--     poll                        { terminal = { status = "ok" | "partial" | "failed" } }: the statuses that end what the row asks about
--     writes                      whether it changes something (where that is not what its method says): a dry run sends no writes
--     answer, follows             of a dry run: what is answered to the write (stdlib/plausible.lua); of a read, the writes of which
--                                 it tells what became, so that it is answered as well once one of them was dry
--     errors, timeout, example, source
--   helpers         more methods: name = "module" or { module, doc }; the module's function of that name gets (client, …)

local err = require "sluice.err"
local near = require("sluice.text").near

local definition = {}

local builtin = { "productsup_platform", "productsup_stream", "stock2shop", "veeqo" } -- stdlib/api/*.lua

local TYPES = {
  "any", "boolean", "id", "ids", "integer", "list", "number", "object", "records", "reference", "seconds", "secret", "text", "time",
}
local METHODS = { "DELETE", "GET", "HEAD", "PATCH", "POST", "PUT" }
local ENCODINGS = { "json", "json_array", "ndjson" }
local RESENDS = { "never_automatic", "safe", "unsafe" }
local OUTCOMES = { "ambiguous", "auth", "limited", "ok", "partial", "rejected", "unavailable" }
local KINDS = { "basic", "bearer", "client_credentials", "header", "login", "none", "refresh_token" }

-- Each field: what it must be ("!" at the end: it must be there).
local FIELDS = {
  definition = {
    name = "string!", doc = "string!", hosts = "table!", connection = "table", credential = "table", credentials = "table", classes = "table!",
    health = "table", learn = "table", media = "string", truth = "string", headers = "table", errors = "table",
    operations = "table!", helpers = "table",
  },
  host = { name = "string!", key = "string!", url = "string!", doc = "string" },
  key = { name = "string!", type = "string!", required = "boolean", secret = "boolean", default = "any", doc = "string!" },
  credential = {
    kind = "string!", secret = "string", header = "string", username = "string", password = "string", operation = "string",
    token = "string", query = "string", account = "string", whois = "table", host = "string", path = "string",
    client_id = "string", client_secret = "string", client_auth = "string", refresh_token = "string",
    scope = "string", params = "table", class = "string",
  },
  class = { rate = "any!", per = "string", doc = "string" },
  learn = { limit = "string", remaining = "string", reset = "string", retry_after = "string" },
  status = { code = "string", hint = "string", take = "table", ask = "table" },
  paging = {
    kind = "string!", offset = "string", cursor = "string", page = "string", pages = "string", limit = "string!", size = "number!",
    by = "string", next = "string", records = "boolean",
  },
  outcome = { status = "number!", says = "string", outcome = "string!", code = "string", attempts = "number" },
  operation = {
    name = "string!", doc = "string!", method = "string!", path = "string!", host = "string", query = "string", args = "table",
    body = "string", encoding = "any", gzip = "string", max_bytes = "number", success = "table", deliver = "table",
    expect = "string", truth = "string", result = "string", paging = "table", class = "string!", resend = "string!", counted = "boolean",
    anonymous = "boolean", renew = "boolean", errors = "table", timeout = "number", example = "string", source = "string",
    headers = "table", poll = "table", outcomes = "table", credential = "string", legacy = "string", either = "table",
    settle = "table", writes = "boolean", answer = "table", follows = "table",
  },
  settle = { operation = "string!", args = "table", list = "string", match = "string!", also = "table", most = "number", whole = "string",
    drained = "table", by = "string", again = "table" },
  drained = { operation = "string!", args = "table", count = "string" },
  poll = { terminal = "table!" },
  arg = {
    name = "string!", type = "string!", required = "boolean", required_for = "table", default = "any",
    one_of = "table", min = "number", max = "number",
    from = "string", key = "string", query = "string", into = "string", json = "string", line = "string", doc = "string!",
    format = "string", null = "boolean", items = "table", fields = "table", each = "string",
  },
}

-- Names of our own fields and methods of a client, which an operation can't have.
local RESERVED = {
  account = true, api = true, call = true, conn = true, conns = true, definition = true, lacks = true, name = true, options = true,
}

local function keys_of(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = tostring(key) end
  table.sort(list)
  return list
end

local function fault(where, text, ...)
  err.raise { code = "config", message = where .. ": " .. text:format(...) }
end

local function one_of(where, field, value, words)
  for _, word in ipairs(words) do
    if word == value then return end
  end
  fault(where, "%s '%s' is none of: %s%s", field, value, table.concat(words, ", "), near(value, words))
end

local function check_fields(where, t, kind)
  local fields = FIELDS[kind]
  if type(t) ~= "table" then fault(where, "must be a table, is a %s", type(t)) end
  for key, value in pairs(t) do
    local want = fields[key]
    if not want then fault(where, "unknown field '%s'%s", tostring(key), near(key, keys_of(fields))) end
    want = want:gsub("!$", "")
    if want ~= "any" and type(value) ~= want then fault(where, "%s must be a %s, is a %s", key, want, type(value)) end
  end
  for key, want in pairs(fields) do
    if want:sub(-1) == "!" and t[key] == nil then fault(where, "%s is missing", key) end
  end
end

local function check_named(at, row, kind, seen)
  check_fields(at, row, kind)
  if not row.name:match "^[%a_][%w_]*$" then fault(at, "a name is made of letters, digits and _") end
  if seen[row.name] then fault(at, "that name is there twice") end
  seen[row.name] = row
end

local function straight(fn, ...) return true, fn(...) end

-- `try` calls the check of each row: straight, or so that the others are looked at all the same.
local function check_names(where, list, kind, try)
  local seen = {}
  for i, row in ipairs(list) do
    local at = ("%s[%d]"):format(where, i)
    if type(row) == "table" and type(row.name) == "string" then at = ("%s '%s'"):format(at, row.name) end
    (try or straight)(check_named, at, row, kind, seen)
  end
  return seen
end

local function check_errors(where, errors)
  for key, value in pairs(errors or {}) do
    if math.type(key) == "integer" then
      check_fields(("%s.errors[%d]"):format(where, key), value, "status")
      if value.code then one_of(("%s.errors[%d]"):format(where, key), "code", value.code, err.codes()) end
    elseif key ~= "message" then
      local code = false
      for _, one in ipairs(err.codes()) do code = code or one == key end
      if not code then fault(where, "errors takes `message`, status numbers and codes of errors, not '%s'", tostring(key)) end
      check_fields(("%s.errors.%s"):format(where, key), value, "status")
    end
  end
end

local function check_placeholders(where, field, text, known)
  for name in text:gmatch "{([%a_][%w_]*)%??}" do
    if not known[name] then fault(where, "%s names {%s}, which is no argument%s", field, name, near(name, keys_of(known))) end
  end
end

-- The type of an argument and, of a list or a table, those of its members.
local function check_type(where, arg)
  one_of(where, "type", arg.type, TYPES)
  if arg.type == "time" then one_of(where, "format", arg.format, keys_of(require("sluice.when").formats)) end
  if arg.items and arg.type ~= "list" then fault(where, "items are those of a list") end
  if arg.fields and arg.type ~= "object" then fault(where, "fields are those of an object") end
  for name, row in pairs(check_names(where .. " members", arg.items or arg.fields or {}, "arg")) do
    check_type(("%s members '%s'"):format(where, name), row)
  end
end

local function check_args(where, row, keys)
  local args = check_names(where .. " args", row.args or {}, "arg")
  for name, arg in pairs(args) do
    local at = ("%s args '%s'"):format(where, name)
    check_type(at, arg)
    if name == "raw" or name == "timeout" or name == "deadline" then fault(at, "that name is an option of every operation") end
    if arg.from and arg.from ~= "connection" then fault(at, "from can only be \"connection\"") end
    if arg.from and not keys[arg.key or name] then fault(at, "the connection has no key '%s'", arg.key or name) end
    if arg.into and arg.into ~= "body" then fault(at, "into can only be \"body\"") end
    if arg.into and row.body then fault(at, "an operation has a body template or an argument that is the body, not both") end
    if arg.into and not row.encoding then fault(at, "the operation needs an encoding") end
    for other, values in pairs(arg.required_for or {}) do
      if not args[other] then fault(at, "required_for names '%s', which is no argument%s", other, near(other, keys_of(args))) end
      if type(values) ~= "table" then fault(at, "required_for.%s must be a list of values", other) end
    end
  end
  return args
end

local MOST_OUTCOMES = 8 -- of work/call

local function check_outcomes(where, row, def)
  if #(row.outcomes or {}) > MOST_OUTCOMES then fault(where, "more than %d outcomes", MOST_OUTCOMES) end
  for i, rule in ipairs(row.outcomes or {}) do
    local at = ("%s outcomes[%d]"):format(where, i)
    check_fields(at, rule, "outcome")
    one_of(at, "outcome", rule.outcome, OUTCOMES)
    if rule.code then one_of(at, "code", rule.code, err.codes()) end
    local login = def.credential and def.credential.kind == "login"
    if rule.outcome == "auth" and not login then fault(at, "'auth' needs a credential of the kind login") end
  end
end

local function check_paging(where, row, args)
  local kinds = require("sluice.paging").kinds
  check_fields(where, row.paging, "paging")
  one_of(where, "kind", row.paging.kind, keys_of(kinds))
  for _, field in ipairs(require("sluice.paging").needs[row.paging.kind] or {}) do
    if not row.paging[field] then fault(where, "kind '%s' needs %s", row.paging.kind, field) end
  end
  local by = row.paging.by
  if by and not args[by] then fault(where, "by names '%s', which is no argument%s", by, near(by, keys_of(args))) end
end

local function check_settle(where, row, def)
  check_fields(where, row.settle, "settle")
  local names = {}
  for i, other in ipairs(def.operations) do names[i] = other.name end
  one_of(where, "operation", row.settle.operation, names)
  local args = {}
  for _, arg in ipairs(row.args or {}) do args[#args + 1] = arg.name end
  for _, name in pairs(row.settle.also or {}) do one_of(where, "also", name, args) end
  local drained = row.settle.drained
  if drained then
    check_fields(where .. " drained", drained, "drained")
    one_of(where .. " drained", "operation", drained.operation, names)
  end
  local by = row.settle.by and row.settle.by:match "^[^.]*"
  if by then one_of(where, "by", by, args) end
  if row.resend == "safe" then fault(where, "an operation that may be repeated needs none") end
end

local function check_words(where, template, known)
  if type(template) == "string" and template:find "^{.+}$" then check_placeholders(where, "answer", template, known) end
  if type(template) ~= "table" then return end
  if template.each then
    one_of(where, "answer: each", template.each, keys_of(known))
    return -- in an item the names of the entries' fields stand as well
  end
  for _, value in pairs(template) do check_words(where, value, known) end
end

-- What a dry run answers.
local function check_answer(where, row, def, args)
  local known, names = { n = true }, {}
  for name in pairs(args) do known[name] = true end
  check_words(where, row.answer, known)
  for i, other in ipairs(def.operations) do names[i] = other.name end
  for _, name in ipairs(row.follows or {}) do one_of(where, "follows", name, names) end
end

local function check_operation(where, row, def, seen)
  local args = check_args(where, row, seen.keys)
  one_of(where, "method", row.method, METHODS)
  one_of(where, "resend", row.resend, RESENDS)
  one_of(where, "class", row.class, keys_of(def.classes))
  if row.host then one_of(where, "host", row.host, keys_of(seen.hosts)) end
  if RESERVED[row.name] then fault(where, "that name is taken by the client itself") end
  if row.path:sub(1, 1) ~= "/" then fault(where, "path must start with /") end
  local in_path = {}
  for name in pairs(args) do in_path[name] = true end
  if def.credential and def.credential.kind == "login" then in_path.token = true end
  check_placeholders(where, "path", row.path, in_path)
  if row.body then check_placeholders(where, "body", row.body, args) end
  if type(row.encoding) == "string" then one_of(where, "encoding", row.encoding, ENCODINGS) end
  if row.poll then check_fields(where .. " poll", row.poll, "poll") end
  if row.settle then check_settle(where .. " settle", row, def) end
  if row.paging then check_paging(where .. " paging", row, args) end
  check_outcomes(where, row, def)
  if row.credential then one_of(where, "credential", row.credential, keys_of(def.credentials or {})) end
  for _, names in ipairs(row.either or {}) do
    for _, name in ipairs(names) do one_of(where, "either", name, keys_of(args)) end
  end
  local per = def.classes[row.class].per
  if per and per ~= "endpoint" and not args[per] then fault(where, "class '%s' counts per '%s', which is no argument here", row.class, per) end
  check_answer(where, row, def, args)
  check_errors(where, row.errors)
end

local function check_credential(where, c, seen)
  check_fields(where, c, "credential")
  one_of(where, "kind", c.kind, KINDS)
  local needs = {
    bearer = { "secret" }, header = { "header", "secret" }, basic = { "username", "password" },
    login = { "operation", "token", "account" }, none = {},
  }
  local oauth = require "sluice.oauth"
  for _, field in ipairs(needs[c.kind] or oauth.kinds[c.kind]) do
    if not c[field] then fault(where, "kind '%s' needs %s", c.kind, field) end
  end
  for _, field in ipairs { "secret", "username", "password", "account", "client_id", "client_secret", "refresh_token" } do
    if c[field] and not seen.keys[c[field]] then fault(where, "%s: the connection has no key '%s'", field, c[field]) end
  end
  for _, name in ipairs(c.whois or {}) do one_of(where, "whois", name, keys_of(seen.operations)) end
  if c.operation then one_of(where, "operation", c.operation, keys_of(seen.operations)) end
  if not oauth.kinds[c.kind] then return end
  local known = { keys = seen.keys, host_names = keys_of(seen.hosts), classes = seen.classes }
  oauth.check(c, known, function(...) fault(where, ...) end, function(...) one_of(where, ...) end)
end

-- What is asked for a look at the credentials must do no harm and need nothing.
local function check_health(where, def, seen)
  for _, name in ipairs(def.health or {}) do
    one_of(where, "operation", name, keys_of(seen.operations))
    local row = seen.operations[name]
    if row.resend ~= "safe" then fault(where, "operation '%s' is not safe", name) end
    for _, arg in ipairs(row.args or {}) do
      if arg.required and not arg.from then fault(where, "operation '%s' needs the argument '%s'", name, arg.name) end
    end
  end
end

local function check_head(file, def, seen)
  check_fields(file, def, "definition")
  seen.hosts = check_names(file .. ": hosts", def.hosts, "host")
  if #def.hosts == 0 then fault(file, "hosts: at least one is needed") end
  seen.keys = check_names(file .. ": connection", def.connection or {}, "key")
  for name, class in pairs(def.classes) do check_fields(("%s: classes '%s'"):format(file, name), class, "class") end
  seen.classes = keys_of(def.classes)
end

local function check_operations(file, def, seen, try)
  seen.operations = check_names(file .. ": operations", def.operations, "operation", try)
  for i, row in ipairs(def.operations) do
    local sound = type(row) == "table" and seen.operations[row.name] == row
    if sound then try(check_operation, ("%s: operations[%d] '%s'"):format(file, i, row.name), row, def, seen) end
  end
end

local function check_credentials(file, def, seen)
  if def.credential then check_credential(file .. ": credential", def.credential, seen) end
  for name, c in pairs(def.credentials or {}) do
    check_credential(("%s: credentials '%s'"):format(file, name), c, seen)
    one_of(("%s: credentials '%s'"):format(file, name), "kind", c.kind, { "bearer", "header" })
  end
end

local function check_helpers(file, def, seen)
  for name, helper in pairs(def.helpers or {}) do
    local module = type(helper) == "table" and helper.module or helper
    if type(module) ~= "string" then fault(file, "helpers '%s' must be a module name", name) end
    if seen.operations[name] or RESERVED[name] then fault(file, "helpers '%s': that name is taken", name) end
  end
end

-- All that is looked at; what comes later relies on the head.
local function walk(def, file, try)
  local seen = {}
  if not try(check_head, file, def, seen) then return end
  if def.learn then try(check_fields, file .. ": learn", def.learn, "learn") end
  try(check_errors, file .. ":", def.errors)
  check_operations(file, def, seen, try)
  try(check_credentials, file, def, seen)
  try(check_health, file .. ": health", def, seen)
  try(check_helpers, file, def, seen)
end

--- Checks a definition; raises a config error that names the file and the row.
---@param def table
---@param file string  its name, for the message
---@return table def
function definition.check(def, file)
  if type(def) ~= "table" then fault(file, "must return a table, returns a %s", type(def)) end
  walk(def, file, straight)
  return def
end

--- Everything that is wrong in a definition: the messages that `check` would raise, one after the other.
---@param def any
---@param file string
---@return string[]
function definition.faults(def, file)
  if type(def) ~= "table" then return { ("%s: must return a table, returns a %s"):format(file, type(def)) } end
  local list = {}
  walk(def, file, function(fn, ...)
    local ok, problem = pcall(fn, ...)
    if ok then return true end
    if not err.is(problem) then error(problem, 0) end
    list[#list + 1] = problem.message
    return false
  end)
  return list
end

local function own_file(name, folder)
  local path = (folder or ".") .. "/apis/" .. name .. ".lua"
  local file = io.open(path, "r")
  if not file then return nil end
  file:close()
  local chunk, message = loadfile(path, "t")
  if not chunk then err.raise { code = "config", message = message } end
  local ok, def = pcall(chunk)
  if not ok then err.raise { code = "config", message = tostring(def) } end
  return definition.check(def, path)
end

local checked = {}

--- The definition of an API: the project's apis/NAME.lua, else the one that sluice brings.
---@param name string
---@param folder string?  the project's folder (default: the working directory)
---@return table
function definition.load(name, folder)
  if not name:match "^[%w_]+$" then err.raise { code = "config", message = ("'%s' is no name of an API"):format(name) } end
  local own = own_file(name, folder)
  if own then return own end
  local words = definition.names(folder)
  for _, word in ipairs(builtin) do
    if word == name then
      checked[name] = checked[name] or definition.check(require("sluice.api." .. name), "stdlib/api/" .. name .. ".lua")
      return checked[name]
    end
  end
  err.raise {
    code = "config", message = ("there is no API '%s'%s"):format(name, near(name, words)),
    hint = ("known are %s; your own goes into apis/%s.lua of the project"):format(table.concat(words, ", "), name),
  }
end

--- The names of all APIs, sorted: those that sluice brings and those in apis/ of the project.
---@param folder string?
---@return string[]
function definition.names(folder)
  local seen = {}
  for _, name in ipairs(builtin) do seen[name] = true end
  local has_lfs, lfs = pcall(require, "lfs")
  local dir = (folder or ".") .. "/apis"
  if has_lfs and lfs.attributes(dir, "mode") == "directory" then
    for file in lfs.dir(dir) do
      local name = file:match "^([%w_]+)%.lua$"
      if name then seen[name] = true end
    end
  end
  return keys_of(seen)
end

--- The keys that every connection takes, whatever its API.
definition.common_keys = {
  { name = "api", type = "text", required = true, doc = "name of the API" },
  { name = "limits", type = "object", doc = "rates of its own, by rate class: { api: \"1/s\" }" },
  { name = "timeout", type = "seconds", default = 60, doc = "seconds that one request may take in all" },
  { name = "deadline", type = "seconds", default = 600, doc = "seconds that one call may take, waiting and repeats included" },
  { name = "proxy", type = "text", doc = "URL of a proxy" },
  { name = "ca_file", type = "text", doc = "file with the certificates to trust" },
  { name = "client_cert", type = "text", doc = "file with the certificate to show to the server (PEM)" },
  { name = "client_key", type = "text", doc = "file with its key, where that is not in the same file (PEM)" },
  { name = "runs", type = "integer", min = 1, doc = "scheduled runs that may use it at once" },
  { name = "insecure", type = "boolean", default = false, doc = "true lets credentials go over plain http to other hosts than this machine" },
}

--- All keys that a connection of this API takes: its own, its hosts' and the common ones.
---@param def table
---@return table[] rows { name, type, required, secret, default, doc }
function definition.connection_keys(def)
  local rows = {}
  for _, row in ipairs(def.connection or {}) do rows[#rows + 1] = row end
  for _, host in ipairs(def.hosts) do
    rows[#rows + 1] = { name = host.key, type = "text", default = host.url, doc = "another address of " .. (host.doc or host.name) }
  end
  for _, row in ipairs(definition.common_keys) do rows[#rows + 1] = row end
  return rows
end

local READS = { GET = true, HEAD = true }

--- Whether an operation changes something: what its row says, else its method.
---@param row table
---@return boolean
function definition.writes(row)
  if row.writes ~= nil then return row.writes end
  return not READS[row.method]
end

--- The row of an operation; a usage error names the nearest one.
---@param def table
---@param name string
---@return table row
function definition.operation(def, name)
  local words = {}
  for _, row in ipairs(def.operations) do
    if row.name == name then return row end
    words[#words + 1] = row.name
  end
  err.raise { code = "usage", message = ("%s has no operation '%s'%s"):format(def.name, name, near(name, words)) }
end

return definition
