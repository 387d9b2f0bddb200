--- What a recipe has done so far, for one that goes on where it was stopped: a few fields by name, on the disk with each note.
---
---     local done = notes.open(run, "migration", site.account)
---     if not done.stream then done:note { stream = feed:create_stream { name = "x" }.id } end
---     upload_to(done.stream)
---
--- They are kept in a cursor of the recipe: it is locked while the run lasts, belongs to the recipe's `key` arguments, and
--- `--full` forgets it.
local json = require "sluice.json"

local notes = {}

---@class sluice.Notes
local Notes = { __name = "sluice.notes" }

-- A field, or a method.
function Notes.__index(self, name) return rawget(self, "fields")[name] or Notes[name] end

--- Opens the notes of this name; `account` is whose they are.
---@param run sluice.Run
---@param name string
---@param account string
---@return sluice.Notes its fields are what was noted
function notes.open(run, name, account)
  local handle = run:cursor(name)
  local cursor = handle:open(account)
  local text = not handle.full and cursor:get()
  if handle.full then cursor:restart() end
  return setmetatable({ cursor = cursor, run = run, fields = text and assert(json.decode(text)) or {} }, Notes)
end

--- Notes fields (false: forgets one) and commits the run: they are on the disk when this returns.
---@param fields table<string, any>
function Notes:note(fields)
  for name, value in pairs(fields) do self.fields[name] = value or nil end
  self.cursor:advance(assert(json.encode(self.fields)))
  self.run:commit()
end

return notes
