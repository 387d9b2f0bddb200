--- What `sluice doctor` looks at on the disk: the store, and the per-user folder that all projects share.
local deadletters = require "sluice.deadletters"
local lfs = require "lfs"
local system = require "sluice.system"

local store = {}

local MB = 1000000
local LITTLE, TOO_LITTLE = 500 * MB, 20 * MB

local function size_text(bytes)
  if bytes >= 1e9 then return ("%.1f GB"):format(bytes / 1e9) end
  return ("%.1f MB"):format(bytes / 1e6)
end

-- The next folder above a path that is there.
local function folder_above(path)
  repeat
    path = path:match "^(.+)/[^/]*$" or (path:sub(1, 1) == "/" and "/" or ".")
  until path == "/" or path == "." or lfs.attributes(path, "mode")
  return path
end

local function failed(report, check, path, cure, message, ...)
  report:add { check = check, name = path, status = "fail", kind = "machine", cure = cure, message = message:format(...) }
end

local function check_room(report, check, path, used)
  local folder = lfs.attributes(path, "mode") and path or folder_above(path)
  local room, problem = system.disk(folder)
  if not room then return report:failed(check, path, problem) end
  local cure = "make room on that disk, or set `store:` to another place"
  if room.free < TOO_LITTLE then return failed(report, check, path, cure, "only %s are free on its disk", size_text(room.free)) end
  if room.free < math.max(LITTLE, 2 * used) then
    report:warn(check, path, cure, "%s are free on its disk", size_text(room.free))
  end
end

-- Others can read what is in it: customers' data, and tokens in the shared one.
local function is_open(path)
  local mode = lfs.attributes(path, "permissions")
  return mode ~= nil and mode:sub(4) ~= "------"
end

local function check_missing(report, check, path)
  local above = folder_above(path)
  if system.writable(above) then return report:ok(check, path, "is not there yet; it is made when it is needed") end
  failed(report, check, path, "give the user that runs sluice write access to " .. above, "can't be made: %s is not writable", above)
end

local function check_file(report, check, path)
  local ok, facts = pcall(require("sluice.state").look, path)
  if not ok then return report:failed(check, path, facts, "machine") end
  local bytes = lfs.attributes(path, "size") or 0
  local update = facts.schema < facts.known and (", the next run brings it up to %d"):format(facts.known) or ""
  report:ok(check, path, "whole, schema %d%s, %s", facts.schema, update, size_text(bytes))
end

local function check_store(report, path)
  local info = lfs.attributes(path)
  if not info then
    check_missing(report, "store", path)
    return check_room(report, "store", path, 0)
  end
  local folder = folder_above(path)
  if not system.writable(path) or not system.writable(folder) then
    failed(report, "store", path, "give the user that runs sluice write access to it and its folder", "it or its folder can't be written")
  else
    check_file(report, "store", path)
  end
  if is_open(path) then report:warn("store", path, "chmod 600 " .. path, "other users can read it") end
  check_room(report, "store", path, info.size)
end

local function check_letters(report, path)
  local files = deadletters.files(path)
  local bytes = 0
  for _, file in ipairs(files) do bytes = bytes + file.bytes end
  if #files > 0 then
    report:ok("store", deadletters.folder(path), "%d dead-letter files, %s (sluice dlq list)", #files, size_text(bytes))
  end
end

-- ---- the per-user folder ----

local function shared_folder(cfg)
  if cfg and cfg.shared then return cfg.shared end
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if state and state:sub(1, 1) == "/" then return state .. "/sluice" end
  return home and home:sub(1, 1) == "/" and home .. "/.local/state/sluice" or nil
end

local function check_shared(report, dir)
  local cure = "`shared: DIR` in sluice.yaml names another folder for rate budgets and login tokens"
  if not dir then
    report:add { check = "shared", status = "fail", kind = "machine", cure = "set HOME, or `shared:` in sluice.yaml to a private folder",
      message = "there is no place for it: neither HOME nor XDG_STATE_HOME is set" }
    return
  end
  local info = lfs.attributes(dir)
  if not info then return check_missing(report, "shared", dir) end
  if info.mode ~= "directory" then return failed(report, "shared", dir, cure, "is not a folder") end
  if info.uid ~= lfs.attributes("/proc/self", "uid") then
    return failed(report, "shared", dir, cure, "belongs to another user: login tokens are not safe there")
  end
  if is_open(dir) then return failed(report, "shared", dir, "chmod 700 " .. dir, "others can enter it: login tokens are not safe there") end
  if not system.writable(dir) then return failed(report, "shared", dir, cure, "can't be written") end
  local tokens = dir .. "/shared.db"
  if lfs.attributes(tokens, "mode") then return check_file(report, "shared", tokens) end
  report:ok("shared", dir, "private and writable")
end

--- The checks.
---@param report sluice.doctor.Report
---@param cfg? sluice.Config
function store.check(report, cfg)
  if cfg and cfg.store then
    check_store(report, cfg.store)
    check_letters(report, cfg.store)
  end
  check_shared(report, shared_folder(cfg))
end

return store
