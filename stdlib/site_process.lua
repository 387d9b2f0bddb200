--- Waiting for a process of a site (`site:wait_process(123, pid)`). The API says `queued` of a pid that it does not know, for
--- ever, so the wait has a deadline.
---
---     local pid = site:start_process(123, "import")
---     if pid then site:wait_process(123, pid, { deadline = 1800 }) end
local definition = require "sluice.definition"
local errors = require "sluice.err"
local poll = require "sluice.poll"
local task = require "sluice.task"
local wire = require "sluice.wire"

local site_process = {}

local KNOWN = { "deadline", "start", "factor", "cap", "jitter" }
local MOST_ERRORS = 50

-- What waiting does not cure; all else is asked again until the deadline.
local final = { auth = true, cancelled = true, config = true, forbidden = true, internal = true, invalid = true, not_found = true,
  protocol = true, usage = true }

local function check(options)
  local known = {}
  for _, name in ipairs(KNOWN) do known[name] = true end
  for key in pairs(options) do
    if not known[key] then
      errors.raise { code = "usage", message = ("wait_process: unknown option '%s'%s"):format(tostring(key),
        require("sluice.text").near(key, KNOWN)) }
    end
  end
end

-- The status once, or nil where the question failed in a way that may pass.
local function ask(client, site, pid)
  local ok, status = pcall(client.process_status, client, { site = site, pid = pid })
  if ok then return status end
  if not errors.is(status) or final[status.code] then error(status, 0) end
end

local function errors_of(client, site, pid)
  local list = {}
  local ok, problem = pcall(function()
    for one in client:site_errors { site = site, pid = pid } do
      list[#list + 1] = one
      if #list == MOST_ERRORS then break end
    end
  end)
  if not ok then require("sluice.log").warn("wait_process", "the errors of process %s could not be read: %s", pid, tostring(problem)) end
  return list
end

local function raise_failed(client, site, pid)
  local list = errors_of(client, site, pid)
  local first = list[1] and (list[1].message or list[1].error)
  local problem = errors.new {
    code = "partial", api = client.name, operation = "process",
    message = ("process %s of site %s has run, with errors%s"):format(pid, site, first and ("; the first is: %s"):format(first) or ""),
    hint = "data may have gone out all the same; `errors` of this error has what site_errors says",
  }
  problem.errors = list
  error(problem, 0)
end

-- Whether the import history knows the process, which the status page may not have seen.
local function in_history(client, site, pid)
  local ok, list = pcall(client.import_history, client, { site = site })
  for _, one in ipairs(ok and type(list) == "table" and list or {}) do
    if one.pid == pid then return one end
  end
end

local function raise_stalled(client, site, pid, status)
  local known = in_history(client, site, pid)
  errors.raise {
    code = "stalled", api = client.name, operation = "process",
    message = ("process %s of site %s was not over in time: %s"):format(pid, site, status or "the question was never answered"),
    hint = known and ("the import history has it, from %s: its import is done"):format(known.import_time)
      or "the API says `queued` of a pid that does not exist; is it the one that process gave? else wait longer (deadline)",
  }
end

--- Waits until a process is over. Raises `partial` where it ran with errors (`errors` of the error has them), `stalled` where
--- it is not over by the `deadline` (seconds, 3600). Intervals: `start` (2), `factor` (1.5), `cap` (30), `jitter` (0.2). (waits)
---@param client sluice.Client
---@param site integer
---@param pid string
---@param options? { deadline?: number, start?: number, factor?: number, cap?: number, jitter?: number }
---@return string status "success"
function site_process.wait_process(client, site, pid, options)
  options = options or {}
  check(options)
  local row, last = definition.operation(client.definition, "process_status"), nil
  local jobs = poll.new { terminal = row.poll.terminal, start = wire.interval(pid, options.start or 2), factor = options.factor, cap = options.cap,
    jitter = options.jitter, deadline = options.deadline }
  assert(jobs:add(pid))
  while true do
    local id, wait = jobs:next()
    if not id then task.sleep(wait) else
      local status = ask(client, site, pid)
      local verdict = jobs:report(pid, status)
      last = status or last
      if verdict == "ok" then return status end
      if verdict == "failed" then raise_failed(client, site, pid) end
      if verdict == "stalled" then raise_stalled(client, site, pid, last) end
    end
  end
end

--- Starts a process and gives its pid; nil where one is queued already, which takes what was uploaded before it begins. (waits)
---@param client sluice.Client
---@param site integer
---@param action "import"|"export"|"channel"|"export-all"|"all"
---@return string? pid
function site_process.start_process(client, site, action)
  local ok, pid = pcall(client.process, client, { site = site, action = action })
  if ok then return pid end
  if not errors.is(pid) or pid.code ~= "conflict" then error(pid, 0) end
end

return site_process
