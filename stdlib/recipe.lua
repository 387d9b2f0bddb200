--- Recipes: what one declares, and how its arguments are read from the command line.
local err = require "sluice.err"

local recipe = {}
local Recipe = { __name = "sluice.recipe" }

local known = { "about", "args", "key", "retry", "run" }

local function usage(message, hint) err.raise { code = "usage", message = message, hint = hint } end

local function wanted(value, kind, what)
  if type(value) ~= kind then usage(("sluice.recipe: '%s' must be a %s, not a %s"):format(what, kind, type(value))) end
end

-- args = { from = "connection", since = { "time", optional = true } } in one form: name -> { doc, optional, default }
local function normal_args(args)
  local out = {}
  for name, arg in pairs(args) do
    if type(name) ~= "string" then usage "sluice.recipe: args are named: args = { from = \"connection\" }" end
    if type(arg) == "string" then arg = { arg } end
    wanted(arg, "table", "args." .. name)
    for key in pairs(arg) do
      if key ~= 1 and key ~= "optional" and key ~= "default" then
        usage(("sluice.recipe: args.%s: unknown field '%s' (a text, optional = true, default = …)"):format(name, tostring(key)))
      end
    end
    wanted(arg[1], "string", "args." .. name)
    out[name] = { doc = arg[1], optional = arg.optional or arg.default ~= nil, default = arg.default }
  end
  return out
end

--- Checks a recipe's head and marks it as one.
---@param spec table
---@return table
function recipe.declare(spec)
  wanted(spec, "table", "recipe")
  for key in pairs(spec) do
    local found = false
    for _, name in ipairs(known) do found = found or name == key end
    if not found then
      usage(("sluice.recipe: unknown field '%s'%s"):format(tostring(key), require("sluice.text").near(key, known)))
    end
  end
  wanted(spec.about, "string", "about")
  wanted(spec.run, "function", "run")
  if spec.retry ~= nil then wanted(spec.retry, "function", "retry") end
  spec.args = normal_args(spec.args or {})
  spec.key = spec.key or {}
  for _, name in ipairs(spec.key) do
    if not spec.args[name] then usage(("sluice.recipe: key names '%s', which is not among the args"):format(tostring(name))) end
  end
  return setmetatable(spec, Recipe)
end

--- Whether a value is a recipe.
function recipe.is(value) return type(value) == "table" and getmetatable(value) == Recipe end

local function sorted_names(args)
  local names = {}
  for name in pairs(args) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The recipe's arguments as text, a line each.
function recipe.help(spec)
  local lines = {}
  for _, name in ipairs(sorted_names(spec.args)) do
    local arg = spec.args[name]
    local note = arg.default ~= nil and (" (default: %s)"):format(tostring(arg.default)) or arg.optional and " (optional)" or ""
    lines[#lines + 1] = ("  %-10s %s%s"):format(name, arg.doc, note)
  end
  return table.concat(lines, "\n")
end

--- key=value gives text, key:=json a typed value, key=- standard input.
---@param words string[]
---@return table<string, any>
function recipe.words(words)
  local args = {}
  for _, word in ipairs(words) do
    local name, typed, value = word:match "^([%w_%-]+)(:?)=(.*)$"
    if not name then usage(("'%s' is not an argument: write key=value, or key:=json"):format(word)) end
    if args[name] ~= nil then usage(("argument '%s' is given twice"):format(name)) end
    if typed == ":" then
      local decoded, problem = require("sluice.json").decode(value)
      if decoded == nil then usage(("argument '%s' is not JSON: %s"):format(name, problem.message)) end
      args[name] = decoded
    else
      args[name] = value == "-" and io.read "a" or value
    end
  end
  return args
end

--- Checks given arguments against the recipe's and fills in defaults.
---@return table
function recipe.arguments(spec, given)
  local names, args = sorted_names(spec.args), {}
  local help = #names > 0 and "the arguments are\n" .. recipe.help(spec) or "this recipe takes no arguments"
  for name, value in pairs(given) do
    if not spec.args[name] then
      usage(("unknown argument '%s'%s"):format(name, require("sluice.text").near(name, names)), help)
    end
    args[name] = value
  end
  for _, name in ipairs(names) do
    local arg = spec.args[name]
    if args[name] == nil then args[name] = arg.default end
    if args[name] == nil and not arg.optional then usage(("argument '%s' is missing: %s"):format(name, arg.doc), help) end
  end
  return args
end

return recipe
