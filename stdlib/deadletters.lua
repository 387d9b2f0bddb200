--- The dead-letter file of a run: one NDJSON line for each rejected record, with its reason, beside the store. The file
--- is made with the first rejected record; it is durable before a cursor moves past what is in it.
---
--- Many at once (`put_all`) are in it all or none: the ledger says how many lines count before they are written, and their
--- transaction is the one that makes it more. Who reads the file leaves out what is behind that number.
local file = require "sluice.file"
local json = require "sluice.json"
local log = require "sluice.log"
local ndjson = require "sluice.ndjson"
local task = require "sluice.task"
local time = require "sluice.time"

local deadletters = {}

---@class sluice.DeadLetters
local DeadLetters = {}
DeadLetters.__index = DeadLetters

--- The folder of the dead letters beside a store.
---@param store string path of the store
---@return string
function deadletters.folder(store)
  return (store:match "^(.*)/[^/]*$" or ".") .. "/dlq"
end

--- The dead-letter files beside a store, oldest run first.
---@param store string path of the store
---@return { name: string, path: string, run: integer, bytes: integer, changed: integer }[]
function deadletters.files(store)
  local lfs, dir, list = require "lfs", deadletters.folder(store), {}
  if lfs.attributes(dir, "mode") ~= "directory" then return list end
  for name in lfs.dir(dir) do
    local id = math.tointeger(tonumber(name:match "%-(%d+)%.ndjson$"))
    local info = id and lfs.attributes(dir .. "/" .. name)
    if info and info.mode == "file" then
      list[#list + 1] = { name = name, path = dir .. "/" .. name, run = id, bytes = info.size, changed = info.modification }
    end
  end
  table.sort(list, function(a, b) return a.run < b.run or (a.run == b.run and a.name < b.name) end)
  return list
end

--- Notes in each entry of a list of files how many of its lines count (`most`; nil: all), as the ledger has it.
---@param store string path of the store
---@param files { run: integer, most?: integer }[]
function deadletters.count_lines(store, files)
  if #files == 0 or not require("lfs").attributes(store) then return end
  local opened <close> = require("sluice.state").open(store)
  for _, one in ipairs(files) do
    local row = opened:runs({ id = one.run })[1]
    one.most = row and row.letters
  end
end

local REASONS = 20 -- different ones that are told apart

--- Counts a reason, for the summary: a list of { reason, count }, in the order of their first time; what is more is one entry.
---@param list { reason: string, count: integer }[]
---@param reason string
---@param n? integer so many times
function deadletters.note(list, reason, n)
  n = n or 1
  for i, one in ipairs(list) do
    if one.reason == reason or i == REASONS then
      one.count = one.count + n
      one.reason = one.reason == reason and reason or "other reasons"
      return
    end
  end
  list[#list + 1] = { reason = reason, count = n }
end

-- Where the store began anew there may be a file of that name already.
local function lines_in(path)
  local found, n = require("lfs").attributes(path, "mode") == "file" and io.open(path, "rb"), 0
  if not found then return 0 end
  for _ in found:lines() do n = n + 1 end
  found:close()
  return n
end

---@param run sluice.Run
function deadletters.open(run)
  run:store()
  local name = ("%s-%s.ndjson"):format((run.name or "script"):gsub("[^%w_%-]+", "-"), run.id)
  local path = deadletters.folder(run:config().store) .. "/" .. name
  local before = lines_in(path)
  local out, problem = file.append(path)
  if not out then error(problem, 0) end
  return setmetatable({ path = path, out = out, run = run, count = 0, before = before, reasons = {} }, DeadLetters)
end

-- What a line says before the record; `when` is the time of all of a chunk.
local function head_of(run, reason, extra, when)
  local head = { time = when, recipe = run.name, run = run.id, reason = log.mask(reason) }
  for key, value in pairs(extra or {}) do head[key] = type(value) == "string" and log.mask(value) or value end
  local text, problem = json.encode(head)
  if not text then error(problem, 0) end
  return text:sub(1, -2)
end

local function is_json(text) return ndjson.record(text) ~= nil or json.decode(text) ~= nil end

-- The rest of the line, after its head.
local function tail_of(raw)
  local shown = log.mask(raw)
  local masked = shown ~= raw and ',"masked":true' or ""
  if not is_json(shown) then return masked .. ',"raw_base64":"' .. require("sluice.crypto").base64(shown) .. '"}\n' end
  if shown:find("\n", 1, true) or shown:find("\r", 1, true) then shown = shown:gsub("[\r\n]+", " ") end
  return masked .. ',"record":' .. shown .. "}\n"
end

--- The line of a record: the raw text stays as it is; what can't be JSON is kept as a text. A record with one of our secrets
--- in it is written with masks and `"masked":true`: it can't be sent again as it was.
---@param run sluice.Run that rejected it
---@param raw string
---@param reason string
---@param extra? table
---@return string
function deadletters.line(run, raw, reason, extra)
  return head_of(run, reason, extra, time.format(time.now())) .. tail_of(raw)
end

local function check_text(value, what, i, n)
  if type(value) == "string" then return value end
  require("sluice.err").raise { code = "usage", message = ("dead letter %d of %d: its %s must be text, not a %s"):format(i, n, what, type(value)) }
end

-- The lines of a chunk. What is the same for neighbours (a reason, the very table of extra fields) is made into text once.
local function lines_of(run, raws, reasons, extras)
  local lines, when = {}, time.format(time.now())
  local shared = type(reasons) == "string" and reasons
  local reason, extra, head
  for i = 1, #raws do
    local raw = check_text(raws[i], "record", i, #raws)
    local own_reason = shared or check_text(reasons[i], "reason", i, #raws)
    local own_extra = extras and extras[i]
    if not head or own_reason ~= reason or own_extra ~= extra then
      reason, extra, head = own_reason, own_extra, head_of(run, own_reason, own_extra, when)
    end
    lines[i] = head .. tail_of(raw)
  end
  return lines
end

local KEPT = "the record is not lost: the cursor has not moved; make room and run again"

local function write(self, text)
  if self.broken then error(self.broken, 0) end
  local ok, failed = self.out:write(text)
  if ok then return end
  failed.hint = KEPT
  error(failed, 0)
end

--- Adds a record.
function DeadLetters:put(raw, reason, extra)
  if self.announced then
    self.run:store():run_letters(self.run.id, nil)
    self.announced = false
  end
  write(self, deadletters.line(self.run, raw, reason, extra))
  self.count = self.count + 1
  deadletters.note(self.reasons, reason)
end

-- The lines are behind the number that counts until it is made more. What fails in between leaves them there: nothing may follow.
local function commit_lines(self, text, n)
  local store, count = self.run:store(), self.before + self.count
  if not self.announced then store:run_letters(self.run.id, count) end
  self.announced = true
  write(self, text)
  local ok, problem = pcall(function()
    task.step "letters_written"
    self:sync()
    store:run_letters(self.run.id, count + n)
  end)
  if ok then return end
  self.broken = problem
  error(problem, 0)
end

--- Adds many, as one durable transaction: when it returns they are on the disk; before it, or after an error (which names the record by its
--- number), none of them is in the file for anybody who reads it.
---@param raws string[] the records' JSON texts
---@param reasons string|string[] one for all, or one for each
---@param extras? table[] further fields for each; false for none, the same table where they are the same
function DeadLetters:put_all(raws, reasons, extras)
  if #raws == 0 then return end
  commit_lines(self, table.concat(lines_of(self.run, raws, reasons, extras)), #raws)
  self.count = self.count + #raws
  deadletters.note_all(self.reasons, reasons, #raws)
end

--- Counts the reasons of a chunk: one for all, or a list.
---@param list { reason: string, count: integer }[]
---@param reasons string|string[]
---@param n integer
function deadletters.note_all(list, reasons, n)
  if type(reasons) == "string" then return deadletters.note(list, reasons, n) end
  for i = 1, n do deadletters.note(list, reasons[i]) end
end

--- Everything that was put is on the disk when this returns.
function DeadLetters:sync()
  local ok, problem = self.out:sync()
  if not ok then error(problem, 0) end
end

function DeadLetters:close()
  if not self.out then return end
  local out = self.out
  self.out = nil
  local ok, problem = out:close()
  if not ok then error(problem, 0) end
end

return deadletters
