-- scripts/migrate_platform_to_stream.lua against the sandbox: the way of the vendor's guide, its failures, and kill -9 at
-- every step. Always: one stream, all products, one link.
local json = require "sluice.json"
local model = require "support.shop_model"
local platform = require "sluice.sandbox.platform"
local project = require "support.project"
local tmp = require "support.tmp"

local WORDS = "scripts/migrate_platform_to_stream.lua site=site site_id=123 feed=feed name=moved"
local COUNT = 40

describe("migrate_platform_to_stream", function()
  local p, site
  before_each(function()
    p = project.new { products = 0, process_queue = 0, process_time = 0 }
    site = p.sandbox.platform.sites[123]
  end)
  after_each(function() p:stop() end)

  -- The site has n products, by the old way; with `more` lines behind them.
  local function fill(n, more)
    local lines = {}
    for i = 1, n do lines[i] = json.encode { id = "P-" .. i, title = "Product " .. i, price = i } end
    tmp.write(p.dir .. "/products.ndjson", table.concat(lines, "\n") .. "\n" .. (more or ""))
    local done = p:run "scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none"
    assert.equal(0, done.status, done.stderr)
    p:import()
  end

  -- A product that came in another way.
  local function add(row)
    site.uploaded.rows[row.id], site.uploaded.order[#site.uploaded.order + 1] = row, row.id
    p:import()
  end

  -- What a person does in the platform: the old data source is paused, its products come no more.
  local function pause_old() site.uploaded = nil end

  local function run(words)
    local done = p:run(WORDS .. " " .. (words or ""))
    assert.is_nil(done.stderr:find("traceback", 1, true), done.stderr)
    return done
  end

  local function named(name)
    local list = {}
    for _, stream in pairs(p.sandbox.streams) do
      if stream.name == name then list[#list + 1] = stream end
    end
    return list
  end

  -- One stream of that name with n products, each as it was in the site, linked once.
  local function check(n)
    local streams = named "moved"
    assert.equal(1, #streams)
    assert.same({ 1, streams[1].id }, { #site.sources, (site.sources[1] or {}).stream })
    for i = 1, n do
      local held = assert(json.decode((assert(streams[1].store:get("P-" .. i), "P-" .. i))))
      assert.same({ "Product " .. i, tostring(i) }, { held.title, held.price })
    end
    assert.equal(n, streams[1].store.count)
  end

  it("goes the way of the guide: fill, link, switch, compare, activate, and back", function()
    fill(COUNT)
    local done = run()
    assert.equal(0, done.status, done.stderr)
    assert.same({ COUNT, COUNT }, { done.sums.read, done.sums.sent })
    assert.matches("now pause the Platform API data source", done.stderr)
    assert.same({ "paused_upload", "paused" }, { site.status, site.sources[1].status })
    pause_old()
    done = run "old=paused"
    assert.equal(0, done.status, done.stderr)
    assert.matches("site 123 has 40 products, stream 124774 was sent 40: none is missing", done.stderr)
    assert.matches("The way back: step=back", done.stderr)
    check(COUNT)
    assert.same({ "paused_upload", "active", COUNT, 1 }, { site.status, site.sources[1].status, site.imports[1].count, #site.imports })
    assert.equal(0, run("old=paused").status)
    assert.equal(1, #site.imports) -- it knows that it is done
    done = run "--full" -- it no longer knows the stream as its own
    assert.equal(2, done.status)
    assert.matches("stream 124774 is called 'moved' already", done.stderr)
    assert.equal(0, run("step=activate").status)
    assert.equal("active", site.status)
    done = run "step=back"
    assert.matches("activate the Platform API data source", done.stderr)
    assert.same({ 0, "paused" }, { done.status, site.sources[1].status })
    assert.equal(0, run("old=paused").status)
    assert.equal(2, #site.imports)
    check(COUNT)
  end)

  it("does it all in one run where the old source is paused, and leaves out what is marked as deleted", function()
    fill(5, '{"id":"gone","title":"Gone","pup:isdeleted":1}\n{"id":"kept","title":"Kept","pup:isdeleted":0}\n')
    pause_old()
    local done = run "old=paused pause=false stage=intermediate"
    assert.equal(0, done.status, done.stderr)
    assert.same({ 7, 6, 1, "active" }, { done.sums.read, done.sums.sent, done.sums.skipped, site.status })
    assert.same({ id = "kept", title = "Kept", price = "" }, json.decode(named("moved")[1].store:get "kept"))
    assert.equal(2, run("step=activate").status)
  end)

  local function killed(step, n)
    local done = p:crash("KILL", step, n, WORDS .. " old=paused")
    assert(done.hit, ("%s %d: %s"):format(step, n, done.stderr))
    assert.equal(137, done.status)
  end

  local function afresh()
    p:stop()
    p = project.new { products = 0, process_queue = 0, process_time = 0 }
    site = p.sandbox.platform.sites[123]
  end

  it("dies at each of its steps, one death after the other: one stream, all products, one link", function()
    fill(COUNT)
    pause_old()
    for _, death in ipairs {
      { "before_commit", 1 }, { "after_commit", 1 }, { "create", 1 }, { "created", 1 }, { "before_commit", 1 }, { "after_commit", 1 },
      { "before_commit", 1 }, { "send", 1 }, { "answer", 1 }, { "before_commit", 2 }, { "after_commit", 2 }, -- uploaded
      { "before_commit", 1 }, { "linked", 1 }, { "after_commit", 2 }, { "process", 1 }, { "before_commit", 1 }, { "after_commit", 1 },
      { "before_commit", 1 }, { "after_commit", 1 },
    } do killed(table.unpack(death)) end
    local done = run "old=paused"
    assert.equal(0, done.status, done.stderr)
    check(COUNT)
    assert.same({ "paused_upload", "active" }, { site.status, site.sources[1].status })
    assert.equal(0, run("step=activate").status)
    assert.equal("active", site.status)
  end)

  it("dies once, at any of its steps", function()
    local steps = { { "created", 1 }, { "linked", 1 } }
    for n = 1, os.getenv "SLUICE_CRASH_LONG" and 7 or 0 do
      steps[#steps + 1] = { "before_commit", n }
      steps[#steps + 1] = { "after_commit", n }
    end
    for _, death in ipairs(steps) do
      fill(COUNT)
      pause_old()
      killed(table.unpack(death))
      local done = run "old=paused"
      assert(done.status == 0, ("after %s %d: %s"):format(death[1], death[2], done.stderr))
      check(COUNT)
      afresh()
    end
  end)

  it("dies again and again at random times, while the site's products change before the upload is done", function()
    local random, steps = model.randomizer(tonumber(os.getenv "SLUICE_SEED") or 1), { "created", "send", "answer" }
    for _ = 1, os.getenv "SLUICE_CRASH_LONG" and 40 or 1 do
      local count = 25
      fill(count)
      assert.is_true(p:crash("KILL", steps[random(1, 3)], 1, WORDS).hit)
      for _ = 1, 3 do
        if not p:run("sluice state list --json").stdout:find("uploaded", 1, true) then
          count = random(10, 30)
          fill(count)
        end
        p:crash("KILL", "after", random(20, 250) / 1000, WORDS) -- it may be over before
      end
      local done = run()
      assert.equal(0, done.status, done.stderr)
      pause_old()
      done = run "old=paused"
      assert.equal(0, done.status, done.stderr)
      check(count)
      afresh()
    end
  end)

  it("takes over the stream of a lost answer, and takes away what has gone from the site meanwhile", function()
    fill(COUNT)
    p.sandbox:fault "reset_after method=POST path=/streams"
    assert.equal(7, run().status)
    p.sandbox:fault "status status=400 path=/platform/v2/sites/123/streams method=POST"
    assert.equal(1, run().status)
    assert.equal(COUNT, named("moved")[1].store.count)
    local done = p:crash("KILL", "before_commit", 1, WORDS:gsub("moved", "again") .. " pause=false")
    assert(done.hit)
    done = run()
    assert.equal(0, done.status, done.stderr)
    check(COUNT)
    done = p:crash("KILL", "answer", 1, WORDS:gsub("moved", "again"))
    assert(done.hit)
    fill(COUNT - 3)
    assert.equal(0, p:run((WORDS:gsub("moved", "again"))).status)
    assert.equal(COUNT - 3, named("again")[1].store.count)
  end)

  it("leaves the streams of others alone", function()
    fill(3)
    p:run "scripts/stream_lifecycle.lua feed=feed step=create name=moved"
    for _ = 1, 2 do
      local done = run()
      assert.equal(2, done.status, done.stderr)
      assert.matches("stream 124774 is called 'moved' already", done.stderr)
    end
    p:run "scripts/stream_lifecycle.lua feed=feed step=delete stream=124774 delete=yes"
    for _ = 1, 2 do
      local done = run()
      assert.equal(2, done.status, done.stderr)
      assert.matches("a deleted stream keeps it for up to 7 days", done.stderr)
    end
    assert.same({}, site.sources)
  end)

  it("stops before the link where a product is refused, and goes on without it when told to", function()
    fill(3)
    add { id = "BIG", title = ("x"):rep(1100000) }
    local done = run()
    assert.equal(3, done.status, done.stderr)
    assert.matches("1 products were refused", done.stderr)
    assert.same({}, site.sources)
    pause_old()
    done = run "anyway=true old=paused"
    assert.equal(3, done.status, done.stderr)
    assert.matches("3 products are in stream", done.stderr)
    check(3)
  end)

  it("says what is wrong with the import: failed, queued already, or not the same products", function()
    fill(5)
    platform.fail_next(site)
    local done = run "old=paused"
    assert.equal(1, done.status)
    assert.matches("The connection to the server failed", done.stderr)
    add { id = "P-6", title = "stray" }
    done = run "old=paused"
    assert.equal(1, done.status)
    assert.matches("site 123 has 6 products, stream 124774 was sent 5: 0 are missing, 1 are not of the stream", done.stderr)
    pause_old()
    named("moved")[1].store:delete "P-2"
    done = run "old=paused"
    assert.equal(1, done.status)
    assert.matches("1 are missing %(the first is P%-2%)", done.stderr)
    named("moved")[1].store:put_body('{"id":"P-2","title":"Product 2","price":"2"}',
      { accepted = 1, ids = { "P-2" }, firsts = { 1 }, lasts = { 44 } })
    p.sandbox:fault { kind = "status", status = 429, says = "in_queue", path = "/platform/v2/process/*" }
    p:import()
    done = run "old=paused"
    assert.equal(0, done.status, done.stderr)
    check(5)
  end)

  it("names what is wrong with its arguments, and a site without products", function()
    for words, message in pairs {
      ["step=go"] = "step is migrate, activate or back", ["stage=export"] = "stage is import or intermediate",
      ["old=gone"] = "old is active or paused", ["pause=maybe"] = "pause is true or false", ["step=back"] = "has not linked",
      ["step=activate"] = "has not paused",
    } do
      local done = run(words)
      assert.equal(2, done.status, words .. done.stderr)
      assert.matches(message, done.stderr)
    end
    local done = run()
    assert.equal(1, done.status)
    assert.matches("site 123 has no products", done.stderr)
    done = p:run((WORDS:gsub("=123", "=Tag:1")))
    assert.equal(2, done.status)
    assert.matches("site_id is a whole number from 1, not 'Tag:1'", done.stderr)
  end)
end)
