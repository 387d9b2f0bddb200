-- Loaded before the specs. After each file: no operation may be pending that the file's specs started.
local busted = require "busted"
local core = require "sluice.core"

if os.getenv "SLUICE_TEST_GC" then collectgarbage("incremental", 0, 10000, 0) end

require("sluice.call").share(require("support.tmp").dir()) -- login tokens of specs are nobody else's

busted.subscribe({ "file", "end" }, function(file)
  collectgarbage()
  collectgarbage()
  local operations = core.pending()
  if operations > 0 then
    busted.publish({ "error" }, file, nil, ("%d operations are still pending after %s"):format(operations, file.name), {})
  end
  return nil, true
end)
