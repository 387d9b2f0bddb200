-- What a start costs and what an idle daemon keeps: the rows `startup`, `repl` and `idle` of `make bench`.
--
--   local starts = dofile "tests/bench/starts.lua"
--   local lines, missed, missing = starts.startup { sluice = "build/sluice", build = "build", dir = "build/bench", rounds = 5 }
local json = require "sluice.json"
local process = require "sluice.process"
local task = require "sluice.task"

local starts = {}

-- What is wanted of a peer's cost in ours; a row fails below three quarters of it, which is what a noisy machine may take.
local FLOOR = 0.75
local IDLE_MB = 14
local EACH = 20 -- starts of each candidate in a round

-- Debian's own, where it is there: a version manager's `python3` is a script that looks for one first.
local PYTHON = io.open "/usr/bin/python3" and "/usr/bin/python3" or "python3"

local function have(program) return os.execute("command -v " .. program .. " >/dev/null 2>&1") == true end

-- The candidates whose program is there, ours first, and the names of those that are missing.
local function present(candidates)
  local here, missing = {}, {}
  for i, one in ipairs(candidates) do
    if i == 1 or have(one.command:match "%S+") then here[#here + 1] = one else missing[#missing + 1] = one.name end
  end
  return here, missing
end

-- Runs build/tests/starts over the candidates, with a home of its own; adds cpu_ms, wall_ms and rss_mb to each.
local function measure(with, candidates, prompts)
  local argv = { "env", "HOME=" .. with.dir, "TERM=xterm", with.build .. "/tests/starts" }
  if prompts then argv[#argv + 1] = "-p" end
  argv[#argv + 1] = tostring(EACH * with.rounds)
  for _, one in ipairs(candidates) do
    if prompts then argv[#argv + 1] = one.prompt end
    argv[#argv + 1] = one.command
  end
  local done = assert(process.run { argv = argv })
  if done.status ~= 0 then error(done.stderr, 0) end
  for i, figures in ipairs(json.decode(done.stdout)) do
    for name, value in pairs(figures) do candidates[i][name] = value end
  end
end

-- One line for each; `what` is the figure that is compared. Gives how many are under their floor.
local function judge(lines, name, candidates, what)
  local missed = 0
  for i, one in ipairs(candidates) do
    local ratio, wanted, word = one[what] / candidates[1][what], "", ""
    if one.want then
      local good = ratio >= one.want * FLOOR
      wanted, word = (">= %.2f"):format(one.want * FLOOR), good and "ok" or "MISSED"
      if not good then missed = missed + 1 end
    end
    lines[#lines + 1] = { i == 1 and name or "", one.name, ("%.1f"):format(one.cpu_ms), ("%.1f"):format(one.wall_ms),
      ("%.1f"):format(one.rss_mb), ("%.2f"):format(ratio), wanted, word }
  end
  return missed
end

local function heading() return { { "row", "who", "cpu ms", "ms", "rss MB", "x ours", "wanted", "" } } end

--- A start without network: a recipe that does nothing, beside peers that do nothing either. `true` is what any program costs.
function starts.startup(with)
  local empty = with.dir .. "/empty.lua"
  assert(io.open(empty, "w")):close()
  local candidates, missing = present {
    { name = "sluice run empty.lua", command = with.sluice .. " run " .. empty },
    { name = "sluice version", command = with.sluice .. " version" },
    { name = "curl -V", command = "curl -V", want = 3 },
    { name = "python3 -c pass", command = PYTHON .. " -c pass", want = 3.5 },
    { name = "node -e 0", command = "node -e 0", want = 10 },
    { name = "lua5.4 -v", command = "lua5.4 -v" },
    { name = "true", command = "/bin/true" },
  }
  measure(with, candidates)
  local lines = heading()
  return lines, judge(lines, "startup", candidates, "cpu_ms"), missing
end

--- The time until an interactive session on a terminal has written its prompt.
function starts.repl(with)
  local candidates, missing = present {
    { name = "sluice repl", command = with.sluice .. " repl", prompt = "> " },
    { name = "python3 -i", command = PYTHON .. " -i", prompt = ">>> ", want = 3 },
    { name = "node -i", command = "node -i", prompt = "\27[0J> ", want = 10 },
  }
  measure(with, candidates, true)
  local lines = heading()
  return lines, judge(lines, "repl, to its prompt", candidates, "wall_ms"), missing
end

-- ---- the idle daemon ----

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function project(folder)
  assert(os.execute(("rm -rf %s; mkdir -p %s"):format(folder, folder)))
  assert(io.open(folder .. "/nothing.lua", "w")):close()
  local file <close> = assert(io.open(folder .. "/sluice.yaml", "w"))
  file:write("version: 1\nstore: sqlite:state.db\nserve: { listen: \"127.0.0.1:0\" }\n",
    "schedules:\n  nightly: { recipe: nothing.lua, cron: \"0 3 * * *\" }\n")
end

-- Until the daemon says where its page is, which it does last. (waits)
local function ready(child)
  for _, text in child.line, child do
    if text:find("the page is", 1, true) then return end
  end
  error("sluice serve has ended", 0)
end

--- What `sluice serve` with one schedule, a store and its page keeps in memory while nothing is due.
function starts.idle(with)
  local folder = with.dir .. "/idle"
  project(folder)
  local program = with.sluice:find "^/" and with.sluice or require("lfs").currentdir() .. "/" .. with.sluice
  local child <close> = assert(process.spawn { argv = { program, "serve" }, cwd = folder })
  ready(child)
  task.sleep(3)
  local status, parts = read(("/proc/%d/status"):format(child.pid)), read(("/proc/%d/smaps_rollup"):format(child.pid))
  child:signal(15)
  child:wait()
  local rss, dirty = tonumber(status:match "VmRSS:%s*(%d+)") / 1024, tonumber(parts:match "Private_Dirty:%s*(%d+)") / 1024
  local good = rss <= IDLE_MB
  return { { "idle daemon", "MB", "wanted", "" },
    { "resident", ("%.1f"):format(rss), "<= " .. IDLE_MB, good and "ok" or "MISSED" },
    { "of it its own", ("%.1f"):format(dirty), "", "" } }, good and 0 or 1, {}
end

return starts
