local state = require "sluice.state"
local crypto = require "sluice.crypto"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function sh(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- What the call raises; fails where it raises nothing.
local function problem(fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok, "nothing was raised")
  return e
end

-- A child process that runs `text` with `store` in scope and then stays until it is told to go, or is killed.
local children = 0
local function child(dir, text)
  children = children + 1
  local base = ("%s/child%d"):format(dir, children)
  tmp.write(base .. ".lua", ([[
    local state = require "sluice.state"
    local store = state.open "%s/s.db"
    %s
    io.write(tonumber((io.open("/proc/self/stat"):read "n")) | 0, "\n")
    io.flush()
    io.open("%s.go"):read "a"
  ]]):format(dir, text, base))
  sh(("mkfifo '%s.go'"):format(base))
  local pipe = assert(io.popen(("exec %s run '%s.lua' 2>&1"):format(sluice, base)))
  local pid = pipe:read "l"
  assert.is_truthy(tonumber(pid), pid)
  local self = { pid = tonumber(pid) }
  function self.kill()
    os.execute("kill -9 " .. self.pid)
    pipe:close()
  end
  function self.go()
    io.open(base .. ".go", "w"):close()
    return pipe:read "a", pipe:close()
  end
  return self
end

describe("sluice.state", function()
  local dir, store
  before_each(function() dir = tmp.dir() end)
  after_each(function()
    if store then store:close() end
    store = nil
  end)
  local function open()
    store = state.open(dir .. "/s.db")
    return store
  end

  describe("open", function()
    it("makes private folders and files, whatever the umask", function()
      local path = dir .. "/a/b/s.db"
      tmp.write(dir .. "/make.lua", ([[
        local store = require("sluice.state").open "sqlite:%s"
        store:run_start { recipe = "x" }
        local pipe = io.popen("stat -c '%%a' %s/a %s/a/b; cd %s/a/b; stat -c '%%a %%n' s.db*")
        io.write(pipe:read "a")]]):format(path, dir, dir, dir))
      local modes = sh(("umask 000; %s run %s/make.lua"):format(sluice, dir))
      assert.equal("700\n700\n600 s.db\n600 s.db-shm\n600 s.db-wal\n600 s.db.lock", modes)
    end)

    it("makes an open file private and leaves the modes of folders that exist", function()
      os.execute(("chmod 755 '%s' && : > '%s/s.db' && chmod 644 '%s/s.db'"):format(dir, dir, dir))
      open()
      assert.equal("755\n600", sh(("stat -c %%a '%s' '%s/s.db'"):format(dir, dir)))
    end)

    it("opens what is there, and says where it is", function()
      open():run_start { recipe = "x" }
      assert.equal(dir .. "/s.db", store:path())
      store:close()
      assert.equal(1, #open():runs())
    end)

    it("refuses what is no place for it, with a cure", function()
      local cases = {
        { "postgresql://h/db", "config", "SQLite driver only" }, { "postgres://h/db", "config", "SQLite" },
        { "", "config", "no path" }, { "sqlite:", "config", "no path" }, { ("x"):rep(5000), "config", "too long" },
        { dir, "state", "directory" }, { "/proc/none/s.db", "state", "/proc/none" },
        { tmp.write(dir .. "/file", "x") .. "/s.db", "state", "file" },
      }
      for _, case in ipairs(cases) do
        local e = problem(state.open, case[1])
        assert.equal(case[2], e.code)
        assert.matches(case[3], e.message)
        assert.is_true(e.code ~= "state" or e.hint == nil or #e.hint > 0)
      end
      assert.has_error(function() state.open() end)
    end)

    it("refuses files that are damaged, somebody else's, or newer than itself", function()
      tmp.write(dir .. "/junk.db", ("no database at all, "):rep(500))
      local e = problem(state.open, dir .. "/junk.db")
      assert.equal("state", e.code)
      assert.matches("junk.db is damaged or no store", e.message)
      assert.matches("backup", e.hint)

      open():run_start { recipe = "x" }
      store:close()
      local bytes = tmp.read(dir .. "/s.db")
      local function patched(at, patch)                       -- the header: 60 user_version, 68 application_id
        tmp.write(dir .. "/s.db", bytes:sub(1, at) .. patch .. bytes:sub(at + #patch + 1))
      end
      patched(60, "\0\0\0\99")
      e = problem(open)
      assert.equal("state", e.code)
      assert.matches("has schema 99, this sluice knows up to %d", e.message)
      assert.matches("newer sluice", e.hint)
      patched(68, "abcd")
      assert.matches("another program", problem(open).message)
      patched(100, ("\255"):rep(3000))
      assert.matches("damaged", problem(open).message)
      tmp.write(dir .. "/s.db", bytes)
      assert.equal(1, #open():runs())
    end)

    it("says so when its folder can't be written", function()
      if sh "id -u" ~= "0" or sh "command -v setpriv" == "" then
        os.execute(("mkdir '%s/ro' && chmod 500 '%s/ro'"):format(dir, dir))
        if sh "id -u" ~= "0" then
          local e = problem(state.open, dir .. "/ro/s.db")
          assert.equal("state", e.code)
          assert.matches("ro/s.db", e.message)
        end
        return
      end
      local script = tmp.write(dir .. "/ro.lua", ([[
        local ok, e = pcall(require("sluice.state").open, "%s/ro/s.db")
        io.write(tostring(ok), "|", e.code, "|", e.message, "|", e.hint)]]):format(dir))
      os.execute(("chmod 755 '%s' && mkdir -m 755 '%s/ro' && cp %s '%s/sluice' && chmod 755 '%s/sluice' '%s'")
        :format(dir, dir, sluice, dir, dir, script))
      local text = sh(("cd /; setpriv --reuid=65534 --regid=65534 --clear-groups '%s/sluice' run '%s'"):format(dir, script))
      assert.matches("^false|state|cannot open the store .*ro/s.db: Permission denied|.*write access", text)
    end)

    it("says so when the disk is full, and loses nothing that was committed", function()
      local cursor = open():cursor { recipe = "r", name = "c" }
      cursor:advance "before"
      cursor:commit()
      store:close()
      local script = tmp.write(dir .. "/full.lua", ([[
        local cursor = require("sluice.state").open("%s/s.db"):cursor { recipe = "r", name = "c" }
        cursor:advance "after"
        local ok, e = pcall(function()
          for i = 1, 100000 do cursor:deliver("id" .. i, "2024-01-01 00:00:00", ("d"):rep(100)) end
          cursor:commit()
        end)
        io.write(tostring(ok), "|", e.code, "|", e.message, "|", e.hint, "|", tostring(cursor:get()))]]):format(dir))
      local text = sh(("trap '' XFSZ; ulimit -f 600; %s run '%s'"):format(sluice, script))
      assert.matches("^false|state|.*s.db.*|.*nothing that was committed is lost|before$", text)
      cursor = open():cursor { recipe = "r", name = "c" }
      assert.equal("before", cursor:get())
      assert.equal(0, (cursor:remembered()))
    end)

    it("works for many processes that make it at once", function()
      local script = tmp.write(dir .. "/many.lua", ([[
        local store = require("sluice.state").open "%s/m/s.db"
        for i = 1, 20 do store:batch_put { api = "a", batch = (...).n .. "-" .. i } end
        io.write "ok"]]):format(dir))
      local all = {}
      for n = 1, 8 do all[n] = io.popen(("%s run '%s' n=%d 2>&1"):format(sluice, script, n)) end
      for _, pipe in ipairs(all) do
        assert.equal("ok", pipe:read "a")
        pipe:close()
      end
      store = state.open(dir .. "/m/s.db")
      assert.equal(160, #store:batches_open())
    end)

    it("is an error when closed, and closes twice", function()
      local cursor = open():cursor { recipe = "r", name = "c" }
      store:close()
      store:close()
      assert.matches("closed", problem(function() store:runs() end).message)
      assert.matches("closed", problem(function() cursor:seen("1", "2", "3") end).message)
      assert.matches("closed", problem(function() cursor:commit() end).message)
      cursor:close()
      assert.matches("closed", problem(function() cursor:get() end).message)
      assert.has_error(function() store.runs {} end)
    end)

    it("lets stores, cursors and locks be collected in any order", function()
      for i = 1, 20 do
        local s = state.open(dir .. "/gc.db")
        local c = s:cursor { recipe = "r", name = "c" .. i }
        s:token_lock("h", "a" .. i)
        c:deliver("1", "2", "3")
        if i % 2 == 0 then s = nil end
        if i % 3 == 0 then c:close() end
        c = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        if s then s:close() end
      end
    end)
  end)

  describe("a cursor", function()
    local key = { recipe = "delta", name = "products", account = "shop", key = "feed/1" }
    local function cursor(more)
      local k = {}
      for name, v in pairs(key) do k[name] = v end
      for name, v in pairs(more or {}) do k[name] = v end
      return (store or open()):cursor(k)
    end

    it("starts with nothing and keeps what was committed", function()
      local c = cursor()
      assert.is_nil(c:get())
      assert.is_false(c:seen("1", "2024-01-01 00:00:00", "d"))
      c:deliver("1", "2024-01-01 00:00:00", "d")
      assert.is_true(c:seen("1", "2024-01-01 00:00:00", "d"))
      for _, other in ipairs { { "2", "2024-01-01 00:00:00", "d" }, { "1", "2024-01-01 00:00:01", "d" }, { "1", "2024-01-01 00:00:00", "e" } } do
        assert.is_false(c:seen(other[1], other[2], other[3]))
      end
      c:advance("2024-01-01 00:00:00", "2023-12-31 23:58:00")
      assert.is_nil(c:get())
      c:commit()
      assert.equal("2024-01-01 00:00:00", c:get())
      store:close()
      open()
      c = cursor()
      assert.equal("2024-01-01 00:00:00", c:get())
      assert.is_true(c:seen("1", "2024-01-01 00:00:00", "d"))
      assert.same({ 1, 0 }, { c:remembered() })
    end)

    it("is another one for every part of its key", function()
      local first = cursor()
      first:advance "1"
      first:commit()
      for _, part in ipairs { "recipe", "name", "account", "key" } do
        local other = cursor { [part] = "other" }
        assert.is_nil(other:get())
        other:close()
      end
    end)

    it("forgets what was not committed: rollback, close, and a death", function()
      local c = cursor()
      c:deliver("kept", "2024-01-01 00:00:00", "d")
      c:advance "one"
      c:commit()
      local function fill() -- enough for rows on disk
        for i = 1, 10000 do c:deliver("x" .. i, "2024-01-02 00:00:00", "d") end
        c:advance "two"
      end
      fill()
      c:rollback()
      assert.equal("one", c:get())
      assert.is_false(c:seen("x1", "2024-01-02 00:00:00", "d"))
      assert.is_true(c:seen("kept", "2024-01-01 00:00:00", "d"))
      c:commit()
      assert.equal("one", c:get())
      fill()
      c:close()
      c = cursor()
      assert.equal("one", c:get())
      assert.is_false(c:seen("x1", "2024-01-02 00:00:00", "d"))
      assert.equal(1, (c:remembered()))
      c:close()
      local run = child(dir, [[
        local c = store:cursor { recipe = "delta", name = "products", account = "shop", key = "feed/1" }
        for i = 1, 10000 do c:deliver("x" .. i, "2024-01-02 00:00:00", "d") end
        c:advance "two"]])
      run.kill()
      c = cursor()
      assert.equal("one", c:get())
      assert.is_false(c:seen("x1", "2024-01-02 00:00:00", "d"))
      assert.is_true(c:seen("kept", "2024-01-01 00:00:00", "d"))
      assert.equal(1, (c:remembered()))
    end)

    it("removes a long run's rows from among those of earlier ones", function()
      local c = cursor()
      local function fill(from)
        for i = from, 60000, 2 do c:deliver("x" .. i, ("2024 %05d"):format(i), "d") end
      end
      fill(1)
      c:advance "odd"
      c:commit()
      fill(2)
      c:close()
      c = cursor()
      assert.same({ 30000, 0 }, { c:remembered() })
      for i = 1, 60000, 997 do assert.equal(i % 2 == 1, c:seen("x" .. i, ("2024 %05d"):format(i), "d")) end
      c:advance("later", "2024 50000")
      c:commit()
      assert.same({ 5000, 0 }, { c:remembered() })
      c:restart()
      fill(2)
      c:commit()
      assert.same({ 30000, 0 }, { c:remembered() })
      for i = 1, 60000, 997 do assert.equal(i % 2 == 0, c:seen("x" .. i, ("2024 %05d"):format(i), "d")) end
    end)

    it("agrees with a plain model over random runs", function()
      math.randomseed(7)
      local committed, position, c = {}, nil, cursor { keep = 100000 }
      for _ = 1, 30 do
        local mine = {}
        for _ = 1, math.random(1, 3000) do
          local id, modified, digest = tostring(math.random(2000)), ("2024-%02d"):format(math.random(12)), tostring(math.random(3))
          local k = id .. "/" .. modified .. "/" .. digest
          local want = committed[k] or mine[k] or false
          if c:seen(id, modified, digest) ~= want then error(k .. " is " .. tostring(not want)) end
          c:deliver(id, modified, digest)
          mine[k] = true
        end
        local p = tostring(math.random())
        c:advance(p)
        if math.random(3) == 1 then
          c:rollback()
        elseif math.random(4) == 1 then
          store:close()
          open()
          c = cursor { keep = 100000 }
        else
          c:commit()
          position = p
          for k in pairs(mine) do committed[k] = true end
        end
        assert.equal(position, c:get())
      end
      local count = 0
      for _ in pairs(committed) do count = count + 1 end
      assert.equal(count, (c:remembered()))
    end)

    it("remembers from keep_from on", function()
      local c = cursor()
      for day = 1, 28 do c:deliver("1", ("2024-01-%02d"):format(day), "d") end
      c:advance("2024-01-28", "2024-01-20")
      c:commit()
      assert.equal(9, (c:remembered()))
      assert.is_false(c:seen("1", "2024-01-19", "d"))
      assert.is_true(c:seen("1", "2024-01-20", "d"))
      c:advance("2024-02-10", "2024-02-01")
      c:commit()
      assert.same({ 0, 0 }, { c:remembered() })
    end)

    it("is bounded: the oldest go first and are counted", function()
      local c = cursor { keep = 100 }
      for i = 1, 150 do c:deliver("a" .. i, ("2024 %06d"):format(i), "d") end
      c:advance "1"
      c:commit()
      assert.same({ 100, 50 }, { c:remembered() })
      assert.is_false(c:seen("a50", "2024 000050", "d"))
      assert.is_true(c:seen("a51", "2024 000051", "d"))
      for i = 1, 20000 do c:deliver("b" .. i, ("2025 %06d"):format(i), "d") end
      assert.is_true(c:seen("a51", "2024 000051", "d"))       -- earlier runs' are needed until the commit
      assert.is_true((c:remembered()) < 5000)
      c:rollback()
      assert.is_true(c:seen("a51", "2024 000051", "d"))
      assert.equal(100, (c:remembered()))
      for i = 1, 20000 do c:deliver("b" .. i, ("2025 %06d"):format(i), "d") end
      c:commit()
      assert.equal(100, (c:remembered()))
      assert.is_true(c:seen("b19901", "2025 019901", "d"))
      assert.is_false(c:seen("b19900", "2025 019900", "d"))
    end)

    it("starts over when told so, for good with the commit", function()
      local c = cursor()
      c:deliver("1", "2024", "d")
      c:advance "one"
      c:commit()
      c:restart()
      assert.is_nil(c:get())
      assert.is_false(c:seen("1", "2024", "d"))
      c:rollback()
      assert.equal("one", c:get())
      assert.is_true(c:seen("1", "2024", "d"))
      c:restart()
      c:deliver("2", "2023", "d")
      assert.is_true(c:seen("2", "2023", "d"))
      c:commit()
      assert.is_nil(c:get())
      assert.is_false(c:seen("1", "2024", "d"))
      assert.is_true(c:seen("2", "2023", "d"))
      assert.equal(1, (c:remembered()))
      c:close()
      assert.is_nil(cursor():get())
    end)

    it("takes any bytes", function()
      local c = cursor()
      local odd = { "a\0b", "ä\255\n'", "🛒", ("x"):rep(1000) }
      for _, id in ipairs(odd) do c:deliver(id, "2024", "d\0") end
      c:commit()
      for _, id in ipairs(odd) do assert.is_true(c:seen(id, "2024", "d\0")) end
      assert.is_false(c:seen("a", "2024", "d\0"))
      assert.is_false(c:seen("a\0b", "2024", "d"))
    end)

    it("refuses what it can't keep", function()
      local c = cursor()
      assert.equal("invalid", problem(c.deliver, c, "", "2024", "d").code)
      assert.equal("invalid", problem(c.deliver, c, ("x"):rep(1001), "2024", "d").code)
      assert.equal("invalid", problem(c.seen, c, "1", ("2"):rep(101), "d").code)
      assert.equal("invalid", problem(c.advance, c, ("p"):rep(5000)).code)
      assert.equal("invalid", problem(c.advance, c, "a\0b").code)
      assert.has_error(function() c:deliver("1", "2") end)
      assert.has_error(function() c:deliver({}, "2", "3") end)
      assert.has_error(function() store:cursor { name = "x" } end)
      assert.has_error(function() store:cursor { recipe = "x", name = "" } end)
      assert.has_error(function() store:cursor { recipe = "x", name = "y", kee = 1 } end)
    end)

    it("is locked while open, within the process too", function()
      local c = cursor()
      local e = problem(cursor)
      assert.equal("locked", e.code)
      assert.matches("cursor 'products' of delta is held by process %d+", e.message)
      assert.is_truthy(cursor { name = "another" })
      c:close()
      assert.is_truthy(cursor())
    end)

    it("is locked by the process that has it, until that ends in whatever way", function()
      local hold = 'local c = store:cursor { recipe = "delta", name = "products", account = "shop", key = "feed/1" }'
      local run = child(dir, hold)
      open()
      local e = problem(cursor)
      assert.equal("locked", e.code)
      assert.matches("held by process " .. run.pid, e.message)
      run.kill()
      local c = cursor()
      c:close()
      run = child(dir, hold)
      assert.equal("locked", problem(cursor).code)
      run.go()
      assert.is_truthy(cursor())
    end)

    it("is not held by a program that its process has started", function()
      local c = cursor()
      local pipe = io.popen("cat", "w")                       -- inherits no lock
      c:close()
      assert.is_truthy(cursor())
      pipe:close()
    end)
  end)

  describe("the ledger", function()
    it("has runs with their sums, the newest first", function()
      open()
      local a = store:run_start { recipe = "one", args = { to = "feed" } }
      local b = store:run_start { recipe = "two", args = "text" }
      local sums = { exit_code = 3, error = "it went wrong", read = 10, added = 1, sent = 5, unchanged = 2, skipped = 1, rejected = 2, unknown = 1,
        batches = 4, requests = 7, waited = 1.5, peak_bytes = 1 << 33 }
      store:run_finish(a, sums)
      local runs = store:runs()
      assert.same({ "two", "one" }, { runs[1].recipe, runs[2].recipe })
      assert.equal("running", runs[1].state)
      assert.equal("text", runs[1].args)
      assert.is_nil(runs[1].exit_code)
      assert.equal("finished", runs[2].state)
      assert.equal('{"to":"feed"}', runs[2].args)
      for k, v in pairs(sums) do assert.equal(v, runs[2][k], k) end
      assert.is_true(runs[2].finished >= runs[2].started)
      assert.equal(b, store:runs(1)[1].id)
      assert.equal(1, #store:runs(1))
      assert.equal("not_found", problem(store.run_finish, store, a, {}).code)
      assert.equal("not_found", problem(store.run_finish, store, 999, {}).code)
      assert.has_error(function() store:run_start {} end)
      assert.has_error(function() store:run_finish(b, { raed = 1 }) end)
    end)

    it("tells a run that is under way from one that was lost", function()
      local run = child(dir, 'store:run_start { recipe = "child" }')
      open()
      assert.same({ "running", run.pid }, { store:runs()[1].state, store:runs()[1].pid })
      run.kill()
      assert.equal("lost", store:runs()[1].state)
    end)

    it("masks secrets", function()
      local log = require "sluice.log"
      local secret = "hunter-two-" .. crypto.sha1(dir):sub(1, 12)
      log.secret(secret)
      local id = open():run_start { recipe = "r", args = { token = secret } }
      store:run_finish(id, { error = "GET /?token=" .. secret .. " failed" })
      store:close()
      for _, name in ipairs { "s.db", "s.db-wal" } do
        local file = io.open(dir .. "/" .. name, "rb")
        if file then assert.is_nil(file:read("a"):find(secret, 1, true)) file:close() end
      end
      assert.matches("token=%*%*%* failed", open():runs()[1].error)
    end)
  end)

  describe("batches", function()
    it("are found again until they have their verdict", function()
      local run = child(dir, [[
        local run = store:run_start { recipe = "r" }
        store:batch_put { run = run, api = "productsup_stream", account = "feed", resource = "1", batch = "b1", records = 10, detail = "d" }
        store:batch_put { run = run, api = "productsup_stream", account = "feed", resource = "2", batch = "b2" }
        store:batch_put { run = run, api = "other", batch = "b1" }]])
      open()
      assert.equal(3, #store:batches_open())
      assert.is_true(store:batches_open()[1].run_alive)
      run.kill()
      local found = store:batches_open { api = "productsup_stream", resource = "1" }
      assert.equal(1, #found)
      local b = found[1]
      assert.same({ "b1", "feed", 10, "d", false }, { b.batch, b.account, b.records, b.detail, b.run_alive })
      store:batch_done(b.id, "processed")
      assert.equal(0, #store:batches_open { api = "productsup_stream", resource = "1" })
      assert.equal(2, #store:batches_open {})
      assert.equal(b.id, store:batch_put { api = "productsup_stream", account = "feed", resource = "1", batch = "b1" })
      assert.equal(3, #store:batches_open())
      assert.equal("not_found", problem(store.batch_done, store, 999, "x").code)
      assert.has_error(function() store:batch_put { api = "x" } end)
      assert.has_error(function() store:batches_open { stream = "x" } end)
    end)
  end)

  describe("tokens", function()
    local host, account = "https://app.stock2shop.com:443", "user"

    it("are shared, counted, and never given out", function()
      open()
      assert.is_nil(store:token(host, account))
      assert.equal(1, store:token_put(host, account, "first-token", 1000, 5000))
      assert.same({ generation = 1, obtained = 1000.0, expires = 5000.0, same = true }, store:token(host, account, "first-token"))
      local other = state.open(dir .. "/s.db")
      assert.equal(2, other:token_put(host, account, "second-token", 1030))
      assert.same({ generation = 2, obtained = 1030.0, before = 1000.0, same = false }, store:token(host, account, "first-token"))
      assert.is_nil(store:token(host, "another"))
      assert.is_nil(store:token("another", account))
      other:close()
    end)

    it("are dropped where they are still the same, and go on counting", function()
      open():token_put(host, account, "first-token", 1)
      store:token_put(host, account, "second-token", 2)
      store:token_drop(host, account, 1)
      assert.equal(2, store:token(host, account).generation)
      store:token_drop(host, account, 2)
      assert.is_nil(store:token(host, account))
      assert.equal(3, store:token_put(host, account, "third-token", 3))
    end)

    it("have one who refreshes them, also when that one dies", function()
      open()
      local lock = assert(store:token_lock(host, account))
      assert.is_nil(store:token_lock(host, account))
      assert.is_truthy(store:token_lock(host, "another"))
      lock:close()
      local run = child(dir, ('lock = assert(store:token_lock("%s", "%s"))'):format(host, account):gsub("^lock", "local lock"))
      assert.is_nil(store:token_lock(host, account))
      run.kill()
      assert.is_truthy(store:token_lock(host, account))
    end)
  end)

  describe("the per-user folder", function()
    it("is made private where the user's state lives", function()
      local function where(env)
        local script = tmp.write(dir .. "/where.lua",
          "local ok, s = pcall(require('sluice.state').shared) print(ok and s:path() or s.message)")
        return sh(("cd '%s'; env -u XDG_STATE_HOME -u HOME %s '%s' run '%s' 2>&1"):format(dir, env, sh("realpath " .. sluice), script))
      end
      assert.equal(dir .. "/x/sluice/shared.db", where("XDG_STATE_HOME='" .. dir .. "/x' HOME=/nowhere"))
      assert.equal(dir .. "/h/.local/state/sluice/shared.db", where("HOME='" .. dir .. "/h'"))
      assert.equal(dir .. "/h/.local/state/sluice/shared.db", where("XDG_STATE_HOME=relative HOME='" .. dir .. "/h'"))
      assert.matches("neither HOME nor XDG_STATE_HOME", where "")
      assert.equal("700 700", sh(("stat -c %%a '%s/x/sluice' '%s/h/.local/state/sluice' | xargs"):format(dir, dir)))
    end)

    it("is where it is told to be, and refused where others can look in", function()
      store = state.shared(dir .. "/own")
      assert.equal(dir .. "/own/shared.db", store:path())
      for _, mode in ipairs { "750", "705", "701" } do
        os.execute(("mkdir -p '%s/%s' && chmod %s '%s/%s'"):format(dir, mode, mode, dir, mode))
        local e = problem(state.shared, dir .. "/" .. mode)
        assert.equal("state", e.code)
        assert.matches("others can enter .* %(mode " .. mode, e.message)
        assert.matches("chmod 700", e.hint)
      end
      tmp.write(dir .. "/f", "")
      assert.matches("not a folder", problem(state.shared, dir .. "/f").message)
    end)
  end)
end)
