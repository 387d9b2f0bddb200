--- Recipes: what one declares, and how its arguments are read from the command line.
local argument = require "sluice.argument"
local err = require "sluice.err"

local recipe = {}
local Recipe = { __name = "sluice.recipe" }

local known = { "about", "args", "key", "retry", "run" }

local function usage(message, hint) err.raise { code = "usage", message = message, hint = hint } end

local function wanted(value, kind, what)
  if type(value) ~= kind then usage(("sluice.recipe: '%s' must be a %s, not a %s"):format(what, kind, type(value))) end
end

local function normal_args(args)
  wanted(args, "table", "args")
  local out = {}
  for name, arg in pairs(args) do
    if type(name) ~= "string" then usage "sluice.recipe: args are named: args = { from = \"connection\" }" end
    out[name] = argument.declare(name, arg)
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

--- The recipe's arguments as text, a line each; those that must be given come first.
function recipe.help(spec)
  local names, lines, width = sorted_names(spec.args), { {}, {} }, 10
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for _, name in ipairs(names) do
    local arg, note = spec.args[name], argument.note(spec.args[name])
    table.insert(lines[arg.optional and 2 or 1], ("  %-" .. width .. "s %s%s"):format(name, arg.doc, note ~= "" and " (" .. note .. ")" or ""))
  end
  return table.concat(table.move(lines[2], 1, #lines[2], #lines[1] + 1, lines[1]), "\n")
end

-- An argument that is "-" is what is on standard input. It is read when somebody looks at it, because a recipe that takes a
-- path there reads it itself, line by line.
local function read_late(args, name)
  local function read()
    setmetatable(args, nil)
    args[name] = io.read "a"
    require("sluice.run").hide_secrets { [name] = args[name] }
  end
  return setmetatable(args, {
    late = name,
    __index = function(_, key)
      if key ~= name then return nil end
      read()
      return args[name]
    end,
    __pairs = function()
      read()
      return next, args
    end,
  })
end

-- Takes the place of reading it.
local function leave_to_recipe(spec, given)
  local late = (getmetatable(given) or {}).late
  if not late or not spec.args[late] or spec.args[late].type ~= "path" then return end
  setmetatable(given, nil)
  given[late] = "-"
end

--- key=value gives text, key:=json a typed value, key=- standard input.
---@param words string[]
---@return table<string, any>
function recipe.words(words)
  local args, seen, late = {}, {}, nil
  for _, word in ipairs(words) do
    local name, typed, value = word:match "^([%w_%-]+)(:?)=(.*)$"
    if not name then usage(("'%s' is not an argument: write key=value, or key:=json"):format(word)) end
    if seen[name] then usage(("argument '%s' is given twice"):format(name)) end
    seen[name] = true
    if typed == ":" then
      local decoded, problem = require("sluice.json").decode(value)
      if decoded == nil then usage(("argument '%s' is not JSON: %s"):format(name, problem.message)) end
      args[name] = decoded
    elseif value ~= "-" then
      args[name] = value
    else
      if late then usage(("'%s' and '%s' are both -: there is one standard input"):format(late, name)) end
      late = name
    end
  end
  return late and read_late(args, late) or args
end

local function check_connection(name, value, cfg)
  local there = require("sluice.config").connections(cfg)
  for _, one in ipairs(there) do
    if one == value then return end
  end
  usage(("argument '%s': there is no connection '%s'%s"):format(name, value, require("sluice.text").near(value, there)),
    #there > 0 and "known: " .. table.concat(there, ", ") or "add it below `connections:` in " .. cfg.file)
end

-- A connection that the config does not have is named before anything is read or sent.
local function check_connections(spec, args, cfg)
  for _, name in ipairs(sorted_names(args)) do
    local value = args[name]
    if spec.args[name].type == "connection" and not value:find "^file:" then
      cfg = cfg or require("sluice.run").current():config()
      check_connection(name, value, cfg)
    end
  end
end

local function check_names(spec, given, names, help)
  for name in pairs(given) do
    if not spec.args[name] then
      usage(("unknown argument '%s'%s"):format(name, require("sluice.text").near(name, names)), help)
    end
  end
end

--- Checks given arguments against the recipe's, fills in defaults, and gives each as the value of its type.
---@param spec table a recipe
---@param given table<string, any>
---@param cfg? sluice.Config that connections must be in; the run's unless given, read where one is named
---@return table
function recipe.arguments(spec, given, cfg)
  local names, args = sorted_names(spec.args), {}
  local help = #names > 0 and "the arguments are\n" .. recipe.help(spec) or "this recipe takes no arguments"
  leave_to_recipe(spec, given)
  check_names(spec, given, names, help)
  for _, name in ipairs(names) do
    local arg = spec.args[name]
    if given[name] ~= nil then args[name] = argument.read(arg, name, given[name]) else args[name] = arg.default end
    if args[name] == nil and not arg.optional then usage(("argument '%s' is missing: %s"):format(name, arg.doc), help) end
  end
  check_connections(spec, args, cfg)
  return args
end

return recipe
