--- What was typed at the prompt as Lua: whether it is complete, and what is done of it. Two things are other than in a file:
--- a `local` of the chunk itself stays for the following chunks (it becomes a variable of the session), and expressions are allowed.
---
---     chunk.state "for i = 1, 3 do"          --> "open"
---     chunk.load("1 + 1", env)               --> function, true
---     chunk.globals "local x <const> = 1"    --> "x = 1", { "x" }
local lexer = require "sluice.repl.lexer"

local chunk = {}

-- What Lua calls a chunk is how it begins, so that an error in a function of an earlier one tells which.
local function name_of(text) return (text:gsub("^[%s=@]+", "")) end

-- With a line break behind it a text between quotes that was not closed is a mistake, and not something that may go on.
local function compile(text, env, name) return load(text .. "\n", name or name_of(text), "t", env) end

local function expression_of(text) return "return " .. text:gsub("^%s*=", "") end

local function at_end(problem) return problem ~= nil and problem:find "near '?<eof>'?$" ~= nil end

--- Whether a text is a whole chunk.
---@param text string
---@return "empty"|"complete"|"open"|"wrong" state
function chunk.state(text)
  if #lexer.scan(text) == 0 and compile(text) then return "empty" end
  local fn, as_expression = compile(expression_of(text))
  if fn then return "complete" end
  local statement, problem = compile(text)
  if statement then return "complete" end
  return (at_end(as_expression) or at_end(problem)) and "open" or "wrong"
end

-- ---- locals ----

local opens = { ["do"] = true, ["function"] = true, ["if"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }
local brackets = { ["("] = 1, ["["] = 1, ["{"] = 1, [")"] = -1, ["]"] = -1, ["}"] = -1 }

local function is(token, kind, text) return token ~= nil and token.kind == kind and token.text == text end

-- The tokens `local` that stand in no block.
local function own_locals(tokens)
  local depth, list = 0, {}
  for i, token in ipairs(tokens) do
    if token.kind == "symbol" then depth = depth + (brackets[token.text] or 0)
    elseif token.kind == "name" then
      if depth == 0 and token.text == "local" then list[#list + 1] = i end
      depth = depth + (opens[token.text] and 1 or closes[token.text] and -1 or 0)
    end
  end
  return list
end

-- What becomes of the declaration at a token: cuts { from, to, new text }, the names; nil where it must stay (<close>).
local function declaration(tokens, i)
  local cuts, names, at = { { tokens[i].from, tokens[i].to, "" } }, {}, i + 1
  if is(tokens[at], "name", "function") then return cuts, { tokens[at + 1].text } end
  while true do
    names[#names + 1] = tokens[at].text
    if is(tokens[at + 1], "symbol", "<") then
      if is(tokens[at + 2], "name", "close") then return nil end
      cuts[#cuts + 1] = { tokens[at + 1].from, tokens[at + 3].to, "" }
      at = at + 3
    end
    if not is(tokens[at + 1], "symbol", ",") then break end
    at = at + 2
  end
  if not is(tokens[at + 1], "symbol", "=") then cuts[#cuts + 1] = { tokens[at].to + 1, tokens[at].to, " = nil" } end
  return cuts, names
end

-- Parts of a text replaced, each as long as it was where it is cut: lines stay where they are.
local function cut(text, cuts)
  for i = #cuts, 1, -1 do
    local from, to, new = table.unpack(cuts[i])
    text = text:sub(1, from - 1) .. new .. text:sub(to + 1)
  end
  return text
end

--- A statement with the locals of the chunk itself as variables of the session; and their names.
---@param text string a complete chunk
---@return string
---@return string[] names
function chunk.globals(text)
  local tokens = lexer.scan(text)
  local all, names = {}, {}
  for _, i in ipairs(own_locals(tokens)) do
    local cuts, declared = declaration(tokens, i)
    for _, one in ipairs(cuts or {}) do all[#all + 1] = one end
    table.move(cuts and declared or {}, 1, cuts and #declared or 0, #names + 1, names)
  end
  return (cut(text, all):gsub("^ +", "")), names
end

--- A chunk as a function of an environment. A mistake in it is a `usage` error with what Lua says.
---@param text string
---@param env table
---@return function
---@return string text as it is done: locals as variables
---@return string[] names that it declares
function chunk.load(text, env)
  local name = name_of(text)
  local fn, as_expression = compile(expression_of(text), env, name)
  if fn then return fn, text, {} end
  local statement, problem = compile(text, env)
  if not statement then
    local first = (lexer.scan(text)[1] or {}).text
    local other = first and problem:find("near '" .. first .. "'", 1, true) -- it can't begin a statement, so it was meant as an expression
    require("sluice.err").raise { code = "usage", message = chunk.said(other and as_expression or problem, text) }
  end
  local done, names = chunk.globals(text)
  return assert(compile(done, env, name)), done, names
end

-- "[string "for i = 1, 3 do..."]", as it stands in front of errors.
local function place_of(text) return debug.getinfo(load("", name_of(text)), "S").short_src end

--- What Lua says, with the place as people read it: none where the chunk is one line, and of a function that an earlier chunk has made
--- how that chunk began.
---@param problem string
---@param text string of the chunk
---@return string
function chunk.said(problem, text)
  local place, line, rest = problem:match '^(%[string ".-"%]):(%d+): (.*)$'
  if not place then return problem end
  if place ~= place_of(text) then return ("line %s of '%s': %s"):format(line, place:sub(10, -3), rest) end
  return text:find "\n" and ("line %s: %s"):format(line, rest) or rest
end

--- "line 3": where the code that runs is in a chunk; nil where it is elsewhere, or where the chunk is one line. For error handlers.
---@param text string
---@return string?
function chunk.line_of(text)
  local place = text:find "\n" and place_of(text)
  for level = 2, place and 200 or 0 do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if info.short_src == place and info.currentline > 0 then return "line " .. info.currentline end
  end
end

-- ---- as a recipe has it ----

-- Whether behind a dot stands a call of an operation that does not give the connection itself: `shop.sources {`.
local function is_dotted_call(tokens, i, connections)
  local before, first, dot, name, after = tokens[i - 1], tokens[i], tokens[i + 1], tokens[i + 2], tokens[i + 3]
  local client = first.kind == "name" and connections[first.text]
  if not client or not is(dot, "symbol", ".") or not name or not after then return false end
  if is(before, "symbol", ".") or is(before, "symbol", ":") or not rawget(client, "methods")[name.text] then return false end
  if after.kind == "text" or is(after, "symbol", "{") then return true end
  return is(after, "symbol", "(") and not (tokens[i + 4] and is(tokens[i + 4], "name", first.text))
end

--- The text with `shop:sources{}` for `shop.sources{}`: a recipe has colons alone.
---@param text string
---@param connections table<string, sluice.Client> those that were made
---@return string
function chunk.with_colons(text, connections)
  local tokens, cuts = lexer.scan(text), {}
  for i in ipairs(tokens) do
    if is_dotted_call(tokens, i, connections) then cuts[#cuts + 1] = { tokens[i + 1].from, tokens[i + 1].to, ":" } end
  end
  return cut(text, cuts)
end

return chunk
