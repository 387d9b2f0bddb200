-- docs/own_api.md: the API, the connection and the recipe of the page work as they are written, against a server that is what the page
-- says of it; what it shows of commands is what comes.
local definition = require "sluice.definition"
local lfs = require "lfs"
local scripted = require "support.scripted"
local tmp = require "support.tmp"
local walkthrough = require "support.walkthrough"

local page = tmp.read "docs/own_api.md"
local own = walkthrough.block(page, "lua", "-- apis/depot.lua\n")

describe("docs/own_api.md", function()
  local dir, server, walk, stock, reader

  -- The warehouse: three articles, two a page; a key that may only read.
  local function depot(request)
    if request.headers.authorization ~= "Bearer open-sesame" then return { status = 401, body = '{"error":{"text":"who are you?"}}' } end
    if request.method == "GET" then
      local list, skip = {}, tonumber(request.query.skip) or 0
      for i = skip + 1, math.min(skip + 2, #stock) do
        list[#list + 1] = ('{"id":%s,"qty":%d}'):format(stock[i][1], stock[i][2])
      end
      return { body = ('{"articles":[%s]}'):format(table.concat(list, ",")) }
    end
    if reader then return { status = 403, body = '{"error":{"text":"read only"}}' } end
    local id, qty = request.path:match "/articles/(.*)/stock", tonumber(request.body:match '"qty":(%d+)')
    for _, one in ipairs(stock) do
      if one[1]:gsub('"', "") == id:gsub("%%2F", "/") then one[2] = qty end
    end
    return { body = ('{"stock":{"qty":%d}}'):format(qty) }
  end

  before_each(function()
    stock, reader = { { "1", 0 }, { "2", 5 }, { '"3/a"', 0 } }, false
    server, dir = scripted.start(depot), tmp.dir()
    assert(lfs.mkdir(dir .. "/apis"))
    tmp.write(dir .. "/apis/depot.lua", own)
    tmp.write(dir .. "/sluice.yaml", walkthrough.block(page, "yaml", "version: 1\nconnections:\n  depot:"))
    tmp.write(dir .. "/restock.lua", walkthrough.block(page, "lua", "-- restock.lua\n"))
    walk = walkthrough.new { dir = dir, env = { DEPOT_KEY = "open-sesame", DEPOT_URL = server.url } }
  end)
  after_each(function() server:close() end)

  local function asked()
    local list = {}
    for i, request in ipairs(server.requests) do list[i] = request.method .. " " .. request.target end
    return list
  end

  it("has an API of less than 60 lines", function()
    local _, lines = own:gsub("\n", "\n")
    assert.is_true(lines < 60, lines)
  end)

  it("shows what comes, by curl and by sluice call", function()
    local steps = 0
    for _, block in ipairs(walkthrough.blocks(page)) do
      for _, step in ipairs(block.kind == "text" and walkthrough.steps(block.text) or {}) do
        if step.command:find "^curl" or step.command:find "^sluice call" then
          walk:check(step)
          steps = steps + 1
        end
      end
    end
    assert.equal(5, steps)
    assert.is_false(walkthrough.agrees("a\nb\n", { "a" }))
    assert.is_true(walkthrough.agrees("a 1\nb\nc\n", { "a …", "…", "c" }))
  end)

  it("has commands of a shell that all work", function()
    for _, block in ipairs(walkthrough.blocks(page)) do
      for line in block.kind == "sh" and (block.text .. "\n"):gmatch "(.-)\n" or function() end do
        local output, status = walk:run(line)
        assert.equal(0, status, line .. "\n" .. output)
      end
    end
    assert.same({ 10, 5, 10 }, { stock[1][2], stock[2][2], stock[3][2] })
  end)

  it("pages, asks for what the page says, and sends nothing dry", function()
    local output = walk:run "sluice run restock.lua -n"
    assert.matches("would send PUT http://%S+/articles/1/stock %(depot.set_stock%)", output)
    assert.same({ "GET /articles?site=7", "GET /articles?site=7&skip=2&take=2" }, asked())
    server.requests = {}
    output = walk:run "sluice run restock.lua"
    assert.matches("^1\t10\n3/a\t10\n", output)
    assert.same({ "GET /articles?site=7", "PUT /articles/1/stock", "GET /articles?site=7&skip=2&take=2", "PUT /articles/3%2Fa/stock" }, asked())
    assert.equal('{"stock":{"qty":10,"note":"restocked"}}', server.requests[2].body)
  end)

  it("has the error that comes where the key may only read", function()
    reader, stock[1][2] = true, 1
    local output, status = walk:run "sluice run restock.lua"
    assert.equal(4, status)
    local text = walkthrough.block(page, "text", "sluice: depot.set_stock: PUT")
    assert.is_truthy(output:find(text, 1, true), output)
  end)

  it("is checked: a mistake is named with its row", function()
    assert.equal(0, select(2, walk:run "sluice check"))
    tmp.write(dir .. "/apis/depot.lua", (own:gsub('resend = "safe"', 'resend = "save"', 1)))
    local output, status = walk:run "sluice check"
    assert.equal(2, status)
    assert.matches("operations%[1%] 'articles': resend 'save' is none of: .*did you mean 'safe'", output)
  end)

  it("repeats a safe write whose answer is lost, and not an unsafe one", function()
    local cut = true
    local function once(request)
      if request.method == "PUT" and cut then
        cut = false
        return { how = "reset" }
      end
      return depot(request)
    end
    server:close()
    server = scripted.start(once)
    walk = walkthrough.new { dir = dir, env = { DEPOT_KEY = "open-sesame", DEPOT_URL = server.url } }
    assert.same({ "10\n", 0 }, { walk:run "sluice call depot set_stock article=1 qty:=10" })
    tmp.write(dir .. "/apis/depot.lua", (own:gsub('(class = "write", resend = )"safe"', '%1"unsafe"')))
    cut = true
    local output, status = walk:run "sluice call depot set_stock article=1 qty:=10"
    assert.equal(7, status, output)
  end)

  it("names the fields that definitions have", function()
    local def = definition.check(assert(load(own))(), "apis/depot.lua")
    local section = page:match "\n## 3%. What the rows say\n(.-)\n## "
    for name in pairs(def) do
      local known = name == "name" or name == "doc" or name == "operations"
      assert.is_truthy(known or section:find("`" .. name .. "`", 1, true), name)
    end
  end)
end)
