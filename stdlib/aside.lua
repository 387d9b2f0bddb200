--- A store that a run may write to and that is thrown away: for a dry run a copy of the config's, for a replay an empty one.
--- The config's own store is not changed, nor is what lies beside it (dead letters): all that is found from the config's
--- `store` is in a folder of its own, which goes when the run ends.
---
---     run.aside = aside.new { copy = true }
---     run.aside:take(config)         -- config.store is another one now
---     run.aside:close()
local err = require "sluice.err"

local aside = {}

--- A path in the folder for what is temporary that nothing has.
---@param what string a word in it
---@return string
function aside.name(what)
  local name = require("sluice.crypto").random(8):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  return ("%s/sluice-%s-%s"):format(os.getenv "TMPDIR" or "/tmp", what, name)
end

---@class sluice.Aside
local Aside = {}
Aside.__index = Aside

--- `copy`: what the config's store has is there.
---@param options { copy: boolean }
---@return sluice.Aside
function aside.new(options) return setmetatable({ copy = options.copy, name = aside.name "aside" }, Aside) end

-- Opening a store brings its schema up to date, which would change it.
local function check_schema(state, path)
  local found = state.look(path)
  if found.schema == found.known then return end
  err.raise { code = "state", message = ("the store %s is of an older program, and a dry run does not change it"):format(path),
    hint = "`sluice state list` brings it up to date" }
end

local function copy_store(state, from, to)
  check_schema(state, from)
  local store <close> = state.open(from)
  store:export(to)
end

--- Puts the store aside; the config names the other one from now on.
---@param config table
function Aside:take(config)
  local state, lfs = require "sluice.state", require "lfs"
  local from = config.store:gsub("^sqlite:", "")
  self.folder = self.name
  local store = self.folder .. "/state.db"
  state.open(store):close() -- makes the folder, private
  if self.copy and lfs.attributes(from, "mode") == "file" then
    os.remove(store)
    copy_store(state, from, store)
  end
  config.store = store
end

--- Removes a folder with all that is in it.
---@param path string
function aside.remove(path)
  local lfs, names = require "lfs", {}
  if lfs.attributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do names[#names + 1] = name end
  end
  for _, name in ipairs(names) do
    if name ~= "." and name ~= ".." then aside.remove(path .. "/" .. name) end
  end
  os.remove(path)
end

--- Throws it away.
function Aside:close()
  if self.folder then aside.remove(self.folder) end
  self.folder = nil
end

return aside
