--- `sluice repl`: Lua at a prompt, with the connections of the config as globals. What a chunk is and does is the session's business
--- (session.lua), the terminal's is prompt.lua, what is asked before a write guard.lua.
local core = require "sluice.core"

local repl = {
  about = "Lua at a prompt, with the connections at hand",
  usage = [[
usage: sluice repl [CONNECTION] [-y] [-n]

  sluice repl                        each connection of sluice.yaml is a global: shop.sources{}, ?shop, TAB
  sluice repl shop                   the same, and shop is there for certain
  echo 'shop.sources{}' | sluice repl                 chunks from a pipe: no prompt, values on standard output
  sluice repl --json < look.lua | jq .                values as JSON, a line each

> page = shop.search_products { query = { match_all = {} }, size = 3 }
> page.hits.total                    the value of an expression is shown, and is _
> shop.queue_products { … }          shows what it will send, and asks
> .save first.lua                    what worked, as a recipe; .help says more

In a pipe writes are refused without --yes, and the first error ends it with its exit code.
]],
  options = {
    { "-y, --yes", "writes are sent without a question; what may never be repeated (deletes for good) is asked about all the same" },
    { "-n, --dry-run", "writes are shown and not sent" },
  },
}

local BANNER = "sluice %s, Lua 5.4. ?NAME explains, TAB completes, .help says more; Ctrl-C stops a call, Ctrl-D ends"
local TICK = 1 -- seconds until a call that runs is seen to run

-- ---- showing ----

local function dim(session, text) return require("sluice.repl.paint")(session.color, "dim", text) end

local function is_answer(value)
  return type(value) == "table" and math.type(value.status) == "integer" and value.attempts ~= nil and value.took ~= nil
end

-- What is shown of a chunk's values: not the answer that comes beside a client's result, nor what `for` wants beside an iterator.
local function values_of(n, ...)
  local values = table.pack(...)
  local alone = n == 2 and is_answer(values[2]) or n > 1 and require("sluice.iterators").is(values[1])
  values.n = alone and 1 or n
  return values
end

local function print_json(value)
  local json = require "sluice.json"
  if value == nil then value = json.null end
  if not require("sluice.iterators").is(value) then
    io.write(assert(json.encode(value)), "\n")
    return
  end
  for entry in value do io.write(assert(json.encode(entry)), "\n") end
end

local function show(session, values)
  for i = 1, values.n do
    if session.json then print_json(values[i])
    elseif values[i] == nil then session.write(dim(session, "nil") .. "\n")
    else require("sluice.repl.show").print(session, values[i]) end
  end
end

local function explain(session, text)
  session:ready()
  local said, problem = require("sluice.repl.explain").text(session, text)
  if not said then require("sluice.err").raise { code = "usage", message = problem } end
  require("sluice.repl.pager").write(said:gsub("%s+$", "") .. "\n", session)
end

-- ---- one chunk ----

local function say_late(session)
  local late = session.late
  session.late = nil
  if late then error(late, 0) end
end

local function evaluate(session, text)
  local values = table.pack(session:eval(text))
  if not values[1] then error(values[3], 0) end
  show(session, values_of(values[2], table.unpack(values, 3, values.n)))
end

local function perform(session, text)
  say_late(session)
  if text:find "^%s*%?" then return explain(session, text) end
  if not text:find "^%s*%.%a" then return evaluate(session, text) end
  local said = require("sluice.repl.dots").run(session, text)
  if said then require("sluice.repl.pager").write(said .. "\n", session) end
end

-- Does a chunk and shows what came of it; nil, or the error. The tables that are looked at are of its end.
local function do_chunk(session, text)
  local measured = require("sluice.repl.block").measure()
  session.columns, session.rows = core.columns(), core.rows()
  local ok, problem = xpcall(perform, function(problem)
    local _, trace = require("sluice.fail").locate(problem)
    session.trace = session.trace or trace
    return problem
  end, session, text)
  session.spent = session.guard and measured(session.guard)
  if ok then return nil end
  return problem == nil and "nil" or problem, true
end

local function say_problem(session, problem, text)
  io.stdout:flush()
  require("sluice.log").print(require("sluice.repl.block").problem(session, problem, session.trace, text))
end

local function say_spent(session)
  local line = session.spent and require("sluice.repl.block").spent(session.spent)
  if line then require("sluice.log").print(dim(session, line) .. "\n") end
end

-- ---- on a terminal ----

-- After a second: how long it has been going on, on a line of its own that goes again.
local function start_ticker(session)
  local task, time, log = require "sluice.task", require "sluice.time", require "sluice.log"
  local began = time.mono()
  return task.spawn(function()
    task.sleep(TICK)
    while true do
      if not session.prompt.editor:reads() then
        log.status(dim(session, ("%.0f s, Ctrl-C stops it"):format(time.mono() - began)))
        session.ticks = true
      end
      task.sleep(TICK)
    end
  end)
end

local function clear_ticker(session)
  local ticked = session.ticks
  if ticked then require("sluice.log").status "" end
  session.ticks = false
  return ticked
end

-- `stands_behind`: the terminal has shown ^C, and the cursor is behind it.
local function say_stopped(session, stands_behind)
  local words = stands_behind and "\nstopped" or "^C\nstopped"
  for shown in pairs(session.guard and session.guard.flying or {}) do
    words = words .. ("\n  %s %s was under way: whether it was done is not known"):format(shown.method, shown.url)
  end
  require("sluice.log").print(words .. "\n")
end

-- Does a chunk as a task of its own, which Ctrl-C ends.
local function run_job(session, text)
  local task = require "sluice.task"
  local job = task.spawn(do_chunk, session, text)
  session.job = job
  local ticker = start_ticker(session)
  local ok, problem, failed = pcall(job.wait, job)
  if session.guard then session.guard:settle() end
  session.job = nil
  ticker:cancel()
  local ticked = clear_ticker(session)
  if not ok then
    session:stopped()
    return say_stopped(session, not ticked)
  end
  if failed then say_problem(session, problem, text) end
  say_spent(session)
end

-- A task in the background that computes and never waits would let nothing else go on.
local function stop_computing()
  local id = core.gave_way()
  if not id then return end
  core.drop(id)
  require("sluice.log").print "stopped a task in the background\n"
end

-- Takes the signals: Ctrl-C while something runs ends that, the others end the session.
local function watch_signals(session, signals)
  local numbers = { HUP = 1, TERM = 15 }
  for name in signals do
    if name == "INT" and not session.paged then
      if session.prompt.editor:reads() then session.prompt.editor:stop "interrupt" end
      if session.job then session.job:cancel() end
      stop_computing()
    elseif numbers[name] then
      session.over, session.code = true, 128 + numbers[name]
      if session.job then session.job:cancel() end
      session.prompt.editor:stop "eof"
    end
  end
end

-- What tasks print while somebody types stands above the line.
local function writer(session)
  return function(text)
    clear_ticker(session)
    if session.prompt.editor:reads() then session.prompt.editor:show(text) else io.write(text) end
  end
end

local function converse(session)
  local task = require "sluice.task"
  local prompt = session.prompt
  require("sluice.log").print(dim(session, BANNER:format(require("sluice.version").text)) .. "\n")
  task.spawn(function() prompt:remember() end) -- runs once the prompt is there
  while not session.over do
    local text = prompt:read()
    if not text then break end
    run_job(session, text)
  end
end

local function on_terminal(session, connection)
  local prompt <close>, problem = require("sluice.repl.prompt").open(session)
  if not prompt then error(problem, 0) end
  session.prompt, session.write = prompt, writer(session)
  session.ask = function(question)
    clear_ticker(session)
    return prompt:ask(question)
  end
  session.busy = function() return prompt.editor:reads() end
  session.paging = function(on) -- Ctrl-C is the pager's
    session.paged = on
    core.breakable(not on)
  end
  if connection then session:connect(connection) end
  local signals <close> = require("sluice.process").signals()
  require("sluice.task").spawn(watch_signals, session, signals)
  core.breakable(true)
  converse(session)
  core.breakable(false)
  return session.code or 0
end

-- ---- from a pipe ----

-- The next chunk of standard input; what is not complete at its end is an error of Lua's.
local function next_chunk(read)
  local chunk, lines = require "sluice.repl.chunk", {}
  for line in read do
    if #lines == 0 and (line:find "^%s*%.%a" or line:find "^%s*%?") then return line end
    lines[#lines + 1] = line
    local text = table.concat(lines, "\n")
    local state = chunk.state(text)
    if state == "complete" or state == "wrong" then return text end
    if state == "empty" then lines = {} end
  end
  if #lines > 0 then return table.concat(lines, "\n") end
end

local function from_pipe(session, connection)
  if connection then session:connect(connection) end
  local read = io.lines()
  while not session.over do
    local text = next_chunk(read)
    if not text then break end
    local problem, failed = do_chunk(session, text)
    if failed then
      say_problem(session, problem, text)
      local signal = require("sluice.task").stopping()
      return signal and 128 + signal or require("sluice.fail").exit_code(problem)
    end
  end
  return 0
end

-- What is printed beside the values stays out of the JSON.
local function print_aside(text) io.stderr:write(text) end

-- ---- the command ----

local function color_wanted(globals)
  local none = os.getenv "NO_COLOR"
  return core.isatty(1) and not globals.no_color and (none == nil or none == "") and os.getenv "TERM" ~= "dumb"
end

local function new_session(given, globals)
  given.config, given.json, given.quiet, given.verbose = globals.config, globals.json, globals.quiet, globals.verbose
  return require("sluice.repl.session").new {
    run = require("sluice.run").set { name = "repl", options = given, silent = true }, columns = core.columns(), rows = core.rows(),
    color = color_wanted(globals), yes = given.yes, json = globals.json, commands = require("sluice.repl.dots").rows,
    write = globals.json and print_aside or nil,
  }
end

function repl.command(argv, globals)
  local words, given = require("sluice.options").parse(argv, { command = "sluice repl", rows = repl.options })
  if words[2] then
    require("sluice.err").raise { code = "usage", message = ("sluice repl: one connection, not '%s' as well"):format(words[2]),
      hint = "all connections of sluice.yaml are there anyway" }
  end
  local session = new_session(given, globals)
  local terminal = core.isatty(0) and (core.isatty(1) or core.isatty(2)) and not globals.json
  local ok, code = pcall(terminal and on_terminal or from_pipe, session, words[1])
  session:close(ok and code or 1)
  if not ok then error(code, 0) end
  return code
end

return repl
