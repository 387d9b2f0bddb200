-- Products by their ids as the shop has them now, many at once.
local fresh = require "sluice.fresh"
local sandbox = require "sluice.sandbox"
local sluice = require "sluice"

describe("sluice.fresh", function()
  local sb
  before_each(function() sb = sandbox.start { products = 260, rate_scale = 1000 } end)
  after_each(function() sb:stop() end)

  it("gives what the shop shows, and leaves out what it does not", function()
    local shop = sluice.connect { api = "stock2shop", base_url = sb.url, queue_url = sb.url, username = "sandbox", password = "sandbox",
      limits = { api = "3000/s" } }
    local ids = {}
    for id in sb.catalogue:each() do ids[#ids + 1] = tostring(id) end
    sb:edit(math.tointeger(ids[5]), { title = "new" })
    sb:deactivate { math.tointeger(ids[7]) }
    ids[#ids + 1] = "999999999"
    local found, n = fresh.products(shop, ids), 0
    for id, product in pairs(found) do
      assert.equal(id, tostring(product.id))
      n = n + 1
    end
    assert.equal(259, n)
    assert.equal("new", found[ids[5]].title)
    assert.is_nil(found[ids[7]])
    assert.same({}, fresh.products(shop, {}))
  end)

  it("gives records that were sent once as they are now, in their order, and says which are gone", function()
    local shop = sluice.connect { api = "stock2shop", base_url = sb.url, queue_url = sb.url, username = "sandbox", password = "sandbox",
      limits = { api = "3000/s" } }
    local ids, i = {}, 0
    for id in sb.catalogue:each() do ids[#ids + 1] = tostring(id) end
    sb:edit(math.tointeger(ids[150]), { title = "new" })
    sb:deactivate { math.tointeger(ids[7]) }
    local rows = fresh.rows(shop, function()
      i = i + 1
      return ids[i] and { id = "row " .. ids[i], of = ids[i] }
    end, { ids_of = function(record) return record.of, record.id end, rows_of = function(product)
      return { { id = "row " .. tostring(product.id), title = product.title } }
    end })
    local n = 0
    for row in rows do
      n = n + 1
      if n == 7 then assert.is_false(row) else assert.equal("row " .. ids[n], row.id) end
      if n == 150 then assert.equal("new", row.title) end
    end
    assert.equal(260, n)
    assert.is_nil(rows())
  end)

end)
