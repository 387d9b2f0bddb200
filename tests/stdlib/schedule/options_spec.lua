-- From the config to schedules with their due times.
local config = require "sluice.config"
local err = require "sluice.err"
local json = require "sluice.json"
local options = require "sluice.schedule.options"
local tmp = require "support.tmp"

local dir
local function load(text)
  dir = tmp.dir()
  return options.load(config.load(tmp.write(dir .. "/sluice.yaml", text), { getenv = function(name) return name == "N" and "2" or nil end }))
end

local CONNECTIONS = [[
connections:
  shop: { api: stock2shop, username: u, password: "${UNSET}", runs: "${N}" }
  feed: { api: productsup_stream, token: "${UNSET}", runs: 1 }
  site: { api: productsup_platform, token: "${UNSET}" }
]]

describe("the schedules of a config", function()
  it("come with their defaults, times and absolute paths", function()
    local loaded = load("schedules:\n  delta: { recipe: r.lua, every: 15m, retry: { attempts: 3 } }\n")
    local s = loaded.schedules.delta
    assert.same({ "delta", dir .. "/r.lua", "skip", "latest", 100, 30, true },
      { s.name, s.recipe, s.overlap, s.catchup, s.catchup_limit, s.grace, s.enabled })
    assert.same({ attempts = 3, backoff = 30, max_backoff = 3600 }, s.retry)
    assert.same({ {}, {}, "every 900" }, { s.args, s.uses, s.text })
    assert.equal(900, s.spec:next(s.spec:next(0)) - s.spec:next(0))
    assert.same({ 8, 30, "UTC", "127.0.0.1:7070", 10000000 },
      { loaded.serve.concurrency, loaded.serve.drain, loaded.serve.zone, loaded.serve.listen, loaded.serve.log_bytes })
    assert.same({ dir, dir .. "/sluice.yaml", dir .. "/.sluice/state.db" }, { loaded.folder, loaded.path, loaded.store })
    assert.is_nil(loaded.notify)
  end)

  it("know the connections that they use, from their arguments and from their recipe", function()
    local loaded = load(CONNECTIONS .. [[
schedules:
  a: { recipe: r.lua, every: 1h, args: { from: shop, to: feed, name: nothing, n: 5 } }
  b: { recipe: r.lua, every: 1h }
]])
    assert.same({ "feed", "shop" }, loaded.schedules.a.uses)
    assert.same({}, loaded.schedules.b.uses)
    assert.same({ shop = 2, feed = 1 }, loaded.runs)
    tmp.write(dir .. "/r.lua", 'local shop, x = sluice.connect "site", sluice.connect(\'other\')')
    local again = options.load(config.load(dir .. "/sluice.yaml", { getenv = function() return "2" end }))
    assert.same({ "site" }, again.schedules.b.uses)
  end)

  it("give the store a text from which the same times come again, whatever the default zone is then", function()
    local loaded = load('serve: { zone: Europe/Berlin }\nschedules:\n  a: { recipe: r.lua, cron: "H 6 * * *" }\n' ..
      '  b: { recipe: r.lua, cron: "TZ=Asia/Tokyo\\n0 6 * * *" }\n  c: { recipe: r.lua, every: 15m }\n')
    assert.same({ "TZ=Europe/Berlin\nH 6 * * *", "TZ=Asia/Tokyo\n0 6 * * *", "every 900" },
      { loaded.schedules.a.text, loaded.schedules.b.text, loaded.schedules.c.text })
    for name, s in pairs(loaded.schedules) do
      assert.same(s.spec:times(1e9, 5), options.spec_of(name, s.text):times(1e9, 5))
    end
  end)

  it("take a byte-order mark, and a text as long as can be", function()
    local marked = load('schedules:\n  a: { recipe: r.lua, cron: "\\uFEFFTZ=Asia/Tokyo\\n0 6 * * *" }\n' ..
      '  b: { recipe: r.lua, cron: "\\uFEFF0 6 * * *" }\n')
    assert.same({ "TZ=Asia/Tokyo\n0 6 * * *", "TZ=UTC\n0 6 * * *" }, { marked.schedules.a.text, marked.schedules.b.text })
    local long = "0 6 * * *\n#" .. ("x"):rep(65536 - 11) -- as long as a text can be, without the zone
    tmp.write(dir .. "/sluice.yaml", ('schedules:\n  a: { recipe: r.lua, cron: %s }\n'):format(json.encode(long)))
    local largest = options.load(config.load(dir .. "/sluice.yaml")).schedules.a
    assert.equal(6 * 3600, largest.spec:next(0))
  end)

  it("know what is no text", function()
    assert.is_nil(options.spec_of("a", ""))
    assert.is_nil(options.spec_of("a", "TZ=Mars/Base\n0 6 * * *"))
  end)

  it("listen on IPv4 and IPv6 addresses, and have names behind a proxy", function()
    for _, address in ipairs { "127.0.0.1:7070", "0.0.0.0:0", "localhost:1", "[::1]:7070", "[::]:7070", "[2001:db8::a:1]:7070",
      "[1:2:3:4:5:6:7:8]:65535", "off" } do
      assert.equal(address, load(("serve: { listen: '%s' }\n"):format(address)).serve.listen)
    end
    assert.same({ "sluice.example", "[2001:db8::1]" }, load("serve: { names: [sluice.example, '[2001:db8::1]'] }\n").serve.names)
  end)

  it("are refused with the place of what is wrong", function()
    for text, message in pairs {
      ['serve: { zone: Mars/Base }\nschedules:\n  a: { recipe: r.lua, cron: "0 6 * * *" }\n'] = ":1:10: serve%.zone: ",
      ['schedules:\n  a: { recipe: r.lua, cron: "61 6 * * *" }\n'] = ":2:%d+: ",
      ["serve: { listen: here }\n"] = ":1:18: serve%.listen: it is written like 127%.0%.0%.1:7070",
      ["serve: { listen: 'localhost.example:7070' }\n"] = ":1:18: serve%.listen: it is written like",
      ["serve: { listen: '256.0.0.1:7070' }\n"] = ":1:18: serve%.listen: ",
      ["serve: { listen: '127.0.0.1:70700' }\n"] = ":1:18: serve%.listen: ",
      ["serve: { listen: '::1:7070' }\n"] = ":1:18: serve%.listen: ",
      ["serve: { listen: '[1::2::3]:7070' }\n"] = ":1:18: serve%.listen: ",
      ["serve: { listen: '[12345::]:7070' }\n"] = ":1:18: serve%.listen: ",
      ["serve: { names: [sluice.example, 'https://x'] }\n"] = ":1:34: serve%.names%[2%]: the name of a host",
      ["serve: { names: ['sluice.example:443'] }\n"] = ":1:18: serve%.names%[1%]: .* without a port",
      ["serve: { concurrency: 0 }\n"] = ":1:23: serve%.concurrency: must be at least 1",
      ["notify: { operation: x }\n"] = ":1:9: notify: command or connection is missing",
      ["connections:\n  shop: { api: stock2shop, username: u, password: p, runs: 0 }\n"] = ":2:60: connections%.shop%.runs: must be at least 1",
    } do
      local ok, problem = pcall(load, text)
      assert.is_false(ok, text)
      assert.is_true(err.is(problem), tostring(problem))
      assert.matches("sluice%.yaml" .. message, problem.message)
    end
  end)
end)
