--- `sluice schedule next`: when a schedule runs next.
local spec = require "sluice.schedule.spec"

local next_command = {}

--- The due times as text.
---@param found sluice.CronSpec
---@param options { after: number, count: integer }
---@return string[]
function next_command.times(found, options)
  local list = {}
  for i, t in ipairs(found:times(options.after, options.count)) do list[i] = found:format(t) end
  return list
end

function next_command.command(argv, globals)
  local found, options = spec.read("next", argv, globals, 5)
  local list = next_command.times(found, options)
  if globals.json then
    local json = require "sluice.json"
    io.write(json.encode(json.array(list)), "\n")
  else
    for _, t in ipairs(list) do io.write(t, "\n") end
    if #list == 0 and options.count > 0 and not globals.quiet then require("sluice.log").print "it never runs\n" end
  end
  return 0
end

return next_command
