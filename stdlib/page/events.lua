--- Server-sent events: that something has changed, and the lines of a run as they are written.
---
---     event: change          the store has changed: what is shown may be old
---     event: lines           data is a list of { at, stream, text }; the id says where to go on
---     event: over            the run has ended, and so do the events
local json = require "sluice.json"
local log_reader = require "sluice.serve.log_reader"
local model = require "sluice.page.model"
local task = require "sluice.task"
local time = require "sluice.time"
local view = require "sluice.schedule.view"

local events = {}

local LOOK, BEAT, REFRESH, MOST = 0.4, 15, 10, 100
local HEAD = { ["content-type"] = "text/event-stream", ["cache-control"] = "no-store", ["x-accel-buffering"] = "no" }

-- What stands for the state of the store; asked for at most once in each look, however many streams there are.
local function version_of(ctx)
  local now = time.mono()
  if not ctx.looked or now - ctx.looked >= LOOK / 2 then
    ctx.looked, ctx.version = now, ctx.store:changes() + (ctx.changed or 0) * 4294967296
  end
  return ctx.version
end

-- Sends `change` where the store has, now and then without (budgets move beside it), and a heartbeat.
local function beat(ctx, out, self)
  local version, now = version_of(ctx), time.mono()
  if version ~= self.version or now - self.refreshed > REFRESH then
    self.version, self.refreshed, self.said = version, now, now
    return out:write "event: change\ndata: 1\n\n"
  elseif now - self.said > BEAT then
    self.said = now
    return out:write ": still here\n\n"
  end
  return true
end

local function new_beat(ctx)
  local now = time.mono()
  return { version = version_of(ctx), refreshed = now, said = now }
end

local function serve(call, follow)
  local ctx = call.ctx
  if call.req.method == "HEAD" then return { text = "", headers = HEAD } end
  ctx.followed = ctx.followed or 0
  if ctx.followed >= MOST then
    return { status = 503, json = { error = { code = "limit", message = ("more than %d pages are followed at once"):format(MOST) } } }
  end
  local out <close> = call.req:stream { headers = call.headers(HEAD) }
  if not out then return { answered = true } end
  ctx.followed = ctx.followed + 1
  local ok, problem = pcall(follow, out)
  ctx.followed = ctx.followed - 1
  if not ok then error(problem, 0) end
  if out:open() then out:close() end
  return { answered = true }
end

--- GET /events
---@param call sluice.page.Call
---@return table answer
function events.changes(call)
  return serve(call, function(out)
    local self = new_beat(call.ctx)
    local go_on = out:write "retry: 2000\n\n"
    while go_on do
      task.sleep(LOOK)
      go_on = beat(call.ctx, out, self)
    end
  end)
end

-- What was written since; true while the client is there, and how many lines it was.
local function send_lines(out, reader)
  local lines = reader:lines()
  if #lines == 0 then return true, 0 end
  return out:write(("event: lines\nid: %d\ndata: %s\n\n"):format(reader.offset, json.encode(json.array(lines)))), #lines
end

local function is_running(ctx, id)
  local one = view.run(model.seen(ctx), id)
  return one ~= nil and one.word == "running"
end

--- GET /runs/:id/events?from=BYTES
---@param call sluice.page.Call
---@return table answer
function events.log(call)
  local one = require("sluice.page.page_run").find(call)
  local start = math.tointeger(tonumber(call.req.headers["last-event-id"] or call.query.from)) or 0
  return serve(call, function(out)
    local self, reader = new_beat(call.ctx), log_reader.open(one.log or "", math.max(0, start))
    local go_on, running = out:write "retry: 2000\n\n", true
    while go_on do
      local sent, count = send_lines(out, reader)
      if count == 0 and not running then return out:write "event: over\ndata: 1\n\n" end
      if count == 0 then running = is_running(call.ctx, one.id) end
      go_on = sent and beat(call.ctx, out, self)
      if go_on and count == 0 and running then task.sleep(LOOK) end
    end
  end)
end

return events
