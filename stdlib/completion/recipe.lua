--- The arguments that a recipe declares, read off its text: pressing TAB runs nobody's script.
---
---   recipe.arguments "scripts/delta_feed.lua"     { from = { type = "connection", doc = "…" }, … }
---
--- Of what stands in its `args = { … }`, plain values are understood whole, of others the name and the first text in them.
local recipe = {}

local MAX_BYTES = 256 * 1024

-- The length of the string or comment that begins at a place; nil where there is none.
local function quoted(text, at)
  local level = text:match("^%[(=*)%[", at) or text:match("^%-%-%[(=*)%[", at)
  if level then
    local _, last = text:find("]" .. level .. "]", at, true)
    return (last or #text) - at + 1
  end
  if text:find("^%-%-", at) then return (text:find("\n", at, true) or #text) - at + 1 end
  local mark = text:match("^[\"']", at)
  if not mark then return nil end
  local i = at + 1
  while i <= #text and text:sub(i, i) ~= mark do i = i + (text:sub(i, i) == "\\" and 2 or 1) end
  return i - at + 1
end

-- The fields of the table constructor that begins at a place, as pieces of text.
local function fields_at(text, at)
  local list, depth, from, i = {}, 0, at + 1, at
  while i <= #text do
    local length, char = quoted(text, i), text:sub(i, i)
    if not length and char:find "[{(]" then depth = depth + 1 end
    if not length and char:find "[})]" then depth = depth - 1 end
    if depth == 0 or depth == 1 and not length and char:find "[,;]" then
      list[#list + 1], from = text:sub(from, i - 1), i + 1
      if depth == 0 then return list end
    end
    i = i + (length or 1)
  end
  return {}
end

local function has_brackets(text)
  local i = 1
  while i <= #text do
    local length = quoted(text, i)
    if not length and text:find("^[()]", i) then return true end
    i = i + (length or 1)
  end
  return false
end

-- What a declaration is: names are nil in it and nothing is called, so only a plain one has a value.
local function value_of(text)
  local chunk = not has_brackets(text) and load("return " .. text, "=args", "t", {})
  local ok, value = pcall(chunk or error)
  return ok and value or nil
end

-- A field without the comments before it.
local function skipped(field)
  while true do
    field = field:match "^%s*(.*)$"
    if not field:find "^%-%-" then return field end
    field = field:sub(quoted(field, 1) + 1)
  end
end

-- An argument that is made by a function of the file is known by its name, and by the first text that the function gets.
local function declared(name, text)
  local value = value_of(text)
  local ok, arg = pcall(require("sluice.argument").declare, name, value)
  if value ~= nil and ok then return arg end
  return { type = "text", doc = text:match "\"([^\"]*)\"" or text:match "'([^']*)'" }
end

--- The declared arguments of a text, as sluice.argument knows them.
---@param text string
---@return table<string, table>
function recipe.of(text)
  local start = text:find "recipe%s*%(?%s*{"
  local _, at = text:find("%f[%w_]args%s*=%s*{", start or #text)
  local list = {}
  for _, field in ipairs(start and at and fields_at(text, at) or {}) do
    field = skipped(field)
    local name, value = field:match "^%s*([%a_][%w_]*)%s*=%s*(.*)$"
    if not name then name, value = field:match "^%s*%[%s*[\"']([%w_-]+)[\"']%s*%]%s*=%s*(.*)$" end
    if name then list[name] = declared(name, value) end
  end
  return list
end

--- Those of a file; none where it can't be read.
---@param path string
---@return table<string, table>
function recipe.arguments(path)
  local file = io.open(path, "rb")
  local text = file and file:read(MAX_BYTES)
  if file then file:close() end
  return recipe.of(text or "")
end

return recipe
