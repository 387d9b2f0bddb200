-- Every curl example of the Platform API in the vendor's documents, byte for byte in, shape for shape out.
local documents = require "support.documents"
local http = require "sluice.http"
local json = require "sluice.json"
local platform = require "sluice.sandbox.platform"
local sandbox = require "sluice.sandbox"

local TOKEN, PAT, BATCH = "1234:simsalabim", "pat-token", ("0123456789abcdef"):rep(2)

describe("the documents of the Platform API", function()
  local sb, now

  -- The account that the examples speak of.
  before_each(function()
    now = 1438260892 -- 2015-07-30 12:54:52
    sb = sandbox.start { products = 0, platform_token = TOKEN, token = PAT, rate_scale = 1000, clock = function() return now end }
    for _, id in ipairs { 2, 125, 321 } do platform.create_project(sb, { id = id, name = "project " .. id }) end
    platform.create_site(sb, { id = 1, project = 1, title = "mine", import_schedule = "8 * * * *" })
    platform.create_site(sb, { id = 125, project = 1, title = "old" })
    sb.platform.sites[123].project = 321
    sb.platform.sites[123].tags[2] = { id = 12302, key = "tagname", value = "tagValue" }
    require("sluice.sandbox.stream").create(sb, "one", "chunked", "1")
  end)
  after_each(function() sb:stop() end)

  local function run(name, more, header)
    local replacements = { ["https://platform-api.productsup.io"] = sb.url, ["md5string32chars"] = BATCH, ["value'"] = TOKEN .. "'",
      ["<site_id>"] = "123", ["<siteId>"] = "123", ["<stream_id>"] = "124773", ["<token>"] = PAT }
    for from, to in pairs(more or {}) do replacements[from] = to end
    local own = documents.text("platform/" .. name .. ".sh"):find("X-Auth-Token", 1, true) or name == "chapter4"
    local token = not own and "X-Auth-Token: " .. TOKEN or nil
    return documents.run("platform/" .. name, replacements, nil, header or token)
  end

  -- The printed answer. What the tables of fields name beside the samples, the real answers have as well.
  local function printed(name, key, fields)
    local answer = documents.answer("platform/" .. name)
    for _, one in ipairs(key and answer[key] or {}) do
      for field, value in pairs(fields or {}) do
        if one[field] == nil then one[field] = value end
      end
    end
    return answer
  end

  local SITE = { status = "active", import_schedule = "", id_column = "id", processing_status = "Done" }
  local META = { cursor = { current = 0, prev = 0, next = 1, count = 1 } }

  local function like(name, status, expected, more)
    local answer = run(name, more)
    assert.equal(status, answer.status, name .. ": " .. answer.body)
    assert.equal("application/json", answer.headers["content-type"])
    assert.is_nil(documents.differs(expected, answer.value))
    return answer.value
  end

  it("projects", function()
    local list = printed "projects"
    list.meta = documents.answer("platform/cursor").meta
    assert.equal("default project", like("projects", 200, list).Projects[1].name)
    assert.equal("1", like("project", 200, printed "project").Projects[1].id)
    local made = like("create_project", 200, printed "create_project").Projects[1]
    assert.same({ "test project", "2015-07-30 12:54:52" }, { made.name, made.created_at })
    assert.equal("example project", like("update_project", 200, printed "update_project").Projects[1].name)
    assert.equal('{"success":true}', run("delete_project").body)
    assert.equal(404, run("delete_project").status)
  end)

  it("sites", function()
    local expected = printed("site", "Sites", SITE)
    assert.equal("site 1", like("site", 200, expected).Sites[1].title)
    assert.equal("123", like("site_by_tag", 200, expected).Sites[1].id)
    expected.meta = META
    assert.equal(3, #like("sites", 200, expected).Sites)
    assert.equal(1, #like("sites_of_project", 200, expected).Sites)
    local made = like("create_site", 200, printed("create_site", "Sites", SITE)).Sites[1]
    assert.same({ "example site", 321, "8 * * * *", "uniqueIdentifier" }, { made.title, made.project_id, made.import_schedule, made.id_column })
    assert.equal(400, run("create_site").status) -- the reference must be unique
    local changed = like("update_site", 200, printed("update_site", "Sites", SITE)).Sites[1]
    assert.same({ "My test site", "TZ=Europe/Berlin\nH 2,6,19,22 * * 2,4,6" }, { changed.title, changed.import_schedule })
    local copy = like("copy_site", 200, printed("copy_site", "Sites", SITE)).Sites[1]
    assert.same({ "example copy site", "2", changed.import_schedule }, { copy.title, copy.project_id, copy.import_schedule })
    assert.equal('{"success":true}', run("delete_site").body)
    assert.equal(404, run("delete_site").status)
  end)

  it("stream data sources: link, list, change, end", function()
    local source = printed "link_stream"
    assert.same(source, like("link_stream", 201, source)) -- field for field, values as well
    assert.equal(422, run("link_stream").status)
    assert.same(printed "stream_sources", like("stream_sources", 200, printed "stream_sources"))
    assert.same(printed "update_source", like("update_source", 200, printed "update_source"))
    assert.same(printed "unlink_stream", like("unlink_stream", 200, printed "unlink_stream"))
    assert.equal(422, run("unlink_stream").status)
    assert.equal(422, run("update_source").status)
  end)

  it("the tutorial: link a stream with the PAT, import, ask how it went; then histories and errors", function()
    local linked = like("chapter4", 201, printed "chapter4")
    assert.same({ "stream : 124773", "Stream API Tutorial - First Stream API Data Source" },
      { linked.Sources[1].settings[1], linked.Sources[1].description })
    local started = like("chapter5", 200, printed "chapter5")
    assert.equal(printed("chapter5").message, started.message)
    local function status(pid) return run("status", { ["<pid>"] = pid or started.process_id }).value end
    assert.equal("queued", status().status)
    now = now + 1
    assert.equal("running", status().status)
    sb:fail_process(123)
    now = now + 2
    local failed = status()
    local shape = printed "status"
    assert.same({ "failed", 2 }, { failed.status, #failed.links })
    for i, link in ipairs(shape.links) do assert.is_nil(documents.differs(link, failed.links[i])) end
    assert.matches("/platform/v2/sites/123/errors%?pid=" .. started.process_id:gsub("%-", "%%-"), failed.links[1].errors)
    assert.same({ "queued", 1 }, { status("47e6b828-3210-3568-8ec3-85ed3e2d944c").status, #status("47e6b828-3210-3568-8ec3-85ed3e2d944c").links })

    local errors = like("site_errors", 200, printed("site_errors", "Errors", { message = "" }))
    assert.same({ started.process_id, "10012", "sftpuser" }, { errors.Errors[1].pid, errors.Errors[1].error, errors.Errors[1].data.User })
    local history = like("import_history", 200, printed "import_history")
    assert.same({ started.process_id, "0", 123 }, { history.Importhistory[1].pid, history.Importhistory[1].product_count,
      history.Importhistory[1].site_id })
  end)

  it("a process as its own chapter has it", function()
    local answer = run("process").value
    answer.estimated_duration, answer.message = nil, nil -- the tutorial prints these two as well
    assert.is_nil(documents.differs(printed "process", answer))
    local pat = run("process", nil, "Authorization: Bearer " .. PAT) -- unified authentication; one is queued now
    assert.same({ 429, false, "Cannot trigger a new process, a process is already in the current queue." },
      { pat.status, pat.value.success, pat.value.message })
  end)

  it("channels and their history", function()
    assert.equal(2, #like("channels", 200, printed "channel").Channels)
    assert.equal("Criteo DE", like("channel", 200, printed "channel").Channels[1].name)
    assert.equal(0, #like("channel_history", 200, printed "channel_history").Channels[1].history)
    sb.platform.sites[123].channels[2] = nil
    assert(http.request { method = "POST", url = sb.url .. "/platform/v2/process/123", headers = { ["X-Auth-Token"] = TOKEN },
      body = '{"action":"all"}' })
    now = now + 10
    local history = like("channel_history", 200, printed "channel_history").Channels[1].history
    assert.same({ 1, "2015-07-30 12:54:53", "2015-07-30 12:54:55" }, { #history, history[1].export_start, history[1].export_time })
  end)

  it("products: upload, commit, read, properties, delete in both ways, discard, all", function()
    local function import()
      assert(run("process").value.success)
      now = now + 10
    end
    local function ids()
      local list = {}
      for i, one in ipairs(run("read").value.products) do list[i] = one.id end
      return list
    end
    local up = run "upload"
    assert.same({ 200, true, 2 }, { up.status, up.value.success, up.value.Products.count })
    assert.equal(200, run("commit").status)
    import()
    local read = like("read", 200, printed "read")
    assert.same({ { id = "123", gtin = "" }, { id = "124", gtin = "" } }, read.products)
    local properties = like("properties", 200, printed "properties")
    assert.same({ { "id", "title", "price", "shipping" }, 2 }, { properties.columns, properties.products })

    for name, left in pairs { soft_delete = { "123", "124" }, hard_delete = { "123" } } do
      local batch = name:rep(4):sub(1, 32)
      assert.equal(200, run(name, { [BATCH] = batch, ["md5string32chars"] = batch }).status)
      assert(http.request { method = "POST", url = ("%s/platform/v2/sites/123/products/%s/commit"):format(sb.url, batch),
        headers = { ["X-Auth-Token"] = TOKEN }, body = '{"type":"delta","automatic_import":false}' })
      if name == "hard_delete" then
        import()
        assert.same(left, ids())
      end
    end
    assert.equal(200, run("discard", { ["md5string32chars"] = ("f"):rep(32) }).status)
    assert.equal(200, run("delete_products").status)
    import()
    assert.same({}, ids())
  end)

  it("the commands without a token are refused", function()
    local refused = documents.run("platform/projects", { ["https://platform-api.productsup.io"] = sb.url })
    assert.equal(401, refused.status)
    assert.same(documents.answer "platform/forbidden", refused.value)
    assert.equal(401, documents.run("platform/projects", { ["https://platform-api.productsup.io"] = sb.url }, PAT).status) -- no PAT here
  end)

  it("the edits as printed, without -X PUT, are refused", function()
    local answer = assert(http.request { method = "POST", url = sb.url .. "/platform/v2/projects/125", body = '{"name":"example project"}',
      headers = { ["X-Auth-Token"] = TOKEN } })
    assert.same({ 405, false }, { answer.status, json.decode(answer.body).success })
  end)
end)

describe("the documents of the Platform API's limits", function()
  it("headers and the answer when they are exceeded", function()
    local now = 1651174222.4
    local sb = sandbox.start { products = 0, platform_token = TOKEN, clock = function() return now end }
    finally(function() sb:stop() end)
    local function compare(answer, name)
      local text = documents.text("platform/" .. name .. ".txt")
      assert.equal(tonumber(text:match "HTTP/2 (%d+)"), answer.status)
      for header, value in text:gmatch "(X%-R%a+[Ll]imit%-[%w-]+): (%d+)" do assert.equal(value, answer.headers[header:lower()], header) end
      return text:match "\n\n({.-})\n"
    end
    local function get() return assert(http.get(sb.url .. "/platform/v2/projects", { headers = { ["X-Auth-Token"] = TOKEN } })) end
    for _ = 1, 3 do assert.equal(200, get().status) end
    compare(get(), "rate_headers")
    assert.equal("0", get().headers["x-ratelimit-remaining"])
    local refused = get()
    assert.equal(compare(refused, "rate_exceeded"), refused.body)
    now = 1651174223
    assert.equal(200, get().status)
  end)
end)
