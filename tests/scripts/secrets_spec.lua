-- Secrets that overlap and are prefixes of each other, planted in whole runs that go wrong in every way there is; then
-- every byte that was written is looked through: standard output and error, and each file of the project but the shared
-- token store. The forms that are looked for are made here, independently of the ones that are masked.
local crypto = require "sluice.crypto"
local json = require "sluice.json"
local process = require "sluice.process"
local scripted = require "support.scripted"
local tmp = require "support.tmp"

local A = 'K\u{f6}"del/ &key+' -- looks different in a URL, in JSON and in base64
local B = A .. "0longer0"      -- A is a prefix of it
local C = "key+0longer0=tail9" -- begins inside of it
local D = "0longer0"           -- is its end, and in the middle of C
local SECRETS = { A, B, C, D, "rotated/" .. C, "access+" .. A }

-- What is left of a longer secret where only the shorter one was masked.
local RESTS = { "longer0", "=tail9", "%3Dtail9", "del/ &", "del%2F", "rotated/", "access+K" }

local CONFIG = [[
version: 1
store: sqlite:.sluice/state.db
shared: shared
connections:
  basic: { api: basic, base_url: "%s", user: bob, password: "${SECRET_B}" }
  header: { api: header, base_url: "%s", key: { command: [printenv, SECRET_C] } }
  shop: { api: stock2shop, base_url: "%s", username: bot, password: { file: secret-a } }
  crm: { api: crm, base_url: "%s", client_id: app, client_secret: "${SECRET_B}", refresh_token: "${SECRET_C}", other: "${SECRET_D}" }
  wrong: { api: crm, base_url: "%s/wrong", client_id: app, client_secret: "${SECRET_B}", refresh_token: "${SECRET_C}" }
]]

local API = [[return {
  name = "%s", doc = "echo", hosts = { { name = "base", key = "base_url", url = "https://x.example" } },
  connection = { %s }, credential = { %s },
  classes = { api = { rate = "10000/s" } },
  errors = { message = { "message", "request.body" } },
  operations = { { name = "send", doc = "send", method = "POST", path = "/send", body = '{"text":{text}}', expect = "ok",
    args = { { name = "text", type = "text", required = true, doc = "text" } }, class = "api", resend = "safe" } } }]]

local APIS = {
  basic = { '{ name = "user", type = "text", doc = "u" }, { name = "password", type = "secret", doc = "p" }',
    'kind = "basic", username = "user", password = "password"' },
  header = { '{ name = "key", type = "secret", doc = "k" }', 'kind = "header", header = "X-Key", secret = "key"' },
  crm = { [[{ name = "client_id", type = "text", doc = "i" }, { name = "client_secret", type = "secret", doc = "s" },
    { name = "refresh_token", type = "secret", doc = "r" }, { name = "other", type = "secret", doc = "o" }]],
    [[kind = "refresh_token", path = "/token", client_id = "client_id", client_secret = "client_secret",
    refresh_token = "refresh_token", class = "api"]] },
}

-- What goes wrong in a recipe that has the secrets in its hands: each is a run of its own.
local MISHAPS = {
  error = [[error("it failed with " .. B .. " and " .. C)]],
  error_value = [[require("sluice.err").raise { code = "invalid", message = "no " .. B, hint = "not " .. A .. C, body = C .. D }]],
  error_object = [[error(setmetatable({}, { __tostring = function() return "object " .. B end }))]],
  nested = [[local ok, problem = pcall(error, B) assert(not ok) error("again: " .. problem .. require("sluice.json").encode { B, C })]],
  task = [[require("sluice.task").spawn(function() error("in a task: " .. B .. C) end) require("sluice.task").sleep(0.01)]],
  log = [[local log = require "sluice.log"
    for _, level in ipairs { "error", "warn", "info", "debug" } do
      log[level]("mine", "%s %s|%s%s", level, A, B, C)
      log[level]("mine", "Basic %s", require("sluice.crypto").base64("bob:" .. B))
      log[level]("mine", "https://x.example/?a=%s", (B:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end)))
      log[level]("mine", "%s", require("sluice.json").encode { B, C, A })
    end]],
  reject = [[run:count("read", 4)
    run:reject(require("sluice.json").encode { id = 1, text = B, other = C }, "refused: " .. B, { line = 3, note = C })
    run:reject("no json: " .. B .. "\1" .. C, A)
    run:reject(require("sluice.json").encode { id = 2, text = "plain", email = "jane@shop.example" }, "plain reason")
    run:skip("because of " .. B)]],
  url = [[require("sluice.http").get(url .. "/x?q=" .. (B:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))):json()
    error(require("sluice.http").get(url .. "/x"):json() and "" or select(2, require("sluice.http").get(url .. "/x"):json()))]],
  sends_basic = [[sluice.connect("basic"):send { text = A .. B .. C }]],
  sends_header = [[sluice.connect("header"):send { text = B }]],
  sends_shop = [[sluice.connect("shop"):sources()]],
  sends_crm = [[sluice.connect("crm"):send { text = C .. B }]],
  sends_wrong = [[sluice.connect("wrong"):send { text = B }]],
  connects = [[sluice.connect { api = "basic", base_url = url, user = "bob", password = B, [C .. B] = "x" }]],
}

local RECIPE = [[
local sluice = require "sluice"
local A, B, C, D = os.getenv "SECRET_A", os.getenv "SECRET_B", os.getenv "SECRET_C", os.getenv "SECRET_D"
local url = %q
for _, name in ipairs { "basic", "header", "shop", "crm", "wrong" } do sluice.connect(name) end -- from now on they are known
return sluice.recipe {
  about = "goes wrong", args = { token = { "a secret", optional = true } },
  run = function(_, run) run:store() local _ = { A, B, C, D, url } %s end,
}]]

local function url_coded(text, form)
  return (text:gsub("[^%w%-._~]", function(c) return form:format(c:byte()) end))
end

local function ascii(text)
  return (text:gsub(utf8.charpattern, function(c)
    return #c > 1 and ("\\u%04x"):format(utf8.codepoint(c)) or nil
  end))
end

-- `whole`: base64 as it is sent; else the part of it that does not depend on what stands around the secret.
local function forms(secret, whole)
  local quoted = json.encode(secret):sub(2, -2)
  local list = { secret, url_coded(secret, "%%%02X"), url_coded(secret, "%%%02x"), (url_coded(secret, "%%%02X"):gsub("%%20", "+")), quoted,
    (quoted:gsub("/", "\\/")), ascii(quoted), (ascii(quoted):gsub("/", "\\/")), json.encode(quoted):sub(2, -2),
    (quoted:gsub("[<>&]", function(c) return ("\\u%04x"):format(c:byte()) end)) }
  for shift = 0, 2 do
    local code = crypto.base64(("x"):rep(shift) .. secret)
    if not whole then code = code:sub(5, (#code // 4 - 1) * 4) end
    for _, form in ipairs { code, (code:gsub("+", "-"):gsub("/", "_")), (code:gsub("/", "\\/")), url_coded(code, "%%%02X") } do
      if #form >= 8 then list[#list + 1] = form end
    end
  end
  return list
end

-- An echo of the request, in all the ways that servers write JSON, and of the secrets in all forms and side by side.
local function echo(request)
  local all, logged_in = {}, (request.headers.authorization or ""):find "^Bearer access" ~= nil
  for i = 1, logged_in and #SECRETS or 4 do -- the tokens are known to who has logged in
    local secret = SECRETS[i]
    for _, form in ipairs(forms(secret, true)) do all[#all + 1] = form end
    all[#all + 1] = crypto.base64("bob:" .. secret)
    all[#all + 1] = crypto.base64("app:" .. url_coded(secret, "%%%02X"))
  end
  local seen = { target = request.target, headers = request.headers, body = request.body }
  return json.encode { message = "you sent " .. request.body .. " with " .. tostring(request.headers.authorization) .. B .. C .. A,
    request = seen, quoted = json.encode(seen), all = table.concat(all), apart = all }
end

local function serve(request)
  if request.path == "/token" then
    return { json = { access_token = "access+" .. A, token_type = "Bearer", expires_in = 3600, refresh_token = "rotated/" .. C } }
  end
  if request.path == "/x" then return { status = 200, body = "<no json> " .. echo(request) } end
  local status = request.path:find "token" and 400 or request.path:find "authenticate" and 401 or 422
  local body = echo(request)
  if request.path:find "token" then
    body = json.encode { error = "invalid_grant", error_description = "not " .. request.body .. B, echo = body }
  end
  return { status = status, body = body, headers = { ["X-Echo"] = url_coded(B, "%%%02X") } }
end

local function project(url)
  local dir, here = tmp.dir(), io.popen("pwd"):read "l"
  assert(os.execute(("mkdir '%s/apis'"):format(dir)))
  for name, parts in pairs(APIS) do tmp.write(dir .. "/apis/" .. name .. ".lua", API:format(name, parts[1], parts[2])) end
  tmp.write(dir .. "/sluice.yaml", CONFIG:format(url, url, url, url, url))
  local argv = { "env", "SECRET_A=" .. A, "SECRET_B=" .. B, "SECRET_C=" .. C, "SECRET_D=" .. D, "XDG_STATE_HOME=" .. dir .. "/shared",
    here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice", "run", "recipe.lua" }
  return dir, argv
end

local function assert_clean(text, where)
  for _, secret in ipairs(SECRETS) do
    for _, form in ipairs(forms(secret)) do
      local at = text:find(form, 1, true)
      if at then error(("a secret is in %s: …%s…"):format(where, text:sub(math.max(1, at - 80), at + 80)), 0) end
    end
  end
  for _, rest in ipairs(RESTS) do
    local at = text:find(rest, 1, true)
    if at then error(("what is left of a secret is in %s: …%s…"):format(where, text:sub(math.max(1, at - 80), at + 80)), 0) end
  end
end

-- Everything in the project but what the spec itself has put there, and the token store.
local function assert_files_clean(dir)
  local count = 0
  for path in io.popen(("find '%s' -type f"):format(dir)):lines() do
    local name = path:sub(#dir + 2)
    if name ~= "secret-a" and name ~= "recipe.lua" and not name:find "^shared/" and not name:find "^apis/" then
      assert_clean(tmp.read(path), name)
      count = count + 1
    end
  end
  return count
end

local names = {}
for name in pairs(MISHAPS) do names[#names + 1] = name end
table.sort(names)

describe("no byte of a secret is written by a run that goes wrong:", function()
  local api
  setup(function() api = scripted.start(serve) end)
  teardown(function() api.close() end)

  for _, name in ipairs(names) do
    it(name, function()
      local dir, argv = project(api.url)
      tmp.write(dir .. "/secret-a", A .. "\n")
      tmp.write(dir .. "/recipe.lua", RECIPE:format(api.url, MISHAPS[name]))
      for _, words in ipairs { { "-vv" }, { "-vv", "--json", "--log-format", "json", "token=" .. B .. C }, { "-q", "--summary=sum.json" } } do
        local all = table.move(words, 1, #words, #argv + 1, { table.unpack(argv) })
        local done = assert(process.run { argv = all, cwd = dir, timeout = 60 })
        assert.is_true(done.status ~= 0 or name == "log", name .. ": it should have gone wrong")
        assert_clean(done.stdout, "standard output")
        assert_clean(done.stderr, "standard error")
        assert.matches("%*%*%*", done.stdout .. done.stderr .. (words[1] == "-q" and "***" or ""))
        assert.is_true(assert_files_clean(dir) >= 2)
      end
    end)
  end

  it("a dead letter with a secret is marked, so that nobody sends it again; another stays as it was", function()
    local dir, argv = project(api.url)
    tmp.write(dir .. "/secret-a", A .. "\n")
    tmp.write(dir .. "/recipe.lua", RECIPE:format(api.url, MISHAPS.reject))
    argv[#argv + 1] = "--json"
    local done = assert(process.run { argv = argv, cwd = dir, timeout = 60 })
    assert.equal(3, done.status, done.stderr)
    local sums, letters = json.decode(done.stdout), {}
    for line in io.lines(sums.dead_letters) do letters[#letters + 1] = assert(json.decode(line)) end
    assert.same({ id = 1, text = "***", other = "***" }, letters[1].record)
    assert.same({ true, true, "refused: ***", "***", 3 },
      { letters[1].masked, letters[2].masked, letters[1].reason, letters[1].note, letters[1].line })
    assert.equal("no json: ***\1***", crypto.unbase64(letters[2].raw_base64))
    assert.is_nil(letters[3].masked)
    assert.same({ id = 2, text = "plain", email = "jane@shop.example" }, letters[3].record)
    assert.same({ ["because of ***"] = 1 }, sums.skipped_by_reason)
  end)
end)
