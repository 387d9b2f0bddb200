--- The words of `sluice call` as arguments of an operation: key=value, key:=json, key=@file, key:=@file, @file.
local err = require "sluice.err"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"

local call_words = {}

local function usage(text, ...)
  err.raise { code = "usage", message = "sluice call: " .. text:format(...), hint = "sluice help call" }
end

local function read_file(path)
  local file, problem = io.stdin, nil
  if path ~= "-" then file, problem = io.open(path, "rb") end
  if not file then usage("%s", problem) end
  local text, failed = file:read "a"
  if path ~= "-" then file:close() end
  if not text then usage("%s: %s", path, tostring(failed)) end
  return text
end

local function decode(what, text)
  local value, problem = json.decode(text)
  if value == nil and problem then usage("%s is not JSON: %s", what, problem.message) end
  return value
end

-- The value of key=… or key:=…
local function value_of(name, typed, word)
  local path = word:match "^@(.+)$"
  if typed then return decode(path or ("argument '%s'"):format(name), path and read_file(path) or word) end
  return path and read_file(path) or word
end

local function body_argument(row)
  for _, arg in ipairs(row.args or {}) do
    if arg.into == "body" then return arg end
  end
end

-- Records of a file: lines of NDJSON, or a JSON array. A line that is none stops it, named by its place.
local function records_of(path, text)
  if text:find "^%s*%[" then return decode(path, text) end
  local given, list = false, {}
  local function source()
    if given then return nil end
    given = true
    return text
  end
  for record in ndjson.records(source, { bad = "raise" }) do list[#list + 1] = ndjson.raw(record) end
  return list
end

-- @file: the body, or an object of arguments.
local function put_file(row, args, path)
  local text, arg = read_file(path), body_argument(row)
  if arg then
    if args[arg.name] ~= nil then usage("the body (%s) is given twice", arg.name) end
    if arg.type == "records" then args[arg.name] = records_of(path, text)
    elseif arg.type == "ids" then args[arg.name] = text:find "^%s*%[" and decode(path, text) or text
    else
      decode(path, text)
      args[arg.name] = text
    end
    return
  end
  local members = decode(path, text)
  if type(members) ~= "table" or json.isarray(members) then usage("%s must hold a JSON object: its members are arguments of %s", path, row.name) end
  for name, value in pairs(members) do
    if args[name] ~= nil then usage("argument '%s' is given twice", name) end
    args[name] = value
  end
end

--- The arguments by name; what is no word of them raises a usage error.
---@param row table the operation's row
---@param words string[]
---@return table<string, any>
function call_words.read(row, words)
  local args = {}
  for _, word in ipairs(words) do
    local path = word:match "^@(.+)$"
    local name, typed, value = word:match "^([%w_]+)(:?)=(.*)$"
    if path then put_file(row, args, path)
    elseif not name then usage("'%s' is not an argument: write key=value, key:=json or @FILE", word)
    elseif args[name] ~= nil then usage("argument '%s' is given twice", name)
    else args[name] = value_of(name, typed == ":", value) end
  end
  if args.raw == "true" or args.raw == "false" then args.raw = args.raw == "true" end
  return args
end

return call_words
