--- Runs that are not the real thing, or are kept: `--dry-run`, `--record`, `--replay`. What each puts in the way of requests
--- (sluice.wire) and in the place of the store (sluice.aside) is decided here.
local err = require "sluice.err"
local wire = require "sluice.wire"

local rehearsal = {}

---@class sluice.Rehearsal
local Rehearsal = {}
Rehearsal.__index = Rehearsal

local function only_one(options)
  local given = {}
  for _, name in ipairs { "dry-run", "record", "replay" } do
    if options[name] then given[#given + 1] = "--" .. name end
  end
  if #given > 1 then err.raise { code = "usage", message = ("%s and %s don't go together"):format(given[1], given[2]) } end
  return given[1]
end

local kinds = {}

kinds["--dry-run"] = function(run)
  run.aside = require("sluice.aside").new { copy = true }
  run.dry = require("sluice.dry").new { verbose = run.options.verbose, silent = run.options.quiet }
  return run.dry
end

kinds["--record"] = function(run)
  return require("sluice.recording").start(run.options.record, { recipe = run.name })
end

kinds["--replay"] = function(run)
  run.aside = require("sluice.aside").new { copy = false }
  return require("sluice.replay").start(run.options.replay)
end

--- Begins what the run's options ask for; nothing where they ask for none of it.
---@param run sluice.Run
function rehearsal.begin(run)
  local kind = only_one(run.options)
  if not kind then return end
  local way = kinds[kind](run)
  run.rehearsal = setmetatable({ run = run, way = way, former = wire.put(way) }, Rehearsal)
end

--- Ends it: requests go out again, the file is complete, what was put aside is gone.
function Rehearsal:close()
  wire.put(self.former)
  if self.run.aside then self.run.aside:close() end
  if self.way.close then self.way:close() end
end

Rehearsal.__close = Rehearsal.close

return rehearsal
