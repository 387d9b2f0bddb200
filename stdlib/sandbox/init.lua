-- `sluice sandbox`: Stock2Shop, Productsup's two APIs and Veeqo on this machine, with their rules, and with faults to order.
-- It knows the APIs from their documents alone and shares nothing with the clients but the operations' names,
-- methods and paths.
--
--   local sandbox = require("sluice.sandbox").start{ products = 1000, lag = 60, clock = function() return now end }
--   http.get(sandbox.url .. "/sandbox/")      sandbox:touch(40)      sandbox:fault{ kind = "status", status = 503 }
--   sandbox:stop()
local Catalogue = require "sluice.sandbox.catalogue"
local control = require "sluice.sandbox.control"
local Faults = require "sluice.sandbox.faults"
local Limits = require "sluice.sandbox.limits"
local Orders = require "sluice.sandbox.orders"
local Queue = require "sluice.sandbox.queue"
local platform = require "sluice.sandbox.platform"
local Requests = require "sluice.sandbox.requests"
local Router = require "sluice.sandbox.router"
local server = require "sluice.server"
local stock2shop = require "sluice.sandbox.stock2shop"
local stream = require "sluice.sandbox.stream"
local task = require "sluice.task"
local time = require "sluice.time"
local veeqo = require "sluice.sandbox.veeqo"

local M = {}

---@class sluice.sandbox.Options
local defaults = {
  host = "127.0.0.1", port = 0,
  products = 25000,        -- in the shop at the start
  seed = 1,                -- what they are like, and which requests faults with a probability hit
  lag = 0,                 -- seconds that the search index is behind
  crowd = 0,               -- so many products share the first second
  rate_scale = 1,          -- multiplies all rates
  latency = 0,             -- seconds before each answer
  username = "sandbox", password = "sandbox", role = false,
  token = "sandbox-token", -- of the Stream API, and of the Platform API's operations that take it
  platform_token = "1234:sandbox", -- of the Platform API: client_id:client_secret
  process_window = 300,    -- seconds in which a site takes one process
  strict_time = true,      -- false: that window is not kept
  process_queue = 1,       -- seconds that a process is queued
  process_time = 2,        -- seconds that it runs
  legacy_gone = false,     -- what writing product data gets where it has been removed: 403, 404 or 410
  process_auto = 1200,     -- seconds after the last commit until a process begins by itself
  streams = true,          -- 124773 (chunked) and 224773 (referenced) exist
  dead_token = 401,        -- what a dead Stock2Shop token gets: 401, 403, or 200 without the result
  channel_roles = { trade = true }, -- roles that find nothing without channel_id
  refuse_id_ranges = false, -- the search refuses ranges over id
  refuse_id_sort = false,  -- the search of orders refuses to sort by id
  orders = 0,              -- orders at the start
  queue_delay = 0,         -- seconds until a queued product or image is applied, at the soonest
  queue_rate = 0,          -- items of a source that are applied in a second; 0: all at once
  count_ignored = false,   -- queued products that will be ignored are counted in the answer all the same
  summary = "counts",      -- shape of the queue's summary: "counts" or "list"
  order_delay = 0,         -- seconds until a posted order is taken from the queue
  order_codes = "keyword", -- how the index holds channel_order_code: "keyword", or "text" (its words)
  all_failed = 422,        -- status of an upload of which nothing was accepted: 422 or 202
  delete_answer = 202,     -- what deletes by URL and of all are answered with: 202 and a batch, or 204
  first_line = 1,          -- number of an upload's first line in errors: 0 or 1
  import_after = false,    -- seconds after which batches are processed by themselves
  name_reserved = 604800,  -- seconds for which a deleted stream keeps its name
  null_links = false,      -- page links that don't exist are null, not absent
  referenced_min = 0,      -- smallest request to a referenced stream in bytes
  veeqo_key = "sandbox-key", -- of Veeqo
  veeqo_bucket = 100,      -- how many requests Veeqo's bucket holds: 100 by its pages, 56 in a test on the real one
  veeqo_lag = 0,           -- seconds until what is new there is found by words (undocumented whether it takes time)
  veeqo_products = 30, veeqo_orders = 40, -- there at the start
  veeqo_past_end = 200,    -- what a page behind the last gets: 200 and an empty list, or 404
  clock = false,           -- gives the time in seconds
  log = false,             -- gets one line per request
}

---@class sluice.sandbox.Sandbox
---@field url string
---@field port integer
local Sandbox = {}
Sandbox.__index = Sandbox

local function with_defaults(options)
  local all = {}
  for name, value in pairs(defaults) do all[name] = value end
  for name, value in pairs(options or {}) do
    if defaults[name] == nil then
      require("sluice.err").raise { code = "usage", message = ("the sandbox has no option '%s'"):format(name) }
    end
    all[name] = value
  end
  return all
end

-- ---- serving ----

local function process(sb, req)
  platform.advance(sb)
  sb.queue:refresh()
  local module, route, params = sb.router:find(req.method, req.path)
  if not route then return module.missing(params) end
  return module.serve(sb, req, route, params)
end

local function headers_of(result)
  if result.status ~= 204 then result.headers["content-type"] = result.type end
  return result.headers
end

local function status_fault(fault)
  local headers = {}
  for name, value in pairs(fault.headers or {}) do headers[name] = tostring(value) end
  if fault.retry_after then headers["retry-after"] = ("%d"):format(fault.retry_after) end
  local status = math.tointeger(fault.status or 503)
  return { status = status, headers = headers, type = "application/json",
    body = fault.body or platform.says(fault.says) or ('{"errors":[{"status":"%d","title":"ordered from the sandbox"}]}'):format(status) }
end

-- How each kind of fault sends what is there to send; the rest of the kinds changes the result only.
local senders = {
  truncate = function(req, result, fault)
    req:truncate { status = result.status, headers = headers_of(result), body = result.body, after = fault.after or #result.body // 2 }
  end,
  stall = function(req, result, fault)
    req:stall { status = result.status, headers = headers_of(result), body = result.body, after = fault.after or #result.body // 2,
      hold = fault.seconds or 60 }
  end,
  reset_after = function(req) req:reset() end,
  reset_before = function(req) req:reset() end,
  garbage = function(req) req:raw "\0\1\2 this is no HTTP\r\n\r\n" end,
}

local NO_ANSWER = { status = 0, body = "", headers = {} }

local function result_with(sb, req, fault)
  if fault.kind == "reset_before" then return NO_ANSWER end
  if fault.kind == "delay" then task.sleep(fault.seconds or 1) end
  if fault.kind == "status" and not fault.done then return status_fault(fault) end
  local result = process(sb, req)
  if fault.kind == "status" then return status_fault(fault) end
  if fault.kind == "malformed" then result.body = result.body:sub(1, #result.body // 2) .. '\0{"oops' end
  return result
end

local function serve(sb, req, fault, started)
  local leave = platform.arrive(sb, req)
  if sb.options.latency > 0 then task.sleep(sb.options.latency) end
  local ok, result = pcall(fault and result_with or process, sb, req, fault)
  if not ok then
    require("sluice.log").error("sandbox", "%s %s: %s", req.method, req.path, tostring(result))
    result = { status = 500, body = '{"errors":[{"status":"500","title":"Internal Server Error"}]}', headers = {}, type = "application/json" }
    sb.bugs = sb.bugs + 1
  end
  local send = fault and senders[fault.kind]
  if send then send(req, result, fault)
  else req:respond { status = result.status, headers = headers_of(result), body = result.body } end
  if leave then leave() end
  local answered = not (fault and (fault.kind:find "^reset" or fault.kind == "garbage"))
  sb.log:note { at = sb.clock(), seconds = time.mono() - started, method = req.method, target = req.target,
    status = answered and result.status or 0, bytes_in = #req.body, bytes_out = #result.body, fault = fault and fault.kind }
end

-- Requests that have to wait get a task of their own, the others don't need one.
local function accept_all(sb)
  for req in sb.server.accept, sb.server do
    local own = req.path:find("^/sandbox") ~= nil
    local fault = not own and sb.faults:match(req.method, req.path) or nil
    if not own and (sb.options.latency > 0 or (fault and fault.kind == "delay")) then
      task.spawn(serve, sb, req, fault, time.mono())
    else
      serve(sb, req, fault, time.mono())
    end
  end
end

---Starts a sandbox in tasks of this process.
---@param options? sluice.sandbox.Options
---@return sluice.sandbox.Sandbox
function M.start(options)
  options = with_defaults(options)
  local sb = setmetatable({ options = options, shift = 0, bugs = 0, next_stream = 124773, streams = {}, stream_order = {},
    graves = {}, tokens = { [options.token] = true }, users = {} }, Sandbox)
  local clock = options.clock or time.now
  sb.clock = function() return clock() + sb.shift end
  local apis = { { module = stock2shop, prefix = "/v1" }, { module = stream, prefix = "/streams" },
    { module = { routes = {}, missing = stock2shop.missing }, prefix = "/v2-queue" },
    { module = platform, prefix = "/platform", also = "/product/" }, { module = veeqo, prefix = "/products" } }
  for _, prefix in ipairs(veeqo.prefixes) do apis[#apis + 1] = { module = { routes = {}, missing = veeqo.missing }, prefix = prefix } end
  apis[#apis + 1] = { module = control, prefix = "/" }
  sb.router = Router.new(apis)
  sb.users[options.username] = { id = 1, username = options.username, password = options.password, role = options.role or nil,
    modified = "2020-12-29T13:46:44+0000", logins = 0 }
  sb.catalogue = Catalogue.new { count = options.products, seed = options.seed, lag = options.lag, crowd = options.crowd, clock = sb.clock }
  sb.order_store = Orders.new { clock = sb.clock, lag = options.lag, delay = options.order_delay }
  sb.order_store:add(options.orders)
  sb.queue = Queue.new { clock = sb.clock, catalogue = sb.catalogue, delay = options.queue_delay, rate = options.queue_rate }
  platform.start(sb)
  sb.veeqo = veeqo.new(sb)
  sb.faults, sb.limits, sb.log = Faults.new(options.seed), Limits.new(options.rate_scale), Requests.new(options.log or nil)
  if options.streams then
    stream.create(sb, "sandbox", "chunked")
    stream.create(sb, "sandbox referenced", "referenced", "224773")
  end
  local listening, problem = server.listen { host = options.host, port = options.port }
  if not listening then error(problem, 0) end
  sb.server, sb.url, sb.port = listening, listening.url, listening.port
  sb.task = task.spawn(accept_all, sb)
  return sb
end

---Stops it and waits for its end.
function Sandbox:stop()
  self.server:close()
  self.task:wait()
end

---The catalogue's changes: touch(count | ids), add(count), deactivate(count | ids), activate(ids), edit(id, fields).
---Each gives the ids.
for _, name in ipairs { "touch", "add", "deactivate", "activate", "edit" } do
  Sandbox[name] = function(self, ...) return self.catalogue[name](self.catalogue, ...) end
end

---The posted orders, oldest first: { id, code, channel_id, state ("received", "saved", "failed"), problem, payload, … }.
function Sandbox:orders()
  self.order_store:refresh()
  return self.order_store.list
end

---How often a channel_order_code was posted.
function Sandbox:posted(code) return self.order_store.counts[tostring(code)] or 0 end

---Posts so many orders of the sandbox's own. Gives their ids.
function Sandbox:add_orders(count) return self.order_store:add(count) end

---Changes orders now: a count of them, or a list of ids. Gives the ids.
function Sandbox:touch_orders(which) return self.order_store:touch(which) end

---What was put into the queue, in order: { instruction, code, item, state ("done", "failed", nil: waiting), problem }.
function Sandbox:queued()
  local list = {}
  for entry in self.queue:each() do list[#list + 1] = entry end
  return list
end

---The items of a product fail: its source's queue stops at the first of them, until release(source_id, "retry" | "skip").
function Sandbox:poison(code) self.queue:poison(code) end
function Sandbox:release(source_id, how) self.queue:release(source_id, how) end

---Orders a fault: a table, or words as `--fault` takes them.
function Sandbox:fault(spec)
  local fault = type(spec) == "string" and self.faults:add_words(spec) or self.faults:add(spec)
  if fault.kind == "cut" then
    self.server:cut { method = fault.method, path = (fault.path or "/"):match "^[^*]*", after = math.tointeger(fault.after or 0) }
  end
  return fault
end

---The requests so far, oldest first: { n, at, method, target, status, bytes_in, bytes_out, seconds, fault }.
function Sandbox:requests() return self.log:last() end

---The stored products of a stream: :get(id) :times(id) :each() and .count .applied.
function Sandbox:stream(id)
  local one = self.streams[tostring(id)]
  return one and one.store
end

---A linked site imports from a stream (all unless given): batches get their processing stage. `outcome` may say
---{ reject = n, message = "…" }. Gives how many batches that were.
function Sandbox:import(id, outcome)
  local done = 0
  for one, s in pairs(self.streams) do
    if id == nil or one == tostring(id) then
      done = done + require("sluice.sandbox.batches").process(s, self.clock(), outcome or {})
    end
  end
  return done
end

---The site of the Platform API of an id, as platform_sites.lua keeps it.
function Sandbox:site(id) return self.platform.sites[id] end

---The next process of a site fails: { error?, data?, message? }.
function Sandbox:fail_process(id, fields) platform.fail_next(self.platform.sites[id], fields) end

---All Stock2Shop tokens die.
function Sandbox:expire()
  for _, user in pairs(self.users) do user.token = nil end
end

M.routes = {
  stock2shop = stock2shop.routes, productsup_stream = stream.routes, productsup_platform = platform.routes, veeqo = veeqo.routes,
}

local command = require "sluice.sandbox.command"
M.about, M.usage, M.options = command.about, command.usage, command.options

---`sluice sandbox`.
function M.command(argv, globals) return command.run(M.start, argv, globals) end

return M
