--- HTTP requests. An answer is an answer whatever its status: a 404 is a response, `nil, err` means that none came.
---
---     local http = require "sluice.http"
---     local res, err = http.get("https://api.example.com/things", { query = { page = 2 }, timeout = 30 })
---     if not res then error(err) end
---     if res.status == 200 then for _, thing in ipairs(res:json()) do print(thing.id) end end
---
---     http.post(url, { json = { name = "x" } })                        -- a value as JSON
---     http.put(url, { body_file = "big.ndjson", gzip = true })         -- streamed from the disk
---     http.post(url, { body = coroutine.wrap(produce) })               -- streamed from an iterator, record by record
---     http.get(url, { save = "catalogue.json" })                       -- into a file, complete or not at all
---     local feed = http.get(url, { stream = true })                    -- piece by piece, memory stays small
---     for rec in ndjson.records(feed) do … end
---
---     local shop = http.client { base_url = "https://api.example.com/v1", headers = { ["X-Api-Key"] = key } }
---     shop:get("/products", { query = { limit = 50 } })
---
--- Errors say the method, the URL (secrets masked), the cause and the cure. Codes: `network`, `timeout` (the message
--- names which one), `tls`, `limit`, `protocol`, `state` (a file of ours), `cancelled`. Wrong options raise `usage`.
local core = require "sluice.http_core"
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local wire = require "sluice.wire"

local http = {}

---@class sluice.http.Options
---@field headers? table name = value or list of values, or a list of pairs {name, value}; those that follow from the request can't be set
---@field query? table name = value (sorted by name) or a list of pairs (in this order); encoded and added to the URL
---@field json? any a value as JSON body, Content-Type application/json
---@field form? table a body of the type application/x-www-form-urlencoded, as `query`
---@field body? string|sluice.Chunk|function|table text, a chunk, an iterator of texts, records or tables (lines of NDJSON), a streamed response
---@field body_bytes? integer the size of what an iterator will give, where it is known; without it the body is sent in chunks
---@field body_file? string path of a file that is sent from the disk
---@field gzip? boolean compress the body (Content-Encoding: gzip)
---@field connect_timeout? number seconds for DNS, TCP and TLS (default 10). For all timeouts: 0 means none
---@field first_byte_timeout? number seconds from the last byte sent to the first byte of the answer (default 60)
---@field stall_timeout? number seconds without a byte moving while the peer was to move (default 60)
---@field timeout? number seconds for the whole exchange, redirects and body included (default 600)
---@field max_bytes? integer ceiling of the decompressed body in memory (default 64 MiB)
---@field stream? boolean don't read the body: `res:read()`, `res:chunks()`
---@field save? string a path: the body of a 2xx answer goes there (written aside, synced, renamed); others stay in memory
---@field raw? boolean don't ask for compression and leave a Content-Encoding as it is
---@field max_redirects? integer default 5; 0 takes a redirect as an answer. To another host only harmless headers go (Accept, Range, …), never a body
---@field http_version? "1.1"|"2"|"2-only" default "1.1"; "2" where the server offers it with TLS; streamed bodies go over 1.1 all the same
---@field repeatable? boolean whether a request whose kept connection broke may be sent again; default: yes for GET, HEAD, OPTIONS, PUT, DELETE
---@field proxy? string|false http://[user:password@]host:port; false for none; default: the environment's. Loopback never goes through it
---@field ca_file? string PEM file with the authorities to trust instead of the system's
---@field client_cert? string PEM file
---@field client_key? string PEM file
---@field unix_socket? string a socket's path to connect to instead of the URL's host

---@class sluice.http.Request: sluice.http.Options what `http.request` takes
---@field method? string default GET
---@field url string

---@class sluice.http.ClientOptions: sluice.http.Options what `http.client` takes
---@field base_url? string put in front of paths

---@class sluice.http.Timings
---@field dns number seconds since the start of the last hop, as the next three; 0 on a kept connection
---@field connect number
---@field tls number
---@field first_byte number
---@field total number seconds since the start
---@field sent_bytes integer of the body on the wire
---@field received_bytes integer of the body on the wire (compressed)
---@field reused boolean a kept connection was used

--- Any header by name in any case, the first of that name: `res.headers["Retry-After"]`; `pairs` gives all in order.
---@class sluice.http.Headers
---@field get fun(self, name: string): string?
---@field all fun(self, name: string): string[]

---@class sluice.http.Response
---@field status integer
---@field reason string "" with HTTP/2
---@field version "1.0"|"1.1"|"2"
---@field headers sluice.http.Headers
---@field body string "" when streamed or saved
---@field url string where the answer came from, after redirects
---@field redirects integer
---@field timings sluice.http.Timings
local Response = core.response

local function exchange_of(res)
  return res.exchange or err.raise { code = "usage", message = "this response is not streamed", hint = "ask with stream = true" }
end

--- The next piece of a streamed body; nil at its end; nil and an error where it is cut off or the connection breaks.
---@return string? bytes
---@return sluice.Error? err
function Response:read()
  return exchange_of(self):read()
end

--- An iterator over the pieces of a streamed body. It raises where `read` gives an error.
---@return fun(): string?
function Response:chunks()
  local exchange = exchange_of(self)
  return function()
    local bytes, problem = exchange:read()
    if problem then error(problem, 0) end
    return bytes
  end
end

--- Ends a streamed answer before its end. Not needed after the end, or when the response is dropped.
function Response:close()
  if self.exchange then self.exchange:close() end
end

--- The body as a value.
---@return any value
---@return sluice.Error? err
function Response:json()
  if self.exchange then
    err.raise { code = "usage", message = "a streamed body can't be decoded as one value", hint = "ask without stream = true" }
  end
  local value, problem = json.decode(self.body)
  if problem then
    local message = ("the answer (%d) is not JSON: %s"):format(self.status, problem.message)
    return nil, err.new { code = "protocol", status = self.status, message = message, body = log.body(self.body, 500) }
  end
  return value
end

-- What a body gives piece by piece, or nil where it is sent in one go.
local function pieces_of(body)
  if type(body) == "function" then return body end
  if type(body) == "table" and body.exchange then return Response.chunks(body) end
  local meta = getmetatable(body)
  if type(meta) == "table" and meta.__call and type(body) ~= "string" then return body end
end

-- Stops early where the answer (or the end of the exchange) came before the end of the body: `head` says which.
local function send_pieces(exchange, pieces)
  for piece in pieces do
    local room, problem = exchange:write(piece)
    if problem or (not room and not exchange:room()) then return end
  end
  exchange:finish()
end

local function streamed(method, url, options, pieces)
  local exchange, problem = core.open(method, url, options)
  if not exchange then return nil, problem end
  local kept = false
  local _ <close> = setmetatable({}, { __close = function() if not kept then exchange:close() end end })
  send_pieces(exchange, pieces)
  local res, reason = exchange:head()
  if not res then return nil, reason end
  kept = options.stream
  res.exchange = kept and exchange or nil
  return res
end

local function send(method, url, options)
  local pieces = options and pieces_of(options.body)
  if not pieces then return core.request(method, url, options) end
  return streamed(method, url, options, pieces)
end

-- One request. The options are the caller's table and stay as they are.
local function perform(method, url, options)
  local way = wire.way()
  if not way then return send(method, url, options) end
  local given = options or {}
  local pieces = pieces_of(given.body)
  if not pieces then core.check(given) end
  local address = given.query and core.query(url, given.query) or url
  return way:http({ method = method, url = url, address = address, options = given, pieces = pieces },
    function(others) return send(method, url, others or options) end)
end

---@param url string absolute; user:password@ in it is sent as basic authentication and never shown
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http.get(url, options) return perform("GET", url, options) end

---@param url string
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http.head(url, options) return perform("HEAD", url, options) end

---@param url string
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http.post(url, options) return perform("POST", url, options) end

---@param url string
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http.put(url, options) return perform("PUT", url, options) end

---@param url string
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http.patch(url, options) return perform("PATCH", url, options) end

---@param url string
---@param options? sluice.http.Options
---@return sluice.http.Response?
---@return sluice.Error? err
function http.delete(url, options) return perform("DELETE", url, options) end

--- Any method: `http.request { method = "REPORT", url = …, … }`; the other fields are the options.
---@param request sluice.http.Request
---@return sluice.http.Response?
---@return sluice.Error? err
function http.request(request)
  if type(request) ~= "table" then err.raise { code = "usage", message = "http.request takes one table: { method = …, url = …, … }" } end
  local options = {}
  for key, value in pairs(request) do options[key] = value end
  options.method, options.url = nil, nil
  if type(request.url) ~= "string" then err.raise { code = "usage", message = "http.request: url must be text" } end
  return perform(request.method or "GET", request.url, options)
end

--- The values of options that are not given: timeouts in seconds, max_bytes, max_redirects, http_version.
---@return table
function http.defaults() return core.defaults() end

--- How many connections are used at a time to one host (default 16; further requests wait), and kept in all (64).
---@param limits { per_host?: integer, total?: integer }
function http.pool(limits) core.pool(limits) end

--- The URL with values added to its query, encoded.
---@param url string
---@param query table as the option
---@return string
function http.query(url, query) return core.query(url, query) end

--- The text of a form (application/x-www-form-urlencoded).
---@param values table
---@return string
function http.form(values) return core.form(values) end

---@class sluice.http.Client the same functions as methods; what is set here is the default of each request
---@field options sluice.http.Options may be changed at any time
---@field base_url? string put in front of paths: a URL that starts with http:// or https:// is taken as it is
local Client = {}
Client.__index = Client
Client.__name = "sluice.http.client"

-- Headers of either form as a list of pairs.
local function listed(headers)
  if headers[1] then return headers end
  local list = {}
  for name, value in pairs(headers) do list[#list + 1] = { name, value } end
  return list
end

-- By name in any case; those of the request win.
local function merge_headers(own, given)
  if not own or not given then return given or own end
  local list, names = {}, {}
  for _, header in ipairs(listed(given)) do names[tostring(header[1]):lower()] = true end
  for _, header in ipairs(listed(own)) do
    if not names[tostring(header[1]):lower()] then list[#list + 1] = header end
  end
  return table.move(listed(given), 1, #listed(given), #list + 1, list)
end

local bodies = { "body", "json", "form", "body_file" }

local function merge(own, given)
  local options = {}
  for key, value in pairs(own) do options[key] = value end
  for key, value in pairs(given or {}) do options[key] = value end
  options.headers = merge_headers(own.headers, given and given.headers)
  for _, name in ipairs(bodies) do options[name] = given and given[name] end
  return options
end

local function join(base, url)
  if not base or url:find "^https?://" then return url end
  if url == "" then return base end
  return base:gsub("/+$", "") .. "/" .. url:gsub("^/+", "")
end

for _, name in ipairs { "get", "head", "post", "put", "patch", "delete" } do
  local method = name:upper()
  Client[name] = function(self, url, options)
    return perform(method, join(self.base_url, url), merge(self.options, options))
  end
end

--- A client with defaults: `base_url` and any of the options.
---@param options? sluice.http.ClientOptions without a body
---@return sluice.http.Client
function http.client(options)
  local own = {}
  for key, value in pairs(options or {}) do own[key] = value end
  for _, name in ipairs(bodies) do
    if own[name] ~= nil then err.raise { code = "usage", message = ("http.client: %s belongs to a request, not to a client"):format(name) } end
  end
  local base = own.base_url
  own.base_url = nil
  core.check(own)
  return setmetatable({ base_url = base, options = own }, Client)
end

return http
