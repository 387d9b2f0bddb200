--- TAB: what may stand at the cursor. Globals and fields, an API's operations, their arguments and allowed values, the keys
--- that the last result really had, modules, files, dot commands. Nothing is sent, nobody's code is run, nothing is raised.
---
---     complete.candidates(session, "shop:se", 7)      --> { from = 6, words = { "search_orders", "search_products" }, notes = { … } }
local lexer = require "sluice.repl.lexer"
local names = require "sluice.repl.names"
local words = require "sluice.repl.words"

local complete = {}

-- What is at the cursor: the tokens before the word that is being typed, that word, and the open brackets.
local function context_of(session, text, cursor)
  local before = text:sub(1, cursor)
  local tokens = lexer.scan(before)
  local last, self = tokens[#tokens], { session = session, tokens = tokens, text = before, word = "", from = #before + 1 }
  if last and last.to == #before and last.kind ~= "symbol" then
    if last.kind == "open comment" or last.kind == "number" or last.kind == "text" then return nil end
    self.quote = last.kind == "open text" and last.quote or nil
    self.word, self.from = last.text, last.from
    tokens[#tokens] = nil
  end
  self.open = lexer.open_brackets(tokens, #tokens)
  return self
end

local function symbol(self, i) return self.tokens[i] and self.tokens[i].kind == "symbol" and self.tokens[i].text or nil end

local function chain_at(self, last)
  return lexer.chain(self.tokens, last, function(name) return names.global(self.session, name) end)
end

-- ---- the arguments of an operation ----

local function rows_of_operation(row)
  local rows = table.move(row.args or {}, 1, #(row.args or {}), 1, {})
  return table.move(require("sluice.request").options, 1, #require("sluice.request").options, #rows + 1, rows)
end

-- A helper's options are those that its text names: "…: {since=, cursor=}".
local function rows_of_helper(name, helper)
  local rows, said = {}, require("sluice.describe").helper(name, helper).doc or ""
  for option in (said:match "{([%w_=, ]+)}" or ""):gmatch "([%w_]+)=" do
    rows[#rows + 1] = { name = option, doc = "option of " .. name }
  end
  return #rows > 0 and rows or nil
end

-- What the operation or helper takes that the chain that ends at a token names. A client's own `call` is none.
local function rows_at(self, last)
  local chain = chain_at(self, last)
  if not chain or #chain < 2 then return nil end
  local name = table.remove(chain)
  local def = names.definition(names.resolve(self.session, chain))
  for _, row in ipairs(def and def.operations or {}) do
    if row.name == name then return rows_of_operation(row) end
  end
  local helper = def and def.helpers and def.helpers[name]
  return helper and rows_of_helper(name, helper) or nil
end

local function row_named(rows, name)
  for _, row in ipairs(rows or {}) do
    if row.name == name then return row end
  end
end

local members

-- What a brace that is the value of a member may hold.
local function members_of_value(self, depth, name)
  local outer = members(self, depth - 1)
  local row = outer and outer.rows and row_named(outer.rows, name)
  if not row then return nil end
  if row.items then return { items = row.items } end
  return row.fields and { rows = row.fields } or nil
end

-- What the open brace number `depth` may hold: `rows` of members by name, or `items`: the rows of each entry of a list.
function members(self, depth)
  local at = self.open[depth]
  if not at or symbol(self, at) ~= "{" then return nil end
  local before = symbol(self, at - 1)
  if before == "=" and self.tokens[at - 2] and self.tokens[at - 2].kind == "name" then
    return members_of_value(self, depth, self.tokens[at - 2].text)
  end
  if before == "{" or before == "," or before == ";" then
    local outer = members(self, depth - 1)
    return outer and outer.items and { rows = outer.items } or nil
  end
  local rows = rows_at(self, before == "(" and at - 2 or at - 1)
  return rows and { rows = rows } or nil
end

-- The members that were given already in the brace at the cursor.
local function given(self)
  local names_given, depth = {}, 0
  for i = self.open[#self.open] + 1, #self.tokens do
    local s = symbol(self, i)
    if s == "{" or s == "(" or s == "[" then depth = depth + 1 end
    if s == "}" or s == ")" or s == "]" then depth = depth - 1 end
    if depth == 0 and s == "=" and self.tokens[i - 1].kind == "name" then names_given[self.tokens[i - 1].text] = true end
  end
  return names_given
end

local function note_of(row)
  local need = row.required and ", required" or ""
  return row.type and ("%s%s: %s"):format(row.type, need, row.doc) or row.doc
end

local function argument_names(self, list, rows)
  local had = given(self)
  for _, row in ipairs(rows) do
    if not had[row.name] then list:add(row.name, note_of(row)) end
  end
end

-- The values that an argument may have, as they would be typed.
local function allowed_values(self, list, row)
  for _, one in ipairs(row.one_of or {}) do
    if type(one) ~= "string" then list:add(tostring(one))
    elseif self.quote then list:add(one)
    else list:add(('"%s"'):format(one)) end
  end
  if row.type == "boolean" and not row.one_of and not self.quote then
    list:add "true"
    list:add "false"
  end
end

-- The argument whose value is being typed: `name = |`.
local function argument_at(self, found)
  local last = #self.tokens
  if symbol(self, last) ~= "=" or not self.tokens[last - 1] then return nil end
  return row_named(found.rows, self.tokens[last - 1].text)
end

-- ---- texts ----

-- Completes the chain inside of a text, as in help("shop.se.
local function inside_text(self, list_of)
  local found = context_of(self.session, self.word, #self.word)
  if not found or found.quote then return nil end
  local list = list_of(found)
  return list, self.from + found.from - 1
end

local file_takers = {
  save = true, dofile = true, loadfile = true, open = true, lines = true, records = true, values = true, writer = true, rows = true,
}

-- The name of the function whose argument is being typed, its chain, and the number of the argument.
local function call_at(self)
  local at = #self.tokens
  local paren = self.open[#self.open]
  local direct = self.tokens[at] and (self.tokens[at].kind == "name" or symbol(self, at) == "]")
  if not direct and not (paren and symbol(self, paren) == "(") then return nil end
  local chain = chain_at(self, direct and at or paren - 1)
  local argument = 1
  for i = direct and at + 1 or paren + 1, at do
    if symbol(self, i) == "," then argument = argument + 1 end
  end
  return chain and chain[#chain], chain, argument
end

local chained

local function in_text_of_call(self)
  local fn, chain, argument = call_at(self)
  local list = words.new(self.word)
  if fn == "require" then words.modules(list)
  elseif fn == "connect" then words.connections(list, self.session)
  elseif fn == "help" then return inside_text(self, chained)
  elseif fn == "call" and argument == 1 then
    table.remove(chain)
    local def = names.definition(names.resolve(self.session, chain))
    if def then words.operations(list, def) end
  elseif file_takers[fn] then
    local files, at = words.files(self.word)
    return files, self.from + at
  end
  return list, self.from
end

-- A key between brackets and quotes: `_["odd ke`.
local function in_brackets(self)
  if symbol(self, #self.tokens) ~= "[" then return nil end
  local chain = chain_at(self, #self.tokens - 1)
  local list = words.new(self.word)
  if chain then words.keys(list, names.resolve(self.session, chain)) end
  return list, self.from
end

local function in_text(self)
  local list, from = in_brackets(self)
  if list then return list, from end
  local found = members(self, #self.open)
  local row = found and found.rows and argument_at(self, found)
  if row then
    list = words.new(self.word)
    allowed_values(self, list, row)
    return list, self.from
  end
  return in_text_of_call(self)
end

-- ---- names ----

local function globals(self, list)
  for _, t in ipairs { self.session.env or _G, _G } do
    local count = 0
    for name in next, t do
      count = count + 1
      if count > 5000 then break end
      if type(name) == "string" and name:find "^[%a_][%w_]*$" then list:add(name) end
    end
  end
  words.connections(list, self.session)
  if self.word == "" then return end
  for name in pairs(lexer.keywords) do list:add(name) end
end

-- A global or a field behind a chain.
function chained(self)
  local list, mark = words.new(self.word), symbol(self, #self.tokens)
  if mark ~= "." and mark ~= ":" then
    globals(self, list)
    return list, self.from
  end
  local chain = chain_at(self, #self.tokens - 1)
  local value = chain and names.resolve(self.session, chain)
  if value == nil and self.asks and chain and #chain == 1 then
    value = names.module(chain[1]) or names.api(chain[1], self.session.config and self.session.config.folder)
  end
  if value ~= nil then words.fields(list, value, mark == ":") end
  return list, self.from
end

local function in_braces(self)
  local found = members(self, #self.open)
  if not found or not found.rows then return nil end
  local last, list = symbol(self, #self.tokens), words.new(self.word)
  if last == "{" or last == "," or last == ";" then
    argument_names(self, list, found.rows)
    return list
  end
  local row = argument_at(self, found)
  if not row or not (row.one_of or row.type == "boolean") then return nil end
  allowed_values(self, list, row)
  return list
end

-- ---- lines that are no Lua ----

local DOT_COMMANDS = { "help", "quit", "save", "test" }

local function dot_command(session, text)
  local blank, name = text:match "^(%s*)%.([%w_]*)$"
  if not name then return nil end
  local list = words.new("." .. name)
  for command in pairs(session.commands or {}) do list:add("." .. command) end
  for _, command in ipairs(session.commands and {} or DOT_COMMANDS) do list:add("." .. command) end
  return list, #blank + 1
end

local function dot_file(text)
  local before, path = text:match "^(%s*%.[%a_]+%s.-)([^%s]*)$"
  if not path then return nil end
  local list, at = words.files(path:gsub("^[\"']", ""))
  return list, #before + 1 + (path:find "^[\"']" and 1 or 0) + at
end

-- `?shop.se`: names of what can be explained.
local function question(session, text)
  local before, rest = text:match "^(%s*%?%s*)(.*)$"
  if not rest then return nil end
  local self = context_of(session, rest, #rest)
  if not self or self.quote then return words.new "", #text + 1 end
  self.asks = true
  local list, from = chained(self)
  if #self.tokens == 0 then
    for _, name in ipairs(names.modules) do list:add(name, "module") end
    for _, name in ipairs(require("sluice.definition").names(session.config and session.config.folder)) do list:add(name, "API") end
  end
  return list, #before + from
end

local function find(session, text, cursor)
  local before = text:sub(1, cursor)
  for _, way in ipairs { dot_command, function(_, line) return dot_file(line) end, question } do
    local list, from = way(session, before)
    if list then return list, from end
  end
  local self = context_of(session, text, cursor)
  if not self then return nil end
  if self.quote then return in_text(self) end
  local list = in_braces(self)
  if list and #list.list > 0 then return list, self.from end
  return chained(self)
end

--- What may stand at the cursor: `words` replace the bytes of `text` from `from` up to the cursor; at most 200, sorted.
--- `notes[i]` says what `words[i]` is. Without words the list is empty.
---@param session table
---@param text string all that was typed, also over several lines
---@param cursor integer? number of bytes before the cursor (all of them)
---@return { from: integer, words: string[], notes?: string[] }
function complete.candidates(session, text, cursor)
  cursor = math.max(0, math.min(cursor or #text, #text))
  local ok, list, from = pcall(find, session, text, cursor)
  if not ok or not list then return { from = cursor + 1, words = {} } end
  local found, notes = list:done()
  return { from = found and from or cursor + 1, words = found or {}, notes = notes }
end

return complete
