local config = require "sluice.config"
local err = require "sluice.err"
local lfs = require "lfs"
local tmp = require "support.tmp"

local env = { HOST = "https://h.example", N = "7", NAN = "x", YES = "true", TOKEN = "token-from-the-environment" }
local function getenv(name) return env[name] end

local function write(text, folder)
  return tmp.write((folder or tmp.dir()) .. "/sluice.yaml", text)
end

local function load(text, folder)
  return config.load(write(text, folder), { getenv = getenv })
end

local function raised(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(e), tostring(e))
  assert.equal("config", e.code)
  return e
end

-- line:column: message of what config.load says about a text, and the hint.
local function complaint(text)
  local path = write(text)
  local e = raised(config.load, path, { getenv = getenv })
  assert.equal(path .. ":", e.message:sub(1, #path + 1))
  return e.message:sub(#path + 2), e.hint
end

describe("sluice.config files", function()
  local here = lfs.currentdir()
  after_each(function() lfs.chdir(here) end)

  it("are found upward from the working directory", function()
    local dir = tmp.dir()
    write("version: 1", dir)
    assert(lfs.mkdir(dir .. "/a"))
    assert(lfs.mkdir(dir .. "/a/b"))
    assert(lfs.chdir(dir .. "/a/b"))
    local cfg = config.load()
    assert.same({ dir .. "/sluice.yaml", dir, dir .. "/sluice.yaml" }, { cfg.path, cfg.folder, cfg.file })
    assert(lfs.chdir(dir))
    assert.equal("sluice.yaml", config.load().file)
    assert(lfs.chdir(dir .. "/a"))
    cfg = config.load "../sluice.yaml"
    assert.same({ "../sluice.yaml", dir .. "/a/.." }, { cfg.file, cfg.folder })
  end)

  it("say where they were looked for", function()
    local dir = tmp.dir()
    assert(lfs.chdir(dir))
    local e = raised(config.load)
    assert.equal("there is no sluice.yaml in " .. dir .. " or above it", e.message)
    assert.equal("create one, or name it with -c FILE", e.hint)
    assert.equal("none.yaml: No such file or directory", raised(config.load, "none.yaml").message)
    assert.matches(": Is a directory$", raised(config.load, dir).message)
  end)

  it("may be empty", function()
    for _, text in ipairs { "", "# nothing yet\n", "connections:\nschedules:\n" } do
      local cfg = load(text)
      assert.equal(cfg.folder .. "/.sluice/state.db", cfg.store)
      assert.same({}, config.connections(cfg))
    end
  end)

  it("may be asked for without a section, whose mistakes are not looked for then", function()
    local path = write "connections:\n  shop: { api: stock2shop }\nschedules:\n  s: { recipe: 5x, evry: 1 }\n"
    local cfg = config.load(path, { without = "schedules" })
    assert.same({ { "shop" }, {} }, { config.connections(cfg), config.schedules(cfg) })
    assert.matches("unknown key 'evry'", raised(config.load, path).message)
    path = write "schedules:\n  s: [\n"
    assert.matches("sluice.yaml:3:1", raised(config.load, path, { without = "schedules" }).message)
  end)

  it("start relative paths at their folder", function()
    local cfg = load "store: sqlite:./data/x.db\nshared: common\n"
    assert.equal(cfg.folder .. "/data/x.db", cfg.store)
    assert.equal(cfg.folder .. "/common", cfg.shared)
    assert.equal("/var/x.db", load("store: sqlite:/var/x.db").store)
    assert.equal("/h/7.db", load("store: 'sqlite:/h/${N}.db'").store)
  end)

  it("say where things stand", function()
    local cfg = load "connections:\n  shop:\n    api: stock2shop\n"
    assert.equal(cfg.file .. ":3:5", config.where(cfg, "connections.shop.api"))
    assert.equal(cfg.file .. ":2:3", config.where(cfg, "connections.shop.base_url"))
    assert.equal(cfg.file .. ":1:1", config.where(cfg, ""))
  end)
end)

describe("sluice.config complaints", function()
  local cases = {
    { "connection: {}", "1:1: unknown key 'connection' (did you mean 'connections'?)" },
    { "xyzzy: 1", "1:1: unknown key 'xyzzy'", "known: connections, keep, notify, schedules, serve, shared, store, version" },
    { "version: 2", "1:10: version: 2 is not known here", "known: 1" },
    { "version: '1'", "1:10: version: expected a whole number, found a text", "write it without quotes" },
    { "version: 1.0", "1:10: version: expected a whole number, found a number" },
    { "- a", "1:1: the config: expected a map (key: value), found a list" },
    { "version:1", "1:1: the config: expected a map (key: value), found a text", "a ':' is followed by a blank" },
    { "store:", "1:7: store has no value" },
    { "store: state.db", "1:8: store: a store is written like sqlite:.sluice/state.db" },
    { "store: postgresql://x/y", "1:8: store: this version keeps its state in SQLite only", "sqlite:PATH" },
    { "store: sqlite:~/x.db", "1:8: store: ~ is not understood here" },
    { "shared: ~/x", "1:9: shared: ~ is not understood here" },
    { "shared: ''", "1:9: shared: the path is empty" },
    { 'shared: "a\\0b"', "1:9: shared: a text with a zero byte" },
    { "shared: '${NONE}/x'", "1:9: shared: the variable NONE is not set", "export NONE=…, or give a default: ${NONE:-…}" },
    { "shared: '${NONE'", "1:9: shared: this ${ has no }" },
    { "connections: []", "1:14: connections: expected a map (key: value), found a list" },
    { "connections:\n  a b: {api: x}", "2:3: connections: 'a b' is no name" },
    { "connections:\n  shop:", "2:8: connections.shop has no value" },
    { "connections:\n  shop: { username: x }", "2:9: connections.shop: api is missing" },
    { "connections:\n  shop: { api: [] }", "2:16: connections.shop.api: expected a name, found a list" },
    { "connections:\n  shop: { api: x }\n  shop: { api: y }", "3:3: the key \"shop\" is here already at 2:3" },
    { "schedules:\n  s: { cron: x }", "2:6: schedules.s: recipe is missing" },
    { "schedules:\n  s: { recipe: x }", "2:6: schedules.s: cron or every is missing" },
    { "schedules:\n  s: { recipe: x, cron: x, every: 5m }", "2:6: schedules.s: cron and every exclude each other" },
    { "schedules:\n  s: { recipe: x, every: 5x }", "2:26: schedules.s.every: '5x' is not a duration",
      "a duration is written like 30s, 15m, 2h or 1h30m; a number alone is seconds" },
    { "schedules:\n  s: { recipe: x, every: 0 }", "2:26: schedules.s.every: must be at least 1" },
    { "schedules:\n  s: { recipe: x, every: 1:30 }", "2:26: schedules.s.every: '1:30' is not a duration" },
    { "schedules:\n  s: { recipe: x, every: 030 }", "2:26: schedules.s.every: a number with leading zeros is octal" },
    { "schedules:\n  s: { recipe: x, every: 5m, timout: 5 }", "2:30: schedules.s: unknown key 'timout' (did you mean 'timeout'?)" },
    { "schedules:\n  s: { recipe: x, every: 5m, enabled: no }", "2:39: schedules.s.enabled: expected true or false, found 'no'" },
    { "schedules:\n  s: { recipe: x, every: 5m, overlap: skp }",
      "2:39: schedules.s.overlap: 'skp' is not known here (did you mean 'skip'?)", "known: skip, queue, cancel_running, allow" },
    { "schedules:\n  s: { recipe: x, every: 5m, retry: 3 }", "2:37: schedules.s.retry: expected a map (key: value), found a number" },
    { "schedules:\n  s: { recipe: x, every: 5m, retry: { attempts: 0 } }", "2:49: schedules.s.retry.attempts: must be at least 1" },
    { "schedules:\n  s: { recipe: x, every: 5m, retry: { attempts: 2, errors: [netwrk] } }",
      "2:61: schedules.s.retry.errors[1]: 'netwrk' is not known here (did you mean 'network'?)" },
    { "schedules:\n  s: { recipe: x, every: 5m, args: [] }", "2:36: schedules.s.args: expected a map (key: value), found a list" },
    { "schedules:\n  s: { recipe: x, every: 5m, args: { stream: 0124 } }",
      "2:46: schedules.s.args.stream: a number with leading zeros is octal to some readers of YAML and decimal to others" },
    { "schedules:\n  s: { recipe: x, every: 5m, args: { dry: no } }", "2:43: schedules.s.args.dry: yes, no, on, off, y and n" },
    { "schedules:\n  s: { recipe: x, every: 5m, memory: 5 }", "2:38: schedules.s.memory: '5' is not a size" },
    { "a: b: c", "1:5: a ':' that is not expected here" },
    { "a:\n\tb: 1", "2:1: a tab can't indent", "indent with spaces" },
  }
  for _, case in ipairs(cases) do
    it(("say %s"):format(case[2]), function()
      local message, hint = complaint(case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
      if case[3] then assert.equal(case[3], hint) end
    end)
  end

  it("say how many more there are", function()
    local message, hint = complaint "b: 1\nx: 2\nversion: 1\nversoin: 2"
    assert.matches("^1:1: unknown key 'b'", message)
    assert.matches("^known: ", hint)
    message, hint = complaint "versio: 1\nschedule: 2"
    assert.matches("^1:1: unknown key 'versio'", message)
    assert.equal("sluice check shows 1 more", hint)
  end)

  it("come all at once from findings, in the order of the file", function()
    local path = write "versio: 1\nshared: ~/x\nstore: x\nschedules:\n  a: { every: 1 }\n  b: { recipe: x }\n"
    local findings, cfg = config.findings(path, { getenv = getenv })
    local places = {}
    for i, finding in ipairs(findings) do
      assert.equal(path, finding.file)
      places[i] = finding.line .. ":" .. finding.column
    end
    assert.same({ "1:1", "2:9", "3:8", "5:6", "6:6" }, places)
    assert.is_table(cfg)
    findings = config.findings(write "a: [")
    assert.equal(1, #findings)
    findings = config.findings "/no/such/sluice.yaml"
    assert.same({ { file = "/no/such/sluice.yaml", message = "No such file or directory", hint = "name another one with -c FILE" } }, findings)
  end)
end)

describe("sluice.config schedules", function()
  it("are read with their units", function()
    local cfg = load [[
schedules:
  delta:
    recipe: scripts/delta.lua
    args: { from: shop, n: 5, x: 1.5, list: [a, { b: true }], none: ~, host: "${HOST}/x" }
    cron: |
      TZ=Europe/Berlin
      H 2 * * *
    timeout: 30m
    retry: { attempts: 3, backoff: 30s, errors: [network, timeout] }
    overlap: queue
    memory: 256MB
    pause_on_failure: "${N}"
    enabled: "${YES}"
]]
    assert.same({ "delta" }, config.schedules(cfg))
    local yaml = require "sluice.yaml"
    assert.same({
      name = "delta", recipe = cfg.folder .. "/scripts/delta.lua", cron = "TZ=Europe/Berlin\nH 2 * * *\n",
      args = { from = "shop", n = 5, x = 1.5, list = { "a", { b = true } }, none = yaml.null, host = "https://h.example/x" },
      timeout = 1800, retry = { attempts = 3, backoff = 30, errors = { "network", "timeout" } }, overlap = "queue",
      memory = 256000000, pause_on_failure = 7, enabled = true,
    }, config.schedule(cfg, "delta"))
    assert.equal(cfg.folder .. "/scripts/delta.lua", config.recipes(cfg)[1].file)
  end)

  it("leave variables alone until they are used", function()
    local cfg = load 'schedules:\n  a: { recipe: "${NONE}", every: 5 }\n  b: { recipe: x, every: "${NAN}" }\n'
    assert.matches(":2:16: schedules.a.recipe: the variable NONE is not set$", raised(config.schedule, cfg, "a").message)
    assert.matches(":3:26: schedules.b.every: '${NAN}' is not a duration$", raised(config.schedule, cfg, "b").message)
    assert.matches(": there is no schedule 'c'$", raised(config.schedule, cfg, "c").message)
  end)
end)

describe("sluice.config connections", function()
  local log = require "sluice.log"

  -- A project with an API of its own.
  local function project(connections)
    local dir = tmp.dir()
    assert(lfs.mkdir(dir .. "/apis"))
    tmp.write(dir .. "/apis/depot.lua", [[return {
      name = "depot", doc = "a depot",
      hosts = { { name = "base", key = "base_url", url = "https://depot.example", doc = "it" } },
      connection = {
        { name = "user", type = "text", required = true, doc = "who" },
        { name = "password", type = "secret", required = true, doc = "its password" },
        { name = "site_id", type = "id", doc = "the site" },
        { name = "pages", type = "integer", doc = "how many" },
        { name = "index_lag", type = "seconds", doc = "how late" },
      },
      credential = { kind = "basic", username = "user", password = "password" },
      classes = { api = { rate = "3/s", doc = "all" } },
      operations = { { name = "list", doc = "x", method = "GET", path = "/list", class = "api", resend = "safe" } },
    }]])
    return load("connections:\n" .. connections, dir)
  end

  local function keys_of(line)
    return config.connection(project("  d: { api: depot, " .. line .. " }\n"), "d")
  end

  local function refused(line)
    local e = raised(keys_of, line)
    return e.message:match "^.*/sluice%.yaml:(%d+:%d+: .*)$", e.hint
  end

  it("are asked for their secrets and where those stand, without a command being run", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/pw", "from-a-file\n")
    local cfg = project([[
  a: { api: depot, user: u, password: in-the-file }
  b: { api: depot, user: u, password: "${TOKEN}", proxy: "http://me:proxy-password@p.example:1" }
  c: { api: depot, user: u, password: { file: ]] .. dir .. [[/pw } }
  d: { api: depot, user: u, password: { command: [touch, ]] .. dir .. [[/ran] } }
  e: { api: nowhere, password: x }
  f: { api: depot, user: u, password: "${MISSING}" }
]])
    local said = {}
    for i, secret in ipairs(config.secrets(cfg)) do
      said[i] = ("%s.%s %s %s %s"):format(secret.connection, secret.key, secret.where:match "%d+:%d+$", secret.text, secret.literal)
    end
    assert.same({ "a.password 2:39 in-the-file true", "b.password 3:39 token-from-the-environment false",
      "b.proxy 3:58 http://me:proxy-password@p.example:1 true", "c.password 4:39 from-a-file false", "d.password 5:39 nil false",
      "f.password 7:39 nil false" }, said)
    assert.is_nil(io.open(dir .. "/ran"))
  end)

  -- The text in a secret that is closed, as far as it can be seen: by what the log masks.
  local function is_masked(text)
    return log.mask("<" .. text .. ">") == "<***>"
  end

  it("give what a client takes: units as numbers, paths absolute, texts as they are written", function()
    local cfg = project [[
  d:
    api: depot
    user: no
    password: 0123456789
    site_id: 007
    pages: 12
    index_lag: 2m
    timeout: 45
    base_url: "${HOST}/v1"
    ca_file: certs/ca.pem
    limits: { api: 5/s burst 10 }
    insecure: true
]]
    assert.same({ "d" }, config.connections(cfg))
    local keys = config.connection(cfg, "d")
    assert.is_true(is_masked "0123456789")
    assert.is_true(require("sluice.auth").is(keys.password))
    assert.not_matches("0123456789", tostring(keys.password))
    keys.password = nil
    assert.same({
      name = "d", api = "depot", user = "no", site_id = "007", pages = 12, index_lag = 120, timeout = 45,
      base_url = "https://h.example/v1", ca_file = cfg.folder .. "/certs/ca.pem", limits = { api = "5/s burst 10" }, insecure = true,
    }, keys)
  end)

  it("put variables in where a number or a truth is meant too", function()
    local keys = keys_of 'user: "${TOKEN}", password: "${TOKEN}", pages: "${N}", insecure: "${YES}", timeout: "${N}m", site_id: "${N}"'
    assert.same({ 7, true, 420, "7", env.TOKEN }, { keys.pages, keys.insecure, keys.timeout, keys.site_id, keys.user })
    assert.is_true(is_masked(env.TOKEN))
    assert.matches("^2:52: connections.d.pages: expected a whole number, found something else in the variable$",
      (refused 'user: u, password: pass, pages: "${NAN}"'))
  end)

  it("take credentials from files and commands, without the line break at the end", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/secret", "secret-in-a-file\n")
    keys_of("user: u, password: { file: " .. dir .. "/secret }")
    assert.is_true(is_masked "secret-in-a-file")
    keys_of "user: u, password: { command: [printf, '%s-%s\\r\\n', secret, 'of a $HOME'] }"
    assert.is_true(is_masked "secret-of a $HOME")
    local cfg = project "  d: { api: depot, user: { file: who }, password: { command: [./tool, x] } }\n"
    tmp.write(cfg.folder .. "/who", "somebody\n")
    tmp.write(cfg.folder .. "/tool", "#!/bin/sh\necho made-by-$1-in-$(basename \"$PWD\")\n")
    assert(os.execute("chmod +x '" .. cfg.folder .. "/tool'"))
    assert.equal("somebody", config.connection(cfg, "d").user)
    assert.is_true(is_masked("made-by-x-in-" .. cfg.folder:match "[^/]*$"))
  end)

  it("say what is wrong with a credential that is kept elsewhere", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/empty", "\n")
    tmp.write(dir .. "/lines", "a\nb\n")
    local cases = {
      ["{ file: /none }"] = "2:39: connections.d.password: /none: No such file or directory",
      ["{ file: " .. dir .. " }"] = "2:39: connections.d.password: " .. dir .. ": Is a directory",
      ["{ file: " .. dir .. "/empty }"] = "2:39: connections.d.password: " .. dir .. "/empty is empty",
      ["{ file: " .. dir .. "/lines }"] = "2:39: connections.d.password: " .. dir .. "/lines holds more than one line",
      ["{ flie: x }"] = "2:41: connections.d.password: unknown key 'flie' (did you mean 'file'?)",
      ["{ env: X }"] = "2:41: connections.d.password: an environment variable is written \"${NAME}\"",
      ["{}"] = "2:39: connections.d.password: file or command is missing",
      ["{ command: [] }"] = "2:39: connections.d.password: the command is empty",
      ["{ command: pass show x }"] = "2:50: connections.d.password.command: expected a list, found a text",
      ["{ command: [sluice-no-such-program] }"] =
        "2:39: connections.d.password: can't run 'sluice-no-such-program': No such file or directory",
      ["{ command: [sh, -c, 'echo first >&2; echo locked >&2; exit 4'] }"] =
        "2:39: connections.d.password: 'sh' failed with status 4: locked",
      ["{ command: [sh, -c, 'kill -9 $$'] }"] = "2:39: connections.d.password: 'sh' was ended by signal 9",
      ["{ command: ['true'] }"] = "2:39: connections.d.password: what 'true' printed is empty",
      ["[a]"] = "2:39: connections.d.password: expected a text, found a list",
      ["''"] = "2:39: connections.d.password is empty",
      ["'${EMPTY:-}'"] = "2:39: connections.d.password is empty once the variables are put in",
    }
    for value, message in pairs(cases) do assert.equal(message, (refused("user: u, password: " .. value))) end
  end)

  it("refuse what their API does not know", function()
    assert.equal("2:20: connections.d: unknown key 'usr' (did you mean 'user'?)", (refused "usr: u, password: pass"))
    assert.equal("2:6: connections.d: password is missing", (refused "user: u"))
    local function site(line) return config.connection(project("  d: { api: productsup_platform" .. line .. " }\n"), "d") end
    assert.matches("2:6: connections.d: token or pat is missing", raised(site, "").message, 1, true)
    assert.is_true(require("sluice.auth").is(site(", pat: a-pat-token").pat))
    assert.equal("2:55: connections.d.limits: unknown key 'apis' (did you mean 'api'?)",
      (refused "user: u, password: pass, limits: { apis: 3/s }"))
    local message, hint = refused "user: u, password: pass, limits: { api: 3 }"
    assert.equal("2:60: connections.d.limits.api: '3' is not a rate", message)
    assert.matches("30/s", hint)
    assert.matches("base_url: a URL is written like", (refused "user: u, password: pass, base_url: depot.example"))
    assert.matches("pages: expected a whole number, found a text$", (refused "user: u, password: pass, pages: '12'"))
  end)

  it("name the nearest API and connection", function()
    local cfg = project "  d: { api: depto, user: u, password: p }\n  e: { api: stock2shp }\n  f: { api: broken }\n"
    local e = raised(config.connection, cfg, "d")
    assert.matches(":2:13: connections.d.api: there is no API 'depto' %(did you mean 'depot'%?%)$", e.message)
    assert.matches("depot, .*stock2shop", e.hint)
    assert.matches("did you mean 'stock2shop'", raised(config.connection, cfg, "e").message)
    tmp.write(cfg.folder .. "/apis/broken.lua", "return {\n  name = = 1\n}")
    assert.matches("connections.f.api: .*/apis/broken.lua:2: unexpected symbol near '='$", raised(config.connection, cfg, "f").message)
    e = raised(config.connection, cfg, "dd")
    assert.matches(": there is no connection 'dd'", e.message)
    assert.equal("known: d, e, f", e.hint)
    assert.equal("stock2shop", config.definition("stock2shop").name)
    assert.matches("there is no API 'x'", raised(config.definition, "x").message)
  end)

  it("resolve nothing of connections that are not used; a check looks at all but runs no command", function()
    local dir = tmp.dir()
    local cfg = project(([[
  used: { api: depot, user: u, password: pass }
  not_used: { api: depot, user: "${NONE}", password: { file: /none } }
  third: { api: depot, user: u, password: { command: [touch, %s/ran] } }
  fourth: { api: depot, user: u, password: { command: [sluice-no-such-program] } }
  fifth: { api: nobody }
]]):format(dir))
    assert.equal("u", config.connection(cfg, "used").user)
    local findings, lines = config.findings(cfg.path, { getenv = getenv }), {}
    for i, finding in ipairs(findings) do lines[i] = ("%d:%d: %s"):format(finding.line, finding.column, finding.message) end
    assert.same({
      "3:33: connections.not_used.user: the variable NONE is not set",
      "3:54: connections.not_used.password: /none: No such file or directory",
      "5:44: connections.fourth.password: there is no program 'sluice-no-such-program'",
      "6:17: connections.fifth.api: there is no API 'nobody'",
    }, lines)
    assert.is_nil(lfs.attributes(dir .. "/ran"))
    assert.matches(":3:33: connections.not_used.user: the variable NONE is not set$", raised(config.connection, cfg, "not_used").message)
  end)
end)

describe("sluice.config in use", function()
  local client = require "sluice.client"
  local nginx = require "support.nginx"

  -- Files NAME.pem and NAME.key of a certificate for localhost that nobody else has signed.
  local function certificate(dir, name)
    local made = require("sluice.process").run {
      argv = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", name .. ".key", "-out", name .. ".pem" },
      cwd = dir,
    }
    assert.equal(0, made.status, made.stderr)
  end

  it("shows the client certificate of a connection to a server that asks for one", function()
    local dir = tmp.dir()
    certificate(dir, "server")
    certificate(dir, "client")
    local server <close> = setmetatable(nginx.start {
      listen = "ssl",
      server = ([[ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key; ssl_client_certificate DIR/client.pem;
        ssl_verify_client on; location / { default_type application/json; return 200 '[1]'; }]]):gsub("DIR", dir),
    }, { __index = nginx, __close = nginx.stop })
    assert(lfs.mkdir(dir .. "/apis"))
    tmp.write(dir .. "/apis/own.lua", [[return {
      name = "own", doc = "x", classes = { api = { rate = "100/s", doc = "all" } },
      hosts = { { name = "base", key = "base_url", url = "https://own.example", doc = "it" } },
      operations = { { name = "list", doc = "x", method = "GET", path = "/list", class = "api", resend = "unsafe" } },
    }]])
    local cfg = load(([[
connections:
  known: { api: own, base_url: "%s", ca_file: server.pem, client_cert: client.pem, client_key: client.key }
  unknown: { api: own, base_url: "%s", ca_file: server.pem }
]]):format(server.tls_url, server.tls_url), dir)
    local api = config.definition("own", cfg)
    assert.same({ 1 }, client.new(api, config.connection(cfg, "known")):list())
    local ok, e = pcall(function() return client.new(api, config.connection(cfg, "unknown")):list() end)
    assert.is_false(ok)
    assert.same({ true, 400 }, { err.is(e), e.status })
  end)
end)
