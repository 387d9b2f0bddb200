--- A file that takes records as an uploader does, for recipes whose target may be either.
---
---     local sink = file_sink.open(path)
---     sink:write(record)
---     sink:finish()          -- now the file is there, complete, and the records count as sent
local ndjson = require "sluice.ndjson"

local file_sink = {}

---@class sluice.FileSink
local FileSink = {}
FileSink.__index, FileSink.__name = FileSink, "sluice.file_sink"

--- A sink into a file of NDJSON, written aside and put in its place by `finish`; a dry run leaves the file alone.
---@param path string
---@return sluice.FileSink
function file_sink.open(path)
  local dry = require("sluice.run").current().dry
  return setmetatable({ out = not dry and ndjson.writer(path), count = 0 }, FileSink)
end

--- Takes a record.
---@param record sluice.ndjson.Record|table
function FileSink:write(record)
  if self.out then self.out:write(record) end
  self.count = self.count + 1
end

--- Nothing is on its way, and nothing final before the end.
function FileSink:flush() end -- luacheck: no unused

--- Closes the file and counts what is in it as sent.
function FileSink:finish()
  if self.out then self.out:close() end
  require("sluice.run").current():count("sent", self.count)
end

return file_sink
