---@meta sluice.system
--- What this program stands on: the libraries that are at work, room on the disk, file descriptors.
---
---     for name, version in pairs(system.versions()) do print(name, version) end

local system = {}

--- The versions of `sluice`, `lua`, `libcurl`, `tls` (what libcurl encrypts with), `openssl`, `sqlite`, `libyaml`,
--- `libmicrohttpd`, `zlib` and `libdeflate`, as they say themselves; "missing" for a library that can't be opened.
---@return table<string, string>
function system.versions() end

--- Bytes of the file system that a path is on: free for this user, and in all.
---@param path string
---@return { free: integer, total: integer }?
---@return sluice.Error? err code `state`
function system.disk(path) end

--- File descriptors of this process: open ones, and how many it may have (nil: no limit).
---@return { open: integer, limit?: integer }
function system.files() end

--- Whether this user may write to what is at a path (for a folder: make files in it).
---@param path string
---@return boolean
function system.writable(path) end

--- Gives memory that was freed back to the system (after `collectgarbage`, when something large is done with).
function system.trim() end

return system
