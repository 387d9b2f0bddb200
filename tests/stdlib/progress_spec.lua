local json = require "sluice.json"
local process = require "sluice.process"
local progress = require "sluice.progress"
local text = require "sluice.text"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

-- A connection that may send twice a second, and has: { requests, seconds waited }.
local function connection(requests, waited)
  return {
    name = "feed", options = { limits = { api = "2/s" } },
    definition = { classes = { api = { rate = "100/s" }, other = { rate = { "1/s", "30/min" } } } },
    used = { api = { requests = requests, waited = waited } },
  }
end

describe("a transfer", function()
  local run = { sums = { read = 12500, sent = 10000 } }

  it("is known by how far it is, its rate, what is left, its share and its waits since it began", function()
    local client = connection(5, 1.5)
    local state = { what = "upload", client = client, done = 0, total = 25000 }
    local transfer = progress.begin(state, 100)
    state.done, client.used.api = 5000, { requests = 5 + 16, waited = 4 }
    local view = progress.view(run, transfer, 110)
    assert.same({ "upload", "feed", 5000, 25000, 500, 2.5, 40 },
      { view.what, view.connection, view.done, view.total, view.rate, view.waited, view.left })
    assert.equal(16 / 21, view.share) -- 2/s for ten seconds and one at once
    assert.equal("[#####...................] upload feed 5,000 20 % of 25,000  500/s  40 s left  76 % of its rate  waited 2.5 s", progress.line(view))
    assert.equal("upload feed 5,000 20 % of 25,000  500/s  40 s left  76 % of its rate  waited 2.5 s", progress.line(view, 100))
  end)

  it("has the share of the class that has used most of its own, and never more than all", function()
    local client = connection(0, 0)
    local transfer = progress.begin({ client = client }, 0)
    assert.is_nil(progress.view(run, transfer, 10).share)
    client.used = { api = { requests = 2, waited = 0 }, other = { requests = 3, waited = 0 } }
    assert.equal(3 / 6, progress.view(run, transfer, 10).share) -- 30 in a minute are 5 in ten seconds, and one at once
    client.used.other.requests = 900
    assert.equal(1, progress.view(run, transfer, 10).share)
  end)

  it("does without connection, total and time, and goes past the total", function()
    local function line(state, seconds) return progress.line(progress.view(run, progress.begin(state, 0), seconds)) end
    assert.equal("records 12,500  0/s  sent 10,000", line({}, 0))
    assert.matches("^%[" .. ("#"):rep(24) .. "%] records 120 100 %% of 100  120/s  sent 10,000$", line({ done = 120, total = 100 }, 1))
    assert.matches("records 0", line({ done = 0, total = 0 }, 0.5))
  end)

  it("is an event with what is known of it", function()
    local view = { what = "upload", connection = "feed", done = 10, total = 30, rate = 3.3333, share = 0.12345, waited = 1.00049, left = 6.06 }
    local said = { event = "progress", what = "upload", connection = "feed", done = 10, total = 30, rate = 3.3, share = 0.123,
      waited = 1.0, left = 6.1 }
    assert.same(said, json.decode(progress.event(view)))
    assert.equal('{"done":1,"ended":true,"event":"progress","rate":0.0,"waited":0.0,"what":"x"}\n',
      progress.event({ what = "x", done = 1, rate = 0, waited = 0 }, true))
  end)
end)

describe("the lines of several transfers", function()
  it("fit the terminal in width, whole characters, and in number", function()
    assert.equal("abc\nÄÖÜ", progress.block({ "abcdef", "ÄÖÜß" }, 4, 24))
    assert.equal("a\nb\nc", progress.block({ "a", "b", "c" }, 80, 4))
    assert.equal("a\nand 3 more", progress.block({ "a", "b", "c", "d" }, 80, 3))
    assert.equal("and 2 more", progress.block({ "a", "b" }, 80, 1))
    assert.equal("", progress.block({}, 80, 24))
  end)
end)

local RECIPE = [[
  local task = require "sluice.task"
  return require("sluice").recipe { about = "t", run = function(_, run)
    local one = { what = "things", total = 7 }
    for i = 1, 5 do
      run:count("read") run:skip "seen"
      run:progress(one)
      run:progress { what = "others", done = i, ended = i == 4 }
      require("sluice.log").warn("t", "line %d", i)
      task.sleep(0.3)
    end
  end }]]

describe("progress", function()
  local script
  setup(function() script = tmp.write(tmp.dir() .. "/r.lua", RECIPE) end)

  it("is on a terminal alone, below the log lines, redrawn in place, and gone at the end", function()
    local shown = io.popen(("script -qec 'stty cols 80 rows 10; %s run %s' /dev/null 2>&1"):format(sluice, script)):read "a"
    if shown:find "failed to create pseudo%-terminal" then return pending "this machine has no pseudo-terminals" end
    assert.matches("%] things 3 42 %% of 7[^\r\n]*\r\nothers 2  ", shown) -- what comes within a tenth of a second waits for the next time
    assert.matches("\27%[A\r\27%[J[^\r\n]*warn  t: line 3\r\n%[#+%.+%] things", shown)      -- two lines are taken away and come back
    assert.matches("\r\27%[K[^\r\n]*warn  t: line 4\r\n%[#+%.+%] things 4", shown)           -- one, as the other has ended
    assert.matches("\r\27%[K[^\r\n]*r: done", shown)
    for line in shown:gmatch "%[[#.]+%][^\r\n\27]*" do assert.is_true(#line < 80, line) end
    for _, words in ipairs { "run %s 2>&1", "-q run %s 2>&1" } do
      assert.not_matches("things", io.popen((sluice .. " " .. words):format(script)):read "a")
    end
    local quiet = io.popen(("script -qec '%s -q run %s' /dev/null 2>&1"):format(sluice, script)):read "a"
    assert.not_matches("things", quiet)
  end)

  it("is events with --json: one a second for each transfer at most, and one at its end", function()
    local done = assert(process.run { argv = { sluice, "run", "--json", script } })
    assert.equal(5, json.decode(done.stdout).read)
    local events = {}
    for line in done.stderr:gmatch '[^\n]*"event"[^\n]*' do
      local event = json.decode(line)
      events[event.what] = events[event.what] or {}
      table.insert(events[event.what], event)
    end
    assert.is_true(#events.things >= 1 and #events.things <= 3, done.stderr)
    local last = events.things[#events.things]
    assert.same({ "progress", 5, 7, true }, { last.event, last.done, last.total, last.ended })
    assert.same({ 4, true }, { events.others[1].done, events.others[1].ended })
    assert.not_matches('"event"', assert(process.run { argv = { sluice, "run", "--json", "-q", script } }).stderr)
  end)

  it("shows the connections of a real run, with their share", function()
    local p = require("support.project").new { products = 120 }
    local done = p:run("scripts/delta_feed.lua from=shop to=feed stream=124773")
    local events = {}
    for line in done.stderr:gmatch '[^\n]*"event"[^\n]*' do
      local event = json.decode(line)
      if event.ended then events[event.what] = event end
    end
    p:stop()
    assert.same({ 120, "shop" }, { events.products.done, events.products.connection }, done.stderr)
    assert.same({ 120, "feed" }, { events.upload.done, events.upload.connection })
    assert.is_true(events.upload.share > 0 and events.upload.share <= 1)
  end)
end)

describe("text", function()
  it("puts thousands apart, whatever the number", function()
    assert.equal("1,234,567", text.grouped(1234567))
    assert.equal("-1,000", text.grouped(-1000))
    assert.equal("999", text.grouped(999.4))
    assert.equal("0", text.grouped(0.2))
    assert.equal("12,346", text.grouped(12345.678))
  end)

  it("aligns columns, numbers to the right", function()
    assert.equal("name   n\nGröße   7\nx      10\n", text.table { { "name", "n" }, { "Größe", 7 }, { "x", 10 } })
  end)
end)
