--- The page of one schedule: how it stands, what becomes of its due times, what a person can do.
local err = require "sluice.err"
local html = require "sluice.page.html"
local json = require "sluice.json"
local layout = require "sluice.page.layout"
local model = require "sluice.page.model"
local parts = require "sluice.page.parts"
local times = require "sluice.schedule.times"
local view = require "sluice.schedule.view"

local schedule = {}

local el = html.el
local PAGE, YEAR = 50, 365 * 86400

local function state_text(one)
  local paused = one.paused
  if paused then
    local till = paused.upto and " until " .. times.short(paused.upto) or ""
    local by = paused.by == "failures" and "paused itself after failures" or "paused by a person"
    return ("%s%s%s"):format(by, till, paused.note and ": " .. paused.note or "")
  end
  if one.stalled then return one.stalled.text end
  return one.needs
end

local function arguments(args)
  local list = {}
  for name, value in pairs(args) do list[#list + 1] = ("%s=%s"):format(name,
    type(value) == "table" and json.encode(value) or tostring(value)) end
  table.sort(list)
  return #list > 0 and el.code { class = "args", table.concat(list, "  ") } or nil
end

local function facts(one)
  return parts.facts {
    { "Recipe", one.recipe and el.code { one.recipe } or "the config has this schedule no more" }, { "Arguments", arguments(one.args) },
    { "When", el.pre { (one.spec:gsub("%s+$", "")) } }, { "Zone", one.zone },
    { "Overlap", one.overlap }, { "Catch-up", one.catchup }, { "Timeout", one.timeout and parts.span(one.timeout) },
    { "Failures in a row", one.failures > 0 and one.failures or nil },
  }
end

local function following(one, now)
  local rows = {}
  for i, when in ipairs(one.next) do rows[i] = el.li { parts.time(when, now) } end
  return #rows > 0 and el.ol { class = "times", rows } or el.p { class = "empty",
    one.enabled and "no due time is to come" or "it is disabled" }
end

-- What clock changes of the coming year do to it.
local function clock_changes(seen, name)
  local configured = seen.schedules[name]
  local rows = {}
  for i, change in ipairs(configured and configured.spec:changes(math.floor(seen.now), math.floor(seen.now) + YEAR) or {}) do
    if i > 12 then break end
    rows[i] = el.li { change.text }
  end
  return #rows > 0 and parts.section { id = "clock", title = "Clock changes, coming year", el.ul { class = "plain", rows } } or nil
end

local function actions(one)
  local at = parts.schedule_url(one.name)
  local buttons = { parts.button { action = at .. "/trigger", label = "Run now", class = "primary" } }
  if one.paused then
    buttons[2] = parts.button { action = at .. "/resume", label = "Resume" }
  else
    buttons[2] = el.details { class = "more", el.summary { "Pause…" }, el.form { method = "post", action = at .. "/pause",
      class = "panel",
      parts.field { name = "note", label = "Why (shown to everybody)", maxlength = 200 },
      parts.field { name = "until", label = "Until (empty: until it is resumed)", placeholder = "2h, 18:00 or 2026-12-01 08:00" },
      el.button { type = "submit", class = "primary", "Pause" } } }
  end
  buttons[3] = el.details { class = "more", el.summary { "Backfill…" }, el.form { method = "post", action = at .. "/backfill",
    class = "panel",
    el.p { class = "help", "Due times of the past run once more, or for the first time. Those that ran well are left out." },
    parts.field { name = "from", label = "From", required = true, placeholder = "2026-11-01 00:00" },
    parts.field { name = "to", label = "To", required = true, placeholder = "now", value = "now" },
    parts.field { name = "parallel", label = "At once", type = "number", min = 1, max = 50, value = 1 },
    el.button { type = "submit", class = "primary", "Backfill" } } }
  return el.div { class = "actions", buttons }
end

local function fate_row(one, now)
  local which = one.kind ~= "timed" and el.span { class = "sub", one.kind == "manual" and "by hand" or "backfill" } or nil
  local due = { parts.time(one.due, now), one.upto and el.span { class = "sub", "to ", parts.time(one.upto, one.due) } or nil, which }
  local stop = one.word == "waiting" and not one.cancel
    and parts.button { action = ("/occurrences/%d/cancel"):format(one.id), label = "Cancel", class = "quiet",
      describes = "Cancel what is due " .. one.due } or nil
  return { due, parts.badge(one.word, one.tone), { one.text:gsub("^[^:]*: ", "") .. "", stop },
    one.run and el.a { href = parts.run_url(one.run), "run " .. one.run } or "", parts.span(one.seconds) }
end

local function history(call, seen, one, now)
  local after = math.tointeger(tonumber(call.query.after))
  local fates = view.occurrences(seen, { schedule = one.name, most = PAGE, after = after })
  local rows = {}
  for i, each in ipairs(fates) do rows[i] = fate_row(each, now) end
  local more = #fates == PAGE and el.a { href = ("%s?after=%d#history"):format(parts.schedule_url(one.name), fates[PAGE].id),
    "Older →" } or nil
  return parts.section { id = "history", title = "What became of its due times", live = not after,
    parts.table { class = "fates", heads = { "Due", "Fate", "Why", "Run", "Took" }, rows = rows, caption = "Due times, newest first",
      empty = "nothing is recorded yet" }, more and el.nav { class = "pager", more } or nil }
end

--- GET /schedules/:name
---@param call sluice.page.Call
---@return string
function schedule.show(call)
  local seen = model.seen(call.ctx)
  local one = model.schedule(seen, call.params.name)
  if not one then err.raise { code = "not_found", message = ("there is no schedule '%s'"):format(call.params.name) } end
  local now = seen.schedules[one.name] and seen.schedules[one.name].spec:format(math.floor(seen.now)) or nil
  local said = state_text(one)
  return layout.page(call, { title = one.name, now = require("sluice.time").format(seen.now // 1), events = "/events",
    el.div { id = "title", class = "title", ["data-live"] = true, el.h1 { one.name }, parts.badge(one.state, one.tone),
      one.about and el.p { class = "about", one.about }, said and el.p { class = "said " .. one.tone, said }, parts.strip(one.recent) },
    el.div { id = "actions", ["data-live"] = "quiet", actions(one) },
    el.div { class = "two", parts.section { id = "facts", title = "How it runs", facts(one) },
      parts.section { id = "next", title = "Next", note = one.zone, live = true, following(one, now) } },
    clock_changes(seen, one.name), history(call, seen, one, now) })
end

return schedule
