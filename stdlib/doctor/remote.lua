--- What `sluice doctor` asks of others: each host whether it is there (without credentials), each API whether the credentials
--- are good, and all of them what time it is.
local client = require "sluice.client"
local config = require "sluice.config"
local definition = require "sluice.definition"
local err = require "sluice.err"
local http = require "sluice.http"
local json = require "sluice.json"
local task = require "sluice.task"
local time = require "sluice.time"

local by_path = require("sluice.paging").by_path

local remote = {}

local SECONDS = 10  -- that a host may take
local DEADLINE = 20 -- that a call may take, waiting for its slot and repeats included
local OFF = 10      -- seconds that clocks may differ; a Date header has whole seconds, and an answer takes its time

-- ---- hosts ----

local function proxy_of(options)
  if options.proxy == "none" then return false end
  return options.proxy
end

-- One answer of a host, whatever it says: { ms =, status =, offset = | nil } or nil and the error.
local function look(url, options)
  local asked = time.now()
  local answer, problem = http.head(url, {
    timeout = SECONDS, connect_timeout = SECONDS, max_redirects = 0, ca_file = options.ca_file, proxy = proxy_of(options),
    client_cert = options.client_cert, client_key = options.client_key,
  })
  if not answer then return nil, problem end
  local got = time.now()
  local date = time.parse(answer.headers["Date"] or "")
  return { ms = (got - asked) * 1000, status = answer.status, offset = date and (asked + got) / 2 - (date + 0.5) or nil }
end

local tls_cures = {
  { "expired", "the server's operator must renew it; if this machine's clock is wrong, set that (see clock)" },
  { "not yet valid", "is this machine's clock right? (see clock)" },
  { "self.signed", "name its authority with `ca_file:` in the connection" },
  { "issuer", "install the authorities (Debian: ca-certificates), or name them with `ca_file:` in the connection" },
  { "host name", "is the address in the connection right?" },
}

local function cure_of(problem)
  if problem.code ~= "tls" then return problem.hint or "is this machine online? see the network, `proxy:` and the address in the connection" end
  for _, one in ipairs(tls_cures) do
    if problem.message:lower():find(one[1]) then return one[2] end
  end
  return problem.hint
end

local function add_host(report, url, seen, problem)
  if not seen then
    problem.hint = cure_of(problem)
    return report:failed("host", url, problem, "remote")
  end
  if seen.status >= 500 then
    return report:warn("host", url, "try again later; if it stays, ask the API's operator", "is there, but answers %d", seen.status)
  end
  report:ok("host", url, "answers in %.0f ms", seen.ms)
end

local function hosts_of(one)
  local urls = {}
  for _, host in ipairs(one.client.definition.hosts) do urls[#urls + 1] = one.client.options[host.key] or host.url end
  return urls
end

-- ---- credentials ----

-- Servers are known that answer a dead token with a 200 that says nothing.
local function says_nothing(row, status)
  return err.new { code = "auth", operation = row.name, status = status, message = ("%s was answered without %s"):format(row.name, row.result) }
end

local function check_result(row, answer)
  local value = json.decode(answer.body)
  if not row.result or (type(value) == "table" and by_path(value, row.result) ~= nil) then return end
  error(says_nothing(row, answer.status), 0)
end

-- The call has seen the same: JSON, but not what was asked for. (What is no JSON comes from somebody in between.)
local function plainly(row, problem)
  local empty = err.is(problem) and problem.code == "protocol" and problem.status == 200 and problem.operation == row.name
    and type(json.decode(problem.body or "")) == "table"
  return empty and says_nothing(row, 200) or problem
end

-- One answer is enough: of a list, its first page.
local function ask(one, row)
  local result, answer = one.client:call(row.name, { timeout = SECONDS, deadline = DEADLINE })
  if row.paging then result() else check_result(row, answer) end
end

-- An operation that asks about the token itself can't renew one that has ended; the next one does, as any call would.
local function has_ended(row, problem)
  local refused = err.is(problem) and (problem.code == "auth" or problem.code == "forbidden")
  return refused and row.renew == false and problem.operation == row.name
end

local function ask_all(one)
  local names, problem = one.client.definition.health, nil
  for i, name in ipairs(names) do
    local row = definition.operation(one.client.definition, name)
    local ok, failed = pcall(ask, one, row)
    if ok then return true, name end
    problem = plainly(row, failed)
    if i == #names or not has_ended(row, problem) then break end
  end
  return false, problem
end

-- Why the API can't be asked, or nil.
local function unasked(one)
  local def = one.client.definition
  local key = def.credential and def.credential.secret
  if not def.health then return ("the definition of %s names no `health` operation"):format(def.name) end
  if key and one.client.options[key] == nil then return ("it has no `%s`"):format(key) end
end

local function add_credentials(report, one)
  local why = unasked(one)
  if why then return report:ok("credentials", one.name, "not asked: %s", why) end
  local ok, found = one.task:wait()
  if ok then return report:ok("credentials", one.name, "accepted (%s)", found) end
  if err.is(found) and found.code == "auth" and not found.hint then
    found.hint = ("correct the credentials of the connection '%s'"):format(one.name)
  end
  report:failed("credentials", one.name, found)
end

-- ---- the clock ----

local function add_clock(report, offsets)
  if #offsets == 0 then return end
  table.sort(offsets, function(a, b) return math.abs(a) < math.abs(b) end)
  local middle = offsets[(#offsets + 1) // 2] -- one server with a wrong clock of its own is not believed
  if math.abs(middle) <= OFF then return report:ok("clock", nil, "%.0f s apart from the servers'", math.abs(middle)) end
  report:warn("clock", nil, "set it and keep it set (timedatectl set-ntp true)", "this machine's clock is %.0f s %s the servers'",
    math.abs(middle), middle > 0 and "ahead of" or "behind")
end

-- ---- all of it ----

-- What is wrong with the keys of a connection was said with the config; a command that fails was not, it is not run there.
local function was_said(report, problem)
  for _, row in ipairs(report.rows) do
    if row.where and err.is(problem) and problem.message == row.where .. ": " .. row.message then return true end
  end
  return false
end

local function clients_of(report, cfg, names)
  local list = {}
  for _, name in ipairs(names) do
    local ok, made = pcall(function()
      local keys = config.connection(cfg, name)
      return client.new(config.definition(keys.api, cfg), keys)
    end)
    if ok then list[#list + 1] = { name = name, client = made }
    elseif not was_said(report, made) then report:failed("credentials", name, made, err.is(made) and made.code == "config" and "config" or nil) end
  end
  return list
end

local function start_looks(list)
  local looks, by_key = {}, {}
  for _, one in ipairs(list) do
    one.looks = {}
    for _, url in ipairs(hosts_of(one)) do
      local o = one.client.options
      local key = table.concat({ url, tostring(o.ca_file), tostring(o.proxy), tostring(o.client_cert) }, " ")
      if not by_key[key] then
        by_key[key] = { url = url, task = task.spawn(look, url, o) }
        looks[#looks + 1] = by_key[key]
      end
      table.insert(one.looks, by_key[key])
    end
  end
  return looks
end

local function is_reachable(one) return one.looks[1].answer ~= nil end

--- The checks of these connections, all at the same time.
---@param report sluice.doctor.Report
---@param cfg sluice.Config
---@param names string[]
function remote.check(report, cfg, names)
  if cfg.shared then require("sluice.call").share(cfg.shared) end
  require("sluice.call").interactive(true) -- somebody waits for it: not behind a bulk job
  local list, offsets = clients_of(report, cfg, names), {}
  for _, one in ipairs(start_looks(list)) do
    local problem
    one.answer, problem = one.task:wait()
    if one.answer and one.answer.offset then offsets[#offsets + 1] = one.answer.offset end
    add_host(report, one.url, one.answer, problem)
  end
  for _, one in ipairs(list) do
    if is_reachable(one) and not unasked(one) then one.task = task.spawn(ask_all, one) end
  end
  for _, one in ipairs(list) do
    if is_reachable(one) then add_credentials(report, one) end
  end
  add_clock(report, offsets)
end

return remote
