--- Who may do what: the token, its cookie, and whether a request was meant for this page at all.
---
---     local guard = auth.new { token = "…", host = "127.0.0.1", port = 7070 }
---     guard:check(req, now, changes)     -- nil, or { status =, code =, message =, hint = }
---
--- On loopback reading is free; every change, and everything beyond loopback, needs the token: as `Authorization: Bearer`
--- or as the cookie that the login form gives. A cookie alone is not enough for a change: the browser must also say that
--- the request comes from this page (Origin, or Sec-Fetch-Site).
local crypto = require "sluice.crypto"

local auth = {}

local LASTS = 12 * 3600          -- seconds that a login is good for
local FREE, SLOWEST, KNOWN = 5, 60, 1000
local BLIND = crypto.random(32)  -- keys the digests that are compared, so that their bytes tell nothing

---@class sluice.page.Guard
local Guard = {}
Guard.__index = Guard

local function is_loopback(address) return address:find "^127%." ~= nil or address == "localhost" or address == "::1" end

-- The names under which this page may be asked for. A name that is not known is somebody else's, whose address was made
-- ours (DNS rebinding); an address can't be made anything.
local function names_of(options)
  local names = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true, [options.host] = true }
  for _, name in ipairs(options.names or {}) do names[name:lower()] = true end
  return names
end

---@param options { token: string, host: string, port: integer, names?: string[] } where it listens; names it may have besides
---@return sluice.page.Guard
function auth.new(options)
  return setmetatable({
    token = options.token, port = options.port, names = names_of(options), cookie = "sluice_" .. options.port,
    loopback = is_loopback(options.host), anywhere = options.host == "0.0.0.0", wrong = {}, known = 0,
  }, Guard)
end

--- A token that nobody can guess.
---@return string
function auth.random_token()
  return (crypto.random(18):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- Whether two texts are the same, in a time that says nothing of where they differ.
---@param a string
---@param b string
---@return boolean
function auth.same(a, b)
  return crypto.hmac("sha256", BLIND, a) == crypto.hmac("sha256", BLIND, b)
end

-- ---- where it comes from ----

local function host_and_port(text)
  local host, port = text:match "^(%[[%x:.]+%]):?(%d*)$"
  if not host then host, port = text:match "^([^:]+):?(%d*)$" end
  return host and host:lower(), tonumber(port) or 80
end

--- Whether the Host header names this page.
---@param text? string
---@return boolean
function Guard:knows_host(text)
  local host, port = host_and_port(text or "")
  if not host or port ~= self.port and not (self.anywhere and port == 80) then return false end
  if self.names[host] then return true end
  return self.anywhere and (host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil or host:find "^%[" ~= nil)
end

-- Whether a browser says that the request comes from this page; nil where nothing is said (it is no browser).
local function from_here(self, headers)
  local origin, site = headers.origin, headers["sec-fetch-site"]
  if origin then
    local authority = origin:match "^https?://([^/]+)$"
    return authority ~= nil and authority:lower() == (headers.host or ""):lower() and self:knows_host(authority)
  end
  if site then return site == "same-origin" or site == "none" end
end

-- ---- who it is ----

local function sign(self, text) return crypto.hmac("sha256", self.token, "sluice session " .. text) end

--- The cookie of a login, as the value of Set-Cookie.
---@param now number
---@param secure? boolean
---@return string
function Guard:login(now, secure)
  local text = ("%d.%s"):format(now // 1 + LASTS, auth.random_token():sub(1, 12))
  return ("%s=%s.%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s"):format(self.cookie, text, sign(self, text), LASTS,
    secure and "; Secure" or "")
end

--- The Set-Cookie that takes it away.
---@return string
function Guard:logout() return self.cookie .. "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0" end

local function cookie_of(self, headers)
  for name, value in (headers.cookie or ""):gmatch "([^;=%s]+)=([^;%s]*)" do
    if name == self.cookie then return value end
  end
end

-- Whether the request has the cookie of a login that still lasts.
local function has_session(self, headers, now)
  local text, mac = (cookie_of(self, headers) or ""):match "^(%d+%.%x+)%.(%x+)$"
  if not text or not auth.same(mac, sign(self, text)) then return false end
  return now < tonumber(text:match "^%d+")
end

-- ---- wrong tokens ----

--- Seconds that this address has to wait before a token of it is looked at again.
---@param peer string
---@param now number monotonic
---@return number
function Guard:wait(peer, now)
  local one = self.wrong[peer]
  return one and math.max(0, one.open - now) or 0
end

--- Whether the token is right; a wrong one makes the address wait, longer each time.
---@param peer string
---@param token string
---@param now number monotonic
---@return boolean
function Guard:try(peer, token, now)
  if auth.same(token, self.token) then
    if self.wrong[peer] then self.known, self.wrong[peer] = self.known - 1, nil end
    return true
  end
  if self.known >= KNOWN then self.wrong, self.known = {}, 0 end
  if not self.wrong[peer] then self.known = self.known + 1 end
  local one = self.wrong[peer] or { count = 0, open = now }
  one.count = one.count + 1
  if one.count >= FREE then one.open = now + math.min(SLOWEST, 2 ^ (one.count - FREE)) end
  self.wrong[peer] = one
  return false
end

local function problem(status, code, message, hint, wait)
  return { status = status, code = code, message = message, hint = hint, wait = wait }
end

local function check_bearer(self, req, now)
  local token = (req.headers.authorization or ""):match "^[Bb]earer%s+(.-)%s*$"
  if not token then return false end
  local wait = self:wait(req.peer, now.mono)
  if wait > 0 then
    return false, problem(429, "limit", ("too many wrong tokens: try again in %d s"):format(math.ceil(wait)), nil, math.ceil(wait))
  end
  if self:try(req.peer, token, now.mono) then return true end
  return false, problem(401, "auth", "the token is not the one of this page", "`serve.token`, or what `sluice serve` printed")
end

-- Whoever comes through a proxy is not on this machine, whatever its last address says.
local function is_near(self, req)
  local headers = req.headers
  return self.loopback and not (headers["x-forwarded-for"] or headers.forwarded or headers.via)
end

local NEEDED = "serve.token, or what `sluice serve` printed: log in, or send `Authorization: Bearer TOKEN`"

--- Whether a request may go on: nil, else what is wrong. `req.steers` says from then on whether it has the token.
---@param req sluice.server.Request
---@param now { wall: number, mono: number }
---@param changes boolean it is not only reading
---@return table? problem
---@return boolean steers it has the token
function Guard:check(req, now, changes)
  if not self:knows_host(req.headers.host) then
    return problem(421, "forbidden", ("this is not the page of '%s'"):format(tostring(req.headers.host):sub(1, 100)),
      "ask for it by an address or name that `serve.listen` has"), false
  end
  local here = changes and from_here(self, req.headers)
  if changes and here == false then
    return problem(403, "forbidden", "this request comes from another site", "use the page itself, or the token without a browser"), false
  end
  local bearer, refused = check_bearer(self, req, now)
  if refused then return refused, false end
  local session = not bearer and has_session(self, req.headers, now.wall)
  if session and changes and here == nil then
    return problem(403, "forbidden", "a change needs a browser that says where it comes from",
      "send the token instead of the cookie"), false
  end
  local steers = bearer or session
  if steers or (not changes and is_near(self, req)) then return nil, steers end
  return problem(401, "auth", changes and "a change needs the token" or "this page needs the token", NEEDED), false
end

return auth
