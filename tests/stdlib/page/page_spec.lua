-- The page over HTTP: what is shown and escaped, forms that change things, headers, refusals, live events.
local http = require "sluice.http"
local json = require "sluice.json"
local lfs = require "lfs"
local support = require "support.page"
local task = require "sluice.task"
local tmp = require "support.tmp"

describe("the page", function()
  local site
  before_each(function() site = support.new() end)
  after_each(function() site:close() end)

  local function has(text, part) assert.is_truthy(text:find(part, 1, true), part .. " is not in:\n" .. text:sub(1, 3000)) end
  local function has_not(text, part) assert.is_nil(text:find(part, 1, true), part .. " is in the page") end

  it("shows schedules, what runs, connections, and escapes what is in them", function()
    local run = site:start(site.ids[1])
    local body = site:get("/").body
    has(body, '<a href="/schedules/delta">delta</a>')
    has(body, ("/runs/%d"):format(run))
    has(body, "Running now")
    has(body, "app.stock2shop.com")
    has(body, "&lt;script&gt;alert(&#39;about&#39;)&lt;/script&gt;")
    has_not(body, "<script>alert")
  end)

  it("shows a schedule: every fate and why, next times, clock changes, a pause and its note", function()
    site.store:schedule_pause("delta", { note = "<img src=x onerror=alert(1)>" })
    local body = site:get("/schedules/delta").body
    has(body, "the run before it was still going: &lt;i&gt;note&lt;/i&gt; &amp; more")
    has(body, "3 times until")
    has(body, "does not exist (the clocks go from")
    has(body, "paused by a person: &lt;img src=x onerror=alert(1)&gt;")
    has(body, 'action="/schedules/delta/resume"')
    has_not(body, "<img")
  end)

  it("shows a run: its sums, its masked arguments, its log", function()
    require("sluice.log").secret "hunter2hunter2"
    local id = site.ids[1]
    local run, path = site:start(id)
    tmp.write(path, "2026-11-28T10:00:00.123Z out <b>bold</b>\n2026-11-28T10:00:01.000Z err oops\nnot a line\n")
    site:finish(id, run, "partial", { exit_code = 3, read = 1234, sent = 1200, rejected = 34, requests = 7, waited = 2.5,
      peak_bytes = 9 << 20 })
    local body = site:get("/runs/" .. run).body
    for _, part in ipairs { "1,234", "1,200", "partial", "&lt;b&gt;bold&lt;/b&gt;", 'class="line err"', 'class="line note"',
      "9.0 MB", "2.5 s" } do has(body, part) end
    has_not(body, "<b>bold")
    local log = site:get("/runs/" .. run .. "/log")
    assert.equal(tmp.read(path), log.body)
    assert.matches("^text/plain", log.headers["content-type"])
    assert.equal(404, site:get("/runs/999").status)
    assert.equal(404, site:get("/runs/x").status)
    os.remove(path)
    assert.equal(404, site:get("/runs/" .. run .. "/log").status)
  end)

  it("sends headers that protect the reader, on every answer", function()
    for _, path in ipairs { "/", "/nowhere", "/healthz", "/api/v1/state", "/login" } do
      local headers = site:get(path).headers
      local policy = headers["content-security-policy"]
      has(policy, "default-src 'none'")
      has(policy, "frame-ancestors 'none'")
      has_not(policy, "unsafe")
      assert.equal("nosniff", headers["x-content-type-options"])
      assert.equal("no-store", headers["cache-control"])
    end
    local body = site:get("/").body
    assert.is_nil(body:find "<script>" or body:find " style=" or body:find " on%l+=")
    assert.is_nil(body:find "https?://", "nothing comes from elsewhere")
  end)

  it("serves its files for good, by their content", function()
    local body = site:get("/").body
    for name in pairs { ["page.css"] = 1, ["page.js"] = 1, ["icon.svg"] = 1 } do
      local address = body:match('"(/assets/%x+/' .. name:gsub("%.", "%%.") .. ')"')
      local file = site:get(address)
      assert.equal(200, file.status)
      assert.matches("immutable", file.headers["cache-control"])
      assert.equal(tmp.read(lfs.currentdir() .. "/stdlib/page/" .. name), file.body)
    end
    assert.equal(404, site:get("/assets/000000000000/page.css").status)
    assert.equal(404, site:get("/assets/..%2f..%2f/page.css").status)
  end)

  it("changes nothing without the token, and says what is missing", function()
    local before = site.store:schedule("delta").version
    for _, path in ipairs { "/schedules/delta/trigger", "/schedules/delta/pause", "/schedules/delta/resume", "/runs/1/cancel",
      "/outbox/1/settle" } do
      local answer = site:post(path, "decision=confirmed")
      assert.equal(401, answer.status, path)
      has(answer.body, "a change needs the token")
      has(answer.body, 'name="token"')
    end
    assert.equal(before, site.store:schedule("delta").version)
    assert.equal(403, site:steer("/schedules/delta/pause", "", { origin = "http://evil.example" }).status)
    assert.equal(before, site.store:schedule("delta").version)
  end)

  it("pauses, resumes, triggers, backfills, cancels by forms", function()
    local answer = site:steer("/schedules/delta/pause", "note=on+holiday%21&until=2h")
    assert.same({ 303, "/schedules/delta?done=paused" }, { answer.status, answer.headers.location })
    assert.equal("on holiday!", site.store:schedule("delta").pause_note)
    assert.is_number(site.store:schedule("delta").paused_until)
    assert.equal(303, site:steer("/schedules/delta/resume").status)
    assert.equal(303, site:steer("/schedules/delta/trigger").status)
    assert.equal("manual", site.store:occurrences({ kind = "manual" })[1].kind)
    local filled = site:steer("/schedules/nasty/backfill", "from=3h&to=now&parallel=2")
    assert.matches("^/schedules/nasty%?filled=3%-0$", filled.headers.location)
    has(site:get(filled.headers.location).body, "3 due times will run, 0 left out")
    local run = site:start(site.ids[1])
    assert.equal(303, site:steer(("/runs/%d/cancel"):format(run)).status)
    assert.is_true(site.store:occurrence(site.ids[1]).cancel)
    assert.equal(303, site:steer(("/occurrences/%d/cancel"):format(site.ids[2])).status)
  end)

  it("stops a run that was started by hand", function()
    tmp.write(site.dir .. "/slow.lua", [[local sluice = require "sluice"
      return sluice.recipe { about = "waits", args = {}, run = function(_, run) run:store() require("sluice.task").sleep(60) end }]])
    local sluice = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    local child = assert(require("sluice.process").spawn { argv = { sluice, "run", "slow.lua" }, cwd = site.dir })
    local run
    for _ = 1, 200 do
      run = site.store:runs({ most = 1 })[1]
      if run and run.pid == child.pid then break end
      task.sleep(0.05)
    end
    has(site:get("/runs/" .. run.id).body, ('action="/runs/%d/cancel"'):format(run.id))
    assert.equal(303, site:steer(("/runs/%d/cancel"):format(run.id)).status)
    assert.equal(143, child:wait().status)
    has(site:get("/runs/" .. run.id).body, "cancelled")
    assert.equal(409, site:steer(("/runs/%d/cancel"):format(run.id)).status)
  end)

  it("says what is wrong with a form, on a page that leads back", function()
    for path, said in pairs {
      ["/schedules/delta/pause"] = "is no time", ["/schedules/nasty/backfill"] = "both times are needed",
      ["/schedules/nobody/trigger"] = "there is no schedule &#39;nobody&#39;", ["/runs/77/cancel"] = "there is no run 77",
      ["/outbox/5/settle"] = "decision: confirmed, rejected or resend",
    } do
      local answer = site:steer(path, "until=never")
      assert.is_true(answer.status == 400 or answer.status == 404, path .. answer.status)
      has(answer.body, said)
    end
    assert.equal(405, site:get("/schedules/delta/pause").status)
    assert.equal("POST", site:get("/schedules/delta/pause").headers.allow)
    assert.equal(404, site:get("/nowhere").status)
    assert.equal(413, site:steer("/schedules/delta/pause", ("x"):rep(300000)).status)
  end)

  it("logs in by a form, and goes back only to a page of its own", function()
    assert.equal(401, site:post("/login", "token=wrong&next=/runs").status)
    local answer = site:post("/login", "token=" .. site.token .. "&next=%2Fschedules%2Fdelta")
    assert.same({ 303, "/schedules/delta?done=loggedin" }, { answer.status, answer.headers.location })
    local cookie = answer.headers["set-cookie"]:match "^[^;]+"
    local origin = site.url
    assert.equal(303, site:post("/schedules/delta/resume", "", { cookie = cookie, origin = origin }).status)
    has(site:get("/", { cookie = cookie }).body, "Log out")
    for _, bad in ipairs { "//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)" } do
      local sent = site:post("/login", "token=" .. site.token .. "&next=" .. http.form { x = bad }:sub(3))
      assert.equal("/?done=loggedin", sent.headers.location)
    end
    assert.matches("Max%-Age=0", site:post("/logout", "", { cookie = cookie, origin = origin }).headers["set-cookie"])
    has(site:get("/login?next=%22%3E%3Cscript%3E").body, 'name="next" type="hidden" value="/"')
  end)

  it("refuses other names, and everything beyond loopback", function()
    assert.equal(421, site:get("/", { host = "evil.example" }).status)
    site:close()
    site = support.new { listen = "0.0.0.0:0" }
    for _, path in ipairs { "/", "/metrics", "/healthz", "/events", "/api/v1/state", "/nowhere" } do assert.equal(401,
      site:get(path).status, path) end
    assert.equal(200, site:get("/metrics", { authorization = "Bearer " .. site.token }).status)
    assert.equal(200, site:get("/login").status)
  end)

  -- The events of a stream until `enough(text)`; text so far.
  local function follow(path, enough)
    local res = assert(http.get(site.url .. path, { stream = true, timeout = 20 }))
    assert.equal("text/event-stream", res.headers["content-type"])
    local text = ""
    for bytes in res:chunks() do
      text = text .. bytes
      if enough(text) then break end
    end
    res:close()
    return text
  end

  it("tells by events that something has changed", function()
    local told = task.spawn(follow, "/events", function(text) return text:find "event: change" end)
    task.sleep(0.1)
    site.store:schedule_pause("delta", { note = "x" })
    has(told:wait(), "event: change\ndata: 1\n\n")
  end)

  it("sends the lines of a run as they are written, from where one was, until its end", function()
    local id = site.ids[1]
    local run, path = site:start(id)
    local first = "2026-11-28T10:00:00.000Z out before\n"
    tmp.write(path, first)
    local told = task.spawn(follow, ("/runs/%d/events?from=%d"):format(run, #first), function(text) return text:find "event: over" end)
    task.sleep(0.1)
    local file <close> = assert(io.open(path, "a"))
    file:write("2026-11-28T10:00:01.000Z err <b>&\n2026-11-28T10:00:02.000Z out half a l")
    file:flush()
    task.sleep(0.6)
    file:write "ine\n"
    file:flush()
    site:finish(id, run, "ok")
    local text = told:wait()
    has(text, ("id: %d\ndata: [{"):format(#first + 34))
    has(text, '"text":"<b>&"')
    has(text, '"text":"half a line"')
    has_not(text, "before")
    assert.equal(404, site:get("/runs/999/events").status)
  end)

  it("is healthy, or says why not", function()
    local answer = site:get "/healthz"
    assert.same({ 200, { status = "ok", reasons = {} } }, { answer.status, json.decode(answer.body) })
    site:close()
    local ago = require("sluice.time").now() - 86400
    site = support.new { now = function() return ago end, daemon = { last_round = function() return require("sluice.time").mono() - 100 end } }
    answer = site:get "/healthz"
    assert.equal(503, answer.status)
    has(answer.body, "before the newest due time that is recorded")
    has(answer.body, "has not made a round for 100 s")
  end)

  it("answers whatever bytes an address has, and says them as text", function()
    for _, path in ipairs { "/api/v1/schedules/%ff%fe", "/schedules/%ff", "/api/v1/schedules/a%00b", "/runs/%1b%5b31m", "/api/v1/runs/%ff/log" } do
      local answer = site:get(path)
      assert.equal(404, answer.status, path)
      assert.is_truthy(utf8.len(answer.body), path)
      assert.is_nil(answer.body:find "[%z\27]", path)
    end
    assert.equal(400, site:get("/api/v1/schedules?state=%ff").status)
    for path in pairs { ["/events"] = 1, ["/"] = 1, ["/healthz"] = 1 } do
      local answer = http.request { method = "HEAD", url = site.url .. path, timeout = 20 }
      assert.same({ 200, "" }, { answer.status, answer.body or "" }, path)
    end
    assert.equal(0, site.page.ctx.followed or 0)
  end)

  it("is probed without a write at each probe", function()
    site:get "/healthz"
    local changes = site.store:changes()
    for _ = 1, 3 do assert.equal(200, site:get("/healthz").status) end
    assert.equal(changes, site.store:changes())
  end)

  it("answers on IPv6, and no login from another site", function()
    assert.equal(403, site:post("/login", "token=" .. site.token, { origin = "http://evil.example" }).status)
    assert.equal(403, site:post("/logout", "", { origin = "http://evil.example" }).status)
    assert.equal(403, site:get("/events", { ["sec-fetch-site"] = "cross-site", ["sec-fetch-mode"] = "no-cors" }).status)
    local secure = site:post("/login", "token=" .. site.token, { host = "localhost:" .. site.page.server.port,
      origin = "https://localhost:" .. site.page.server.port }).headers["set-cookie"]
    assert.matches("; Secure$", secure)
    local probe = require("sluice.server").listen { host = "::1" }
    if not probe then return pending "no IPv6 here" end
    probe:close()
    site:close()
    site = support.new { listen = "[::1]:0" }
    assert.equal(200, site:get("/").status)
    assert.equal(421, site:get("/", { host = "evil.example" }).status)
  end)

  it("says that an address is taken, or is none", function()
    local page = require "sluice.page"
    local function problem(listen)
      return select(2, pcall(page.start, { listen = listen, store = site.own, loaded = function() return site.loaded end }))
    end
    assert.matches("can't listen on 127.0.0.1", problem("127.0.0.1:" .. site.page.server.port).message)
    assert.equal("config", problem("nonsense").code)
  end)
end)
