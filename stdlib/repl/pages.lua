--- Iterators at the prompt: the first entries are shown, `more()` goes on where that ended, and nothing is lost: whoever
--- loops over `_` or saves it begins with the first entry again. Never more entries are asked for than are shown.
---
---     local pages = pages.open(feed:streams())
---     local entries, ended = pages:next(20)
---     for stream in pages:iterator() do … end      -- from the first on
local iterators = require "sluice.iterators"

local pages = {}

local known = setmetatable({}, { __mode = "k" }) -- iterator -> its pages

---@class sluice.repl.Pages
local Pages = {}
Pages.__index = Pages

--- The pages of an iterator, the same ones each time.
---@param fn function
---@return sluice.repl.Pages
function pages.open(fn)
  local found = known[fn]
  if found then return found end
  local self = setmetatable({ source = fn, kept = {}, ended = false }, Pages)
  known[fn] = self
  return self
end

-- The next entry from the source. One that has failed is not asked again: what it would give is anybody's guess.
function Pages:pull()
  if self.ended then return nil end
  local ok, entry = pcall(self.source)
  if ok and entry ~= nil then return entry end
  self.ended = true
  if not ok then error(entry, 0) end
end

--- The next entries, at most `count`; they are kept, for `iterator`. Raises what the iterator raises, where nothing came
--- before it; else the next call raises it.
---@param count integer
---@return any[] entries
---@return boolean ended
function Pages:next(count)
  local entries = {}
  if self.failure then
    local failure = self.failure
    self.failure = nil
    error(failure, 0)
  end
  while #entries < count and not self.ended do
    local ok, entry = pcall(self.pull, self)
    if not ok then
      if #entries == 0 then error(entry, 0) end
      self.failure = entry
    elseif entry ~= nil then
      entries[#entries + 1] = entry
      self.kept[#self.kept + 1] = entry
    end
  end
  return entries, self.ended and not self.failure
end

--- An iterator over all entries: first those that were shown, then the rest, which is not kept.
---@return function
function Pages:iterator()
  local at = 0
  local fn = iterators.mark(function()
    at = at + 1
    local entry = self.kept[at]
    if entry ~= nil then return entry end
    if self.failure then
      local failure = self.failure
      self.failure = nil
      error(failure, 0)
    end
    return self:pull()
  end)
  known[fn] = self
  return fn
end

--- What is to be drained for an iterator: from its first entry on, where some were shown already.
---@param fn function
---@return function
function pages.whole(fn)
  local self = known[fn]
  if not self then return fn end
  return self:iterator()
end

return pages
