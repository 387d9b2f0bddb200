local http = require "sluice.http"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"

describe("the sandbox's orders", function()
  local sb, now, key

  local function start(options)
    now = 1700000000.25
    options.clock, options.products, options.rate_scale = function() return now end, 5, options.rate_scale or 1000
    sb = sandbox.start(options)
    key = http.post(sb.url .. "/v1/users/authenticate",
      { json = { system_user_auth = { username = "sandbox", password = "sandbox" } } }):json().system_user.token
  end

  after_each(function()
    assert.equal(0, sb.bugs)
    sb:stop()
  end)

  local function post(payload, more)
    local url = sb.url .. "/v2-queue/order?client_id=21&channel_id=47&token=" .. key
    return assert(http.post(more or url, type(payload) == "string" and { body = payload } or { json = payload }))
  end

  local function search(body)
    return assert(http.post(sb.url .. "/v1/orders/elastic_search?token=" .. key, { body = body }))
  end

  local function total(query) return search('{"query":' .. query .. "}"):json().hits.total end

  it("are made anew by each post, and found after the queue's and the index's time", function()
    start { lag = 60, order_delay = 5 }
    local order = { channel_order_code = "A-1", line_items = { { sku = "CD1", qty = 2, price = "10.50", tax_lines = { { rate = "15" } } } } }
    local first, second = post(order):json(), post(order):json()
    assert.not_equal(first.queue_messages[1].message_id, second.queue_messages[1].message_id)
    assert.equal("21-47-0/2023-11/14/22/13/20-250000000-sync_order.json", first.queue_messages[1].key)
    local query = '{"term":{"channel_order_code":"A-1"}}'
    assert.same({ 0, "received", 2 }, { total(query), sb:orders()[1].state, sb:posted "A-1" })
    assert.same({ system_queue = { sync_product = 0, sync_image = 0, sync_order = 2 } }, http.get(sb.url .. "/v1/queue/summary?token=" .. key):json())
    now = now + 5
    assert.same({ 0, "saved" }, { total(query), sb:orders()[1].state })
    assert.equal(0, http.get(sb.url .. "/v1/queue/summary?token=" .. key):json().system_queue.sync_order)
    now = now + 59
    assert.equal(0, total(query))
    now = now + 1
    local answer = search('{"query":' .. query .. "}"):json()
    assert.equal(2, answer.hits.total)
    assert.same({ 933302, 21, 3.15, 24.15, "A-1", "2023-11-14 22:13:25" }, { answer.system_orders[1].id, answer.system_orders[1].sub_total,
      answer.system_orders[1].tax, answer.system_orders[1].total, answer.system_orders[1].channel_order_code, answer.system_orders[1].modified })
  end)

  it("fail in the queue where their payload is none, which the post's answer doesn't say", function()
    start {}
    local payloads = { { foo = "bar" }, { channel_order_code = "A-2", line_items = { { sku = "X" }, { sku = "X" } } } }
    for _, payload in ipairs(payloads) do assert.equal(200, post(payload).status) end
    local states = {}
    for i, order in ipairs(sb:orders()) do states[i] = order.state .. ": " .. order.problem end
    assert.same({ "failed: there is no channel_order_code", "failed: Duplicate line items are not allowed" }, states)
    assert.equal(0, total '{"match_all":{}}')
    assert.equal(400, post("{").status)
    local url = sb.url .. "/v2-queue/order?"
    assert.equal(400, post({}, url .. "channel_id=47&token=" .. key).status)
    assert.equal(400, post({}, url .. "client_id=21&token=" .. key).status)
    assert.equal(401, post({}, url .. "client_id=21&channel_id=47&token=dead").status)
    assert.equal(404, post({}, sb.url .. "/v2-queue/orders?token=" .. key).status)
    assert.equal(2, #sb:orders())
  end)

  it("are found as a client asks for them", function()
    start { orders = 30, refuse_id_ranges = false }
    now = now + 10
    sb:touch_orders { 933302, 933303 }
    assert.equal(30, total '{"match_all":{}}')
    assert.equal(1, total '{"term":{"channel_order_code":"SO0000007"}}')
    assert.equal(0, total '{"term":{"channel_order_code":"so0000007"}}')
    assert.equal(1, total '{"match":{"channel_order_code":"SO0000007"}}')
    assert.equal(2, total '{"terms":{"channel_order_code":["SO0000007","SO0000008","x"]}}')
    assert.equal(30, total '{"match":{"customer.last_name":{"query":"Waters Gilmour","operator":"or"}}}')
    assert.equal(0, total '{"match":{"customer.last_name":{"query":"Waters Gilmour","operator":"and"}}}')
    assert.equal(30, total '{"multi_match":{"fields":["id.autocomplete^2","notes"],"query":"9333"}}')
    assert.equal(1, total '{"term":{"sources.source_order_code":"3360215"}}')
    assert.equal(2, total '{"range":{"modified":{"gt":"2023-11-14 22:13:20"}}}')
    assert.equal(30, total '{"range":{"created":{"lte":"2023-11-14 22:13:20"}}}')
    assert.equal(28, total '{"bool":{"filter":[{"range":{"modified":{"lte":"2023-11-14 22:13:20"}}},{"range":{"id":{"gte":933302}}}]}}')
    assert.equal(30, total '{"bool":{"filter":[{"term":{"channel_id":"47"}}],"must_not":[{"term":{"id":1}}]}}')
    assert.equal(2, total '{"ids":{"values":["933302",933303,933303]}}')
    local page = search '{"sort":[{"modified":{"order":"asc"}},{"id":{"order":"desc"}}],"from":1,"size":"2"}':json()
    assert.same({ { 1700000000000, 933330 }, { 1700000000000, 933329 } }, { page.hits.hits[1].sort, page.hits.hits[2].sort })
    assert.same({ 933329, 933330 }, { page.system_orders[1].id, page.system_orders[2].id }) -- in the order of their own table
    for _, body in ipairs { '{"from":9999,"size":2}', '{"sort":{"channel_order_code":"asc"}}', '{"query":{"multi_match":{"query":"x"}}}',
      '{"query":{"match":{"notes":{}}}}', '{"query":{"match":{"notes":{"query":"x","operator":"xor"}}}}', "[]", '{"size":-1}' } do
      assert.equal(400, search(body).status, body)
    end
  end)

  it("may be words to the index, and unsortable by id", function()
    start { order_codes = "text", refuse_id_sort = true }
    for _, code in ipairs { "A-1", "A-2", "a 1" } do post { channel_order_code = code } end
    assert.equal(0, total '{"term":{"channel_order_code":"A-1"}}')
    assert.equal(3, total '{"match":{"channel_order_code":"A-1"}}')
    assert.equal(2, total '{"match":{"channel_order_code":{"query":"A-1","operator":"and"}}}')
    local refused = search '{"sort":[{"modified":"asc"},{"id":"asc"}]}'
    assert.equal(400, refused.status)
    assert.matches("Fielddata is disabled", refused:json().error.root_cause[1].reason)
    assert.matches("^orders", refused:json().error.failed_shards[1].index)
    assert.equal(200, search '{"sort":[{"modified":"asc"}]}'.status)
  end)

  it("are shown by the control page", function()
    start { order_delay = 1 }
    local function control(body)
      return assert(http.post(sb.url .. "/sandbox/orders", { body = body })):json()
    end
    assert.same({ 933302, 933303 }, control '{"count":2}'.ids)
    post { channel_order_code = "A-1" }
    post { channel_order_code = "A-1" }
    now = now + 1
    assert.same({ 933302 }, control '{"touch":1}'.ids)
    assert.same({ posts = 4, by_code = { ["A-1"] = 2, SO0000001 = 1, SO0000002 = 1 } }, http.get(sb.url .. "/sandbox/orders/counts"):json())
    local lines = {}
    for line in http.get(sb.url .. "/sandbox/orders").body:gmatch "[^\n]+" do lines[#lines + 1] = assert(json.decode(line)) end
    assert.equal(4, #lines)
    assert.same({ 933304, "A-1", "saved", 2, "2023-11-14 22:13:21" },
      { lines[3].id, lines[3].channel_order_code, lines[3].state, lines[3].posted, lines[3].indexed })
    assert.equal("A-1", lines[4].payload.channel_order_code)
    assert.equal("processing", sb:orders()[1].value.status)
  end)

  it("share the rate of everything else", function()
    start { rate_scale = 1 }
    now = now + 1
    local codes = {}
    for i = 1, 4 do
      local answer = post { channel_order_code = "A-" .. i }
      assert.equal("3", answer.headers["x-s2s-ratelimit"])
      codes[i] = answer.status
    end
    assert.same({ 200, 200, 200, 429 }, codes)
    assert.equal(3, #sb:orders())
  end)
end)
