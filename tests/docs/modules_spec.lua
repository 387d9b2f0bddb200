-- docs/modules.md and the loaded modules name the same functions and methods, both ways.
local tmp = require "support.tmp"

local annotations = require "sluice.manual.annotations"
local modules = require "sluice.manual.modules"

local public = modules.public

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

-- What is wrong with the annotations of a module: a function without, one that is not there, a parameter that is not named.
local function gaps(module, page)
  local list, named = {}, {}
  for _, fn in ipairs(page.functions) do
    if not fn.class then named[fn.name] = true end
    if not fn.class and type(module[fn.name]) ~= "function" then list[#list + 1] = fn.name .. " is annotated and does not exist" end
    local params = {}
    for _, param in ipairs(fn.params) do params[param.name] = true end
    for param in fn.call:match "%((.*)%)$":gmatch "[%w_]+" do
      if not params[param] then list[#list + 1] = ("%s: %s has no @param"):format(fn.name, param) end
      params[param] = nil
    end
    params["..."] = nil
    for param in pairs(params) do list[#list + 1] = ("%s: there is no parameter %s"):format(fn.name, param) end
    if fn.doc == "" and #fn.returns == 0 then list[#list + 1] = fn.call .. " says nothing" end
  end
  for name, value in pairs(module) do
    if type(value) == "function" and not named[name] then list[#list + 1] = name .. " has no annotation" end
  end
  table.sort(list)
  return list
end

describe("docs/modules.md", function()
  local page = tmp.read "docs/modules.md"
  local sections = named_in(page)

  for _, name in ipairs(public) do
    local module, annotated = require("sluice." .. name), modules.page(name)

    it("names what sluice." .. name .. " has", function()
      assert.same({}, differences(module, sections[name] or { functions = {}, methods = {} }, annotations.methods(annotated)))
      for fn, owner in pairs(sections[name].functions) do assert.equal(name, owner, fn) end
    end)

    it("is about functions of sluice." .. name .. " that are annotated with their parameters", function()
      assert.same({}, gaps(module, annotated))
      assert.matches("%w", annotated.about)
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
    local read = annotations.read("x", "--- About.\n\nlocal x = {}\n\n--- Does.\n---@param b? integer\n---@param c text\n"
      .. "function x.a(a, b) end\n\nreturn x\n")
    assert.same({ "a is annotated and does not exist", "a: a has no @param", "a: there is no parameter c", "b has no annotation" },
      gaps({ b = print }, read))
  end)
end)
