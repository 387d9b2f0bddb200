--- What `.save` and `.test` have in common: the words behind them, a file that is not overwritten by accident, and that no secret
--- goes into one.
local err = require "sluice.err"
local lfs = require "lfs"
local log = require "sluice.log"

local saved_file = {}

local function usage(hint, text, ...) err.raise { code = "usage", message = text:format(...), hint = hint } end

--- The path of `.save FILE [--force]`, and whether --force was given.
---@param command string ".save"
---@param words string[]
---@return string path
---@return boolean force
function saved_file.words(command, words)
  local path, force
  for _, word in ipairs(words) do
    if word == "--force" then force = true
    elseif word:find "^%-" or path then usage(command .. " FILE.lua [--force]", "%s: '%s' is one word too many", command, word)
    else path = word end
  end
  if not path then usage(command .. " FILE.lua [--force]", "%s: into which file?", command) end
  if not path:find "%.lua$" then usage(("%s %s.lua"):format(command, path), "%s: '%s' does not end in .lua", command, path) end
  return path, force or false
end

--- Raises where a file is there and may not be replaced.
---@param command string
---@param path string
---@param force boolean
---@param given string the file that was named, where `path` is one beside it
function saved_file.free(command, path, force, given)
  if force or not lfs.attributes(path) then return end
  usage(("%s %s --force replaces it"):format(command, given), "%s: %s is there already", command, path)
end

-- A secret that is not a literal of its own stands in a comment or in a long text's other lines.
local function no_secret_in(text)
  if log.mask(text) == text then return end
  local n = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    n = n + 1
    local masked = log.mask(line)
    if masked ~= line then usage("a comment or a name holds it: type that chunk without", "not written: line %d has a secret: %s", n, masked) end
  end
  usage(nil, "not written: a secret goes over several lines of it")
end

--- Writes it whole or not at all. A secret that is still in it is refused.
---@param path string
---@param text string
function saved_file.write(path, text)
  local fine, problem = load(text, "@" .. path)
  if not fine then err.raise { code = "internal", message = ("the chunks don't make a file that Lua takes: %s"):format(problem) } end
  no_secret_in(text)
  local part = path .. ".part"
  local file, failed = io.open(part, "w")
  local ok = file and file:write(text) and file:close()
  if ok then ok, failed = os.rename(part, path) end
  if not ok then err.raise { code = "state", message = ("%s can't be written: %s"):format(path, tostring(failed)) } end
end

--- "shop.sources, shop.search_products", each once, a handful.
---@param chunks sluice.repl.Chunk[]
---@return string
function saved_file.about(chunks)
  local names, seen = {}, {}
  for _, chunk in ipairs(chunks) do
    for _, name in ipairs(chunk.calls) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
  end
  local more = #names > 5 and (" and %d more"):format(#names - 5) or ""
  return #names == 0 and "a session without calls" or table.concat(names, ", ", 1, math.min(5, #names)) .. more
end

-- What `save` is outside of a session: each run writes the file anew.
local SAVE = [[

local function save(value, path) -- as at the prompt, but each run replaces the file
  require("sluice.repl.keep").write(value, path, { overwrite = true })
end
]]

--- The modules of ours that a file uses, a line each, and the tools of the prompt that it calls.
---@param body sluice.repl.Rewrite
---@return string
function saved_file.requires(body)
  local lines, names = {}, {}
  for i, name in ipairs(body.modules) do lines[i] = ('local %s = require "sluice.%s"\n'):format(name, name) end
  for _, name in ipairs(body.tools) do
    if name == "save" then lines[#lines + 1] = SAVE else names[#names + 1] = name end
  end
  if #names > 0 then
    lines[#lines + 1] = ("\nlocal tools = {}\nrequire(\"sluice.repl.tools\").install { env = tools }\nlocal %s = tools.%s\n"):format(
      table.concat(names, ", "), table.concat(names, ", tools."))
  end
  return table.concat(lines)
end

--- Whether a name at the prompt is a module of ours: `ndjson`, or `json`, which is a tool as well.
---@param session table
---@return fun(name: string): boolean
function saved_file.module_of(session)
  return function(name)
    local module = package.loaded["sluice." .. name]
    if module == nil then return false end
    return name == "json" or name == "csv" or rawequal(session.env[name], module)
  end
end

return saved_file
