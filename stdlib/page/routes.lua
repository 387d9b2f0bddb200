--- Every address of the page and what answers it. A handler gets the call and gives HTML as a text, or a table: `json`,
--- `text`, `file` (a path), `redirect`, with `status`, `headers`, and `changed` where the store was.
local act = require "sluice.page.act"
local api = require "sluice.page.api"
local assets = require "sluice.page.assets"
local auth = require "sluice.page.auth"
local err = require "sluice.err"
local events = require "sluice.page.events"
local health = require "sluice.page.health"
local outbox = require "sluice.page.page_outbox"
local overview = require "sluice.page.page_overview"
local parts = require "sluice.page.parts"
local router = require "sluice.page.router"
local run = require "sluice.page.page_run"
local schedule = require "sluice.page.page_schedule"
local server = require "sluice.server"
local time = require "sluice.time"

local routes = {}

-- ---- forms ----

--- The fields of a form that was sent.
---@param body string
---@return table<string, string>
function routes.form(body)
  local fields = {}
  for name, value in body:gmatch "([^&=]+)=([^&]*)" do
    fields[server.unescape((name:gsub("+", " ")))] = server.unescape((value:gsub("+", " ")))
  end
  return fields
end

-- A change by a form ends with a redirect, so that a reload does not do it again. Where it fails, `back` is where the
-- person came from.
local function change(all, path, back, handler)
  all:add("POST", path, function(call)
    call.back = back(call)
    return { redirect = handler(call, routes.form(call.req.body)), changed = true }
  end)
end

local function schedule_page(call) return parts.schedule_url(call.params.name) end
local function run_page(call) return parts.run_url(call.id()) end

local function add_schedule_forms(all)
  change(all, "/schedules/:name/trigger", schedule_page, function(call)
    act.trigger(call.ctx, call.params.name, {})
    return call.back .. "?done=triggered"
  end)
  change(all, "/schedules/:name/pause", schedule_page, function(call, fields)
    act.pause(call.ctx, call.params.name, { note = fields.note, ["until"] = fields["until"] })
    return call.back .. "?done=paused"
  end)
  change(all, "/schedules/:name/resume", schedule_page, function(call)
    act.resume(call.ctx, call.params.name)
    return call.back .. "?done=resumed"
  end)
  change(all, "/schedules/:name/backfill", schedule_page, function(call, fields)
    local done = act.backfill(call.ctx, call.params.name, { from = fields.from, to = fields.to, parallel = fields.parallel })
    return ("%s?filled=%d-%d"):format(call.back, done.count, done.left_out)
  end)
end

local function add_other_forms(all)
  change(all, "/runs/:id/cancel", run_page, function(call)
    act.cancel(call.ctx, call.id())
    return call.back .. "?done=cancelled"
  end)
  change(all, "/occurrences/:id/cancel", function() return "/" end, function(call)
    local row = call.ctx.store:occurrence(call.id())
    act.cancel_occurrence(call.ctx, call.id())
    return parts.schedule_url(row.schedule) .. "?done=cancelled"
  end)
  change(all, "/outbox/:id/settle", function() return "/outbox" end, function(call, fields)
    act.settle(call.ctx, call.id(), fields.decision)
    return "/outbox?done=settled"
  end)
end

-- ---- log in, log out ----

-- Where to go afterwards: a page of ours.
local function following(text)
  return text and text:find "^/%w[%w/._~%%-]*$" and text or "/"
end

local function log_in(call)
  local fields, now, client = routes.form(call.req.body), time.mono(), auth.client(call.req)
  local wait = call.guard:wait(client, now)
  local good = wait == 0 and call.guard:try(client, fields.token or "", now)
  if good then
    local secure = (call.req.headers.origin or ""):find "^https:" ~= nil
    return { redirect = following(fields.next) .. "?done=loggedin",
      headers = { ["set-cookie"] = call.guard:login(call.ctx.now(), secure) } }
  end
  call.problem = { message = wait > 0 and ("Too many wrong tokens: try again in %d s."):format(math.ceil(wait)) or "That is not the token." }
  return { html = outbox.login(call, following(fields.next)), status = wait > 0 and 429 or 401,
    headers = wait > 0 and { ["retry-after"] = tostring(math.ceil(wait)) } or nil }
end

local function add_session(all)
  all:add("GET", "/login", function(call) return outbox.login(call, following(call.query.next)) end, { open = true })
  all:add("POST", "/login", log_in, { open = true })
  all:add("POST", "/logout", function(call)
    return { redirect = "/", headers = { ["set-cookie"] = call.guard:logout(call.req.headers, call.ctx.now()) } }
  end, { open = true })
end

-- ---- all ----

local function asset(call)
  local file = assets.find(call.params.tag, call.params.name)
  if not file then err.raise { code = "not_found", message = "there is no such file" } end
  return { text = file.text, headers = { ["content-type"] = file.type, ["cache-control"] = "public, max-age=31536000, immutable" } }
end

local function health_answer(call)
  local found = health.look(call.ctx, time.mono())
  return { json = found, status = found.status == "ok" and 200 or 503 }
end

--- The routes of a page.
---@return sluice.page.Router
function routes.new()
  local all = router.new()
  all:add("GET", "/", overview.show)
  all:add("GET", "/schedules/:name", schedule.show)
  all:add("GET", "/runs", run.list)
  all:add("GET", "/runs/:id", run.show)
  all:add("GET", "/runs/:id/log", run.log)
  all:add("GET", "/runs/:id/events", events.log)
  all:add("GET", "/events", events.changes)
  all:add("GET", "/outbox", outbox.show)
  all:add("GET", "/assets/:tag/:name", asset, { open = true })
  all:add("GET", "/healthz", health_answer)
  all:add("GET", "/metrics", function(call)
    return { text = call.metrics:text(call.ctx), headers = { ["content-type"] = "text/plain; version=0.0.4; charset=utf-8" } }
  end)
  add_schedule_forms(all)
  add_other_forms(all)
  add_session(all)
  api.add(all)
  return all
end

return routes
