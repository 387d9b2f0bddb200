--- What Veeqo's answers need beside their fields.
---
---     local product = depot:create_product { … }
---     depot:sellable(product, "g-dog-1").id       -- the variant with that SKU, wherever it stands in the answer
local err = require "sluice.err"

local veeqo = {}

local function raise(client, code, text, ...)
  err.raise { code = code, api = client.name, message = text:format(...) }
end

--- The variant of a product with this SKU. Veeqo answers with the variants in an order of its own, so that their places
--- say nothing. SKUs are compared as they are: case and blanks count.
---@param client table
---@param product table  as create_product, product, products and update_product give it
---@param sku_code string
---@return table sellable
function veeqo.sellable(client, product, sku_code)
  if type(product) ~= "table" or type(product.sellables) ~= "table" then
    raise(client, "usage", "sellable: needs a product with `sellables`, as create_product and product give it")
  end
  local found, skus = nil, {}
  for i, one in ipairs(product.sellables) do
    skus[i] = ("'%s'"):format(tostring(one.sku_code))
    if one.sku_code == sku_code and found then raise(client, "conflict", "sellable: product %s has the SKU '%s' twice", product.id, sku_code) end
    if one.sku_code == sku_code then found = one end
  end
  if found then return found end
  raise(client, "not_found", "sellable: product %s has no SKU '%s', it has %s", product.id, tostring(sku_code),
    #skus > 0 and table.concat(skus, ", ") or "none")
end

--- The product that has a variant with this SKU, or nil. Veeqo's search is fuzzy, so the SKU is compared here. (waits)
---@param client table
---@param sku_code string
---@return table? product
function veeqo.find_product(client, sku_code)
  for product in client:products { query = sku_code } do
    for _, sellable in ipairs(product.sellables or {}) do
      if sellable.sku_code == sku_code then return product end
    end
  end
end

--- The warehouse of an id or a name; the first that Veeqo lists where none is asked for. Raises `usage` with those that there are. (waits)
---@param client table
---@param wanted? string|integer
---@return table warehouse
function veeqo.find_warehouse(client, wanted)
  local names = {}
  for one in client:warehouses() do
    if wanted == nil or tostring(one.id) == tostring(wanted) or one.name == wanted then return one end
    names[#names + 1] = ("%s (%s)"):format(one.id, one.name)
  end
  raise(client, "usage", "there is no warehouse %s; there are: %s", tostring(wanted or ""), #names > 0 and table.concat(names, ", ") or "none")
end

return veeqo
