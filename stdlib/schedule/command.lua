--- `sluice schedule`: finds the module of the word behind it.
local err = require "sluice.err"

local words = { explain = "sluice.schedule.explain", next = "sluice.schedule.next" }

local function names_of(table_of)
  local names = {}
  for name in pairs(table_of) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local command = { about = "Say when schedules run, and why" }

-- Made from the modules, so that it has all of them.
setmetatable(command, {
  __index = function(_, key)
    if key ~= "usage" then return nil end
    local parts = {}
    for i, name in ipairs(names_of(words)) do parts[i] = require(words[name]).usage end
    return table.concat(parts, "\n")
  end,
})

--- The words and the modules that do them.
command.words = words

function command.command(argv, globals)
  local word, names = argv[1], names_of(words)
  if words[word or ""] then return require(words[word]).command(table.move(argv, 2, #argv, 1, {}), globals) end
  local near = word and err.nearest(word, names)
  local message = "what about it? " .. table.concat(names, ", ")
  if word then message = ("there is no '%s'%s"):format(word, near and (" (did you mean '%s'?)"):format(near) or "") end
  err.raise { code = "usage", message = "sluice schedule: " .. message, hint = "sluice help schedule" }
end

return command
