-- The unit for systemd and docs/operate.md say the same, and systemd understands it.
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local UNIT = "packaging/systemd/sluice.service"
local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function settings(text)
  local out = {}
  for line in text:gmatch "[^\n]+" do
    local name, value = line:match "^(%w+)=(.*)$"
    if name then out[name] = value end
  end
  return out
end

-- The folders of a copy, with the program that was built.
local function verify(text)
  local path = tmp.dir() .. "/sluice.service"
  tmp.write(path, (text:gsub("/usr/local/bin/sluice", SLUICE)))
  return assert(process.run { argv = { "systemd-analyze", "verify", path } })
end

describe("packaging/systemd/sluice.service", function()
  local text = tmp.read(UNIT)

  it("is what systemd understands, and one with a mistake is not", function()
    if not process.find "systemd-analyze" then pending "there is no systemd-analyze here" end
    local done = verify(text)
    assert.same({ 0, "" }, { done.status, done.stderr })
    assert.matches("ProtectSystems", verify((text:gsub("ProtectSystem=", "ProtectSystems="))).stderr)
  end)

  it("gives runs the time to stop, and leaves the signal to the daemon", function()
    local unit = settings(text)
    assert.same({ "notify", "mixed", "2", "0700" }, { unit.Type, unit.KillMode, unit.RestartPreventExitStatus, unit.StateDirectoryMode })
    assert.is_true(tonumber(unit.TimeoutStopSec) > 30) -- serve.drain
    assert.is_true(tonumber(unit.WatchdogSec) > 0)
    assert.matches("HUP", unit.ExecReload)
  end)

  it("has the lines that the page explains", function()
    local unit, explained = settings(text), 0
    for line in tmp.read("docs/operate.md"):gmatch "\n| `(%w+=[^`]*)`" do
      local name, value = line:match "^(%w+)=(.*)$"
      assert.is_truthy(unit[name], name)
      if value ~= "" then assert.equal(value, unit[name]) end
      explained = explained + 1
    end
    assert.is_true(explained >= 8)
  end)
end)
