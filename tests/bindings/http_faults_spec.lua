-- What servers should not do, and what becomes of it: every end has its own error, and none is taken for a body.
local http = require "sluice.http"
local rawserver = require "support.rawserver"
local task = require "sluice.task"

local OK = "send HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok\n"

describe("http with a faulty peer", function()
  local server
  local function play(...) server = rawserver.start(table.concat({ ... }, "--\n")) end
  after_each(function() if server then server:stop() end server = nil end)

  local function fails(code, pattern, options, method)
    local res, problem = http[method or "get"](server.url .. "/x", options)
    assert.is_nil(res)
    assert.equal(code, problem.code)
    assert.matches(pattern, problem.message)
    assert.matches("^%u+ http://127.0.0.1:%d+/x: ", problem.message)
    return problem
  end

  describe("takes no cut-off body for a whole one:", function()
    it("fewer bytes than announced", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nclose\n"
      fails("network", "cut off")
    end)

    it("chunks without the last one", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n\nclose\n"
      fails("network", "cut off")
    end)

    it("a chunk that ends early", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nff\\r\\nabc\nclose\n"
      fails("network", "cut off")
    end)

    it("an HTTP/1.0 answer shorter than it says", function()
      play "read\nsend HTTP/1.0 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nclose\n"
      fails("network", "cut off")
    end)

    it("a gzip body that ends in the middle", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\nContent-Length: 12\\r\\n\\r\\n\z
      \\x1f\\x8b\\x08\\x00\\x00\\x00\\x00\\x00\\x00\\x03\\x4b\\x4c\n"
      fails("network", "cut off")
    end)

    it("nor when it is saved", function()
      local path = require("support.tmp").dir() .. "/out"
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nclose\n"
      fails("network", "cut off", { save = path })
      assert.is_nil(io.open(path))
      assert.is_nil(io.popen("ls " .. path:match "(.*)/"):read "l")
    end)

    it("but one without a length ends with the connection", function()
      play "read\nsend HTTP/1.0 200 OK\\r\\n\\r\\nabc\nclose\n"
      assert.equal("abc", assert(http.get(server.url)).body)
    end)
  end)

  describe("tells the causes apart:", function()
    it("closed without a word", function()
      play "read\nclose\n"
      fails("network", "without an answer")
    end)

    it("reset instead of an answer", function()
      play "read\nreset\n"
      fails("network", "reset")
    end)

    it("not HTTP at all", function()
      play "read\nsend SSH-2.0-OpenSSH_9.2\\r\\n\nclose\n"
      fails("protocol", "not proper HTTP")
    end)

    it("header lines that are none", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nbroken line\\r\\n\\r\\n\nclose\n"
      fails("protocol", "not proper HTTP")
    end)

    it("headers without end", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\n\nrepeat 30000 X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\r\\n\neof\n"
      fails("limit", "headers are larger")
    end)

    it("one endless header", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nX: \nrepeat 30000 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\neof\n"
      fails("limit", "headers are too large")
    end)

    it("a damaged gzip body", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\nContent-Length: 6\\r\\n\\r\\nabcdef\n"
      fails("protocol", "damaged")
    end)

    it("an encoding that nobody asked for", function()
      play("read\nsend HTTP/1.1 200 OK\\r\\nContent-Encoding: br\\r\\nContent-Length: 2\\r\\n\\r\\nab\n")
      fails("protocol", "encoded as 'br'")
      assert.equal("ab", assert(http.get(server.url, { raw = true })).body)
    end)

    it("damaged chunks", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\nabc\\r\\n\nclose\n"
      fails("network", "broke")
    end)
  end)

  describe("names the timeout that passed:", function()
    it("connect (TLS that never answers)", function()
      play "hang\n"
      local res, problem = http.get(server.url:gsub("http", "https"), { connect_timeout = 0.05 })
      assert.is_nil(res)
      assert.equal("timeout", problem.code)
      assert.matches("connect timeout", problem.message)
    end)

    it("first byte", function()
      play "read\nhang\n"
      local problem = fails("timeout", "no answer came within 0.05 s %(first byte timeout%)", { first_byte_timeout = 0.05 })
      assert.matches("first_byte_timeout", problem.hint)
      assert.is_true(problem.retryable)
      problem = fails("timeout", "first byte timeout", { first_byte_timeout = 0.05, body = "order" }, "post")
      assert.is_false(problem.retryable)
    end)

    it("stall", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nhang\n"
      fails("timeout", "stall timeout", { stall_timeout = 0.05 })
    end)

    it("stall, while a body goes out", function()
      play "head\nhang\n"
      fails("timeout", "stall timeout", { stall_timeout = 0.05, body = ("x"):rep(20000000) }, "put")
    end)

    it("total", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nabc\nhang\n"
      fails("timeout", "total timeout", { timeout = 0.05 })
    end)
  end)

  describe("keeps ceilings:", function()
    it("a body that says how large it is", function()
      play "read\nsend HTTP/1.1 200 OK\\r\\nContent-Length: 1000\\r\\n\\r\\n\neof\n"
      fails("limit", "1000 bytes, more than the 999 allowed", { max_bytes = 999 })
    end)

    it("a body that does not", function()
      play "read\nsend HTTP/1.0 200 OK\\r\\n\\r\\n\nrepeat 100 aaaaaaaaaa\nclose\n"
      fails("limit", "larger than 999 bytes", { max_bytes = 999 })
      assert.equal(1000, #assert(http.get(server.url, { max_bytes = 1000 })).body)
    end)
  end)

  describe("sends nothing twice by itself:", function()
    it("a POST whose kept connection breaks after it was sent", function()
      play("read\n" .. OK .. "read\nreset\n", "read\n" .. OK)
      assert(http.get(server.url .. "/x"))
      local problem = fails("network", "before its answer", { body = "order" }, "post")
      assert.is_false(problem.retryable)
      assert.matches("may have been done", problem.hint)
      assert.equal(1, select(2, server:log():gsub("POST", "")))
    end)

    it("a POST without a body, or with a large one, neither", function()
      for _, body in ipairs { "", ("x"):rep(300000) } do
        play("read\n" .. OK .. "read\nclose\n", "read\n" .. OK)
        assert(http.get(server.url .. "/x"))
        fails("network", "before its answer", { body = body }, "post")
        assert.equal(1, select(2, server:log():gsub("POST", "")))
        server:stop()
      end
      server = nil
    end)

    it("but a GET, and what the caller calls repeatable", function()
      for _, body in ipairs { "order", ("x"):rep(300000) } do
        play("read\n" .. OK .. "read\nreset\n", "read\n" .. OK)
        assert(http.get(server.url .. "/x"))
        assert.equal("ok", assert(http.post(server.url .. "/x", { body = body, repeatable = true })).body)
        assert.equal(2, server:connections())
        assert.equal(#body, #server:log():match "\r\n\r\n([^\r]*)$")
        server:stop()
      end
      play("read\n" .. OK .. "read\nreset\n", "read\n" .. OK)
      assert(http.get(server.url .. "/x"))
      assert.equal("ok", assert(http.get(server.url .. "/x")).body)
      assert.equal(2, server:connections())
    end)

    it("and says so of a POST whose answer does not come", function()
      play "read\nhang\n"
      for _, options in ipairs { { first_byte_timeout = 0.05 }, { timeout = 0.05 } } do
        options.body = "order"
        assert.is_false(fails("timeout", "timeout", options, "post").retryable)
      end
      assert.is_true(fails("timeout", "first byte", { first_byte_timeout = 0.05 }).retryable)
    end)

    it("nor a GET that the caller calls not repeatable", function()
      play("read\n" .. OK .. "read\nreset\n", "read\n" .. OK)
      assert(http.get(server.url .. "/x"))
      fails("network", "before its answer", { repeatable = false })
      assert.equal(2, select(2, server:log():gsub("GET", "")))
    end)
  end)

  describe("follows redirects", function()
    local function to(status, url)
      return ("read\nsend HTTP/1.1 %d Go\\r\\nLocation: %s\\r\\nContent-Length: 4\\r\\n\\r\\ngone\n"):format(status, url)
    end

    it("and says where the answer came from", function()
      play(to(302, "/y?a=1") .. "read\n" .. OK)
      local res = assert(http.get(server.url .. "/x", { headers = { ["X-Key"] = "k" } }))
      assert.equal("ok", res.body)
      assert.equal(1, res.redirects)
      assert.equal(server.url .. "/y?a=1", res.url)
      assert.matches("GET /y%?a=1 HTTP/1.1\r\n.*X%-Key: k\r\n", server:log())
    end)

    it("turning a POST into a GET after 301, 302 and 303, not after 307 and 308", function()
      for status, method in pairs { [301] = "GET", [302] = "GET", [303] = "GET", [307] = "POST", [308] = "POST" } do
        play(to(status, "/y") .. "read\n" .. OK)
        assert(http.post(server.url .. "/x", { json = { a = 1 } }))
        local second = server:log():match "\n?(%u+ /y.*)$"
        assert.equal(method, second:match "^%u+")
        assert.equal(method == "POST", second:find('{"a":1}', 1, true) ~= nil)
        assert.equal(method == "POST", second:find("Content-Type", 1, true) ~= nil)
        server:stop()
      end
      server = nil
    end)

    it("without credentials to another host", function()
      local other = rawserver.start("read\n" .. OK)
      play(to(302, other.url .. "/y"))
      local headers = { Authorization = "Bearer abcdefgh", Cookie = "s=1", ["X-Auth-Token"] = "t", ["Accept-Language"] = "de" }
      local res = assert(http.get(server.url:gsub("//", "//me:passw0rd@") .. "/x", { headers = headers, query = { token = "zzzz" } }))
      assert.equal("ok", res.body)
      local log = other:log()
      for _, word in ipairs { "Authorization", "Cookie", "X-Auth-Token", "zzzz", "Referer" } do
        assert.is_nil(log:find(word, 1, true), word)
      end
      assert.matches("Accept%-Language: de", log)
      assert.matches("Bearer abcdefgh", server:log())
      other:stop()
    end)

    it("not with a body to another host", function()
      play(to(307, "http://127.0.0.1:1/y"))
      fails("protocol", "another host", { json = { password = "x" } }, "post")
    end)

    it("not to other schemes, not without end", function()
      play(to(302, "file:///etc/passwd"))
      fails("protocol", "only http and https")
      server:stop()
      play(to(302, "/x"):rep(9))
      fails("limit", "more than 3 redirects", { max_redirects = 3 })
    end)

    it("unless told not to", function()
      play(to(302, "/y"))
      local res = assert(http.get(server.url .. "/x", { max_redirects = 0 }))
      assert.equal(302, res.status)
      assert.equal("gone", res.body)
    end)
  end)

  it("skips answers of the 1xx kind, and trailers", function()
    play "read\nsend HTTP/1.1 103 Early Hints\\r\\nLink: x\\r\\n\\r\\n\z
      HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\nA: b\\r\\n\\r\\n2\\r\\nok\\r\\n0\\r\\nTrailer: HTTP/1.1 500\\r\\n\\r\\n\n"
    local res = assert(http.get(server.url))
    assert.equal(200, res.status)
    assert.equal("ok", res.body)
    assert.is_nil(res.headers.link)
    assert.is_nil(res.headers.trailer)
    assert.equal("b", res.headers.a)
  end)

  it("goes through a proxy, with its credentials masked", function()
    play("read\n" .. OK, "read\nsend HTTP/1.1 407 No\\r\\nContent-Length: 0\\r\\n\\r\\n\nclose\n")
    local proxy = server.url:gsub("//", "//me:proxy-pass@")
    assert.equal("ok", assert(http.get("http://example.invalid/x", { proxy = proxy })).body)
    assert.matches("^%-%- 1\nGET http://example.invalid/x HTTP/1.1", server:log())
    assert.matches("Proxy%-Authorization: Basic", server:log())
    local res, problem = http.get("https://example.invalid/x", { proxy = proxy })
    assert.is_nil(res)
    assert.matches("the proxy refuses", problem.message)
    assert.is_nil(tostring(problem):find("proxy-pass", 1, true))
  end)

  it("never takes loopback through the environment's proxy", function()
    play("read\n" .. OK)
    assert.equal("ok", assert(http.get(server.url, { proxy = "http://127.0.0.1:1" })).body)
  end)

  it("ends with the task that waits for it", function()
    play "read\nhang\n"
    local waiting = task.spawn(function() return http.get(server.url) end)
    task.sleep(0)
    waiting:cancel()
    assert.is_false((pcall(waiting.wait, waiting)))
  end)
end)
