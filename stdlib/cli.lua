--- The command line: finds the command, takes the options that all commands share, and turns errors into messages and
--- exit codes. A command is a module with `about` (one line) and `command(argv, globals) -> exit code`.
local cli = {}

local commands = {
  api = "sluice.api",
  call = "sluice.call_command",
  check = "sluice.check",
  completion = "sluice.completion",
  dlq = "sluice.dlq",
  doctor = "sluice.doctor",
  help = "sluice.help",
  limits = "sluice.limits",
  ndjson = "sluice.ndjson.command",
  new = "sluice.new",
  outbox = "sluice.outbox_command",
  repl = "sluice.repl",
  run = "sluice.run",
  runs = "sluice.runs_command",
  sandbox = "sluice.sandbox",
  serve = "sluice.serve",
  schedule = "sluice.schedule.command",
  state = "sluice.state_command",
  test = "sluice.test",
  version = "sluice.version",
}

--- Options that stand before or behind any command, rows as in sluice.options.
cli.options = {
  { "-c, --config FILE", "the config (default: the next sluice.yaml upward from the working directory)" },
  { "--json", "results as JSON: one document, or a line each" },
  { "-v, --verbose", "says more; -vv more still" },
  { "-q, --quiet", "says nothing but results and errors" },
  { "--log-format FORMAT", "how log lines look", words = { "text", "json" } },
  { "--no-color", "no colours on a terminal" },
}

-- Word -> its name in globals, whether it takes a value.
local function shared_options()
  local options, shared = require "sluice.options", { ["-vv"] = { "debug" } }
  for _, row in ipairs(cli.options) do
    local letter, name, value = options.spelt(row)
    shared["--" .. name] = { (name:gsub("-", "_")), value ~= nil }
    if letter then shared["-" .. letter] = shared["--" .. name] end
  end
  return shared
end

local function usage(message, hint)
  require("sluice.err").raise { code = "usage", message = message, hint = hint or "sluice help" }
end

-- Takes the shared options out of argv; everything behind "--" stays as it is.
local function split(argv)
  local shared, globals, rest, i = shared_options(), {}, {}, 1
  while argv[i] do
    local word = argv[i]
    local name, inline = word:match "^(%-%-[%w-]+)=(.*)$"
    local option = shared[name or word]
    if word == "--" then
      table.move(argv, i, #argv, #rest + 1, rest)
      break
    elseif not option or (name and not option[2]) then
      rest[#rest + 1] = word
    elseif option[2] then
      if not inline then i = i + 1 end
      globals[option[1]] = inline or argv[i] or usage(word .. " needs a value")
    else
      globals[option[1]] = (globals[option[1]] or 0) + 1
    end
    i = i + 1
  end
  return globals, rest
end

local function set_up_log(globals)
  local level = globals.quiet and "error" or "warn"
  if globals.verbose then level = globals.verbose > 1 and "debug" or "info" end
  if globals.debug then level = "debug" end
  local format = globals.log_format or "text"
  if format ~= "text" and format ~= "json" then usage("--log-format is text or json, not '" .. format .. "'") end
  require("sluice.log").setup { level = level, format = format }
end

local function find(name)
  if commands[name] then return require(commands[name]) end
  local text = require "sluice.text"
  usage(("there is no command '%s'%s"):format(name, text.near(name, text.keys(commands))))
end

local function dispatch(argv)
  local globals, rest = split(argv)
  set_up_log(globals)
  local name = table.remove(rest, 1)
  if name == nil or name == "-h" or name == "--help" then name = "help" end
  if name == "--version" or name == "-V" then name = "version" end
  local module = find(name)
  if rest[1] == "-h" or rest[1] == "--help" then return require("sluice.help").command({ name }, globals) end
  return module.command(rest, globals)
end

-- What was printed and can't be written is a failure, but where the reader has gone: `| head` has what it wanted.
local function flush_output(code)
  if require("sluice.core").flush_output() then return code end
  require("sluice.log").print "sluice: what was printed is not complete: standard output can't be written\n  hint: is the disk full?\n"
  return code == 0 and 1 or code
end

--- The commands and the modules that do them.
cli.commands = commands

--- The main task of the process.
---@param argv string[]
---@return integer exit code
function cli.main(argv)
  require("sluice.task").install()
  local fail, trace = require "sluice.fail", nil
  local ok, result = xpcall(dispatch, function(problem)
    local located
    located, trace = fail.locate(problem)
    return located
  end, argv)
  local code = result
  if not ok then
    require("sluice.log").status ""
    require("sluice.log").print(fail.text(result, trace))
    code = fail.exit_code(result)
  end
  code = flush_output(code)
  if code == 0 and fail.unobserved_count > 0 then code = 1 end
  return code or 0
end

return cli
