-- Secrets, and login tokens: one login whatever the number of tasks and processes.
local auth = require "sluice.auth"
local call = require "sluice.call"
local json = require "sluice.json"
local log = require "sluice.log"
local process = require "sluice.process"
local scripted = require "support.scripted"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

describe("a secret", function()
  it("shows a mask and no more", function()
    local secret = auth.secret "open-sesame"
    assert.equal("***", tostring(secret))
    assert.equal("a *** b", "a " .. secret .. " b")
    assert.equal("***", ("%s"):format(secret))
    assert.is_true(auth.is(secret))
    assert.is_false(auth.is "open-sesame")
    assert.equal(secret, auth.secret(secret))
    assert.equal(auth.secret "open-sesame", secret)
    assert.not_equal(auth.secret "open-sesamf", secret)
    assert.is_nil((json.encode { secret }))
    assert.error_matches(function() return #secret end, "attempt to get length")
    assert.error_matches(function() return secret.text end, "attempt to index")
  end)

  it("is masked in all output from then on", function()
    auth.secret "planted-secret-1"
    assert.equal("x *** y", log.mask "x planted-secret-1 y")
  end)

  it("has a fingerprint that does not tell it", function()
    assert.equal("2c26b46b68ffc68f", auth.fingerprint "foo")
    assert.equal("2c26b46b68ffc68f", auth.fingerprint(auth.secret "foo"))
  end)

  it("is made of text", function()
    for _, value in ipairs { 5, true, {}, print } do
      assert.error_matches(function() auth.secret(value) end, "text expected")
    end
  end)
end)

-- A server with logins: each ends the token before it. `password` is the right one.
local function shop(more)
  local self = { logins = 0, token = nil, password = "hunter22" }
  self.api = scripted.start(function(r)
    local special = more and more(r, self)
    if special then return special end
    if r.path == "/login" then
      self.logins = self.logins + 1
      if not r.body:find(self.password, 1, true) then return { status = 401, json = { message = "wrong password" } } end
      self.token = ("tok/%d+secret"):format(self.logins)
      return { json = { user = { token = self.token } } }
    end
    local token = r.query.token or r.path:match "^/path/(.*)$" and require("sluice.server").unescape(r.path:match "^/path/(.*)$")
    if token ~= self.token then return { status = 401, body = "token=" .. tostring(token) } end
    return { json = { rows = {} } }
  end)
  return self
end

local function connect(s, more)
  local o = {
    name = "shop", hosts = { s.api.url }, account = "bob", rates = { api = "10000/s", login = "10000/s" },
    credential = {
      kind = "login", query = "token", key = "password",
      login = { operation = "authenticate", method = "POST", url = s.api.url .. "/login", class = "login", expect = "user",
        token = "user.token", body = { '{"password":', auth.secret "hunter22", "}" } },
    },
  }
  for key, value in pairs(more or {}) do o[key] = value end
  return call.connection(o)
end

local function rows(s, more)
  local r = { operation = "rows", method = "GET", url = s.api.url .. "/rows", class = "api", resend = "safe", expect = "rows" }
  for key, value in pairs(more or {}) do r[key] = value end
  return r
end

describe("a login token", function()
  local s
  after_each(function() s.api.close() end)

  it("is fetched once for all tasks that want it", function()
    s = shop()
    local conn, tasks = connect(s), {}
    for i = 1, 20 do tasks[i] = function() assert(conn:call(rows(s))) end end
    task.all(tasks)
    assert.equal(1, s.logins)
    assert.equal('{"password":"hunter22"}', s.api.requests[1].body)
    assert.equal("/rows?token=tok%2F1%2Bsecret", s.api.requests[2].target)
  end)

  it("is shared by connections to the same account, and not with another account", function()
    s = shop(function(r, self)
      if r.path ~= "/login" then return { json = { rows = {} } } end
      self.logins = self.logins + 1
      return { json = { user = { token = "any-" .. self.logins } } }
    end)
    assert(connect(s):call(rows(s)))
    assert(connect(s):call(rows(s)))
    assert.equal(1, s.logins)
    assert(connect(s, { account = "alice" }):call(rows(s)))
    assert.equal(2, s.logins)
  end)

  it("goes into the path where the URL has a place for it", function()
    s = shop()
    assert(connect(s):call(rows(s, { url = s.api.url .. "/path/{token}" })))
    assert.equal("/path/tok%2F1%2Bsecret", s.api.requests[2].target)
  end)

  it("that dies in mid-run is replaced once, by one of the tasks that were refused", function()
    s = shop()
    local conn, tasks = connect(s), {}
    assert(conn:call(rows(s)))
    s.token = "somebody else logged in"
    for i = 1, 10 do
      tasks[i] = function()
        local answer = assert(conn:call(rows(s, { resend = i > 5 and "unsafe" or "safe" })))
        assert.is_true(answer.attempts <= 2)
      end
    end
    task.all(tasks)
    assert.equal(2, s.logins)
  end)

  it("is not fetched for ever while somebody else logs in all the time", function()
    s = shop(function(r, self)
      if r.path ~= "/login" then self.token = "stolen" end
    end)
    local conn = connect(s)
    local answer, problem = conn:call(rows(s))
    assert.is_nil(answer)
    assert.same({ "auth", 2 }, { problem.code, s.logins })
    answer, problem = conn:call(rows(s))
    assert.is_nil(answer)
    assert.same({ "auth", 2 }, { problem.code, s.logins })
    assert.matches("two logins within a minute did not help", problem.message)
    assert.matches("somebody else logs in as 'bob'", problem.hint)
    time.shift(61, 0) -- a minute later it may be tried again
    conn:call(rows(s))
    time.shift(0, 0)
    assert.equal(3, s.logins)
  end)

  it("is not the reason of a 403 that comes with a fresh one too", function()
    s = shop(function(r) return r.path == "/rows" and { status = 403, body = "role" } or nil end)
    local conn = connect(s)
    for _ = 1, 4 do
      local answer, problem = conn:call(rows(s))
      assert.is_nil(answer)
      assert.same({ "forbidden", 403, "role" }, { problem.code, problem.status, problem.body })
    end
    assert.equal(2, s.logins)
  end)

  it("is looked for behind a 200 without the key, once", function()
    s = shop(function(r, self) return r.path == "/rows" and self.logins < 2 and { body = '{"error":"token"}' } or nil end)
    assert.equal(2, assert(connect(s):call(rows(s))).attempts)
    s.api.close()
    s = shop(function(r) return r.path == "/rows" and { body = '{"error":"other"}' } or nil end)
    local answer, problem = connect(s):call(rows(s))
    assert.is_nil(answer)
    assert.same({ "protocol", 2 }, { problem.code, s.logins })
    s.api.close()
    s = shop(function(r) return r.path == "/rows" and { body = '{"error":"other"}' } or nil end)
    answer, problem = connect(s):call(rows(s, { resend = "unsafe" }))
    assert.is_nil(answer)
    assert.same({ "ambiguous", 1 }, { problem.code, s.logins })
  end)

  it("is not renewed where the operation asks about the token itself", function()
    s = shop()
    local conn = connect(s)
    assert(conn:call(rows(s)))
    s.token = "other"
    local answer, problem = conn:call(rows(s, { renew = false }))
    assert.is_nil(answer)
    assert.same({ "auth", 1 }, { problem.code, s.logins })
  end)

  it("can't be had with a wrong password: one attempt for all who wait, and a word on where to look", function()
    s = shop()
    s.password = "changed-1"
    local conn, tasks, problems = connect(s), {}, {}
    for i = 1, 10 do tasks[i] = function() problems[i] = select(2, conn:call(rows(s))) end end
    task.all(tasks)
    assert.equal(1, s.logins)
    for i = 1, 10 do
      assert.same({ "auth", 401, "authenticate", "check `password` of connection 'shop' in sluice.yaml" },
        { problems[i].code, problems[i].status, problems[i].operation, problems[i].hint })
    end
  end)

  it("is asked for with patience: a login is sent again, and its answer is checked", function()
    local answers = { { status = 503, headers = { ["Retry-After"] = "0" } }, { how = "reset" }, { json = { user = {} } },
      { json = { user = { token = 5 } } }, { json = { user = { token = "" } } }, { body = "<html>" } }
    s = shop(function(r, self)
      if r.path ~= "/login" then return nil end
      self.logins = self.logins + 1
      return answers[self.logins]
    end)
    local conn = connect(s)
    for i, message in ipairs { "no user.token", "no text", "empty token", "not JSON" } do
      local answer, problem = conn:call(rows(s))
      assert.is_nil(answer)
      assert.equal("protocol", problem.code, i)
      assert.matches(message, problem.message)
    end
  end)

  it("hands the duty on when the task that logs in is dropped", function()
    s = shop(function(r, self)
      if r.path ~= "/login" then return nil end
      self.logins = self.logins + 1
      if self.logins == 1 then return { how = "stall", hold = 30, body = "x" } end
      self.token = "second-login"
      return { json = { user = { token = self.token } } }
    end)
    local conn = connect(s)
    local first = task.spawn(function() conn:call(rows(s)) end)
    local second = task.spawn(function() return conn:call(rows(s)) end)
    while s.logins == 0 do task.sleep(0.001) end
    first:cancel()
    pcall(first.wait, first)
    first = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(200, assert(second:wait()).status)
    assert.equal(2, s.logins)
  end)

  it("is fetched anew by a login that the user asks for", function()
    s = shop()
    local conn = connect(s)
    assert(conn:call(rows(s)))
    local answer = assert(conn:login())
    assert.equal("tok/2+secret", json.decode(answer.body).user.token)
    assert.equal(1, assert(conn:call(rows(s))).attempts)
    assert.equal(2, s.logins)
    s.password = "changed-1"
    local _, problem = conn:login()
    assert.equal("auth", problem.code)
    assert.error_matches(function() call.connection { name = "x", hosts = { s.api.url } }:login() end, "has no login")
  end)

  it("gives its place among the masks back when it is long dead", function()
    s = shop(function(_, self)
      self.logins = self.logins + 1
      return { json = { user = { token = ("mortal-%d-token"):format(self.logins) } } }
    end)
    local conn = connect(s)
    for _ = 1, 9 do assert(conn:login()) end
    assert.equal("mortal-1-token *** ***", log.mask "mortal-1-token mortal-8-token mortal-9-token")
  end)

  it("appears in no message", function()
    s = shop(function(r, self)
      if r.path ~= "/login" then return { status = 400, body = "bad: " .. r.target .. " " .. self.token } end
    end)
    local _, problem, text = connect(s):call(rows(s))
    local all = tostring(problem) .. problem.body .. text .. (problem.hint or "")
    assert.is_nil(all:find("tok/1", 1, true))
    assert.is_nil(all:find("tok%2F1", 1, true))
    assert.equal("bad: /rows?token=*** ***", text)
  end)
end)

describe("a login token in the per-user folder", function()
  local s, dir
  before_each(function()
    dir = tmp.dir()
    call.share(dir)
    s = shop()
  end)
  after_each(function()
    s.api.close()
    call.share(tmp.dir())
  end)

  local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

  local function script_of(what)
    return tmp.write(tmp.dir() .. "/other.lua", ([[
      local auth, call = require "sluice.auth", require "sluice.call"
      call.share(%q)
      local conn = call.connection {
        name = "shop", hosts = { %q }, account = "bob", rates = { api = "1000/s", login = "1000/s" },
        credential = { kind = "login", query = "token", login = { operation = "authenticate", method = "POST", url = %q .. "/login",
          class = "login", expect = "user", token = "user.token", body = { '{"password":', auth.secret "hunter22", "}" } } },
      }
      local function rows()
        return assert(conn:call { operation = "rows", method = "GET", url = %q .. "/rows", class = "api", resend = "safe", expect = "rows" })
      end
      %s]]):format(dir, s.api.url, s.api.url, s.api.url, what))
  end

  local function other_process(what)
    local result = assert(process.run { argv = { sluice, "run", script_of(what) } })
    assert.equal(0, result.status, result.stderr)
    return result.stdout
  end

  it("serves the next process without a login", function()
    assert(connect(s):call(rows(s)))
    assert.equal("200 1\n", other_process [[local a = rows() print(a.status, a.attempts)]]:gsub("\t", " "))
    assert.equal(1, s.logins)
  end)

  it("that another process has fetched is taken by the one that was refused", function()
    local conn = connect(s)
    assert(conn:call(rows(s)))
    other_process [[assert(conn:login())]] -- kills our token
    assert.equal(2, assert(conn:call(rows(s))).attempts)
    assert.equal(2, s.logins)
  end)

  it("is fetched by one of several processes that start together", function()
    local tasks = {}
    for i = 1, 3 do tasks[i] = function() other_process [[for _ = 1, 5 do rows() end]] end end
    task.all(tasks)
    assert.equal(1, s.logins)
  end)

  it("is never ended by one of several processes that use it at the same time", function()
    local tasks = {}
    for i = 1, 5 do tasks[i] = function() other_process [[for _ = 1, 20 do assert(rows().attempts == 1) end]] end end
    task.all(tasks)
    assert.equal(1, s.logins)
  end)

  it("costs one login, whatever the number of processes, when somebody logs in elsewhere", function()
    local conn, tasks = connect(s), {}
    assert(conn:call(rows(s)))
    for i = 1, 4 do
      tasks[i] = function()
        other_process [[for i = 1, 40 do assert(rows().attempts <= 2) require("sluice.task").sleep(0.01) end]]
      end
    end
    tasks[5] = function()
      while #s.api.requests < 40 do task.sleep(0.005) end
      s.token = "a person has logged in elsewhere"
    end
    task.all(tasks)
    assert.equal(2, s.logins)
  end)

  it("is fetched by the next process at once when the one that logs in is killed", function()
    s.api.close()
    local asked = 0
    s = shop(function(r)
      if r.path ~= "/login" then return nil end
      asked = asked + 1
      return asked == 1 and { how = "stall", hold = 50, body = "x" } or nil
    end)
    local pidfile = dir .. "/pid"
    local victim = task.spawn(function()
      return process.run { argv = { "sh", "-c", 'echo $$ > "$0"; exec "$@"', pidfile, sluice, "run", script_of "rows()" } }
    end)
    while asked == 0 do task.sleep(0.005) end
    local tasks = {}
    for i = 1, 3 do tasks[i] = function() other_process [[rows()]] end end
    tasks[4] = function()
      task.sleep(0.2) -- the others may have come to where they wait; where they have not, the test is only weaker
      assert.equal(1, asked)
      assert(os.execute("kill -9 " .. tmp.read(pidfile)))
    end
    task.all(tasks)
    assert.equal(137, assert(victim:wait()).status)
    assert.same({ 2, 1 }, { asked, s.logins })
  end)

  it("is no loop between processes: refused again within a minute, it is an error in each of them", function()
    s.api.close()
    s = shop(function(r, self)
      if r.path ~= "/login" then self.token = "stolen" end
    end)
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = function()
        other_process [[
          for _ = 1, 5 do
            local ok, problem = pcall(rows)
            assert(not ok and problem.code == "auth", tostring(problem))
          end]]
      end
    end
    task.all(tasks)
    assert.equal(2, s.logins)
  end)

  it("is in a file of ours alone", function()
    assert(connect(s):call(rows(s)))
    local listing = io.popen("ls -l '" .. dir .. "'"):read "a"
    assert.matches("%-rw%-%-%-%-%-%-%-", listing)
    assert.is_nil(listing:match "%-rw%-r")
  end)

  it("is an error with a cure where the folder can't be used", function()
    call.share "/proc/no-such-folder"
    local answer, problem = connect(s):call(rows(s))
    assert.is_nil(answer)
    assert.equal("state", problem.code)
    assert.matches("`shared: DIR`", problem.hint)
    assert.equal(0, s.logins)
    call.share(false) -- within this process only
    assert(connect(s):call(rows(s)))
  end)

  it("can't move while a login is under way", function()
    local conn = connect(s)
    local waiting = task.spawn(function() return conn:call(rows(s)) end)
    task.sleep(0)
    assert.error_matches(function() call.share(tmp.dir()) end, " is under way")
    assert(waiting:wait())
  end)
end)
