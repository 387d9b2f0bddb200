local curl = require "support.curl"
local http = require "sluice.http"
local sandbox = require "sluice.sandbox"
local tmp = require "support.tmp"

local sluice = require("lfs").currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("the sandbox's faults", function()
  local sb
  local options = { headers = { Authorization = "Bearer sandbox-token", ["Content-Type"] = "application/x-ndjson" }, repeatable = false }

  before_each(function() sb = sandbox.start { products = 10, rate_scale = 1000 } end)
  after_each(function() sb:stop() end)

  local function upload(id)
    options.body = ('{"id":"%s"}\n'):format(id)
    return http.post(sb.url .. "/streams/124773/products", options)
  end

  local function stored(id) return sb:stream(124773):get(id) ~= nil end

  it("status: before or after the request is carried out", function()
    sb:fault { kind = "status", status = 503, retry_after = 7 }
    local answer = upload "a"
    assert.same({ 503, "7" }, { answer.status, answer.headers["retry-after"] })
    assert.is_false(stored "a")
    assert.equal(202, upload("a").status)
    sb:fault { kind = "status", status = 500, done = true, body = "oops" }
    answer = upload "b"
    assert.same({ 500, "oops" }, { answer.status, answer.body })
    assert.is_true(stored "b")
  end)

  it("resets before and after", function()
    sb:fault "reset_before path=/streams/*"
    local answer, problem = upload "a"
    assert.is_nil(answer)
    assert.equal("network", problem.code)
    assert.is_false(stored "a")
    sb:fault "reset_after method=POST"
    answer, problem = upload "a"
    assert.is_nil(answer)
    assert.equal("network", problem.code)
    assert.is_true(stored "a")
    assert.same({ 0, 0 }, { sb:requests()[1].status, sb:requests()[2].status })
  end)

  it("cuts an upload off in the middle", function()
    sb:fault { kind = "cut", path = "/streams/*", after = 100000 }
    options.body = ('{"id":"a","x":"%s"}\n'):format(("x"):rep(900000)):rep(4)
    local answer, problem = http.post(sb.url .. "/streams/124773/products", options)
    assert.is_nil(answer)
    assert.equal("network", problem.code)
    assert.equal(0, #sb:requests())
  end)

  it("truncates, stalls, breaks and garbles answers", function()
    sb:fault { kind = "truncate", after = 20 }
    local _, problem = upload "a"
    assert.equal("network", problem.code)
    sb:fault { kind = "stall", after = 20, seconds = 0.05 }
    _, problem = upload "b"
    assert.equal("network", problem.code)
    sb:fault { kind = "malformed" }
    local answer = upload "c"
    assert.equal(202, answer.status)
    assert.is_nil((answer:json()))
    sb:fault { kind = "garbage" }
    answer, problem = upload "d"
    assert.is_nil(answer)
    assert.is_true(problem.code == "protocol" or problem.code == "network", problem.code)
    for _, id in ipairs { "a", "b", "c", "d" } do assert.is_true(stored(id), id) end
  end)

  it("delays one request while others go on", function()
    sb:fault { kind = "delay", seconds = 0.2, path = "/streams/124773" }
    local task, order = require "sluice.task", {}
    local slow = task.spawn(function()
      http.get(sb.url .. "/streams/124773", { headers = options.headers })
      order[#order + 1] = "slow"
    end)
    repeat task.yield() until sb.faults.list[1].fired == 1
    http.get(sb.url .. "/streams", { headers = options.headers })
    order[#order + 1] = "quick"
    slow:wait()
    assert.same({ "quick", "slow" }, order)
  end)

  it("picks the nth, every so many, or some by chance, the same ones for the same seed", function()
    local function statuses(spec, count)
      sb.faults:clear()
      sb.faults.rolls = 0
      sb:fault(spec)
      local list = {}
      for i = 1, count do list[i] = upload("x" .. i).status == 503 and "!" or "." end
      return table.concat(list)
    end
    assert.equal("..!...", statuses({ kind = "status", nth = 3 }, 6))
    assert.equal("..!!..", statuses({ kind = "status", nth = 3, times = 2 }, 6))
    assert.equal(".!.!.!", statuses("status every=2", 6))
    assert.equal("!!....", statuses("status times=2", 6))
    assert.equal("......", statuses("status path=/v1/*", 6))
    local first = statuses("status probability=0.3", 40)
    assert.equal(first, statuses("status probability=0.3", 40))
    local _, hits = first:gsub("!", "")
    assert.is_true(hits > 4 and hits < 22, first)
  end)

  it("refuses what is no fault", function()
    for _, spec in ipairs { { kind = "nonsense" }, {}, { kind = "status", nht = 2 }, { kind = "status", status = "x" },
      "status status=x", "status colour=red" } do
      local ok, problem = pcall(sb.fault, sb, spec)
      assert.is_false(ok)
      assert.is_string(problem.sandbox_usage)
    end
    assert.equal("usage", select(2, pcall(sandbox.start, { prodcts = 1 })).code)
  end)
end)

describe("the sandbox's control pages", function()
  local sb
  before_each(function() sb = sandbox.start { products = 20, rate_scale = 1000 } end)
  after_each(function() sb:stop() end)

  local function post(path, value) return http.post(sb.url .. "/sandbox/" .. path, { json = value }) end

  it("change the shop and show it", function()
    assert.equal(200, http.get(sb.url .. "/sandbox/").status)
    assert.equal(3, post("touch", { count = 3 }):json().count)
    local added = post("add", { count = 2 }):json().ids
    assert.same({ added[1] }, post("deactivate", { ids = { added[1] } }):json().ids)
    assert.equal(1, post("edit", { id = added[2], fields = { title = "New" } }):json().count)
    local _, lines = http.get(sb.url .. "/sandbox/catalogue").body:gsub("\n", "")
    assert.equal(21, lines)
    assert.matches('"title":"New"', http.get(sb.url .. "/sandbox/catalogue?from=21").body, 1, true)
    assert.equal(200, http.post(sb.url .. "/sandbox/raw?id=" .. added[2], { body = "\xff" }).status)
    assert.equal("\xff\n", http.get(sb.url .. "/sandbox/catalogue?from=21&limit=5").body)
    assert.matches('{"id":62777,"modified":%d+}\n', http.get(sb.url .. "/sandbox/catalogue?fields=id&limit=1").body)
    post("activate", { ids = { added[1] } })
    assert.equal(22, sb.catalogue.active)
    assert.is_true(post("clock", { add = 100 }):json().now > require("sluice.time").now() + 90)
  end)

  it("order faults, show and clear the log", function()
    assert.equal(201, post("faults", { kind = "status", status = 418, path = "/v1/*" }).status)
    assert.equal(418, http.get(sb.url .. "/v1/sources?token=secret-token&format=json").status)
    assert.equal(1, http.get(sb.url .. "/sandbox/faults"):json()[1].fired)
    local log = http.get(sb.url .. "/sandbox/log?last=2"):json()
    assert.same({ 418, "/v1/sources?token=***&format=json", "status" },
      { log.requests[1].status, log.requests[1].target, log.requests[1].fault })
    assert.equal(1, log.by_status["418"])
    http.delete(sb.url .. "/sandbox/log")
    assert.equal(1, http.get(sb.url .. "/sandbox/log"):json().total)
    assert.equal(204, http.delete(sb.url .. "/sandbox/faults").status)
    assert.equal(401, http.get(sb.url .. "/v1/sources?token=x").status)
  end)

  it("say what is wrong with a request", function()
    for path, body in pairs { ["touch"] = "[1]", ["edit"] = '{"id":5}', ["import"] = '{"stream":"9"}', ["faults"] = '{"kind":"x"}',
      ["deactivate"] = '{"ids":[1]}', ["clock"] = "{}", ["activate"] = "{" } do
      local answer = http.post(sb.url .. "/sandbox/" .. path, { body = body })
      assert.equal(400, answer.status, path)
      assert.is_string(answer:json().error)
    end
    assert.equal(404, http.get(sb.url .. "/sandbox/nothing").status)
    assert.equal(405, http.get(sb.url .. "/sandbox/touch").status)
    assert.equal(400, http.get(sb.url .. "/sandbox/catalogue?from=x").status)
    assert.equal(0, sb.bugs)
  end)
end)

describe("sluice sandbox", function()
  it("serves until SIGTERM, prints connections, writes a log and plays ordered faults", function()
    local dir = tmp.dir()
    local done = curl.shell(([[
      "%s" sandbox --port 0 --products 30 --rates high --log %s/log --fault 'status status=418 path=/v1/sources' >said &
      pid=$!
      for i in $(seq 1000); do grep -q 'token:' said && break; sleep 0.02; done
      url=$(sed -n 's/ has 30 products.*//p' said)
      curl -s -o /dev/null -w '%%{http_code} ' "$url/v1/sources" "$url/v1/channels" "$url/streams" -H 'Authorization: Bearer sandbox-token'
      curl -s "$url/sandbox/catalogue" | wc -l
      kill -TERM $pid
      wait $pid
      echo "exit $?"
      cat said
    ]]):format(sluice, dir))
    assert.matches("^418 ", done.out, nil, done.err)
    assert.matches("401 ", done.out)
    assert.matches("30\nexit 0\n", done.out)
    assert.matches('shop: { api: stock2shop, base_url: "(http://127.0.0.1:%d+)", queue_url: "%1", username: "sandbox", password: "sandbox", '
      .. "client_id: 21 }", done.out)
    assert.matches('feed: { api: productsup_stream, base_url: "http://127.0.0.1:%d+", token: "sandbox%-token" }', done.out)
    local log = tmp.read(dir .. "/log")
    assert.matches("1 418 GET /v1/sources 0 in %d+ out [%d.]+ ms %(fault: status%)", log)
  end)

  it("plays without the five minutes, and its connection says so to the client", function()
    local done = curl.shell(([[
      "%s" sandbox --port 0 --products 1 --strict-time off >said &
      pid=$!
      for i in $(seq 1000); do grep -q 'depot:' said && break; sleep 0.02; done
      sed -n '/^version/,$p' said >sluice.yaml
      echo 'local site = require("sluice").connect "site"
        for _ = 1, 2 do
          site:wait_process(123, site:process { site = 123, action = "import" }, { start = 0.2 })
        end' >twice.lua
      XDG_STATE_HOME=$PWD timeout 60 "%s" run twice.lua || echo "failed"
      kill -TERM $pid
      cat sluice.yaml
    ]]):format(sluice, sluice))
    assert.not_matches("failed", done.out, nil, done.err)
    assert.matches('token: "1234:sandbox", limits: { process: 10/s } }', done.out)
  end)

  it("says what is wrong with its options, with exit code 2", function()
    for words, message in pairs { ["--prodcts 5"] = "did you mean '%-%-products'", ["--products many"] = "whole number",
      ["--rates odd"] = "one of high, normal",
      ["--strict-time no"] = "%-%-strict%-time needs one of on, off, not 'no'",
      ["--fault nonsense --port 0"] = "no fault of the kind nonsense", ["--port"] = "needs a value" } do
      local done = curl.shell(('"%s" sandbox %s'):format(sluice, words))
      assert.equal(2, done.code, words)
      assert.matches(message, done.err)
      assert.not_matches("traceback", done.err)
    end
  end)
end)
