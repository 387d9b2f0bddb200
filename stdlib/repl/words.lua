--- Lists of words that completion offers: fields of a value, operations, modules, files. Each list is made of what is there,
--- looks at no more than some thousand names, and runs nobody's code.
---
---     local list = words.new "se"           -- takes what begins so
---     words.fields(list, value, true)
---     list:done()                           --> { "search_products" }, { "products by …" }
local client = require "sluice.client"
local describe = require "sluice.describe"
local names = require "sluice.repl.names"
local peek = require "sluice.repl.peek"

local words = {}

local MOST_LOOKED_AT = 20000
local MOST = 200

---@class sluice.repl.Words
local Words = {}
Words.__index = Words

--- A list for words that begin with a prefix.
---@param prefix string
---@return sluice.repl.Words
function words.new(prefix) return setmetatable({ prefix = prefix, seen = {}, list = {}, notes = {}, looked = 0 }, Words) end

--- Takes a word, once.
---@param word string
---@param note string? what is said about it
function Words:add(word, note)
  if self.seen[word] or word:sub(1, #self.prefix) ~= self.prefix then return end
  self.seen[word] = true
  self.list[#self.list + 1] = word
  self.notes[word] = note
end

--- The words, sorted, at most 200, and what is said about each ("" for nothing); nil where there are none.
---@return string[]?
---@return string[]? notes nil where nothing is said about any
function Words:done()
  table.sort(self.list)
  local list, notes, noted = {}, {}, false
  for i = 1, math.min(#self.list, MOST) do
    list[i], notes[i] = self.list[i], self.notes[self.list[i]] or ""
    noted = noted or notes[i] ~= ""
  end
  if #list == 0 then return nil end
  return list, noted and notes or nil
end

local function is_name(key) return type(key) == "string" and key:find "^[%a_][%w_]*$" and true or false end

-- The keys of a table that are texts, without making a list of a table that is big.
local function each_key(self, t, fn)
  for key in next, t do
    self.looked = self.looked + 1
    if self.looked > MOST_LOOKED_AT then return end
    if type(key) == "string" then fn(key) end
  end
end

--- The operations and helpers of a definition.
---@param list sluice.repl.Words
---@param def table
function words.operations(list, def)
  for _, row in ipairs(def.operations) do list:add(row.name, row.doc) end
  for _, name in ipairs(describe.sorted(def.helpers)) do list:add(name, describe.helper(name, def.helpers[name]).doc) end
end

local function of_table(list, t, colon)
  each_key(list, t, function(key)
    if is_name(key) and (not colon or type(rawget(t, key)) == "function") then list:add(key) end
  end)
end

local function of_client(list, value, colon)
  words.operations(list, names.definition(value))
  list:add("call", "an operation by its name")
  if colon then return end
  list:add("name", "of the connection")
  list:add("api", "the API that it is a connection of")
  if client.is(value) and rawget(value, "account") then list:add("account", "the account that limits count for") end
end

--- The fields of a value; with `colon` its methods.
---@param list sluice.repl.Words
---@param value any
---@param colon boolean
function words.fields(list, value, colon)
  if names.definition(value) then return of_client(list, value, colon) end
  if type(value) == "string" and not colon then return end
  if rawequal(value, package.loaded.sluice) then
    for _, name in ipairs(names.modules) do list:add(name, "module") end
  end
  if type(value) == "table" then of_table(list, value, colon) end
  if type(value) == "userdata" and not colon and peek.kind(value) == "record" then
    for _, key in ipairs(peek.fields(value) or {}) do
      if is_name(key) then list:add(key) end
    end
  end
  for _, one in ipairs(names.behind(value)) do of_table(list, one, colon) end
end

--- All keys of a value that are texts, whatever they are made of.
---@param list sluice.repl.Words
---@param value any
function words.keys(list, value)
  if type(value) == "table" then return each_key(list, value, function(key) list:add(key) end) end
  for _, key in ipairs(type(value) == "userdata" and peek.kind(value) == "record" and peek.fields(value) or {}) do list:add(key) end
end

--- The connections.
---@param list sluice.repl.Words
---@param session table
function words.connections(list, session)
  for _, name in ipairs(names.connections(session)) do
    local value = names.connection(session, name)
    local def = names.definition(value)
    list:add(name, def and def.name or "connection")
  end
end

--- The names of modules, as `require` takes them.
---@param list sluice.repl.Words
function words.modules(list)
  list:add "sluice"
  for _, name in ipairs(names.modules) do list:add("sluice." .. name) end
  for _, name in ipairs { "lfs", "cjson", "argparse" } do list:add(name) end
end

--- Files and folders (with a slash behind them) that a path begins with. The words are names; `at` is how many bytes of
--- the path stand before the name.
---@param path string
---@return sluice.repl.Words list
---@return integer at
function words.files(path)
  local folder, name = path:match "^(.*/)([^/]*)$"
  if not folder then folder, name = "", path end
  local list = words.new(name)
  pcall(function()
    local lfs, count = require "lfs", 0
    for entry in lfs.dir(folder == "" and "." or folder) do
      count = count + 1
      if count > MOST_LOOKED_AT // 4 then break end
      if (entry:sub(1, 1) ~= "." or name:sub(1, 1) == ".") and entry ~= "." and entry ~= ".." and entry:sub(1, #name) == name then
        list:add(lfs.attributes(folder .. entry, "mode") == "directory" and entry .. "/" or entry)
      end
    end
  end)
  return list, #folder
end

return words
