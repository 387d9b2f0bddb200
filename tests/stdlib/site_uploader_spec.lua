-- site_uploader: a stream's uploader for a site; deltas that are committed by flush. Against the sandbox.
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local ndjson = require "sluice.ndjson"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"

describe("site_uploader", function()
  local sb, site, sums
  before_each(function()
    sb = sandbox.start { products = 0, rate_scale = 1000 }
    site = connect { api = "productsup_platform", name = "site", base_url = sb.url, token = "1234:sandbox",
      limits = { write = "10000/s", other = "10000/s" } }
    sums = run.set { silent = true, options = {} }
    function sums:reject() self:count "rejected" end
  end)
  after_each(function()
    run.set(nil)
    sb:stop()
  end)

  local function batches()
    local list = {}
    for _, batch in pairs(sb.platform.sites[123].batches) do list[#list + 1] = ("%s %s %d"):format(batch.state, batch.type, batch.count) end
    table.sort(list)
    return table.concat(list, ", ")
  end

  it("commits a delta for each flush that has rows, and says what became of them", function()
    local told = {}
    local upload = site:uploader(123, { max_records = 2, remember = function(ids)
      assert.equal(nil, batches():find("committed", 1, true))
      for id in pairs(ids) do told[#told + 1] = id end
    end })
    upload:flush()
    upload:write { id = 1 }
    upload:write '{"id":"2"}'
    upload:write(assert(ndjson.record '{"id":"3"}'))
    upload:write { id = 4, nested = { 1 } }
    upload:write { title = "no id" }
    for bad in ndjson.records(function() return nil end) do upload:write(bad) end
    local done = upload:finish()
    assert.is_number(sb.platform.sites[123].auto_at)
    assert.same({ 3, 2, 1 }, { done.sent, done.rejected, #done.batches })
    assert.equal("committed delta 3", batches())
    table.sort(told)
    assert.same({ "1", "2", "3", "4" }, told)
    assert.same({ 3, 2 }, { sums.sums.sent, sums.sums.rejected })
    assert.has_error(function() upload:write { id = 5 } end)
  end)

  it("passes on what a commit is told, and what is wrong", function()
    local upload = site:uploader(123, { automatic_import = false })
    upload:write { id = 1 }
    upload:flush()
    upload:write { id = 2 }
    upload:finish()
    assert.equal("committed delta 1, committed delta 1", batches())
    assert.is_nil(sb.platform.sites[123].auto_at)
    for _, wrong in ipairs { { nil }, { 123, { typ = 1 } }, { 123, { type = "full" } } } do
      local ok, problem = pcall(site.uploader, site, wrong[1], wrong[2])
      assert.is_false(ok)
      assert.is_true(err.is(problem) and problem.code == "usage", tostring(problem))
    end
    upload = site:uploader(7)
    upload:write { id = 1 }
    local ok, problem = pcall(upload.flush, upload)
    assert.is_false(ok)
    assert.equal("not_found", problem.code)
    assert.equal(1, sums.sums.skipped)
  end)
end)
