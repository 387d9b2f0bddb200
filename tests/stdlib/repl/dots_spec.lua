-- The commands of the prompt that begin with a dot.
local dots = require "sluice.repl.dots"
local lfs = require "lfs"
local project = require "support.project"
local tmp = require "support.tmp"
local typing = require "support.typing"

describe("a command with a dot", function()
  local p, s
  setup(function() p = project.full() end)
  teardown(function() p:stop() end)
  after_each(function()
    if s then s:leave() end
    s = nil
  end)

  local function refused(line)
    local ok, problem = pcall(dots.run, s, line)
    assert.is_false(ok)
    assert.equal("usage", problem.code)
    return problem.message, problem.hint
  end

  it("that is none is an error with the nearest, and all there are", function()
    s = typing.new(p)
    local message, hint = refused ".sav x.lua"
    assert.equal("there is no command '.sav'; did you mean '.save'?", message)
    assert.equal(".connections .help .quit .save .test", hint)
    assert.equal("there is no command '.frobnicate'", (refused ".frobnicate"))
  end)

  it("takes no words where it needs none", function()
    s = typing.new(p)
    for _, name in ipairs { "connections", "help", "quit" } do
      assert.equal(("." .. name .. " takes no words, not 'now'"), (refused("." .. name .. " now please")))
    end
    assert.is_nil(s.over)
  end)

  it(".connections lists name, API and address, and sends and shows no credentials", function()
    s = typing.new(p)
    local before = #p.sandbox:requests()
    local first = dots.run(s, ".connections")
    for _, row in ipairs { "connection +api +address", "depot +veeqo +http://", "feed +productsup_stream +http://", "shop +stock2shop +http://",
      "site +productsup_platform +http://" } do
      assert.matches(row, first)
    end
    s:eval "shop.name"
    assert.equal(first, dots.run(s, " .connections ")) -- one that was made stands there as before
    for _, secret in ipairs(p:secrets()) do assert.is_nil(first:find(secret, 1, true)) end
    assert.equal(before, #p.sandbox:requests())
  end)

  it(".connections says that there are none", function()
    s = typing.new(nil)
    local here = lfs.currentdir()
    lfs.chdir(tmp.dir())
    assert.equal("no connections: there is no sluice.yaml here, or it has none", dots.run(s, ".connections"))
    lfs.chdir(here)
  end)

  it(".help says what the prompt can do, each command with it", function()
    s = typing.new(p)
    local said = dots.run(s, ".help")
    for name, row in pairs(dots.rows) do
      assert.is_truthy(said:find("." .. name, 1, true))
      assert.is_truthy(said:find(row.about, 1, true))
    end
    assert.is_nil(said:find "%s$")
  end)

  it(".quit ends the session", function()
    s = typing.new(p)
    assert.is_nil(dots.run(s, ".quit"))
    assert.is_true(s.over)
  end)

  it(".save and .test do what they say", function()
    s = typing.new(p)
    s:eval "sources = shop.sources {}"
    local dir = tmp.dir()
    assert.matches("recipe.lua: 1 chunk", dots.run(s, (".save %s/recipe.lua"):format(dir)))
    assert.matches("shop:sources {}", tmp.read(dir .. "/recipe.lua"))
    assert.matches("recipe_spec.lua", dots.run(s, (".test %s/recipe_spec.lua"):format(dir)))
    refused ".save"
  end)

  it("says what is wrong with the config before it does anything", function()
    local path = tmp.write(tmp.dir() .. "/sluice.yaml", "version: 1\nconections: {}\n")
    s = typing.new(nil, { options = { config = path } })
    local ok, problem = pcall(dots.run, s, ".connections")
    assert.is_false(ok)
    assert.equal("config", problem.code)
  end)
end)
