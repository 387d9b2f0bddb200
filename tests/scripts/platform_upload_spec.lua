-- scripts/platform_upload.lua as a user runs it, against the sandbox, killed at each of its steps as well.
local json = require "sluice.json"
local model = require "support.shop_model"
local project = require "support.project"
local tmp = require "support.tmp"

local WORDS = "scripts/platform_upload.lua to=site site_id=123 file=products.ndjson"

describe("platform_upload", function()
  local p
  before_each(function() p = project.new { products = 0, process_queue = 0, process_time = 0 } end)
  after_each(function() p:stop() end)

  local function file(n, from, more)
    local lines = {}
    for i = from or 1, n do lines[#lines + 1] = json.encode { id = "P-" .. i, title = "Product " .. i, price = i } end
    tmp.write(p.dir .. "/products.ndjson", table.concat(lines, "\n") .. "\n" .. (more or ""))
  end

  local function upload(words)
    local done = p:run(WORDS .. " " .. words)
    assert.is_nil(done.stderr:find("traceback", 1, true), done.stderr)
    return done
  end

  local function ids()
    local rows, count = p:import()
    return count, rows
  end

  it("commits a delta or a full batch, and the site has what it says", function()
    file(25)
    local done = upload "type=delta batch=10"
    assert.equal(0, done.status, done.stderr)
    assert.matches("batch %x+: 25 products committed to site 123 %(delta%), 0 rejected", done.stderr)
    assert.same({ 25, 25 }, { done.sums.read, done.sums.sent })
    assert.is_number(p.sandbox.platform.sites[123].auto_at)
    local count, rows = ids()
    assert.same({ 25, "Product 7" }, { count, rows["P-7"].title })
    file(30, 26)
    assert.equal(0, upload("type=delta process=none").status)
    assert.equal(30, (ids()))
    file(3)
    assert.equal(0, upload("type=full process=none").status)
    assert.equal(3, (ids()))
  end)

  it("imports, and shows what the site says of it", function()
    file(5)
    local done = p:run(WORDS:gsub("=123", "=Identifier:123") .. " type=full process=import")
    assert.equal(0, done.status, done.stderr)
    assert.matches("process %x+%-[%x%-]+: success after %d+ s", done.stderr)
    assert.same({ 5, nil }, { p.sandbox.platform.sites[123].imports[1].count, p.sandbox.platform.sites[123].auto_at })
    require("sluice.sandbox.platform").fail_next(p.sandbox.platform.sites[123])
    done = upload "type=delta process=import"
    assert.equal(1, done.status)
    assert.matches("error 10012 of process [%x%-]+: The connection to the server failed .*sftp://example.org", done.stderr)
    assert.matches("has run, with errors", done.stderr)
    p.sandbox:fault { kind = "status", status = 429, says = "in_queue", path = "/platform/v2/process/*" }
    done = upload "type=delta process=import"
    assert.equal(0, done.status, done.stderr)
    assert.matches("a process is queued already, it takes the batch", done.stderr)
  end)

  it("discards to order, at Ctrl-C, and where an upload is refused", function()
    file(30)
    local done = upload "type=full commit=false batch=10"
    assert.equal(0, done.status, done.stderr)
    assert.matches("discarded, site 123 is as it was", done.stderr)
    assert.same({ 30, 0, 30 }, { done.sums.read, done.sums.sent, done.sums.skipped })
    done = p:crash("INT", "answer", 1, WORDS .. " type=full batch=10")
    assert.equal(130, done.status, done.stderr)
    p.sandbox:fault "status status=400 path=/platform/v2/sites/123/products/*/upload nth=2"
    assert.equal(1, upload("type=delta batch=10").status)
    assert.same({ discarded = 3 }, p:batch_states())
    assert.equal(0, (ids()))
  end)

  it("keeps what can't be sent of a delta, and commits no full batch without it", function()
    file(3, 1, '{"id":"P-4","tags":["a"]}\n{"id":"P-5"\n{"title":"no id"}\n')
    local done = upload "type=delta"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 6, 3, 3 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    local letters = tmp.read(done.sums.dead_letters)
    assert.matches("'tags' is nested", letters)
    assert.matches('"line":5', letters)
    done = upload "type=full"
    assert.equal(1, done.status)
    assert.matches("'tags' is nested", done.stderr)
    file(3, 1, '{"id":"P-5"\n')
    done = upload "type=full"
    assert.equal(1, done.status)
    assert.matches("products.ndjson:4", done.stderr)
    file(0)
    done = upload "type=full"
    assert.equal(1, done.status)
    assert.matches("an empty full batch would delete all products", done.stderr)
    assert.equal(3, (ids()))
  end)

  it("says where the vendor has removed what it needs", function()
    p.sandbox.options.legacy_gone = 410
    file(2)
    local done = upload "type=delta"
    assert.equal(1, done.status, done.stderr)
    assert.matches("legacy, removed by the vendor", done.stderr)
    assert.same({ 2, 0, 2 }, { done.sums.read, done.sums.sent, done.sums.skipped })
  end)

  it("says that the outcome of a commit is unknown, and is run again", function()
    file(8)
    p.sandbox:fault "reset_after path=/platform/v2/sites/123/products/*/commit"
    local done = upload "type=full process=none"
    assert.equal(7, done.status, done.stderr)
    assert.equal(8, done.sums.unknown)
    assert.equal(0, upload("type=full process=none").status)
    assert.same({ committed = 2 }, p:batch_states())
    assert.equal(8, (ids()))
  end)

  it("is killed at random points and run again, and the site has the file, once", function()
    local random = model.randomizer(tonumber(os.getenv "SLUICE_SEED") or 1)
    local steps, hits = { "send", "answer", "commit", "committed", "before_commit", "after_commit" }, 0
    for round = 1, os.getenv "SLUICE_CRASH_LONG" and 60 or 6 do
      local n, kind = random(20, 60), random(1, 2) == 1 and "full" or "delta"
      file(n)
      local words, step = WORDS .. (" type=%s process=none batch=7"):format(kind), steps[(round - 1) % #steps + 1]
      for _ = 1, random(1, 2) do
        local nth = (step == "send" or step == "answer") and random(1, 3) or 1
        hits = hits + (p:crash("KILL", step, nth, words).hit and 1 or 0)
      end
      local done = p:run(words)
      assert.equal(0, done.status, done.stderr)
      local count, rows = ids()
      if kind == "full" then assert.equal(n, count) end
      for i = 1, n do assert.equal(tostring(i), rows["P-" .. i].price) end
      if step ~= "commit" then assert.is_nil(p:batch_states().open) end -- its commit may have gone: nobody discards it
      p.sandbox.platform.sites[123].batches = {}
    end
    assert.is_true(hits >= 6)
  end)

  it("names what is wrong with its arguments, before anything is sent", function()
    file(1)
    for words, message in pairs {
      ["type=part"] = "type is full or delta", ["type=full commit=no"] = "commit is true or false",
      ["type=full process=export"] = "process is import, all, auto or none",
      ["type=delta batch=20000"] = "1 to 10000",
      ["type=delta deadline=soon"] = "deadline is a duration %(like 30s, 15m or 1h30m; a number alone is seconds%), not 'soon'",
    } do
      local done = upload(words)
      assert.equal(2, done.status, words .. done.stderr)
      assert.matches(message, done.stderr)
    end
    local done = p:run(WORDS:gsub("=123", "=7") .. " type=delta")
    assert.equal(1, done.status)
    assert.matches("404", done.stderr)
    done = p:run(WORDS:gsub("products.ndjson", "nowhere.ndjson") .. " type=full")
    assert.matches("nowhere.ndjson", done.stderr)
    assert.same({}, p:batch_states())
  end)
end)
