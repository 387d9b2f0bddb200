--- A run that a scheduler has started: what the environment says of it. It is taken out of there, so that programs which
--- the recipe starts do not believe that they are that run.
---
---     local turn = scheduled.take()          -- nil: a person has started us
---     scheduled.adopt(turn, store)           -- from now on the ledger's row of that run is ours to finish
local err = require "sluice.err"
local process = require "sluice.process"
local time = require "sluice.time"

local scheduled = {}

---@class sluice.Turn
---@field run integer
---@field fd integer descriptor of its lock, inherited from the scheduler
---@field schedule? string
---@field due? number
---@field due_text? string
---@field attempt integer

local function usage(message)
  err.raise { code = "usage", message = message,
    hint = "these variables are the scheduler's (sluice serve); by hand: unset SLUICE_RUN" }
end

local function whole(name, text, least)
  local n = text and text:match "^%d+$" and math.tointeger(tonumber(text))
  if n and n >= least then return n end
  usage(("%s is '%s', but must be a whole number from %d on"):format(name, tostring(text), least))
end

--- Takes it; nil where SLUICE_RUN is not set. Raises `usage` where what stands there can't be.
---@return sluice.Turn?
function scheduled.take()
  local run = process.take_env "SLUICE_RUN"
  if not run then return nil end
  local fd, attempt = process.take_env "SLUICE_RUN_LOCK_FD", process.take_env "SLUICE_ATTEMPT"
  local schedule, due = process.take_env "SLUICE_SCHEDULE", process.take_env "SLUICE_DUE"
  local seconds = due and time.parse(due)
  if due and not seconds then usage(("SLUICE_DUE is '%s', which is no time"):format(due)) end
  return {
    run = whole("SLUICE_RUN", run, 1), fd = whole("SLUICE_RUN_LOCK_FD", fd, 3), attempt = whole("SLUICE_ATTEMPT", attempt or "1", 1),
    schedule = schedule, due = seconds, due_text = due,
  }
end

--- The arguments that the scheduler gives: not as words, which everybody on the machine can see. nil where it gives none.
---@return table<string, any>?
function scheduled.arguments()
  local text = process.take_env "SLUICE_ARGS"
  local args = text and require("sluice.json").decode(text)
  if text and type(args) ~= "table" then usage "SLUICE_ARGS is no JSON object" end
  return args
end

--- Takes over the row of the ledger and the lock, which programs that are started from here do not get.
---@param turn sluice.Turn
---@param store sluice.Store
function scheduled.adopt(turn, store)
  local ok, problem = pcall(store.run_adopt, store, turn.run, turn.fd)
  if ok then return end
  if not err.is(problem) or problem.code == "internal" or problem.code == "state" then error(problem, 0) end
  usage(("this process can't be run %d of %s: %s"):format(turn.run, store:path(), problem.message))
end

-- Texts without what this process knows to be secret.
local function masked(...)
  local words, mask = table.pack(...), require("sluice.log").mask
  for i = 1, words.n do words[i] = type(words[i]) == "string" and mask(words[i]) or words[i] end
  return table.unpack(words, 1, words.n)
end

--- From now on what a recipe prints is masked here: it goes into the log of the run, and only this process knows the tokens
--- that it was given.
function scheduled.mask_output()
  local files, shown = getmetatable(io.stdout).__index, { [io.stdout] = true, [io.stderr] = true }
  local write = files.write
  files.write = function(file, ...)
    if shown[file] then return write(file, masked(...)) end
    return write(file, ...)
  end
  io.write = function(...) return io.output():write(...) end -- luacheck: ignore
  print = function(...) -- luacheck: ignore
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    io.stdout:write(table.concat(words, "\t"), "\n")
  end
end

return scheduled
