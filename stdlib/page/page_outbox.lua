--- The page of writes that must not be doubled, and the login.
local html = require "sluice.page.html"
local layout = require "sluice.page.layout"
local model = require "sluice.page.model"
local parts = require "sluice.page.parts"
local time = require "sluice.time"

local outbox = {}

local el = html.el

local function decide(row, decision, label, ask)
  return parts.button { action = ("/outbox/%d/settle"):format(row.id), label = label, fields = { decision = decision }, ask = ask,
    describes = ("%s: %s"):format(label, row.key) }
end

local function decisions(row)
  if row.state ~= "unknown" then return el.span { class = "sub", "the next run asks the API" } end
  return el.div { class = "actions", decide(row, "confirmed", "It is there"), decide(row, "resend", "Send again",
    "Are you sure that it is not there? The next run sends it."),
    decide(row, "rejected", "Give it up", "Are you sure that it is not there, and must not be sent?") }
end

local function cells(row, now)
  return { { el.b { row.key }, el.span { class = "sub", row.scope } }, parts.badge(row.state, row.state == "unknown" and "bad" or "busy"),
    { row.operation, el.span { class = "sub", row.account } }, parts.time(row.sent or row.intended, now), row.attempts,
    { el.span { class = "sub", row.note or row.answer or "" }, row.run and el.a { class = "sub", href = parts.run_url(row.run),
      "run " .. row.run } }, decisions(row) }
end

--- GET /outbox
---@param call sluice.page.Call
---@return string
function outbox.show(call)
  local rows, now = {}, time.format(call.ctx.now() // 1)
  for i, row in ipairs(model.outbox(call.ctx)) do rows[i] = cells(row, now) end
  return layout.page(call, { title = "Outbox", now = now, events = "/events", el.h1 { "Outbox" },
    el.p { class = "about", "Writes whose outcome is not certain. What is sent is looked for by the next run; ",
      "what is unknown needs a person who has looked." },
    parts.section { id = "writes", title = "To be settled", live = true, parts.table { class = "writes", heads = { "Key", "State",
      "Operation", "Sent", "Attempts", "Note", "" },
      rows = rows, caption = "Writes to be settled", empty = "nothing needs to be settled" } } })
end

--- GET /login, and what a refused request gets.
---@param call sluice.page.Call
---@param following string path to go to afterwards
---@return string
function outbox.login(call, following)
  return layout.page(call, { title = "Log in", el.div { class = "narrow", el.h1 { "Log in to steer" },
    el.form { method = "post", action = "/login", class = "panel",
      el.input { type = "hidden", name = "next", value = following },
      el.input { type = "text", name = "username", value = "sluice", autocomplete = "username", class = "unseen", tabindex = "-1",
        ["aria-hidden"] = "true", readonly = true },
      parts.field { name = "token", label = "Token", type = "password", required = true, autofocus = true,
        autocomplete = "current-password",
        help = { "What ", el.code { "sluice serve" }, " printed when it started, or ", el.code { "serve.token" }, " of the config." } },
      el.button { type = "submit", class = "primary", "Log in" } } } })
end

return outbox
