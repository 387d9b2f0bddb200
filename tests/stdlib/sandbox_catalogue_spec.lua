local Catalogue = require "sluice.sandbox.catalogue"
local json = require "sluice.json"
local products = require "sluice.sandbox.products"
local query = require "sluice.sandbox.query"
local sandbox_json = require "sluice.sandbox.json"
local search = require "sluice.sandbox.search"

local now = 1700000000

local function shop(options)
  options.clock = function() return now end
  return Catalogue.new(options)
end

-- What the index should hold, by the plain way: every number, filtered and sorted.
local function plainly(catalogue, keep)
  local list = {}
  for n = 1, catalogue.count do
    if catalogue:in_index(n) and keep(catalogue:indexed_modified(n), products.id(n)) then list[#list + 1] = n end
  end
  table.sort(list, function(a, b)
    local x, y = catalogue:indexed_modified(a), catalogue:indexed_modified(b)
    if x ~= y then return x < y end
    return products.id(a) < products.id(b)
  end)
  return list
end

describe("the sandbox's catalogue", function()
  before_each(function() now = 1700000000 end)

  it("is the same for the same seed, and has what products have", function()
    local a, b, c = shop { count = 500, seed = 3 }, shop { count = 500, seed = 3 }, shop { count = 500, seed = 4 }
    local same, long, empty, null, unicode, slash, differing = 0, 0, 0, 0, 0, 0, 0
    for n = 1, 500 do
      local text = a:text(n)
      same = same + (text == b:text(n) and 1 or 0)
      differing = differing + (text ~= c:text(n) and 1 or 0)
      local value = assert(json.decode(text))
      assert.equal(products.id(n), value.id)
      assert.equal(n, products.number(value.id))
      if #tostring(value.id) == 18 then long = long + 1 end
      empty = empty + (text:find("[]", 1, true) and 1 or 0)
      null = null + (text:find("null", 1, true) and 1 or 0)
      unicode = unicode + (text:find("\\u", 1, true) and 1 or 0)
      slash = slash + (text:find("\\/", 1, true) and 1 or 0)
    end
    assert.equal(500, same)
    assert.is_true(differing > 490)
    for _, count in ipairs { long, empty, null, unicode, slash } do assert.is_true(count > 4) end
  end)

  it("finds by modified and id as a plain search does, also after changes", function()
    local catalogue = shop { count = 3000, seed = 9 }
    catalogue:touch(200)
    now = now + 1
    catalogue:deactivate(100)
    catalogue:add(7)
    catalogue:touch(50)
    catalogue:refresh()
    local all = plainly(catalogue, function() return true end)
    assert.equal(2907, #all)
    for round = 1, 60 do
      local low = catalogue:indexed_modified(all[(round * 131) % #all + 1])
      local high = catalogue:indexed_modified(all[(round * 977) % #all + 1])
      if low > high then low, high = high, low end
      if round % 3 == 0 then high = low end
      local id_low = round % 2 == 0 and products.id(round * 40) or math.mininteger
      local plan = { tests = {}, modified = { low = low, high = high }, id = { low = id_low, high = math.maxinteger } }
      local expected = plainly(catalogue, function(modified, id) return modified >= low and modified <= high and id >= id_low end)
      for _, direction in ipairs { 1, -1 } do
        local found, total = search.find(catalogue, plan, { { "modified", direction }, { "id", direction } }, 3, 20)
        assert.equal(#expected, total)
        for i = 1, math.max(0, math.min(20, #expected - 3)) do
          assert.equal(expected[direction == 1 and i + 3 or #expected - 2 - i], found[i])
        end
      end
    end
  end)

  it("has seconds that many products share", function()
    local catalogue, seconds = shop { count = 5000, crowd = 1500 }, {}
    for n = 1, 5000 do
      local modified = catalogue:indexed_modified(n)
      seconds[modified] = (seconds[modified] or 0) + 1
    end
    local counts = {}
    for _, count in pairs(seconds) do counts[#counts + 1] = count end
    table.sort(counts, function(a, b) return a > b end)
    assert.equal(1500, counts[1])
    assert.is_true(counts[2] >= 700 and counts[3] >= 120)
  end)

  it("lets the index lag: found by the old time, shown as it is now", function()
    local catalogue = shop { count = 100, lag = 60 }
    local id = catalogue:touch(1)[1]
    local n = products.number(id)
    local before = catalogue:first_modified(n)
    now = now + 59
    catalogue:refresh()
    assert.equal(before, catalogue:indexed_modified(n))
    assert.matches('"modified":"2023-11-14 22:13:20"', catalogue:text(n), 1, true)
    now = now + 1
    catalogue:refresh()
    assert.equal(1700000000, catalogue:indexed_modified(n))
  end)

  it("shows what is gone no more, though the index still finds it", function()
    local catalogue = shop { count = 100, lag = 60 }
    catalogue:deactivate(40)
    local answer = assert(json.decode(search.answer(catalogue, assert(sandbox_json.decode '{"size":100}'), {})))
    assert.same({ 100, 100, 60 }, { answer.hits.total, #answer.hits.hits, #answer.system_products })
    now = now + 60
    answer = assert(json.decode(search.answer(catalogue, assert(sandbox_json.decode '{"size":100}'), {})))
    assert.same({ 60, 60, 60 }, { answer.hits.total, #answer.hits.hits, #answer.system_products })
    local count = 0
    for _ in catalogue:each() do count = count + 1 end
    assert.equal(60, count)
  end)

  it("edits, and replaces a product's text byte for byte", function()
    local catalogue = shop { count = 10 }
    local id = products.id(4)
    catalogue:edit(id, { title = 'a "b" é/', price = 1.5 })
    local value = assert(json.decode(catalogue:text(4)))
    assert.same({ 'a "b" é/', 1.5 }, { value.title, value.variants[1].price })
    catalogue:edit(id, { raw = "\0 not json \xff" })
    assert.equal("\0 not json \xff", catalogue:text(4))
    for _, wrong in ipairs { { 1, { title = "x" } }, { id, { nonsense = 1 } } } do
      local ok, problem = pcall(catalogue.edit, catalogue, wrong[1], wrong[2])
      assert.is_false(ok)
      assert.is_string(problem.sandbox_usage)
    end
  end)

  it("is quick enough: a page out of 100,000 by binary search, not by looking at all", function()
    local catalogue = shop { count = 100000 }
    local looked = 0
    local indexed_modified = catalogue.indexed_modified
    catalogue.indexed_modified = function(...)
      looked = looked + 1
      return indexed_modified(...)
    end
    local filter = '[{"range":{"modified":{"gte":"2021-01-08 00:00:00"}}},{"term":{"active":true}}]'
    local plan = query.compile(sandbox_json.decode('{"bool":{"filter":' .. filter .. "}}"), {})
    local found, total = search.find(catalogue, plan, { { "modified", 1 }, { "id", 1 } }, 0, 500)
    assert.equal(500, #found)
    assert.is_true(total > 50000)
    assert.equal(0, looked)
  end)
end)
