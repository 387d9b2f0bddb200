-- docs/recipes.md names the error codes with their exit codes, the error's fields and the methods of a run; its recipe runs.
local err = require "sluice.err"
local fail = require "sluice.fail"
local json = require "sluice.json"
local project = require "support.project"
local tmp = require "support.tmp"

local page = tmp.read "docs/recipes.md"

local function section(title) return page:match("\n## " .. title .. "\n(.-)\n## ") or page:match("\n## " .. title .. "\n(.*)") end

local function set(text, pattern)
  local names = {}
  for name in text:gmatch(pattern) do names[name] = true end
  return names
end

local function set_of(list)
  local names = {}
  for _, name in ipairs(list) do names[name] = true end
  return names
end

describe("docs/recipes.md", function()
  it("names all error codes", function()
    assert.same(set_of(err.codes()), set(section "Errors":match "| code | when |(.*)", "\n| `([%w_]+)` |"))
  end)

  it("names the fields of an error value", function()
    local annotated = {}
    for name in tmp.read("bindings/err.lua"):gmatch "%-%-%-@field ([%w_]+)" do annotated[name] = true end
    local table_text = section "Errors":match "| field | |(.-)\n\n"
    local named = {}
    for cell in table_text:gmatch "\n| ([^|]*) |" do
      for name in cell:gmatch "`([%w_]+)`" do named[name] = true end
    end
    assert.same(annotated, named)
  end)

  it("says which error gives which exit code", function()
    for line in section("Exit codes"):gmatch "[^\n]+" do
      local code, rest = line:match "^| (%d+) | (.*) |$"
      for name in (rest or ""):gmatch "`([%w_]+)`" do
        assert.equal(tonumber(code), fail.exit_code(err.new { code = name, message = "m" }), name)
      end
    end
    for _, name in ipairs(err.codes()) do
      local code = fail.exit_code(err.new { code = name, message = "m" })
      if code > 1 then assert.is_truthy(section("Exit codes"):find("\n| " .. code .. " |[^\n]*`" .. name .. "`"), name) end
    end
  end)

  it("names the methods of a run", function()
    local methods = set(tmp.read "stdlib/run.lua", "\nfunction Run:([%w_]+)%(")
    assert.same(methods, set(section "The run":match "(.-)%*%*Sums", "`run:([%w_]+)%("))
  end)

  it("has a recipe whose records all have a fate", function()
    local p = project.new { products = 1 }
    tmp.write(p.dir .. "/send.lua", page:match "\n```lua\n(.-)```")
    tmp.write(p.dir .. "/products.ndjson", '{"id":"1","qty":3}\n{"id":"2","qty":0}\nno record\n{"qty":5}\n')
    local done = p:run "send.lua from=products.ndjson to=feed stream=124773"
    local again = p:run "send.lua from=products.ndjson to=feed stream=124773 least=9"
    local stored = p.sandbox:stream(124773).count
    p:stop()
    local s = assert(done.sums, done.stderr)
    assert.same({ 3, 4, 1, 1, 2 }, { done.status, s.read, s.sent, s.skipped, s.rejected })
    assert.equal(1, stored)
    local letters = {}
    for line in tmp.read(s.dead_letters):gmatch "[^\n]+" do letters[#letters + 1] = json.decode(line) end
    assert.same({ "bm8gcmVjb3Jk", 3 }, { letters[1].raw_base64, letters[1].line })
    assert.same({ qty = 5 }, letters[2].record)
    assert.equal(3, again.sums.skipped)
  end)
end)
