-- Every example, run as a user runs it: `sluice run examples/….lua …`, with a server in this process or files in a
-- folder of their own.
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local covered = { demo = true } -- `make demo` runs it, and the recipe has specs of its own

local function run(name, ...)
  covered[name] = true
  local done = assert(process.run { argv = { sluice, "run", "examples/" .. name .. ".lua", ... }, timeout = 60 })
  done.text = done.stdout .. done.stderr
  return done
end

local PRODUCTS = [[
{"id":1,"qty":3,"price":10.0,"internal":true,"variants":[{"title":"red"}],"odd":1.50}
{"id":2,"qty":0,"price":1}
]]

describe("example", function()
  local server
  after_each(function()
    if server then server:close() end
    server = nil
  end)

  it("hello", function()
    assert.equal("1. Hello, world!\n", run("hello").stdout)
    assert.equal("1. Hello, Ada!\n2. Hello, Ada!\n", run("hello", "name=Ada", "times:=2").stdout)
    local wrong = run("hello", "Ada")
    assert.equal(2, wrong.status)
    assert.matches("'Ada' is not an argument: write key=value", wrong.stderr)
  end)

  it("http", function()
    server = scripted.start { { json = { page = 1 } }, { status = 404, body = "no" } }
    assert.matches("^200\t.*%d+ bytes\nhas page\n$", run("http", "url=" .. server.url .. "/x").stdout)
    assert.equal("/x?page=1", server.requests[1].target)
    assert.matches("^404.*\nnot JSON: protocol\n$", run("http", "url=" .. server.url).stdout)
    assert.equal("no answer: network, may be tried again\n", run("http", "url=http://127.0.0.1:1").stdout)
  end)

  it("json", function()
    local out = run("json").stdout
    assert.matches("integer\t123456789012345678\n", out, 1, true)
    assert.matches('{"big":12345678901234567890,"extra":{},"id":123456789012345678,"none":null,"price":100.0,"tags":[]}', out, 1, true)
    assert.matches("true\ttrue\n", out, 1, true)
    assert.matches('"empty":[]', out, 1, true)
    assert.matches("nil\tinvalid\tinvalid JSON at line 1, column 7", out, 1, true)
  end)

  it("ndjson_filter", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/in.ndjson", PRODUCTS .. "no record\n")
    local done = run("ndjson_filter", "in=" .. dir .. "/in.ndjson", "out=" .. dir .. "/out.ndjson")
    assert.matches("^line 3: column 1: expected", done.stderr)
    assert.equal('{"id":1,"qty":3,"price":11.0,"variants":[{"title":"RED"}],"odd":1.50}\n', tmp.read(dir .. "/out.ndjson"))
    local missing = run("ndjson_filter", "in=" .. dir .. "/nothing")
    assert.equal(1, missing.status)
    assert.matches("ndjson_filter.lua:%d+", missing.stderr)
  end)

  it("tasks", function()
    assert.equal("42\tfirst\tsecond\nsum\t55\n", run("tasks").stdout)
  end)

  it("recipe", function()
    local dir = tmp.dir()
    local path = tmp.write(dir .. "/in.ndjson", PRODUCTS)
    local done = run("recipe", "in=" .. path, "--summary=" .. dir .. "/sums.json")
    assert.equal("1\n", done.stdout)
    assert.matches("1 skipped: out of stock", done.stderr, 1, true)
    local sums = json.decode(tmp.read(dir .. "/sums.json"))
    assert.same({ 0, 2, 1, 1 }, { sums.exit_code, sums.read, sums.sent, sums.skipped })
    assert.equal("1\n2\n", run("recipe", "in=" .. path, "least=0").stdout)
    assert.matches("argument 'in' is missing", run("recipe").stderr, 1, true)
    assert.matches("did you mean 'least'", run("recipe", "in=" .. path, "leest=0").stderr, 1, true)
    assert.matches("Print the ids", run("recipe", "--args").stdout, 1, true)
  end)

  it("limit", function()
    local out = run("limit", "rate=100/s").stdout
    assert.matches("^1\t0%.0%d s\n", out)
    assert.matches("5\t%d+%.%d%d s\n$", out)
    assert.equal(2, run("limit", "rate=often").status)
  end)

  it("outbox", function()
    local opened = {}
    server = scripted.start(function(request)
      if request.method == "GET" then return { json = { tickets = json.array(opened) } } end
      opened[#opened + 1] = json.decode(request.body)
      if #opened == 1 then return { how = "reset" } end
      return { status = 201, json = opened[#opened] }
    end)
    local store = "store=" .. tmp.dir() .. "/tickets.db"
    local words = { "url=" .. server.url, "key=open-sesame", "title=fire", store }
    assert.equal("opened 1, there before 0, unknown 0\n", run("outbox", "code=T-1", table.unpack(words)).stdout)
    assert.equal("opened 0, there before 1, unknown 0\n", run("outbox", "code=T-1", table.unpack(words)).stdout)
    assert.equal("opened 1, there before 0, unknown 0\n", run("outbox", "code=T-2", table.unpack(words)).stdout)
    assert.same({ { code = "T-1", title = "fire" }, { code = "T-2", title = "fire" } }, opened)
    assert.matches("it has no code to be known by", run("outbox", table.unpack(words)).text, 1, true)
  end)

  it("api", function()
    local page = {}
    for i = 1, 50 do page[i] = { id = i, title = "ticket " .. i } end
    server = scripted.start { { json = { tickets = page } }, { json = { tickets = { { id = 51, title = "last" } } } },
      { status = 404, json = { error = "no such ticket" } } }
    local done = run("api", "url=" .. server.url, "key=open-sesame")
    assert.matches("\n50\tticket 50\n51\tlast\nfalse\tnot_found\t404\tlist the tickets with `tickets`\n$", done.stdout)
    assert.equal("/tickets?state=open", server.requests[1].target)
    assert.same({ state = "open", offset = "50", limit = "50" }, server.requests[2].query)
    assert.equal("open-sesame", server.requests[1].headers["x-api-key"])
    assert.same({ "PATCH", "/tickets/404", '{"state":"closed"}' },
      { server.requests[3].method, server.requests[3].path, server.requests[3].body })
  end)

  it("stock", function()
    local dir, depot = tmp.dir(), sandbox.start { products = 0, veeqo_products = 3 }
    finally(function() depot:stop() end)
    local path = tmp.write(dir .. "/in.ndjson", '{"sku":"SKU-1-1","qty":7}\n{"sku":"SKU-2-1","qty":0}\n{"sku":"gone","qty":1}\n')
    local words = { "stock", "in=" .. path, "url=" .. depot.url, "key=sandbox-key", "--summary=" .. dir .. "/sums.json" }
    words[#words + 1] = "warehouse=22668"
    for _, sums in ipairs { { 1, 1, 1 }, { 0, 2, 1 } } do
      local done = run(table.unpack(words))
      assert.equal(0, done.status, done.stderr)
      local got = json.decode(tmp.read(dir .. "/sums.json"))
      assert.same({ 3, table.unpack(sums) }, { got.read, got.sent, got.unchanged, got.skipped })
    end
    assert.equal(7, depot.veeqo.products[1].variants[1].stock[22668].physical)
    words[4] = "key=wrong"
    local wrong = run(table.unpack(words))
    assert.equal(4, wrong.status)
    assert.matches("You're not authorized", wrong.stderr, 1, true)
  end)

  it("of each file is here, 5 to 30 lines behind a head that says what it shows", function()
    for file in lfs.dir "examples" do
      local name = file:match "^([%w_]+)%.lua$"
      if name then assert.is_true(covered[name], file .. " has no spec") end
      if name and name ~= "demo" then
        local text = tmp.read("examples/" .. file)
        assert.matches("^%-%- %u[^\n]+\n%-%-   sluice run examples/" .. name .. "%.lua", text)
        local _, lines = text:gsub("\n", "\n")
        assert.is_true(lines <= 30, file .. " is too long")
      end
    end
  end)
end)
