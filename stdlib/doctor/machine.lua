--- What `sluice doctor` looks at on this machine: libraries, zone data, descriptors, the terminal.
local system = require "sluice.system"

local machine = {}

local FEW = 256

local names = { "sluice", "lua", "libcurl", "tls", "openssl", "sqlite", "libyaml", "libmicrohttpd", "zlib", "libdeflate" }

-- The libraries that are opened when they are first used, and Debian's packages of them.
local packages = {
  libcurl = "libcurl4", openssl = "libssl3", sqlite = "libsqlite3-0", libmicrohttpd = "libmicrohttpd12",
  libyaml = "libyaml-0-2", zlib = "zlib1g", libdeflate = "libdeflate0",
}

local function check_libraries(report)
  local versions, parts = system.versions(), {}
  for i, name in ipairs(names) do
    parts[i] = name .. " " .. versions[name]
    if versions[name] == "missing" and packages[name] then
      report:add { check = "libraries", name = name, status = "fail", kind = "machine", message = "it can't be opened",
        cure = "apt install " .. packages[name] }
    end
  end
  if versions.tls == "" then
    report:add { check = "libraries", status = "fail", kind = "machine", message = "libcurl is built without TLS",
      cure = "install a libcurl with OpenSSL (Debian: libcurl4)" }
  end
  report:ok("libraries", nil, "%s", table.concat(parts, ", "))
end

local function first_line(path)
  local file = io.open(path, "r")
  if not file then return nil end
  local line = file:read "l"
  file:close()
  return line
end

--- The version of the zone data in a folder: "2024a", "?" where it does not say; nil where there is none.
---@param dir string
---@return string?
function machine.zones(dir)
  if not first_line(dir .. "/Europe/Berlin") then return nil end
  local line = first_line(dir .. "/tzdata.zi") or ""
  return line:match "^#%s*version%s+(%S+)" or first_line(dir .. "/+VERSION") or "?"
end

local function check_zones(report)
  local dir = os.getenv "TZDIR" or "/usr/share/zoneinfo"
  local version = machine.zones(dir)
  if version then return report:ok("zones", dir, "version %s", version) end
  report:warn("zones", dir, "install them (Debian: apt install tzdata)", "no zone data: schedules with TZ=Area/City can't be read")
end

local function check_files(report)
  local files = system.files()
  if files.limit and files.limit - files.open < FEW then
    return report:warn("files", nil, "ulimit -n 1024 before it starts (systemd: LimitNOFILE=1024)",
      "only %d file descriptors are left of %d", files.limit - files.open, files.limit)
  end
  report:ok("files", nil, "%d descriptors of %s are in use", files.open, files.limit or "any number")
end

--- What a terminal takes for text: "UTF-8" or another charset, by the variables that say so.
---@param getenv fun(name: string): string?
---@return string
function machine.charset(getenv)
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = getenv(name)
    if value and value ~= "" then return value:match "%.([^@]+)" or value end
  end
  return "C"
end

local function check_terminal(report)
  if not require("sluice.core").isatty(1) then return end
  local charset = machine.charset(os.getenv)
  if charset:upper():gsub("%-", "") == "UTF8" then return report:ok("terminal", nil, "%s", charset) end
  report:warn("terminal", nil, "export LANG=C.UTF-8", "its locale is %s: what sluice prints is UTF-8 and may look broken", charset)
end

--- The checks.
---@param report sluice.doctor.Report
function machine.check(report)
  check_libraries(report)
  check_zones(report)
  check_files(report)
  check_terminal(report)
end

return machine
