-- The sandbox's Platform API: what the documents say beside their examples.
local http = require "sluice.http"
local json = require "sluice.json"
local Limits = require "sluice.sandbox.limits"
local sandbox = require "sluice.sandbox"
local task = require "sluice.task"

local BATCH = ("0123456789abcdef"):rep(2)

describe("the sandbox's Platform API", function()
  local sb, now

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

  local function call(method, path, body, headers)
    local answer = assert(http.request { method = method, url = sb.url .. path, headers = headers or { ["X-Auth-Token"] = "1234:sandbox" },
      body = type(body) == "table" and json.encode(body) or body })
    return answer.status, json.decode(answer.body), answer
  end

  local function message(method, path, body)
    local status, value = call(method, "/platform/v2" .. path, body)
    return { status, value.success, value.message }
  end

  local function trigger(action, id)
    local status, value = call("POST", "/platform/v2/process/123", { action = action or "import", id = id })
    return value.process_id, status, value.message
  end

  local function state(pid) return select(2, call("GET", "/platform/v2/sites/123/status/" .. pid)).status end

  local function read(query)
    local status, value = call("GET", "/product/v2/site/123/stage/" .. (query or "import/0"))
    return value.products or { status, value.message }, status
  end

  local function upload(rows, batch, site)
    return call("POST", ("/platform/v2/sites/%s/products/%s/upload"):format(site or 123, batch or BATCH), rows)
  end

  local function commit(kind, batch, automatic)
    return call("POST", ("/platform/v2/sites/123/products/%s/commit"):format(batch or BATCH), { type = kind, automatic_import = automatic or false })
  end

  it("counts 5 a second for each endpoint, 15 for writes, 60 a minute for reads", function()
    start { rate_scale = 1 }
    local function refused(times, method, path, body)
      local count = 0
      for _ = 1, times do count = count + (call(method, path, body) == 429 and 1 or 0) end
      return count
    end
    assert.equal(1, refused(6, "GET", "/platform/v2/sites"))
    assert.equal(0, refused(5, "GET", "/platform/v2/projects"))
    assert.equal(1, refused(16, "POST", "/platform/v2/sites/123/products/" .. BATCH .. "/discard"))
    assert.equal(0, refused(15, "POST", "/platform/v2/sites/123/products/" .. BATCH .. "/commit", "{}"))
    assert.equal(1, refused(61, "GET", "/product/v2/site/123/stage/import/0"))
    now = now + 59
    assert.same({ 0, 1 }, { refused(1, "GET", "/platform/v2/sites"), refused(1, "GET", "/product/v2/site/123/stage/import/0/properties") })
    now = now + 1
    assert.equal(0, refused(1, "GET", "/product/v2/site/123/stage/import/0/properties"))
    assert.equal(4, sb.limits.refused)
  end)

  it("takes one process per site in five minutes, of which the window is an option", function()
    start { rate_scale = 1 }
    assert.is_string((trigger()))
    now = now + 299
    local _, status, text = trigger()
    assert.same({ 429, "Too many attempts." }, { status, text })
    local _, _, answer = call("POST", "/platform/v2/process/123", { action = "import" })
    assert.equal("1700000300", answer.headers["x-ratelimit-retry-after"])
    assert.equal("Tue, 14 Nov 2023 22:18:19 GMT", answer.headers.date)
    now = now + 1
    assert.is_string((trigger()))
    sb:stop()
    start { rate_scale = 1, process_window = 2 }
    assert.is_string((trigger()))
    now = now + 2
    assert.is_string((trigger()))
  end)

  it("keeps no window without strict time, but queues one process only", function()
    start { rate_scale = 1, strict_time = false }
    for _ = 1, 3 do
      assert.is_string((trigger()))
      assert.same({ 429, "Cannot trigger a new process, a process is already in the current queue." }, { select(2, trigger()) })
      now = now + 3
    end
    local _, _, answer = call("POST", "/platform/v2/process/123", { action = "import" })
    assert.is_nil(answer.headers["x-ratelimit-limit"])
    local _, _, other = call("GET", "/platform/v2/projects")
    assert.equal("5", other.headers["x-ratelimit-limit"])
  end)

  it("dumps the products of a site as NDJSON: committed, imported, exported", function()
    start()
    local function dump(query)
      local answer = assert(http.get(sb.url .. "/sandbox/site/" .. query))
      return answer.status == 200 and answer.body or { answer.status, json.decode(answer.body).error }
    end
    assert.same({ "", "" }, { dump "123", dump "123?stage=committed" })
    upload({ { id = "b", price = json.decode "1.50", title = "ü" }, { id = "a" }, { id = "c" } })
    commit "full"
    upload({ { id = "c", ["pup:isdeleted"] = -1 }, { id = "a", title = "A" } }, ("f"):rep(32))
    commit("delta", ("f"):rep(32))
    assert.equal("", dump "123")
    local before = dump "123?stage=committed"
    local pid = trigger "all"
    now = now + 3
    assert.equal("success", state(pid))
    assert.same({ before, before }, { dump "123", dump "123?stage=channel&id=321" })
    local rows = {}
    for line in before:gmatch "[^\n]+" do rows[#rows + 1] = json.decode(line) end
    assert.same({ "b", "a" }, { rows[1].id, rows[2].id })
    assert.same({ "1.5", "ü", "A" }, { rows[1].price, rows[1].title, rows[2].title })
    assert.same({ 400, "there is no site 9" }, dump "9")
    assert.matches("site 123 has nothing for stage=channel", dump "123?stage=channel&id=9"[2])
    assert.equal(0, sb.bugs)
  end)

  it("runs one process, queues one more, and refuses a third", function()
    start()
    local first = trigger()
    assert.same({ "queued", 429 }, { state(first), (select(2, trigger())) })
    now = now + 1
    local second = trigger()
    assert.same({ "running", "queued", 429 }, { state(first), state(second), (select(2, trigger())) })
    assert.equal("Running", select(2, call("GET", "/platform/v2/sites/123")).Sites[1].processing_status)
    now = now + 2
    assert.same({ "success", "running" }, { state(first), state(second) })
    now = now + 2
    assert.same({ "success", "queued" }, { state(second), state "537cb0659a7dc" })
    assert.equal(400, (call("GET", "/platform/v2/sites/123/status/whatever")))
    assert.same({ 400, false, "there is no action expot" }, message("POST", "/process/123", { action = "expot" }))
    assert.equal(400, message("POST", "/process/123", { action = "channel" })[1])
    assert.equal(404, message("POST", "/process/9", { action = "import" })[1])
  end)

  it("imports what is in linked streams when the process begins, and gives their batches a verdict", function()
    start()
    local feed = { Authorization = "Bearer sandbox-token", ["Content-Type"] = "application/x-ndjson" }
    assert.equal(201, (call("POST", "/platform/v2/sites/123/streams", { stream_id = 124773 })))
    local _, batch = call("POST", "/streams/124773/products", '{"id":"a","price":1.50,"gone":null}\n{"id":"b","nested":{"x":1}}\n', feed)
    local pid = trigger()
    now = now + 1
    call("POST", "/streams/124773/products", '{"id":"late"}\n', feed) -- the process runs already
    now = now + 2
    assert.equal("success", state(pid))
    assert.same({ { id = "a", price = "1.50", gone = "" } }, (read()))
    local _, shown = call("GET", "/streams/124773/batches/" .. batch.data.id, nil, feed)
    assert.equal("processed", shown.data.attributes.status)
    call("PUT", "/platform/v2/sites/123/streams/124773", { status = "paused" })
    trigger()
    now = now + 5
    assert.same({}, (read()))
  end)

  it("replaces by a full commit, changes by a delta, and takes marked products out", function()
    start()
    local function go(kind, rows)
      local id = ("%032x"):format(now)
      assert.equal(200, (upload(rows, id)))
      assert.equal(200, (commit(kind, id)))
      trigger "all"
      now = now + 5
    end
    local function ids(query)
      local list = {}
      for i, one in ipairs(read(query)) do list[i] = one.id end
      return table.concat(list, " ")
    end
    go("full", { { id = 1, v = "x" }, { id = 2 }, { id = 2, v = "last" }, { id = 3 } })
    assert.equal("1 2 3", ids())
    assert.equal("last", read("import/0?filter=id%20%3D%20'2'")[1].v)
    go("delta", { { id = 1, ["pup:isdeleted"] = 1 }, { id = 2, ["pup:isdeleted"] = -1 }, { id = 4 } })
    assert.same({ "1 3 4", "3 4" }, { ids(), ids "channel/321" })
    go("full", { { id = 9 } })
    assert.equal("9", ids())
    assert.equal(404, select(2, read "channel/999"))
    assert.equal(400, select(2, read "import/5"))
  end)

  it("reads fields, filters, pages and hidden columns", function()
    start()
    local rows = {}
    for i = 1, 7 do rows[i] = { id = "p" .. i, brand = i % 2 == 0 and "O'Neill" or "Acme", n = i } end
    upload(rows)
    commit "full"
    trigger()
    now = now + 5
    local function ids(query)
      local list = {}
      for i, one in ipairs(read("import/0?" .. query)) do list[i] = tostring(one.id) end
      return table.concat(list, " ")
    end
    assert.equal("p3 p4", ids "limit=2&offset=2")
    assert.equal("p2 p7", ids "filter=id%20IN%20('p2','p7')")
    assert.equal("p2 p4 p6", ids "filter=brand%20%3D%20'O''Neill'")
    assert.equal("p2 p4", ids "filter=brand%20%3C%3E%20'Acme'&limit=2")
    assert.same({ id = "p1", n = "1" }, read("import/0?fields[0]=n&limit=1")[1])
    assert.is_string(read("import/0?hidden=1&fields[0]=id")[1].___skipped_export)
    for _, wrong in ipairs { "brand%20LIKE%20'x'", "id%20IN%20('p2'", "id%20%3D%20p2", "1%3D1%20OR%20id%3D'x'" } do
      assert.equal(400, select(2, read("import/0?filter=" .. wrong)), wrong)
    end
    assert.equal(7, #read "import/0?ofset=5") -- what is misspelt is not seen
  end)

  it("checks products strictly", function()
    start()
    local function refused(rows, text, batch)
      local status, value = upload(rows, batch)
      assert.same({ 400, false }, { status, value.success })
      assert.matches(text, value.message, 1, true)
    end
    refused({ { id = 1, tags = { "a" } } }, "product 1: the column tags must not be nested")
    refused({ { id = 1 }, { title = "x" } }, "product 2: every product needs an id")
    refused({ { id = "" } }, "needs an id")
    refused("{}", "must be a JSON array")
    refused("[1]", "must be an object")
    refused({ { id = 1 } }, "32 characters", "short")
    local many = json.array {}
    for i = 1, 10001 do many[i] = { id = i } end
    refused(many, "at most 10000 products")
    many[10001] = nil
    assert.equal(200, (upload(many)))
    sb:site(123).status = "disabled"
    assert.equal(403, (upload { { id = 1 } }))
  end)

  it("commits a batch once, imports it by itself 20 minutes later, and forgets a discarded one", function()
    start()
    assert.equal(404, (commit("full", ("e"):rep(32))))
    upload { { id = 1 } }
    assert.equal(400, (commit "partial"))
    assert.equal(200, (commit("full", nil, true)))
    assert.equal(400, (commit("full", nil, true)))
    assert.equal(400, (upload { { id = 2 } }))
    now = now + 1199
    assert.same({}, (read()))
    now = now + 1
    assert.same({}, (read()))
    now = now + 10
    assert.equal(1, #read())
    local other = ("d"):rep(32)
    upload({ { id = 2 } }, other)
    assert.equal(200, (call("POST", "/platform/v2/sites/123/products/" .. other .. "/discard")))
    assert.equal(200, (commit("full", other))) -- what is committed then is empty
    trigger()
    now = now + 10
    assert.same({}, (read()))
  end)

  it("answers 423 to what comes beside an upload of the same batch, and counts reads side by side", function()
    start { latency = 0.05 }
    local statuses, tasks = {}, {}
    for i = 1, 3 do
      tasks[i] = function()
        local status = upload({ { id = i } }, i == 3 and ("d"):rep(32) or nil)
        statuses[#statuses + 1] = status
      end
    end
    task.all(tasks)
    table.sort(statuses)
    assert.same({ 200, 200, 423 }, statuses)
    assert.equal(1, sb.limits.overlaps)
    task.all { read, function() read() end }
    assert.equal(2, sb.limits.overlaps)
    read()
    assert.equal(2, sb.limits.overlaps)
  end)

  it("gives the answers of the documents to order", function()
    start()
    for says, expected in pairs { lock = "Could not trigger job because a lock is already acquired",
      job_server = "Error occurred while interacting with the job server", in_queue = "already in the current queue",
      too_many = "Too many attempts." } do
      sb:fault { kind = "status", status = 500, says = says, path = "/platform/v2/process/*" }
      assert.matches(expected, select(3, trigger()), 1, true)
    end
    sb:fault "status status=429 says=in_queue path=/platform/*"
    assert.equal(429, message("GET", "/projects")[1])
    assert.equal(200, (call("GET", "/platform/v2/projects")))
    assert.is_false(pcall(sb.fault, sb, { kind = "status", says = 5 }))
  end)

  it("lets a process fail to order, from outside as well", function()
    start()
    assert.equal(200, (call("POST", "/sandbox/process", { site = 123, fail = true, error = 7, message = "no disk", data = "x" })))
    local pid = trigger()
    now = now + 5
    assert.equal("failed", state(pid))
    local one = select(2, call("GET", "/platform/v2/sites/123/errors?pid=" .. pid)).Errors[1]
    assert.same({ "7", "no disk", "x" }, { one.error, one.message, one.data })
    trigger()
    now = now + 5
    assert.equal(2, #select(2, call("GET", "/platform/v2/sites/123/importhistory")).Importhistory)
    for _, wrong in ipairs { { site = 9, fail = true }, { site = 123 }, { site = 123, fail = true, data = { 1 } } } do
      assert.equal(400, (call("POST", "/sandbox/process", wrong)))
    end
  end)

  it("writes no products where the vendor has removed that, and answers in JSON alone", function()
    start { legacy_gone = 410 }
    assert.same({ 410, 410, 200 }, { (upload { { id = 1 } }), (call("DELETE", "/platform/v2/sites/123/products")),
      (call("GET", "/platform/v2/sites/123")) })
    local headers = { ["X-Auth-Token"] = "1234:sandbox", Accept = "text/html" }
    assert.equal(406, (call("GET", "/platform/v2/sites", nil, headers)))
    headers.Accept = "text/html, */*;q=0.1"
    assert.equal(200, (call("GET", "/platform/v2/sites", nil, headers)))
  end)

  it("pages by the cursor", function()
    start()
    local platform = require "sluice.sandbox.platform"
    for i = 1, 60 do platform.create_project(sb, { name = "p" .. i }) end
    local _, first = call("GET", "/platform/v2/projects")
    assert.same({ 50, 50, 0 }, { #first.Projects, first.meta.cursor.count, first.meta.cursor.current })
    local _, second = call("GET", "/platform/v2/projects?limit=50&cursor=" .. first.meta.cursor.next)
    assert.same({ 11, 0 }, { #second.Projects, #select(2, call("GET", "/platform/v2/projects?cursor=" .. second.meta.cursor.next)).Projects })
    assert.equal(400, (call("GET", "/platform/v2/projects?limit=x")))
  end)

  it("knows sites by tags, keeps what is empty apart from what is left out, and deletes a project's sites with it", function()
    start()
    local status, made = call("POST", "/platform/v2/sites", { title = "t", project_id = 1, reference = "my:tag", id_column = "" })
    assert.same({ 200, "", 1 }, { status, made.Sites[1].id_column, made.Sites[1].project_id })
    local id = made.Sites[1].id
    local _, found = call("GET", "/platform/v2/sites/my:tag")
    assert.equal(tostring(id), found.Sites[1].id)
    call("PUT", "/platform/v2/sites/" .. id, { import_schedule = "H * * * *" })
    local _, changed = call("PUT", "/platform/v2/sites/" .. id, { title = "u" })
    assert.same({ "u", "H * * * *" }, { changed.Sites[1].title, changed.Sites[1].import_schedule })
    assert.equal("", select(2, call("PUT", "/platform/v2/sites/" .. id, { import_schedule = "" })).Sites[1].import_schedule)
    assert.equal("my", select(2, call("GET", ("/platform/v2/sites/%d/tags"):format(id))).Tags[1].key)
    assert.same({ 400, false, "the reference is taken" }, message("POST", "/projects/1/sites", { title = "x", reference = "my:tag" }))
    assert.equal(400, message("PUT", "/sites/" .. id, { status = "gone" })[1])
    assert.equal(400, message("PUT", "/sites/" .. id, { id = 7 })[1])
    assert.equal(404, message("PUT", "/projects/9/sites/" .. id, {})[1])
    assert.equal(400, message("POST", "/projects", "{")[1])
    call("DELETE", "/platform/v2/projects/1")
    assert.equal(404, message("GET", "/sites/my:tag")[1])
    assert.equal(404, message("GET", "/nothing")[1])
  end)

  it("lists and takes errors of a process", function()
    start()
    assert.equal(200, (call("POST", "/platform/v2/sites/123/errors", { pid = "p1", error = 7, data = { a = 1 } })))
    call("POST", "/platform/v2/sites/123/errors", { pid = "p2", error = 8 })
    local _, latest = call("GET", "/platform/v2/sites/123/errors")
    assert.same({ 1, "p2" }, { #latest.Errors, latest.Errors[1].pid })
    local _, old = call("GET", "/platform/v2/sites/123/errors?pid=p1")
    assert.same({ "7", { a = 1 } }, { old.Errors[1].error, old.Errors[1].data })
    assert.same({}, select(2, call("GET", "/platform/v2/sites/123/errors?pid=p1&offset=1")).Errors)
    assert.equal(400, message("POST", "/sites/123/errors", { pid = "p" })[1])
  end)
end)

describe("the sandbox's limits", function()
  it("have windows that begin with their first request, and tell a client that is quicker than the rate", function()
    local limits = Limits.new()
    local function hit(at) return (limits:hit("p", 2, at, 60)) end
    assert.same({ true, true, false }, { hit(10.5), hit(69), hit(70) })
    assert.same({ true, true, false }, { hit(71), hit(71), hit(130) })
    assert.equal(2, limits.refused)
    assert.is_true(limits.bursts >= 2)
    assert.same({ true, 1, 191 }, { table.unpack({ limits:hit("p", 2, 131, 60) }, 1, 3) })
  end)

  it("count who is inside", function()
    local limits = Limits.new()
    local first, crowded = limits:enter("read", 1)
    assert.is_false(crowded)
    local second
    second, crowded = limits:enter("read", 1)
    assert.is_true(crowded)
    first()
    second()
    assert.same({ 1, nil }, { limits.overlaps, limits.inside.read })
    assert.is_false(select(2, limits:enter("read", 1)))
  end)
end)
