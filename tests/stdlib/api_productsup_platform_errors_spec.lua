-- What each operation of the Platform API raises where it is refused: the documents' own words in, the error value out, as a recipe
-- sees it. A row: what is called, what the server says (status, message), what is raised (code, further fields), and how often
-- it was asked. Where the documents name no error for an operation, the one of their general table that fits it most closely.
local connect = require("sluice.connect").connect
local definition = require "sluice.definition"
local documents = require "support.documents"
local err = require "sluice.err"
local flying = require "support.flying"
local scripted = require "support.scripted"

local BATCH = ("0123456789abcdef"):rep(2)
local PID = "47e6b828-3210-3568-8ec3-85ed3e2d944c"

-- The words of the documents.
local NO_TOKEN = documents.answer("platform/forbidden").message
local INVALID = "Invalid authentication token used."
local NO_RIGHTS = "You don't have the rights to access this resource."
local NOT_FOUND = "The requested resource could not be found."
local MALFORMED = "Your request was malformed"
local GONE = "The entity requested has been removed from our servers"
local BUSY = "Request was blocked because another data operation is already running"
local TOO_MANY = "Too many attempts."
local QUEUED = "Cannot trigger a new process, a process is already in the current queue."
local NOT_LINKED = "The stream datasource for the site doesn't exist."

local TOKEN_HINT = "check the token: it is client_id:client_secret of the Platform API; the Stream API takes a different one"
local RIGHTS_HINT = "is the id one of this account? the token sees no other, and says 403 or 404 of them"
local LEGACY_HINT = "legacy, removed by the vendor (announced for March 2025): send products to a stream (productsup_stream) instead; "
  .. "where the account still has it, check the site and the rights of the token"
local SHARED_HINT = "somebody else uses this account too; `limits:` of connection 'site' sets lower rates"
local BUSY_HINT = "another upload or commit of this batch is under way: one at a time; try again when it is over"
local V, S, R = "/platform/v2", "/platform/v2/sites/9", "/product/v2/site/9/stage/import/0"

local GENERAL = { -- the documents' table of codes, and the error value that each becomes
  [400] = { "Bad Request", "invalid" }, [401] = { "Unauthorized", "auth", TOKEN_HINT }, [403] = { "Forbidden", "forbidden", RIGHTS_HINT },
  [404] = { "Not Found", "not_found" }, [410] = { "Gone", "not_found" }, [422] = { "Unprocessable Content", "invalid" },
  [423] = { "Locked", "unavailable", BUSY_HINT }, [429] = { "Too Many Requests", "limit" },
}

-- operation, arguments, status and words of the answer, the request; `code`, `hint`: where they are not those of the table;
-- `tries`: at least so many requests, since the same one may succeed later
local cases = {
  { "projects", {}, 401, NO_TOKEN, "GET " .. V .. "/projects" },
  { "project", { project = 7 }, 404, NOT_FOUND, "GET " .. V .. "/projects/7" },
  { "create_project", { name = "x" }, 400, MALFORMED, "POST " .. V .. "/projects" },
  { "update_project", { project = 7, name = "x" }, 404, NOT_FOUND, "PUT " .. V .. "/projects/7" },
  { "delete_project", { project = 7 }, 404, NOT_FOUND, "DELETE " .. V .. "/projects/7" },
  { "sites", {}, 401, NO_TOKEN, "GET " .. V .. "/sites" },
  { "sites", { project = 7 }, 404, NOT_FOUND, "GET " .. V .. "/projects/7/sites" },
  { "site", { site = "Identifier:9" }, 404, NOT_FOUND, "GET " .. V .. "/sites/Identifier:9" },
  { "create_site", { project = 7, title = "x" }, 400, MALFORMED, "POST " .. V .. "/projects/7/sites" },
  { "update_site", { site = 9, title = "x" }, 404, NOT_FOUND, "PUT " .. S },
  { "delete_site", { site = 9 }, 404, NOT_FOUND, "DELETE " .. S },
  { "copy_site", { site = 9, site_name = "x" }, 404, NOT_FOUND, "POST " .. S .. "/copy" },
  { "site_tags", { site = 9 }, 404, NOT_FOUND, "GET " .. S .. "/tags" },
  { "site_errors", { site = 9 }, 404, NOT_FOUND, "GET " .. S .. "/errors" },
  { "add_site_error", { site = 9, pid = "p", error = 1 }, 400, MALFORMED, "POST " .. S .. "/errors" },
  { "import_history", { site = 9 }, 404, NOT_FOUND, "GET " .. S .. "/importhistory" },
  { "channels", { site = 9 }, 404, NOT_FOUND, "GET " .. S .. "/channels" },
  { "channel", { site = 9, channel = 3 }, 404, NOT_FOUND, "GET " .. S .. "/channels/3" },
  { "channel_history", { site = 9, channel = 3 }, 404, NOT_FOUND, "GET " .. S .. "/channels/3/history" },
  { "upload_products", { site = 9, batch = BATCH, body = { { id = 1 } } }, 423, BUSY, "POST " .. S .. "/products/" .. BATCH .. "/upload",
    tries = 5 },
  { "commit_products", { site = 9, batch = BATCH, type = "delta" }, 423, BUSY, "POST " .. S .. "/products/" .. BATCH .. "/commit", tries = 5 },
  { "discard_products", { site = 9, batch = BATCH }, 410, GONE, "POST " .. S .. "/products/" .. BATCH .. "/discard", hint = LEGACY_HINT },
  { "delete_site_products", { site = 9 }, 410, GONE, "DELETE " .. S .. "/products", hint = LEGACY_HINT },
  { "read_products", { site = 9, stage = "import" }, 429, TOO_MANY, "GET " .. R, hint = SHARED_HINT, tries = 5 },
  { "product_properties", { site = 9, stage = "import" }, 429, TOO_MANY, "GET " .. R .. "/properties", hint = SHARED_HINT, tries = 5 },
  { "process", { site = 9, action = "import" }, 429, QUEUED, "POST " .. V .. "/process/9", code = "conflict",
    hint = "nothing to do: the queued process takes what was uploaded before it begins" },
  { "process_status", { site = 9, pid = PID }, 401, NO_TOKEN, "GET " .. S .. "/status/" .. PID },
  { "process_status", { site = 9, pid = "x" }, 400, MALFORMED, "GET " .. S .. "/status/x" },
  { "stream_sources", { site = 9 }, 403, NO_RIGHTS, "GET " .. S .. "/streams" },
  { "stream_sources", { site = 9 }, 404, NOT_FOUND, "GET " .. S .. "/streams" },
  { "stream_sources", { site = 9 }, 401, INVALID, "GET " .. S .. "/streams" },
  { "link_stream", { site = 9, stream = 1 }, 403, NO_RIGHTS, "POST " .. S .. "/streams" },
  { "link_stream", { site = 9, stream = 1 }, 404, NOT_FOUND, "POST " .. S .. "/streams" },
  { "link_stream", { site = 9, stream = 1 }, 401, INVALID, "POST " .. S .. "/streams" },
  { "update_stream_source", { site = 9, stream = 1 }, 422, NOT_LINKED, "PUT " .. S .. "/streams/1",
    hint = "this site does not import that stream: link_stream makes it do so" },
  { "update_stream_source", { site = 9, stream = 1 }, 403, NO_RIGHTS, "PUT " .. S .. "/streams/1" },
  { "update_stream_source", { site = 9, stream = 1 }, 404, NOT_FOUND, "PUT " .. S .. "/streams/1" },
  { "update_stream_source", { site = 9, stream = 1 }, 401, INVALID, "PUT " .. S .. "/streams/1" },
  { "unlink_stream", { site = 9, stream = 1 }, 422, NOT_LINKED, "DELETE " .. S .. "/streams/1", hint = "this site does not import that stream" },
  { "unlink_stream", { site = 9, stream = 1 }, 403, NO_RIGHTS, "DELETE " .. S .. "/streams/1" },
  { "unlink_stream", { site = 9, stream = 1 }, 404, NOT_FOUND, "DELETE " .. S .. "/streams/1" },
  { "unlink_stream", { site = 9, stream = 1 }, 401, INVALID, "DELETE " .. S .. "/streams/1" },
}

describe("an error of the Platform API", function()
  local api
  after_each(function()
    if api then api.close() end
    api = nil
  end)

  -- The error value of a call that the server answers with this, whatever it does.
  local function refused(name, args, status, words)
    api = scripted.start(function() return { status = status, json = { success = false, message = words } } end)
    local site = connect { api = "productsup_platform", name = "site", base_url = api.url, token = "1234:simsalabim", deadline = 20,
      limits = { other = "10000/s", write = "10000/s", process = "10000/s", read = "10000/s" } }
    local ok, problem = flying(function()
      return pcall(function()
        local result = site[name](site, args)
        if definition.operation(site.definition, name).paging then result() end
      end)
    end)
    assert.is_false(ok)
    assert.is_true(err.is(problem), tostring(problem))
    return problem
  end

  for _, case in ipairs(cases) do
    local name, args, status, words, request = table.unpack(case, 1, 5)
    it(("of %s: %d %s"):format(name, status, words), function()
      local problem = refused(name, args, status, words)
      local reason, code, hint = table.unpack(GENERAL[status], 1, 3)
      assert.same({ case.code or code, status, "site", name }, { problem.code, problem.status, problem.api, problem.operation })
      local head = ("%s answered %d %s"):format(request, status, reason)
      assert.equal(head, problem.message:sub(1, #head))
      assert.matches(case.tries and "^; gave up after %d+ attempts in [%d.]+ s: [%a ]+: " or "^: ", problem.message:sub(#head + 1))
      assert.equal(": " .. words, problem.message:sub(-#words - 2))
      assert.equal(case.hint or hint, problem.hint)
      assert.equal(words, require("sluice.json").decode(problem.body).message)
      assert.equal(case.tries ~= nil, problem.retryable)
      if case.tries then assert.is_true(#api.requests >= case.tries) else assert.equal(1, #api.requests) end
    end)
  end

  it("is asked of every operation", function()
    local asked = {}
    for _, case in ipairs(cases) do asked[case[1]] = true end
    for _, row in ipairs(definition.load("productsup_platform").operations) do assert.is_true(asked[row.name], row.name) end
  end)
end)
