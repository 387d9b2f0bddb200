--- Methods that a run does not have, and cursors that never move.
local annotations = require "sluice.check.annotations"
local meaning = require "sluice.check.meaning"
local near = require("sluice.text").near

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

-- Whether the run goes to code that is not in this file.
local function handed_out(file)
  for _, call in ipairs(file.names.calls) do
    local callee = meaning.of(file, call[1])
    local var = call.tag == "Call" and call[1].tag == "Id" and call[1].var
    local here = var and #var.written == 0 and var.init and var.init.tag == "Function"
    for i = 2, #call do
      if is_run(file, call[i]) and not here and not (callee and callee.kind == "global" and callee.name == "pcall") then return true end
    end
  end
  return false
end

local function check_cursors(file)
  if says(file, "commit") or handed_out(file) then return end
  for _, call in ipairs(file.names.calls) do
    if call.tag == "Invoke" and call[2][1] == "cursor" and is_run(file, call[1]) then
      file.report(call[2], "call `run:commit()` where the sink has confirmed", "the cursor never moves: nothing here calls run:commit()")
    end
  end
end

function running.check(file)
  check_methods(file)
  check_cursors(file)
end

return running
