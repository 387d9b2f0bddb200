local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"
local topics = require "sluice.manual.topics"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function help(...) return assert(process.run { argv = { SLUICE, "help", ... }, cwd = tmp.dir() }) end

describe("sluice help", function()
  it("lists the commands, the options of all of them, and the exit codes", function()
    local shown = help().stdout
    for name, module in pairs(require("sluice.cli").commands) do
      assert.is_truthy(shown:find(("\n  %-10s %s\n"):format(name, require(module).about), 1, true), name)
    end
    assert.matches("Everywhere: -c/--config FILE, --json, ", shown, 1, true)
    for _, row in ipairs(require("sluice.fail").exits) do assert.is_truthy(shown:find(row[2], 1, true), row[2]) end
  end)

  it("has a text for each topic that it lists", function()
    local listed = json.decode(help("--json").stdout)
    assert.equal(#topics.list(), #listed)
    for _, topic in ipairs(listed) do
      local found = topics.find(topic.name)
      assert.is_table(found, topic.name)
      assert.equal(topic.kind, found.kind, topic.name)
      assert.is_true(#topic.about > 0, topic.name)
      assert.is_true(#found.text() > 60, topic.name)
    end
  end)

  it("shows commands, keys, functions, operations and pages", function()
    for topic, said in pairs {
      run = "usage: sluice run RECIPE", ["exit-codes"] = "\n  5              remote unavailable", errors = "ambiguous    exit code 7",
      environment = "\n  XDG_STATE_HOME ", config = "\n  store (store, default sqlite:.sluice/state.db)\n",
      ["config.schedules.timeout"] = "\n  timeout (duration)\n", ["config.schedules.retry"] = "\n  attempts (integer, required)\n",
      ["config.connections.stock2shop"] = "\n  index_lag (duration, default 2m)\n", ["json.decode"] = "json.decode(",
      ["sluice.json"] = "\n  json.decode(",
      ["task.all"] = "-> any", ["ndjson.chunk"] = "An empty chunk", stock2shop = "rate classes", ["stock2shop.sources"] = "GET /v1/sources",
      ["stock2shop.changed_products"] = "stock2shop.changed_products: ", guarantees = "# What sluice guarantees", ["docs/serve"] = "# ",
    } do
      local done = help(topic)
      assert.equal(0, done.status, topic)
      assert.is_truthy(done.stdout:find(said, 1, true), topic .. ":\n" .. done.stdout)
    end
  end)

  it("knows connections of the config, and APIs of one's own", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/sluice.yaml", 'version: 1\nconnections:\n  shop: { api: stock2shop, username: "${NOBODY}", password: "${SETS}" }\n')
    local done = assert(process.run { argv = { SLUICE, "help", "shop.sources" }, cwd = dir })
    assert.same({ 0, help("stock2shop.sources").stdout }, { done.status, done.stdout })
  end)

  it("says what else has the name", function()
    assert.matches("\nAlso: sluice help sluice.ndjson\n$", help("ndjson").stdout)
    assert.matches("\nAlso: sluice help docs/serve\n$", help("serve").stdout)
    assert.is_nil(help("run").stdout:find("Also", 1, true))
  end)

  it("names the nearest topic", function()
    for word, near in pairs { runn = "run", ["ndjson.mep"] = "ndjson.map", ["stock2shop.source"] = "stock2shop.sources", guarantee = "guarantees",
      ["config.schedule"] = "config.schedules", ["exit-code"] = "exit-codes" } do
      local done = help(word)
      assert.equal(2, done.status)
      assert.matches(("there is no help on '%s' (did you mean '%s'?)"):format(word, near), done.stderr, 1, true)
    end
    assert.equal(2, help("nothing.like.this").status)
    assert.equal(2, help("docs/nothing").status)
    assert.matches("unknown option '--al'", help("run", "--al").stderr, 1, true)
  end)

  it("brings the pages of docs/", function()
    local pages = {}
    for file in lfs.dir "docs" do
      local name = file:match "^([%w_]+)%.md$"
      if name then pages[name] = topics.pages[name] or "is not in topics.pages" end
    end
    assert.same(topics.pages, pages)
    assert.equal(tmp.read "docs/guarantees.md", help("guarantees").stdout)
  end)
end)
