--- What becomes of an error: where it came from in the user's script, how it is shown, which exit code it gives.
local err = require "sluice.err"
local log = require "sluice.log"

local fail = { unobserved_count = 0 }

local function is_ours(source)
  return source:sub(1, 8) == "@stdlib/" or source:sub(1, 10) == "@bindings/" or source == "@argparse.lua" or source:sub(1, 1) ~= "@"
end

--- file:line of the innermost frame that is the user's own script, or nil.
---@param level? integer
---@return string?
function fail.user_frame(level)
  for i = (level or 1) + 1, 200 do
    local info = debug.getinfo(i, "Sl")
    if not info then return nil end
    if info.currentline > 0 and not is_ours(info.source) then
      return info.short_src .. ":" .. info.currentline
    end
  end
end

--- For xpcall: notes in an error value where in the user's script it happened; gives a traceback for everything else.
function fail.locate(problem)
  if err.is(problem) then
    if not problem.where then problem.where = fail.user_frame(2) end
    return problem, nil
  end
  return problem, debug.traceback(nil, 2)
end

-- The traceback without the frames of the runtime itself, which say nothing to the user.
local function tidy(trace)
  local lines = {}
  for line in (trace or ""):gmatch "[^\n]+" do
    local ours = line:find("^%s+stdlib/") or line:find("[C]:", 1, true) or line:find("(...tail calls...)", 1, true)
    if line:find "^%s" and not ours then lines[#lines + 1] = line end
  end
  return #lines > 0 and "\nstack traceback:\n" .. table.concat(lines, "\n") or ""
end

--- The text that a person sees, several lines where needed, ends with a newline.
function fail.text(problem, trace)
  if not err.is(problem) then return ("sluice: %s%s\n"):format(tostring(problem), tidy(trace)) end
  local lines = { "sluice: " .. tostring(problem) }
  if problem.body then lines[#lines + 1] = "  answer: " .. problem.body end
  if problem.hint then lines[#lines + 1] = "  hint: " .. problem.hint:gsub("\n", "\n  ") end
  if problem.where then lines[#lines + 1] = "  at: " .. problem.where end
  return table.concat(lines, "\n") .. "\n"
end

--- What each exit code says: { code or codes, meaning }.
fail.exits = {
  { "0", "done" },
  { "1", "failed" },
  { "2", "usage or config" },
  { "3", "finished, but some records were rejected" },
  { "4", "credentials refused" },
  { "5", "remote unavailable, or limited past the deadline" },
  { "6", "stalled: no verdict before the deadline" },
  { "7", "the outcome of a write is unknown" },
  { "8", "a cursor is held by another run" },
  { "129, 130, 143", "stopped by a signal, after a clean checkpoint" },
}

local exit_codes = {
  usage = 2, config = 2, auth = 4, forbidden = 4, limit = 5, unavailable = 5, network = 5, timeout = 5, tls = 5,
  stalled = 6, ambiguous = 7, locked = 8, partial = 1,
}

--- The exit code of an error (design section 8).
function fail.exit_code(problem)
  return err.is(problem) and exit_codes[problem.code] or 1
end

--- An error of a task that nobody waits for: shown at once, and the process does not end green.
function fail.unobserved(problem, trace)
  fail.unobserved_count = fail.unobserved_count + 1
  log.print(fail.text(problem, trace))
end

return fail
