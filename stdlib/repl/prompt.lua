--- The prompt on a terminal: lines become chunks, TAB completes, Ctrl-C gives a line up, and the history is kept.
---
---     local prompt <close> = assert(prompts.open(session))
---     local text = prompt:read()               -- a chunk, `?name` or `.command`; nil: the end
local chunk = require "sluice.repl.chunk"
local core = require "sluice.core"

local prompts = { FIRST = "> ", MORE = ">> " }

local NOTED, GAP = 12, 2 -- so many words are shown with what they are; blanks between columns

---@class sluice.repl.Prompt
---@field editor sluice.Editor
local Prompt = {}
Prompt.__index = Prompt

--- Opens the terminal.
---@param session sluice.repl.Session
---@return sluice.repl.Prompt?
---@return sluice.Error? err where it can't be used
function prompts.open(session)
  local editor, problem = require("sluice.edit").open { history = 2000 }
  if not editor then return nil, problem end
  return setmetatable({ session = session, editor = editor, lines = {} }, Prompt)
end

-- ---- history ----

--- Reads the history; not before the prompt is there, for which nobody wants to wait.
function Prompt:remember()
  if self.past then return end
  self.past = require("sluice.repl.history").open()
  for _, text in ipairs(self.past:load()) do self.editor:add(text) end
end

local function typed(self, text)
  self:remember()
  if not text:find "%S" then return end
  self.editor:add(text)
  self.fresh = text
end

--- Keeps what was typed last: by now the secrets of the connections that it used are known.
function Prompt:keep()
  if self.fresh then self.past:note(self.fresh) end
  self.fresh = nil
end

-- ---- completion ----

-- What all words begin with, whole characters.
local function common_start(words)
  local first, last = words[1], words[#words] -- sorted
  local n = 0
  while n < #first and first:byte(n + 1) == last:byte(n + 1) do n = n + 1 end
  while n > 0 and n < #first and first:byte(n + 1) & 0xC0 == 0x80 do n = n - 1 end
  return first:sub(1, n)
end

local function with_notes(found, columns)
  local width = require "sluice.repl.width"
  local widest, lines = 0, {}
  for _, word in ipairs(found.words) do widest = math.max(widest, width.of(word)) end
  for i, word in ipairs(found.words) do
    local note = (found.notes[i] or ""):gsub("%s+", " ")
    local line = word .. (" "):rep(widest - width.of(word) + GAP) .. note
    lines[i] = (width.cut(line, columns - 1):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function in_columns(words, columns)
  local width = require "sluice.repl.width"
  local widest, lines = 1, {}
  for _, word in ipairs(words) do widest = math.max(widest, width.of(word) + GAP) end
  local across = math.max(1, columns // widest)
  local down = (#words + across - 1) // across
  for i, word in ipairs(words) do
    local row = (i - 1) % down + 1
    lines[row] = (lines[row] or "") .. word .. (" "):rep(widest - width.of(word))
  end
  for i, line in ipairs(lines) do lines[i] = line:gsub("%s+$", "") end
  return table.concat(lines, "\n") .. "\n"
end

--- What is shown where several words may stand at the cursor.
---@param found { words: string[], notes?: string[] }
---@param columns integer
---@return string
function prompts.choices(found, columns)
  if found.notes and #found.words <= NOTED then return with_notes(found, columns) end
  return in_columns(found.words, columns)
end

--- TAB: puts in what all candidates have in common, or shows them. In front of a line that goes on it indents.
---@param text string the line
---@param cursor integer
function Prompt:complete(text, cursor)
  if #self.lines > 0 and not text:sub(1, cursor):find "%S" then return self.editor:insert "  " end
  local ok, problem = pcall(self.session.ready, self.session)
  if not ok then self.session.late = self.session.late or problem end -- the next chunk says it
  local before = #self.lines > 0 and table.concat(self.lines, "\n") .. "\n" or ""
  local found = require("sluice.repl.complete").candidates(self.session, before .. text, #before + cursor)
  if #found.words == 0 or found.from <= #before then return end
  local word = text:sub(found.from - #before, cursor)
  local start = common_start(found.words)
  if #found.words == 1 or (#start > #word and start:sub(1, #word) == word) then return self.editor:insert(start, #word) end
  self.editor:show(prompts.choices(found, core.columns()))
end

-- ---- reading ----

-- The next line; nil and what came instead.
local function line_of(self, prompt)
  while true do
    local what, text, cursor = self.editor:read(prompt)
    if what == "complete" then self:complete(text, cursor)
    elseif what == "line" then return text
    else return nil, what end
  end
end

-- Whether a first line is for the prompt itself.
local function is_command(text) return text:find "^%s*%.%a" ~= nil or text:find "^%s*%?" ~= nil end

--- The next chunk, `?name` or `.command`; nil at the end. (waits)
---@return string?
function Prompt:read()
  self:keep()
  while true do
    local text, instead = line_of(self, #self.lines == 0 and prompts.FIRST or prompts.MORE)
    if not text then
      if instead == "eof" and #self.lines == 0 then return nil end
      self.lines = {}
    else
      self.lines[#self.lines + 1] = text
      local whole = table.concat(self.lines, "\n")
      local first = #self.lines == 1 and is_command(text)
      local state = first and "complete" or chunk.state(whole)
      if state ~= "open" then self.lines = {} end
      if state == "complete" or state == "wrong" then
        typed(self, whole)
        return whole
      end
    end
  end
end

--- Asks a person; nil where they gave the line up. What was typed or pasted before the question is no answer to it. (waits)
---@param question string
---@return string?
function Prompt:ask(question)
  local editor = self.editor
  editor:forget()
  while true do
    local what, text = editor:read(question)
    if what == "line" and editor:pasted() then editor:forget()
    elseif what ~= "complete" then return what == "line" and text or nil end
  end
end

--- Gives the terminal back.
function Prompt:close()
  if self.past then self:keep() end
  self.editor:close()
end

Prompt.__close = Prompt.close

return prompts
