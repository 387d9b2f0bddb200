--- What the annotations (LuaLS) of a module say: its functions' parameters, its classes' fields. They are the reference that
--- editors and the manual read; `sluice check` takes the names of options from them.
---
---     local a = annotations.of "sluice.ndjson"
---     a.functions.records.params       -- { { name = "source", type = "string|…" }, { name = "options", type = "sluice.ndjson.ReadOptions" } }
---     annotations.record("{ bad?: string, each: fun(x: any): any }")       -- { bad = "string", each = "fun(x: any): any" }
---     annotations.fields "sluice.ndjson.ReadOptions"                       -- { bad = …, max_line_bytes = "integer" }
local annotations = {}

---@class sluice.check.Function
---@field params { name: string, type: string }[]
---@field returns string[]

---@class sluice.check.Annotations
---@field functions table<string, sluice.check.Function> of the module
---@field methods table<string, table<string, sluice.check.Function>> by class
---@field classes table<string, table<string, string>> type by field
---@field parents table<string, string>

-- ---- types ----

local CLOSING = { ["{"] = "}", ["("] = ")", ["<"] = ">", ["["] = "]" }

-- The position behind the balanced brackets that open at `at`; nil where they are not closed.
local function behind(text, at)
  local closing, i = CLOSING[text:sub(at, at)], at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == closing then return i + 1 end
    if CLOSING[c] then
      i = behind(text, i)
      if not i then return nil end
    else
      i = i + 1
    end
  end
end

-- The type at the start of a text, and what comes behind it.
local function take_type(text)
  local i = 1
  while i <= #text do
    local c = text:sub(i, i)
    if CLOSING[c] then
      i = behind(text, i)
      if not i then return nil end
      if text:sub(i):find "^%s*:%s" and text:sub(1, i - 1):find "fun%b()$" then i = i + #text:match("^%s*:%s+", i) end
    elseif c == '"' then
      i = (text:find('"', i + 1, true) or #text) + 1
    elseif c:find "%s" then
      break
    else
      i = i + 1
    end
  end
  return text:sub(1, i - 1), text:sub(i)
end

-- The parts of a text between commas (or semicolons) that are in no brackets.
local function parts_of(text)
  local parts, from, i = {}, 1, 1
  while i <= #text do
    local c = text:sub(i, i)
    if CLOSING[c] then i = behind(text, i) or #text + 1
    else
      if c == "," or c == ";" then
        parts[#parts + 1] = text:sub(from, i - 1)
        from = i + 1
      end
      i = i + 1
    end
  end
  parts[#parts + 1] = text:sub(from)
  return parts
end

--- The members of a table that a type spells out, name -> type; nil where it is no such type or takes any name.
---@param text string
---@return table<string, string>?
function annotations.record(text)
  local inside = text:match "^{(.*)}%??$"
  if not inside then return nil end
  local fields = {}
  for _, part in ipairs(parts_of(inside)) do
    local name, rest = part:match "^%s*([%w_]+)%??:%s*(.-)%s*$"
    if not name then return nil end
    fields[name] = rest
  end
  return fields
end

-- ---- reading ----

-- The `---` lines of a text as whole annotations: one that goes on in the next line is joined to it.
local function joined(lines, i)
  local text = lines[i]
  while lines[i + 1] and lines[i + 1]:find "^%-%-%-%s*[^@%s]" and not take_type(text:gsub("^%-%-%-@%w+%s+[%w_%.]*%??%s*", "")) do
    i = i + 1
    text = text .. " " .. lines[i]:gsub("^%-%-%-%s*", "")
  end
  return text, i
end

local readers = {}

function readers.param(at, rest)
  local name, typed = rest:match "^([%w_%.]+)%??%s+(.*)$"
  if name then at.params[#at.params + 1] = { name = name, type = take_type(typed) or "any" } end
end

readers["return"] = function(at, rest) at.returns[#at.returns + 1] = (take_type(rest) or "any"):gsub(",$", "") end

function readers.class(at, rest)
  local name, parent = rest:match "^([%w_%.]+)%s*:%s*([%w_%.]+)"
  name = name or rest:match "^[%w_%.]+"
  at.class = name
  at.out.classes[name] = at.out.classes[name] or {}
  at.out.parents[name] = parent
end

function readers.field(at, rest)
  if not at.class then return end
  local name, typed = rest:match "^([%w_]+)%??%s+(.*)$"
  at.out.classes[at.class][name or "*"] = name and take_type(typed) or "any" -- [string]: any name
end

-- A line of code ends what the annotations above it are about.
local function code(at, line)
  local owner, mark, name = line:match "^function ([%w_]+)([%.:])([%w_]+)%("
  local made = line:match "^local ([%w_]+) ="
  if made and at.class then at.owners[made] = at.class end
  if owner then
    local fn = { params = at.params, returns = at.returns }
    local class = mark == ":" and (at.owners[owner] or "")
    if class then
      at.out.methods[class] = at.out.methods[class] or {}
      at.out.methods[class][name] = fn
    elseif owner:find "^%l" then
      at.out.functions[name] = fn
    end
  end
  at.params, at.returns, at.class = {}, {}, nil
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

--- Reads a text.
---@param text string
---@return sluice.check.Annotations
function annotations.read(text)
  local at = { out = { functions = {}, methods = {}, classes = {}, parents = {} }, owners = {}, params = {}, returns = {} }
  local lines, i = lines_of(text), 1
  while i <= #lines do
    local line = lines[i]
    if line:find "^%-%-%-" then
      line, i = joined(lines, i)
      local word, rest = line:match "^%-%-%-@(%w+)%s+(.*)$"
      if readers[word] then readers[word](at, rest) end
    else
      code(at, line)
    end
    i = i + 1
  end
  return at.out
end

-- ---- the modules ----

local beside -- those that stand beside C modules

local function text_of(module)
  local core = require "sluice.core"
  beside = beside or core.annotations()
  return beside[module:match "^sluice%.(.+)$" or ""] or core.source(module)
end

local known = {}

--- What is said in an embedded module; of others nothing.
---@param module string "sluice.ndjson"
---@return sluice.check.Annotations
function annotations.of(module)
  if not known[module] then known[module] = annotations.read(text_of(module) or "") end
  return known[module]
end

-- The module in whose text a class is declared.
local function home_of(class)
  local words, plain = "%-%-%-@class " .. class:gsub("%p", "%%%0") .. "%f[^%w_%.]", {}
  local short = class:match "^sluice%.(%l[%w_]*)%."
  plain[1] = short and "sluice." .. short
  for name in pairs(package.preload) do
    if name:find "^sluice" then plain[#plain + 1] = name end
  end
  for _, name in ipairs(plain) do
    local text = text_of(name)
    if text and text:find(words) then return name end
  end
end

local homes = {}

--- The annotated methods of a class.
---@param class string
---@return table<string, sluice.check.Function>?
function annotations.methods(class)
  if homes[class] == nil then homes[class] = home_of(class) or false end
  return homes[class] and annotations.of(homes[class]).methods[class] or nil
end

--- The fields of a class, those of what it extends as well: name -> type; nil where it is not known, or takes any name.
---@param class string
---@return table<string, string>?
function annotations.class(class)
  if homes[class] == nil then homes[class] = home_of(class) or false end
  if not homes[class] then return nil end
  local found = annotations.of(homes[class])
  local fields, parent = {}, found.parents[class]
  if parent then
    local more = annotations.class(parent)
    if not more then return nil end
    for name, typed in pairs(more) do fields[name] = typed end
  end
  for name, typed in pairs(found.classes[class] or {}) do fields[name] = typed end
  return not fields["*"] and fields or nil
end

--- The names that a table of this type takes: name -> type; nil where they can't be told.
---@param typed string as it stands in the annotation
---@return table<string, string>?
function annotations.fields(typed)
  local record = annotations.record(typed)
  if record then return record end
  local class = typed:match "^([%w_%.]+)%??$"
  if not class or not class:find "%." then return nil end
  local fields = annotations.class(class)
  if not fields or not next(fields) or annotations.methods(class) then return nil end -- an object is no table of options
  for _, kind in pairs(fields) do
    if kind:find "^fun%(self" then return nil end
  end
  return fields
end

return annotations
