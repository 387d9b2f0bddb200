--- One argument of a recipe: what its declaration says, and how its value is read from what was typed.
---
---     local batch = argument.declare("batch", { "products in a request", type = "integer", min = 1, default = 100 })
---     argument.read(batch, "batch", "50")       -- 50
---     argument.read(batch, "batch", "many")     -- raises: batch is a whole number from 1, not 'many'
---     argument.note(batch)                      -- "a whole number from 1; default: 100"
---
--- A value may come as text from the command line or as it is meant (`key:=json`, the ledger, a schedule): both are read.
local err = require "sluice.err"
local keys = require("sluice.text").keys
local values = require "sluice.config.values"

local argument = {}

local FIELDS = { "optional", "default", "type", "one_of", "min", "max", "file" }

local function usage(text, ...) err.raise { code = "usage", message = text:format(...) } end

-- ---- the types ----

local function in_range(number, arg)
  return number and number >= (arg.min or -math.huge) and number <= (arg.max or math.huge) and number or nil
end

local function range(arg)
  if arg.min and arg.max then return (" from %s to %s"):format(arg.min, arg.max) end
  return arg.min and " from " .. arg.min or arg.max and " up to " .. arg.max or ""
end

local function text_of(value)
  if type(value) == "string" then return value end
  return math.type(value) == "integer" and tostring(value) or nil -- an id
end

local function filled(value) return type(value) == "string" and value ~= "" and value or nil end

local booleans = { [true] = true, ["true"] = true, [false] = false, ["false"] = false }

local function time_of(value)
  local seconds = type(value) == "string" and require("sluice.time").parse(value) or tonumber(value)
  return seconds and seconds == seconds and math.abs(seconds) < 2 ^ 53 and seconds // 1 | 0 or nil
end

local function list_of(value)
  if type(value) == "table" then return value end
  local list = {}
  for word in tostring(value):gmatch "[^,%s]+" do list[#list + 1] = word end
  return #list > 0 and list or nil
end

-- For each: what it is, an example where that helps, and its value; nil where it is none.
local types = {
  text = { what = "a text", read = text_of },
  boolean = { what = "true or false", read = function(value) return booleans[value] end },
  integer = { what = "a whole number", ranged = true, read = function(value, arg) return in_range(math.tointeger(tonumber(value)), arg) end },
  number = { what = "a number", ranged = true, read = function(value, arg) return in_range(tonumber(value), arg) end },
  duration = {
    what = "a duration", like = "30s, 15m or 1h30m; a number alone is seconds", ranged = true,
    read = function(value, arg) return in_range(values.duration(tostring(value)), arg) end,
  },
  time = { what = "a time", like = "2021-08-27 08:23:04 (UTC) or 2021-08-27T10:23:04+02:00", read = time_of },
  path = { what = "a path", read = filled },
  connection = {
    what = "the name of a connection",
    read = function(value, arg) return filled(value) and (arg.file or not value:find "^file:") and value ~= "file:" and value or nil end,
  },
  list = { what = "a list with commas", read = list_of },
}

local function or_list(list)
  local words = {}
  for i, one in ipairs(list) do words[i] = tostring(one) end
  local last = table.remove(words)
  return #words > 0 and table.concat(words, ", ") .. " or " .. last or last
end

-- ---- the declaration ----

local function check_fields(name, arg)
  for key in pairs(arg) do
    local known = key == 1
    for _, field in ipairs(FIELDS) do known = known or key == field end
    if not known then
      local near = err.nearest(tostring(key), FIELDS)
      usage("sluice.recipe: args.%s: unknown field '%s'%s", name, tostring(key), near and (" (did you mean '%s'?)"):format(near)
        or " (a text, then " .. table.concat(FIELDS, ", ") .. ")")
    end
  end
end

local function check_type(name, arg)
  if arg.type ~= nil and not types[arg.type] then
    local near = err.nearest(tostring(arg.type), keys(types))
    usage("sluice.recipe: args.%s: there is no type '%s'%s", name, tostring(arg.type),
      near and (" (did you mean '%s'?)"):format(near) or "; there are " .. table.concat(keys(types), ", "))
  end
  if arg.one_of ~= nil and (type(arg.one_of) ~= "table" or #arg.one_of == 0) then usage("sluice.recipe: args.%s: one_of is a list", name) end
end

--- A declaration in one form, checked: a text alone is a required argument.
---@param name string
---@param arg string|table
---@return table
function argument.declare(name, arg)
  if type(arg) == "string" then arg = { arg } end
  if type(arg) ~= "table" or type(arg[1]) ~= "string" then
    usage("sluice.recipe: 'args.%s' must be a text, or a table that begins with one: { \"text\", optional = true }", name)
  end
  check_fields(name, arg)
  check_type(name, arg)
  local out = { doc = arg[1], optional = arg.optional or arg.default ~= nil, shown = arg.default, type = arg.type, one_of = arg.one_of,
    min = arg.min, max = arg.max, file = arg.file }
  if arg.default ~= nil then out.default = argument.read(out, "sluice.recipe: the default of args." .. name, arg.default) end
  return out
end

-- ---- a value ----

local function what_of(arg)
  if arg.one_of then return or_list(arg.one_of) end
  local kind = types[arg.type]
  if not kind then return nil end
  return kind.what .. (kind.ranged and range(arg) or "") .. (arg.file and ", or file:PATH" or ""), kind.like
end

local function shown(value)
  if type(value) == "string" then return "'" .. value .. "'" end
  local json = require "sluice.json"
  return (type(value) == "table" or value == json.null) and json.encode(value) or tostring(value)
end

local function complain(arg, name, value)
  local what, like = what_of(arg)
  local near = arg.one_of and type(value) == "string" and err.nearest(value, arg.one_of)
  usage("%s is %s%s, not %s%s", name, what, like and (" (like %s)"):format(like) or "", shown(value),
    near and (" (did you mean '%s'?)"):format(near) or "")
end

--- The value that an argument has: of its type, one of its choices; as it is where it declares neither. Raises `usage`.
---@param arg table as `declare` gives it
---@param name string
---@param value any
---@return any
function argument.read(arg, name, value)
  if arg.one_of then
    for _, choice in ipairs(arg.one_of) do
      if tostring(choice) == tostring(value) then return choice end
    end
    complain(arg, name, value)
  end
  local kind = types[arg.type]
  if not kind then return value end
  local result = kind.read(value, arg)
  if result == nil then complain(arg, name, value) end
  return result
end

--- What the help says behind an argument's text: its type or choices, its default.
---@param arg table
---@return string "" where there is nothing to say
function argument.note(arg)
  local parts = {}
  if arg.type ~= "text" and arg.type ~= "path" and (arg.type ~= "connection" or arg.file) then parts[1] = (what_of(arg)) end
  if arg.shown ~= nil then parts[#parts + 1] = "default: " .. tostring(arg.shown)
  elseif arg.optional then parts[#parts + 1] = "optional" end
  return table.concat(parts, "; ")
end

return argument
