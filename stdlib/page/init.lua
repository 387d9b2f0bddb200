--- The page of `sluice serve`: what the scheduler does, to be seen and steered; the JSON API, /healthz and /metrics.
---
---     local page = require("sluice.page").start {
---       listen = "127.0.0.1:7070", token = serve.token,          -- nil: a new one, page.token
---       loaded = function() return daemon.loaded end,            -- the config as it is now
---       store = state.open(loaded.store),                        -- a handle of its own, so that it sees what the daemon changes
---       daemon = { last_round = function() return mono end, poke = function() … end },     -- each may be left out
---     }
---     print(page.url, page.token)     page.metrics:decided(change)     page:close()
---
--- Requests are tasks of this process, beside the scheduler: each is answered from the store, in pages, and waits for
--- nothing but its client.
local answer = require "sluice.page.answer"
local auth = require "sluice.page.auth"
local err = require "sluice.err"
local log = require "sluice.log"
local metrics = require "sluice.page.metrics"
local routes = require "sluice.page.routes"
local server = require "sluice.server"
local task = require "sluice.task"
local time = require "sluice.time"

local page = {}

-- Forms and arguments are small; a client that says nothing has no claim to its connection.
local MAX_BODY, MAX_CONNECTIONS, MAX_OF_ONE, IDLE = 64 * 1024, 300, 150, 30

---@class sluice.page.Options
---@field listen string ADDRESS:PORT; port 0 is any free one
---@field token? string
---@field names? string[] names besides localhost and the address under which it may be asked for
---@field loaded fun(): sluice.Loaded
---@field store sluice.Store stays the caller's
---@field daemon? { last_round?: (fun(): number), poke?: fun() } last_round: monotonic time of the last round; poke: something was changed
---@field now? fun(): number

---@class sluice.page.Page
---@field url string
---@field token string
---@field metrics sluice.page.Metrics
local Page = {}
Page.__index = Page

---@class sluice.page.Call one request on its way
---@field req sluice.server.Request
---@field path string
---@field query table<string, string>
---@field params table<string, string> of the route
---@field ctx sluice.page.Context
---@field guard sluice.page.Guard
---@field metrics sluice.page.Metrics
---@field steers boolean it has the token
---@field problem? { message: string, hint?: string } what the page says on top
---@field back? string where a person comes from

local function id_of(call)
  local id = math.tointeger(tonumber(call.params.id))
  return id or err.raise { code = "not_found", message = ("'%s' is no number"):format(call.params.id) }
end

local function new_call(self, req)
  local call = { req = req, path = req.path, query = req.query, params = {}, ctx = self.ctx, guard = self.guard, metrics = self.metrics,
    steers = false, headers = answer.headers }
  call.id = function() return id_of(call) end
  return call
end

-- For a change that was refused: the page that its button was on.
local function page_of(path)
  return path:match "^/schedules/[^/]+" or path:match "^/runs/%d+" or path:match "^/outbox" or "/"
end

local function handle(self, call)
  local req = call.req
  local changes = req.method ~= "GET" and req.method ~= "HEAD"
  local row, params = self.routes:find(req.method, req.path)
  if changes then call.back = page_of(req.path) end
  local refused
  refused, call.steers = self.guard:check(req, { wall = self.ctx.now(), mono = time.mono() }, changes, row and row.options.open)
  if refused then return answer.problem(call, refused) end
  if not row then
    if #params == 0 then err.raise { code = "not_found", message = "there is no such page" } end
    return answer.problem(call, { status = 405, code = "usage", message = ("%s is not for this address"):format(req.method),
      headers = { allow = table.concat(params, ", ") } })
  end
  call.params = params
  local given = row.handler(call)
  if type(given) == "table" and given.changed then self:changed() end
  answer.send(call, given)
end

--- Something was changed through the page: pages that are followed get to know, and the daemon.
function Page:changed()
  self.ctx.changed = (self.ctx.changed or 0) + 1
  local daemon = self.ctx.daemon
  if daemon and daemon.poke then daemon.poke() end
end

local function serve_one(self, req)
  local call = new_call(self, req)
  local trace
  local ok, problem = xpcall(handle, function(what)
    if not err.is(what) then trace = debug.traceback(tostring(what), 2) end
    return what
  end, self, call)
  if ok then return end
  if trace then log.error("page", "%s %s: %s", req.method, req.path, trace) end
  if not err.is(problem) then problem = { code = "internal" } end
  if pcall(answer.problem, call, problem) then return end
  pcall(req.respond, req, { status = 500, headers = answer.headers() }) -- a stream that has begun can't be answered again
end

local function accept(self)
  for req in self.server.accept, self.server do
    local one
    one = task.spawn(function()
      task.yield() -- so that `one` is set
      serve_one(self, req)
      self.tasks[one] = nil
    end)
    self.tasks[one] = true
  end
end

local function address(listen)
  local host, port = listen:match "^%[([%x:.]+)%]:(%d+)$"
  if not host then host, port = listen:match "^([^:]+):(%d+)$" end
  if host == "localhost" then host = "127.0.0.1" end
  if not host then err.raise { code = "config", message = ("serve.listen: '%s' is not ADDRESS:PORT"):format(listen),
    hint = "127.0.0.1:7070, or [::1]:7070" } end
  return host, tonumber(port)
end

--- Listens and serves until it is closed. Raises `config` or `state` where the address can't be had.
---@param options sluice.page.Options
---@return sluice.page.Page
function page.start(options)
  local host, port = address(options.listen)
  local listening, problem = server.listen { host = host, port = port, max_body = MAX_BODY, max_connections = MAX_CONNECTIONS,
    max_of_one = MAX_OF_ONE, idle_timeout = IDLE }
  if not listening then
    err.raise { code = "state", message = "the page: " .. tostring(problem),
      hint = "another `sluice serve`? `serve.listen` says where, `off` is no page" }
  end
  local token = options.token or auth.random_token()
  local self = setmetatable({ server = listening, url = listening.url, token = token, routes = routes.new(), tasks = {},
    metrics = metrics.new(time.now()),
    ctx = { store = options.store, loaded = options.loaded, daemon = options.daemon, now = options.now or time.now } }, Page)
  self.guard = auth.new { token = token, host = host, port = listening.port, names = options.names }
  self.metrics:look(options.store)
  self.acceptor = task.spawn(accept, self)
  return self
end

-- The token is masked wherever else it turns up, so it is said before that is so.
local function announce(self, configured)
  if self.guard.guessable then
    log.warn("page", "`serve.token` has %d characters: with %d it can't be guessed, and no wrong one makes its owner wait", #self.token,
      require("sluice.page.auth").LONG)
  end
  local said = configured and "the token is `serve.token`" or "token " .. self.token
  log.print(("sluice: the page is %s (%s)\n"):format(self.url, said))
  log.secret(self.token)
end

--- The page of a daemon of `sluice serve`, as its config wants it; nil where that is `off`, or where it can't be: another
--- daemon may have the address, and the schedules run without a page as well.
---@param daemon table
---@return sluice.page.Page?
function page.beside(daemon)
  local serve, self = daemon.loaded.serve, nil
  if serve.listen == "off" then return nil end
  local store = require("sluice.state").open(daemon.loaded.store)
  local ok, problem = pcall(function()
    self = page.start { listen = serve.listen, token = serve.token, names = serve.names, store = store, loaded = function() return daemon.loaded end,
      daemon = { last_round = function() return self.rounded end, poke = function() daemon:ring() end } }
  end)
  if not ok then
    log.warn("serve", "there is no page: %s", tostring(problem))
    store:close()
    return nil
  end
  self.own_store, daemon.metrics = store, self.metrics
  announce(self, serve.token ~= nil)
  return self
end

--- The daemon has made a round.
function Page:round() self.rounded = time.mono() end

--- Ends it: no more requests, followed pages are cut off. (waits)
function Page:close()
  if self.closed then return end
  self.closed = true
  self.server:close()
  self.acceptor:wait()
  for one in pairs(self.tasks) do one:cancel() end
  if self.own_store then self.own_store:close() end
end

return page
