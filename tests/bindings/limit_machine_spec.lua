-- The budgets of a machine: real processes on one account, against the sandbox's real limits. `make bench ROWS=shares` is the
-- long form.
local call = require "sluice.call"
local core = require "sluice.core"
local crowd = require "support.crowd"
local json = require "sluice.json"
local limit = require "sluice.limit"
local peer = require "support.peer"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local task = require "sluice.task"
local time = require "sluice.time"
local tmp = require "support.tmp"

local SLUICE = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function spread(counts, from)
  local least, most = math.huge, 0
  for i = from, #counts do least, most = math.min(least, counts[i]), math.max(most, counts[i]) end
  return most - least
end

describe("processes of one account", function()
  it("use the whole rate and no more, in equal shares, though one has its clocks stepped and one a faked one", function()
    local r = crowd.run { kind = "feed", processes = 8, seconds = 5, step = 3600, back = 100, faketime = true }
    assert.same({}, r.errors)
    assert.equal(0, r.refused)
    assert.is_true(r.share >= 0.9 and r.share <= 1, r.share)
    assert.is_true(spread(r.counts, 1) <= 3, table.concat(r.counts, " "))
  end)

  it("take over the share of those that are killed", function()
    local r = crowd.run { kind = "feed", processes = 8, seconds = 5, kill = 4 }
    assert.same({}, r.errors)
    assert.equal(0, r.refused)
    assert.is_true(r.share >= 0.9 and r.share <= 1, r.share)
    for i = 1, 4 do assert.equal(0, r.counts[i]) end
    assert.is_true(spread(r.counts, 5) <= 3, table.concat(r.counts, " "))
  end)
end)

describe("the budgets of a machine", function()
  local sb, dir
  before_each(function()
    sb, dir = sandbox.start { products = 1, rate_scale = 100 }, tmp.dir()
    call.share(dir)
  end)
  after_each(function()
    sb:stop()
    call.share(tmp.dir())
  end)

  local function conn(rate, more)
    local options = { name = "feed", account = "x", hosts = { sb.url }, rates = { api = rate },
      credential = { kind = "bearer", secret = "sandbox-token" } }
    for key, value in pairs(more or {}) do options[key] = value end
    return call.connection(options)
  end

  local function ask(c, deadline)
    return c:call { operation = "streams", method = "GET", url = sb.url .. "/streams", class = "api", resend = "safe", deadline = deadline }
  end

  local function other_process(body)
    local script = tmp.write(tmp.dir() .. "/other.lua", ([[
      local call = require "sluice.call"
      call.share(%q)
      local function ask(rate, deadline)
        local c = call.connection { name = "feed", account = "x", hosts = { %q }, rates = { api = rate },
          credential = { kind = "bearer", secret = "sandbox-token" } }
        return c:call { operation = "streams", method = "GET", url = %q .. "/streams", class = "api", resend = "safe", deadline = deadline }
      end
      %s]]):format(dir, sb.url, sb.url, body))
    local done = assert(process.run { argv = { SLUICE, "run", script } })
    assert.equal(0, done.status, done.stderr)
    return done.stdout
  end

  it("outlast their processes: one in five minutes is one in five minutes", function()
    other_process [[assert(ask "1/5min")]]
    local answer, problem = ask(conn "1/5min", 0.3)
    assert.is_nil(answer)
    assert.equal("limit", problem.code)
    local row = limit.shared(dir)[1]
    assert.is_true(row.wait > 290 and row.wait <= 303, row.wait)
    assert.same({ "api", "1/5min", "definition", 1, 0 }, { row.class, row.rates, row.from, row.sent, row.waiting })
  end)

  it("learn from one process's 429 for all", function()
    sb:fault { kind = "status", status = 429, retry_after = 2 }
    local waiting = task.spawn(function() return ask(conn "1000/s") end)
    while #sb:requests() < 1 do task.sleep(0.01) end
    task.sleep(0.05)
    local waited = tonumber(other_process [[print(assert(ask "1000/s").waited)]])
    assert.is_true(waited > 1, waited)
    assert(waiting:wait())
    assert.equal(1, limit.shared(dir)[1].limited)
  end)

  it("are shown by `sluice limits`, with where a rate comes from", function()
    assert(ask(conn("5/s", { limits = { api = "4/s" } })))
    tmp.write(dir .. "/sluice.yaml", "version: 1\nshared: " .. dir .. "\n")
    local function limits(words)
      return assert(process.run { argv = { "sh", "-c", SLUICE .. " limits -c " .. dir .. "/sluice.yaml " .. words } })
    end
    local rows = assert(json.decode(limits "--json".stdout))
    assert.equal(1, #rows)
    assert.same({ "x", "4/s", "connection", sb.url }, { rows[1].account, rows[1].rates, rows[1].from, rows[1].host })
    local shown = limits("api").stdout
    assert.matches("host +account +class +resource +rate +from +full +waiting +sending +sent +limited +waited", shown)
    assert.matches("x +api +4/s +connection", shown)
    assert.matches("no budget was used", limits("nothing-of-that-name").stderr)
    local wrong = limits "--all"
    assert.equal(2, wrong.status)
    assert.matches("unknown option '%-%-all'", wrong.stderr)
  end)

  it("let a person's call go before those of a bulk job", function()
    local slow = conn "2/s"
    assert(ask(slow))
    local bulk = {}
    for i = 1, 4 do bulk[i] = task.spawn(function() return other_process [[print(assert(ask "2/s").waited)]] end) end
    while #limit.shared(dir) == 0 or limit.shared(dir)[1].waiting < 3 do task.sleep(0.02) end
    call.interactive(true)
    local waited = assert(ask(slow)).waited
    call.interactive(false)
    for i = 1, 4 do bulk[i]:wait() end
    assert.is_true(waited < 1.1, waited) -- a slot, and what was left of the one before
  end)

  it("end the wait behind others where a signal asks to stop", function()
    other_process [[assert(ask "1/5min")]]
    local ahead = task.spawn(function() other_process [[print(ask("1/5min", 4))]] end)
    while limit.shared(dir)[1].waiting < 1 do task.sleep(0.02) end
    local behind = task.spawn(function() return ask(conn "1/5min", 600) end)
    while limit.shared(dir)[1].waiting < 2 do task.sleep(0.02) end
    local patience = time.mono() + 2
    core.raise_signal(2)
    while not behind:done() and time.mono() < patience do task.yield() end
    core.raise_signal(nil)
    local ended = behind:done()
    if not ended then behind:cancel() end
    ahead:wait()
    assert.is_true(ended)
    local _, problem = behind:wait()
    assert.equal("cancelled", problem.code)
  end)

  it("are waited for at rest where a process is stopped in their lock, and go on after it", function()
    assert(ask(conn "1000/s"))
    local _, holder = peer.start("hold", dir .. "/budgets")
    local cpu, patience = time.cpu(), time.mono() + 1
    local waiting = task.spawn(function() return ask(conn "1000/s", 30) end)
    while time.mono() < patience do task.sleep(0.1) end
    cpu = time.cpu() - cpu
    holder:close()
    assert(waiting:wait())
    assert.is_true(cpu < 0.15, cpu)
  end)

  it("are an error with a cure where the file can't be theirs", function()
    tmp.write(dir .. "/budgets", ("no budgets at all "):rep(100))
    local answer, problem = ask(conn "1/s")
    assert.is_nil(answer)
    assert.same({ "state", true, true }, { problem.code, problem.message:find("budgets", 1, true) ~= nil, problem.hint:find "delete it" ~= nil })
    call.share "/proc/no-such-folder"
    answer, problem = ask(conn "1/s")
    assert.is_nil(answer)
    assert.matches("`shared: DIR`", problem.hint)
    call.share(false)
    assert(ask(conn "1/s"))
  end)

  it("are in a file that no other user can read", function()
    assert(ask(conn "1/s"))
    assert.matches("%-rw%-%-%-%-%-%-%-.-budgets", io.popen("ls -l '" .. dir .. "'"):read "a")
  end)
end)
