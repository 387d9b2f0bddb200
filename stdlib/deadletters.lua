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

local function folder(run)
  local store = run:config().store
  return (store:match "^(.*)/[^/]*$" or ".") .. "/dlq"
end

---@param run sluice.Run
function deadletters.open(run)
  run:store()
  local name = ("%s-%s.ndjson"):format((run.name or "script"):gsub("[^%w_%-]+", "-"), run.id)
  local path = folder(run) .. "/" .. name
  local out, problem = file.append(path)
  if not out then error(problem, 0) end
  return setmetatable({ path = path, out = out, run = run, count = 0 }, DeadLetters)
end

local function head_of(self, reason, extra)
  local head = { time = time.format(time.now()), recipe = self.run.name, run = self.run.id, reason = log.mask(reason) }
  for key, value in pairs(extra or {}) do head[key] = type(value) == "string" and log.mask(value) or value end
  return head
end

--- Adds a record. The raw text stays as it is; what can't be JSON is kept as a text. A record with one of our secrets in
--- it is written with masks and `"masked":true`: it can't be sent again as it was.
function DeadLetters:put(raw, reason, extra)
  local head, shown = head_of(self, reason, extra), log.mask(raw)
  if shown ~= raw then head.masked = true end
  local text, problem = json.encode(head)
  if not text then error(problem, 0) end
  local valid = json.decode(shown) ~= nil
  local field, value = "record", shown:gsub("[\r\n]+", " ")
  if not valid then
    field, value = "raw_base64", '"' .. require("sluice.crypto").base64(shown) .. '"'
  end
  local ok, failed = self.out:write(text:sub(1, -2) .. ',"' .. field .. '":' .. value .. "}\n")
  if not ok then
    failed.hint = "the record is not lost: the cursor has not moved; make room and run again"
    error(failed, 0)
  end
  self.count = self.count + 1
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
