-- Recordings: what is in the file, and that it answers again without a network and without waiting (whole runs: tests/scripts/replay_spec.lua).
local client = require "sluice.client"
local crypto = require "sluice.crypto"
local definition = require "sluice.definition"
local err = require "sluice.err"
local har = require "sluice.har"
local http = require "sluice.http"
local json = require "sluice.json"
local lfs = require "lfs"
local log = require "sluice.log"
local recording = require "sluice.recording"
local replay = require "sluice.replay"
local scripted = require "support.scripted"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"
local wire = require "sluice.wire"

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
