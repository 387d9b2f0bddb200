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
    { "xyzzy: 1", "1:1: unknown key 'xyzzy'", "known: connections, schedules, shared, store, version" },
    { "version: 2", "1:10: version: 2 is not known here", "known: 1" },
    { "version: '1'", "1:10: version: expected a whole number, found a text", "write it without quotes" },
    { "version: 1.0", "1:10: version: expected a whole number, found a number" },
    { "- a", "1:1: the config: expected a map (key: value), found a list" },
    { "version:1", "1:1: the config: expected a map (key: value), found a text", "a ':' is followed by a blank" },
    { "store:", "1:7: store has no value" },
    { "store: state.db", "1:8: store: a store is written like sqlite:.sluice/state.db" },
    { "store: postgresql://x/y", "1:8: store: this version keeps its state in SQLite only", "sqlite:PATH" },
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
