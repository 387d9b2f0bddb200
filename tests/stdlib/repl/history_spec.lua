-- The file of what was typed: private, without credentials, shared by several prompts.
local file = require "sluice.file"
local history = require "sluice.repl.history"
local lfs = require "lfs"
local log = require "sluice.log"
local process = require "sluice.process"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("the history of the prompt", function()
  local path
  before_each(function() path = tmp.dir() .. "/state/sluice/history" end)

  it("is kept for the next session, a chunk of several lines whole, in a file for oneself alone", function()
    local past, typed = history.open(path), { "shop.sources{}", "for i = 1, 2 do\n  print('a\\n', \"\\\\\")\nend", "= 'ü\r'", "x = '\\\\n'" }
    for _, text in ipairs(typed) do assert.is_true(past:note(text)) end
    assert.same(typed, history.open(path):load())
    assert.equal(4, select(2, tmp.read(path):gsub("\n", "")))
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    assert.equal("rwx------", lfs.attributes(path:match "^(.*)/", "permissions"))
    assert.equal("rwx------", lfs.attributes(path:match "^(.*)/sluice/", "permissions"))
  end)

  it("stands where XDG_STATE_HOME says, else in the home folder; without either there is none", function()
    local script = tmp.write(tmp.dir() .. "/where.lua", [[
      local past = require("sluice.repl.history").open()
      print(past.path, past:note "1", #past:load())
    ]])
    local dir = tmp.dir()
    local function where(...)
      return assert(process.run { argv = { "env", "-u", "XDG_STATE_HOME", "-u", "HOME", ... } }).stdout
    end
    assert.equal(dir .. "/sluice/history\ttrue\t1\n", where("XDG_STATE_HOME=" .. dir, "HOME=/nowhere", sluice, "run", script))
    assert.equal(dir .. "/.local/state/sluice/history\ttrue\t1\n", where("HOME=" .. dir, sluice, "run", script))
    assert.equal(dir .. "/.local/state/sluice/history\ttrue\t2\n", where("XDG_STATE_HOME=relative", "HOME=" .. dir, sluice, "run", script))
    assert.equal("nil\tfalse\t0\n", where(sluice, "run", script))
  end)

  it("masks known secrets, also in chunks of several lines", function()
    log.secret "w0rd-of/history"
    local past = history.open(path)
    past:note "f('w0rd-of/history',\n  'w0rd-of/history')"
    assert.same({ "f('***',\n  '***')" }, past:load())
    assert.is_nil(tmp.read(path):find("w0rd", 1, true))
  end)

  it("keeps nothing that gives a credential by the look of it", function()
    local past = history.open(path)
    for _, text in ipairs {
      'password = "x"', "t.password='x'", "local user, password = 'a', 'b'", "local password, user = 'a', 'b'", "local client_secret <const> = [[x]]",
      'login { username = "a", password = [[x]] }', "x = token == 'abc'", 'client_secret = ("abc")', "t['api_key'] = 'abc'", 't["api-key"] = "abc"',
      'http.get(u, { headers = { ["X-Api-Key"] = "abc" } })', "http.get(u, { headers = { Authorization = x } })", 'http.get(u, { bearer="abc" })',
      'http.get(u, { basic = { "user", "pass" } })', 'set_password("x")', 'set_password "x"', 'f("password", "x")', [[s = "{\"password\":\"abc\"}"]],
      [[s = '{"api_key": "abc"}']], 'http.get "https://u:p@host/"', 'http.get "https://h/?token=abc"', 'http.get "https://h/?a=1&api_key=abc"',
      "h = 'Basic dXNlcjpwYXNz'", "h = 'Bearer abc'", "cfg = [[password: abc]]", "h = 'Cookie: a=b'", 'os.execute "curl -u a:b http://h"',
      'os.execute "TOKEN=abc ./x"', "x = {\n  name = 'a',\n  password =\n    'x',\n}", "PASSWORD = 'x'",
    } do
      assert.is_false(past:note(text), text)
    end
    assert.is_nil(lfs.attributes(path))
  end)

  it("keeps what only looks a little like one", function()
    local past = history.open(path)
    for _, text in ipairs {
      "shop.sources {}", "x = 1", "for k, v in pairs(t) do print(k, v) end", "feed:upload_products { stream = 1, body = {} }", "json(x)",
      'print "a basic thing"', 'u = "http://localhost:8085/x?size=3"', 'x = os.getenv "HOME"', "a:b { c = 'd' }", "local token = shop:login()",
      "?shop.password", "author = 'x'", "shop.search_products { query = { match_all = {} }, size = 3 }", "x = f(token)", "f 'my token'",
      "a, b = 'x', 'y'",
    } do
      assert.is_true(past:note(text), text)
    end
  end)

  it("keeps nothing that begins with a blank", function()
    local past = history.open(path)
    assert.is_false(past:note " x = 1")
    assert.is_false(past:note "\tx = 1")
    assert.same({}, past:load())
  end)

  it("gives the newest 1,000, and makes a file of twice as many short, still for oneself alone", function()
    local list = {}
    for i = 1, 2000 do list[i] = "x = " .. i end
    local past = history.open(path)
    past:note "x = 0"
    local out = assert(file.append(path, { durable = false }))
    assert(out:write(table.concat(list, "\n") .. "\n"))
    local loaded = past:load()
    assert.same({ 1000, "x = 1001", "x = 2000" }, { #loaded, loaded[1], loaded[1000] })
    assert.equal(1000, select(2, tmp.read(path):gsub("\n", "")))
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    past:note "x = 2001"
    loaded = past:load()
    assert.same({ 1000, "x = 2001" }, { #loaded, loaded[1000] })
    assert.equal(1001, select(2, tmp.read(path):gsub("\n", "")))
    for name in lfs.dir(path:match "^(.*)/") do assert.is_nil(name:find "part", name) end
  end)

  it("is not made short while another prompt adds to it", function()
    local past = history.open(path)
    past:note "x = 0"
    local out = assert(file.append(path, { durable = false }))
    assert(out:write(("x = 1\n"):rep(2000)))
    local append = file.append
    file.append = function(...) -- another one adds to it while the short one is written
      assert(out:write "x = 'theirs'\n")
      return append(...)
    end
    local loaded = past:load()
    file.append = append
    assert.equal(1000, #loaded)
    loaded = past:load()
    assert.equal("x = 'theirs'", loaded[1000])
    assert.is_nil(lfs.attributes(("%s.%d.part"):format(path, process.pid())))
  end)

  it("takes what several prompts add at once, each line whole", function()
    local task, jobs = require "sluice.task", {}
    for i, name in ipairs { "a", "b", "c" } do
      local script = tmp.write(("%s/%s.lua"):format(tmp.dir(), name), ([[
        -- one of the prompts
        local past = require("sluice.repl.history").open %q
        for i = 1, 200 do past:note(("%s = %%d\n+ 0"):format(i)) end
      ]]):format(path, name))
      jobs[i] = function() return assert(process.run { argv = { sluice, "run", script } }) end
    end
    for _, job in ipairs { task.all(jobs) } do assert.equal(0, job.status, job.stderr) end
    local counts = { a = 0, b = 0, c = 0 }
    for _, text in ipairs(history.open(path):load()) do
      local name, i = text:match "^(%a) = (%d+)\n%+ 0$"
      counts[name] = counts[name] + 1
      assert.equal(counts[name], tonumber(i)) -- each in its own order
    end
    assert.same({ a = 200, b = 200, c = 200 }, counts)
  end)

  it("says once that it can't be kept, and goes on", function()
    local said = {}
    local print_out = log.print
    log.print = function(text) said[#said + 1] = text end
    local past = history.open "/dev/null/history"
    assert.same({}, past:load())
    assert.is_false(past:note "x = 1")
    assert.is_false(past:note "x = 2")
    log.print = print_out
    assert.equal(1, #said)
    assert.matches("^sluice: the history is not kept: .*/dev/null/history", said[1])
  end)
end)
