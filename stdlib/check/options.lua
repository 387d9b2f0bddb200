--- Names of options that a function does not have, and texts that are none of those an option takes. Both are known from the
--- annotations.
local annotations = require "sluice.check.annotations"
local clients = require "sluice.check.clients"
local literal = require "sluice.check.literal"
local meaning = require "sluice.check.meaning"
local near = require("sluice.text").near
local keys = require("sluice.text").keys

local options = {}

local KINDS = { boolean = { boolean = true }, string = { string = true }, number = { number = true }, integer = { number = true } }

-- What a literal may be by its type: the words that it may be, or the kinds; nil where the type says more than that.
local function allowed(typed)
  local words, kinds = {}, {}
  for part in typed:gsub("%?$", ""):gmatch "[^|]+" do
    local word = part:match '^"([^"]*)"$'
    if word then words[#words + 1] = word
    elseif part == "true" or part == "false" then kinds.boolean = true
    elseif KINDS[part] then for kind in pairs(KINDS[part]) do kinds[kind] = true end
    else return nil end
  end
  return words, kinds
end

local function shown(value) return type(value) == "string" and "'" .. value .. "'" or tostring(value) end

-- A value whose type says what it may be.
local function check_value(file, what, key, typed)
  local known, value = literal.value(key.value)
  local words, kinds = allowed(typed)
  if not known or not words or value == nil or kinds[type(value)] then return end
  for _, word in ipairs(words) do
    if word == value then return end
  end
  local list = {}
  for i, word in ipairs(words) do list[i] = '"' .. word .. '"' end
  for _, kind in ipairs(keys(kinds)) do list[#list + 1] = "a " .. kind end
  file.report(key.value, nil, "%s: %s is %s, not %s%s", what, key.name, (table.concat(list, ", "):gsub(", ([^,]*)$", " or %1")),
    type(value) == "table" and "a table" or shown(value), near(value, words))
end

--- Checks a table of options against the type that is annotated for it.
---@param file sluice.check.File
---@param what string how the function is called in messages
---@param typed string
---@param node sluice.check.Node the argument
function options.check_table(file, what, typed, node)
  node = literal.bare(node)
  local fields = node.tag == "Table" and annotations.fields(typed)
  if not fields then return end
  for _, key in ipairs(literal.fields(node).keys) do
    if fields[key.name] then check_value(file, what, key, fields[key.name])
    else file.report(key.node, nil, "%s: unknown option '%s'%s", what, key.name, near(key.name, keys(fields))) end
  end
end

-- A text where one of some words is wanted.
local function check_word(file, what, param, node)
  local words, kinds = allowed(param.type)
  if words and #words > 0 and not next(kinds) then check_value(file, what, { name = param.name, value = node }, param.type) end
end

-- The annotation of what is called, its name in messages, and how many parameters stand before the first argument.
local function called(file, call)
  if call.tag == "Call" then
    local callee, first = meaning.of(file, call[1]), 1
    if callee and callee.kind == "global" and callee.name == "pcall" and call[2] then callee, first = meaning.of(file, call[2]), 2 end
    if not callee or callee.kind ~= "member" then return nil end
    return annotations.of(callee.module).functions[callee.key], callee.module:gsub("^sluice%.", "") .. "." .. callee.key, 0, first
  end
  local base, name = meaning.of(file, call[1]), call[2][1]
  if base and base.kind == "client" then return clients.helper(base, name), name, 1, 2 end
  local class = base and (base.kind == "run" and "sluice.Run" or base.kind == "object" and base.class)
  local methods = class and annotations.methods(class)
  return methods and methods[name], name, 0, 2
end

function options.check(file)
  for _, call in ipairs(file.names.calls) do
    local fn, what, before, first = called(file, call)
    for i, param in ipairs(fn and fn.params or {}) do
      local node = i > before and call[first + i - before]
      if node then options.check_table(file, what, param.type, node) end
      if node and literal.text(node) then check_word(file, what, param, node) end
    end
  end
end

return options
