---@meta sluice.file
--- Files that must be durable piece by piece (the dead letters use it). For whole files see `ndjson.writer`.

local file = {}

---@class sluice.File
local File = {}

--- Opens a file to add to its end; makes it (mode 0600) and the folders on its way where they are missing. With
--- `durable = false` nothing waits for the disk: neither this nor `close`.
---@param path string
---@param options? { durable?: boolean } default true
---@return sluice.File?
---@return sluice.Error? err code `state`
function file.append(path, options) end

--- Adds text: all of it, or (a full disk) nothing.
---@param text string
---@return true?
---@return sluice.Error? err code `state`
function File:write(text) end

--- What was written so far is on the disk when this returns.
---@return true?
---@return sluice.Error? err
function File:sync() end

--- Syncs, where it is durable, and closes.
---@return true?
---@return sluice.Error? err
function File:close() end

return file
