local annotations = require "sluice.manual.annotations"

local TEXT = [[
---@meta sluice.pond

--- Ponds.
---
---     pond.fill(p)

local pond = {}

---@class sluice.Pond a pond
---@field depth number metres,
--- at its middle
---@field close fun(self): boolean it is gone
---@field [string] any

--- Makes one. It is
--- empty.
---@param name string
---@param options? { a: integer, b?: fun(x: integer): string, c: table<string, integer> } how;
--- default none
---@return sluice.Pond? pond `nil` where there is no room
---@return sluice.Error? err
function pond.make(name, options) end

local function private() end

--- Fills it.
function Pond:fill(...) end

return pond
]]

describe("sluice.manual.annotations", function()
  local page = annotations.read("pond", TEXT)

  it("reads what a module is about", function() assert.equal("Ponds.\n\n    pond.fill(p)", page.about) end)

  it("reads functions with parameters and results", function()
    local make = page.functions[1]
    assert.equal("pond.make(name, options)", make.call)
    assert.equal("Makes one. It is\nempty.", make.doc)
    local type_of_options = "{ a: integer, b?: fun(x: integer): string, c: table<string, integer> }"
    assert.same({ { name = "name", optional = false, type = "string", doc = "" },
      { name = "options", optional = true, type = type_of_options, doc = "how; default none" } }, make.params)
    assert.same({ { type = "sluice.Pond?", doc = "pond `nil` where there is no room" }, { type = "sluice.Error?", doc = "err" } }, make.returns)
    assert.same({ "pond:fill(...)", "Pond", 2 }, { page.functions[2].call, page.functions[2].class, #page.functions })
  end)

  it("reads classes", function()
    local class = page.classes[1]
    assert.same({ "sluice.Pond", "a pond", 3 }, { class.name, class.doc, #class.fields })
    assert.same({ "depth", "number", "metres, at its middle" }, { class.fields[1].name, class.fields[1].type, class.fields[1].doc })
    assert.same({ fill = true, close = true }, annotations.methods(page))
  end)

  it("writes a function as text", function()
    local text = annotations.text(page.functions[1])
    assert.matches("^pond.make%(name, options%)\n\nMakes one", text)
    assert.matches("\n  name  string\n  options%?  { a: integer.* }  how; default none\n\n  %-> sluice.Pond%?  pond", text)
    assert.equal("Makes one.", annotations.sentence(page.functions[1].doc))
  end)

  it("takes another name for the module's table, and a text without anything", function()
    local other = annotations.read("lake", "--- A.\nlocal M = {}\n--- B.\nfunction M.f() end\nreturn M\n")
    assert.equal("lake.f()", other.functions[1].call)
    assert.same({ name = "x", about = "", functions = {}, classes = {} }, annotations.read("x", ""))
  end)
end)
