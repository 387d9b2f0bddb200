-- What a page shows as a terminal (`$ command` and what comes) is done as it stands, and compared with what the page has.
--
--   local walk = require("support.walkthrough").new { dir = dir, env = { DEPOT_KEY = "x" } }
--   for _, step in ipairs(walk.steps(text)) do walk:check(step) end
--
-- In what a page shows, … is any text of a line, and a line that is … alone any number of lines.
local lfs = require "lfs"
local process = require "sluice.process"

local walkthrough = {}

local Walk = {}
Walk.__index = Walk

--- `env`: variables; `dir`: where commands run. `sluice` is the one that was built.
function walkthrough.new(o)
  local build = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build")
  local env = { "env", "PATH=" .. build .. ":" .. os.getenv "PATH", "XDG_STATE_HOME=" .. o.dir .. "/.shared" }
  for name, value in pairs(o.env or {}) do env[#env + 1] = name .. "=" .. value end
  return setmetatable({ dir = o.dir, env = env }, Walk)
end

--- The fenced blocks of a page in order: { kind, text }.
function walkthrough.blocks(page)
  local list = {}
  for kind, text in page:gmatch "\n```(%w*)\n(.-)\n```" do list[#list + 1] = { kind = kind, text = text } end
  return list
end

--- The block whose text begins so.
function walkthrough.block(page, kind, first)
  for _, block in ipairs(walkthrough.blocks(page)) do
    if block.kind == kind and block.text:sub(1, #first) == first then return block.text .. "\n" end
  end
  error("no block begins with " .. first)
end

--- The steps of a block: { command, output }. A command that ends with \ goes on on the next line.
function walkthrough.steps(text)
  local steps = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local command, last = line:match "^%$ (.*)$", steps[#steps]
    if command then steps[#steps + 1] = { command = command, lines = {} }
    elseif last and #last.lines == 0 and last.command:find "\\$" then last.command = last.command .. "\n" .. line
    elseif last then table.insert(last.lines, line) end
  end
  return steps
end

local function pattern_of(line)
  return "^" .. line:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("…", ".-"):gsub("%s+$", "") .. "%s*$"
end

-- Whether lines from a on are what is expected from e on.
local function agrees(lines, a, expected, e)
  if e > #expected then return a > #lines end
  if expected[e] ~= "…" then
    return lines[a] ~= nil and lines[a]:find(pattern_of(expected[e])) ~= nil and agrees(lines, a + 1, expected, e + 1)
  end
  for from = a, #lines + 1 do
    if agrees(lines, from, expected, e + 1) then return true end
  end
  return false
end

--- The lines of a text.
function walkthrough.lines(text)
  local lines = {}
  if text == "" then return lines end
  for line in (text:gsub("\n+$", "") .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

--- Whether a text is what a page shows.
function walkthrough.agrees(text, expected) return agrees(walkthrough.lines(text), 1, expected, 1) end

--- The words that run a command as a shell would that has run those before it: its variables are there.
function Walk:argv(command)
  local argv = { table.unpack(self.env) }
  local script = "exec 2>&1\n[ -f .shell ] && . ./.shell\nset -a\n" .. command .. "\nended=$?\nexport -p > .shell\nexit $ended"
  return table.move({ "sh", "-c", script }, 1, 3, #argv + 1, argv)
end

--- Runs a command: standard output and error as a terminal shows them, and the status.
function Walk:run(command)
  local done = assert(process.run { argv = self:argv(command), cwd = self.dir, timeout = 100 })
  return done.stdout, done.status
end

--- Runs a step; an error shows what came where it is not what the page has.
function Walk:check(step)
  local output, status = self:run(step.command)
  if not walkthrough.agrees(output, step.lines) then
    error(("$ %s\ngives (status %d)\n%s\nthe page has\n%s"):format(step.command, status, output, table.concat(step.lines, "\n")), 2)
  end
  return output, status
end

return walkthrough
