-- wait_process, against the sandbox's queue and written answers.
local connect = require("sluice.connect").connect
local err = require "sluice.err"
local sandbox = require "sluice.sandbox"
local scripted = require "support.scripted"

local QUICK = { start = 0.001, factor = 1.2, cap = 0.005 }
local PID = "47e6b828-3210-3568-8ec3-85ed3e2d944c"

local function options(more)
  local o = {}
  for key, value in pairs(QUICK) do o[key] = value end
  for key, value in pairs(more or {}) do o[key] = value end
  return o
end

local function raises(code, fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(err.is(problem), tostring(problem))
  assert.equal(code, problem.code, problem.message)
  return problem
end

local function connect_to(url)
  return connect { api = "productsup_platform", name = "site", base_url = url, token = "1234:sandbox",
    limits = { other = "10000/s", process = "10000/s" } }
end

describe("wait_process with the sandbox", function()
  local sb, site
  before_each(function()
    local now = 1700000000
    sb = sandbox.start { products = 0, rate_scale = 1000, clock = function() -- a second between two looks at it
      now = now + 0.2
      return now
    end }
    site = connect_to(sb.url)
  end)
  after_each(function() sb:stop() end)

  it("waits until it is over", function()
    local pid = site:process { site = 123, action = "import" }
    assert.equal("success", site:wait_process(123, pid, options()))
    assert.equal(pid, site:import_history { site = 123 }[1].pid)
  end)

  it("raises what went wrong, with the site's errors", function()
    sb:fail_process(123)
    local pid = site:process { site = 123, action = "all" }
    local problem = raises("partial", site.wait_process, site, 123, pid, options())
    assert.matches("process " .. pid:gsub("%-", "%%-") .. " of site 123 has run, with errors; the first is: The connection to the server failed",
      problem.message)
    assert.same({ "10012", "sftpuser", pid }, { problem.errors[1].error, problem.errors[1].data.User, problem.errors[1].pid })
  end)

  it("does not wait for ever for a pid that nobody knows", function()
    local problem = raises("stalled", site.wait_process, site, 123, PID, options { deadline = 0.05 })
    assert.matches("was not over in time: queued", problem.message)
    assert.matches("is it the one that process gave", problem.hint)
  end)

  it("does not go on asking what can't be answered", function()
    raises("not_found", site.wait_process, site, 9, PID, options())
    raises("invalid", site.wait_process, site, 123, "no-pid", options())
    raises("usage", site.wait_process, site, "Identifier:123", PID, options())
    assert.matches("did you mean 'deadline'", raises("usage", site.wait_process, site, 123, PID, { deadlin = 3 }).message)
  end)
end)

describe("wait_process", function()
  it("says where the import history knows what the status does not", function()
    local api = scripted.start(function(r)
      if r.path:find "importhistory" then
        return { json = { success = true, Importhistory = { { pid = "other" }, { pid = PID, import_time = "2015-01-01 11:22:33" } } } }
      end
      return { json = { success = true, status = "queued" } }
    end)
    finally(function() api.close() end)
    local problem = raises("stalled", connect_to(api.url).wait_process, connect_to(api.url), 123, PID, options { deadline = 0.03 })
    assert.matches("the import history has it, from 2015%-01%-01 11:22:33", problem.hint)
  end)

  it("goes on after a question that failed, and stops where the credentials are refused", function()
    local api = scripted.start(function(_, n)
      if n == 1 then return { json = { success = true, status = "running" } } end
      return n < 9 and { status = 503, headers = { ["Retry-After"] = "0" } } or { json = { success = true, status = "success" } }
    end)
    local function wait() return connect_to(api.url):wait_process(123, PID, options { deadline = 500 }) end
    assert.equal("success", require "support.flying"(wait, 500))
    api.close()
    api = scripted.start(function() return { status = 401 } end)
    raises("auth", connect_to(api.url).wait_process, connect_to(api.url), 123, PID, options())
    api.close()
  end)

  it("starts one, and says where one is queued already", function()
    local said = { success = false, message = "Cannot trigger a new process, a process is already in the current queue." }
    local api = scripted.start { { json = { success = true, process_id = PID } }, { status = 429, json = said },
      { status = 403, json = { success = false, message = "You don't have the rights to access this resource." } } }
    local site = connect_to(api.url)
    assert.equal(PID, site:start_process(123, "import"))
    assert.is_nil(site:start_process(123, "import"))
    raises("forbidden", site.start_process, site, 123, "import")
    raises("usage", site.start_process, site, 123, "expot")
    api.close()
  end)

end)
