-- docs/apis.md: it leads to the reference pages (reference_spec.lua holds those), names each helper, and the API of one's
-- own works as it is written.
local definition = require "sluice.definition"
local lfs = require "lfs"
local process = require "sluice.process"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

-- Rows `name` | … of the section of an API: name -> the rest of the row.
local function rows_of(page, api)
  local section = page:match("\n## " .. api .. "\n(.-)\n## ")
  local rows = {}
  for name, rest in (section or ""):gmatch "\n| `([%w_]+)` | ([^\n]+)" do rows[name] = rest end
  return rows, section
end

-- The fenced block that begins with a line.
local function block(page, kind, first)
  for text in page:gmatch("\n```" .. kind .. "\n(.-)\n```") do
    if text:sub(1, #first) == first then return text .. "\n" end
  end
  error("no block begins with " .. first)
end

describe("docs/apis.md", function()
  local page = tmp.read "docs/apis.md"

  for _, api in ipairs { "stock2shop", "productsup_stream", "productsup_platform", "veeqo" } do
    it("leads to the reference of " .. api .. " and names its helpers", function()
      local def, named = definition.load(api), {}
      local rows, section = rows_of(page, api)
      assert.is_truthy(section:find("](reference/" .. api .. ".md)", 1, true))
      for name in pairs(def.helpers) do
        assert.is_string(rows[name], name)
        named[name] = true
      end
      for name in pairs(rows) do assert.is_true(named[name], name .. " is no helper") end
    end)
  end

  describe("and its own API", function()
    local dir, server
    local own = block(page, "lua", "-- apis/depot.lua\n")
    before_each(function()
      dir = tmp.dir()
      assert(lfs.mkdir(dir .. "/apis"))
      tmp.write(dir .. "/apis/depot.lua", own)
      tmp.write(dir .. "/sluice.yaml", block(page, "yaml", "version: 1\nconnections:\n  depot:"))
      tmp.write(dir .. "/restock.lua", block(page, "lua", "-- restock.lua\n"))
    end)
    after_each(function()
      if server then server:close() end
      server = nil
    end)
    local function run(...)
      local argv = { "env", "XDG_STATE_HOME=" .. dir, "DEPOT_KEY=open-sesame", "DEPOT_URL=" .. (server and server.url or "http://127.0.0.1:1"),
        sluice, ... }
      return assert(process.run { argv = argv, cwd = dir, timeout = 60 })
    end

    it("is less than 60 lines", function()
      local _, lines = own:gsub("\n", "\n")
      assert.is_true(lines < 60, lines)
    end)

    it("works against a server", function()
      server = scripted.start {
        { json = { articles = { { id = 1, qty = 0 }, { id = 2, qty = 5 } } } },
        { json = { stock = { qty = 10 } } },
        { json = { articles = { { id = "3/a", qty = 0 } } } },
        { status = 403, json = { error = { text = "read only" } } },
      }
      local done = run("run", "restock.lua")
      assert.equal("1\t10\n", done.stdout)
      assert.equal(4, done.status)
      assert.matches("depot.set_stock: PUT .* answered 403 Forbidden: read only\n.*hint: the key may only read\n  at: restock.lua:6", done.stderr)
      local seen = {}
      for i, request in ipairs(server.requests) do seen[i] = request.method .. " " .. request.target end
      assert.same({ "GET /articles?site=7", "PUT /articles/1/stock", "GET /articles?site=7&skip=2&take=2", "PUT /articles/3%2Fa/stock" }, seen)
      assert.equal("Bearer open-sesame", server.requests[1].headers.authorization)
      assert.equal('{"stock":{"qty":10,"note":"restocked"}}', server.requests[2].body)
    end)

    it("is checked and shown", function()
      assert.equal(0, run("check").status)
      assert.matches("qty +integer, required, 0 to 1000000: how many", run("api", "show", "depot.set_stock").stdout)
      tmp.write(dir .. "/apis/depot.lua", (own:gsub('resend = "safe"', 'resend = "save"', 1)))
      local done = run "check"
      assert.equal(2, done.status)
      assert.matches("operations%[1%] 'articles': resend 'save' is none of: .*did you mean 'safe'", done.stdout)
    end)
  end)
end)
