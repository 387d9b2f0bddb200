--- The chunks of a session as the body of one function: globals become locals, `_` the value that it was, what only showed something
--- a comment. Pure.
---
---     local body = rewrite.new(chunks, { connections = { shop = client }, secret = function(text) … end })
---     body.lines, body.connections, body.modules, body.kept
---
--- A chunk is kept as it was typed but for that; its own comments and line breaks stay.
local chunk_names = require "sluice.repl.chunk_names"
local err = require "sluice.err"
local log = require "sluice.log"
local run = require "sluice.run"

local rewrite = {}

---@class sluice.repl.Rewrite
---@field lines string[]
---@field connections string[] that are used, sorted
---@field modules string[] of ours that are used, sorted: "json" for `json.encode`
---@field tools string[] of the prompt that code calls, sorted: "save" for `save(found, "x.json")`
---@field kept sluice.repl.Chunk[]
local Rewrite = {}
Rewrite.__index = Rewrite

-- Tools of the prompt that show something, which are nowhere else (`save` does more); Lua's own that do no more than that.
local tools = { csv = true, help = true, json = true, more = true }
local all_tools = { csv = true, help = true, json = true, more = true, save = true }
local shows = { print = true, tostring = true, type = true }

local MOST_LOCALS = 150 -- of Lua's 200 in a function

-- ---- what a chunk is ----

-- The text between the brackets of `print(…)`, where the chunk is nothing else.
local function shown_by(functions, text, names)
  local tokens = names.tokens
  local first, open, last = tokens[1], tokens[2], tokens[#tokens]
  if not first or first.kind ~= "name" or not functions[first.text] then return nil end
  if not open or open.text ~= "(" or last.text ~= ")" or last.kind ~= "symbol" then return nil end
  local inner = text:sub(open.to + 1, last.from - 1)
  if inner:match "^%s*$" or load("return " .. inner) then return inner end
end

local function is_call(text) return load(text) ~= nil end

-- "drop": it only showed something; "value": it is no statement; "look" (of specs): nothing but the assertion behind it. What has
-- called an operation stays.
local function fate(chunk)
  if not chunk.expression then return "statement" end
  local only_shows = chunk.shown or shown_by(shows, chunk.text, chunk.names) or not is_call(chunk.text)
  if chunk.iterator or only_shows and #chunk.calls == 0 then return "drop" end
  return is_call(chunk.text) and "statement" or "value"
end

-- ---- names ----

local function keys_of(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- A chunk of the session with what is known of its names. Of `json(x)` x counts.
local function looked_at(chunk, set_by_user)
  local text = chunk.expression and chunk.text:gsub("^return%f[^%w_]%s*", "") or chunk.text
  local one = { text = text, names = chunk_names.of(text), assigns = {}, declares = {} }
  local inner = chunk.expression and shown_by(tools, text, one.names)
  if inner and not set_by_user[one.names.tokens[1].text] then
    one.shown, one.facts = true, {}
    if inner:find "%S" then one.text, one.names = inner, chunk_names.of(inner) end
  end
  for name in pairs(one.names.set) do one.assigns[name] = true end
  for _, name in ipairs(chunk.assigned) do one.assigns[name] = true end
  one.needs = one.names.used._ and not one.assigns._ and chunk.last or nil
  return setmetatable(one, { __index = chunk })
end

local function look(self, chunks)
  local set_by_user = {}
  for _, chunk in ipairs(chunks) do
    for _, name in ipairs(chunk.assigned) do set_by_user[name] = true end
    local one = looked_at(chunk, set_by_user)
    table.insert(self.chunks, one)
    self.by_number[chunk.n] = one
  end
end

-- What stays, from the end on: a chunk whose value is `_` of one that stays, stays.
local function choose(self)
  local wanted = {}
  for i = #self.chunks, 1, -1 do
    local chunk = self.chunks[i]
    chunk.fate, chunk.bound = fate(chunk), wanted[chunk.n]
    local seen = self.options.asserts and chunk.expression and #chunk.facts > 0
    if seen and chunk.text:find "^[%a_][%w_%.]*$" and chunk.text ~= "_" then chunk.name = chunk.text -- of a variable no copy is needed
    elseif seen then chunk.bound = true end
    if chunk.bound then chunk.fate = "value" end
    if chunk.name and not chunk.bound then chunk.fate = "look" end
    if chunk.fate ~= "drop" and chunk.needs then wanted[chunk.needs] = true end
    if chunk.fate ~= "drop" then table.insert(self.kept, 1, chunk) end
  end
end

-- Where each global is declared: with the first chunk that stays and has the name in it.
local function declare(self)
  local set, first = {}, {}
  for _, chunk in ipairs(self.kept) do
    for name in pairs(chunk.assigns) do set[name] = true end
    for name in pairs(chunk.names.used) do
      first[name] = first[name] or chunk
      self.taken[name] = true
    end
  end
  for name in pairs(set) do
    local chunk = first[name] or self.kept[1]
    if not self.options.connections[name] then table.insert(chunk.declares, name) end
  end
  self.set, self.used = set, first
end

local function check_failed(self, failed)
  for _, name in ipairs(keys_of(self.used)) do
    if failed[name] and not self.set[name] then
      err.raise { code = "usage", message = ("'%s' was set by a chunk that failed, so it can't be saved"):format(name),
        hint = ("set it again, then save: %s = …"):format(name) }
    end
  end
  if #keys_of(self.set) > MOST_LOCALS then
    err.raise { code = "usage", message = ("the session has set %d variables; a recipe has room for %d"):format(#keys_of(self.set), MOST_LOCALS) }
  end
end

-- A name for the value of a chunk that nobody has: after the operation that it called.
local function fresh(self, chunk)
  local base = (chunk.calls[#chunk.calls] or ""):match "%.([%a_][%w_]*)$" or "result"
  local name, n = base, 1
  while self.taken[name] or self.options.connections[name] or rawget(_G, name) ~= nil do
    n = n + 1
    name = base .. n
  end
  self.taken[name] = true
  return name
end

-- ---- text ----

-- A literal that is or holds a secret, by what is known or by the name in front of it.
local function secret_in(tokens, i)
  local token, name = tokens[i], tokens[i - 2]
  local value = token.text
  if log.mask(value) ~= value then return name and name.kind == "name" and name.text or "secret" end
  if tokens[i - 1] and tokens[i - 1].text == "=" and name and name.kind == "name" and run.is_secret(name.text) and value ~= "" then
    log.secret(value)
    return name.text
  end
end

-- The text with other words for some of its tokens, from the end on.
local function replaced(text, changes)
  for i = #changes, 1, -1 do
    local token, new = changes[i][1], changes[i][2]
    text = text:sub(1, token.from - 1) .. new .. text:sub(token.to + 1)
  end
  return text
end

local function text_of(self, chunk)
  local changes, tokens = {}, chunk.names.tokens
  local alias = chunk.needs and self.by_number[chunk.needs] and self.by_number[chunk.needs].name
  for i, token in ipairs(tokens) do
    local secret = token.kind == "text" and secret_in(tokens, i)
    if secret then changes[#changes + 1] = { token, self.options.secret(token.text, secret) } end
    local is_last = token.kind == "name" and token.text == "_" and alias and not chunk.names.declared._
    for _, at in ipairs(is_last and chunk.names.used._ or {}) do
      if at == i then changes[#changes + 1] = { token, alias } end
    end
  end
  return replaced(chunk.text, changes), chunk.names.declared._ and alias or nil
end

-- Which lines begin inside of a long text, and so must stay as they are.
local function inside_text(text)
  local inside, line = {}, 1
  local tokens = chunk_names.of(text).tokens
  for place in text:gmatch "\n()" do
    line = line + 1
    for _, token in ipairs(tokens) do
      if token.kind == "text" and place > token.from and place <= token.to then inside[line] = true end
    end
  end
  return inside
end

-- Puts lines of code in; `indent` before each that is none of a long text.
local function put(self, text, indent)
  local inside, i = inside_text(text), 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    i = i + 1
    table.insert(self.lines, { text = line, indent = inside[i] and "" or indent or "", fixed = inside[i] })
  end
end

local function first_line(text)
  local line = text:match "^[^\n]*"
  return line == text and line or line .. " …"
end

local function put_dropped(self, chunk)
  local text = text_of(self, chunk)
  put(self, ("-- %s: %s"):format(chunk.iterator and "looked at its first items" or "looked at", first_line(text)))
end

local function put_declarations(self, chunk, text)
  table.sort(chunk.declares)
  local plain = {}
  for _, name in ipairs(chunk.declares) do
    local direct = #chunk.declares == 1 and not chunk.names.own_scope and not chunk.names.returns
      and (text:find("^" .. name .. "%s*=[^=]") or text:find("^function%s+" .. name .. "%s*%("))
    local used = chunk.names.used[name]
    if direct and (#used == 1 or text:find "^function") then return "local " .. text end
    if rawget(_G, name) ~= nil then put(self, ("local %s = %s"):format(name, name)) else plain[#plain + 1] = name end
  end
  if #plain > 0 then put(self, "local " .. table.concat(plain, ", ")) end
  return text
end

local function put_statement(self, chunk)
  local text, bind = text_of(self, chunk)
  text = put_declarations(self, chunk, text)
  if text:find "^%(" then text = ";" .. text end
  local wrap = chunk.names.returns and { "(function()", "end)()" } or (chunk.names.own_scope or bind) and { "do", "end" }
  if not wrap then return put(self, text) end
  put(self, (wrap[1] == "do" and "" or ";") .. wrap[1])
  if bind then put(self, "local _ = " .. bind, "  ") end
  put(self, text, "  ")
  put(self, wrap[2])
end

local function put_value(self, chunk)
  local text = put_declarations(self, chunk, (text_of(self, chunk)))
  chunk.name = chunk.bound and fresh(self, chunk) or "_"
  put(self, ("local %s = %s"):format(chunk.name, text))
end

local function put_chunk(self, chunk)
  if chunk.fate == "drop" then return put_dropped(self, chunk) end
  if chunk.fate == "look" then
    put_declarations(self, chunk, chunk.text)
    chunk.name = text_of(self, chunk) -- `_.total` is of the value that `_` was
  elseif chunk.fate == "value" then put_value(self, chunk) else put_statement(self, chunk) end
  if self.options.asserts then self.options.asserts(chunk, function(line) put(self, line) end) end
end

-- Whether code that stays calls what has this name.
local function is_called(self, name)
  for _, chunk in ipairs(self.kept) do
    for _, at in ipairs(chunk.names.used[name] or {}) do
      local after = chunk.names.tokens[at + 1]
      if after and (after.kind == "text" or after.text == "(" or after.text == "{") then return true end
    end
  end
  return false
end

local function note_others(self)
  local module = self.options.module or function() return false end
  for name in pairs(self.used) do
    local list = self.options.connections[name] and self.connections or all_tools[name] and is_called(self, name) and self.tools
      or rawget(_G, name) == nil and module(name) and self.modules
    if list and not self.set[name] then table.insert(list, name) end
  end
  for _, list in ipairs { self.connections, self.modules, self.tools } do table.sort(list) end
end

---@class sluice.repl.RewriteOptions
---@field connections table<string, any> by name
---@field secret fun(literal: string, name: string): string what stands for a literal that is a secret
---@field failed? table<string, true> globals that chunks which failed have set
---@field module? fun(name: string): any whether a name is a module of ours
---@field before? fun(chunk: sluice.repl.Chunk, put: fun(line: string)) lines in front of a chunk that stays
---@field asserts? fun(chunk: sluice.repl.Chunk, put: fun(line: string)) lines behind one; values that have facts are then bound to `chunk.name`

--- The body of the function.
---@param chunks sluice.repl.Chunk[] those that worked
---@param options sluice.repl.RewriteOptions
---@return sluice.repl.Rewrite
function rewrite.new(chunks, options)
  local self = setmetatable({ options = options, chunks = {}, by_number = {}, kept = {}, lines = {}, taken = {}, connections = {}, modules = {},
    tools = {} }, Rewrite)
  look(self, chunks)
  choose(self)
  if #self.kept > 0 then declare(self) else self.set, self.used = {}, {} end
  check_failed(self, options.failed or {})
  for _, chunk in ipairs(self.chunks) do
    if chunk.fate ~= "drop" and options.before then options.before(chunk, function(line) put(self, line) end) end
    put_chunk(self, chunk)
  end
  note_others(self)
  return self
end

--- The lines as text, each behind `indent`; those inside of a long text as they are.
---@param indent string
---@return string
function Rewrite:text(indent)
  local lines = {}
  for i, line in ipairs(self.lines) do
    local plain = line.fixed or line.text == ""
    lines[i] = plain and line.text or indent .. line.indent .. line.text
  end
  return table.concat(lines, "\n")
end

return rewrite
