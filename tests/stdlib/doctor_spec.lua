-- `sluice doctor` as a user meets it, against the sandbox, dead ports, wrong credentials, certificates that have expired.
local doctor = require "sluice.doctor"
local json = require "sluice.json"
local lfs = require "lfs"
local machine = require "sluice.doctor.machine"
local nginx = require "support.nginx"
local peer = require "support.peer"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"
local time = require "sluice.time"
local tmp = require "support.tmp"

local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("sluice doctor", function()
  local dir, sb
  before_each(function()
    dir = tmp.dir()
    assert(lfs.mkdir(dir .. "/state"))
  end)
  after_each(function()
    if sb then sb:stop() end
    sb = nil
  end)

  -- `text` with %s for the sandbox's URL.
  local function config(text) tmp.write(dir .. "/sluice.yaml", text:gsub("%%s", sb and sb.url or "-")) end
  local BOTH = [[
version: 1
store: sqlite:s.db
connections:
  shop: { api: stock2shop, base_url: "%s", queue_url: "%s", username: sandbox, password: "${PASS:-sandbox}" }
  feed: { api: productsup_stream, base_url: "%s", token: "${TOKEN:-sandbox-token}" }
]]

  local function run(env, ...)
    local argv = { "env" }
    if env[1] ~= "-u" then argv[2] = "XDG_STATE_HOME=" .. dir .. "/state" end
    for _, one in ipairs(env) do argv[#argv + 1] = one end
    for _, word in ipairs { sluice, "doctor", ... } do argv[#argv + 1] = word end
    return assert(process.run { argv = argv, cwd = dir, timeout = 60 })
  end

  -- Exit code and rows ("status check name") -> the row.
  local function rows(env, ...)
    local done = run(env, "--json", ...)
    assert.equal("", done.stderr)
    local answer, by = json.decode(done.stdout), {}
    assert.equal(done.status, answer.exit_code)
    for _, row in ipairs(answer.checks) do
      by[("%s %s%s"):format(row.status, row.check, row.name and " " .. row.name or "")] = row
    end
    return done.status, by, answer.checks
  end

  local function names_of(folder)
    local list = {}
    for name in lfs.dir(folder) do list[#list + 1] = name end
    table.sort(list)
    return list
  end

  it("finds a sound installation sound, and makes no store", function()
    sb = sandbox.start { products = 10 }
    config(BOTH)
    local code, by = rows {}
    assert.equal(0, code)
    for _, name in ipairs { "ok config", "ok store " .. dir .. "/s.db", "ok host " .. sb.url, "ok credentials shop", "ok credentials feed",
      "ok clock", "ok libraries", "ok files" } do
      assert.is_table(by[name], name)
    end
    assert.matches("sqlite 3%.%d+%.%d+, libyaml 0%.%d", by["ok libraries"].message)
    assert.same({ ".", "..", "sluice.yaml", "state" }, names_of(dir))
    local done = run {}
    assert.equal(0, done.status)
    assert.matches("\nok   credentials  shop: accepted %(valid_token%)\n", done.stdout)
    assert.equal("", run({}, "-q").stdout)
  end)

  it("asks each API that sluice brings", function()
    sb = sandbox.start { products = 10 }
    config [[
version: 1
connections:
  site: { api: productsup_platform, base_url: "%s", token: "${TOKEN:-1234:sandbox}" }
  pat: { api: productsup_platform, base_url: "%s", pat: "${PAT:-sandbox-token}" }
  depot: { api: veeqo, base_url: "%s", api_key: "${KEY:-sandbox-key}" }
]]
    local code, by = rows {}
    for _, check in pairs(by) do assert.equal("ok", check.status, check.message) end
    assert.equal(0, code)
    assert.equal("accepted (projects)", by["ok credentials site"].message)
    assert.equal("not asked: it has no `token`", by["ok credentials pat"].message)
    assert.equal("accepted (warehouses)", by["ok credentials depot"].message)
    code, by = rows { "TOKEN=wrong:wrong", "KEY=wrongwrong" }
    assert.equal(4, code)
    assert.is_table(by["fail credentials site"])
    assert.is_table(by["fail credentials depot"])
    for _, name in ipairs { "stock2shop", "productsup_stream", "productsup_platform", "veeqo" } do
      assert.is_table(require("sluice.config").definition(name).health, name)
    end
  end)

  it("leaves a store and the login token that others use as they are", function()
    sb = sandbox.start { products = 10 }
    config(BOTH)
    require("sluice.state").open(dir .. "/s.db"):close()
    local bytes = tmp.read(dir .. "/s.db")
    for _ = 1, 2 do
      local code, by = rows {}
      assert.equal(0, code)
      assert.matches("^whole, schema %d", by["ok store " .. dir .. "/s.db"].message)
    end
    assert.equal(bytes, tmp.read(dir .. "/s.db"))
    assert.equal(1, sb.users.sandbox.logins)
    sb:expire() -- a token that has ended is renewed as by any call
    local code, by = rows {}
    assert.equal(0, code)
    assert.equal("accepted (sources)", by["ok credentials shop"].message)
    assert.equal(2, sb.users.sandbox.logins)
  end)

  it("renews a token that has ended however the server says so", function()
    for _, answer in ipairs { 401, 403, 200 } do
      sb = sandbox.start { products = 10, dead_token = answer }
      config(BOTH)
      rows {}
      sb:expire()
      local code, by = rows {}
      assert.equal(0, code, answer)
      assert.equal("accepted (sources)", by["ok credentials shop"].message)
      assert.equal(2, sb.users.sandbox.logins)
      sb:stop()
    end
    sb = nil
  end)

  it("takes a 200 that says nothing for a refusal, and a page that is no JSON for somebody in between", function()
    local says = '{"errors":["Invalid token"]}'
    local api = scripted.start(function(request)
      if request.method == "POST" then return { json = { system_user = { token = "t" } } } end
      return { body = says }
    end)
    finally(function() api.close() end)
    sb = { url = api.url, stop = function() end }
    config(BOTH)
    local code, by = rows({}, "shop")
    assert.equal(4, code)
    assert.matches("was answered without", by["fail credentials shop"].message)
    assert.matches("correct the credentials of the connection 'shop'", by["fail credentials shop"].cure)
    says = "<html>Log in to the hotel's network</html>"
    code = rows({}, "shop")
    assert.equal(5, code)
  end)

  it("says which credentials are refused, and goes on", function()
    sb = sandbox.start { products = 10 }
    config(BOTH)
    local code, by = rows { "PASS=wrongwrong", "TOKEN=alsowrong" }
    assert.equal(4, code)
    assert.is_table(by["fail credentials shop"])
    assert.matches("check the token", by["fail credentials feed"].cure)
    assert.is_table(by["ok libraries"])
    code, by = rows({ "PASS=wrongwrong" }, "feed")
    assert.equal(0, code)
    assert.is_nil(by["fail credentials shop"])
  end)

  it("goes on where the machine is offline", function()
    local port = peer.ports(1)
    config(BOTH:gsub("%%s", "http://127.0.0.1:" .. port))
    local code, by = rows {}
    assert.equal(5, code)
    local row = by["fail host http://127.0.0.1:" .. port]
    assert.is_table(row)
    assert.is_string(row.cure)
    assert.is_nil(by["fail credentials shop"]) -- it was not asked
    assert.is_nil(by["ok clock"])
    assert.is_table(by["ok libraries"])
  end)

  it("works without a config, and says what that means", function()
    local code, by = rows {}
    assert.equal(0, code)
    assert.matches("^there is no sluice.yaml in ", by["warn config"].message)
    assert.is_table(by["ok libraries"])
    code, by = rows({}, "-c", "none.yaml")
    assert.equal(2, code)
    assert.is_table(by["fail config none.yaml"])
  end)

  it("goes on with what can be read of a broken config", function()
    sb = sandbox.start { products = 10 }
    config(BOTH .. "  odd: { api: stock2shop, username: x, pasword: y }\nkep: { runs: 1d }\n")
    local code, by, all = rows {}
    assert.equal(2, code)
    assert.matches("unknown key 'pasword' %(did you mean 'password'%?%)", by["fail config sluice.yaml:6:40"].message)
    assert.matches("unknown key 'kep' %(did you mean 'keep'%?%)", by["fail config sluice.yaml:7:1"].message)
    assert.is_table(by["ok credentials shop"])
    assert.is_table(by["ok store " .. dir .. "/s.db"])
    for _, row in ipairs(all) do assert.is_true(row.check ~= "credentials" or row.name ~= "odd") end -- said once
    for _, text in ipairs { "a: [", "\0", "- a", "connections: 1", "connections: { a: 1 }", "store: 7", "shared: [x]", "keep: 5d" } do
      config(text)
      local status, found = rows {}
      assert.equal(2, status, text)
      assert.is_table(found["ok libraries"], text)
    end
  end)

  it("warns of secrets in the file, and masks them", function()
    sb = sandbox.start { products = 10, password = "hush-hush-42" }
    config [[
version: 1
connections:
  shop: { api: stock2shop, base_url: "%s", queue_url: "%s", username: sandbox, password: hush-hush-42 }
  feed: { api: productsup_stream, base_url: "%s", token: { file: token } }
]]
    tmp.write(dir .. "/token", "sandbox-token\n")
    local code, _, all = rows {}
    assert.equal(0, code)
    local row = all[2]
    assert.same({ "warn", "connections.shop.password is written in the file itself" }, { row.status, row.message })
    assert.matches("^sluice%.yaml:3:%d+$", row.where)
    assert.not_matches("hush", run({}).stdout .. run({ "PASS=x" }, "--json").stdout, 1, true)
    assert.equal("config", all[1].check)
    for i = 3, #all do assert.is_true(all[i].check ~= "config") end
  end)

  it("names a command that gives no secret", function()
    sb = sandbox.start { products = 10 }
    config 'version: 1\nconnections:\n  feed: { api: productsup_stream, base_url: "%s", token: { command: [ "false" ] } }\n'
    local code, by = rows {}
    assert.equal(2, code)
    assert.matches("'false' failed with status 1", by["fail credentials feed"].message)
  end)

  it("says what is wrong with the store", function()
    config "version: 1\nstore: sqlite:s.db\n"
    tmp.write(dir .. "/s.db", ("no database at all, "):rep(500))
    local code, by = rows {}
    assert.equal(1, code)
    local row = by["fail store " .. dir .. "/s.db"]
    assert.matches("damaged", row.message)
    assert.matches("backup", row.cure)
    os.remove(dir .. "/s.db")
    require("sluice.state").open(dir .. "/s.db"):close()
    local bytes = tmp.read(dir .. "/s.db")
    tmp.write(dir .. "/s.db", bytes:sub(1, 60) .. "\0\0\0\99" .. bytes:sub(65)) -- the schema's number in SQLite's head
    code, by = rows {}
    assert.equal(1, code)
    assert.matches("has schema 99, this sluice knows up to %d", by["fail store " .. dir .. "/s.db"].message)
    assert.matches("newer sluice", by["fail store " .. dir .. "/s.db"].cure)
    tmp.write(dir .. "/s.db", bytes)
    os.execute("chmod 644 '" .. dir .. "/s.db'")
    code, by = rows {}
    assert.equal(0, code)
    assert.equal("chmod 600 " .. dir .. "/s.db", by["warn store " .. dir .. "/s.db"].cure)
  end)

  it("refuses a shared folder that others can enter", function()
    assert(lfs.mkdir(dir .. "/state/sluice"))
    os.execute("chmod 755 '" .. dir .. "/state/sluice'")
    local code, by = rows {}
    assert.equal(1, code)
    assert.equal(("chmod 700 %s/state/sluice"):format(dir), by[("fail shared %s/state/sluice"):format(dir)].cure)
    assert.equal("set HOME, or `shared:` in sluice.yaml to a private folder",
      select(2, rows { "-u", "HOME", "-u", "XDG_STATE_HOME" })["fail shared"].cure)
  end)

  it("says what an expired certificate is, and whose task it is", function()
    local function sh(command) assert(os.execute("cd " .. dir .. " && " .. command .. " >/dev/null 2>&1"), command) end
    sh "openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
    sh "faketime '2020-01-01' openssl req -x509 -new -key key.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out cert.pem"
    local server = nginx.start { listen = "ssl",
      server = ("ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem; location / { return 200; }"):format(dir, dir) }
    config(('version: 1\nconnections:\n  feed: { api: productsup_stream, base_url: "%s", ca_file: cert.pem, token: "${T:-abcdefg}" }\n')
      :format(server.tls_url))
    local code, by = rows {}
    server:stop()
    assert.equal(5, code)
    local row = by["fail host " .. server.tls_url]
    assert.matches("expired", row.message)
    assert.matches("operator must renew it", row.cure)
    assert.is_nil(by["fail credentials feed"])
  end)

  it("compares the clock, and asks no API that names no health operation", function()
    local server = scripted.start(function() return { status = 404, headers = { Date = time.format(time.now() - 3600, "http") } } end)
    assert(lfs.mkdir(dir .. "/apis"))
    tmp.write(dir .. "/apis/depot.lua", [[return { name = "depot", doc = "d", hosts = { { name = "base", key = "base_url", url = "]] .. server.url
      .. [[" } }, classes = { api = { rate = "5/s" } }, operations = {
      { name = "things", doc = "d", method = "GET", path = "/things", class = "api", resend = "safe" } } }]])
    config "version: 1\nconnections:\n  depot: { api: depot }\n"
    local code, by = rows {}
    assert.equal(0, code)
    assert.matches("^this machine's clock is 3%d%d%d s ahead of the servers'$", by["warn clock"].message)
    assert.matches("names no `health` operation", by["ok credentials depot"].message)
    assert.same({ "HEAD" }, { server.requests[1].method, server.requests[2] and server.requests[2].method })
    server:close()
  end)

  it("refuses options and connections that it does not know", function()
    config "version: 1\nconnections:\n  shop: { api: stock2shop, username: x, password: \"${X:-abcdef}\" }\n"
    for word, said in pairs { ["--fix"] = "unknown option '%-%-fix'", shp = "no connection 'shp' %(did you mean 'shop'%?%)" } do
      local done = run({}, word)
      assert.same({ 2, "" }, { done.status, done.stdout })
      assert.matches(said, done.stderr)
    end
  end)

  it("calls a check that breaks by its name, and goes on", function()
    local store = require "sluice.doctor.store"
    local real = store.check
    store.check = function() error "boo" end
    local all, code = doctor.run { config = tmp.write(dir .. "/c.yaml", "version: 1\n") }
    store.check = real
    assert.equal(1, code)
    assert.matches("boo", all[2].message)
    assert.equal("libraries", all[3].check)
  end)
end)

describe("sluice.doctor.machine", function()
  it("reads the version of the zone data", function()
    local dir = tmp.dir()
    assert.is_nil(machine.zones(dir))
    assert(lfs.mkdir(dir .. "/Europe"))
    tmp.write(dir .. "/Europe/Berlin", "TZif2")
    assert.equal("?", machine.zones(dir))
    tmp.write(dir .. "/tzdata.zi", "# version 2024a\n# This zic input file is in the public domain.\n")
    assert.equal("2024a", machine.zones(dir))
  end)

  it("reads the charset of a locale", function()
    local function of(env) return machine.charset(function(name) return env[name] end) end
    assert.equal("UTF-8", of { LANG = "de_DE.UTF-8" })
    assert.equal("ISO-8859-15", of { LANG = "de_DE.UTF-8", LC_ALL = "de_DE.ISO-8859-15@euro" })
    assert.equal("C", of { LC_ALL = "" })
  end)
end)
