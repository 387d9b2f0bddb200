local argument = require "sluice.argument"
local lfs = require "lfs"
local recipe = require "sluice.completion.recipe"
local run = require "sluice.run"
local tmp = require "support.tmp"
local words = require "sluice.completion.words"

local CONFIG = [[
version: 1
connections:
  shop: { api: stock2shop, username: "${NOBODY_SETS_THIS}", password: { command: [touch, asked] } }
  feed: { api: productsup_stream, token: "${NOR_THIS}" }
schedules:
  delta: { recipe: x.lua, every: 5m }
  night: { recipe: x.lua, cron: "0 3 * * *" }
]]

local function offered(...)
  local list = words.candidates { ... }
  local names = {}
  for i, one in ipairs(list) do names[i] = one[1] end
  return table.concat(names, " "), list
end

describe("sluice.completion.words", function()
  local config
  before_each(function() config = tmp.write(tmp.dir() .. "/sluice.yaml", CONFIG) end)
  local function with_config(...) return (offered("-c", config, ...)) end

  it("offers commands with what they do", function()
    local all, list = offered ""
    for name in pairs(require("sluice.cli").commands) do assert.matches("%f[%w]" .. name .. "%f[%W]", all) end
    assert.equal(require("sluice.api").about, list[1][2])
    assert.equal("run runs", (offered "ru"))
    assert.equal("runs", (offered("-v", "--log-format", "json", "runs")))
  end)

  it("offers subcommands, and options of the one that is there", function()
    assert.equal("list show logs cancel", (offered("runs", "")))
    assert.equal("--follow", (offered("runs", "logs", "--fo")))
    assert.equal("", (offered("runs", "logs", "--sta")))
    assert.equal("--state=", (offered("runs", "list", "--sta")))
    assert.equal("--once", (offered("serve", "--o")))
    assert.equal("", (offered("serve", "--re"))) -- its own
  end)

  it("offers what options take", function()
    assert.equal("--state=partial", (offered("runs", "list", "--state=pa")))
    assert.equal("partial", (offered("runs", "list", "--state", "pa")))
    assert.equal("text", (offered("--log-format", "te")))
    assert.equal("delta night", with_config("runs", "list", "--schedule", ""))
    assert.same({ "*", "--summary=" }, { select(2, offered("run", "x.lua", "--summary=")).files, words.candidates { "run", "--summary=x" }.before })
  end)

  it("offers names of the config without asking for its secrets", function()
    assert.equal("feed shop", with_config("call", ""))
    assert.equal("shop", with_config("doctor", "feed", "sh"))
    assert.equal("delta night", with_config("schedule", "why", ""))
    assert.equal("", with_config("schedule", "why", "delta", ""))
    assert.is_nil(lfs.attributes "asked")
  end)

  it("offers operations and their arguments, each once", function()
    assert.equal("search_products search_orders", with_config("call", "shop", "search"))
    assert.equal("channel_id= from= query= sort=", with_config("call", "shop", "search_products", "size=5", ""))
    assert.equal("stock2shop.sources", (offered("api", "show", "stock2shop.so")))
    assert.equal("stock2shop", (offered("api", "show", "sto")))
  end)

  it("offers arguments of a recipe by their types", function()
    local path = "scripts/delta_feed.lua"
    assert.equal("from=shop", with_config("run", path, "from=s"))
    assert.equal("shape=product shape=variant", (offered("run", path, "shape=")))
    assert.equal("sweep=true sweep=false", (offered("run", path, "sweep=")))
    assert.equal("*.lua", words.candidates { "run", "" }.files)
    assert.same({ "*", "stream=" }, { words.candidates({ "run", path, "stream=" }).files, words.candidates({ "run", path, "stream=" }).before })
  end)

  it("offers words of a usage's own, again and again where there may be several", function()
    assert.equal("sent", (offered("outbox", "list", "se")))
    assert.equal("unknown", (offered("outbox", "list", "sent", "unk")))
  end)

  it("offers nothing where nothing is known, and never raises", function()
    assert.equal("", (offered("nothing", "")))
    assert.equal("", (offered("version", "")))
    assert.equal("", (offered("call", "nowhere", "x")))
    tmp.write(config, "version: 1\nconnections: [\n")
    assert.equal("", with_config("call", ""))
    assert.equal("", (offered("-c", "/not/there.yaml", "call", "")))
    assert.equal("", (offered("run", "/not/there.lua", "x")))
    assert.equal("", (offered("api", "show", "nothing.x")))
  end)
end)

describe("sluice.completion.recipe", function()
  it("reads of each recipe that is here what it declares", function()
    local n = 0
    for _, folder in ipairs { "scripts", "examples" } do
      for file in lfs.dir(folder) do
        local text = file:find "%.lua$" and tmp.read(folder .. "/" .. file) or ""
        if text:find("sluice.recipe", 1, true) and file ~= "demo.lua" then
          local declared, read = run.load(folder .. "/" .. file, {}).args, recipe.arguments(folder .. "/" .. file)
          for name, arg in pairs(declared) do -- of types and choices that are made by code the names alone are known
            assert.same({ file, name, arg.doc }, { file, name, (read[name] or {}).doc })
            read[name] = nil
          end
          assert.same({}, read, file)
          n = n + 1
        end
      end
    end
    assert.is_true(n >= 11)
  end)

  it("passes over strings and comments, and runs nothing", function()
    local function names(text)
      local list = recipe.of("return sluice.recipe { about = 'x', args = " .. text .. ", run = print }")
      return table.concat(require("sluice.text").keys(list), " ")
    end
    assert.equal("a b in", names [==[{ a = "}{(", -- ) }
      b = { 'it\'s', default = [=[ ]] } ]=] }, --[[ , c = 1 ]] ["in"] = 'x' }]==])
    assert.equal("a b", names "{ a = os.exit(3), b = (function() while true do end end)() }")
    assert.same({ type = "text", doc = "x" }, recipe.of("sluice.recipe" .. " { args = { a = optional('x', g { 1, 2 }) } }").a)
    assert.same({ type = "text", doc = "y" }, recipe.of("sluice.recipe" .. " { args = { a = { 'y', typo = 1 } } }").a)
    assert.same({}, recipe.of "return sluice.recipe { args = { a = 'x'")
    assert.equal("", names "made()")
    assert.same({}, recipe.of "local args = { a = 1 } print(args)")
    assert.same(argument.declare("a", "x"), recipe.of("sluice.recipe" .. "({ args = { a = 'x' } })").a)
  end)
end)
