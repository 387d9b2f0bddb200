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

-- The rows that some of the records have now.
local function rows_now(client, wanted, rows_of)
  local ids, by_key, rows = {}, {}, {}
  for i, one in ipairs(wanted) do ids[i] = one.product end
  for id, product in pairs(fresh.products(client, ids)) do
    for _, row in ipairs(rows_of(product)) do
      local key = id .. "\0" .. tostring(row.id)
      by_key[key] = by_key[key] or row
    end
  end
  for i, one in ipairs(wanted) do rows[i] = by_key[one.product .. "\0" .. one.row] or false end
  return rows
end

--- For records that were sent once: each as it is in the shop now. An iterator over rows, false where the shop shows it no
--- longer. `ids_of(record)` gives the id of its product and its own, `rows_of(product)` the rows that a product is sent as. (waits)
---@param client sluice.Client
---@param records fun(): any
---@param o { ids_of: (fun(record: any): string, string), rows_of: fun(product: any): table[] }
---@return fun(): any
function fresh.rows(client, records, o)
  local rows, i = {}, 0
  local function refill()
    local wanted = {}
    for record in records do
      local product, row = o.ids_of(record)
      wanted[#wanted + 1] = { product = product, row = row }
      if #wanted == SIZE then break end
    end
    rows, i = rows_now(client, wanted, o.rows_of), 0
  end
  return function()
    if i == #rows then refill() end
    i = i + 1
    return rows[i]
  end
end

return fresh
