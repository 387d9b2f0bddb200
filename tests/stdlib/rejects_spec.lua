-- Rejected records that are met one after the other: together in the dead letters, before anything else happens.
local feed = require "sluice.feed"
local input = require "sluice.input"
local json = require "sluice.json"
local model = require "support.shop_model"
local queue = require "sluice.queue"
local rejecting = require "sluice.rejects"
local run = require "sluice.run"
local tmp = require "support.tmp"

describe("rejected records that are met one after the other", function()
  local dir, self, chunks
  before_each(function()
    dir, chunks = tmp.dir(), {}
    self = run.set { name = "spec", silent = true, options = {}, loaded = { store = dir .. "/state.db", folder = dir } }
    local reject_all = self.reject_all
    self.reject_all = function(one, raws, ...)
      if #raws > 0 then chunks[#chunks + 1] = #raws end
      return reject_all(one, raws, ...)
    end
  end)
  after_each(function()
    if self.dead_letters then self.dead_letters:close() end
    if self.opened then self.opened:close() end
    run.set(nil)
  end)

  local function letters()
    local list, file = {}, io.open(dir .. "/dlq/spec-1.ndjson")
    for line in file and file:lines() or function() end do list[#list + 1] = json.decode(line) end
    if file then file:close() end
    return list
  end

  it("go as one transaction, one alone as it is, and none is nothing", function()
    local rejects = rejecting.of(self)
    rejects:put()
    assert.is_nil(self.dead_letters)
    rejects:add('{"id":1}', "a", { line = 1 })
    rejects:add('{"id":2}', "b")
    assert.equal(0, self.sums.rejected)
    rejects:put()
    assert.same({ { 2 }, 2, 2 }, { chunks, self.sums.rejected, self.opened:runs()[1].letters })
    rejects:add('{"id":3}', "c")
    rejects:put()
    assert.same({ { 2 }, 3 }, { chunks, self.sums.rejected })
    local got = letters()
    assert.same({ 1, "a", 1, "b", 3, "c" },
      { got[1].record.id, got[1].reason, got[1].line, got[2].reason, got[3].record.id, got[3].reason })
  end)

  it("are put where there are many, at the end of a block, and where the run fails", function()
    local rejects = rejecting.of(self)
    for _ = 1, 10001 do rejects:add("{}", "a") end
    assert.same({ 10000 }, chunks)
    rejects:put()
    local wide = ("x"):rep(5000000)
    for _ = 1, 3 do rejects:add(wide, "a") end
    assert.same({ 10000, 2 }, chunks)
    assert.equal(10003, self.sums.rejected)
    for _, ending in ipairs(self.endings) do ending() end -- as a run that fails has it
    assert.equal(10004, self.sums.rejected)
  end)

  it("stay in the order in which they were met, whoever rejects", function()
    rejecting.of(self):add('{"id":1}', "a")
    rejecting.of(self):add('{"id":2}', "a")
    self:reject('{"id":3}', "b")
    rejecting.of(self):add('{"id":4}', "a")
    self:reject_all({ '{"id":5}', '{"id":6}' }, "c")
    local ids = {}
    for i, letter in ipairs(letters()) do ids[i] = letter.record.id end
    assert.same({ 1, 2, 3, 4, 5, 6 }, ids)
  end)

  it("raise what the dead letters raise, and are not put a second time", function()
    local rejects = rejecting.of(self)
    self.reject_all = function() error "the disk is full" end
    rejects:add("{}", "a")
    rejects:add("{}", "b")
    assert.has_error(function() rejects:put() end, "the disk is full")
    rejects:put()
    assert.equal(0, self.sums.rejected)
  end)

  it("are neighbours among the lines of a file, and in the file before the next record is given", function()
    local path, seen = tmp.write(dir .. "/a.ndjson", '{"id":1}\nno\nnor this\n7\n{"id":2}\nno\n'), {}
    for record in input.each(path) do seen[record.id] = #letters() end
    assert.same({ { 0, 3 }, { 3 }, 4, 6 }, { seen, chunks, #letters(), self.sums.read })
    path, seen = tmp.write(dir .. "/a.csv", "id,n\n1,1\n2\n3\n4,4\n5\n6\n"), {}
    for row in input.records(path) do seen[row.id] = #letters() end
    assert.same({ { ["1"] = 4, ["4"] = 6 }, { 3, 2, 2 }, 8 }, { seen, chunks, #letters() })
  end)

  it("go line by line where they come from a pipe: the next one may be long in coming", function()
    tmp.write(dir .. "/r.lua", [[for _ in require("sluice.input").each "-" do error "a record" end]])
    tmp.write(dir .. "/sluice.yaml", "version: 1\nstore: sqlite:state.db\n")
    os.execute(("printf 'no\\nnor this\\n' | %s/sluice run -q -c '%s/sluice.yaml' '%s/r.lua' 2>'%s/err'"):format(
      os.getenv "SLUICE_BUILD" or "build", dir, dir, dir))
    local file = require("sluice.letters").find(dir .. "/state.db", "1")
    assert.same({ 2 }, { require("sluice.letters").count(file.path).unreadable }, tmp.read(dir .. "/err"))
    assert.is_nil(file.most) -- no chunk was announced
  end)

  it("are the rows of a page that can't be given, before the next row and before the next page", function()
    local shop, order = model.new { seed = 3, products = 30, spread = 10, past = 60 }, {}
    local o = { search = function(query)
      order[#order + 1] = "search"
      local page = shop:search(query)
      for _, row in pairs(page.rows) do row.bad = row.id % 3 ~= 0 and "broken" or nil end
      return page
    end, describe = function(row) return row.modified, tostring(row.version) end, cursor = model.cursor(), index_lag = 120, now = shop.time,
      page_size = 10, window = shop.window, reject = function() order[#order + 1] = "bad" end, rejected = function()
        if order[#order] == "bad" then order[#order + 1] = "put" end
      end }
    for _ in feed.iterate(o) do order[#order + 1] = "row" end
    local text = table.concat(order, " ") .. " "
    assert.equal(30, select(2, text:gsub("bad ", "")) + select(2, text:gsub("row ", "")))
    assert.truthy(text:find("put row", 1, true))
    assert.is_nil(text:find "bad row" or text:find "bad search" or text:find "bad $")
    assert.truthy(text:find("bad bad", 1, true))
  end)

  it("are those before a request of the queue, and stay where the items end with an error", function()
    local sent = {}
    local function batches()
      return queue.new { what = "products", max_items = 2, max_bytes = 1000, source_id = 1, client = { name = "x" }, send = function(list)
        sent[#sent + 1] = { #list, #letters() }
        return #list
      end }
    end
    local o = { name = "push", code = tostring, prepare = function(n)
      if n % 3 == 0 then return { n = n } end
      return nil, "not by three"
    end }
    assert.equal(7, queue.push(batches(), { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, o).rejected)
    assert.same({ { { 2, 6 }, { 1, 7 } }, { 6 } }, { sent, chunks })
    local n = 0
    assert.has_error(function()
      queue.push(batches(), function()
        n = n + 1
        return n < 3 and n or error("that", 0)
      end, o)
    end, "that")
    assert.same({ 9, 9 }, { #letters(), self.sums.rejected })
  end)
end)
