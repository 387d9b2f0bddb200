-- `.save`: what a session did as a recipe that runs.
local json = require "sluice.json"
local lfs = require "lfs"
local project = require "support.project"
local save = require "sluice.repl.save"
local tmp = require "support.tmp"
local typing = require "support.typing"

describe(".save", function()
  local p, s, path
  before_each(function()
    p = project.full()
    s = typing.new(p, { options = { yes = true } })
    path = p.dir .. "/recipe.lua"
  end)
  after_each(function()
    s:leave()
    p:stop()
  end)

  local function saved(...)
    s:type(...)
    save.command(s, { path, "--force" })
    return tmp.read(path)
  end

  -- What the function does, without the lines around it.
  local function body(...)
    local text = saved(...):match "run = function%(args, run%)\n(.-)\n\n    run:commit"
    return (text:gsub("^    ", ""):gsub("\n    ", "\n"))
  end

  it("writes what worked, in order, as a recipe that runs and reads and writes as the session did", function()
    local text = saved("found = shop:search_products { query = { match_all = {} }, size = 3 }", "nothing:here()", "#found.system_products",
      "for _, one in ipairs(found.system_products) do one.id = tostring(one.id) end",
      "feed:upload_products { stream = 124773, body = found.system_products }")
    assert.matches('about = "shop.search_products, feed.upload_products %(from a session%)"', text)
    assert.matches('shop = { "connection %(stock2shop%)", type = "connection", default = "shop" }', text)
    assert.is_nil(text:find("nothing", 1, true))
    assert.is_truthy(text:find([[
    local feed = sluice.connect(args.feed)
    local shop = sluice.connect(args.shop)

    local found = shop:search_products { query = { match_all = {} }, size = 3 }
    -- looked at: #found.system_products
    for _, one in ipairs(found.system_products) do one.id = tostring(one.id) end
    feed:upload_products { stream = 124773, body = found.system_products }

    run:commit()]], 1, true), text)
    local before = #p.sandbox:requests()
    assert.equal(0, p:run("recipe.lua").status)
    local list, asked = p.sandbox:requests(), {}
    for i = before + 1, #list do asked[#asked + 1] = list[i].method .. " " .. list[i].target:match "^[^?]*" end
    assert.same({ "POST /v1/products/elastic_search", "POST /streams/124773/products" }, { asked[#asked - 1], asked[#asked] })
    assert.equal(3, p.sandbox:stream(124773).count)
  end)

  it("runs dry, is checked, and takes other connections", function()
    saved "feed:upload_products { stream = 124773, body = { { id = 'A-1', title = 'Mug' } } }"
    local before = p.sandbox:stream(124773):times "A-1"
    local done = p:run "-n recipe.lua"
    assert.equal(0, done.status, done.stderr)
    assert.matches("would send POST http://%S+/streams/124773/products %(feed.upload_products%), 1 record", done.stderr)
    assert.equal(before, p.sandbox:stream(124773):times "A-1")
    assert.matches("feed +connection %(productsup_stream%)", p:run("sluice run recipe.lua --args").stdout)
    assert.matches("there is no connection 'fed'", p:run("recipe.lua feed=fed").stderr)
  end)

  it("makes locals of globals: where they are set first, or where they are named first", function()
    assert.equal(("local a = 1\nlocal b, c\nb, c = 2, 3\nlocal add, total\nfunction add(n) total = n end\nadd(a)\nadd(b + c)"),
      body("a = 1", "b, c = 2, 3", "function add(n) total = n end", "add(a)", "add(b + c)"))
  end)

  it("keeps a local of a chunk for those behind it, as the prompt does, and one of a block in its block", function()
    assert.equal("local a, b\na = 5\nb = a\ndo local d = a b = d end\n;(function()\n  c = 1 return c\nend)()",
      (body("local a = 5\nb = a", "do local d = a b = d end", "c = 1 return c"):gsub("\nlocal c\n", "\n")))
    assert.equal(0, p:run("recipe.lua").status)
  end)

  it("knows what _ was", function()
    assert.equal("local sources = shop:sources()\nlocal first = sources[1]\nlocal shop_sources = shop:sources()",
      (body("shop:sources()", "first = _[1]", "shop_sources = shop:sources()"):gsub("^local shop = [^\n]+\n\n", "")))
  end)

  it("knows what _ was where a loop has one of its own", function()
    local text = body("n = 0", "shop:sources()", "for _, one in ipairs(_) do n = n + one.id end")
    assert.is_truthy(text:find("do\n  local _ = sources\n  for _, one in ipairs(_) do n = n + one.id end\nend", 1, true), text)
    local done = p:run "recipe.lua"
    assert.equal(0, done.status, done.stderr)
  end)

  it("keeps calls whose value was only looked at, drops what showed only", function()
    local text = body("shop:sources()", "print(shop:channels())", "x = { 1 }", "print(x[1])", "x[1] + 1", "table.insert(x, 2)", "#shop:sources()",
      "shop:changed_products {}")
    assert.is_truthy(text:find("\nshop:sources()\nprint(shop:channels())\nlocal x = { 1 }\n-- looked at: print(x[1])\n-- looked at: x[1] + 1\n"
      .. "table.insert(x, 2)\nlocal _ = #shop:sources()\n-- looked at its first items: shop:changed_products {}", 1, true), text)
  end)

  it("leaves the lines of a text as they are", function()
    local text = saved("t = [[\nfirst\n    second\n]]", "n = #t\nm =\n  n")
    assert.is_truthy(text:find("local t = [[\nfirst\n    second\n]]", 1, true), text)
    assert.is_truthy(text:find("    n = #t\n    m =\n      n", 1, true), text)
  end)

  it("brings the modules that the prompt has", function()
    s.env.ndjson = require "sluice.ndjson"
    local text = saved "rec = ndjson.records(function() end)"
    assert.is_truthy(text:find('local sluice = require "sluice"\nlocal ndjson = require "sluice.ndjson"', 1, true), text)
    assert.equal(0, p:run("recipe.lua").status)
  end)

  it("brings the tools that code calls; what only showed by one is gone", function()
    require("sluice.repl.tools").install(s)
    local file = p.dir .. "/list.json"
    local text = saved("list = { { id = 1, none = json.null } }", "json(list)", "csv(list)", ("save(list, %q)"):format(file),
      "for _, one in ipairs(list) do json(one) end", "json(shop:sources())")
    assert.is_truthy(text:find("local json = tools.json\n", 1, true), text)
    assert.is_truthy(text:find("local function save(value, path)", 1, true), text)
    assert.is_truthy(text:find("-- looked at: list\n    -- looked at: list\n    save(list,", 1, true), text)
    assert.is_truthy(text:find("json(one) end\n    shop:sources()\n", 1, true), text)
    tmp.write(file, "of the session")
    local done = p:run "recipe.lua"
    assert.equal(0, done.status, done.stderr)
    assert.matches('"id": 1', tmp.read(file))
    assert.is_truthy(saved("n = json.decode('7')"):find("n = json.decode", 1, true))
  end)

  it("has no secret in it: they are asked of the environment", function()
    local text = saved("other = sluice.connect { api = 'productsup_stream', base_url = '" .. p.sandbox.url .. "', token = 't0ken/of-feed' }",
      "n = #other:streams()", 'login = { user = "bob", password = "typed-only-here" }')
    for _, secret in ipairs { "t0ken/of-feed", "typed-only-here" } do assert.is_nil(text:find(secret, 1, true), text) end
    assert.matches("%-%-   %${TOKEN}\n%-%-   %${PASSWORD}\n", text)
    assert.is_truthy(text:find('token = os.getenv "TOKEN"', 1, true))
    local done = p:run("recipe.lua", "export TOKEN=t0ken/of-feed")
    assert.equal(0, done.status, done.stderr)
    s:type "x = 1 -- with t0ken/of-feed"
    local ok, problem = pcall(save.command, s, { path, "--force" })
    assert.same({ false, "usage" }, { ok, problem.code })
    assert.matches("not written: line %d+ has a secret: .*%*%*%*", problem.message)
    assert.equal(text, tmp.read(path))
  end)

  local function refused(words, code)
    local ok, problem = pcall(save.command, s, words)
    assert.same({ false, code or "usage" }, { ok, problem.code })
    return problem.message .. (problem.hint and "\n" .. problem.hint or "")
  end

  it("does not overwrite unless it is told to", function()
    s:type "n = #shop:sources()"
    assert.matches("recipe.lua: 1 chunk; sluice run ", save.command(s, { path }))
    tmp.write(path, "mine")
    assert.matches("recipe.lua is there already\n%.save %S+recipe.lua %-%-force replaces it", refused { path })
    assert.equal("mine", tmp.read(path))
    save.command(s, { path, "--force" })
    assert.matches("sources", tmp.read(path))
  end)

  it("says what it can't do", function()
    s:ready()
    assert.matches("into which file%?", refused {})
    assert.matches("does not end in %.lua", refused { "x.txt" })
    assert.matches("one word too many", refused { path, "other.lua" })
    assert.matches("nothing has worked yet", refused { path })
    s:type("x = 1 error 'no'", "y = x")
    assert.matches("'x' was set by a chunk that failed", refused { path })
    s:type "x = 1"
    assert.matches("no/such/x.lua.part", refused({ "no/such/x.lua" }, "state"))
    assert.is_nil(lfs.attributes(path))
    for i = 1, 160 do s:type(("v%d = %d"):format(i, i)) end
    assert.matches("the session has set 16%d variables; a recipe has room for 150", refused { path })
  end)

  it("takes whatever Lua takes: a recipe of each of these runs", function()
    s:type("t = {\n  a = 1, ['b'] = 2;\n  f = function() q = 2 end }", "t.f()", "q", "while q < 5 do q = q + 1 end",
      "if q > 3 then z = 1 else z = 2 end", "repeat local k = q; q = q - 1 until k < 2", "(function() z = 7 end)()", "= z",
      "goto done\nz = 9\n::done::", "goto done ::done::", "s = ([[a]])..'b' --[[ a\ncomment ]]", "return s", "print, tostring = print, tostring",
      "f = function(...) return select('#', ...) end", "f(1, 2)", "for i = 1, 3 do local _ = i; z = z + _ end")
    for _, chunk in ipairs(s.transcript.chunks) do assert(chunk.ok, chunk.text) end
    s:type "json_text = sluice.json.encode({ z = z, q = q, s = s }, { sort = true })"
    local text = saved("io.stdout:write(json_text)")
    tmp.write(path, (text:gsub("run:commit%(%)", "io.stderr:write('SAW ' .. json_text)")))
    local done = p:run "recipe.lua"
    assert.equal(0, done.status, done.stderr)
    assert.same(s.env.json_text, done.stderr:match "SAW (%b{})")
    assert.is_table(json.decode(s.env.json_text))
  end)
end)
