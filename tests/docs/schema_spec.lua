-- docs/sluice.schema.json is what `sluice check --schema` prints; it takes the configs of the docs, and refuses what `sluice check`
-- refuses, both by a validator that is not ours.
local config = require "sluice.config"
local json = require "sluice.json"
local json_schema = require "sluice.config.json_schema"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"
local yaml = require "sluice.yaml"

local here = lfs.currentdir()
local program = here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

-- A YAML text as an editor's validator gets it: keys as texts, numbers and true/false as such.
local function plain(node)
  if node.kind == "map" then
    local map = {}
    for _, entry in ipairs(node.entries) do map[entry.key] = plain(entry.value) end
    return map
  elseif node.kind == "list" then
    local list = {}
    for i, item in ipairs(node.items) do list[i] = plain(item) end
    return json.array(list)
  elseif node.kind == "null" then return json.null
  elseif node.kind == "integer" or node.kind == "float" or node.kind == "boolean" then return node.value end
  return node.text
end

-- What the validator says of each text.
local function judged(texts)
  local lines = {}
  for i, text in ipairs(texts) do
    local value = plain(assert(yaml.parse(text, { name = "t" })))
    lines[i] = (type(value) == "table" and next(value) == nil and "{}" or json.encode(value)) .. "\n"
  end
  local documents = tmp.write(tmp.dir() .. "/documents", table.concat(lines))
  local done = assert(process.run { argv = { "python3", "tests/support/json_schema.py", "docs/sluice.schema.json", documents } })
  assert.equal(0, done.status, done.stderr)
  local verdicts = {}
  for line in done.stdout:gmatch "[^\n]+" do verdicts[#verdicts + 1] = line end
  assert.equal(#texts, #verdicts)
  return verdicts
end

-- What `sluice check` says, with every variable set to a number (which all kinds that are used here take).
local function found(text)
  local path = tmp.write(tmp.dir() .. "/sluice.yaml", text)
  return config.findings(path, { getenv = function(name) return name ~= "I" and "10" or nil end })
end

local function examples()
  local list, places = {}, {}
  for name in lfs.dir "docs" do
    for text in (name:find "%.md$" and tmp.read("docs/" .. name) or ""):gmatch "\n```yaml\n(.-\n)```" do
      if text:find "^version:" then list[#list + 1], places[#places + 1] = text, name end
    end
  end
  return list, places
end

local shop = "version: 1\nconnections:\n  shop: { api: stock2shop, username: u, password: p%s }\n"
local job = "version: 1\nschedules:\n  s: { recipe: r.lua%s }\n"

local good = {
  "", "version: 1\nconnections:\n", "store: sqlite:/a/b.db\n", "serve: { listen: 127.0.0.1:0 }\n", "serve: { listen: '[::1]:7070' }\n",
  shop:format "", shop:format ", timeout: 90, deadline: 1h30m, limits: { api: '5/s burst 2, concurrent 1' }", shop:format ", client_id: 012",
  shop:format ", timeout: '${T}', runs: '${R}', insecure: \"${I:-false}\"",
  shop:format ", proxy: none", shop:format ", proxy: 'http://p.example:3128'", shop:format ", base_url: 'http://127.0.0.1:1/x'",
  "connections:\n  shop: { api: stock2shop, username: { file: a }, password: { command: [sh] } }\n",
  "connections:\n  site: { api: productsup_platform, pat: x }\n", "connections:\n  site: { api: productsup_platform, pat: x, token: y }\n",
  job:format ", every: 5m", job:format ", cron: '0 6 * * *', catchup: none, memory: 256MB, jitter: 1.5m",
  job:format ", every: 60, retry: { attempts: 3, errors: [unavailable] }, args: { any: [1, { x: z }] }",
  "notify: { command: [a, b] }\n", "keep: { runs: 1d }\n", "connections:\n  a: { api: stock2shop, username: '$${x', password: 'a$b' }\n",
}

-- Each key of each section, misspelt and with a value of another type.
local function spoilt()
  local list, schema = {}, require "sluice.config.schema"
  local function add(frame, name)
    list[#list + 1] = frame:format(name .. "x: 1")
    list[#list + 1] = frame:format(name .. ": [[x]]")
  end
  for name in pairs(schema.root.fields) do add("%s\n", name) end
  for _, section in ipairs { "keep", "serve", "notify" } do
    for name in pairs(schema[section].fields) do if name ~= "args" then add(section .. ": { %s }\n", name) end end
  end
  for name in pairs(schema.schedule.fields) do add(name == "recipe" and "schedules: { s: { every: 5m, %s } }\n"
    or name == "every" and "schedules: { s: { recipe: r.lua, %s } }\n" or "schedules: { s: { recipe: r.lua, every: 5m, %s } }\n", name) end
  for _, api in ipairs { "stock2shop", "productsup_stream", "productsup_platform", "veeqo" } do
    local definition = require "sluice.definition"
    for _, row in ipairs(definition.connection_keys(definition.load(api))) do
      if row.name ~= "api" then add("connections: { a: { api: " .. api .. ", %s } }\n", row.name) end
    end
  end
  return list
end

local bad = {
  "versio: 1\n", "version: 2\n", "version: '1'\n", "store: postgres://x\n", "store: sqlite:~/x\n", "shared: ~/x\n", "- a\n", "keep: 90d\n",
  "keep: { run: 90d }\n", "keep: { runs: 90x }\n", "keep: { runs: 1m1h }\n", "keep: { runs: true }\n", "keep: { runs: }\n", "keep:\n",
  "serve: { listen: here }\n", "serve: { listen: 'sluice.example:7070' }\n", "serve: { concurrency: 0 }\n", "serve: { concurrency: many }\n",
  "serve: { concurrency: 1.5 }\n", "serve: { log_bytes: 10 }\n", "serve: { log_bytes: 10XB }\n", "serve: { names: a }\n",
  "serve: { names: ['a:80'] }\n", "serve: { token: { file: a, command: [b] } }\n", "serve: { token: { env: A } }\n", "serve: { token: {} }\n",
  "notify: { command: [a], connection: b }\n", "notify: {}\n", "notify: { connection: 'a b' }\n", "notify: { command: a }\n",
  "connections: []\n", "connections: { 'a b': { api: veeqo, api_key: x } }\n", "connections: { a: x }\n", "connections: { a: {} }\n",
  "connections: { a: { api: 'a b' } }\n", "connections: { a: { api: veeqo } }\n", "connections: { a: { api: veeqo, api_key: } }\n",
  "connections: { a: { api: veeqo, api_key: '' } }\n", "connections: { a: { api: veeqo, apikey: x } }\n",
  "connections: { a: { api: productsup_platform } }\n", "connections: { a: { api: veeqo, api_key: [x] } }\n",
  shop:format ", passwort: x", shop:format ", timeout: soon", shop:format ", timeout: -1", shop:format ", limits: { apis: 1/s }",
  shop:format ", limits: { api: fast }", shop:format ", limits: 1/s", shop:format ", insecure: 'no'", shop:format ", insecure: 1",
  shop:format ", runs: 0", shop:format ", runs: '2'", shop:format ", proxy: nowhere", shop:format ", base_url: example.com",
  shop:format ", ca_file: ''", shop:format ", client_id: [1]", shop:format ", username2: '${'", shop:format ", timeout: '${A B}'",
  "connections: { a: { api: veeqo, api_key: '${A' } }\n", "connections: { a: { api: veeqo, api_key: '${1A}' } }\n",
  "schedules: { s: { every: 5m } }\n", job:format "", job:format ", every: 5m, cron: '0 * * * *'", job:format ", evry: 5m",
  job:format ", every: 0", job:format ", every: 5m, overlap: never", job:format ", every: 5m, enabled: 1", job:format ", every: 5m, args: [1]",
  job:format ", every: 5m, retry: {}", job:format ", every: 5m, retry: { attempts: 0 }", job:format ", every: 5m, retry: { attempts: 2, error: [x] }",
  job:format ", every: 5m, retry: { attempts: 2, errors: [nonsense] }", job:format ", every: 5m, memory: 5",
  job:format ", every: 5m, catchup_limit: 0",
  job:format ", every: 5m, pause_on_failure: often", "schedules: { '1a': { recipe: r.lua, every: 5m } }\n",
}

describe("docs/sluice.schema.json", function()
  it("is the one that this program prints (else: make docs)", function()
    local printed = assert(process.run { argv = { program, "check", "--schema" }, cwd = "/" })
    assert.equal(0, printed.status, printed.stderr)
    assert.equal(printed.stdout, tmp.read "docs/sluice.schema.json")
    assert.equal(json_schema.text(), printed.stdout)
  end)

  it("takes the configs that the docs show", function()
    local texts, places = examples()
    assert.is_true(#texts > 10)
    for i, verdict in ipairs(judged(texts)) do assert.equal("ok", verdict, places[i] .. ":\n" .. texts[i]) end
  end)

  it("takes what `sluice check` takes", function()
    for i, verdict in ipairs(judged(good)) do
      assert.equal("ok", verdict, good[i])
      for _, finding in ipairs(found(good[i])) do
        if not finding.message:find "No such file" then assert.equal(nil, finding.message, good[i]) end
      end
    end
  end)

  it("refuses what `sluice check` refuses", function()
    for _, texts in ipairs { bad, spoilt() } do
      for i, verdict in ipairs(judged(texts)) do
        assert.is_true(#found(texts[i]) > 0, "check takes: " .. texts[i])
        assert.not_equal("ok", verdict, "the schema takes: " .. texts[i])
      end
    end
  end)

  it("knows the APIs of a project where it is printed in one", function()
    local dir = tmp.dir()
    assert(lfs.mkdir(dir .. "/apis"))
    tmp.write(dir .. "/apis/tickets.lua", tmp.read "examples/apis/tickets.lua")
    tmp.write(dir .. "/sluice.yaml", "version: 1\n")
    assert.matches('"const": "tickets"', assert(process.run { argv = { program, "check", "--schema" }, cwd = dir }).stdout, 1, true)
    assert.not_matches('"const": "tickets"', tmp.read "docs/sluice.schema.json", 1, true)
  end)

  it("says what each key means", function()
    local function look(rows, name)
      for key, row in pairs(rows.properties or {}) do assert.is_string(row.description, name .. "." .. key) look(row, name .. "." .. key) end
    end
    look(json.decode(tmp.read "docs/sluice.schema.json"), "")
  end)
end)
