-- What README.md, docs/*.md and docs/reference/*.md show: Lua that compiles, configs that load, commands and options that exist, links that lead
-- somewhere.
local blocks = require "support.blocks"
local config = require "sluice.config"
local definition = require "sluice.definition"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local blocks_of, pages = blocks.of, blocks.pages()

local function each(kinds, fn)
  for _, page in ipairs(pages) do
    for _, block in ipairs(blocks_of(tmp.read(page))) do
      if kinds[block.kind] then fn(block, ("%s:%d"):format(page, block.line)) end
    end
  end
end

-- ---- commands ----

local function help(...) return assert(process.run { argv = { sluice, "help", ... } }).stdout end

local function options_in(text)
  local options = {}
  for name in text:gmatch "%-%-?%a[%w-]*" do options[name] = true end
  return options
end

local shared = options_in(help():match "Everywhere: ([^\n]+)")

-- The `sluice …` commands of a block, a list of words each.
local function commands_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    line = line:gsub("%s#.*$", ""):gsub("'[^']*'", "quoted")
    line = line:gsub("|.*$", "")
    for words in (" " .. line .. " &&"):gmatch "%s%f[%w]sluice(%s.-)&&" do
      local command = {}
      for word in words:gmatch "%S+" do command[#command + 1] = word end
      if line:find "^%s*%$?%s*sluice%s[^…]" or line:find "&&%s+sluice%s" then list[#list + 1] = command end
    end
  end
  return list
end

-- What is wrong with a command, or nil.
local function fault(words)
  local module = require("sluice.cli").commands[words[1]]
  if not module then return "there is no command " .. words[1] end
  local known = options_in(require("sluice.manual.command").option_lines(require(module).options or {}))
  for i = 2, #words do
    local option = words[i]:match "^(%-%-?%a[%w-]*)"
    if option and not known[option] and not shared[option] then return words[1] .. " has no option " .. option end
  end
  if words[1] == "run" and words[2]:find "/" and not io.open(words[2]) then return "there is no " .. words[2] end
  local api, operation = (words[1] == "api" and words[3] or ""):match "^([%w_]+)%.?([%w_]*)$"
  if not api or api == "API" or api == "depot" then return nil end
  local def = definition.load(api)
  if operation ~= "" and not (def.helpers or {})[operation] then definition.operation(def, operation) end
end

-- ---- links ----

local function anchor(heading)
  return (heading:lower():gsub("`", ""):gsub("[^%w%s_-]", ""):gsub("%s", "-"))
end

local function anchors_of(path)
  local names = {}
  for line in tmp.read(path):gmatch "[^\n]+" do
    local heading = line:match "^#+ (.+)$"
    if heading then names[anchor(heading)] = true end
  end
  return names
end

describe("the pages", function()
  it("show Lua that compiles", function()
    local n = 0
    each({ lua = true }, function(block, where)
      n = n + 1
      local chunk, message = load(block.text, "=" .. where, "t")
      chunk = chunk or load("return " .. block.text, "=" .. where, "t") -- an example of the reference may be a value
      assert.is_truthy(chunk, message)
    end)
    assert.is_true(n > 12)
  end)

  it("show configs that load", function()
    local n, names = 0, table.concat(definition.names(), " ")
    each({ yaml = true }, function(block, where)
      n = n + 1
      assert.matches("^version: 1\n", block.text, where)
      local path = tmp.write(tmp.dir() .. "/sluice.yaml", block.text)
      local cfg = config.load(path, { getenv = function(name) return name ~= "DEPOT_URL" and "/" .. name or nil end })
      for _, name in ipairs(config.connections(cfg)) do
        local api = block.text:match("\n  " .. name .. ":.-api: ([%w_]+)")
        local elsewhere = block.text:find "file:" or block.text:find "command:"
        if names:find(api, 1, true) and not elsewhere then assert.equal(name, config.connection(cfg, name).name, where) end
      end
    end)
    assert.is_true(n > 4)
  end)

  it("show commands and options that exist", function()
    local n = 0
    each({ sh = true, text = true }, function(block, where)
      for _, words in ipairs(commands_of(block.text)) do
        n = n + 1
        local problem = fault(words)
        assert.is_nil(problem, ("%s: %s"):format(where, problem))
      end
      local makefile = tmp.read "Makefile"
      for target in block.text:gmatch "%f[%w]make ([%w-]+)" do
        assert.is_truthy(makefile:find("\n[%w -]*%f[%w]" .. target:gsub("%-", "%%-") .. "[%w -]*:"), target)
      end
    end)
    assert.is_true(n > 20)
  end)

  it("have links that lead somewhere", function()
    local n = 0
    for _, page in ipairs(pages) do
      for target in tmp.read(page):gmatch "%]%(([^)%s]+)%)" do
        local path, name = target:match "^([^#]*)#?(.*)$"
        if not path:find "^https?:" then
          n = n + 1
          local full = path == "" and page or (page:match "^.*/" or "") .. path
          assert.is_truthy(lfs.attributes(full), page .. " links to " .. target)
          if name ~= "" then assert.is_true(anchors_of(full)[name], page .. " links to " .. target) end
        end
      end
    end
    assert.is_true(n > 30)
  end)

  it("are looked at by checks that can fail", function()
    assert.same({ { "run", "x.lua", "a=1" }, { "check" } }, commands_of "sluice run x.lua a=1 | wc -l  # text\n cd x && sluice check\n# sluice is\n")
    assert.equal("there is no command rum", fault { "rum" })
    assert.equal("run has no option --fast", fault { "run", "x.lua", "--fast" })
    assert.equal("there is no no/where.lua", fault { "run", "no/where.lua" })
    assert.is_false(pcall(fault, { "api", "show", "stock2shop.nothing" }))
    assert.is_nil(fault { "run", "x.lua", "--summary=f", "-q", "-c", "f" })
    assert.same({ { kind = "lua", line = 2, lines = { "x" }, text = "x\n" } }, blocks_of "a\n```lua\nx\n```\n")
    assert.equal("sluicejson", anchor "sluice.json")
    assert.equal("yamls-traps", anchor "YAML's traps")
  end)
end)
