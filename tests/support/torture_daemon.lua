-- A `sluice serve` whose wall clock is set by a file, for support/torture.lua: `sluice run torture_daemon.lua config=… clock=…`.
local config = require "sluice.config"
local options = require "sluice.schedule.options"
local serve = require "sluice.serve"
local task = require "sluice.task"
local time = require "sluice.time"

local args = ...

local function set_clock()
  local file = io.open(args.clock, "rb")
  local shift = file and tonumber(file:read "a")
  if file then file:close() end
  if shift then time.shift(shift, 0) end
end

set_clock()
task.spawn(function()
  while true do
    task.sleep(0.05)
    set_clock()
  end
end)
serve.run(options.load(config.load(args.config)), args.config)
os.exit(0, true)
