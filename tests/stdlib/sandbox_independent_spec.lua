-- The sandbox as a client sees it that is not ours: Python's http.client (support/independent.py) does a job with each
-- API and compares statuses, headers and bodies with the documents. So that a mistake which client and sandbox share,
-- in HTTP or in JSON, shows.
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"

describe("an independent client", function()
  local sb
  after_each(function()
    if sb then sb:stop() end
    sb = nil
  end)

  -- The clock stands still unless the client moves it on; a site's process runs for 1000 seconds.
  local function start()
    sb = sandbox.start { products = 25, role = "product_meta_editor", veeqo_products = 0, veeqo_bucket = 10, process_queue = 1,
      process_time = 1000, clock = function() return 1507885693 end }
  end

  local function run(api)
    return assert(process.run { argv = { "/usr/bin/python3", "-B", "tests/support/independent.py", sb.url, api }, timeout = 60 })
  end

  for api, steps in pairs { stock2shop = 5, productsup_stream = 6, productsup_platform = 8, veeqo = 4 } do
    it("agrees with the sandbox on " .. api, function()
      start()
      local done = run(api)
      assert.equal("", done.stderr)
      assert.equal(0, done.status)
      local _, lines = done.stdout:gsub("\n", "\n")
      assert.equal(steps, lines, done.stdout)
    end)
  end

  it("sees what differs", function()
    for fault, words in pairs {
      ["status status=503 path=/v1/sources*"] = "answered 503 .*, should be 401",
      ["status status=200 body={} path=/v1/products/elastic_search*"] = "names of search is %[%], should be",
      ["malformed path=/v1/products/elastic_search*"] = "%w+: ",
      ["truncate path=/v1/products/elastic_search*"] = "IncompleteRead",
    } do
      start()
      sb:fault(fault)
      local done = run "stock2shop"
      assert.equal(1, done.status, fault)
      assert.matches("^stock2shop: .*" .. words, done.stderr, nil, fault)
      sb:stop()
      sb = nil
    end
  end)
end)
