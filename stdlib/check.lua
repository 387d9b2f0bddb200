--- `sluice check`: what is wrong with the config and the recipes, all of it at once, with file, line and column.
local config = require "sluice.config"

local check = {
  about = "Check the config and recipes without running anything",
  usage = [[
usage: sluice check [-c FILE] [RECIPE …] [--json]

  sluice check                        sluice.yaml, and the recipes that its schedules name
  sluice check scripts/report.lua     the same, and this one
  sluice check --schema               what may stand in sluice.yaml, as JSON Schema (draft-07) for editors
  sluice check --json                 the findings as one JSON array of { file, line, column, message, hint }

Every connection is looked at: its keys, the variables and files that it names, the programs (they are not run).
Each finding is a line file:line:column: message on standard output. Exit code 2 where there is one, else 0.
]],
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

--- What is wrong with the Lua text of a recipe, or nil.
---@param text string
---@param name string of the file
---@return sluice.Finding?
function check.syntax(text, name)
  local source = text:gsub("^\xEF\xBB\xBF", "")
  if source:sub(1, 1) == "#" then source = source:gsub("^[^\n]*", "", 1) end -- #!/usr/bin/env sluice
  local chunk, message = load(source, "=recipe", "t", {})
  if chunk then return nil end
  local line, rest = message:match "^recipe:(%d+): (.*)$"
  if not line then return { file = name, message = "this is compiled Lua; recipes are text" } end
  line = math.tointeger(tonumber(line))
  return { file = name, line = line, column = column_of(source, line, rest), message = rest }
end

-- A path under the working directory as people write it.
local function shown(path)
  local prefix = require("lfs").currentdir() .. "/"
  return path:sub(1, #prefix) == prefix and path:sub(#prefix + 1) or path
end

-- The finding about a recipe's file, if there is one. `place` is where the config names it.
local function check_recipe(path, name, place)
  local text, problem = read_file(path)
  if text then return check.syntax(text, name) end
  if not place then return { file = name, message = problem } end
  return { file = place.file, line = place.line, column = place.column, message = ("%s: %s: %s"):format(place.path, name, problem) }
end

-- ---- all of it ----

local function check_config(findings, options, seen)
  if not options.config and #options.recipes > 0 and not config.find() then return end
  local found, cfg = config.findings(options.config, options)
  local own = {} -- what is wrong inside of recipes comes after what is wrong in the config
  for _, recipe in ipairs(cfg and config.recipes(cfg) or {}) do
    local finding = check_recipe(recipe.file, shown(recipe.file), recipe.place)
    local list = finding and finding.file == recipe.place.file and found or own
    if not seen[recipe.file] or list == found then list[#list + 1] = finding end
    seen[recipe.file] = true
  end
  if cfg then found = config.sorted(found) end
  table.move(found, 1, #found, #findings + 1, findings)
  table.move(own, 1, #own, #findings + 1, findings)
end

--- Everything that is wrong.
---@param options { config?: string, recipes?: string[], getenv?: fun(name: string): string? }
---@return sluice.Finding[]
function check.run(options)
  local findings, seen = {}, {}
  options = { config = options.config, recipes = options.recipes or {}, getenv = options.getenv }
  check_config(findings, options, seen)
  for _, path in ipairs(options.recipes) do
    local full = path:sub(1, 1) == "/" and path or require("lfs").currentdir() .. "/" .. path
    if not seen[full] then findings[#findings + 1] = check_recipe(path, path) end
    seen[full] = true
  end
  return findings
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
  local recipes, given = require("sluice.options").parse(argv, { command = "sluice check", options = { schema = true } })
  if given.schema then return require("sluice.config.json_schema").print() end
  local findings = check.run { config = globals.config, recipes = recipes }
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
