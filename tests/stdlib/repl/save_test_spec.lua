-- `.test`: what a session saw as a spec that replays it offline, holds, and fails where something is another.
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local project = require "support.project"
local save_test = require "sluice.repl.save_test"
local task = require "sluice.task"
local tmp = require "support.tmp"
local typing = require "support.typing"

describe(".test", function()
  local p, s, path, archive
  before_each(function()
    p = project.full()
    s = typing.new(p, { options = { yes = true } })
    path, archive = p.dir .. "/seen_spec.lua", p.dir .. "/seen_spec.har"
  end)
  after_each(function()
    s:leave()
    p:stop()
  end)

  -- `sluice test` of the spec, in a folder where no config is.
  local function try()
    local done = assert(process.run { argv = { lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "test", path },
      cwd = "/", timeout = 60 })
    return done.status, done.stdout .. done.stderr
  end

  local function change(file, from, to)
    local text = tmp.read(file)
    local a, b = text:find(from, 1, true)
    assert(a, from .. " is not in " .. text)
    tmp.write(file, text:sub(1, a - 1) .. to .. text:sub(b + 1))
  end

  local function session()
    s:type("shop:sources()", "first = _[1]", "found = shop:search_products { query = { match_all = {} }, size = 3 }", "shop:search_products {}",
      "found.hits.total", "feed:upload_products { stream = 124773, body = { { id = 'A-1', title = 'Mug' } } }", "print(first.id)")
    return save_test.command(s, { path, "--force" })
  end

  it("writes a spec that holds offline, with its server gone", function()
    assert.matches("seen_spec.lua and %S+seen_spec.har: %d+ assertions, which hold; sluice test %S+$", session())
    local text = tmp.read(path)
    for _, line in ipairs { "assert.equal(2, #sources)", "assert.equal(60, found.hits.total)", "assert.equal(3, #found.system_products)" } do
      assert.is_truthy(text:find(line, 1, true), line .. "\n" .. text)
    end
    local sent = #p.sandbox:requests()
    p:stop()
    local status, output = try()
    assert.equal(0, status, output)
    assert.matches("1 success", output)
    assert.equal(sent, #p.sandbox:requests())
  end)

  it("fails where a value is another: in the spec, or in what the server says", function()
    session()
    change(path, "assert.equal(60, found.hits.total)", "assert.equal(61, found.hits.total)")
    local status, output = try()
    assert.equal(1, status)
    assert.matches("Expected objects to be equal", output)
    session()
    change(archive, [[\"description\":\"Example\"]], [[\"description\":\"Another\"]])
    status, output = try()
    assert.equal(1, status)
    assert.matches("Another", output)
  end)

  it("fails where a request is another, or is not made", function()
    session()
    change(path, "size = 3", "size = 4")
    local status, output = try()
    assert.equal(1, status)
    assert.matches("elastic_search%?channel_id=47 is in the recording with another body", output)
    session()
    change(path, "feed:upload_products { stream = 124773, body = { { id = 'A-1', title = 'Mug' } } }", "{ attributes = {} }")
    assert.equal(1, (try()))
  end)

  it("has no secret in either file, and what the failed chunks asked is not there", function()
    s:type "feed:batch { stream = 124773, batch = 'no-such-batch' }"
    session()
    local text = tmp.read(path) .. tmp.read(archive)
    for _, secret in ipairs(p:secrets()) do assert.is_nil(text:find(secret, 1, true), secret) end
    assert.is_truthy(text:find('password = "replayed"', 1, true))
    assert.is_nil(text:find("no-such-batch", 1, true))
    local entries = json.decode(tmp.read(archive)).log.entries
    assert.equal(3, #entries)
    assert.equal("rw-------", lfs.attributes(archive, "permissions"))
  end)

  it("holds where a secret was typed, or came back", function()
    s:type("feed:create_stream { name = 'my t0ken/of-feed' }", "feed:streams()")
    s:type "names = {} for one in feed:streams() do names[#names + 1] = one.attributes.name end"
    save_test.command(s, { path })
    assert.is_nil(tmp.read(path):find("t0ken/of-feed", 1, true))
    assert.is_truthy(tmp.read(path):find("my ***", 1, true))
    assert.equal(0, (try()))
  end)

  it("asserts what `_` had of the value that it was", function()
    s:type("shop:search_products { query = { match_all = {} }, size = 3 }", "_.hits.total")
    assert.matches("hold", save_test.command(s, { path }))
    assert.is_truthy(tmp.read(path):find("assert.equal(60, search_products.hits.total)", 1, true), tmp.read(path))
  end)

  it("lets as much time pass as passed then", function()
    s:type "n = 0 for product in shop:changed_products { since = '2020-01-01' } do n = n + 1 end"
    task.sleep(1.2)
    s:type "m = 0 for product in shop:changed_products { since = '2020-01-01' } do m = m + 1 end"
    assert.matches("hold", save_test.command(s, { path }))
    assert.matches("sluice.task.sleep%([1-9]%d*%.%d%) %-%-", tmp.read(path))
  end)

  it("says where a spec does not hold, and leaves it there", function()
    s:type("sluice.task.sleep(0.01)", "n = os.time { year = 2026, month = 1, day = 1 } + sluice.time.mono() % 1000 // 0.001")
    local ok, problem = pcall(save_test.command, s, { path })
    assert.same({ false, "partial" }, { ok, problem.code })
    assert.matches("the spec does not hold offline", problem.message)
    assert.matches("Expected objects to be equal", problem.body)
    assert.is_truthy(lfs.attributes(path))
  end)

  it("says what it can't do", function()
    local function refused(words)
      local ok, problem = pcall(save_test.command, s, words)
      assert.same({ false, "usage" }, { ok, problem.code })
      return problem.message .. (problem.hint and "\n" .. problem.hint or "")
    end
    s:ready()
    assert.matches("into which file", refused {})
    assert.matches("nothing was seen yet", refused { path })
    s:type "n = #shop:sources()"
    tmp.write(archive, "mine")
    assert.matches("seen_spec.har is there already\n%.test %S+seen_spec.lua %-%-force replaces it", refused { path })
    os.remove(archive)
    s:type(("res = sluice.http.get(%q, { stream = true }) text = res:read() res:close()"):format(p.sandbox.url .. "/sandbox/"))
    assert.matches("a body that is streamed is not kept: GET http", refused { path })
  end)

  it("keeps a bounded tape, whose file goes with the session", function()
    s:ready()
    s.transcript.tape.most = 3000
    s:type("n = #shop:sources()", "found = shop:search_products { query = { match_all = {} }, size = 50 }", "n = #shop:sources()")
    local file = s.transcript.tape.way.aside
    assert.equal("rw-------", lfs.attributes(file, "permissions"))
    local ok, problem = pcall(save_test.command, s, { path })
    assert.same({ false, "usage" }, { ok, problem.code })
    assert.matches("the session has sent and got more than 0 MB", problem.message)
    assert.equal(2, s.transcript.tape:place())
    s.transcript:close()
    assert.is_nil(lfs.attributes(file))
  end)

  it("keeps a call that was answered where the tape can't be written", function()
    s:type "n = #shop:sources()"
    s.transcript.tape.way.out = { write = function() return nil, "disk full" end, close = function() return true end }
    s:type "n = n + #shop:sources()"
    assert.equal(4, s.env.n)
    local ok, problem = pcall(save_test.command, s, { path })
    assert.same({ false, "usage" }, { ok, problem.code })
    assert.matches("it could not be written: disk full", problem.message)
  end)
end)
