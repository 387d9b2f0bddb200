-- Dead letters: reasons, counted for the summary; many at once, all or none.
local deadletters = require "sluice.deadletters"
local json = require "sluice.json"
local letters = require "sluice.letters"
local lfs = require "lfs"
local log = require "sluice.log"
local process = require "sluice.process"
local run = require "sluice.run"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("sluice.deadletters", function()
  it("counts reasons, and tells so many apart", function()
    local list = {}
    for _ = 1, 3 do deadletters.note(list, "a") end
    for i = 1, 30 do deadletters.note(list, "reason " .. i) end
    deadletters.note(list, "reason 1")
    deadletters.note(list, "reason 25")
    assert.same({ reason = "a", count = 3 }, list[1])
    assert.same({ reason = "reason 1", count = 2 }, list[2])
    assert.same({ reason = "other reasons", count = 13 }, list[20])
    assert.equal(20, #list)
  end)
end)

describe("many dead letters at once", function()
  local dir, self
  before_each(function()
    dir = tmp.dir()
    self = run.set { name = "spec", silent = true, options = {}, loaded = { store = dir .. "/state.db", folder = dir } }
  end)
  after_each(function()
    if self.dead_letters then self.dead_letters:close() end
    if self.opened then self.opened:close() end
    run.set(nil)
  end)

  local function lines()
    local file, list = letters.find(dir .. "/state.db", "1"), {}
    for n, letter, what in letters.each(file.path, file.most) do list[n] = { letter = json.decode(json.encode(letter)), what = what } end
    return list
  end

  it("are in the file with their reasons and fields, and counted", function()
    self:reject('{"id":0}', "single")
    self:reject_all({ '{"id":1}', '{"id":2,\n"x":9007199254740993}', "no json" }, { "a", "b", "b" }, { { line = 1 }, false, { line = 3 } })
    self:reject_all({ '{"id":4}' }, "c")
    self:reject('{"id":5}', "single")
    local got = lines()
    assert.equal(6, #got)
    assert.same({ "single", "a", "b", "b", "c", "single" },
      { got[1].letter.reason, got[2].letter.reason, got[3].letter.reason, got[4].letter.reason, got[5].letter.reason, got[6].letter.reason })
    assert.same({ 1, nil, 3 }, { got[2].letter.line, got[3].letter.line, got[4].letter.line })
    assert.equal(9007199254740993, got[3].letter.record.x)
    assert.same({ "open", "unreadable" }, { got[3].what, got[4].what })
    assert.equal("spec", got[2].letter.recipe)
    assert.equal(6, self.sums.rejected)
    assert.same({ { reason = "single", count = 2 }, { reason = "a", count = 1 }, { reason = "b", count = 2 }, { reason = "c", count = 1 } },
      self.dead_letters.reasons)
  end)

  it("are what one by one would have been", function()
    log.secret "s3cret-token-of-ours"
    local raw = '{"id":1,"note":"s3cret-token-of-ours"}'
    self:reject(raw, "why", { stream = "7" })
    self:reject_all({ raw }, "why", { { stream = "7" } })
    local got = lines()
    got[1].letter.time, got[2].letter.time = nil, nil
    assert.same(got[1], got[2])
    assert.is_true(got[2].letter.masked)
    assert.not_matches("s3cret", tmp.read(self.dead_letters.path))
  end)

  it("name the record that is none, and leave nothing", function()
    self:reject('{"id":0}', "single")
    for text, list in pairs {
      ["dead letter 2 of 3: its record must be text, not a table"] = { { "{}", {}, "{}" }, "why" },
      ["dead letter 3 of 3: its reason must be text, not a nil"] = { { "{}", "{}", "{}" }, { "a", "b" } },
    } do
      local ok, problem = pcall(self.reject_all, self, list[1], list[2])
      assert.is_false(ok)
      assert.same({ "usage", text }, { problem.code, problem.message })
    end
    assert.equal(1, #lines())
    assert.equal(1, self.sums.rejected)
    self:reject_all({}, "why")
    self:reject_all({ "{}" }, "why")
    assert.equal(2, #lines())
  end)

  it("are what a function has rejected, also where it fails", function()
    assert.has_error(function()
      self:reject_together(function()
        self:reject('{"id":1}', "a")
        self:reject_together(function() self:reject('{"id":2}', "b", { line = 2 }) end)
        error "that"
      end)
    end)
    assert.equal(2, #lines())
    assert.equal(2, self.opened:runs()[1].letters)
    self:reject('{"id":3}', "c")
    assert.is_nil(self.opened:runs()[1].letters)
    assert.equal(3, #lines())
  end)

  it("count from the end of a file that was there", function()
    lfs.mkdir(dir .. "/dlq")
    tmp.write(dir .. "/dlq/spec-1.ndjson", '{"reason":"old","record":{}}\n')
    self:reject_all({ "{}", "{}" }, "new")
    assert.equal(3, #lines())
  end)

  it("are none where the process is killed between the file and its transaction", function()
    local script = tmp.write(dir .. "/r.lua", [[
      local run = require("sluice.run").current()
      run:reject_all({ '{"id":1}', '{"id":2}' }, "first")
      run:reject_all({ '{"id":3}', '{"id":4}' }, "second")]])
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:state.db\n")
    local done = assert(process.run { argv = { "sh", "tests/support/crash.sh", dir .. "/crash", "KILL", "letters_written", "2",
      SLUICE, "run", "-c", dir .. "/sluice.yaml", script } })
    assert.same({ "hit\n", 137 }, { done.stdout, done.status })
    local got = lines()
    assert.same({ 2, "first" }, { #got, got[2].letter.reason })
    local file = letters.find(dir .. "/state.db", "1")
    assert.equal(2, letters.count(file.path, file.most).open)
    assert.equal(4, letters.count(file.path).records)
  end)
end)
