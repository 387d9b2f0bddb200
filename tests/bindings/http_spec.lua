-- Requests and answers against nginx.
local http = require "sluice.http"
local json = require "sluice.json"
local nginx = require "support.nginx"
local tmp = require "support.tmp"

-- /echo: what nginx understood, field by field.
local echo = [[
location /echo {
  default_type text/plain;
  return 200 "$request_method|$request_uri|$http_x_a|$http_content_type|$http_user_agent|$http_accept_encoding|$content_length|$http_authorization";
}
location /hello { default_type text/plain; add_header X-Twice one; add_header X-Twice two; return 200 "hello"; }
location /missing { return 404 "no such thing"; }
location /empty { return 204; }
location /json { default_type application/json; return 200 '{"id":900719925474099267,"list":[],"none":null}'; }
location /bad-json { return 200 '{"id":'; }
]]

describe("http", function()
  local server
  setup(function() server = nginx.start { server = echo } end)
  teardown(function() server:stop() end)

  local function seen(request)
    request.url = server.url .. (request.url or "/echo")
    local res = assert(http.request(request))
    local parts = {}
    for part in (res.body .. "|"):gmatch "(.-)|" do parts[#parts + 1] = part end
    return {
      method = parts[1], uri = parts[2], x_a = parts[3], type = parts[4], agent = parts[5],
      encoding = parts[6], length = parts[7], auth = parts[8],
    }
  end

  it("gives status, reason, headers, body, URL and times", function()
    local res = assert(http.get(server.url .. "/hello"))
    assert.equal(200, res.status)
    assert.equal("OK", res.reason)
    assert.equal("1.1", res.version)
    assert.equal("hello", res.body)
    assert.equal(server.url .. "/hello", res.url)
    assert.equal(5, res.timings.received_bytes)
    assert.is_true(res.timings.total >= res.timings.first_byte)
  end)

  it("finds headers in any case, the first and all of a name", function()
    local headers = assert(http.get(server.url .. "/hello")).headers
    assert.equal("text/plain", headers["content-type"])
    assert.equal("text/plain", headers.CONTENT_TYPE or headers["Content-Type"])
    assert.equal("one", headers:get "x-twice")
    assert.same({ "one", "two" }, headers:all "X-TWICE")
    assert.is_nil(headers["x-none"])
    assert.same({}, headers:all "x-none")
    local names = {}
    for name in pairs(headers) do names[#names + 1] = name end
    assert.equal("Server", names[1])
  end)

  it("takes a 404 as an answer", function()
    local res, problem = http.get(server.url .. "/missing")
    assert.is_nil(problem)
    assert.equal(404, res.status)
    assert.equal("no such thing", res.body)
  end)

  it("knows all methods", function()
    for _, method in ipairs { "get", "post", "put", "patch", "delete" } do
      local res = assert(http[method](server.url .. "/echo"))
      assert.equal(method:upper(), res.body:match "^%u+")
    end
    assert.equal("REPORT", seen { method = "REPORT" }.method)
    local res = assert(http.head(server.url .. "/hello"))
    assert.equal("", res.body)
    assert.equal("5", res.headers["content-length"])
    assert.equal(204, assert(http.get(server.url .. "/empty")).status)
  end)

  it("encodes queries: tables sorted by name, lists in their order", function()
    assert.equal("/echo?a=1&b=x%20%26%20y&c=%C3%A4&c=true", seen { query = { c = { "ä", true }, a = 1, b = "x & y" } }.uri)
    assert.equal("/echo?z=1&a=2&z=3", seen { query = { { "z", 1 }, { "a", 2 }, { "z", 3 } } }.uri)
    assert.equal("/echo?x=1&y=2", seen { url = "/echo?x=1", query = { y = 2 } }.uri)
    assert.equal("http://h/?a=1", http.query("http://h/", { a = 1 }))
    assert.equal("/echo?a=/../b", seen { url = "/x/./../echo?a=/../b" }.uri)
    assert.equal("/echo", seen { url = "/echo#part" }.uri)
  end)

  it("sends headers: tables, numbers, empty ones", function()
    assert.equal("7", seen { headers = { ["X-A"] = 7 } }.x_a)
    assert.equal("", seen { headers = { { "X-A", "" } } }.x_a)
    assert.equal("me/1", seen { headers = { ["User-Agent"] = "me/1" } }.agent)
    assert.equal("gzip", seen {}.encoding)
    assert.equal("", seen { raw = true }.encoding)
    assert.matches("^sluice/", seen {}.agent)
  end)

  it("sets type and length of bodies", function()
    local form = seen { method = "POST", form = { b = "x y", a = 1 } }
    assert.equal("application/x-www-form-urlencoded", form.type)
    assert.equal(tostring(#"a=1&b=x%20y"), form.length)
    local value = seen { method = "POST", json = { a = json.array {} } }
    assert.equal("application/json", value.type)
    assert.equal(tostring(#'{"a":[]}'), value.length)
    assert.equal("application/vnd.api+json", seen { method = "POST", json = {}, headers = { ["content-type"] = "application/vnd.api+json" } }.type)
    local plain = seen { method = "POST", body = "abc" }
    assert.same({ "", "3" }, { plain.type, plain.length })
    assert.equal("0", seen { method = "POST", body = "" }.length)
    assert.equal("3", seen { method = "GET", body = "abc" }.length)
    local chunk = require("sluice.ndjson").chunk()
    chunk:put { a = 1 }
    local lines = seen { method = "POST", body = chunk }
    assert.same({ "application/x-ndjson", "8" }, { lines.type, lines.length })
    chunk:clear()
  end)

  it("decodes JSON losslessly, and says what is none", function()
    local value = assert(assert(http.get(server.url .. "/json")):json())
    assert.equal(900719925474099267, value.id)
    assert.equal(json.null, value.none)
    local bad, problem = assert(http.get(server.url .. "/bad-json")):json()
    assert.is_nil(bad)
    assert.equal("protocol", problem.code)
    assert.equal(200, problem.status)
  end)

  it("turns user and password of the URL into basic authentication", function()
    local url = server.url:gsub("//", "//me:s%%33cret-pw@")
    local res = assert(http.get(url .. "/echo"))
    assert.equal("Basic " .. require("sluice.crypto").base64 "me:s3cret-pw", res.body:match "|([^|]*)$")
    assert.equal(server.url .. "/echo", res.url)
    assert.equal("", seen {}.auth)
  end)

  it("keeps connections", function()
    assert(http.get(server.url .. "/hello"))
    assert.is_true(assert(http.get(server.url .. "/hello")).timings.reused)
  end)

  it("saves a body into a file, and nothing where the status is bad", function()
    local path = tmp.dir() .. "/out"
    local res = assert(http.get(server.url .. "/hello", { save = path }))
    assert.equal("", res.body)
    assert.equal("hello", tmp.read(path))
    assert.equal("no such thing", assert(http.get(server.url .. "/missing", { save = path })).body)
    assert.equal("hello", tmp.read(path))
    local none, problem = http.get(server.url .. "/hello", { save = "/nowhere/at/all" })
    assert.is_nil(none)
    assert.matches("/nowhere/at/all", problem.message)
  end)

  it("has clients with defaults of their own", function()
    local client = http.client { base_url = server.url .. "/", headers = { ["X-A"] = "default", ["User-Agent"] = "me/2" }, timeout = 5 }
    assert.equal(5, client.options.timeout)
    local res = assert(client:get("/echo", { query = { q = 1 } }))
    assert.matches("^GET|/echo%?q=1|default||me/2|", res.body)
    assert.matches("|own|", assert(client:get("echo", { headers = { ["x-a"] = "own" } })).body)
    assert.equal("hello", assert(client:get(server.url .. "/hello")).body)
    client.options.headers = nil
    assert.matches("^POST|/echo||", assert(client:post "echo").body)
  end)

  describe("refuses, before anything is sent,", function()
    local function usage(pattern, request)
      request.url = request.url or server.url
      local ok, problem = pcall(http.request, request)
      assert.is_false(ok)
      assert.equal("usage", problem.code)
      assert.matches(pattern, problem.message)
    end

    it("options that do not exist, naming the nearest", function()
      usage("did you mean 'timeout'", { timeuot = 3 })
      local ok, problem = pcall(http.client, { first_byte_timout = 1 })
      assert.is_false(ok)
      assert.matches("first_byte_timeout", problem.message)
    end)

    it("headers that would break the request", function()
      usage("line break", { headers = { a = "x\r\nEvil: 1" } })
      usage("zero byte", { headers = { a = "x\0y" } })
      usage("not a header name", { headers = { ["a b"] = "x" } })
      usage("not a header name", { headers = { { "a:\n", "x" } } })
      usage("not yours", { headers = { ["content-length"] = "5" } })
      usage("not yours", { headers = { ["Transfer-Encoding"] = "chunked" } })
    end)

    it("URLs and methods that are none", function()
      usage("only http and https", { url = "file:///etc/passwd" })
      usage("only http and https", { url = "ftp://host/x" })
      usage("scheme", { url = "localhost:80/x" })
      usage("blank or control", { url = "http://host/a b" })
      usage("blank or control", { url = "http://host/\r\nX: 1" })
      usage("empty", { url = "" })
      usage("not an HTTP method", { method = "GET /x HTTP/1.1\r\n" })
    end)

    it("values of the wrong kind", function()
      usage("timeout", { timeout = "soon" })
      usage("timeout", { timeout = -1 })
      usage("body must be", { body = true })
      usage("one body", { body = "x", json = {} })
      usage("http_version", { http_version = "3" })
      usage("client_key needs", { client_key = "x" })
      usage("proxy", { proxy = "localhost:3128" })
    end)
  end)

  it("says what could not be reached, and how to go on", function()
    local res, problem = http.get("http://127.0.0.1:1/x?api_key=abcdefgh&page=2")
    assert.is_nil(res)
    assert.equal("network", problem.code)
    assert.is_true(problem.retryable)
    assert.matches("GET http://127.0.0.1:1/x%?api_key=%*%*%*&page=2: no connection", problem.message)
    assert.is_truthy(problem.hint)
    local _, unknown = http.get "http://no-such-host.invalid/"
    assert.matches("can't be resolved", unknown.message)
  end)
end)
