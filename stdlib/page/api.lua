--- /api/v1: the same as the page shows, as JSON; docs/serve.md describes it.
local act = require "sluice.page.act"
local err = require "sluice.err"
local json = require "sluice.json"
local model = require "sluice.page.model"
local page_run = require "sluice.page.page_run"
local times = require "sluice.schedule.times"
local view = require "sluice.schedule.view"

local api = {}

--- Rows that one request looks at, at most: the scheduler shall not wait for who asks for a word that is seldom.
api.LOOKS = 10000

local function invalid(format, ...) err.raise { code = "invalid", message = format:format(...) } end

-- ---- reading ----

local function whole(call, name, least, most)
  local word = call.query[name]
  if word == nil then return nil end
  local n = math.tointeger(tonumber(word))
  if not n or n < least or n > most then invalid("%s: a whole number from %d to %d, not '%s'", name, least, most, word:sub(1, 50)) end
  return n
end

local function moment(call, name)
  local word = call.query[name]
  if word == nil then return nil end
  local at, expected = times.read(word, { zone = "UTC", now = call.ctx.now() })
  if not at then err.raise { code = "invalid", message = ("%s: '%s' is no time"):format(name, word:sub(1, 50)), hint = expected } end
  return at
end

local function words_of(call)
  local list
  for word in (call.query.word or ""):gmatch "[%w_]+" do
    list = list or {}
    list[#list + 1] = word
  end
  return list
end

local function state_of(call)
  local word = call.query.state
  if word == nil or word == "" or model.states[word] then return word end
  err.raise { code = "invalid", message = ("state: '%s' is none"):format(word:sub(1, 50)),
    hint = table.concat(require("sluice.text").keys(model.states), ", ") }
end

local function schedules(call)
  return model.schedules(model.seen(call.ctx), { words = call.query.q, state = state_of(call), page = whole(call, "page", 1, 100000),
    most = whole(call, "most", 1, 500) })
end

local function schedule(call)
  local one = model.schedule(model.seen(call.ctx), call.params.name)
  if not one then err.raise { code = "not_found", message = ("there is no schedule '%s'"):format(call.params.name) } end
  return one
end

local function why(call)
  local one = schedule(call)
  local at, expected = times.read(call.query.at or "", { zone = one.zone, now = call.ctx.now() })
  if not at then err.raise { code = "invalid", message = "at: the due time is needed", hint = expected } end
  return view.why(model.seen(call.ctx), one.name, at)
end

local function occurrences(call)
  local list, following = view.occurrences(model.seen(call.ctx), { schedule = call.query.schedule, words = words_of(call),
    from = moment(call, "from"), to = moment(call, "to"), after = whole(call, "after", 1, math.maxinteger),
    most = whole(call, "most", 1, 500), looks = api.LOOKS })
  return { occurrences = list, following = following }
end

local function runs(call)
  local list, following = view.runs(model.seen(call.ctx), { schedule = call.query.schedule, words = words_of(call),
    below = whole(call, "below", 1, math.maxinteger), most = whole(call, "most", 1, 500), looks = api.LOOKS })
  return { runs = list, following = following }
end

local function connections(call)
  return { connections = model.connections(call.ctx, model.seen(call.ctx), model.limits(call.ctx)) }
end

local function outbox(call)
  local states
  for word in (call.query.state or ""):gmatch "%l+" do
    states = states or {}
    states[#states + 1] = word
  end
  return { writes = model.outbox(call.ctx, states) }
end

local function state(call)
  return model.summary(call.ctx, model.seen(call.ctx))
end

-- ---- changing ----

local function body_of(call)
  if call.req.body == "" then return {} end
  local value, problem = json.decode(call.req.body)
  if type(value) ~= "table" then
    err.raise { code = "invalid", message = "the body is no JSON object", hint = problem and tostring(problem) or nil }
  end
  return value
end

local function known_keys(body, ...)
  local known = { ... }
  for key in pairs(body) do
    local found = false
    for _, name in ipairs(known) do found = found or name == key end
    if not found then
      invalid("unknown key '%s'%s", tostring(key), require("sluice.text").near(tostring(key), known))
    end
  end
  return body
end

local function id_of(call)
  local id = math.tointeger(tonumber(call.params.id))
  return id or err.raise { code = "not_found", message = ("'%s' is no number"):format(call.params.id) }
end

--- Adds the routes.
---@param routes sluice.page.Router
function api.add(routes)
  local function get(path, handler) routes:add("GET", "/api/v1" .. path, function(call) return { json = handler(call) } end) end
  local function post(path, handler)
    routes:add("POST", "/api/v1" .. path, function(call) return { json = handler(call, body_of(call)), changed = true } end)
  end
  get("/state", state)
  get("/schedules", schedules)
  get("/schedules/:name", schedule)
  get("/schedules/:name/why", why)
  get("/occurrences", occurrences)
  get("/runs", runs)
  get("/runs/:id", page_run.find)
  routes:add("GET", "/api/v1/runs/:id/log", page_run.log)
  get("/limits", function(call) return { limits = model.limits(call.ctx) } end)
  get("/connections", connections)
  get("/outbox", outbox)
  post("/schedules/:name/trigger", function(call, body) return act.trigger(call.ctx, call.params.name, known_keys(body, "args",
    "note")) end)
  post("/schedules/:name/pause", function(call, body) return act.pause(call.ctx, call.params.name, known_keys(body, "until", "note")) end)
  post("/schedules/:name/resume", function(call, body) return act.resume(call.ctx, call.params.name, known_keys(body)) end)
  post("/schedules/:name/backfill", function(call, body)
    return act.backfill(call.ctx, call.params.name, known_keys(body, "from", "to", "parallel", "dry_run", "note"))
  end)
  post("/runs/:id/cancel", function(call, body) return act.cancel(call.ctx, id_of(call), known_keys(body)) end)
  post("/occurrences/:id/cancel", function(call, body) return act.cancel_occurrence(call.ctx, id_of(call), known_keys(body)) end)
  post("/outbox/:id/settle", function(call, body) return act.settle(call.ctx, id_of(call), known_keys(body, "decision").decision) end)
end

return api
