--- `.save recipe.lua`: the chunks that worked as a recipe that runs. Connections become its arguments, globals its locals; what only
--- showed something is a comment, a secret that was typed is asked of the environment.
---
---     print(save.command(session, { "recipe.lua" }))     --> "recipe.lua: 4 chunks; sluice run recipe.lua"
local err = require "sluice.err"
local rewrite = require "sluice.repl.rewrite"
local saved_file = require "sluice.repl.saved_file"
local time = require "sluice.time"

local save = {}

local FILE = [[
-- Saved from a session of `sluice repl` on %s.
--
--   sluice run %s
--   sluice run %s -n          what it would send
%s
local sluice = require "sluice"
%s
return sluice.recipe {
  about = %q,
  args = {%s},
  run = function(args, run)
%s

    run:commit() -- a cursor (run:cursor "name") would move here
  end,
}
]]

-- The secrets that were typed, by the variables that stand for them.
local function secrets_of()
  local list, by_literal = {}, {}
  return list, function(literal, name)
    if not by_literal[literal] then
      local variable = name:upper():gsub("[^%w]", "_")
      local taken, n = variable, 1
      while list[taken] do n, taken = n + 1, variable .. "_" .. n + 1 end
      by_literal[literal], list[taken] = taken, true
      list[#list + 1] = taken
    end
    return ('os.getenv "%s"'):format(by_literal[literal])
  end
end

local function about_secrets(list)
  if #list == 0 then return "" end
  local lines = { "--", "-- Secrets that were typed are not here; set them in the environment:" }
  for _, name in ipairs(list) do lines[#lines + 1] = ("--   ${%s}"):format(name) end
  return table.concat(lines, "\n") .. "\n"
end

local function args_of(names, connections)
  local lines = {}
  for i, name in ipairs(names) do
    lines[i] = ('\n    %s = { "connection (%s)", type = "connection", default = "%s" },'):format(name, connections[name].api, name)
  end
  return #lines > 0 and table.concat(lines) .. "\n  " or ""
end

local function connects(names)
  local lines = {}
  for i, name in ipairs(names) do lines[i] = ("    local %s = sluice.connect(args.%s)"):format(name, name) end
  return #lines > 0 and table.concat(lines, "\n") .. "\n\n" or ""
end

local function text_of(session, path)
  local secrets, secret = secrets_of()
  local body = rewrite.new(session.transcript:worked(), {
    connections = session.connections, secret = secret, failed = session.transcript:set_by_failed(), module = saved_file.module_of(session),
  })
  if #body.kept == 0 then
    err.raise { code = "usage", message = ".save: nothing has worked yet that a recipe could do", hint = "call something first" }
  end
  local about = ("%s (from a session)"):format(saved_file.about(body.kept))
  local modules = saved_file.requires(body)
  return FILE:format(time.format(time.now()):sub(1, 10), path, path, about_secrets(secrets), modules, about,
    args_of(body.connections, session.connections), connects(body.connections) .. body:text "    "), #body.kept, secrets
end

--- Writes the recipe; the line that says so.
---@param session table
---@param words string[] FILE.lua [--force]
---@return string
function save.command(session, words)
  local path, force = saved_file.words(".save", words)
  saved_file.free(".save", path, force, path)
  local text, count, secrets = text_of(session, path)
  saved_file.write(path, text)
  local needs = #secrets > 0 and (" (it needs ${%s} in the environment)"):format(table.concat(secrets, "}, ${")) or ""
  return ("%s: %d chunk%s%s; sluice run %s"):format(path, count, count == 1 and "" or "s", needs, path)
end

return save
