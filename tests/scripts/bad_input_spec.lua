-- Bad input that must end well: scripts/delta_feed.lua as a user runs it, with everything going wrong that can be ordered.
-- Each time one clear message, the right exit code, no traceback, no secret in any byte, sums that agree (support/mishap.lua
-- looks after that in each run), and after a good run a stream that is equal to the shop: none lost, none twice.
--
-- The cases are started together, a few at a time, because most of their time is waiting; each `it` waits for its own.
local crypto = require "sluice.crypto"
local json = require "sluice.json"
local mishap = require "support.mishap"
local process = require "sluice.process"
local task = require "sluice.task"
local tmp = require "support.tmp"

local AT_ONCE = 6
local SEARCH, UPLOAD, LOGIN = "/v1/products/elastic_search", "/streams/124773/products", "/v1/users/authenticate"

local cases, running = {}, {}

local function case(name, options, fn)
  cases[#cases + 1] = function()
    local m = mishap.new(options)
    local ok, problem = pcall(fn, m)
    m:stop()
    if not ok then error(problem, 0) end
    assert(m.sandbox.bugs == 0, "the sandbox has a bug")
  end
  local n = #cases
  it(name, function()
    local ok, problem = running[n]:wait()
    running[n], cases[n] = nil, nil
    if not ok then error(problem, 0) end
  end)
end

local function is(wanted, got, what)
  if wanted ~= got then error(("%s: %s, not %s"):format(what, tostring(got), tostring(wanted)), 2) end
end

local function has(text, part) assert(text:find(part, 1, true), ("'%s' is not in: %s"):format(part, text)) end

-- read, sent, unchanged, skipped, rejected, unknown
local function sums(done)
  local s = done.sums
  return ("%d %d %d %d %d %d"):format(s.read, s.sent, s.unchanged, s.skipped, s.rejected, s.unknown)
end

local function raw_of(id, title) return ('{"id":%d,"modified":"2021-01-05 08:25:04","title":"%s"}'):format(id, title) end

-- Shell words that run "$@" where .sluice is on a file system of its own.
local function mounted(how)
  return ([[exec unshare -m sh -c 'mkdir -p .sluice; %s; exec "$@"' sh "$@"]]):format(how)
end

local can_mount = process.run { argv = { "unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt" } }
can_mount = can_mount ~= nil and can_mount.status == 0

describe("delta_feed ends well with", function()
  setup(function()
    local slots = task.semaphore(AT_ONCE)
    for n, run in ipairs(cases) do
      running[n] = task.spawn(function()
        slots:acquire()
        local ok, problem = pcall(run)
        slots:release()
        return ok, problem
      end)
    end
  end)

  -- ---- the shop's answers ----

  case("requests that are too quick: 429s from both servers", { rate_scale = 1, products = 900 }, function(m)
    require("sluice.sandbox.stream").create(m.sandbox, "second", "chunked", "5")
    -- two processes are too quick for one allowance where the machine is; on a slow one these make sure of it
    m.sandbox:fault { kind = "status", status = 429, path = "/v1/products/*", nth = 2 }
    m.sandbox:fault { kind = "status", status = 429, path = UPLOAD, nth = 3 }
    local other = task.spawn(m.run, m, mishap.recipe .. " from=shop to=feed stream=5 batch=30")
    local done, second = m:feed "batch=30", other:wait()
    is(0, done.status, done.stderr)
    is(0, second.status, second.stderr)
    is("900 900 0 0 0 0", sums(done), "sums")
    assert(done.sums.limited + second.sums.limited >= 2, "no 429 came")
    is(nil, m:difference(), "difference")
    is(900, m.sandbox:stream(5).count, "the other stream")
    is(900, m.sandbox:stream(124773).applied, "applied")
  end)

  case("a server that always stalls", { products = 100, config = { feed = "timeout: 300ms, deadline: 1s" } }, function(m)
    m.sandbox:fault { kind = "stall", path = UPLOAD, every = 1 }
    m:fails(m:feed "batch=100", 5, "timeout", "hint: ")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("a product of 3 MB", {}, function(m)
    local id = m:id(3)
    m.sandbox:edit(id, { body_html = ("x"):rep(3000000) })
    m.rejected[id] = true
    local done = m:feed()
    is(3, done.status, done.stderr)
    is("60 59 0 0 1 0", sums(done), "sums")
    local letter = m:letters(done)[1]
    is(3000000, #letter.record.body_html, "the dead letter's text")
    is(tostring(id), letter.record.id, "its id")
    assert(letter.reason:find "1,?000,?000", letter.reason)
    m:recovers()
  end)

  case("products whose bytes are no JSON", {}, function(m)
    local wrong = { "a\xffb", "a\0b", "a\1b", "\\ud800", "\\x", "\xed\xa0\x80" }
    local raws = {}
    for i, title in ipairs(wrong) do
      local id = m:id(i * 7)
      raws[tostring(id)] = raw_of(id, title)
      m.sandbox:edit(id, { raw = raws[tostring(id)] })
      m.rejected[id] = true
    end
    local done = m:feed()
    is(3, done.status, done.stderr)
    is("60 54 0 0 6 0", sums(done), "sums")
    is(nil, m:difference(), "difference")
    for _, letter in ipairs(m:letters(done)) do
      is(raws[letter.id], crypto.unbase64(letter.raw_base64), "the dead letter of " .. letter.id)
      assert(#letter.reason > 10, "a reason")
      raws[letter.id] = nil
    end
    is(nil, next(raws), "products without a dead letter")
    for id in pairs(m.rejected) do m.sandbox:edit(id, { raw = false }) end
    m.rejected = {}
    is(6, m:recovers().sums.sent, "mended products")
  end)

  case("\\u0000 in a product, which is JSON", {}, function(m)
    local id = m:id(3)
    m.sandbox:edit(id, { raw = raw_of(id, "a\\u0000b") })
    m:recovers()
    has(m.sandbox:stream(124773):get(tostring(id)), '"a\\u0000b"')
  end)

  case("a product without an end, which hides the rest of the page", {}, function(m)
    local id = m:id(3)
    m.sandbox:edit(id, { raw = '{"id":' .. id .. ',"title":"a' })
    local done = m:feed()
    m:fails(done, 1, "the answer of the search is not JSON", "column", "hint: ")
    is(0, m.sandbox:stream(124773).count, "products sent")
    m.sandbox:edit(id, { raw = false })
    m:recovers()
  end)

  case("a search answer that is not JSON, in mid-run", { products = 1200 }, function(m)
    m.sandbox:fault { kind = "status", status = 200, body = "<html>oops</html>", path = SEARCH, nth = 4 }
    local done = m:feed "batch=100"
    m:fails(done, 1, "not JSON", "<html>oops", "base_url", "shop.search_products")
    assert(done.sums.sent > 0 and done.sums.skipped > 0, done.stdout)
    m:recovers(0, "batch=100")
  end)

  case("a 200 without the expected key", {}, function(m)
    m.sandbox:fault { kind = "status", status = 200, body = '{"errors":["no"]}', path = SEARCH, every = 1 }
    m:fails(m:feed(), 1, "without the key 'system_products'", '{"errors":["no"]}', "hint: ")
    is(2, m:requests(LOGIN), "logins")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("answers that are cut off in the middle", { products = 1200 }, function(m)
    m.sandbox:fault { kind = "truncate", path = SEARCH, every = 3 }
    m.sandbox:fault { kind = "truncate", path = UPLOAD, every = 3 }
    m:recovers(0, "batch=100")
  end)

  case("answers that are always cut off", { config = { feed = "deadline: 1s" } }, function(m)
    m.sandbox:fault { kind = "truncate", path = UPLOAD, every = 1 }
    local done = m:feed()
    m:fails(done, 5, "cut off", "hint: ")
    is("60 0 0 0 0 60", sums(done), "sums")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("answers that stop coming", { products = 700, config = { shop = "timeout: 500ms", feed = "timeout: 500ms" } }, function(m)
    m.sandbox:fault { kind = "stall", path = SEARCH, nth = 2 }
    m.sandbox:fault { kind = "stall", path = UPLOAD, nth = 1 }
    m:recovers()
  end)

  case("servers that are down", { config = { shop = "deadline: 2s", shop_url = "http://127.0.0.1:1" } }, function(m)
    local done = m:feed()
    m:fails(done, 5, "no connection", "127.0.0.1:1", "hint: check host, port")
    assert(done.sums.requests <= 6 and done.sums.seconds < 4, done.stdout)
  end)

  case("a stream's server that is down", { config = { feed = "deadline: 1s", feed_url = "http://127.0.0.1:1" } }, function(m)
    local done = m:feed()
    m:fails(done, 5, "feed.upload_products", "no connection", "hint: ")
    is(0, done.sums.sent, "sent")
  end)

  -- ---- credentials ----

  case("a login that answers 401", {}, function(m)
    m.sandbox:fault { kind = "status", status = 401, path = LOGIN, every = 1,
      body = json.encode { message = "not " .. mishap.secrets()[1] } }
    m:fails(m:feed(), 4, "shop.authenticate", "401", "not ***", "check `password` of connection 'shop'")
    is(1, m:requests "/v1/", "requests")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("logins that bring no token", {}, function(m)
    m.sandbox:fault { kind = "status", status = 200, body = '{"system_user":{}}', path = LOGIN }
    m:fails(m:feed(), 1, "no system_user.token", "base_url")
    m.sandbox:fault { kind = "status", status = 200, body = "<html>", path = LOGIN }
    m:fails(m:feed(), 1, "shop.authenticate", "not JSON", "base_url")
    m:recovers()
  end)

  for _, how in ipairs { 401, 403, 200 } do
    case("a token that dies in mid-run, answered with " .. how, { products = 1200, dead_token = how }, function(m)
      local searches = 0
      m.on_request = function(line)
        searches = searches + (line:find(SEARCH, 1, true) and 1 or 0)
        if searches == 3 then m.sandbox:expire() end
      end
      local done = m:feed "batch=300"
      is(0, done.status, done.stderr)
      is("1200 1200 0 0 0 0", sums(done), "sums")
      is(2, m.sandbox.users.bot.logins, "logins")
      m:recovers()
    end)
  end

  case("a token that dies again and again", { products = 1200 }, function(m)
    m.on_request = function() m.sandbox:expire() end
    m:fails(m:feed(), 4, "401", "after a fresh login", "somebody else seems to log in as 'bot'")
    m:fails(m:feed(), 4, "somebody else logs in as 'bot'")
    assert(m:requests "/v1/" <= 8, "it went round in circles")
    assert(m.sandbox.users.bot.logins <= 3, "it logged in again and again")
  end)

  case("a 403 because of the user's role", {}, function(m)
    m.sandbox:fault { kind = "status", status = 403, body = '{"message":"role trade may not"}', path = SEARCH, every = 1 }
    m:fails(m:feed(), 4, "403", "role trade may not", "hint: the role of this user")
    assert(m:requests "/v1/" <= 6, "it went round in circles")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("a bearer that is refused", {}, function(m)
    m.sandbox:fault { kind = "status", status = 401, path = UPLOAD, every = 1,
      body = json.encode { errors = { { title = "unknown " .. mishap.secrets()[2] } } } }
    local done = m:feed()
    m:fails(done, 4, "feed.upload_products", "401", "unknown ***", "check the token")
    is("60 0 0 60 0 0", sums(done), "sums")
    is(1, m:requests(UPLOAD), "uploads")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("secrets that come back in verdicts, and -vv", {}, function(m)
    local token = mishap.secrets()[2]
    local stage = { status = "failure", successCount = 0, errorCount = 60, errors = { { message = "no " .. token, occurrences = 60 } } }
    m.sandbox:fault { kind = "status", status = 422, path = UPLOAD, body = json.encode { data = { id = "b", type = "batch",
      attributes = { status = "failed", stages = { upload = stage } } } } }
    local done = m:feed "-vv"
    is(3, done.status, done.stderr)
    is("60 0 0 0 60 0", sums(done), "sums")
    is("no ***", m:letters(done)[60].reason, "reason")
    m:feed "-vv --full"
    is(nil, m:difference(), "difference")
  end)

  -- ---- the stream's answers ----

  case("a stream that does not exist", {}, function(m)
    local done = m:run(mishap.recipe .. " from=shop to=feed stream=999")
    m:fails(done, 1, "feed.upload_products", "/streams/999/products", "404", "hint: is the id right?")
    is("60 0 0 60 0 0", sums(done), "sums")
    m:recovers()
  end)

  case("5xx on uploads, before and after they are done", { products = 1200 }, function(m)
    m.sandbox:fault { kind = "status", status = 500, path = UPLOAD, every = 5 }
    m.sandbox:fault { kind = "status", status = 502, done = true, path = UPLOAD, every = 7 }
    m.sandbox:fault { kind = "reset_before", path = UPLOAD, every = 9 }
    m.sandbox:fault { kind = "reset_after", path = UPLOAD, every = 11 }
    local done = m:recovers(0, "batch=100")
    is("1200 1200 0 0 0 0", sums(done), "sums")
  end)

  case("5xx on uploads that never end", { config = { feed = "deadline: 1s" } }, function(m)
    m.sandbox:fault { kind = "status", status = 500, done = true, path = UPLOAD, every = 1 }
    local done = m:feed()
    m:fails(done, 5, "500", "ordered from the sandbox", "gave up after", "hint: ")
    is("60 0 0 0 0 60", sums(done), "sums")
    m.sandbox.faults:clear()
    m:recovers()
  end)

  case("batches that are no batches", {}, function(m)
    for _, body in ipairs { '{"data":{"type":"batch"}}', '{"data":[]}', '{"data":null}', '{"data":"x"}', "{}", "", "no", "[]",
      '{"data":{"id":5,"attributes":{"stages":{"upload":"done"}}}}', '{"data":{"id":{},"attributes":[]}}' } do
      m.sandbox:fault { kind = "status", status = 202, body = body, path = UPLOAD }
      local done = m:feed()
      m:fails(done, 1, "124773")
      is("60 0 0 0 0 60", sums(done), body)
    end
    m:recovers()
  end)

  case("a verdict of nonsense", {}, function(m)
    local nonsense = '{"status":"warning","errorCount":"two","errors":[1,"x",{"message":{},"occurrences":"a","example":7}]}'
    m.sandbox:fault { kind = "status", status = 202, path = UPLOAD, every = 1,
      body = '{"data":{"id":"a","attributes":{"status":"uploaded","stages":{"upload":' .. nonsense .. "}}}}" }
    local done = m:feed()
    is(3, done.status, done.stderr)
    is(60, #m:letters(done), "dead letters")
    for _, letter in ipairs(m:letters(done)) do assert(not letter.reason:find("table:", 1, true), letter.reason) end
    m.sandbox.faults:clear()
    m:feed "--full"
    is(nil, m:difference(), "difference")
  end)

  -- ---- disks ----

  local function with_dead_letter(m)
    local id = m:id(3)
    m.sandbox:edit(id, { body_html = ("x"):rep(1100000) })
    m.rejected[id] = true
  end

  case("a full disk while a dead letter is written", {}, function(m)
    with_dead_letter(m)
    local dlq = m.dir .. "/.sluice/dlq"
    local name = mishap.recipe:gsub("%.lua$", ""):gsub("[^%w_%-]+", "-") .. "-1.ndjson"
    assert(os.execute(("mkdir -p -m 700 '%s' && ln -s /dev/full '%s/%s'"):format(dlq, dlq, name)))
    local done = m:feed()
    m:fails(done, 1, "No space left on device", "the cursor has not moved; make room and run again")
    is("60 0 0 60 0 0", sums(done), "sums")
    os.remove(dlq .. "/" .. name)
    m:recovers(3)
  end)

  case("a limit on files while a dead letter is written", {}, function(m)
    with_dead_letter(m)
    require("sluice.limit").shared(m.dir .. "/shared/sluice") -- the file of rate budgets is larger than the limit
    m:fails(m:shell 'ulimit -f 1500; exec "$@"', 1, "File too large", "make room and run again")
    is(1, #m:letters(m:recovers(3)), "dead letters")
  end)

  case("a store that can't grow", {}, function(m)
    m:fails(m:shell 'ulimit -f 20; exec "$@"', 1, "state.db", "File too large", "hint: look at the disk")
    m:recovers()
  end)

  if can_mount then
    case("a store on a full disk", { products = 1500 }, function(m)
      local done = m:shell(mounted "mount -t tmpfs -o size=100k none .sluice")
      m:fails(done, 1, "state.db", "full", "hint: ")
      m:recovers()
    end)

    case("a store on a disk that is read-only", {}, function(m)
      m:fails(m:shell(mounted "mount -t tmpfs -o ro none .sluice"), 1, "state.db", "Read-only", "hint: ")
      m:feed()
      m.sandbox:touch(3)
      m:fails(m:shell(mounted "mount --bind .sluice .sluice; mount -o remount,bind,ro .sluice"), 1, "state.db", "Read-only")
      is(3, m:recovers().sums.sent, "sent")
    end)
  end

  -- ---- the user's mistakes ----

  case("a config with an unknown key", { config = { feed = "tokn: x" } }, function(m)
    m:fails(m:feed(), 2, "sluice.yaml:5:", "unknown key 'tokn' (did you mean 'token'?)")
    is(0, #m.sandbox:requests(), "requests")
  end)

  case("a variable that is not set", {}, function(m)
    m:fails(m:feed("", { FEED_TOKEN = false }), 2, "sluice.yaml:5:", "FEED_TOKEN is not set", "hint: export FEED_TOKEN")
    is(0, #m.sandbox:requests(), "requests")
  end)

  case("recipes that can't be read", {}, function(m)
    tmp.write(m.dir .. "/bad.lua", "local x = 1\nif x then\n  print(x\nend\n")
    m:fails(m:run "bad.lua", 2, "bad.lua:4:", "')' expected", "line 3")
    m:fails(m:run "none.lua", 2, "none.lua", "No such file")
    m:fails(m:run ".", 2, "Is a directory")
  end)

  case("arguments that are missing or make no sense", {}, function(m)
    m:fails(m:run(mishap.recipe .. " to=feed stream=1"), 2, "argument 'from' is missing", "stream id")
    m:fails(m:run(mishap.recipe .. " from=shop to=feed"), 2, "stream is missing")
    m:fails(m:run(mishap.recipe .. " from=shop to=feed strem=1"), 2, "unknown argument 'strem' (did you mean 'stream'?)")
    m:fails(m:run(mishap.recipe .. " from=shup to=feed stream=1"), 2, "no connection 'shup' (did you mean 'shop'?)", "known: feed, shop")
    m:fails(m:run(mishap.recipe .. " from=shop to=fead stream=1"), 2, "no connection 'fead' (did you mean 'feed'?)")
    m:fails(m:run(mishap.recipe .. " from=feed to=shop stream=1"), 2, "shop has no operation")
    m:fails(m:feed "batch=many", 2, "batch is a whole number from 1, not 'many'")
    m:fails(m:feed "batch:=1.5", 2, "batch is a whole number")
    m:fails(m:feed "sweep=yes", 2, "sweep is true or false, not 'yes'")
    m:fails(m:feed "--ful", 2, "--ful", "hint: ")
    is(0, m:requests "/streams/", "uploads")
    is(0, m:requests(SEARCH), "searches")
  end)

  -- ---- others around it ----

  case("a cursor that another run holds", { products = 600 }, function(m)
    m.sandbox:fault { kind = "delay", seconds = 0.7, path = SEARCH, nth = 2 }
    local seen, searched = task.channel(), false
    m.on_request = function(line)
      if searched or not line:find(SEARCH, 1, true) then return end
      searched = true
      seen:put(true)
    end
    local first = task.spawn(m.feed, m)
    seen:get()
    m:fails(m:feed(), 8, "products", "hint: ")
    local done = first:wait()
    is("600 600 0 0 0 0", sums(done), done.stderr)
    m:recovers()
    is(600, m.sandbox:stream(124773).applied, "applied")
  end)

  case("a standard output that nobody reads, or that is full or closed", {}, function(m)
    has(m:shell '("$@"; echo "code $?" >&2) | true'.stderr, "code 0")
    is(nil, m:difference(), "difference")
    m:fails(m:shell '"$@" >/dev/full', 1, "standard output can't be written")
    m:fails(m:shell '"$@" >&-', 1, "standard output can't be written")
    is("60", m:shell '"$@" >&- 2>&-; "$@" --full | grep -o "\\"sent\\":60" | cut -d: -f2'.stdout:match "%d+", "sent")
    is(nil, m:difference(), "difference")
    tmp.write(m.dir .. "/many.lua", "for i = 1, 50000 do print('line', i) end")
    local done = m:command { "sh", "-c", '("$0" run many.lua; echo "code $?" >&2) | head -1', mishap.sluice }
    is("line\t1\n", done.stdout, "printed")
    is("code 0\n", done.stderr, "said")
  end)

  case("SIGTERM in mid-run", { products = 1200 }, function(m)
    local done = m:signalled("TERM", "page", 3, "batch=100")
    assert(done.hit, "the step was not reached")
    is(143, done.status, done.stderr)
    local first = done.sums.sent
    assert(first > 0 and first < 1200, done.stdout)
    is(first, done.sums.read, "read")
    is(1200 - first, m:recovers(0, "batch=100").sums.sent, "sent by the next run")
    is(1200, m.sandbox:stream(124773).applied, "applied")
  end)
end)
