-- `sluice state` as a user meets it, on a store that a feed has made; and what `keep:` forgets.
local json = require "sluice.json"
local project = require "support.project"
local state = require "sluice.state"
local time = require "sluice.time"
local tmp = require "support.tmp"

local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773"

describe("sluice state", function()
  local p
  before_each(function() p = project.new { products = 20 } end)
  after_each(function() p:stop() end)

  local function list() return p:run("sluice state list --json").sums end

  it("has nothing to show, and makes nothing, before the first run", function()
    for _, words in ipairs { "list", "get 1", "export x.db", "prune", "set 1 2020-01-01" } do
      local done = p:run("sluice state " .. words)
      assert.equal(1, done.status, words)
      assert.matches("there is no store yet: .*state%.db does not exist\n  hint: the first `sluice run`", done.stderr)
    end
    assert.is_nil(io.open(p.dir .. "/state.db"))
  end)

  it("lists cursors, open batches and runs", function()
    p:run(FEED)
    local store = state.open(p.dir .. "/state.db")
    store:batch_put { api = "productsup_stream", account = "a", resource = "124773", batch = "b-1", records = 7 }
    store:close()
    local all = list()
    assert.equal(p.dir .. "/state.db", all.store)
    local c = all.cursors[1]
    assert.same({ 1, "products", false }, { c.id, c.name, c.locked })
    assert.matches("delta_feed$", c.recipe)
    assert.equal(time.format(time.parse(c.position), "sql"), c.position)
    assert.same({ "b-1", 7 }, { all.batches[1].batch, all.batches[1].records })
    assert.same({ 1, "finished", 0, 20 }, { all.runs[1].id, all.runs[1].state, all.runs[1].exit_code, all.runs[1].sent })
    local text = p:run("sluice state list").stdout
    assert.matches("\ncursors\n  cursor  recipe .*\n  1 +%S*delta_feed  products  sandbox at http", text)
    assert.matches("\nbatches without a verdict\n.*b%-1    productsup_stream  a", text)
    assert.matches("\n  1 +%S*delta_feed +%S+ %S+  finished +0", text)
  end)

  it("gives and sets a position, by number or words", function()
    p:run(FEED)
    local old = list().cursors[1].position
    assert.equal(old .. "\n", p:run("sluice state get 1").stdout)
    assert.equal(old .. "\n", p:run("sluice state get delta_feed products").stdout)
    local done = p:run "sluice state set 1 2001-02-03T04:05:06+01:00"
    assert.equal(0, done.status, done.stderr)
    assert.matches("^cursor 1 %(.*%)\nold  " .. old:gsub("%W", "%%%0") .. "\nnew  2001%-02%-03 03:05:06\n$", done.stdout)
    assert.equal("2001-02-03 03:05:06\n", p:run("sluice state get products").stdout)
    assert.equal(20, p:run(FEED).sums.sent) -- what changed since then goes again
    assert.same({ cursor = 1, old = list().cursors[1].position, new = "2002-01-01 00:00:00", forgotten = 0 },
      p:run("sluice state set products --json 2002-01-01").sums)
  end)

  it("forgets what a cursor remembers when it is set", function()
    local store <close> = state.open(p.dir .. "/state.db")
    local cursor = store:cursor { recipe = "r", name = "c" }
    for i = 1, 3 do cursor:deliver(tostring(i), "2020-01-01 00:00:00", "d") end
    cursor:advance "2020-01-01 00:00:00"
    cursor:commit()
    cursor:close()
    assert.matches("\n3 remembered deliveries are forgotten\n$", p:run("sluice state set 1 2020-01-01").stdout)
    cursor = store:cursor { recipe = "r", name = "c" }
    assert.is_false(cursor:seen("1", "2020-01-01 00:00:00", "d"))
    assert.equal("2020-01-01 00:00:00", cursor:get())
    cursor:close()
  end)

  it("does not set what a run has, what is no position, what is to come", function()
    p:run(FEED)
    local before = list().cursors[1]
    for words, said in pairs {
      ["set 1 yesterday"] = { 2, "'yesterday' is not a position of this cursor: it is a time\n  hint: write it like \"2026" },
      ["set 1 2100-01-01"] = { 2, "2100%-01%-01 is in the future" },
      ["set 1"] = { 2, "a cursor and a position" },
      ["set 9 2020-01-01"] = { 1, "there is no cursor '9'\n  hint: 1 %(" },
      ["get prodcts"] = { 1, "there is no cursor 'prodcts' %(did you mean 'products'%?%)" },
      ["get"] = { 2, "which cursor" },
      ["gte 1"] = { 2, "there is no 'gte' %(did you mean 'get'%?%)" },
      ["list x"] = { 2, "list takes no words, not 'x'" },
      ["prune x"] = { 2, "prune takes no words" },
      ["export"] = { 2, "to which file" },
      ["export --json-lines x"] = { 2, "unknown option '%-%-json%-lines'" },
      ["export a b"] = { 2, "one file, not 'b' as well" },
      [""] = { 2, "what about it" },
    } do
      local done = p:run("sluice state " .. words)
      assert.equal(said[1], done.status, words)
      assert.equal("", done.stdout, words)
      assert.matches(said[2], done.stderr)
    end
    local store = state.open(p.dir .. "/state.db")
    local held = store:cursor { recipe = before.recipe, name = before.name, account = before.account, key = before.key }
    local done = p:run "sluice state set 1 2020-01-01"
    assert.equal(8, done.status)
    assert.matches("is held by process %d+\n  hint: wait until that run has ended", done.stderr)
    assert.is_true(list().cursors[1].locked)
    held:close()
    store:close()
    assert.equal(before.position, list().cursors[1].position)
  end)

  it("asks for more where words are found in several cursors, and leaves other forms of positions alone", function()
    local store = state.open(p.dir .. "/state.db")
    for _, name in ipairs { "orders", "orders_late" } do
      local cursor = store:cursor { recipe = "r", name = name }
      cursor:advance "page 7"
      cursor:commit()
      cursor:close()
    end
    store:close()
    local done = p:run "sluice state get orders"
    assert.equal(2, done.status)
    assert.matches("'orders' is found in 2 cursors; say more, or its number\n  hint: 1 %(r, orders, , %)\n +2 %(r, orders_late", done.stderr)
    assert.equal(0, p:run("sluice state set late page-8").status)
    assert.equal("page-8\n", p:run("sluice state get late").stdout)
  end)

  it("makes a backup while the store is in use, without tokens, that can take its place", function()
    p:run(FEED)
    local store = state.open(p.dir .. "/state.db")
    store:token_put("https://x", "me", "tell-nobody-42", 1)
    local id = store:run_start { recipe = "r", args = { a = 1 } }
    tmp.write(p.dir .. "/backup.db", "an older one")
    local done = p:run "sluice state export backup.db"
    assert.same({ 0, "", "backup.db is written\n" }, { done.status, done.stdout, done.stderr })
    assert.is_nil(tmp.read(p.dir .. "/backup.db"):find("tell-nobody", 1, true))
    assert.equal("rw-------", require("lfs").attributes(p.dir .. "/backup.db", "permissions"))
    local copy = state.open(p.dir .. "/backup.db")
    assert.same({ store:cursors()[1].position, id }, { copy:cursors()[1].position, copy:runs(1)[1].id })
    assert.is_nil(copy:token("https://x", "me"))
    assert.is_true(store:token("https://x", "me", "tell-nobody-42").same)
    copy:close()
    assert.equal("SQLite format 3\0", p:run("sluice state export -").stdout:sub(1, 16))
    tmp.write(p.dir .. "/state.db.export.1.part", "of one that was killed")
    p:run "sluice state export -"
    for name in require("lfs").dir(p.dir) do assert.is_nil(name:find "part$" or name:find "export") end
    for _, path in ipairs { "state.db", "./state.db.lock", "none/x.db", "/dev/null" } do
      done = p:run("sluice state export " .. path)
      assert.is_true(done.status ~= 0, path)
      assert.matches(path:gsub("%W", "%%%0"), done.stderr)
    end
    store:close()
    assert.equal(0, p:run(FEED).sums.sent)
  end)

  it("makes whole backups while a run writes", function()
    local task, ended = require "sluice.task", false
    state.open(p.dir .. "/state.db"):close()
    local feed = task.spawn(function()
      local done = p:run(FEED .. " batch:=1 checkpoint:=1")
      ended = true
      return done
    end)
    local copies, last = 0, 0
    while not ended do
      local store <close> = state.open(p.dir .. "/state.db")
      store:export(p.dir .. "/copy.db")
      assert.is_number(state.look(p.dir .. "/copy.db").schema)
      local copy <close> = state.open(p.dir .. "/copy.db")
      local cursor = copy:cursors()[1]
      copies, last = copies + 1, math.max(last, cursor and cursor.remembered or 0)
      task.sleep(0.005)
    end
    assert.equal(0, feed:wait().status)
    assert.is_true(copies > 3)
  end)

  it("gives readable lines, with secrets masked", function()
    p:run(FEED)
    local store = state.open(p.dir .. "/state.db")
    store:batch_put { api = "x", batch = "b", detail = "sent with sandbox-token" }
    store:token_put("https://x", "me", "tell-nobody-42", 1)
    store:outbox_claim({ host = "h", account = "a", operation = "o", key = "k", body = "{}", digest = "d" }):close()
    local daemon, rows = store:daemon_start(), {}
    for i = 1, 1500 do rows[i] = { due = i * 60, state = "skipped", reason = "paused" } end
    store:schedule_plan(daemon, { { name = "delta", version = 0, spec = "* * * * *", seen = 90000, rows = rows } })
    daemon:close()
    store:close()
    local text, kinds = p:run("sluice state export --ndjson -").stdout, {}
    for line in text:gmatch "[^\n]+" do
      local row = json.decode(line)
      kinds[row.kind] = (kinds[row.kind] or 0) + 1
    end
    assert.same({ cursor = 1, batch = 1, run = 1, write = 1, schedule = 1, occurrence = 1500 }, kinds)
    assert.matches('"made_as":"timed"', text, 1, true)
    assert.matches("sent with ***", text, 1, true)
    assert.not_matches("tell-nobody", text, 1, true)
    assert.equal(0, p:run("sluice state export dump.ndjson --ndjson").status)
    assert.equal(1505, select(2, tmp.read(p.dir .. "/dump.ndjson"):gsub("\n", "")))
  end)

  it("refuses a store that a newer sluice has written", function()
    p:run(FEED)
    local path = p.dir .. "/state.db"
    local bytes = tmp.read(path)
    tmp.write(path, bytes:sub(1, 60) .. "\0\0\0\99" .. bytes:sub(65))
    for _, words in ipairs { "list", "get 1", "set 1 2020-01-01", "export x.db", "prune" } do
      local done = p:run("sluice state " .. words)
      assert.equal(1, done.status, words)
      assert.matches("has schema 99, this sluice knows up to %d+\n  hint: it was written by a newer sluice", done.stderr)
    end
  end)
end)

describe("keep", function()
  local dir, store
  local DAY = 86400
  before_each(function()
    dir = tmp.dir()
    store = state.open(dir .. "/s.db")
  end)
  after_each(function()
    time.shift()
    store:close()
  end)

  local function finished(recipe)
    local id = store:run_start { recipe = recipe }
    store:run_finish(id, { exit_code = 0 })
    return id
  end
  local function letter(id)
    local function config() return { store = dir .. "/s.db" } end
    return require("sluice.deadletters").open { config = config, store = function() end, name = "r", id = id }
  end
  local function cfg(keep) return { keep = { runs = keep, bodies = keep, dead_letters = keep } } end
  local function counts(list)
    local out = {}
    for i, step in ipairs(list) do out[i] = step.count end
    return out
  end
  local function ids()
    local list = {}
    for i, row in ipairs(store:runs()) do list[i] = row.id end
    return list
  end

  it("forgets what is old and has ended, and nothing else", function()
    local prune = require "sluice.prune"
    local cursor = store:cursor { recipe = "r", name = "c" }
    cursor:advance "2001-01-01 00:00:00"
    cursor:commit()
    local old, with_letters, with_batch, going = finished "old", finished "letters", finished "batch", store:run_start { recipe = "going" }
    local out = letter(with_letters)
    out:put("{}", "why")
    out:close()
    local open = store:batch_put { api = "a", batch = "open", run = with_batch }
    store:batch_done(store:batch_put { api = "a", batch = "done" }, "processed")
    assert.same({ 0, 0, 0, 0, 0 }, counts(prune.run(cfg(90 * DAY), store)))
    time.shift(91 * DAY)
    assert.same({ 0, 0, 1, 1, 0 }, counts(prune.run({ keep = { dead_letters = 100 * DAY, runs = 90 * DAY, bodies = 90 * DAY } }, store)))
    assert.same({ going, with_batch, with_letters }, ids())
    assert.is_true(old < with_letters)
    assert.same({ 1, 0, 0, 1, 0 }, counts(prune.run(cfg(90 * DAY), store)))
    assert.same({ going, with_batch }, ids())
    assert.equal("open", store:batches_open()[1].batch)
    store:batch_done(open, "processed")
    time.shift(182 * DAY)
    assert.same({ 0, 0, 1, 1, 0 }, counts(prune.run(cfg(90 * DAY), store)))
    assert.same({ going }, ids())
    assert.equal("2001-01-01 00:00:00", store:cursors()[1].position)
    cursor:close()
  end)

  it("forgets bodies of settled writes, and neither what is not settled nor its run", function()
    local prune = require "sluice.prune"
    local run = finished "orders"
    local function write(key, outcome)
      local intent = store:outbox_claim { host = "h", account = "a", operation = "o", key = key, body = "{}", digest = "d", run = run }
      if outcome then intent:settle(outcome, "an answer") end
      intent:close()
    end
    write("settled", "confirmed")
    write("doubtful", "unknown")
    write "open"
    time.shift(31 * DAY)
    assert.same({ 0, 1, 0, 0, 0 }, counts(prune.run({ keep = { dead_letters = DAY, runs = DAY, bodies = 30 * DAY } }, store)))
    local left = {}
    for _, row in ipairs(store:outbox_rows()) do left[row.key] = row.body or "forgotten" end
    assert.same({ settled = "forgotten", doubtful = "{}", open = "{}" }, left)
    assert.same({ run }, ids())
  end)

  it("leaves a dead-letter file alone that a run or a retry has", function()
    local prune = require "sluice.prune"
    local going, ended = store:run_start { recipe = "going" }, finished "r"
    for _, id in ipairs { going, ended } do
      local out = letter(id)
      out:put("{}", "why")
      out:close()
    end
    time.shift(91 * DAY)
    local lock = assert(store:lock(("%s/dlq/r-%d.ndjson"):format(dir, ended)))
    assert.same({ 0, 0, 0, 0, 0 }, counts(prune.run(cfg(90 * DAY), store)))
    lock:close()
    assert.same({ 1, 0, 0, 1, 0 }, counts(prune.run(cfg(90 * DAY), store)))
    assert.same({ going }, ids())
  end)

  it("is applied by runs, once a day", function()
    local prune = require "sluice.prune"
    finished "r"
    prune.daily(cfg(30 * DAY), store)
    time.shift(31 * DAY)
    prune.daily(cfg(30 * DAY), store)
    assert.same({}, ids())
    local id = finished "r"
    time.shift(31.5 * DAY)
    prune.daily(cfg(0), store)
    assert.same({ id }, ids())
    time.shift(32.1 * DAY)
    prune.daily(cfg(0), store)
    assert.same({}, ids())
    assert.is_true(store:chore_due("other", DAY))
    assert.is_false(store:chore_due("other", DAY))
    time.shift(0) -- a mark of a clock that was ahead
    assert.is_true(store:chore_due("prune", DAY))
  end)

  it("is no failure of the run where it fails", function()
    local log = require "sluice.log"
    log.setup { level = "error" }
    assert.has_no.errors(function() require("sluice.prune").daily({}, store) end)
    log.setup {}
  end)

  it("is read from the config, and used by runs and by `state prune`", function()
    local config = require "sluice.config"
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:s.db\nkeep: { runs: 1h }\n")
    assert.same({ runs = 3600, bodies = 30 * DAY, dead_letters = 90 * DAY }, config.load(dir .. "/sluice.yaml").keep)
    finished "r"
    local command = ("cd '%s' && %s/%s/sluice "):format(dir, io.popen("pwd"):read "l", os.getenv "SLUICE_BUILD" or "build")
    assert.equal("0 dead-letter files older than 90 days forgotten\n" ..
      "0 bodies of settled writes older than 30 days forgotten\n0 batches older than 0.0416667 days forgotten\n" ..
      "0 runs older than 0.0416667 days forgotten\n" ..
      "0 occurrences of schedules older than 0.0416667 days forgotten\n", io.popen(command .. "state prune"):read "a")
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:s.db\nkeep: { runs: 0s }\n")
    tmp.write(dir .. "/r.lua", 'return require("sluice").recipe { about = "t", run = function(_, run) run:store() end }')
    assert.is_true(os.execute(command .. "run r.lua >/dev/null 2>&1"))
    assert.equal(1, #ids()) -- that run itself, which had not ended yet
    finished "r"
    assert.is_true(os.execute(command .. "run r.lua >/dev/null 2>&1"))
    assert.equal(3, #ids())
    local steps = json.decode(io.popen(command .. "state prune --json"):read "a")
    assert.same({ what = "runs", keep = 0, count = 3 }, steps[4])
    assert.same({}, ids())
  end)
end)
