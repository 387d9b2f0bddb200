-- The names of options that `sluice check` takes from the annotations are those that the functions take, both ways.
local annotations = require "sluice.check.annotations"
local core = require "sluice.core"
local text = require "sluice.text"
local tmp = require "support.tmp"

-- The names in a list of the module's source: local KNOWN = { "a", "b" }.
local function listed(source, name)
  local names = {}
  for word in source:match("local " .. name .. " = {(.-)}"):gmatch '"([%w_]+)"' do names[word] = true end
  return names
end

-- The annotated names of a function's nth parameter.
local function annotated(module, name, n)
  return annotations.fields(annotations.of(module).functions[name].params[n].type)
end

local function same(a, b, what) assert.same(text.keys(a), text.keys(b), what) end

describe("the annotated options", function()
  for _, row in ipairs {
    { "sluice.uploader", "uploader", 3, "KNOWN" }, { "sluice.site_uploader", "uploader", 3, "KNOWN" },
    { "sluice.product_batch", "product_batch", 3, "KNOWN" }, { "sluice.batches", "wait_batches", 2, "KNOWN" },
    { "sluice.outbox", "open", 1, "known" }, { "sluice.csv", "records", 2, "OPTIONS" }, { "sluice.recipe", "declare", 1, "known" },
  } do
    it(("of %s.%s are those that it knows"):format(row[1], row[2]), function()
      local source = assert(core.source(row[1]))
      local fields = row[1] == "sluice.recipe" and annotated("sluice", "recipe", 1) or annotated(row[1], row[2], row[3])
      same(listed(source, row[4]), fields, row[1])
    end)
  end

  it("of http are those of the core", function()
    local known = {}
    for name in tmp.read("bindings/http_request.c"):match "option options%[%] = {(.-)\n}":gmatch '{"([%w_]+)"' do known[name] = true end
    same(known, annotated("sluice.http", "post", 2))
    known.method, known.url = true, true
    same(known, annotated("sluice.http", "request", 1))
  end)

  it("are read from whatever form they have", function()
    local read = annotations.read [[
---@class sluice.X.Base
---@field a? "x"|"y" words
---@field [string] any
local Base = {}

--- A thing.
---@param options { deep?: { x: integer, y: integer }, each: fun(a: string, b: any): boolean, last: string[] } of which
--- more is said here
---@param list? table<string, fun(): any> and words
---@return sluice.X.Base?, sluice.Error?
function x.make(options, list) end

---@param o { one: string,
--- two: integer }
function Base:go(o) end
]]
    assert.same({ a = '"x"|"y"', ["*"] = "any" }, read.classes["sluice.X.Base"])
    local make = read.functions.make
    assert.same({ "options", "list" }, { make.params[1].name, make.params[2].name })
    assert.same({ deep = "{ x: integer, y: integer }", each = "fun(a: string, b: any): boolean", last = "string[]" },
      annotations.record(make.params[1].type))
    assert.same({ "table<string, fun(): any>", "sluice.X.Base?" }, { make.params[2].type, make.returns[1] })
    assert.same({ one = "string", two = "integer" }, annotations.record(read.methods["sluice.X.Base"].go.params[1].type))
  end)

  it("come from the text of embedded modules alone", function()
    assert.matches("^%-%-%-", core.source "sluice.csv")
    assert.is_nil(core.source "sluice.nope")
    assert.same({}, annotations.of("sluice.nope").functions)
  end)

  it("can't be told of an object, an open table or an unknown class", function()
    for _, typed in ipairs { "sluice.ndjson.Reader", "sluice.Client", "sluice.nope.Nope", "table", "table<string, any>", "{ [string]: any }",
      "string|file*" } do
      assert.is_nil(annotations.fields(typed), typed)
    end
  end)
end)
