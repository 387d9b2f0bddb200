-- The call machine against servers whose answers are written down.
local auth = require "sluice.auth"
local call = require "sluice.call"
local flying = require "support.flying"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local scripted = require "support.scripted"
local task = require "sluice.task"
local time = require "sluice.time"

local api, conn

local function serve(answers, options)
  api = scripted.start(answers)
  local o = { name = "shop", hosts = { api.url }, rates = { api = "10000/s" } }
  for key, value in pairs(options or {}) do o[key] = value end
  conn = call.connection(o)
end

local function send(fields)
  local r = { operation = "op", method = "GET", url = api.url .. "/things", class = "api", resend = "safe" }
  for key, value in pairs(fields or {}) do r[key] = value end
  return conn:call(r)
end

local function post(fields)
  local r = { method = "POST", body = "{}", resend = "unsafe" }
  for key, value in pairs(fields or {}) do r[key] = value end
  return send(r)
end

describe("a call", function()
  after_each(function() api.close() end)

  it("gives status, headers in lower case, body and what it took", function()
    serve { { status = 200, headers = { ["X-Thing"] = "A" }, body = '{"a":1}' } }
    local answer = assert(send { headers = { Accept = "application/x" } })
    assert.equal(200, answer.status)
    assert.equal("A", answer.headers["x-thing"])
    assert.equal('{"a":1}', answer.body)
    assert.equal(1, answer.attempts)
    assert.equal(0, answer.waited)
    assert.equal("application/x", api.requests[1].headers.accept)
    assert.equal("/things", api.requests[1].target)
  end)

  it("gives the head of an answer that is an error, and of none where none came", function()
    serve { { status = 404, headers = { ["X-Thing"] = "A" } } }
    local answer, problem, body, head = send()
    assert.same({ nil, "not_found", "" }, { answer, problem.code, body })
    assert.same({ 404, "A" }, { head.status, head.headers["x-thing"] })
    api.close()
    local gone, refused, none, no_head = send { deadline = 0.1 }
    assert.same({ nil, "network", nil, nil }, { gone, refused.code, none, no_head })
    assert.has_error(function() call.mark {} end)
    api = scripted.start()
  end)

  it("counts what it did", function()
    serve { { status = 503, headers = { ["Retry-After"] = "0" } }, { body = "12345" } }
    local before = call.stats()
    assert(post { body = "123" })
    local stats, all = conn:stats(), call.stats()
    assert.same({ 1, 2, 1, 0, 0 }, { stats.calls, stats.requests, stats.retries, stats.limited, stats.failed })
    assert.equal(6, stats.bytes_up)
    assert.equal(5, stats.bytes_down)
    assert.same({ ok = 1, unavailable = 1 }, stats.outcomes)
    assert.equal(before.requests + 2, all.requests)
    assert.is_true(stats.waited > 0)
  end)

  it("keeps its body where a script closes the coroutine that waits for it", function()
    for _, gzip in ipairs { true, false } do
      serve { { body = "{}" } }
      local function body() return ("0123456789"):rep(2000000) end
      local inner = coroutine.create(function() return post { body = body(), gzip = gzip, headers = { ["x-a"] = "b" } } end)
      local outer = task.spawn(function() return coroutine.resume(inner) end)
      task.yield()
      coroutine.close(inner)
      collectgarbage()
      local resumed, why = outer:wait()
      assert.is_false(resumed)
      assert.matches("dead coroutine", why)
      assert.equal(1, #api.requests)
      local got = api.requests[1].body
      if not gzip then assert.is_true(got == body()) end
      api.close()
    end
    api = scripted.start()
  end)

  it("compresses a few bodies at once, and those that are given up not at all", function()
    local lfs = require "lfs"
    local function threads()
      local count = 0
      for name in lfs.dir "/proc/self/task" do count = count + (name:find "^%d" and 1 or 0) end
      return count
    end
    serve(function() return { body = "{}" } end)
    local before, sent, body = threads(), {}, ("0123456789 "):rep(1000000)
    for i = 1, 40 do sent[i] = task.spawn(function() return post { body = body, gzip = true } end) end
    task.yield()
    local most = threads()
    for i = 1, 10 do sent[i]:cancel() end
    for i = 11, 40 do
      most = math.max(most, threads())
      assert.equal(200, assert(sent[i]:wait()).status)
    end
    assert.is_true(most > before and most <= before + 4, most)
    assert.equal(before, threads())
    assert.equal(30, #api.requests)
  end)

  it("sends a chunk without a copy and gives it back", function()
    serve { function(r) return { body = r.body } end }
    local chunk = ndjson.chunk {}
    chunk:put { id = "1" }
    local sender = task.spawn(function() return send { method = "POST", body = chunk } end)
    task.sleep(0)
    assert.error_matches(function() chunk:clear() end, "being sent")
    assert.equal('{"id":"1"}\n', sender:wait().body)
    chunk:clear()
    assert.equal(0, chunk:count())
  end)

  it("gives a chunk back when its task is cancelled", function()
    serve { { how = "stall", hold = 30, body = "x" } }
    local chunk = ndjson.chunk {}
    chunk:put { id = "1" }
    local sender = task.spawn(function() return send { method = "POST", body = chunk } end)
    task.sleep(0.01)
    sender:cancel()
    pcall(sender.wait, sender)
    sender = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    chunk:clear()
    assert.equal(0, chunk:count())
  end)

  it("puts secrets into a body as JSON strings, and into no message", function()
    serve { { status = 400, body = 'the entry p"wd-1234 is wrong' } }
    local answer, problem, text = post { body = { '{"p":', auth.secret 'p"wd-1234', "}" } }
    assert.is_nil(answer)
    assert.equal([[{"p":"p\"wd-1234"}]], api.requests[1].body)
    assert.equal("the entry *** is wrong", problem.body)
    assert.equal("the entry *** is wrong", text)
  end)

  it("says what an error answer was, by code", function()
    local codes = { [400] = "invalid", [401] = "auth", [403] = "forbidden", [404] = "not_found", [409] = "conflict", [410] = "not_found",
      [413] = "invalid", [422] = "invalid", [501] = "unavailable", [302] = "protocol" }
    serve(function(r) return { status = math.tointeger(tonumber(r.path:match "%d+$")), body = "why" } end)
    for status, code in pairs(codes) do
      local answer, problem = post { url = api.url .. "/" .. status }
      assert.is_nil(answer)
      assert.same({ code, status, "shop", "op", "why", false },
        { problem.code, problem.status, problem.api, problem.operation, problem.body, problem.retryable })
      assert.matches("^POST /" .. status .. " answered " .. status, problem.message)
    end
    local tried = #api.requests
    assert.equal(10, tried)
  end)
end)

describe("a call is sent again", function()
  after_each(function() api.close() end)

  it("after a 503 when it is safe", function()
    serve { { status = 503 }, { status = 500 }, { body = "{}" } }
    local answer = flying(function() return assert(send()) end)
    assert.equal(3, answer.attempts)
  end)

  it("not after a 5xx when it is unsafe: it may have been done", function()
    serve { { status = 500, body = "boom" } }
    local answer, problem = post()
    assert.is_nil(answer)
    assert.same({ "ambiguous", 500, 1, false }, { problem.code, problem.status, #api.requests, problem.retryable })
    assert.matches("may have been done", problem.message)
    assert.matches("look whether it was done", problem.hint)
  end)

  it("after a 503 that names a time, even when it is unsafe: nothing was done", function()
    serve { { status = 503, headers = { ["Retry-After"] = "7" } }, { body = "{}" } }
    local answer = flying(function() return assert(post()) end)
    assert.equal(2, answer.attempts)
    assert.is_true(answer.waited >= 7 and answer.waited < 8, answer.waited)
  end)

  it("after a connection that was reset when it is safe, never when it is unsafe", function()
    serve { { how = "reset" }, { body = "{}" }, { how = "reset" }, { body = "{}" } }
    assert.equal(2, flying(function() return assert(send()) end).attempts)
    local answer, problem = post()
    assert.is_nil(answer)
    assert.equal("ambiguous", problem.code)
    assert.equal(3, #api.requests)
  end)

  it("after an answer that was cut off when it is safe, never when it is unsafe", function()
    local cut = { how = "truncate", body = '{"a":[1,2,3]}', after = 5 }
    serve { cut, { body = "{}" }, cut, { body = "{}" } }
    assert.equal("{}", flying(function() return assert(send()) end).body)
    local _, problem = post()
    assert.equal("ambiguous", problem.code)
  end)

  it("when the connection was refused, unsafe or not, and gives up in the end", function()
    serve {}
    api.close()
    local answer, problem = flying(post)
    assert.is_nil(answer)
    assert.equal("network", problem.code)
    assert.matches("gave up after 6 attempts", problem.message)
    assert.equal(6, conn:stats().requests)
  end)

  it("never when its row says so", function()
    serve { { status = 429, headers = { ["Retry-After"] = "0" } }, { status = 503, headers = { ["Retry-After"] = "0" } } }
    local _, problem = post { resend = "never_automatic" }
    assert.same({ "limit", 0 }, { problem.code, problem.retry_after })
    _, problem = post { resend = "never_automatic" }
    assert.same({ "unavailable", 2 }, { problem.code, #api.requests })
  end)

  it("at most until the deadline, which bounds all attempts", function()
    serve(function() return { status = 503, headers = { ["Retry-After"] = "20" } } end)
    local answer, problem = flying(function() return send { deadline = 50 } end, 200)
    assert.is_nil(answer)
    assert.same({ "unavailable", 3 }, { problem.code, #api.requests })
    assert.matches("gave up after 3 attempts in 4%d%.%d s: the server asks for a longer wait than the deadline", problem.message)
    assert.is_true(problem.retryable)
  end)

  it("and an attempt that the deadline cuts short does not hide what failed before it", function()
    serve { { status = 503, headers = { ["Retry-After"] = "0" }, body = "closed for stocktaking" }, { how = "stall" } }
    local _, problem, body = send { deadline = 0.5 }
    assert.same({ "unavailable", 503, 2, "closed for stocktaking" }, { problem.code, problem.status, #api.requests, body })
    assert.matches("answered 503 .*; gave up after 2 attempts in %d+%.%d s: the deadline has passed", problem.message)
    api.close()
    serve { { status = 503, headers = { ["Retry-After"] = "0" } }, { how = "stall" } }
    _, problem = post { deadline = 0.5 }
    assert.equal("ambiguous", problem.code) -- that one may have been done
  end)

  it("not when the server asks for more time than there is", function()
    serve(function() return { status = 429, headers = { ["Retry-After"] = "100" } } end)
    local _, problem = flying(function() return send { deadline = 50 } end)
    assert.same({ "limit", 100, 1 }, { problem.code, problem.retry_after, #api.requests })
  end)

  it("until the connection's retry budget is used up", function()
    serve(function() return { status = 503 } end)
    local resent = flying(function()
      local tasks = {}
      for i = 1, 10 do tasks[i] = function() send() end end
      task.all(tasks)
      return conn:stats().retries
    end)
    assert.is_true(resent < 50, resent) -- without a budget it is 10 * 5
  end)

  it("not after a pause that a signal has cut short", function()
    local core = require "sluice.core"
    serve(function() return { status = 429, headers = { ["Retry-After"] = "100" } } end, { rates = { api = "10000/s", slow = "1/h" } })
    local pausing = task.spawn(function() return select(2, send()) end)
    assert(select(2, send { class = "slow", resend = "never_automatic" }))
    local waiting = task.spawn(function() return select(2, send { class = "slow" }) end)
    while conn:stats().limited < 2 do task.sleep(0) end
    core.raise_signal(2)
    local first, second = pausing:wait(), waiting:wait()
    local _, late = send()
    core.raise_signal(nil)
    assert.same({ "cancelled", 429, "cancelled", "cancelled" }, { first.code, first.status, second.code, late.code })
    assert.matches("answered 429 .* gave up after 1 attempt in 0%.%d s: stopped by a signal", first.message)
  end)

  it("and says in the log why, in one line", function()
    serve { { status = 503, headers = { ["Retry-After"] = "0" } }, { body = "{}" } }
    local tmp, process = require "support.tmp", require "sluice.process"
    local script = tmp.write(tmp.dir() .. "/s.lua", ([[
      local conn = require("sluice.call").connection { name = "shop", hosts = { %q }, rates = { api = "1000/s" } }
      assert(conn:call { operation = "op", method = "GET", url = %q, class = "api", resend = "safe" })
      ]]):format(api.url, api.url .. "/x?token=abc"))
    local command = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local result = assert(process.run { argv = { command, "run", script, "-v" } })
    local _, lines = result.stderr:gsub("\n", "\n")
    assert.same({ 0, 1 }, { result.status, lines }, result.stderr)
    assert.matches("shop%.op GET http://[%d%.:]+/x%?token=%*%*%* 200, attempts 2", result.stderr)
    assert.matches("sent again after GET /x answered 503.-%(certain that nothing was done", result.stderr)
  end)
end)

describe("limits", function()
  after_each(function() api.close() end)

  it("of 429 with Retry-After are waited out, by everybody in the class", function()
    serve(function(_, n)
      if n == 1 then return { status = 429, headers = { ["Retry-After"] = "5" } } end
      return { body = "{}" }
    end)
    flying(function()
      local first = task.spawn(function() return send() end)
      while #api.requests == 0 do task.sleep(0) end
      while conn:stats().limited == 0 do task.sleep(0) end
      local other = assert(send())
      assert.is_true(other.waited > 4, other.waited)
      assert.is_true(first:wait().waited >= 5)
    end)
    assert.equal(1, conn:stats().limited)
    assert.same({ ok = 2, limited = 1 }, conn:stats().outcomes)
  end)

  it("of 429 with a reset time are measured against the answer's Date", function()
    local now = time.parse "Fri, 22 Apr 2022 19:30:20 GMT"
    local date = time.format(now, "http")
    serve({
      { status = 429, headers = { Date = date, ["ratelimit-reset"] = ("%d"):format(now + 3) } },
      { status = 429, headers = { Date = date, ["ratelimit-reset"] = ("%d"):format(now - 1000) } },
      { status = 429, headers = { Date = date, ["ratelimit-reset"] = "99999999999" } },
      { body = "{}" },
    }, { learn = { reset = "ratelimit-reset" } })
    local answer = flying(function() return assert(send()) end, 1000)
    assert.equal(4, answer.attempts)
    assert.is_true(answer.waited >= 63 and answer.waited < 66, answer.waited)
  end)

  it("are learnt from the header that the definition names, downwards only", function()
    serve(function(_, n) return { headers = { ["x-limit"] = n < 4 and "1" or "100000" }, body = "{}" } end,
      { learn = { limit = "x-limit" } })
    flying(function()
      local slow = {}
      for i = 1, 6 do slow[i] = assert(send()).waited > 0.4 end
      -- what is taught counts from the next slot on, so the second call still goes at the old pace
      assert.same({ false, false, true, true, true, false }, slow)
    end, 10)
  end)

  it("serve their waiters in order, each class and resource on its own", function()
    serve(function() return { body = "{}" } end, { rates = { api = "1/s", other = "1/s" } })
    local order, tasks = {}, {}
    flying(function()
      for i = 1, 5 do
        tasks[i] = function()
          local answer = assert(send())
          order[#order + 1] = i
          assert.is_true(answer.waited >= (i - 1) * 0.99, answer.waited)
        end
      end
      tasks[6] = function() assert.is_true(assert(send { class = "other" }).waited < 0.9) end
      tasks[7] = function() assert.is_true(assert(send { resource = "7" }).waited < 0.9) end
      task.all(tasks)
    end)
    assert.same({ 1, 2, 3, 4, 5 }, order)
  end)

  it("do not hold those up who wait behind one that gave up", function()
    serve(function() return { body = "{}" } end, { rates = { api = "6/min" } })
    flying(function()
      assert(send())
      local gone = task.spawn(function() return send() end)
      local stays = task.spawn(function() return send() end)
      task.sleep(0)
      gone:cancel()
      pcall(gone.wait, gone)
      gone = nil -- luacheck: ignore
      collectgarbage()
      assert.is_true(stays:wait().waited < 15) -- the second slot and not the third, at 20 s
    end)
  end)

  it("end a call whose deadline passes before its slot", function()
    serve(function() return { body = "{}" } end, { rates = { api = "1/min" } })
    flying(function()
      assert(send())
      local answer, problem = send { deadline = 9 }
      assert.is_nil(answer)
      assert.equal("limit", problem.code)
      assert.matches("no slot of rate class 'api' within 9%.%d s", problem.message)
    end)
  end)
end)

describe("a success", function()
  after_each(function() api.close() end)

  it("must have the expected key", function()
    serve(function(r) return { body = r.path == "/a" and '{"took":1}' or '{"took":1,"rows":[]}' } end)
    local answer, problem = send { expect = "rows", url = api.url .. "/a" }
    assert.is_nil(answer)
    assert.same({ "protocol", 1 }, { problem.code, #api.requests })
    assert.matches("answered 200 %a+ without the key 'rows'", problem.message)
    assert(send { expect = "rows", url = api.url .. "/b" })
    answer, problem = post { expect = "rows", url = api.url .. "/a" }
    assert.same({ nil, "ambiguous" }, { answer, problem.code })
  end)

  it("must be JSON where a key is expected", function()
    local bodies = { "<html>maintenance</html>", "", '{"a":1', "[1]", '{"rows":null}', '{"a":"\\x"}', "{1:2}", '{"a" 1}' }
    serve(function(_, n) return { body = bodies[n] } end)
    for _, body in ipairs(bodies) do
      local answer, problem = send { expect = "rows" }
      assert.is_nil(answer, body)
      assert.equal("protocol", problem.code, body)
    end
    assert.equal(#bodies, #api.requests)
  end)

  it("may be empty where the row knows a 204", function()
    serve(function() return { status = 204 } end)
    assert(send { expect = "data", success = { 202, 204 } })
    local _, problem = send { expect = "data", success = { 202 } }
    assert.equal("protocol", problem.code)
  end)

  it("is none when the body says that it is not", function()
    serve { { body = '{"success":false,"message":"no"}' }, { body = '{"success":true}' } }
    local _, problem = send { truth = "success" }
    assert.equal("invalid", problem.code)
    assert.matches("its success is false", problem.message)
    assert(send { truth = "success" })
  end)

  it("is also what the row wants delivered, where it has the key", function()
    serve { { status = 422, body = '{"data":{}}' }, { status = 422, body = '{"errors":[]}' } }
    assert.equal(422, assert(post { expect = "data", deliver = { 422 } }).status)
    local _, problem = post { expect = "data", deliver = { 422 } }
    assert.same({ "invalid", 422 }, { problem.code, problem.status })
  end)

  it("may not be larger than allowed", function()
    serve(function() return { body = ("x"):rep(100000) } end)
    local _, problem = send { max_answer = 1000 }
    assert.same({ "limit", 1 }, { problem.code, #api.requests })
    _, problem = post { max_answer = 1000 }
    assert.equal("ambiguous", problem.code)
  end)
end)

describe("what an answer says", function()
  after_each(function() api.close() end)

  local TOO_MANY = '{"success":false,"message":"Too many attempts."}'
  local IN_QUEUE = '{"success":false,"message":"Cannot trigger a new process, a process is already in the current queue."}'
  local LOCK = '{"success":false,"message":"Could not trigger job because a lock is already acquired"}'
  local JOB_SERVER = '{"success":false,"message":"Error occurred while interacting with the job server"}'
  local rules = {
    { status = 429, says = "already in the current queue", outcome = "rejected", code = "conflict" },
    { status = 500, says = "lock is already acquired", outcome = "unavailable" },
    { status = 500, says = "interacting with the job server", outcome = "unavailable", attempts = 2 },
    { status = 422, says = "already exists", outcome = "ok" },
    { status = 200, says = '"state":"busy"', outcome = "limited" },
  }
  local function trigger(fields)
    local r = { outcomes = rules }
    for key, value in pairs(fields or {}) do r[key] = value end
    return post(r)
  end

  it("tells a 429 about pace from one that will not change", function()
    serve({ { status = 429, headers = { ["Retry-After"] = "3" }, body = TOO_MANY }, { body = "{}" },
      { status = 429, headers = { ["Retry-After"] = "300" }, body = IN_QUEUE }, { body = "{}" } })
    assert.equal(2, flying(function() return assert(trigger()) end).attempts)
    local answer, problem = trigger()
    assert.is_nil(answer)
    assert.same({ "conflict", 429, 3, false }, { problem.code, problem.status, #api.requests, problem.retryable })
    assert.equal(1, conn:stats().limited) -- the second 429 taught the budget nothing: the next call goes at once
    assert.is_true(assert(trigger()).waited < 1)
  end)

  it("makes a 500 certain, so that an unsafe operation is sent again", function()
    serve { { status = 500, body = LOCK }, { status = 500, body = LOCK }, { body = "{}" } }
    assert.equal(3, flying(function() return assert(trigger()) end).attempts)
  end)

  it("bounds the attempts of one kind of 500, and leaves the others as they were", function()
    serve { { status = 500, body = JOB_SERVER }, { status = 500, body = JOB_SERVER }, { status = 500, body = "boom" } }
    local answer, problem = flying(trigger)
    assert.same({ nil, "unavailable", 500, 2 }, { answer, problem.code, problem.status, #api.requests })
    assert.matches("gave up after 2 attempts .* all attempts were made", problem.message)
    answer, problem = trigger()
    assert.same({ nil, "ambiguous", 3 }, { answer, problem.code, #api.requests })
    api.close()
    serve(function(_, n) return n == 1 and { status = 500, body = JOB_SERVER } or { body = "{}" } end)
    assert.equal(2, flying(function() return assert(trigger()) end).attempts)
  end)

  it("can be a success, or a failure that came as one", function()
    serve { { status = 422, body = '{"success":false,"message":"it already exists."}' }, { status = 422, body = "no" },
      { body = '{"state":"busy"}', headers = { ["Retry-After"] = "2" } }, { body = '{"state":"done"}' } }
    assert.equal(422, assert(trigger { truth = "success", expect = "rows" }).status)
    assert.equal("invalid", select(2, trigger()).code)
    local answer = flying(function() return assert(trigger()) end)
    assert.same({ 2, '{"state":"done"}' }, { answer.attempts, answer.body })
    assert.is_true(answer.waited >= 2, answer.waited)
  end)

  it("never makes an operation go twice that must not", function()
    serve { { status = 500, body = LOCK } }
    local _, problem = trigger { resend = "never_automatic" }
    assert.same({ "unavailable", 1 }, { problem.code, #api.requests })
  end)

  it("is checked before anything is sent", function()
    serve {}
    for message, rule in pairs {
      ["outcome must be ok, partial"] = { status = 500, outcome = "okay" },
      ["no error code 'conflikt'"] = { status = 500, outcome = "rejected", code = "conflikt" },
      ["needs a connection with a login"] = { status = 400, outcome = "auth" },
      ["an outcome is a table"] = "rejected",
      ["did you mean 'says'"] = { status = 500, outcome = "ok", say = "x" },
    } do
      local ok, problem = pcall(trigger, { outcomes = { rule } })
      assert.is_false(ok, message)
      assert.matches(message, problem.message, 1, true)
    end
    assert.equal(0, #api.requests)
  end)

  it("may be nothing: a 429 with an empty body is about pace, a 423 about somebody who is busy", function()
    serve { { status = 429 }, { status = 423 }, { body = "{}" } }
    local answer = flying(function() return assert(trigger()) end)
    assert.equal(3, answer.attempts)
  end)

  it("has its reset measured against its own Date, up to the window of the class", function()
    local now = time.parse "Fri, 22 Apr 2022 19:30:20 GMT"
    local function limited(reset)
      return { status = 429, headers = { Date = time.format(now, "http"), ["X-Ratelimit-Retry-After"] = ("%d"):format(now + reset) },
        body = TOO_MANY }
    end
    local options = { learn = { limit = "x-ratelimit-limit", reset = "x-ratelimit-retry-after" },
      rates = { api = "10000/s", process = "1/5min" } }
    for reset, waited in pairs { [-1000] = 0, [7] = 7, [1000000] = 60 } do
      serve({ limited(reset), { body = "{}" } }, options)
      local answer = flying(function() return assert(trigger()) end, 200)
      assert.is_true(answer.waited >= waited and answer.waited < waited + 3, ("%d: %s"):format(reset, answer.waited))
      api.close()
    end
    serve({ limited(200), { body = "{}" } }, options) -- its window has 300 s: this is no wrong clock
    local answer = flying(function() return assert(trigger { class = "process" }) end, 1000)
    assert.is_true(answer.waited >= 200, answer.waited)
  end)
end)

describe("a connection", function()
  it("sends static credentials in their header", function()
    local secret = auth.secret "s3cret-value"
    for kind, expected in pairs {
      bearer = { "authorization", "Bearer s3cret-value" },
      basic = { "authorization", "Basic Ym9iOnMzY3JldC12YWx1ZQ==" },
      header = { "x-auth-token", "s3cret-value" },
    } do
      serve({ { body = "{}" }, { body = "{}" } }, { credential = { kind = kind, header = "X-Auth-Token", username = "bob", secret = secret } })
      assert(send())
      assert(send { anonymous = true })
      assert.equal(expected[2], api.requests[1].headers[expected[1]])
      assert.is_nil(api.requests[2].headers[expected[1]])
      api.close()
    end
  end)

  it("names the key to look at when they are refused, and does not ask again", function()
    serve({ { status = 401, body = "no" } }, { credential = { kind = "bearer", secret = auth.secret "t0ken-value", key = "token" } })
    local _, problem = send()
    assert.same({ "auth", 1, "check `token` of connection 'shop' in sluice.yaml" }, { problem.code, #api.requests, problem.hint })
    api.close()
  end)

  it("keeps credentials off other hosts", function()
    local other = scripted.start { { body = "{}" } }
    serve({ { status = 302, headers = { Location = other.url .. "/x" } } }, { credential = { kind = "bearer", secret = auth.secret "t0ken-value" } })
    assert(send())
    assert.equal("/x", other.requests[1].path)
    assert.is_nil(other.requests[1].headers.authorization)
    assert.error_matches(function() send { url = other.url .. "/y" } end, "is no host of connection 'shop'")
    other.close()
    api.close()
  end)

  it("refuses what can't be: plain http to other machines, bad rates, unknown options", function()
    local function make(fields)
      local o = { name = "shop", hosts = { "http://example.com" }, credential = { kind = "bearer", secret = auth.secret "t0ken-value" } }
      for key, value in pairs(fields) do o[key] = value end
      local ok, problem = pcall(call.connection, o)
      return ok or problem
    end
    local problem = make {}
    assert.same({ "config", "use https, or say `insecure: true` for this connection" }, { problem.code, problem.hint })
    assert.matches("plain http to http://example.com", problem.message)
    for _, host in ipairs { "http://127.example.com", "http://127.example.com/v1", "http://localhost.example.com/v1" } do
      assert.equal("config", make { hosts = { host } }.code)
    end
    assert.is_true(make { hosts = { "http://127.0.0.9" } })
    assert.is_true(make { insecure = true })
    assert.is_true(make { hosts = { "https://example.com" } })
    assert.is_true(make { credential = { kind = "none" } })
    assert.equal("config", make { hosts = { "ftp://example.com" } }.code)
    problem = make { hosts = { "https://example.com" }, rates = { api = "fast" } }
    assert.equal("config", problem.code)
    assert.matches("connection 'shop': rate class 'api': 'fast' is not a rate", problem.message)
    for _, wrong in ipairs { { hosts = { 12345 } }, { rates = { "1/s" } }, { rates = { api = 10 } } } do
      assert.equal("usage", make(wrong).code)
    end
    assert.matches("did you mean 'timeout'", make { timeuot = 1 }.message)
  end)

  it("refuses requests that can't be sent", function()
    serve {}
    for fields, message in pairs {
      [{ class = "nope" }] = "has no rate class 'nope'",
      [{ url = "nonsense" }] = "URL",
      [{ resend = "sometimes" }] = "sometimes",
      [{ body = 5 }] = "a body is text, a chunk or a list of pieces",
      [{ oops = 1 }] = "unknown option 'oops'",
    } do
      local ok, problem = pcall(send, fields)
      assert.is_false(ok, message)
      assert.matches(message, problem.message, 1, true)
    end
    assert.equal(0, #api.requests)
    api.close()
  end)

  it("refuses to wait where Lua can't yield", function()
    serve {}
    assert.error_matches(function() table.sort({ 1, 2 }, function() return send() end) end, "an API call")
    api.close()
  end)

  it("can be dropped while a call is under way", function()
    serve { { how = "stall", hold = 30, body = "x" } }
    local waiting = task.spawn(function() return send() end)
    task.sleep(0.01)
    conn = nil
    collectgarbage()
    waiting:cancel()
    pcall(waiting.wait, waiting)
    api.close()
  end)
end)

assert(json)
