--- The step before the network, for API clients (stdlib/client.lua) and for `sluice.http`: both hand every request over here, and
--- as a rule it goes on as it is. A dry run (sluice.dry), a recording (sluice.recording) and a replay (sluice.replay) put
--- themselves in its way; there is no other place where one of them decides.
---
---     wire.put(dry.new())            -- from now on every request is asked there
---     wire.put(nil)                  -- and no longer
---
--- What is put is an object with two methods: `call(request, send)` for a client's call (of a `wire.Call`, gives answer | nil, err,
--- body, head), `http(request, send)` for one of `sluice.http` (of a `wire.Http`, gives response | nil, err). `send()` lets it go out.

local wire = {}

---@class sluice.wire.Call a request of a client, as request.prepare makes it
---@field client sluice.Client
---@field row table the operation's row
---@field values table the checked arguments
---@field request table

---@class sluice.wire.Http
---@field method string
---@field url string
---@field address string the same with the query
---@field options sluice.http.Options
---@field pieces? fun(): any where the body is streamed

---@class sluice.wire.Way
---@field call fun(self, call: sluice.wire.Call, send: function): table?, sluice.Error?, string?, table?
---@field http fun(self, request: sluice.wire.Http, send: function): table?, sluice.Error?
---@field knows? fun(self, id: any): boolean whether an id exists in its answers alone
---@field close? fun(self)

local way

--- Puts something in the way of all requests; nil: they go out again. Gives what was there before.
---@param new sluice.wire.Way?
---@return sluice.wire.Way? former
function wire.put(new)
  local former = way
  way = new
  return former
end

--- What is in the way, nil where requests go out.
---@return sluice.wire.Way?
function wire.way() return way end

--- A client's call: what is in the way decides, else it goes out.
---@param call sluice.wire.Call
---@param send fun(): table?, sluice.Error?, string?, table?
function wire.call(call, send)
  if way then return way:call(call, send) end
  return send()
end

--- The first interval of a poll: what is wanted, and next to nothing where a dry run has made the id itself.
---@param id any
---@param seconds number
---@return number
function wire.interval(id, seconds)
  return way and way.knows and way:knows(id) and 0.001 or seconds
end

-- ---- answers that no server gave ----

local Headers = { __name = "sluice.http.headers" }

function Headers.__index(self, name)
  if name == "get" or name == "all" then return Headers[name] end
  return Headers.get(self, name)
end

function Headers.get(self, name) return Headers.all(self, name)[1] end

function Headers.all(self, name)
  local found = {}
  for _, header in ipairs(rawget(self, "list")) do
    if header[1]:lower() == tostring(name):lower() then found[#found + 1] = header[2] end
  end
  return found
end

function Headers.__pairs(self)
  local list, i = rawget(self, "list"), 0
  return function()
    i = i + 1
    if list[i] then return list[i][1], list[i][2] end
  end
end

local function save_to(path, body)
  local file, problem = io.open(path .. ".part", "wb")
  local ok = file and file:write(body) and file:close()
  if ok then ok, problem = os.rename(path .. ".part", path) end
  if ok then return true end
  return nil, require("sluice.err").new { code = "state", message = ("%s can't be written: %s"):format(path, tostring(problem)) }
end

local no_timings = { dns = 0, connect = 0, tls = 0, first_byte = 0, total = 0, sent_bytes = 0, received_bytes = 0, reused = false }

-- A streamed answer's exchange: the body in one piece.
local function exchange_of(body)
  return {
    read = function()
      local piece = body
      body = nil
      return piece ~= "" and piece or nil
    end,
    close = function() body = nil end,
  }
end

--- A response of `sluice.http` that was not got over the network. `save` and `stream` of the options hold as for others.
---@param o { status: integer, reason?: string, headers?: string[][], body?: string, url: string, options?: table }
---@return table? response
---@return sluice.Error? err
function wire.response(o)
  local options, body = o.options or {}, o.body or ""
  local response = setmetatable({
    status = o.status, reason = o.reason or "", version = "1.1", url = o.url, redirects = 0, body = body, timings = no_timings,
    headers = setmetatable({ list = o.headers or {} }, Headers),
  }, { __index = require("sluice.http_core").response, __name = "sluice.http.response" })
  if options.stream then
    response.body, response.exchange = "", exchange_of(body)
  elseif options.save and o.status // 100 == 2 then
    local ok, problem = save_to(options.save, body)
    if not ok then return nil, problem end
    response.body = ""
  end
  return response
end

return wire
