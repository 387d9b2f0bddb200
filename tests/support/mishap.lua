-- delta_feed in trouble: a project whose credentials come from the environment, a sandbox behind it, `sluice run` as a
-- child process, and what must hold whatever went wrong. After each run: no traceback, no word of the runtime's own
-- files, no secret in any byte of what was written, sums that agree.
--
--   local m = mishap.new { products = 40, config = { feed = "timeout: 1s" } }
--   local done = m:feed "batch:=10"                -- status, stdout, stderr, sums
--   m:fails(done, 4, "the credentials", "hint: …") -- one message, with these words in it
--   m:recovers()                                   -- the next run leaves the stream equal to the shop
local crypto = require "sluice.crypto"
local json = require "sluice.json"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local tmp = require "support.tmp"

local mishap = {}

local Mishap = {}
Mishap.__index = Mishap

local HERE = io.popen("pwd"):read "l"
local SLUICE = HERE .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local RECIPE = HERE .. "/scripts/delta_feed.lua"
mishap.sluice, mishap.recipe, mishap.here = SLUICE, RECIPE, HERE

-- Words that look different in a URL, in JSON and in base64.
local PASSWORD, TOKEN = 'Kn\u{f6}del "& w/ ketchup+', "bearer/of+t0kens=&7f3a"

local CONFIG = [[
version: 1
store: sqlite:.sluice/state.db
connections:
  shop: { api: stock2shop, base_url: "%s", username: bot, password: "${SHOP_PASSWORD}", limits: { api: 3000/s, login: 1000/s }%s }
  feed: { api: productsup_stream, base_url: "%s", token: "${FEED_TOKEN}", limits: { products: 3000/s, batches: 3000/s, other: 3000/s }%s }
]]

local function more(text) return text and ", " .. text or "" end

--- Options are the sandbox's, and `config = { shop =, feed = }`: further keys of the connections.
function mishap.new(options)
  local all = { rate_scale = 1000, products = 60, username = "bot", password = PASSWORD, token = TOKEN }
  for key, value in pairs(options or {}) do all[key] = value end
  local extra = all.config or {}
  all.config = nil
  local self = setmetatable({ dir = tmp.dir(), seen = {}, rejected = {}, env = {} }, Mishap)
  all.log = function(line) self:logged(line) end
  self.sandbox = sandbox.start(all)
  local url = self.sandbox.url
  tmp.write(self.dir .. "/sluice.yaml", CONFIG:format(extra.shop_url or url, more(extra.shop), extra.feed_url or url, more(extra.feed)))
  return self
end

function mishap.secrets() return { PASSWORD, TOKEN } end

--- `on_request(line, n)`, if set, is told of each request.
function Mishap:logged(line)
  local session = self.sandbox and self.sandbox.users.bot.token
  if session then self.seen[session] = true end
  self.count = (self.count or 0) + 1
  if self.on_request then self.on_request(line, self.count) end
end

function Mishap:stop() self.sandbox:stop() end

-- ---- what must not be found ----

local function url_coded(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The forms of a secret. Of base64 the part that does not depend on what stands around it.
local function forms(secret)
  local list = { secret, url_coded(secret), url_coded(secret):lower(), json.encode(secret):sub(2, -2) }
  for shift = 0, 2 do
    local code = crypto.base64(("x"):rep(shift) .. secret)
    list[#list + 1] = code:sub(5, (#code // 4 - 1) * 4)
  end
  return list
end

local function assert_without(secret, text, where)
  for _, form in ipairs(forms(secret)) do
    local at = text:find(form, 1, true)
    if at then error(("a secret is in %s: %s"):format(where, text:sub(math.max(1, at - 60), at + 60)), 0) end
  end
end

local function files_in(dir)
  local list = {}
  for path in io.popen(("find '%s' -type f"):format(dir)):lines() do list[#list + 1] = path end
  return list
end

local function assert_secrets_kept(self, done)
  local texts = { ["standard output"] = done.stdout, ["standard error"] = done.stderr }
  for _, path in ipairs(files_in(self.dir)) do
    local file = io.open(path, "rb") -- SQLite takes its side files away when the last process has closed them
    if file then
      texts[path:sub(#self.dir + 2)] = file:read "a"
      file:close()
    end
  end
  for where, text in pairs(texts) do
    for _, secret in ipairs { PASSWORD, TOKEN } do assert_without(secret, text, where) end
    if not where:find "^shared/" then -- where login tokens are shared by all projects of a user, mode 0600
      for session in pairs(self.seen) do assert_without(session, text, where) end
    end
  end
end

local function assert_no_innards(done)
  for _, word in ipairs { "traceback", "stdlib/", "bindings/", "[C]", "AddressSanitizer", "\0" } do
    assert(not done.stderr:find(word, 1, true), done.stderr)
  end
end

local FATES = { "sent", "unchanged", "skipped", "rejected", "unknown" }

local function assert_sums_agree(sums)
  local total = 0
  for _, fate in ipairs(FATES) do total = total + sums[fate] end
  if total ~= sums.read + sums.added then error("the sums do not agree: " .. json.encode(sums, { pretty = true }), 0) end
end

-- ---- runs ----

--- A command in the project's folder, with the environment that the config names. `env = { NAME = false }` takes one out.
function Mishap:command(argv, env)
  local set = { XDG_STATE_HOME = self.dir .. "/shared", SHOP_PASSWORD = PASSWORD, FEED_TOKEN = TOKEN }
  for name, value in pairs(env or {}) do set[name] = value or nil end
  local all = { "env", "-u", "SHOP_PASSWORD", "-u", "FEED_TOKEN" }
  for name, value in pairs(set) do all[#all + 1] = name .. "=" .. value end
  local done = assert(process.run { argv = table.move(argv, 1, #argv, #all + 1, all), cwd = self.dir, timeout = 60 })
  done.sums = json.decode(done.stdout)
  if type(done.sums) == "table" and done.sums.read then assert_sums_agree(done.sums) else done.sums = nil end
  assert_no_innards(done)
  assert_secrets_kept(self, done)
  return done
end

local function words_of(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

--- `sluice run --json` with these words.
function Mishap:run(words, env)
  local argv = { SLUICE, "run", "--json" }
  return self:command(table.move(words_of(words), 1, #words_of(words), #argv + 1, argv), env)
end

--- delta_feed to the stream 124773.
function Mishap:feed(words, env)
  return self:run(("%s from=shop to=feed stream=124773 %s"):format(RECIPE, words or ""), env)
end

--- delta_feed by a shell script, in which "$@" is the command of `feed`.
function Mishap:shell(script, words)
  local argv = { "sh", "-c", script, "sh", SLUICE, "run", "--json" }
  for _, word in ipairs(words_of(("%s from=shop to=feed stream=124773 %s"):format(RECIPE, words or ""))) do argv[#argv + 1] = word end
  return self:command(argv)
end

--- delta_feed that gets a signal where it stands at a step for the nth time (support/crash.sh).
function Mishap:signalled(signal, step, n, words)
  local steps = self.dir .. "/steps"
  local argv = { "sh", HERE .. "/tests/support/crash.sh", steps, signal, step, tostring(n), SLUICE, "run", "--json" }
  for _, word in ipairs(words_of(("%s from=shop to=feed stream=124773 %s"):format(RECIPE, words or ""))) do argv[#argv + 1] = word end
  local done = self:command(argv)
  done.hit = done.stdout:find "hit" ~= nil
  done.stdout, done.stderr = tmp.read(steps .. "/out"), tmp.read(steps .. "/err")
  done.sums = json.decode(done.stdout)
  assert_no_innards(done)
  assert_sums_agree(done.sums)
  return done
end

-- ---- verdicts ----

--- It ended with this exit code, and said what is wrong in one message that has these texts in it.
function mishap.fails(done, status, ...)
  assert(done.status == status, ("exit %d, not %d: %s"):format(done.status, status, done.stderr))
  local _, messages = ("\n" .. done.stderr):gsub("\nsluice: ", "")
  assert(messages == 1, ("%d messages: %s"):format(messages, done.stderr))
  for _, text in ipairs { ... } do
    assert(done.stderr:find(text, 1, true), ("'%s' is not said: %s"):format(text, done.stderr))
  end
end
Mishap.fails = function(_, ...) return mishap.fails(...) end

local function plain(text, change)
  local value = json.decode(text)
  if change then change(value) end
  return json.encode(value, { pretty = true })
end

local function id_as_text(product) product.id = tostring(product.id) end

--- How the stream differs from the shop without the rejected products (`self.rejected`, by id), in value.
function Mishap:difference()
  local store, count = self.sandbox:stream(124773), 0
  for id, text in self.sandbox.catalogue:each() do
    if not self.rejected[id] then
      count = count + 1
      local held = store:get(tostring(id))
      if held == nil then return ("product %d is not in the stream"):format(id) end
      if plain(held) ~= plain(text, id_as_text) then return ("product %d is another in the stream"):format(id) end
    end
  end
  if store.count ~= count then return ("the stream has %d products, not %d"):format(store.count, count) end
end

--- A good run follows (exit 0, or 3 where products are rejected again), and then nothing is missing; the one after it has
--- nothing to do.
function Mishap:recovers(status, words)
  local done = self:feed(words)
  assert(done.status == (status or 0), done.stderr)
  local difference = self:difference()
  assert(not difference, difference)
  local again = self:feed(words)
  assert(again.status == 0 and again.sums.sent == 0 and again.sums.rejected == 0, again.stderr .. again.stdout)
  return done
end

--- The dead letters of a run.
function mishap.letters(done)
  local list = {}
  if not done.sums.dead_letters then return list end
  for line in io.lines(done.sums.dead_letters) do list[#list + 1] = assert(json.decode(line)) end
  return list
end
Mishap.letters = function(_, done) return mishap.letters(done) end

--- The id of the nth product.
function Mishap:id(n)
  return (self.sandbox.catalogue:each(n, 1)())
end

--- Requests to a path since the last look.
function Mishap:requests(part)
  local n = 0
  for _, request in ipairs(self.sandbox:requests()) do
    if request.target:find(part, 1, true) then n = n + 1 end
  end
  return n
end

return mishap
