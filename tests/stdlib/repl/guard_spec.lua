-- Writes at the prompt: each way to write is asked about, and what is not allowed does not go out.
local err = require "sluice.err"
local project = require "support.project"
local scripted = require "support.scripted"
local task = require "sluice.task"
local typing = require "support.typing"

describe("the guard of the prompt", function()
  local p, s, api, answer
  setup(function() p = project.full() end)
  teardown(function() p:stop() end)
  before_each(function() api = scripted.start(function(request) return answer and answer(request) or { json = { ok = true, data = {} } } end) end)
  after_each(function()
    if s then s:leave() end
    s, answer = nil, nil
    api:close()
  end)

  local function session(o)
    s = typing.new(p, o)
    s.env.api = api.url
    return s
  end

  local reading = { "elastic_search", "authenticate" }
  local function is_write(request)
    for _, word in ipairs(reading) do
      if request.target:find(word, 1, true) then return false end
    end
    return request.method ~= "GET" and request.method ~= "HEAD"
  end

  -- What a chunk gave, and the writes that reached a server.
  local function typed(text)
    local before, writes = #p.sandbox:requests(), {}
    local results = table.pack(s:eval(text))
    for i = before + 1, #p.sandbox:requests() do
      local request = p.sandbox:requests()[i]
      if is_write(request) then writes[#writes + 1] = request.method .. " " .. request.target end
    end
    for _, request in ipairs(api.requests) do
      if is_write(request) then writes[#writes + 1] = request.method .. " " .. request.target end
    end
    api.requests = {}
    return results, writes
  end

  local PRODUCT = "{ source_product_code = 'A', title = 'x', variants = { { source_variant_code = 'A', sku = 'A', qty = 1, price = 1 } } }"
  local ways = {
    { "an operation", "feed:upload_products { stream = 124773, body = { { id = '1', title = 'Mug' } } }", 1 },
    { "an operation behind a dot", "feed.upload_products { stream = 124773, body = { { id = '1' } } }", 1 },
    { "an operation as a value", "f = feed.upload_products return f { stream = 124773, body = { { id = '1' } } }", 1 },
    { "one in a coroutine", "coroutine.wrap(function() feed:upload_products { stream = 124773, body = { { id = '1' } } } end)()", 1 },
    { "one in tasks", "sluice.task.all { function() feed:upload_products { stream = 124773, body = { { id = '1' } } } end }", 1 },
    { "one of a connection made by hand", "sluice.connect { api = 'productsup_stream', token = 'x', base_url = api }:upload_products "
      .. "{ stream = 124773, body = { { id = '1' } } }", 1 },
    { "an uploader", "do local up = feed:uploader(124773) up:write { id = '1', title = 'x' } up:finish() end", 1 },
    { "own_stream", "feed:own_stream { name = 'Stream of guard', intend = function() end, mine = function() end }", 1 },
    { "push_products", ("do local n = 0 shop:push_products(function() n = n + 1 return n == 1 and %s or nil end, { source_id = 57 }) end")
      :format(PRODUCT), 1 },
    { "push_images", "do local n = 0 shop:push_images(function() n = n + 1 return n == 1 and { source_product_code = 'A', "
      .. "image_id = 'a', image = '/9j/4AAQSkZJRg==' } or nil end, { source_id = 57 }) end", 1 },
    { "a batch of products", "do local b = site:product_batch(123, { type = 'delta' }) b:write { id = '1' } b:commit() end", 2 },
    { "an uploader of a site", "do local up = site:uploader(123) up:write { id = '1' } up:finish() end", 2 },
    { "start_process", "site:start_process(123, 'import')", 1 },
    { "http.post", "sluice.http.post(api .. '/a', { json = {} })", 1 },
    { "http.put", "sluice.http.put(api .. '/a', { body = 'x' })", 1 },
    { "http.patch", "sluice.http.patch(api .. '/a')", 1 },
    { "http.delete", "sluice.http.delete(api .. '/a')", 1 },
    { "http.request", "sluice.http.request { method = 'PROPFIND', url = api .. '/a' }", 1 },
    { "a method in small letters", "sluice.http.request { method = 'post', url = api .. '/a' }", 1 },
    { "a body that is streamed",
      "do local n = 0 sluice.http.post(api .. '/a', { body = function() n = n + 1 return n == 1 and 'x' or nil end }) end", 1 },
  }
  for _, way in ipairs(ways) do
    local name, text, count = table.unpack(way)

    it("refuses " .. name .. " where nobody can be asked", function()
      session()
      local results, writes = typed(text)
      assert.same({}, writes)
      assert.is_false(results[1])
      assert.is_true(err.is(results[3]), tostring(results[3]))
      assert.equal("usage", results[3].code)
      assert.matches("not sent: %a+ http://%S+ changes something, and there is no terminal to ask on", results[3].message)
      assert.matches("sluice repl %-%-yes", results[3].hint)
    end)

    it("asks about " .. name .. ", and does not send it without a yes", function()
      session { answers = { "n" } }
      local results, writes = typed(text)
      assert.same({}, writes)
      assert.is_true(#s.asked >= 1)
      assert.is_false(results[1])
      assert.equal("cancelled", results[3].code)
      assert.matches("^will send %a+ http://%S+ %(%S+%)", s.shown[1])
    end)

    it("sends " .. name .. " behind a yes", function()
      session { answers = { "y" } }
      local results, writes = typed(text)
      assert.is_true(results[1], tostring(results[3]))
      assert.equal(count, #writes, table.concat(writes, ", "))
      assert.equal(count, #s.asked)
    end)
  end

  it("lets what reads pass", function()
    session { answers = { "n" } }
    for _, text in ipairs { "shop:sources()", "shop:search_products { query = { match_all = {} }, size = 1 }", "sluice.http.get(api)",
      "sluice.http.head(api)", "sluice.http.request { url = api }", "feed:streams()", "depot:orders()()" } do
      local results, writes = typed(text)
      assert.is_true(results[1], text .. ": " .. tostring(results[3]))
      assert.same({}, writes)
    end
    assert.same({}, s.asked)
  end)

  it("takes y and yes for a yes, and nothing else", function()
    session { answers = { "y", "yes", " Y ", "YES" } }
    for _ = 1, 4 do assert.equal(1, #(select(2, typed "sluice.http.post(api)"))) end
    s:leave()
    session { answers = { "", "n", "no", "yep", "y n", "a", "all", "j", "1", function() return nil end } }
    for _ = 1, 10 do assert.same({}, (select(2, typed "sluice.http.post(api)"))) end
    assert.equal(10, #s.asked)
  end)

  it("takes an a for all that follow of an operation, from the second question on, in that chunk alone", function()
    session { answers = { "y", "a", "n" } }
    local text = "for i = 1, 5 do feed:upload_products { stream = 124773, body = { { id = tostring(i) } } } end"
    assert.equal(5, #(select(2, typed(text))))
    assert.same({ "send it? [y/N] ", "send it? [y/N, a: all of this call] " }, s.asked)
    local results, writes = typed "sluice.http.post(api)" -- another operation, another chunk
    assert.same({ "cancelled", 0, 3 }, { results[3].code, #writes, #s.asked })
    assert.same({}, (select(2, typed(text))))
    assert.equal("send it? [y/N] ", s.asked[4])
  end)

  it("asks about another operation although one is allowed", function()
    session { answers = { "y", "a", "n" } }
    local _, writes = typed "for i = 1, 3 do feed:upload_products { stream = 124773, body = { { id = '1' } } } end sluice.http.post(api)"
    assert.equal(3, #writes)
    assert.equal(3, #s.asked)
  end)

  describe("with --yes", function()
    it("asks for nothing", function()
      session { options = { yes = true } }
      local results, writes = typed "sluice.http.post(api) feed:upload_products { stream = 124773, body = { { id = '1' } } }"
      assert.is_true(results[1], tostring(results[3]))
      assert.equal(2, #writes)
    end)

    it("refuses what may never be repeated where nobody can be asked, with what to do instead", function()
      session { options = { yes = true } }
      for _, text in ipairs { "feed:delete_stream { stream = 124773 }", "feed:delete_all_products { stream = 124773, confirm = true }" } do
        local results, writes = typed(text)
        assert.same({}, writes)
        assert.equal("usage", results[3].code)
        assert.matches("needs a terminal here; else: sluice call feed delete_", results[3].hint)
      end
    end)

    it("asks about it each time, without an a", function()
      session { options = { yes = true }, answers = { "a", "a", "n" } }
      local _, writes = typed "pcall(feed.delete_stream, feed, { stream = 1 }) pcall(feed.delete_stream, feed, { stream = 1 })"
      assert.same({}, writes)
      assert.same({ "send it? [y/N] ", "send it? [y/N] " }, s.asked)
      assert.matches("it can't be taken back", table.concat(s.shown))
    end)
  end)

  it("sends nothing in a dry run, asks about nothing, and shows each write", function()
    session { options = { ["dry-run"] = true } }
    for _, way in ipairs(ways) do
      if way[1] ~= "own_stream" then
        local results, writes = typed(way[2])
        assert.is_true(results[1], way[1] .. ": " .. tostring(results[3]))
        assert.same({}, writes)
      end
    end
    assert.same({}, (select(2, typed "feed:delete_stream { stream = 124773 }")))
    assert.matches("would send DELETE http://%S+/streams/124773 %(feed.delete_stream%)", table.concat(s.shown))
    assert.matches("would send PROPFIND", table.concat(s.shown))
  end)

  it("refuses a task in the background while the prompt waits, and asks about it else", function()
    session { answers = { "y" } }
    local waits = true
    s.busy = function() return waits end
    local results, writes = typed "local ok, problem = pcall(sluice.http.post, api) return ok, problem"
    assert.same({}, writes)
    assert.is_false(results[3])
    assert.matches("a task in the background can't ask while the prompt waits", results[4].message)
    waits = false
    assert.equal(1, #(select(2, typed "sluice.http.post(api)")))
  end)

  it("asks one question at a time", function()
    local open, most = 0, 0
    session { answers = { function()
      open = open + 1
      most = math.max(most, open)
      task.yield()
      open = open - 1
      return "y"
    end } }
    local _, writes = typed "local f = function() sluice.http.post(api) end sluice.task.all { f, f, f }"
    assert.same({ 3, 3, 1 }, { #writes, #s.asked, most })
  end)

  it("goes on where somebody who is asked is stopped, and settles with the last question", function()
    session { answers = { function() task.sleep(1000) end, "y" } }
    s:eval "job = sluice.task.spawn(function() sluice.http.post(api) end) sluice.task.yield() sluice.task.yield()"
    assert.equal(1, #s.asked)
    local settled = false
    local waiting = task.spawn(function()
      s.guard:settle()
      settled = true
    end)
    task.yield()
    assert.is_false(settled)
    s.env.job:cancel()
    waiting:wait()
    assert.is_true(settled)
    assert.equal(1, #(select(2, typed "sluice.http.post(api)")))
  end)

  it("knows the writes that are under way, and which request failed", function()
    session { answers = { "y" } }
    local flying
    answer = function()
      flying = next(s.guard.flying)
      return { status = 500 }
    end
    s:eval "sluice.http.post(api .. '/x?token=very-secret&a=1')"
    assert.equal("POST", flying.method)
    assert.is_nil(next(s.guard.flying))
    assert.is_nil(flying.url:find("very-secret", 1, true))
    s:eval "feed:products { stream = 99 }"
    s:eval "feed:stream { stream = 99 }"
    assert.matches("^http://%S+/streams/99$", s.guard.failed.url)
  end)

  it("shows no credentials of an address, asked or refused", function()
    session()
    local results = typed "sluice.http.post((api:gsub('//', '//user:pass@')) .. '/x?api_key=very-secret')"
    assert.is_nil(results[3].message:find("pass@", 1, true), results[3].message)
    assert.is_nil(results[3].message:find("very-secret", 1, true), results[3].message)
    s:leave()
    session { answers = { "n" } }
    typed "sluice.http.post((api:gsub('//', '//user:pass@')) .. '/x?api_key=very-secret')"
    assert.is_nil(table.concat(s.shown):find("very%-secret"), s.shown[1])
    assert.is_nil(table.concat(s.shown):find "pass@", s.shown[1])
  end)

  it("counts requests of sluice.http, and not the time of questions", function()
    session { answers = { "y" } }
    typed "sluice.http.get(api) sluice.http.post(api)"
    assert.equal(2, s.guard.requests)
    s.guard:begin()
    assert.same({ 0, 0 }, { s.guard.requests, s.guard.asked })
  end)
end)
