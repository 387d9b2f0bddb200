--- What may stand where the cursor is: the words that a shell offers for `sluice …<TAB>`.
---
---   words.candidates { "run", "scripts/delta_feed.lua", "fr" }     { { "from=", "connection of the shop" } }
---
--- Read from the options and usages of the commands, from sluice.yaml without its secrets (no variable, file or command is
--- asked), from definitions and from the text of recipes. Nothing is sent, nothing is run, nothing is raised.
local manual = require "sluice.manual.command"
local options = require "sluice.options"
local recipe = require "sluice.completion.recipe"
local text = require "sluice.text"

local words = {}

---@class sluice.completion.List  { word, what it is }[]
---@field files? string names of files as well: "*" all, "*.lua" those
---@field before? string of the word as it is, what stands before the name of a file

-- ---- what the config and the definitions have ----

local function config_of(state, without)
  local ok, cfg = pcall(require("sluice.config").load, state.config_path, { without = without })
  return ok and cfg or nil
end

local function connections_of(state)
  local cfg = config_of(state, "schedules")
  return cfg and require("sluice.config.outline").connections(cfg) or {}, cfg
end

local function definition_of(state, connection)
  local list, cfg = connections_of(state)
  for _, one in ipairs(list) do
    if one.name == connection then return require("sluice.config").definition(one.api, cfg) end
  end
end

local function folder_of(state)
  local path = state.config_path or require("sluice.config").find()
  return path and (path:match "^(.*)/[^/]*$" or ".") or nil
end

local sources = {}

function sources.CONNECTION(state, list)
  for _, one in ipairs((connections_of(state))) do list[#list + 1] = { one.name, one.api } end
end

function sources.SCHEDULE(state, list)
  local config = require "sluice.config"
  local cfg = config_of(state)
  for _, name in ipairs(cfg and config.schedules(cfg) or {}) do list[#list + 1] = { name, "schedule" } end
end

function sources.OPERATION(state, list)
  local def = definition_of(state, state.words[1])
  for _, row in ipairs(def and def.operations or {}) do list[#list + 1] = { row.name, row.doc } end
end

function sources.API(state, list)
  local definition = require "sluice.definition"
  for _, name in ipairs(definition.names(folder_of(state))) do list[#list + 1] = { name, definition.load(name, folder_of(state)).doc } end
end

sources["API.OPERATION"] = function(state, list)
  local definition = require "sluice.definition"
  local name = state.word:match "^([%w_]+)%."
  local def = name and definition.load(name, folder_of(state))
  for _, row in ipairs(def and def.operations or {}) do list[#list + 1] = { name .. "." .. row.name, row.doc } end
  for helper in pairs(def and def.helpers or {}) do list[#list + 1] = { name .. "." .. helper, "helper" } end
end

function sources.TOPIC(_, list)
  for _, topic in ipairs(require("sluice.manual.topics").list()) do list[#list + 1] = { topic.name, topic.about } end
end

function sources.FILE(_, list) list.files = "*" end
function sources.FOLDER(_, list) list.files = "*" end
function sources.DIR(_, list) list.files = "*" end
function sources.RECIPE(_, list) list.files = "*.lua" end

-- ---- key=value ----

-- The arguments that key=value may name: name -> { doc, type, one_of }.
local function arguments_of(state)
  local about, first = state.about.name, state.words[1]
  if about == "run" then return first and recipe.arguments(first) or {} end
  local list = {}
  local def = about == "call" and definition_of(state, first)
  for _, row in ipairs(def and def.operations or {}) do
    for _, arg in ipairs(row.name == state.words[2] and row.args or {}) do list[arg.name] = arg end
  end
  return list
end

local function values_of(state, list, name, arg)
  local before = state.word:match "^[%w_-]+:?="
  for _, one in ipairs(arg.one_of or arg.type == "boolean" and { true, false } or {}) do list[#list + 1] = { before .. tostring(one) } end
  if arg.type == "connection" then
    local found = {}
    sources.CONNECTION(state, found)
    for _, one in ipairs(found) do list[#list + 1] = { before .. one[1], one[2] } end
  elseif #list == 0 then
    list.files, list.before = "*", before .. (state.word:match("^" .. name .. ":?=(@)") or "")
  end
end

sources["key=value"] = function(state, list)
  local arguments, given = arguments_of(state), {}
  for _, word in ipairs(state.words) do given[word:match "^([%w_-]+):?=" or ""] = true end
  local name = state.word:match "^([%w_-]+):?="
  if name then return values_of(state, list, name, arguments[name] or {}) end
  for _, key in ipairs(text.keys(arguments)) do
    if not given[key] then list[#list + 1] = { key .. "=", arguments[key].doc } end
  end
end

sources["@FILE"] = function(state, list)
  if state.word:find "^@" then list.files, list.before = "*", "@" end
end

-- ---- where the cursor is ----

local function option_row(rows, word)
  for _, row in ipairs(rows) do
    local letter, name, value = options.spelt(row)
    if word == "--" .. name or letter and word == "-" .. letter then return row, value end
  end
end

local function rows_of(state)
  local rows = {}
  for _, row in ipairs(state.about and state.about.options or {}) do
    if options.belongs(row, state.verb) then rows[#rows + 1] = row end
  end
  return table.move(require("sluice.cli").options, 1, #require("sluice.cli").options, #rows + 1, rows)
end

-- The words in capitals of a line of usage, in their order, and from which one on they may stand again.
local function places_of(line, state)
  local rest = line.words:gsub("^sluice " .. state.about.name, ""):gsub("%[%-[^%]]*%]", ""):gsub("%-%-[%w-]+ %u+", "")
  if line.verb then rest = rest:gsub("^ %[?" .. line.verb .. "%]?", "") end
  local places, repeated = {}, nil
  for word in rest:gmatch "%S+" do
    if word:find("…", 1, true) then repeated = repeated or #places
    else places[#places + 1] = word:gsub("[%[%]]", "") end
  end
  return places, repeated
end

local function offer(state, list, place)
  for name in place:gmatch "[^|]+" do
    local source = (state.module.completes or {})[name] or name
    if type(source) == "table" then
      for _, word in ipairs(source) do list[#list + 1] = { word } end
    elseif sources[source] then sources[source](state, list) end
  end
end

local function add_places(state, list, line)
  local places, repeated = places_of(line, state)
  local n = #state.words + 1
  if not repeated or n < repeated then return offer(state, list, places[n] or "") end
  for i = repeated, #places do offer(state, list, places[i]) end
end

local function add_options(state, list)
  for _, row in ipairs(rows_of(state)) do
    local _, name, value = options.spelt(row)
    if row[1]:find("--", 1, true) then list[#list + 1] = { "--" .. name .. (value and "=" or ""), row[2] } end
  end
end

local function add_values(state, list, row, value, before)
  for _, word in ipairs(row.words or {}) do list[#list + 1] = { before .. tostring(word) } end
  local found = {}
  if state.module and not row.words then offer(state, found, value) elseif value == "FILE" then sources.FILE(state, found) end
  for _, one in ipairs(found) do list[#list + 1] = { before .. one[1], one[2] } end
  if found.files then list.files, list.before = found.files, before end
end

local function add_commands(list)
  local commands = require("sluice.cli").commands
  for _, name in ipairs(text.keys(commands)) do list[#list + 1] = { name, require(commands[name]).about } end
end

-- Takes the words before the one at the cursor; gives the option that waits for its value.
local function walk(state, before)
  local waiting
  for _, word in ipairs(before) do
    local row, value = option_row(rows_of(state), word)
    if waiting then
      if waiting[1]:find "^%-c" then state.config_path = word end
      waiting = nil
    elseif row then waiting = value and row
    elseif word:find "^%-%-config=" then state.config_path = word:match "=(.*)$"
    elseif word:find "^%-%a" or word:find "^%-%-" then waiting = nil -- its value is in it, or it is none
    elseif not state.module then
      local name = require("sluice.cli").commands[word]
      if not name then return nil, true end
      state.module = require(name)
      state.about = manual.read(word, state.module)
      state.verbs = manual.verbs(state.about)
    elseif #state.verbs > 0 and not state.verb and #state.words == 0 then state.verb = word
    else state.words[#state.words + 1] = word end
  end
  return waiting
end

local function add_words(state, list)
  if not state.verb then
    for _, line in ipairs(state.verbs) do list[#list + 1] = { line.verb, line.about } end
  end
  for _, line in ipairs(state.about.synopsis) do
    if line.verb == state.verb and (state.verb or #state.verbs == 0 or not line.verb) then add_places(state, list, line) end
  end
end

local function fill(list, argv)
  local state = { words = {}, word = argv[#argv] or "" }
  local waiting, unknown = walk(state, table.move(argv, 1, #argv - 1, 1, {}))
  if unknown then return end
  local option, before = state.word:match "^(%-%-[%w-]+)=", state.word:match "^%-%-[%w-]+="
  local row, value = option_row(rows_of(state), option)
  if waiting then return add_values(state, list, waiting, select(3, options.spelt(waiting)), "") end
  if row and value then return add_values(state, list, row, value, before) end
  if state.word:find "^%-" then return add_options(state, list) end
  if not state.module then return add_commands(list) end
  add_words(state, list)
end

--- The words that begin as the last one of these does.
---@param argv string[] what stands behind `sluice`, up to the cursor
---@return sluice.completion.List
function words.candidates(argv)
  local list, fitting, seen = {}, {}, {}
  pcall(fill, list, argv) -- a config or a definition that is wrong has no names to offer
  local word = argv[#argv] or ""
  for _, one in ipairs(list) do
    if one[1]:sub(1, #word) == word and not seen[one[1]] then
      seen[one[1]] = true
      fitting[#fitting + 1] = one
    end
  end
  fitting.files, fitting.before = list.files, list.before
  return fitting
end

return words
