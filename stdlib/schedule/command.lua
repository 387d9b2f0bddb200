--- `sluice schedule`: finds the module of the word behind it.
local err = require "sluice.err"

local words = { explain = "sluice.schedule.explain", next = "sluice.schedule.next" }

local command = { about = "Say when schedules run, and why" }

-- Made from the modules, so that it has all of them.
setmetatable(command, {
  __index = function(_, key)
    if key ~= "usage" then return nil end
    local names, parts = {}, {}
    for name in pairs(words) do names[#names + 1] = name end
    table.sort(names)
    for i, name in ipairs(names) do parts[i] = require(words[name]).usage end
    return table.concat(parts, "\n")
  end,
})

--- The words and the modules that do them.
command.words = words

function command.command(argv, globals)
  local word, names = argv[1], {}
  for name in pairs(words) do names[#names + 1] = name end
  table.sort(names)
  local module = word and words[word]
  if module then return require(module).command(table.move(argv, 2, #argv, 1, {}), globals) end
  local near = word and err.nearest(word, names)
  local message = word and ("sluice schedule: there is no '%s'%s"):format(word, near and (" (did you mean '%s'?)"):format(near) or "")
  err.raise { code = "usage", message = message or "sluice schedule: what about it? " .. table.concat(names, ", "), hint = "sluice help schedule" }
end

return command
