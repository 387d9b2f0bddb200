-- From an operation's row and the caller's arguments to the request: names and types are checked here, before anything
-- is sent, and the bytes are made here: path, query, headers, body. Nothing waits and nothing is sent, so a dry run and
-- a spec see exactly what a call would send. Secrets stay closed: a body with one is a list of pieces, a login token is
-- the word {token} in the URL; work/call puts both in when it sends.
--
--   local r = request.prepare(def, definition.operation(def, "stream"), { base_url = … }, { stream = 124773 })
--   r.method, r.url, r.headers, r.body

local err = require "sluice.err"
local json = require "sluice.json"
local members = require "sluice.members"
local when = require "sluice.when"

local request = {}

--- Options that every operation takes beside its own arguments.
request.options = {
  { name = "raw", type = "boolean", doc = "true gives the answer's body as text instead of the decoded result" },
  { name = "timeout", type = "seconds", doc = "seconds that one request may take in all" },
  { name = "deadline", type = "seconds", doc = "seconds that the call may take, waiting and repeats included" },
}

local MAX_BODY = 64 * 1000 * 1000 -- where the row names no ceiling

local function usage(row, text, ...)
  err.raise { code = "usage", operation = row.name, message = text:format(...) }
end

local function article(word)
  return (word:match "^[aeiou]" and "an " or "a ") .. word
end

--- An id as text, digits exact; nil and a reason where it can't be one.
function request.id(value)
  if math.type(value) == "float" then
    local whole = math.tointeger(value)
    if not whole or whole >= 1 << 53 or whole <= -(1 << 53) then
      return nil, ("%.17g is a float and may have lost digits; give the id as text or as an integer"):format(value)
    end
    value = whole
  end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if type(value) == "userdata" then value = tostring(value):match "^%-?%d+$" or value end -- a number beyond 64 bits
  if type(value) == "string" and value ~= "" then return value end
  if type(value) == "string" then return nil, "is empty" end
  return nil, "must be an id (text or an integer), not " .. article(type(value))
end

local function integer(value)
  local number = type(value) == "string" and tonumber(value) or value
  local whole = type(number) == "number" and math.tointeger(number)
  if not whole then return nil, ("must be an integer, not %s"):format(tostring(value)) end
  return whole
end

local function of_type(name)
  return function(value)
    if type(value) == name then return value end
    return nil, ("must be %s, not %s"):format(article(name), article(type(value)))
  end
end

-- type name -> function(value, arg) -> value for the request | nil, reason
local TYPES = {
  any = function(value) return value end,
  boolean = function(value)
    if value == "true" or value == "false" then return value == "true" end
    return of_type "boolean" (value)
  end,
  id = request.id,
  ids = function(value) return value end, -- checked line by line
  integer = integer,
  list = of_type "table",
  number = function(value)
    if type(value) == "userdata" and tonumber(tostring(value)) then return value end -- a json.number, digits and all
    local number = (type(value) ~= "string" or value:find "^%-?%d*%.?%d+[eE]?[-+]?%d*$") and tonumber(value)
    if number then return number end
    return nil, ("must be a number, not %s"):format(tostring(value))
  end,
  object = function(value)
    if type(value) == "table" or type(value) == "userdata" then return value end
    return nil, "must be a table, not " .. article(type(value))
  end,
  records = function(value) return value end,
  reference = function(value)
    local tag = type(value) == "string" and value:find(":", 1, true)
    if tag and not value:match "^[^:]+:[^:]+$" then return nil, "must be an id or name:value with one colon, not '" .. value .. "'" end
    return request.id(value)
  end,
  secret = function(value)
    if type(value) == "userdata" or type(value) == "string" then return value end
    return nil, "must be text, not " .. article(type(value))
  end,
  text = function(value)
    if type(value) == "string" then return value end
    return nil, "must be text, not " .. article(type(value))
  end,
}
TYPES.seconds = TYPES.number

function TYPES.time(value, arg) return when.text(value, arg.format) end

-- Why a value of the right type is none of those that may be, or nil.
local function out_of_range(arg, value)
  if arg.one_of then
    local words = {}
    for i, allowed in ipairs(arg.one_of) do
      if value == allowed then return nil end
      words[i] = tostring(allowed)
    end
    local one = #words == 1 and "must be" or "must be one of"
    return (" %s %s, not '%s'"):format(one, table.concat(words, ", "), tostring(value))
  end
  if not arg.min and not arg.max then return nil end
  local size, unit = value, ""
  if type(value) == "userdata" then size = tonumber(tostring(value)) end -- a json.number
  if type(value) == "table" then size, unit = #value, " entries" end
  if type(value) == "string" then size, unit = utf8.len(value) or #value, " characters long" end
  if arg.min and size < arg.min or arg.max and size > arg.max then
    return (" must be %s to %s%s, is %s"):format(arg.min or "up", arg.max or "more", unit, size)
  end
end

local function names_of(row)
  local names = {}
  for _, arg in ipairs(row.args or {}) do names[#names + 1] = arg.name end
  for _, option in ipairs(request.options) do names[#names + 1] = option.name end
  return names
end

local MOST_NAMED = 12 -- arguments of one operation that an error lists

-- What an operation takes, for an argument that is like none of these.
local function listed(row)
  local names = {}
  for _, arg in ipairs(row.args or {}) do names[#names + 1] = arg.name end
  local rest = #names - MOST_NAMED
  local own, options = table.concat(names, ", ", 1, math.min(#names, MOST_NAMED)), {}
  for _, option in ipairs(request.options) do options[#options + 1] = option.name end
  local always = table.concat(options, ", ")
  if #names == 0 then return "; it takes none but " .. always end
  return ("; it takes %s%s (and %s)"):format(own, rest > 0 and (", … %d more"):format(rest) or "", always)
end

local function check_known(row, given)
  local names, known = names_of(row), {}
  for _, name in ipairs(names) do known[name] = true end
  for key in pairs(given) do
    if not known[key] then
      local meant, near = require("sluice.text").near(key, names)
      usage(row, "unknown argument '%s'%s", tostring(key), near and meant or listed(row))
    end
  end
end

local function pick(arg, options, given)
  local value = given[arg.name]
  if value == nil and arg.from then value = options[arg.key or arg.name] end
  if value == nil then value = arg.default end
  return value
end

local function check_pairs(row, values)
  for _, arg in ipairs(row.args or {}) do
    for other, cases in pairs(arg.required_for or {}) do
      for _, case in ipairs(cases) do
        if values[arg.name] == nil and values[other] == case then
          usage(row, "%s is missing, which %s '%s' needs: %s", arg.name, other, tostring(case), arg.doc)
        end
      end
    end
  end
end

--- The value for the request; nil, and what is wrong with it, to stand behind its name.
---@param arg table its row
---@param value any
---@return any value
---@return string? reason
local function accept(arg, value)
  if value == json.null and arg.null then return value end
  local checked, reason = TYPES[arg.type](value, arg)
  if checked == nil then return nil, value == json.null and " can't be null" or " " .. reason end
  if arg.items or arg.fields then
    checked, reason = members.check(accept, arg, checked)
    if checked == nil then return nil, reason end
  end
  reason = out_of_range(arg, checked)
  if reason then return nil, reason end
  return checked
end
request.accept = accept

-- Of some arguments exactly one must be there.
local function check_either(row, values)
  for _, names in ipairs(row.either or {}) do
    local count = 0
    for _, name in ipairs(names) do count = count + (values[name] ~= nil and 1 or 0) end
    local words = table.concat(names, " or ")
    if count == 0 then usage(row, "%s is missing", words) end
    if count > 1 then usage(row, "give %s, not both", words) end
  end
end

--- Checked arguments by name. Raises a usage error that names the argument.
---@param row table
---@param options table  the connection's keys, for arguments that come from it
---@param given table
---@return table
function request.bind(row, options, given)
  check_known(row, given)
  local values = {}
  for _, list in ipairs { row.args or {}, request.options } do
    for _, arg in ipairs(list) do
      local value = pick(arg, options, given)
      if value == nil and arg.required then usage(row, "%s is missing: %s", arg.name, arg.doc) end
      if value ~= nil then
        local checked, reason = accept(arg, value)
        if checked == nil then usage(row, "%s%s", arg.name, reason) end
        values[arg.name] = checked
      end
    end
  end
  check_pairs(row, values)
  check_either(row, values)
  return values
end

-- ---- the URL ----

local function escape(text)
  return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end
request.escape = escape

local function arg_of(row, name)
  for _, arg in ipairs(row.args or {}) do
    if arg.name == name then return arg end
  end
end

local function in_path(row, name, value)
  if value == "." or value == ".." then usage(row, "%s can't be '%s': it would change the path", name, value) end
  local text = escape(value)
  local arg = arg_of(row, name)
  return arg and arg.type == "reference" and text:gsub("%%3A", ":") or text
end

local function path_of(row, values)
  local path = row.path:gsub("%b[]", function(part)
    return values[part:match "{([%w_]+)}"] ~= nil and part:sub(2, -2) or ""
  end)
  return (path:gsub("{([%w_]+)}", function(name)
    if name == "token" and values.token == nil then return nil end -- its place is kept for work/call
    return in_path(row, name, tostring(values[name]))
  end))
end

local function query_of(row, values, extra)
  local parts = { row.query }
  for _, arg in ipairs(row.args or {}) do
    local value = arg.query and values[arg.name]
    if type(value) == "table" then
      for i, one in ipairs(value) do parts[#parts + 1] = escape(("%s[%d]"):format(arg.query, i - 1)) .. "=" .. escape(tostring(one)) end
    elseif value ~= nil and value ~= false then
      parts[#parts + 1] = escape(arg.query) .. "=" .. escape(tostring(value))
    end
  end
  for _, pair in ipairs(extra or {}) do parts[#parts + 1] = escape(pair[1]) .. "=" .. escape(tostring(pair[2])) end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

--- The address of a host of the definition for this connection, without a slash at the end.
function request.base(def, options, name)
  for _, host in ipairs(def.hosts) do
    if host.name == (name or def.hosts[1].name) then return ((options[host.key] or host.url):gsub("/+$", "")) end
  end
  err.raise { code = "config", message = ("%s has no host '%s'"):format(def.name, tostring(name)) }
end

-- ---- the body ----

local function encode(row, name, value, options)
  local text, failure = json.encode(value, options)
  if not text then usage(row, "%s: %s", name, failure.message) end
  return text
end

local function drop_absent(template, values)
  template = template:gsub(',?%s*"[^"]*"%s*:%s*{([%w_]+)%?}', function(name)
    if values[name] == nil then return "" end
  end)
  return (template:gsub("([{%[])%s*,", "%1"))
end

-- Puts the arguments' JSON into the template. A secret stays a piece of its own.
local function fill(row, template, values, forms)
  local pieces, from = {}, 1
  template = drop_absent(template, values)
  while true do
    local first, last, name = template:find("{([%a_][%w_]*)%??}", from)
    pieces[#pieces + 1] = template:sub(from, (first or 0) - 1)
    if not first then break end
    local arg, value = forms[name], values[name]
    if value == nil then
      pieces[#pieces + 1] = "null"
    elseif arg.type == "secret" then
      pieces[#pieces + 1] = require("sluice.auth").secret(value)
    elseif arg.json then
      local whole = { name = name, type = arg.type }
      for _, piece in ipairs(fill(row, arg.json, values, { [name] = whole })) do pieces[#pieces + 1] = piece end
    else
      pieces[#pieces + 1] = encode(row, name, value, { sort = true }) -- the same arguments, the same bytes
    end
    from = last + 1
  end
  return pieces
end

local function template_body(row, values)
  local forms, closed = {}, false
  for _, arg in ipairs(row.args or {}) do forms[arg.name] = arg end
  local pieces = fill(row, row.body, values, forms)
  for _, piece in ipairs(pieces) do closed = closed or type(piece) ~= "string" end
  return closed and pieces or table.concat(pieces)
end

local function is_chunk(value)
  local meta = type(value) == "userdata" and getmetatable(value)
  return type(meta) == "table" and meta.__name == "sluice.chunk"
end

-- at(1), at(2), … until nil, as an iterator.
local function counted(at)
  local i = 0
  return function()
    i = i + 1
    return at(i)
  end
end

-- Each line of a chunk, item of a list or of an iterator, or one item alone.
local function items(row, name, value)
  if type(value) == "function" then return value end
  if is_chunk(value) then return counted(function(i) return value:line(i) end) end
  if type(value) == "table" and (value[1] ~= nil or next(value) == nil) then return counted(function(i) return value[i] end) end
  if type(value) == "table" or type(value) == "userdata" then return counted(function(i) return i == 1 and value or nil end) end
  usage(row, "%s must be a chunk, text, a list or an iterator, not %s", name, article(type(value)))
end

local function line_of(row, arg, item)
  if type(item) == "string" and arg.type == "records" then return (item:gsub("[\r\n]+$", "")) end
  if arg.type ~= "ids" or type(item) == "table" or type(item) == "userdata" then return encode(row, arg.name, item) end
  local text, reason = request.id(item)
  if not text then usage(row, "%s: an id %s", arg.name, reason) end
  local id = math.type(item) and text or encode(row, arg.name, text)
  return (arg.line:gsub("{id}", function() return id end))
end

local function lines_of(row, arg, value, separator, finish)
  local parts, bytes, ceiling = {}, 0, row.max_bytes or MAX_BODY
  for item in items(row, arg.name, value) do
    local line = line_of(row, arg, item):gsub("\n$", "")
    if line:find("^%s*$") then usage(row, "%s: item %d is an empty line", arg.name, #parts + 1) end
    bytes = bytes + #line + 1
    if bytes > ceiling then usage(row, "%s is more than the %d bytes that one request may have", arg.name, ceiling) end
    parts[#parts + 1] = line
  end
  if #parts == 0 then usage(row, "%s is empty, and an empty batch is an error to the API", arg.name) end
  return table.concat(parts, separator) .. finish
end

local function carried_body(row, arg, value, encoding)
  if is_chunk(value) and encoding == "ndjson" then
    if value:count() == 0 then usage(row, "%s is empty, and an empty batch is an error to the API", arg.name) end
    return value
  end
  if type(value) == "string" then
    if value:find "^%s*$" then usage(row, "%s is empty, and an empty batch is an error to the API", arg.name) end
    if #value > (row.max_bytes or MAX_BODY) then usage(row, "%s is more than one request may have", arg.name) end
    return value
  end
  if encoding == "ndjson" then return lines_of(row, arg, value, "\n", "\n") end
  if encoding == "json_array" then return "[" .. lines_of(row, arg, value, ",", "") .. "]" end
  return encode(row, arg.name, value)
end

local function encoding_of(row, values)
  local encoding = row.encoding or "json"
  if type(encoding) == "table" then encoding = encoding[values[encoding.by]] end
  return encoding
end

local function body_of(row, values)
  if row.body then return template_body(row, values), "template" end
  for _, arg in ipairs(row.args or {}) do
    if arg.into == "body" and values[arg.name] ~= nil then
      local encoding = encoding_of(row, values)
      return carried_body(row, arg, values[arg.name], encoding), encoding
    end
  end
end

local MEDIA = { ndjson = "application/x-ndjson", json_array = "application/json" }

local function headers_of(def, row, encoding)
  local headers = {}
  for _, list in ipairs { def.headers or {}, row.headers or {} } do
    for name, value in pairs(list) do headers[name] = value end
  end
  if encoding then headers["Content-Type"] = MEDIA[encoding] or def.media or "application/json" end
  return headers
end

-- ---- all together ----

local function resource_of(def, row, values)
  local per = def.classes[row.class].per
  if per == "endpoint" then return row.path end
  return per and tostring(values[per]) or nil
end

--- The request of one call, nothing sent.
---@param def table      the definition
---@param row table      the operation's row
---@param options table  the connection's keys
---@param given table?   arguments by name
---@param extra table?   more query parameters: list of { name, value } (paging)
---@return table request
---@return table values the checked arguments
function request.prepare(def, row, options, given, extra)
  if given ~= nil and type(given) ~= "table" then
    usage(row, "arguments are one table of named values, not %s", article(type(given)))
  end
  local values = request.bind(row, options, given or {})
  local body, encoding = body_of(row, values)
  return {
    operation = row.name,
    method = row.method,
    url = request.base(def, options, row.host) .. path_of(row, values) .. query_of(row, values, extra),
    headers = headers_of(def, row, encoding),
    body = body,
    gzip = row.gzip and values[row.gzip] or nil,
    class = row.class,
    resource = resource_of(def, row, values),
    resend = row.resend,
    counted = row.counted,
    success = row.success,
    deliver = row.deliver,
    expect = row.expect or (row.result and row.result:match "^[^%.]+"),
    truth = row.truth or def.truth,
    outcomes = row.outcomes,
    anonymous = row.anonymous,
    renew = row.renew,
    timeout = values.timeout or row.timeout,
    deadline = values.deadline,
    raw = values.raw,
  }, values
end

return request
