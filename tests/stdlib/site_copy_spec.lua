-- A site's products into a stream: what is left out, and what stops it.
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local json = require "sluice.json"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"
local site_copy = require "sluice.site_copy"
local platform_products = require "sluice.sandbox.platform_products"

describe("sluice.site_copy", function()
  local sb, o
  before_each(function()
    run.set { silent = true, options = {} }
    sb = sandbox.start { products = 0, rate_scale = 1000 }
    local limits = { other = "1000/s", write = "1000/s", read = "1000/s", products = "1000/s", batches = "1000/s" }
    o = { site_id = 123, stage = "import", stream = "124773", memory = { add = function() end },
      site = connect { api = "productsup_platform", name = "site", base_url = sb.url, token = "1234:sandbox",
        limits = { other = limits.other, write = limits.write, read = limits.read } },
      feed = connect { api = "productsup_stream", name = "feed", base_url = sb.url, token = "sandbox-token",
        limits = { other = limits.other, products = limits.products, batches = limits.batches } } }
  end)
  after_each(function()
    sb:stop()
    run.set(nil)
  end)

  local fills = 0
  local function fill(rows)
    fills = fills + 1
    local batch = ("%032d"):format(fills)
    o.site:upload_products { site = 123, batch = batch, body = rows }
    o.site:commit_products { site = 123, batch = batch, type = "full", automatic_import = false }
    platform_products.import(sb, sb:site(123))
  end

  local function fails()
    local ok, problem = pcall(site_copy.to_stream, o)
    assert.is_false(ok)
    assert.is_true(err.is(problem), tostring(problem))
    return problem
  end

  it("takes all but what is marked as deleted, and counts both", function()
    fill { { id = "a", title = "A" }, { id = "b", ["pup:isdeleted"] = 1 }, { id = "c" } }
    local copied = site_copy.to_stream(o)
    assert.same({ 2, 0 }, { copied.sent, copied.rejected })
    assert.is_string(copied.last)
    assert.same({ id = "a", title = "A" }, (json.decode(sb:stream(124773):get "a")))
    assert.same({ 3, 2, 1 }, { run.current().sums.read, run.current().sums.sent, run.current().sums.skipped })
    local ids = {}
    for id in site_copy.ids(o.site, 123, "import") do ids[#ids + 1] = id end
    assert.same({ "a", "b", "c" }, ids)
  end)

  it("takes out of the stream what an earlier try may have sent and the site has no longer", function()
    fill { { id = "a" } }
    local kept = {}
    o.again, o.memory.retain = true, function(ids)
      for id in ids do kept[#kept + 1] = id end
    end
    site_copy.to_stream(o)
    assert.same({ "a" }, kept)
  end)

  it("stops where the site has nothing, or changes while it is read", function()
    assert.matches("site 123 has no products", fails().message)
    fill { { id = "a" } }
    o.memory.add = function() fill { { id = "a" }, { id = "b" } } end -- before what was read goes out
    assert.matches("changed while they were read: 1 were read of 1", fails().message)
  end)
end)
