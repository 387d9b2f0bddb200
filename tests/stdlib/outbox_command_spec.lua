-- `sluice outbox` as a person uses it.
local json = require "sluice.json"
local lfs = require "lfs"
local process = require "sluice.process"
local project = require "support.project"
local state = require "sluice.state"
local tmp = require "support.tmp"

local SLUICE = lfs.currentdir() .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

describe("sluice outbox", function()
  local p, store
  before_each(function()
    p = project.new { products = 0 }
    local path = p.dir .. "/sluice.yaml"
    tmp.write(path, (tmp.read(path):gsub("username: sandbox,", function()
      return ('queue_url: "%s", client_id: 21, channel_id: 47, index_lag: 100ms, username: sandbox,'):format(p.sandbox.url)
    end)))
    store = state.open(p.dir .. "/state.db")
  end)
  after_each(function()
    store:close()
    p:stop()
  end)

  local function outbox(words)
    local argv = { "env", "XDG_STATE_HOME=" .. p.dir .. "/shared", SLUICE, "outbox" }
    for word in words:gmatch "%S+" do argv[#argv + 1] = word end
    return assert(process.run { argv = argv, cwd = p.dir })
  end

  -- A write in that state, as a run that died or could not tell leaves it.
  local function put(key, to, note, scope)
    local order = { channel_order_code = key, customer = { email = "bob@example.com" } }
    local intent <close> = assert(store:outbox_claim { host = p.sandbox.url, account = "sandbox", operation = "post_order",
      key = key, scope = scope or "channel_id=47",
      body = json.encode { order = order, channel_id = "47", client_id = 21 }, digest = "d" })
    if to == "confirmed" or to == "rejected" or to == "unknown" then intent:settle(to, '{"message":"order received"}', note) end
    return order
  end

  local function state_of(key) return store:outbox_rows { key = key }[1].state end

  it("lists what is not confirmed, or what is asked for", function()
    put("A-1", "intended")
    put("A-2", "confirmed")
    put("A-3", "unknown", "nothing can tell")
    local shown = outbox "list"
    assert.equal(0, shown.status, shown.stderr)
    assert.matches("key +scope +state +operation +account +attempts +since +note\nA%-1 +channel_id=47 +intended", shown.stdout)
    assert.matches("A%-3 +channel_id=47 +unknown .*nothing can tell", shown.stdout)
    assert.is_nil(shown.stdout:find("A-2", 1, true))
    local rows = assert(json.decode(outbox "list all --json".stdout))
    assert.same({ "A-1", "A-2", "A-3" }, { rows[1].key, rows[2].key, rows[3].key })
    assert.is_nil(rows[1].body)
    assert.matches("nothing to show", outbox "list rejected".stderr)
    local wrong = outbox "list unknwon"
    assert.same({ 2, true }, { wrong.status, wrong.stderr:find "did you mean 'unknown'" ~= nil })
  end)

  it("shows one, with its body only where that is asked for", function()
    put("A-1", "confirmed")
    local shown = outbox "show A-1"
    assert.matches("state +confirmed", shown.stdout)
    assert.matches("answer +{\"message\":\"order received\"}", shown.stdout)
    assert.is_nil(shown.stdout:find "bob@example.com")
    assert.matches("bob@example.com", outbox "show A-1 --body".stdout)
    local wrong = outbox "show A-11"
    assert.same({ 1, true }, { wrong.status, wrong.stderr:find "did you mean 'A%-1'" ~= nil })
  end)

  it("says whether the API shows one", function()
    put("A-1", "confirmed")
    assert.matches("found +no\n", outbox("show A-1 --ask").stdout)
    p.sandbox:fault { kind = "status", status = 400, path = "/v1/orders/*" }
    assert.matches("found +can't tell: shop.search_orders", outbox("show A-1 --ask").stdout)
    tmp.write(p.dir .. "/one.lua", [[
      local shop = require("sluice").connect "shop"
      shop:post_order { order = { channel_order_code = "A-1", line_items = { { sku = "x", qty = 1, price = 1 } } } }]])
    assert.equal(0, p:run("one.lua").status)
    assert.equal("yes", json.decode(outbox("show A-1 --ask --json").stdout).found)
    store:outbox_claim({ host = "http://elsewhere", account = "x", operation = "post_order", key = "B", body = "{}", digest = "d" }):close()
    assert.matches("can't tell: no connection of the config is this account at this host", outbox("show B --ask").stdout)
  end)

  it("asks the API, and leaves to the next run what was not found", function()
    put("A-1", "unknown")
    put("A-2", "unknown")
    tmp.write(p.dir .. "/one.lua", [[
      local shop = require("sluice").connect "shop"
      shop:post_order { order = { channel_order_code = "A-1", line_items = { { sku = "x", qty = 1, price = 1 } } } }]])
    assert.equal(0, p:run("one.lua").status)
    local done = outbox "settle"
    assert.equal(7, done.status, done.stderr)
    assert.matches("1 not settled", done.stderr)
    assert.same({ "confirmed", "unknown" }, { state_of "A-1", state_of "A-2" })
    assert.equal(0, outbox("settle A-1").status)
  end)

  it("takes a person's word", function()
    for i, word in ipairs { "confirmed", "rejected", "resend" } do
      put("A-" .. i, "unknown")
      local done = outbox(("settle A-%d --%s"):format(i, word))
      assert.equal(0, done.status, done.stderr)
    end
    assert.same({ "confirmed", "rejected", "intended" }, { state_of "A-1", state_of "A-2", state_of "A-3" })
    assert.matches("settled by a person", outbox "show A-1".stdout)
    assert.equal(2, outbox("settle A-1 --resend").status)
    assert.equal(2, outbox("settle A-2 --confirmed --resend").status)
    assert.equal(2, outbox("settle --confirmed").status)
    assert.matches("did you mean '%-%-resend", outbox("settle A-2 --resnd").stderr)
  end)

  it("wants to know which one is meant where two have the same key", function()
    put("A-1", "unknown")
    put("A-1", "unknown", nil, "channel_id=255")
    local wrong = outbox "settle A-1 --confirmed"
    assert.equal(2, wrong.status)
    assert.matches("2 writes 'A%-1' %(post_order %-%-scope=channel_id=47, post_order %-%-scope=channel_id=255%): say which", wrong.stderr)
    assert.equal(0, outbox("settle A-1 --scope=channel_id=255 --confirmed").status)
    local rows = store:outbox_rows { key = "A-1" }
    assert.same({ "unknown", "confirmed" }, { rows[1].state, rows[2].state })
    assert.equal(1, #json.decode(outbox("list all --scope=channel_id=255 --json").stdout))
  end)

  it("lists many, page by page", function()
    for i = 1, 1203 do put("A-" .. i, "confirmed") end
    put("B", "intended")
    local rows = json.decode(outbox("list confirmed --json").stdout)
    assert.same({ 1203, "A-1", "A-1203" }, { #rows, rows[1].key, rows[1203].key })
    local lines = select(2, outbox("list all").stdout:gsub("\n", ""))
    assert.equal(1205, lines)
    assert.equal("[]\n", outbox("list rejected --json").stdout)
  end)

  it("asks about the others where a process works on one", function()
    put("A-1", "unknown")
    put("A-2", "unknown")
    local intent <close> = assert(store:outbox_claim_id(store:outbox_rows({ key = "A-1" })[1].id))
    tmp.write(p.dir .. "/one.lua", [[
      local shop = require("sluice").connect "shop"
      shop:post_order { order = { channel_order_code = "A-2", line_items = { { sku = "x", qty = 1, price = 1 } } } }]])
    assert.equal(0, p:run("one.lua").status)
    assert.equal(7, outbox("settle").status)
    assert.same({ "unknown", "confirmed" }, { intent:row().state, state_of "A-2" })
  end)

  it("does not touch what a process works on", function()
    put("A-1", "unknown")
    local intent <close> = assert(store:outbox_claim_id(store:outbox_rows { key = "A-1" }[1].id))
    local done = outbox "settle A-1 --confirmed"
    assert.equal(8, done.status)
    assert.matches("a running process works on 'A%-1'", done.stderr)
    assert.matches("a process is working on it", outbox("show A-1").stdout)
    assert.equal("unknown", intent:row().state)
  end)

  it("has help, and refuses what it does not know", function()
    assert.matches("usage: sluice outbox list", outbox("--help").stdout)
    assert.matches("did you mean 'settle'", outbox("setle").stderr)
    assert.equal(2, outbox("show").status)
  end)
end)
