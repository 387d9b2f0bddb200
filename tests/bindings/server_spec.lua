local http = require "sluice.http"
local server = require "sluice.server"
local task = require "sluice.task"
local curl = require "support.curl"
local tmp = require "support.tmp"

describe("sluice.server", function()
  local srv, runner

  -- Answers everything by `handle(req)` until the test ends.
  local function serve(handle, options)
    srv = assert(server.listen(options))
    runner = task.spawn(function()
      for req in srv.accept, srv do handle(req) end
    end)
  end

  after_each(function()
    if srv then srv:close() end
    if runner then runner:wait() end
    srv, runner = nil, nil
  end)

  it("gives a request as it was sent and sends the answer as it was given", function()
    local seen
    serve(function(req)
      seen = { method = req.method, path = req.path, target = req.target, query = req.query, body = req.body,
               type = req.headers["content-type"], peer = req.peer }
      assert(req:respond { status = 201, headers = { ["X-Thing"] = "a b" }, body = "made\0it" })
    end)
    local body = ("x\0y\r\n"):rep(1000)
    local answer = curl.request("POST", srv.url .. "/a%2Fb/c?x=1+2&x=%C3%A9&empty=&flag&=no", {
      body = body, headers = { ["Content-Type"] = "application/x-ndjson" } })
    assert.equal(201, answer.status)
    assert.equal("a b", answer.headers["x-thing"])
    assert.equal("made\0it", answer.body)
    assert.same({ method = "POST", path = "/a%2Fb/c", target = "/a%2Fb/c?x=1+2&x=%C3%A9&empty=&flag&=no",
      query = { x = "é", empty = "", flag = "" }, body = body, type = "application/x-ndjson", peer = "127.0.0.1" }, seen)
    assert.equal(("http://127.0.0.1:%d"):format(srv.port), srv.url)
  end)

  it("listens on an IPv6 address, and with :: on all of both kinds", function()
    local probe, problem = server.listen { host = "::1" }
    if not probe then return pending("no IPv6 here: " .. tostring(problem)) end
    probe:close()
    serve(function(req) req:respond { body = req.peer } end, { host = "::" })
    assert.equal(("http://[::]:%d"):format(srv.port), srv.url)
    assert.equal("::1", http.get(("http://[::1]:%d/"):format(srv.port)).body)
    assert.equal("127.0.0.1", http.get(("http://127.0.0.1:%d/"):format(srv.port)).body)
    assert.has_error(function() server.listen { host = "::zz" } end, "::zz is not an address to listen on")
  end)

  it("has a limit for the connections of one client", function()
    local held = {}
    serve(function(req)
      local out = assert(req:stream { status = 200 })
      out:write "here"
      held[#held + 1] = out
    end, { max_of_one = 2 })
    local open = {}
    for i = 1, 2 do open[i] = assert(http.get(srv.url .. "/", { stream = true, timeout = 20 })) end
    assert.is_nil((http.get(srv.url .. "/", { stream = true, timeout = 20 })))
    assert.equal(2, #held)
    for _, res in ipairs(open) do res:close() end
  end)

  it("answers later, in any order, while other connections go on", function()
    local first
    serve(function(req)
      if req.path == "/slow" then first = req return end
      req:respond { body = "quick" }
      if first then first:respond { body = "slow" } end
    end)
    local slow = task.spawn(curl.request, "GET", srv.url .. "/slow")
    while not first do task.yield() end
    assert.equal("quick", curl.request("GET", srv.url .. "/quick").body)
    assert.equal("slow", slow:wait().body)
  end)

  it("keeps a connection for the next request, and takes bodies of many megabytes", function()
    local sizes = {}
    serve(function(req)
      sizes[#sizes + 1] = #req.body
      req:respond { body = req.body }
    end)
    local dir = tmp.dir()
    local big = ("0123456789abcdef"):rep(8 << 16) -- 8 MiB
    tmp.write(dir .. "/big", big)
    local done = curl.shell(("curl -sS --data-binary @%s/big %s/1 -o one --next -sS --data-binary small %s/2 -o two -w '%%{num_connects}'")
      :format(dir, srv.url, srv.url))
    assert.equal("0", done.out)
    assert.same({ #big, 5 }, sizes)
    assert.equal(big, tmp.read(done.dir .. "/one"))
  end)

  it("answers HEAD without a body and 204 without one", function()
    serve(function(req) req:respond { status = req.path == "/none" and 204 or 200, body = req.path == "/none" and "" or "12345" } end)
    local head = curl.request("HEAD", srv.url .. "/")
    assert.equal("5", head.headers["content-length"])
    assert.equal(204, curl.request("DELETE", srv.url .. "/none").status)
  end)

  it("refuses bodies beyond the ceiling, announced or chunked", function()
    serve(function(req) req:respond { body = tostring(#req.body) } end, { max_body = 1000 })
    assert.equal(413, curl.request("POST", srv.url, { body = ("x"):rep(1001) }).status)
    local chunked = { ["Transfer-Encoding"] = "chunked" }
    assert.equal(413, curl.request("POST", srv.url, { body = ("x"):rep(200000), headers = chunked }).status)
    assert.equal("1000", curl.request("POST", srv.url, { body = ("x"):rep(1000), headers = chunked }).body)
  end)

  it("misbehaves to order", function()
    serve(function(req)
      local kind = req.path:sub(2)
      if kind == "reset" then req:reset()
      elseif kind == "truncate" then req:truncate { body = ("x"):rep(1000), after = 10 }
      elseif kind == "empty" then req:truncate { after = 0 }
      elseif kind == "stall" then req:stall { body = ("x"):rep(1000), after = 10, hold = 0.05 }
      else req:raw "HTP/7 what\n\n" end
    end)
    local reset = curl.request("GET", srv.url .. "/reset")
    assert.equal(56, reset.code) -- "failure in receiving network data": a real RST, not an empty reply (52)
    local cut = curl.request("GET", srv.url .. "/truncate")
    assert.same({ 18, 200, "xxxxxxxxxx" }, { cut.code, cut.status, cut.body })
    assert.equal(18, curl.request("GET", srv.url .. "/empty").code)
    local stalled = curl.request("GET", srv.url .. "/stall")
    assert.same({ 18, "xxxxxxxxxx" }, { stalled.code, stalled.body })
    assert.not_equal(0, curl.request("GET", srv.url .. "/raw").code)
  end)

  it("cuts a request off before anybody sees it", function()
    local seen = 0
    serve(function(req)
      seen = seen + 1
      req:respond { body = "ok" }
    end)
    srv:cut { method = "POST", path = "/upload", after = 100000 }
    assert.equal(200, curl.request("GET", srv.url .. "/upload").status)
    local cut = curl.request("POST", srv.url .. "/upload", { body = ("x"):rep(4 << 20) })
    assert.is_true(cut.code == 55 or cut.code == 56 or cut.code == 52, "curl said " .. cut.code .. cut.err)
    assert.equal(1, seen)
    assert.equal(200, curl.request("POST", srv.url .. "/upload", { body = "x" }).status)
  end)

  it("survives garbage", function()
    serve(function(req) req:respond { body = "ok" } end)
    local junk = { "\0\1\2\3\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", ("A"):rep(300000),
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "GET /%zz%0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" }
    for _, bytes in ipairs(junk) do
      curl.shell(("curl -s --max-time 1 telnet://127.0.0.1:%d"):format(srv.port), bytes)
    end
    assert.equal("ok", curl.request("GET", srv.url).body)
  end)

  it("ends waiting accepts and open requests when it closes", function()
    local mine = assert(server.listen())
    local held
    local waiting = task.spawn(function()
      held = mine:accept()
      return mine:accept() == nil
    end)
    local client = task.spawn(curl.request, "GET", mine.url)
    while not held do task.yield() end
    mine:close()
    assert.is_true(waiting:wait())
    assert.not_equal(0, client:wait().code)
    local ok, problem = held:respond { body = "too late" }
    assert.is_nil(ok)
    assert.equal("cancelled", problem.code)
    assert.is_nil(mine:accept())
    mine:close()
  end)

  it("closes while requests are on their way in", function()
    for yields = 1, 20 do
      local other = assert(server.listen { port = 0 })
      local posts = {}
      for i = 1, 6 do
        posts[i] = task.spawn(function() return http.post(other.url, { body = ("x"):rep(i * 20000), timeout = 5 }) end)
      end
      for _ = 1, yields do task.yield() end
      other:close()
      for i = 1, 6 do
        local res, problem = posts[i]:wait()
        assert.is_nil(res)
        assert.equal("network", problem.code)
      end
    end
  end)

  it("answers 500 for a request that was forgotten", function()
    srv = assert(server.listen())
    runner = task.spawn(function() while srv:accept() do end end)
    local client = task.spawn(curl.request, "GET", srv.url)
    repeat
      collectgarbage()
      task.yield()
    until client:done()
    assert.equal(500, client:wait().status)
  end)

  it("says what is wrong with a call", function()
    serve(function(req)
      assert.has_error(function() req:respond { status = 99 } end)
    end)
    curl.request("GET", srv.url)
    local taken, problem = server.listen { port = srv.port }
    assert.is_nil(taken)
    assert.matches("can't listen on 127.0.0.1:" .. srv.port, tostring(problem))
    for _, options in ipairs { { host = "nowhere" }, { port = 70000 }, { prot = 1 }, { port = "http" } } do
      local ok, said = pcall(server.listen, options)
      assert.is_false(ok)
      assert.equal("usage", said.code)
    end
  end)

  it("tells text from other bytes", function()
    for _, text in ipairs { "", "abc é 漢 😀", ("x"):rep(1000) } do assert.is_true(server.is_text(text)) end
    for _, bytes in ipairs { "\n", "a\tb", "\0", "\xff", "\xed\xa0\x80", ("x"):rep(1000) .. "\xc3" } do assert.is_false(server.is_text(bytes)) end
  end)

  it("decodes percent escapes and gzip", function()
    assert.equal("a/b c%zz%4", server.unescape "a%2Fb%20c%zz%4")
    local packed = curl.shell("printf 'hello hello hello' | gzip -c").out
    assert.equal("hello hello hello", server.gunzip(packed, 17))
    assert.equal(("hello hello hello"):rep(2), server.gunzip(packed .. packed, 100))
    local cases = { { packed, 16, "limit" }, { "not gzip", 99, "protocol" }, { packed:sub(1, -5), 99, "protocol" }, { "", 99, "protocol" } }
    for _, case in ipairs(cases) do
      local text, problem = server.gunzip(case[1], case[2])
      assert.is_nil(text)
      assert.equal(case[3], problem.code)
    end
  end)
end)
