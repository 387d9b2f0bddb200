-- A terminal for specs: a program in a tmux session of its own, keys that are sent to it, and what stands on its screen.
--
--   local tmux = require "support.tmux"
--   if not tmux.there() then return pending "there is no tmux here" end
--   local t = tmux.start { argv = { "sluice", "repl" }, cwd = dir, columns = 100, rows = 40 }
--   t:wait "> "   t:type "shop:so"   t:keys "Tab"   t:wait "shop:sources"   t:keys "Enter"
--   t:stop()
--
-- Each has a server of its own, so none sees another's. What was waited for must come within a number of looks.
local process = require "sluice.process"
local task = require "sluice.task"
local tmp = require "support.tmp"

local tmux = {}

local LOOKS, PAUSE = 1000, 0.02

local Terminal = {}
Terminal.__index = Terminal

--- Whether there is a tmux.
function tmux.there() return process.find "tmux" ~= nil end

local function ask(self, ...)
  return assert(process.run { argv = { "tmux", "-S", self.socket, "-f", "/dev/null", ... }, timeout = 30 })
end

local function must(self, ...)
  local done = ask(self, ...)
  assert(done.status == 0, ("tmux %s: %s"):format((...), done.stderr))
  return done.stdout
end

--- Starts a program: { argv, cwd?, env? = { NAME = "value" }, columns?, rows? }. Its last screen stays when it ends.
function tmux.start(o)
  local self = setmetatable({ socket = tmp.dir() .. "/tmux", cwd = o.cwd }, Terminal)
  local words = { "new-session", "-d", "-x", tostring(o.columns or 100), "-y", tostring(o.rows or 40) }
  if o.cwd then table.move({ "-c", o.cwd }, 1, 2, #words + 1, words) end
  local argv = { "env", "-u", "TMUX", "TERM=screen-256color" }
  for key, value in pairs(o.env or {}) do argv[#argv + 1] = key .. "=" .. value end
  table.move(argv, 1, #argv, #words + 1, words)
  table.move(o.argv, 1, #o.argv, #words + 1, words)
  for _, option in ipairs { { "remain-on-exit", "on" }, { "history-limit", "20000" } } do
    table.move({ ";", "set-option", "-g", option[1], option[2] }, 1, 5, #words + 1, words)
  end
  must(self, table.unpack(words))
  return self
end

--- Sends text as it is.
function Terminal:type(text) must(self, "send-keys", "-l", "--", text) end

--- Pastes text, with the marks around it where the program has asked for them.
function Terminal:paste(text)
  must(self, "set-buffer", "--", text)
  must(self, "paste-buffer", "-p")
end

--- Sends keys by tmux's names: "Tab", "Enter", "C-c", "Up".
function Terminal:keys(...) must(self, "send-keys", ...) end

--- A line and Enter.
function Terminal:line(text)
  self:type(text)
  self:keys "Enter"
end

--- The screen's lines, what has scrolled out of it included.
function Terminal:screen() return (must(self, "capture-pane", "-p", "-J", "-S", "-"):gsub("%s+$", "")) end

--- What came since `mark`.
function Terminal:since() return self:screen():sub((self.from or 0) + 1) end

--- What is waited for from now on must come behind what is there.
function Terminal:mark() self.from = #self:screen() end

--- Looks again and again until something is so: whether it came to that.
function Terminal:wait_for(so)
  for _ = 1, LOOKS do
    if so(self) then return true end
    task.sleep(PAUSE)
  end
  return false
end

--- Waits until a text (`pattern`: a Lua pattern) stands behind the mark; gives what stands there. Blanks at a line's end are not seen.
--- An error shows the screen.
function Terminal:wait(text, pattern)
  if not pattern then text = text:gsub("%s+$", "") end
  local found
  local came = self:wait_for(function()
    found = self:since()
    return found:find(text, 1, not pattern)
  end)
  return came and found or error(("%q did not come; the screen is\n%s"):format(text, self:screen()), 2)
end

-- A tmux may miss that its child has ended: the end of another one lets it look.
local function status_of(self)
  local status = must(self, "display-message", "-p", "#{?pane_dead,dead #{pane_dead_status},}"):match "^dead (%d*)"
  if status == "" then ask(self, "run-shell", "true") end
  return tonumber(status)
end

--- Waits until the program has ended; its exit status.
function Terminal:ended()
  local status
  local came = self:wait_for(function()
    status = status_of(self)
    return status
  end)
  return came and status or error("it has not ended; the screen is\n" .. self:screen(), 2)
end

--- Ends it, whatever it does.
function Terminal:stop() ask(self, "kill-server") end

return tmux
