-- Bodies in pieces, both ways, with back-pressure; files; gzip.
local core = require "sluice.core"
local http = require "sluice.http"
local ndjson = require "sluice.ndjson"
local nginx = require "support.nginx"
local rawserver = require "support.rawserver"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

describe("the body of a request", function()
  it("stays where a script closes the coroutine that waits", function()
    local api = require("support.scripted").start { { body = "taken" } }
    local function body() return ("0123456789"):rep(2000000) end
    local inner = coroutine.create(function() return http.post(api.url, { body = body() }) end)
    local outer = task.spawn(function() return coroutine.resume(inner) end)
    task.yield()
    coroutine.close(inner)
    collectgarbage()
    assert.is_false((outer:wait()))
    assert.is_true(api.requests[1].body == body())
    api.close()
  end)
end)

describe("http streams", function()
  local server, raw
  setup(function()
    server = nginx.start { server = [[
      location /store/ { dav_methods PUT; create_full_put_path on; }
      location /packed/ { rewrite ^/packed/(.*)$ /store/$1 break; add_header Content-Encoding gzip; }
      location /gzip/ { rewrite ^/gzip/(.*)$ /$1 break; gzip on; gzip_types *; gzip_min_length 1; }
    ]] }
  end)
  teardown(function() server:stop() end)
  after_each(function() if raw then raw:stop() end raw = nil end)

  local function put(name, options)
    local res, problem = http.put(server.url .. "/store/" .. name, options)
    assert.is_nil(problem)
    assert.equal(2, res.status // 100)
    return res
  end
  local function stored(name) return tmp.read(server.dir .. "/html/store/" .. name) end
  local function publish(name, text) tmp.write(server.dir .. "/html/" .. name, text) end

  -- n pieces that differ, of about `size` bytes
  local function pieces(n, size)
    local i = 0
    return function()
      i = i + 1
      if i <= n then return (("%08d"):format(i)):rep(size // 8) end
    end
  end
  local function whole(n, size)
    local parts = {}
    for piece in pieces(n, size) do parts[#parts + 1] = piece end
    return table.concat(parts)
  end

  describe("send", function()
    it("what an iterator gives, in chunks, each byte once", function()
      local res = put("iterator", { body = pieces(300, 8000) })
      assert.is_true(whole(300, 8000) == stored "iterator")
      assert.is_true(res.timings.sent_bytes >= 2400000)
    end)

    it("pieces larger than any buffer, small ones, empty ones, none at all", function()
      put("large", { body = pieces(3, 2000000) })
      assert.is_true(whole(3, 2000000) == stored "large")
      put("small", { body = pieces(5000, 8) })
      assert.is_true(whole(5000, 8) == stored "small")
      put("empty", { body = coroutine.wrap(function() coroutine.yield "" coroutine.yield "a" coroutine.yield "" end) })
      assert.equal("a", stored "empty")
      put("none", { body = function() end })
      assert.equal("", stored "none")
    end)

    it("a body of announced size without chunks", function()
      put("sized", { body = pieces(100, 80), body_bytes = 8000 })
      assert.is_true(whole(100, 80) == stored "sized")
      local ok, problem = pcall(http.put, server.url .. "/store/short", { body = pieces(99, 80), body_bytes = 8000 })
      assert.is_false(ok)
      assert.matches("ends after 7920 of 8000 bytes", problem.message)
      ok, problem = pcall(http.put, server.url .. "/store/long", { body = pieces(101, 80), body_bytes = 8000 })
      assert.is_false(ok)
      assert.matches("more bytes than the 8000 announced", problem.message)
    end)

    it("a body that nobody but the request holds on to, to a server that answers early", function()
      raw = rawserver.start "head\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok\neof\n"
      local res = assert(http.post(raw.url, { body = ("x"):rep(24 << 20), stream = true }))
      collectgarbage()
      collectgarbage()
      assert.equal("ok", res:read())
      assert.is_nil(res:read())
    end)

    it("tables as lines of NDJSON", function()
      local rows = { { id = "1" }, { id = "2" } }
      local i = 0
      put("rows", { body = function() i = i + 1 return rows[i] end })
      assert.equal('{"id":"1"}\n{"id":"2"}\n', stored "rows")
    end)

    it("from iterators that wait themselves", function()
      put("waits", { body = coroutine.wrap(function()
        for i = 1, 3 do
          task.sleep(0.001)
          coroutine.yield(tostring(i))
        end
      end) })
      assert.equal("123", stored "waits")
    end)

    it("a file, also a large one, and says when there is none", function()
      local path = tmp.write(tmp.dir() .. "/in", whole(1000, 8000))
      local res = put("file", { body_file = path })
      assert.equal(8000000, res.timings.sent_bytes)
      assert.is_true(tmp.read(path) == stored "file")
      local none, problem = http.put(server.url, { body_file = "/nowhere" })
      assert.is_nil(none)
      assert.equal("not_found", problem.code)
    end)

    it("bytes of every size that is handled differently", function()
      for _, size in ipairs { 0, 1, 61439, 61440, 61441, 245761, 3000000 } do
        local text = ("abcdefg"):rep(size // 7 + 1):sub(1, size)
        put("bytes", { body = text })
        assert.is_true(text == stored "bytes", size)
      end
    end)

    it("gzip: bytes, iterators, files", function()
      local text = whole(50, 8000)
      local path = tmp.write(tmp.dir() .. "/in", text)
      for _, body in ipairs { { body = text }, { body = pieces(50, 8000) }, { body_file = path } } do
        body.gzip = true
        local res = put("packed", body)
        assert.is_true(res.timings.sent_bytes < #text / 10)
        assert.equal("\x1f\x8b", stored("packed"):sub(1, 2))
        assert.is_true(text == assert(http.get(server.url .. "/packed/packed")).body)
      end
    end)

    it("no further than the peer reads", function()
      raw = rawserver.start "head\nhang\n"
      local given = 0
      local waiting = task.spawn(function()
        return http.put(raw.url, { stall_timeout = 0.1, body = function() given = given + 1 return ("x"):rep(65536) end })
      end)
      local res, problem = waiting:wait()
      assert.is_nil(res)
      assert.matches("stall timeout", problem.message)
      assert.is_true(given < 200, "gave " .. given .. " pieces to a peer that reads none")
    end)

    it("nothing more once the peer has refused", function()
      raw = rawserver.start "head\nsend HTTP/1.1 413 Too Large\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nno\neof\n"
      local given = 0
      local res = assert(http.put(raw.url, { body = function() given = given + 1 task.sleep(0) return ("x"):rep(65536) end }))
      assert.equal(413, res.status)
      assert.equal("no", res.body)
      assert.is_true(given < 1000)
    end)

    it("not on when the iterator raises: the error arrives, the request is broken off", function()
      raw = rawserver.start "chunked\neof\n"
      local ok, problem = pcall(http.put, raw.url, { body = function() error("no more", 0) end })
      assert.is_false(ok)
      assert.equal("no more", problem)
      assert.is_nil(raw:log():find "0\r\n\r\n")
    end)

    it("not what no body can be made of", function()
      local ok, problem = pcall(http.put, server.url .. "/store/x", { body = function() return print end })
      assert.is_false(ok)
      assert.is_truthy(problem.message)
    end)
  end)

  describe("receive", function()
    it("piece by piece, all of it", function()
      publish("large", whole(1000, 8000))
      local res = assert(http.get(server.url .. "/large", { stream = true }))
      assert.equal(200, res.status)
      assert.equal("8000000", res.headers["content-length"])
      local parts = {}
      for bytes in res:chunks() do parts[#parts + 1] = bytes end
      assert.is_true(whole(1000, 8000) == table.concat(parts))
      assert.is_nil((res:read()))
    end)

    it("compressed, decompressed while it is read", function()
      publish("page", whole(1000, 800))
      local plain = assert(http.get(server.url .. "/gzip/page"))
      assert.equal("gzip", plain.headers["content-encoding"])
      assert.is_true(whole(1000, 800) == plain.body)
      assert.is_true(plain.timings.received_bytes < 100000)
      local parts = {}
      for bytes in assert(http.get(server.url .. "/gzip/page", { stream = true })):chunks() do parts[#parts + 1] = bytes end
      assert.is_true(whole(1000, 800) == table.concat(parts))
      local path = tmp.dir() .. "/out"
      assert(http.get(server.url .. "/gzip/page", { save = path }))
      assert.is_true(whole(1000, 800) == tmp.read(path))
      local raw_page = assert(http.get(server.url .. "/gzip/page", { raw = true, headers = { ["Accept-Encoding"] = "gzip" } }))
      assert.equal("\x1f\x8b", raw_page.body:sub(1, 2))
    end)

    it("a small answer that wants to become a huge one only up to the ceiling", function()
      publish("bomb", ("\0"):rep(30000000))
      local res, problem = http.get(server.url .. "/gzip/bomb", { max_bytes = 1000000 })
      assert.is_nil(res)
      assert.equal("limit", problem.code)
      assert.matches("larger than 1000000 bytes", problem.message)
      assert.equal(30000000, #assert(http.get(server.url .. "/gzip/bomb", { max_bytes = 30000000 })).body)
      assert.is_nil((http.get(server.url .. "/gzip/bomb", { max_bytes = 29999999 })))
    end)

    it("no faster than it is read: memory stays small", function()
      publish("huge", ("x"):rep(100000000))
      collectgarbage()
      local before = time.peak_bytes()
      local res = assert(http.get(server.url .. "/huge", { stream = true }))
      local total = 0
      for bytes in res:chunks() do
        total = total + #bytes
        if total < 2000000 then task.sleep(0.001) end
      end
      assert.equal(100000000, total)
      assert.is_true(time.peak_bytes() - before < 24000000)
    end)

    it("and a reader that is slow is nobody's timeout", function()
      publish("some", ("x"):rep(8000000))
      local res = assert(http.get(server.url .. "/some", { stream = true, stall_timeout = 0.02 }))
      task.sleep(0.08)
      local total = 0
      for bytes in res:chunks() do total = total + #bytes end
      assert.equal(8000000, total)
    end)

    it("the error after the bytes where it breaks off", function()
      raw = rawserver.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nclose\n"
      local res = assert(http.get(raw.url, { stream = true }))
      assert.equal("abc", res:read())
      local bytes, problem = res:read()
      assert.is_nil(bytes)
      assert.equal("network", problem.code)
      assert.matches("cut off", problem.message)
      local ok, raised = pcall(res:chunks())
      assert.is_false(ok)
      assert.equal("network", raised.code)
    end)

    it("the end of a compressed stream that is none", function()
      raw = rawserver.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\nContent-Length: 12\\r\\n\\r\\n\z
      \\x1f\\x8b\\x08\\x00\\x00\\x00\\x00\\x00\\x00\\x03\\x4b\\x4c\n"
      local res = assert(http.get(raw.url, { stream = true }))
      local bytes, problem = res:read()
      while bytes do bytes, problem = res:read() end
      assert.matches("compressed body is cut off", problem.message)
    end)

    it("an empty body", function()
      publish("empty", "")
      local res = assert(http.get(server.url .. "/empty", { stream = true }))
      assert.is_nil((res:read()))
      assert.is_nil((res:read()))
    end)

    it("straight into another request", function()
      publish("source", whole(200, 8000))
      put("copy", { body = assert(http.get(server.url .. "/source", { stream = true })) })
      assert.is_true(whole(200, 8000) == stored "copy")
    end)

    it("as records, which go on as records", function()
      local lines = {}
      for i = 1, 5000 do lines[i] = ('{"id":%d,"price":1.50}\n'):format(i) end
      publish("records", table.concat(lines))
      local read = ndjson.records(assert(http.get(server.url .. "/records", { stream = true })))
      put("records", { body = function()
        local record = read()
        if record and record.id == 2 then record.price = nil end
        return record
      end })
      lines[2] = '{"id":2}\n'
      assert.is_true(table.concat(lines) == stored "records")
      local chunk = ndjson.chunk {}
      chunk:put { id = 1 }
      put("chunk", { body = chunk })
      assert.equal('{"id":1}\n', stored "chunk")
    end)

    it("while sending, where the peer answers early", function()
      raw = rawserver.start "head\nsend HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\z
      3\\r\\nabc\\r\\n\nchunked\nsend 0\\r\\n\\r\\n\neof\n"
      local res = assert(http.put(raw.url, { body = pieces(50, 8000), stream = true }))
      assert.equal("abc", res:read())
    end)
  end)

  describe("end", function()
    it("when they are closed or forgotten", function()
      publish("forgotten", ("x"):rep(5000000))
      local res = assert(http.get(server.url .. "/forgotten", { stream = true }))
      assert.is_string((res:read()))
      res:close()
      assert.has_error(function() res:read() end)
      do assert(http.get(server.url .. "/forgotten", { stream = true })) end
      res = nil
      collectgarbage()
      collectgarbage()
    end)

    it("with the task that reads", function()
      raw = rawserver.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nhang\n"
      local reader = task.spawn(function()
        local res = assert(http.get(raw.url, { stream = true }))
        for _ in res:chunks() do end
      end)
      task.sleep(0.02)
      reader:cancel()
      assert.is_false((pcall(reader.wait, reader)))
      collectgarbage()
      local writer = task.spawn(function() http.put(raw.url, { body = function() return ("x"):rep(100000) end }) end)
      task.sleep(0.02)
      writer:cancel()
      assert.is_false((pcall(writer.wait, writer)))
    end)

    it("one reader at a time", function()
      raw = rawserver.start "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\n\nhang\n"
      local res = assert(http.get(raw.url, { stream = true }))
      local first = task.spawn(function() return res:read() end)
      task.sleep(0)
      local ok, problem = pcall(res.read, res)
      assert.is_false(ok)
      assert.matches("another task", problem.message)
      res:close()
      local bytes, closed = first:wait()
      assert.is_nil(bytes)
      assert.equal("cancelled", closed.code)
    end)

    it("without anything left under way", function()
      collectgarbage()
      collectgarbage()
      assert.equal(0, core.pending())
    end)
  end)

  it("run side by side, within the limit per host", function()
    publish("page2", whole(10, 800))
    http.pool { per_host = 4, total = 8 }
    local jobs = {}
    for i = 1, 40 do jobs[i] = function() return #assert(http.get(server.url .. "/page2")).body end end
    local sizes = { task.all(jobs) }
    assert.equal(40, #sizes)
    for _, size in ipairs(sizes) do assert.equal(8000, size) end
    http.pool {}
    assert.has_error(function() http.pool { per_host = 0 } end)
  end)
end)
