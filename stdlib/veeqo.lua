--- What Veeqo's answers need beside their fields.
---
---     local product = depot:create_product { … }
---     depot:sellable(product, "g-dog-1").id       -- the variant with that SKU, wherever it stands in the answer
local err = require "sluice.err"

local veeqo = {}

local function raise(client, code, text, ...)
  err.raise { code = code, api = client.name, operation = "sellable", message = ("sellable: " .. text):format(...) }
end

--- The variant of a product with this SKU. Veeqo answers with the variants in an order of its own, so that their places
--- say nothing. SKUs are compared as they are: case and blanks count.
---@param client table
---@param product table  as create_product, product, products and update_product give it
---@param sku_code string
---@return table sellable
function veeqo.sellable(client, product, sku_code)
  if type(product) ~= "table" or type(product.sellables) ~= "table" then
    raise(client, "usage", "needs a product with `sellables`, as create_product and product give it")
  end
  local found, skus = nil, {}
  for i, one in ipairs(product.sellables) do
    skus[i] = ("'%s'"):format(tostring(one.sku_code))
    if one.sku_code == sku_code and found then raise(client, "conflict", "product %s has the SKU '%s' twice", product.id, sku_code) end
    if one.sku_code == sku_code then found = one end
  end
  if found then return found end
  raise(client, "not_found", "product %s has no SKU '%s', it has %s", product.id, tostring(sku_code),
    #skus > 0 and table.concat(skus, ", ") or "none")
end

return veeqo
