-- docs/reference: the pages are what the definitions say, every operation says enough, and its example can be run.
local definition = require "sluice.definition"
local described = require "sluice.describe"
local lfs = require "lfs"
local process = require "sluice.process"
local reference = require "sluice.reference"
local request = require "sluice.request"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local apis = {}
for file in lfs.dir "stdlib/api" do apis[#apis + 1] = file:match "^([%w_]+)%.lua$" end
table.sort(apis)

-- A value that stands for whatever an example reads from an answer; as a list it is empty.
local anything = setmetatable({}, { __index = function(self, key) return type(key) == "string" and self or nil end })

-- A client that checks what it is called with, sends nothing, and notes the operations.
local function dry_client(def, called)
  local keys = { username = "u", password = "p", token = "t", api_key = "k", client_id = "21", channel_id = "47" }
  return setmetatable({}, { __index = function(_, name)
    local row = definition.operation(def, name)
    return function(_, args)
      request.prepare(def, row, keys, args)
      called[#called + 1] = name
      return row.paging and function() end or anything
    end
  end })
end

local function run_example(def, text, called)
  local client = dry_client(def, called)
  local env = setmetatable({ shop = client, feed = client, site = client, depot = client, print = function() end,
    sluice = { json = { encode = tostring } } }, { __index = _G })
  local chunk = load("return " .. text, "=example", "t", env) or assert(load(text, "=example", "t", env))
  chunk()
end

-- A page as lines, so that a difference is shown where it is.
local function compare(def, page)
  local want, n = reference.page(def), 0
  local lines = page:gmatch "([^\n]*)\n"
  for line in want:gmatch "([^\n]*)\n" do
    n = n + 1
    local have = lines()
    if have ~= line then return ("line %d is\n  %s\nand not\n  %s\n`make docs` writes the pages anew"):format(n, tostring(have), line) end
  end
  return lines() and "the page is longer; `make docs` writes the pages anew" or nil
end

describe("docs/reference", function()
  it("has a page for each definition, and no other", function()
    local pages = {}
    for file in lfs.dir "docs/reference" do pages[#pages + 1] = file:match "^([%w_]+)%.md$" end
    table.sort(pages)
    assert.same(apis, pages)
    assert.same(apis, definition.names "nowhere") -- the binary brings as many
  end)

  for _, api in ipairs(apis) do
    local def = definition.load(api)

    it("says of " .. api .. " what its rows say (else: make docs)", function()
      local difference = compare(def, tmp.read("docs/reference/" .. api .. ".md"))
      assert.is_nil(difference, difference)
    end)

    it("gives each operation of " .. api .. " a document and an example that its arguments take", function()
      for _, row in ipairs(def.operations) do
        assert.is_truthy((row.source or ""):find "%S", row.name .. " has no source")
        assert.is_truthy((row.example or ""):find "%S", row.name .. " has no example")
        local called = {}
        run_example(def, row.example, called)
        assert.same({ row.name }, called, "example of " .. row.name)
      end
    end)

    it("names operations, arguments, rates, answers and helpers of " .. api, function()
      local page = tmp.read("docs/reference/" .. api .. ".md")
      for _, row in ipairs(def.operations) do
        local part = assert(page:match("\n### " .. row.name .. "\n(.-)\n##?#? ") or page:match("\n### " .. row.name .. "\n(.*)$"), row.name)
        local op = described.operation(def, row)
        local want = { row.method .. " ", row.path .. "`", "(class `" .. row.class .. "`)", "(`" .. row.resend .. "`)", row.source,
          row.example }
        described.each(op.arguments, function(path, arg) want[#want + 1] = "| `" .. path .. "` | " .. arg.type .. " | " end)
        for _, status in ipairs(op.success) do want[#want + 1] = tostring(status) end
        for _, rule in ipairs(row.outcomes or {}) do want[#want + 1] = "- answer: " .. rule.status end
        if row.paging then want[#want + 1] = "- pages: " end
        for _, text in ipairs(want) do assert.is_truthy(part:find(text, 1, true), row.name .. ": " .. text) end
      end
      for name, class in pairs(def.classes) do assert.is_truthy(page:find(("| `%s` | %s | "):format(name, class.rate), 1, true), name) end
      for name in pairs(def.helpers) do assert.is_truthy(page:find("\n| `" .. name .. "` | ", 1, true), name) end
    end)
  end

  it("is what the command prints", function()
    local done = assert(process.run { argv = { sluice, "api", "reference", "veeqo" } })
    assert.equal(reference.page(definition.load "veeqo"), done.stdout)
    done = assert(process.run { argv = { sluice, "api", "reference" } })
    assert.equal(2, done.status)
    assert.matches("sluice api reference API", done.stderr)
  end)

  it("shows what a row of one's own says, and what would break a table", function()
    local own = definition.check({ name = "own", doc = "my own", hosts = { { name = "base", key = "base_url", url = "https://x" } },
      classes = { api = { rate = { "10/s", "300/min" }, per = "thing" } },
      operations = { { name = "set", doc = "Set a|b", method = "PUT", path = "/x/{thing}", class = "api", resend = "unsafe", body = "{how}",
        args = { { name = "thing", type = "text", required = true, min = 2, max = 2, doc = "which" },
          { name = "how", type = "text", one_of = { "a", "b" }, default = "a", required_for = { thing = { "xx", "yy" } },
            doc = "a|b" } } } } }, "own.lua")
    local page = reference.page(own)
    for _, line in ipairs { "No credential is sent.", "| `api` | 10/s, 300/min | each thing |  |", "Set a\\|b.", "`PUT https://x/x/{thing}`",
      "| `thing` | text | yes |  | 2 characters | which |",
      "| `how` | text | where thing is xx or yy | `a` | one of a, b | a\\|b |",
      "- rate: 10/s, 300/min, each thing on its own (class `api`)",
    } do
      assert.is_truthy(page:find(line, 1, true), line .. "\n" .. page)
    end
    assert.is_nil(page:find("## Helpers", 1, true))
  end)

  it("says how each kind of credential goes out", function()
    local function page(credential)
      local keys = {}
      for i, name in ipairs { "user", "word", "id", "key" } do keys[i] = { name = name, type = "secret", doc = "a key" } end
      return reference.page(definition.check({ name = "own", doc = "my own", hosts = { { name = "base", key = "base_url", url = "https://x" } },
        connection = keys, credential = credential, classes = { api = { rate = "1/s" } },
        operations = { { name = "login", doc = "Log in", method = "POST", path = "/login", class = "api", resend = "safe" } } }, "own.lua"))
    end
    for text, credential in pairs {
      ["No credential is sent."] = { kind = "none" },
      ["The connection's `key` is sent as a bearer token."] = { kind = "bearer", secret = "key" },
      ["The connection's `key` is sent as the header `X-Key`."] = { kind = "header", header = "X-Key", secret = "key" },
      ["The connection's `user` and `word` are sent as basic authentication."] = { kind = "basic", username = "user", password = "word" },
      ["got by `login` for the connection's `user`, is sent as `t`"] = { kind = "login", operation = "login", token = "token", query = "t",
        account = "user" },
      ["got at `/token` with the connection's `id` and `key` (OAuth 2)"] = { kind = "client_credentials", path = "/token", client_id = "id",
        client_secret = "key", class = "api" },
      ["got by `login` for the connection's `user`, goes into the paths"] = { kind = "login", operation = "login", token = "token",
        account = "user" },
      ["got at `/token` with the connection's `word` (OAuth 2)"] = { kind = "refresh_token", path = "/token", client_id = "id",
        client_secret = "key", refresh_token = "word", class = "api" },
    } do
      assert.is_truthy(page(credential):find(text, 1, true), text)
    end
  end)

  it("is compared by checks that can fail", function()
    local def = definition.load "veeqo"
    local page = reference.page(def)
    assert.matches("make docs", compare(def, (page:gsub("5/s", "6/s", 1))))
    assert.matches("longer", compare(def, page .. "\nmore\n"))
    assert.matches("line 1 is", compare(def, "\n" .. page))
    assert.is_false(pcall(run_example, def, "depot:product { product = 1 }", {}))
    assert.is_false(pcall(run_example, def, "depot:produkt {}", {}))
  end)
end)
