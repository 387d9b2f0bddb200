local check = require "sluice.check"
local err = require "sluice.err"
local lfs = require "lfs"
local process = require "sluice.process"
local tmp = require "support.tmp"

local here = lfs.currentdir()
local sluice = here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function project(files)
  local dir = tmp.dir()
  for name, text in pairs(files) do
    local folder = name:match "^(.*)/"
    if folder then lfs.mkdir(dir .. "/" .. folder) end
    tmp.write(dir .. "/" .. name, text)
  end
  return dir
end

local function run(dir, ...)
  return assert(process.run { argv = { sluice, "check", ... }, cwd = dir })
end

local schedule = "schedules:\n  s: { recipe: r.lua, every: 5m }\n"

describe("sluice check", function()
  it("says ok and exits 0", function()
    local dir = project { ["sluice.yaml"] = "version: 1\n" .. schedule, ["r.lua"] = "#!/usr/bin/env sluice\nlocal x <const> = 1\nreturn x\n" }
    assert.same({ status = 0, stdout = "", stderr = "ok\n" }, run(dir))
    assert.same({ status = 0, stdout = "", stderr = "" }, run(dir, "-q"))
    assert.same({ status = 0, stdout = "[]\n", stderr = "" }, run(dir, "--json"))
    assert.equal(0, run("/", "-c", dir .. "/sluice.yaml").status)
  end)

  it("shows all findings with their places and exits 2", function()
    local dir = project {
      ["sluice.yaml"] = "versio: 1\nschedules:\n  a: { recipe: none.lua, every: 5m }\n  b: { recipe: bad.lua, every: 5x }\n",
      ["bad.lua"] = "local a = 1\nlocal b = 1 + * 2\n",
      ["also.lua"] = "if x then\n",
    }
    local r = run(dir, "also.lua", "missing.lua")
    assert.same({ 2, "" }, { r.status, r.stderr })
    assert.equal([[
sluice.yaml:1:1: unknown key 'versio' (did you mean 'version'?)
sluice.yaml:3:16: schedules.a.recipe: none.lua: No such file or directory
sluice.yaml:4:32: schedules.b.every: '5x' is not a duration
  hint: a duration is written like 30s, 15m, 2h or 1h30m; a number alone is seconds
bad.lua:2:15: unexpected symbol near '*'
also.lua:2:1: 'end' expected (to close 'if' at line 1) near <eof>
missing.lua: No such file or directory
]], r.stdout)
    r = run(dir, "--json")
    local findings = require("sluice.json").decode(r.stdout)
    assert.equal(4, #findings)
    assert.same({ file = "bad.lua", line = 2, column = 15, message = "unexpected symbol near '*'" }, findings[4])
    assert.equal(2, r.status)
  end)

  it("checks a recipe without a config", function()
    local dir = project { ["r.lua"] = "return 1\n" }
    assert.same({ status = 0, stdout = "", stderr = "ok\n" }, run(dir, "r.lua"))
    local r = run(dir)
    assert.equal("sluice.yaml: there is no sluice.yaml in " .. dir .. " or above it\n  hint: create one, or name it with -c FILE\n", r.stdout)
    assert.equal(2, r.status)
    r = run(dir, "-c", "none.yaml", "r.lua")
    assert.equal("none.yaml: No such file or directory\n  hint: name another one with -c FILE\n", r.stdout)
  end)

  it("never shows a traceback, whatever the config is", function()
    for _, text in ipairs { "\0", "\xff", "a: [", "- a", "x", "{", "connections: 1", "connections: {a: 1}", "schedules: {a: [1]}",
      "connections: {a: {api: ../../etc/passwd}}", "schedules: {a: {recipe: {file: x}, every: 1}}", ("["):rep(10000),
      "version: &a [*a]", "version: {a: 1}", "store: {file: x}", "schedules: {a: {recipe: /dev/null/x, every: [1], retry: {errors: x}}}" } do
      local dir = project { ["sluice.yaml"] = text }
      local r = run(dir)
      assert.equal(2, r.status, text)
      assert.equal("", r.stderr, text)
      assert.matches("^sluice%.yaml:%d+:%d+: ", r.stdout)
      assert.not_matches("traceback", r.stdout)
    end
  end)

  it("refuses options that it does not know", function()
    local r = run("/", "--strict")
    assert.same({ 2, "" }, { r.status, r.stdout })
    assert.matches("unknown option '%-%-strict'", r.stderr)
    local ok, e = pcall(check.command, { "--strict" }, {})
    assert.is_false(ok)
    assert.is_true(err.is(e))
  end)
end)

describe("sluice.check.syntax", function()
  local function place(text)
    local finding = check.syntax(text, "r.lua")
    return finding and { finding.line, finding.column, finding.message }
  end

  it("gives line, column where the word is there once, and Lua's reason", function()
    assert.is_nil(place "return 1")
    assert.is_nil(place "")
    assert.is_nil(place "#!/bin/x\n\nreturn 1")
    assert.is_nil(place "\xEF\xBB\xBFreturn 1")
    assert.same({ 2, 5, "syntax error near 'thn'" }, place "#!/bin/x\nfoo thn\n")
    assert.same({ 1, 16, "unexpected symbol near 'or'" }, place "error \"r:7: a\" or x")
    assert.same({ 1, nil, "unexpected symbol near '='" }, place "local x = = 3")
    assert.same({ 1, 18, "unexpected symbol near ')'" }, place 'local x = "ü" .. ) y')
  end)

  it("refuses compiled Lua", function()
    assert.same({ file = "r.lua", message = "this is compiled Lua; recipes are text" }, check.syntax(string.dump(function() end), "r.lua"))
  end)
end)
