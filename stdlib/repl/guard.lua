--- Writes at the prompt are shown before they go out, and asked about. It stands in the way of all requests (sluice.wire), in front of
--- the session's tape and, with `-n`, of the dry run, so that helpers (uploaders, push_products) are asked about as well.
---
---     wire.put(guard.new(session))
---
--- `session.yes` asks for nothing but for what may never be repeated (`never_automatic`). Without anybody to ask a write is refused.
local definition = require "sluice.definition"
local dry = require "sluice.dry"
local err = require "sluice.err"
local log = require "sluice.log"
local task = require "sluice.task"

local guard = {}

---@class sluice.repl.Guard
---@field failed? { problem: sluice.Error, method: string, url: string } the last request that failed
---@field flying table<sluice.dry.Shown, true> writes that are under way
---@field requests integer of sluice.http
local Guard = {}
Guard.__index = Guard

--- What stands in the way of a session's requests.
---@param session table
---@return sluice.repl.Guard
function guard.new(session)
  return setmetatable({ session = session, turn = task.semaphore(1), allowed = {}, flying = {}, seen = {}, asked = 0, requests = 0 }, Guard)
end

--- A chunk begins: what was allowed for the last one is not any more.
function Guard:begin()
  self.allowed, self.flying, self.seen, self.failed, self.asked, self.requests = {}, {}, {}, nil, 0, 0
end

--- Waits until nobody is asked any more: a task in the background may have a question when the chunk has ended. (waits)
function Guard:settle()
  self.turn:acquire()
  self.turn:release()
end

-- ---- asking ----

local function refused(shown, fields)
  fields.api, fields.operation = shown.name:match "^(.-)%.([^%.]+)$"
  return err.new(fields)
end

-- Nobody can be asked.
local function no_terminal(shown, always)
  local hint = "`sluice repl --yes` sends without asking, `-n` only shows what it would send"
  if always then hint = ("what can't be taken back needs a terminal here; else: sluice call %s … --yes"):format(shown.name:gsub("%.", " ", 1)) end
  return refused(shown, { code = "usage", message = ("not sent: %s %s changes something, and there is no terminal to ask on")
    :format(shown.method, shown.url), hint = hint })
end

-- The answer to the question: "yes", "all" (of this operation, until the chunk has ended), anything else is no.
local function answer_to(self, shown, always)
  log.print(dry.text("will send", shown))
  if always then log.print "  it can't be taken back\n" end
  local several = self.seen[shown.name] and not always
  self.seen[shown.name] = true
  local began = require("sluice.time").mono()
  local said = self.session.ask(several and "send it? [y/N, a: all of this call] " or "send it? [y/N] ") or ""
  self.asked = self.asked + require("sluice.time").mono() - began
  local word = said:lower():match "^%s*(%a+)%s*$"
  if several and (word == "a" or word == "all") then return "all" end
  return (word == "y" or word == "yes") and "yes" or "no"
end

-- An error where it is not to be sent. One question at a time.
local function refusal(self, shown, always)
  local session = self.session
  if session.dry or session.yes and not always then return nil end
  if not session.ask then return no_terminal(shown, always) end
  self.turn:acquire()
  local _ <close> = setmetatable({}, { __close = function() self.turn:release() end })
  if self.allowed[shown.name] and not always then return nil end
  if session.busy and session.busy() then
    return refused(shown, { code = "usage", message = "not sent: a task in the background can't ask while the prompt waits",
      hint = "wait for the task (task:wait()), or start the prompt with --yes" })
  end
  local said = answer_to(self, shown, always)
  if said == "all" then self.allowed[shown.name] = true end
  if said == "no" then return refused(shown, { code = "cancelled", message = "not sent" }) end
end

-- ---- the way on ----

-- Through the tape, and the dry run where there is one. Whoever stops it meanwhile finds the write among those that fly.
local function go_on(self, method, request, shown, send)
  local dry_run, tape = self.session.dry, self.session.transcript.tape
  local function out(...)
    if dry_run then return dry_run[method](dry_run, request, send) end
    return send(...)
  end
  if shown then self.flying[shown] = true end
  local answer, problem, text, head = tape[method](tape, request, out)
  if shown then self.flying[shown] = nil end
  return answer, problem, text, head
end

--- A client's call.
---@param call sluice.wire.Call
---@param send function
function Guard:call(call, send)
  local shown = definition.writes(call.row) and dry.of_call(call) or nil
  local no = shown and refusal(self, shown, call.row.resend == "never_automatic")
  if no then return nil, no end
  local answer, problem, text, head = go_on(self, "call", call, shown, send)
  if not answer then self.failed = { problem = problem, method = call.request.method, url = call.request.url } end
  return answer, problem, text, head
end

--- A request of sluice.http.
---@param request sluice.wire.Http
---@param send function
function Guard:http(request, send)
  local shown = dry.of_http(request)
  local no = shown and refusal(self, shown, false)
  if no then error(no, 0) end -- not as a result: who does not look at it would take it for sent
  self.requests = self.requests + 1
  local response, problem = go_on(self, "http", request, shown, send)
  if not response then self.failed = { problem = problem, method = request.method, url = require("sluice.har").url(request.address) } end
  return response, problem
end

--- Whether an id was only made in a dry run.
function Guard:knows(id) return self.session.dry ~= nil and self.session.dry:knows(id) end

return guard
