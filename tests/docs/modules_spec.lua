-- docs/modules.md and the loaded modules name the same functions and methods, both ways.
local tmp = require "support.tmp"

local public = {
  "cron", "http", "json", "ndjson", "csv", "yaml", "limit", "retry", "poll", "state", "task", "log", "time", "crypto", "process", "server", "err",
  "auth", "file", "outbox", "sql", "system", "input", "product_columns", "product_rows", "image_files", "veeqo_product", "file_sink",
  "fresh", "notes", "site_copy",
}

-- module -> { functions = { name = true }, methods = { name = true } }, as the tables of a page name them.
local function named_in(page)
  local sections, current = {}, nil
  for line in page:gmatch "[^\n]+" do
    local heading = line:match "^## sluice%.?([%w_]*)$"
    if heading then
      current = { functions = {}, methods = {} }
      sections[heading] = current
    end
    local cell = current and line:match "^| (`[^|]*`) |"
    for owner, mark, name in (cell or ""):gmatch "`([%w_]+)([.:])([%w_]+)%(" do
      if mark == ":" then current.methods[name] = true
      else current.functions[name] = owner end
    end
  end
  return sections
end

local function readable(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- The methods of a module's classes, as its annotations declare them.
local function methods_of(name)
  local path = "bindings/" .. name .. ".lua"
  local text, names = tmp.read(readable(path) and path or "stdlib/" .. name .. ".lua"), {}
  for line in text:gmatch "[^\n]+" do
    local method = line:match "^function %u[%w_]*[.:]([%a][%w_]*)%(" or line:match "%-%-%-@field ([%w_]+) fun%(self"
    if method then names[method] = true end
  end
  return names
end

local function differences(module, section, methods)
  local list = {}
  for name, value in pairs(module) do
    if type(value) == "function" and not section.functions[name] then list[#list + 1] = name .. " is not in the docs" end
  end
  for name in pairs(section.functions) do
    if type(module[name]) ~= "function" then list[#list + 1] = name .. " is in the docs and does not exist" end
  end
  for name in pairs(methods) do
    if not section.methods[name] then list[#list + 1] = ":" .. name .. " is not in the docs" end
  end
  for name in pairs(section.methods) do
    if not methods[name] then list[#list + 1] = ":" .. name .. " is in the docs and does not exist" end
  end
  table.sort(list)
  return list
end

local function load_module(name)
  local ok, module = pcall(require, "sluice." .. name)
  return ok and module or nil
end

describe("docs/modules.md", function()
  local page = tmp.read "docs/modules.md"
  local sections = named_in(page)

  for _, name in ipairs(public) do
    local module = load_module(name)
    it("names what sluice." .. name .. (module and " has" or ", which is not there, has not"), function()
      if not module then return assert.is_nil(sections[name]) end
      assert.same({}, differences(module, sections[name] or { functions = {}, methods = {} }, methods_of(name)))
      for fn, owner in pairs(sections[name].functions) do assert.equal(name, owner, fn) end
    end)
  end

  it("names what sluice has", function()
    assert.same({ recipe = "sluice", connect = "sluice", usage = "sluice" }, sections[""].functions)
    for name in pairs(sections) do assert.is_table(require(name == "" and "sluice" or "sluice." .. name)) end
  end)

  it("has sections for public modules alone, each with a link that leads somewhere", function()
    local known = { [""] = true }
    for _, name in ipairs(public) do known[name] = true end
    for name in pairs(sections) do assert.is_true(known[name], name) end
    for path in page:gmatch "%]%(%.%./([^)#]+)%)" do assert.is_true(readable(path), path) end
  end)

  it("is compared by a check that can fail", function()
    local section = named_in("## sluice.x\n| `x.a(b)` `t:c()` | text |\n| `x.gone(…)` | |\n").x
    assert.same({ functions = { a = "x", gone = "x" }, methods = { c = true } }, section)
    assert.same({ ":d is not in the docs", "b is not in the docs", "gone is in the docs and does not exist" },
      differences({ a = print, b = print }, section, { c = true, d = true }))
  end)
end)
