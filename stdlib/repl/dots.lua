--- The commands of the prompt that begin with a dot. A row is what it takes, what it does, and the module or function that does it:
--- `command(session, words)`, which gives what is to be said.
local err = require "sluice.err"
local text = require "sluice.text"

local dots = {}

local function connections(session)
  local names = require "sluice.repl.names"
  local config = require "sluice.config"
  local rows = { { "connection", "api", "address" } }
  for _, name in ipairs(names.connections(session)) do
    local one = names.connection(session, name) or {}
    local def = one.definition
    local host = def and def.hosts and def.hosts[1]
    local own = session.config and config.address(session.config, name)
    local made = session.connections[name]
    rows[#rows + 1] = { name, one.api or config.api(session.config, name) or "?", made and tostring(made):match " at (%S+)[%s)]"
      or own or host and host.url or "" }
  end
  if #rows == 1 and session.broken then return "no connections: sluice.yaml has a mistake" end
  if #rows == 1 then return "no connections: there is no sluice.yaml here, or it has none" end
  return text.table(rows):gsub("\n$", "")
end

local function help(session)
  local rows = {}
  for _, name in ipairs(text.keys(dots.rows)) do
    local row = dots.rows[name]
    rows[#rows + 1] = { "  ." .. name .. (row.takes and " " .. row.takes or ""), row.about }
  end
  return (require("sluice.repl.explain").text(session, "?") or ""):gsub("%s+$", "") .. "\n\n" .. text.table(rows):gsub("\n$", "")
end

local function quit(session) session.over = true end

--- name -> { takes?, about, does }.
dots.rows = {
  connections = { about = "what is connected: name, API, address", does = connections },
  help = { about = "what the prompt can do", does = help },
  quit = { about = "ends, as Ctrl-D does", does = quit },
  save = { takes = "FILE.lua", about = "writes the chunks that worked as a recipe", does = "sluice.repl.save" },
  test = { takes = "FILE.lua", about = "writes a spec, and a recording that it replays", does = "sluice.repl.save_test" },
}

local function words_of(line)
  local words = {}
  for word in line:gmatch "%S+" do words[#words + 1] = word end
  return words
end

--- Does a line that begins with a dot; gives what is to be said. (waits)
---@param session sluice.repl.Session
---@param line string
---@return string?
function dots.run(session, line)
  local words = words_of(line)
  local name = table.remove(words, 1):sub(2)
  local row = dots.rows[name]
  if not row then
    local names = text.keys(dots.rows)
    local near = err.nearest(name, names)
    err.raise { code = "usage", message = ("there is no command '.%s'%s"):format(name, near and ("; did you mean '.%s'?"):format(near) or ""),
      hint = "." .. table.concat(names, " .") }
  end
  if not row.takes and words[1] then
    err.raise { code = "usage", message = (".%s takes no words, not '%s'"):format(name, words[1]) }
  end
  session:ready()
  if type(row.does) == "string" then return require(row.does).command(session, words) end
  return row.does(session, words)
end

return dots
