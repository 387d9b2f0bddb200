--- The log of a run: what its process prints, a line each, with its time and without secrets. Bounded: a long one keeps its
--- beginning and its end, and says between them how much was left out.
---
---     local lines = assert(run_log.open(run_log.path(store:path(), 41), { max_bytes = 10 << 20 }))
---     lines:write("out", text, more)
---     lines:close()
---
--- Lines are `2026-11-28T10:00:00.123Z out text`; what we say ourselves has the word `note`. They go to the file in batches,
--- a moment later, and are not synced: a log is no ledger. To read one, also as it grows: serve/log_reader.lua.
local file = require "sluice.file"
local log = require "sluice.log"
local task = require "sluice.task"
local time = require "sluice.time"

local run_log = {
  MAX_BYTES = 10 << 20,
  MIN_BYTES = 256 << 10, -- what is smaller can't be kept to: one line may have a quarter of it
}

local BATCH_BYTES = 32 << 10
local BATCH_SECONDS = 0.1
local CARRY = 1024 -- bytes of a piece that wait for the next one: a secret may lie across the cut
local COPY = 64 << 10

---@class sluice.RunLog
---@field path string
---@field lines integer that were written, those that were left out later among them
---@field problem? sluice.Error why the file can't be written now
local RunLog = {}
RunLog.__index, RunLog.__name = RunLog, "sluice.runlog"

--- The file of a run's log, beside its store.
---@param store string path of the store
---@param run integer
---@return string
function run_log.path(store, run)
  return ("%s/logs/%d.log"):format(store:match "^(.*)/[^/]*$" or ".", run)
end

local function append(path) return file.append(path, { durable = false }) end

--- Begins the log of a run; one that is there goes on. Its folder is made where there is none; file and folder are private.
---@param path string
---@param options? { max_bytes?: integer } default 10 MiB, at least 256 KiB
---@return sluice.RunLog?
---@return sluice.Error? err
function run_log.open(path, options)
  local out, problem = append(path)
  if not out then return nil, problem end
  local self = setmetatable({ path = path, out = out, batch = {}, waiting = 0, carry = {}, lines = 0, lost = 0 }, RunLog)
  self.max = math.max(options and options.max_bytes or run_log.MAX_BYTES, run_log.MIN_BYTES)
  self.size = require("lfs").attributes(path, "size") or 0
  return self
end

-- ---- text ----

local function visible(c) return ("\\x%02X"):format(c:byte()) end

local function no_character(bytes)
  return utf8.len(bytes) and bytes or (bytes:gsub(".", visible))
end

-- A log is text for people and terminals: what steers a terminal or is no UTF-8 is shown by its number.
local function readable(text)
  if text:sub(-1) == "\r" then text = text:sub(1, -2) end
  if not text:find "[\0-\8\10-\31\127-\255]" then return text end
  if not utf8.len(text) then text = text:gsub("[\xC2-\xF4][\x80-\xBF]+", no_character):gsub("[\x80-\xFF]+", no_character) end
  return (text:gsub("[\0-\8\10-\31\127]", visible):gsub("\xC2[\x80-\x9F]", function(c) return visible(c:sub(2)) end))
end

-- Cuts before a character, not in it.
local function split(text, at)
  while at > 0 and (text:byte(at + 1) or 0) & 0xC0 == 0x80 do at = at - 1 end
  return text:sub(1, at), text:sub(at + 1)
end

-- With milliseconds, also at a whole second.
local function line_of(stream, text)
  local at = time.format(time.now() * 1000 // 1 / 1000)
  return ("%s %s %s\n"):format(at:find(".", 1, true) and at or at:gsub("Z$", ".000Z"), stream, text)
end

-- ---- the file ----

-- The place behind the end of the line that is at `at`.
local function next_line(from, at)
  from:seek("set", at)
  local _ = from:read "L"
  return from:seek()
end

-- The bytes from `first` to `last`, in pieces.
local function pieces(from, first, last)
  from:seek("set", first)
  return function()
    local bytes = first < last and from:read(math.min(COPY, last - first))
    first = first + (bytes and #bytes or 0)
    return bytes or nil
  end
end

local function put_all(out, from, first, last)
  for bytes in pieces(from, first, last) do assert(out:write(bytes)) end
end

local function count_lines(from, first, last)
  local count = 0
  for bytes in pieces(from, first, last) do count = count + select(2, bytes:gsub("\n", "")) end
  return count
end

--- What a line between beginning and end says was left out; nil for any other line.
---@param line string
---@return integer? lines
---@return integer? bytes
function run_log.gap(line)
  local lines, bytes = line:match "^%S+ note … (%d+) lines %((%d+) bytes%) were left out here$"
  return math.tointeger(tonumber(lines)), math.tointeger(tonumber(bytes))
end

-- Where the gap of the shortened file is, and what it stands for in all.
local function next_gap(self, from)
  local old = self.gap or { at = next_line(from, self.max // 4), size = 0, lines = 0, bytes = 0 }
  local behind = old.at + old.size
  local tail = math.max(behind, next_line(from, self.size - self.max // 4))
  local gap = { at = old.at, lines = old.lines + count_lines(from, behind, tail), bytes = old.bytes + tail - behind }
  gap.text = line_of("note", ("… %d lines (%d bytes) were left out here"):format(gap.lines, gap.bytes))
  gap.size = #gap.text
  return gap, tail
end

local function write_shortened(self, aside)
  local from <close> = assert(io.open(self.path, "rb"))
  local gap, tail = next_gap(self, from)
  local out = assert(append(aside))
  put_all(out, from, 0, gap.at)
  assert(out:write(gap.text))
  put_all(out, from, tail, self.size)
  assert(os.rename(aside, self.path))
  self.out:close()
  self.out, self.gap, self.size = out, gap, gap.at + gap.size + self.size - tail
end

-- A new file with the first quarter and the last one; the old one stays until it is there. Readers see that the file is
-- another one.
local function shorten(self)
  local aside = self.path .. ".part"
  os.remove(aside)
  local ok, problem = pcall(write_shortened, self, aside)
  if ok then return end
  os.remove(aside)
  error(problem, 0)
end

local function put(self, text)
  if self.size + #text > self.max then shorten(self) end
  assert(self.out:write(text))
  self.size = self.size + #text
end

--- Writes what waits. A disk that is full costs lines, which are counted; the run goes on.
function RunLog:flush()
  if #self.batch == 0 then return end
  local lines, text = #self.batch, table.concat(self.batch)
  self.batch, self.waiting = {}, 0
  if self.lost > 0 then text = line_of("note", ("… %d lines could not be written: %s"):format(self.lost, tostring(self.problem))) .. text end
  local ok, problem = pcall(put, self, text)
  self.lost, self.problem = ok and 0 or self.lost + lines, not ok and problem or nil
end

local function flush_later(self)
  if self.timer then return end
  self.timer = task.spawn(function()
    pcall(task.sleep, BATCH_SECONDS) -- a signal that ends sleeps only makes it earlier
    self.timer = nil
    self:flush()
  end)
end

local function add(self, stream, text)
  local line = line_of(stream, readable(text))
  self.batch[#self.batch + 1] = line
  self.lines, self.waiting = self.lines + 1, self.waiting + #line
  if self.waiting >= BATCH_BYTES then self:flush() else flush_later(self) end
end

--- Adds a line, or a piece of one that goes on (as Child:line gives them). Secrets are masked, also across pieces.
---@param stream "out"|"err"
---@param text string
---@param more? boolean
function RunLog:write(stream, text, more)
  local masked = log.mask((self.carry[stream] or "") .. text)
  self.carry[stream] = nil
  if more and #masked > CARRY then masked, self.carry[stream] = split(masked, #masked - CARRY) end
  add(self, stream, masked)
end

--- Adds a line of ours.
---@param text string
function RunLog:note(text) add(self, "note", log.mask(text)) end

--- Writes the rest and closes the file.
function RunLog:close()
  if not self.out then return end
  for stream, text in pairs(self.carry) do add(self, stream, text) end
  if self.timer then self.timer:cancel() end
  self.timer = nil
  self:flush()
  self.out:close()
  self.out = nil
end

return run_log
