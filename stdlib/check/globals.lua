--- Globals that a recipe does not have: they raise where the line is reached (sluice.strict), and most are misspelt.
local near = require("sluice.text").near

local globals = {}

local function known_names()
  local names, list = {}, {}
  for name in pairs(require("sluice.strict").env()) do
    if type(name) == "string" then names[name], list[#list + 1] = true, name end
  end
  return names, list
end

-- The locals of a list of statements, and the parameters around a line: what a misspelt name may have meant.
local function add_names(list, seen, node)
  local names = (node.tag == "Local" or node.tag == "Localrec" or node.tag == "Function") and node[1]
  for _, name in ipairs(names or {}) do
    if name[1] and not seen[name[1]] then list[#list + 1], seen[name[1]] = name[1], true end
  end
end

-- Those of its function and of the functions around it, and those of the file; not the same name, which is declared elsewhere.
local function locals_of(file, node)
  local list, seen, at = {}, { [node[1]] = true }, node.up
  while at do
    add_names(list, seen, at)
    for _, statement in ipairs(at.tag == "Function" and at[2] or {}) do add_names(list, seen, statement) end
    at = at.up
  end
  for _, statement in ipairs(file.tree.block) do add_names(list, seen, statement) end
  return list
end

-- A file that makes its own environment has names that can't be told.
local function plays_with_names(file)
  for _, node in ipairs(file.names.globals) do
    local name, up = node[1], node.up
    if name == "_ENV" or name == "rawset" or name == "setfenv" then return true end
    if name == "_G" and not (up and up.tag == "Index" and up[1] == node and not up.set) then return true end
  end
  return file.names.env or false
end

function globals.check(file)
  if plays_with_names(file) or file.name:find "_spec%.lua$" then return end -- specs have those of busted
  local known, list = known_names()
  for _, node in ipairs(file.names.globals) do
    local name = node[1]
    if not known[name] and node.set then
      file.report(node, "write `local`: recipes set no globals", "'%s' is set without `local`", name)
    elseif not known[name] then
      local hint, nearest = near(name, locals_of(file, node))
      if not nearest then hint = near(name, list) end
      file.report(node, nil, "there is no global '%s'%s", name, hint)
    end
  end
end

return globals
