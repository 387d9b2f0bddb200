--- Who may do what: the token, its cookie, and whether a request was meant for this page at all.
---
---     local guard = auth.new { token = "…", host = "127.0.0.1", port = 7070 }
---     guard:check(req, now, changes)     -- nil, or { status =, code =, message =, hint = }
---
--- On loopback reading is free; every change, and everything beyond loopback, needs the token: as `Authorization: Bearer`
--- or as the cookie that the login form gives. A cookie alone is not enough for a change: the browser must also say that
--- the request comes from this page (Origin, or Sec-Fetch-Site).
local crypto = require "sluice.crypto"
local log = require "sluice.log"

local auth = {}

local LASTS = 12 * 3600          -- seconds that a login is good for
local FREE, SLOWEST, KNOWN = 5, 60, 1000

--- Characters of a token that nobody guesses: no address waits for it, so none can lock its owner out.
auth.LONG = 32
local BLIND = crypto.random(32)  -- keys the digests that are compared, so that their bytes tell nothing

---@class sluice.page.Guard
local Guard = {}
Guard.__index = Guard

local function is_loopback(address) return address:find "^127%." ~= nil or address == "localhost" or address == "::1" end

local function bracketed(host) return host:find(":", 1, true) and "[" .. host .. "]" or host end

-- The names under which this page may be asked for. A name that is not known is somebody else's, whose address was made
-- ours (DNS rebinding); an address can't be made anything. Names of the config are those of a proxy, whose port is its own.
local function names_of(options)
  local names = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true, [bracketed(options.host):lower()] = true }
  local given = {}
  for _, name in ipairs(options.names or {}) do given[name:lower()] = true end
  return names, given
end

---@param options { token: string, host: string, port: integer, names?: string[] } where it listens; names it may have besides
---@return sluice.page.Guard
function auth.new(options)
  local names, given = names_of(options)
  return setmetatable({
    token = options.token, port = options.port, names = names, given = given, cookie = "sluice_" .. options.port,
    open = is_loopback(options.host) and not next(given), anywhere = options.host == "0.0.0.0" or options.host == "::",
    guessable = #options.token < auth.LONG, wrong = {}, known = 0, over = {}, overs = 0,
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
  if host and self.given[host] then return true end
  if not host or port ~= self.port and not (self.anywhere and port == 80) then return false end
  if self.names[host] then return true end
  return self.anywhere and (host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil or host:find "^%[" ~= nil)
end

-- Whether a browser says that the request comes from this page; nil where nothing is said (it is no browser).
local function from_here(headers)
  local origin, site = headers.origin, headers["sec-fetch-site"]
  if origin then
    local authority = origin:match "^https?://([^/]+)$"
    return authority ~= nil and authority:lower() == headers.host:lower()
  end
  if site then return site == "same-origin" or site == "none" end
end

-- A link on another site may lead here; its scripts, images and frames have nothing to ask for, not even to keep us busy.
local function is_embedded(headers, here)
  return here == false and headers["sec-fetch-mode"] ~= "navigate"
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


local function cookie_of(self, headers)
  for name, value in (headers.cookie or ""):gmatch "([^;=%s]+)=([^;%s]*)" do
    if name == self.cookie then return value end
  end
end

-- The session of the request's cookie, where it is one of ours that still lasts.
local function session_of(self, headers, now)
  local text, mac = (cookie_of(self, headers) or ""):match "^(%d+%.%x+)%.(%x+)$"
  if not text or not auth.same(mac, sign(self, text)) or self.over[text] then return nil end
  return now < tonumber(text:match "^%d+") and text or nil
end

--- Ends the session of the request, wherever its cookie has got to; gives the Set-Cookie that takes it away.
---@param headers table<string, string>
---@param now number
---@return string
function Guard:logout(headers, now)
  local text = session_of(self, headers, now)
  if self.overs >= KNOWN then self.over, self.overs = {}, 0 end
  if text then self.over[text], self.overs = true, self.overs + 1 end
  return self.cookie .. "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
end

-- ---- wrong tokens ----

--- Whose wrong tokens are counted: the address, or for a proxy on this machine the one that it speaks for.
---@param req sluice.server.Request
---@return string
function auth.client(req)
  local through = is_loopback(req.peer) and (req.headers["x-forwarded-for"] or ""):match "([^,%s]+)%s*$"
  return through and req.peer .. " for " .. through:sub(1, 64) or req.peer
end

--- Seconds that this address has to wait before a token of it is looked at again.
---@param peer string
---@param now number monotonic
---@return number
function Guard:wait(peer, now)
  local one = self.guessable and self.wrong[peer]
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
  if one.count == FREE then log.warn("page", "%d wrong tokens from %s", FREE, peer) end
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
  local client = auth.client(req)
  local wait = self:wait(client, now.mono)
  if wait > 0 then
    return false, problem(429, "limit", ("too many wrong tokens: try again in %d s"):format(math.ceil(wait)), nil, math.ceil(wait))
  end
  if self:try(client, token, now.mono) then return true end
  return false, problem(401, "auth", "the token is not the one of this page", "`serve.token`, or what `sluice serve` printed")
end

-- Whoever comes through a proxy is not on this machine, whatever its last address says.
local function is_near(self, req)
  local headers = req.headers
  return self.open and not (headers["x-forwarded-for"] or headers.forwarded or headers.via)
end

local function check_place(self, headers, changes, here)
  if not self:knows_host(headers.host) then
    return problem(421, "forbidden", ("this is not the page of '%s'"):format(tostring(headers.host):sub(1, 100)),
      "ask for it by an address or name that `serve.listen` or `serve.names` has")
  end
  if changes and here == false or is_embedded(headers, here) then
    return problem(403, "forbidden", "this request comes from another site", "use the page itself, or the token without a browser")
  end
end

local NEEDED = "serve.token, or what `sluice serve` printed: log in, or send `Authorization: Bearer TOKEN`"

--- Whether a request may go on: nil, else what is wrong.
---@param req sluice.server.Request
---@param now { wall: number, mono: number }
---@param changes boolean it is not only reading
---@param free? boolean it needs no token: the login, and what belongs to it
---@return table? problem
---@return boolean steers it has the token
function Guard:check(req, now, changes, free)
  local here = req.headers.host and from_here(req.headers)
  local misled = check_place(self, req.headers, changes, here)
  if misled then return misled, false end
  local bearer, refused = check_bearer(self, req, now)
  if refused and not free then return refused, false end
  local session = not bearer and session_of(self, req.headers, now.wall) ~= nil
  if session and changes and here == nil and not free then
    return problem(403, "forbidden", "a change needs a browser that says where it comes from",
      "send the token instead of the cookie"), false
  end
  local steers = bearer or session
  if steers or free or (not changes and is_near(self, req)) then return nil, steers end
  return problem(401, "auth", changes and "a change needs the token" or "this page needs the token", NEEDED), false
end

return auth
