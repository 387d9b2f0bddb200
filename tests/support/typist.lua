-- Types what a page shows of the prompt at a real one, in a terminal of its own, and compares the screen with the page.
--
--   local typist = require("support.typist").start { argv = walk:argv "exec sluice repl", cwd = dir }
--   typist:check("> 1 + 1\n2\n> .quit", "> ")      -- behind the block stands this prompt; nil: it has ended
--   typist:stop()
--
-- In a block `> ` and `>> ` are the prompt, a line that is ^C alone is Ctrl-C, ⇥ at a line's end is TAB: the line goes on with the next
-- one, which has at least what stands there then. What is behind a question that ends in `] ` is the answer. … is as in
-- support/walkthrough.lua, and how long something took and waited is not compared.
local tmux = require "support.tmux"
local walkthrough = require "support.walkthrough"

local typist = {}

local Typist = {}
Typist.__index = Typist

--- As tmux.start; waits for the first prompt. What stood above it is `head`.
function typist.start(o)
  local self = setmetatable({ terminal = tmux.start(o) }, Typist)
  local _, seen = pcall(self.terminal.wait, self.terminal, "%f[^\n\0]>%s*$", true)
  if not seen:find "%f[^\n\0]>%s*$" then
    self:stop()
    error(seen, 0)
  end
  self.head = seen:gsub("\n?>%s*$", "")
  self.terminal:mark()
  return self
end

-- A line as a terminal has it: how long something took is not compared, and a tab goes to the next eighth column.
local function as_shown(line)
  line = line:gsub("^%d+%.%d%d s, ", "… s,… ")
  while line:find "\t" do
    line = line:gsub("^([^\t]*)\t", function(before) return before .. (" "):rep(8 - #before % 8) end)
  end
  return line
end

--- The steps of a block: { prompt, typed, tab, lines, answers: what is typed behind which of the lines }.
function typist.steps(text)
  local steps = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local prompt, typed = line:match "^(>>?) ?(.*)$"
    local last = steps[#steps]
    if prompt then
      local word = typed:match "^(.*)⇥$"
      steps[#steps + 1] = { prompt = prompt, typed = word or typed, tab = word ~= nil, lines = {}, answers = {} }
    else
      local question, answer = line:match "^(.*%]) (%S+)$"
      if line == "^C" then last.answers[#last.answers + 1] = { line = #last.lines }
      elseif question then last.answers[#last.answers + 1] = { line = #last.lines, question = question, text = answer } end
      last.lines[#last.lines + 1] = as_shown(line)
    end
  end
  return steps
end

-- Waits until behind the mark stands what is expected.
local function wait(self, expected, step)
  local seen
  local looks = function()
    seen = self.terminal:since()
    return walkthrough.agrees(seen, expected)
  end
  if self.terminal:wait_for(looks) then return end
  error(("> %s\ngives\n%s\nthe page has\n%s"):format(step.typed, seen, table.concat(expected, "\n")), 0)
end

local function lines_until(first, step, last)
  return table.move(step.lines, 1, last, 2, { first })
end

-- Behind TAB: what stands on the prompt's line then, which is the beginning of the next step's.
local function complete(self, first, step, following)
  self.terminal:keys "Tab"
  local stands, before
  local found = self.terminal:wait_for(function()
    local seen = self.terminal:since()
    local quiet = seen == before
    before = seen
    stands = #step.lines > 0 and seen:match "\n>>? ([^\n]*)$" or seen:sub(#first - #step.typed + 1)
    if #stands < #step.typed or stands == step.typed and #step.lines == 0 or following.typed:sub(1, #stands) ~= stands then return false end
    if #step.lines == 0 then return quiet end
    return quiet and walkthrough.agrees(seen, table.move({ step.prompt .. " " .. stands }, 1, 1, #step.lines + 2,
      lines_until(first, step, #step.lines)))
  end)
  if not found then
    error(("> %s⇥\ngives\n%s\nthe page has\n%s\n%s %s"):format(step.typed, self.terminal:since(), table.concat(step.lines, "\n"), following.prompt,
      following.typed), 0)
  end
  self.terminal:mark()
  self.there = stands
end

-- Does a step; `following` is the prompt's mark behind it, or the step that goes on with its line.
local function take(self, step, following, go_on)
  local rest = step.typed:sub(#self.there + 1)
  local first = (self.there == "" and rest ~= "" and " " or "") .. rest
  self.there = ""
  self.terminal:type(rest)
  if step.tab then return complete(self, first, step, go_on) end
  self.terminal:keys "Enter"
  for _, answer in ipairs(step.answers) do
    local expected = lines_until(first, step, answer.line)
    if answer.question then expected[#expected + 1] = answer.question end
    wait(self, expected, step)
    if answer.question then self.terminal:line(answer.text) else self.terminal:keys "C-c" end
  end
  if not following then return end
  wait(self, table.move({ following }, 1, 1, #step.lines + 2, lines_until(first, step, #step.lines)), step)
  self.terminal:mark()
end

--- Does a block. `behind`: the prompt that stands behind it; nil where the session has ended.
function Typist:check(text, behind)
  local steps = typist.steps(text)
  self.there = ""
  for i, step in ipairs(steps) do
    local following = steps[i + 1]
    take(self, step, following and following.prompt or not following and behind and behind:match "%S+" or nil, following)
  end
  return #steps
end

--- Waits until it has ended; the status.
function Typist:ended() return self.terminal:ended() end

function Typist:stop() self.terminal:stop() end

return typist
