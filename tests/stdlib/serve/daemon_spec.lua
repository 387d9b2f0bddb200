-- The daemon's rounds over a real store, with a given clock and played processes (support/pretend.lua): what starts, what
-- follows from an end, who looks after whom. Real processes: serve_spec.lua.
local json = require "sluice.json"
local lfs = require "lfs"
local pretend = require "support.pretend"
local task = require "sluice.task"

local world
local function new(schedules, more)
  world = pretend.world(schedules, more)
  return world
end
after_each(function()
  if world then world:close() end
  world = nil
end)

describe("a daemon", function()
  it("starts what is due with what the run has to know, and notes its end", function()
    local w = new { delta = { every = 60, args = { stream = "-", n = 5 } } }
    w:daemon()
    assert.same({}, w:fates "delta")
    w:pass(20) -- 1000000020 is a multiple of 60
    local child = w:running()[1]
    assert.same({ "run", "/nowhere/r.lua", "-c", w.loaded.path }, table.move(child.argv, 2, 99, 1, {}))
    assert.same({ stream = "-", n = 5 }, json.decode(child.env.SLUICE_ARGS))
    assert.same({ "delta", "t1000000020", "1" }, { child.env.SLUICE_SCHEDULE, child.env.SLUICE_DUE, child.env.SLUICE_ATTEMPT })
    assert.is_false(child.env.NOTIFY_SOCKET)
    assert.same({ "running" }, w:fates "delta")
    child:exit(0)
    w:settle()
    assert.same({ "ran ok" }, w:fates "delta")
    local run = w.store:runs({ schedule = "delta" })[1]
    assert.same({ "/nowhere/r", "ok", 1, 0 }, { run.recipe, run.outcome, run.attempt, run.exit_code })
  end)

  it("keeps secrets among the arguments out of the words of the process and of the ledger", function()
    local w = new { delta = { every = 60, args = { api_token = "tok-12345", deep = { password = "sesame-4711" }, n = 5 } } }
    w:daemon()
    w.store:schedule_trigger("delta", { args = '{"secret":"geheim99"}' })
    w:settle()
    w:running()[1]:exit(0)
    w:pass(20)
    for _, child in ipairs(w.children) do
      local words = table.concat(child.argv, " ")
      for _, secret in ipairs { "tok-12345", "sesame-4711", "geheim99" } do assert.is_nil(words:find(secret, 1, true)) end
    end
    local runs = w.store:runs { schedule = "delta" }
    assert.same({ api_token = "***", deep = { password = "***" }, n = 5 }, json.decode(runs[1].args))
    assert.same({ api_token = "***", deep = { password = "***" }, n = 5, secret = "***" }, json.decode(runs[2].args))
  end)

  it("runs each due time once, for a day", function()
    local w = new { delta = { every = 3600 } }
    w:daemon()
    for _ = 1, 24 do
      w:pass(3600, 600)
      for _, child in ipairs(w:running()) do child:exit(0) end
      w:settle()
    end
    local fates = w:fates "delta"
    assert.equal(24, #fates)
    for _, fate in ipairs(fates) do assert.equal("ran ok", fate) end
  end)

  it("keeps a failure of a process that can't be started to that run", function()
    local w = new { delta = { every = 60, retry = { attempts = 3, backoff = 1 } }, other = { every = 3600 } }
    w:daemon()
    w.no_spawn = "there is no memory"
    w:pass(20)
    assert.same({ "ran failed" }, w:fates "delta")
    assert.matches("there is no memory", w.store:occurrences({ schedule = "delta" })[1].note)
  end)
end)

describe("many that are due at one time", function()
  local plan = require "sluice.schedule.plan"

  local function many(count)
    local schedules = {}
    for i = 1, count do schedules["s" .. i] = { every = 60 } end
    return new(schedules)
  end

  it("are decided ahead, and again where something has changed since", function()
    local w, asked = many(120), spy.on(plan, "decide")
    w:daemon()
    w:pass(19, 1) -- 1000000020 is a multiple of 60
    asked:clear()
    w.store:schedule_pause("s7", { note = "holidays" })
    w.store:schedule_trigger "s8"
    w:pass(1, 1)
    for _, call in ipairs(asked.calls) do
      local name = call.vals[1].row.name
      assert.is_true(name == "s7" or name == "s8" or #call.vals[1].open > 0, name)
    end
    plan.decide:revert()
    assert.same({ "skipped paused" }, w:fates "s7")
    for i = 1, 120 do
      local due = w.store:occurrences { schedule = "s" .. i, kind = "timed" }
      assert.same({ 1, 1000000020 }, { #due, due[1].due })
    end
  end)

  it("are decided when they are seen, where that is later than the second in which they were due", function()
    local w = many(120)
    w:daemon()
    w:pass(19, 1)
    w:pass(200, 200)
    for i = 1, 120 do
      assert.equal(1000000200, w.store:schedule("s" .. i).seen)
      assert.equal("missed", w.store:occurrences({ schedule = "s" .. i })[1].state)
    end
  end)
end)

describe("overlap in a daemon", function()
  local function two_dues(overlap)
    local w = new { delta = { every = 60, overlap = overlap } }
    w:daemon()
    w:pass(80)
    return w
  end

  it("skip", function()
    assert.same({ "running", "skipped overlap" }, two_dues("skip"):fates "delta")
    world:pass(60)
    assert.same({ "running", "skipped overlap x2" }, world:fates "delta")
  end)

  it("queue: one waits, further ones are coalesced, and it starts at the end of the first", function()
    local w = two_dues "queue"
    w:pass(60)
    assert.same({ "running", "waiting", "coalesced" }, w:fates "delta")
    w:running()[1]:exit(0)
    w:settle()
    assert.same({ "ran ok", "running", "coalesced" }, w:fates "delta")
  end)

  it("cancel_running: the first is asked to stop, then killed, and the second starts", function()
    local w = new { delta = { every = 60, overlap = "cancel_running", grace = 5 } }
    w.stubborn = true
    w:daemon()
    w:pass(80)
    assert.same({ "running", "waiting" }, w:fates "delta")
    assert.same({ 15 }, w.children[1].signals)
    w:pass(5)
    assert.same({ 15, 9 }, w.children[1].signals)
    assert.same({ "ran cancelled", "running" }, w:fates "delta")
  end)

  it("allow", function()
    assert.same({ "running", "running" }, two_dues("allow"):fates "delta")
  end)
end)

describe("limits", function()
  it("over all schedules: the others wait in the order of their due times", function()
    local w = new({ a = { every = 10 }, b = { every = 10 }, c = { every = 1000 } }, { with = { concurrency = 2 } })
    w:daemon()
    w.store:schedule_trigger("c")
    w:pass(10)
    assert.equal(2, #w:running())
    assert.same({ "running" }, w:fates "c")
    for _, child in ipairs(w:running()) do child:exit(0) end
    w:settle()
    local both = { w:fates("a")[1], w:fates("b")[1] }
    table.sort(both)
    assert.same({ "ran ok", "running" }, both)
  end)

  it("by connection", function()
    local w = new({ a = { every = 10, uses = { "shop" } }, b = { every = 10, uses = { "shop", "feed" } }, c = { every = 10, uses = { "feed" } } },
      { runs = { shop = 1 } })
    w:daemon()
    w:pass(10)
    local running = {}
    for _, child in ipairs(w:running()) do running[#running + 1] = child.env.SLUICE_SCHEDULE end
    table.sort(running)
    assert.equal(2, #running)
    assert.equal("c", running[2])
    w:running()[1]:exit(0)
    w:running()[1]:exit(0)
    w:settle()
    assert.equal(1, #w:running())
  end)
end)

describe("a run that fails", function()
  it("is repeated after its backoff, and the last failure counts", function()
    local w = new { delta = { every = 3600, retry = { attempts = 3, backoff = 10 }, pause_on_failure = 1 } }
    w:daemon()
    w:pass(2000 + 800, 100) -- 1000002000 is no due time; 1000000800 is
    assert.equal(1, #w:running())
    w:running()[1]:exit(5)
    w:settle()
    assert.same({ "waiting failed" }, { (w:fates("delta")[1] == "waiting" and "waiting failed") })
    w:pass(9)
    assert.equal(0, #w:running())
    w:pass(1)
    assert.equal("2", w:running()[1].env.SLUICE_ATTEMPT)
    w:running()[1]:exit(5)
    w:settle()
    w:pass(20)
    assert.equal("3", w:running()[1].env.SLUICE_ATTEMPT)
    w:running()[1]:exit(5)
    w:settle()
    assert.same({ "ran failed" }, w:fates "delta")
    local row = w.store:schedule "delta"
    assert.same({ 1, "failures", "1 failures in a row" }, { row.failures, row.paused_by, row.pause_note })
    w:pass(3600, 100)
    assert.same({ "ran failed", "skipped paused" }, w:fates "delta")
    w.store:schedule_resume "delta"
    w:pass(3600, 100)
    assert.same({ "ran failed", "skipped paused", "running" }, w:fates "delta")
  end)

  it("is ended at its timeout, and killed after its grace", function()
    local w = new { delta = { every = 3600, timeout = 30, grace = 5 } }
    w.stubborn = true
    w:daemon()
    w.store:schedule_trigger("delta")
    w:settle()
    w:pass(29)
    assert.same({}, w.children[1].signals)
    w:pass(1)
    assert.same({ 15 }, w.children[1].signals)
    w:pass(5)
    assert.same({ 15, 9 }, w.children[1].signals)
    assert.same({ "ran timed_out" }, w:fates "delta")
  end)
end)

describe("a person", function()
  it("triggers, and the manual run makes the next timed one wait", function()
    local w = new { delta = { every = 60, args = { n = 1 } } }
    w:daemon()
    w.store:schedule_trigger("delta", { args = '{"n":2}' })
    w:pass(1)
    assert.equal(2, json.decode(w:running()[1].env.SLUICE_ARGS).n)
    w:pass(20)
    assert.same({ "running", "waiting" }, w:fates "delta")
    w:running()[1]:exit(0)
    w:settle()
    assert.same({ "ran ok", "running" }, w:fates "delta")
  end)

  it("cancels a run, and one that waits", function()
    local w = new { delta = { every = 60, overlap = "queue" } }
    w:daemon()
    w:pass(80)
    local rows = w.store:occurrences { schedule = "delta" }
    w.store:occurrence_cancel(rows[2].id)
    w:pass(1)
    assert.same({ "running", "ran cancelled" }, w:fates "delta")
    w.store:occurrence_cancel(rows[1].id)
    w:pass(1)
    assert.same({ "ran cancelled", "ran cancelled" }, w:fates "delta")
  end)

  it("pauses, and one that waits goes", function()
    local w = new { delta = { every = 60, overlap = "queue" } }
    w:daemon()
    w:pass(80)
    w.store:schedule_pause("delta", { note = "holidays" })
    w:pass(65)
    assert.same({ "running", "skipped paused x2" }, w:fates "delta")
  end)

  it("backfills, as wide as it was asked for, and a timed one goes first", function()
    local w = new { delta = { every = 3600 } }
    w:daemon()
    w.store:schedule_backfill("delta", { 999990000, 999993600, 999997200 }, { parallel = 2 })
    w:pass(1)
    assert.equal(2, #w:running())
    w:running()[1]:exit(0)
    w:settle()
    assert.equal(2, #w:running())
    for _ = 1, 2 do w:running()[1]:exit(0) end
    w:settle()
    assert.same({ "ran ok", "ran ok", "ran ok" }, w:fates "delta")
  end)
end)

describe("two daemons", function()
  -- What the second one decides between the first one's look at the store and what it writes then.
  local function beside(first, second)
    local sync = first.book.sync
    first.book.sync = function(...)
      local touched = sync(...)
      second.looked = nil
      second:tick()
      return touched
    end
  end

  local function count_of(w)
    local count = 0
    for _, row in ipairs(w.store:occurrences { schedule = "delta", kind = "timed" }) do count = count + row.count end
    return count
  end

  it("an end that one writes does not make it believe that it knows what the other has decided meanwhile", function()
    local w = new { delta = { every = 10 } }
    local first = w:daemon()
    w:pass(10)
    w:pass(10)
    assert.same({ "running", "skipped overlap" }, w:fates "delta")
    w:daemon()
    local second = w.daemons[2]
    w.children[1]:exit(0)
    w.daemons = {}
    w:pass(30) -- nobody looks, and three are due
    beside(first, second)
    first:tick()
    first:tick()
    w.daemons = { first, second }
    w:settle()
    assert.equal(5, count_of(w))
  end)

  it("share the work, and nothing is done twice", function()
    local schedules = {}
    for i = 1, 20 do schedules["s" .. i] = { every = 10 } end
    local w = new(schedules, { with = { concurrency = 20 } })
    w:daemon()
    w:daemon()
    for _ = 1, 12 do
      w:pass(10)
      for _, child in ipairs(w:running()) do child:exit(0) end
      w:settle()
    end
    local starts = {}
    for _, child in ipairs(w.children) do
      local key = child.env.SLUICE_SCHEDULE .. " " .. child.env.SLUICE_DUE
      assert.is_nil(starts[key], key)
      starts[key] = true
    end
    assert.equal(20 * 12, #w.children)
  end)

  it("take over what a dead one has claimed, and what it ran is marked", function()
    local w = new { delta = { every = 60, overlap = "queue", retry = { attempts = 2, backoff = 5 } }, other = { every = 1000 } }
    local first = w:daemon()
    w:pass(80)
    assert.same({ "running", "waiting" }, w:fates "delta")
    w:daemon()
    w:kill(first)
    w:pass(1)
    assert.same({ "ran lost", "running" }, w:fates "delta")
    assert.equal(2, #w.children)
  end)

  it("a run that was stopped in good order with its daemon goes back to wait", function()
    local w = new { delta = { every = 3600 } }
    local first = w:daemon()
    w.store:schedule_trigger("delta")
    w:settle()
    first:stop()
    w:settle()
    assert.is_true(first:is_done())
    assert.same({ "waiting" }, w:fates "delta")
    local row = w.store:occurrences({ schedule = "delta" })[1]
    assert.same({ 0, "stopped by a restart" }, { row.attempt, row.note })
    w:daemon()
    w:pass(1)
    assert.equal(0, #w:running()) -- the first one is still there, and it is that one's
    table.remove(w.daemons, 1)
    first:close()
    first.store:close()
    w:pass(2)
    assert.equal("1", w:running()[1].env.SLUICE_ATTEMPT)
  end)
end)

describe("stopping", function()
  it("kills what did not end within drain", function()
    local w = new({ delta = { every = 3600, grace = 300 } }, { with = { drain = 10 } })
    w.stubborn = true
    local daemon = w:daemon()
    w.store:schedule_trigger("delta")
    w:settle()
    daemon:stop()
    w:pass(9)
    assert.same({ 15 }, w.children[1].signals)
    w:pass(1)
    assert.same({ 15, 9 }, { w.children[1].signals[1], w.children[1].signals[2] })
    w:settle()
    assert.is_true(daemon:is_done())
    assert.same({ "waiting" }, w:fates "delta")
  end)

  it("does not wait for ever for a store that can't be written: the next daemon finds the end", function()
    local w = new({ delta = { every = 3600 } }, { with = { drain = 10 } })
    local daemon = w:daemon()
    w.store:schedule_trigger("delta")
    w:settle()
    local real = daemon.store
    local full = { occurrence_end = function() error(require("sluice.err").new { code = "state", message = "the disk is full" }, 0) end }
    daemon.store = setmetatable(full, { __index = function(_, key) return function(_, ...) return real[key](real, ...) end end })
    daemon:stop()
    w:pass(9)
    assert.is_false(daemon:is_done())
    w:pass(2)
    assert.is_true(daemon:is_done())
    daemon.store = real
    w:kill(daemon)
    w:daemon()
    w:pass(2)
    assert.same({ "ran lost" }, w:fates "delta")
  end)

  it("claims nothing more", function()
    local w = new { delta = { every = 60 } }
    local daemon = w:daemon()
    daemon:stop()
    w:pass(120)
    assert.same({}, w:fates "delta")
  end)
end)

describe("a store that is taken away", function()
  it("is said, and nothing is started any more", function()
    local w = new { delta = { every = 60 } }
    local daemon = w:daemon()
    assert(os.rename(w.loaded.store, w.loaded.store .. ".old"))
    w:pass(20)
    assert.same({}, w:running())
    assert.matches("state.db was removed while it was in use", daemon:describe())
    io.open(w.loaded.store, "w"):close()
    w:pass(1)
    assert.matches("state.db is another file now while it was in use", daemon:describe())
    assert.equal(0, lfs.attributes(w.loaded.store, "size"))
  end)
end)

describe("another config", function()
  local function reload(w, schedules)
    for _, daemon in ipairs(w.daemons) do daemon:load(pretend.loaded(w.folder, schedules)) end
    w:settle()
  end

  it("that has a schedule no more ends what waits of it, also where no daemon ran meanwhile; comes it back, it begins anew", function()
    local w = new { delta = { every = 60 }, other = { every = 3600 } }
    w:kill(w:daemon())
    w.store:schedule_trigger("delta")
    local without = pretend.loaded(w.folder, { other = { every = 3600 } })
    local second = w:daemon(without)
    w:settle()
    assert.same({ "skipped disabled" }, w:fates "delta")
    w:pass(600, 60)
    w:kill(second)
    w:daemon()
    w:settle()
    assert.same({ "skipped disabled" }, w:fates "delta")
    w:pass(60)
    assert.same({ "skipped disabled", "running" }, w:fates "delta")
  end)

  it("without a schedule, read twice, does not take it from a daemon that has read a later one", function()
    local w = new { delta = { every = 60 }, other = { every = 3600 } }
    local first = w:daemon()
    for _ = 1, 2 do
      first:load(pretend.loaded(w.folder, { other = { every = 3600 } }))
      w:settle()
    end
    assert.equal("", w.store:schedule("delta").spec)
    w:daemon()
    w:pass(60)
    assert.equal("every 60", w.store:schedule("delta").spec)
    assert.same({ "running" }, w:fates "delta")
  end)

  it("loses no due time of the old one", function()
    local w = new { delta = { cron = "* * * * *" } }
    w:daemon()
    w.wall, w.mono = w.wall + 25, w.mono + 25 -- it was due five seconds ago, and nobody has looked
    reload(w, { delta = { every = 3600 } })
    assert.same({ "running" }, w:fates "delta")
    assert.equal(1000000020, w.store:occurrences({ schedule = "delta" })[1].due)
    assert.equal("every 3600", w.store:schedule("delta").spec)
  end)

  it("without a schedule ends what waits of it, lets go on what runs, and takes it up again from then on", function()
    local w = new { delta = { every = 60, overlap = "queue" } }
    w:daemon()
    w:pass(80)
    reload(w, {})
    assert.same({ "running", "skipped disabled" }, w:fates "delta")
    w:running()[1]:exit(0)
    w:settle()
    assert.same({ "ran ok", "skipped disabled" }, w:fates "delta")
    w:pass(600, 60)
    reload(w, { delta = { every = 60 } })
    w:pass(60, 10)
    assert.same({ "ran ok", "skipped disabled", "running" }, w:fates "delta")
  end)

  it("of another daemon, read later, is the one that holds", function()
    local w = new { delta = { every = 60 } }
    w:daemon()
    w:daemon(pretend.loaded(w.folder, { delta = { every = 100 } }))
    w:pass(120)
    assert.equal("every 100", w.store:schedule("delta").spec)
    for _, row in ipairs(w.store:occurrences { schedule = "delta" }) do assert.equal(0, row.due % 100) end
  end)
end)

describe("the clock", function()
  it("set forward: times were missed, the newest is made up for", function()
    local w = new { delta = { every = 60 } }
    w:daemon()
    w.wall = w.wall + 6000
    w:pass(1)
    assert.same({ "missed catchup x99", "running" }, w:fates "delta")
  end)

  it("set back: nothing runs twice", function()
    local w = new { delta = { every = 60 } }
    w:daemon()
    w:pass(30)
    w:running()[1]:exit(0)
    w:settle()
    w.wall = w.wall - 3600
    w:pass(3500, 10)
    assert.same({ "ran ok" }, w:fates "delta")
    w:pass(160, 10)
    assert.equal("running", w:fates("delta")[2])
    assert.equal(1000000080, w.store:occurrences({ schedule = "delta" })[2].due)
  end)
end)

describe("a store that can't be written", function()
  it("is tried again, and no due time and no end is lost or doubled", function()
    local w = new { delta = { every = 60, overlap = "queue" } }
    local daemon = w:daemon()
    w:pass(30)
    local real, err = daemon.store, require "sluice.err"
    local broken = setmetatable({}, { __index = function(_, name)
      return function() err.raise { code = "state", message = name .. ": the disk is full" } end
    end })
    daemon.store, daemon.book.store = broken, broken
    w:running()[1]:exit(0)
    w:pass(90)
    assert.same({ "running" }, w:fates "delta")
    assert.matches("the disk is full", daemon:describe())
    daemon.store, daemon.book.store = real, real
    w:pass(2)
    assert.same({ "ran ok", "running" }, { w:fates("delta")[1], w:fates("delta")[#w:fates "delta"] })
    local count = 0
    for _, row in ipairs(w.store:occurrences { schedule = "delta" }) do count = count + row.count end
    assert.equal(2, count) -- :20, :80
    assert.equal(2, #w.children)
  end)
end)

describe("who is told", function()
  local notify = require "sluice.serve.notify"
  local send, notices
  before_each(function()
    send, notices = notify.send, {}
    notify.send = function(_, notice) -- luacheck: ignore
      notices[#notices + 1] = notice.was .. " > " .. notice.state
      return not world.deaf, "nobody listens"
    end
  end)
  after_each(function() notify.send = send end) -- luacheck: ignore

  local function ending_with(w, ...)
    for _, status in ipairs { ... } do
      w:pass(60, 20)
      w:running()[1]:exit(status)
      w:settle()
      task.yield()
    end
  end

  it("is told of each change once, whatever restarts", function()
    local w = new({ delta = { every = 60, pause_on_failure = 3 } }, { notify = { command = { "x" } } })
    local first = w:daemon()
    ending_with(w, 1, 1, 0, 0, 1)
    assert.same({ "ok > failing", "failing > ok", "ok > failing" }, notices)
    w:kill(first)
    w:daemon()
    ending_with(w, 1, 1)
    assert.same({ "ok > failing", "failing > ok", "ok > failing", "failing > paused" }, notices)
  end)

  it("is told before a daemon ends; where that takes longer than drain, by the next one", function()
    local w = new({ delta = { every = 60 } }, { notify = { command = { "x" } }, with = { drain = 10 } })
    local daemon, told = w:daemon(), notify.send
    notify.send = function(...) -- luacheck: ignore
      repeat task.yield() until w.heard
      return told(...)
    end
    ending_with(w, 1)
    daemon:stop()
    w:pass(5)
    assert.is_false(daemon:is_done())
    w:pass(6)
    assert.is_true(daemon:is_done())
    daemon:close()
    assert.equal("ok", w.store:schedule("delta").told)
    w.heard = true
    task.yield()
    notices = {}
    table.remove(w.daemons, 1).store:close()
    w:daemon()
    w:settle()
    assert.same({ "ok > failing" }, notices)
    assert.equal("failing", w.store:schedule("delta").told)
  end)

  it("is told again where somebody else has changed the schedule while it could not be told", function()
    local w = new({ delta = { every = 60 } }, { notify = { command = { "x" } } })
    w:daemon()
    notify.send = function() -- luacheck: ignore
      w.store:schedule_pause("delta", {})
      return nil, "nobody listens"
    end
    ending_with(w, 1)
    assert.equal("ok", w.store:schedule("delta").told)
  end)

  it("is told again later where it did not work", function()
    local w = new({ delta = { every = 60 } }, { notify = { command = { "x" } } })
    w:daemon()
    w.deaf = true
    ending_with(w, 1)
    assert.same({ "ok > failing" }, notices)
    w.deaf = false
    w:pass(50)
    assert.equal(1, #notices)
    w:pass(15)
    assert.same({ "ok > failing", "ok > failing" }, notices)
    w:pass(120)
    assert.equal(2, #notices)
  end)
end)
