--- What the project around a recipe says: its connections, the arguments that its schedules give, its APIs.
---
---     local project = require("sluice.check.project").new(cfg)      -- nil: there is no config, or it can't be read
---     project:context("/path/to/recipe.lua")                        -- what the rules ask
---     project:own_definitions()                                     -- its apis/*.lua
local config = require "sluice.config"
local definition = require "sluice.definition"
local err = require "sluice.err"
local lfs = require "lfs"

local project = {}

---@class sluice.check.Project
local Project = {}
Project.__index = Project

--- A project.
---@param cfg? sluice.Config
---@return sluice.check.Project
function project.new(cfg)
  return setmetatable({ cfg = cfg, folder = cfg and cfg.folder or nil, loaded = {} }, Project)
end

-- ---- APIs ----

local function load(self, name)
  local known = self.loaded[name]
  if known == nil then
    local ok, def = pcall(definition.load, name, self.folder)
    if not ok and not err.is(def) then error(def, 0) end
    known = { def = ok and def or nil, problem = not ok and def or nil }
    self.loaded[name] = known
  end
  return known.def, known.problem
end

local function all(self)
  if self.all_known == nil then
    local list = {}
    for _, name in ipairs(definition.names(self.folder)) do
      local def = load(self, name)
      list = list and def and table.move({ def }, 1, 1, #list + 1, list) or nil
    end
    self.all_known = list or false
  end
  return self.all_known or nil
end

-- ---- schedules ----

-- The arguments that schedules give, by the recipe's path.
local function given_by_recipe(self)
  local map = {}
  local ok, schedules = pcall(config.all_schedules, self.cfg)
  if not ok and not err.is(schedules) then error(schedules, 0) end
  for _, schedule in pairs(ok and schedules or {}) do
    map[schedule.recipe] = map[schedule.recipe] or {}
    table.insert(map[schedule.recipe], schedule.args or {})
  end
  return map
end

--- What the rules may ask about the surroundings of one recipe.
---@param full string absolute path of the recipe
---@return sluice.check.Context
function Project:context(full)
  if self.cfg and not self.given then self.given = given_by_recipe(self) end
  return {
    apis = self.cfg and config.apis(self.cfg),
    given = self.given and self.given[full] or {},
    definition = function(name) return (load(self, name)) end,
    all = function() return all(self) end,
  }
end

--- The files of the project's own definitions, sorted.
---@return string[] absolute paths
function Project:own_definitions()
  local list, dir = {}, (self.folder or "") .. "/apis"
  if not self.folder or lfs.attributes(dir, "mode") ~= "directory" then return list end
  for file in lfs.dir(dir) do
    if file:find "^[%w_]+%.lua$" then list[#list + 1] = dir .. "/" .. file end
  end
  table.sort(list)
  return list
end

return project
