--- HAR 1.2 (HTTP archive), the format that browsers' tools open: entries made and read, secrets scrubbed. Pure.
---
--- What stands in a recording has no secret in it: known ones are masked wherever they are, and in requests of `sluice.http` also
--- what a name gives away (headers, parameters and JSON members called token, password, …). Both sides of a comparison are
--- scrubbed in the same way, so that a replay works with other secrets or none.
local crypto = require "sluice.crypto"
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local text = require "sluice.text"
local time = require "sluice.time"

local har = {}

local MASK = "***"

local SECRET_NAMES = {
  access_token = true, api_key = true, apikey = true, authorization = true, client_secret = true, cookie = true, id_token = true,
  passwd = true, password = true, ["proxy-authorization"] = true, refresh_token = true, secret = true, ["set-cookie"] = true, sig = true,
  signature = true, token = true, ["x-api-key"] = true, ["x-auth-token"] = true,
}

-- ---- scrubbing ----

local function is_secret(name) return SECRET_NAMES[name:lower()] end

-- name=value&name=value
local function scrub_form(form)
  return (form:gsub("([^&=?]+)=([^&]*)", function(name, value)
    if is_secret(name) and value ~= "" then return name .. "=" .. MASK end
  end))
end

--- An address without user and password, and without the values of parameters that are secrets by their names.
---@param url string
---@return string
function har.url(url)
  local base, query = url:match "^([^?]*)%??(.*)$"
  base = base:gsub("^(%a+://)[^/@]*@", "%1")
  return log.mask(query == "" and base or base .. "?" .. scrub_form(query))
end

-- "password":"…" in a text that is JSON.
local function scrub_members(body)
  return (body:gsub('"([%w_%-]+)"(%s*:%s*)"([^"\\]*)"', function(name, between, value)
    if is_secret(name) and value ~= "" then return ('"%s"%s"%s"'):format(name, between, MASK) end
  end))
end

--- A body without secrets. `guess`: also what names give away.
---@param body string
---@param guess? boolean
---@param kind? string its content type
---@return string
function har.body(body, guess, kind)
  if guess then
    body = (kind or ""):find("form-urlencoded", 1, true) and scrub_form(body) or scrub_members(body)
  end
  return log.mask(body)
end

--- Headers as HAR has them, from { name = value or list } or a list of { name, value }.
---@param headers table?
---@return table[]
function har.headers(headers)
  local list = json.array {}
  local function add(name, value)
    list[#list + 1] = { name = name, value = is_secret(name) and MASK or log.mask(tostring(value)) }
  end
  for _, name in ipairs(headers and not headers[1] and text.keys(headers) or {}) do
    local value = headers[name]
    for _, one in ipairs(type(value) == "table" and value or { value }) do add(name, one) end
  end
  for _, pair in ipairs(headers or {}) do add(pair[1], pair[2]) end
  return list
end

-- ---- entries ----

local function query_of(url)
  local list = json.array {}
  for name, value in (url:match "%?(.*)$" or ""):gmatch "([^&=]+)=([^&]*)" do list[#list + 1] = { name = name, value = value } end
  return list
end

-- Text as it is, what is none as base64.
local function content_of(body, kind)
  local content = { size = #body, mimeType = kind or "" }
  if utf8.len(body) then content.text = body
  else content.text, content.encoding = crypto.base64(body), "base64" end
  return content
end

local function posted(body, kind)
  if body == nil then return nil end
  local content = content_of(body, kind)
  return { mimeType = content.mimeType, text = content.text, params = json.array {}, _encoding = content.encoding }
end

local function header_of(headers, name)
  for _, header in ipairs(headers) do
    if header.name:lower() == name then return header.value end
  end
end

---@class sluice.har.Exchange scrubbed already
---@field started number seconds since 1970
---@field seconds number
---@field method string
---@field url string
---@field headers table[] of har.headers
---@field body string?
---@field status integer 0 where no answer came
---@field reason string?
---@field answer_headers table[]
---@field answer string
---@field own table? what only a replay needs

--- An entry.
---@param o sluice.har.Exchange
---@return table
function har.entry(o)
  local ms = o.seconds * 1000
  return {
    startedDateTime = time.format(o.started), time = ms, cache = {}, timings = { send = 0, wait = ms, receive = 0 },
    request = {
      method = o.method, url = o.url, httpVersion = "HTTP/1.1", cookies = json.array {}, headers = o.headers, queryString = query_of(o.url),
      postData = posted(o.body, header_of(o.headers, "content-type")), headersSize = -1, bodySize = o.body and #o.body or 0,
    },
    response = {
      status = o.status, statusText = o.reason or "", httpVersion = "HTTP/1.1", cookies = json.array {}, headers = o.answer_headers,
      content = content_of(o.answer, header_of(o.answer_headers, "content-type")), redirectURL = "", headersSize = -1, bodySize = #o.answer,
    },
    _sluice = o.own,
  }
end

--- The file's text in front of the entries, which come a line each with a comma in between, and behind them.
---@param own table what only a replay needs
---@return string head
---@return string tail
function har.frame(own)
  local head = assert(json.encode({ version = "1.2", creator = { name = "sluice", version = require("sluice.version").text },
    pages = json.array {}, _sluice = own }, { sort = true }))
  return ('{"log":%s,"entries":[\n'):format(head:sub(1, -2)), "\n]}}\n"
end

local function bytes_of(part, encoding)
  local body = part and part.text or ""
  if encoding ~= "base64" then return body end
  local bytes, problem = crypto.unbase64(body)
  if not bytes then error(problem, 0) end
  return bytes
end

--- The body of an entry's request, nil where there is none; and of its answer.
function har.request_body(entry)
  local data = entry.request.postData
  return data and bytes_of(data, data._encoding) or nil
end

function har.answer_body(entry)
  local content = entry.response.content
  return bytes_of(content, content and content.encoding)
end

-- ---- comparing ----

-- JSON and NDJSON with keys in one order: a table has none.
local function canonical(body)
  local value = json.decode(body)
  if value ~= nil then return (json.encode(value, { sort = true })) end
  local lines = {}
  for line in body:gmatch "[^\n]+" do
    local one = json.decode(line)
    if one == nil then return body end
    lines[#lines + 1] = json.encode(one, { sort = true })
  end
  return table.concat(lines, "\n")
end

--- What a request is known by, of scrubbed parts: the same for the same request.
---@param method string
---@param url string
---@param body string?
---@return string
function har.key(method, url, body)
  return ("%s %s %s"):format(method, url, body and body ~= "" and crypto.sha256(canonical(body)) or "-")
end

-- ---- reading ----

local function invalid(path, text_format, ...)
  err.raise { code = "invalid", message = ("%s: %s"):format(path, text_format:format(...)),
    hint = "a recording is a HAR file: `sluice run --record FILE` makes one" }
end

-- Calls fn(entry, from) for each entry of a file of ours: `from` is where its line begins, so that it can be read again.
local function each_line(file, path, fn)
  while true do
    local from = file:seek()
    local line = file:read "L"
    if not line or line:find "^%]" then return end
    if line ~= "\n" then -- one without entries
      local entry, problem = json.decode((line:gsub(",?\n$", "")))
      if not entry then invalid(path, "byte %d: %s", from, problem.message) end
      fn(entry, from)
    end
  end
end

--- Goes through a recording: fn(entry, reread) for each, where reread() gives the entry again; gives what stands in its head. Of
--- our own files one entry is in memory at a time, others are read whole.
---@param path string
---@param fn fun(entry: table, reread: fun(): table)
---@return table own
function har.read(path, fn)
  local file, problem = io.open(path, "rb")
  if not file then invalid(path, "%s", problem) end
  local head = file:read "L" or ""
  local own = head:match '^{"log":(.*),"entries":%[\n$'
  local log_head = own and json.decode(own .. "}")
  if log_head and log_head._sluice then
    each_line(file, path, function(entry, from)
      fn(entry, function()
        file:seek("set", from)
        return (json.decode((file:read "L":gsub(",?\n$", ""))))
      end)
    end)
    return log_head._sluice
  end
  file:seek "set"
  local whole, fault = json.decode(file:read "a")
  file:close()
  if type(whole) ~= "table" or type(whole.log) ~= "table" or type(whole.log.entries) ~= "table" then
    invalid(path, "%s", fault and fault.message or "it has no log with entries")
  end
  for _, entry in ipairs(whole.log.entries) do fn(entry, function() return entry end) end
  return {}
end

return har
