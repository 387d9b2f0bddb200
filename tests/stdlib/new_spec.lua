-- `sluice new`, as a user would: everything that it writes runs.
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local tmp = require "support.tmp"

local program = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local function run(dir, words, more)
  local argv = { "env", "XDG_STATE_HOME=" .. dir .. "/.shared" }
  for _, word in ipairs(more or {}) do argv[#argv + 1] = word end
  argv[#argv + 1] = program
  for word in words:gmatch "%S+" do argv[#argv + 1] = word end
  return assert(process.run { argv = argv, cwd = dir, timeout = 120 })
end

local function ok(done)
  assert.equal(0, done.status, done.stdout .. done.stderr)
  return done
end

local function files_of(dir)
  local list = {}
  for line in io.popen("cd '" .. dir .. "' && find . -not -name . | sort"):lines() do list[#list + 1] = line end
  return list
end

describe("sluice new project", function()
  local dir, server
  setup(function()
    server = sandbox.start { products = 30, rate_scale = 1000 }
    dir = tmp.dir()
    ok(run(dir, "new project feed"))
    dir = dir .. "/feed"
  end)
  teardown(function() server:stop() end)

  it("has a config and recipes that are right, and a spec that is green", function()
    assert.equal("ok\n", ok(run(dir, "check scripts/send_products.lua")).stderr)
    local done = ok(run(dir, "test"))
    assert.matches("2 successes / 0 failures / 0 errors", done.stdout)
  end)

  it("has a recipe that runs against the sandbox, once", function()
    local words = "run --json scripts/send_products.lua from=shop to=feed stream=124773"
    local sums = json.decode(ok(run(dir, words, { "SANDBOX=" .. server.url })).stdout)
    assert.equal(30, sums.sent)
    assert.equal(0, json.decode(ok(run(dir, words, { "SANDBOX=" .. server.url })).stdout).sent)
  end)

  it("takes a new recipe, which runs with the words that are said", function()
    local said = ok(run(dir, "new recipe prices")).stdout
    assert.matches("^wrote scripts/prices.lua\n", said)
    assert.equal("ok\n", ok(run(dir, "check scripts/prices.lua")).stderr)
    local line = assert(said:match "\n  (echo [^\n]+)"):gsub("sluice run", program .. " run")
    local done = assert(process.run { argv = { "sh", "-c", line }, cwd = dir })
    assert.same({ 0, { id = "1", qty = 3, title = "SHIRT" } }, { done.status, json.decode(tmp.read(dir .. "/out.ndjson")) })
    assert.matches("least", ok(run(dir, "run scripts/prices.lua --args")).stdout)
  end)

  it("takes a new API, which loads and which editors know then", function()
    ok(run(dir, "new api depot"))
    local shown = ok(run(dir, "api show depot")).stdout
    for _, name in ipairs { "articles", "set_stock", "create_article" } do assert.matches(name, shown) end
    assert.matches("10/s", shown)
    ok(run(dir, "api show depot.set_stock"))
    assert.is_nil(lfs.attributes(dir .. "/.sluice/types/sluice/apis/depot.lua"))
    ok(run(dir, "new types"))
    assert.matches("function Api:set_stock%(args%) end", tmp.read(dir .. "/.sluice/types/sluice/apis/depot.lua"))
    assert.matches('"const": "depot"', tmp.read(dir .. "/.sluice/types/sluice.schema.json"))
  end)

  it("has types that are Lua, know the connections, and the modules that docs/modules.md has", function()
    local folder = dir .. "/.sluice/types/"
    for line in io.popen("find '" .. folder .. "' -name '*.lua'"):lines() do
      assert(loadfile(line, "t"))
      assert.matches("^%-%-%-@meta sluice", tmp.read(line))
    end
    local main = tmp.read(folder .. "sluice.lua")
    assert.matches('overload fun%(name: "shop"%): sluice.api.stock2shop\n', main)
    assert.matches("\nfunction sluice.connect", main)
    for name in tmp.read("docs/modules.md"):gmatch "\n## sluice%.([%w_]+)\n" do
      assert.is_table(lfs.attributes(folder .. "sluice/" .. name .. ".lua"), name)
      assert.matches(('sluice.%s = require "sluice.%s"'):format(name, name), main, 1, true)
    end
    assert.same({ ".sluice/types", "${3rd}/busted/library", "${3rd}/luassert/library" },
      json.decode(tmp.read(dir .. "/.luarc.json"))["workspace.library"])
    assert.matches("^# yaml%-language%-server: $schema=%.sluice/types/sluice%.schema%.json\n", tmp.read(dir .. "/sluice.yaml"))
  end)
end)

describe("sluice new", function()
  it("writes nothing at all where a file is there, and names it", function()
    local dir = tmp.dir()
    tmp.write(dir .. "/README.md", "mine")
    assert(lfs.link("/nowhere", dir .. "/.gitignore", true))
    local before = files_of(dir)
    local done = run(dir, "new project .")
    assert.equal(2, done.status)
    assert.matches("%./README.md are there already; nothing was written\n", (done.stderr:gsub("^.*%.gitignore, ", "./")))
    assert.same(before, files_of(dir))
    assert.equal("mine", tmp.read(dir .. "/README.md"))
    ok(run(dir, "new recipe a"))
    done = run(dir, "new recipe a")
    assert.same({ 2, "" }, { done.status, done.stdout })
    assert.matches("a.lua is there already; nothing was written\n  hint: ", done.stderr)
  end)

  it("takes back what it made where one can't be written", function()
    local files = require "sluice.new.files"
    local dir = tmp.dir()
    tmp.write(dir .. "/no_folder", "")
    local good, problem = pcall(files.create, { { path = dir .. "/a/b/one", text = "1" },
      { path = dir .. "/no_folder/two", text = "2" } })
    assert.is_false(good)
    assert.same({ "state", true }, { problem.code, problem.message:find("no_folder can't be written", 1, true) ~= nil })
    assert.same({ "./no_folder" }, files_of(dir))
    assert.is_false((pcall(files.create, { { path = dir .. "/no_folder", text = "x" } })))
    assert.equal("", tmp.read(dir .. "/no_folder"))
  end)

  it("refuses names, with the cure", function()
    local dir = tmp.dir()
    for words, cure in pairs {
      ["recipe scripts/Price-List.lua"] = "sluice new recipe price_list", ["recipe 2fast"] = "sluice new recipe fast",
      ["api a-b"] = "sluice new api a_b", ["recipe ../x"] = "sluice new recipe x", ["recipe"] = "sluice new recipe NAME",
      ["api veeqo"] = "take another name", ["project"] = "sluice new project FOLDER", ["recip x"] = "sluice help new",
      ["recipe a b"] = "sluice help new", ["types x"] = "sluice help new", [""] = "sluice help new",
    } do
      local done = run(dir, "new " .. words)
      assert.same({ 2, "" }, { done.status, done.stdout }, words)
      assert.matches("hint: " .. cure .. "\n", done.stderr, 1, true)
    end
    tmp.write(dir .. "/file", "")
    assert.matches("file is there already, and no folder", run(dir, "new project file").stderr)
    assert.matches("did you mean 'recipe'", run(dir, "new recip x").stderr)
    assert.same({ "./file" }, files_of(dir))
  end)

  it("goes by the project's folder, wherever in it one is", function()
    local dir = tmp.dir()
    ok(run(dir, "new project p"))
    assert(lfs.mkdir(dir .. "/p/deep"))
    ok(run(dir .. "/p/deep", "new recipe far"))
    assert.is_table(lfs.attributes(dir .. "/p/scripts/far.lua"))
    local listed = json.decode(ok(run(dir, "new api free --json")).stdout)
    assert.same({ "apis/free.lua" }, listed.files)
    ok(run(dir, "api show free"))
  end)
end)
