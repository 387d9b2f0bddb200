-- Everything in this repository that is a recipe passes: `sluice check` is of use only where it does not cry wolf.
local check = require "sluice.check"
local lfs = require "lfs"
local literal = require "sluice.check.literal"
local parse = require "sluice.check.parse"
local tmp = require "support.tmp"

local CONFIG = [[
version: 1
connections:
  shop: { api: stock2shop, username: a, password: b }
  feed: { api: productsup_stream, token: x }
  site: { api: productsup_platform, token: "1:x" }
  depot: { api: veeqo, api_key: x }
]]
local KNOWN = { shop = true, feed = true, site = true, depot = true }

local function files_in(folder, pattern, list)
  list = list or {}
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:find(pattern) then list[#list + 1] = path
    elseif not name:find "^%." and lfs.attributes(path, "mode") == "directory" then files_in(path, pattern, list) end
  end
  return list
end

local function project()
  local dir = tmp.dir()
  return dir, tmp.write(dir .. "/sluice.yaml", CONFIG)
end

-- Whether all connections that a text names are among those of the config above.
local function at_home(text)
  if text:find "depot:articles" then return false end -- the page on one's own API has a depot of another kind
  for name in text:gmatch 'connect[%( ]*"([%w_]+)"' do
    if not KNOWN[name] then return false end
  end
  return true
end

-- What is found in a text, by itself and in a project.
local function faults(text, name)
  local dir, config = project()
  local path = tmp.write(dir .. (text:find '%f[%w]it[ (]*"' and "/r_spec.lua" or "/r.lua"), text)
  local lines = {}
  for _, options in ipairs { { recipes = { path } }, at_home(text) and { recipes = { path }, config = config } or nil } do
    local findings, notes = check.run(options)
    for _, one in ipairs(findings) do
      local filled_in = one.message:find "^there is no global '%u+'" -- a specs' text may have places for something else
      if not filled_in then lines[#lines + 1] = ("%s: %s:%s: %s"):format(name, one.line, one.column, one.message) end
    end
    for _, note in ipairs(notes) do
      if not note:find "is declared and never read$" then lines[#lines + 1] = note end
    end
  end
  return lines
end

local function each_string(node, fn)
  if node.tag == "String" then fn(node) end
  for _, part in ipairs(node) do
    if type(part) == "table" then each_string(part, fn) end
  end
end

describe("sluice check", function()
  it("finds nothing in scripts/ and examples/", function()
    local paths, _, config = files_in("scripts", "%.lua$", files_in("examples", "%.lua$")), project()
    assert.is_true(#paths > 18)
    for _, options in ipairs { { recipes = paths }, { recipes = paths, config = config } } do
      local findings, notes = check.run(options)
      assert.same({ {}, {} }, { findings, notes })
    end
  end)

  it("finds nothing in the Lua of the pages", function()
    local n = 0
    for _, page in ipairs(files_in("docs", "%.md$", { "README.md" })) do
      for block in tmp.read(page):gmatch "\n```lua\n(.-)\n```" do
        if block:find "require" and load(block) then
          n = n + 1
          assert.same({}, faults(block, page))
        end
      end
    end
    assert.is_true(n > 10)
  end)

  it("finds nothing in the recipes of specs", function()
    local n = 0
    for _, path in ipairs(files_in("tests/stdlib", "_spec%.lua$", files_in("tests/scripts", "_spec%.lua$"))) do
      local tree = assert(parse.tree(parse.source(tmp.read(path))))
      each_string(tree.block, function(node)
        local text = literal.text(node)
        if not path:find "/check" and (text:find '^%s*local [%w_, ]+ = require' or text:find '%.recipe *[({]') and load(text) then
          n = n + 1
          assert.same({}, faults(text, ("%s:%d"):format(path, node.line)))
        end
      end)
    end
    assert.is_true(n > 20, n)
  end)
end)
