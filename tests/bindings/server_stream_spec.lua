-- Answers that are written piece by piece: order, back-pressure, clients that leave, servers that close.
local http = require "sluice.http"
local server = require "sluice.server"
local task = require "sluice.task"
local time = require "sluice.time"
local curl = require "support.curl"
local tmp = require "support.tmp"

describe("sluice.server streams", function()
  local srv, runner

  local function serve(handle)
    srv = assert(server.listen())
    runner = task.spawn(function()
      for req in srv.accept, srv do task.spawn(handle, req) end
    end)
  end

  after_each(function()
    if srv then srv:close() end
    if runner then runner:wait() end
    srv, runner = nil, nil
  end)

  -- A client that is told to leave, or to read slowly, by a shell command.
  local function client(words) return task.spawn(curl.shell, words:format(srv.port)) end

  it("sends what is written, piece by piece, and ends well", function()
    serve(function(req)
      local out = assert(req:stream { status = 201, headers = { ["content-type"] = "text/plain", ["x-a"] = "b" } })
      for i = 1, 5 do assert(out:write(("piece %d\n"):format(i))) end
      assert(out:write "")
      assert(out:write "a\0b")
      assert.is_true(out:open())
      out:close()
      assert.is_false(out:open())
      out:close()
    end)
    local answer = curl.request("GET", srv.url)
    assert.same({ 0, 201, "chunked", "b" }, { answer.code, answer.status, answer.headers["transfer-encoding"], answer.headers["x-a"] })
    assert.equal("piece 1\npiece 2\npiece 3\npiece 4\npiece 5\na\0b", answer.body)
    assert.equal("piece 1\npiece 2\npiece 3\npiece 4\npiece 5\na\0b", curl.request("GET", srv.url, { more = "--http1.0" }).body)
    assert.equal(201, curl.request("HEAD", srv.url).status)
  end)

  it("delivers a piece before the next one is there", function()
    local written, out = task.channel(1), nil
    serve(function(req)
      out = assert(req:stream())
      assert(out:write "first\n")
      written:get()
      assert(out:write "second\n")
      out:close()
    end)
    local res = assert(http.get(srv.url, { stream = true }))
    local got = {}
    for bytes in res:chunks() do
      got[#got + 1] = bytes
      if #got == 1 then
        assert.equal("first\n", bytes)
        written:put(true)
      end
    end
    assert.equal("first\nsecond\n", table.concat(got))
  end)

  it("keeps the connection for the next request", function()
    serve(function(req)
      local out = assert(req:stream())
      out:write(req.path)
      out:close()
    end)
    local done = curl.shell(("curl -sS %s/1 -o one --next -sS %s/2 -o two -w '%%{num_connects}'"):format(srv.url, srv.url))
    assert.equal("0", done.out)
  end)

  it("waits while a slow reader has not taken what was written", function()
    local written = 0
    serve(function(req)
      local out <close> = assert(req:stream())
      local piece = ("x"):rep(16 << 10)
      while written < 256 << 20 and out:write(piece) do written = written + #piece end
      out:close()
    end)
    local slow = client "curl -sS --limit-rate 200k --max-time 1 http://127.0.0.1:%d/ -o body; wc -c <body"
    local got = tonumber(slow:wait().out)
    -- what the client and the kernel's two socket buffers hold; far from the 256 MB that were to be sent
    assert.is_true(got > 0 and got < 48 << 20, "read " .. got)
    assert.is_true(written < 64 << 20, "written " .. written)
  end)

  it("takes a large piece at once, and refuses one that is too large", function()
    serve(function(req)
      local out <close> = assert(req:stream())
      assert(out:write(("y"):rep(3 << 20)))
      local ok, problem = out:write(("z"):rep((16 << 20) + 1))
      assert.is_nil(ok)
      assert.equal("limit", problem.code)
      out:close()
    end)
    assert.equal(3 << 20, #curl.request("GET", srv.url).body)
  end)

  it("says so when the client has gone", function()
    local said
    serve(function(req)
      local out <close> = assert(req:stream())
      local ok, problem = true, nil
      while ok do
        task.sleep(0.005)
        ok, problem = out:write(": still there?\n\n")
      end
      assert.is_false(out:open())
      said = problem
    end)
    client "curl -sS --max-time 0.2 http://127.0.0.1:%d/ -o body":wait()
    while not said do task.yield() end
    assert.equal("cancelled", said.code)
    assert.matches("the client has gone", said.message)
  end)

  it("wakes a writer that waits for a client that goes", function()
    local ended
    serve(function(req)
      local out <close> = assert(req:stream())
      local ok, problem = true, nil
      while ok do ok, problem = out:write(("x"):rep(1 << 20)) end
      ended = problem
    end)
    client "curl -sS --limit-rate 1k --max-time 0.3 http://127.0.0.1:%d/ -o body":wait()
    local give_up = time.mono() + 20
    while not ended and time.mono() < give_up do task.sleep(0.01) end
    assert.equal("cancelled", ended and ended.code)
  end)

  it("cuts off what was not closed, so that the client can tell", function()
    serve(function(req)
      local out <close> = assert(req:stream())
      assert(out:write "half of ")
      if req.path == "/error" then error({}, 0) end
    end)
    for _ = 1, 3 do
      local answer = curl.request("GET", srv.url .. "/gone")
      assert.not_equal(0, answer.code)
    end
  end)

  it("serves many streams at once", function()
    local streams, count = {}, 60
    serve(function(req) streams[#streams + 1] = assert(req:stream()) end)
    local urls = {}
    for i = 1, count do urls[i] = ("%s/%d -o %d"):format(srv.url, i, i) end
    local reader = task.spawn(curl.shell, ("curl -sS -Z --parallel-immediate --parallel-max %d %s"):format(count, table.concat(urls, " ")))
    while #streams < count do task.yield() end
    for round = 1, 20 do
      for i, out in ipairs(streams) do assert(out:write(("%d.%d "):format(i, round))) end
    end
    for _, out in ipairs(streams) do out:close() end
    local done, seen = reader:wait(), {}
    assert.equal(0, done.code)
    for i = 1, count do
      local body = tmp.read(done.dir .. "/" .. i)
      local number = body:match "^%d+"
      local pieces = {}
      for round = 1, 20 do pieces[round] = ("%s.%d "):format(number, round) end
      seen[number] = body == table.concat(pieces)
    end
    for i = 1, count do assert.is_true(seen[tostring(i)]) end
  end)

  it("ends with the server, idle ones and full ones", function()
    local opened, ended = 0, {}
    serve(function(req)
      local out <close> = assert(req:stream())
      assert(out:write "hello\n")
      opened = opened + 1
      if req.path == "/idle" then
        while out:open() do task.sleep(0.005) end
        ended.idle = select(2, out:write "x").code
        return
      end
      local ok, problem = true, nil
      while ok do ok, problem = out:write(("x"):rep(1 << 20)) end
      ended.full = problem.code
    end)
    local idle = client "curl -sS http://127.0.0.1:%d/idle -o body"
    local full = client "curl -sS --limit-rate 1k --max-time 2 http://127.0.0.1:%d/full -o body"
    while opened < 2 do task.yield() end
    srv:close()
    assert.not_equal(0, idle:wait().code)
    assert.not_equal(0, full:wait().code)
    while not (ended.idle and ended.full) do task.yield() end
    assert.same({ idle = "cancelled", full = "cancelled" }, ended)
  end)

  it("is told of a server that was closed before", function()
    local held
    local mine = assert(server.listen())
    local waiting = task.spawn(function() held = mine:accept() end)
    local reader = task.spawn(curl.request, "GET", mine.url)
    waiting:wait()
    mine:close()
    local out, problem = held:stream()
    assert.is_nil(out)
    assert.equal("cancelled", problem.code)
    reader:wait()
  end)

  it("says what is wrong with a call", function()
    local said = {}
    serve(function(req)
      said[#said + 1] = select(2, pcall(req.stream, req, { body = "x" })).message
      said[#said + 1] = select(2, pcall(req.stream, req, { headers = "x" })).message
      said[#said + 1] = select(2, pcall(req.stream, req, { status = 42 })).message
      said[#said + 1] = select(2, pcall(req.stream, req)).message
    end)
    assert.not_equal(0, curl.request("GET", srv.url).code)
    assert.matches("unknown option 'body'", said[1])
    assert.matches("headers must be a table", said[2])
    assert.matches("42 is not the status", said[3])
    assert.matches("answered already", said[4])
  end)
end)
