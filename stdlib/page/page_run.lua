--- The pages of runs: all of them, and one with its log as it is written.
local err = require "sluice.err"
local html = require "sluice.page.html"
local json = require "sluice.json"
local layout = require "sluice.page.layout"
local log_reader = require "sluice.serve.log_reader"
local model = require "sluice.page.model"
local parts = require "sluice.page.parts"
local text = require "sluice.text"
local time = require "sluice.time"
local view = require "sluice.schedule.view"

local run = {}

local el = html.el
local PAGE, SHOWN = 50, 200000 -- bytes of a log that the page begins with

local SUMS = { "read", "added", "sent", "unchanged", "skipped", "rejected", "unknown" }

local function size(bytes)
  if not bytes or bytes == 0 then return nil end
  return bytes < 10 << 20 and ("%.1f MB"):format(bytes / (1 << 20)) or ("%d MB"):format(bytes >> 20)
end

-- Nothing for a run that had to do with no records.
local function sums(one)
  local tiles, moved = {}, false
  for _, name in ipairs(SUMS) do
    local n = one.sums and one.sums[name]
    moved = moved or (n or 0) > 0
    local tone = (name == "rejected" or name == "unknown") and (n or 0) > 0 and " bad" or ""
    if n then tiles[#tiles + 1] = el.div { class = "tile" .. tone, el.b { text.grouped(n) }, el.span { name } } end
  end
  return moved and el.div { class = "tiles", tiles } or nil
end

local function arguments(args)
  local list = {}
  for _, name in ipairs(text.keys(args or {})) do
    local value = args[name]
    list[#list + 1] = { el.code { name }, el.code { type(value) == "table" and json.encode(value) or tostring(value) } }
  end
  return #list > 0 and parts.section { id = "args", title = "Arguments", parts.facts(list) } or nil
end

local function unless_0(value, show) return value and value > 0 and show(value) or nil end

local function facts(one)
  return parts.facts {
    { "Schedule", one.schedule and el.a { href = parts.schedule_url(one.schedule), one.schedule } or "by hand" },
    { "Recipe", el.code { one.recipe } }, { "Due", one.due and parts.time(one.due) },
    { "Attempt", one.attempt and one.attempt > 1 and one.attempt or nil }, { "Started", parts.time(one.started) },
    { "Ended", one.ended and parts.time(one.ended) },
    { "Took", one.seconds and el.span { ["data-since"] = not one.ended and one.started or nil, parts.span(one.seconds) } },
    { "Exit code", one.exit_code }, { "Error", one.error }, { "Requests", unless_0(one.requests, text.grouped) },
    { "Waited", unless_0(one.waited, function(n) return parts.span(n) .. " for rate budgets" end) },
    { "Batches", unless_0(one.batches, text.grouped) },
    { "Peak memory", size(one.peak_bytes) }, { "Rejected records", one.dead_letters and el.code { one.dead_letters } },
    { "Process", one.pid },
  }
end

-- The end of a log, where events go on, and whether there is more before.
local function tail(path)
  local reader, rows = log_reader.open(path, -SHOWN), {}
  repeat
    local lines = reader:lines()
    for _, line in ipairs(lines) do
      rows[#rows + 1] = el.span { class = "line " .. line.stream, line.at and el.time { line.at:sub(12, 19), " " }, line.text, "\n" }
    end
  until #lines == 0
  reader:close()
  return rows, math.max(0, reader.offset), reader.cut
end

local function log_part(one)
  if not one.log then return parts.section { id = "log", title = "Log", el.p { class = "empty",
    "a run by hand writes to its own terminal" } } end
  local rows, stop, cut = tail(one.log)
  local note = cut and "the last part; all of it: below" or nil
  return parts.section { id = "log", title = "Log", note = note,
    el.pre { id = "lines", class = "log", tabindex = "0", role = "log", ["aria-label"] = "What the run printed",
      ["data-events"] = one.word == "running" and ("/runs/%d/events?from=%d"):format(one.id, stop) or nil, rows },
    #rows == 0 and el.p { class = "empty", id = "nolines", "it has printed nothing" .. (one.word == "running" and " yet" or "") } or nil,
    el.p { el.a { href = parts.run_url(one.id) .. "/log", "The whole log as text" } } }
end

local function find(call)
  local id = math.tointeger(tonumber(call.params.id))
  local one = id and view.run(model.seen(call.ctx), id)
  if not one then err.raise { code = "not_found", message = ("there is no run '%s'"):format(call.params.id),
    hint = "old runs are forgotten after `keep.runs`" } end
  return one
end

--- GET /runs/:id
---@param call sluice.page.Call
---@return string
function run.show(call)
  local one = find(call)
  local running = one.word == "running"
  return layout.page(call, { title = "run " .. one.id, now = time.format(call.ctx.now() // 1), events = "/events",
    el.div { id = "title", class = "title", ["data-live"] = true, el.h1 { "Run " .. one.id }, parts.badge(one.word, one.tone),
      running and el.div { class = "actions", parts.button { action = parts.run_url(one.id) .. "/cancel",
        label = "Cancel", class = "danger", ask = "Ask this run to stop?" } } or nil,
      el.p { class = "said", one.text } },
    el.div { id = "sums", ["data-live"] = true, sums(one) },
    el.div { class = "beside", log_part(one),
      el.div { class = "stack", parts.section { id = "facts", title = "How it went", live = true, facts(one) }, arguments(one.args) } } })
end

--- GET /runs/:id/log: the file as it is.
---@param call sluice.page.Call
---@return table answer
function run.log(call)
  local one = find(call)
  if not one.log then err.raise { code = "not_found", message = ("run %d has no log: it was started by hand"):format(one.id) } end
  return { file = one.log }
end

run.find = find

local function row_of(one, now)
  return { el.a { href = parts.run_url(one.id), one.id }, one.schedule and el.a { href = parts.schedule_url(one.schedule),
    one.schedule } or el.span { class = "sub", "by hand" },
    parts.badge(one.word, one.tone), parts.time(one.started, now), parts.span(one.seconds), one.sums and one.sums.sent or "",
      one.sums and one.sums.rejected or "",
    el.span { class = "sub", one.error or one.text:gsub("^[^:]*: ", "") .. "" } }
end

--- GET /runs
---@param call sluice.page.Call
---@return string
function run.list(call)
  local seen = model.seen(call.ctx)
  local below = math.tointeger(tonumber(call.query.below))
  local runs, rows, now = view.runs(seen, { most = PAGE, below = below }), {}, time.format(seen.now // 1)
  for i, one in ipairs(runs) do rows[i] = row_of(one, now) end
  local more = #runs == PAGE and el.nav { class = "pager", el.a { href = ("/runs?below=%d"):format(runs[PAGE].id), "Older →" } } or nil
  return layout.page(call, { title = "Runs", now = now, events = not below and "/events" or nil, el.h1 { "Runs" },
    parts.section { id = "runs", title = "Newest first", live = not below, parts.table { class = "runs",
      heads = { "Run", "Schedule", "Outcome", "Started", "Took", "Sent", "Rejected", "What it said" }, rows = rows, caption = "Runs",
      empty = "nothing has run yet" }, more } })
end

return run
