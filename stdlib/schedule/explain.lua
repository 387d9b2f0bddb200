--- `sluice schedule explain`: what a schedule means, its next runs, and what clock changes of the coming year do to it.
local spec = require "sluice.schedule.spec"

local explain = {}

local YEAR = 366 * 86400

--- All that is to be said.
---@param found sluice.CronSpec
---@param options { after: number, count: integer, text?: string }
---@return table
function explain.tell(found, options)
  local json, changes = require "sluice.json", found:changes(options.after, options.after + YEAR)
  for _, change in ipairs(changes) do change.at = found:format(change.at) end
  return {
    zone = found.zone, text = options.text, means = json.array(found:describe()),
    next = json.array(require("sluice.schedule.next").times(found, options)), changes = json.array(changes),
  }
end

local function write(told)
  for _, line in ipairs(told.means) do io.write(line, "\n") end
  if #told.means == 0 then io.write "it never runs\n" end
  io.write("zone ", told.zone, "\n")
  if #told.next > 0 then io.write("\nnext\n  ", table.concat(told.next, "\n  "), "\n") end
  io.write "\nclock changes in the coming year\n"
  for _, change in ipairs(told.changes) do
    io.write(("  %s  %s: %s\n"):format(change.at, (change.kind:gsub("_", " ")), change.text))
  end
  if #told.changes == 0 then io.write "  none that matters\n" end
end

function explain.command(argv, globals)
  local found, options = spec.read("explain", argv, globals, 5)
  local told = explain.tell(found, options)
  if globals.json then io.write(require("sluice.json").encode(told), "\n") else write(told) end
  return 0
end

return explain
