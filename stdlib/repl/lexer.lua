--- The tokens of Lua text as far as it has been typed: what is open at its end (a text, a comment, brackets) is what
--- completion needs to know. Never raises, whatever the text is.
---
---     local tokens = lexer.scan 'shop:search { kind = "bi'
---     tokens[#tokens]      --> { kind = "open text", text = "bi", from = 23, to = 24, quote = '"' }
local lexer = {}

---@class sluice.repl.Token
---@field kind "name"|"number"|"text"|"open text"|"open comment"|"symbol"
---@field text string of a text what is between the quotes, as it stands
---@field from integer first byte (of an open text: of what is between the quotes)
---@field to integer

local plain = { ['\\n'] = "\n", ['\\t'] = "\t", ["\\'"] = "'", ['\\"'] = '"', ["\\\\"] = "\\" }

-- Where a text between quotes ends: the place of its closing quote; nil where it is open.
local function closing_quote(text, from, quote)
  local at = from
  while true do
    at = text:find("[\\\n" .. quote .. "]", at)
    if not at then return nil end
    local c = text:sub(at, at)
    if c == quote then return at end
    if c == "\n" then return at - 1, true end -- not closed on its line: it goes no further
    at = text:match("^\\z%s*()", at) or text:match("^\\\r\n()", at) or at + 2
  end
end

local function quoted(text, at)
  local quote = text:sub(at, at)
  local stop, broken = closing_quote(text, at + 1, quote)
  if not stop then return { kind = "open text", text = text:sub(at + 1), from = at + 1, to = #text, quote = quote } end
  local inner = text:sub(at + 1, broken and stop or stop - 1):gsub("\\.", plain)
  return { kind = "text", text = inner, from = at, to = stop }
end

-- A long text or comment: [[…]], [==[…]==].
local function long(text, at, comment)
  local level, from = text:match("^%[(=*)%[()", at)
  if not level then return nil end
  local _, stop = text:find("]" .. level .. "]", from, true)
  if comment then return { kind = stop and "comment" or "open comment", text = "", from = at, to = stop or #text } end
  if not stop then return { kind = "open text", text = text:sub(from), from = from, to = #text, quote = "]" .. level .. "]" } end
  return { kind = "text", text = text:sub(from, stop - #level - 2), from = at, to = stop }
end

local function comment(text, at)
  local found = long(text, at + 2, true)
  if found then return found end
  local stop = text:find("\n", at, true)
  return { kind = stop and "comment" or "open comment", text = "", from = at, to = stop or #text }
end

local function word(text, at, kind, pattern)
  local _, stop = text:find(pattern, at)
  return { kind = kind, text = text:sub(at, stop), from = at, to = stop }
end

local function token_at(text, at)
  local c = text:sub(at, at)
  if c:find "[%a_]" then return word(text, at, "name", "^[%w_]+") end
  if c:find "%d" then return word(text, at, "number", "^%d[%w%.]*") end
  if c == '"' or c == "'" then return quoted(text, at) end
  if text:find("^%-%-", at) then return comment(text, at) end
  local found = c == "[" and long(text, at) or nil
  if found then return found end
  local two = text:find("^[=~<>]=", at) or text:find("^::", at)
  return word(text, at, "symbol", two and "^.." or text:find("^%.%.", at) and "^%.+" or "^.")
end

--- The tokens of a text. Comments that end are left out.
---@param text string
---@return sluice.repl.Token[]
function lexer.scan(text)
  local tokens, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return tokens end
    local token = token_at(text, at)
    if token.kind ~= "comment" then tokens[#tokens + 1] = token end
    at = token.to + 1
  end
end

local pairs_of = { ["("] = ")", ["{"] = "}", ["["] = "]" }
local closes = { [")"] = true, ["}"] = true, ["]"] = true }

--- The brackets that are open behind a token: the indexes of their tokens, the outermost first.
---@param tokens sluice.repl.Token[]
---@param count integer
---@return integer[]
function lexer.open_brackets(tokens, count)
  local open = {}
  for i = 1, count do
    local token = tokens[i]
    if token.kind == "symbol" and pairs_of[token.text] then open[#open + 1] = i end
    if token.kind == "symbol" and closes[token.text] and #open > 0 then open[#open] = nil end
  end
  return open
end

local keywords = {}
for name in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until while]]):gmatch "%a+" do
  keywords[name] = true
end

--- Lua's own words.
lexer.keywords = keywords

-- `[#list]`: the length, of tables alone, whatever their metatables say.
local function last_of(tokens, i, lookup)
  local name, mark, open = tokens[i - 1], tokens[i - 2], tokens[i - 3]
  if not lookup or not open or name.kind ~= "name" or mark.text ~= "#" or open.text ~= "[" then return nil end
  local list = lookup(name.text)
  return type(list) == "table" and rawlen(list) or nil
end

local function key_of(token, lookup)
  if token.kind == "text" then return token.text end
  if token.kind == "number" then return math.tointeger(tonumber(token.text)) or tonumber(token.text) end
  if token.kind == "name" then return lookup and lookup(token.text) end
end

-- Whether ("…") ends at a token, and is no call.
local function text_in_brackets(tokens, i)
  local text, open, before = tokens[i - 1], tokens[i - 2], tokens[i - 3]
  if not open or text.kind ~= "text" or open.text ~= "(" or open.kind ~= "symbol" then return false end
  return not before or before.kind == "symbol" and before.text ~= ")" and before.text ~= "]" or keywords[before.text] or false
end

--- The chain of names that ends at a token, `a.b[1]:c`: its parts, of which the first is a name or (for `("…")`) { text = "…" }; nil where
--- it is something else (a call, an operator).
---@param tokens sluice.repl.Token[]
---@param last integer
---@param lookup? fun(name: string): any the value of a variable between brackets
---@return any[]?
---@return integer first index of its first token
function lexer.chain(tokens, last, lookup)
  local parts, i = {}, last
  while true do
    local token = tokens[i]
    if not token then return nil, 1 end
    if token.kind == "name" then
      if keywords[token.text] then return nil, i end
      table.insert(parts, 1, token.text)
      local before = tokens[i - 1]
      if not before or before.kind ~= "symbol" or (before.text ~= "." and before.text ~= ":") then return parts, i end
      i = i - 2
    elseif token.text == ")" and text_in_brackets(tokens, i) then
      table.insert(parts, 1, { text = tokens[i - 1].text })
      return parts, i - 2
    elseif token.text == "]" and tokens[i - 2] and tokens[i - 2].text == "[" then
      local key = key_of(tokens[i - 1], lookup)
      if key == nil then return nil, i end
      table.insert(parts, 1, key)
      i = i - 3
    elseif token.text == "]" and last_of(tokens, i, lookup) then
      table.insert(parts, 1, last_of(tokens, i, lookup))
      i = i - 4
    else
      return nil, i
    end
  end
end

return lexer
