-- TLS and HTTP/2 against nginx with certificates made for the occasion.
local http = require "sluice.http"
local nginx = require "support.nginx"
local rawserver = require "support.rawserver"
local tmp = require "support.tmp"

local function sh(dir, command)
  assert(os.execute("cd " .. dir .. " && " .. command .. " >/dev/null 2>&1"), command)
end

-- An authority, a server certificate for localhost, one for another name, and a client's.
local function make_certificates(dir)
  sh(dir, "openssl ecparam -name prime256v1 -genkey -noout -out ca.key")
  sh(dir, "openssl req -x509 -new -key ca.key -days 2 -subj '/CN=sluice test CA' -out ca.pem")
  for name, host in pairs { server = "localhost", other = "elsewhere.example", client = "client" } do
    sh(dir, ("openssl ecparam -name prime256v1 -genkey -noout -out %s.key"):format(name))
    sh(dir, ("openssl req -new -key %s.key -subj '/CN=%s' -out %s.csr"):format(name, host, name))
    sh(dir, ("printf 'subjectAltName=DNS:%s' > %s.ext"):format(host, name))
    sh(dir, ("openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile %s.ext -out %s.pem"):format(name, name, name))
  end
end

describe("http over TLS", function()
  local dir, servers, url, ca = tmp.dir(), {}, {}, nil

  local function start(name, certificate, extra)
    servers[name] = nginx.start {
      listen = "ssl http2",
      server = ([[ssl_certificate %s/%s.pem; ssl_certificate_key %s/%s.key; %s
        location / { return 200 "$server_protocol $ssl_client_s_dn"; }
        location /store/ { dav_methods PUT; create_full_put_path on; }]]):format(dir, certificate, dir, certificate, extra or ""),
    }
    url[name] = servers[name].tls_url
  end

  setup(function()
    make_certificates(dir)
    ca = dir .. "/ca.pem"
    start("good", "server")
    start("wrong", "other")
    start("strict", "server", ("ssl_client_certificate %s; ssl_verify_client on;"):format(ca))
  end)
  teardown(function() for _, server in pairs(servers) do server:stop() end end)

  local function refused(pattern, ...)
    local res, problem = http.get(...)
    assert.is_nil(res)
    assert.equal("tls", problem.code)
    assert.matches(pattern, problem.message)
    assert.is_truthy(problem.hint)
    assert.is_false(problem.retryable)
  end

  it("trusts the authority that it is given", function()
    local res = assert(http.get(url.good, { ca_file = ca }))
    assert.equal(200, res.status)
    assert.is_true(res.timings.tls > res.timings.connect)
    assert.is_true(assert(http.get(url.good, { ca_file = ca })).timings.reused)
  end)

  it("refuses an unknown authority, a wrong host, no certificate file", function()
    refused("not trusted", url.good)
    refused("not trusted", url.wrong, { ca_file = ca })
    refused("CA file", url.good, { ca_file = dir .. "/none.pem" })
    refused("client certificate", url.strict, { ca_file = ca, client_cert = dir .. "/none.pem" })
  end)

  it("does not take a trusted connection for one that is not", function()
    assert(http.get(url.good, { ca_file = ca }))
    refused("not trusted", url.good)
  end)

  it("shows a client certificate, and only where it is given", function()
    local options = { ca_file = ca, client_cert = dir .. "/client.pem", client_key = dir .. "/client.key" }
    assert.equal("HTTP/1.1 CN=client", assert(http.get(url.strict, options)).body)
    assert.equal(400, assert(http.get(url.strict, { ca_file = ca })).status)
  end)

  it("says when a port does not speak TLS", function()
    local plain = rawserver.start "send HTTP/1.1 400 Bad\\r\\n\\r\\n\nclose\n"
    refused("no TLS connection", (plain.url:gsub("http:", "https:")))
    plain:stop()
  end)

  it("speaks HTTP/2 where it is asked to and the server offers it", function()
    local res = assert(http.get(url.good, { ca_file = ca, http_version = "2" }))
    assert.equal("2", res.version)
    assert.equal("HTTP/2.0 ", res.body)
    assert.equal("", res.reason)
    assert.equal("1.1", assert(http.get(url.good, { ca_file = ca })).version)
  end)

  it("posts over HTTP/2, and streams over 1.1 all the same", function()
    local options = { ca_file = ca, http_version = "2", body = ("x"):rep(100000) }
    assert.equal("2", assert(http.put(url.good .. "/store/a", options)).version)
    assert.equal(100000, #tmp.read(servers.good.dir .. "/html/store/a"))
    local n = 0
    options.body = function() n = n + 1 return n <= 100 and ("y"):rep(8000) or nil end
    assert.equal("1.1", assert(http.put(url.good .. "/store/b", options)).version)
    assert.equal(800000, #tmp.read(servers.good.dir .. "/html/store/b"))
  end)

  it("reads streams over HTTP/2", function()
    tmp.write(servers.good.dir .. "/html/store/large", ("z"):rep(5000000))
    local total = 0
    for bytes in assert(http.get(url.good .. "/store/large", { ca_file = ca, http_version = "2", stream = true })):chunks() do
      total = total + #bytes
    end
    assert.equal(5000000, total)
  end)
end)
