--- Strict globals: reading one that was never set, or setting one inside a function, raises with its name. Half of all
--- script bugs are misspelt names.
local near = require("sluice.text").near

local strict = {}

local function names(env)
  local list = {}
  for name in pairs(env) do
    if type(name) == "string" then list[#list + 1] = name end
  end
  return list
end

local function complain(env, name, what)
  error(("%s global '%s'%s"):format(what, tostring(name), near(name, names(env))), 3)
end

--- A new environment for a script: the standard globals behind it, its own names strict.
---@return table
function strict.env()
  local env = setmetatable({}, { __index = _G })
  for name, value in pairs(_G) do env[name] = value end
  env._G = env
  env.print = function(...) return print(...) end -- with --json it goes elsewhere, from some time after the script was loaded
  return setmetatable(env, {
    __index = function(t, name) complain(t, name, "reading the undeclared") end,
    __newindex = function(t, name) complain(t, name, "setting the undeclared (write 'local')") end,
  })
end

return strict
