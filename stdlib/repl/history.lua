--- The history of the prompt: what was typed, a line of a private file each, the newest last. Known secrets are masked in it, and what
--- carries credentials by the look of it is not kept at all.
---
---     local past = history.open()                    -- ~/.local/state/sluice/history
---     for _, text in ipairs(past:load()) do editor:add(text) end
---     past:note "shop.sources{}"
local log = require "sluice.log"

local history = { KEPT = 1000 }

---@class sluice.repl.History
---@field path string
local History = {}
History.__index = History

local function default_path()
  local state = os.getenv "XDG_STATE_HOME"
  if not state or state:sub(1, 1) ~= "/" then
    local home = os.getenv "HOME"
    if not home or home == "" then return nil end
    state = home .. "/.local/state"
  end
  return state .. "/sluice/history"
end

--- The history of a file; without one that of the user. Nothing is read yet.
---@param path? string
---@return sluice.repl.History
function history.open(path) return setmetatable({ path = path or default_path() }, History) end

-- ---- what may be kept ----

local own_names = { "api%-key", "^auth$", "authoriz", "basic", "bearer", "cookie", "credential", "passphrase", "pwd" }

-- Whether what is called so is a credential.
local function is_credential(name)
  if require("sluice.run").is_secret(name) then return true end
  for _, word in ipairs(own_names) do
    if name:lower():find(word) then return true end
  end
  return false
end

-- The last word of each part between commas: of `local user, password`, `headers["x-api-key"]`.
local function any_credential(list)
  for part in list:gmatch "[^,]+" do
    local name = part:match "([%w_%-]+)[\"'%]%s]*$"
    if name and is_credential(name) then return true end
  end
  return false
end

-- What gives a value to a name that comes first in it.
local giving = {
  "([%w_%-][%w_%-%s,\"'%]]*)[=~]=*[%s%(]*[\"'%[{]", -- = "…", == "…", = { "…" }
  "[\"']([%w_%-]+)\\?[\"']%s*[:,]%s*\\?[\"']", -- JSON in a text, a list of pairs, f("password", "…")
  "[?&;%s\"']([%w_%-]+)=[^%s=]", -- an address, a command
  "([%w_%-]+):%s+%S", -- a header, YAML in a text
  "([%w_]+)[%s%(]+[\"']", -- set_password "…"
}

-- What is one whatever stands around it.
local looks = { "authorization", "bearer%s+%S", "basic%s+" .. ("[%w+/]"):rep(8), "%-u%s+%S+:%S", "%-%-user[=%s]+%S+:%S", "://[^/%s:]*:[^/%s@]+@" }

--- Whether a text gives a credential: an assignment to what is called like one, a header, an address with one in it.
---@param text string
---@return boolean
function history.carries_credentials(text)
  local plain = text:gsub("<%s*%a+%s*>", "") -- attributes of locals
  for _, pattern in ipairs(giving) do
    for names in plain:gmatch(pattern) do
      if any_credential(names) then return true end
    end
  end
  for _, pattern in ipairs(looks) do
    if text:lower():find(pattern) then return true end
  end
  return false
end

-- A line each: what breaks lines is written as escapes.
local escapes = { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r" }
local meant = { ["\\\\"] = "\\", ["\\n"] = "\n", ["\\r"] = "\r" }

-- ---- the file ----

local function lines_of(path)
  local file = path and io.open(path, "rb")
  if not file then return {} end
  local lines = {}
  for line in file:lines() do
    if line ~= "" then lines[#lines + 1] = line end -- two prompts that write at once may end a line twice
  end
  file:close()
  return lines
end

local function size_of(path) return require("lfs").attributes(path, "size") end

-- The newest ones, written aside and put in the file's place; not where another prompt has added to it meanwhile. `size`: of what was read.
local function shorten(self, lines, size)
  local kept = table.move(lines, #lines - history.KEPT + 1, #lines, 1, {})
  local part = ("%s.%d.part"):format(self.path, require("sluice.process").pid())
  local file = require("sluice.file").append(part, { durable = false })
  if file and file:write(table.concat(kept, "\n") .. "\n") and file:close() and size_of(self.path) == size then os.rename(part, self.path) end
  os.remove(part)
  return kept
end

--- What was typed in earlier sessions, the newest last. A file that has grown to twice what is kept is made shorter.
---@return string[]
function History:load()
  local size, lines = self.path and size_of(self.path), lines_of(self.path)
  if #lines > 2 * history.KEPT then lines = shorten(self, lines, size) end
  local first, entries = math.max(1, #lines - history.KEPT + 1), {}
  for i = first, #lines do entries[#entries + 1] = lines[i]:gsub("\\[\\nr]", meant) end
  return entries
end

--- Adds what was typed. Where the file can't be written that is said once; the session goes on.
---@param text string
---@return boolean noted false where it is not to be kept
function History:note(text)
  if not self.path or text:find "^%s" or history.carries_credentials(text) then return false end
  local line = log.mask(text):gsub("[\\\n\r]", escapes) .. "\n"
  local file, problem = require("sluice.file").append(self.path, { durable = false })
  if file then
    local ok
    ok, problem = file:write(line)
    file:close()
    if ok then return true end
  end
  log.print(("sluice: the history is not kept: %s\n"):format(tostring(problem)))
  self.path = nil
  return false
end

return history
