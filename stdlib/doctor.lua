--- `sluice doctor`: is this installation fit to run? One line per check and the cure below it. It looks and changes nothing.
local config = require "sluice.config"
local err = require "sluice.err"
local log = require "sluice.log"
local text = require "sluice.text"

local doctor = {
  about = "Look at everything a run needs: config, store, connections, clock, libraries",
  usage = [[
usage: sluice doctor [CONNECTION …] [-c FILE] [--json] [-q]

  sluice doctor                  all checks
  sluice doctor shop             of the connections only this one
  sluice doctor -q               only what is not in order
  sluice doctor --json           one document { exit_code, checks = [{ check, name, status, message, cure, where }] }

config       sluice.yaml, and secrets that it holds itself       store        opens, schema, whole, permissions, room
schedules    their recipes, a daemon that runs them, those that are paused, stalled or fail
shared       the per-user folder of budgets and login tokens     host         reachable, its certificate
credentials  accepted by the API: the definition's `health` operation; not asked where it names none
clock        its difference from the servers' clocks             libraries, zones, files, terminal
Each line begins with ok, warn or fail; what to do about it is below it. It goes on after a finding, also with a broken config
or none. It sends one request without credentials to each host and one call to each API, which logs in only where the API needs
a login and no process has a token.

Exit codes: 0 all fine, or warnings only; else the first of these that holds: 2 the config is wrong; 1 something on this machine
is; 4 credentials refused; 5 a remote is unreachable or did not do its part.
]],
}

---@class sluice.doctor.Row
---@field check string
---@field name? string what was looked at
---@field status "ok"|"warn"|"fail"
---@field message string
---@field cure? string
---@field where? string file:line:column
---@field kind? "config"|"machine"|"auth"|"remote" of a failure

---@class sluice.doctor.Report
local Report = { rows = {} }
Report.__index = Report

local function new_report() return setmetatable({ rows = {} }, Report) end

---@param row sluice.doctor.Row
function Report:add(row)
  row.message, row.cure = log.mask(row.message), row.cure and log.mask(row.cure)
  self.rows[#self.rows + 1] = row
end

function Report:ok(check, name, message, ...) self:add { check = check, name = name, status = "ok", message = message:format(...) } end

function Report:warn(check, name, cure, message, ...)
  self:add { check = check, name = name, status = "warn", cure = cure, message = message:format(...) }
end

local kinds = {
  auth = "auth", forbidden = "auth", config = "config", usage = "config", state = "machine", internal = "machine",
}

--- A failure, from an error value.
---@param check string
---@param name? string
---@param problem any
---@param kind? string where the error's code does not tell
function Report:failed(check, name, problem, kind)
  local known = err.is(problem)
  self:add { check = check, name = name, status = "fail", message = known and problem.message or tostring(problem),
    cure = known and problem.hint or nil, kind = kind or known and (kinds[problem.code] or "remote") or "machine" }
end

-- ---- the config ----

local function add_findings(report, findings)
  for _, f in ipairs(findings) do
    local where = f.line and ("%s:%d:%d"):format(f.file, f.line, f.column) or f.file
    report:add { check = "config", name = where, where = where, status = "fail", kind = "config", message = f.message, cure = f.hint }
  end
end

local function add_literals(report, cfg)
  for _, secret in ipairs(config.secrets(cfg)) do
    if secret.literal and secret.text then
      log.secret(secret.text)
      report:add { check = "config", name = secret.where, where = secret.where, status = "warn",
        message = ("connections.%s.%s is written in the file itself"):format(secret.connection, secret.key),
        cure = "put it into the environment (\"${NAME}\"), a file ({ file: PATH }) or a password manager ({ command: […] })" }
    end
  end
end

-- The config, or what can be read of it; nil where there is none.
local function check_config(report, path)
  if not path and not config.find() then
    report:warn("config", nil, "create one, or name it with -c FILE; scripts that use no connection need none",
      "there is no sluice.yaml in %s or above it", require("lfs").currentdir())
    return nil
  end
  local findings, cfg = config.findings(path)
  add_findings(report, findings)
  if not cfg then return nil end
  if #findings == 0 then
    report:ok("config", nil, "%s: %d connections, %d schedules", cfg.path, #config.connections(cfg), #config.schedules(cfg))
  end
  add_literals(report, cfg)
  return cfg
end

-- ---- all of it ----

local order = { { "config", 2 }, { "machine", 1 }, { "auth", 4 }, { "remote", 5 } }

local function exit_code(rows)
  local seen = {}
  for _, row in ipairs(rows) do
    if row.status == "fail" then seen[row.kind] = true end
  end
  for _, one in ipairs(order) do
    if seen[one[1]] then return one[2] end
  end
  return 0
end

local function check_names(cfg, names)
  local known = cfg and config.connections(cfg) or {}
  local by_name = {}
  for _, name in ipairs(known) do by_name[name] = true end
  for _, name in ipairs(names) do
    if not by_name[name] then
      err.raise { code = "usage", message = ("sluice doctor: there is no connection '%s'%s"):format(name, text.near(name, known)),
        hint = #known > 0 and "known: " .. table.concat(known, ", ") or nil }
    end
  end
  return #names > 0 and names or known
end

-- A check that breaks is a finding of its own; the others go on.
local function guarded(report, name, check, ...)
  local ok, problem = pcall(check, report, ...)
  if not ok then report:failed(name, nil, problem, "machine") end
end

--- All checks.
---@param options { config?: string, connections?: string[] }
---@return sluice.doctor.Row[] rows
---@return integer exit code
function doctor.run(options)
  local report = new_report()
  local cfg = check_config(report, options.config)
  local names = check_names(cfg, options.connections or {})
  guarded(report, "store", require("sluice.doctor.store").check, cfg)
  if cfg then guarded(report, "schedules", require("sluice.doctor.schedules").check, cfg) end
  if cfg then guarded(report, "host", require("sluice.doctor.remote").check, cfg, names) end
  guarded(report, "libraries", require("sluice.doctor.machine").check)
  return report.rows, exit_code(report.rows)
end

-- ---- the command ----

local function text_of(row)
  local line = ("%-5s%-12s %s%s\n"):format(row.status, row.check, row.name and row.name .. ": " or "", row.message)
  if row.cure then line = line .. "     do: " .. row.cure:gsub("\n", "\n         ") .. "\n" end
  return line
end

function doctor.command(argv, globals)
  local names = require("sluice.options").parse(argv, { command = "sluice doctor" })
  local rows, code = doctor.run { config = globals.config, connections = names }
  if globals.json then
    local json, checks = require "sluice.json", {}
    for i, row in ipairs(rows) do
      checks[i] = { check = row.check, name = row.name, status = row.status, message = row.message, cure = row.cure, where = row.where }
    end
    io.write(json.encode { exit_code = code, checks = json.array(checks) }, "\n")
    return code
  end
  for _, row in ipairs(rows) do
    if row.status ~= "ok" or not globals.quiet then io.write(text_of(row)) end
  end
  return code
end

return doctor
