--- What the annotations of a module say, as data: for `sluice help MODULE` and the manual page of the modules.
---
---   local page = annotations.read("ndjson", text)
---   page.about, page.functions[1].name, .call, .doc, .params[1].name, .returns[1].type
---
--- The form is that of the Lua language server: comments that begin with three dashes, `@param`, `@return`, `@class`, `@field`,
--- `@alias`. A module's file says `function name.f(…)`, a class's methods are `function Class:f(…)`; what is local is its own.
local annotations = {}

-- A type and what stands behind it: types may have spaces within brackets and behind `fun(…):` and `|`.
local function type_of(text)
  local at = 1
  while true do
    local from, to = text:find("^[^%s<({%[]+", at)
    at = from and to + 1 or at
    local brackets = text:match("^%b()", at) or text:match("^%b{}", at) or text:match("^%b<>", at) or text:match("^%b[]", at)
    if brackets then at = at + #brackets
    elseif text:sub(1, at - 1):find "[:|,]$" and text:find("^ %S", at) then at = at + 1
    else break end
  end
  return text:sub(1, at - 1), text:match("^%s*(.*)$", at)
end

local function param_of(line)
  local name, rest = line:match "^(%S+)%s*(.*)$"
  local kind, doc = type_of(rest)
  return { name = name:gsub("%?$", ""), optional = name:find "%?$" ~= nil, type = kind, doc = doc }
end

local function return_of(line)
  local kind, doc = type_of(line)
  return { type = kind, doc = doc }
end

-- The comment lines above a function, taken apart.
local function take_apart(lines)
  local found, last = { doc = {}, params = {}, returns = {} }, nil
  for _, line in ipairs(lines) do
    local tag, rest = line:match "^@(%l+)%s*(.*)$"
    if tag == "param" then
      last = param_of(rest)
      table.insert(found.params, last)
    elseif tag == "return" then
      last = return_of(rest)
      table.insert(found.returns, last)
    elseif tag then last = nil
    elseif last then last.doc = (last.doc .. " " .. line:match "^%s*(.-)%s*$"):gsub("^%s+", "") -- goes on below its tag
    else table.insert(found.doc, line) end
  end
  found.doc = table.concat(found.doc, "\n")
  return found
end

local function class_of(lines)
  for i, line in ipairs(lines) do
    local name, doc = line:match "^@class%s+([%w_.]+):?%s*(.*)$"
    if name then
      local class, last = { name = name, doc = doc, fields = {} }, nil
      for j = i + 1, #lines do
        local field = lines[j]:match "^@field%s+(.*)$"
        if field then
          last = param_of(field:gsub("^%[([^%]]*)%]", function(key) return "[" .. key:gsub("%s", "") .. "]" end))
          table.insert(class.fields, last)
        elseif last and not lines[j]:find "^@" then last.doc = last.doc .. " " .. lines[j]:match "^%s*(.*)$" end
      end
      return class
    end
  end
end

-- The file's first comment.
local function about_of(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do
    if not line:find "^%-%-" and (line ~= "" or list[1]) then break end
    if line ~= "" and not line:find "^%-%-%-@meta" then list[#list + 1] = (line:gsub("^%-%-%-? ?", "")) end
  end
  return table.concat(list, "\n")
end

local function add_function(page, inside, line, comment)
  local owner, mark, name, params = line:match "^function ([%w_]+)([.:])([%w_]+)(%b())"
  if not owner or #comment == 0 and owner ~= inside then return end
  if owner ~= inside and not owner:find "^%u" or name:find "^__" then return end
  local found = take_apart(comment)
  found.name, found.class = name, owner ~= inside and owner or nil
  found.call = (owner == inside and page.name or owner:sub(1, 1):lower() .. owner:sub(2)) .. mark .. name .. params
  table.insert(page.functions, found)
end

--- A module's annotations.
---@param name string of the module, without `sluice.`
---@param text string
---@return { name: string, about: string, functions: table[], classes: table[] }
function annotations.read(name, text)
  local page = { name = name, about = about_of(text), functions = {}, classes = {} }
  local inside = text:match "\nreturn ([%w_]+)%s*$" or text:match "\nreturn setmetatable%(([%w_]+)," or name
  local comment = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local said = line:match "^%-%-%- ?(.*)$"
    if said then comment[#comment + 1] = said
    else
      add_function(page, inside, line, comment)
      local class = class_of(comment)
      if class then table.insert(page.classes, class) end
      comment = {}
    end
  end
  return page
end

--- The names of the methods of a page's classes, as functions or as fields of a class.
---@param page table
---@return table<string, true>
function annotations.methods(page)
  local names = {}
  for _, fn in ipairs(page.functions) do names[fn.class and fn.name or false] = true end
  for _, class in ipairs(page.classes) do
    for _, field in ipairs(class.fields) do names[field.type:find "^fun%(self" and field.name or false] = true end
  end
  names[false] = nil
  return names
end

-- ---- text ----

--- The first sentence of a text.
---@param text string
---@return string
function annotations.sentence(text)
  local all = text:gsub("\n", " ")
  return all:match "^(.-%.)%s" or all
end

local function value_line(value)
  local name = value.name and value.name .. (value.optional and "?" or "") .. "  " or ""
  return name .. value.type .. (value.doc ~= "" and "  " .. value.doc or "")
end

--- A function with all that is said of it.
---@param fn table
---@return string
function annotations.text(fn)
  local lines = { fn.call }
  if fn.doc ~= "" then lines[#lines + 1] = "\n" .. fn.doc end
  for i, param in ipairs(fn.params) do lines[#lines + 1] = (i == 1 and "\n" or "") .. "  " .. value_line(param) end
  for i, value in ipairs(fn.returns) do lines[#lines + 1] = (i == 1 and "\n" or "") .. "  -> " .. value_line(value) end
  return table.concat(lines, "\n") .. "\n"
end

return annotations
