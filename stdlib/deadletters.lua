--- The dead-letter file of a run: one NDJSON line for each rejected record, with its reason, beside the store. The file
--- is made with the first rejected record; it is durable before a cursor moves past what is in it.
local file = require "sluice.file"
local json = require "sluice.json"
local log = require "sluice.log"
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

local REASONS = 20 -- different ones that are told apart

--- Counts a reason, for the summary: a list of { reason, count }, in the order of their first time; what is more is one entry.
---@param list { reason: string, count: integer }[]
---@param reason string
function deadletters.note(list, reason)
  for i, one in ipairs(list) do
    if one.reason == reason or i == REASONS then
      one.count = one.count + 1
      one.reason = one.reason == reason and reason or "other reasons"
      return
    end
  end
  list[#list + 1] = { reason = reason, count = 1 }
end

---@param run sluice.Run
function deadletters.open(run)
  run:store()
  local name = ("%s-%s.ndjson"):format((run.name or "script"):gsub("[^%w_%-]+", "-"), run.id)
  local path = deadletters.folder(run:config().store) .. "/" .. name
  local out, problem = file.append(path)
  if not out then error(problem, 0) end
  return setmetatable({ path = path, out = out, run = run, count = 0, reasons = {} }, DeadLetters)
end

--- The line of a record: the raw text stays as it is; what can't be JSON is kept as a text. A record with one of our secrets
--- in it is written with masks and `"masked":true`: it can't be sent again as it was.
---@param run sluice.Run that rejected it
---@param raw string
---@param reason string
---@param extra? table
---@return string
function deadletters.line(run, raw, reason, extra)
  local head = { time = time.format(time.now()), recipe = run.name, run = run.id, reason = log.mask(reason) }
  for key, value in pairs(extra or {}) do head[key] = type(value) == "string" and log.mask(value) or value end
  local shown = log.mask(raw)
  if shown ~= raw then head.masked = true end
  local text, problem = json.encode(head)
  if not text then error(problem, 0) end
  local valid = json.decode(shown) ~= nil
  local field, value = "record", shown:gsub("[\r\n]+", " ")
  if not valid then
    field, value = "raw_base64", '"' .. require("sluice.crypto").base64(shown) .. '"'
  end
  return text:sub(1, -2) .. ',"' .. field .. '":' .. value .. "}\n"
end

--- Adds a record.
function DeadLetters:put(raw, reason, extra)
  local ok, failed = self.out:write(deadletters.line(self.run, raw, reason, extra))
  if not ok then
    failed.hint = "the record is not lost: the cursor has not moved; make room and run again"
    error(failed, 0)
  end
  self.count = self.count + 1
  deadletters.note(self.reasons, reason)
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
