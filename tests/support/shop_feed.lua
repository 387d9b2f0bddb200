-- The main job for the bench: a sandbox in a process of its own (what it costs is not the job's), its rates lifted, and a project
-- beside it. `difference` in support/project.lua tells what a stream should hold; here only figures are wanted.
--
--   local feed = require("support.shop_feed").start { sluice = "build/sluice", dir = "build/bench/feed", products = 50000 }
--   os.execute(feed:command "scripts/delta_feed.lua")      -- to the stream 124773
--   feed:forget()                                          -- the next run begins at the beginning
--   feed:stop()
local http = require "sluice.http"
local json = require "sluice.json"
local process = require "sluice.process"

local shop_feed = {}

---@class ShopFeed
---@field url string of the sandbox
---@field pid integer of the sandbox
local Feed = {}
Feed.__index = Feed

local CONFIG = [[
version: 1
store: sqlite:state.db
shared: shared
connections:
  shop: { api: stock2shop, base_url: "%s", username: sandbox, password: sandbox, limits: { api: "100000/s", login: "1000/s" } }
  feed: { api: productsup_stream, base_url: "%s", token: sandbox-token, limits: { products: "100000/s" } }
]]

-- Until the sandbox says where it is. (waits)
local function url_of(child)
  for _, text in child.line, child do
    local url = text:match "http://127%.0%.0%.1:%d+"
    if url then return url end
  end
  error("the sandbox did not start", 0)
end

---@param o { sluice: string, dir: string, products: integer }
---@return ShopFeed
function shop_feed.start(o)
  assert(os.execute(("mkdir -p %s"):format(o.dir)))
  local child = assert(process.spawn { argv = { o.sluice, "sandbox", "--port", "0", "--products", tostring(o.products), "--rates", "high",
    "--quiet" } })
  local self = setmetatable({ child = child, pid = child.pid, dir = o.dir, sluice = o.sluice, url = url_of(child) }, Feed)
  local file <close> = assert(io.open(o.dir .. "/sluice.yaml", "w"))
  file:write(CONFIG:format(self.url, self.url))
  return self
end

--- The command that runs a recipe as the main job: from the shop to the stream 124773. `more` are further words.
function Feed:command(recipe, more)
  return ("%s run -c %s/sluice.yaml %s from=shop to=feed stream=124773 %s"):format(self.sluice, self.dir, recipe, more or "")
end

--- Forgets what was sent.
function Feed:forget() assert(os.execute(("rm -rf %s/state.db* %s/shared"):format(self.dir, self.dir))) end

--- Takes all products out of the stream, as nobody else does meanwhile.
function Feed:empty()
  local gone = assert(http.delete(self.url .. "/streams/124773/products?all=true", { headers = { authorization = "Bearer sandbox-token" } }))
  assert(gone.status == 202, gone.body)
end

--- The products of the stream by their ids, each as JSON with sorted names: two that are equal in value are equal texts.
---@return table<string, string>
function Feed:products()
  local texts = {}
  for line in assert(http.get(self.url .. "/sandbox/stream/124773")).body:gmatch "[^\n]+" do
    local product = assert(json.decode(line))
    texts[product.id] = json.encode(product, { sort = true })
  end
  return texts
end

--- What the sandbox's process has taken at most until now, in MB.
function Feed:peak()
  local file <close> = assert(io.open(("/proc/%d/status"):format(self.pid)))
  return tonumber(file:read("a"):match "VmHWM:%s*(%d+)") * 1024 / 1e6
end

function Feed:stop()
  self.child:signal(15)
  self.child:wait()
  self.child:close()
end

return shop_feed
