--- `sluice help`: what there is, and all that is known of one thing.
local topics = require "sluice.manual.topics"

local help = {
  about = "Say what there is and how to use it",
  usage = [[
usage: sluice help [TOPIC] [--man]

  sluice help run                 a command
  sluice help exit-codes          also: environment, errors, guarantees, recipes, schedules …
  sluice help config.schedules    keys of sluice.yaml; config.schedules.timeout is one of them
  sluice help json.decode         a function that recipes can call; `sluice help json` lists those of a module
  sluice help stock2shop          an API; stock2shop.sources is one of its operations, and so is shop.sources of a connection
  sluice help --json              all topics as one array of { name, kind, about }

Where a command, a module and a page have the same name, sluice.ndjson is the module and docs/serve the page.
]],
  options = { { "--man", "TOPIC as a manual page in roff: sluice.1, sluice.yaml.5 or sluice-lua.7" } },
}

local INTRO = [[
sluice moves records between commerce APIs: at the rate each API allows, losing none, doubling none.

usage: sluice COMMAND [argument …]

]]

local function list()
  local text, commands = require "sluice.text", require("sluice.cli").commands
  local lines, everywhere, exits = { INTRO }, {}, {}
  for _, name in ipairs(text.keys(commands)) do lines[#lines + 1] = ("  %-10s %s\n"):format(name, require(commands[name]).about) end
  for i, row in ipairs(require("sluice.cli").options) do everywhere[i] = row[1]:gsub(", ", "/", 1) end
  for i, row in ipairs(require("sluice.fail").exits) do exits[i] = ("%s %s"):format(row[1]:gsub(", ", "/"), row[2]) end
  return ("%s\nEverywhere: %s\nExit codes: %s\nMore: sluice help COMMAND, sluice help help\n"):format(table.concat(lines),
    table.concat(everywhere, ", "), table.concat(exits, "; ", 1, 4) .. ";\n  " .. table.concat(exits, "; ", 5, 7) .. ";\n  "
    .. table.concat(exits, "; ", 8))
end

local function print_list_as_json()
  local json, rows = require "sluice.json", {}
  for i, topic in ipairs(topics.list()) do rows[i] = { name = topic.name, kind = topic.kind, about = topic.about } end
  io.write(json.encode(json.array(rows)), "\n")
end

local function unknown(name)
  local near = require("sluice.text").near(name, topics.names(name))
  require("sluice.err").raise { code = "usage", message = ("there is no help on '%s'%s"):format(name, near),
    hint = "sluice help lists the commands, sluice help --json all topics" }
end

local function print_man(name)
  local pages = require "sluice.manual.pages"
  local page = pages.text(name or "")
  if not page then
    require("sluice.err").raise { code = "usage", message = ("there is no manual page '%s'"):format(name or ""),
      hint = "one of " .. table.concat(pages.names(), ", ") }
  end
  io.write(page)
  return 0
end

function help.command(argv, globals)
  local words, given = require("sluice.options").parse(argv, { command = "sluice help", rows = help.options })
  if given.man then return print_man(words[1]) end
  if not words[1] then
    if globals.json then print_list_as_json() else io.write(list()) end
    return 0
  end
  local topic, others = topics.find(words[1])
  if not topic then unknown(words[1]) end
  local shown = topic.text()
  if globals.json then
    io.write(require("sluice.json").encode { name = topic.name, kind = topic.kind, about = topic.about, text = shown }, "\n")
    return 0
  end
  io.write(shown, shown:find "\n$" and "" or "\n")
  for _, other in ipairs(others) do io.write("\nAlso: sluice help ", other, "\n") end
  return 0
end

return help
