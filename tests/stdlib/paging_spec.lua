-- Pages by cursor, as the Platform API has them: what is asked for next, and where it ends.
local json = require "sluice.json"
local paging = require "sluice.paging"

local row = { name = "sites", result = "Sites" }
row.paging = { kind = "cursor", cursor = "cursor", limit = "limit", size = 3, next = "meta.cursor.next" }

-- Asks a server that is a function of the cursor; gives the ids and the cursors that were asked for.
local function run(server, most)
  local ids, asked = {}, {}
  local function ask(extra)
    local cursor = 0
    for _, pair in ipairs(extra) do
      if pair[1] == "cursor" then cursor = pair[2] else assert.same({ "limit", 3 }, pair) end
    end
    asked[#asked + 1] = cursor
    assert(#asked <= (most or 10), "it goes on for ever")
    local value = server(cursor, #asked)
    return value, { body = json.encode(value) }
  end
  for site in paging.iterate({ name = "site" }, row, ask) do ids[#ids + 1] = tonumber(site.id) end
  return ids, asked
end

local function page(ids, next_id, current)
  local sites = json.array {}
  for i, id in ipairs(ids) do sites[i] = { id = tostring(id) } end
  return { success = true, Sites = sites, meta = { cursor = { current = current or 0, prev = 0, next = next_id, count = #ids } } }
end

local all = { 1, 2, 5, 7, 8, 9, 12 }

-- A server of these ids whose `next` is the last id of the page, or the first of the next one.
local function server(ahead)
  return function(cursor)
    local ids, starter = {}, nil
    for _, id in ipairs(all) do
      if id > cursor and #ids < 3 then ids[#ids + 1] = id
      elseif id > cursor and not starter then starter = id end
    end
    return page(ids, ahead and (starter or 0) or ids[#ids] or 0, cursor)
  end
end

describe("paging.by_path", function()
  it("goes through tables and records, and ends at null and at numbers beyond 64 bits", function()
    local text = '{"a":{"b":[{"c":7}]},"n":null,"big":12345678901234567890}'
    for _, value in ipairs { json.decode(text), require("sluice.ndjson").record(text) } do
      assert.equal(7, paging.by_path(value, "a.b.1.c"))
      assert.is_nil(paging.by_path(value, "n"))
      assert.is_nil(paging.by_path(value, "n.x"))
      assert.is_nil(paging.by_path(value, "big.message"))
      assert.is_nil(paging.by_path(value, "a.b.2.c"))
    end
  end)
end)

describe("paging by cursor", function()
  it("steps over nothing, whichever way `next` is meant", function()
    for _, ahead in ipairs { false, true } do
      local ids, asked = run(server(ahead))
      assert.same({ all, { 0, 5, 9 } }, { ids, asked })
    end
  end)

  it("ends with a short page, an empty one, and a `next` that does not move on", function()
    assert.same({ { 1 }, { 0 } }, { run(function() return page({ 1 }, 1) end) }) -- the documents' own sample
    assert.same({ {}, { 0 } }, { run(function() return page({}, 0) end) })
    assert.same({ { 1, 2, 3 }, { 0, 3 } }, { run(function(cursor) return cursor == 0 and page({ 1, 2, 3 }, 3) or page({}, 0, 3) end) })
    assert.same({ { 1, 2, 3 }, { 0 } }, { run(function() return page({ 1, 2, 3 }, 0) end) })
    assert.same({ { 1, 2, 3, 4, 5, 6 }, { 0, 3 } },
      { run(function(cursor) return cursor == 0 and page({ 1, 2, 3 }, 3) or page({ 4, 5, 6 }, 3, 3) end) })
  end)

  it("takes a list without pages for the whole, and a page that comes again for an error", function()
    local function bare(ids) return { success = true, Sites = page(ids).Sites } end
    assert.same({ { 1, 2, 3, 4 }, { 0 } }, { run(function() return bare { 1, 2, 3, 4 } end) })
    assert.same({ { 1, 2, 3, 4 }, { 0, 3 } }, { run(function(cursor) return bare(cursor == 0 and { 1, 2, 3 } or { 4 }) end) })
    local ok, problem = pcall(run, function() return bare { 1, 2, 3 } end)
    assert.is_false(ok)
    assert.equal("protocol", problem.code)
    assert.matches("the page behind 3 entries is the one before it again", problem.message)
  end)
end)

describe("paging by offset", function()
  it("takes the size of its pages from an argument", function()
    local offset = { name = "read", result = "rows", paging = { kind = "offset", offset = "offset", limit = "limit", size = 5000, by = "limit" } }
    local asked, rows = {}, 0
    local iterate = paging.iterate({ name = "site" }, offset, function(extra)
      asked[#asked + 1] = extra[1] and ("%s=%d"):format(extra[1][1], extra[1][2]) or ""
      assert.is_nil(extra[2])
      local value = { rows = #asked < 3 and { { id = #asked }, { id = #asked + 10 } } or { { id = 99 } } }
      return value, { body = json.encode(value) }
    end, { limit = 2 })
    for _ in iterate do rows = rows + 1 end
    assert.same({ 5, { "", "offset=2", "offset=4" } }, { rows, asked })
  end)
end)
