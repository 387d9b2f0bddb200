--- Modules and functions that are not there: `require "sluice.nope"`, `ndjson.recrods`, `string.fomat`.
local annotations = require "sluice.check.annotations"
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"
local near = require("sluice.text").near

local modules = {}

local function module_names()
  local names = {}
  for name in pairs(package.preload) do
    if name:find "^sluice%.[%l_]+$" or name == "sluice" then names[#names + 1] = name end
  end
  return names
end

local function check_require(file, call)
  local callee, name = call.tag == "Call" and call[1], literal.text(call[2])
  if not callee or callee.tag ~= "Id" or callee.var or callee[1] ~= "require" or not name then return end
  if (name == "sluice" or name:find "^sluice%.") and not package.preload[name] then
    file.report(call[2], nil, "there is no module '%s'%s", name, near(name, module_names()))
  end
end

-- The names of a module: those that it has, those that are annotated, and of `sluice` the modules behind it.
local function names_of(module)
  local names, there, found = {}, pcall(require, module)
  if not there or type(found) ~= "table" then return nil end -- some are for specs alone
  for name in pairs(found) do names[#names + 1] = name end
  for name in pairs(annotations.of(module).functions) do names[#names + 1] = name end
  for _, name in ipairs(module == "sluice" and module_names() or {}) do names[#names + 1] = name:match "^sluice%.(.+)$" end
  return names
end

local function library_names(name)
  local library = rawget(require("sluice.strict").env(), name)
  return type(library) == "table" and name ~= "_G" and name ~= "package" and require("sluice.text").keys(library) or nil
end

local cache = {}

-- The list and the set of what an expression has, where it is a module or a library of Lua.
local function known_of(base)
  if base.kind ~= "module" and base.kind ~= "global" then return nil end
  local key = base.kind .. base.name
  if cache[key] == nil then
    local list, set = (base.kind == "module" and names_of or library_names)(base.name), {}
    for _, name in ipairs(list or {}) do set[name] = true end
    cache[key] = list and { list = list, set = set } or false
  end
  return cache[key] or nil
end

-- Names that the file itself gives to something.
local function set_names(file)
  local names = {}
  for _, node in ipairs(file.names.sets) do names[literal.text(node[2]) or ""] = true end
  return names
end

local ASKS = { ["and"] = true, ["or"] = true, ["not"] = true, eq = true, ne = true }

-- Where it is asked whether something is there, or only taken, its absence is no fault yet.
local function may_be_absent(base, node)
  local up = node.up
  if base.name == "sluice" then return false end -- raises
  if base.kind == "global" then return up.tag ~= "Call" or up[1] ~= node end
  return up.tag == "If" or up.tag == "While" or up.tag == "Repeat" or (up.tag == "Op" and ASKS[up[1]]) or false
end

local function check_index(file, node, own)
  local base, key = meaning.of(file, node[1]), literal.text(node[2])
  local known = base and key and not own[key] and known_of(base)
  if not known or known.set[key] or may_be_absent(base, node) then return end
  file.report(node[2], nil, "%s has no '%s'%s", base.name, key, near(key, known.list))
end

function modules.check(file)
  local own = set_names(file)
  for _, call in ipairs(file.names.calls) do check_require(file, call) end
  for _, node in ipairs(file.names.indexes) do check_index(file, node, own) end
end

return modules
