--- HTML as values. Text is escaped wherever it comes from; there is no way to put markup in as text.
---
---     local el = html.el
---     html.render(el.p { class = "note", "1 < 2, says ", el.b { name } })     -- <p class="note">1 &lt; 2, says <b>…</b></p>
---
--- An element is called with one table: names are attributes (true: without a value; nil and false: left out), numbers are
--- its children (texts, numbers, elements, lists of them; nil and false: left out).
local err = require "sluice.err"

local html = {}

---@class sluice.page.Node what an element gives; `[1]` is its markup
local Node = {}
Node.__index, Node.__name = Node, "sluice.page.node"

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

-- Marks that turn the direction of what follows: a name must not make its neighbours read backwards.
local BIDI = "\xE2\x80[\xAA-\xAE]"
local ISOLATES = "\xE2\x81[\xA6-\xA9]"

--- Text from anywhere as text that can be shown: what is a control character, turns the direction of writing, or is no UTF-8
--- becomes U+FFFD.
---@param text any
---@return string
function html.clean(text)
  local clean = tostring(text):gsub("[%z\1-\8\11\12\14-\31\127]", "\u{FFFD}")
  if not clean:find "[\x80-\xff]" then return clean end
  if not utf8.len(clean) then return (clean:gsub("[\x80-\xff]", "\u{FFFD}")) end
  return (clean:gsub(BIDI, "\u{FFFD}"):gsub(ISOLATES, "\u{FFFD}"):gsub("\xC2[\x80-\x9F]", "\u{FFFD}"))
end

--- Text as it stands in a document, in quotes too.
---@param text any
---@return string
function html.escape(text) return (html.clean(text):gsub("[&<>\"']", ENTITIES)) end

local function is_node(value) return getmetatable(value) == Node end

-- The highest number among the keys: children may have gaps, where a condition was nil.
local function last_of(list)
  local last = 0
  for key in pairs(list) do
    if math.type(key) == "integer" and key > last then last = key end
  end
  return last
end

local function put(out, child)
  if child == nil or child == false then return end
  if is_node(child) then out[#out + 1] = child[1] return end
  if type(child) ~= "table" then out[#out + 1] = html.escape(child) return end
  for i = 1, last_of(child) do put(out, child[i]) end
end

-- Addresses lead to this page alone, so that a name from elsewhere never becomes a `javascript:` or another site.
local ADDRESSES = { href = true, src = true, action = true, ["data-events"] = true }

local function check_address(name, value)
  if value:find "^[/#?]" and not value:find "^/[/\\]" then return end
  err.raise { code = "internal", message = ("an address of the page begins with /, ? or #: %s=%s"):format(name, value) }
end

local function attributes(options)
  local names, out = {}, {}
  for key, value in pairs(options) do
    if type(key) == "string" and value ~= false then names[#names + 1] = key end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = options[name]
    if name:find "^on" or name == "style" or not name:find "^[%a][%w-]*$" then
      err.raise { code = "internal", message = ("'%s' is no attribute of this page"):format(name) }
    end
    if ADDRESSES[name] then check_address(name, value) end
    out[#out + 1] = value == true and " " .. name or (' %s="%s"'):format(name, html.escape(value))
  end
  return table.concat(out)
end

local VOID = { input = true, meta = true, link = true, br = true, hr = true, img = true, rect = true, path = true, circle = true }

local function element(name)
  return function(options)
    local out = { "<" .. name .. attributes(options) .. ">" }
    if not VOID[name] then
      for i = 1, last_of(options) do put(out, options[i]) end
      out[#out + 1] = "</" .. name .. ">"
    elseif name == "rect" or name == "path" or name == "circle" then
      out[1] = out[1]:sub(1, -2) .. "/>"
    end
    return setmetatable({ table.concat(out) }, Node)
  end
end

--- Functions that make elements, by name: html.el.td { … }.
---@type table<string, fun(options: table): sluice.page.Node>
html.el = setmetatable({}, { __index = function(self, name)
  self[name] = element(name)
  return self[name]
end })

--- The markup of a node, a text, or a list of them.
---@param value any
---@return string
function html.render(value)
  local out = {}
  put(out, value)
  return table.concat(out)
end

--- A part of a path, or a value of a query.
---@param text any
---@return string
function html.url(text)
  return (tostring(text):gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

return html
