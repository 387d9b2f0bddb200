local json = require "sluice.json"
local lfs = require "lfs"
local project = require "support.project"
local tmp = require "support.tmp"

local PNG, JPG = "\x89PNG\r\n\x1a\n" .. ("p"):rep(50), "\xFF\xD8\xFF\xE0" .. ("j"):rep(50)

describe("scripts/push_images.lua", function()
  local p
  before_each(function()
    p = project.new { products = 0 }
    assert(lfs.mkdir(p.dir .. "/images"))
    local lines = {}
    for i, code in ipairs { "SHIRT", "MUG", "BAG_2" } do
      lines[i] = json.encode { source_product_code = code, title = code, variants = { source_variant_code = code .. "-1", sku = code } }
    end
    tmp.write(p.dir .. "/products.ndjson", table.concat(lines, "\n"))
    assert(p:run("scripts/push_products.lua to=shop source_id=57 file=products.ndjson").status == 0)
  end)
  after_each(function() p:stop() end)

  local function put(files)
    for name, bytes in pairs(files) do tmp.write(p.dir .. "/" .. name, bytes) end
  end

  local function push(words) return p:run("scripts/push_images.lua to=shop source_id=57 " .. words) end

  -- The queued images in their order: "CODE image_id main state".
  local function queued()
    local list = {}
    for _, entry in ipairs(p.sandbox:queued()) do
      local image = entry.instruction == "sync_image" and entry.item.image
      if image then
        list[#list + 1] = ("%s %s %s %s"):format(entry.code, image.image_id, image.meta and image.meta.main_image or "-", entry.state)
      end
    end
    return list
  end

  -- The dead letters of all runs: "path: reason".
  local function reasons()
    local list = {}
    for name in lfs.dir(p.dir .. "/dlq") do
      for line in name:find "ndjson$" and io.lines(p.dir .. "/dlq/" .. name) or function() end do
        local letter = assert(json.decode(line))
        list[#list + 1] = ("%s: %s"):format(letter.record and letter.record.path or letter.line, letter.reason)
      end
    end
    table.sort(list)
    return list
  end

  it("sends a folder by the names of its files, in order, the first of each product as its main image", function()
    put { ["images/SHIRT_10.png"] = PNG, ["images/SHIRT_2.png"] = PNG .. "2", ["images/SHIRT.jpg"] = JPG, ["images/MUG_1.jpg"] = JPG,
      ["images/.hidden"] = "x" }
    local done = push "folder=images"
    assert.equal(0, done.status, done.stderr)
    assert.matches("4 images queued in 1 request, 0 rejected; the queue was empty after %d+ s", done.stderr)
    assert.same({ 4, 4 }, { done.sums.read, done.sums.sent })
    assert.same({ "MUG MUG_1 true done", "SHIRT SHIRT true done", "SHIRT SHIRT_2 - done", "SHIRT SHIRT_10 - done" }, queued())
    local shirt = json.decode(p.sandbox.catalogue:text(p.sandbox.catalogue:find_code "SHIRT"))
    assert.equal(3, #shirt.images)
    put { ["images/SHIRT_2.png"] = JPG .. "new" } -- pushed again it takes the former one's place
    assert.equal(0, push("folder=images").status)
    shirt = json.decode(p.sandbox.catalogue:text(p.sandbox.catalogue:find_code "SHIRT"))
    assert.same({ 3, "SHIRT_2" }, { #shirt.images, shirt.images[2].source_image_code })
    assert.matches("jpg$", shirt.images[2].storage_code)
  end)

  it("takes a code that ends in a number with another separator", function()
    put { ["images/BAG_2.jpg"] = JPG, ["images/BAG_2--2.jpg"] = PNG }
    assert.equal(0, push("folder=images separator=--").status)
    assert.same({ "BAG_2 BAG_2 true done", "BAG_2 BAG_2--2 - done" }, queued())
  end)

  it("rejects what is no image, too large, missing or there twice with the reason, and sends the rest, exit 3", function()
    put { ["images/MUG.jpg"] = "GIF89a", ["images/MUG_2.jpg"] = JPG, ["images/SHIRT.jpg"] = JPG .. ("x"):rep(2000000),
      ["images/SHIRT_2.jpg"] = JPG, ["images/SHIRT_2.png"] = PNG }
    assert(lfs.mkdir(p.dir .. "/images/old"))
    os.execute(("ln -s nowhere '%s/images/SHIRT_3.jpg'"):format(p.dir))
    local done = push "folder=images"
    assert.equal(3, done.status, done.stderr)
    assert.matches("2 images queued in 1 request, 4 rejected", done.stderr)
    assert.same({ 7, 2, 4, 1 }, { done.sums.read, done.sums.sent, done.sums.rejected, done.sums.skipped })
    assert.same({ "MUG MUG_2 - done", "SHIRT SHIRT_2 - done" }, queued())
    assert.same({
      "images/MUG.jpg: it is neither a jpg nor a png (by its first bytes)",
      "images/SHIRT.jpg: it is larger than 2000000 bytes",
      "images/SHIRT_2.png: images/SHIRT_2.png has the image_id SHIRT_2, as images/SHIRT_2.jpg has",
      "images/SHIRT_3.jpg: images/SHIRT_3.jpg: No such file or directory",
    }, reasons())
    put { ["images/MUG.jpg"] = PNG, ["images/SHIRT.jpg"] = JPG } -- mended
    local again = p:run("sluice dlq retry " .. done.sums.run)
    assert.equal(3, again.status, again.stderr)
    assert.matches("3 images queued in 1 request, 1 rejected", again.stdout .. again.stderr)
    assert.equal("MUG MUG true done", queued()[3])
  end)

  it("sends a list, whose paths start at its folder", function()
    put { ["images/a.jpg"] = JPG, ["images/b.png"] = PNG, ["images/images.csv"] = table.concat({
      "source_product_code,source_variant_code,path,main_image", "SHIRT,SHIRT-1,a.jpg,", "SHIRT,,b.png,true", "MUG,,gone.png,", "BAG_2" }, "\n") }
    local done = push "file=images/images.csv"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 4, 2, 2 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    assert.same({ "SHIRT a false done", "SHIRT b true done" }, queued())
    assert.same({ "5: it has 1 fields, the header 4", "images/gone.png: images/gone.png: No such file or directory" }, reasons())
    local shirt = json.decode(p.sandbox.catalogue:text(p.sandbox.catalogue:find_code "SHIRT"))
    assert.equal(shirt.images[1].id, shirt.variants[1].image_id)
  end)

  it("sends a list in NDJSON, of images elsewhere", function()
    put { ["images/a.jpg"] = JPG, ["list.ndjson"] = table.concat({
      '{"source_product_code":"MUG","path":"a.jpg","image_id":7,"source_variant_code":null}',
      '{"source_product_code":"MUG","path":"a.jpg","image_id":8}', '{"path":"a.jpg"}', '{"broken', "[1]",
      '{"source_product_code":"MUG","path":"a.jpg","image_id":9,"colour":"red"}' }, "\n") }
    local done = push "file=list.ndjson folder=images watch=false"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 6, 2, 4 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    assert.same({ "MUG 7 true done", "MUG 8 - done" }, queued())
    local all = table.concat(reasons(), "\n")
    assert.matches("source_product_code is missing", all)
    assert.matches("colour is no field of an image", all)
  end)

  it("is stalled where an item blocks the queue, exit 6", function()
    put { ["images/MUG.jpg"] = JPG }
    p.sandbox:poison "MUG"
    local done = push "folder=images stall_after=0.3"
    assert.equal(6, done.status, done.stderr)
    assert.matches("the queue has stood at 1 items", done.stderr)
  end)

  it("sends nothing where its arguments are wrong, exit 2", function()
    local before = #p.sandbox:requests()
    put { ["bad.csv"] = "source_product_code,image\nA,b\n", ["short.csv"] = "source_product_code\nA\n" }
    for words, message in pairs {
      [""] = "folder or file is missing", ["folder=nowhere"] = "folder nowhere is not there",
      ["file=bad.csv"] = "the column 'image' is none of an image", ["file=short.csv"] = "the column 'path' is missing",
      ["file=list.xls"] = "which format has list.xls", ["folder=images watch=maybe"] = "watch is true or false",
      ["folder=images batch=many"] = "batch is a whole number from 1, not 'many'", ["folder=images separator="] = "separator is empty",
    } do
      local done = push(words)
      assert.equal(2, done.status, words .. done.stderr)
      assert.matches(message, done.stderr)
    end
    assert.equal(before, #p.sandbox:requests())
  end)
end)
