--- Reads the log of a run (serve/run_log.lua), from an offset on and as it grows. Offsets count what was ever written, so
--- that one stays right when the log is shortened meanwhile: nothing comes twice, and what was left out is said.
---
---     local reader = log_reader.open(path, -20000)              -- the last 20 kB
---     for _, line in ipairs(reader:lines()) do print(line.at, line.stream, line.text) end
---     save(reader.offset)
---
---     for line in log_reader.follow(path, { over = function() return not store:run_alive(id) end }) do print(line.text) end
local run_log = require "sluice.serve.run_log"

local log_reader = {}

local MOST = 64 << 10 -- bytes that are read at once
local LONGEST = 1 << 20 -- a line that is longer is no line of ours: it is cut
local POLL = 0.2

---@class sluice.LogLine
---@field at? string its time, RFC 3339; nil where the line is not of our form
---@field stream "out"|"err"|"note" note: what we say in between
---@field text string

---@class sluice.LogReader
---@field path string
---@field offset integer where it goes on
---@field cut boolean there is more before the first line that it gave
local Reader = {}
Reader.__index, Reader.__name = Reader, "sluice.logreader"

--- A line of the file.
---@param line string
---@return sluice.LogLine
function log_reader.line(line)
  local at, stream, text = line:match "^(%d+%-%d+%-%d+T[%d:.]+Z) (%l+) ?(.*)$"
  if stream == "out" or stream == "err" or stream == "note" then return { at = at, stream = stream, text = text } end
  return { stream = "note", text = line }
end

-- Where in the file something was left out, if so: { at, size, bytes }.
local function find_gap(file)
  local at = 0
  file:seek "set"
  for line in file:lines "L" do
    local bytes = line:find(" note … ", 1, true) and select(2, run_log.gap(line:sub(1, -2)))
    if bytes then return { at = at, size = #line, bytes = bytes } end
    at = at + #line
  end
end

-- The place in the file of an offset; an offset within what was left out is the place where that is said.
local function place_of(gap, offset)
  if not gap or offset <= gap.at then return offset end
  if offset < gap.at + gap.bytes then return gap.at end
  return offset - gap.bytes + gap.size
end

local function offset_of(gap, place)
  if not gap or place <= gap.at then return place end
  return place - gap.size + gap.bytes
end

-- From the end: the beginning of a line.
local function place_before_end(file, size, bytes)
  local place = math.max(0, size - bytes)
  if place == 0 then return 0 end
  file:seek("set", place - 1)
  local _ = file:read "L"
  return file:seek()
end

-- Opens the file where the offset is. A file that is younger than our last look is opened again then.
local function open(self)
  local lfs = require "lfs"
  self.inode = lfs.attributes(self.path, "ino")
  self.file = self.inode and io.open(self.path, "rb")
  if not self.file then return false end
  local size = self.file:seek "end"
  self.gap = self.offset ~= 0 and find_gap(self.file) or nil
  if self.offset < 0 then
    self.place = place_before_end(self.file, size, -self.offset)
    self.cut = self.place > 0
    self.offset = offset_of(self.gap, self.place)
  else
    self.place = place_of(self.gap, self.offset)
  end
  return true
end

--- Opens a log, which need not be there yet. `from`: an offset (0, the default, is the beginning), or so many bytes before
--- the end where it is negative.
---@param path string
---@param from? integer
---@return sluice.LogReader
function log_reader.open(path, from)
  return setmetatable({ path = path, offset = from or 0, cut = (from or 0) > 0 }, Reader)
end

-- Whole lines behind the place: their bytes, "" where there are none yet.
local function read_whole(self)
  for most = MOST, LONGEST, MOST do
    self.file:seek("set", self.place)
    local bytes = self.file:read(most) or ""
    local last = bytes:match ".*()\n"
    if last then return bytes:sub(1, last) end
    if #bytes < most then return "" end
    if most == LONGEST then return bytes end
  end
end

-- Our file was replaced, and we have read it to its end.
local function replaced(self)
  return require("lfs").attributes(self.path, "ino") ~= self.inode
end

-- The lines of what was read; a gap among them says how offsets go on behind it.
local function take(self, bytes)
  local list = {}
  local text = bytes:sub(-1) == "\n" and bytes or bytes .. "\n"
  for start, line in text:gmatch "()([^\n]*)\n" do
    local _, left_out = run_log.gap(line)
    if left_out then self.gap = { at = self.place + start - 1, size = #line + 1, bytes = left_out } end
    list[#list + 1] = log_reader.line(line)
  end
  self.place = self.place + #bytes
  self.offset = offset_of(self.gap, self.place)
  return list
end

--- What is new: some 64 KiB of lines at most, none where there is nothing (yet).
---@return sluice.LogLine[]
function Reader:lines()
  if not self.file and not open(self) then return {} end
  local bytes = read_whole(self)
  if bytes == "" and replaced(self) then
    self:close()
    if not open(self) then return {} end
    bytes = read_whole(self)
  end
  return bytes == "" and {} or take(self, bytes)
end

--- Closes the file; `lines` opens it again.
function Reader:close()
  if self.file then self.file:close() end
  self.file = nil
end

--- Lines as they come, until `over()` says that none will follow and all were given. (waits)
---@param path string
---@param options { over: (fun(): boolean), from?: integer, poll?: number }
---@return fun(): sluice.LogLine?
function log_reader.follow(path, options)
  local task = require "sluice.task"
  local reader, list, at = log_reader.open(path, options.from), {}, 0
  return function()
    while at >= #list do
      local over = options.over() -- asked before the look: what is written until then is still there to be read
      list, at = reader:lines(), 0
      if #list == 0 and over then
        reader:close()
        return nil
      end
      if #list == 0 then task.sleep(options.poll or POLL) end
    end
    at = at + 1
    return list[at]
  end
end

return log_reader
