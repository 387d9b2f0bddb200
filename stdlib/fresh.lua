--- Products of Stock2Shop by their ids, as they are now: what is sent again must not put an old state in the place of a new.
local searches = require "sluice.searches"

local fresh = {}

local SIZE = 100

--- The products of these ids that the shop shows. (waits)
---@param client sluice.Client
---@param ids string[]
---@return table<string, any> records by id
function fresh.products(client, ids)
  local search, found = searches.search(client), {}
  for first = 1, #ids, SIZE do
    local some = {}
    for i, id in ipairs(table.move(ids, first, math.min(first + SIZE - 1, #ids), 1, {})) do
      some[i] = id:match "^%d+$" and math.tointeger(id) or id
    end
    for id, row in pairs(search({ ids = some, order = "id", size = #some }).rows) do
      if not row.bad then found[id] = row.record end
    end
  end
  return found
end

return fresh
