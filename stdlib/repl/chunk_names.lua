--- The names of a chunk, from its tokens: which it uses as variables, sets, and declares for itself. What saving a session needs, and
--- no more: where a name is a local in one place and a global in another, it counts as both.
---
---     local found = chunk_names.of "for _, p in ipairs(found.hits) do total = total + p.qty end"
---     found.used                  --> { ipairs = true, found = true, total = true, p = true }
---     found.set, found.declared   --> { total = true }, { _ = true, p = true }
local lexer = require "sluice.repl.lexer"

local chunk_names = {}

---@class sluice.repl.Names
---@field tokens sluice.repl.Token[]
---@field used table<string, integer[]> the tokens where the name stands as a variable, and is not being declared
---@field set table<string, true>
---@field declared table<string, true> locals, parameters, loop variables
---@field own_scope boolean it has a local or a label that must not be seen behind it
---@field returns boolean it has a `return` outside of functions

local opens = { ["function"] = true, ["do"] = true, ["then"] = false, ["if"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }
local brackets = { ["("] = true, ["{"] = true, ["["] = true }
local closing = { [")"] = true, ["}"] = true, ["]"] = true }

local function symbol(token, text) return token and token.kind == "symbol" and token.text == text end
local function word(token, text) return token and token.kind == "name" and token.text == text end

-- For each token the bracket that it stands in, and how many blocks are open there.
local function surroundings(tokens)
  local inside, depth, open, blocks = {}, {}, {}, 0
  for i, token in ipairs(tokens) do
    if token.kind == "symbol" and closing[token.text] then open[#open] = nil end
    if token.kind == "name" and closes[token.text] then blocks = blocks - 1 end
    inside[i], depth[i] = open[#open], blocks
    if token.kind == "symbol" and brackets[token.text] then open[#open + 1] = token.text end
    if token.kind == "name" and opens[token.text] then blocks = blocks + 1 end
  end
  return inside, depth
end

-- A field, a method, or a key of a table.
local function is_variable(tokens, inside, i)
  local before, after = tokens[i - 1], tokens[i + 1]
  if symbol(before, ".") or symbol(before, ":") then return false end
  if symbol(before, "::") or word(before, "goto") then return false end
  local first = symbol(before, "{") or symbol(before, ",") or symbol(before, ";")
  return not (inside[i] == "{" and first and symbol(after, "="))
end

-- The list of names that begins at a token: a, b, c <const>. `at` gets the tokens.
local function name_list(tokens, i, into, at)
  while tokens[i] and tokens[i].kind == "name" and not lexer.keywords[tokens[i].text] do
    into[tokens[i].text], at[i] = true, true
    i = i + 1
    if symbol(tokens[i], "<") then i = i + 3 end
    if not symbol(tokens[i], ",") then return end
    i = i + 1
  end
end

local function declarations(tokens)
  local names, at = {}, {}
  for i, token in ipairs(tokens) do
    if word(token, "local") then name_list(tokens, word(tokens[i + 1], "function") and i + 2 or i + 1, names, at)
    elseif word(token, "for") then name_list(tokens, i + 1, names, at)
    elseif word(token, "function") then
      while tokens[i] and not symbol(tokens[i], "(") do i = i + 1 end
      name_list(tokens, i + 1, names, at)
    end
  end
  return names, at
end

-- Whether the name at a token is one of those that an assignment sets: the list goes on to a "=" and does not come from `local` or `for`.
local function is_set(tokens, i)
  if word(tokens[i - 1], "function") then return symbol(tokens[i + 1], "(") and not word(tokens[i - 2], "local") end
  local last = i
  while symbol(tokens[last + 1], ",") and tokens[last + 2] and tokens[last + 2].kind == "name" do last = last + 2 end
  if not symbol(tokens[last + 1], "=") then return false end
  local first = i
  while symbol(tokens[first - 1], ",") and tokens[first - 2] and tokens[first - 2].kind == "name" do first = first - 2 end
  return not word(tokens[first - 1], "local") and not word(tokens[first - 1], "for")
end

--- The names of a chunk.
---@param text string
---@return sluice.repl.Names
function chunk_names.of(text)
  local tokens = lexer.scan(text)
  local inside, depth = surroundings(tokens)
  local declared, declaring = declarations(tokens)
  local found = { tokens = tokens, used = {}, set = {}, declared = declared, own_scope = false, returns = false }
  for i, token in ipairs(tokens) do
    local name = token.text
    if token.kind == "name" and not lexer.keywords[name] and not declaring[i] and is_variable(tokens, inside, i) then
      found.used[name] = found.used[name] or {}
      table.insert(found.used[name], i)
      if is_set(tokens, i) and not found.declared[name] then found.set[name] = true end
    end
    if depth[i] == 0 and (word(token, "local") or symbol(token, "::")) then found.own_scope = true end
    if depth[i] == 0 and word(token, "return") then found.returns = true end
  end
  return found
end

return chunk_names
