--- What the prompt says beside values: an error as one block, and what a call took.
---
---     block.problem(session, problem, trace, text)
---       error: shop.sources: 403 Forbidden
---         request: GET http://…/v1/sources?format=json
---         hint: …
---     block.spent { took = 0.41, waited = 0.2, requests = 1 }     --> "0.41 s, waited 0.20 s for the budget, 1 request"
local chunk = require "sluice.repl.chunk"
local err = require "sluice.err"
local log = require "sluice.log"

local block = {}

local function indented(text) return (text:gsub("\n", "\n    ")) end

-- The lines of a traceback that are in the user's own files.
local function frames(trace)
  local lines = {}
  for line in (trace or ""):gmatch "[^\n]+" do
    local at, what = line:match "^%s+([^%[%s][^:]*:%d+): (.*)$"
    if at and not at:find "^stdlib/" and not at:find "^bindings/" then
      lines[#lines + 1] = ("  at: %s, %s"):format(at, what)
    end
  end
  return lines
end

-- The variable that an error of Lua is about: the one that it names, or what the chunk gives to pairs.
local function culprit(said, text)
  local done, name = said:match "attempt to ([%a ]+) a function value %(global '([^']+)'%)"
  if done == "index" or done == "get length of" then return name end
  local looped = said:find "attempt to index a function value$" -- no name, as in the C of ipairs
    or said:find("'for iterator' (table expected, got function)", 1, true)
  return looped and text:match "%f[%w_]i?pairs%s*%(%s*([%a_][%w_]*)%s*%)"
end

-- Where an iterator was taken for a list: what it is, and what to do with one.
local function about_iterator(session, said, text)
  local name = culprit(said, text)
  local value = name and session.env and rawget(session.env, name)
  if not require("sluice.iterators").is(value) then return nil end
  return { ("'%s' is an iterator: it gives its entries one by one, and has neither a length nor fields"):format(name),
    ("  hint: more(%s) shows the next ones, save(%s, \"all.ndjson\") keeps them, `for entry in %s do … end` goes through them")
      :format(name == "_" and "" or name, name, name) }
end

-- An error of Lua: what it says, and where in the user's files.
local function plain(session, problem, trace, text)
  local about = type(problem) == "string" and about_iterator(session, problem, text)
  if about then return about end
  local said = type(problem) == "string" and chunk.said(problem, text) or require("sluice.repl.show").text(problem)
  local ours, rest = said:match "^(stdlib/[%w_/]+%.lua:%d+): (.*)$"
  local lines = { rest or said }
  if ours then lines[2] = ("  in: %s, sluice's own code; with the right arguments that is a bug"):format(ours) end
  return table.move(frames(trace), 1, #frames(trace), #lines + 1, lines)
end

-- Where a call was wrong: how to see what the operation takes.
local function explained(session, problem)
  local api, operation = problem.api, problem.operation
  local made = problem.code == "usage" and api and operation and (session.connections or {})[api]
  return made and ("?%s.%s explains it"):format(api, operation) or nil
end

local function structured(session, problem)
  local failed = session.guard and session.guard.failed
  local lines = { tostring(problem) }
  local function add(label, text)
    if text and text ~= "" then lines[#lines + 1] = ("  %s: %s"):format(label, indented(text)) end
  end
  if failed and rawequal(failed.problem, problem) then add("request", failed.method .. " " .. failed.url) end
  add("answer", problem.body)
  add("hint", problem.hint or explained(session, problem))
  add("at", problem.where)
  return lines
end

--- An error as people read it, secrets masked, with a line end. `text`: the chunk.
---@param session table
---@param problem any
---@param trace string?
---@param text string
---@return string
function block.problem(session, problem, trace, text)
  local is_ours = err.is(problem)
  local lines = is_ours and structured(session, problem) or plain(session, problem, trace, text)
  if is_ours and problem.code == "cancelled" then return log.mask(table.concat(lines, "\n")) .. "\n" end
  local label = require("sluice.repl.paint")(session.color, "error", "error:")
  return label .. " " .. log.mask(table.concat(lines, "\n")) .. "\n"
end

-- ---- what it took ----

local function stats()
  return package.loaded["sluice.call"] and require("sluice.call").stats() or { requests = 0, waited_budget = 0, retries = 0 }
end

--- Begins to measure.
---@return fun(guard: sluice.repl.Guard): { took: number, waited: number, requests: integer, retries: integer }
function block.measure()
  local time = require "sluice.time"
  local before, began = stats(), time.mono()
  return function(guard)
    local now = stats()
    return { took = time.mono() - began - guard.asked, waited = now.waited_budget - before.waited_budget,
      requests = now.requests - before.requests + guard.requests, retries = now.retries - before.retries }
  end
end

--- What requests took, on one line; nil where there were none.
---@param spent { took: number, waited: number, requests: integer, retries?: integer }
---@return string?
function block.spent(spent)
  if spent.requests == 0 then return nil end
  local parts = { ("%.2f s"):format(spent.took) }
  if spent.waited >= 0.005 then parts[#parts + 1] = ("waited %.2f s for the budget"):format(spent.waited) end
  parts[#parts + 1] = ("%s request%s"):format(require("sluice.text").grouped(spent.requests), spent.requests == 1 and "" or "s")
  if (spent.retries or 0) > 0 then parts[#parts + 1] = ("%d of them again"):format(spent.retries) end
  return table.concat(parts, ", ")
end

return block
