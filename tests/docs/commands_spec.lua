-- docs/commands.md and `sluice help` name the same subcommands, options, checks and exit codes.
local process = require "sluice.process"
local tmp = require "support.tmp"

local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
local page = tmp.read "docs/commands.md"

local function help(name) return assert(process.run { argv = { sluice, "help", name } }).stdout end

local function section(name) return (page .. "\n## "):match("\n## sluice " .. name .. "\n(.-)\n## ") end

local function set(text, pattern)
  local names = {}
  for name in text:gmatch(pattern) do names[name] = true end
  return names
end

local function options(text)
  local names = set(text, "%-%-%a+")
  names["--full"], names["--json"] = nil, nil -- another command's; everywhere
  return names
end

describe("docs/commands.md", function()
  for _, name in ipairs { "call", "doctor", "state", "dlq", "schedule", "runs", "ndjson", "new", "repl" } do
    it("and the help of " .. name .. " name the same options and subcommands", function()
      local text = help(name)
      assert.same(options(text), options(section(name)))
      local verb = "sluice " .. name .. " (%l+)"
      local shown = set(section(name), "\n" .. verb)
      shown.shop = nil
      local usage = set(text, verb)
      usage.shop, usage.go = nil, nil
      assert.same(usage, shown)
    end)
  end

  it("names the checks of the doctor", function()
    local written = {}
    for _, path in ipairs { "stdlib/doctor.lua", "stdlib/doctor/store.lua", "stdlib/doctor/remote.lua", "stdlib/doctor/machine.lua",
      "stdlib/doctor/schedules.lua" } do
      local text = tmp.read(path)
      for check in text:gmatch '%f[%a]report[:,]%s*%l*%(?"(%l+)"' do written[check] = true end
      for check in text:gmatch 'check = "(%l+)"' do written[check] = true end
    end
    assert.same(written, set(section "doctor":match "| check |(.-)\n\n", "\n| `(%l+)` |"))
    for check in pairs(written) do assert.matches("%f[%l]" .. check .. "%f[%L]", help "doctor") end
  end)

  it("has the doctor's exit codes in the order in which they win", function()
    local codes, said = {}, {}
    for code in section("doctor"):match("| exit code |(.-)\n\n"):gmatch "\n| (%d) |" do codes[#codes + 1] = code end
    for code in tmp.read("stdlib/doctor.lua"):match "local order = ({.-})\n":gmatch "(%d)" do said[#said + 1] = code end
    table.insert(said, 1, "0")
    assert.same(said, codes)
  end)

  it("is what --help of a command shows", function()
    for _, name in ipairs { "doctor", "state", "dlq", "schedule", "runs" } do
      local done = assert(process.run { argv = { sluice, name, "--help" } })
      assert.same({ 0, help(name) }, { done.status, done.stdout })
      assert.matches("\nusage: sluice " .. name, done.stdout)
    end
  end)

  it("is compared by a check that can fail", function()
    assert.same({ ["--all"] = true }, options "sluice x --all --json")
    assert.same({ b = true }, set("\n| `b` |", "\n| `(%l+)` |"))
  end)
end)
