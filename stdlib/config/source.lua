--- Credentials that are kept elsewhere: `{ file: PATH }`, `{ command: [PROGRAM, ARGUMENT, …] }`. A command is run
--- without a shell, in the config's folder; both give their text without the line break at its end.
local log = require "sluice.log"

local source = {}

local MAX_BYTES = 64 * 1024
local COMMAND_SECONDS = 60

local row = {
  kind = "map",
  fields = {
    file = { kind = "path", doc = "a file whose text is the value" },
    command = { kind = "list", item = { kind = "text" }, doc = "a program and its arguments; what it prints is the value" },
  },
  exactly_one = { "file", "command" },
}

local function without_line_break(text)
  return (text:gsub("\r?\n$", ""))
end

local function checked(reader, node, path, text, from)
  text = without_line_break(text)
  if text == "" then return reader:complain(node, ("%s: %s is empty"):format(path, from)) end
  if text:find "[\0\n]" then return reader:complain(node, ("%s: %s holds more than one line"):format(path, from)) end
  return text
end

local function from_file(reader, node, path, name)
  local file, problem = io.open(name, "rb")
  local text
  if file then
    text, problem = file:read(MAX_BYTES + 1)
    if not text and not problem then text = "" end
    file:close()
  end
  if not text then
    return reader:complain(node, ("%s: %s: %s"):format(path, name, (problem:gsub("^.*: ", ""))), "create it, or correct the path")
  end
  if #text > MAX_BYTES then return reader:complain(node, ("%s: %s has more than 64 KB"):format(path, name)) end
  return checked(reader, node, path, text, name)
end

-- A program with a / in its name starts from the config's folder, like all paths in the config.
local function program_of(reader, name)
  if not name:find("/", 1, true) or name:sub(1, 1) == "/" then return name end
  return reader.folder .. "/" .. name:gsub("^%./", "")
end

local function last_line(text)
  local line = log.mask(text):match "([^\n]*)%s*$"
  return line ~= "" and ": " .. line:sub(1, 200) or ""
end

local function from_command(reader, node, path, argv)
  argv[1] = program_of(reader, argv[1])
  local process = require "sluice.process"
  if reader.dry then -- a check runs nothing: a password manager may ask its user for something
    if not process.find(argv[1]) then reader:complain(node, ("%s: there is no program '%s'"):format(path, argv[1])) end
    return nil
  end
  local result, problem = process.run { argv = argv, cwd = reader.folder, timeout = COMMAND_SECONDS, max_bytes = MAX_BYTES }
  if not result then return reader:complain(node, ("%s: %s"):format(path, problem.message), problem.hint) end
  if result.status ~= 0 then
    local how = result.signal and "was ended by signal " .. result.signal or "failed with status " .. result.status
    return reader:complain(node, ("%s: '%s' %s%s"):format(path, argv[1], how, last_line(result.stderr)))
  end
  return checked(reader, node, path, result.stdout, ("what '%s' printed"):format(argv[1]))
end

--- The text that such a map stands for; nil after a finding, and where it is not the time to look.
---@param reader sluice.ConfigReader
---@param node sluice.yaml.Node
---@param path string
---@return string?
function source.read(reader, node, _, path)
  local first = node.entries[1]
  if first and first.key == "env" then
    return reader:complain(first, path .. ": an environment variable is written \"${NAME}\"")
  end
  local before = #reader.findings
  local map = reader:read(node, row, path)
  if #reader.findings > before then return nil end
  if map.command and #map.command == 0 and reader.expand then
    return reader:complain(node, path .. ": the command is empty", "command: [PROGRAM, ARGUMENT, …]")
  end
  if not reader.expand then return nil end
  if map.file then return from_file(reader, node, path, map.file) end
  return from_command(reader, node, path, map.command)
end

return source
