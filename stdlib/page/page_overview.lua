--- The first page: what needs a person, what runs, all schedules, budgets, connections.
local html = require "sluice.page.html"
local layout = require "sluice.page.layout"
local model = require "sluice.page.model"
local parts = require "sluice.page.parts"
local text = require "sluice.text"
local times = require "sluice.schedule.times"

local overview = {}

local el = html.el
local FEW = 8 -- lines of what needs a person; the rest is one click away

local function tile(number, label, tone)
  return el.div { class = "tile" .. (tone and " " .. tone or ""), el.b { number }, el.span { title = label, label } }
end

-- "10,000+" where there are more than are counted.
local function day(fates)
  local function count(n) return text.grouped(n) .. (fates.more and "+" or "") end
  local bad = fates.failed + fates.timed_out + fates.lost
  return { tile(count(fates.ok + fates.partial), "ran, 24 h", nil), tile(count(bad), "failed, 24 h", bad > 0 and "bad" or nil),
    tile(count(fates.skipped + fates.missed + fates.coalesced), "left out, 24 h", nil) }
end

local function tiles(data)
  local sum = data.summary
  return el.div { id = "tiles", class = "tiles", ["data-live"] = true,
    tile(text.grouped(sum.schedules.all), sum.schedules.all == 1 and "schedule" or "schedules"),
    tile(text.grouped(sum.running), "running now", sum.running > 0 and "busy" or nil),
    tile(sum.next and times.short(sum.next.due, sum.now) or "–", sum.next and "next: " .. sum.next.schedule or "nothing is due"),
    day(sum.fates) }
end

local function address_of(one)
  if one.kind == "schedule" then return parts.schedule_url(one.name) end
  return one.kind == "outbox" and "/outbox" or nil
end

local function person(data)
  local list, more = data.summary.person, data.summary.more
  if #list == 0 then
    return el.div { id = "person", ["data-live"] = true, el.p { class = "calm", parts.badge("all well", "good"),
      " Nothing needs a person." } }
  end
  local rows = {}
  for i = 1, math.min(#list, FEW) do
    local one = list[i]
    local address = address_of(one)
    rows[i] = el.li { address and el.a { href = address, one.name } or el.b { one.name }, " – ", one.text, " ", el.code { one.cure } }
  end
  local rest = #list - #rows + more
  return parts.section { id = "person", class = "alarm", title = "Needs a person", live = true, el.ul { rows },
    rest > 0 and el.p { class = "note", el.a { href = "/?state=person#schedules", ("and %s more"):format(text.grouped(rest)) } } }
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
  return { el.span { parts.time(last.started or last.due, now, one.zone) },
    el.span { class = "sub", last.word:gsub("_", " ") .. " in " .. parts.span(last.seconds) } }
end

local function next_cell(one, now)
  if not one.next[1] then return el.span { class = "sub", "none" } end
  return el.span { parts.time(one.next[1], now, one.zone) }
end

local function schedule_row(one, now)
  return { el.div { class = "name", el.a { href = parts.schedule_url(one.name), one.name }, one.about and el.span { class = "sub",
    one.about } }, state_cell(one), parts.strip(one.recent), last_cell(one, now), next_cell(one, now) }
end

local STATES = { { "", "All" }, { "person", "Needs a person" }, { "failing", "Failing" }, { "stalled", "Stalled" },
  { "paused", "Paused" }, { "disabled", "Disabled" }, { "gone", "Gone from the config" } }

local function pager(list, asked)
  if list.pages == 1 then return nil end
  local function link(number, label)
    if number < 1 or number > list.pages then return el.span { class = "off", label } end
    return el.a { href = ("/?q=%s&state=%s&page=%d#schedules"):format(html.url(asked.words or ""), asked.state or "", number), label }
  end
  return el.nav { class = "pager", ["aria-label"] = "Pages of schedules", link(list.page - 1, "← Before"),
    el.span { ("%d of %d"):format(list.page, list.pages) }, link(list.page + 1, "Next →") }
end

local function finder(data, asked)
  if data.summary.schedules.all < 12 and not asked.words and not asked.state then return nil end
  local choices = {}
  for i, one in ipairs(STATES) do
    choices[i] = el.option { value = one[1], selected = (asked.state or "") == one[1] or nil, one[2] }
  end
  return el.form { class = "finder", method = "get", action = "/#schedules", role = "search",
    el.label { class = "unseen", ["for"] = "q", "Part of a name" },
    el.input { id = "q", type = "search", name = "q", value = asked.words or "", placeholder = "Part of a name" },
    el.label { class = "unseen", ["for"] = "state", "State" }, el.select { id = "state", name = "state", choices },
    el.button { type = "submit", "Find" }, (asked.words or asked.state) and el.a { href = "/#schedules", "All" } or nil }
end

local function schedules(data, asked)
  local rows, list, narrowed = {}, data.list, asked.words or asked.state
  for i, one in ipairs(list.schedules) do rows[i] = schedule_row(one, data.summary.now) end
  local count = (narrowed or list.pages > 1) and ("%s of %s"):format(text.grouped(list.all), text.grouped(data.summary.schedules.all)) or nil
  return el.div { finder(data, asked), parts.section { id = "schedules", title = "Schedules", note = narrowed and count or nil, live = true,
    parts.table { class = "schedules", heads = { "Schedule", "State", "Recent", "Last run", "Next" }, rows = rows,
      caption = "All schedules",
      empty = narrowed and "no schedule is like that" or { "the config has no schedules yet: add one below ", el.code { "schedules:" },
        " in ", el.code { "sluice.yaml" } } },
    pager(list, asked) } }
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
  local query = call.query
  local asked = { words = query.q ~= "" and query.q or nil, state = model.states[query.state] and query.state or nil,
    page = math.tointeger(tonumber(query.page)) }
  local data = model.overview(call.ctx, asked)
  return layout.page(call, { title = "Overview", now = data.summary.now, events = "/events", el.h1 { class = "unseen", "Overview" },
    tiles(data), person(data), running(data), schedules(data, asked), el.div { class = "two", budgets(data), connections(data) } })
end

return overview
