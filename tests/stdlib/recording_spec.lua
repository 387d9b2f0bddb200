-- Recordings: what is in the file, and that a run comes out of it again without a network and without waiting.
local client = require "sluice.client"
local crypto = require "sluice.crypto"
local definition = require "sluice.definition"
local err = require "sluice.err"
local har = require "sluice.har"
local http = require "sluice.http"
local json = require "sluice.json"
local lfs = require "lfs"
local log = require "sluice.log"
local project = require "support.project"
local recording = require "sluice.recording"
local replay = require "sluice.replay"
local scripted = require "support.scripted"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"
local wire = require "sluice.wire"

describe("sluice run --record and --replay", function()
  local p
  before_each(function()
    p = project.new { products = 60, orders = 12, veeqo_products = 3, veeqo_orders = 5, process_queue = 2, process_time = 2 }
    local path = p.dir .. "/sluice.yaml"
    local text = tmp.read(path):gsub("username: sandbox, password: sandbox,", function()
      return ('queue_url: "%s", client_id: 21, channel_id: 47, index_lag: 100ms, username: sandbox, password: sandbox,'):format(p.sandbox.url)
    end)
    tmp.write(path, text .. ('  depot: { api: veeqo, base_url: "%s", api_key: sandbox-key, index_lag: 100ms, limits: { api: 3000/s } }\n')
      :format(p.sandbox.url))
  end)
  after_each(function() p:stop() end)

  local function lines(name, n, make)
    local list = {}
    for i = 1, n do list[i] = json.encode(make(i)) end
    tmp.write(p.dir .. "/" .. name, table.concat(list, "\n") .. "\n")
  end

  -- Records a run, replays it in a project whose server is gone, compares.
  local function round(words, status)
    local first = p:run("--record s.har " .. words)
    assert.equal(status or 0, first.status, first.stderr)
    local before = #p.sandbox:requests()
    local started = time.mono()
    local again = p:run("--replay s.har " .. words)
    assert.equal(first.status, again.status, again.stderr)
    for _, sum in ipairs { "read", "sent", "rejected", "skipped", "added", "unchanged", "unknown" } do
      assert.equal(first.sums[sum], again.sums[sum], sum)
    end
    assert.equal(before, #p.sandbox:requests())
    return first, again, time.mono() - started
  end

  local function flat(n) lines("products.ndjson", n, function(i) return { id = "P-" .. i, title = "Product " .. i, price = i } end) end

  it("plays delta_feed again: pages, batches, logins", function()
    round "scripts/delta_feed.lua from=shop to=feed stream=124773 batch:=25"
    round "scripts/delta_feed.lua from=shop to=feed stream=124773 shape=variant --full"
  end)

  it("plays a process with its waits in no time", function()
    flat(9)
    local first, again, took = round "scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=import"
    assert.is_true(first.sums.seconds > 3)
    assert.is_true(took < first.sums.seconds / 2, took)
    assert.is_true(again.sums.seconds > 3) -- by its own clock
    round "scripts/stream_lifecycle.lua feed=feed site=site site_id=123 step=all file=products.ndjson name=dry stream=124773"
  end)

  it("plays orders, products of Veeqo, images", function()
    lines("orders.ndjson", 5, function(i) return { channel_order_code = "A-" .. i, line_items = { { sku = "CD003", qty = 1 } } } end)
    round "scripts/post_orders.lua to=shop file=orders.ndjson"
    lines("new.ndjson", 4, function(i)
      return { title = "P" .. i, product_variants_attributes = { { title = "S", price = 1.5, sku_code = "N-" .. i, physical_stock_level = i } } }
    end)
    round "scripts/create_veeqo_products.lua to=depot from=file:new.ndjson"
    assert(lfs.mkdir(p.dir .. "/images"))
    for i = 1, 3 do tmp.write(p.dir .. "/images/A_" .. i .. ".png", "\x89PNG\r\n\x1a\n" .. i) end
    round "scripts/push_images.lua to=shop source_id=57 folder=images batch=2"
  end)

  it("settles what was lost in the recording as it was settled then", function()
    lines("orders.ndjson", 4, function(i) return { channel_order_code = "A-" .. i, line_items = { { sku = "CD003", qty = 1 } } } end)
    p.sandbox:fault { kind = "reset_after", path = "/v2-queue/order", nth = 2 }
    round "scripts/post_orders.lua to=shop file=orders.ndjson"
    assert.equal(12 + 4, #p.sandbox:orders())
  end)

  it("leaves the store alone on a replay, and the file private", function()
    p:run "--record s.har scripts/delta_feed.lua from=shop to=feed stream=124773"
    local bytes = tmp.read(p.dir .. "/state.db")
    assert.equal(0, p:run("--replay s.har scripts/delta_feed.lua from=shop to=feed stream=124773").status)
    assert.is_true(bytes == tmp.read(p.dir .. "/state.db"))
    assert.equal("rw-------", lfs.attributes(p.dir .. "/s.har", "permissions"))
    assert.is_nil(lfs.attributes(p.dir .. "/s.har.part"))
  end)

  it("says what is not in the recording, and what is nearest", function()
    flat(2)
    p:run "--record s.har scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none"
    local done = p:run "--replay s.har scripts/platform_upload.lua to=site site_id=223 file=products.ndjson type=full process=none"
    assert.equal(1, done.status)
    assert.matches("GET http://%S+/platform/v2/sites/223 is not in the recording\n%s+hint: the nearest is GET http://%S+/platform/v2/sites/123\n",
      done.stderr)
    flat(3)
    done = p:run "--replay s.har scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full process=none"
    assert.matches("upload is in the recording with another body\n%s+hint: asked: +[^\n]+\n%s+recorded: %[", done.stderr)
    done = p:run "--replay none.har scripts/platform_upload.lua to=site site_id=123 file=products.ndjson type=full"
    assert.matches("none.har: No such file", done.stderr)
    tmp.write(p.dir .. "/bad.har", '{"log":{"entries":7}}')
    assert.matches("bad.har: it has no log with entries", p:run("--replay bad.har x.lua").stderr)
  end)

  it("works for sluice call as well", function()
    local first = p:run "sluice call shop sources --record s.har"
    assert.equal(0, first.status, first.stderr)
    p.sandbox:stop()
    local again = p:run "sluice call shop sources --replay s.har"
    assert.same({ 0, first.stdout }, { again.status, again.stdout })
    p.sandbox = { stop = function() end }
  end)
end)

describe("a recording", function()
  local api, toys, path
  before_each(function()
    api = scripted.start(function(request)
      if request.path == "/missing" then return { status = 404, json = { error = "none" }, headers = { ["x-why"] = "gone" } } end
      if request.path == "/login" then return { json = { access_token = "fresh-t0ken", name = "bob" } } end
      if request.path == "/binary" then return { body = "\xff\xfe\0", headers = { ["content-type"] = "image/png" } } end
      return { json = { got = #request.body, echo = "s3cret/of toys" }, headers = { ["set-cookie"] = "sid=abcdef" } }
    end)
    local args = { { name = "body", type = "any", required = true, into = "body", doc = "body" } }
    toys = client.new(definition.check({
      name = "toys", doc = "toys", hosts = { { name = "base", key = "base_url", url = "http://127.0.0.1" } }, classes = { api = { rate = "1000/s" } },
      connection = { { name = "key", type = "secret", doc = "key" } }, credential = { kind = "header", header = "x-key", secret = "key" },
      operations = {
        { name = "put", doc = "put", method = "POST", path = "/put", class = "api", resend = "safe", encoding = "json", args = args },
        { name = "missing", doc = "none", method = "GET", path = "/missing", class = "api", resend = "safe" },
      },
    }, "toys"), { name = "toys", base_url = api.url, key = "s3cret/of toys" })
    path = tmp.dir() .. "/r.har"
  end)
  after_each(function()
    wire.put(nil)
    api:close()
  end)

  local function recorded(fn)
    local way = recording.start(path, { recipe = "r" })
    wire.put(way)
    local results = table.pack(pcall(fn))
    wire.put(nil)
    way:close()
    assert(results[1], tostring(results[2]))
    return tmp.read(path), assert(json.decode(tmp.read(path))).log
  end

  local function replayed(fn)
    local n = #api.requests
    local way = replay.start(path)
    wire.put(way)
    local results = table.pack(pcall(fn))
    wire.put(nil)
    way:close()
    assert.equal(n, #api.requests)
    if not results[1] then error(results[2], 0) end
    return results[2], way
  end

  it("is HAR 1.2: what its readers ask for is there", function()
    local _, archive = recorded(function() toys:put { body = { a = 1 } } end)
    assert.same({ "1.2", "sluice", 1 }, { archive.version, archive.creator.name, #archive.entries })
    local entry = archive.entries[1]
    assert.is_number(time.parse(entry.startedDateTime))
    for _, name in ipairs { "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize" } do
      assert.is_not_nil(entry.request[name], name)
    end
    for _, name in ipairs { "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize", "bodySize" } do
      assert.is_not_nil(entry.response[name], name)
    end
    assert.same({ "number", "number", "number" }, { type(entry.timings.send), type(entry.timings.wait), type(entry.timings.receive) })
    assert.same({ '{"a":1}', "application/json" }, { entry.request.postData.text, entry.request.postData.mimeType })
    assert.is_table(entry.cache)
  end)

  it("has no secret in it, in whatever form, in addresses, headers, bodies and answers", function()
    local text = recorded(function()
      toys:put { body = { a = "s3cret/of toys", b = "user:s3cret/of toys" } }
      http.post(api.url .. "/login?token=parameter-secret&page=1", { form = { user = "bob", password = "form-secret" } })
      http.post(api.url:gsub("//", "//bob:url-secret@") .. "/login", { json = { password = "json-secret" },
        headers = { ["X-Api-Key"] = "header-secret", Accept = "application/json" } })
    end)
    for _, secret in ipairs { "s3cret", "s3cret%2Fof%20toys", "parameter-secret", "form-secret", "url-secret", "json-secret", "header-secret",
      "fresh-t0ken", "abcdef", crypto.base64 "s3cret/of toys" } do
      assert.is_nil(text:find(secret, 1, true), secret)
    end
    assert.is_truthy(text:find('"name\\":\\"bob', 1, true))
    assert.is_truthy(text:find("page=1", 1, true))
  end)

  it("gives answers and failures again, in their order, with other secrets", function()
    recorded(function()
      for i = 1, 3 do toys:put { body = { n = ("x"):rep(i) } } end
      pcall(toys.missing, toys)
    end)
    toys.options.key = "another"
    replayed(function()
      assert.equal(#'{"n":"xx"}', toys:put { body = { n = "xx" } }.got)
      assert.equal(#'{"n":"x"}', toys:put({ body = { n = "x" } }).got)
      local ok, problem = pcall(toys.missing, toys)
      assert.same({ false, "not_found", 404, true }, { ok, problem.code, problem.status, err.is(problem) })
      assert.matches("is in the recording 1 time, and was asked once more", select(2, pcall(toys.missing, toys)).message)
      return true
    end)
    local _, way = replayed(function() return toys:put { body = { n = "xxx" } } end)
    assert.equal(3, way:left())
  end)

  it("knows JSON and NDJSON by their content, whatever the order of keys", function()
    assert.equal(har.key("POST", "u", '{"a":1,"b":[2]}'), har.key("POST", "u", '{"b":[2],"a":1}'))
    assert.equal(har.key("POST", "u", '{"a":1,"b":2}\n{"c":3}\n'), har.key("POST", "u", '{"b":2,"a":1}\n{"c":3}\n'))
    assert.not_equal(har.key("POST", "u", '{"a":1}'), har.key("POST", "u", '{"a":2}'))
    assert.not_equal(har.key("POST", "u", "a"), har.key("POST", "u", nil))
    assert.equal(har.key("GET", "u", ""), har.key("GET", "u", nil))
  end)

  it("keeps what sluice.http sends and gets: bytes, files, streams", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/body", "from a file")
    local function all()
      local got = { http.get(api.url .. "/binary").body, http.post(api.url .. "/x", { body_file = dir .. "/body" }):json().got }
      local i = 0
      got[3] = http.post(api.url .. "/x", { body = function()
        i = i + 1
        return i < 4 and "piece" or nil
      end }):json().got
      local streamed = http.get(api.url .. "/binary", { stream = true, query = { page = 2 } })
      got[4] = streamed:read()
      assert.is_nil(streamed:read())
      got[5] = assert(http.get(api.url .. "/x", { save = dir .. "/saved" })).body .. tmp.read(dir .. "/saved")
      got[6] = http.get(api.url .. "/binary").headers["Content-Type"]
      return got
    end
    local first
    local _, archive = recorded(function() first = all() end)
    assert.same({ "base64", crypto.base64 "\xff\xfe\0" }, { archive.entries[1].response.content.encoding, archive.entries[1].response.content.text })
    assert.same({ "\xff\xfe\0", 11, 15, "\xff\xfe\0" }, table.move(first, 1, 4, 1, {}))
    os.remove(dir .. "/saved")
    first[5] = log.mask(first[5])
    assert.same(first, (replayed(all)))
  end)

  it("keeps errors of the network", function()
    local gone = api.url:gsub("%d+$", "1")
    local function ask()
      local res, problem = http.get(gone .. "/x")
      return { res == nil, problem.code }
    end
    local first
    recorded(function() first = ask() end)
    assert.same({ true, "network" }, first)
    assert.same(first, (replayed(ask)))
  end)

  it("opens recordings of others: answers by their status", function()
    local function entry(status, method, target)
      return { startedDateTime = "2026-01-02T03:04:05.000Z", request = { method = method, url = api.url .. target,
        postData = method == "POST" and { text = '{"a":1}', mimeType = "application/json" } or nil },
        response = { status = status, headers = { { name = "X-Y", value = "z" } }, content = { text = '{"got":5}' } } }
    end
    local entries = { entry(200, "POST", "/put"), entry(404, "GET", "/missing") }
    tmp.write(path, json.encode({ log = { version = "1.2", entries = entries } }, { pretty = true }))
    replayed(function()
      assert.equal("2026-01-02", time.format(time.now(), "sql"):sub(1, 10))
      local value, answer = toys:put { body = { a = 1 } }
      assert.same({ 5, "z" }, { value.got, answer.headers["x-y"] })
      assert.equal("not_found", select(2, pcall(toys.missing, toys)).code)
      return true
    end)
  end)

  it("steps the clocks where nothing but sleeps is under way, and puts them back", function()
    recorded(function() toys:put { body = {} } end)
    local wall, mono, cpu = time.now(), time.mono(), os.clock()
    replayed(function()
      local from = time.mono()
      task.all { function() task.sleep(3600) end, function() task.sleep(10) end }
      assert.is_true(time.mono() - from > 3599)
      return toys:put { body = {} }
    end)
    assert.is_true(os.clock() - cpu < 5)
    assert.is_true(time.mono() - mono < 60 and time.now() - wall < 60)
  end)

  it("is flat in memory: a big one is read an entry at a time", function()
    recorded(function()
      for i = 1, 40 do toys:put { body = { n = i, filler = ("x"):rep(500000) } } end
    end)
    collectgarbage()
    local before = collectgarbage "count"
    local way = replay.start(path)
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 2000)
    way:close()
    assert.is_true(lfs.attributes(path, "size") > 20000000)
  end)

  it("makes the same ids again", function()
    local ids = {}
    recorded(function() ids[1], ids[2] = crypto.random(16), crypto.random(40) end)
    replayed(function()
      assert.same(ids, { crypto.random(16), crypto.random(40) })
      return true
    end)
    assert.not_equal(ids[1], crypto.random(16))
    assert.not_equal(crypto.random(16), crypto.random(16))
    assert.has_error(function() crypto.seed(("x"):rep(1000)) end)
  end)

  it("tells where it can't be written, and leaves the old one", function()
    local ok, problem = pcall(recording.start, "/proc/none/x.har")
    assert.same({ false, true }, { ok, err.is(problem) })
    tmp.write(path, "old")
    local way = recording.start(path)
    assert.equal("old", tmp.read(path))
    way:close()
    assert.matches("^{\"log\"", tmp.read(path))
    log.secret "unused-secret"
  end)
end)
