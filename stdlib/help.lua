--- `sluice help [COMMAND]`
local help = { about = "Say what there is and how to use it" }

local intro = [[
sluice moves records between commerce APIs: at the rate each API allows, losing none, doubling none.

usage: sluice COMMAND [argument …]

]]

local everywhere = [[

Everywhere: -c/--config FILE, --json, -v, -vv, -q, --log-format text|json, --no-color
Exit codes: 0 done; 1 failed; 2 usage or config; 3 finished, some records were rejected; 4 credentials refused;
  5 remote unavailable or limited; 6 stalled; 7 a write's outcome is unknown; 8 a cursor is held by another run;
  129/130/143 stopped by a signal after a clean checkpoint
More: sluice help COMMAND
]]

local function list()
  local names, lines = {}, { intro }
  for name in pairs(require("sluice.cli").commands) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = ("  %-10s %s\n"):format(name, require(require("sluice.cli").commands[name]).about)
  end
  lines[#lines + 1] = everywhere
  return table.concat(lines)
end

function help.command(argv)
  local name = argv[1]
  if not name then
    io.write(list())
    return 0
  end
  local module_name = require("sluice.cli").commands[name]
  if not module_name then
    require("sluice.err").raise { code = "usage", message = "there is no command '" .. name .. "'", hint = "sluice help" }
  end
  local module = require(module_name)
  io.write(require("sluice.manual.command").text(name, module))
  return 0
end

return help
