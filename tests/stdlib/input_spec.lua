-- Files of records in their formats: what is a record is given, what is none is a dead letter with its line.
local err = require "sluice.err"
local input = require "sluice.input"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local run = require "sluice.run"
local tmp = require "support.tmp"

describe("sluice.input", function()
  local dir, rejected
  before_each(function()
    dir, rejected = tmp.dir(), {}
    local current = run.set { silent = true, options = {}, name = "t" }
    current.reject = function(self, raw, reason, extra)
      rejected[#rejected + 1] = { raw, reason, extra.line, extra.stream }
      self:count "rejected"
    end
  end)
  after_each(function() run.set(nil) end)

  local function file(name, text) return tmp.write(dir .. "/" .. name, text) end

  local function all(iterator)
    local list = {}
    for value in iterator do list[#list + 1] = type(value) == "userdata" and not ndjson.bad(value) and ndjson.totable(value) or value end
    return list
  end

  local function fails(fn, ...)
    local ok, problem = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_true(err.is(problem), tostring(problem))
    return problem.message
  end

  it("reads CSV and TSV by their columns, and rejects rows that are none", function()
    local rows = all(input.records(file("a.csv", 'sku,qty\nA,1\nB\n"C",3\n')))
    assert.same({ { sku = "A", qty = "1" }, { sku = "C", qty = "3" } }, rows)
    assert.same({ { "B", "it has 1 fields, the header 2", 3 } }, rejected)
    assert.same({ 1, 1 }, { run.current().sums.read, run.current().sums.rejected })
    assert.same({ { sku = "A", qty = "1" } }, all(input.records(file("a.txt", "sku\tqty\nA\t1\n"), { format = "tsv" })))
    local doubled = all(input.records(file("b.CSV", "n\n1\n2\n"), { columns = function(names)
      assert.same({ "n" }, names)
      return function(row) return { n = 2 * row.n } end
    end }))
    assert.same({ { n = 2 }, { n = 4 } }, doubled)
  end)

  it("reads NDJSON as records or plain values, and gives what is none to the caller", function()
    local path = file("a.jsonl", '{"id":1}\nno\n')
    local list = all(input.records(path))
    assert.same({ id = 1 }, list[1])
    assert.is_truthy(ndjson.bad(list[2]))
    assert.equal("table", type(input.records(path, { plain = true })()))
  end)

  it("does not guess at a format", function()
    assert.equal("which format has x.xls? format= is csv, tsv or ndjson", fails(input.format, "x.xls"))
    assert.matches("which format has standard input", fails(input.records, "-"))
    assert.equal("ndjson", input.format("-", "ndjson"))
    assert.matches("nowhere.csv", fails(input.records, "nowhere.csv"))
  end)

  it("counts each line, and rejects what is none with its line and what is said of it", function()
    local path = file("a", '{"id":1}\n{"broken\n[1]\n{"id":2}\n')
    local list = all(input.each(path, { what = "products", extra = { stream = "7" } }))
    assert.same({ { id = 1 }, { id = 2 } }, { list[1], list[#list] })
    assert.same({ '{"broken', 2, "7" }, { rejected[1][1], rejected[1][3], rejected[1][4] })
    assert.equal(4, run.current().sums.read)
    assert.matches("a:2", fails(function() all(input.each(path, { bad = "raise" })) end))
  end)

  it("checks columns: unknown ones with the nearest, missing ones", function()
    assert.equal("the column 'titel' is none of a product (did you mean 'title'?)",
      fails(input.check_columns, { "titel" }, { "title" }, {}, "a product"))
    assert.equal("the column 'sku' is missing",
      fails(input.check_columns, { "title" }, { "title", "sku" }, { "sku" }, "a product"))
    input.check_columns({ "title", "price:x" }, { "title" }, { "title" }, "a product", function(name) return name:find "^price:" end)
  end)

  it("makes products of columns", function()
    local of = require("sluice.product_columns").of
    local product = of { "source_product_code", "title", "source_variant_code", "sku", "option1_name", "price:retail", "qty:Depot", "meta:k" } {
      source_product_code = "A", title = "Shirt", source_variant_code = "A-1", sku = "", option1_name = "Size", ["price:retail"] = "2.50",
      ["qty:Depot"] = "4", ["meta:k"] = "v" }
    assert.same({ "A", "Shirt", nil }, { product.source_product_code, product.title, product.variants.sku })
    assert.equal('[{"name":"Size","position":1}]', json.encode(product.options, { sort = true }))
    assert.same({ { "retail", "2.50" }, { "Depot", "4" }, { "k", "v" } }, {
      { product.variants.price_tiers[1].tier, product.variants.price_tiers[1].price },
      { product.variants.qty_availability[1].description, product.variants.qty_availability[1].qty },
      { product.meta[1].key, product.meta[1].value } })
    assert.matches("the column 'prise:x' is none of a product", fails(of, { "prise:x" }))
    assert.equal("the column 'sku' is missing",
      fails(of, { "source_product_code", "title", "source_variant_code" }))
  end)

  it("finds the images of a folder and of a list, completes them, and rejects one whose name was there", function()
    local image_files, lfs = require "sluice.image_files", require "lfs"
    for _, name in ipairs { "B_10.png", "B.jpg", "B_2.png", ".hidden.jpg", "A.jpg", "A.png" } do file(name, "x") end
    lfs.mkdir(dir .. "/more")
    local found = all(image_files.completed(image_files.folder(dir, "_")))
    local ids = {}
    for i, one in ipairs(found) do ids[i] = ("%s %s %s"):format(one.source_product_code, one.image_id, tostring(one.main_image)) end
    assert.same({ "A A true", "B B true", "B B_2 nil", "B B_10 nil" }, ids)
    assert.matches("A.png has the image_id A, as .*A.jpg has", rejected[1][2])
    assert.same({ 6, 1, 1 }, { run.current().sums.read, run.current().sums.skipped, run.current().sums.rejected })
    local list = all(image_files.list(file("list.csv", "source_product_code,path,main_image\nA,a.jpg,\nB,/b.jpg,true\n")))
    assert.same({ { dir .. "/a.jpg", "false" }, { "/b.jpg", "true" } },
      { { list[1].path, list[1].main_image }, { list[2].path, list[2].main_image } })
    assert.matches("folder nowhere is not there", fails(image_files.folder, "nowhere", "_"))
    assert.matches("the column 'pfad' is none of an image", fails(image_files.list, file("x.csv", "source_product_code,pfad\n")))
  end)
end)
