-- The Platform API's operations: the request of each beside the document's curl command, its answer, an error answer.
local connect = require("sluice.connect").connect
local definition = require "sluice.definition"
local document = require "support.document"
local documents = require "support.documents"
local err = require "sluice.err"
local flying = require "support.flying"
local json = require "sluice.json"
local ndjson = require "sluice.ndjson"
local scripted = require "support.scripted"
local server = require "sluice.server"
local time = require "sluice.time"

local BATCH = ("0123456789abcdef"):rep(2)

local function raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  return problem
end

local function message(text) return { success = false, message = text } end

describe("the Platform API", function()
  local api, site, hosts
  local function open(script, more)
    if api then api.close() end
    api = scripted.start(script)
    local keys = { api = "productsup_platform", name = "site", base_url = api.url, token = "1234:simsalabim",
      limits = { other = "10000/s", write = "10000/s", process = "10000/s", read = "10000/s" } }
    for key, value in pairs(more or {}) do keys[key] = value or nil end
    if more and more.token == false then keys.token = nil end
    site = connect(keys)
    hosts = { ["https://platform-api.productsup.io"] = api.url, ["md5string32chars"] = BATCH, ["value'"] = "1234:simsalabim'",
      ["<siteId>"] = "123", ["<site_id>"] = "123", ["<stream_id>"] = "1", ["<token>"] = "pat-token-1",
      ["<pid>"] = "47e6b828-3210-3568-8ec3-85ed3e2d944c" }
  end
  after_each(function()
    if api then api.close() end
    api = nil
  end)

  -- The request of `send` beside that of a printed command; the answer is the printed one (of `shown`), or `{"success":true}`.
  local function same(name, send, shown)
    local ok, printed = pcall(documents.answer, "platform/" .. (shown or name))
    local answer = ok and printed or { success = true }
    open(function() return { json = answer } end)
    document.same(api, documents.command("platform/" .. name), hosts, send)
    local request = api.requests[#api.requests]
    assert.equal("application/json", request.headers["content-type"])
    return request
  end

  it("has every operation of the documents", function()
    local names = {}
    for _, row in ipairs(definition.load("productsup_platform").operations) do names[row.name] = true end
    for name in ([[projects project create_project update_project delete_project sites site create_site update_site delete_site copy_site
      site_tags site_errors add_site_error import_history channels channel channel_history upload_products commit_products
      discard_products delete_site_products read_products product_properties process process_status stream_sources link_stream
      update_stream_source unlink_stream]]):gmatch "%S+" do
      assert.is_true(names[name], name)
      names[name] = nil
    end
    assert.same({}, names)
  end)

  it("sends the token in its header", function()
    open(function() return { json = { success = true, Projects = { { id = "1" } } } } end)
    local curl = require "support.curl"
    curl.document(documents.command "platform/authentication", hosts)
    site:project { project = 1 }
    assert.equal(api.requests[1].headers["x-auth-token"], api.requests[2].headers["x-auth-token"])
    assert.is_nil(api.requests[2].headers.authorization)
  end)

  it("projects", function()
    same("projects", function()
      for project in site:projects() do assert.equal("default project", project.name) end
    end)
    same("project", function() assert.equal("1", site:project { project = 1 }.id) end)
    same("create_project", function() assert.equal(125, site:create_project { name = "test project" }.id) end)
    same("delete_project", function() assert.is_true((site:delete_project { project = 125 })) end)
    local request = same("delete_project", function() site:delete_project { project = "125" } end)
    assert.equal("/platform/v2/projects/125", request.target)
    raises("usage", site.project, site, { project = "abc" })
    raises("usage", site.create_project, site, {})
  end)

  it("update_project sends what the command has, and the id that the table of fields asks for", function()
    open(function() return { json = documents.answer "platform/update_project" } end)
    require("support.curl").document(documents.command "platform/update_project", hosts)
    assert.equal("example project", site:update_project { project = 125, name = "example project" }.name)
    local theirs, ours = api.requests[1], api.requests[2]
    assert.same({ theirs.method, theirs.target }, { ours.method, ours.target })
    assert.same({ id = 125, name = "example project" }, (json.decode(ours.body)))
    assert.equal('{"name":"example project"}', theirs.body)
  end)

  it("sites", function()
    same("sites", function()
      for one in site:sites() do assert.equal("site 1", one.title) end
    end, "site")
    same("sites_of_project", function()
      for _ in site:sites { project = 321 } do end -- luacheck: ignore
    end, "site")
    same("site_by_tag", function() assert.equal("123", site:site { site = "tagname:tagValue" }.id) end, "site")
    same("site", function() assert.equal("123", site:site { site = 123 }.id) end)
    same("delete_site", function() assert.is_true((site:delete_site { site = 125 })) end)
    same("copy_site", function()
      local copy = site:copy_site { site = 1, site_name = "example copy site", project = "2", copy_export = true,
        copy_schedule_and_trigger = true, copy_shared_setting = true }
      assert.equal("example copy site", copy.title)
    end)
  end)

  it("escapes all of a tag but the colon", function()
    open(function() return { json = { success = true, Sites = { { id = "1" } } } } end)
    site:site { site = "my tag:a/b ü" }
    assert.equal("/platform/v2/sites/my%20tag:a%2Fb%20%C3%BC", api.requests[1].target)
    assert.matches("one colon", raises("usage", site.site, site, { site = "a:b:c" }).message)
    raises("usage", site.site, site, { site = ":b" })
  end)

  it("create_site", function()
    local request = same("create_site", function()
      site:create_site { project = 321, title = "example site", reference = "myReferenceKey:myReference1234", id_column = "uniqueIdentifier",
        import_schedule = "8 * * * *" }
    end)
    assert.is_nil(request.body:find '"id":')
    assert.is_nil(request.body:find "created_at")
    raises("usage", site.create_site, site, { project = 321 })
    raises("usage", site.create_site, site, { project = 321, title = "x", status = "gone" })
  end)

  it("update_site", function()
    same("update_site", function()
      site:update_site { site = 1, project = 1, title = "My test site", import_schedule = "TZ=Europe/Berlin\nH 2,6,19,22 * * 2,4,6" }
    end)
  end)

  it("keeps apart what is empty and what is left out", function()
    open(function() return { json = { success = true, Sites = { { id = 1 } } } } end)
    site:update_site { site = 1, title = "x" }
    site:update_site { site = 1, import_schedule = "", id_column = "" }
    site:create_site { project = 2, title = "y", id_column = "" }
    assert.equal('{"id":1,"title":"x"}', api.requests[1].body)
    assert.equal('{"id":1,"id_column":"","import_schedule":""}', api.requests[2].body)
    assert.equal('{"title":"y","id_column":""}', api.requests[3].body)
    assert.equal("/platform/v2/sites/1", api.requests[1].target)
    raises("usage", site.update_site, site, { site = 1, import_schedule = json.null })
  end)

  it("what hangs on a site", function()
    same("site_errors", function()
      for one in site:site_errors { site = 123 } do assert.equal("sftpuser", one.data.User) end
    end)
    same("import_history", function() assert.equal("18370", site:import_history { site = 123 }[1].product_count) end)
    same("channels", function() assert.equal("541", site:channels { site = 123 }[2].id) end, "channel")
    same("channel", function() assert.equal("Criteo DE", site:channel { site = 123, channel = 321 }.name) end)
    same("channel_history", function()
      assert.equal("560b96899e334", site:channel_history { site = 123, channel = 321 }[1].pid)
    end)
    open(function() return { json = { success = true, Tags = { { key = "k", value = "v", readonly = "0" } } } } end)
    assert.equal("k", site:site_tags { site = 123 }[1].key)
    assert.equal("GET /platform/v2/sites/123/tags", api.requests[1].method .. " " .. api.requests[1].target)
  end)

  it("site_errors takes what it is told about data, and pages on", function()
    local list = json.array {}
    for i = 1, 50 do list[i] = { id = tostring(i), data = ({ { a = 1 }, json.array {}, '{"FTP Host":"x"}', json.null })[i % 4 + 1] } end
    open(function(_, n) return { json = { success = true, Errors = n == 1 and list or json.array {} } } end)
    local count = 0
    for _ in site:site_errors { site = "a:b", pid = "abc 456" } do count = count + 1 end
    assert.equal(50, count)
    assert.equal("/platform/v2/sites/a:b/errors?pid=abc%20456", api.requests[1].target)
    assert.equal("/platform/v2/sites/a:b/errors?pid=abc%20456&offset=50&limit=50", api.requests[2].target)
  end)

  it("add_site_error", function()
    open(function() return { json = { success = true, Errors = { { id = 7 } } } } end)
    assert.equal(7, site:add_site_error { site = 123, pid = "abc", error = 10012, data = { file = "x" } }.id)
    assert.equal('{"pid":"abc","error":10012,"data":{"file":"x"}}', api.requests[1].body)
    raises("usage", site.add_site_error, site, { site = 123, pid = "abc" })
  end)

  it("upload_products, and what takes products out", function()
    same("upload", function()
      site:upload_products { site = "Identifier:123", batch = BATCH, body = { { id = 123, title = "test title", price = 1.23 },
        { id = 124, title = "next title", price = 3.21, shipping = "0.99" } } }
    end)
    for name, flag in pairs { soft_delete = 1, hard_delete = -1 } do
      same(name, function() site:upload_products { site = "Identifier:123", batch = BATCH, body = { { id = 124, ["pup:isdeleted"] = flag } } } end)
    end
    same("delete_products", function() assert.is_true(site:delete_site_products { site = "Identifier:123" }.success) end)
    raises("usage", site.upload_products, site, { site = 1, batch = "short", body = { { id = 1 } } })
    raises("usage", site.upload_products, site, { site = 1, batch = BATCH, body = {} })
  end)

  it("commit_products and discard_products", function()
    same("commit", function() site:commit_products { site = "Identifier:123", batch = BATCH, type = "full", automatic_import = true } end)
    same("discard", function() site:discard_products { site = "Identifier:123", batch = BATCH } end)
    assert.matches("type is missing", raises("usage", site.commit_products, site, { site = 1, batch = BATCH }).message)
    raises("usage", site.commit_products, site, { site = 1, batch = BATCH, type = "partial" })
  end)

  it("read_products and product_properties", function()
    open(function() return { json = documents.answer "platform/read" } end)
    require("support.curl").document(documents.command "platform/read", hosts)
    local read = { site = 123, stage = "intermediate", filter = "id <> ''", limit = 5000, fields = { "id", "gtin" }, hidden = 0 }
    for product in site:read_products(read) do
      assert.same({ id = "123", gtin = "42" }, ndjson.totable(product))
    end
    local function query(request)
      local found = {}
      for name, value in request.target:match("%?(.*)$"):gmatch "([^&=]+)=([^&]*)" do
        found[server.unescape(name)] = server.unescape((value:gsub("+", " ")))
      end
      return found
    end
    local theirs, ours = query(api.requests[1]), query(api.requests[2])
    assert.equal("0", theirs.offset)
    theirs.offset = nil -- the first page needs none
    assert.same(theirs, ours)
    assert.equal(api.requests[1].path, api.requests[2].path)
    same("properties", function()
      local properties = site:product_properties { site = 123, stage = "intermediate" }
      assert.same({ "id", 42 }, { properties.columns[1], properties.products })
    end)
  end)

  it("read_products goes on until a page is short, and does not read the first one for ever", function()
    local function rows(first, count)
      local list = json.array {}
      for i = 1, count do list[i] = { id = tostring(first + i) } end
      return { json = { success = true, products = list } }
    end
    open(function(_, n) return n < 3 and rows(n * 10, 2) or rows(90, 1) end)
    local count = 0
    for _ in site:read_products { site = 1, stage = "channel", stage_id = 321, limit = 2 } do count = count + 1 end
    assert.equal(5, count)
    assert.equal("/product/v2/site/1/stage/channel/321?limit=2&offset=4", api.requests[3].target)
    open(function() return rows(0, 2) end) -- a server that does not know the parameter
    local problem = raises("protocol", function()
      for _ in site:read_products { site = 1, stage = "import", limit = 2 } do end -- luacheck: ignore
    end)
    assert.matches("the page behind 2 entries is the one before it again", problem.message)
    raises("usage", site.read_products, site, { site = 1, stage = "imprt" })
    raises("usage", site.read_products, site, { site = 1, stage = "import", ofset = 3 })
  end)

  it("reads with time, one after the other", function()
    local def = definition.load "productsup_platform"
    for _, name in ipairs { "read_products", "product_properties" } do
      assert.is_true(definition.operation(def, name).timeout >= 300)
      assert.equal("read", definition.operation(def, name).class)
    end
    assert.equal("60/min, concurrent 1", def.classes.read.rate)
  end)

  it("process", function()
    local request = same("process", function()
      assert.equal("<uuid-32-formatted-string>", (site:process { site = 123, action = "import" }))
    end)
    assert.equal('{"action":"import"}', request.body)
    site:process { site = 123, action = "channel", id = 321, batch = BATCH }
    assert.equal('{"action":"channel","id":321,"batch_id":"' .. BATCH .. '"}', api.requests[#api.requests].body)
    assert.matches("id is missing, which action 'export' needs", raises("usage", site.process, site, { site = 123, action = "export" }).message)
    raises("usage", site.process, site, { site = 123, action = "expot", id = 1 })
  end)

  it("process_status", function()
    same("status", function()
      assert.equal("failed", (site:process_status { site = 123, pid = "47e6b828-3210-3568-8ec3-85ed3e2d944c" }))
    end)
  end)

  it("stream data sources", function()
    same("stream_sources", function()
      for source in site:stream_sources { site = 1 } do assert.equal("stream : 1", source.settings[1]) end
    end)
    same("link_stream", function()
      assert.equal(331, site:link_stream { site = 1, stream = 1, import_type = 1, description = "stream api", status = "active" }.import_id)
    end)
    same("update_source", function()
      site:update_stream_source { site = 1, stream = 1, import_type = 1, description = "stream api", status = "active" }
    end)
    same("unlink_stream", function() assert.is_true((site:unlink_stream { site = 1, stream = 1 })) end)
    raises("usage", site.link_stream, site, { site = 1, stream = 1, import_type = 3 })
  end)

  it("takes a PAT for processes and stream data sources, and for nothing else", function()
    local function answers(r)
      if r.path:find "process" then return { json = documents.answer "platform/process" } end
      return { json = { success = true, Sources = { { id = 1 } }, Projects = { { id = "1" } } } }
    end
    open(answers, { pat = "pat-token-1" })
    document.same(api, documents.command "platform/chapter4", hosts, function()
      site:link_stream { site = 123, stream = 1, import_type = 1, description = "Stream API Tutorial - First Stream API Data Source",
        status = "active" }
    end)
    assert.is_nil(api.requests[2].headers["x-auth-token"])
    site:process { site = 123, action = "import" }
    site:project { project = 1 }
    assert.equal("Bearer pat-token-1", api.requests[3].headers.authorization)
    assert.same({ "1234:simsalabim" }, { api.requests[4].headers["x-auth-token"], api.requests[4].headers.authorization })
    open(answers, { pat = "pat-token-1", token = false })
    site:process { site = 123, action = "import" }
    local problem = raises("config", site.project, site, { project = 1 })
    assert.matches("project: connection 'site' has no token", problem.message)
    assert.equal(1, #api.requests)
    problem = raises("config", connect, { api = "productsup_platform", name = "site" })
    assert.matches("token is missing", problem.message)
  end)

  -- ---- what goes wrong ----

  it("takes a 200 that says no for a no, whatever was asked", function()
    open(function() return { json = message "Forbidden, your auth token seems to be invalid" } end)
    for name, args in pairs { project = { project = 1 }, delete_site = { site = 1 }, discard_products = { site = 1, batch = BATCH },
      commit_products = { site = 1, batch = BATCH, type = "full" }, process = { site = 1, action = "import" } } do
      local problem = raises("invalid", site[name], site, args)
      assert.matches("its success is false: Forbidden, your auth token seems to be invalid", problem.message)
    end
    assert.equal(5, #api.requests)
  end)

  it("takes a 200 without its key for no answer", function()
    open(function() return { json = { success = true } } end)
    assert.matches("without the key 'Sites'", raises("protocol", site.site, site, { site = 1 }).message)
    raises("ambiguous", site.process, site, { site = 1, action = "import" })
  end)

  it("tells the two 429 and the two 500 of a process apart", function()
    local script
    local function trigger(list)
      script = list
      open(function(_, n) return script[n] or { json = { success = true, process_id = "p" } } end)
      return site:process { site = 123, action = "import" }
    end
    local too_many = { status = 429, json = message "Too many attempts." }
    local queue = { status = 429, json = message "Cannot trigger a new process, a process is already in the current queue." }
    local lock = { status = 500, json = message "Could not trigger job because a lock is already acquired" }
    local jobs = { status = 500, json = message "Error occurred while interacting with the job server" }
    flying(function()
      assert.same({ "p", 3 }, { trigger { too_many, { status = 429 } }, #api.requests })
      assert.same({ "p", 4 }, { trigger { lock, lock, lock }, #api.requests })
      assert.same({ "p", 2 }, { trigger { jobs }, #api.requests })
      local problem = raises("unavailable", trigger, { jobs, jobs })
      assert.same({ 500, 2 }, { problem.status, #api.requests })
    end)
    local problem = raises("conflict", trigger, { queue })
    assert.same({ 429, 1, false }, { problem.status, #api.requests, problem.retryable })
    assert.matches("nothing to do", problem.hint)
    raises("ambiguous", trigger, { { status = 500, json = message "Internal Server Error" } })
    assert.equal(1, #api.requests)
  end)

  it("waits until the Unix time of a 429, measured against its Date", function()
    local now = time.parse "Thu, 28 Apr 2022 19:30:20 GMT"
    for reset, least in pairs { [-5] = 0, [4] = 4, [10000000] = 60 } do
      local headers = { Date = time.format(now, "http"), ["X-RateLimit-Limit"] = "5", ["X-Ratelimit-Remaining"] = "1",
        ["X-Ratelimit-Retry-After"] = ("%d"):format(now + reset) }
      open { { status = 429, json = message "Too many attempts.", headers = headers }, { json = documents.answer "platform/project" } }
      local _, answer = flying(function() return site:project { project = 1 } end, 200)
      assert.is_true(answer.waited >= least and answer.waited < least + 3, ("%d: %s"):format(reset, answer.waited))
    end
  end)

  it("waits while a batch is busy (423), also to commit", function()
    open(function(_, n) return n < 3 and { status = 423, json = message "Request was blocked" } or { json = { success = true } } end)
    flying(function() site:commit_products { site = 1, batch = BATCH, type = "delta" } end)
    assert.equal(3, #api.requests)
  end)

  it("says of what the vendor has removed that it is gone", function()
    for _, status in ipairs { 404, 410, 403 } do
      open(function() return { status = status } end)
      for name, args in pairs { upload_products = { site = 1, batch = BATCH, body = { { id = 1 } } },
        commit_products = { site = 1, batch = BATCH, type = "delta" }, discard_products = { site = 1, batch = BATCH },
        delete_site_products = { site = 1 } } do
        local problem = raises(status == 403 and "forbidden" or "not_found", site[name], site, args)
        assert.matches("removed by the vendor", problem.hint)
      end
      assert.equal(4, #api.requests)
      assert.is_nil(tostring(raises(status == 403 and "forbidden" or "not_found", site.site, site, { site = 1 }).hint):find "removed")
    end
  end)

  it("takes a stream that is linked already for linked, and no other 422", function()
    open { { how = "reset" }, { status = 422, json = message "The stream datasource for the site already exists." },
      { status = 422, json = message "import_type is wrong" }, { status = 422, json = message "The stream datasource for the site doesn't exist." } }
    assert.matches("already exists", flying(function() return site:link_stream { site = 1, stream = 1 } end).message)
    assert.matches("import_type is wrong", raises("invalid", site.link_stream, site, { site = 1, stream = 1 }).message)
    local problem = raises("invalid", site.unlink_stream, site, { site = 1, stream = 1 })
    assert.matches("doesn't exist", problem.message)
    assert.matches("does not import that stream", problem.hint)
  end)

  it("never deletes twice by itself, nor makes or triggers anything twice", function()
    local calls = {
      { "delete_project", { project = 1 } }, { "delete_site", { site = 1 } }, { "delete_site_products", { site = 1 } },
      { "create_project", { name = "x" } }, { "create_site", { project = 1, title = "x" } }, { "copy_site", { site = 1, site_name = "x" } },
      { "add_site_error", { site = 1, pid = "p", error = 1 } }, { "process", { site = 1, action = "import" } },
      { "commit_products", { site = 1, batch = BATCH, type = "full" } },
    }
    for _, one in ipairs(calls) do
      open { { how = "reset" } }
      raises("ambiguous", site[one[1]], site, one[2])
      assert.equal(1, #api.requests, one[1])
    end
    for i = 1, 3 do
      open { { status = 429, headers = { ["Retry-After"] = "0" } } }
      raises("limit", site[calls[i][1]], site, calls[i][2])
    end
  end)

  it("gives the server's words and a hint with what is refused", function()
    open { { status = 401, json = documents.answer "platform/forbidden" }, { status = 403, json = message "You don't have the rights" },
      { status = 400, json = message "Your request was malformed" } }
    local problem = raises("auth", site.project, site, { project = 1 })
    assert.matches("answered 401 Unauthorized: Forbidden, your auth token seems to be invalid$", problem.message)
    assert.matches("client_id:client_secret", problem.hint)
    raises("forbidden", site.site, site, { site = 7 })
    raises("invalid", site.create_project, site, { name = "x" })
    assert.is_nil(problem.message:find("simsalabim", 1, true))
  end)
end)
