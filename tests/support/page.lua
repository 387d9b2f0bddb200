-- The page on a store that was filled through the store's API, with a config that was read from a file: no scheduler beside
-- it, so that nothing happens but what a spec does.
--
--   local site = require("support.page").new()           -- { note = "…", token = "…", listen = "127.0.0.1:0" }
--   site:get("/schedules/delta").body      site:post("/schedules/delta/pause", "note=x", { authorization = "Bearer " .. site.token })
--   site:close()
local http = require "sluice.http"
local options = require "sluice.schedule.options"
local page = require "sluice.page"
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

local support = {}

local Site = {}
Site.__index = Site

support.CONFIG = [[
version: 1
store: sqlite:state.db
shared: shared
connections:
  shop: { api: stock2shop, username: sandbox, password: sandbox, limits: { api: 3000/s } }
  feed: { api: productsup_stream, token: sandbox-token }
schedules:
  delta:
    recipe: delta.lua
    about: Products that changed, to the feed
    args: { from: shop, to: feed, stream: "124773" }
    cron: "TZ=Europe/Berlin\n30 2 * * *"
    timeout: 30m
  nasty:
    recipe: delta.lua
    about: "<script>alert('about')</script>"
    every: 1h
  quiet:
    recipe: delta.lua
    every: 15m
    enabled: false
]]

-- Times of today are near, so that what is shown is like a real morning.
local function fill(self)
  local store, daemon, now = self.store, self.daemon, self.now // 1 | 0
  local rows = {}
  for i = 12, 3, -1 do rows[#rows + 1] = { due = now - i * 3600, state = "waiting" } end
  rows[#rows + 1] = { due = now - 7200, state = "skipped", reason = "overlap", note = "<i>note</i> & more" }
  rows[#rows + 1] = { due = now - 3600, state = "missed", reason = "catchup", ["until"] = now - 1800, count = 3 }
  local _, ids = store:schedule_plan(daemon, {
    { name = "delta", version = 0, spec = "TZ=Europe/Berlin\n30 2 * * *", seen = now, rows = rows },
    { name = "nasty", version = 0, spec = "every 3600", seen = now }, { name = "quiet", version = 0, spec = "every 900", seen = now } })
  self.ids = ids[1]
end

--- Starts a run of an occurrence: its id, and the path of its log.
function Site:start(id, recipe)
  local fence = self.store:occurrence(id).fence
  local started = assert(self.store:occurrence_start(self.daemon, id, fence, { recipe = recipe or "delta",
    args = '{"stream":"124773"}', uses = { shop = 2 } }))
  local path = self.dir .. "/run-" .. started.run .. ".log"
  self.store:run_pid(started.run, 1, path)
  self.locks[started.run] = started.lock
  return started.run, path
end

--- Its end.
function Site:finish(id, run, outcome, sums)
  local child <close> = state.open(self.dir .. "/state.db") -- stands for the process of the run
  child:run_adopt(run, self.locks[run]:fd())
  child:run_finish(run, sums or { exit_code = outcome == "ok" and 0 or 1, read = 10, sent = 10, requests = 3, waited = 1.5,
    peak_bytes = 9 << 20 })
  assert(self.store:occurrence_end(id, run, { state = "ran", outcome = outcome }, {}))
  self.locks[run]:close()
  self.locks[run] = nil
end

function support.new(given)
  given = given or {}
  local dir = tmp.dir()
  tmp.write(dir .. "/sluice.yaml", given.config or support.CONFIG)
  tmp.write(dir .. "/delta.lua", "return 1\n")
  local self = setmetatable({ dir = dir, now = time.now(), locks = {} }, Site)
  self.loaded = options.load(require("sluice.config").load(dir .. "/sluice.yaml"))
  self.store = state.open(dir .. "/state.db")
  self.daemon = self.store:daemon_start "spec"
  if not given.config then fill(self) end
  self.own = state.open(dir .. "/state.db")
  self.page = page.start { listen = given.listen or "127.0.0.1:0", token = given.token, names = given.names, store = self.own,
    loaded = function() return self.loaded end, daemon = given.daemon, now = given.now }
  self.url, self.token = self.page.url:gsub("0%.0%.0%.0", "127.0.0.1"), self.page.token
  return self
end

local function ask(self, method, path, body, headers)
  return assert(http.request { method = method, url = self.url .. path, body = body, headers = headers, max_redirects = 0, timeout = 20 })
end

function Site:get(path, headers) return ask(self, "GET", path, nil, headers) end

function Site:post(path, body, headers)
  local all = { ["content-type"] = "application/x-www-form-urlencoded" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return ask(self, "POST", path, body or "", all)
end

--- The same with the token.
function Site:steer(path, body, headers)
  local all = { authorization = "Bearer " .. self.token }
  for name, value in pairs(headers or {}) do all[name] = value end
  return self:post(path, body, all)
end

function Site:close()
  self.page:close()
  for _, lock in pairs(self.locks) do lock:close() end
  self.daemon:close()
  self.own:close()
  self.store:close()
end

return support
