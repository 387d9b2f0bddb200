-- product_batch: one batch, in order, committed once or discarded; against the sandbox and written answers.
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local flying = require "support.flying"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"
local task = require "sluice.task"

local FAST = { other = "10000/s", write = "10000/s", process = "10000/s", read = "10000/s" }

local function raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  return problem
end

local rejects, sums
local function new_run()
  rejects, sums = {}, run.set { silent = true, options = {} }
  function sums:reject(raw, reason, extra)
    rejects[#rejects + 1] = { raw = raw, reason = reason, extra = extra }
    self:count "rejected"
  end
end

local function fates() return { sums.sums.sent, sums.sums.rejected, sums.sums.skipped, sums.sums.unknown } end

describe("product_batch with the sandbox", function()
  local sb, site, now

  before_each(function()
    now = 1700000000
    sb = sandbox.start { products = 0, rate_scale = 1000, clock = function() return now end }
    site = connect { api = "productsup_platform", name = "site", base_url = sb.url, token = "1234:sandbox", limits = FAST }
    new_run()
  end)
  after_each(function()
    run.set(nil)
    sb:stop()
  end)

  local function paths(pattern)
    local list = {}
    for _, r in ipairs(sb:requests()) do
      local step = r.target:match("/products/%x+/(%w+)$")
      if step and (not pattern or step == pattern) then list[#list + 1] = step .. " " .. r.status end
    end
    return table.concat(list, ", ")
  end

  local function imported()
    site:process { site = 123, action = "import" }
    now = now + 10
    local list = {}
    for one in site:read_products { site = 123, stage = "import" } do list[#list + 1] = one end
    return list
  end

  it("uploads in pieces and commits once; tables, records and lines are rows", function()
    local batch = site:product_batch("Identifier:123", { type = "full", max_records = 2, automatic_import = false })
    batch:write { id = 1, price = 1.5 }
    batch:write '{"id":"2","price":12345678901234567890}'
    batch:write(assert(ndjson.record '{"id":"3","v":null}'))
    batch:write { id = "2", last = true }
    batch:delete(1)
    local done = batch:commit()
    assert.same({ 5, 0, 3, 32 }, { done.sent, done.rejected, done.requests, #done.batch })
    assert.equal("upload 200, upload 200, upload 200, commit 200", paths())
    assert.same({ 5, 0, 0, 0 }, fates())
    local rows = imported()
    assert.equal(3, #rows)
    assert.same({ "1", "1", "2", "true", "3", "" }, { rows[1].id, rows[1]["pup:isdeleted"], rows[2].id, rows[2].last, rows[3].id, rows[3].v })
    assert.matches("is committed", raises("usage", batch.write, batch, { id = 1 }).message)
    raises("usage", batch.commit, batch)
    batch:discard()
    assert.equal("commit 200", paths "commit")
  end)

  it("needs a type, and takes no more rows than the API does", function()
    assert.matches('type must be "full"', raises("usage", site.product_batch, site, 123).message)
    raises("usage", site.product_batch, site, 123, { type = "partial" })
    raises("usage", site.product_batch, site, nil, { type = "full" })
    assert.matches("did you mean 'type'", raises("usage", site.product_batch, site, 123, { typ = "full" }).message)
    assert.matches("1 to 10000", raises("usage", site.product_batch, site, 123, { type = "full", max_records = 10001 }).message)
    local batch = site:product_batch(123, { type = "delta" })
    for i = 1, 10001 do batch:write { id = i } end
    assert.equal(2, batch:commit().requests)
  end)

  it("keeps rows of a delta that can't be sent as dead letters, and goes on", function()
    local batch = site:product_batch(123, { type = "delta" })
    for _, row in ipairs { { id = 1 }, { title = "no id" }, { id = 2, tags = json.array { "x" } }, '{"id":3,"a":{"b":1}}', "[1]", "{oops",
      { id = "" } } do batch:write(row) end
    local done = batch:commit()
    assert.same({ 1, 6 }, { done.sent, done.rejected })
    assert.same({ 1, 6, 0, 0 }, fates())
    assert.matches("'tags' is nested, and products of this API are flat", rejects[2].reason)
    assert.matches("'a' is nested", rejects[3].reason)
    assert.same({ "123", batch.id }, { rejects[1].extra.site, rejects[1].extra.batch })
  end)

  it("ends a full batch over such a row: without it the product would be deleted", function()
    local batch = site:product_batch(123, { type = "full", max_records = 1 })
    batch:write { id = 1 }
    batch:write { id = 2 }
    local problem = raises("invalid", batch.write, batch, { id = 3, tags = {} })
    assert.matches("'tags' is nested", problem.message)
    assert.matches("would delete the product", problem.hint)
    assert.equal("upload 200, discard 200", paths())
    assert.same({ 0, 0, 2, 0 }, fates())
    raises("usage", batch.write, batch, { id = 4 })
  end)

  it("commits nothing where nothing was written", function()
    assert.same({ 0, 0 }, { site:product_batch(123, { type = "delta" }):commit().sent, #sb:requests() })
    local batch = site:product_batch(123, { type = "full" })
    assert.matches("would delete all products of site 123", raises("invalid", batch.commit, batch).message)
    assert.equal("", paths())
  end)

  it("discards where an upload is refused, where the run fails, and where it is left", function()
    sb:fault { kind = "status", status = 400, path = "*/upload", nth = 2 }
    local batch = site:product_batch(123, { type = "delta", max_records = 1 })
    batch:write { id = 1 }
    batch:write { id = 2 }
    raises("invalid", batch.write, batch, { id = 3 })
    assert.equal("upload 200, upload 400, discard 200", paths())
    assert.same({ 0, 0, 2, 0 }, fates())
    do
      local left <close> = site:product_batch(123, { type = "delta", max_records = 1 })
      left:write { id = 1 }
      left:write { id = 2 }
    end
    assert.equal("discard 200, discard 200", paths "discard")
    local failing = site:product_batch(123, { type = "delta", max_records = 1 })
    failing:write { id = 1 }
    failing:write { id = 2 }
    for _, ending in ipairs(sums.endings) do ending() end
    assert.equal("discard 200, discard 200, discard 200", paths "discard")
    assert.same({}, imported())
  end)

  it("waits while the batch is busy, and takes one task at a time", function()
    sb:fault { kind = "status", status = 423, says = "busy", path = "*/upload" }
    sb:fault { kind = "status", status = 423, says = "busy", path = "*/commit" }
    local batch = site:product_batch(123, { type = "delta" })
    batch:write { id = 1 }
    flying(function() batch:commit() end)
    assert.equal("upload 423, upload 200, commit 423, commit 200", paths())
    sb.options.latency = 0.02
    local other = site:product_batch(123, { type = "delta", max_records = 1 })
    other:write { id = 1 }
    local writing = task.spawn(function() other:write { id = 2 } end)
    task.sleep(0)
    assert.matches("one task at a time", raises("usage", other.write, other, { id = 3 }).message)
    writing:wait()
    other:commit()
    assert.equal(0, sb.limits.overlaps)
  end)
end)

describe("product_batch, where the commit goes wrong,", function()
  local api, site
  after_each(function()
    run.set(nil)
    api.close()
  end)

  local function commit(answers)
    api = scripted.start(answers)
    site = connect { api = "productsup_platform", name = "site", base_url = api.url, token = "1234:sandbox", limits = FAST }
    new_run()
    local batch = site:product_batch(123, { type = "full" })
    batch:write { id = 1 }
    return batch, batch.commit
  end

  local OK = { json = { success = true } }

  it("does not know what became of it when the answer is lost, and does nothing more", function()
    local batch, fn = commit { OK, { how = "reset" }, OK }
    local problem = raises("ambiguous", fn, batch)
    assert.matches("never commit it again blindly", problem.hint)
    assert.equal(2, #api.requests)
    assert.same({ 0, 0, 0, 1 }, fates())
    batch:discard()
    assert.equal(2, #api.requests)
  end)

  it("discards where it is refused, and says so where that fails too", function()
    local batch, fn = commit { OK, { json = { success = false, message = "no" } }, { status = 400 } }
    assert.matches("its success is false: no", raises("invalid", fn, batch).message)
    assert.matches("/discard$", api.requests[3].target)
    assert.same({ 0, 0, 1, 0 }, fates())
  end)
end)
