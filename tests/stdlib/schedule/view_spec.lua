-- The read model over a real store: what came to pass, as tables and sentences.
local json = require "sluice.json"
local project = require "support.schedules"
local time = require "sluice.time"
local view = require "sluice.schedule.view"

local CONFIG = [[
  delta: { recipe: r.lua, cron: "TZ=Europe/Berlin\n0 * * * *", about: moves deltas, args: { to: feed }, start_within: 5m }
  nightly: { recipe: /elsewhere/n.lua, cron: "30 2 * * *" }
  off: { recipe: r.lua, every: 15m, enabled: false }]]

local HOUR = 3600
local NOW = time.parse "2026-11-28T11:30:00Z" -- 12:30 in Berlin
local NINE = time.parse "2026-11-28T08:00:00Z" -- 9:00 there

describe("sluice.schedule.view", function()
  local s
  before_each(function()
    time.shift(NOW - time.now(), 0) -- what the store writes is of that hour as well
    s = project.new(CONFIG)
  end)
  after_each(function()
    s:stop()
    time.shift(0, 0)
  end)

  local function seen() return s:seen(NOW) end
  -- How long a run took is the machine's affair.
  local function plain(text) return (text:gsub("ran for [%d.]+ s", "ran for N s")) end
  local function texts(list)
    local said = {}
    for i, one in ipairs(list) do said[i] = plain(one.text) end
    return said
  end

  it("shows no secrets among the arguments of the config", function()
    s:config "  delta: { recipe: r.lua, every: 1h, args: { to: feed, password: hunter2, deep: { api_key: k } } }"
    assert.same({ to = "feed", password = "***", deep = { api_key = "***" } }, view.schedule(seen(), "delta").args)
  end)

  it("shows what the config has where there is no store yet", function()
    local all = view.schedules(seen())
    assert.same({ "delta", "nightly", "off" }, { all[1].name, all[2].name, all[3].name })
    local one = view.schedule(seen(), "delta")
    assert.same({ "moves deltas", "r.lua", "Europe/Berlin", true, true, false, "idle", "skip" },
      { one.about, one.recipe, one.zone, one.enabled, one.configured, one.known, one.state, one.overlap })
    assert.same({ to = "feed" }, one.args)
    assert.same({ "2026-11-28T13:00:00+01:00", NOW + HOUR / 2, 5 }, { one.next[1], one.next_at, #one.next })
    assert.same({ "/elsewhere/n.lua", "30 2 * * *" }, { all[2].recipe, all[2].spec })
    assert.same({ "disabled", "every 15 min", 0 }, { all[3].state, all[3].spec, #all[3].next })
    assert.is_nil(view.schedule(seen(), "delt"))
    assert.same({}, view.occurrences(seen()))
    assert.same({}, view.runs(seen()))
    assert.is_nil(view.run(seen(), 1))
    local sum = view.summary(seen())
    assert.same({ all = 3, enabled = 2, disabled = 1, paused = 0, stalled = 0, failing = 0 }, sum.schedules)
    assert.same({ false, 0, 0 }, { sum.serving, sum.running, sum.waiting })
    assert.same({ "daemon", "no daemon is running, so nothing starts" }, { sum.person[1].kind, sum.person[1].text })
    assert.same({ "delta", "2026-11-28T13:00:00+01:00" }, { sum.next.schedule, sum.next.due })
  end)

  it("has a word and a sentence for each fate", function()
    s:take_up("delta", NINE - HOUR)
    s:ran("delta", NINE)
    s:ran("delta", NINE + HOUR, { outcome = "partial" })
    local how = { outcome = "failed", note = "exit code 5: remote unavailable", exit_code = 5, error = "no route" }
    s:ran("delta", NINE + 2 * HOUR, how, { failures = 1 })
    s:plan("delta", {
      { due = NINE + 3 * HOUR, state = "skipped", reason = "overlap" }, { due = NINE + 4 * HOUR, state = "skipped", reason = "paused" },
      { due = NINE + 5 * HOUR, state = "skipped", reason = "disabled" }, { due = NINE + 6 * HOUR, state = "coalesced", note = "into the one due x" },
      { due = NINE + 7 * HOUR, ["until"] = NINE + 9 * HOUR, count = 3, state = "missed", reason = "catchup" },
      { due = NINE + 10 * HOUR, state = "missed", reason = "start_within" },
    })
    local list = view.occurrences(seen(), { schedule = "delta" })
    assert.same({
      "missed: it could not start within 5 min",
      "missed: 3 times until 18:00, no daemon was running then, and the catch-up rule does not make up for them",
      "coalesced: another one that waited did its work: into the one due x",
      "skipped: the schedule was disabled (`enabled: false`)",
      "skipped: the schedule was paused",
      "skipped: the run of 11:00 was still going",
      "failed: exit code 5: remote unavailable",
      "partial: it ran for N s, and some records were rejected",
      "ok: it ran for N s",
    }, texts(list))
    local missed, failed = list[2], list[7]
    assert.same({ 3, "2026-11-28T16:00:00+01:00", "2026-11-28T18:00:00+01:00", "missed", "warn", "catchup" },
      { missed.count, missed.due, missed.upto, missed.word, missed.tone, missed.reason })
    assert.same({ "failed", "bad", "failed", 1, "timed" }, { failed.word, failed.tone, failed.outcome, failed.attempt, failed.kind })
    assert.same({ "idle", "idle", "warn" }, { list[4].tone, list[5].tone, list[6].tone })
    local one = view.schedule(seen(), "delta")
    assert.same({ "failing", 1, "failed" }, { one.state, one.failures, one.last.word })
    assert.equal("its last run, due 2026-11-28 11:00: failed: exit code 5: remote unavailable", one.needs)
    assert.same({ 9, "ok", "missed" }, { #one.recent, one.recent[1].word, one.recent[9].word })
    local few = seen()
    few.recent = 2
    for _, schedule in ipairs { view.schedule(few, "delta"), view.schedules(few)[1] } do
      assert.same({ "delta", 2, one.recent[8].id, "missed" }, { schedule.name, #schedule.recent, schedule.recent[1].id, schedule.recent[2].word })
      assert.same(one.last, schedule.last) -- older than those
    end
  end)

  it("names the run that was in the way", function()
    s:take_up("delta", NINE - HOUR)
    local id, started = s:start("delta", NOW - 60)
    s:plan("delta", { { due = NOW + 1, state = "skipped", reason = "overlap" } })
    local list = view.occurrences(s:seen(NOW + 2))
    assert.equal("skipped: the run of 12:29 was still going", list[1].text)
    assert.matches("^running: for %d", list[2].text)
    local one = view.schedule(s:seen(NOW + 2), "delta")
    assert.same({ "running", "busy", id, started.run }, { one.state, one.tone, one.running[1].id, one.running[1].run })
    s:finish(id, started, { again = NOW + 600, outcome = "failed" })
    one = view.schedule(s:seen(NOW + 2), "delta")
    assert.same({ "waiting", "waiting: runs again at 12:40" }, { one.state, one.waiting[1].text })
    assert.equal("2026-11-28T12:40:00+01:00", one.waiting[1].not_before)
  end)

  it("finds pages, words and spans", function()
    s:take_up("delta", NINE - HOUR)
    for i = 0, 9 do
      if i % 3 == 0 then s:ran("delta", NINE + i, { outcome = "failed" })
      else s:plan("delta", { { due = NINE + i, state = "skipped", reason = "paused" } }) end
    end
    local function dues(filter)
      local list = {}
      for i, one in ipairs(view.occurrences(seen(), filter)) do list[i] = one.at - NINE end
      return list
    end
    assert.same({ 9, 6, 3, 0 }, dues { words = { "failed" } })
    assert.same({ 9, 6 }, dues { words = { "failed" }, most = 2 })
    assert.same({ 9, 8, 7 }, dues { most = 3 })
    assert.same({ 6, 5, 4 }, dues { most = 3, after = view.occurrences(seen(), { most = 3 })[3].id })
    assert.same({ 4, 3, 2 }, dues { from = NINE + 2, to = NINE + 4 })
    assert.same({}, dues { words = { "lost" } })
    local runs = view.runs(seen(), { schedule = "delta", most = 2 })
    assert.same({ 2, "failed", "delta", 1 }, { #runs, runs[1].word, runs[1].schedule, runs[1].attempt })
    assert.same(2, #view.runs(seen(), { below = runs[2].id, most = 9 }))
    assert.same({}, view.runs(seen(), { schedule = "nightly" }))
  end)

  it("tells of a pause, its end, and one that made itself", function()
    s:take_up("delta", NINE)
    s:take_up("nightly", NINE)
    s.store:schedule_pause("delta", { ["until"] = NOW + 2 * HOUR, note = "the shop is moved" })
    s:plan("nightly", {}, { paused = NOW - 5, paused_by = "failures", failures = 3 })
    local one, other = view.schedule(seen(), "delta"), view.schedule(seen(), "nightly")
    assert.same({ "paused", "person", "the shop is moved", "2026-11-28T14:30:00+01:00" },
      { one.state, one.paused.by, one.paused.note, one.paused.upto })
    assert.is_nil(one.needs)
    assert.same({ "paused", "failures", "bad", "it has paused itself after 3 failures in a row" },
      { other.state, other.paused.by, other.tone, other.needs })
    assert.is_nil(view.schedule(s:seen(NOW + 3 * HOUR), "delta").paused)
    local sum = view.summary(seen())
    assert.same({ 2, true }, { sum.schedules.paused, sum.serving })
    assert.same({ { kind = "schedule", name = "nightly", text = other.needs, cure = "sluice schedule resume nightly" } }, sum.person)
    assert.is_nil(sum.next)
  end)

  it("shows what is stalled, and what the config has no more", function()
    s:take_up("delta", NINE)
    s:take_up("nightly", NINE)
    s:plan("delta", {}, { stalled = "the cursor has not moved for 3 runs", stalled_at = NOW - 60 })
    s:ran("nightly", NINE)
    s:config '  delta: { recipe: r.lua, cron: "0 * * * *" }'
    local all = view.schedules(seen())
    assert.same({ "stalled", "it is stalled: the cursor has not moved for 3 runs" }, { all[1].state, all[1].needs })
    assert.same({ "nightly", "gone", false, true, "ok" }, { all[2].name, all[2].state, all[2].configured, all[2].known, all[2].last.word })
    assert.same({ 1, 1 }, { view.summary(seen()).schedules.all, view.summary(seen()).schedules.stalled })
  end)

  it("counts the fates of a day", function()
    s:take_up("delta", NINE)
    s:ran("delta", NINE)
    s:plan("delta", { { due = NINE + 1, ["until"] = NINE + 50, count = 40, state = "missed", reason = "catchup" },
      { due = NINE - 30 * HOUR, state = "skipped", reason = "paused" } })
    local fates = view.summary(seen()).fates
    assert.same({ 1, 40, 0, 0 }, { fates.ok, fates.missed, fates.skipped, fates.waiting })
  end)

  it("goes into JSON as it is, with lists as lists", function()
    s:take_up("delta", NINE)
    s:ran("delta", NINE)
    local text = json.encode { view.schedules(seen()), view.summary(seen()), view.why(seen(), "delta", NINE), view.runs(seen()),
      view.occurrences(seen()) }
    for _, name in ipairs { "running", "waiting" } do assert.matches('"' .. name .. '":%[%]', text) end
    assert.matches('"person":%[%]', text)
    assert.equal("/elsewhere/n.lua", json.decode(text)[1][2].recipe)
  end)

  describe("why", function()
    local function why(at, now) return view.why(s:seen(now or NOW), "delta", at) end

    it("answers for each due time", function()
      s:take_up("delta", NINE - HOUR)
      s:ran("delta", NINE)
      s:plan("delta", { { due = NINE + HOUR, state = "skipped", reason = "paused", note = "by Ann" },
        { due = NINE + 2 * HOUR, ["until"] = NINE + 3 * HOUR, count = 2, state = "missed", reason = "catchup" } }, { seen = NINE + 3 * HOUR })
      assert.same({ true, "Ok: it ran for N s." }, { why(NINE).due, plain(why(NINE).text) })
      assert.equal("Skipped: the schedule was paused: by Ann.", why(NINE + HOUR).text)
      assert.equal("Missed: 2 times until 12:00, no daemon was running then, and the catch-up rule does not make up for them.",
        why(NINE + 3 * HOUR).text)
      assert.same({ "2026-11-28T08:00:00+01:00", "2026-11-28T10:00:00+01:00" }, { why(NINE).before, why(NINE).after })
    end)

    it("names what did the work of one that was coalesced", function()
      s:take_up("delta", NINE - HOUR)
      s:ran("delta", NINE)
      s:plan("delta", { { due = NINE + HOUR, state = "coalesced", note = "into the one due 2026-11-28T09:00:00+01:00" } })
      assert.matches("What did its work, due 09:00: ok: it ran for N s%.", plain(why(NINE + HOUR).text))
      assert.equal("ok", why(NINE + HOUR).into.word)
    end)

    it("says that a time is none, with the nearest ones, inside of a span as well", function()
      s:take_up("delta", NINE - HOUR)
      s:plan("delta", { { due = NINE, ["until"] = NINE + 3 * HOUR, count = 4, state = "missed", reason = "catchup" } })
      local one = why(NINE + 1800)
      assert.same({ false, 0 }, { one.due, #one.fates })
      assert.equal("2026-11-28 09:30 is no due time of delta; the nearest are 2026-11-28 09:00 before and 2026-11-28 10:00 after it.", one.text)
    end)

    it("says what was before the store knew it, and what is to come", function()
      assert.equal("delta is due then, but nothing is recorded: no daemon has taken the schedule up yet (sluice serve).", why(NINE).text)
      s:take_up("delta", NINE - HOUR)
      assert.equal("Nothing is recorded for it: the store knows the schedule since 2026-11-28 08:00 only, or forgot what was before (`keep:`).",
        why(NINE - 5 * HOUR).text)
      assert.equal("It is to come.", why(NINE + 4 * HOUR).text)
      assert.equal("It is due, and no daemon has looked at it yet.", why(NINE + HOUR).text)
      s.store:schedule_pause "delta"
      assert.equal("It is to come, and will be skipped: the schedule is paused.", why(NINE + 4 * HOUR).text)
      s:leave()
      assert.equal("It is due, and no daemon has looked at it yet. No daemon is running (sluice serve).", why(NINE + HOUR).text)
      s:serve()
      s:plan("delta", { { due = NINE, state = "skipped", reason = "paused" } }, { seen = NINE + 3 * HOUR })
      assert.equal("Nothing is recorded for it: the schedule had other times then.", why(NINE + HOUR).text)
    end)
  end)
end)
