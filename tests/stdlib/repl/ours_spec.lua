-- Objects of ours at the prompt: what they are, on one line, and nothing of their internals.
local log = require "sluice.log"
local ours = require "sluice.repl.ours"
local project = require "support.project"
local scripted = require "support.scripted"
local show = require "sluice.repl.show"
local tmp = require "support.tmp"
local typing = require "support.typing"

describe("an object of ours at the prompt", function()
  local p, s, api
  setup(function() p = project.full() end)
  teardown(function() p:stop() end)
  before_each(function()
    api = scripted.start(function() return { status = 200, headers = { ["Content-Type"] = "text/plain" }, body = ("x"):rep(1234) } end)
    s = typing.new(p, { options = { yes = true } })
    s.env.api, s.env.dir = api.url, tmp.dir()
  end)
  after_each(function()
    s:leave()
    api:close()
  end)

  -- What is shown of a chunk's first value.
  local function shown(text)
    local results = table.pack(s:eval(text))
    if not results[1] then error(results[3], 0) end
    return (show.text(results[3], { columns = 100, rows = 40 }))
  end

  it("is a line: sinks by where they lead to and how far they got", function()
    assert.equal("upload into stream 124773 of feed", shown "up = feed:uploader(124773) return up")
    assert.equal("upload into stream 124773 of feed: 1 sent, finished", shown "up:write { id = '1', title = 'x' } up:finish() return up")
    assert.equal("upload into site 123 of site", shown "site:uploader(123)")
    assert.equal("batch b7 of products, site 123 of site: open", shown "site:product_batch(123, { type = 'delta', batch = 'b7' })")
    assert.equal("file of records: 1 written", shown "sink = sluice.file_sink.open(dir .. '/x.ndjson') sink:write { id = 1 } return sink")
    s:eval "sink:finish()"
  end)

  it("is a line: answers without their body, addresses without what may be secret", function()
    assert.equal(("http response 200 OK from %s/a, body of 1,234 bytes"):format(api.url), shown "sluice.http.get(api .. '/a?token=t0psecret')")
    assert.equal("1234", shown "#_.body") -- what it has is still there
    assert.equal("http client for " .. api.url, shown "sluice.http.client { base_url = (api:gsub('//', '//bob:pw@')) }")
    assert.equal("http client", shown "sluice.http.client()")
  end)

  it("is a line: an outbox, a cursor, tasks and what is between them", function()
    assert.equal("outbox of shop.post_order", shown [[sluice.outbox.open { connection = shop, operation = "post_order",
      key = "channel_order_code", settle_after = 0.4, gap = 0.05 }]])
    assert.equal("cursor orders", shown "require('sluice.run').current():cursor 'orders'")
    assert.equal("run of repl", shown "require('sluice.run').current()")
    assert.equal("task, under way", shown "job = sluice.task.spawn(function() end) return job")
    assert.equal("task, done", shown "job:wait() return job")
    assert.equal("channel between tasks", shown "sluice.task.channel(2)")
    assert.equal("semaphore", shown "sluice.task.semaphore(2)")
    assert.equal("recipe: counts", shown("sluice" .. ".recipe { about = 'counts', run = function() end }"))
  end)

  it("is short beside others too, in a list and in a table", function()
    assert.equal('{ name = "a", up = upload into stream 124773 of feed }', shown "{ name = 'a', up = feed:uploader(124773) }")
    assert.equal("   id  up\n1   1  semaphore\n2   2  semaphore", shown [[{ { id = 1, up = sluice.task.semaphore(1) },
      { id = 2, up = sluice.task.semaphore(1) } }]])
  end)

  it("shows no secret", function()
    log.secret "b4tch+secret"
    assert.equal("batch *** of products, site 123 of site: open", shown "site:product_batch(123, { type = 'delta', batch = 'b4tch+secret' })")
  end)

  it("is nothing else, and its name at least where it is damaged", function()
    for _, value in ipairs { {}, 1, "x", print, setmetatable({}, { __name = "point" }), setmetatable({}, { __name = 5 }) } do
      assert.is_nil(ours.text(value))
    end
    assert.equal("sluice.recipe", ours.text(setmetatable({}, { __name = "sluice.recipe" })))
    assert.equal("point { x = 1 }", (show.text(setmetatable({ x = 1 }, { __name = "point" }), { columns = 80 })))
  end)
end)
