-- `sluice call` as a shell sees it: what it prints, what it sends, how it ends.
local curl = require "support.curl"
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local project = require "support.project"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("sluice call", function()
  local p
  before_each(function()
    p = project.new { products = 30 }
    local path = p.dir .. "/sluice.yaml"
    tmp.write(path, (tmp.read(path):gsub("username: sandbox,", function()
      return ('queue_url: "%s", client_id: 21, channel_id: 47, index_lag: 100ms, username: sandbox,'):format(p.sandbox.url)
    end)))
  end)
  after_each(function() p:stop() end)

  local function call(words, stdin)
    local argv = { "env", "XDG_STATE_HOME=" .. p.dir .. "/shared", SLUICE, "call" }
    for _, word in ipairs(type(words) == "table" and words or { words }) do
      if type(words) == "table" then argv[#argv + 1] = word
      else for one in word:gmatch "%S+" do argv[#argv + 1] = one end end
    end
    if not stdin then return assert(process.run { argv = argv, cwd = p.dir }) end
    tmp.write(p.dir .. "/stdin", stdin)
    return assert(process.run { argv = { "sh", "-c", 'exec "$@" <stdin', "sh", table.unpack(argv) }, cwd = p.dir })
  end

  local function value_of(done)
    assert.equal(0, done.status, done.stderr)
    return assert(json.decode(done.stdout))
  end

  it("prints the result as one line of JSON in a pipe", function()
    local done = call "shop sources"
    assert.equal(57, value_of(done)[1].id)
    assert.equal(1, select(2, done.stdout:gsub("\n", "")))
    local found = value_of(call { "shop", "search_products", "query:={\"match_all\":{}}", "size=2" })
    assert.equal(2, #found.system_products)
    assert.is_nil(lfs.attributes(p.dir .. "/state.db"))
  end)

  it("gives the first page, and all of them as NDJSON with --paginate", function()
    for i = 1, 21 do value_of(call("feed create_stream name=stream-" .. i)) end
    assert.equal(10, #value_of(call "feed streams"))
    local done = call "feed streams --paginate"
    local n = 0
    for line in done.stdout:gmatch "[^\n]+" do
      n = n + 1
      assert.is_string(json.decode(line).id)
    end
    assert.equal(23, n)
    assert.matches("stream has no pages", call("feed stream stream=124773 --paginate").stderr)
  end)

  it("takes bodies and arguments from files and standard input", function()
    tmp.write(p.dir .. "/a.ndjson", '{"id":"1","n":1.50}\n{"id":"2"}\n')
    assert.equal(2, value_of(call "feed upload_products stream=124773 @a.ndjson").attributes.stages.upload.successCount)
    assert.equal('{"id":"1","n":1.50}', (p.sandbox:stream(124773):get "1"))
    tmp.write(p.dir .. "/b.json", '[{"id":"3"}]')
    value_of(call "feed upload_products stream=124773 @b.json")
    value_of(call("feed delete_products stream=124773 @-", '["3"]'))
    assert.equal(2, p.sandbox:stream(124773).count)
    tmp.write(p.dir .. "/q.json", '{"query":{"match_all":{}},"size":3}')
    assert.equal(3, #value_of(call "shop search_products @q.json").system_products)
    assert.equal(1, #value_of(call("shop search_products query:=@- size=1", '{"match_all":{}}')).system_products)
    tmp.write(p.dir .. "/name", "from-a-file")
    assert.equal("from-a-file", value_of(call "feed create_stream name=@name").attributes.name)
    tmp.write(p.dir .. "/bad.ndjson", '{"id":"1"}\n{"id"\n')
    local done = call "feed upload_products stream=124773 @bad.ndjson"
    assert.not_equal(0, done.status)
    assert.matches("2", done.stderr)
  end)

  it("checks words and arguments, names the nearest, shows what there is", function()
    local cases = {
      [""] = "which connection", ["shop"] = "which operation of shop", ["shp sources"] = "shop", ["shop source"] = "did you mean 'sources'",
      ["shop sources junk"] = "'junk' is not an argument", ["feed stream strem=1"] = "did you mean 'stream'",
      ["feed stream"] = "stream is missing.*arguments\n.*stream +id, required", ["feed stream stream=1 stream=2"] = "given twice",
      ["feed stream stream:={"] = "is not JSON", ["feed stream stream=@none"] = "none: No such file", ["feed stream --heders"] = "%-%-headers",
      ["feed upload_products stream=1 @none"] = "none: No such file",
    }
    for words, text in pairs(cases) do
      local done = call(words)
      assert.equal(2, done.status, words .. ": " .. done.stderr)
      assert.matches(text, done.stderr)
      assert.equal("", done.stdout)
    end
    assert.matches("feed.stream: One stream", (call("feed stream --help").stdout:gsub("productsup_stream", "feed")))
    assert.matches("usage: sluice call", call("--help").stdout)
  end)

  it("refuses what can't be taken back without --yes, where nobody can be asked", function()
    local done = call "feed delete_stream stream=124773"
    assert.equal(2, done.status)
    assert.matches("feed.delete_stream can't be taken back; without a terminal it is called with %-%-yes only", done.stderr)
    assert.is_truthy(p.sandbox.streams["124773"])
    done = call "feed delete_stream stream=124773 --yes"
    assert.same({ 0, "" }, { done.status, done.stdout })
    assert.is_nil(p.sandbox.streams["124773"])
  end)

  it("asks on a terminal", function()
    local function asked(word)
      local line = ("printf '%s\\n' | env XDG_STATE_HOME=%s/shared script -qec '%s call feed delete_stream stream=224773' /dev/null 2>&1")
        :format(word, p.dir, SLUICE)
      return assert(process.run { argv = { "sh", "-c", line }, cwd = p.dir }).stdout
    end
    local out = asked "n"
    if out:find "failed to create pseudo%-terminal" then return pending "this machine has no pseudo-terminals" end
    assert.matches("for good", out)
    assert.matches("DELETE http://%S+/streams/224773\r?\nsend it%? %[y/N%]", out)
    assert.is_truthy(p.sandbox.streams["224773"])
    asked "y"
    assert.is_nil(p.sandbox.streams["224773"])
  end)

  it("shows an operation that changes something and does not send it with -n", function()
    local done = call "feed delete_stream stream=124773 -n"
    assert.equal(0, done.status, done.stderr)
    assert.matches("would send DELETE http://%S+/streams/124773", done.stderr)
    assert.is_truthy(p.sandbox.streams["124773"])
    assert.equal("chunked", value_of(call "feed stream stream=124773 -n").attributes.type)
  end)

  it("prints the head of each answer with --headers, tokens masked", function()
    local done = call "feed stream stream=124773 --headers"
    assert.matches("HTTP 200\n.*content%-type: application/vnd.api%+json.*\n\n", done.stderr)
    value_of(done)
    done = call "feed stream stream=nope --headers"
    assert.matches("HTTP 404\n", done.stderr)
  end)

  it("sends an order through the outbox where that is asked for", function()
    tmp.write(p.dir .. "/order.json", '{"channel_order_code":"A-1","line_items":[{"sku":"CD003","qty":1}]}')
    for _ = 1, 2 do
      local done = call "shop post_order @order.json --outbox channel_order_code"
      assert.is_truthy(value_of(done).queue_messages)
    end
    assert.equal(1, #p.sandbox:orders())
    value_of(call "shop post_order @order.json")
    assert.equal(2, #p.sandbox:orders())
  end)

  describe("ends", function()
    local api
    before_each(function()
      api = scripted.start(function() return p.answer end)
      tmp.write(p.dir .. "/sluice.yaml", ([[
version: 1
connections:
  feed: { api: productsup_stream, base_url: "%s", token: some-token-of-mine, deadline: 300ms }
  depot: { api: veeqo, base_url: "%s", api_key: some-key-of-mine, deadline: 300ms, limits: { api: 1000/s } }
]]):format(api.url, api.url))
    end)
    after_each(function() api:close() end)

    for status, code in pairs { [401] = 4, [403] = 4, [404] = 1, [409] = 1, [422] = 1, [429] = 5, [500] = 5, [503] = 5 } do
      it(("with %d for %d"):format(code, status), function()
        p.answer = { status = status, json = { errors = { { detail = "some-token-of-mine is no good" } } } }
        local done = call "feed stream stream=1"
        assert.equal(code, done.status, done.stderr)
        assert.same({ "", nil }, { done.stdout, done.stderr:find("some-token-of-mine", 1, true) })
      end)
    end

    it("with 7 where it may have been done", function()
      p.answer = { how = "reset" }
      assert.equal(7, call("feed create_stream name=abc").status)
    end)
  end)

  describe("--curl", function()
    local api, answers
    before_each(function()
      answers = {}
      api = scripted.start(function() return table.remove(answers, 1) or { json = {} } end)
      tmp.write(p.dir .. "/sluice.yaml", ([[
version: 1
connections:
  shop: { api: stock2shop, base_url: "%s", queue_url: "%s", username: bob, password: "pass'word 1", client_id: 21 }
  feed: { api: productsup_stream, base_url: "%s", token: some-token-of-mine }
  site: { api: productsup_platform, base_url: "%s", token: "1234:some-token", pat: some-pat-of-mine }
  depot: { api: veeqo, base_url: "%s", api_key: some-key-of-mine }
]]):gsub("%%s", api.url))
    end)
    after_each(function() api:close() end)

    -- The printed command, run with the secret in the place of the mask, sends what the call itself sends.
    local function same(words, secret, before)
      local done = call(table.move({ "--curl" }, 1, 1, #words + 1, table.move(words, 1, #words, 1, {})))
      assert.equal(0, done.status, done.stderr)
      assert.equal(0, #api.requests)
      assert.is_nil(done.stdout:find(secret, 1, true))
      local ran = curl.shell((done.stdout:gsub("%*%*%*", function() return secret end)))
      assert.equal(0, ran.code, ran.err)
      local theirs = table.remove(api.requests)
      answers = before or {}
      local made = call(words)
      local ours = assert(table.remove(api.requests), made.stderr)
      assert.same({ theirs.method, theirs.target, theirs.body }, { ours.method, ours.target, ours.body })
      for _, name in ipairs { "authorization", "x-api-key", "x-auth-token", "content-type", "accept" } do
        if name ~= "accept" or theirs.headers.accept ~= "*/*" then assert.equal(theirs.headers[name], ours.headers[name], name) end
      end
      while table.remove(api.requests) do end
      return done.stdout
    end

    local function login(token) return { json = { system_user = { token = token } } } end

    it("is the call: credentials of each kind, quotes, bodies of each kind", function()
      tmp.write(p.dir .. "/a.ndjson", '{"id":"it\'s","t":"100 %"}\n{"id":"2"}\n')
      same({ "feed", "upload_products", "stream=124773", "@a.ndjson" }, "some-token-of-mine")
      same({ "feed", "create_stream", "name=it's \"mine\"" }, "some-token-of-mine")
      same({ "feed", "delete_stream", "stream=1", "-y" }, "some-token-of-mine")
      same({ "depot", "create_product", "title=Dog", "product_variants_attributes:=[{\"title\":\"B\",\"price\":1.50,\"sku_code\":\"d\"}]" },
        "some-key-of-mine")
      same({ "depot", "products", "query=a b&c" }, "some-key-of-mine")
      same({ "site", "site", "site=tag:value" }, "1234:some-token")
      same({ "site", "process", "site=1", "action=import" }, "some-pat-of-mine")
      same({ "shop", "search_products", "query:={\"match_all\":{}}", "channel_id=4" }, "a-token-1",
        { login "a-token-1", { json = { system_products = {} } } })
      same({ "shop", "valid_token" }, "a-token-1", { { json = { system_user = {} } } })
    end)

    it("takes a body through a pipe where no command line holds it", function()
      local lines = {}
      for i = 1, 4000 do lines[i] = json.encode { id = tostring(i), title = ("it's "):rep(10) } end
      tmp.write(p.dir .. "/a.ndjson", table.concat(lines, "\n"))
      assert.matches("^printf %%s ", same({ "feed", "upload_products", "stream=124773", "@a.ndjson" }, "some-token-of-mine"))
    end)
  end)
end)
