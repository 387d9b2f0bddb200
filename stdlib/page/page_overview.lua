--- The first page: what needs a person, what runs, all schedules, budgets, connections.
local html = require "sluice.page.html"
local layout = require "sluice.page.layout"
local model = require "sluice.page.model"
local parts = require "sluice.page.parts"
local times = require "sluice.schedule.times"

local overview = {}

local el = html.el

local function tile(number, label, tone)
  return el.div { class = "tile" .. (tone and " " .. tone or ""), el.b { number }, el.span { label } }
end

local function day(fates)
  local bad = fates.failed + fates.timed_out + fates.lost
  return { tile(fates.ok + fates.partial, "ran, 24 h", nil), tile(bad, "failed, 24 h", bad > 0 and "bad" or nil),
    tile(fates.skipped + fates.missed + fates.coalesced, "left out, 24 h", nil) }
end

local function tiles(data)
  local sum = data.summary
  local following = sum.next and times.short(sum.next.due, sum.now) or "–"
  return el.div { id = "tiles", class = "tiles", ["data-live"] = true,
    tile(sum.schedules.all, sum.schedules.all == 1 and "schedule" or "schedules"),
    tile(sum.running, "running now", sum.running > 0 and "busy" or nil),
    el.div { class = "tile wide", el.b { following }, el.span { sum.next and "next: " .. sum.next.schedule or "nothing is due" } },
      day(sum.fates) }
end

local function address_of(one)
  if one.kind == "schedule" then return parts.schedule_url(one.name) end
  return one.kind == "outbox" and "/outbox" or nil
end

local function person(data)
  local list = data.summary.person
  if #list == 0 then
    return el.div { id = "person", ["data-live"] = true, el.p { class = "calm", parts.badge("all well", "good"),
      " Nothing needs a person." } }
  end
  local rows = {}
  for i, one in ipairs(list) do
    local address = address_of(one)
    rows[i] = el.li { address and el.a { href = address, one.name } or el.b { one.name }, " – ", one.text, " ", el.code { one.cure } }
  end
  return parts.section { id = "person", class = "alarm", title = "Needs a person", live = true, el.ul { rows } }
end

local function running(data)
  if #data.running == 0 then return el.div { id = "running", ["data-live"] = true } end
  local rows = {}
  for i, one in ipairs(data.running) do
    rows[i] = { el.a { href = parts.schedule_url(one.schedule), one.schedule }, one.run and el.a { href = parts.run_url(one.run),
      "run " .. one.run } or "–",
      parts.time(one.started, one.due), el.span { ["data-since"] = one.started, parts.span(one.seconds) },
      one.cancel and "asked to stop" or one.run and parts.button { action = parts.run_url(one.run) .. "/cancel", label = "Cancel",
        class = "danger",
        describes = "Cancel the run of " .. one.schedule, ask = "Ask this run to stop?" } or "" }
  end
  return parts.section { id = "running", title = "Running now", live = true,
    parts.table { heads = { "Schedule", "Run", "Started", "For", "" }, rows = rows, caption = "Runs that are going on" } }
end

local function state_cell(one)
  local badge = parts.badge(one.state, one.tone)
  if one.paused and one.paused.note then return { badge, el.span { class = "sub", one.paused.note } } end
  return badge
end

local function last_cell(one, now)
  local last = one.last
  if not last then return el.span { class = "sub", "never" } end
  return { parts.time(last.started or last.due, now), el.span { class = "sub", last.word:gsub("_",
    " ") .. " in " .. parts.span(last.seconds) } }
end

local function schedule_row(one, now)
  return { el.div { class = "name", el.a { href = parts.schedule_url(one.name), one.name }, one.about and el.span { class = "sub",
    one.about } },
    state_cell(one), parts.strip(one.recent), last_cell(one, now),
    one.next[1] and { parts.time(one.next[1], now), el.span { class = "sub zone",
      one.zone ~= "UTC" and one.zone or "" } } or el.span { class = "sub", "none" } }
end

local function pager(list, words)
  if list.pages == 1 then return nil end
  local function link(number, label)
    if number < 1 or number > list.pages then return el.span { class = "off", label } end
    return el.a { href = ("/?page=%d&q=%s"):format(number, html.url(words or "")), label }
  end
  return el.nav { class = "pager", ["aria-label"] = "Pages of schedules", link(list.page - 1, "← Before"),
    el.span { ("page %d of %d, %d schedules"):format(list.page, list.pages, list.all) }, link(list.page + 1, "Next →") }
end

local function finder(list, words)
  if list.pages == 1 and list.all < 12 and not words then return nil end
  return el.form { class = "finder", method = "get", action = "/", role = "search",
    el.label { class = "unseen", ["for"] = "q", "Find a schedule" },
    el.input { id = "q", type = "search", name = "q", value = words or "", placeholder = "Find a schedule" },
      el.button { type = "submit", "Find" } }
end

local function schedules(data, words)
  local rows = {}
  for i, one in ipairs(data.list.schedules) do rows[i] = schedule_row(one, data.summary.now) end
  return el.div { finder(data.list, words), parts.section { id = "schedules", title = "Schedules", live = true,
    parts.table { class = "schedules", heads = { "Schedule", "State", "Recent", "Last run", "Next" }, rows = rows,
      caption = "All schedules",
      empty = words and "no schedule has that in its name" or "the config has no schedules yet: add one below `schedules:` in sluice.yaml" },
    pager(data.list, words) } }
end

local function budget(row)
  local full = math.floor(math.min(1, row.fill) * 100 + 0.5)
  local said = row.blocked > 0 and ("blocked for %.0f s"):format(row.blocked) or ("%d %% full"):format(full)
  return el.li { el.div { class = "line", el.b { row.host }, el.span { ("%s %s"):format(row.class, row.rates) } },
    el.meter { min = 0, max = 100, low = 60, high = 90, optimum = 0, value = row.blocked > 0 and 100 or full, said },
    el.div { class = "line sub", el.span { said }, el.span { ("%d waiting · waited %s · %d answers 429"):format(row.waiting,
      parts.span(row.waited), row.limited) } } }
end

local function budgets(data)
  local rows = {}
  for i, row in ipairs(data.limits) do rows[i] = budget(row) end
  return parts.section { id = "budgets", title = "Rate budgets", live = true,
    #rows > 0 and el.ul { class = "plain", rows } or el.p { class = "empty", "no budget was used yet" } }
end

local function connections(data)
  local rows = {}
  for i, one in ipairs(data.connections) do
    rows[i] = el.li { el.div { class = "line", el.b { one.name },
      parts.badge(one.tone == "good" and "well" or one.tone == "idle" and "idle" or "look", one.tone) },
      el.div { class = "sub", one.api, " · ", table.concat(one.hosts, ", ") }, el.div { class = "sub", one.text } }
  end
  return parts.section { id = "connections", title = "Connections", live = true,
    #rows > 0 and el.ul { class = "plain", rows } or el.p { class = "empty", "the config has no connections" } }
end

--- GET /
---@param call sluice.page.Call
---@return string
function overview.show(call)
  local words = call.query.q ~= "" and call.query.q or nil
  local data = model.overview(call.ctx, { words = words, page = tonumber(call.query.page) and math.tointeger(tonumber(call.query.page)) })
  return layout.page(call, { title = "Overview", now = data.summary.now, events = "/events", el.h1 { class = "unseen", "Overview" },
    tiles(data), person(data), running(data), schedules(data, words), el.div { class = "two", budgets(data), connections(data) } })
end

return overview
