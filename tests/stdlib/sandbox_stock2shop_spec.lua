local http = require "sluice.http"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"

describe("the sandbox's Stock2Shop", function()
  local sb, now

  local function start(options)
    now = 1700000000
    options.clock = function() return now end
    sb = sandbox.start(options)
  end

  after_each(function()
    if sb then sb:stop() end
    sb = nil
  end)

  local function login(password, user)
    return assert(http.post(sb.url .. "/v1/users/authenticate?format=json",
      { json = { system_user_auth = { username = user or "sandbox", password = password or "sandbox" } } }))
  end

  local function token()
    now = now + 1
    return login():json().system_user.token
  end

  local function search(key, body, more)
    now = now + 1
    local url = sb.url .. "/v1/products/elastic_search?token=" .. key .. (more or "")
    return assert(http.post(url, { body = body, headers = { ["Content-Type"] = "application/json" } }))
  end

  it("kills the former token at the next login", function()
    start { products = 10 }
    local first = token()
    assert.equal(200, search(first, "{}").status)
    local second = token()
    assert.not_equal(first, second)
    assert.equal(401, search(first, "{}").status)
    assert.equal(200, search(second, "{}").status)
    now = now + 1
    assert.equal(401, http.get(sb.url .. "/v1/users/valid_token/" .. first .. "?format=json").status)
    now = now + 1
    assert.equal(second, http.get(sb.url .. "/v1/users/valid_token/" .. second .. "?format=json"):json().system_user.token)
    sb:expire()
    assert.equal(401, search(second, "{}").status)
  end)

  it("refuses wrong credentials and bodies that are no login", function()
    start { products = 10 }
    assert.equal(401, login("wrong").status)
    now = now + 1
    assert.equal(401, login(nil, "nobody").status)
    for _, body in ipairs { "", "{", "[]", '{"system_user_auth":1}', '{"system_user_auth":{"username":[],"password":{}}}' } do
      now = now + 1
      local status = http.post(sb.url .. "/v1/users/authenticate", { body = body }).status
      assert.is_true(status == 400 or status == 401, body)
    end
    assert.equal(0, sb.bugs)
  end)

  it("answers a dead token as it is told", function()
    for _, status in ipairs { 401, 403, 200 } do
      start { products = 1, dead_token = status }
      local answer = search("dead", "{}")
      assert.equal(status, answer.status)
      assert.is_nil(answer:json().system_products)
      sb:stop()
    end
    sb = nil
  end)

  it("allows 3 requests a second, 1 without a token, and says so", function()
    start { products = 1 }
    local key = token()
    assert.equal("1", http.get(sb.url .. "/v1/users/valid_token/" .. key).headers["x-s2s-ratelimit"])
    assert.equal(429, http.get(sb.url .. "/v1/users/valid_token/" .. key).status)
    now = now + 1
    local answers = {}
    for i, path in ipairs { "/v1/sources", "/v1/channels", "/v1/sources", "/v1/sources" } do
      answers[i] = http.get(sb.url .. path .. "?format=json&token=" .. key)
      assert.equal("3", answers[i].headers["x-s2s-ratelimit"])
    end
    assert.same({ 200, 200, 200, 429 }, { answers[1].status, answers[2].status, answers[3].status, answers[4].status })
    now = now + 1
    assert.equal(200, http.get(sb.url .. "/v1/sources?token=" .. key).status)
  end)

  it("searches what a feed asks for", function()
    start { products = 1000 }
    local key = token()
    local function total(query) return search(key, '{"query":' .. query .. ',"size":0}'):json().hits.total end
    local all = search(key, '{"size":"1000","sort":[{"modified":{"order":"asc"}},{"id":"asc"}]}'):json()
    assert.equal(1000, #all.hits.hits)
    assert.equal(1609835104000, all.hits.hits[1].sort[1]) -- what the documents print beside 2021-01-05 08:25:04
    for i = 2, 1000 do
      local a, b = all.hits.hits[i - 1].sort, all.hits.hits[i].sort
      assert.is_true(a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]))
    end
    local some = all.system_products[500]
    assert.equal(1, total('{"term":{"id":' .. some.id .. "}}"))
    assert.equal(1, total('{"bool":{"must":{"term":{"id":{"value":"' .. some.id .. '"}}}}}'))
    assert.equal(1, total('{"bool":{"filter":[{"term":{"source_product_code":"' .. some.source_product_code .. '"}}]}}'))
    assert.equal(2, total('{"ids":{"values":["62777",62778,1]}}'))
    assert.equal(2, total('{"terms":{"id":[62777,62778,62777]}}'))
    assert.equal(999, total('{"bool":{"must_not":[{"term":{"id":62777}}]}}'))
    assert.equal(1000, total '{"match_all":{}}')
    assert.equal(0, total '{"term":{"active":false}}')
    assert.equal(0, total '{"term":{"no_such_field":1}}')
    assert.equal(120, total '{"range":{"modified":{"lte":"2021-01-05 08:25:04"}}}')
    assert.equal(880, total '{"range":{"modified":{"gt":"2021-01-05 08:25:04"}}}')
    assert.equal(0, total '{"range":{"modified":{"lt":"2021-01-05 08:25:04"}}}')
    local slice = '{"bool":{"filter":[{"range":{"modified":{"gte":"2021-01-05 08:25:04","lte":"2021-01-05 08:25:04"}}},{"range":{"id":{"%s":%d}}}]}}'
    local middle = all.hits.hits[60].sort[2]
    assert.same({ 60, 60 }, { total(slice:format("lte", middle)), total(slice:format("gt", middle)) })
    -- the proxy's own filter makes a should optional, as Elasticsearch has it beside a filter
    assert.equal(1000, total '{"bool":{"should":[{"term":{"id":62777}}]}}')
    assert.equal(1, total '{"bool":{"should":[{"term":{"id":62777}}],"minimum_should_match":1}}')
    assert.equal(1, total '{"bool":{"must":[{"bool":{"should":[{"term":{"id":62777}},{"term":{"id":5}}]}}]}}')
  end)

  it("refuses as Elasticsearch does: beyond the window, and what it can't read", function()
    start { products = 10 }
    local key = token()
    local at_end = search(key, '{"from":9500,"size":500}')
    assert.equal(200, at_end.status)
    local beyond = search(key, '{"from":9501,"size":500}')
    assert.equal(400, beyond.status)
    assert.equal(400, beyond:json().status)
    assert.matches("Result window is too large", beyond:json().error.root_cause[1].reason, 1, true)
    for _, body in ipairs { "", "nonsense", "[]", '{"size":-1}', '{"sort":{"modified":"up"}}', '{"sort":{"title":"asc"}}', '{"query":{}}',
      '{"query":{"match":{"id":1}}}', '{"query":{"range":{"modified":{"gt":"yesterday"}}}}', '{"query":{"range":{"id":{"gt":"x"}}}}',
      '{"query":{"bool":{"must_have":[]}}}', '{"search_after":[1]}', '{"query":{"terms":{"id":5}}}', '{"query":7}',
      '{"query":{"bool":[]}}', '{"sort":7}', '{"query":{"range":{"modified":{"gt":null,"near":1}}}}' } do
      local status = search(key, body).status
      assert.equal(body == "" and 200 or 400, status, body)
    end
    assert.equal(0, sb.bugs)
  end)

  it("refuses ranges over id where it is told to", function()
    start { products = 10, refuse_id_ranges = true }
    local key = token()
    assert.equal(400, search(key, '{"query":{"range":{"id":{"gt":5}}}}').status)
    assert.equal(200, search(key, '{"query":{"term":{"id":62777}}}').status)
  end)

  it("finds nothing for some roles without a channel", function()
    start { products = 10, role = "trade" }
    local key = token()
    assert.equal(0, search(key, "{}"):json().hits.total)
    assert.equal(10, search(key, "{}", "&channel_id=47"):json().hits.total)
  end)

  it("lags, and shows products live", function()
    start { products = 50, lag = 30 }
    local key = token()
    local id = sb:touch(1)[1]
    local body = '{"query":{"range":{"modified":{"gte":"2023-11-01 00:00:00"}}}}'
    assert.equal(0, search(key, body):json().hits.total)
    local old = search(key, '{"query":{"term":{"id":' .. id .. "}}}"):json().system_products[1]
    assert.matches("^2023%-11%-14", old.modified)
    now = now + 30
    assert.equal(1, search(key, body):json().hits.total)
    sb:deactivate { id }
    local answer = search(key, body):json()
    assert.same({ 1, 0 }, { #answer.hits.hits, #answer.system_products })
    assert.is_true(json.isarray(answer.system_products))
  end)

  it("has no other pages", function()
    start { products = 1 }
    assert.equal(404, http.get(sb.url .. "/v1/nothing").status)
    assert.equal(405, http.get(sb.url .. "/v1/products/elastic_search").status)
  end)
end)
