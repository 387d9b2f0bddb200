--- Colours of a terminal, by what they are for. Alone here, so that the banner does not load what shows values.
local CODES = { dim = "2", key = "36", string = "32", number = "33", error = "31", head = "1" }

--- The text in a colour where colours are wanted.
---@param color boolean?
---@param what "dim"|"key"|"string"|"number"|"error"|"head"|nil
---@param s string
---@return string
return function(color, what, s)
  local code = color and what and CODES[what]
  return code and s ~= "" and ("\27[%sm%s\27[0m"):format(code, s) or s
end
