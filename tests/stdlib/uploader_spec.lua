-- The uploader against a model of a stream (support/stream_model.lua).
local json = require "sluice.json"
local model = require "support.stream_model"
local ndjson = require "sluice.ndjson"
local run = require "sluice.run"
local uploader = require "sluice.uploader"

local rejects, sums

-- A run that keeps its dead letters here.
local function new_run()
  rejects, sums = {}, run.set { silent = true, options = {} }
  function sums:reject(raw, reason, extra)
    rejects[#rejects + 1] = { raw = raw, reason = reason, extra = extra }
    self:count "rejected"
  end
  return sums
end

local function product(i, more)
  return ('{"id":"p%d","name":"Product %d"%s}'):format(i, i, more or "")
end

-- Writes n products, some of them bad, and finishes; gives the uploader and what finish gave.
local function upload(stream, n, options, is_bad)
  new_run()
  local up = uploader.uploader(stream.client, 1, options)
  for i = 1, n do up:write(product(i, is_bad and is_bad(i) and ',"bad":true' or nil)) end
  return up, up:finish()
end

local function bad_line(line) return line:find('"bad"', 1, true) and "Syntax error" or nil end

local function check_sums(n, refused)
  assert.same({ n - refused, refused, 0, 0 }, { sums.sums.sent, sums.sums.rejected, sums.sums.unknown, sums.sums.skipped })
  assert.equal(refused, #rejects)
end

describe("uploader", function()
  after_each(function() run.set(nil) end)

  it("sends all in batches by count, as they came", function()
    local stream = model.new()
    local _, done = upload(stream, 95, { max_records = 10 })
    check_sums(95, 0)
    assert.equal(10, stream.requests)
    assert.equal(10, stream.most_lines)
    assert.equal(product(95), stream.products.p95)
    assert.equal(10, #done.batches)
  end)

  it("cuts by bytes", function()
    local stream = model.new()
    upload(stream, 50, { max_bytes = 400 })
    check_sums(50, 0)
    assert.is_true(stream.most_bytes <= 400)
  end)

  it("sends nothing where nothing was written", function()
    local stream = model.new()
    upload(stream, 0, {})
    assert.equal(0, stream.requests)
  end)

  it("takes records, tables and lines", function()
    local stream = model.new()
    new_run()
    local up = uploader.uploader(stream.client, 1)
    local record = ndjson.record '{"id":1,"tags":[],"price":100.0}'
    record.id = "1"
    up:write(record)
    up:write { id = "2" }
    up:write '{"id":"3"}'
    up:finish()
    assert.same({ ["1"] = '{"id":"1","tags":[],"price":100.0}', ["2"] = '{"id":"2"}', ["3"] = '{"id":"3"}' }, stream.products)
  end)

  it("rejects what no batch can take, with the reason", function()
    local stream = model.new()
    new_run()
    local up = uploader.uploader(stream.client, 1, { max_record_bytes = 100 })
    up:write { name = "no id" }
    up:write('{"id":"1","text":"' .. ("x"):rep(200) .. '"}')
    up:write '[1,2]'
    up:write '{"id":'
    up:write '{"id":"2"}'
    for bad in ndjson.records(coroutine.wrap(function() coroutine.yield "{nope}\n" end)) do up:write(bad) end
    up:finish()
    check_sums(6, 5)
    assert.same({ ["2"] = '{"id":"2"}' }, stream.products)
    for _, one in ipairs(rejects) do assert.is_true(#one.reason > 5) end
    assert.equal("{nope}", rejects[5].raw)
  end)

  it("keeps no more requests on their way than it may", function()
    for _, most in ipairs { 1, 2, 4 } do
      local stream = model.new { delay = function() return 5 end }
      upload(stream, 100, { max_records = 7, in_flight = most })
      check_sums(100, 0)
      assert.equal(most, stream.most_open)
    end
  end)

  it("does not let a later version of a product be overtaken", function()
    local stream = model.new { delay = function(n) return n % 2 == 1 and 30 or 1 end }
    new_run()
    local up = uploader.uploader(stream.client, 1, { max_records = 3, in_flight = 4 })
    for version = 1, 40 do up:write { id = version % 2 == 0 and "same" or "other" .. version, version = version } end
    up:finish()
    assert.equal(40, json.decode(stream.products.same).version)
    check_sums(40, 0)
  end)

  for _, base in ipairs { 0, 1 } do
    for _, value in ipairs { "line", "head", "decoded", "none" } do
      it(("names the refused records: lines from %d, examples: %s"):format(base, value), function()
        local stream = model.new { base = base, value = value, bad = bad_line, lies = true }
        upload(stream, 60, { max_records = 20 }, function(i) return i == 1 or i == 33 or i == 34 or i == 60 end)
        check_sums(60, 4)
        local names = {}
        for _, one in ipairs(rejects) do
          names[#names + 1] = json.decode(one.raw).id
          assert.equal("Syntax error", one.reason)
          assert.is_not_nil(one.extra.batch)
        end
        table.sort(names)
        assert.same({ "p1", "p33", "p34", "p60" }, names)
      end)
    end
  end

  it("names them where each kind has one example and many lines", function()
    local kinds = { [0] = "Syntax error", [1] = "Empty Product Attributes", [2] = 'Missing "id" attribute' }
    local stream = model.new { bad = function(line) return bad_line(line) and kinds[json.decode(line).id:byte(-1) % 3] end }
    upload(stream, 1000, {}, function(i) return i % 9 == 0 end)
    check_sums(1000, 111)
    for _, one in ipairs(rejects) do assert.equal(kinds[json.decode(one.raw).id:byte(-1) % 3], one.reason) end
    assert.is_nil(stream.products.p9)
    assert.is_not_nil(stream.products.p10)
  end)

  it("rejects every record of a batch that was refused record by record, and does not fail", function()
    local stream = model.new { bad = bad_line }
    upload(stream, 30, { max_records = 10 }, function(i) return i <= 10 end)
    check_sums(30, 10)
    assert.equal(3, stream.requests)
  end)

  it("finds the one line for which a server refuses a whole batch", function()
    local stream = model.new()
    stream.change = function(batch) return batch end
    stream.bad = bad_line
    local inner = stream.client.upload_products
    stream.client.upload_products = function(self, args)
      if args.body:count() > 1 and args.body:text():find('"bad"', 1, true) then
        return { type = "batch", id = "x", attributes = { status = "failed", errorCount = 1, stages = { upload = {
          status = "failure", successCount = 0, errorCount = 1,
          errors = { { message = "Empty payload", occurrences = 1, example = { lineNumber = 1, value = "" } } } } } } }
      end
      return inner(self, args)
    end
    upload(stream, 64, {}, function(i) return i == 40 end)
    check_sums(64, 1)
    assert.equal("p40", json.decode(rejects[1].raw).id)
  end)

  it("does not believe a stage that contradicts itself", function()
    local stream = model.new { bad = bad_line, change = function(batch)
      local stage = batch.attributes.stages.upload
      if stage.successCount > 1 then stage.errors, stage.errorCount, stage.status = {}, 0, "success" end
      return batch
    end }
    upload(stream, 40, {}, function(i) return i == 7 or i == 8 end)
    check_sums(40, 2)
  end)

  it("halves what is too large for the server, or takes it too long", function()
    for _, problem in ipairs { { code = "invalid", status = 413 }, { code = "ambiguous", status = 504 }, { code = "timeout" } } do
      local stream = model.new { fail = function(_, lines)
        return lines > 6 and { code = problem.code, status = problem.status, message = "too much" } or nil
      end }
      upload(stream, 40, { max_records = 20 })
      check_sums(40, 0)
    end
    local stream = model.new { fail = function(_, _, bytes) return bytes > 60 and { code = "invalid", status = 413, message = "" } end }
    new_run()
    local up = uploader.uploader(stream.client, 1)
    up:write { id = "1", text = ("x"):rep(100) }
    up:write { id = "2" }
    up:finish()
    check_sums(2, 1)
    assert.equal("too large for the server", rejects[1].reason)
  end)

  it("raises where an outcome is unknown, and accounts for the rest", function()
    local stream = model.new { delay = function() return 3 end, fail = function(n, lines)
      return (n == 2 or lines < 10) and { code = "ambiguous", status = 502, message = "no answer" } or nil
    end }
    new_run()
    local up = uploader.uploader(stream.client, 1, { max_records = 10 })
    local written = 0
    local ok, problem = pcall(function()
      for i = 1, 100 do
        written = i
        up:write(product(i))
      end
      up:finish()
    end)
    assert.is_false(ok)
    assert.equal("ambiguous", problem.code)
    local s = sums.sums
    assert.is_true(s.unknown > 0)
    assert.equal(written, s.sent + s.unknown + s.skipped)
  end)

  it("skips what certainly did not go, stops at once, and says why", function()
    for code, status in pairs { auth = 401, not_found = 404, forbidden = 403 } do
      local stream = model.new { fail = function() return { code = code, status = status, message = "no" } end }
      new_run()
      local up = uploader.uploader(stream.client, 1, { max_records = 10 })
      for i = 1, 5 do up:write(product(i)) end
      local ok, problem = pcall(up.finish, up)
      assert.is_false(ok)
      assert.equal(code, problem.code)
      assert.equal(5, sums.sums.skipped)
      assert.is_false((pcall(up.write, up, product(6))))
      assert.equal(6, sums.sums.skipped)
      assert.equal(1, stream.requests)
    end
  end)

  it("raises protocol where an answer has no verdict", function()
    local stream = model.new { change = function() return { id = "b" } end }
    local ok, problem = pcall(upload, stream, 5, {})
    assert.is_false(ok)
    assert.equal("protocol", problem.code)
    assert.equal(5, sums.sums.unknown)
  end)

  it("raises what the dead-letter file raises", function()
    local stream = model.new { bad = bad_line }
    new_run()
    function sums.reject() error(require("sluice.err").new { code = "state", message = "the disk is full" }, 0) end
    local up = uploader.uploader(stream.client, 1)
    up:write(product(1, ',"bad":1'))
    up:write(product(2))
    local ok, problem = pcall(up.finish, up)
    assert.is_false(ok)
    assert.equal("state", problem.code)
  end)

  it("gives up naming after a bounded number of requests", function()
    local stream = model.new { value = "none", bad = function(line) return json.decode(line).id:byte(-1) % 2 == 0 and "No" or nil end }
    local ok, problem = pcall(upload, stream, 3000, {})
    assert.is_false(ok)
    assert.equal("partial", problem.code)
    assert.is_true(stream.requests <= 1001)
    assert.equal(3000, sums.sums.sent + sums.sums.rejected + sums.sums.unknown)
  end)

  it("sends JSON arrays to referenced streams, and fails as a whole there", function()
    local bodies = {}
    local status = "success"
    local client = { name = "feed", upload_products = function(_, args)
      bodies[#bodies + 1] = args.body
      assert.equal("referenced", args.type)
      local n = #json.decode(args.body)
      local bad = status == "failure" and n or 0
      return { id = "b", attributes = { status = "uploaded", stages = { upload = { status = status,
         successCount = n - bad, errorCount = bad, errors = {} } } } }
    end }
    new_run()
    local up = uploader.uploader(client, 1, { referenced = true, max_records = 2 })
    for i = 1, 3 do up:write { id = tostring(i) } end
    up:finish()
    assert.same({ '[{"id":"1"},{"id":"2"}]', '[{"id":"3"}]' }, bodies)
    status = "failure"
    up = uploader.uploader(client, 1, { referenced = true })
    up:write { id = "1" }
    local ok, problem = pcall(up.finish, up)
    assert.is_false(ok)
    assert.equal("invalid", problem.code)
  end)

  it("tells the ids of a batch before it goes", function()
    local stream, told = model.new(), {}
    upload(stream, 5, { max_records = 2, remember = function(ids)
      for id in pairs(ids) do told[#told + 1] = id end
      assert.is_nil(stream.products[next(ids)])
    end })
    table.sort(told)
    assert.same({ "p1", "p2", "p3", "p4", "p5" }, told)
  end)

  it("takes products out", function()
    local stream = model.new()
    upload(stream, 5, {})
    local out = uploader.remover(stream.client, 1)
    out:write { id = "p2" }
    out:write { id = "p5" }
    out:finish()
    assert.is_nil(stream.products.p2)
    assert.is_not_nil(stream.products.p1)
    assert.equal(5, sums.sums.sent)
  end)

  it("refuses wrong options and late writes", function()
    local stream = model.new()
    for _, options in ipairs { { max_record = 1 }, { max_records = 0 }, { in_flight = 1.5 } } do
      local ok, problem = pcall(uploader.uploader, stream.client, 1, options)
      assert.is_false(ok)
      assert.equal("usage", problem.code)
    end
    local up = upload(stream, 1, {})
    assert.is_false((pcall(up.write, up, product(2))))
    assert.is_false((pcall(up.finish, up, { wait = "forever" })))
  end)
end)

describe("uploader, against the sandbox", function()
  local sandbox
  after_each(function()
    sandbox:stop()
    run.set(nil)
  end)

  local function start(options)
    options.products, options.rate_scale = 1, 1000
    sandbox = require("sluice.sandbox").start(options)
    new_run()
    return require("sluice.connect").connect { api = "productsup_stream", name = "feed", base_url = sandbox.url, token = "sandbox-token",
      limits = { products = "1000/s" } }
  end

  local function is_large(i) return i % 9 == 4 end

  -- The server refuses a line of more than 1 MB; here the client lets it go.
  local function write(up, from, to, all)
    for i = from, to do
      local large = all or is_large(i)
      up:write { id = "p" .. i, name = "Product " .. i, text = large and ("x"):rep(1000001) or "" }
    end
  end

  for _, line in ipairs { 0, 1 } do
    it("names what the server refuses, lines counted from " .. line, function()
      local feed = start { first_line = line }
      local up = feed:uploader("124773", { max_records = 20, max_record_bytes = 2000000 })
      write(up, 1, 45)
      up:finish()
      check_sums(45, 5)
      assert.equal(40, sandbox:stream("124773").count)
      for _, one in ipairs(rejects) do
        assert.is_true(is_large(tonumber(json.decode(one.raw).id:sub(2))))
        assert.matches("too large", one.reason)
      end
    end)
  end

  for _, status in ipairs { 202, 422 } do
    it("names all of a batch that was refused with " .. status, function()
      local feed = start { all_failed = status }
      local up = feed:uploader("124773", { max_record_bytes = 2000000 })
      write(up, 1, 3, true)
      up:finish()
      check_sums(3, 3)
    end)
  end

  it("compresses", function()
    local feed = start {}
    local up = feed:uploader("124773", { gzip = true })
    write(up, 1, 3)
    up:finish()
    assert.equal(3, sandbox:stream("124773").count)
    local requests = sandbox:requests()
    assert.is_true(requests[#requests].bytes_in < 120)
  end)

  it("sends arrays to a referenced stream", function()
    local feed = start {}
    local up = feed:uploader("224773", { referenced = true })
    write(up, 1, 3)
    up:finish()
    assert.equal(3, sandbox:stream("224773").count)
  end)

  it("goes on after a reset and an overloaded server", function()
    local feed = start {}
    sandbox:fault "reset_after path=/streams/* nth=1"
    sandbox:fault "status status=503 path=/streams/* nth=3"
    sandbox:fault "cut path=/streams/* nth=5 after=100"
    local up = feed:uploader("124773", { max_records = 2 })
    write(up, 1, 3)
    write(up, 5, 12)
    up:finish()
    check_sums(11, 0)
    assert.equal(11, sandbox:stream("124773").count)
  end)
end)
