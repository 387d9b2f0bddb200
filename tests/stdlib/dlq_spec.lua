-- `sluice dlq` as a user meets it, against the sandbox: what the delta feed had to leave behind, and another try for it.
local json = require "sluice.json"
local project = require "support.project"
local tmp = require "support.tmp"

local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773"
local HUGE = ("x"):rep(3000000)
local SLUICE = require("lfs").currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function lines_of(path)
  local list = {}
  for line in io.lines(path) do list[#list + 1] = json.decode(line) end
  return list
end

describe("sluice dlq", function()
  local p, ids
  -- A feed of 30 products, some of which are too large for a stream.
  local function start(...)
    p, ids = project.new { products = 30 }, {}
    for id in p.sandbox.catalogue:each() do ids[#ids + 1] = id end
    for _, n in ipairs { ... } do p.sandbox:edit(ids[n], { body_html = HUGE }) end
    return p:run(FEED)
  end
  local function mend(n) p.sandbox:edit(ids[n], { body_html = "small" }) end
  after_each(function()
    if p then p:stop() end
    p = nil
  end)

  it("lists the files with their sums and reasons", function()
    local done = start(3, 7)
    assert.equal(3, done.status, done.stderr)
    local list = p:run "sluice dlq list --json".sums
    assert.equal(1, #list)
    local one = list[1]
    assert.same({ 1, 2, 2, 0, 0 }, { one.run, one.records, one.open, one.settled, one.unreadable })
    assert.equal(done.sums.dead_letters, one.path)
    assert.equal(2, one.reasons[1].count)
    local shown = p:run "sluice dlq list"
    assert.same({ 0, "" }, { shown.status, shown.stderr })
    assert.matches("^run +recipe +when +records +open +settled +unreadable +reasons\n1 +%S*delta_feed +%S+ +2 +2 +0 +0 +.*%(2%)\n$", shown.stdout)
  end)

  it("has nothing to list where nothing was rejected", function()
    start()
    assert.same({ "", "nothing was rejected\n" }, { p:run "sluice dlq list".stdout, p:run "sluice dlq list".stderr })
    assert.equal("[]\n", p:run "sluice dlq list --json".stdout)
    local done = p:run "sluice dlq retry 1"
    assert.equal(1, done.status)
    assert.matches("there is no dead%-letter file '1' in .*/dlq\n  hint: no run has rejected anything", done.stderr)
  end)

  it("shows records, some of them, or as they are", function()
    local path = start(3, 7, 8).sums.dead_letters
    assert.equal(tmp.read(path), p:run "sluice dlq show 1 --json".stdout)
    local done = p:run "sluice dlq show 1 --limit 1"
    assert.matches('^1  %S+  [^\n]+\n   {"id":"%d+"', done.stdout:gsub('^(.*\n   ).-("id":"%d+").*$', "%1{%2"))
    assert.matches("2 more: %-%-limit 3", done.stderr)
    assert.equal(3, select(2, p:run("sluice dlq show 1 --json --reason 1").stdout:gsub("\n", "")))
    done = p:run "sluice dlq show 1 --reason nothing"
    assert.same({ "", "no such record\n" }, { done.stdout, done.stderr })
  end)

  it("names what is wrong, the nearest known word and the cure", function()
    local name = start(3).sums.dead_letters:match "[^/]*$"
    for words, said in pairs {
      ["sluice dlq"] = { 2, "what about it" },
      ["sluice dlq lst"] = { 2, "there is no 'lst' %(did you mean 'list'%?%)" },
      ["sluice dlq list x"] = { 2, "list takes no words, not 'x'" },
      ["sluice dlq show"] = { 2, "which file%? .*sluice dlq list" },
      ["sluice dlq show 1 --limt 3"] = { 2, "unknown option '%-%-limt' %(did you mean '%-%-limit'%?%)" },
      ["sluice dlq show 1 --limit 0"] = { 2, "whole number from 1, not '0'" },
      ["sluice dlq show 1 --reason"] = { 2, "%-%-reason needs a value" },
      ["sluice dlq show 1 2"] = { 2, "one file, not '2' as well" },
      ["sluice dlq show 99"] = { 1, "no dead%-letter file '99'.*there are: " .. name:gsub("%W", "%%%0") },
      ["sluice dlq retry"] = { 2, "which file" },
      ["sluice dlq retry 1 strem=2"] = { 2, "unknown argument 'strem' %(did you mean 'stream'%?%)" },
      ["sluice dlq retry 1 x"] = { 2, "'x' is not an argument" },
    } do
      local done = p:run(words)
      assert.equal(said[1], done.status, words)
      assert.equal("", done.stdout, words)
      assert.matches(said[2], done.stderr)
      assert.not_matches("traceback", done.stderr)
    end
  end)

  it("sends again, as the shop has it now, once", function()
    local path = start(3, 7).sums.dead_letters
    mend(3)
    mend(7)
    local done = p:run "sluice dlq retry 1 --json"
    assert.equal(0, done.status, done.stderr)
    assert.same({ 2, 2, 0 }, { done.sums.read, done.sums.sent, done.sums.rejected })
    assert.is_nil(p:difference())
    for _, letter in ipairs(lines_of(path)) do assert.equal(done.sums.run, letter.settled_run) end
    local applied = p.sandbox:stream(124773).applied
    done = p:run "sluice dlq retry 1"
    assert.same({ 0, "", "nothing to send again: 2 settled, 0 unreadable\n" }, { done.status, done.stdout, done.stderr })
    assert.equal(applied, p.sandbox:stream(124773).applied)
    local runs = p:run("sluice state list --json").sums.runs
    assert.matches("delta_feed %(dlq retry%)$", runs[1].recipe)
  end)

  it("keeps what is rejected again, with the new reason, and what is no longer in the shop as settled", function()
    local path = start(3, 7, 9).sums.dead_letters
    mend(3)
    p.sandbox:deactivate { ids[9] }
    local before = lines_of(path)
    local done = p:run "sluice dlq retry 1 --json"
    assert.equal(3, done.status, done.stderr)
    assert.same({ 3, 1, 1, 1 }, { done.sums.read, done.sums.sent, done.sums.rejected, done.sums.skipped })
    local after = lines_of(path)
    assert.equal(3, #after)
    for i, letter in ipairs(after) do
      assert.same(before[i].record, letter.record)
      if letter.record.id == tostring(ids[7]) then
        assert.is_nil(letter.settled)
        assert.equal(done.sums.run, letter.retried_run)
      else
        assert.equal(done.sums.run, letter.settled_run)
      end
    end
    assert.equal(1, p:run("sluice dlq list --json").sums[1].open)
    done = p:run "sluice dlq retry 1 --json"
    assert.same({ 1, 1 }, { done.sums.read, done.sums.rejected })
  end)

  it("loses nothing where it is killed, and sends again at most", function()
    for _, case in ipairs { { "send", 0 }, { "answer", 0 }, { "before_commit", 2 }, { "after_commit", 2 } } do
      local path = start(3, 7).sums.dead_letters
      mend(3)
      mend(7)
      local killed = p:crash("KILL", case[1], 1, "sluice dlq retry 1 --json")
      assert.is_true(killed.hit, case[1])
      local settled = 0
      for _, letter in ipairs(lines_of(path)) do settled = settled + (letter.settled and 1 or 0) end
      assert.equal(case[2], settled, case[1])
      assert.equal(0, p:run("sluice dlq retry 1").status, case[1])
      assert.is_nil(p:difference())
      assert.equal(0, p:run("sluice dlq list --json").sums[1].open)
      p:stop()
    end
    p = nil
  end)

  it("sends the rows of variants again, and leaves the cursor where it is", function()
    p, ids = project.new { products = 30 }, {}
    for id in p.sandbox.catalogue:each() do ids[#ids + 1] = id end
    p.sandbox:edit(ids[3], { body_html = HUGE })
    local variants
    for id, text in p.sandbox.catalogue:each() do
      if id == ids[3] then variants = #json.decode(text).variants end
    end
    local done = p:run(FEED .. " shape=variant")
    assert.same({ 3, variants }, { done.status, done.sums.rejected })
    local count = p.sandbox:stream(124773).count
    mend(3)
    local position = p:run("sluice state get 1").stdout
    done = p:run "sluice dlq retry 1 --json"
    assert.same({ 0, variants, variants }, { done.status, done.sums.read, done.sums.sent })
    assert.equal(count + variants, p.sandbox:stream(124773).count)
    assert.equal(position, p:run("sluice state get 1").stdout)
    assert.equal(1, #p:run("sluice state list --json").sums.cursors)
  end)

  it("waits for no run of the feed, and lets none go on beside it", function()
    local path = start(3).sums.dead_letters
    mend(3)
    local before = tmp.read(path)
    local store = require("sluice.state").open(p.dir .. "/state.db")
    local c = store:cursors()[1]
    local held = store:cursor { recipe = c.recipe, name = c.name, account = c.account, key = c.key }
    local done = p:run "sluice dlq retry 1"
    assert.equal(8, done.status)
    assert.matches("cursor 'products' of .* is held by process", done.stderr)
    assert.equal(before, tmp.read(path))
    held:close()
    store:close()
    assert.equal(0, p:run("sluice dlq retry 1").status)
  end)

  it("marks nothing where the retry fails as a whole", function()
    local path = start(3).sums.dead_letters
    mend(3)
    local before = tmp.read(path)
    p.sandbox:fault "status status=403 path=/streams/*/products nth=1"
    local done = p:run "sluice dlq retry 1"
    assert.is_true(done.status ~= 0)
    assert.equal(before, tmp.read(path))
    assert.equal(0, p:run("sluice dlq retry 1").status)
  end)
end)

describe("sluice dlq retry of other recipes", function()
  local dir
  local function sluice(words)
    local root = io.popen("pwd"):read "l"
    local _, _, code = os.execute(("cd '%s' && '%s/%s/sluice' %s >out 2>err"):format(dir, root, os.getenv "SLUICE_BUILD" or "build", words))
    return { status = code, stdout = tmp.read(dir .. "/out"), stderr = tmp.read(dir .. "/err") }
  end
  before_each(function()
    dir = tmp.dir()
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:s.db\n")
  end)

  local HEAD = [[return require("sluice").recipe { about = "t", args = { token = "x", n = { "y", default = 1 } },
    run = function(_, run)
      run:count("read", 3)
      run:reject('{"id":1,"n":18446744073709551616}', "no", { line = 1 })
      run:reject('{"id":2}', "no")
      run:reject("no json", "broken")
    end, ]]

  it("says so where the recipe has no way to do it", function()
    tmp.write(dir .. "/r.lua", HEAD .. "}")
    assert.equal(3, sluice("run r.lua token=abcdefgh").status)
    local done = sluice "dlq retry 1"
    assert.equal(2, done.status)
    assert.matches("r.lua does not say how its rejected records are sent again\n  hint: add `retry = function", done.stderr)
  end)

  it("gives records and letters to the recipe's retry, and asks for what the ledger masks", function()
    tmp.write(dir .. "/r.lua", HEAD .. [[
      retry = function(args, run, records)
        for record, letter in records do
          print(args.token, args.n, require("sluice.ndjson").raw(record), letter.reason)
          if record.id == 1 then run:count "sent" else run:reject(require("sluice.ndjson").raw(record), "still no", { line = 9 }) end
        end
      end }]])
    sluice "run r.lua token=abcdefgh"
    local done = sluice "dlq retry 1"
    assert.equal(2, done.status)
    assert.matches("the ledger masks the argument 'token' of run 1\n  hint: add it: token=…", done.stderr)
    done = sluice "dlq retry r-1 token=hgfedcba n:=5"
    assert.equal(3, done.status, done.stderr)
    assert.equal('hgfedcba\t5\t{"id":1,"n":18446744073709551616}\tno\nhgfedcba\t5\t{"id":2}\tno\n', done.stdout)
    local raw = tmp.read(dir .. "/dlq/r-1.ndjson")
    assert.matches('"record":{"id":1,"n":18446744073709551616},"settled', raw, 1, true)
    local letters = lines_of(dir .. "/dlq/r-1.ndjson")
    assert.same({ nil, "still no", 9, 2 }, { letters[2].settled, letters[2].reason, letters[2].line, letters[2].retried_run })
    assert.is_string(letters[3].raw_base64)
    assert.is_nil(letters[3].settled)
    done = sluice "dlq show 1"
    assert.matches("2  %S+  still no\n   {\"id\":2}\n3  %S+  broken %[unreadable%]\n   no json\n$", done.stdout)
    assert.matches("^1  %S+  no %[settled%]\n", sluice("dlq show 1 --all").stdout)
  end)

  it("does not send what was masked: it is not what it was", function()
    tmp.write(dir .. "/r.lua", [[return require("sluice").recipe { about = "t", args = { token = "x" },
      run = function(args, run)
        run:count "read"
        run:reject('{"id":1,"seen":"' .. args.token .. '"}', "no")
      end,
      retry = function(_, _, records) for _ in records do error "given out" end end }]])
    assert.equal(3, sluice("run r.lua token=abcdefgh").status)
    local raw = tmp.read(dir .. "/dlq/r-1.ndjson")
    assert.is_nil(raw:find("abcdefgh", 1, true))
    assert.matches('"masked":true', raw, 1, true)
    assert.matches("nothing to send again: 0 settled, 1 unreadable", sluice("dlq retry 1 token=abcdefgh").stderr)
  end)

  it("keeps the line that a crash has cut off", function()
    tmp.write(dir .. "/r.lua", HEAD .. [[retry = function(_, run, records) for _ in records do run:count "sent" end end }]])
    sluice "run r.lua token=abcdefgh"
    local path = dir .. "/dlq/r-1.ndjson"
    tmp.write(path, tmp.read(path) .. '{"time":"2026')
    assert.equal(0, sluice("dlq retry 1 token=abcdefgh").status)
    local letters = lines_of(path)
    assert.equal(4, #letters)
    assert.equal('{"time":"2026', require("sluice.crypto").unbase64(letters[4].raw_base64))
    assert.same({ 2, 2 }, { letters[1].settled_run, letters[2].settled_run })
  end)

  -- A run that is killed after a second chunk of two was written and before it counted; of its last line `cut` bytes are missing.
  local function torn(cut, retry)
    tmp.write(dir .. "/r.lua", [[return require("sluice").recipe { about = "t", args = {},
      run = function(_, run)
        run:count("read", 4)
        run:reject_all({ '{"id":1}', '{"id":2}' }, "first")
        run:reject_all({ '{"id":3}', '{"id":4}' }, "second")
      end, retry = function(_, run, records) ]] .. retry .. [[ end }]])
    local done = assert(require("sluice.process").run { argv = { "sh", "tests/support/crash.sh", dir .. "/crash", "KILL", "letters_written",
      "2", SLUICE, "run", "-c", dir .. "/sluice.yaml", dir .. "/r.lua" } })
    assert.same({ "hit\n", 137 }, { done.stdout, done.status })
    local path = require("sluice.letters").find(dir .. "/s.db", "1").path
    local text = tmp.read(path)
    assert.equal(4, select(2, text:gsub("\n", "\n")))
    tmp.write(path, text:sub(1, #text - cut))
    return path
  end

  it("gives out nothing of a last chunk that is torn, and it is not in the file afterwards", function()
    for _, cut in ipairs { 0, 1, 10, 60 } do
      local path = torn(cut, [[for record in records do
          print(record.id)
          if record.id == 1 then run:count "sent" else run:reject(require("sluice.ndjson").raw(record), "still no") end
        end]])
      assert.equal(2, json.decode(sluice("dlq list --json").stdout)[1].open, cut)
      local done = sluice "dlq retry 1"
      assert.same({ 3, "1\n2\n" }, { done.status, done.stdout }, done.stderr)
      local got = lines_of(path)
      assert.same({ 2, "first", 2, "still no" }, { #got, got[1].reason, got[1].settled_run, got[2].reason }, cut)
      assert.same({ 3, "2\n" }, { sluice("dlq retry 1").status, tmp.read(dir .. "/out") }, cut)
      os.execute(("rm -rf '%s/dlq' '%s'/s.db*"):format(dir, dir))
    end
  end)

  it("leaves a torn file as it was where the retry fails", function()
    local path = torn(10, [[for _ in records do error "the shop is away" end]])
    local before = tmp.read(path)
    assert.equal(1, sluice("dlq retry 1").status)
    assert.equal(before, tmp.read(path))
    assert.equal(2, json.decode(sluice("dlq list --json").stdout)[1].open)
  end)

  it("is not green where a record that was given out has no fate", function()
    tmp.write(dir .. "/r.lua", HEAD .. "retry = function(_, _, records) for _ in records do end end }")
    sluice "run r.lua token=abcdefgh"
    local before = tmp.read(dir .. "/dlq/r-1.ndjson")
    local done = sluice "dlq retry 1 token=abcdefgh"
    assert.equal(1, done.status)
    assert.matches("2 records were read or made, but 0 were sent", done.stderr)
    assert.equal(before, tmp.read(dir .. "/dlq/r-1.ndjson"))
  end)

  it("leaves a file to the run that writes it, and to the retry that has it in hand", function()
    tmp.write(dir .. "/r.lua", HEAD .. "retry = function() end }")
    sluice "run r.lua token=abcdefgh"
    local store = require("sluice.state").open(dir .. "/s.db")
    local lock = assert(store:lock(dir .. "/dlq/r-1.ndjson"))
    local done = sluice "dlq retry 1 token=abcdefgh"
    assert.equal(8, done.status)
    assert.matches("another retry has r%-1.ndjson in hand", done.stderr)
    lock:close()
    local id = store:run_start { recipe = "r" }
    os.rename(dir .. "/dlq/r-1.ndjson", ("%s/dlq/r-%d.ndjson"):format(dir, id))
    done = sluice(("dlq retry %d token=abcdefgh"):format(id))
    assert.equal(8, done.status, done.stderr)
    assert.matches("is still at work", done.stderr)
    store:close()
  end)
end)
