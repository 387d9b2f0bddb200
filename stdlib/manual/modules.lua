--- The modules that recipes may require, and where their annotations are.
---
---   modules.page "ndjson"     what sluice.ndjson has, as sluice.manual.annotations gives it; nil where it is not public
local modules = {}

--- Without `sluice.`, in the order of docs/modules.md. All others are sluice's own.
modules.public = {
  "json", "ndjson", "csv", "yaml", "http", "limit", "retry", "poll", "cron", "state", "task", "log", "time", "crypto", "process", "server",
  "err", "auth", "file", "outbox", "sql", "system", "input", "product_columns", "product_rows", "image_files", "veeqo_product", "file_sink",
  "fresh", "notes", "site_copy",
}

-- What a script gets is the Lua file; a module in C has its annotations beside it.
local function source_of(name)
  local core = require "sluice.core"
  if name == "sluice" then return core.source "sluice" end
  return core.annotations()[name] or core.source("sluice." .. name)
end

--- The annotations of a public module; `sluice` is the one that has no other name.
---@param name string
---@return table?
function modules.page(name)
  local known = name == "sluice"
  for _, one in ipairs(modules.public) do known = known or one == name end
  local text = known and source_of(name)
  return text and require("sluice.manual.annotations").read(name, text) or nil
end

return modules
