--- How values are written in the config: durations, rates, sizes, `${NAME}`. Pure: text in, value or reason out.
local values = {}

local time_units = { ms = 0.001, s = 1, sec = 1, m = 60, min = 60, h = 3600, d = 86400 }
local size_units = {
  B = 1, K = 1000, KB = 1000, M = 1000 ^ 2, MB = 1000 ^ 2, G = 1000 ^ 3, GB = 1000 ^ 3,
  KIB = 1024, MIB = 1024 ^ 2, GIB = 1024 ^ 3,
}

local DURATION_MAX = 100 * 366 * 86400

--- "90", "90s", "1m30s", "250ms", "2h", "1.5d" as seconds.
---@param text string
---@return number? seconds
---@return string? reason
function values.duration(text)
  local help = "a duration is written like 30s, 15m, 2h or 1h30m; a number alone is seconds"
  local number = text:match "^%d+%.?%d*$"
  if number then text = number .. "s" end
  local seconds, at, before = 0, 1, math.huge
  while at <= #text do
    local count, unit, next_at = text:match("^%s*(%d+%.?%d*)%s*(%a+)()", at)
    local factor = time_units[unit]
    if not factor or factor >= before then return nil, help end
    seconds, at, before = seconds + tonumber(count) * factor, next_at, factor
  end
  if before == math.huge then return nil, help end
  if seconds > DURATION_MAX then return nil, "a duration is at most 100 years" end
  return math.tointeger(seconds) or seconds
end

--- A rate, or several with commas between: "30/s", "60/min", "1/5min", "5/s burst 50".
---@param text string
---@return string? text the same
---@return string? reason
function values.rate(text)
  local rates, problem = require("sluice.limit").parse(text)
  if not rates then return nil, problem.hint or problem.message end
  return text
end

--- "256MB", "1GiB" as bytes.
---@param text string
---@return integer? bytes
---@return string? reason
function values.size(text)
  local count, unit = text:match "^(%d+%.?%d*)%s*(%a+)$"
  local factor = unit and size_units[unit:upper()]
  if not factor then return nil, "a size is written like 256MB or 1GiB" end
  return math.floor(tonumber(count) * factor)
end

local FORMS = "write ${NAME} or ${NAME:-default}; $${ stands for the characters ${"

-- One ${…} that begins behind `at`: the name, the default or nil, where the text goes on.
local function placeholder(text, at)
  local inner, next_at = text:match("^([^}]*)}()", at)
  if not inner then return nil, "this ${ has no }" end
  local name, rest = inner:match "^([%a_][%w_]*)(.*)$"
  if not name or (rest ~= "" and rest:sub(1, 2) ~= ":-") then return nil, ("${%s} is no variable"):format(inner) end
  return name, rest ~= "" and rest:sub(3) or nil, next_at
end

--- Whether a text has anything for `expand` to do.
---@param text string
function values.has_variables(text)
  return text:find("${", 1, true) ~= nil
end

--- Puts variables in: `${NAME}`, and `${NAME:-default}` for one that is unset or empty. `$${` gives `${`; any other `$`
--- is itself. What is put in is not looked at again.
---@param text string
---@param get fun(name: string): string? where variables come from; nil only checks how they are written
---@return string? text
---@return string? reason
---@return string? hint
function values.expand(text, get)
  local parts, at = {}, 1
  while true do
    local start = text:find("${", at, true)
    if not start then break end
    if start > at and text:sub(start - 1, start - 1) == "$" then
      parts[#parts + 1] = text:sub(at, start - 2) .. "${"
      at = start + 2
    else
      local name, default, next_at = placeholder(text, start + 2)
      if not name then return nil, default, FORMS end
      local value = get and get(name)
      if default and (value == nil or value == "") then value = default end
      if get and not value then
        return nil, ("the variable %s is not set"):format(name),
          ("export %s=…, or give a default: ${%s:-…}"):format(name, name)
      end
      parts[#parts + 1] = text:sub(at, start - 1) .. (value or "")
      at = next_at
    end
  end
  return table.concat(parts) .. text:sub(at)
end

return values
