-- OAuth 2 as a credential of a definition: client credentials and rotating refresh tokens, in one process and in many.
local auth = require "sluice.auth"
local call = require "sluice.call"
local crypto = require "sluice.crypto"
local oauth = require "support.oauth"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

local CREDENTIALS = [[{ kind = "client_credentials", path = "/oauth/token", client_id = "client_id",
  client_secret = "client_secret", class = "token" %s }]]

local function problem_of(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  return problem
end

local function paths(s)
  local list = {}
  for i, request in ipairs(s.api.requests) do list[i] = request.path end
  return table.concat(list, " ")
end

describe("OAuth", function()
  local s, dir
  before_each(function()
    dir = tmp.dir()
    call.share(dir)
  end)
  after_each(function()
    time.shift(0, 0)
    if s then s:close() end
    call.share(tmp.dir())
  end)

  describe("client credentials", function()
    it("are shown by header, form-encoded before they are base64, and the token goes as a bearer", function()
      s = oauth.start { credential = CREDENTIALS:format "", life = 3600 }
      assert.same({ 1, 2, 3 }, s:connect():rows())
      local ask = s.api.requests[1]
      assert.equal("grant_type=client_credentials", ask.body)
      assert.equal("application/x-www-form-urlencoded", ask.headers["content-type"])
      assert.equal("Basic " .. crypto.base64 "app%3A7:se%2Fcr%2Bet%20%22%26%22%20%C3%BCber", ask.headers.authorization)
      assert.equal("Bearer " .. s.access, s.last)
      assert.equal("/rows", s.api.requests[2].target)
    end)

    it("go into the form where the definition says so, with scope and further parameters", function()
      s = oauth.start { credential = CREDENTIALS:format [[, client_auth = "body", scope = "read write:{region}",
        params = { audience = "https://crm.example/&", resource = "{region}" }]] }
      s:connect({ region = "eu/1" }):rows()
      assert.same({
        grant_type = "client_credentials", client_id = oauth.CLIENT_ID, client_secret = oauth.CLIENT_SECRET,
        scope = "read write:eu/1", audience = "https://crm.example/&", resource = "eu/1",
      }, s.form)
      assert.is_nil(s.api.requests[1].headers.authorization)
      s:connect():rows() -- without a region: another scope is another token, and what names it is left out
      assert.is_nil(s.form.scope)
      assert.equal(2, s.grants)
    end)

    it("give one token to all tasks, and another before it expires, without a refusal", function()
      s = oauth.start { credential = CREDENTIALS:format "", life = 3600 }
      local crm, tasks = s:connect(), {}
      local function all()
        for i = 1, 10 do tasks[i] = function() crm:rows() end end
        task.all(tasks)
      end
      all()
      time.shift(3500, 0)
      all()
      assert.equal(1, s.grants)
      time.shift(3545, 0) -- less than a minute before
      all()
      assert.equal(2, s.grants)
      assert.equal("/oauth/token" .. (" /rows"):rep(20) .. " /oauth/token" .. (" /rows"):rep(10), paths(s))
    end)

    it("renew a token of a short life a tenth of it before the end, and one of no life at all once a call", function()
      s = oauth.start { credential = CREDENTIALS:format "", life = "20" } -- a text, as some servers have it
      local crm = s:connect()
      crm:rows()
      time.shift(17, 0)
      crm:rows()
      assert.equal(1, s.grants)
      time.shift(18.5, 0)
      crm:rows()
      assert.equal(2, s.grants)
      time.shift(37, 0)
      s.access = "gone" -- renewals because of age are no fight
      crm:rows()
      assert.equal("Bearer " .. s.access, s.last)
    end)

    it("cost one more token where one is refused, and end in an error where that is refused too", function()
      s = oauth.start { credential = CREDENTIALS:format "" }
      local crm = s:connect()
      crm:rows()
      s.access = "revoked"
      assert.equal(2, select(2, crm:rows()).attempts)
      assert.equal(2, s.grants)
      s.special = function(request) return request.path == "/rows" and { status = 401, body = "no" } or nil end
      local problem = problem_of(crm.rows, crm)
      assert.equal("auth", problem.code)
      assert.matches("refuses tokens that were just issued", problem.hint)
      assert.is_true(s.grants <= 3)
    end)

    it("that are wrong say so, once for all who wait, and show nothing of themselves", function()
      s = oauth.start { credential = CREDENTIALS:format "", secret = "another" }
      local crm, tasks, problems = s:connect(), {}, {}
      for i = 1, 5 do tasks[i] = function() problems[i] = problem_of(crm.rows, crm) end end
      task.all(tasks)
      assert.equal(1, #s.api.requests)
      for i = 1, 5 do
        assert.same({ "auth", "token" }, { problems[i].code, problems[i].operation })
        assert.matches("invalid_client: unknown client %*%*%*", problems[i].message)
        assert.matches("check the client's id and secret", problems[i].hint)
        assert.is_nil((problems[i].message .. problems[i].body):find("se/cr", 1, true))
        assert.is_nil(problems[i].body:find([[se\/cr]], 1, true))
      end
    end)

    it("take no other kind of token, and no answer without one", function()
      for answer, words in pairs {
        ['{"access_token":"mac-token","token_type":"mac"}'] = "token_type is 'mac'",
        ['{"token":"abcdef"}'] = "without the key 'access_token'",
        ['{"access_token":7}'] = "access_token is",
        ["<html>"] = "not JSON",
      } do
        s = oauth.start { credential = CREDENTIALS:format "" }
        s.special = function() return { body = answer } end
        local crm = s:connect()
        local problem = problem_of(crm.rows, crm)
        assert.equal("protocol", problem.code)
        assert.matches(words, problem.message, 1, true)
        s:close()
      end
      s = nil
    end)
  end)

  describe("a refresh token", function()
    it("is replaced by each that comes, on disk before it is used, and goes on in the next process", function()
      s = oauth.start { rotate = true, life = 3600 }
      local first = s:consent()
      local crm = s:connect { refresh_token = first }
      crm:rows()
      assert.same({ first, "header" }, { s.form.refresh_token, s.how })
      s.access = "ended"
      time.shift(70, 0) -- two refusals within a minute would be a fight
      crm:rows()
      assert.equal(2, s.grants)
      s.access = "ended"
      local done = s:run(dir, { refresh_token = first }, "print(#crm:rows())")
      assert.equal("3\n", done.stdout, done.stderr)
      assert.equal(3, s.grants)
      assert.is_nil(s.live[first])
      time.shift(3690, 0) -- what the other process fetched is taken, and its life is known
      crm:rows()
      assert.equal(4, s.grants)
    end)

    it("that does not rotate is used again, by a public client too", function()
      s = oauth.start { credential = [[{ kind = "refresh_token", path = "/oauth/token", client_id = "client_id",
        refresh_token = "refresh_token", class = "token" }]] }
      s.special = function(request)
        if request.path ~= "/oauth/token" then return nil end
        s.grants = s.grants + 1
        s.body, s.access = request.body, "plain-" .. s.grants
        return { json = { access_token = s.access, token_type = "bearer", refresh_token = require("sluice.json").null } }
      end
      local crm = s:connect { refresh_token = "keep&me" }
      for _ = 1, 2 do
        crm:rows()
        assert.equal("grant_type=refresh_token&refresh_token=keep%26me&client_id=app%3A7", s.body)
        s.access = "ended"
      end
      assert.equal(2, s.grants)
    end)

    it("of the config wins where it is another, and the old one's successor where it is the same", function()
      s = oauth.start { rotate = true }
      local first, other = s:consent(), s:consent()
      s:connect({ refresh_token = first }):rows()
      s:connect({ refresh_token = other }):rows()
      assert.equal(other, s.form.refresh_token)
      s.access = "ended"
      s:connect({ refresh_token = first }):rows()
      assert.equal(3, s.grants)
    end)

    it("whose successor was lost is an error that says how to get another, and asks once", function()
      s = oauth.start { rotate = true }
      local first = s:consent()
      local crm = s:connect { refresh_token = first }
      s.special = function(request)
        if request.path ~= "/oauth/token" or s.grants > 0 then return nil end
        s:token(request) -- the server rotates, and its answer is lost
        return { how = "reset" }
      end
      local problem = problem_of(crm.rows, crm)
      assert.same({ "auth", 400, "token" }, { problem.code, problem.status, problem.operation })
      assert.matches("invalid_grant: Token has been used: %*%*%*", problem.message)
      assert.matches("authorise sluice at the API again and put the new one into `refresh_token` of connection 'crm'", problem.hint)
      assert.equal(4, require("sluice.fail").exit_code(problem))
      local again = s:connect { refresh_token = s:consent() }
      assert.same({ 1, 2, 3 }, again:rows())
    end)

    it("is opaque, and neither it nor what it brings is in any message", function()
      s = oauth.start { rotate = true }
      local first = s:consent()
      local crm = s:connect { refresh_token = first }
      assert.equal("***", tostring(crm.options.refresh_token))
      crm:rows()
      s.special = function(request)
        return request.path == "/rows" and { status = 422, body = request.headers.authorization .. " " .. s.form.refresh_token } or nil
      end
      local problem = problem_of(crm.rows, crm)
      assert.equal("Bearer *** ***", problem.body)
    end)
  end)

  -- `first(request)` answers the first token request; pids of children are in files, so that one can be killed.
  local function start_child(keys, what, pidfile)
    local o = s:child(dir, keys, what)
    if pidfile then o.argv = { "sh", "-c", 'echo $$ > "$0"; exec "$@"', pidfile, table.unpack(o.argv) } end
    return task.spawn(function() return require("sluice.process").run(o) end)
  end

  describe("several processes of one account", function()
    it("make one login, and one for each expiry", function()
      s = oauth.start { rotate = true, life = 3600 }
      local keys, children = { refresh_token = s:consent() }, {}
      for round = 1, 2 do
        for i = 1, 4 do
          children[i] = start_child(keys, ("require('sluice.time').shift(%d, 0) for _ = 1, 5 do crm:rows() end"):format((round - 1) * 3580))
        end
        for i = 1, 4 do
          local done = assert(children[i]:wait())
          assert.equal(0, done.status, done.stderr)
        end
        assert.equal(round, s.grants)
      end
      for _, request in ipairs(s.api.requests) do
        if request.path == "/rows" then assert.matches("^Bearer access/", request.headers.authorization) end
      end
    end)

    it("hand the duty on at once when the one that logs in is killed", function()
      s = oauth.start { rotate = true }
      local keys, asked = { refresh_token = s:consent() }, 0
      s.special = function(request)
        if request.path ~= "/oauth/token" then return nil end
        asked = asked + 1
        if asked == 1 then return { how = "stall", hold = 50, body = "x" } end
      end
      local pidfile = dir .. "/pid"
      local victim = start_child(keys, "crm:rows()", pidfile)
      while asked == 0 do task.sleep(0.005) end
      local others = {}
      for i = 1, 2 do others[i] = start_child(keys, "print(#crm:rows())") end
      task.sleep(0.3) -- they may have come to where they wait; where they have not, the test is only weaker
      assert.equal(1, asked)
      assert(os.execute("kill -9 " .. tmp.read(pidfile)))
      for i = 1, 2 do
        local done = assert(others[i]:wait())
        assert.equal("3\n", done.stdout, done.stderr)
      end
      assert.equal(137, assert(victim:wait()).status)
      assert.same({ 2, 1 }, { asked, s.grants })
    end)

    it("lose nothing when one is killed at the first use of what it fetched", function()
      s = oauth.start { rotate = true }
      local keys, pidfile = { refresh_token = s:consent() }, dir .. "/pid"
      local used = false
      s.special = function(request)
        if request.path ~= "/rows" or used then return nil end
        used = true
        return { how = "stall", hold = 50, body = "x" }
      end
      local victim = start_child(keys, "crm:rows()", pidfile)
      while not used do task.sleep(0.005) end
      assert(os.execute("kill -9 " .. tmp.read(pidfile)))
      assert.equal(137, assert(victim:wait()).status)
      s.access = "ended" -- so that the rotated refresh token must be known
      local done = s:run(dir, keys, "print(#crm:rows())")
      assert.equal("3\n", done.stdout, done.stderr)
      assert.equal(2, s.grants)
    end)
  end)

  it("is checked where it is declared", function()
    local refused = {
      [ [[{ kind = "client_credentials", client_id = "client_id", client_secret = "client_secret", class = "token" }]] ] = "needs path",
      [ [[{ kind = "refresh_token", path = "/t", client_id = "client_id", class = "token" }]] ] = "needs refresh_token",
      [CREDENTIALS:format ', client_auth = "heder"'] = "did you mean 'header'",
      [CREDENTIALS:format ', host = "auth"'] = "host 'auth' is none of: base",
      [CREDENTIALS:format ', scope = "{regoin}"'] = "{regoin}, which is no key",
      [CREDENTIALS:format ', scope = "{client_secret}"'] = "which is a secret",
      [CREDENTIALS:format ", params = { audience = 5 }"] = "params.audience must be a text",
      [CREDENTIALS:format ', params = { grant_type = "password" }'] = "grant_type has a field of its own",
      [CREDENTIALS:format ', tokne = "x"'] = "unknown field 'tokne'",
      [(CREDENTIALS:format ""):gsub('"/oauth', '"oauth')] = "path must start with /",
      [(CREDENTIALS:format ""):gsub('class = "token"', 'class = "tokens"')] = "class 'tokens' is none of",
      [(CREDENTIALS:format ""):gsub('client_secret = "client_secret"', 'client_secret = "region"')] = "'region' must be of type secret",
    }
    s = oauth.start()
    for credential, words in pairs(refused) do
      s.credential = credential
      local problem = problem_of(s.definition, s)
      assert.equal("config", problem.code)
      assert.matches(words, problem.message, 1, true)
    end
    s.credential = CREDENTIALS:format ""
    local problem = problem_of(s.connect, s, { client_id = "" })
    assert.matches("the client's id is empty", problem.message)
    s.credential = [[{ kind = "refresh_token", path = "/t", client_id = "client_id", refresh_token = "refresh_token", class = "token" }]]
    assert.matches("the refresh token is empty", problem_of(s.connect, s).message)
    assert.is_true(auth.is(s:connect({ refresh_token = "some-token" }).options.refresh_token))
  end)
end)
