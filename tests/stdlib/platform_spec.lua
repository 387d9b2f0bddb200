-- The Platform API's client against its sandbox: pace, one read at a time, and the way from a stream to a site.
local connect = require("sluice.connect").connect
local flying = require "support.flying"
local platform = require "sluice.sandbox.platform"
local run = require "sluice.run"
local sandbox = require "sluice.sandbox"
local sql = require "sluice.sql"
local task = require "sluice.task"

describe("the Platform API with its sandbox", function()
  local sb

  local function start(options)
    options = options or {}
    options.products = 0
    sb = sandbox.start(options)
  end

  local function client(limits, more)
    local keys = { api = "productsup_platform", name = "site", base_url = sb.url, token = "1234:sandbox", limits = limits }
    for key, value in pairs(more or {}) do keys[key] = value end
    return connect(keys)
  end

  after_each(function()
    run.set(nil)
    sb:stop()
  end)

  it("stays under the documented rates by itself", function()
    start()
    local site, tasks = client(), {}
    for i = 1, 8 do tasks[i] = function() site:site { site = 123 } end end
    for i = 9, 11 do tasks[i] = function() site:channels { site = 123 } end end
    for i = 12, 28 do tasks[i] = function() site:discard_products { site = 123, batch = ("%032x"):format(i) } end end
    task.all(tasks)
    assert.same({ 0, 0, 28 }, { sb.limits.refused, sb.limits.bursts, #sb:requests() })
  end)

  it("waits for a site's process to be allowed, not for that of another", function()
    start()
    platform.create_site(sb, { id = 124, title = "other" })
    local site = client { process = "2/5min burst 2" } -- more than there is
    flying(function()
      assert.is_true(select(2, site:process { site = 123, action = "import" }).waited < 1)
      assert.is_true(select(2, site:process { site = 124, action = "import" }).waited < 1)
      local ok, problem = pcall(site.process, site, { site = 123, action = "import", deadline = 9 })
      assert.is_false(ok) -- the sandbox keeps its five minutes: told of them, the call does not wait beyond its deadline
      assert.equal("limit", problem.code)
      assert.is_true(problem.retry_after > 200, tostring(problem.retry_after))
      assert.equal(1, sb.limits.refused)
    end)
  end)

  it("reads one after the other, whoever asks", function()
    start { rate_scale = 1000, latency = 0.02 }
    local site, other = client({ read = "1000/s, concurrent 1" }), client({ read = "1000/s, concurrent 1" })
    local tasks = {}
    for i = 1, 6 do
      tasks[i] = function() (i % 2 == 0 and site or other):product_properties { site = 123, stage = "import" } end
    end
    task.all(tasks)
    assert.same({ 0, 6 }, { sb.limits.overlaps, #sb:requests() })
  end)

  it("pages over all there is, each entry once", function()
    start { rate_scale = 1000 }
    for i = 1, 120 do platform.create_project(sb, { name = "p" .. i }) end
    local site, seen, count = client { other = "1000/s" }, {}, 0
    for project in site:projects() do
      assert.is_nil(seen[project.id])
      seen[project.id], count = true, count + 1
    end
    assert.equal(121, count)
  end)

  it("takes products from a stream through an import to the reader", function()
    start { rate_scale = 1000, process_queue = 0.01, process_time = 0.01 }
    local feed = connect { api = "productsup_stream", name = "feed", base_url = sb.url, token = "sandbox-token" }
    local site = client({ other = "1000/s", read = "1000/s", process = "1000/s" }, { pat = "sandbox-token" })
    site:link_stream { site = 123, stream = 124773, description = "delta feed" }
    run.set { silent = true, options = {} }
    local upload = feed:uploader "124773"
    for i = 1, 30 do upload:write { id = "p" .. i, brand = i % 10 == 0 and "O'Neill" or "Acme", price = i / 2 } end
    local done = upload:finish()
    local pid = site:process { site = 123, action = "all" }
    assert.equal("success", site:wait_process(123, pid, { start = 0.01, cap = 0.05 }))
    assert.equal("processed", feed:wait_batches({ stream = "124773", ids = done.batches, start = 0.01 })[1].status)
    local found = {}
    local filter = "brand = " .. sql.quote "O'Neill"
    for one in site:read_products { site = 123, stage = "channel", stage_id = 321, filter = filter, fields = { "id", "price" }, limit = 2 } do
      found[#found + 1] = one.id .. "=" .. one.price
    end
    assert.same({ "p10=5.0", "p20=10.0", "p30=15.0" }, found)
    assert.equal("30", site:channel_history { site = 123, channel = 321 }[1].product_count)
    assert.equal(30, site:product_properties { site = 123, stage = "import" }.products)
  end)
end)
