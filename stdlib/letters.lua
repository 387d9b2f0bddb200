--- A dead-letter file in hand: its letters (one per line) are read, given out again, and marked as settled.
---
--- A line keeps its place. What was given out and was not rejected gets `settled` and `settled_run`; what was rejected again
--- gets the new reason, and stays. Marks are made where the run commits, all at once: the file is written aside and renamed.
--- So a run that dies before that leaves the file as it was, and its records are given out again.
local deadletters = require "sluice.deadletters"
local err = require "sluice.err"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"
local time = require "sluice.time"

local letters = {}

local MAX_LINE = 256 << 20 -- a record may be large: perhaps that is why it is here

---@class sluice.Letters
local Letters = {}
Letters.__index = Letters

-- The bytes of the record, nil where it is no JSON object, or had a secret in it and is not what it was: then it can't be
-- sent by anybody.
local function record_of(letter)
  if ndjson.bad(letter) or letter.masked then return nil end
  local record = letter.record
  return type(record) == "userdata" and ndjson.raw(record):sub(1, 1) == "{" and ndjson.raw(record) or nil
end

--- The letters of a file: number of the line, the line (a record, or a bad one), and what it is.
---@param path string
---@param most? integer lines that count: what is behind them is a chunk that was not finished
---@return fun(): integer?, any, "open"|"settled"|"unreadable"
function letters.each(path, most)
  local next_line, n = ndjson.records(path, { max_line_bytes = MAX_LINE }), 0
  return function()
    if n == most then return nil end
    local letter = next_line()
    if letter == nil then return nil end
    n = n + 1
    local state = not ndjson.bad(letter) and letter.settled ~= nil and "settled" or record_of(letter) and "open" or "unreadable"
    return n, letter, state
  end
end

--- The sums of a file, and how often there is each reason among the letters that are not settled.
---@param path string
---@param most? integer lines that count
---@return table sums { records, open, settled, unreadable, first?, recipe?, reasons = { reason → how often } }
function letters.count(path, most)
  local sums = { records = 0, open = 0, settled = 0, unreadable = 0, reasons = {} }
  for n, letter, state in letters.each(path, most) do
    sums.records, sums[state] = n, sums[state] + 1
    if not ndjson.bad(letter) then
      sums.first, sums.recipe = sums.first or letter.time, sums.recipe or letter.recipe
      local reason = tostring(letter.reason)
      if state ~= "settled" then sums.reasons[reason] = (sums.reasons[reason] or 0) + 1 end
    end
  end
  return sums
end

-- ---- giving out again ----

--- The dead letters of a run that sends the records of a file again: it is the run's `dead_letters`.
---@param file { path: string, run: integer, most?: integer } of letters.find
---@param run sluice.Run
---@return sluice.Letters
function letters.open(file, run)
  return setmetatable({ path = file.path, of = file.run, most = file.most, run = run, given = 0, marked = 0, count = 0, again = {},
    reasons = {} }, Letters)
end

--- The records that are neither settled nor unreadable, each with its letter. Ends early where a signal asks to stop.
---@return fun(): any record, any letter
function Letters:records()
  local next_letter, stopping = letters.each(self.path, self.most), require("sluice.task").stopping
  return function()
    while not stopping() do
      local n, letter, state = next_letter()
      if n == nil then return nil end
      self.given = n
      if state == "open" then
        self.run:count "read"
        return ndjson.record(record_of(letter)), letter
      end
    end
  end
end

--- Rejected again. It is on the disk when the run commits.
function Letters:put(raw, reason, extra)
  local one = { reason = log.mask(reason), extra = extra or {}, line = deadletters.line(self.run, raw, reason, extra) }
  self.again[raw] = self.again[raw] or {}
  table.insert(self.again[raw], one)
  self.count = self.count + 1
  deadletters.note(self.reasons, reason)
end

--- The same for many.
function Letters:put_all(raws, reasons, extras)
  for i, raw in ipairs(raws) do self:put(raw, type(reasons) == "string" and reasons or reasons[i], extras and extras[i] or nil) end
end

local function mark(self, letter)
  local again = self.again[record_of(letter)]
  local one = again and table.remove(again)
  if not one then
    letter.settled, letter.settled_run = time.format(time.now()), self.run.id
    return letter
  end
  for key, value in pairs(one.extra) do letter[key] = value end
  letter.time, letter.reason, letter.retried_run = time.format(time.now()), one.reason, self.run.id
  return letter
end

-- A line that a crash cut off is kept as what it is, in a line that is JSON.
local function kept(self, letter)
  if not ndjson.bad(letter) then return letter end
  if #letter.raw < letter.length then
    err.raise { code = "state", message = ("%s: line %d has more than %d bytes"):format(self.path, letter.line, MAX_LINE),
      hint = "the file is left as it is; take that line out" }
  end
  return { time = time.format(time.now()), reason = "a line that was no JSON: " .. letter.reason,
    raw_base64 = require("sluice.crypto").base64(letter.raw) }
end

-- What does not count goes from the file before the ledger forgets how much of it counts: a crash in between leaves either both or none.
local function cut_off(self)
  local out = ndjson.writer(self.path)
  for _, letter in letters.each(self.path, self.most) do out:write(kept(self, letter)) end
  out:close()
  task.step "letters_cut"
  self.run:store():run_letters(self.of, nil)
  task.step "letters_counted"
  self.most = nil
end

local function write_all(self, out)
  for n, letter, state in letters.each(self.path) do
    if state == "open" and n > self.marked and n <= self.given then letter = mark(self, letter) end
    out:write(kept(self, letter))
  end
  for _, list in pairs(self.again) do -- what was sent in another form than it had
    for _, one in ipairs(list) do out:write((one.line:gsub("\n$", ""))) end
  end
end

--- Marks what was given out since the last time; on the disk when it returns.
function Letters:sync()
  if self.given == self.marked then return end
  if self.most then cut_off(self) end
  local out = ndjson.writer(self.path)
  write_all(self, out)
  out:close()
  self.marked, self.again = self.given, {}
end

--- What was not marked stays as it was.
function Letters:close() self.again = {} end

-- ---- finding a file ----

local function labels_of(files)
  local names = {}
  for i, file in ipairs(files) do names[i] = file.name end
  return names
end

--- The file that a word means: a run's number, the name of a file beside the store, or a path.
---@param store string path of the store
---@param word string
---@return { name: string, path: string, run: integer, most?: integer }
function letters.find(store, word)
  local files = deadletters.files(store)
  local number = math.tointeger(tonumber(word))
  for _, file in ipairs(files) do
    local same = file.run == number or file.name == word or file.name == word .. ".ndjson" or file.path == word
    if same or word:match "[^/]*$" == file.name and require("lfs").attributes(word, "ino") == require("lfs").attributes(file.path, "ino") then
      deadletters.count_lines(store, { file })
      return file
    end
  end
  local names = labels_of(files)
  err.raise {
    code = "not_found", message = ("there is no dead-letter file '%s' in %s%s"):format(word, deadletters.folder(store),
      require("sluice.text").near(word:match "[^/]*$", names)),
    hint = #names > 0 and "there are: " .. table.concat(names, ", ") or "no run has rejected anything",
  }
end

return letters
