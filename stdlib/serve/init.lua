--- `sluice serve`: the scheduler as a process. It loads the config, hears signals, tells the supervisor, and lets the daemon
--- make its rounds.
local config = require "sluice.config"
local daemons = require "sluice.serve.daemon"
local err = require "sluice.err"
local json = require "sluice.json"
local log = require "sluice.log"
local notify = require "sluice.serve.notify"
local options = require "sluice.schedule.options"
local process = require "sluice.process"
local program = require "sluice.serve.program"
local task = require "sluice.task"

local serve = {
  about = "Run the schedules of sluice.yaml",
  usage = [[
usage: sluice serve [-c FILE] [--once] [-v | -q]

  sluice serve                 runs what is due, until it is stopped
  sluice serve --once          runs what is due and what waits, and ends: for a machine that is woken now and then

Several on one store share the work; each due time is done once. What becomes of a due time: docs/schedules.md.

Signals   TERM, INT   nothing more is started; what runs is asked to stop, and killed after serve.drain; a second one kills now
          HUP         the config is read again; where it is wrong that is said, and the old one goes on
          USR1        the state, on standard error
]],
  options = {
    { "--once", "runs what is due and what waits, and ends" },
    { "--read", "says what the config has, as JSON", hidden = true },
    { "--tell", "calls the connection of `notify` with what stands in the environment", hidden = true },
  },
}

-- ---- config ----

-- What a program prints and how it ends. It has a process group of its own: a signal for us and all that is ours is not one
-- for it, and no command that it waits for stays behind when we wait for it no more.
local function output_of(argv)
  local child <close> = assert(process.spawn { argv = argv, death_signal = true })
  local pieces = { out = {}, err = {} }
  for stream, text, more in child.line, child do
    local list = pieces[stream]
    list[#list + 1] = more and text or text .. "\n"
  end
  return child:wait().status, table.concat(pieces.out), table.concat(pieces.err)
end

-- A large config's tree is ten times as large as what is kept of it, and Lua gives no memory back: so it is read by another
-- process (`--read`), which says what it found, or what is wrong, as JSON.
local function load(path)
  local status, stdout, stderr = output_of { program.path(), "serve", "--read", path and "-c" or nil, path }
  log.print(stderr)
  if status == 0 then return options.read(stdout) end
  local said = json.decode(stdout)
  err.raise(type(said) == "table" and said or { code = "internal", message = "the config could not be read: " .. stderr })
end

local function read(path)
  local ok, text = pcall(function() return options.text(config.load(path)) end)
  if not ok and not err.is(text) then error(text, 0) end
  io.write(ok and text or json.encode { code = text.code, message = text.message, hint = text.hint })
  return ok and 0 or 2
end

-- `--tell`: a notice for a connection, from the environment.
local function tell_connection(path)
  local notice = {}
  for _, name in ipairs { "schedule", "state", "was", "text" } do notice[name] = os.getenv("SLUICE_" .. name:upper()) or "" end
  notify.call(path, notice)
  return 0
end

-- What only a new start can change.
local function say_what_stays(old, new)
  if old.store ~= new.store then log.warn("serve", "`store` is another one: that takes a new start of `sluice serve`") end
  for _, name in ipairs { "listen", "token", "names" } do
    local was, is = old.serve[name], new.serve[name]
    if was ~= is and not (type(is) == "table" and type(was) == "table" and table.concat(was, " ") == table.concat(is, " ")) then
      log.warn("serve", "`serve.%s` is another one: that takes a new start of `sluice serve`", name)
    end
  end
end

local function reload(daemon, path)
  process.notify "RELOADING=1"
  local ok, loaded = pcall(load, path)
  if daemon.draining then return end
  if ok then
    say_what_stays(daemon.loaded, loaded)
    loaded.store = daemon.loaded.store
    daemon:load(loaded)
    daemon:ring()
    log.info("serve", "the config was read again")
  else
    local hint = err.is(loaded) and loaded.hint and (" (%s)"):format(loaded.hint) or ""
    log.error("serve", "the config is wrong, the former one goes on: %s%s", tostring(loaded), hint)
  end
  process.notify "READY=1"
end

-- ---- signals ----

-- The same signal is often sent twice at once, to the process and to its group: that is one.
local function stop(daemon)
  local mono = daemon.clock.mono()
  if daemon.draining and mono - daemon.stopped < 1 then return end
  if daemon.draining then
    log.warn("serve", "a second signal: what runs is killed")
    daemon.draining = mono
    return daemon:ring()
  end
  process.notify "STOPPING=1"
  log.info("serve", "no more is started; what runs has %g s to end", daemon.loaded.serve.drain)
  daemon:stop()
end

-- The config is read beside: a command in it that takes its time keeps no other signal from being heard. What is asked for
-- meanwhile makes one more reading.
local function reader(daemon, path)
  local reading, again
  local self = {}
  function self.read()
    again = true
    if reading then return end
    reading = task.spawn(function()
      while again do
        again = false
        reload(daemon, path)
      end
      reading = nil
    end)
  end
  function self.close()
    if reading then reading:cancel() end
  end
  return self
end

local function hear(daemon, path, signals)
  local config_reader = reader(daemon, path)
  for signal in signals do
    if signal == "HUP" then config_reader.read()
    elseif signal == "USR1" then log.print(daemon:describe())
    else stop(daemon) end
  end
  config_reader.close()
end

-- ---- the command ----

-- What is told to the supervisor after each round: that we are ready, and twice in its time that we live.
local function teller()
  local interval, ready, last = process.watchdog(), false, nil
  return function(daemon)
    local mono = daemon.clock.mono()
    if not ready then process.notify(("READY=1\nSTATUS=%d schedules"):format(daemon:count())) end
    ready = true
    if interval and (not last or mono - last >= interval / 2 - 1) then
      process.notify "WATCHDOG=1"
      last = mono
    end
  end
end

-- `--once`: nothing runs, nobody is being told, and nothing waits for anything but its time.
local function end_when_idle(daemon)
  local busy = next(daemon.runs) or next(daemon.telling) or daemon.queue:top() or next(daemon.touched)
  if not busy then daemon:stop() end
end

local function set_up_log(globals)
  if globals.quiet or globals.verbose or globals.debug then return end
  log.setup { level = "info", format = globals.log_format or "text" }
end

--- Serves until it is stopped. (waits)
---@param loaded sluice.Loaded
---@param path? string of the config, as it was given
---@param once? boolean
function serve.run(loaded, path, once)
  local store = require("sluice.state").open(loaded.store)
  local daemon = daemons.new(store, loaded)
  local signals, tell = process.signals(), teller()
  local listener = task.spawn(hear, daemon, path, signals)
  if process.pid() == 1 then process.adopt_orphans() end
  log.info("serve", "daemon %d: %d schedules, store %s", daemon.id, daemon:count(), loaded.store)
  local page = not once and require("sluice.page").beside(daemon) or nil
  daemon:run(function()
    tell(daemon)
    if page then page:round() end
    if once and not daemon.draining then end_when_idle(daemon) end
  end)
  if page then page:close() end
  signals:close()
  listener:wait()
  log.info("serve", "daemon %d: ended", daemon.id)
  store:close()
end

function serve.command(argv, globals)
  local _, given = require("sluice.options").parse(argv, { command = "sluice serve", none = true, rows = serve.options })
  if given.read then return read(globals.config) end
  if given.tell then return tell_connection(globals.config) end
  set_up_log(globals)
  serve.run(load(globals.config), globals.config, given.once)
  return 0
end

return serve
