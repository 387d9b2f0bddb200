-- A project in which the commands and the Lua of README.md and docs/ run as they stand there: connections shop, feed, site and depot to a
-- sandbox in this process, a schedule delta, the recipes, and the files that the pages name. Nothing goes to another machine.
--
--   local shop = require("support.workshop").new()
--   local done = shop:sh "sluice call shop sources | jq ."      -- status, stdout, stderr
--   shop:stop()
local lfs = require "lfs"
local process = require "sluice.process"
local sandbox = require "sluice.sandbox"
local tmp = require "support.tmp"

local workshop = {}

local Workshop = {}
Workshop.__index = Workshop

local root = lfs.currentdir()
local SLUICE = root .. "/" .. (os.getenv "SLUICE_BUILD" or "build") .. "/sluice"

local CONFIG = [[
version: 1
serve: { listen: 127.0.0.1:0 }
connections:
  shop: { api: stock2shop, base_url: "%s", queue_url: "%s", username: sandbox, password: sandbox, client_id: 21, channel_id: 47,
    index_lag: 1s, limits: { api: 3000/s, login: 1000/s } }
  feed: { api: productsup_stream, base_url: "%s", token: sandbox-token, limits: { products: 3000/s, batches: 3000/s, other: 3000/s } }
  site: { api: productsup_platform, base_url: "%s", token: "1234:sandbox", limits: { write: 3000/s, process: 3000/s, read: 3000/s, other: 3000/s } }
  depot: { api: veeqo, base_url: "%s", api_key: sandbox-key, index_lag: 1s, limits: { api: 3000/s } }
schedules:
  delta:
    recipe: scripts/delta_feed.lua
    args: { from: shop, to: feed, stream: "124773" }
    cron: |
      TZ=Europe/Berlin
      H 2,6,19,22 * * 2,4,6
]]

local PRODUCT = '{"id":"%s","name":"A thing","title":"A thing","qty":%d,"price":12.5,"active":true}\n'

local ORDER = '{"channel_order_code":"A-1001","line_items":[{"sku":"CD003","qty":1,"price":10}]}\n'

-- What the pages' commands read. A product without an id, and so rejected, is in bad.ndjson alone.
local function write_files(dir)
  local function file(name, text) tmp.write(dir .. "/" .. name, text) end
  local products = PRODUCT:format("a1", 60) .. PRODUCT:format("b2", 2)
  file("products.ndjson", products)
  file("in.ndjson", products)
  file("bad.ndjson", products .. '{"qty":5}\n')
  file("products.csv", "source_product_code,title,source_variant_code,sku,qty,price\nABC,Example,ABC-XXL,ABC-XXL,9,100\n")
  file("orders.ndjson", ORDER)
  file("feed.cron", "30 6 * * *\n")
  file("orders.log", "one order\n")
  file("front.jpg", "\xFF\xD8\xFF\xE0 a picture")
  for _, folder in ipairs { "images", "tests", "bin", "shared" } do assert(lfs.mkdir(dir .. "/" .. folder)) end
  file("images/ABC.jpg", "\xFF\xD8\xFF\xE0 a picture")
  file("tests/feed_spec.lua", 'it("passes", function() assert.is_true(true) end)\n')
end

-- The recipes are copies: `sluice new` writes beside them.
local function bring_repository(dir)
  assert(process.run { argv = { "cp", "-r", root .. "/scripts", dir .. "/scripts" } })
  assert(lfs.link(SLUICE, dir .. "/bin/sluice", true))
end

function workshop.new(options)
  local all = { rate_scale = 1000, products = 60, orders = 5, process_queue = 0, process_time = 0, strict_time = false, veeqo_products = 5 }
  for key, value in pairs(options or {}) do all[key] = value end
  local self = setmetatable({ dir = tmp.dir(), sandbox = sandbox.start(all) }, Workshop)
  tmp.write(self.dir .. "/sluice.yaml", (CONFIG:gsub("%%s", self.sandbox.url)))
  write_files(self.dir)
  bring_repository(self.dir)
  return self
end

function Workshop:write(name, text) return tmp.write(self.dir .. "/" .. name, text) end

function Workshop:stop() self.sandbox:stop() end

-- No proxy answers: what is meant for another machine fails at once.
local function environment(self)
  return { "env", "PATH=" .. self.dir .. "/bin:/usr/local/bin:/usr/bin:/bin", "HOME=" .. self.dir, "XDG_STATE_HOME=" .. self.dir .. "/shared",
    "S2S_USERNAME=sandbox", "S2S_PASSWORD=sandbox", "PRODUCTSUP_TOKEN=sandbox-token", "https_proxy=http://127.0.0.1:1",
    "http_proxy=http://127.0.0.1:1", "no_proxy=127.0.0.1", "SANDBOX=" .. self.sandbox.url, "bash", "-c" }
end

--- A line of shell.
function Workshop:sh(line)
  local argv = environment(self)
  argv[#argv + 1] = "set -o pipefail; " .. line
  return assert(process.run { argv = argv, cwd = self.dir, timeout = 120 })
end

--- Starts a line that goes on until it is stopped, waits until it has said something, and stops it.
function Workshop:start_and_stop(line, said)
  local argv = environment(self)
  argv[#argv + 1] = "exec " .. line
  local child <close> = assert(process.spawn { argv = argv, cwd = self.dir, death_signal = true })
  local all = {}
  for _, text in child.line, child do
    all[#all + 1] = text
    if text:find(said) then break end
  end
  child:signal(15)
  return { status = child:wait().status, stderr = table.concat(all, "\n"), said = table.concat(all, "\n"):find(said) ~= nil }
end

return workshop
