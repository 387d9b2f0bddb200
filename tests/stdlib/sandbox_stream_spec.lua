local curl = require "support.curl"
local http = require "sluice.http"
local json = require "sluice.json"
local sandbox = require "sluice.sandbox"

describe("the sandbox's Stream API", function()
  local sb, now
  local BEARER = { Authorization = "Bearer sandbox-token" }

  local function start(options)
    now = 1700000000
    options = options or {}
    options.products, options.clock, options.rate_scale = 0, function() return now end, options.rate_scale or 1000
    sb = sandbox.start(options)
  end

  after_each(function()
    if sb then sb:stop() end
    sb = nil
  end)

  local function call(method, path, body, kind, more)
    local headers = { Authorization = BEARER.Authorization, ["Content-Type"] = body and (kind or "application/vnd.api+json") or nil }
    for name, value in pairs(more or {}) do headers[name] = value end
    return assert(http.request { method = method, url = sb.url .. path, body = body, headers = headers })
  end

  local function upload(body, stream, kind, more)
    return call("POST", "/streams/" .. (stream or "124773") .. "/products", body, kind or "application/x-ndjson", more)
  end

  local function verdict(answer)
    local a = answer:json().data.attributes
    local upload_stage, errors = a.stages.upload, {}
    for i, e in ipairs(upload_stage.errors) do errors[i] = { e.message, e.occurrences, e.example.lineNumber, e.example.value } end
    return { answer.status, a.status, upload_stage.status, upload_stage.successCount, upload_stage.errorCount, errors }
  end

  local function create(name, kind, id)
    local data = { type = "stream", id = id, attributes = { name = name, type = kind } }
    return call(id and "PATCH" or "POST", "/streams" .. (id and "/" .. id or ""), json.encode { data = data })
  end

  it("names every fault of a line, each message once with its first example", function()
    start()
    local large = '{"id":"big","x":"' .. ("x"):rep(1000000) .. '"}'
    local body = table.concat({ '{"id":"a","n":1}', "", '{"name":"x"}', '{"id":"","name":""}', "{}", '{"id":"b" "n":1}', '{"id":"c}', "  ",
      '{"id":"d\xff"}', "[1]", "17", large, '{"id":12345678901234567890}', '{"id":null,"n":1}', ' {"id": 7.50 }\r', '{"id":{"a":1}}',
      '{"id":"e","id":"f"}', "{\"id\":\"t\tb\"}" }, "\n") .. "\n"
    local got = verdict(upload(body))
    assert.same({ 202, "uploaded", "warning", 4, 14 }, { table.unpack(got, 1, 5) })
    local errors = got[6]
    assert.same({
      { "Empty Payload line", 2, 2, "" },
      { 'Missing "id" attribute', 5, 3, '{"name":"x"}' },
      { "Empty Product Attributes", 2, 4, '{"id":"","name":""}' },
      { "Syntax error", 1, 6, '{"id":"b" "n":1}' },
      { "Control character error, possibly incorrectly encoded", 2, 7, '{"id":"c}' },
      { "Malformed UTF-8 characters, possibly incorrectly encoded", 1, 9, '{"id":"d\u{FFFD}"}' },
      { "Product payload is too large", 1, 12, large:sub(1, 4096) },
    }, errors)
    local stored = {}
    for id in sb:stream(124773):each() do stored[#stored + 1] = id end
    assert.same({ "a", "12345678901234567890", "7.50", "f" }, stored)
  end)

  it("takes a product of exactly 1 MB and none larger", function()
    start()
    local function line(size)
      local head = '{"id":"a","x":"'
      return head .. ("x"):rep(size - #head - 2) .. '"}'
    end
    assert.equal(202, upload(line(1000000)).status)
    assert.same({ 422, "failed", "failure", 0, 1 }, { table.unpack(verdict(upload(line(1000001))), 1, 5) })
    assert.equal("Product payload is too large", verdict(upload(line(2097153)))[6][1][1])
  end)

  it("counts lines from 0 where it is told to, and answers 202 for all failed", function()
    start { first_line = 0, all_failed = 202 }
    assert.same({ 202, "failed", "failure", 0, 2, { { "Syntax error", 2, 0, "x" } } }, verdict(upload "x\ny\n"))
  end)

  it("keeps the last text of an id and counts how often it was applied", function()
    start()
    upload '{"id":"a","v":1}\n{"id":"b"}\n{"id":"a","v":2}'
    local stored = sb:stream "124773"
    assert.same({ '{"id":"a","v":2}', 2, 2, 1, 0 }, { stored:get "a", stored.count, stored:times "a", stored:times "b", stored:times "c" })
    call("DELETE", "/streams/124773/products/a")
    assert.is_nil(stored:get "a")
    upload '{"id":"a","v":3}'
    assert.equal(3, stored:times "a")
    assert.equal('{"id":"b"}\n{"id":"a","v":3}\n', http.get(sb.url .. "/sandbox/stream/124773").body)
    local counts = http.get(sb.url .. "/sandbox/stream/124773/counts"):json()
    assert.same({ products = 2, applied = 4, repeated = { a = 3 } }, counts)
  end)

  it("keeps ids apart that are the same number", function()
    start()
    local ids = { "7", "007", "7.0", "-7", "0x7", "9223372036854775807", "9223372036854775808", "7e0", " 7" }
    for _ = 1, 2 do
      for i, id in ipairs(ids) do upload(('{"id":"%s","v":%d}'):format(id, i)) end
    end
    local stored, repeated = sb:stream "124773", {}
    for i, id in ipairs(ids) do
      assert.equal(('{"id":"%s","v":%d}'):format(id, i), stored:get(id))
      repeated[id] = 2
    end
    local counts = http.get(sb.url .. "/sandbox/stream/124773/counts"):json()
    assert.same({ products = #ids, applied = 2 * #ids, repeated = repeated }, counts)
    for id, text in stored:each(1, 1) do assert.same({ "7", '{"id":"7","v":1}' }, { id, text }) end
    assert.is_true(stored:delete "7")
    assert.same({ nil, '{"id":"007","v":2}' }, { stored:get "7", stored:get "007" })
  end)

  it("takes gzip, and only gzip that is whole", function()
    start()
    local lines = '{"id":"a"}\n{"id":"b"}\n'
    local packed = curl.shell("gzip -c", lines).out
    local gzip = { ["Content-Encoding"] = "gzip" }
    assert.same({ 202, "uploaded", "success", 2, 0, {} }, verdict(upload(packed, nil, nil, gzip)))
    assert.equal(400, upload(packed:sub(1, -3), nil, nil, gzip).status)
    assert.equal(400, upload(lines, nil, nil, gzip).status)
    assert.equal(415, upload(lines, nil, nil, { ["Content-Encoding"] = "br" }).status)
  end)

  it("wants the content type of the stream's kind", function()
    start()
    assert.equal(415, upload('{"id":"a"}', nil, "application/json").status)
    assert.equal(415, upload('{"id":"a"}', nil, "application/vnd.api+json").status)
    assert.equal(415, upload('[{"id":"a"}]', "224773", "application/x-ndjson").status)
    assert.equal(202, upload('{"id":"a"}', nil, "application/x-ndjson; charset=utf-8").status)
    assert.equal(415, call("POST", "/streams", "{}", "application/json").status)
  end)

  it("does not look into a referenced upload until it is processed", function()
    start()
    local whole = upload('[{"id":"a","n":1.50},{"id":7}]', "224773", "application/json")
    assert.same({ 202, "uploaded", "success", 2, 0, {} }, verdict(whole))
    assert.same({ '{"id":"a","n":1.50}', '{"id":7}' }, { sb:stream(224773):get "a", sb:stream(224773):get "7" })
    local broken = upload('[{"id":', "224773", "application/json")
    assert.same({ 202, "uploaded", "success" }, { table.unpack(verdict(broken), 1, 3) })
    assert.equal(2, sb:import "224773")
    local id = broken:json().data.id
    local later = call("GET", "/streams/224773/batches/" .. id):json().data.attributes
    assert.same({ "failed", "failure" }, { later.status, later.stages.processing.status })
  end)

  it("keeps names unique, a deleted one's for a while", function()
    start { name_reserved = 100 }
    local first = create("My stream", "chunked")
    assert.equal(201, first.status)
    local id = first:json().data.id
    local twin = create("My stream", "referenced")
    assert.equal(409, twin.status)
    assert.same({ type = "stream", id = id, links = { self = "/streams/" .. id } }, twin:json().errors[1].meta.duplicate)
    assert.same({ "409", "13579" }, { twin:json().errors[1].status, twin:json().errors[1].code })
    assert.equal(409, create("My stream", nil, "124773").status)
    assert.equal(200, create("My stream", nil, id).status)
    assert.equal(204, call("DELETE", "/streams/" .. id).status)
    assert.equal(404, call("DELETE", "/streams/" .. id).status)
    assert.equal(409, create("My stream", "chunked").status)
    now = now + 101
    assert.equal(201, create("My stream", "chunked").status)
  end)

  it("refuses streams that break the rules", function()
    start()
    for _, case in ipairs { { "ab", "chunked" }, { ("é"):rep(256), "chunked" }, { "fine", "other" }, { "fine" } } do
      assert.equal(422, create(case[1], case[2]).status, case[1])
    end
    assert.equal(201, create(("é"):rep(255), "chunked").status)
    assert.equal(422, create("new name", "referenced", "124773").status) -- the type can't change
    for _, body in ipairs { "", "{", '{"data":[]}', '{"data":{"type":"site","attributes":{}}}' } do
      local status = call("POST", "/streams", body).status
      assert.is_true(status == 400 or status == 422 or status == 415, body)
    end
    for i = 1, 97 do assert.equal(201, create("stream " .. i, "chunked").status) end
    assert.equal(422, create("one too many", "chunked").status)
    assert.equal(0, sb.bugs)
  end)

  it("lists ten at a time", function()
    start()
    for i = 1, 23 do create("stream " .. i, "chunked") end
    local seen, offset = 0, 0
    repeat
      local page = call("GET", "/streams?page%5Boffset%5D=" .. offset .. "&page%5Blimit%5D=50"):json()
      assert.is_true(json.isarray(page.data) and #page.data <= 10)
      seen, offset = seen + #page.data, offset + 10
      assert.equal(offset >= 25, page.links.next == nil)
      assert.equal(offset == 10, page.links.prev == nil)
    until not page.links.next
    assert.equal(25, seen)
    local by_link = call("GET", call("GET", "/streams"):json().links.next):json()
    assert.equal(10, #by_link.data)
    assert.equal(400, call("GET", "/streams?page%5Boffset%5D=x").status)
    sb:stop()
    start { null_links = true }
    assert.equal(json.null, call("GET", "/streams"):json().links.next)
  end)

  it("limits by stream and by endpoint, with its headers", function()
    start { rate_scale = 1 }
    local last
    for _ = 1, 31 do last = upload '{"id":"a"}' end
    assert.equal(429, last.status)
    assert.same({ "30", "30", "0", "1700000001" }, { last.headers["ratelimit-limit"], last.headers["ratelimit-observed"],
      last.headers["ratelimit-remaining"], last.headers["ratelimit-reset"] })
    assert.equal('{"errors":[{"status":"429","title":"Too Many Requests"}]}', last.body)
    assert.equal(202, upload('[{"id":"a"}]', "224773", "application/json").status) -- another stream, another bucket
    local batch
    for _ = 1, 100 do batch = call("GET", "/streams/124773/batches/x") end
    assert.equal(404, batch.status)
    assert.equal(429, call("GET", "/streams/124773/batches/x").status)
    for _ = 1, 5 do assert.equal(200, call("GET", "/streams").status) end
    assert.equal(429, call("GET", "/streams").status)
    assert.equal(200, call("GET", "/streams/124773").status)
    now = now + 1
    assert.equal(202, upload('{"id":"a"}').status)
    assert.equal(3, sb.limits.refused)
  end)

  it("refuses other bearers, and says what is not there", function()
    start()
    for _, value in ipairs { "Bearer wrong", "Bearer", "Basic sandbox-token", "" } do
      local answer = http.get(sb.url .. "/streams", { headers = { Authorization = value } })
      assert.same({ 401, "401" }, { answer.status, answer:json().errors[1].status })
    end
    assert.equal(404, upload('{"id":"a"}', "999").status)
    assert.equal(404, call("GET", "/streams/124773/other").status)
    assert.equal(405, call("PUT", "/streams").status)
  end)

  it("deletes by ids with anything in them, and as it is told", function()
    start { delete_answer = 204 }
    upload '{"id":"a/b #?%"}\n{"id":"c"}'
    assert.equal(204, call("DELETE", "/streams/124773/products/a%2Fb%20%23%3F%25").status)
    assert.equal(1, sb:stream(124773).count)
    assert.equal(204, call("DELETE", "/streams/124773/products?all=true").status)
    assert.equal(0, sb:stream(124773).count)
    assert.equal(422, call("DELETE", "/streams/124773/products", "", "application/x-ndjson").status)
  end)

  it("processes batches when it is told to, or by itself", function()
    start { import_after = 10 }
    local id = upload('{"id":"a"}\n{"id":"b"}'):json().data.id
    local path = "/streams/124773/batches/" .. id
    assert.equal("uploaded", call("GET", path):json().data.attributes.status)
    now = now + 10
    assert.equal("processed", call("GET", path):json().data.attributes.status)
    local other = upload('{"id":"a"}\n{"id":"b"}'):json().data.id
    assert.equal(1, sb:import(124773, { reject = 1, message = "Invalid price" }))
    local stage = call("GET", "/streams/124773/batches/" .. other):json().data.attributes
    assert.same({ "processed", 1, "warning", "Invalid price" },
      { stage.status, stage.errorCount, stage.stages.processing.status, stage.stages.processing.errors[1].message })
  end)
end)
