--- Methods that a run does not have, and cursors that never move.
local annotations = require "sluice.check.annotations"
local meaning = require "sluice.check.meaning"
local near = require("sluice.text").near
local scope = require "sluice.check.scope"

local running = {}

local function method_names()
  local methods = annotations.methods "sluice.Run"
  return require("sluice.text").keys(methods), methods
end

local function is_run(file, node)
  local what = meaning.of(file, node)
  return what and what.kind == "run"
end

local function check_methods(file)
  local names, methods = method_names()
  for _, call in ipairs(file.names.calls) do
    if call.tag == "Invoke" and not methods[call[2][1]] and is_run(file, call[1]) then
      file.report(call[2], nil, "a run has no '%s'%s", call[2][1], near(call[2][1], names))
    end
  end
end

-- ---- cursors ----

local function says(file, word)
  for _, call in ipairs(file.names.calls) do
    if call.tag == "Invoke" and call[2][1] == word then return true end
  end
  for _, index in ipairs(file.names.indexes) do
    if index[2].tag ~= "String" or index[2][1] == word then return true end -- computed: it may be that
  end
  return false
end

-- A function of the file that is only called, so that what it does with its parameter is seen.
local function followed(file, callee)
  local var = callee.tag == "Id" and callee.var
  local fn = var and #var.written == 0 and var.init
  return fn and fn.tag == "Function" and meaning.callers(file, fn) ~= nil
end

-- Whether a use of the run is in sight: a method, or a function of the file that is given it.
local function in_sight(file, node)
  local up = node.up
  if node.declares or up.tag == "Index" or (up.tag == "Invoke" and up[1] == node) then return true end
  if up.tag ~= "Call" then return false end
  local by_pcall = up[1].tag == "Id" and not up[1].var and up[1][1] == "pcall"
  return followed(file, by_pcall and up[2] or up[1])
end

local function check_cursors(file)
  if says(file, "commit") then return end
  local visible, cursors = true, {}
  scope.each(file.tree, function(node)
    if node.tag == "Id" and node.var and is_run(file, node) then visible = visible and in_sight(file, node) end
    if node.tag == "Invoke" and node[2][1] == "cursor" and is_run(file, node[1]) then cursors[#cursors + 1] = node end
  end)
  for _, call in ipairs(visible and cursors or {}) do
    file.note(call[2], "the cursor never moves: nothing here calls run:commit()")
  end
end

function running.check(file)
  check_methods(file)
  check_cursors(file)
end

return running
