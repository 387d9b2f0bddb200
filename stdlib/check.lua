--- `sluice check`: what is wrong with the config and the recipes, all of it at once, with file, line and column.
local config = require "sluice.config"

local check = {
  about = "Check the config and recipes without running anything",
  usage = [[
usage: sluice check [-c FILE] [RECIPE …] [--json]

  sluice check                        sluice.yaml, the recipes that its schedules name, the definitions in apis/
  sluice check scripts/report.lua     the same, and this one
  sluice check --json                 the findings as one JSON array of { file, line, column, message, hint }

Every connection is looked at: its keys, the variables and files that it names, the programs (they are not run).
Each finding is a line file:line:column: message on standard output. Exit code 2 where there is one, else 0.
A recipe's line that ends in `-- sluice: ignore` has none; what can't be told without running it is passed over.
]],
  options = { { "--schema", "what may stand in sluice.yaml, as JSON Schema (draft-07) for editors, instead of checking" } },
}

local MAX_BYTES = 16 * 1024 * 1024

---@class sluice.Finding
---@field file string
---@field line? integer
---@field column? integer
---@field message string
---@field hint? string

-- ---- recipes ----

local function read_file(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem:gsub("^.*: ", "") end
  local text, reason = file:read(MAX_BYTES)
  file:close()
  if not text and reason then return nil, reason:gsub("^.*: ", "") end
  return text or ""
end

local function line_of(text, number)
  local n = 0
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    n = n + 1
    if n == number then return line end
  end
end

-- Lua tells the line and the word; the column is where that word is, if it is there once.
local function column_of(text, number, message)
  local word, line = message:match "near '(.+)'$", line_of(text, number)
  if not line then return nil end
  if message:find "near <eof>$" then return utf8.len(line) and utf8.len(line) + 1 end
  local pattern = word and word:gsub("%W", "%%%0")
  if word and word:find "^[%w_]+$" then pattern = "%f[%w_]" .. word .. "%f[^%w_]" end
  local at = word and line:find(pattern)
  if not at or line:find(pattern, at + 1) then return nil end
  local before = utf8.len(line:sub(1, at - 1))
  return before and before + 1
end

--- What is wrong with the syntax of a recipe, or nil.
---@param text string
---@param name string of the file
---@return sluice.Finding?
function check.syntax(text, name)
  local source = require("sluice.check.parse").source(text)
  local chunk, message = load(source, "=recipe", "t", {})
  if chunk then return nil end
  local line, rest = message:match "^recipe:(%d+): (.*)$"
  if not line then return { file = name, message = "this is compiled Lua; recipes are text" } end
  line = math.tointeger(tonumber(line))
  return { file = name, line = line, column = column_of(source, line, rest), message = rest }
end

local function append(list, more) table.move(more, 1, #more, #list + 1, list) end

local function working_directory() return require("lfs").currentdir() end

-- A path under the working directory as people write it.
local function shown(path)
  local prefix = working_directory() .. "/"
  return path:sub(1, #prefix) == prefix and path:sub(#prefix + 1) or path
end

local function absolute(path)
  path = path:sub(1, 1) == "/" and path or working_directory() .. "/" .. path
  return (path:gsub("/%./", "/"))
end

-- What is wrong in a text whose syntax is right.
local function look_into(self, text, full, name)
  local findings, notes = require("sluice.check.recipe").findings(text, name, self.project:context(full))
  append(self.notes, notes)
  if full:find "/apis/[%w_]+%.lua$" and #findings == 0 then return require("sluice.check.definitions").findings(text, name) end
  return findings
end

-- The findings about a recipe's file, or a definition's. `place` is where the config names it.
local function check_recipe(self, full, name, place)
  local text, problem = read_file(full)
  if not text and not place then return { { file = name, message = problem } } end
  if not text then
    return { { file = place.file, line = place.line, column = place.column, message = ("%s: %s: %s"):format(place.path, name, problem) } }
  end
  local wrong = check.syntax(text, name)
  if wrong then return { wrong } end
  return look_into(self, text, full, name)
end

-- ---- all of it ----

local function check_definitions(self)
  for _, full in ipairs(self.project:own_definitions()) do
    self.seen[full] = check_recipe(self, full, shown(full))
    append(self.findings, self.seen[full])
  end
end

-- The config's findings, and its recipes; what is wrong inside of recipes comes after what is wrong in the config.
local function check_config(self, options)
  if not options.config and #options.recipes > 0 and not config.find() then return end
  local found, cfg = config.findings(options.config, options)
  self.project = require("sluice.check.project").new(cfg)
  local own = {}
  for _, recipe in ipairs(cfg and config.recipes(cfg) or {}) do
    local first = not self.seen[recipe.file]
    self.seen[recipe.file] = self.seen[recipe.file] or check_recipe(self, recipe.file, shown(recipe.file), recipe.place)
    local list = self.seen[recipe.file]
    local missing = list[1] and list[1].file == cfg.file
    if missing then found[#found + 1] = first and list[1] or check_recipe(self, recipe.file, shown(recipe.file), recipe.place)[1]
    elseif first then append(own, list) end
  end
  append(self.findings, cfg and config.sorted(found) or found)
  check_definitions(self)
  append(self.findings, own)
end

--- Everything that is wrong, and notes on what could not be looked at.
---@param options { config?: string, recipes?: string[], getenv?: fun(name: string): string? }
---@return sluice.Finding[]
---@return string[] notes
function check.run(options)
  local self = { findings = {}, seen = {}, notes = {}, project = require("sluice.check.project").new() }
  options = { config = options.config, recipes = options.recipes or {}, getenv = options.getenv }
  check_config(self, options)
  for _, path in ipairs(options.recipes) do
    local full = absolute(path)
    if not self.seen[full] then append(self.findings, check_recipe(self, full, path)) end
    self.seen[full] = self.seen[full] or {}
  end
  return self.findings, self.notes
end

--- A finding as text: "file:line:column: message", and a line for the hint.
---@param finding sluice.Finding
---@return string
function check.text(finding)
  local place = finding.file
  if finding.line then place = place .. ":" .. finding.line end
  if finding.column then place = place .. ":" .. finding.column end
  return ("%s: %s\n%s"):format(place, finding.message, finding.hint and "  hint: " .. finding.hint .. "\n" or "")
end

function check.command(argv, globals)
  local recipes, given = require("sluice.options").parse(argv, { command = "sluice check", rows = check.options })
  if given.schema then return require("sluice.config.json_schema").print() end
  local findings, notes = check.run { config = globals.config, recipes = recipes }
  for _, note in ipairs(notes) do require("sluice.log").print("note: " .. note .. "\n") end
  if globals.json then
    local json = require "sluice.json"
    io.write(json.encode(json.array(findings)), "\n")
  else
    for _, finding in ipairs(findings) do io.write(check.text(finding)) end
    if #findings == 0 and not globals.quiet then require("sluice.log").print "ok\n" end
  end
  return #findings > 0 and 2 or 0
end

return check
