--- What all pages have around them: head, navigation, who is logged in, a message.
local assets = require "sluice.page.assets"
local html = require "sluice.page.html"
local times = require "sluice.schedule.times"

local layout = {}

local el = html.el

local NAV = { { "/", "Overview" }, { "/runs", "Runs" }, { "/outbox", "Outbox" } }

local function navigation(call)
  local links = {}
  for i, one in ipairs(NAV) do
    links[i] = el.a { href = one[1], ["aria-current"] = call.path == one[1] and "page" or nil, one[2] }
  end
  return el.nav { ["aria-label"] = "Pages", links }
end

local function session(call)
  if call.steers then
    return el.form { method = "post", action = "/logout", class = "inline", el.button { type = "submit", class = "quiet", "Log out" } }
  end
  return el.a { class = "login", href = "/login?next=" .. html.url(call.path), "Log in to steer" }
end

local function header(call)
  return el.header { class = "top",
    el.a { class = "brand", href = "/", ["aria-label"] = "sluice, overview",
      el.svg { viewBox = "0 0 24 24", ["aria-hidden"] = "true", el.path { d = "M4 3h3v18H4zM17 3h3v18h-3zM9 3h6v8H9z" },
        el.path { class = "water", d = "M8 15q1.5-1.5 3 0t3 0t2 0v2q-.5.7-2 0q-1.5-1.5-3 0t-3 0zM8 19q1.5-1.5 3 0t3 0t2 0v2H8z" } },
      "sluice" },
    navigation(call), el.div { class = "who", session(call) } }
end

local MESSAGES = { triggered = "Triggered: it starts in a moment.", paused = "Paused: due times get no run until it is resumed.",
  resumed = "Resumed: it goes on with its next due time.", cancelled = "Asked to stop.", settled = "Settled.",
  loggedin = "Logged in: this browser may steer for twelve hours." }

-- What was done, said once after the redirect. Only known words: an address must not put words in our mouth.
local function message(call)
  local said, problem = MESSAGES[call.query.done or ""], call.problem
  local count, left = (call.query.filled or ""):match "^(%d+)%-(%d+)$"
  if count then said = ("Backfill: %s due times will run, %s left out."):format(count, left) end
  if problem then
    return el.div { class = "message bad", role = "alert", el.strong { problem.message }, problem.hint and el.p { problem.hint } }
  end
  return said and el.div { class = "message good", role = "status", said } or nil
end

--- A whole document.
---@param call sluice.page.Call
---@param options { title: string, now?: string, zone?: string, events?: string, [integer]: any }
---@return string
function layout.page(call, options)
  local children = {}
  for i = 1, 16 do children[i] = options[i] end
  local document = el.html { lang = "en",
    el.head { el.meta { charset = "utf-8" }, el.meta { name = "viewport", content = "width=device-width, initial-scale=1" },
      el.meta { name = "color-scheme", content = "light dark" }, el.title { options.title .. " · sluice" },
      el.link { rel = "icon", type = "image/svg+xml", href = assets.url "icon.svg" },
      el.link { rel = "stylesheet", href = assets.url "page.css" }, el.script { src = assets.url "page.js", defer = true } },
    el.body { ["data-events"] = options.events,
      el.a { class = "skip", href = "#main", "Skip to the content" }, header(call),
      el.main { id = "main", tabindex = "-1", message(call), children },
      el.footer { el.span { id = "live", class = "live", ["data-state"] = "off", "" },
        options.now and el.span { "as of ", el.time { datetime = options.now, times.short(options.now, options.now), " UTC" } } } } }
  return "<!doctype html>\n" .. html.render(document)
end

return layout
