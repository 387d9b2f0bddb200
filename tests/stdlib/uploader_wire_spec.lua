-- The uploader against a server that is written down: what is on the wire while the recipe goes on, compressed bodies, what a
-- repeat sends, and when writing waits.
local connect = require("sluice.connect").connect
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local run = require "sluice.run"
local scripted = require "support.scripted"
local server = require "sluice.server"
local task = require "sluice.task"

local api, feed

local function plain(request)
  return request.headers["content-encoding"] == "gzip" and assert(server.gunzip(request.body, 100000000)) or request.body
end

-- The stream's answer to what it was sent.
local function taken(request)
  local _, lines = plain(request):gsub("\n", "")
  return { status = 202, json = { data = { type = "batch", id = "b-" .. #api.requests, attributes = { status = "uploaded", errorCount = 0,
    stages = { upload = { status = "success", successCount = lines, errorCount = 0, errors = json.array {} } } } } } }
end

local function open(answers, keys)
  api = scripted.start(answers or taken)
  run.set { silent = true, options = {} }
  local all = { api = "productsup_stream", name = "feed", base_url = api.url, token = "token", limits = { products = "10000/s" } }
  for key, value in pairs(keys or {}) do all[key] = value end
  feed = connect(all)
end

local function product(i) return ('{"id":"p%d","name":"Product %d"}'):format(i, i) end

local function lines(from, to)
  local list = {}
  for i = from, to do list[#list + 1] = product(i) .. "\n" end
  return table.concat(list)
end

describe("the uploader on the wire", function()
  after_each(function()
    api.close()
    run.set(nil)
  end)

  it("sends a batch while the recipe makes the next one", function()
    open()
    local up = feed:uploader("1", { max_records = 10000 })
    for i = 1, 10001 do up:write(product(i)) end -- the first batch is full; from here on no batch is, and nothing waits
    assert.equal(0, #api.requests)
    local at
    for i = 10002, 20000 do
      up:write(product(i))
      if up.sent == 10000 and not at then at = i end
    end
    assert.equal(1, #api.requests)
    assert.equal(lines(1, 10000), api.requests[1].body)
    assert.is_true(at and at < 20000, "the verdict was not in before the next batch was full")
    assert.equal(20000, up:finish().sent)
    assert.equal(lines(10001, 20000), api.requests[2].body)
  end)

  it("lets others have a turn while a batch is on its way, more often where records are large, whatever form they have", function()
    open()
    local text, record = ("x"):rep(60000), ndjson.record '{"id":"r"}'
    record.text = text
    local turns, stop = 0, false
    local other = task.spawn(function()
      while not stop do
        turns = turns + 1
        task.yield()
      end
    end)
    local line = ('{"id":"l","text":"%s"}'):format(text)
    for form, most in pairs { [{ id = "t", text = text }] = 9, [line] = 9, [record] = 9, [{ id = "small" }] = 0 } do
      local up = feed:uploader("1", { max_records = 30 })
      for _ = 1, 30 do up:write(form) end
      local none = turns
      for _ = 1, 30 do up:write(form) end -- the first of them sends the batch, which waits for nothing
      assert.is_true(turns - none >= math.min(most, 5) and turns - none <= most, ("%d turns"):format(turns - none))
      assert.equal(60, up:finish().sent)
    end
    stop = true
    other:wait()
  end)

  it("waits for room where one batch is full and all others are on their way", function()
    local held = {}
    open(function(request)
      if request.path:find "/2/" then return taken(request) end
      held[#held + 1] = true
      while held[1] do task.yield() end
      return taken(request)
    end)
    for _, most in ipairs { 1, 2 } do
      held = {}
      local up, written = feed:uploader("1", { max_records = 10, in_flight = most }), 0
      local writer = task.spawn(function()
        for i = 1, 100 do
          up:write(product(i))
          written = i
        end
        return up:finish()
      end)
      for _ = 1, 300 do task.yield() end
      assert.equal(10 * (most + 1), written)
      held = setmetatable({}, { __newindex = function() end }) -- from now on nothing is held
      assert.equal(100, writer:wait().sent)
    end
  end)

  it("compresses where the connection asks for it, unless the uploader says no", function()
    open(nil, { gzip = true })
    for _, case in ipairs { { nil, "gzip" }, { true, "gzip" }, { false, nil } } do
      local up = feed:uploader("1", { gzip = case[1] })
      for i = 1, 500 do up:write(product(i)) end
      up:finish()
      local sent = api.requests[#api.requests]
      assert.equal(case[2], sent.headers["content-encoding"])
      assert.equal(#sent.body, tonumber(sent.headers["content-length"]))
      assert.equal(lines(1, 500), plain(sent))
    end
    feed:delete_products { stream = "1", ids = { "p1" } }
    assert.equal('{"id":"p1"}\n', plain(api.requests[4]))
    assert.equal("gzip", api.requests[4].headers["content-encoding"])
  end)

  it("sends the same bytes again, compressed or not", function()
    for _, gzip in ipairs { true, false } do
      local n = 0
      open(function(request)
        n = n + 1
        if n == 1 then return { status = 503, headers = { ["Retry-After"] = "0" } } end
        if n == 2 then return { how = "reset" } end
        return taken(request)
      end, { gzip = gzip })
      local up = feed:uploader("1")
      for i = 1, 3000 do up:write(product(i)) end
      assert.equal(3000, up:finish().sent)
      assert.equal(3, #api.requests)
      assert.equal(api.requests[1].body, api.requests[2].body)
      assert.equal(api.requests[1].body, api.requests[3].body)
      assert.equal(lines(1, 3000), plain(api.requests[3]))
      if gzip then api.close() end
    end
  end)

  it("says what became of a batch that was refused while the recipe went on", function()
    open(function() return { status = 403, json = { errors = { { title = "Forbidden" } } } } end)
    local up, written = feed:uploader "1", 0
    local ok, problem = pcall(function()
      for i = 1, 20000 do
        up:write(product(i))
        written = i
      end
    end)
    assert.is_false(ok)
    assert.equal("forbidden", problem.code)
    assert.is_true(written < 20000, "it went on to the end of the next batch")
    assert.equal(written + 1, up.skipped) -- the one that was not taken is one of them
    assert.equal(1, #api.requests)
  end)

  it("compresses in a thread of its own", function()
    local function threads()
      local count = 0
      for name in require("lfs").dir "/proc/self/task" do
        if name:find "^%d" then count = count + 1 end
      end
      return count
    end
    open(nil, { gzip = true })
    local up, before = feed:uploader("1", { max_bytes = 60000000, max_records = 100 }), threads()
    for i = 1, 12 do up:write { id = tostring(i), text = (tostring(i) .. " "):rep(150000) } end
    local flusher = task.spawn(up.flush, up)
    local most = 0
    while not flusher:done() do
      most = math.max(most, threads())
      task.yield()
    end
    flusher:wait()
    assert.equal(before + 1, most)
    assert.equal(before, threads())
  end)

  it("ends well where it is given up while a body is compressed", function()
    open(nil, { gzip = true })
    local chunk = ndjson.chunk { max_bytes = 60000000 }
    for i = 1, 40 do chunk:put { id = tostring(i), text = (tostring(i) .. " "):rep(150000) } end
    local call = task.spawn(function() feed:upload_products { stream = "1", body = chunk } end)
    task.yield()
    assert.error_matches(function() chunk:clear() end, "being sent")
    call:cancel()
    collectgarbage()
    assert.equal(0, #api.requests)
    local ok, problem = pcall(feed.upload_products, feed, { stream = "1", body = chunk, deadline = 0.001 })
    assert.is_false(ok)
    assert.equal("timeout", problem.code)
    assert.matches("the body was not compressed within", problem.message)
    assert.equal(0, #api.requests)
    chunk:clear()
  end)
end)
