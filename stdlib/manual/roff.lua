--- Writes a manual page in roff with the man macros, for mandoc and groff alike.
---
---   local page = roff.new { name = "sluice", section = 1, about = "moves records between commerce APIs" }
---   page:heading "OPTIONS"
---   page:item("--limit N", "so many, `N` at least 1")
---   io.write(page:finish())
---
--- Text is UTF-8; words in backquotes come out bold; lines that are indented by four are an example, as in Markdown.
local version = require "sluice.version"

local roff = {}

local Page = {}
Page.__index = Page

local WIDTH = 78

-- Characters that roff has a meaning for, and those that are not ASCII.
local function escaped(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("%^", "\\(ha"):gsub("~", "\\(ti"):gsub("'", "\\(aq")
  return (text:gsub("[\xC2-\xF4][\x80-\xBF]+", function(char) return ("\\[u%04X]"):format(utf8.codepoint(char)) end))
end

-- A line must not begin with a mark of a request.
local function guarded(line) return line:find "^[.']" and "\\&" .. line or line end

-- `code` as bold words, the rest as it is; a backquote that is not closed stays.
local function inline(text)
  local parts, at = {}, 1
  while true do
    local from, to, code = text:find("`([^`\n]+)`", at)
    parts[#parts + 1] = escaped(text:sub(at, (from or #text + 1) - 1):gsub("`", "'"))
    if not from then return table.concat(parts) end
    parts[#parts + 1] = "\\fB" .. escaped(code):gsub(" ", "\1") .. "\\fR" -- stays in one piece where the line is wrapped
    at = to + 1
  end
end

local function add(self, line) self.lines[#self.lines + 1] = line end

-- Wrapped lines of filled text.
local function fill(self, text)
  local line = ""
  for word in inline(text):gmatch "[^ \t\n]+" do
    word = word:gsub("\1", " ")
    if line ~= "" and #line + #word + 1 > WIDTH then
      add(self, guarded(line))
      line = word
    else line = line == "" and word or line .. " " .. word end
  end
  if line ~= "" then add(self, guarded(line)) end
end

---@param head { name: string, section: integer, about: string }
function roff.new(head)
  local self = setmetatable({ lines = {} }, Page)
  add(self, ".\\\" Made by `make docs`: what is wrong here is put right where it is said.")
  add(self, (".TH %s %d %s \"sluice %s\" \"sluice\""):format(head.name:upper():gsub("%-", "\\-"), head.section, version.date, version.text))
  add(self, ".ad l")
  self:heading "NAME"
  add(self, escaped(head.name) .. " \\- " .. inline(head.about))
  return self
end

---@param title string
function Page:heading(title) add(self, ".SH " .. escaped(title:find " " and '"' .. title .. '"' or title)) end

---@param title string
function Page:subheading(title) add(self, ".SS " .. escaped(title:find " " and '"' .. title .. '"' or title)) end

function Page:paragraph()
  if not self.lines[#self.lines]:find "^%.S[HS] " then add(self, ".PP") end -- a heading has its own
end

--- Lines as they are.
---@param lines string[]
function Page:example(lines)
  self:paragraph()
  add(self, ".nf")
  add(self, ".RS 2")
  for _, line in ipairs(lines) do add(self, guarded(escaped(line))) end
  add(self, ".RE")
  add(self, ".fi")
end

-- Columns that text has been set in by hand: two spaces within a line.
local function is_set(lines)
  for _, line in ipairs(lines) do
    if line:find "%S%s%s+%S" then return true end
  end
  return false
end

--- Paragraphs with empty lines between; examples among them.
---@param text string
---@param within? boolean below an item: the first paragraph follows at once
function Page:text(text, within)
  for paragraph in (text:gsub("\n+$", "") .. "\n\n"):gmatch "(.-)\n\n+" do
    local lines, example = {}, true
    for line in (paragraph .. "\n"):gmatch "([^\n]*)\n" do
      lines[#lines + 1] = line
      example = example and line:find "^    " ~= nil
    end
    if example then
      for i, line in ipairs(lines) do lines[i] = line:sub(5) end
    end
    if example or is_set(lines) then self:example(lines)
    elseif paragraph:find "%S" then
      if not within then self:paragraph() end
      fill(self, paragraph)
    end
    within = false
  end
end

--- A word and what it means.
---@param term string
---@param text string
function Page:item(term, text)
  add(self, ".TP")
  add(self, "\\fB" .. guarded(escaped(term)) .. "\\fR")
  if text:find "%S" then self:text(text, true) else add(self, "\\&") end
end

--- Items within an item.
---@param fn fun()
function Page:within(fn)
  add(self, ".RS")
  fn()
  add(self, ".RE")
end

---@return string roff
function Page:finish() return table.concat(self.lines, "\n") .. "\n" end

return roff
