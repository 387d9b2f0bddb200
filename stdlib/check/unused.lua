--- Arguments that are declared and read nowhere: a note, not a fault. It is given only where all ways that the arguments go
--- are in sight: read by name, or handed to functions of the file.
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"
local scope = require "sluice.check.scope"

local unused = {}

local function is_args(file, node)
  local what = node.tag == "Id" and node.var and meaning.of(file, node)
  return what and what.kind == "args"
end

-- A function of the file that is only called, so that its parameter is followed.
local function followed(file, call)
  local var = call.tag == "Call" and call[1].tag == "Id" and call[1].var
  local fn = var and #var.written == 0 and var.init
  return fn and fn.tag == "Function" and meaning.callers(file, fn) ~= nil
end

local function in_sight(file, node)
  local up = node.up
  if node.declares then return true end
  if up.tag == "Index" and up[1] == node then return literal.text(up[2]) ~= nil end
  if up.tag ~= "Call" then return false end
  local callee = up[1].tag == "Id" and not up[1].var and up[1][1]
  return followed(file, up) or callee == "pcall" and up[2].tag == "Id" and followed(file, { tag = "Call", up[2] })
end

-- The parameters of run and retry are the way that the arguments come in; where that is not a function in place nothing is said.
local function plain_functions(recipe)
  for _, name in ipairs { "run", "retry" } do
    local value = recipe.spec.pairs[name]
    if value and value.tag ~= "Function" then return false end
    for _, param in ipairs(value and value[1] or {}) do
      if param.tag == "Dots" then return false end
    end
  end
  return recipe.spec.closed
end

function unused.check(file)
  local recipe = file.recipe
  if not recipe or not recipe.args or not plain_functions(recipe) then return end
  local seen, visible, declares = {}, true, {}
  for _, key in ipairs(recipe.args.keys) do declares[key.node] = true end
  scope.each(file.tree, function(node)
    if node.tag == "String" and not declares[node] then seen[node[1]] = true end
    if visible and is_args(file, node) then visible = in_sight(file, node) end
  end)
  for _, key in ipairs(visible and recipe.args.keys or {}) do
    if not seen[key.name] then file.note(key.node, "the argument '%s' is declared and never read", key.name) end
  end
end

return unused
