-- The unit for systemd and docs/operate.md say the same, and systemd understands it.
local lfs = require "lfs"
local process = require "sluice.process"
local project = require "support.project"
local tmp = require "support.tmp"
local walkthrough = require "support.walkthrough"

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

describe("docs/operate.md", function()
  local page = tmp.read "docs/operate.md"
  local p
  before_each(function() p = project.full { products = 30 } end)
  after_each(function() p:stop() end)

  local FEED = "scripts/delta_feed.lua from=shop to=feed stream=124773"

  -- The `$ ` commands of a section, done as they stand.
  local function do_section(title)
    local walk = walkthrough.new { dir = p.dir }
    local steps = 0
    for _, block in ipairs(walkthrough.blocks(page:match("\n## " .. title .. "\n(.-)\n## ") or page:match("\n## " .. title .. "\n(.*)"))) do
      for _, step in ipairs(walkthrough.steps(block.text)) do
        walk:check(step)
        steps = steps + 1
      end
    end
    return steps
  end

  it("backs up and goes back: feeds go on where they were then, writes that are in it are not doubled", function()
    p:lines("orders.ndjson", 3, function(i) return { channel_order_code = "A-" .. i, line_items = { { sku = "CD003", qty = 1 } } } end)
    assert.equal(30, p:run(FEED).sums.sent)
    assert.equal(3, p:run("scripts/post_orders.lua to=shop file=orders.ndjson").sums.sent)
    assert.is_true(do_section "Backups" >= 3)
    assert.same({ 0, 3 }, { p:run(FEED).sums.sent, p:run("scripts/post_orders.lua to=shop file=orders.ndjson").sums.unchanged })
    assert.equal(1, p.sandbox:posted "A-1")
  end)

  it("has what is not in a backup beside the store", function()
    assert.is_nil(page:find("dlq/` beside the store) and logs of runs (`logs/`) | yes", 1, true))
    p:lines("products.ndjson", 1, function() return { source_product_code = "C" } end)
    assert.equal(3, p:run("scripts/push_products.lua to=shop source_id=57 file=products.ndjson").status)
    assert.equal("directory", lfs.attributes(p.dir .. "/dlq", "mode"))
  end)

  it("moves the store, with its dead letters: cursors are where they were", function()
    assert.equal(30, p:run(FEED).sums.sent)
    assert(lfs.mkdir(p.dir .. "/elsewhere"))
    assert.equal(0, p:run("sluice state export elsewhere/moved.db").status)
    local path = p.dir .. "/sluice.yaml"
    tmp.write(path, (tmp.read(path):gsub("sqlite:state.db", "sqlite:elsewhere/moved.db")))
    assert(os.remove(p.dir .. "/state.db"))
    assert.equal(0, p:run(FEED).sums.sent)
    assert.is_nil(lfs.attributes(p.dir .. "/state.db"))
    tmp.write(path, (tmp.read(path):gsub("sqlite:elsewhere/moved.db", "sqlite:other.db"))) -- a store that knows nothing: all over again
    assert.equal(30, p:run(FEED).sums.sent)
  end)
end)
