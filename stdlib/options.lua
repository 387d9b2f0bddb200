--- The command line of one command: its options by name, the rest as words, and which subcommand is meant.
---
---     dlq.options = {
---       { "--all", "settled ones as well", only = "show" },
---       { "-n, --limit N", "so many (20)", only = "show", read = options.whole(1) },
---       { "--state WORD", "those in this state; may be given often", words = { "open", "settled" }, many = true },
---     }
---     local words, given = options.parse(argv, { command = "sluice dlq", verb = "show", one = "file", rows = dlq.options })
---                                            -- 12 --all -n 5  ->  { "12" }, { all = true, limit = 5 }
---
--- The rows are the command's `options`: the parser, `sluice help`, the manual and completion are made from them.
--- `--name=value` and `--name value` are the same; behind `--` everything is a word, and so is `-` and what begins with `-`
--- and a digit. What is wrong raises a usage error that names the option and the nearest known one.
local err = require "sluice.err"
local text = require "sluice.text"

local options = {}

---@alias sluice.options.Reader fun(word: string): any, string? the value, or nil and what it has to be ("a whole number")

---@class sluice.options.Row
---@field [1] string as people write it: "--all", "-n, --limit N"; what is behind the name is a value
---@field [2] string what it does
---@field read? sluice.options.Reader of the value; default any text
---@field words? any[] the value is one of these
---@field many? boolean may be given often and gives a list
---@field only? string subcommands that have it, with spaces between; default all
---@field hidden? boolean for sluice itself: taken, and named nowhere

---@class sluice.options.Spec
---@field rows? sluice.options.Row[] in the place of `options` and `short`
---@field command string "sluice dlq"
---@field verb? string the subcommand
---@field options? table<string, true|sluice.options.Reader|{ [1]: sluice.options.Reader, many: true }> without dashes; true takes no
--- value; `many` may be given often and gives a list
---@field short? table<string, string> letter -> option
---@field none? boolean no words
---@field one? string exactly one word, and what it is: "file"
---@field ask? string what is said where that one is missing; default "which file?"
---@field hint? string and the hint then

local function fail(spec, hint, message)
  local verb = spec.verb and spec.verb .. ": " or ""
  err.raise { code = "usage", message = ("%s: %s%s"):format(spec.command, verb, message), hint = hint or spec.command:gsub("^sluice", "sluice help") }
end

local function usage(spec, format, ...) fail(spec, nil, format:format(...)) end

-- The option's name, its word as it was written, and a value that came with "=".
local function split(spec, word)
  local name, value = word:match "^%-%-([%w-]+)=(.*)$"
  name = name or word:match "^%-%-([%w-]+)$" or (spec.short or {})[word:match "^%-(%a)$"]
  return name, word:match "^[^=]*", value
end

local function unknown(spec, shown)
  local known = {}
  for name in pairs(spec.options or {}) do known[#known + 1] = "--" .. name end
  usage(spec, "unknown option '%s'%s", shown, text.near(shown, known))
end

local function read(spec, shown, reader, word)
  if not word then usage(spec, "%s needs a value", shown) end
  local value, expected = reader(word)
  if value == nil then usage(spec, "%s needs %s, not '%s'", shown, expected or "another value", word) end
  return value
end

local function is_option(word) return word:find "^%-[^%d]" ~= nil end

-- Takes the option at argv[i]; gives the index of the last word that it took.
local function take(spec, given, argv, i)
  local name, shown, value = split(spec, argv[i])
  local kind = name and (spec.options or {})[name]
  if not kind then unknown(spec, shown) end
  if kind == true then
    if value then usage(spec, "%s takes no value", shown) end
    given[name] = true
    return i
  end
  if not value then i, value = i + 1, argv[i + 1] end
  if type(kind) == "function" then
    given[name] = read(spec, shown, kind, value)
  else
    given[name] = given[name] or {}
    table.insert(given[name], read(spec, shown, kind[1], value))
  end
  return i
end

local function check_words(spec, words)
  if spec.none and words[1] then
    err.raise { code = "usage", message = ("%s: %s takes no words, not '%s'"):format(spec.command, spec.verb or "it", words[1]),
      hint = spec.hint or spec.command:gsub("^sluice", "sluice help") }
  end
  if not spec.one then return end
  if not words[1] then fail(spec, spec.hint, spec.ask or ("which %s?"):format(spec.one)) end
  if words[2] then usage(spec, "one %s, not '%s' as well", spec.one, words[2]) end
end

-- ---- rows ----

--- What a row's text says: its letter, its name without dashes, and the word for its value.
---@param row sluice.options.Row
---@return string? letter
---@return string name the letter, where it has no long one
---@return string? value
function options.spelt(row)
  local letter = row[1]:match "^%-(%a)%f[%A]"
  return letter, row[1]:match "%-%-([%w-]+)" or letter, row[1]:match "%s([^%s-].*)$"
end

--- Whether a subcommand has an option; nil: the command itself.
---@param row sluice.options.Row
---@param verb? string
---@return boolean
function options.belongs(row, verb)
  return not row.only or not verb or (" " .. row.only .. " "):find(" " .. verb .. " ", 1, true) ~= nil
end

local function reader_of(row, value)
  if not value then return true end
  local reader = row.read or row.words and options.one_of(table.unpack(row.words)) or options.text
  return row.many and { reader, many = true } or reader
end

-- The spec with the options and letters that its rows say.
local function expand(spec)
  local known, short = {}, {}
  for _, row in ipairs(spec.rows) do
    if options.belongs(row, spec.verb) then
      local letter, name, value = options.spelt(row)
      known[name] = reader_of(row, value)
      if letter then short[letter] = name end
    end
  end
  return setmetatable({ options = known, short = short }, { __index = spec })
end

--- Reads a command line.
---@param argv string[]
---@param spec sluice.options.Spec
---@return string[] words
---@return table<string, any> given by option
function options.parse(argv, spec)
  if spec.rows then spec = expand(spec) end
  local words, given, i = {}, {}, 1
  while argv[i] do
    if argv[i] == "--" then
      table.move(argv, i + 1, #argv, #words + 1, words)
      break
    elseif is_option(argv[i]) then
      i = take(spec, given, argv, i)
    else
      words[#words + 1] = argv[i]
    end
    i = i + 1
  end
  check_words(spec, words)
  return words, given
end

--- Calls the subcommand that argv begins with: fn(the rest, globals); `default` where it begins with none.
---@param argv string[]
---@param globals table
---@param spec { command: string, verbs: table<string, fun(argv: string[], globals: table): integer?>, default?: string }
---@return integer? exit code
function options.dispatch(argv, globals, spec)
  local verb = argv[1]
  if spec.default and (not verb or is_option(verb)) then return spec.verbs[spec.default](argv, globals) end
  if not verb then usage(spec, "what about it? one of %s", table.concat(text.keys(spec.verbs), ", ")) end
  local fn = spec.verbs[verb]
  if fn then return fn(table.move(argv, 2, #argv, 1, {}), globals) end
  if is_option(verb) then usage(spec, "unknown option '%s'", verb) end
  usage(spec, "there is no '%s'%s", verb, text.near(verb, text.keys(spec.verbs)))
end

-- ---- readers ----

--- Any text.
---@type sluice.options.Reader
function options.text(word) return word end

--- A whole number between two.
---@param least? integer default 0
---@param most? integer
---@return sluice.options.Reader
function options.whole(least, most)
  least = least or 0
  local what = most and ("a whole number from %d to %d"):format(least, most)
    or least == 0 and "a whole number" or ("a whole number from %d"):format(least)
  return function(word)
    local n = word:find "^%d+$" and math.tointeger(tonumber(word))
    if n and n >= least and (not most or n <= most) then return n end
    return nil, what
  end
end

--- A number that is not negative.
---@type sluice.options.Reader
function options.number(word)
  local n = tonumber(word)
  if n and n >= 0 and n < math.huge then return n end
  return nil, "a number"
end

--- One of these: gives the value as it stands in the list.
---@param ... any
---@return sluice.options.Reader
function options.one_of(...)
  local allowed = { ... }
  return function(word)
    for _, value in ipairs(allowed) do
      if word == tostring(value) then return value end
    end
    local names = {}
    for i, value in ipairs(allowed) do names[i] = tostring(value) end
    return nil, "one of " .. table.concat(names, ", ") .. text.near(word, names)
  end
end

return options
