-- The man pages: mandoc and groff have nothing to say against them, and they name what there is.
local pages = require "sluice.manual.pages"
local process = require "sluice.process"
local roff = require "sluice.manual.roff"
local tmp = require "support.tmp"

local function run(...) return assert(process.run { argv = { ... } }) end

-- The page as a terminal shows it, without bold.
local function shown(path)
  local text = run("mandoc", "-Tutf8", "-Owidth=200", path).stdout
  return (text:gsub("[\xC2-\xF4][\x80-\xBF]+\b", ""):gsub("[%g ]\b", ""))
end

local function file_of(name, text) return tmp.write(tmp.dir() .. "/" .. name, text) end

local function complaints(path)
  local groff = run("groff", "-man", "-Tutf8", "-ww", "-z", path)
  return run("mandoc", "-Tlint", path).stdout .. groff.stderr .. groff.stdout
end

describe("man page", function()
  for _, name in ipairs(pages.names()) do
    it(name .. " is what mandoc and groff want", function()
      assert.equal("", complaints(file_of(name, pages.text(name))))
    end)
  end

  it("sluice(1) has each command, subcommand, option, exit code and variable", function()
    local page = shown(file_of("sluice.1", pages.text "sluice.1"))
    local squeezed = page:gsub("%s+", " ")
    local function has(text) assert.is_truthy(page:find(text, 1, true), text) end
    for name, module_name in pairs(require("sluice.cli").commands) do
      local module = require(module_name)
      has("\n   sluice " .. name .. "\n")
      for _, row in ipairs(module.options or {}) do
        if row.hidden then assert.is_nil(page:find("\n       " .. row[1], 1, true), row[1]) else has("\n       " .. row[1]) end
      end
      for _, line in ipairs(require("sluice.manual.command").read(name, module).synopsis) do
        assert.is_truthy(squeezed:find(line.words, 1, true), line.words)
      end
    end
    for _, row in ipairs(require("sluice.fail").exits) do has("\n       " .. row[1]) end
    for _, row in ipairs(require "sluice.manual.environment") do has("\n       " .. row[1]) end
  end)

  it("sluice.yaml(5) has each key, and a config that loads", function()
    local page = shown(file_of("sluice.yaml.5", pages.text "sluice.yaml.5"))
    for _, section in ipairs(require("sluice.manual.config").sections()) do
      for _, row in ipairs(section.rows) do assert.matches("\n       " .. row.key .. "[ \n]", page) end
    end
    local example = page:match "\nEXAMPLE\n(.-)\n[%w]"
    local path = tmp.write(tmp.dir() .. "/sluice.yaml", example)
    assert.is_true(#require("sluice.config").connections(require("sluice.config").load(path)) > 0)
  end)

  it("sluice-lua(7) has each public function with its parameters", function()
    local page = shown(file_of("sluice-lua.7", pages.text "sluice-lua.7"))
    for _, name in ipairs(require("sluice.manual.modules").public) do
      for _, fn in ipairs(require("sluice.manual.modules").page(name).functions) do
        assert.is_truthy(page:find("\n       " .. fn.call, 1, true), fn.call)
      end
    end
    assert.matches("\n       ndjson.map%(rec, path, fn%)\n +Changes each value", page)
    assert.matches("\n +fn +fun%(value: any%): any: the new value", page)
  end)

  it("is printed by the command, and an unknown one is named", function()
    local sluice = (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"
    assert.equal(pages.text "sluice.1", run(sluice, "help", "--man", "sluice.1").stdout)
    local wrong = run(sluice, "help", "--man", "sluice.2")
    assert.equal(2, wrong.status)
    assert.matches("sluice.1, sluice.yaml.5", wrong.stderr, 1, true)
    assert.equal(2, run(sluice, "help", "--man").status)
  end)

  it("keeps what roff has a meaning for", function()
    local page = roff.new { name = "x-y", section = 7, about = "a test" }
    page:heading "TWO WORDS"
    page:text("a\\b `--long x` can't\n.TH is no request\n\n    'quoted'\n      -- code ^ ~\n\na  set  text\n\nlast … ` one")
    page:item(".dot", "")
    local path = file_of("x-y.7", page:finish())
    local text = shown(path)
    for _, want in ipairs { "a\\b --long x can't .TH is no request\n", "\n         'quoted'\n           -- code ^ ~\n", "a  set  text\n",
      "last … ' one\n", "\n       .dot\n" } do
      assert.is_truthy(text:find(want, 1, true), want .. text)
    end
    assert.equal("", complaints(path))
  end)

  it("is looked at by checks that can fail", function()
    assert.matches("skipping unknown macro", complaints(file_of("bad.1", pages.text("sluice.1") .. ".XX bad\n")), 1, true)
  end)
end)

describe("make install", function()
  local function make(dir, target)
    local done = run("make", "--no-print-directory", target, "DESTDIR=" .. dir, "PREFIX=/opt", "BUILD=" .. (os.getenv "SLUICE_BUILD" or "build"))
    assert.equal(0, done.status, done.stderr)
  end
  local function files(dir)
    local list = {}
    for path in run("find", dir, "-type", "f").stdout:gmatch "[^\n]+" do list[#list + 1] = path:sub(#dir + 1) end
    table.sort(list)
    return list
  end

  it("puts the binary, the pages and the completions where they are looked for, and uninstall takes them away", function()
    local dir = tmp.dir()
    make(dir, "install")
    assert.same({ "/opt/bin/sluice", "/opt/share/bash-completion/completions/sluice", "/opt/share/fish/vendor_completions.d/sluice.fish",
      "/opt/share/man/man1/sluice.1", "/opt/share/man/man5/sluice.yaml.5", "/opt/share/man/man7/sluice-lua.7",
      "/opt/share/zsh/site-functions/_sluice" }, files(dir))
    assert.equal(pages.text "sluice-lua.7", tmp.read(dir .. "/opt/share/man/man7/sluice-lua.7"))
    make(dir, "uninstall")
    assert.same({}, files(dir))
  end)
end)
