-- Waiting for batches, against a client whose answers are written here.
local batches = require "sluice.batches"
local definition = require "sluice.definition"
local errors = require "sluice.err"
local json = require "sluice.json"
local run = require "sluice.run"
local state = require "sluice.state"
local task = require "sluice.task"
local tmp = require "support.tmp"

local QUICK = { start = 0.001, factor = 1.2, cap = 0.005 }

-- answers(id, n) gives the status for the nth question about a batch, or a table that is raised.
local function new_client(answers)
  local asked, client = {}, nil
  client = {
    name = "feed", api = "productsup_stream", account = "a", options = { base_url = "http://x" },
    definition = definition.load "productsup_stream",
    asked = asked, open = 0, most = 0,
    batch = function(_, args)
      asked[args.batch] = (asked[args.batch] or 0) + 1
      client.open = client.open + 1
      client.most = math.max(client.most, client.open)
      task.yield()
      client.open = client.open - 1
      local status = answers(args.batch, asked[args.batch])
      if type(status) == "table" then errors.raise(status) end
      return { id = args.batch, attributes = { status = status, stages = {
        upload = { status = "success", successCount = 3, errorCount = 0, errors = {} },
        processing = status == "processed" and { status = "warning", successCount = 2, errorCount = 1, errors = { { message = "" } } }
          or status == "failed" and { status = "failure", successCount = 0, errorCount = 3, errors = { { message = "Bad" } } } or json.null,
      } } }
    end,
  }
  return client
end

local function wait(client, ids, more)
  local o = { stream = "1", ids = ids }
  for key, value in pairs(QUICK) do o[key] = value end
  for key, value in pairs(more or {}) do o[key] = value end
  return batches.wait_batches(client, o)
end

describe("wait_batches", function()
  after_each(function() run.set(nil) end)

  it("waits for any number of batches at once, some at a time", function()
    local client = new_client(function(id, n) return n > tonumber(id) % 5 and "processed" or "uploaded" end)
    local ids = {}
    for i = 1, 300 do ids[i] = tostring(i) end
    local list = wait(client, ids, { at_once = 7 })
    assert.equal(300, #list)
    assert.equal(7, client.most)
    for i, one in ipairs(list) do
      assert.same({ ids[i], "processed", 2, 1, "" }, { one.id, one.status, one.accepted, one.refused, one.reason })
      assert.equal(i % 5 + 1, client.asked[ids[i]])
    end
  end)

  it("is stalled at the deadline, and says what is missing", function()
    local client = new_client(function(id) return id == "slow" and "uploaded" or "processed" end)
    local ok, problem = pcall(wait, client, { "slow", "quick" }, { deadline = 0.03 })
    assert.is_false(ok)
    assert.equal("stalled", problem.code)
    assert.matches("1 of 2 batches of stream 1 .* slow %(uploaded%)", problem.message)
    assert.matches("trigger an import", problem.hint)
  end)

  it("raises partial where a batch has failed, with its reason", function()
    local ok, problem = pcall(wait, new_client(function(id) return id == "b" and "failed" or "processed" end), { "a", "b" })
    assert.is_false(ok)
    assert.equal("partial", problem.code)
    assert.matches("b: Bad", problem.message)
  end)

  it("goes on after an answer that failed for now, and stops for one that waiting does not cure", function()
    local client = new_client(function(_, n) return n < 3 and { code = "unavailable", message = "later" } or "processed" end)
    assert.equal("processed", wait(client, { "a" })[1].status)
    for _, code in ipairs { "auth", "not_found", "protocol" } do
      local ok, problem = pcall(wait, new_client(function() return { code = code, message = "no" } end), { "a", "b" })
      assert.is_false(ok)
      assert.equal(code, problem.code)
    end
  end)

  it("takes up what earlier runs have left open in the store", function()
    local store = state.open(tmp.dir() .. "/state.db")
    local client = new_client(function(id) return id == "old" and { code = "not_found", message = "gone" } or "processed" end)
    local function new_run()
      local one = run.set { silent = true, options = {} }
      one.opened, one.id = store, store:run_start { recipe = "r" }
      return one
    end
    local first = new_run()
    for _, id in ipairs { "old", "b1", "b2" } do batches.note(client, "1", id, 5) end
    batches.note(client, "2", "other", 5)
    store:run_finish(first.id, {})
    new_run()
    local list = wait(client)
    assert.equal(3, #list)
    assert.same({ "gone", "ok", "ok" }, { list[1].verdict, list[2].verdict, list[3].verdict })
    assert.equal(0, #store:batches_open { resource = "1" })
    assert.equal(1, #store:batches_open { resource = "2" })
    assert.equal(0, #wait(client))
    store:close()
  end)

  it("is what finish waits for, where that is asked for", function()
    local sandbox = require("sluice.sandbox").start { products = 1, rate_scale = 1000, import_after = 0.05 }
    local client = require("sluice.connect").connect { api = "productsup_stream", name = "feed", base_url = sandbox.url,
      token = "sandbox-token", limits = { products = "1000/s", batches = "1000/s" } }
    local up = client:uploader("124773", { max_records = 2 })
    for i = 1, 5 do up:write { id = tostring(i) } end
    local done = up:finish { wait = "processed", deadline = 20 }
    assert.same({ 5, 3 }, { done.sent, #done.batches })
    for _, id in ipairs(done.batches) do
      assert.equal("processed", client:batch({ stream = "124773", batch = id }).attributes.status)
    end
    sandbox:stop()
  end)

  it("refuses unknown options", function()
    local ok, problem = pcall(batches.wait_batches, new_client(function() end), { stream = 1, deadlin = 5 })
    assert.is_false(ok)
    assert.equal("usage", problem.code)
    assert.is_false((pcall(batches.wait_batches, new_client(function() end), {})))
  end)

  it("tells of a batch in words: its stages and what they refused", function()
    local stage = { status = "warning", successCount = 2, errorCount = 1,
      errors = { { message = "No title", occurrences = 1, example = { lineNumber = 3, value = '{"id":"a"}' } } } }
    local client = { batch = function(_, args)
      assert.same({ stream = "1", batch = "b" }, args)
      return { attributes = { status = "uploaded", stages = { upload = stage, processing = json.null } } }
    end }
    assert.equal('batch b: uploaded\n  upload warning, 2 accepted, 1 refused\n    line 3: No title (1 times): {"id":"a"}',
      batches.describe_batch(client, "1", "b"))
    local ok, problem = pcall(batches.describe_batch, { batch = function() errors.raise { code = "not_found", message = "no batch" } end }, "1", "b")
    assert.same({ false, "not_found" }, { ok, problem.code })
  end)

end)
