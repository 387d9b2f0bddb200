--- `sluice new`: commented starting points that run: a recipe, an API, a whole project.
local config = require "sluice.config"
local err = require "sluice.err"
local files = require "sluice.new.files"
local lfs = require "lfs"
local options = require "sluice.options"

local new = {
  about = "Write a recipe, an API definition or a project to start from",
  usage = [[
usage: sluice new recipe NAME     scripts/NAME.lua of the project (NAME.lua where it has no scripts/)
       sluice new api NAME        apis/NAME.lua: a definition, each row commented
       sluice new project DIR     a folder with sluice.yaml, a recipe, a spec, and what editors need
       sluice new types           .sluice/types again: annotations and schema for editors, of this sluice and this project

  sluice new project shop-feed && cd shop-feed && sluice test
  sluice new recipe prices
  sluice new api depot && sluice api show depot

A file that is there is never touched: it is named, nothing at all is written, exit code 2. The project is the folder of the next
sluice.yaml upward, else the working directory. `types` alone replaces what it wrote before.
]],
}

local TYPES = ".sluice/types"

local function usage(hint, text, ...)
  err.raise { code = "usage", message = "sluice new " .. text:format(...), hint = hint or "sluice help new" }
end

-- ---- names and places ----

-- A name as a file, as a word in Lua and in sluice.yaml.
local function checked(what, name)
  if name:find "^%l[%l%d_]*$" and #name <= 60 then return name end
  local better = name:gsub("^.*/", ""):gsub("%.lua$", ""):lower():gsub("[^%l%d_]+", "_"):gsub("^[%d_]+", ""):gsub("_+$", ""):sub(1, 60)
  usage(better ~= "" and ("sluice new %s %s"):format(what, better) or nil,
    "%s: '%s' is no name: lower-case letters, digits and _, a letter first, 60 at most, no folder and no .lua", what, name)
end

local function project_folder()
  local found = config.find()
  return found and found:match "^(.*)/[^/]*$" or lfs.currentdir()
end

-- A path as people in the working directory write it.
local function shown(path)
  local here = lfs.currentdir() .. "/"
  return path:sub(1, #here) == here and path:sub(#here + 1) or path
end

local function quoted(path) return path:find "^[%w_./+-]+$" and path or "'" .. path:gsub("'", "'\\''") .. "'" end

-- ---- templates ----

-- A template with its {WORD}s put in; what is no word of `values` stays.
local function filled(name, values)
  local text = assert(require("sluice.core").file("new/" .. name .. ".in"), name .. " is not built in")
  return (text:gsub("{(%u+)}", values))
end

local function say(text, ...) io.write(text:format(...), "\n") end

local function report(list, globals, hint)
  if globals.json then
    local json, paths = require "sluice.json", {}
    for i, file in ipairs(list) do paths[i] = shown(file.path) end
    say("%s", json.encode { files = json.array(paths) })
  elseif not globals.quiet then
    for _, file in ipairs(list) do say("wrote %s", shown(file.path)) end
    if hint then say("%s", hint) end
  end
end

-- ---- the verbs ----

local verbs = {}

local function one_word(argv, verb, what)
  return options.parse(argv, { command = "sluice new", verb = verb, one = what, ask = ("which %s?"):format(what),
    hint = ("sluice new %s %s"):format(verb, what:upper()) })[1]
end

function verbs.recipe(argv, globals)
  local name = checked("recipe", one_word(argv, "recipe", "name"))
  local folder = project_folder()
  if lfs.attributes(folder .. "/scripts", "mode") == "directory" then folder = folder .. "/scripts" end
  local path = ("%s/%s.lua"):format(folder, name)
  local run = "sluice run " .. quoted(shown(path))
  local list = { { path = shown(path), text = filled("recipe.lua", { NAME = name, RUN = run }) } }
  files.create(list)
  report(list, globals, ([[

Try it:
  echo '{"id":"1","title":"Shirt","qty":3}' | %s from=- to=file:out.ndjson]]):format(run))
  return 0
end

function verbs.api(argv, globals)
  local name = checked("api", one_word(argv, "api", "name"))
  local folder = project_folder()
  if package.preload["sluice.api." .. name] then
    usage("take another name", "api: sluice brings an API '%s'; one of yours would hide it", name)
  end
  local text = filled("api.lua", { NAME = name, UPPER = name:upper(), HOST = (name:gsub("_", "-")) })
  local list = { { path = shown(("%s/apis/%s.lua"):format(folder, name)), text = text } }
  files.create(list)
  report(list, globals, ("\nLook at it:\n  sluice api show %s"):format(name))
  return 0
end

local PROJECT = {
  { "sluice.yaml", "sluice.yaml" }, { "scripts/send_products.lua", "send_products.lua" },
  { "tests/send_products_spec.lua", "send_products_spec.lua" }, { ".gitignore", "gitignore" }, { ".luarc.json", "luarc.json" },
  { "README.md", "README.md" }, { "apis/.gitkeep" },
}

local function checked_folder(dir)
  dir = dir:gsub("(.)/+$", "%1")
  if dir == "" or dir:find "%c" then usage(nil, "project: '%s' is no folder's name", dir:gsub("%c", "?")) end
  local mode = lfs.attributes(dir, "mode")
  if mode and mode ~= "directory" then usage("take another name", "project: %s is there already, and no folder", dir) end
  return dir
end

local function title_of(dir)
  local full = dir:sub(1, 1) == "/" and dir or lfs.currentdir() .. "/" .. dir
  return full:gsub("/%.$", ""):match "([^/]+)$" or "project"
end

function verbs.project(argv, globals)
  local dir = checked_folder(one_word(argv, "project", "folder"))
  local list = {}
  for i, row in ipairs(PROJECT) do
    list[i] = { path = dir == "." and row[1] or dir .. "/" .. row[1], text = row[2] and filled(row[2], { NAME = title_of(dir) }) or "" }
  end
  files.create(list)
  local folder = dir == "." and TYPES or dir .. "/" .. TYPES
  files.replace(require("sluice.new.types").files(dir, folder))
  report(list, globals, ([[
wrote %s/ (what editors know about sluice)

Try it:
  cd %s
  sluice check && sluice test
  sluice sandbox --products 100 &
  sluice run scripts/send_products.lua from=shop to=feed stream=124773]]):format(folder, quoted(dir)))
  return 0
end

function verbs.types(argv, globals)
  options.parse(argv, { command = "sluice new", verb = "types", none = true })
  local project = project_folder()
  local list = require("sluice.new.types").files(project, shown(project .. "/" .. TYPES))
  files.replace(list)
  report(globals.json and list or {}, globals, ("wrote %s/ (%d files)"):format(shown(project .. "/" .. TYPES), #list))
  return 0
end

function new.command(argv, globals)
  return options.dispatch(argv, globals, { command = "sluice new", verbs = verbs })
end

return new
