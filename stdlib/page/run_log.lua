--- Reads the log file of a run: its end for the page, and what was added since.
---
---     local lines, stop, cut = run_log.tail(path, 200000)      -- { { at = "10:00:00", stream = "out", text = "…" }, … }
---     lines, stop = run_log.from(path, stop)
local run_log = {}

local MOST = 65536 -- bytes that are read at once

local function open(path)
  local file = path and io.open(path, "rb")
  return file, file and file:seek "end" or 0
end

---@class sluice.page.Line
---@field at? string time of day
---@field stream "out"|"err"|"note" note: what the daemon says in between
---@field text string

---@param line string
---@return sluice.page.Line
function run_log.line(line)
  local at, stream, text = line:match "^%d+%-%d+%-%d+T(%d+:%d+:%d+)%S* (%l+) ?(.*)$"
  if stream == "out" or stream == "err" then return { at = at, stream = stream, text = text } end
  return { stream = "note", text = line }
end

-- Whole lines of a piece of the file, and where the next piece begins.
local function lines_of(bytes, start)
  local list, last = {}, 0
  for line, stop in bytes:gmatch "([^\n]*)\n()" do
    list[#list + 1] = run_log.line(line)
    last = stop - 1
  end
  return list, start + last
end

--- The last `bytes` of it, from the beginning of a line on.
---@param path? string
---@param bytes integer
---@return sluice.page.Line[] lines none where there is no file (yet)
---@return integer stop where the next read begins
---@return boolean cut there is more before
function run_log.tail(path, bytes)
  local file <close>, size = open(path)
  if not file then return {}, 0, false end
  local start = math.max(0, size - bytes)
  file:seek("set", start)
  local piece = file:read(bytes) or ""
  if start > 0 then
    local first = piece:find("\n", 1, true) or 0
    piece, start = piece:sub(first + 1), start + first
  end
  local list, stop = lines_of(piece, start)
  return list, stop, start > 0
end

--- What was added behind `start`, 64 kB at most. A file that is shorter than that was made shorter (the middle of a long
--- log is left out): it is read from its beginning then.
---@param path? string
---@param start integer
---@return sluice.page.Line[] lines
---@return integer stop
---@return boolean again it begins anew
function run_log.from(path, start)
  local file <close>, size = open(path)
  if not file then return {}, start, false end
  local again = size < start
  if again then start = 0 end
  file:seek("set", start)
  local list, stop = lines_of(file:read(MOST) or "", start)
  return list, stop, again
end

return run_log
