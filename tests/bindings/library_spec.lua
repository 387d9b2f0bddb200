-- Libraries that are opened when they are first used. What is mapped is read from the kernel, in processes of their own.
local process = require "sluice.process"
local tmp = require "support.tmp"

local here = require("lfs").currentdir()
local sluice = here .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local MAPPED = [[
local function mapped()
  local found = {}
  for line in io.lines "/proc/self/maps" do
    local file, name = line:match "(/.*/(lib%w+)[%w.-]*%.so[%d.]*)$"
    if name and ("libcurl libsqlite3 libmicrohttpd libcrypto libyaml libz libdeflate"):find("%f[%w]" .. name .. "%f[%W]") then
      found[name .. " " .. file] = true
    end
  end
  local names = {}
  for text in pairs(found) do names[#names + 1] = text:match "^%S+" end
  table.sort(names)
  return table.concat(names, " ")
end
]]

-- The libraries of ours that a recipe has mapped at its end, each as often as there are copies of it.
local function opened_by(text, ...)
  local file = tmp.write(tmp.dir() .. "/recipe.lua", MAPPED .. text .. "\nprint(mapped())\n")
  local done = assert(process.run { argv = { sluice, "run", file, ... } })
  assert.same({ 0, "" }, { done.status, done.stderr }, text)
  return (done.stdout:gsub("\n$", ""))
end

-- `sluice WORD …` in a machine whose library of that name is a file of these bytes.
local function with_broken(name, bytes, words)
  local dir = tmp.dir()
  tmp.write(dir .. "/" .. name, bytes)
  return assert(process.run { argv = { "env", "HOME=" .. dir, "LD_LIBRARY_PATH=" .. dir, sluice, table.unpack(words) }, cwd = dir })
end

-- A library that has no functions, as another one than the machine's would be.
local function build(dir, name, ...)
  local done = assert(process.run { argv = { "cc", "-shared", "-o", dir .. "/" .. name, "-xc", "/dev/null", "-xnone", ... } })
  assert.equal(0, done.status, done.stderr)
end

local function recipe(text) return { "run", tmp.write(tmp.dir() .. "/recipe.lua", text) } end

local function open_store(libraries)
  local script = recipe(("require('sluice.state').open %q"):format(tmp.dir() .. "/s.db"))
  return assert(process.run { argv = { "env", "LD_LIBRARY_PATH=" .. libraries, sluice, table.unpack(script) } })
end

local FEED = [[
local feed = require("sluice.connect").connect { api = "productsup_stream", name = "feed", base_url = "http://127.0.0.1:1", token = "token" }
]]

describe("a library that is opened when it is first used", function()
  it("is not opened by a start", function()
    for _, words in ipairs { { "version" }, { "help" }, recipe "" } do
      local done = assert(process.run { argv = { "env", "LD_DEBUG=files", sluice, table.unpack(words) } })
      assert.equal(0, done.status)
      assert.matches("file=liblua5%.4%.so", done.stderr) -- the loader says what it opens
      for _, name in ipairs { "libcurl", "libsqlite3", "libmicrohttpd", "libcrypto", "libyaml", "libz", "libdeflate", "libssl", "libgnutls" } do
        assert.is_nil(done.stderr:find("file=" .. name, 1, true), name .. " by " .. words[1])
      end
    end
  end)

  it("is opened by its feature, and no other one", function()
    assert.equal("", opened_by "require('sluice.crypto').random(8) require('sluice.crypto').base64 'x'")
    assert.equal("libcrypto", opened_by "require('sluice.crypto').sha256 'x'")
    assert.equal("libsqlite3", opened_by(("assert(require('sluice.state').open %q)"):format(tmp.dir() .. "/s.db")))
    assert.matches("libmicrohttpd", opened_by "assert(require('sluice.server').listen { port = 0 })")
    assert.is_nil(opened_by("assert(require('sluice.server').listen { port = 0 })"):find "libcurl")
    assert.equal("libyaml", opened_by "require('sluice.yaml').decode 'a: 1'")
    assert.matches("libcurl", opened_by "assert(not require('sluice.http').get 'http://127.0.0.1:1/')")
    local upload = "pcall(feed.upload_products, feed, { stream = '1', body = '{}', deadline = 0.01, gzip = %s })"
    assert.matches("libdeflate", opened_by(FEED .. upload:format "true"))
    assert.is_nil(opened_by(FEED .. upload:format "false"):find "libdeflate")
  end)

  it("is there once, whoever else needs it", function()
    local both = "require('sluice.crypto').sha256 'x' assert(not require('sluice.http').get 'https://127.0.0.1:1/')"
    assert.equal("libcrypto libcurl libz", opened_by(both))
    local swapped = "assert(not require('sluice.http').get 'https://127.0.0.1:1/') require('sluice.crypto').sha256 'x'"
    assert.equal("libcrypto libcurl libz", opened_by(swapped))
  end)

  it("is opened by a child of its own", function()
    local child = tmp.write(tmp.dir() .. "/child.lua", MAPPED .. "print(mapped())")
    local shown = opened_by(([[
      require("sluice.http").get "http://127.0.0.1:1/"
      local before = require("sluice.process").run { argv = { %q, "run", %q } }
      assert(before.status == 0 and before.stdout == "\n", before.stdout .. before.stderr)
    ]]):format(sluice, child))
    assert.matches("libcurl", shown)
  end)

  it("names the package where it can't be used", function()
    local get = "require('sluice.http').get, 'http://127.0.0.1:1/'"
    for name, case in pairs {
      ["libcurl.so.4"] = { "libcurl4", get },
      ["libsqlite3.so.0"] = { "libsqlite3-0", ("require('sluice.state').open, %q"):format(tmp.dir() .. "/s.db") },
      ["libmicrohttpd.so.12"] = { "libmicrohttpd12", "require('sluice.server').listen, { port = 0 }" },
      ["libcrypto.so.3"] = { "libssl3", "require('sluice.crypto').sha256, 'x'" },
      ["libyaml-0.so.2"] = { "libyaml-0-2", "require('sluice.yaml').decode, 'a: 1'" },
      ["libz.so.1"] = { "zlib1g", "require('sluice.http').post, 'http://127.0.0.1:1/', { body = 'x', gzip = true }" },
      ["libdeflate.so.0"] = { "libdeflate0", "feed.upload_products, feed, { stream = '1', body = '{}', gzip = true }", FEED },
    } do
      local done = with_broken(name, "not a library", recipe((case[3] or "") .. ([[
        local ok, value, problem = pcall(%s)
        problem = problem or value -- raised or given back
        print(problem.code, problem.message, problem.hint)
      ]]):format(case[2])))
      assert.same({ 0, "" }, { done.status, done.stderr }, name)
      local function plain(text) return (text:gsub("%p", "%%%0")) end
      local said = "^state\ta library can't be opened: .*%s: file too short\tapt install %%-%%-reinstall %s; .*\n$"
      assert.matches(said:format(plain(name), plain(case[1])), done.stdout)
    end
  end)

  it("does not stop what can do without it, and is named by doctor", function()
    assert.equal(0, with_broken("libcurl.so.4", "", recipe "print(require('sluice.json').encode { 1 })").status)
    local done = with_broken("libmicrohttpd.so.12", "", { "doctor", "--json" })
    assert.equal(1, done.status)
    local rows = {}
    for _, row in ipairs(require("sluice.json").decode(done.stdout).checks) do
      if row.check == "libraries" and row.status == "fail" then rows[#rows + 1] = row end
    end
    assert.equal(1, #rows)
    assert.same({ "libmicrohttpd", "apt install libmicrohttpd12" }, { rows[1].name, rows[1].cure })
  end)

  it("names the package where it, or what it needs, is missing", function()
    local dir = tmp.dir()
    build(dir, "libneeded.so")
    build(dir, "libsqlite3.so.0", "-Wl,--no-as-needed", "-L" .. dir, "-lneeded")
    assert(os.remove(dir .. "/libneeded.so"))
    local done = open_store(dir)
    assert.equal(1, done.status)
    assert.matches("^sluice: a library can't be opened: libneeded%.so: .*No such file.*\n  hint: apt install libsqlite3%-0\n", done.stderr)
  end)

  it("ends the process where it is too old for a function", function()
    local dir = tmp.dir()
    build(dir, "libsqlite3.so.0")
    local done = open_store(dir)
    assert.equal(1, done.status)
    assert.matches("^sluice: sqlite3_[%w_]+ is needed of libsqlite3%.so%.0: it is older than .*\n  hint: apt install libsqlite3%-0\n$", done.stderr)
  end)
end)
