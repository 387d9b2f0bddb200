--- Files that come into a project: all of a list or none, each whole, and never in the place of one that is there.
---
---     files.create { { path = "scripts/a.lua", text = "…" } }     -- usage error where one is there; nothing is written then
---     files.replace { { path = ".sluice/types/sluice.lua", text = "…" } }   -- what is made anew each time
local err = require "sluice.err"
local lfs = require "lfs"

local files = {}

---@class sluice.NewFile
---@field path string
---@field text string

local function fail(path, problem)
  err.raise { code = "state", message = ("%s can't be written: %s"):format(path, tostring(problem):gsub("^.*: ", "")),
    hint = "may this user write there, and has the disk room?" }
end

local function there(path) return lfs.symlinkattributes(path, "mode") ~= nil end

local function refuse(paths)
  local many = #paths > 1
  err.raise { code = "usage", message = ("%s %s there already; nothing was written"):format(table.concat(paths, ", "), many and "are" or "is"),
    hint = "take another name, or move " .. (many and "them" or "it") .. " away first" }
end

-- Makes the folders on the way to a file; notes in `made` what there was not.
local function make_folders(path, made)
  for at in path:gmatch "()/" do
    local folder = path:sub(1, at - 1)
    if folder ~= "" and lfs.attributes(folder, "mode") ~= "directory" then
      local ok, problem = lfs.mkdir(folder)
      if not ok then fail(folder, problem) end
      made[#made + 1] = folder
    end
  end
end

local function write_aside(file)
  local word = require("sluice.crypto").random(6):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local aside = ("%s.%s.new"):format(file.path, word)
  local out, problem = io.open(aside, "wb")
  if not out then fail(file.path, problem) end
  local ok, reason = out:write(file.text)
  local closed, late = out:close()
  if ok and closed then return aside end
  os.remove(aside)
  fail(file.path, reason or late)
end

-- A link is refused where the name is taken, which a rename is not: so nobody's file is lost, however late it came.
local function put_in_place(aside, path)
  local linked, problem = lfs.link(aside, path)
  if not linked and not there(path) then linked, problem = os.rename(aside, path) end -- a file system without links
  os.remove(aside)
  if linked then return end
  if there(path) then refuse { path } end
  fail(path, problem)
end

-- Undoes: files first, then the folders from the innermost out; a folder in which there is something else stays.
local function remove(made)
  for i = #made, 1, -1 do
    if not os.remove(made[i]) then lfs.rmdir(made[i]) end
  end
end

--- Makes files and the folders on their way. What is there already is named in a usage error, and nothing is written then.
---@param list sluice.NewFile[]
function files.create(list)
  local taken, made = {}, {}
  for _, file in ipairs(list) do
    if there(file.path) then taken[#taken + 1] = file.path end
  end
  if #taken > 0 then refuse(taken) end
  local ok, problem = pcall(function()
    for _, file in ipairs(list) do
      make_folders(file.path, made)
      put_in_place(write_aside(file), file.path)
      made[#made + 1] = file.path
    end
  end)
  if ok then return end
  remove(made)
  error(problem, 0)
end

--- The same for what is made anew each time: what is there is replaced, each file at once.
---@param list sluice.NewFile[]
function files.replace(list)
  for _, file in ipairs(list) do
    make_folders(file.path, {})
    local aside = write_aside(file)
    local ok, problem = os.rename(aside, file.path)
    if not ok then
      os.remove(aside)
      fail(file.path, problem)
    end
  end
end

return files
