-- scripts/stream_lifecycle.lua against the sandbox: the tutorial's own data, each step alone, and what goes wrong.
local json = require "sluice.json"
local platform = require "sluice.sandbox.platform"
local project = require "support.project"
local tmp = require "support.tmp"

local RECIPE = "scripts/stream_lifecycle.lua feed=feed "
local SITE = "site=site site_id=123 "

describe("stream_lifecycle", function()
  local p, site
  before_each(function()
    p = project.new { products = 0, process_queue = 0, process_time = 0 }
    site = p.sandbox.platform.sites[123]
    local curl = tmp.read "tests/support/fixtures/stream/chapter3_upload.sh"
    tmp.write(p.dir .. "/products.ndjson", assert(curl:match "<<EOF\n(.-\n)EOF"))
  end)
  after_each(function() p:stop() end)

  local function run(words)
    local done = p:run(RECIPE .. words)
    assert.is_nil(done.stderr:find("traceback", 1, true), done.stderr)
    return done
  end

  it("goes through the chapters with the tutorial's data", function()
    local done = run(SITE .. "file=products.ndjson name=tutorial")
    assert.equal(3, done.status, done.stderr)
    assert.same({ 3, 2, 1 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    assert.matches("created stream 124774: tutorial\n  124773  chunked  [^\n]+\n  224773  referenced  [^\n]+\n  124774  chunked  tutorial\n",
      done.stderr)
    assert.matches('line 2: column 74: expected [^\n]+: {"id":"475%-SHIRT%-XL"', done.stderr)
    assert.matches("uploaded 2 products to stream 124774, 1 rejected; batch %x+%-", done.stderr)
    assert.matches("linked stream 124774 to site 123", done.stderr)
    assert.matches("process %x+%-[%x%-]+: success", done.stderr)
    assert.matches("batch [%x%-]+: processed\n  upload success, 2 accepted, 0 refused\n  processing success, 2 accepted, 0 refused\n", done.stderr)
    local rows, count = p:import()
    assert.same({ 2, "Product 1", "4.5" }, { count, rows["34SKJDF42DF"].name, rows["7824796324"].sale_price })
    local letter = json.decode(tmp.read(done.sums.dead_letters))
    assert.same({ 2, "124774" }, { letter.line, letter.stream })
  end)

  it("takes each step alone", function()
    assert.matches("created stream 124774", run("step=create name=one").stderr)
    local batch = run("step=upload stream=124774 file=products.ndjson").stderr:match "batch ([%x%-]+)"
    assert.matches("batch " .. batch:gsub("%-", "%%-") .. ": uploaded\n  upload success", run("step=follow stream=124774 batch=" .. batch).stderr)
    assert.matches("linked stream 124774", run(SITE .. "step=link stream=124774").stderr)
    local again = run(SITE .. "step=link stream=124774")
    assert.same({ 0, 1 }, { again.status, #site.sources })
    assert.matches("stream 124774 was linked to site 123 already", again.stderr)
    local pid = run(SITE .. "step=import").stderr:match "process ([%x%-]+) of"
    local done = run(SITE .. ("step=follow stream=124774 pid=%s batch=%s"):format(pid, batch))
    assert.equal(0, done.status, done.stderr)
    assert.matches(": processed", done.stderr)
    assert.matches("stream 124774 is called two now", run("step=rename stream=124774 rename=two").stderr)
    assert.equal("two", p.sandbox.streams["124774"].name)
    done = run(SITE .. "step=delete stream=124774 delete=yes")
    assert.equal(0, done.status, done.stderr)
    assert.same({ nil, 0 }, { p.sandbox.streams["124774"], #site.sources })
    assert.equal(1, run(SITE .. "step=delete stream=124774 delete=yes").status)
  end)

  it("does without a site, renames and deletes in one go, and deletes what no site imports", function()
    local done = run "file=products.ndjson name=one rename=two delete=yes"
    assert.equal(3, done.status, done.stderr)
    assert.matches("batch [%x%-]+: uploaded\n  upload success, 2 accepted, 0 refused\n", done.stderr)
    assert.is_nil(p.sandbox.streams["124774"])
    assert.equal(0, run(SITE .. "step=delete stream=124773 delete=yes").status)
  end)

  it("names the stream that has the name, also after an answer that was lost, and goes on with it", function()
    p.sandbox:fault "reset_after method=POST path=/streams"
    local done = run "file=products.ndjson name=mine"
    assert.equal(7, done.status, done.stderr)
    done = run "file=products.ndjson name=mine"
    assert.equal(1, done.status)
    assert.matches("a stream of that name exists: id 124774", done.stderr)
    done = run(SITE .. "file=products.ndjson stream=124774")
    assert.equal(3, done.status, done.stderr)
    assert.matches(": processed", done.stderr)
  end)

  it("says what the import refused, and where a process fails or never ends", function()
    run "step=create name=one"
    local batch = run("step=upload stream=124774 file=products.ndjson").stderr:match "batch ([%x%-]+)"
    require("sluice.sandbox.batches").process(p.sandbox.streams["124774"], os.time(), { reject = 1, message = "No title" })
    local done = run(SITE .. "step=follow stream=124774 batch=" .. batch)
    assert.equal(0, done.status, done.stderr)
    assert.matches("processing warning, 1 accepted, 1 refused\n    line 1: No title %(1 times%)", done.stderr)
    platform.fail_next(site)
    local pid = run(SITE .. "step=import").stderr:match "process ([%x%-]+) of"
    done = run(SITE .. "step=follow stream=124774 pid=" .. pid)
    assert.equal(1, done.status)
    assert.matches("The connection to the server failed", done.stderr)
    done = run(SITE .. "step=follow stream=124774 deadline=0.2 pid=47e6b828-3210-3568-8ec3-85ed3e2d944c")
    assert.equal(6, done.status, done.stderr)
    p.sandbox:fault { kind = "status", status = 429, says = "in_queue", path = "/platform/v2/process/*" }
    done = run(SITE .. "step=import")
    assert.equal(0, done.status, done.stderr)
    assert.matches("has a process queued already", done.stderr)
  end)

  it("names what is wrong with its arguments, before anything is sent", function()
    for words, message in pairs {
      ["step=make"] = "step is all, create", ["file=products.ndjson"] = "name is missing, the step create needs it",
      ["name=one"] = "file is missing, the step upload needs it", ["step=upload file=x"] = "stream is missing",
      ["step=link stream=1"] = "site is missing", ["step=delete stream=124773"] = "say delete=yes",
      ["step=delete stream=124773 delete=true"] = "say delete=yes", ["step=follow stream=1"] = "batch or pid is missing",
      ["name=one file=x site=site"] = "site_id is missing", ["step=rename stream=1"] = "rename is missing",
      ["step=follow stream=1 pid=x"] = "go together", ["step=import site=site site_id=Tag:1"] = "site_id is a whole number, not 'Tag:1'",
      ["step=create name=one deadline=soon"] = "deadline is a duration",
    } do
      local done = run(words)
      assert.equal(2, done.status, words .. done.stderr)
      assert.matches(message, done.stderr)
    end
    assert.equal(0, #p.sandbox:requests())
    assert.equal(1, run("step=upload stream=nowhere file=products.ndjson").status)
    assert.is_table(p.sandbox.streams["124773"])
  end)
end)
