-- docs/commands.md, `sluice help` and the parsers name the same subcommands, options, checks and exit codes.
local manual = require "sluice.manual.command"
local options = require "sluice.options"
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

-- The commands that have another page.
local elsewhere = { sandbox = "docs/sandbox.md" }

-- What a command takes: "--limit", "-n".
local function without_shared(names)
  for _, row in ipairs(require("sluice.cli").options) do
    local letter, name = options.spelt(row)
    names["--" .. name], names["-" .. (letter or "")] = nil, nil
  end
  return names
end

local function taken_by(module)
  local names = {}
  for _, row in ipairs(module.options or {}) do
    local letter, name = options.spelt(row)
    if not row.hidden then names["--" .. name] = true end
    if letter and not row.hidden then names["-" .. letter] = true end
  end
  return without_shared(names)
end

-- Options of something else that a section names.
local others = { state = { ["--full"] = true }, serve = { ["--wait"] = true } }

-- Options as text names them, letters in code alone; those that all commands have are left out.
local function named_in(text)
  local names = {}
  for name in (" " .. text):gmatch "[%s|`[](%-%-%a[%w-]*)" do names[name] = true end
  for code in text:gmatch "`([^`\n]*)`" do
    for name in (" " .. code):gmatch "[%s|[](%-%a)%f[^%w-]" do names[name] = true end
  end
  return without_shared(names)
end

local function differences(taken, named)
  local list = {}
  for name in pairs(taken) do
    if not named[name] then list[#list + 1] = name .. " is not in the docs" end
  end
  for name in pairs(named) do
    if not taken[name] then list[#list + 1] = name .. " is in the docs and is not taken" end
  end
  table.sort(list)
  return list
end

local function page_of(name)
  if elsewhere[name] then return tmp.read(elsewhere[name]):match "\n## Options\n(.-)\n## " end
  return section(name)
end

-- A command's parser with options of its own, which help and completion would not know.
local PARSER = 'command = "sluice [^}]*(options|short) = [{]'

describe("docs/commands.md", function()
  for name, module_name in pairs(require("sluice.cli").commands) do
    local module = require(module_name)
    it("names the options that " .. name .. " takes, and no others", function()
      local text = page_of(name)
      local named = named_in(text or "")
      for option in pairs(others[name] or {}) do named[option] = nil end
      assert.same({}, differences(taken_by(module), named))
    end)

    it("and the usage of " .. name .. " name its subcommands, and options that it takes", function()
      local about, taken = manual.read(name, module), taken_by(module)
      local verbs, text = {}, page_of(name) or ""
      for _, line in ipairs(manual.verbs(about)) do
        verbs[line.verb] = true
        assert.is_truthy(text:find("sluice " .. name .. " " .. line.verb, 1, true) or text:find("`" .. line.verb .. "%f[%A][^`\n]*`"), line.verb)
      end
      for verb in pairs(module.verbs or {}) do assert.is_true(verbs[verb], verb .. " is not in the usage") end
      for _, row in ipairs(about.options) do
        for verb in (row.only or ""):gmatch "%S+" do assert.is_true(verbs[verb], row[1]) end
      end
      for _, line in ipairs(about.synopsis) do
        for option in pairs(named_in("`" .. line.words .. "`")) do assert.is_true(taken[option], name .. " does not take " .. option) end
      end
    end)
  end

  it("is about parsers that have their options from rows alone", function()
    local done = assert(process.run { argv = { "grep", "-rnE", PARSER, "stdlib", "--include=*.lua" } })
    assert.same({ 1, "" }, { done.status, done.stdout })
  end)

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
    assert.same({ ["--all"] = true, ["-n"] = true }, named_in "-x `sluice x --all --json` `[-n | -q]`\n")
    assert.same({ "--b is in the docs and is not taken", "-n is not in the docs" },
      differences(taken_by { options = { { "-n, --new N", "x" }, { "--gone", "y", hidden = true } } }, { ["--new"] = true, ["--b"] = true }))
    assert.equal(0, assert(process.run { argv = { "sh", "-c", 'echo "$1" | grep -qE "$2"', "sh",
      '{ command = "sluice x", verb = "y", options = { all = true } }', PARSER } }).status)
    assert.same({ b = true }, set("\n| `b` |", "\n| `(%l+)` |"))
  end)
end)
