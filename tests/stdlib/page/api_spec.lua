-- /api/v1: the same as the page shows, as JSON; and what Prometheus gets.
local json = require "sluice.json"
local log = require "sluice.log"
local metrics = require "sluice.page.metrics"
local support = require "support.page"

describe("the API", function()
  local site
  before_each(function() site = support.new() end)
  after_each(function() site:close() end)

  local function get(path)
    local answer = site:get("/api/v1" .. path)
    assert.equal("application/json", answer.headers["content-type"])
    return json.decode(answer.body), answer.status
  end

  local function post(path, value)
    local answer = site:steer("/api/v1" .. path, value and json.encode(value) or "", { ["content-type"] = "application/json" })
    return json.decode(answer.body), answer.status
  end

  it("lists schedules, one, and why", function()
    local list = get "/schedules"
    assert.same({ 3, 1, 1 }, { list.all, list.page, list.pages })
    assert.equal("delta", list.schedules[1].name)
    assert.equal(1, #get("/schedules?q=DEL").schedules)
    assert.equal(2, get("/schedules?most=2").pages)
    assert.equal("quiet", get("/schedules?most=2&page=2").schedules[1].name)
    assert.equal("Europe/Berlin", get("/schedules/delta").zone)
    local due = require("sluice.time").format(site.now // 1 - 7200)
    local why = get("/schedules/delta/why?at=" .. due)
    assert.equal("skipped", why.fates[1].word)
    local problem, status = get "/schedules/delta/why"
    assert.same({ "invalid", 400 }, { problem.error.code, status })
  end)

  it("narrows schedules to a state, and shows those that need a person first on the page", function()
    site.store:schedule_pause("quiet", { note = "x", by = "failures" })
    site.store:schedule_pause("nasty", { note = "x", by = "failures" })
    assert.equal("nasty", get("/schedules?state=person").schedules[1].name)
    assert.equal(1, get("/schedules?state=person").all)
    assert.equal("quiet", get("/schedules?state=disabled").schedules[1].name)
    assert.equal(0, get("/schedules?state=gone").all)
    local said, status = get "/schedules?state=odd"
    assert.same({ 400, "state: 'odd' is none" }, { status, said.error.message })
    local body = site:get("/").body
    local rows = body:match '<table class="schedules">(.-)</table>'
    assert.is_true(rows:find("/schedules/nasty", 1, true) < rows:find("/schedules/delta", 1, true))
    assert.is_nil(site:get("/?state=disabled").body:match('<table class="schedules">(.-)</table>'):find("/schedules/delta", 1, true))
    assert.is_truthy(site:get("/?q=zzz").body:find("no schedule is like that", 1, true))
  end)

  it("shows no secret among the arguments of a schedule", function()
    require("sluice.log").secret "swordfish-1"
    site.loaded.schedules.delta.args = { from = "shop", password = "hunter2", deep = { list = { "a swordfish-1" } }, api_key = 12345 }
    for _, path in ipairs { "/api/v1/schedules", "/api/v1/schedules/delta", "/schedules/delta", "/" } do
      local body = site:get(path).body
      for _, secret in ipairs { "hunter2", "swordfish", "12345" } do assert.is_nil(body:find(secret, 1, true), path) end
    end
    assert.same({ from = "shop", password = "***", deep = { list = { "a ***" } }, api_key = "***" }, get("/schedules/delta").args)
    assert.equal("hunter2", site.loaded.schedules.delta.args.password)
  end)

  it("looks through a part of the history for a word, and says where to go on", function()
    local api = require "sluice.page.api"
    local looks = api.LOOKS
    finally(function() api.LOOKS = looks end)
    api.LOOKS = 1
    local now, rows = site.now // 1 | 0, {}
    for i = 1, 600 do rows[i] = { due = now - 100000 + i, state = "missed", reason = "catchup" } end
    rows[1].state, rows[1].reason = "skipped", "overlap"
    local version = site.store:schedule("quiet").version
    site.store:schedule_plan(site.daemon, { { name = "quiet", version = version, spec = "every 900", seen = now, rows = rows } })
    local first = get "/occurrences?schedule=quiet&word=skipped&most=1"
    assert.same({}, first.occurrences)
    assert.is_number(first.following)
    local second = get("/occurrences?schedule=quiet&word=skipped&most=1&after=" .. first.following)
    assert.equal("skipped", second.occurrences[1].word)
    assert.is_nil(get("/occurrences?schedule=quiet&word=ok&after=" .. first.following).following)
  end)

  it("lists occurrences and runs, by what is asked for", function()
    local run = site:start(site.ids[1])
    assert.equal(2, #get("/occurrences?schedule=delta&most=2").occurrences)
    assert.equal("skipped", get("/occurrences?word=skipped").occurrences[1].word)
    assert.equal(0, #get("/occurrences?from=2031-01-01").occurrences)
    assert.equal(run, get("/runs").runs[1].id)
    assert.equal("running", get("/runs/" .. run).word)
    assert.equal("124773", get("/runs/" .. run).args.stream)
  end)

  it("has the limits, connections, the outbox, the state", function()
    assert.same({}, get("/limits").limits)
    local connections = get("/connections").connections
    assert.same({ "feed", "shop" }, { connections[1].name, connections[2].name })
    assert.same({ "delta" }, connections[2].schedules)
    assert.is_nil(json.encode(connections):find("sandbox", 1, true), "no secret")
    assert.same({}, get("/outbox").writes)
    local state = get "/state"
    assert.same({ 3, 2, 1, true }, { state.schedules.all, state.schedules.enabled, state.schedules.disabled, state.serving })
  end)

  it("triggers, pauses, resumes, backfills, cancels", function()
    local fate, status = post("/schedules/delta/trigger", { args = { stream = "9" }, note = "by the API" })
    assert.same({ "manual", 200 }, { fate.kind, status })
    local args = json.decode(site.store:occurrence(fate.id).args)
    assert.same({ stream = "9" }, args)
    assert.equal("x", post("/schedules/delta/pause", { note = "x", ["until"] = "2h" }).paused.note)
    assert.equal("delta", post("/schedules/delta/resume").name)
    assert.same({ 3, 0, true }, (function(b) return { b.count, b.left_out, b.dry_run } end)(post("/schedules/nasty/backfill",
      { from = "3h", to = "now", dry_run = true })))
    assert.equal(0, #site.store:occurrences { kind = "backfill" })
    assert.equal(3, post("/schedules/nasty/backfill", { from = "3h", to = "now" }).count)
    local run = site:start(site.ids[1])
    assert.equal(run, post(("/runs/%d/cancel"):format(run)).id)
    site:finish(site.ids[1], run, "cancelled")
    assert.equal(409, select(2, post(("/runs/%d/cancel"):format(run))))
  end)

  it("settles a write that a person has looked for", function()
    local row = { host = "https://h", account = "a", operation = "post_order", key = "A-1", body = "{}", digest = "d" }
    local intent = site.store:outbox_claim(row)
    local id = intent:row().id
    assert.equal("locked", post(("/outbox/%d/settle"):format(id), { decision = "rejected" }).error.code)
    intent:settle("unknown", nil, "<b>nobody</b> knows")
    intent:close()
    assert.equal("A-1", get("/outbox").writes[1].key)
    local page = site:get("/outbox").body
    assert.is_truthy(page:find("&lt;b&gt;nobody&lt;/b&gt; knows", 1, true))
    assert.is_truthy(page:find(('action="/outbox/%d/settle"'):format(id), 1, true))
    assert.equal("confirmed", post(("/outbox/%d/settle"):format(id), { decision = "confirmed" }).state)
    assert.equal("conflict", post(("/outbox/%d/settle"):format(id), { decision = "resend" }).error.code)
    assert.equal("settled by a person", site.store:outbox_rows({ key = "A-1" })[1].note)
    assert.same({}, get("/outbox").writes)
    assert.equal("A-1", get("/outbox?state=confirmed").writes[1].key)
  end)

  it("says what is wrong: code, message, hint", function()
    for _, case in ipairs {
      { "/schedules/nobody/pause", {}, 404, "not_found", "there is no schedule 'nobody'" },
      { "/schedules/delt/pause", {}, 404, "not_found", "did you mean 'delta'" },
      { "/schedules/delta/pause", { notes = "x" }, 400, "invalid", "unknown key 'notes' %(did you mean 'note'%?%)" },
      { "/schedules/delta/pause", { ["until"] = "1h ago" }, 400, "invalid", "is over" },
      { "/schedules/delta/pause", { note = ("x"):rep(501) }, 400, "invalid", "at most 500" },
      { "/schedules/delta/trigger", { args = 1 }, 400, "invalid", "args" },
      { "/schedules/delta/trigger", { args = { password = "hush" } }, 400, "usage", "secret" },
      { "/schedules/nasty/backfill", { from = "1h", to = "3h" }, 400, "invalid", "from" },
      { "/schedules/nasty/backfill", { from = "2001-01-01", to = "now" }, 400, "invalid", "are more than 10000" },
      { "/schedules/nasty/backfill", { from = "3h", to = "now", parallel = 0 }, 400, "invalid", "parallel" },
      { "/runs/99/cancel", {}, 404, "not_found", "no run 99" },
      { "/runs/x/cancel", {}, 404, "not_found", "'x' is no number" },
      { "/occurrences/99/cancel", {}, 404, "not_found", "no occurrence 99" },
      { "/outbox/99/settle", { decision = "confirmed" }, 404, "not_found", "99" },
      { "/outbox/99/settle", { decision = "maybe" }, 400, "invalid", "confirmed, rejected or resend" },
    } do
      local said, status = post(case[1], case[2])
      assert.same({ case[3], case[4] }, { status, said.error.code }, case[1])
      assert.matches(case[5], said.error.message)
    end
    assert.equal(400, site:steer("/api/v1/schedules/delta/pause", "{nonsense").status)
    assert.equal(401, site:post("/api/v1/schedules/delta/pause", "{}").status)
    assert.equal("auth", json.decode(site:post("/api/v1/schedules/delta/pause", "{}").body).error.code)
    assert.equal(400, select(2, get "/runs?most=0"))
    assert.equal(404, select(2, get "/nowhere"))
    assert.equal(405, select(2, get "/schedules/delta/pause"))
  end)

  it("answers where what the store has is no UTF-8, and takes no such note", function()
    site.store:schedule_pause("delta", { note = "bad \xff byte" })
    assert.equal("bad \u{FFFD} byte", get("/schedules/delta").paused.note)
    assert.equal(3, get("/schedules").all)
    assert.equal(400, site:steer("/schedules/delta/pause", "note=%ff").status)
  end)

  it("does not show what went wrong inside: that is for the log", function()
    local logged, log_error = {}, log.error
    finally(function() log.error = log_error end)
    log.error = function(area, format, ...) logged[#logged + 1] = area .. ": " .. format:format(...) end
    site.loaded.connections = nil
    local said, status = get "/connections"
    assert.same({ 500, "internal" }, { status, said.error.code })
    assert.is_nil(said.error.message:find("lua", 1, true))
    assert.equal(1, #logged)
    assert.matches("^page: GET /api/v1/connections: .*\nstack traceback:.*stdlib/page/model.lua:%d+:", logged[1])
  end)
end)

describe("/metrics", function()
  local site
  before_each(function() site = support.new() end)
  after_each(function() site:close() end)

  -- Values by name and labels, in Prometheus' text format; each line is checked for its form.
  local function scrape()
    local answer = site:get "/metrics"
    assert.matches("^text/plain; version=0.0.4", answer.headers["content-type"])
    local values, typed = {}, {}
    for line in answer.body:gmatch "[^\n]+" do
      local family, kind = line:match "^# TYPE (%S+) (%S+)$"
      if family then typed[family] = kind
      elseif not line:find "^# HELP [%w_]+ %S" then
        local name, labels, value = line:match "^([%a_][%w_]*)(%b{}) (%S+)$"
        if not name then name, value = line:match "^([%a_][%w_]*) (%S+)$" end
        assert.is_truthy(name and tonumber(value), line)
        assert.is_truthy(typed[name] or typed[(name:gsub("_%l+$", ""))], "no type: " .. line)
        for label in (labels or ""):sub(2, -2):gmatch '[^,]+' do assert.matches('^[%a_]+="[^"]*"$', label) end
        assert.is_nil(values[name .. (labels or "")], "twice: " .. line)
        values[name .. (labels or "")] = tonumber(value)
      end
    end
    return values, typed
  end

  it("has every family, typed, with valid lines", function()
    local _, typed = scrape()
    for _, family in ipairs(metrics.families) do assert.equal(family.type, typed[family.name]) end
  end)

  it("counts what has run since it began", function()
    assert.is_nil(scrape()["sluice_runs_started_total"])
    local run = site:start(site.ids[1])
    local values = scrape()
    assert.equal(1, values["sluice_runs_started_total"])
    assert.equal(1, values['sluice_occurrences_open{state="running"}'])
    assert.equal(1, values["sluice_start_lateness_seconds_count"])
    assert.equal(0, values['sluice_start_lateness_seconds_bucket{le="3600"}'])
    assert.equal(1, values['sluice_start_lateness_seconds_bucket{le="+Inf"}'])
    site:finish(site.ids[1], run, "ok", { exit_code = 0, read = 12, sent = 10, rejected = 2, requests = 7, waited = 1.5,
      outcomes = '{"limited":1,"ok":6}' })
    values = scrape()
    assert.same({ 1, 1, 10, 2, 6, 1, 1.5, 1 }, { values['sluice_runs_total{outcome="ok"}'], values['sluice_fates_total{fate="ok",reason=""}'],
      values['sluice_records_total{verdict="sent"}'], values['sluice_records_total{verdict="rejected"}'],
        values['sluice_run_requests_total{outcome="ok"}'], values['sluice_run_requests_total{outcome="limited"}'],
      values["sluice_run_waited_seconds_total"], values["sluice_run_duration_seconds_count"] })
    assert.same(values['sluice_runs_total{outcome="ok"}'], scrape()['sluice_runs_total{outcome="ok"}'])
  end)

  it("counts what the daemon has decided", function()
    site.page.metrics:decided { rows = { { state = "waiting" }, { state = "missed", reason = "catchup", count = 500 } },
      ends = { { state = "coalesced" } } }
    local values = scrape()
    assert.same({ 501, 500, 1 }, { values["sluice_due_total"], values['sluice_fates_total{fate="missed",reason="catchup"}'],
      values['sluice_fates_total{fate="coalesced",reason=""}'] })
  end)

  it("shows schedules and the outbox as they are", function()
    site.store:schedule_pause("delta", { note = "x" })
    local values = scrape()
    assert.is_nil(values['sluice_schedule_paused{schedule="nasty"}'], "what is 0 has no line")
    assert.same({ 1, 2, 1, 0 }, { values['sluice_schedule_paused{schedule="delta"}'],
      values['sluice_schedules{state="enabled"}'], values['sluice_schedules{state="paused"}'], values['sluice_outbox{state="unknown"}'] })
  end)

  it("escapes labels, and refuses names that there are not", function()
    local one = metrics.new(0)
    one:count("sluice_fates_total", { fate = 'a"b\\c\nd' })
    assert.equal(1, one.values.sluice_fates_total['fate="a\\"b\\\\c\\nd"'])
    assert.has_error(function() one:count "sluice_nothing_total" end)
    assert.has_error(function() one:count "sluice_outbox" end)
    assert.has_error(function() one:observe("sluice_due_total", 1) end)
  end)
end)
