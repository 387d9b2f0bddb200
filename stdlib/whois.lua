--- Whom the server takes us for, where an error is about that: a 403 is no use without the role that the user has. What
-- to ask is data of the definition: `credential.whois` names operations whose answer says something of the user, and an
-- error row's `ask` the part of that answer which its hint names. Asked once for each client.
--
--   whois.fill(client, row, { role = "role_description" }, problem)     -- problem.role = "read_only"

local by_path = require("sluice.paging").by_path

local whois = {}

-- The first operation's answer that has the part; what can't be asked stays unknown.
local function ask(client, row, path)
  local names = client.definition.credential.whois or {}
  for _, name in ipairs(names) do
    if name == row.name then return nil end -- it is what fails
  end
  for _, name in ipairs(names) do
    local ok, about = pcall(client.call, client, name)
    local value = ok and type(about) == "table" and by_path(about, path)
    if type(value) == "string" then return value end
  end
end

--- Puts the parts into the error, under their names: "none" where the answer has an empty one, "unknown" where none has it.
---@param client sluice.Client
---@param row table the operation that failed
---@param parts table<string, string> name in the error -> path in the answer
---@param problem sluice.Error
function whois.fill(client, row, parts, problem)
  local known = client.known
  for name, path in pairs(parts) do
    if not known[path] then known[path] = ask(client, row, path) end
    problem[name] = known[path] == "" and "none" or known[path] or "unknown"
  end
end

return whois
