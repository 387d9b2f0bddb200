--- Pieces that several pages show: words with their colour, times, strips of fates, buttons.
local html = require "sluice.page.html"
local text = require "sluice.text"
local times = require "sluice.schedule.times"

local parts = {}

local el = html.el

-- A mark for each tone, so that no colour is needed to tell them apart.
local MARKS = { good = "✓", warn = "!", bad = "✕", idle = "–", busy = "▸" }

--- A word with the colour and the mark of its tone.
---@param word string
---@param tone sluice.view.Tone
---@return sluice.page.Node
function parts.badge(word, tone)
  return el.span { class = "badge " .. tone, el.span { class = "mark", ["aria-hidden"] = "true", MARKS[tone] }, (word:gsub("_", " ")) }
end

--- A time, short; the whole of it where the pointer rests.
---@param when? string RFC 3339
---@param now? string
---@param zone? string that it is in, said beside it where it is not UTC
---@return sluice.page.Node|string|table
function parts.time(when, now, zone)
  if not when then return "–" end
  local shown = el.time { datetime = when, title = when, times.short(when, now) }
  if not zone or zone == "UTC" then return shown end
  return { shown, el.span { class = "zone", title = zone, (zone:match "([^/]+)$":gsub("_", " ")) } }
end

--- Seconds as people read them.
---@param seconds? number
---@return string
function parts.span(seconds) return seconds and times.span(seconds) or "–" end

-- The height of a bar: by the logarithm, so that a run of an hour does not flatten those of a minute.
local function height(seconds, longest)
  if not seconds then return 6 end
  return math.floor(6 + 16 * math.log(1 + seconds) / math.log(1 + math.max(longest, 1)) + 0.5)
end

local function longest_of(fates)
  local longest = 0
  for _, one in ipairs(fates) do longest = math.max(longest, one.seconds or 0) end
  return longest
end

local function summary_of(fates)
  local counts, said = {}, {}
  for _, one in ipairs(fates) do counts[one.word] = (counts[one.word] or 0) + 1 end
  for _, word in ipairs(text.keys(counts)) do said[#said + 1] = ("%d %s"):format(counts[word], (word:gsub("_", " "))) end
  return #said > 0 and "recent fates: " .. table.concat(said, ", ") or "nothing has become of it yet"
end

--- The newest fates as bars, the newest at the right: colour by tone, height by duration. One path for each tone.
---@param fates sluice.view.Fate[] oldest first
---@param count? integer default 30
---@return sluice.page.Node
function parts.strip(fates, count)
  count = count or 30
  local shapes, longest, paths = {}, longest_of(fates), {}
  for i = math.max(1, #fates - count + 1), #fates do
    local one, tall = fates[i], height(fates[i].seconds, longest)
    shapes[one.tone] = ("%sM%d %dh5v%dh-5z"):format(shapes[one.tone] or "", (count - #fates + i - 1) * 7 + 1, 24 - tall, tall)
  end
  for i, tone in ipairs(text.keys(shapes)) do paths[i] = el.path { class = "bar " .. tone, d = shapes[tone] } end
  return el.svg { class = "strip", viewBox = ("0 0 %d 24"):format(count * 7), role = "img", ["aria-label"] = summary_of(fates),
    el.path { class = "base", d = ("M0 23h%dv1h-%dz"):format(count * 7, count * 7) }, paths }
end

--- A button that changes something: a form of its own, which works without scripts.
---@param options { action: string, label: string, class?: string, fields?: table<string, string>, ask?: string, describes?: string }
---@return sluice.page.Node
function parts.button(options)
  local hidden = {}
  for name, value in pairs(options.fields or {}) do hidden[#hidden + 1] = el.input { type = "hidden", name = name, value = value } end
  return el.form { method = "post", action = options.action, class = "inline", hidden,
    el.button { type = "submit", class = options.class, ["data-ask"] = options.ask, ["aria-label"] = options.describes, options.label } }
end

--- A field of a form with its label.
---@param options table name, label, and attributes of the input; `help` stands below it
---@return sluice.page.Node
function parts.field(options)
  local input = { id = "f-" .. options.name, name = options.name }
  for key, value in pairs(options) do
    if key ~= "label" and key ~= "help" and key ~= "name" then input[key] = value end
  end
  return el.div { class = "field", el.label { ["for"] = input.id, options.label }, el.input(input),
    options.help and el.p { class = "help", options.help } }
end

--- Rows of name and value; values that are nil or "" are left out.
---@param rows { [1]: string, [2]: any }[]
---@return sluice.page.Node
function parts.facts(rows)
  local list = {}
  for i = 1, #rows do
    local value = rows[i][2]
    if value ~= nil and value ~= "" then list[#list + 1] = el.div { el.dt { rows[i][1] }, el.dd { value } } end
  end
  return el.dl { class = "facts", list }
end

--- A table that becomes a list of cards on a narrow screen; cells carry their column's name for that.
---@param options { heads: string[], rows: any[][], class?: string, empty?: string, caption?: string }
---@return sluice.page.Node
function parts.table(options)
  if #options.rows == 0 then return el.p { class = "empty", options.empty or "nothing here" } end
  local heads, body = {}, {}
  for i, head in ipairs(options.heads) do heads[i] = el.th { scope = "col", head } end
  for r, row in ipairs(options.rows) do
    local cells = {}
    for i in ipairs(options.heads) do
      cells[i] = el.td { ["data-head"] = options.heads[i], class = type(row[i]) == "number" and "num" or nil,
        type(row[i]) == "number" and text.grouped(row[i]) or row[i] }
    end
    body[r] = el.tr { class = row.class, cells }
  end
  return el.table { class = options.class, el.caption { class = "unseen", options.caption or "" },
    el.thead { el.tr { heads } }, el.tbody { body } }
end

--- A part of a page with its heading; `live` keeps it up to date by the script.
---@param options table id, title, live, note, and children
---@return sluice.page.Node
function parts.section(options)
  local children = {}
  for i = 1, 12 do children[i] = options[i] end
  return el.section { id = options.id, class = options.class, ["data-live"] = options.live, ["aria-labelledby"] = "h-" .. options.id,
    el.div { class = "head", el.h2 { id = "h-" .. options.id, options.title }, options.note and el.span { class = "note", options.note } },
    children }
end

--- The address of a schedule's page, of a run's.
---@param name string
---@return string
function parts.schedule_url(name) return "/schedules/" .. html.url(name) end

---@param id integer
---@return string
function parts.run_url(id) return ("/runs/%d"):format(id) end

return parts
