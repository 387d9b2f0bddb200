--- The program that is running, for child processes.
local program = {}

--- Its path; where it was replaced by a newer one meanwhile, that one's.
---@return string
function program.path()
  return (require("lfs").symlinkattributes("/proc/self/exe", "target"):gsub(" %(deleted%)$", ""))
end

return program
