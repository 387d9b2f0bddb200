--- From what a handler gives, or raises, to the answer that is sent: headers that protect the reader, JSON or HTML by what
--- was asked, files piece by piece.
local html = require "sluice.page.html"
local json = require "sluice.json"
local layout = require "sluice.page.layout"
local log = require "sluice.log"
local outbox = require "sluice.page.page_outbox"

local answer = {}

local el = html.el
local PIECE = 65536

local POLICY = table.concat({ "default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self'", "connect-src 'self'",
  "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'" }, "; ")

local ALWAYS = {
  ["content-security-policy"] = POLICY, ["x-content-type-options"] = "nosniff", ["x-frame-options"] = "DENY",
  -- not "no-referrer": with that a form's Origin is null, and a change would be refused
  ["referrer-policy"] = "same-origin", ["cross-origin-opener-policy"] = "same-origin", ["cross-origin-resource-policy"] = "same-origin",
  ["permissions-policy"] = "camera=(), geolocation=(), microphone=()", ["cache-control"] = "no-store",
}

--- The headers of every answer, and these.
---@param more? table<string, string>
---@return table<string, string>
function answer.headers(more)
  local all = {}
  for name, value in pairs(ALWAYS) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local STATUS = { not_found = 404, usage = 400, invalid = 400, config = 400, conflict = 409, locked = 409, auth = 401, forbidden = 403,
  limit = 429, state = 503, cancelled = 503 }

local function wants_json(call)
  return call.path:find "^/api/" ~= nil or call.path == "/healthz" or (call.req.headers.accept or ""):find("application/json", 1,
    true) ~= nil
end

local function send_file(call, path)
  local file <close> = io.open(path, "rb")
  if not file then return answer.problem(call, { code = "not_found", message = "the log is not there (any more)" }) end
  if call.req.method == "HEAD" then return answer.send(call, { text = "", headers = { ["content-type"] = "text/plain; charset=utf-8" } }) end
  local out <close> = call.req:stream { headers = answer.headers { ["content-type"] = "text/plain; charset=utf-8" } }
  while out do
    local piece = file:read(PIECE)
    if not piece then return out:close() end
    if not out:write(piece) then return end
  end
end

local function cleaned(value)
  if type(value) == "string" then return html.clean(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, inner in pairs(value) do copy[cleaned(key)] = cleaned(inner) end
  return setmetatable(copy, getmetatable(value))
end

-- What came from elsewhere and is no UTF-8 must not take the whole answer with it.
local function json_of(value)
  local ok, encoded = pcall(json.encode, value)
  return (ok and encoded or json.encode(cleaned(value))) .. "\n"
end

--- Sends what a handler gave.
---@param call sluice.page.Call
---@param given string|table
function answer.send(call, given)
  if type(given) == "string" then given = { html = given } end
  if given.answered then return end
  if given.file then return send_file(call, given.file) end
  local headers, body = answer.headers(given.headers), given.text or ""
  local status = given.status or 200
  if given.redirect then
    status, headers.location = 303, given.redirect
  elseif given.json ~= nil then
    body, headers["content-type"] = json_of(given.json), "application/json"
  elseif given.html then
    body, headers["content-type"] = given.html, "text/html; charset=utf-8"
  end
  call.req:respond { status = status, headers = headers, body = body }
end

local function error_page(call, status, problem)
  local back = call.back or "/"
  call.problem = problem
  if status == 401 then return outbox.login(call, call.back or (call.req.method == "GET" and call.path) or "/") end
  return layout.page(call, { title = tostring(status), el.h1 { status == 404 and "Not found" or "That did not work" },
    el.p { el.a { href = back, "← Back" } } })
end

--- Sends what went wrong: JSON for programs, a page for people (the login where that is what is missing).
---@param call sluice.page.Call
---@param problem table code, message, hint; `status` where it is known, `wait` seconds
function answer.problem(call, problem)
  local status = problem.status or STATUS[problem.code] or 500
  local shown = { code = problem.code or "internal", hint = problem.hint and html.clean(problem.hint),
    message = html.clean(log.mask(problem.message or "this is our fault; the log says more")) }
  local headers = {}
  if status == 401 then headers["www-authenticate"] = 'Bearer realm="sluice"' end
  if problem.wait then headers["retry-after"] = tostring(problem.wait) end
  for name, value in pairs(problem.headers or {}) do headers[name] = value end
  if wants_json(call) then return answer.send(call, { status = status, headers = headers, json = { error = shown } }) end
  answer.send(call, { status = status, headers = headers, html = error_page(call, status, shown) })
end

return answer
