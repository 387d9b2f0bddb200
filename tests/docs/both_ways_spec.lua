-- What there is and what the pages name, both ways: exit codes, codes of errors, variables of the environment, options of all
-- commands, defaults of sluice.yaml, targets of make, dot commands of the prompt. (Options and subcommands: commands_spec.lua; functions:
-- modules_spec.lua; keys of sluice.yaml: config_spec.lua.)
local err = require "sluice.err"
local fail = require "sluice.fail"
local lfs = require "lfs"
local tmp = require "support.tmp"

-- ---- reading ----

local function each_file(folder, pattern, fn)
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    if name:sub(1, 1) ~= "." and lfs.attributes(path, "mode") == "directory" then each_file(path, pattern, fn)
    elseif name:find(pattern) then fn(path, tmp.read(path)) end
  end
end

local function pages()
  local list = { ["README.md"] = tmp.read "README.md" }
  each_file("docs", "%.md$", function(path, text) list[path] = text end)
  return list
end

-- The table below a heading of a page: lists of cells.
local function rows_below(text, heading)
  local rows, section = {}, (text .. "\n## "):match("\n##+ " .. heading .. "\n(.-)\n##") or ""
  for line in section:gmatch "[^\n]+" do
    if line:find "^| " and not line:find "^| %-%-%-" then
      local cells = {}
      for cell in line:sub(2):gmatch "%s*(.-)%s*|" do cells[#cells + 1] = cell end
      rows[#rows + 1] = cells
    end
  end
  return rows, section
end

local function differences(there, named, what)
  local list = {}
  for name in pairs(there) do
    if not named[name] then list[#list + 1] = ("%s %s is not in the docs"):format(what, name) end
  end
  for name in pairs(named) do
    if not there[name] then list[#list + 1] = ("%s %s is in the docs and does not exist"):format(what, name) end
  end
  table.sort(list)
  return list
end

-- ---- exit codes ----

local function set_of(text)
  local codes = {}
  for code in text:gmatch "%d+" do codes[code] = true end
  return codes
end

local function exits()
  local codes = {}
  for _, row in ipairs(fail.exits) do
    for code in row[1]:gmatch "%d+" do codes[code] = row[2] end
  end
  return codes
end

-- The exit codes of a table whose first cell, or third, is a code.
local function codes_of(rows)
  local codes = {}
  for _, cells in ipairs(rows) do
    for i = 1, #cells, 2 do
      for code in pairs(cells[i]:find "^%d+[%d, ]*$" and set_of(cells[i]) or {}) do codes[code] = cells[i + 1] end
    end
  end
  return codes
end

describe("exit codes", function()
  it("of README.md, docs/commands.md and docs/recipes.md are those that help knows", function()
    assert.same({}, differences(exits(), codes_of(rows_below(tmp.read "docs/recipes.md", "Exit codes")), "exit code"))
    assert.same(exits(), codes_of(rows_below(tmp.read "docs/commands.md", "Exit codes")))
    local readme = {}
    for line in tmp.read "README.md":gmatch "\n| ([^\n]+) |" do
      local cells = {}
      for cell in (line .. " |"):gmatch "%s*(.-)%s*|" do cells[#cells + 1] = cell end
      for code, meaning in pairs(codes_of { cells }) do readme[code] = meaning end
    end
    assert.same(exits(), readme)
  end)

  it("are what errors give", function()
    local codes = exits()
    for _, name in ipairs(err.codes()) do
      local code = fail.exit_code(err.new { code = name, message = "m" })
      assert.is_string(codes[tostring(code)], name)
    end
  end)
end)

-- ---- codes of errors ----

-- Codes in what raises or makes an error, with the places.
local function codes_raised(text)
  local codes = {}
  for body in text:gmatch "[.:]%l*raise%s*%(?%s*(%b{})" do codes[body:match 'code = "([%w_]+)"' or false] = true end
  for body in text:gmatch "err%a*%.new%s*%(?%s*(%b{})" do codes[body:match 'code = "([%w_]+)"' or false] = true end
  codes[false] = nil
  return codes
end

describe("codes of errors", function()
  local known = {}
  for _, name in ipairs(err.codes()) do known[name] = true end

  it("that Lua raises are those that there are", function()
    local raised, n = {}, 0
    each_file("stdlib", "%.lua$", function(path, text)
      for code in pairs(codes_raised(text)) do
        assert.is_true(known[code], path .. " raises " .. code)
        raised[code], n = true, n + 1
      end
    end)
    assert.is_true(n > 100)
    for code in tmp.read("runtime/base/err.h"):gmatch "XX%([%u_]+, \"?([%l_]+)\"?%)" do raised[code] = raised[code] or false end
    each_file("runtime", "%.c$", function(_, text)
      for code in text:gmatch "%f[%w]SL_([%u_]+)%f[^%w_]" do raised[code:lower()] = known[code:lower()] or nil end
    end)
    each_file("bindings", "%.c$", function(_, text)
      for code in text:gmatch "%f[%w]SL_([%u_]+)%f[^%w_]" do raised[code:lower()] = known[code:lower()] or nil end
    end)
    for code in pairs(known) do assert.is_true(raised[code], code .. " is known and nothing raises it") end
  end)

  it("are those of C's list, and in docs/recipes.md", function()
    local listed, named = {}, {}
    for id in tmp.read("runtime/base/err.h"):match "SL_CODE_MAP%(XX%)(.-)\n\n":gmatch "XX%([%u_]+, *\"?([%l_]+)" do listed[id] = true end
    assert.same(known, listed)
    for _, cells in ipairs(rows_below(tmp.read "docs/recipes.md", "Errors")) do
      local name = #cells == 2 and cells[1]:match "^`([%l_]+)`$"
      if name and known[name] then named[name] = true end
    end
    assert.same({}, differences(known, named, "code"))
  end)
end)

-- ---- environment ----

-- Variables that code asks for by name, and sluice's own wherever they stand.
local function variables_in(text)
  local names = {}
  text = ("\n" .. text):gsub("\n%s*%-%-[^\n]*", "\n") -- comments have examples
  for name in text:gmatch "getenv%s*%(?%s*\"([%a_]*%a)\"" do names[name] = true end
  for name in text:gmatch "take_env%s*%(?%s*\"([%a_]+)\"" do names[name] = true end
  for name in text:gmatch "%f[%w_](SLUICE_%u[%u_]*%u)%f[^%w_]" do names[name] = true end
  names.SLUICE_VERSION = nil -- a definition of the compiler
  return names
end

describe("variables of the environment", function()
  local listed, elsewhere = {}, {}
  for _, row in ipairs(require "sluice.manual.environment") do
    for name in row[1]:gmatch "[%w_]+" do
      if row.by then elsewhere[name] = row.by else listed[name] = true end
    end
  end

  it("that the code looks at are listed, and no others", function()
    local used, words = {}, {}
    for _, folder in ipairs { "stdlib", "bindings", "runtime" } do
      each_file(folder, "%.[clh]u?a?$", function(path, text)
        if path == "stdlib/manual/environment.lua" then return end
        for name in pairs(variables_in(text)) do used[name] = path end
        for name in text:gmatch "%f[%w_]%u[%u_]+%f[^%w_]" do words[name] = true end
      end)
    end
    for name, path in pairs(used) do assert.is_true(listed[name], ("%s asks for %s, which no list has"):format(path, name)) end
    for name in pairs(listed) do assert.is_true(words[name], name .. " is listed and nothing looks at it") end
  end)

  it("are in docs/commands.md", function()
    local named = {}
    for _, cells in ipairs(rows_below(tmp.read "docs/commands.md", "Environment")) do
      for name in cells[1]:gmatch "`([%w_]+)`" do named[name] = true end
    end
    local all = {}
    for name in pairs(listed) do all[name] = true end
    for name in pairs(elsewhere) do all[name] = true end
    assert.same({}, differences(all, named, "variable"))
  end)

  it("that other pages name exist", function()
    for page, text in pairs(pages()) do
      local own = {} -- what a page's config reads as ${NAME} is the user's
      for name in text:gmatch "%${([%w_]+)" do own[name] = true end
      for name in text:gmatch "%f[%w_](SLUICE_%u[%u_]*%u)%f[^%w_]" do
        assert.is_true(listed[name] or own[name], ("%s names %s"):format(page, name))
      end
    end
  end)
end)

-- ---- options of all commands ----

it("options of all commands are those of docs/commands.md", function()
  local taken, named = {}, {}
  for _, row in ipairs(require("sluice.cli").options) do
    for name in row[1]:gmatch "%-%-?%a[%w-]*" do taken[name] = true end
  end
  for line in tmp.read("docs/commands.md"):match "| all of them take |(.-)\n\n":gmatch "[^\n]+" do
    for name in (line:match "^| (`.-`) |" or ""):gmatch "%-%-?%a[%w-]*" do named[name] = true end
  end
  assert.same({}, differences(taken, named, "option"))
end)

-- ---- defaults ----

-- Defaults that a page says in other words than the tables: by section and key.
local SAID = {
  ["config.shared"] = "`$XDG", ["config.keep"] = "see", ["config.serve"] = "see", ["config.connections.limits"] = "the API's",
  ["config.connections.proxy"] = "the environment's", ["config.connections.ca_file"] = "the system's", ["config.connections.runs"] = "no limit",
  ["config.serve.token"] = "a new one", ["config.connections.productsup_platform.token"] = "this or",
  ["config.connections.productsup_platform.pat"] = "this or",
}

local headings = { ["config"] = "Keys", ["config.connections"] = "Every connection", ["config.schedules"] = "schedules" }

local function default_fault(section, row, cells)
  local said, want = cells[3]:gsub("`", ""), row.default or "none"
  local other = SAID[section.name .. "." .. row.key]
  if other then return cells[3]:sub(1, #other) ~= other and cells[3] or nil end
  if said:find "^this or" then return want:find "^this or" == nil and said or nil end
  local seconds = require("sluice.config.values").duration
  if said == want or said == "" and want == "required" then return nil end
  return not (seconds(said) and seconds(said) == seconds(want)) and said or nil
end

it("defaults in docs/config.md are those of the tables that check it", function()
  local page, n = tmp.read "docs/config.md", 0
  for _, section in ipairs(require("sluice.manual.config").sections()) do
    local heading = headings[section.name] or section.name:match "[^.]+$"
    for _, cells in ipairs(rows_below(page, heading)) do
      for key in cells[1]:gmatch "`([%w_]+)`" do
        for _, row in ipairs(section.rows) do
          if row.key == key and #cells >= 4 then
            n = n + 1
            assert.is_nil(default_fault(section, row, cells), ("%s.%s: %s"):format(section.name, key, row.default or "none"))
          end
        end
      end
    end
  end
  assert.is_true(n > 50)
end)

-- ---- make ----

local function targets_of(makefile)
  local targets = {}
  for line in makefile:gmatch "[^\n]+" do
    for name in (line:match "^([%l][%l%d%- ]*):[^=]?" or ""):gmatch "[%l-]+" do targets[name] = true end
  end
  return targets
end

-- What stands behind `make` in code, inline or in a block.
local function named_targets(text)
  local names = {}
  for code in text:gmatch "`([^`\n]+)`" do
    local name = code:match "^make ([%l-]+)"
    if name then names[name] = true end
  end
  for name in text:gmatch "\n%s*make ([%l-]+)" do names[name] = true end
  return names
end

describe("targets of make", function()
  local targets = targets_of(tmp.read "Makefile")

  it("that pages name exist", function()
    local n = 0
    for page, text in pairs(pages()) do
      for name in pairs(named_targets(text)) do
        n = n + 1
        assert.is_true(targets[name] or name:find "^test%-" ~= nil, ("%s names make %s"):format(page, name))
      end
    end
    assert.is_true(n > 10)
  end)

  it("each say what they do, but for parts of others", function()
    local said, parts = {}, { check = true, ["check-asan"] = true, ["check-gc"] = true, ["deps-test"] = true, ["deps-lint"] = true,
      ["lint-c"] = true, ["lint-lua"] = true, ["lint-rules"] = true, man = true }
    for name in tmp.read("Makefile"):gmatch "\n## [^\n]+\n([%l-]+):" do said[name] = true end
    for name in pairs(targets) do assert.is_true(said[name] or parts[name], name .. " has no line that begins with ##") end
  end)
end)

-- ---- the prompt ----

-- Dot commands that docs/repl.md names: rows of its table, and what is typed at its prompts.
local function dots_in(text)
  local names = {}
  for name in (text:match "\n## Commands\n(.-)\n## " or ""):gmatch "\n| `%.(%l[%l_]+)" do names[name] = true end
  for name in text:gmatch "\n> %.(%l[%l_]+)" do names[name] = true end
  return names
end

it("dot commands of the prompt are those of docs/repl.md", function()
  local known = {}
  for name in pairs(require("sluice.repl.dots").rows) do known[name] = true end
  assert.same({}, differences(known, dots_in(tmp.read "docs/repl.md"), "dot command"))
end)

-- ---- the checks can fail ----

it("both ways fail where one side is missing", function()
  assert.same({ "x a is not in the docs", "x c is in the docs and does not exist" }, differences({ a = 1, b = 1 }, { b = 1, c = 1 }, "x"))
  local page = "\n## Exit\n| code | |\n| --- | --- |\n| 129, 130 | stopped |\n## B\n| 1 | x |\n"
  assert.same({ { "code", "" }, { "129, 130", "stopped" } }, (rows_below(page, "Exit")))
  assert.same({ ["129"] = "stopped", ["130"] = "stopped", ["5"] = "five" }, codes_of { { "129, 130", "stopped", "5", "five" }, { "word", "9" } })
  assert.same({ wrong = true, odd = true }, codes_raised 'err.raise { code = "wrong", x = { 1 } } errors.new({ code = "odd" }) { code = "no" }')
  assert.same({ A = true, B = true, SLUICE_XX = true, PAGER = true },
    variables_in 'getenv("A") os.getenv "PAGER" process.take_env("B") env.SLUICE_XX = SLUICE_VERSION\n-- os.getenv "NO"')
  assert.same({ bench = true, tests = true }, named_targets "`make bench ROWS=x` we make do\nmake tests\n")
  assert.same({ all = true, deps = true, ["deps-test"] = true }, targets_of "all: x\nX := y\ndeps deps-test: ; @x\n\tnot: y\n")
  assert.same({ save = true, test = true }, dots_in "`.json` x\n\n## Commands\n\n| `.save x.lua` | a |\n\n## B\n> .test y.lua\n")
  assert.equal("31s", default_fault({ name = "s" }, { key = "k", default = "30s" }, { "`k`", "duration", "31s", "" }))
  assert.is_nil(default_fault({ name = "s" }, { key = "k", default = "10m" }, { "`k`", "duration", "600s", "" }))
end)
