-- Whose turn it is among the occurrences of a schedule.
local turns = require "sluice.schedule.turns"

local function rows(list)
  for i, row in ipairs(list) do
    row.id, row.due, row.kind, row.attempt = row.id or i, row.due or i, row.kind or "timed", row.attempt or 0
  end
  return list
end

local function ids(list)
  local out = {}
  for i, row in ipairs(list) do out[i] = row.id end
  return out
end

local function ready(overlap, list, now)
  local a, b = turns.of({ overlap = overlap }, rows(list), now or 1000)
  return ids(a), ids(b)
end

describe("whose turn it is", function()
  it("one at a time: timed ones by their due times, then manual ones as they came, then backfills", function()
    local list = { { state = "waiting", kind = "backfill" }, { state = "waiting", kind = "manual", due = 9 },
      { state = "waiting", kind = "manual", due = 1 },
      { state = "waiting", due = 8 }, { state = "waiting", due = 7 } }
    assert.same({ 5 }, (ready("skip", list)))
    table.remove(list) table.remove(list)
    assert.same({ 2 }, (ready("skip", list)))
  end)

  it("nothing starts beside a run of whatever kind", function()
    for _, kind in ipairs { "timed", "manual", "backfill" } do
      assert.same({}, (ready("queue", { { state = "running", kind = kind }, { state = "waiting" }, { state = "waiting", kind = "manual" } })), kind)
    end
  end)

  it("allow: all of them", function()
    assert.same({ 2, 3 }, (ready("allow", { { state = "running" }, { state = "waiting" }, { state = "waiting", kind = "manual" } })))
  end)

  it("not before the start that jitter or a repetition gives, which keeps nobody else waiting", function()
    assert.same({}, (ready("skip", { { state = "waiting", start = 1000.5 } })))
    assert.same({ 2 }, (ready("skip", { { state = "waiting", start = 1001 }, { state = "waiting", kind = "manual" } })))
  end)

  it("a manual one does not wait for its due time, whatever the clock says", function()
    assert.same({ 1 }, (ready("skip", { { state = "waiting", kind = "manual", due = 2000 } })))
  end)

  it("a backfill is as wide as it was asked for, and stands back behind a timed one", function()
    local function fill(state) return { state = state, kind = "backfill", batch = 4, parallel = 2 } end
    assert.same({ 2 }, (ready("skip", { fill "running", fill "waiting", fill "waiting" })))
    assert.same({ 1, 2 }, (ready("skip", { fill "waiting", fill "waiting", fill "waiting" })))
    assert.same({}, (ready("skip", { fill "running", fill "waiting", { state = "waiting" } })))
    assert.same({}, (ready("skip", { { state = "running", kind = "backfill", batch = 3, parallel = 2 }, fill "waiting" })))
  end)

  it("cancel_running: the timed run that is going is to be cancelled, once, and no manual one", function()
    local list = { { state = "running", due = 1 }, { state = "waiting", due = 5 } }
    local a, b = ready("cancel_running", list)
    assert.same({ {}, { 1 } }, { a, b })
    list[1].cancel = true
    assert.same({}, select(2, ready("cancel_running", list)))
    assert.same({}, select(2, ready("cancel_running", { { state = "running", kind = "manual" }, { state = "waiting" } })))
    assert.same({}, select(2, ready("queue", { { state = "running" }, { state = "waiting" } })))
  end)
end)
