-- `sluice repl`: from a pipe against the sandbox, and on a terminal what docs/repl.md promises of keys (the tutorial's way: its own spec).
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local project = require "support.project"
local terminal = require "support.terminal"
local tmp = require "support.tmp"

local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("sluice repl", function()
  local p
  setup(function() p = project.full() end)
  teardown(function() p:stop() end)

  local state = tmp.dir()

  -- What comes of text on standard input. No secret is ever in it.
  local function piped(text, words)
    local path = tmp.write(tmp.dir() .. "/chunks", text)
    local line = ('exec "$0" repl %s < "$1"'):format(words or "")
    local argv = { "env", "XDG_STATE_HOME=" .. state, "sh", "-c", line, sluice, path }
    local done = assert(process.run { argv = argv, cwd = p.dir, timeout = 60 })
    for _, secret in ipairs(p:secrets()) do
      assert.is_nil((done.stdout .. done.stderr):find(secret, 1, true), done.stdout .. done.stderr)
    end
    return done
  end

  local function writes(fn)
    local before, list = #p.sandbox:requests(), {}
    local done = fn()
    for i = before + 1, #p.sandbox:requests() do
      local request = p.sandbox:requests()[i]
      local reads = request.method == "GET" or request.target:find("authenticate", 1, true) or request.target:find("elastic_search", 1, true)
      if not reads then list[#list + 1] = request.method .. " " .. request.target end
    end
    return list, done
  end

  describe("from a pipe", function()
    it("does chunks one after the other, without a prompt; values go to standard output", function()
      local done = piped "local n = 2\nfor i = 1, n do\n  print(i)\nend\n\n-- a comment\nn + 1\n= _ * 2\nnil\n1, false\n"
      assert.equal("1\n2\n3\n6\nnil\n1\nfalse\n", done.stdout)
      assert.same({ 0, "" }, { done.status, done.stderr })
      assert.equal("5\n", piped("local x = 5\r\nx\r\n").stdout)
      assert.equal("7\n", piped("7").stdout)
      assert.same({ 0, "" }, { piped("").status, piped("").stdout })
    end)

    it("has the connections, and says nothing beside the values", function()
      local done = piped "shop.sources {}\n#_\n"
      assert.equal(0, done.status, done.stderr)
      assert.matches("id +type", done.stdout)
      assert.matches("\n%d+\n$", done.stdout)
      assert.equal("", done.stderr)
    end)

    it("gives each value, and each entry of an iterator, as a line of JSON with --json", function()
      local done = piped("1, 'a', nil, { b = { 1 } }\nprint 'aside'\nx = 1\ndepot.orders {}\nshop.sources {}\n", "--json")
      assert.equal(0, done.status, done.stderr)
      local lines = {}
      for line in done.stdout:gmatch "[^\n]+" do lines[#lines + 1] = assert(json.decode(line)) end
      assert.same({ 1, "a", json.null, { b = { 1 } } }, { lines[1], lines[2], lines[3], lines[4] })
      assert.is_true(#lines > 6)
      for i = 5, #lines - 1 do assert.is_truthy(lines[i].number) end
      assert.is_truthy(lines[#lines][1].id)
      assert.matches("aside\n", done.stderr)
    end)

    it("ends with the first error and its exit code; what stands behind it is not done", function()
      for _, case in ipairs {
        { "shpo", 2, "there is no global 'shpo'; did you mean 'shop'%?" }, { "x = )", 2, "unexpected symbol" },
        { "for i = 1, 2 do", 2, "'end' expected" },
        { "error 'own'", 1, "own" }, { "error()", 1, "nil" }, { "error { code = 'usage' }", 1, "code" },
        { "local t = nil\nt.x = 1", 1, "index a nil" },
        { "feed.stream { stream = 99 }", 1, "404 Not Found\n  request: GET http://%S+/streams/99\n  answer: .*\n  hint: " },
        { "shop:sorces()", 2, "sources" }, { ".nothing", 2, "there is no command '.nothing'" }, { "?shop.sorces", 2, "sources" },
        { "sluice.connect { api = 'veeqo', api_key = 'wrong', base_url = '" .. p.sandbox.url .. "' }:orders()()", 4, "401" },
        { "sluice.connect { api = 'veeqo', api_key = 'x', base_url = 'http://127.0.0.1:1', retry = false }:orders()()", nil, "error: " },
      } do
        local done = piped("print 'before'\n" .. case[1] .. (case[1]:find "^for" and "" or "\nprint 'behind'\n"))
        assert.equal("before\n", done.stdout, case[1])
        assert.matches("^error: ", done.stderr)
        assert.matches(case[3], done.stderr)
        if case[2] then assert.equal(case[2], done.status, case[1] .. "\n" .. done.stderr) else assert.not_equal(0, done.status) end
      end
    end)

    it("tells the line in a chunk of several", function()
      assert.equal("error: line 3: attempt to index a nil value (local 'x')\n", piped("do\nlocal x\nx.y = 1\nend\n").stderr)
      assert.equal("error: line 3 of 'function f()...': no\n", piped("function f()\n\nerror 'no'\nend\nf()\n").stderr)
      assert.matches("  at: line 2\n", piped("do\nshop:sorces()\nend\n").stderr)
      local own = tmp.write(p.dir .. "/own.lua", "return function() shop:sorces() end\n")
      assert.matches("  at: own.lua:1\n", piped("own = dofile 'own.lua'\ndo\nown()\nend\n").stderr)
      os.remove(own)
    end)

    it("refuses writes without --yes, sends them with it", function()
      for _, text in ipairs { "feed.upload_products { stream = 124773, body = { { id = '1', title = 'Mug' } } }",
        "sluice.http.post '" .. p.sandbox.url .. "/streams/124773/products'",
        "do local up = feed:uploader(124773) up:write { id = '1', title = 'x' } up:finish() end" } do
        local sent, done = writes(function() return piped(text .. "\nprint 'behind'\n") end)
        assert.same({}, sent)
        assert.same({ 2, "" }, { done.status, done.stdout })
        assert.matches("not sent: POST http://%S+ changes something, and there is no terminal to ask on\n  hint: `sluice repl %-%-yes`", done.stderr)
      end
      local sent, done = writes(function()
        return piped("feed.upload_products { stream = 124773, body = { { id = 'repl-1', title = 'Mug' } } }\n", "--yes")
      end)
      assert.equal(0, done.status, done.stderr)
      assert.same({ "POST /streams/124773/products" }, sent)
    end)

    it("refuses what is never to be repeated always, and says how it is done", function()
      for _, words in ipairs { "", "--yes", "-y" } do
        local sent, done = writes(function() return piped("feed.delete_stream { stream = 124773 }\n", words) end)
        assert.same({}, sent)
        assert.equal(2, done.status)
        assert.matches("hint: what can't be taken back needs a terminal here; else: sluice call feed delete_stream … %-%-yes", done.stderr)
      end
    end)

    it("shows writes with --dry-run and sends none, not even with --yes", function()
      for _, words in ipairs { "--dry-run", "-n", "-n -y" } do
        local sent, done = writes(function()
          return piped("feed.upload_products { stream = 124773, body = { { id = '1' } } }\n"
            .. "feed.delete_stream { stream = 124773 }\nprint 'on'\n", words)
        end)
        assert.same({}, sent)
        assert.equal(0, done.status, done.stderr)
        assert.matches("on\n$", done.stdout)
        assert.matches("would send POST http://%S+/streams/124773/products %(feed.upload_products%), 1 record", done.stderr)
        assert.matches("would send DELETE http://%S+/streams/124773", done.stderr)
      end
    end)

    it("shows secrets nowhere: values, errors, JSON, help", function() -- `piped` looks
      for name, key in pairs { shop = "password", feed = "token", depot = "api_key", site = "token" } do
        piped(("%s\n%s.config\n"):format(name, name))
        piped(("?%s\n.connections\n"):format(name))
        piped(("error(%s)\n"):format(name))
        piped(("sluice.http.get('%s/' .. tostring(%s.%s))\n"):format(p.sandbox.url, name, key))
      end
      piped "shop.sources {}\nshop.user {}\n"
      piped("{ shop = shop.name }\nshop.sources {}\n", "--json")
      local secret = p:secrets()[3]
      local line = ('XDG_STATE_HOME=%s WORD=\'%s\' "$0" repl < "$1"'):format(state, secret)
      local path = tmp.write(tmp.dir() .. "/chunks", "shop.name depot = depot feed = feed site = site\nshop, depot, feed, site\n"
        .. "os.getenv 'WORD'\n{ x = { os.getenv 'WORD' } }\nerror(os.getenv 'WORD')\n")
      tmp.write(path, (tmp.read(path):gsub("^shop.name ", "")))
      local done = assert(process.run { argv = { "sh", "-c", line, sluice, path }, cwd = p.dir })
      assert.is_nil((done.stdout .. done.stderr):find(secret, 1, true), done.stdout .. done.stderr)
      assert.matches('"%*%*%*"', done.stdout)
      assert.matches("error: %*%*%*\n$", done.stderr)
    end)

    it("writes no history", function()
      piped "1\n"
      assert.is_nil(lfs.attributes(state .. "/sluice/history"))
    end)

    it("takes one connection, which must be there", function()
      assert.equal("shop\n", piped("print(shop.name)\n", "shop").stdout)
    end)

    it("ends with .quit", function()
      local done = piped "print(1)\n.quit\nprint(2)\n"
      assert.same({ 0, "1\n" }, { done.status, done.stdout })
    end)

    it("leaves nothing in the folder for what is temporary", function()
      local dir = tmp.dir()
      local path = tmp.write(tmp.dir() .. "/chunks", "shop.sources {}\nerror 'no'\n")
      process.run { argv = { "env", "TMPDIR=" .. dir, "sh", "-c", 'exec "$0" repl -n < "$1"', sluice, path }, cwd = p.dir }
      for name in lfs.dir(dir) do assert.is_truthy(name == "." or name == "..", name) end
    end)
  end)

  -- On a terminal: what was shown, and the status.
  local function typed(steps, words)
    local argv = { "env", "XDG_STATE_HOME=" .. state, "NO_COLOR=1", sluice, "repl", table.unpack(words or {}) }
    local shown, status = terminal.run(argv, steps, { cwd = p.dir })
    return shown, status
  end

  describe("on a terminal", function()
    -- tests/support/terminal.py is named from here
    local run_before = terminal.run
    setup(function()
      terminal.run = function(argv, steps, o)
        local line = ('cd "%s" && exec "$@"'):format(o.cwd)
        return run_before({ "sh", "-c", line, "sh", table.unpack(argv) }, steps)
      end
    end)
    teardown(function() terminal.run = run_before end)

    it("stops what runs with Ctrl-C, whatever is caught, and the session goes on", function()
      tmp.write(p.dir .. "/loops.lua", [[
        local function slow() for _ = 1, 1e6 do end end
        loops = {
          function() print "go!" while true do end end,
          function() print "go!" while true do pcall(sluice.task.sleep, 1000) end end,
          function() print "go!" while true do pcall(table.sort, { 3, 2, 1 }, function(a, b) slow() return a < b end) end end,
          function() print "go!" while true do pcall(string.gsub, "aaa", "a", slow) end end,
          function() print "go!" coroutine.wrap(function() while true do pcall(function() while true do end end) end end)() end,
        }
      ]])
      local steps = { { "> ", "dofile 'loops.lua'\r" } }
      for i = 1, 5 do
        steps[#steps + 1] = { "> ", ("loops[%d]()\r"):format(i) }
        steps[#steps + 1] = { "go!", "\3" }
        steps[#steps + 1] = { "stopped", "" }
      end
      steps[#steps + 1] = { "> ", "'still ' .. 'here'\r" }
      steps[#steps + 1] = { "still here", "" }
      steps[#steps + 1] = { "> ", "\4" }
      local shown, status = typed(steps)
      assert.equal(0, status, shown)
      assert.equal(5, select(2, shown:gsub("stopped", "")))
      assert.is_nil(shown:find("error", 1, true), shown)
    end)

    it("stops a task in the background that only computes", function()
      local shown, status = typed {
        { "> ", "sluice.task.spawn(function() print 'go!' while true do end end) sluice.task.sleep(60)\r" }, { "go!\r\n", "\3" },
        { "stopped a task in the background", "" }, { "> ", "'still ' .. 'here'\r" }, { "still here", "" }, { "> ", "\4" } }
      assert.equal(0, status, shown)
    end)

    it("asks, sends behind a y alone, and says what was not sent", function()
      local text = "feed.upload_products { stream = 124773, body = { { id = 'tty-1' } } }\r"
      local sent, shown = writes(function()
        return (typed { { "> ", text }, { "[y/N] ", "n\r" }, { "not sent", "" }, { "> ", text }, { "[y/N] ", "\3" }, { "> ", text },
          { "[y/N] ", "y\r" }, { "1 request", "" }, { "> ", "\4" } })
      end)
      assert.same({ "POST /streams/124773/products" }, sent)
      assert.matches("will send POST http://%S+/streams/124773/products %(feed.upload_products%), 1 record", shown)
      assert.is_nil(shown:find("error:", 1, true), shown)
    end)

    it("waits with the next prompt for a question of a task in the background, and refuses it one while a line is typed", function()
      local post = ("sluice.http.post '%s/streams/124773/products'"):format(p.sandbox.url)
      local shown, status = typed { { "> ", ("sluice.task.spawn(function() %s end) sluice.task.yield() sluice.task.yield()\r"):format(post) },
        { "[y/N] ", "n\r" },
        { "> ", ("_ = sluice.task.spawn(function() sluice.task.sleep(0.2) print(select(2, pcall(function() %s end))) end)\r"):format(post) },
        { "can't ask while the prompt waits", "1 + 1\r" }, { "2", "" }, { "> ", "\4" } }
      assert.equal(1, select(2, shown:gsub("%[y/N%]", "")), shown)
      assert.is_nil(shown:find("read already", 1, true), shown)
      assert.is_truthy(status == 0 or status == 1)
    end)

    it("keeps a history without secrets, which the next session has", function()
      os.remove(state .. "/sluice/history")
      local secret = "t0ken/of-feed"
      assert.is_truthy(table.concat(p:secrets(), " "):find(secret, 1, true))
      typed { { "> ", "word = 'ab'\r" }, { "> ", ("feed.name .. '%s'\r"):format(secret) }, { "> ", "password = 'x'\r" }, { "> ", " hidden = 1\r" },
        { "> ", "for i = 1, 1 do\r" }, { ">> ", "end\r" }, { "> ", "\4" } }
      local kept = tmp.read(state .. "/sluice/history")
      assert.equal("word = 'ab'\nfeed.name .. '***'\nfor i = 1, 1 do\\nend\n", kept)
      assert.equal("rw-------", lfs.attributes(state .. "/sluice/history", "permissions"))
      local shown = typed { { "> ", "'fir' .. 'st'\r" }, { '"first"', "" }, { "> ", "\27[A\27[A\27[A\27[A\r" }, { "> ", "word .. 'c'\r" },
        { '"abc"', "" }, { "> ", "\4" } }
      assert.is_truthy(shown:find('"abc"', 1, true), shown)
    end)

    it("ends with a signal's exit code where one asks for it", function()
      local _, status = typed { { "> ", "sluice.process.kill(sluice.process.pid(), 15) sluice.task.sleep(100)\r" } }
      assert.equal(143, status)
    end)
  end)

  it("refuses a second connection, one that is not there, and options that are none", function()
    local function refused(words)
      local done = piped("print 'done'\n", words)
      assert.equal("", done.stdout)
      assert.equal(2, done.status)
      return done.stderr
    end
    assert.matches("one connection, not 'feed' as well", refused "shop feed")
    assert.matches("there is no connection 'shpo'", refused "shpo")
    assert.matches("%-%-yess", refused "--yess")
  end)
end)
