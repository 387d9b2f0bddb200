--- What a daemon knows of the store without asking: every schedule's row and what is open of it. The store stays the judge:
--- whatever is decided from here names the version that was read, and is refused where that is an old one.
---
---   local book = books.new(store)
---   book:load(loaded)                        -- the config, at the start and at each reload
---   for item in pairs(book:sync()) do … end  -- what others have changed since
local options = require "sluice.schedule.options"

local books = {}

---@class sluice.BookItem
---@field name string
---@field schedule? sluice.Schedule nil where the config has it no more
---@field row? sluice.ScheduleRow nil where the store does not know it yet
---@field open sluice.OccurrenceRow[] what waits or runs, in the order of the due times
---@field loaded? boolean the config was read since it was last planned: its spec takes the place of the store's

---@class sluice.Book
local Book = {}
Book.__index = Book

local MANY = 20 -- with more changed schedules the open occurrences of all are read at once

---@param store sluice.Store
---@return sluice.Book
function books.new(store) return setmetatable({ store = store, items = {}, running = {}, version = 0 }, Book) end

--- The item of a name, made where it is new.
function Book:item(name)
  local item = self.items[name]
  if not item then
    item = { name = name, open = {} }
    self.items[name] = item
  end
  return item
end

--- Takes a config: from now on its schedules are the ones, those that it does not have are gone.
---@param loaded sluice.Loaded
function Book:load(loaded)
  for name, schedule in pairs(loaded.schedules) do
    local item = self:item(name)
    item.schedule, item.loaded = schedule, true
  end
  for name, item in pairs(self.items) do
    if not loaded.schedules[name] then item.schedule, item.loaded = nil, true end
  end
end

local function set_open(self, item, rows)
  for _, row in ipairs(item.open) do self.running[row.id] = nil end
  item.open = rows
  for _, row in ipairs(rows) do
    if row.state == "running" then self.running[row.id] = row end
  end
end

--- Reads one schedule again: its row, and what is open of it.
function Book:refresh(item)
  item.row = self.store:schedule(item.name)
  set_open(self, item, item.row and self.store:occurrences { schedule = item.name, open = true } or {})
end

local function read_all_open(self, touched)
  local lists = {}
  for _, row in ipairs(self.store:occurrences { open = true }) do
    lists[row.schedule] = lists[row.schedule] or {}
    table.insert(lists[row.schedule], row)
  end
  for item in pairs(touched) do set_open(self, item, lists[item.name] or {}) end
end

--- What others have changed is read; gives the items that are not what they were.
---@param anyway? boolean look even where nobody else has changed the file
---@return table<sluice.BookItem, true>
function Book:sync(anyway)
  local changes, touched, count = self.store:changes(), {}, 0
  if changes == self.changes and not anyway then return touched end
  local version = self.version
  for _, row in ipairs(self.store:schedules(self.version)) do
    local item = self:item(row.name)
    version, item.row, touched[item], count = math.max(version, row.version), row, true, count + 1
  end
  if count > MANY then
    read_all_open(self, touched)
  else
    for item in pairs(touched) do set_open(self, item, self.store:occurrences { schedule = item.name, open = true }) end
  end
  if anyway then -- what the store knows from before this config was read
    for _, item in pairs(self.items) do item.loaded = item.loaded or not item.schedule end
  end
  self.changes, self.version = changes, version -- the last step: what fails before is read again
  return touched
end

--- The Spec of what the store has, where the config's is another one.
function Book:old_spec(item) -- luacheck: ignore self
  if not item.row or not item.schedule or item.row.spec == item.schedule.text then return nil end
  return options.spec_of(item.name, item.row.spec)
end

local fields = { "failures", "paused", "paused_until", "pause_note", "paused_by", "stalled", "stalled_at", "told", "spec", "seen" }

--- Puts a change into an item's row as the store has done it.
function Book:change_row(item, change, version) -- luacheck: ignore self
  local row = item.row or { name = item.name, failures = 0 }
  for _, name in ipairs(fields) do
    local value = change[name]
    if value ~= nil then row[name] = value or nil end
  end
  if change.paused == false then row.paused_until, row.pause_note, row.paused_by = nil, nil, nil end
  row.version, item.row = version, row
end

local function without(open, ids)
  local rest = {}
  for _, row in ipairs(open) do
    if not ids[row.id] then rest[#rest + 1] = row end
  end
  return rest
end

--- A plan that was done: its rows that wait are ours.
---@param item sluice.BookItem
---@param change sluice.ScheduleChange
---@param version integer
---@param ids (integer|false)[]
---@param owner integer the daemon
function Book:planned(item, change, version, ids, owner)
  self:change_row(item, change, version)
  local ended = {}
  for _, ending in ipairs(change.ends or {}) do ended[ending.id] = true end
  if next(ended) then item.open = without(item.open, ended) end
  for i, row in ipairs(change.rows or {}) do
    if row.state == "waiting" and ids[i] then
      row.id, row.schedule, row.owner, row.owner_alive, row.fence, row.uses, row.cancel = ids[i], item.name, owner, true, 1, {}, false
      item.open[#item.open + 1] = row
    end
  end
end

--- An occurrence has started.
function Book:started(item, row, started, now)
  row.state, row.run, row.attempt, row.started, row.uses = "running", started.run, started.attempt, row.started or now, item.schedule.uses
  item.row.version = started.version
  self.running[row.id] = row
end

return books
