-- Who may do what: loopback and beyond, token and cookie, other sites, other names, wrong tokens.
local auth = require "sluice.page.auth"

local NOW = { wall = 1790000000, mono = 1000 }

describe("sluice.page.auth", function()
  local guard
  before_each(function() guard = auth.new { token = "secret", host = "127.0.0.1", port = 7070 } end)

  local function request(headers, peer)
    local all = { host = "127.0.0.1:7070" }
    for name, value in pairs(headers or {}) do all[name] = value ~= "" and value or nil end
    return { headers = all, peer = peer or "127.0.0.1" }
  end

  local function status(headers, changes, now)
    local problem = guard:check(request(headers), now or NOW, changes or false)
    return problem and problem.status or 200
  end

  local function cookie(now) return (guard:login(now or NOW.wall):match "^[^;]+") end

  it("lets everybody read on loopback, and nobody change", function()
    assert.equal(200, status {})
    assert.equal(401, status({}, true))
    local problem, steers = guard:check(request {}, NOW, false)
    assert.same({ nil, false }, { problem, steers })
  end)

  it("wants the token for all beyond loopback, and through a proxy", function()
    guard = auth.new { token = "secret", host = "0.0.0.0", port = 7070 }
    assert.equal(401, status { host = "192.0.2.1:7070" })
    assert.equal(200, status { host = "192.0.2.1:7070", authorization = "Bearer secret" })
    guard = auth.new { token = "secret", host = "127.0.0.1", port = 7070 }
    assert.equal(401, status { ["x-forwarded-for"] = "192.0.2.9" })
    assert.equal(401, status { via = "1.1 proxy" })
  end)

  it("takes the token, and no other", function()
    assert.equal(200, status({ authorization = "Bearer secret" }, true))
    assert.equal(200, status({ authorization = "bearer   secret " }, true))
    for _, wrong in ipairs { "secre", "secrett", "Secret", "" } do assert.equal(401,
      status({ authorization = "Bearer " .. wrong .. "x" }, true)) end
    assert.equal(401, status({ authorization = "Basic secret" }, true))
    assert.is_true(auth.same("a", "a"))
    assert.is_false(auth.same("a", "b"))
  end)

  it("takes the cookie of a login where the browser says that the page itself asks", function()
    local text = cookie()
    assert.matches("^sluice_7070=", text)
    assert.equal(200, status({ cookie = "a=b; " .. text .. "; c=d", origin = "http://127.0.0.1:7070" }, true))
    assert.equal(200, status({ cookie = text, ["sec-fetch-site"] = "same-origin" }, true))
    assert.equal(403, status({ cookie = text }, true))
    assert.equal(403, status({ cookie = text, ["sec-fetch-site"] = "cross-site" }, true))
    for _, origin in ipairs { "http://evil.example", "null", "http://127.0.0.1:7071", "http://localhost:7070",
      "http://127.0.0.1:7070.evil.example" } do
      assert.equal(403, status({ cookie = text, origin = origin }, true), origin)
    end
    assert.equal(403, status({ authorization = "Bearer secret", origin = "http://evil.example" }, true))
  end)

  it("gives a cookie that only this page can read, for a while", function()
    local header = guard:login(NOW.wall)
    for _, word in ipairs { "HttpOnly", "SameSite=Strict", "Path=/", "Max%-Age=43200" } do assert.matches(word, header) end
    assert.is_nil(header:find "Secure")
    assert.matches("; Secure$", guard:login(NOW.wall, true))
    assert.matches("Max%-Age=0", guard:logout({}, NOW.wall))
    local headers = { cookie = cookie(), origin = "http://127.0.0.1:7070" }
    assert.equal(200, status(headers, true, { wall = NOW.wall + 43199, mono = 1 }))
    assert.equal(401, status(headers, true, { wall = NOW.wall + 43200, mono = 1 }))
  end)

  it("takes no cookie that was made or changed elsewhere", function()
    local good = cookie()
    local other = auth.new({ token = "other", host = "127.0.0.1", port = 7070 }):login(NOW.wall):match "^[^;]+"
    local later = good:gsub("=%d", "=9")
    for _, bad in ipairs { other, later, good:sub(1, -2), good .. "0", "sluice_7070=", "sluice_7070=9999999999.ab.cd" } do
      assert.equal(401, status({ cookie = bad, origin = "http://127.0.0.1:7070" }, true), bad)
    end
  end)

  it("answers under its own names alone", function()
    for _, host in ipairs { "127.0.0.1:7070", "localhost:7070", "LOCALHOST:7070", "[::1]:7070" } do
      assert.equal(200, status { host = host }, host)
    end
    for _, host in ipairs { "", "evil.example:7070", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.example:7070", "192.0.2.1:7070" } do
      assert.equal(421, status { host = host }, host)
    end
    assert.equal(421, status({ host = "evil.example:7070", authorization = "Bearer secret" }, true))
    guard = auth.new { token = "secret", host = "0.0.0.0", port = 7070 }
    assert.equal(421, status { host = "evil.example:7070", authorization = "Bearer secret" })
  end)

  it("makes an address wait that has tried wrong tokens, longer each time, and no other", function()
    for _ = 1, 5 do assert.equal(401, status({ authorization = "Bearer wrong" }, true)) end
    assert.equal(429, status({ authorization = "Bearer secret" }, true))
    assert.equal(1, guard:wait("127.0.0.1", NOW.mono))
    assert.is_nil((guard:check(request({ authorization = "Bearer secret" }, "127.0.0.2"), NOW, true)))
    assert.equal(401, status({ authorization = "Bearer wrong" }, true, { wall = 1, mono = 1001 }))
    assert.equal(2, guard:wait("127.0.0.1", 1001))
    assert.equal(200, status({ authorization = "Bearer secret" }, true, { wall = 1, mono = 1003 }))
    assert.equal(0, guard:wait("127.0.0.1", 1003))
    for i = 1, 40 do guard:try("127.0.0.9", "wrong", 2000 + i) end
    assert.equal(60, guard:wait("127.0.0.9", 2040))
  end)

  it("can't be made to refuse the owner of a token that nobody guesses", function()
    guard = auth.new { token = auth.random_token(), host = "127.0.0.1", port = 7070 }
    for _ = 1, 50 do assert.equal(401, status({ authorization = "Bearer wrong" }, true)) end
    assert.equal(200, status({ authorization = "Bearer " .. guard.token }, true))
  end)

  it("counts wrong tokens by those for whom a proxy on this machine speaks; elsewhere that header says nothing", function()
    local function client(peer, forwarded) return auth.client { peer = peer, headers = { ["x-forwarded-for"] = forwarded } } end
    assert.equal("127.0.0.1", client "127.0.0.1")
    assert.equal("127.0.0.1 for 192.0.2.2", client("127.0.0.1", "made up, 192.0.2.2"))
    assert.equal("192.0.2.1", client("192.0.2.1", "192.0.2.2"))
    for _ = 1, 6 do status { authorization = "Bearer wrong", ["x-forwarded-for"] = "192.0.2.1" } end
    assert.equal(429, status { authorization = "Bearer secret", ["x-forwarded-for"] = "192.0.2.1" })
    assert.equal(200, status { authorization = "Bearer secret", ["x-forwarded-for"] = "192.0.2.2" })
  end)

  it("answers under the names of the config, whatever the proxy's port, and then to nobody without the token", function()
    guard = auth.new { token = "secret", host = "127.0.0.1", port = 7070, names = { "Sluice.example" } }
    for _, host in ipairs { "sluice.example", "sluice.example:8443", "127.0.0.1:7070" } do
      assert.equal(401, status { host = host })
      assert.equal(200, status { host = host, authorization = "Bearer secret" })
    end
    assert.equal(200, status({ host = "sluice.example", cookie = cookie(), origin = "https://sluice.example" }, true))
    for _, host in ipairs { "evil.example", "sluice.example.evil.example", "xsluice.example:7070" } do
      assert.equal(421, status { host = host, authorization = "Bearer secret" }, host)
    end
  end)

  it("lets a page of another site lead here, and do nothing else", function()
    assert.equal(200, status { ["sec-fetch-site"] = "cross-site", ["sec-fetch-mode"] = "navigate" })
    for _, headers in ipairs { { ["sec-fetch-site"] = "cross-site", ["sec-fetch-mode"] = "no-cors" },
      { ["sec-fetch-site"] = "same-site", ["sec-fetch-mode"] = "cors" }, { origin = "http://evil.example" } } do
      assert.equal(403, status(headers))
    end
    assert.equal(200, status { ["sec-fetch-site"] = "same-origin", ["sec-fetch-mode"] = "cors" })
  end)

  it("takes no login and no logout from another site, so that nobody is locked or thrown out by it", function()
    local function free(headers)
      local problem = guard:check(request(headers), NOW, true, true)
      return problem and problem.status or 200
    end
    assert.equal(200, free {})
    assert.equal(200, free { origin = "http://127.0.0.1:7070" })
    assert.equal(403, free { origin = "http://evil.example" })
    assert.equal(403, free { ["sec-fetch-site"] = "cross-site", ["sec-fetch-mode"] = "navigate" })
  end)

  it("forgets a session that was logged out, wherever its cookie is", function()
    local headers = { cookie = cookie(), origin = "http://127.0.0.1:7070" }
    assert.equal(200, status(headers, true))
    guard:logout(headers, NOW.wall)
    assert.equal(401, status(headers, true))
    assert.equal(200, status({ cookie = cookie(), origin = "http://127.0.0.1:7070" }, true))
  end)

  it("knows its own IPv6 address", function()
    guard = auth.new { token = "secret", host = "::1", port = 7070 }
    assert.equal(200, status { host = "[::1]:7070" })
    assert.equal(421, status { host = "[2001:db8::1]:7070" })
    guard = auth.new { token = "secret", host = "::", port = 7070 }
    assert.equal(401, status { host = "[2001:db8::1]:7070" })
    assert.equal(421, status { host = "evil.example:7070" })
  end)

  it("remembers wrong tokens of a bounded number of addresses", function()
    for i = 1, 2500 do guard:try("10.0." .. i // 256 .. "." .. i % 256, "wrong", 1) end
    local count = 0
    for _ in pairs(guard.wrong) do count = count + 1 end
    assert.is_true(count <= 1000, count)
  end)

  it("makes tokens that differ", function()
    assert.equal(36, #auth.random_token())
    assert.not_equal(auth.random_token(), auth.random_token())
  end)
end)
