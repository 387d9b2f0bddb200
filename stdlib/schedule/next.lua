--- `sluice schedule next`: when a schedule runs next.
local spec = require "sluice.schedule.spec"

local next_command = {
  about = "Show when a schedule or a cron text runs next",
  usage = [[
usage: sluice schedule next SPEC|NAME|- [--after TIME] [--count N] [--name NAME] [--zone ZONE] [--json]

  sluice schedule next delta                       a schedule of sluice.yaml
  sluice schedule next "0 6 * * 1-5" --count 3     a cron text
  sluice schedule next - < feed.cron               from standard input; an empty one is no schedule
  sluice schedule next "H H * * *" --name delta    H as the schedule `delta` has it
  sluice schedule next delta --json                a JSON array of the times

--after   later than this time (now): 2026-03-29T02:30:00+01:00, "2026-03-29 02:30" or 10:00
          (in the schedule's zone), 2h
--count   how many (5)
--zone    where the text has no TZ= line (UTC)
]],
}

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
