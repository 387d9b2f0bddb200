--- A file that takes records as an uploader does, for recipes whose target may be either.
---
---     local sink = file_sink.open(path)
---     sink:write(record)
---     sink:finish()          -- now the file is there, complete, and the records count as sent
local ndjson = require "sluice.ndjson"

local file_sink = {}

---@class sluice.FileSink
local FileSink = {}
FileSink.__index = FileSink

--- A sink into a file of NDJSON, written aside and put in its place by `finish`.
---@param path string
---@return sluice.FileSink
function file_sink.open(path) return setmetatable({ out = ndjson.writer(path), count = 0 }, FileSink) end

--- Takes a record.
function FileSink:write(record)
  self.out:write(record)
  self.count = self.count + 1
end

--- Nothing is on its way, and nothing final before the end.
function FileSink:flush() end -- luacheck: no unused

--- Closes the file and counts what is in it as sent.
function FileSink:finish()
  self.out:close()
  require("sluice.run").current():count("sent", self.count)
end

return file_sink
